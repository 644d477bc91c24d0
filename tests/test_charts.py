"""Charts: what is drawn is what the rows say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks import stats
from benchmarks.charts import CHARTS
from benchmarks.scatter import picture
from benchmarks.shelf import Shelf, rows_or_csv
from benchmarks.show import LINEAGE, Drawing, Show

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


def test_devices_have_their_own_time(lines: pd.DataFrame) -> None:
    there = lines.assign(device="cuda:0", seconds=0.5, stem=lines["stem"] + "x", seed=1)
    names = [d.name for d in drawings("time", pd.concat([lines, there], ignore_index=True))]
    assert names == ["time-fmnist-fast-cpu", "time-fmnist-fast-cuda_0"]


def test_critical_differences_show_mean_ranks_and_join_what_is_alike(lines: pd.DataFrame) -> None:
    lineage, whole = drawings("critical difference", lines)
    assert lineage.name == "critical-difference-image_auroc-fast-lineage"
    axes = drawn(lineage).axes[0]
    family = stats.family(stats.usual(lines, "fast"), "image_auroc", LINEAGE)
    texts = {text.get_text().strip() for text in axes.texts}
    assert f"Deep SAD  {family.ranks['deep_sad']:.1f}" in texts
    assert f"{family.ranks['svdd']:.1f}  SVDD" in texts
    bars = [line for line in axes.lines if line.get_linewidth() > 2]
    assert len(bars) == 2  # Deep SAD, Deep SVDD and FCDD; FCDD, SVDD and HSC
    spans = sorted((min(bar.get_xdata()), max(bar.get_xdata())) for bar in bars)
    ranks = family.ranks
    assert spans[0] == (ranks["deep_sad"], ranks["fcdd"])
    assert spans[1][0] == ranks["fcdd"]
    few = lines[lines["normal"].isin(lines["normal"].unique()[:9])]
    assert drawings("critical difference", few) == []
    assert whole.name == "critical-difference-image_auroc-fast"
