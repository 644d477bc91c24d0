"""Rows on disk: whole or not at all, read back as written, never lost."""

import hashlib
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from writers import arrays, make

from benchmarks import artefacts, schema, store, whole
from benchmarks.shelf import rows_or_csv
from benchmarks.store import Store, frame, newest, slug, write_csv


def sha(row: dict[str, Any]) -> str:
    return str(row["artefacts"]["scores"]["sha256"])


def test_a_row_and_its_arrays_come_back_as_written(tmp_path: Path) -> None:
    kept, row = Store(tmp_path / "new" / "out"), make()
    stored = kept.write(row, arrays())
    assert kept.rows() == [stored] == [row | {"artefacts": stored["artefacts"]}]
    file = tmp_path / "new/out/scores" / f"{row['stem']}.{sha(stored)[:12]}.npz"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == sha(stored)
    assert stored["artefacts"]["scores"]["bytes"] == file.stat().st_size
    assert kept.scores({"stem": row["stem"]}) == kept.scores(stored) == file
    back = kept.arrays(row)
    assert back.keys() == {"scores", "labels"}
    assert back["scores"].dtype == np.float64 and np.array_equal(back["scores"], arrays()["scores"])
    assert kept.arrays(row, ["labels", "maps"]).keys() == {"labels"}
    assert not list((tmp_path / "new").rglob("*.tmp"))


def test_rows_are_sorted_by_stem_and_only_done_ones_are_finished(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.write(make("bbbbbbbbbbbb"), arrays())
    kept.write(make("aaaaaaaaaaaa", status="failed", metrics={}, reason="out of memory"), {})
    assert [row["digest"][0] for row in kept.rows()] == ["a", "b"]
    assert kept.finished().keys() == {"bbbbbbbbbbbb"}
    assert set(kept.finished()) == {"bbbbbbbbbbbb"}
    assert len(list((tmp_path / "scores").iterdir())) == 1


def test_no_row_stands_without_its_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole.os, "fsync", full)
    with pytest.raises(OSError, match=r"output folder .* is not writable: No space left") as caught:
        Store(tmp_path).write(make(), arrays())
    assert "\n" not in str(caught.value)
    assert Store(tmp_path).rows() == [] and not list(tmp_path.rglob("*.tmp"))


def test_a_write_cut_short_leaves_the_earlier_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Store(tmp_path)
    kept.write(make(seconds=1.0), arrays())

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(whole.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        kept.write(make(seconds=2.0), {})
    assert kept.rows()[0]["seconds"] == 1.0


def test_file_and_folder_are_synced_before_and_after_the_name_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        target = Path(f"/proc/self/fd/{fd}").readlink()
        seen.append((target.suffix or target.name, (tmp_path / "new/a.json").exists()))
        real(fd)

    monkeypatch.setattr(whole.os, "fsync", fsync)
    whole.replace(tmp_path / "new" / "a.json", lambda file: file.write(b"{}"))
    assert seen == [(".tmp", False), ("new", True), (tmp_path.name, True)]


@pytest.mark.parametrize(
    "text", ["", '{"schema": 1, "metr', "[1, 2]", "\x00\x01", '{"schema": 1}', '{"a": "foreign"}']
)
def test_a_torn_or_foreign_file_is_set_aside(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Store(tmp_path)
    kept.write(make(), arrays())
    (tmp_path / "rows" / "torn.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        assert [row["digest"] for row in kept.rows()] == [make()["digest"]]
    assert "torn.json" in caplog.text
    assert (tmp_path / "quarantine" / "torn.json").read_text() == text
    assert not (tmp_path / "rows" / "torn.json").exists()


def test_a_copied_row_under_another_name_is_set_aside(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.write(make(), arrays())
    (tmp_path / "rows" / "copy.json").write_text(json.dumps(make()))
    assert len(kept.rows()) == 1
    assert (tmp_path / "quarantine" / "copy.json").exists()


def test_a_row_of_another_schema_is_refused(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    told = r"schema 3, this version reads 1 to 2; use another output"
    with pytest.raises(ValueError, match=told):
        kept.write(make(schema=3), arrays())
    (tmp_path / "rows").mkdir()
    path = tmp_path / "rows" / f"{make()['stem']}.json"
    path.write_text(json.dumps(make(schema=3)))
    for ask in (kept.rows, kept.finished, kept.statuses, lambda: kept.row(make()["stem"])):
        with pytest.raises(ValueError, match=told) as caught:
            ask()
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert path.exists()


def older(out: Path, **changes: Any) -> dict[str, Any]:
    """A row and its scores as schema 1 had them, in ``out``."""
    row = make(**changes) | {"schema": 1}
    for folder in ("rows", "scores"):
        (out / folder).mkdir(exist_ok=True, parents=True)
    (out / "rows" / f"{row['stem']}.json").write_text(json.dumps(row))
    np.savez(out / "scores" / f"{row['stem']}.npz", **arrays())
    return row


def test_a_row_of_the_first_schema_is_read_with_its_scores(tmp_path: Path) -> None:
    kept, row = Store(tmp_path), older(tmp_path)
    assert kept.rows() == [row | {"schema": 2, "artefacts": None}]
    assert kept.statuses() == {row["digest"]: "done"} and kept.finished().keys() == {row["digest"]}
    assert np.array_equal(kept.arrays({"stem": row["stem"]})["scores"], arrays()["scores"])
    assert kept.holds(row) and kept.holds(kept.rows()[0])
    again = kept.write(row | {"seconds": 2.0}, arrays())  # it is stored in this schema
    assert again["schema"] == 2 and kept.row(row["stem"]) == again


def test_one_row_is_read_by_its_stem(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    assert kept.row(make()["stem"]) is None
    stored = kept.write(make(), arrays())
    assert kept.row(make()["stem"]) == stored
    (tmp_path / "rows" / f"{make()['stem']}.json").write_text("{")
    assert kept.row(make()["stem"]) is None and list((tmp_path / "quarantine").iterdir())


def test_every_status_is_a_row_and_only_done_is_finished(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    for status in schema.STATUSES:
        kept.write(make(f"{status:_<12}", status=status), {})
    assert kept.statuses() == {f"{status:_<12}": status for status in schema.STATUSES}
    assert kept.finished().keys() == {"done________"}


def test_the_index_is_not_trusted_over_the_rows(tmp_path: Path) -> None:
    kept, path = Store(tmp_path), tmp_path / "rows" / f"{make()['stem']}.json"
    digest = make()["digest"]
    kept.write(make(status="failed"), {})
    assert kept.statuses() == {digest: "failed"}
    kept.write(make(), {})
    assert kept.statuses() == {digest: "done"} == kept.statuses()
    for text in ("", "[]", '{"schema": 2}', '{"schema": 2, "rows": {"a.json": 1}}'):
        (tmp_path / ".index.json").write_text(text)
        assert kept.statuses() == {digest: "done"}
    path.write_bytes(path.read_bytes()[:-9])  # torn since it was indexed
    assert kept.statuses() == {} and not path.exists()


def test_torn_scores_are_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = Store(tmp_path)
    row = kept.write(make(), arrays())
    path = kept.scores(row)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(OSError, match=r"scores .* cannot be read \(200 bytes, not \d+\)") as caught:
        kept.arrays(row)
    assert "\n" not in str(caught.value) and path.name in caplog.text
    assert not path.exists() and (tmp_path / "quarantine" / path.name).stat().st_size == 200


def test_damage_of_any_kind_is_told_when_scores_are_read(tmp_path: Path) -> None:
    kept, rng = Store(tmp_path), np.random.default_rng(0)
    row = kept.write(make(), arrays())
    path = kept.scores(row)
    data, found = path.read_bytes(), 0
    for place in rng.integers(0, len(data), 300):
        broken = bytearray(data)
        broken[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        try:  # all of its bytes are not read, so some flips do no harm
            back = kept.arrays(row)
        except OSError as error:
            found += 1
            assert "\n" not in str(error)
            continue
        assert np.array_equal(back["scores"], arrays()["scores"])
        assert artefacts.fault(path, row["artefacts"])  # but verifying finds every one
    assert found > 30


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": {"image_auroc": float("nan")}}, "not JSON"),
        ({"metrics": {"image_auroc": "high"}}, "without a number: image_auroc"),
        ({"status": "running"}, "status is 'running'"),
        ({"stem": "../outside"}, "plain file name"),
        ({"finished": "yesterday"}, "no time in ISO 8601"),
        ({"seconds": np.float32(1)}, "not JSON"),
    ],
)
def test_a_wrong_row_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Store(tmp_path).write(make(**changes), arrays())
    assert not list(tmp_path.rglob("*"))


def test_an_unwritable_folder_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"output folder .*file is not writable: "):
        Store(tmp_path / "file").write(make(), arrays())


def test_missing_and_pickled_scores_are_told_in_one_line(tmp_path: Path) -> None:
    kept, row = Store(tmp_path), make()
    with pytest.raises(OSError, match="cannot be read"):
        kept.arrays(row)
    pickled = {"scores": np.array([{}], dtype=object)}
    with pytest.raises(ValueError, match="arrays of Python objects: scores"):
        kept.write(row, pickled)
    older(tmp_path)
    np.savez(tmp_path / "scores" / f"{row['stem']}.npz", **pickled)
    with pytest.raises(OSError, match="cannot be read"):
        kept.arrays({"stem": row["stem"]})


def test_frame_is_long_and_keeps_failures(tmp_path: Path) -> None:
    failed = make("f" * 12, status="failed", metrics={}, reason="too large", seed=1)
    table = frame([make(), failed])
    assert list(table.columns) == store.COLUMNS
    assert table["metric"].tolist()[:2] == ["image_auroc", "image_ap"]
    assert table["value"].iloc[0] == 0.1 + 0.2
    assert pd.isna(table["metric"].iloc[2]) and pd.isna(table["value"].iloc[2])
    assert table["reason"].iloc[2] == "too large" and table["version"].iloc[0] == "torch=2.6"
    write_csv(table, tmp_path / "a" / "results.csv")
    assert pd.read_csv(tmp_path / "a" / "results.csv")["value"].iloc[0] == 0.1 + 0.2
    assert frame([]).empty and newest(frame([])).empty


def test_a_frame_holds_the_recipes_deviations_and_older_tables_go_without(tmp_path: Path) -> None:
    stated = [
        make("a" * 12, resolved={"deviations": ["in bfloat16", "other filters"]}),
        make("b" * 12, resolved={"deviations": []}, seed=1),
        make("c" * 12, seed=2),
    ]
    table = frame(stated).drop_duplicates("stem")
    assert table["deviations"].tolist()[:2] == ["in bfloat16 | other filters", "none"]
    assert table["deviations"].isna().tolist() == [False, False, True]
    write_csv(table, tmp_path / "results.csv")
    assert rows_or_csv(tmp_path)["deviations"].tolist()[:2] == table["deviations"].tolist()[:2]
    write_csv(table.drop(columns="deviations"), tmp_path / "results.csv")
    assert rows_or_csv(tmp_path)["deviations"].isna().all()


def test_the_newest_row_of_an_identity_wins() -> None:
    old = make("a" * 12, finished="2026-01-01T10:00:00.5+00:00")
    new = make("b" * 12, finished="2026-01-01T09:30:00-02:00")  # 11:30 UTC, though it sorts first
    other = make("c" * 12, exposure=None, finished="2025-01-01T00:00:00Z")
    left = newest(frame([new, old, other]))
    assert set(left["stem"]) == {new["stem"], other["stem"]}
    again = new | {"finished": "2026-01-01T12:00:00Z", "metrics": {"image_auroc": 0.7}}
    assert newest(frame([new, again, new]))["value"].tolist() == [0.7]  # one trial in two folders


def test_slug_keeps_what_file_names_take() -> None:
    assert slug("t-shirt/top") == "t_shirt_top"
    assert slug("metal_nut.2") == "metal_nut.2"


def test_five_thousand_rows_are_recognised_quickly(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    resolved = {f"option_{k}": {"Of": {"value": k / 7}} for k in range(60)}
    text = json.dumps(make("DIGEST", resolved=resolved), indent=1)
    assert 4000 < len(text) < 7000  # rows of `quick` are shorter, those of `paper` about so long
    for i in range(5000):
        path = tmp_path / "rows" / f"{make(f'{i:012x}')['stem']}.json"
        path.write_text(text.replace("DIGEST", f"{i:012x}"))
    for ask, limit in (("finished", 2), ("statuses", 2), ("statuses", 0.5)):
        start = time.process_time()
        assert len(getattr(Store(tmp_path), ask)()) == 5000
        assert time.process_time() - start < limit, ask
