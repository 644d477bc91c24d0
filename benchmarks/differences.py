"""The figure of what differs: every pair of detectors of a family, with the test's verdict.

All that the tests on pairs say: what cannot be told apart need not lie side by side in rank, which
the critical-difference diagram (`benchmarks.critical`) leaves out.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks import stats
from benchmarks.names import title
from benchmarks.shelf import each
from benchmarks.stats import Family

SIDE, LEFT, RIGHT, TOP, BELOW = 0.4, 1.35, 0.5, 1.0, 0.5  # inches: a cell, and what is around all
CLEAR, PALE = "#c6dbef", "0.97"
INK, FAINT = "0.1", "0.35"
READING = (
    "Above the diagonal: line less column, in points; below: the p-value of that pair (two-sided\n"
    "Wilcoxon, Holm over all pairs). Blue and bold: they differ at 5 %. In brackets: the mean rank."
)


def picture(family: Family) -> Figure:
    """Detectors against detectors, by their mean rank; the heading is left to the caller."""
    ranks = family.ranks.sort_values(kind="stable")
    names = list(map(str, ranks.index))
    across = SIDE * len(names)
    wide, high = max(LEFT + across + RIGHT, 5.0), TOP + across + BELOW
    figure = Figure(figsize=(wide, high))
    axes = figure.add_axes((LEFT / wide, BELOW / high, across / wide, across / high))
    axes.set(xlim=(0, len(names)), ylim=(len(names), 0))
    places = [place + 0.5 for place in range(len(names))]
    axes.set_xticks(places, [*map(title, names)], rotation=35, ha="left", rotation_mode="anchor")
    axes.set_yticks(places, [f"{title(name)} ({ranks[name]:.1f})" for name in names])
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False, pad=3)
    axes.spines[:].set_visible(False)
    for place in range(len(names)):
        axes.add_patch(Rectangle((place, place), 1, 1, facecolor="0.8", edgecolor="w"))
    _pairs(axes, names, stats.pairs(family.scores))
    figure.text(0.08 / wide, 0.1 / high, READING, va="bottom", fontsize=6.5, color=FAINT)
    return figure


def _pairs(axes: Axes, names: list[str], found: pd.DataFrame) -> None:
    for pair in each(found):
        first, last = sorted((names.index(pair.better), names.index(pair.other)))
        sign = 1 if names[first] == pair.better else -1
        difference = f"{round(100 * sign * pair.difference, 1) + 0.0:+.1f}"
        _cell(axes, last, first, difference, pair.significant)
        _cell(axes, first, last, _probability(pair.p_holm), pair.significant)


def _cell(axes: Axes, x: int, y: int, text: str, clear: bool) -> None:
    face, ink, weight = (CLEAR, INK, "bold") if clear else (PALE, FAINT, "normal")
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, edgecolor="w"))
    axes.text(
        x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=6.5, color=ink, fontweight=weight
    )


def _probability(p: float) -> str:
    return "<.001" if p < 0.001 else "1" if p > 0.9995 else f"{p:.3f}"[1:]
