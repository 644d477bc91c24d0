"""Statistics: against hand-solved cases and scipy; what is left out is said."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare, sem, t, wilcoxon

from benchmarks import significance, stats
from benchmarks.latex import to_latex
from benchmarks.render import to_markdown
from benchmarks.store import COLUMNS


def frame(scores: pd.DataFrame, seeds: int = 1, **changes: object) -> pd.DataFrame:
    """Long frame of block x detector, blocks named ``dataset: normal``; seed k adds k points."""
    lines = []
    for block, cells in scores.iterrows():
        dataset, normal = str(block).split(": ")
        for detector, value in cells.dropna().items():
            for seed in range(seeds):
                lines.append({
                    "dataset": dataset, "normal": normal, "detector": detector, "seed": seed,
                    "recipe": "fast", "metric": "image_auroc", "value": value + 0.01 * seed,
                    "status": "done", "finished": "2026-01-01T00:00:00+00:00",
                    "stem": f"{block}{detector}{seed}{changes.get('exposure')}",
                } | changes)  # fmt: skip
    return pd.DataFrame(lines, columns=COLUMNS)


def blocks(rows: int, dataset: str = "mnist") -> list[str]:
    return [f"{dataset}: {i}" for i in range(rows)]


def table(rows: int, **steps: float) -> pd.DataFrame:
    """Detectors that lie ``steps`` apart on every block, a little more on each next one."""
    base = 0.6 + 0.01 * np.arange(rows)
    ramp = 1 + 0.01 * np.arange(rows)
    return pd.DataFrame({name: base + step * ramp for name, step in steps.items()}, blocks(rows))


def of(lines: pd.DataFrame, **how: object) -> stats.Family:
    return stats.family(stats.usual(lines, "fast"), "image_auroc", **how)  # type: ignore[arg-type]


def test_five_blocks_won_give_the_least_exact_p() -> None:
    found = stats.pairs(table(5, svdd=0.0, fcdd=0.05))
    assert found[["better", "other", "won", "lost"]].values.tolist() == [["fcdd", "svdd", 5, 0]]
    assert found["p"][0] == pytest.approx(2 / 2**5)  # two of 32 equally likely signs


def test_holm_is_the_hand_solved_correction() -> None:
    scores = table(8, a=0.0, b=0.02, c=0.04)
    scores.iloc[:3, 2] = scores.iloc[:3, 1] - 0.001  # c wins five of eight blocks against b
    found = stats.pairs(scores).set_index(["better", "other"])
    raw = {pair: wilcoxon(scores[pair[0]] - scores[pair[1]]).pvalue for pair in found.index}
    least, middle, most = sorted(raw, key=lambda pair: raw[pair])
    assert found["p"].to_dict() == pytest.approx(raw)
    expected = {least: 3 * raw[least], middle: max(3 * raw[least], 2 * raw[middle])}
    expected[most] = max(expected[middle], raw[most])
    assert found["p_holm"].to_dict() == pytest.approx(expected)
    assert found["significant"].to_dict() == {pair: p < 0.05 for pair, p in expected.items()}


def test_equal_detectors_are_never_significant() -> None:
    scores = table(10, a=0.1, b=0.1, c=0.1 + 1e-12)
    found = stats.pairs(scores)
    assert (found["p"] == 1).all() and not found["significant"].any()
    assert stats.friedman(scores) == (0.0, 1.0, "all equal")


def test_friedman_is_scipys_and_exact_where_blocks_are_few() -> None:
    scores = table(4, a=0.0, b=0.02, c=0.04)
    statistic, p, how = stats.friedman(scores)
    assert statistic == pytest.approx(8.0)  # 12 / (4 * 3 * 4) * (4² + 8² + 12²) - 3 * 4 * 4
    assert how == "permutation"
    assert p == pytest.approx(6 / 6**4, abs=0.003)  # six orders of three, the same in four blocks
    many = pd.DataFrame(np.random.default_rng(0).random((12, 7)), blocks(12), list("abcdefg"))
    assert stats.friedman(many)[:2] == pytest.approx(friedmanchisquare(*many.to_numpy().T))


def test_few_false_alarms_where_nothing_differs() -> None:
    rng = np.random.default_rng(0)
    alarms = [
        stats.pairs(pd.DataFrame(rng.random((10, 4)), blocks(10), list("abcd")))["significant"]
        for _ in range(60)
    ]
    assert sum(map(bool, map(any, alarms))) <= 7  # 3 expected at 5 %, 7 with probability .98


@pytest.mark.parametrize("size", [3, 5, 10, 30])
def test_intervals_hold_the_mean_as_often_as_they_say(size, monkeypatch) -> None:
    """95 % of 600, within three standard errors; BCa's hold 72, 83, 90 and 93 %."""
    monkeypatch.setattr(stats, "RESAMPLES", 999)
    rng = np.random.default_rng(size)
    spans = [stats.interval(rng.normal(0.9, 0.05, size)) for _ in range(600)]
    assert 554 <= sum(low < 0.9 < high for low, high in spans) <= 586


def test_intervals_of_skewed_values_hold_the_mean_too(monkeypatch) -> None:
    """As AUROCs of ten classes may lie: most near 1. Student's hold it in 91 %."""
    monkeypatch.setattr(stats, "RESAMPLES", 999)
    rng = np.random.default_rng(0)
    spans = [stats.interval(rng.beta(8, 1, 10)) for _ in range(600)]
    assert 554 <= sum(low < 8 / 9 < high for low, high in spans) <= 586


def test_intervals_of_few_or_equal_values() -> None:
    assert stats.interval(np.full(5, 0.7)) == (0.7, 0.7)
    assert np.isnan(stats.interval(np.array([0.1, 0.2]))).all()
    for values in (np.array([0.7, 0.8, 0.9, 0.95]), np.append(np.zeros(9), 0.01)):
        theirs = t.interval(0.95, len(values) - 1, values.mean(), sem(values))
        assert stats.interval(values) == pytest.approx(theirs)
    values = np.array([0.6, 0.72, 0.9, 0.91, 0.92, 0.93, 0.95, 0.97])
    low, high = stats.interval(values)
    assert low < values.mean() < high and high - values.mean() < values.mean() - low  # as skewed


def test_summary_counts_and_spreads_over_seeds() -> None:
    lines = frame(table(4, svdd=0.1), seeds=5)
    (line,) = stats.summary(lines, "mnist", "image_auroc", "fast").to_dict("records")
    scores = table(4, svdd=0.1)["svdd"]
    assert (line["classes"], line["seeds"]) == (4, 5)
    assert line["mean"] == pytest.approx(scores.mean() + 0.02)
    assert line["std"] == pytest.approx(np.std([0, 0.01, 0.02, 0.03, 0.04], ddof=1))
    assert line["seeds_low"] < line["mean"] < line["seeds_high"]
    few = stats.summary(frame(table(4, svdd=0.1), seeds=2), "mnist", "image_auroc", "fast")
    assert np.isnan(few["seeds_low"]).all() and few["classes_low"].notna().all()


def test_a_block_without_all_detectors_is_left_out_and_said() -> None:
    scores = table(8, svdd=0.0, fcdd=0.05, hsc=0.03)
    scores.loc["mnist: 2", "fcdd"] = np.nan
    scores.loc[blocks(8)[:5], "hsc"] = np.nan
    family = of(frame(scores))
    assert list(family.scores) == ["fcdd", "svdd"] and len(family.scores) == 7
    assert family.left_out == ("HSC: only 3 of 8 blocks", "mnist: 2: without FCDD")
    assert "Left out: HSC: only 3 of 8 blocks; mnist: 2: without FCDD." in (
        significance.comparison("image_auroc", family).notes
    )


def test_seeds_are_averaged_within_a_block() -> None:
    scores = table(6, svdd=0.0, fcdd=0.05)
    assert of(frame(scores, seeds=3)).scores["fcdd"].to_numpy() == pytest.approx(
        scores["fcdd"].to_numpy() + 0.01
    )


def test_one_variant_of_a_detector_is_compared() -> None:
    scores = table(6, fcdd=0.0)
    sized = frame(scores + 0.1, exposure="cifar100:16")
    polluted = frame(scores + 0.2, exposure="cifar100", scenario="pollution 0.1")
    plain = frame(scores, exposure="cifar100")
    others = frame(table(6, svdd=0.1))
    family = of(pd.concat([sized, polluted, plain, others], ignore_index=True))
    assert family.scores["fcdd"].to_numpy() == pytest.approx(scores["fcdd"].to_numpy())


def test_splits_that_recipes_are_chosen_on_are_no_blocks() -> None:
    scores = table(6, svdd=0.0, fcdd=0.05)
    chosen_on = scores.set_axis(blocks(6, "fmnist_held_back"))
    both = pd.concat([frame(scores), frame(chosen_on)], ignore_index=True)
    assert len(of(both).scores) == 6
    assert len(of(frame(chosen_on)).scores) == 6  # alone they are all there is


def test_the_verdict_says_what_is_clear_and_what_cannot_be() -> None:
    clear = significance.comparison("auc", of(frame(table(10, svdd=0.0, fcdd=0.05, hsc=0.051))))
    text = to_markdown(clear)
    assert "the detectors differ" in text and "**+5.2**" in text
    assert "mean difference (studentised bootstrap over blocks)" in text
    few = significance.comparison("auc", of(frame(table(7, svdd=0.0, fcdd=0.05))))
    assert "mean difference (Student's t)" in to_markdown(few)
    assert "FCDD over SVDD by 5.2 (5.1 to 5.3; p = .006)" in text
    many = {f"d{i}": 0.01 * i for i in range(8)}
    crowd = to_markdown(significance.comparison("auc", of(frame(table(9, **many)))))
    assert "No pair can be significant at 5 %" in crowd and "least corrected p is 0.11" in crowd
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.random((10, 3)), blocks(10), ["svdd", "fcdd", "hsc"])
    assert "no evidence that the detectors differ" in to_markdown(
        significance.comparison("auc", of(frame(noise)))
    )


def test_comparisons_are_made_of_six_blocks_or_more_the_lineage_first() -> None:
    scores = table(10, svdd=0.0, hsc=0.01, fcdd=0.02, pca=-0.1)
    names = list(significance.comparisons(frame(scores)))
    assert names == ["comparison-image_auroc-fast-lineage", "comparison-image_auroc-fast"]
    assert significance.comparisons(frame(scores.iloc[:5])) == {}
    assert significance.comparisons(frame(scores[["svdd"]])) == {}


def test_grids_are_latex_markdown_and_full_precision() -> None:
    lines = frame(table(6, svdd=0.0, fcdd=0.0512345678))
    made = significance.comparisons(lines) | significance.summaries(lines)
    grid = made["comparison-image_auroc-fast"]
    assert grid.csv()["difference"][0] == stats.pairs(of(lines).scores)["difference"][0]
    assert list(made) == ["comparison-image_auroc-fast", "summary-mnist-image_auroc-fast"]
    assert r"\toprule" in to_latex(grid, "x") and "mean rank" in to_markdown(grid)
