"""Figures from stored rows: ROC curves, class x detector heat maps, galleries.

A new figure is one function from a ``Show`` to drawings, and one line in ``FIGURES``.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from baselines.several import several
from benchmarks import curves, gallery, panels
from benchmarks.render import MISSING, Table, title
from benchmarks.scale import scale_of
from benchmarks.show import LINEAGE, Drawing, Show
from benchmarks.store import slug
from benchmarks.tables import class_table, normals

STYLE: Any = {"font.size": 8, "axes.titlesize": 8, "legend.fontsize": 7.5, "pdf.fonttype": 42}
STYLE |= {"text.parse_math": False}  # a name may hold dollars
LETTER = 0.06  # inches: how wide one is at 8 points, on average
EXAMPLES = ("scores", "labels", "example_index", "example_images", "example_maps", "example_masks")


def roc_curves(show: Show) -> Iterator[Drawing]:
    """ROC curves of a dataset: all detectors' means, then every class per detector."""
    for dataset, recipe, part in show.parts():
        yield Drawing(f"roc-{dataset}-{recipe}", part, partial(_roc, show, part))


def _roc(show: Show, part: pd.DataFrame) -> Figure | None:
    found: dict[str, dict[str, list[curves.Curve]]] = {}
    for row in part.itertuples():
        arrays = show.arrays(row, "scores", "labels")
        if arrays:
            of_detector = found.setdefault(str(row.column), {})
            curve = curves.roc(arrays["scores"], arrays["labels"])
            of_detector.setdefault(str(row.normal), []).append(curve)
    if not found:
        return None
    dataset, recipe = part[["dataset", "recipe"]].iloc[0]
    lines, seeds = normals(part, dataset), part["seed"].nunique()
    counts = f"{len(lines)} class{'es' * (len(lines) != 1)}, {several(seeds, 'seed')}"
    return curves.picture(f"{dataset}: ROC, recipe {recipe}, {counts}", found, lines)


def heat_maps(show: Show) -> Iterator[Drawing]:
    """Class x detector means as a heat map, one per dataset, metric and recipe."""
    for (dataset, recipe), part in show.frame.groupby(["dataset", "recipe"]):
        for metric in part["metric"].dropna().unique():
            rows = part[part["metric"].isna() | (part["metric"] == metric)]
            name = f"heatmap-{dataset}-{metric}-{recipe}"
            yield Drawing(name, rows, partial(_heat_map, part, str(dataset), metric, str(recipe)))


def _heat_map(part: pd.DataFrame, dataset: str, metric: str, recipe: str) -> Figure:
    table = class_table(part, dataset, metric, recipe)
    values = table.values.astype(float) * 100
    lines, columns = values.shape
    heading = f"{dataset}: {metric} in per cent, recipe {recipe}"
    names = [title(name) for name in table.columns]
    across, down = 0.52 * columns, 0.27 * lines  # inches
    # Names run down to the left from below their columns, half as deep as they are long.
    lengths = [LETTER * len(name) for name in names]
    left = max([1.1, *(0.8 * length - 0.52 * i for i, length in enumerate(lengths))])
    below = max([0.8, *(0.2 + 0.6 * length for length in lengths)])
    wide = max(left + across + 0.8, 0.3 + 1.35 * LETTER * len(heading))
    high = below + down + 0.4
    figure = Figure(figsize=(wide, high))
    axes = figure.add_axes((left / wide, below / high, across / wide, down / high))
    bar = figure.add_axes(((left + across + 0.15) / wide, below / high, 0.1 / wide, down / high))
    floor = np.nanmin(values.to_numpy(), initial=95)
    sns.heatmap(
        values, ax=axes, cbar_ax=bar, cmap="crest", vmin=5 * np.floor(floor / 5), vmax=100,
        annot=True, fmt=".1f", annot_kws={"fontsize": 7}, linewidths=1,
        xticklabels=names, yticklabels=[*map(table.head, table.lines)],
    )  # fmt: skip
    _finish(axes, table)
    bar.tick_params(length=2, labelsize=7)
    figure.text(0.08 / wide, 1 - 0.1 / high, heading, va="top", fontsize=9, fontweight="bold")
    return figure


def _finish(axes: Axes, table: Table) -> None:
    """Bold the best, say why a cell is empty, set the line of means apart."""
    axes.set(xlabel="", ylabel="")
    axes.set_facecolor("0.93")
    axes.tick_params(length=0)
    axes.set_xticklabels(axes.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
    there = table.values.notna().to_numpy()
    # seaborn annotates the cells that have a value, line by line, and no other.
    marks, best = table.marks.to_numpy()[there], table.best.to_numpy()[there]
    for text, mark, bold in zip(axes.texts, marks, best, strict=True):
        text.set(text=f"{text.get_text()}{mark}", fontweight="bold" if bold else "normal")
    for y, x in np.argwhere(~there):
        why = str(table.marks.iat[y, x]) or MISSING
        axes.text(x + 0.5, y + 0.5, why, ha="center", va="center", fontsize=7, color="0.35")
    lines, columns = table.values.shape
    axes.add_patch(Rectangle((0, lines - 1.05), columns, 0.1, color="white", lw=0, zorder=3))


def galleries(show: Show) -> Iterator[Drawing]:
    """Most normal and most anomalous images of the first normals of a dataset, one seed: by all
    detectors, and by the five of the lineage alone."""
    for dataset, recipe, part in show.parts():
        suffix = scale_of(show.scale, dataset).suffix
        for normal in normals(part, dataset)[: show.galleries]:
            rows = part[part["normal"] == normal].drop_duplicates("column")
            name = f"gallery-{dataset}-{slug(normal)}-{recipe}"
            yield Drawing(f"{name}{suffix}", rows, partial(_gallery, show, rows))
            five = rows[rows["detector"].isin(LINEAGE)]
            if 1 < len(five) < len(rows):
                yield Drawing(f"{name}-lineage{suffix}", five, partial(_gallery, show, five))


def _gallery(show: Show, rows: pd.DataFrame) -> Figure | None:
    found = {title(str(row.column)): show.arrays(row, *EXAMPLES) for row in rows.itertuples()}
    found = {name: arrays for name, arrays in found.items() if "example_images" in arrays}
    if not found:
        return None
    dataset, normal, recipe, seed = rows[["dataset", "normal", "recipe", "seed"]].iloc[0]
    heading = f"{dataset}, normal: {normal}; recipe {recipe}, seed {seed}"
    scale = scale_of(show.scale, dataset)
    return gallery.picture(heading, list(found), list(found.values()), scale)


def save(drawing: Drawing, folder: Path) -> list[Path]:
    """Draw and write ``<name>.png`` and ``<name>.pdf``, the same bytes each time."""
    with mpl.rc_context(STYLE):
        figure = drawing.draw()
        if figure is None:
            return []
        png, pdf = (folder / f"{drawing.name}.{ending}" for ending in ("png", "pdf"))
        figure.savefig(png, dpi=drawing.dpi)
        figure.savefig(pdf, dpi=drawing.dpi, metadata={"CreationDate": None})
    return [png, pdf]


FIGURES: dict[str, Callable[[Show], Iterator[Drawing]]] = {
    "roc": roc_curves,
    "heatmap": heat_maps,
    "gallery": galleries,
    "panel": panels.figures,
}
