"""Rows on disk: whole or not at all, read back as written, never lost."""

import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import store
from benchmarks.store import Store, frame, newest, slug, write_csv


def make(digest: str = "0123456789ab", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "schema": 1,
        "protocol": 1,
        "digest": digest,
        "stem": f"fmnist-hsc-bag-fast-0-{digest}",
        "detector": "hsc",
        "dataset": "fmnist",
        "normal": "bag",
        "seed": 0,
        "recipe": "fast",
        "exposure": "cifar100",
        "scenario": None,
        "status": "done",
        "reason": None,
        "metrics": {"image_auroc": 0.1 + 0.2, "image_ap": 0.5},
        "seconds": 1.5,
        "pretraining_seconds": None,
        "device": "cpu",
        "versions": {"torch": "2.6"},
        "commit": None,
        "finished": "2026-01-01T00:00:00+00:00",
    }
    return row | changes


def arrays() -> dict[str, np.ndarray]:
    return {"scores": np.linspace(0, 1, 5), "labels": np.array([0, 1, 0, 1, 1], np.int8)}


def test_a_row_and_its_arrays_come_back_as_written(tmp_path: Path) -> None:
    kept, row = Store(tmp_path / "new" / "out"), make()
    kept.write(row, arrays())
    assert kept.rows() == [row]
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
    assert not (tmp_path / "scores" / f"{make('aaaaaaaaaaaa')['stem']}.npz").exists()


def test_no_row_stands_without_its_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.np, "savez", full)
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

    monkeypatch.setattr(store.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        kept.write(make(seconds=2.0), {})
    assert kept.rows()[0]["seconds"] == 1.0


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
    with pytest.raises(ValueError, match="schema is 2, expected 1"):
        kept.write(make(schema=2), arrays())
    (tmp_path / "rows").mkdir()
    path = tmp_path / "rows" / f"{make()['stem']}.json"
    path.write_text(json.dumps(make(schema=2)))
    with pytest.raises(ValueError, match=r"schema 2, this version reads 1; use another output"):
        kept.rows()
    assert path.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": {"image_auroc": float("nan")}}, "not JSON"),
        ({"metrics": {"image_auroc": "high"}}, "without a number: image_auroc"),
        ({"status": "running"}, "status is 'running'"),
        ({"stem": "../outside"}, "plain file name"),
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
    kept.write(row, {"scores": np.array([{}], dtype=object)})
    with pytest.raises(OSError, match="cannot be read"):
        kept.arrays(row)


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


def test_the_newest_row_of_an_identity_wins() -> None:
    old = make("a" * 12, finished="2026-01-01T10:00:00.5+00:00")
    new = make("b" * 12, finished="2026-01-01T09:30:00-02:00")  # 11:30 UTC, though it sorts first
    other = make("c" * 12, exposure=None, finished="2025-01-01T00:00:00Z")
    left = newest(frame([new, old, other]))
    assert set(left["stem"]) == {new["stem"], other["stem"]}


def test_slug_keeps_what_file_names_take() -> None:
    assert slug("t-shirt/top") == "t_shirt_top"
    assert slug("metal_nut.2") == "metal_nut.2"


def test_five_thousand_rows_are_recognised_quickly(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    for i in range(5000):
        row = make(f"{i:012x}", resolved={f"option_{k}": k for k in range(30)})
        (tmp_path / "rows" / f"{row['stem']}.json").write_text(json.dumps(row))
    start = time.process_time()
    assert len(Store(tmp_path).finished()) == 5000
    assert time.process_time() - start < 2
