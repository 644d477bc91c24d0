"""The critical-difference diagram (Demsar 2006): mean ranks, and bars where nothing differs.

A test on pairs may tell apart two detectors that it cannot tell from those between them in rank.
So a bar stands only over a stretch of ranks of which no pair differs: none passes over detectors
that do. What else cannot be told apart, the matrix shows (`benchmarks.differences`).
"""

from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scikit_posthocs import critical_difference_diagram

from benchmarks import stats
from benchmarks.names import title
from benchmarks.shelf import each
from benchmarks.stats import Family

INK, FAINT = "0.15", "0.35"
SHADES = (INK, "0.6")
READING = (
    "A bar joins detectors of which no two differ at 5 % (two-sided Wilcoxon, Holm);\n"
    "two shades keep bars side by side apart."
)


def picture(family: Family) -> Figure:
    """The detectors at their mean ranks over blocks, 1 the best; the heading is left to the
    caller."""
    ranks = family.ranks.sort_values(kind="stable")
    ranks.index = [title(str(name)) for name in ranks.index]
    high = 1.05 + 0.13 * len(ranks)
    figure = Figure(figsize=(5.4, high))
    axes = figure.add_axes((0.2, 0.2 / high, 0.6, 1 - 0.78 / high))
    drawn = critical_difference_diagram(
        ranks, alike(family), alpha=stats.LEVEL, ax=axes, label_fmt_left="{label}  {rank:.1f} ",
        label_fmt_right=" {rank:.1f}  {label}", text_h_margin=0.02 * len(ranks),
        label_props={"fontsize": 8}, elbow_props={"color": "0.45", "lw": 0.8},
        marker_props={"s": 9, "color": INK}, crossbar_props={"linewidth": 2.4, "color": INK},
    )  # fmt: skip
    for label in drawn["labels"]:
        label.set_color(INK)
    _told_apart(drawn["crossbars"])
    axes.tick_params(length=2)
    figure.text(0.02, 0.08 / high, READING, va="bottom", fontsize=6.5, color=FAINT)
    return figure


def _told_apart(bars: Sequence[Sequence[Line2D]]) -> None:
    """Two shades in turn along a level, where the end of a bar may touch the next."""
    levels: dict[float, list[tuple[float, Line2D]]] = defaultdict(list)
    for line in (line for bar in bars for line in bar):
        left, level = np.asarray(line.get_xydata(), dtype=float)[0]
        levels[float(level)].append((float(left), line))
    for level in levels.values():
        for place, (_, line) in enumerate(sorted(level, key=itemgetter(0))):
            line.set_color(SHADES[place % 2])


def alike(family: Family) -> pd.DataFrame:
    """1 for two detectors between which, in rank, no pair differs, they included; else 0."""
    order = list(family.ranks.sort_values(kind="stable").index)
    apart = [
        sorted((order.index(pair.better), order.index(pair.other)))
        for pair in each(stats.pairs(family.scores))
        if pair.significant
    ]
    heads = [title(str(name)) for name in order]
    found = pd.DataFrame(1.0, index=heads, columns=heads)
    for first in range(len(order)):
        for last in range(first + 1, len(order)):
            if any(first <= one and other <= last for one, other in apart):
                found.iat[first, last] = found.iat[last, first] = 0.0
    return found
