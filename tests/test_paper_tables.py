"""The papers' tables: every published number once, ours beside it or the reason why not."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import published
from benchmarks.comparison import ELSEWHERE, beside
from benchmarks.layouts import LAYOUTS
from benchmarks.paper_tables import papers
from benchmarks.render import parts
from benchmarks.shelf import rows_or_csv
from benchmarks.store import COLUMNS
from benchmarks.suites import DETECTORS

RESULTS = published.PATH.parent
ROOT = Path(__file__).parent.parent


def trial(dataset: str, detector: str, normal: str, value: float | None, **more: Any) -> dict:
    row = {
        "dataset": dataset, "detector": detector, "normal": normal, "recipe": "fast", "seed": 0,
        "metric": "pixel_auroc" if dataset == "mvtec" else "image_auroc", "value": value,
        "status": "failed" if value is None else "done", "finished": "2026-01-01T00:00:00Z",
    } | more  # fmt: skip
    if value is None:
        row["metric"] = None
    return row | {"stem": "-".join(map(str, row.values()))}


def sweep(dataset: str, detector: str, value: float = 0.9, **more: Any) -> list[dict]:
    normals = published.order(dataset)
    return [trial(dataset, detector, n, value + 0.001 * i, **more) for i, n in enumerate(normals)]


def frame(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def lines(rows: list[dict], name: str, detector: str) -> pd.DataFrame:
    both = beside(frame(rows))
    return both[(both["name"] == name) & (both["detector"] == detector)].set_index("normal")


def texts(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """The lines of a table as texts, in order; what is missing as one that equals itself."""
    return sorted(table.astype(object).fillna("").astype(str).itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return beside(rows_or_csv(RESULTS / "fmnist"))


def test_every_published_number_of_the_papers_stands_in_exactly_one_table(
    committed: pd.DataFrame,
) -> None:
    known = published.numbers()
    wanted = known["paper"].isin(
        ["Deep SVDD (ICML 2018)", "Deep SAD (ICLR 2020)", "FCDD (ICLR 2021)"]
    )
    fields = [*published.COLUMNS]
    expected = texts(known.loc[wanted, fields])
    assert len(expected) == 154 + 369 + 332
    assert texts(committed[fields]) == expected


def test_every_number_is_printed_in_a_cell_of_its_table(committed: pd.DataFrame) -> None:
    made = papers(committed)
    assert list(made) == list(LAYOUTS)
    printed = 0
    for name, table in made.items():
        part = committed[committed["name"] == name]
        assert int(table.published.notna().sum().sum()) == len(part)
        for number in part.itertuples():
            shown = parts(table, number.line, number.detector)[2]
            assert shown.startswith(f"({round(100 * number.mean, 1):g}")
            if not np.isnan(number.std):
                assert f" ± {round(100 * number.std, 1):g}" in shown
            printed += 1
    assert printed == len(committed)


def test_a_cell_has_our_number_or_a_dash_with_its_reason(committed: pd.DataFrame) -> None:
    ours, none = committed[committed["ours"].notna()], committed[committed["ours"].isna()]
    assert len(ours) and len(none)
    assert (none["remark"] != "").all()
    for name, table in papers(committed).items():
        notes = "\n".join(table.notes)
        for number in committed[committed["name"] == name].itertuples():
            cell = parts(table, number.line, number.detector)[0]
            if number.remark:
                letter = cell[-1]
                reason = number.remark[0].upper() + number.remark[1:]
                assert f"{letter} {reason}." in notes
            assert cell.startswith("--") == bool(np.isnan(number.ours))


def test_our_numbers_are_those_of_the_rows(committed: pd.DataFrame) -> None:
    rows = rows_or_csv(RESULTS / "fmnist")
    auc = rows[(rows["metric"] == "image_auroc") & (rows["detector"] == "fcdd")]
    part = committed[(committed["name"] == "fcdd-table-6") & (committed["detector"] == "fcdd")]
    part = part.set_index("normal")
    assert part.loc["bag", "ours"] == auc.set_index("normal").loc["bag", "value"]
    assert part.loc["mean", "ours"] == pytest.approx(auc["value"].mean())
    assert part.loc["mean", "difference"] == pytest.approx(auc["value"].mean() - 0.89)
    assert part.loc["bag", "remark"] == "recipe fast; exposure: ours photos, theirs CIFAR-100"


def test_deep_sad_with_exposure_and_hsc_stand_beside_table_7_of_fcdd() -> None:
    rows = sweep("cifar10", "deep_sad_oe", 0.9, exposure="cifar100", recipe="paper")
    rows += sweep("cifar10", "deep_sad", 0.6, scenario="labelled 0.05 of 1 class(es)")
    rows += sweep("cifar10", "hsc", 0.8, exposure="80mti", recipe="paper")
    rows = [row | {"deviations": "none"} for row in rows]
    exposed = lines(rows, "fcdd-table-7", "deep_sad_oe")
    assert exposed.loc["mean", "ours"] == pytest.approx(0.9045)
    assert exposed.loc["mean", "mean"] == 0.95
    assert exposed.loc["mean", "remark"] == (
        "exposure: ours cifar100, theirs 80 Million Tiny Images"
    ).replace("cifar100", "CIFAR-100")
    assert (lines(rows, "fcdd-table-7", "hsc")["remark"] == "").all()
    labelled = lines(rows, "deep_sad-table-3", "deep_sad")
    at = labelled[(labelled["dataset"] == "cifar10") & (labelled["labelled"] == 0.05)]
    assert at["ours"].tolist() == [pytest.approx(0.6045)]
    others = labelled[(labelled["dataset"] == "cifar10") & (labelled["labelled"] != 0.05)]
    assert others["ours"].isna().all() and (others["remark"] == "not run").all()


def test_scenarios_go_to_their_own_lines() -> None:
    some = "labelled 0.05 of 3 class(es), pollution 0.1"
    rows = sweep("mnist", "deep_sad", 0.8, scenario=some)
    rows += sweep("mnist", "iforest", 0.7, scenario="pollution 0.1")
    rows += sweep("mnist", "deep_svdd", 0.75)
    found = lines(rows, "deep_sad-table-5", "deep_sad")
    assert found.loc[found["ours"].notna(), "line"].tolist() == ["MNIST 3"]
    forest = lines(rows, "deep_sad-table-4", "iforest")
    assert forest.loc[forest["ours"].notna(), "line"].tolist() == ["MNIST 0.10"]
    none = lines(rows, "deep_sad-table-3", "deep_sad")
    assert none.loc[none["ours"].notna(), "line"].tolist() == ["MNIST 0.00"]
    assert "ours is Deep SVDD" in none["remark"].iloc[0]


def test_the_spread_is_over_experiments_where_the_paper_has_it_so() -> None:
    rows = [row for s in range(2) for row in sweep("mnist", "kde", 0.8 + 0.1 * s, seed=s)]
    values = [row["value"] for row in rows]
    sad = lines(rows, "deep_sad-table-3", "kde")
    assert sad["ours_std"].iloc[0] == pytest.approx(np.std(values, ddof=1))
    svdd = lines(rows, "deep_svdd-table-1", "kde")
    mean = svdd[svdd["dataset"] == "mnist"].loc["mean"]
    assert mean["ours_std"] == pytest.approx(np.std([0, 0.1], ddof=1)) and mean["seeds"] == 2


def test_the_papers_recipe_goes_before_ours_unless_it_covers_less() -> None:
    rows = sweep("fmnist", "autoencoder", 0.5)
    rows += sweep("fmnist", "autoencoder", 0.7, recipe="paper", deviations="none")
    found = lines(rows, "fcdd-table-6", "autoencoder")
    assert found.loc["bag", "ours"] == pytest.approx(0.708) and found.loc["bag", "remark"] == ""
    rows = rows[:10] + rows[10:13]
    found = lines(rows, "fcdd-table-6", "autoencoder")
    assert (found["ours_recipe"] == "fast").all()


def test_a_mean_over_some_classes_is_no_mean_and_a_failure_says_why() -> None:
    rows = sweep("fmnist", "fcdd", 0.9)[:-1]
    found = lines(rows, "fcdd-table-6", "fcdd")
    assert found.loc["mean", "remark"] == "not run on every class"
    assert found.loc["ankle boot", "remark"] == "not run on this class"
    rows.append(trial("fmnist", "fcdd", "ankle boot", None, reason="out of memory"))
    found = lines(rows, "fcdd-table-6", "fcdd")
    assert found.loc["ankle boot", "remark"] == "failed: out of memory"
    assert found.loc["mean", "remark"] == "failed: out of memory"
    assert found.loc["bag", "ours"] == pytest.approx(0.908)


def test_mvtec_with_and_without_real_anomalies_are_two_columns() -> None:
    rows = sweep("mvtec", "fcdd", 0.9, exposure="confetti")
    rows += sweep("mvtec", "fcdd", 0.95, scenario="real 1 of each kind held out", seed=1)
    rows += sweep("mvtec", "fcdd", 0.1, scenario="real 1 of each kind held out, not trained with")
    plain, semi = (lines(rows, "fcdd-table-2", name) for name in ("fcdd", "fcdd_semi"))
    assert plain.loc["screw", "ours"] == pytest.approx(0.909, abs=0.006)
    assert semi.loc["mean", "ours"] == pytest.approx(0.957)
    assert "anomalies trained with" in semi.loc["mean", "remark"]
    values = [row["value"] for row in rows[:15]]
    assert plain.loc["std over classes", "ours"] == pytest.approx(np.std(values, ddof=1))
    assert not papers(beside(frame(rows)))["fcdd-table-2"].best.loc["std over classes"].any()


def test_real_anomalies_held_out_are_not_best_beside_the_whole_test_set() -> None:
    rows = sweep("mvtec", "fcdd", 0.9, exposure="confetti") + sweep("mvtec", "autoencoder", 0.8)
    rows += sweep("mvtec", "fcdd", 0.95, scenario="real 1 of each kind held out", seed=1)
    best = papers(beside(frame(rows)))["fcdd-table-2"].best.loc["mean"]
    assert best["fcdd"] and not best["fcdd_semi"] and not best["autoencoder"]


def test_a_papers_recipe_says_what_deviates_and_deep_sad_how_few_classes_are_known() -> None:
    some = "labelled 0.05 of 1 class(es)"
    rows = sweep("cifar10", "deep_sad", 0.6, scenario=some, recipe="paper")
    remark = lines(rows, "deep_sad-table-3", "deep_sad").loc["mean", "remark"]
    told = {text for text in remark if text.startswith("the")}
    assert told == {
        "the paper's recipe; for what differs in it see `python -m benchmarks.list --recipes`; "
        "ours: 1 of 9 known classes"
    }
    rows = [row | {"deviations": "in bfloat16 | by our own draw"} for row in rows]
    remark = lines(rows, "deep_sad-table-3", "deep_sad").loc["mean", "remark"]
    assert any("but for 2 deviations: in bfloat16; by our own draw;" in text for text in remark)


def test_another_focal_loss_than_ours_has_a_dash_and_its_reason() -> None:
    found = lines(sweep("cifar10", "focal"), "fcdd-table-7", "focal_hendrycks")
    assert len(found) == 11 and found["ours"].isna().all()
    assert (found["remark"] == "method not part of this benchmark").all()


def test_what_is_said_not_to_be_implemented_is_not() -> None:
    assert not ELSEWHERE & set(DETECTORS)
    known = published.numbers()
    assert set(known["detector"]) >= ELSEWHERE
    assert set(known["detector"]) - ELSEWHERE - set(DETECTORS) == {"fcdd_semi"}
