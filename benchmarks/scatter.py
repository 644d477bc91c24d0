"""AUROC against time: a point with its name for each detector, names moved off each other."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from matplotlib.transforms import Bbox

from benchmarks.names import LINEAGE, title

AWAY, STEP, FAR = 6.0, 2.0, 40  # points: from marker to name, by which a name moves; steps at most
RADIUS = 3.0  # points: a marker and its margin
NEAR = 8.0  # a name farther up or down than this many points gets a line to its point


def picture(means: pd.DataFrame) -> Figure:
    """``means`` holds ``seconds`` of a trial and ``value`` in per cent, indexed by column."""
    figure = Figure(figsize=(5.4, 3.4))
    axes = figure.add_axes((0.1, 0.13, 0.88, 0.76))
    kind = [
        "deep" if n.split(" ")[0] in LINEAGE and n != "svdd" else "shallow" for n in means.index
    ]
    colours: dict[str, Any] = {"deep": sns.color_palette("colorblind")[0], "shallow": "0.45"}
    sns.scatterplot(
        x=means["seconds"], y=means["value"], hue=kind, style=kind, palette=colours, s=28,
        hue_order=list(colours), style_order=list(colours), ax=axes,
    )  # fmt: skip
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, handletextpad=0.1)
    axes.set_xscale("log")
    axes.margins(x=0.1, y=0.1)
    axes.set(xlabel="seconds for a trial, training and scoring", ylabel="mean image AUROC [%]")
    plain = FuncFormatter(lambda x, _: f"{x:g}")
    axes.xaxis.set_major_formatter(plain)
    within = (
        means["seconds"].max() < 10 * means["seconds"].min()
    )  # one power of ten, or none, shows
    axes.xaxis.set_minor_formatter(plain if within else NullFormatter())
    axes.tick_params(length=2)
    axes.grid(color="0.93", lw=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes)
    label_points(axes, {title(str(n)): (x, y) for n, x, y in means.itertuples()})
    return figure


def label_points(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Write each name right or left of its point, at its height or as near to that as is free of
    other names and points; a thin line leads to a name far away."""
    figure = axes.get_figure(root=True)
    renderer = FigureCanvasAgg(figure).get_renderer()
    unit = axes.figure.dpi / 72  # pixels of a point
    places = {name: axes.transData.transform(point) for name, point in points.items()}
    taken = [_box(x, y, RADIUS * unit, RADIUS * unit) for x, y in places.values()]
    for name in sorted(points, key=lambda name: -places[name][1]):
        note = axes.annotate(
            name, points[name], (0, 0), textcoords="offset points", va="center", fontsize=7.5
        )
        size = note.get_window_extent(renderer)
        for side, up in _offsets():
            x, y = places[name][0] + side * AWAY * unit, places[name][1] + up * unit
            left = x if side > 0 else x - size.width
            box = Bbox.from_bounds(left, y - size.height / 2, size.width, size.height)
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.figure.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)
        note.set(position=(side * AWAY, up), ha="left" if side > 0 else "right")
        if abs(up) > NEAR:
            axes.annotate(
                "", points[name], (side * AWAY, up), textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": "0.65", "lw": 0.5, "shrinkB": RADIUS},
            )  # fmt: skip


def _box(x: float, y: float, wide: float, high: float) -> Bbox:
    return Bbox.from_extents(x - wide, y - high, x + wide, y + high)


def _offsets() -> Iterator[tuple[int, float]]:
    """Sides and heights of a name, the nearest first."""
    for step in range(FAR):
        for up in (step * STEP, -step * STEP) if step else (0.0,):
            yield 1, up
            yield -1, up
