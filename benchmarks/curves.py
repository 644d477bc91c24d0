"""ROC curves: exact, thinned for drawing, averaged over classes; and the figure of a dataset."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.render import rank, title

STEPS = 400  # drawn curves move by 1/400 of an axis (1/100 of a decade): a hair in print
DASHES = ["-", (0, (4, 1.2)), (0, (1, 1))]
# Inches: the figure is as wide as a text page; a small panel every PITCH, five of them ACROSS.
WIDTH, LEFT, TOP, LARGE, GAP, SMALL, PITCH, BELOW = 7.5, 0.5, 0.4, 2.5, 0.7, 1.23, 1.45, 0.5
ACROSS = 5
INK = "0.15"

Curve = tuple[np.ndarray, np.ndarray]


def roc(scores: np.ndarray, labels: np.ndarray) -> Curve:
    """Exact ROC curve: false and true positive rates at every threshold, from (0, 0) to (1, 1).

    ``scores`` and ``labels`` (1 = anomaly) are ``(n,)``; tied scores are one threshold.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]
    true = np.cumsum(labels[order] == 1)[last]
    false = last + 1 - true
    return np.r_[0, false] / max(false[-1], 1), np.r_[0, true] / max(true[-1], 1)


def thinned(curve: Curve) -> Curve:
    """The curve without vertices a hair from the one before; those kept are exact."""
    x, y = curve
    cells = np.stack([x * STEPS, y * STEPS, np.log10(np.maximum(x, 1e-4)) * STEPS / 4]).astype(int)
    keep = np.r_[True, (np.diff(cells) != 0).any(axis=0)]
    keep[:-1] |= keep[1:]  # both ends of a step, so that a corner stays a corner
    keep[-1] = True
    return x[keep], y[keep]


def mean_roc(curves: Sequence[Curve]) -> Curve:
    """Vertical average (Fawcett 2006): mean true positive rate at equal false positive rate.

    Exact, steps included: its area is the mean of the curves' areas.
    """
    at = np.unique(np.concatenate([x for x, _ in curves]))
    foot = np.mean([np.interp(-at, -x[::-1], y[::-1]) for x, y in curves], axis=0)
    head = np.mean([np.interp(at, x, y) for x, y in curves], axis=0)
    return np.repeat(at, 2), np.stack([foot, head], axis=1).ravel()


def area(curve: Curve) -> float:
    """Area under a curve, by trapezoids."""
    return float(np.trapezoid(curve[1], curve[0]))


def picture(
    heading: str, curves: Mapping[str, Mapping[str, Sequence[Curve]]], normals: Sequence[str]
) -> Figure:
    """All detectors' mean curves in two panels, then a small panel of every class per detector.

    ``curves`` is column -> normal -> one exact curve per seed.
    """
    columns = sorted(curves, key=rank)
    rows = -(-len(columns) // ACROSS)
    high = TOP + LARGE + GAP + rows * PITCH + BELOW
    figure = Figure(figsize=(WIDTH, high))
    figure.text(LEFT / WIDTH, 1 - 0.1 / high, heading, va="top", fontsize=9, fontweight="bold")
    each = {name: [c for found in curves[name].values() for c in found] for name in columns}
    means = {name: mean_roc(found) for name, found in each.items()}
    areas = {name: float(np.mean([area(c) for c in found])) for name, found in each.items()}
    _large(figure, means, areas)
    hues = dict(zip(normals, sns.husl_palette(len(normals), s=0.9, l=0.6), strict=True))
    for i, name in enumerate(columns):
        bottom = 1 - (TOP + LARGE + GAP + (i // ACROSS) * PITCH + SMALL) / high
        left = (LEFT + i % ACROSS * (SMALL + 0.16)) / WIDTH
        axes = figure.add_axes((left, bottom, SMALL / WIDTH, SMALL / high))
        _frame(axes)
        for normal, found in curves[name].items():
            axes.plot(*thinned(mean_roc(found)), color=hues[normal], lw=0.7)
        axes.plot(*thinned(means[name]), color=INK, lw=1.3)
        detector, _, variant = title(name).partition(" (")
        axes.set_title(f"{detector}  {100 * areas[name]:.1f}", pad=3)
        axes.text(0.97, 0.05, fill(variant.rstrip(")"), 16), ha="right", fontsize=6.5, color="0.3")
        axes.tick_params(labelleft=i % ACROSS == 0, labelbottom=i + ACROSS >= len(columns))
    handles = [Line2D([], [], color=hue, lw=1.6, label=title(n)) for n, hue in hues.items()]
    handles.append(Line2D([], [], color=INK, lw=1.6, label="mean"))
    if len(handles) <= 16:  # the names of thirty classes would fill half a page
        figure.legend(handles=handles, loc="lower center", ncols=6, frameon=False)
    return figure


def _frame(axes: Axes) -> None:
    chance = np.geomspace(1e-4, 1, 200)
    axes.plot(chance, chance, color="0.8", lw=0.8, zorder=0)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_xticks((0, 0.5, 1), ("0", ".5", "1"))
    axes.set_yticks((0, 0.5, 1), ("0", ".5", "1"))
    axes.tick_params(length=2, width=0.6, pad=2)
    axes.grid(color="0.93", lw=0.6)
    sns.despine(ax=axes)


def _large(figure: Figure, means: Mapping[str, Curve], areas: Mapping[str, float]) -> None:
    """Every detector's mean curve, on a linear and on a logarithmic scale; one legend."""
    high = figure.get_figheight()
    lefts = (LEFT, LEFT + LARGE + 0.35)
    box = (1 - (TOP + LARGE) / high, LARGE / WIDTH, LARGE / high)
    linear, log = (figure.add_axes((left / WIDTH, *box)) for left in lefts)
    palette = sns.color_palette("colorblind", 10)
    style = {name: (palette[i % 10], DASHES[i // 10 % 3]) for i, name in enumerate(means)}
    for axes in (linear, log):
        _frame(axes)
        for name in sorted(means, key=lambda name: -areas[name]):
            colour, dash = style[name]
            label = fill(f"{100 * areas[name]:.1f}  {title(name)}", 21, subsequent_indent=" " * 8)
            axes.plot(*thinned(means[name]), color=colour, ls=dash, lw=1.4, label=label)
    linear.set(xlabel="false positive rate", ylabel="true positive rate")
    log.set(xlabel="false positive rate, log scale", xscale="log", xlim=(1e-3, 1.01))
    log.set_xticks((1e-3, 1e-2, 1e-1, 1), (".001", ".01", ".1", "1"))
    log.set_yticklabels([])
    log.legend(
        loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, handlelength=1.9,
        title="mean AUROC, detector", title_fontsize=7.5, alignment="left", handletextpad=0.5,
    )  # fmt: skip
