"""A trial that is not done, whatever its status, counts as failed wherever results are shown."""

from pathlib import Path

import pandas as pd
import pytest
from writers import arrays, make

from benchmarks import reference
from benchmarks.comparison import beside
from benchmarks.page.tables import failures
from benchmarks.page.write import summary
from benchmarks.schema import BROKEN
from benchmarks.shelf import Shelf
from benchmarks.show import Show
from benchmarks.store import Store, frame
from benchmarks.tables import class_table, overview
from benchmarks.verdict import judge
from benchmarks.verdict_text import lines

REASONS = {"failed": "too large", "timeout": "no scores after 60 s", "oom": "needs 90 GB"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """One detector that is done; one that broke in each way, each on a class of its own."""
    store = Store(tmp_path)
    for number, normal in enumerate(("trouser", "bag", "coat")):
        store.write(make(f"d{number:011}", normal=normal, exposure=None), arrays())
    for number, (status, reason) in enumerate(REASONS.items()):
        normal = ("trouser", "bag", "coat")[number]
        broke = {"detector": "deep_svdd", "normal": normal, "exposure": None, "metrics": {}}
        store.write(make(f"b{number:011}", status=status, reason=reason, **broke), {})
    return tmp_path


def shown(out: Path) -> pd.DataFrame:
    return frame(Store(out).rows())


def test_tables_say_failed_and_why(out: Path) -> None:
    table = class_table(shown(out), "fmnist", "image_auroc", "fast")
    assert table.marks["deep_svdd"].tolist() == ["failed"] * 4
    assert set(table.marks["hsc"]) == {""}
    notes = [note for note in table.notes if note.startswith("Failed")]
    assert notes == ["Failed, Deep SVDD: 3 trial(s), first trouser: too large."]
    one = class_table(shown(out).iloc[::-1], "fmnist", "image_auroc", "fast")
    assert any("Deep SVDD: 3 trial(s), first coat: oom: needs 90 GB." in n for n in one.notes)
    assert overview(shown(out))["overview"].marks.loc["deep_svdd"].tolist() == ["failed"]


def test_beside_the_papers_stands_why_there_is_no_number(out: Path) -> None:
    both = beside(shown(out))
    ours = both[(both["detector"] == "deep_svdd") & (both["dataset"] == "fmnist")]
    remarks = " ".join(ours["remark"])
    assert "failed: timeout: no scores after 60 s" in remarks
    assert "failed: oom: needs 90 GB" in remarks and "failed: too large" in remarks


def test_the_page_counts_and_lists_them(out: Path) -> None:
    assert summary(shown(out))["failed"] == len(BROKEN)
    told = {one["reason"] for one in failures(shown(out))}
    assert told == {"too large", "timeout: no scores after 60 s", "oom: needs 90 GB"}


def test_figures_are_drawn_of_what_is_done(out: Path) -> None:
    show = Show(Shelf([out]), shown(out))
    ((_, _, part),) = show.parts()
    assert set(part["status"]) == {"done"}
    ((_, _, part),) = show.parts(failed=True)
    assert part["status"].tolist() == ["failed", "oom", "timeout", "done", "done", "done"]


def test_the_gate_is_red_for_each(out: Path) -> None:
    results = reference.read(out)
    assert len(reference.done(results)) == 6  # two metrics of three trials
    baseline = results.copy()
    broke = baseline["status"] != "done"
    baseline.loc[broke, ["status", "metric", "value"]] = ["done", "image_auroc", "0.9"]
    verdict = judge(baseline, results)
    assert verdict.broken and len(verdict.failed) == 3 and not len(verdict.missing)
    assert any("FAILED" in line and "reason: " in line for line in lines(verdict))
