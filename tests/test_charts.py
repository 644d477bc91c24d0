"""Charts: what is drawn is what the rows say."""

from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks import stats
from benchmarks.charts import CHARTS
from benchmarks.names import title
from benchmarks.plots import FIGURES, STYLE
from benchmarks.scatter import picture
from benchmarks.shelf import Shelf, rows_or_csv
from benchmarks.show import Drawing, Show
from benchmarks.significance import families

FMNIST = Path(__file__).parent.parent / "results" / "fmnist"


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return rows_or_csv(FMNIST)


def drawings(kind: str, frame: pd.DataFrame) -> list[Drawing]:
    return list(CHARTS[kind](Show(Shelf([FMNIST]), frame)))


def drawn(drawing: Drawing) -> Figure:
    figure = drawing.draw()
    assert figure is not None
    return figure


def sized(lines: pd.DataFrame) -> pd.DataFrame:
    """The rows of FCDD and HSC with 1, 4, 16 and all images of their exposure, two seeds."""
    rows = lines[lines["detector"].isin(["fcdd", "hsc"])]
    parts = [
        rows.assign(
            exposure="photos" if size is None else f"photos:{size}",
            seed=seed,
            value=rows["value"] - (0 if size is None else 0.1 / size) - 0.001 * seed,
            stem=rows["stem"] + f"{size}{seed}",
        )
        for size in (1, 4, 16, None)
        for seed in range(2)
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_strip_has_a_point_for_every_trial_and_a_tick_for_every_seed(
    lines: pd.DataFrame,
) -> None:
    (drawing,) = drawings("strip", lines)
    assert drawing.name == "strip-fmnist-image_auroc-fast"
    axes = drawn(drawing).axes[0]
    points = np.concatenate([np.asarray(c.get_offsets())[:, 0] for c in axes.collections])
    values = lines.loc[lines["metric"] == "image_auroc", "value"].to_numpy() * 100
    assert set(np.round(values, 6)) <= set(np.round(points, 6))
    assert len(points) == len(values) + lines["detector"].nunique()  # a mean of one seed for each
    assert axes.get_yticklabels()[0].get_text() == "Deep SAD"  # the highest mean


def test_exposure_sizes_are_drawn_up_to_all(lines: pd.DataFrame) -> None:
    assert drawings("exposure size", lines) == []  # one size is no sweep
    frame = sized(lines)
    (drawing,) = drawings("exposure size", frame)
    assert drawing.name == "exposure-size-fmnist-photos-fast"
    axes = drawn(drawing).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "4", "16", "all"]
    swept = [line for line in axes.lines if len(line.get_xdata()) == 4]
    assert [tuple(line.get_xdata()) for line in swept] == [(1, 4, 16, 64)] * 2
    fcdd = frame[(frame["detector"] == "fcdd") & (frame["metric"] == "image_auroc")]
    expected = [
        100 * fcdd.loc[fcdd["exposure"] == name, "value"].mean()
        for name in ("photos:1", "photos:4", "photos:16", "photos")
    ]
    assert swept[1].get_ydata() == pytest.approx(expected)  # FCDD comes after HSC
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["HSC", "FCDD"]


def test_time_is_set_against_the_mean_and_no_name_covers_another(lines: pd.DataFrame) -> None:
    (drawing,) = drawings("time", lines)
    axes = drawn(drawing).axes[0]
    points = {tuple(np.round(point, 6)) for c in axes.collections for point in c.get_offsets()}
    auc = lines[lines["metric"] == "image_auroc"].groupby("detector")[["seconds", "value"]].mean()
    assert points == {(round(s, 6), round(100 * v, 6)) for s, v in auc.to_numpy()}
    crowd = pd.DataFrame({"seconds": 2.0, "value": 90 + 0.01 * np.arange(9)}, [*"abcdefghi"])
    figure = picture(crowd)
    figure.canvas.draw()
    names = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent() for text in names]
    assert len(boxes) == 9
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("kind", ["strip", "time", "heatmap", "critical difference", "differences"])
def test_nothing_is_cut_off_or_raw_where_detectors_are_few_or_names_long(kind: str) -> None:
    names = ("cifar10-paper", "mvtec", "fmnist-paper", "cifar10", "fmnist")
    shelf = Shelf([FMNIST.parent / name for name in names])
    made = list((CHARTS | FIGURES)[kind](Show(shelf, shelf.frame())))
    assert made
    for drawing in made:
        with mpl.rc_context(STYLE):
            figure = drawn(drawing)
            figure.canvas.draw()
            around = figure.get_tightbbox()  # of all that is drawn, in inches
            assert around.x0 > -0.01 and around.x1 < figure.get_figwidth() + 0.01, drawing.name
            assert around.y0 > -0.01 and around.y1 < figure.get_figheight() + 0.01, drawing.name
            ticks = figure.axes[0].get_xticklabels(which="both")
            assert not any("$" in text.get_text() for text in ticks), drawing.name


def test_devices_have_their_own_time(lines: pd.DataFrame) -> None:
    there = lines.assign(device="cuda:0", seconds=0.5, stem=lines["stem"] + "x", seed=1)
    names = [d.name for d in drawings("time", pd.concat([lines, there], ignore_index=True))]
    assert names == ["time-fmnist-fast-cpu", "time-fmnist-fast-cuda_0"]


def test_every_pair_is_shown_with_the_tests_verdict() -> None:
    lines = Shelf([FMNIST, FMNIST.parent / "cifar10"]).frame()  # 20 blocks
    lineage, whole = drawings("differences", lines)
    assert lineage.name == "differences-image_auroc-fast-lineage"
    assert whole.name == "differences-image_auroc-fast"
    figure = drawn(whole)
    (axes,) = figure.axes
    family = stats.family(stats.usual(lines, "fast"), "image_auroc")
    names = list(family.ranks.sort_values(kind="stable").index)
    heads = [text.get_text() for text in axes.get_yticklabels()]
    assert heads == [f"{title(name)} ({family.ranks[name]:.1f})" for name in names]
    cells = {
        (int(text.get_position()[1]), int(text.get_position()[0])): text for text in axes.texts
    }
    assert len(cells) == len(names) * (len(names) - 1)
    pairs = stats.pairs(family.scores)
    assert 0 < pairs["significant"].sum() < len(pairs)
    for pair in pairs.itertuples():
        first, last = sorted((names.index(pair.better), names.index(pair.other)))
        difference, p = cells[first, last], cells[last, first]
        expected = family.scores[names[first]].mean() - family.scores[names[last]].mean()
        assert float(difference.get_text()) == pytest.approx(100 * expected, abs=0.051)
        assert float(p.get_text().strip("<")) == pytest.approx(pair.p_holm, abs=0.001)
        for cell in (difference, p):
            assert (cell.get_fontweight() == "bold") == pair.significant
    assert "Holm" in "".join(text.get_text() for text in figure.texts)  # it says how to read it


def test_a_bar_joins_only_what_does_not_differ() -> None:
    lines = Shelf([FMNIST, FMNIST.parent / "cifar10"]).frame()  # 20 blocks
    for drawing, family in zip(
        drawings("critical difference", lines),
        (of for *_, metric, _, of in families(lines) if metric == "image_auroc"),
        strict=True,
    ):
        axes = drawn(drawing).axes[0]
        texts = {text.get_text().strip() for text in axes.texts}
        for name, rank in family.ranks.items():
            assert {f"{title(name)}  {rank:.1f}", f"{rank:.1f}  {title(name)}"} & texts
        apart = {
            frozenset(pair)
            for pair, differ in stats.pairs(family.scores)
            .set_index(["better", "other"])["significant"]
            .items()
            if differ
        }
        bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() > 2]
        assert bars and apart
        for bar in bars:
            under = [n for n, rank in family.ranks.items() if min(bar) <= rank <= max(bar)]
            assert len(under) > 1 and not {frozenset(p) for p in combinations(under, 2)} & apart


def test_nothing_is_drawn_of_few_blocks_or_where_friedman_sees_no_difference(
    lines: pd.DataFrame,
) -> None:
    few = lines[lines["normal"].isin(lines["normal"].unique()[:9])]
    assert drawings("differences", few) == drawings("critical difference", few) == []
    alike = lines[lines["metric"] == "image_auroc"]
    alike = alike.assign(value=np.random.default_rng(0).random(len(alike)))
    family = stats.family(stats.usual(alike, "fast"), "image_auroc")
    assert stats.friedman(family.scores)[1] > stats.LEVEL
    for kind in ("differences", "critical-difference"):
        names = {
            drawing.name for drawing in drawings(kind.replace("critical-", "critical "), alike)
        }
        assert f"{kind}-image_auroc-fast" not in names
