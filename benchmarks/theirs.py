"""The papers' numbers in the shape of a table of ours, and what a reader must know of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import published
from benchmarks.names import title

RUN = ["dataset", "detector", "exposure", "scenario"]
RULE = (
    "Of several papers, the number shown is that of the detector's own if it has one, else of one "
    "that ran the detector, else of one that quotes others; where even, of the one that prints "
    'every class, then of the newest. After "also": what other papers print.'
)


@dataclass(frozen=True)
class Theirs:
    """``numbers`` stand beside ours, ``also`` are those of other papers, as text; both share lines
    and columns with our values. ``notes`` name the sources."""

    numbers: pd.DataFrame
    also: pd.DataFrame
    notes: tuple[str, ...]


def theirs(values: pd.DataFrame, marks: pd.DataFrame, part: pd.DataFrame, metric: str) -> Theirs:
    """What belongs beside ``values``, of the rows ``part`` with their ``column``.

    A published mean covers every class, so it stands only beside a mean that does.
    """
    numbers = pd.DataFrame(np.nan, index=values.index, columns=values.columns)
    also = pd.DataFrame("", index=values.index, columns=values.columns, dtype=object)
    told: dict[str, list[str]] = {}
    runs = part.drop_duplicates("column").set_index("column")
    for name in values.columns:
        run: list[Any] = [runs.at[name, field] for field in RUN]
        dataset, detector, exposure, scenario = run
        known = published.compared(dataset, detector, metric, scenario)
        beside = [line for line in values.index if line in known.index]
        complete = len(values) - 1 == published.CLASSES.get(dataset)
        if "mean" in beside and not (complete and marks.loc["mean", name] == ""):
            beside.remove("mean")
        numbers.loc[beside, name] = known.loc[beside, "mean"]
        others = published.elsewhere(known.loc[beside])
        for line, of_line in others.groupby("normal"):
            shown = dict.fromkeys(f"{round(100 * mean, 1):g}" for mean in of_line["mean"])
            also.loc[line, name] = ", ".join(shown)
        sources = published.sources(known.loc[beside], exposure)
        for text in (*(f"Published ({{}}): {one}" for one in sources), *_elsewhere(others)):
            told.setdefault(text, []).append(title(name))
    notes = (text.replace("{}", ", ".join(who), 1) + "." for text, who in told.items())
    return Theirs(numbers, also, tuple(notes))


def _elsewhere(others: pd.DataFrame) -> Iterator[str]:
    fields = others[["normal", "mean", "paper", "table", "note"]]
    for normal, mean, paper, table, note in fields.itertuples(index=False):
        quoted = ", quoted from earlier work" if "quoted by" in note else ""
        number = f"{round(100 * mean, 1):g}"
        yield f"Also published ({{}}, {normal}): {number} in {paper}, {table}{quoted}"
