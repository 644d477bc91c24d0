"""What may happen to a folder of rows does happen here: processes are killed while they write,
disks are full or read-only, files are torn, clocks go back, two write at once."""

import json
import logging
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from writers import (
    arrays,
    claim_one,
    hold,
    kill,
    make,
    marked,
    run_all,
    start,
    wait_for,
    write_forever,
    write_slowly,
)

from benchmarks import whole
from benchmarks.store import Store, frame, newest
from benchmarks.store_tidy import remove, waste
from benchmarks.store_verify import verify


def consistent(store: Store) -> int:
    """How many rows there are, all with the arrays that were written with them."""
    rows = store.rows()
    for row in rows:
        assert set(store.arrays(row)["scores"]) == {row["seconds"]}
    return len(rows)


def tidy(store: Store) -> dict[str, int]:
    return {kind: remove(store, files)[0] for kind, files in waste(store)}


def test_a_folder_is_whole_whenever_its_writers_are_killed(tmp_path: Path) -> None:
    store, chance = Store(tmp_path / "out"), random.Random(0)
    for round_ in range(10):
        writers = [start(write_forever, store.out, 1000 * round_ + 500 * k) for k in range(2)]
        wait_for(lambda: (store.out / "rows").is_dir() and list((store.out / "rows").iterdir()))
        time.sleep(chance.uniform(0, 0.2))
        for writer in writers:
            kill(writer)
        assert not verify(store).wrong
        assert consistent(store)
    assert not (store.out / "quarantine").exists()
    tidy(store)
    left = list(store.out.rglob(".*.tmp"))  # an empty one may be of a writer about to lock it
    assert not [path for path in left if path.stat().st_size]
    assert not verify(store).wrong


def test_what_is_read_belongs_together_while_others_write(tmp_path: Path) -> None:
    store = Store(tmp_path)
    writers = [start(write_forever, tmp_path, 1000 * k, 1) for k in range(2)]
    try:
        wait_for(lambda: store.rows())
        end, seen = time.monotonic() + 1, set()
        while time.monotonic() < end:
            (row,) = store.rows()
            assert set(store.arrays(row)["scores"]) == {row["seconds"]}
            seen.add(row["seconds"])
        assert len(seen) > 1
    finally:
        for writer in writers:
            kill(writer)


def test_two_runs_do_each_trial_once(tmp_path: Path) -> None:
    orders = [random.Random(k).sample(range(60), 60) for k in range(3)]
    log = tmp_path / "log"
    runs = [start(run_all, tmp_path / "out", order, log) for order in orders]
    for run in runs:
        run.join(60)
        assert run.exitcode == 0
    assert sorted(map(int, log.read_text().split())) == list(range(60))
    store = Store(tmp_path / "out")
    assert consistent(store) == 60 and not verify(store).wrong
    assert not list((store.out / "claims").iterdir())


def test_a_claim_is_exclusive_though_its_file_comes_and_goes(tmp_path: Path) -> None:
    runs = [start(claim_one, tmp_path / "out", tmp_path / "inside", 1.5) for _ in range(4)]
    for run in runs:
        run.join(60)
        assert run.exitcode == 0


def test_a_killed_process_frees_what_it_held(tmp_path: Path) -> None:
    store, there = Store(tmp_path / "out"), tmp_path / "there"
    holder = start(hold, store.out, "one", there)
    wait_for(there.exists)
    with store.claim("one") as mine, store.claim("another") as other:
        assert not mine and other
    assert tidy(store)["claims of killed processes"] == 0
    kill(holder)
    with store.claim("one") as mine:
        assert mine
        with store.claim("one") as again:  # nor does this process get it twice
            assert not again
    assert not list((store.out / "claims").iterdir())


def test_a_claim_left_by_a_killed_process_is_tidied(tmp_path: Path) -> None:
    store, there = Store(tmp_path / "out"), tmp_path / "there"
    holder = start(hold, store.out, "one", there)
    wait_for(there.exists)
    kill(holder)
    assert [path.name for path in (store.out / "claims").iterdir()] == ["one.lock"]
    assert tidy(store)["claims of killed processes"] == 1
    assert not list((store.out / "claims").iterdir())


def test_a_temporary_file_is_abandoned_once_its_writer_is_dead(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(make(), arrays())
    writer = start(write_slowly, tmp_path / "rows" / "a.json")
    wait_for(lambda: [p for p in whole.temporaries(tmp_path) if p.stat().st_size])
    assert len(store.rows()) == 1 and not verify(store).wrong
    assert tidy(store)["temporary files of killed writers"] == 0
    kill(writer)
    assert "1 temporary files" in " ".join(verify(store).notes)
    assert tidy(store)["temporary files of killed writers"] == 1
    assert len(store.rows()) == 1 and not list(tmp_path.rglob("*.tmp"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    line = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def test_a_full_disk_costs_the_trial_that_did_not_fit(disk: Path) -> None:
    store, kept = Store(disk / "out"), 0
    told = r"output folder .* is not writable: No space left on device"
    with pytest.raises(OSError, match=told) as caught:
        for kept in range(100):
            store.write(*marked(kept, f"{kept:012x}", 5000))
    assert "\n" not in str(caught.value)
    assert 0 < kept < 20 and consistent(store) == kept
    assert not verify(store).wrong and not list(disk.rglob("*.tmp"))
    with pytest.raises(OSError, match=told):  # over a row that is there: it stays
        store.write(*marked(99, f"{0:012x}", 50_000))
    assert consistent(store) == kept
    assert len(store.statuses()) == kept
    remount(disk, "size=4m")
    store.write(*marked(kept, f"{kept:012x}", 5000))
    assert consistent(store) == kept + 1 and not verify(store).wrong


def test_a_read_only_folder_is_read_and_says_that_it_cannot_be_written(
    disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(disk / "out")
    row = store.write(make(), arrays())
    (store.out / "rows" / "torn.json").write_text("{")
    remount(disk, "ro")
    for ask in (lambda: store.write(make(), arrays()), lambda: store.claim("a").__enter__()):
        with pytest.raises(OSError, match="Read-only file system") as caught:
            ask()
        assert "\n" not in str(caught.value)
    with caplog.at_level(logging.WARNING):
        assert store.rows() == [row] and store.statuses() == {row["digest"]: "done"}
    assert "not moved: Read-only file system" in caplog.text
    assert store.arrays(row)["labels"].tolist() == [0, 1, 0, 1, 1]
    assert [wrong.path.name for wrong in verify(store).wrong] == ["torn.json"]


def test_a_row_cut_anywhere_is_run_again_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second = (store.write(make(digest), arrays()) for digest in ("a" * 12, "b" * 12))
    path = tmp_path / "rows" / f"{second['stem']}.json"
    data = path.read_bytes()
    for end in range(0, len(data) - 1, 37):
        assert store.statuses().keys() == {first["digest"], second["digest"]}
        path.write_bytes(data[:end])
        assert store.statuses().keys() == {first["digest"]} and store.rows() == [first]
        assert (tmp_path / "quarantine" / path.name).stat().st_size == end
        path.write_bytes(data)


def test_torn_scores_are_run_again_once_they_are_found(tmp_path: Path) -> None:
    from benchmarks.store_verify import set_aside

    store = Store(tmp_path)
    rows = [store.write(make(digest * 12), arrays()) for digest in "abc"]
    torn, gone = store.scores(rows[0]), store.scores(rows[1])
    torn.write_bytes(torn.read_bytes()[:-100])
    gone.unlink()
    found = verify(store)
    assert [wrong.path for wrong in found.wrong] == [torn, gone]
    assert [wrong.fault for wrong in found.wrong] == [
        "its SHA-256 is not the row's", "cannot be read (No such file or directory)",
    ]  # fmt: skip
    assert len(store.statuses()) == 3  # nothing is moved by looking
    set_aside(store, found)
    assert store.statuses() == {"c" * 12: "done"} and not verify(store).wrong
    assert torn.name in {path.name for path in (tmp_path / "quarantine").iterdir()}


def test_a_clock_that_went_back_neither_loses_nor_repeats_a_trial(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ahead = store.write(make("a" * 12, finished="2099-01-01T00:00:00+00:00"), arrays())
    for path in tmp_path.rglob("*.*"):
        os.utime(path, (4e9, 4e9))  # in 2096
    later = store.write(make("b" * 12, finished="2026-01-01T00:00:00+00:00"), arrays())
    assert store.statuses() == {"a" * 12: "done", "b" * 12: "done"} == store.statuses()
    assert store.finished().keys() == {"a" * 12, "b" * 12}
    kept = newest(frame(store.rows()))  # of two recipes of one trial the times decide, as ever
    assert set(kept["stem"]) == {ahead["stem"]}
    again = store.write(ahead | {"finished": later["finished"], "seconds": 9.0}, arrays())
    assert store.row(ahead["stem"]) == again and len(store.statuses()) == 2
    assert sum(tidy(store).values()) == 0 and not verify(store).wrong
    orphan = tmp_path / "scores" / "c-0.0123456789ab.npz"
    np.savez(orphan, **arrays())
    os.utime(orphan, (4e9, 4e9))
    assert tidy(store)["scores that no row names"] == 1


@pytest.mark.parametrize(("schema", "known"), [(0, False), (1, True), (2, True), (3, False)])
def test_rows_of_every_schema_are_read_or_refused(tmp_path: Path, schema: int, known: bool) -> None:
    row: dict[str, Any] = make() | {"schema": schema}
    (tmp_path / "rows").mkdir()
    path = tmp_path / "rows" / f"{row['stem']}.json"
    path.write_text(json.dumps(row))
    if known:
        assert Store(tmp_path).statuses() == {row["digest"]: "done"}
        return
    with pytest.raises(ValueError, match=rf"schema {schema}, this version reads 1 to 2"):
        Store(tmp_path).statuses()
    with pytest.raises(ValueError, match=f"schema {schema}"):  # whose scores would seem nobody's
        list(waste(Store(tmp_path)))
    assert path.exists() and len(verify(Store(tmp_path)).wrong) == 1
