"""Figures of what many trials say together: per-seed strips, exposure size, time, what differs.

A new figure is one function from a ``Show`` to drawings, and one line in ``CHARTS``.
"""

from collections.abc import Callable, Iterator
from functools import partial
from textwrap import fill

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from baselines.several import several
from benchmarks import critical, differences, scatter, stats
from benchmarks.names import dataset_title, rank, title
from benchmarks.show import Drawing, Show
from benchmarks.significance import families
from benchmarks.stats import Family
from benchmarks.store import slug
from benchmarks.tables import MAIN, normals, with_columns

WIDTH = 7.2  # inches: a page's text
INK = "0.15"
LEAST_BLOCKS = 10  # a figure of tests on fewer says nothing


def strips(show: Show) -> Iterator[Drawing]:
    """Every trial of a dataset as a point, per detector; the means of seeds as ticks."""
    for dataset, recipe, part in _parts(show.frame):
        for metric in MAIN:
            rows = part[part["metric"] == metric]
            if rows["normal"].nunique() > 1:
                name = f"strip-{dataset}-{metric}-{recipe}"
                yield Drawing(name, rows, partial(_strip, rows, dataset, metric, recipe))


def _parts(frame: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """(dataset, recipe, rows with a value, in per cent); sized exposures have their own figure."""
    rows = with_columns(frame)
    rows = rows[rows["value"].notna() & ~_sized(rows)]
    rows = rows.assign(value=100 * rows["value"])
    for (dataset, recipe), part in rows.groupby(["dataset", "recipe"]):
        yield str(dataset), str(recipe), part


def _sized(rows: pd.DataFrame) -> pd.Series:
    return rows["exposure"].astype(object).fillna("").str.contains(":[0-9]+$")


def _strip(rows: pd.DataFrame, dataset: str, metric: str, recipe: str) -> Figure:
    lines = normals(rows, dataset)
    means = rows.groupby(["column", "seed"])["value"].mean().rename("mean").reset_index()
    order = means.groupby("column")["mean"].mean().sort_values(ascending=False).index
    named = len(lines) <= 20  # the names of thirty classes would be higher than the strips
    high = 0.8 + max(0.26 * len(order), 0.17 * len(lines) * named)
    heads = [fill(title(name), 20) for name in order]
    figure = Figure(figsize=(WIDTH, high))
    axes = figure.add_axes((1.3 / WIDTH, 0.47 / high, (WIDTH - 2.75) / WIDTH, 1 - 0.8 / high))
    hues = dict(zip(lines, sns.husl_palette(len(lines), s=0.9, l=0.6), strict=True))
    sns.stripplot(
        rows, x="value", y="column", hue="normal", order=order, hue_order=lines, palette=hues,
        ax=axes, jitter=0.18, size=3.2, alpha=0.85, legend=named,
    )  # fmt: skip
    sns.stripplot(
        means, x="mean", y="column", order=order, ax=axes, jitter=False, marker="|", size=13,
        color=INK, linewidth=1.1,
    )  # fmt: skip
    axes.set_yticks(range(len(order)), heads)
    axes.set(xlabel=f"{metric} [%]; ticks: means over classes, one per seed", ylabel="")
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.yaxis.grid(color="0.93", lw=0.8)
    axes.tick_params(length=2, axis="x")
    axes.tick_params(length=0, axis="y")
    axes.set_axisbelow(True)
    sns.despine(ax=axes, left=True)
    if axes.get_legend():
        sns.move_legend(axes, "center left", bbox_to_anchor=(1.0, 0.5), frameon=False, title="")
    seeds = rows["seed"].nunique()
    _heading(figure, f"{dataset_title(dataset)}, recipe {recipe}, {several(seeds, 'seed')}")
    return figure


def _heading(figure: Figure, text: str) -> None:
    left, high = 0.08 / figure.get_figwidth(), figure.get_figheight()
    figure.text(left, 1 - 0.08 / high, text, va="top", fontsize=9, fontweight="bold")


def exposure_sizes(show: Show) -> Iterator[Drawing]:
    """Mean AUROC against the number of exposure images (as in HSC's paper)."""
    rows = with_columns(show.frame)
    rows = rows[
        (rows["metric"] == "image_auroc") & rows["value"].notna() & rows["exposure"].notna()
    ]
    parts = rows["exposure"].astype(str).str.extract(r"^(?P<exposure>.*?)(?::(?P<size>\d+))?$")
    rows = rows.assign(value=100 * rows["value"], exposure=parts["exposure"], size=parts["size"])
    for (dataset, recipe, exposure), part in rows.groupby(["dataset", "recipe", "exposure"]):
        swept = part.groupby("detector")["size"].transform("nunique") > 1
        if swept.any():
            name = f"exposure-size-{dataset}-{slug(str(exposure))}-{recipe}"
            args = part[swept], str(dataset), str(recipe), str(exposure)
            yield Drawing(name, part[swept], partial(_exposure_sizes, *args))


def _exposure_sizes(rows: pd.DataFrame, dataset: str, recipe: str, exposure: str) -> Figure:
    sizes = sorted({int(size) for size in rows["size"].dropna()})
    full = 4 * sizes[-1] if rows["size"].isna().any() else None  # where "all" stands
    at = rows["size"].map(float).fillna(full or 0.0)
    each = rows.assign(at=at).groupby(["detector", "at", "seed"])["value"].mean().reset_index()
    order = sorted(each["detector"].unique(), key=rank)
    figure = Figure(figsize=(4.6, 2.9))
    axes = figure.add_axes((0.12, 0.17, 0.62, 0.69))
    sns.lineplot(
        each, x="at", y="value", hue="detector", style="detector", hue_order=order,
        style_order=order, palette="colorblind", markers=True, dashes=False, errorbar="sd",
        markersize=5, ax=axes,
    )  # fmt: skip
    shown = sizes if len(sizes) < 9 else sizes[:: -(-len(sizes) // 8)]
    ticks = [*map(float, shown), *([float(full)] if full else [])]
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [*(f"{size:,}" for size in shown), *(["all"] if full else [])])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(length=2)
    axes.tick_params(axis="x", rotation=40 if max(map(len, map(str, shown))) > 4 else 0)
    axes.set_xlabel(f"images of {exposure}")
    axes.grid(color="0.93", lw=0.6)
    sns.despine(ax=axes)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(
        handles, [title(name) for name in names], loc="center left", bbox_to_anchor=(1.01, 0.5),
        frameon=False,
    )  # fmt: skip
    seeds, classes = rows["seed"].nunique(), rows["normal"].nunique()
    axes.set_ylabel(f"image AUROC [%], mean of {classes} class{'es' * (classes > 1)}")
    band = "; bands: their std" if seeds > 1 else ""
    _heading(figure, f"{dataset_title(dataset)}, recipe {recipe}, {several(seeds, 'seed')}{band}")
    return figure


def times(show: Show) -> Iterator[Drawing]:
    """Mean AUROC of a detector against the time of a trial, training and scoring together."""
    for dataset, recipe, part in _parts(show.frame):
        rows = part[(part["metric"] == "image_auroc") & (part["seconds"] > 0)]
        for device, of in rows.groupby("device"):
            if of["column"].nunique() > 1:
                name = f"time-{dataset}-{recipe}" + f"-{slug(str(device))}" * (
                    rows["device"].nunique() > 1
                )
                heading = f"{dataset_title(dataset)}, recipe {recipe}, on one {device}"
                yield Drawing(name, of, partial(_times, of, heading))


def _times(rows: pd.DataFrame, heading: str) -> Figure:
    figure = scatter.picture(rows.groupby("column")[["seconds", "value"]].mean())
    _heading(figure, heading)
    return figure


def critical_differences(show: Show) -> Iterator[Drawing]:
    """Mean ranks, and which neighbours in rank cannot be told apart."""
    yield from _tested(show, "critical-difference", critical.picture, "mean ranks (1 is best)")


def matrices(show: Show) -> Iterator[Drawing]:
    """Which detectors differ, pair by pair."""
    yield from _tested(show, "differences", differences.picture, "who differs")


def _tested(
    show: Show, kind: str, picture: Callable[[Family], Figure], about: str
) -> Iterator[Drawing]:
    """A figure of each family on enough blocks, where Friedman says that some detectors differ."""
    for name, metric, recipe, family in families(show.frame):
        several = len(family.scores) >= LEAST_BLOCKS and family.scores.shape[1] > 2
        if several and stats.friedman(family.scores)[1] < stats.LEVEL:
            rows = show.frame[show.frame["recipe"] == recipe]
            heading = f"{metric}, recipe {recipe}, {len(family.scores)} blocks: {about}"
            yield Drawing(f"{kind}-{name}", rows, partial(_headed, picture, family, heading))


def _headed(picture: Callable[[Family], Figure], family: Family, heading: str) -> Figure:
    figure = picture(family)
    _heading(figure, heading)
    return figure


CHARTS: dict[str, Callable[[Show], Iterator[Drawing]]] = {
    "strip": strips,
    "exposure size": exposure_sizes,
    "time": times,
    "critical difference": critical_differences,
    "differences": matrices,
}
