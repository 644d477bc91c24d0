"""``python -m benchmarks.store``: what is wrong, several folders as one, and what can go."""

import json
import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from writers import arrays, hold, kill, make, start, wait_for

from benchmarks.store import Store
from benchmarks.store_main import main
from benchmarks.store_merge import merge
from benchmarks.trial import Planned, Trial

ROOT = Path(__file__).parent.parent
NOON, LATER = "2026-01-01T12:00:00+00:00", "2026-01-01T12:00:00-02:00"  # which is 14:00 UTC


def older(out: Path, **changes: object) -> dict[str, object]:
    """A row and its scores as schema 1 had them, in ``out``."""
    row = make(**changes) | {"schema": 1}  # type: ignore[arg-type]
    for folder in ("rows", "scores"):
        (out / folder).mkdir(exist_ok=True, parents=True)
    (out / "rows" / f"{row['stem']}.json").write_text(json.dumps(row))
    np.savez(out / "scores" / f"{row['stem']}.npz", **arrays())
    return row


def files(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


def aged(path: Path, seconds: float = 3600) -> Path:
    path.touch()
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_a_whole_folder_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    store.write(make("a" * 12), arrays())
    store.write(make("b" * 12, status="timeout", metrics={}, reason="after 60 s"), {})
    older(tmp_path, digest="c" * 12, protocol=2)
    before = files(tmp_path)
    assert main(["verify", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "3 rows (2 done, 1 timeout)" in told and "2 files of scores are whole" in told
    assert "protocols 1, 2 are mixed" in told and "1 files of scores were stored before" in told
    assert told.endswith("nothing wrong\n") and files(tmp_path) == before


def test_what_is_wrong_is_named_and_can_be_set_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    whole, flipped = (store.write(make(digest * 12), arrays()) for digest in "ab")
    path = store.scores(flipped)
    path.write_bytes(path.read_bytes().replace(b"scores", b"sc0res"))
    old = older(tmp_path, digest="c" * 12)
    cut = tmp_path / "scores" / f"{old['stem']}.npz"
    cut.write_bytes(cut.read_bytes()[:300])
    torn = tmp_path / "rows" / "torn.json"
    torn.write_text("{")
    new = tmp_path / "rows" / f"{make('d' * 12)['stem']}.json"
    new.write_text(json.dumps(make("d" * 12) | {"schema": 9}))
    assert main(["verify", str(tmp_path)]) == 2
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WRONG")]
    assert len(wrong) == 4 and all(
        any(str(path) in line for line in wrong) for path in (path, cut, torn, new)
    )
    assert "schema 9, this version reads 1 to 2" in " ".join(wrong)
    new.unlink()
    assert main(["verify", str(tmp_path), "--set-aside"]) == 2
    assert store.statuses() == {whole["digest"]: "done"}
    assert main(["verify", str(tmp_path)]) == 0
    assert "5 files in" in capsys.readouterr().out


def test_merging_keeps_the_best_of_each_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, one, two = (Store(tmp_path / name) for name in ("out", "one", "two"))
    broke = {"status": "oom", "metrics": {}, "reason": "did not fit"}
    out.write(make("a" * 12, finished=LATER, seconds=1.0), arrays())
    one.write(make("a" * 12, finished=NOON, seconds=2.0), arrays())  # older
    out.write(make("b" * 12, finished=NOON, seconds=1.0), arrays())
    two.write(make("b" * 12, finished=LATER, seconds=2.0), {"scores": np.ones(3)})  # newer
    out.write(make("c" * 12, finished=NOON), arrays())
    one.write(make("c" * 12, finished=LATER, **broke), {})  # broke later: what is done stays
    two.write(make("d" * 12, finished="2099-01-01T00:00:00+00:00", **broke), {})
    one.write(make("d" * 12, finished=NOON), arrays())  # broke on a clock that ran ahead
    old = older(one.out, digest="e" * 12)
    for store, runs in ((out, "AB"), (one, "BC"), (two, "C")):
        (store.out / "runs.jsonl").write_text("".join(f'{{"command": "{c}"}}\n' for c in runs))
    (out.out / "runs.jsonl").open("a").write('{"torn')
    command = ["merge", *(str(store.out) for store in (out, two, one))]
    assert main(command) == 0
    assert "2 new, 2 newer, 2 there already" in (
        told := capsys.readouterr().out.replace("rows ", "")
    )
    assert "1 runs added" in told
    rows = {row["digest"][0]: row for row in out.rows()}
    assert [rows[k]["seconds"] for k in "abcde"] == [1, 2, 1.5, 1.5, 1.5]
    assert {row["status"] for row in rows.values()} == {"done"}
    assert out.arrays(rows["b"])["scores"].tolist() == [1, 1, 1]
    assert rows["e"]["schema"] == 2 and rows["e"]["artefacts"] and out.arrays(rows["e"])
    lines = (out.out / "runs.jsonl").read_text().splitlines()
    assert lines == [*(f'{{"command": "{c}"}}' for c in "AB"), '{"torn', '{"command": "C"}']
    assert main(["verify", str(out.out)]) == 0 and old
    before = files(out.out)
    assert main(command) == 0 and files(out.out) == before  # again: nothing changes
    fresh = Store(tmp_path / "fresh")
    assert main(["merge", str(fresh.out), str(out.out)]) == 0 and fresh.rows() == out.rows()


def test_what_a_run_does_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial is done between the moment its row is looked for and that in which one is brought."""
    out, source = Store(tmp_path / "out"), Store(tmp_path / "source")
    broke = {"status": "failed", "metrics": {}, "reason": "broke"}
    out.write(make(finished=NOON, **broke), {})
    source.write(make(finished=LATER, **broke), {})
    claim = out.claim

    def late(stem: str) -> AbstractContextManager[bool]:
        out.write(make(finished=NOON), arrays())
        return claim(stem)

    monkeypatch.setattr(out, "claim", late)
    assert merge(out, [source]).counts == {"there already": 1}
    assert [row["status"] for row in out.rows()] == ["done"]


def test_what_cannot_be_merged_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, source = Store(tmp_path / "out"), Store(tmp_path / "source")
    torn, held, fine = (source.write(make(digest * 12), arrays()) for digest in "abc")
    path = source.scores(torn)
    path.write_bytes(path.read_bytes()[:-7])
    holder = start(hold, out.out, held["stem"], tmp_path / "there")
    wait_for((tmp_path / "there").exists)
    command = ["merge", str(out.out), str(source.out)]
    assert main(command) == 2
    told = capsys.readouterr().out
    assert f"LEFT OUT: {path}: its SHA-256" in told and "a run is at this trial" in told
    assert out.rows() == [fine]
    kill(holder)
    assert main(command) == 2 and [row["stem"] for row in out.rows()] == [
        held["stem"],
        fine["stem"],
    ]
    assert path.exists()  # a source stays as it is


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, source, new = tmp_path / "out", tmp_path / "source", tmp_path / "new" / "rows"
    Store(source).write(make(), arrays())
    new.mkdir(parents=True)
    (new / "a.json").write_text(json.dumps(make() | {"schema": 3}))
    (tmp_path / "file").touch()
    for command, told in (
        (["verify", out], "no folder rows in it"),
        (["gc", out], "no folder rows in it"),
        (["merge", out, out], "no folder rows in it"),
        (["merge", source, source], "is both OUT and SRC"),
        (["merge", out, source, new.parent], "schema 3, this version reads 1 to 2"),
        (["gc", new.parent], "schema 3, this version reads 1 to 2"),
        (["merge", tmp_path / "file", source], "lock"),
    ):
        assert main([str(part) for part in command]) == 4, command
        error = capsys.readouterr().err
        assert told in error and error.count("\n") == 1, error
    assert not out.exists()
    assert main([]) == 4 and main(["verify"]) == 4 and main(["--help"]) == 0


def test_what_killed_processes_left_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    row = store.write(make(), arrays())
    running = store.write(make("b" * 12), arrays())
    scores = tmp_path / "scores"
    gone = [aged(scores / name) for name in ("a-0.0123456789ab.npz", "b-0.npz")]
    young = aged(scores / "c-0.0123456789ab.npz", 0)
    taken = aged(scores / f"{running['stem']}.npz")
    gone += [tmp_path / "rows" / ".0123456789abcdef.tmp", scores / f".{row['stem']}.npz.4711.tmp"]
    for path in gone[2:4]:
        path.write_text("half")
    foreign = tmp_path / "scores" / ".mine.tmp"
    foreign.write_text("not ours")
    (tmp_path / "state").mkdir()
    silent = aged(tmp_path / "state" / "run-1.json", 8 * 86400)
    heard = aged(tmp_path / "state" / "run-2.json", 6 * 86400)
    gone.append(silent)
    names = row["stem"], running["stem"], "c-0"
    points = [tmp_path / "checkpoints" / name / "HSC.safetensors" for name in names]
    for path, days in zip([*points, points[2].with_suffix(".draft")], (0, 0, 6, 8), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        aged(path, days * 86400)
    gone += [points[0], points[2].with_suffix(".draft")]
    gone.append(tmp_path / "claims" / "dead.lock")
    gone[-1].parent.mkdir()
    gone[-1].touch()
    with store.claim(running["stem"]):
        before = files(tmp_path)
        assert main(["gc", str(tmp_path), "--dry-run"]) == 0 and files(tmp_path) == before
        told = capsys.readouterr().out
        assert all(str(path) in told for path in gone) and "no row names: 3 would go" in told
        assert main(["gc", str(tmp_path)]) == 0
        assert "no row names: 2 removed" in capsys.readouterr().out
        assert taken.exists() and points[1].exists()  # a run is at this trial
        assert points[2].exists() and not points[0].parent.exists()
    assert (
        not any(path.exists() for path in gone)
        and heard.exists()
        and young.exists()
        and foreign.exists()
    )
    assert main(["gc", str(tmp_path)]) == 0 and not taken.exists()
    assert len(store.rows()) == 2 and main(["verify", str(tmp_path)]) == 0


def test_superseded_rows_go_only_when_asked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = store.write(make("a" * 12, finished=NOON), arrays())
    store.write(make("b" * 12, finished=LATER), {"scores": np.ones(2)})
    done = store.write(make("c" * 12, seed=1, finished=NOON), arrays())
    store.write(make("d" * 12, seed=1, finished=LATER, status="failed", metrics={}), {})
    assert main(["gc", str(tmp_path)]) == 0 and len(store.rows()) == 4
    assert main(["gc", str(tmp_path), "--superseded", "--dry-run"]) == 0 and len(store.rows()) == 4
    assert main(["gc", str(tmp_path), "--superseded"]) == 0
    assert [row["digest"][0] for row in store.rows()] == ["b", "c", "d"]
    assert not store.scores(old).exists() and store.scores(done).exists()


def test_rows_of_failed_trials_go_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    store.write(make("a" * 12), arrays())
    for digest, status in (("b" * 12, "failed"), ("c" * 12, "timeout"), ("d" * 12, "oom")):
        store.write(make(digest, status=status, metrics={}), {})
    assert main(["gc", str(tmp_path)]) == 0 and len(store.rows()) == 4
    assert main(["gc", str(tmp_path), "--failed", "--dry-run"]) == 0 and len(store.rows()) == 4
    assert "rows of failed trials: 3 would go" in capsys.readouterr().out
    assert main(["gc", str(tmp_path), "--failed"]) == 0
    assert "rows of failed trials: 3 removed" in capsys.readouterr().out
    assert [row["digest"][0] for row in store.rows()] == ["a"]


def test_a_failed_row_that_a_run_takes_up_again_stays(tmp_path: Path) -> None:
    from benchmarks.store_tidy import remove, waste

    store, began = Store(tmp_path), time.time()
    store.write(make(status="failed", metrics={}), {})
    found = [path for _, files in waste(store, failed=True) for path in files]
    assert [path.name for path in found] == [f"{make()['stem']}.json"]
    row = store.write(make(), arrays())
    os.utime(found[0], (began + 1, began + 1))
    assert remove(store, found, began) == (0, 0) and store.rows() == [row]


def test_scores_that_a_run_takes_up_again_stay(tmp_path: Path) -> None:
    """On a CPU a trial gives the same bytes again, under the name of those a killed run left."""
    from benchmarks.store_tidy import remove, waste

    store = Store(tmp_path)
    row = store.write(make(), arrays())
    aged(store.scores(row))
    (tmp_path / "rows" / f"{row['stem']}.json").unlink()
    found = [path for _, files in waste(store) for path in files]
    assert found == [store.scores(row)]
    store.write(make(), arrays())
    assert remove(store, found) == (0, 0) and store.arrays(row)


def test_digests_are_those_of_the_first_schema() -> None:
    """What was finished before schema 2 is recognised."""
    trial = Trial("hsc", "fmnist", "bag", 0, "fast")
    planned = Planned(trial, {"detector": "HSC", "parameters": {}}, {"fmnist": "0"})
    assert planned.digest == "b5e38e51bb0f"


def test_the_command_is_quick_and_needs_neither_torch_nor_pandas(tmp_path: Path) -> None:
    Store(tmp_path).write(make(), arrays())
    code = (
        "import sys; from benchmarks.store_main import main; code = main(sys.argv[1:]); "
        "sys.exit(code or 10 * ('torch' in sys.modules) or 11 * ('pandas' in sys.modules))"
    )
    for command in (["verify", tmp_path], ["merge", tmp_path / "out", tmp_path], ["gc", tmp_path]):
        line = [sys.executable, "-c", code, *map(str, command)]
        assert subprocess.run(line, cwd=ROOT, timeout=60).returncode == 0, command
    line = [sys.executable, "-m", "benchmarks.store", "verify", str(tmp_path)]
    done = subprocess.run(line, cwd=ROOT, timeout=60, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("nothing wrong\n")
