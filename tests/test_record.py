"""The record of runs, and that the README shows what the committed rows say."""

import json
from pathlib import Path

import pytest

from benchmarks.record import BEGIN, END, append, insert, page, runs
from benchmarks.shelf import Shelf, rows_or_csv

ROOT = Path(__file__).parent.parent
COMMITTED = ROOT / "results" / "fmnist"
SHOWN = [
    ROOT / "results" / name
    for name in ("fmnist", "fmnist-paper", "cifar10", "cifar10-paper", "mvtec")
]
FOLDERS = sorted(path.parent for path in (ROOT / "results").glob("*/runs.jsonl"))
RUN = {
    "command": "python -m benchmarks.run --suite quick",
    "started": "2026-01-02T03:04:05+00:00",
    "trials": 7,
    "seconds": 12.4,
    "jobs": 2,
    "device": "cpu",
    "commit": "abc",
    "versions": {"torch": "2.0"},
    "host": {"processor": "P", "cores": 2, "system": "S"},
}


def test_runs_are_appended_and_a_torn_line_is_passed_over(tmp_path):
    append(tmp_path, RUN)
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"command": "torn')
    append(tmp_path, RUN | {"trials": 8})
    assert [run["trials"] for run in runs(tmp_path)] == [7, 8]


def test_the_page_says_how_rows_came_about(tmp_path):
    append(tmp_path, RUN)
    text = page(tmp_path, rows_or_csv(COMMITTED))
    assert "`python -m benchmarks.run --suite quick`" in text and "7 trials in 12 s" in text
    assert "commit abc" in text and "2026-01-02 03:04 UTC" in text and "FCDD" in text


def test_insert_wants_its_marks(tmp_path):
    target = tmp_path / "README.md"
    target.write_text("nothing here")
    with pytest.raises(ValueError, match="no line"):
        insert(target, rows_or_csv(COMMITTED))


def test_the_readme_shows_the_committed_rows(tmp_path):
    committed = (ROOT / "README.md").read_text()
    copy = tmp_path / "README.md"
    head, tail = committed.split(BEGIN)[0], committed.split(END)[1]
    copy.write_text(f"{head}{BEGIN}stale{END}{tail}")
    insert(copy, Shelf(SHOWN).frame())
    names = " ".join(f"results/{folder.name}" for folder in SHOWN)
    assert copy.read_text() == committed, (
        f"run: python -m benchmarks.report {names} --into README.md"
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_committed_rows_are_done_and_named(folder):
    frame = rows_or_csv(folder)
    assert (frame["status"] == "done").all() and frame["commit"].notna().all()
    assert not frame["commit"].str.endswith("+").any(), "results must come from a committed state"
    assert [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
