"""Tables of what differences mean: a summary for each data set, comparisons across them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import stats
from benchmarks.names import dataset_title, title
from benchmarks.render import MISSING, Grid
from benchmarks.shelf import each
from benchmarks.show import LINEAGE
from benchmarks.stats import LEVEL, Family
from benchmarks.tables import MAIN

LEAST_BLOCKS = 6  # of fewer, a two-sided Wilcoxon test cannot reach 5 %
CAUTION = (
    "Blocks of a data set share its images and so are not independent: the p-values are on the "
    "optimistic side."
)
TOLD = 12  # significant pairs that are told in words; the CSV holds all


def families(frame: pd.DataFrame) -> Iterator[tuple[str, str, str, Family]]:
    """(name, metric, recipe, family): the lineage, then all detectors, where there are enough
    blocks for a test to say anything."""
    for recipe in sorted(frame["recipe"].unique()):
        rows = stats.usual(frame, recipe)
        for metric in MAIN:
            whole, lineage = (stats.family(rows, metric, names) for names in ((), LINEAGE))
            if 2 < lineage.scores.shape[1] < whole.scores.shape[1] and enough(lineage):
                yield f"{metric}-{recipe}-lineage", metric, recipe, lineage
            if enough(whole):
                yield f"{metric}-{recipe}", metric, recipe, whole


def enough(family: Family) -> bool:
    """Whether the family holds a comparison at all."""
    blocks, detectors = family.scores.shape
    return blocks >= LEAST_BLOCKS and detectors > 1


def comparisons(frame: pd.DataFrame) -> dict[str, Grid]:
    """Detector against detector over all blocks, named ``comparison-<metric>-<recipe>``."""
    made = {}
    for name, metric, recipe, family in families(frame):
        made[f"comparison-{name}"] = comparison(f"{metric}, recipe {recipe}", family)
    return made


def comparison(of: str, family: Family) -> Grid:
    """Mean differences in points, line less column; in bold those that are significant."""
    scores = family.scores
    found = stats.with_intervals(stats.pairs(scores), scores)
    if scores.shape[1] > 2:
        statistic, p, how = stats.friedman(scores)
        found["significant"] &= p < LEVEL
        told = [_friedman(statistic, p, how)]
    else:
        told = []
    names = list(family.ranks.sort_values(kind="stable").index)
    cells = pd.DataFrame(MISSING, index=names, columns=names)
    strong = pd.DataFrame(False, index=names, columns=names)
    for pair in each(found):
        for line, column, sign in ((pair.better, pair.other, 1), (pair.other, pair.better, -1)):
            cells.loc[line, column] = f"{_points(sign * pair.difference)}"
            strong.loc[line, column] = pair.significant
    heads = [title(name) for name in names]
    cells, strong = (each.set_axis(heads, axis=1).set_axis(heads) for each in (cells, strong))
    cells.insert(0, "mean rank", [f"{family.ranks[name]:.1f}" for name in names])
    strong.insert(0, "mean rank", False)
    return Grid(
        title=f"{of}: line less column, points",
        cells=cells.rename_axis("detector"),
        strong=strong,
        raw=found,
        notes=(*_blocks(family), *told, *_verdict(found, len(scores)), CAUTION),
    )


def _points(difference: float) -> str:
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def _probability(p: float) -> str:
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def _friedman(statistic: float, p: float, how: str) -> str:
    verdict = "the detectors differ" if p < LEVEL else "no evidence that the detectors differ"
    return f"Friedman: {statistic:.1f}, {_probability(p)} ({how}): {verdict}."


def _blocks(family: Family) -> Iterator[str]:
    counts = family.scores.index.str.split(": ").str[0].value_counts(sort=False)
    of = ", ".join(f"{count} of {dataset_title(str(name))}" for name, count in counts.items())
    yield f"{len(family.scores)} blocks (class or category; {of}), seeds averaged in each."
    if family.left_out:
        shown = "; ".join(family.left_out[:TOLD])
        more = len(family.left_out) - TOLD
        yield f"Left out: {shown}{f'; and {more} more' if more > 0 else ''}."


def _verdict(found: pd.DataFrame, blocks: int) -> Iterator[str]:
    how = f"at 5 % (two-sided Wilcoxon, Holm over {len(found)} pairs)"
    clear = found[found["significant"]]
    least = stats.least_p(blocks, len(found))
    if least >= LEVEL:
        yield (
            f"No pair can be significant {how}: with {blocks} blocks the least corrected p is "
            f"{least:.2f}. Compare fewer detectors or run more data sets."
        )
    elif clear.empty:
        yield f"No pair differs significantly {how}."
    else:
        pairs = [
            f"{title(pair.better)} over {title(pair.other)} by {_points(pair.difference)[1:]} "
            f"({100 * pair.low:.1f} to {100 * pair.high:.1f}; {_probability(pair.p_holm)})"
            for pair in each(clear.head(TOLD))
        ]
        more = f"; and {len(clear) - TOLD} more" if len(clear) > TOLD else ""
        yield f"Significant {how}, in bold: {'; '.join(pairs)}{more}."
        over = "Student's t" if blocks < stats.FEW else "studentised bootstrap over blocks"
        yield f"In parentheses the 95 % interval of the mean difference ({over})."
        yield f"The other {len(found) - len(clear)} pairs cannot be told apart."


def summaries(frame: pd.DataFrame) -> dict[str, Grid]:
    """Detectors of a data set with their spreads, named ``summary-<dataset>-<metric>-<recipe>``."""
    made = {}
    for (dataset, recipe), part in frame.groupby(["dataset", "recipe"]):
        for metric in MAIN:
            if (part["metric"] == metric).any():
                found = stats.summary(part, str(dataset), metric, str(recipe))
                name = f"summary-{dataset}-{metric}-{recipe}"
                made[name] = _summary(f"{dataset}: {metric}, recipe {recipe}", found)
    return made


def _summary(of: str, found: pd.DataFrame) -> Grid:
    def span(line: dict[Any, Any], over: str) -> str:
        low, high = 100 * line[f"{over}_low"], 100 * line[f"{over}_high"]
        return MISSING if np.isnan(low) else f"{low:.1f} to {high:.1f}"

    lines = [
        {
            "mean": f"{100 * line['mean']:.1f}",
            "std": MISSING if np.isnan(line["std"]) else f"{100 * line['std']:.2f}",
            "seeds": str(line["seeds"]),
            "classes": str(line["classes"]),
            "over classes": span(line, "classes"),
            "over seeds": span(line, "seeds"),
        }
        for line in found.to_dict("records")
    ]
    index = pd.Index([title(str(name)) for name in found["detector"]], name="detector")
    cells = pd.DataFrame(lines, index)
    notes = (
        "Per cent. std: of the means over classes of each seed, n - 1 in the denominator.",
        f"Intervals: 95 %, studentised bootstrap of the mean (of fewer than {stats.FEW} values, or "
        "mostly equal ones, Student's t); over classes with seeds averaged: what other classes of "
        "this kind may give; over seeds, of five or more, with classes averaged: what a rerun may "
        "give.",
    )
    strong = pd.DataFrame(False, index=cells.index, columns=cells.columns)
    return Grid(f"{of}, mean and spread", cells, strong, found, notes)
