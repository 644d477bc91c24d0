"""The page's tables: the headline, ours beside published, every class; numbers as the page shows
them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import published
from benchmarks.names import dataset_rank, dataset_title, metric_title, rank, title
from benchmarks.page.compare import Fact, differences, facts
from benchmarks.remarks import why
from benchmarks.render import FAILED, Table
from benchmarks.store import DONE
from benchmarks.tables import class_table, with_columns

MINUS, MISSING = "\N{MINUS SIGN}", "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """A value as it is shown, in per cent, and what stands around it."""

    text: str = ""
    value: float | None = None  # what it sorts by
    std: str = ""
    theirs: str = ""
    difference: str = ""
    also: str = ""  # what other papers print
    best: bool = False
    shade: float = 0.0  # 0 the lowest, 1 the highest of its scale
    differs: tuple[str, ...] = ()

    @property
    def missing(self) -> bool:
        """Nothing was run here; what failed is not missing."""
        return self.text == MISSING


@dataclass(frozen=True)
class Part:
    """The results of one data set, recipe and metric: normals (last their mean) x detectors."""

    dataset: str
    recipe: str
    metric: str
    table: Table
    facts: Mapping[str, Fact]  # of each column
    cells: dict[tuple[str, str], Cell]  # (line, column)

    @property
    def facets(self) -> dict[str, str]:
        return {"dataset": self.dataset, "recipe": self.recipe, "metric": self.metric}

    @property
    def heading(self) -> str:
        of = f" ({self.table.covered})" if self.table.covered else ""
        name = f"{dataset_title(self.dataset)}{of}"
        return f"{name}, {metric_title(self.metric)}, recipe {self.recipe}"

    def known(self, line: str, column: str) -> dict[str, Any] | None:
        """The published number beside a cell, with its source."""
        if np.isnan(_number(self.table.published, line, column)):
            return None
        scenario = self.facts[column].scenario
        found = published.compared(self.dataset, column.split(" ")[0], self.metric, scenario)
        return {str(name): value for name, value in found.loc[line].items()}


@dataclass(frozen=True)
class Comparison:
    """Our mean over classes beside a paper's."""

    part: Part
    column: str
    cell: Cell
    seeds: int
    theirs: float
    paper: str
    where: str  # its table
    setting: str

    @property
    def difference(self) -> float:
        return _number(self.part.table.values, "mean", self.column) - self.theirs

    @property
    def size(self) -> float:
        """Length of its bar: 1 is ten points or more."""
        return round(min(abs(self.difference) / 0.1, 1), 3)


def parts(frame: pd.DataFrame) -> Iterator[Part]:
    """One part for each data set, recipe and metric that the frame has values of."""
    groups = frame.groupby(["dataset", "recipe"])
    for (dataset, recipe), lines in sorted(groups, key=lambda one: dataset_rank(str(one[0][0]))):
        given_to = facts(with_columns(lines))
        for metric in lines["metric"].dropna().unique():
            table = class_table(frame, str(dataset), str(metric), str(recipe))
            part = Part(str(dataset), str(recipe), str(metric), table, given_to, {})
            yield replace(part, cells=_cells(part))


def _cells(part: Part) -> dict[tuple[str, str], Cell]:
    values, columns = part.table.values, part.table.columns
    classes, means = _scale(values.drop("mean")), _scale(values.loc[["mean"]])
    return {
        (line, column): _cell(part, line, column, means if line == "mean" else classes)
        for line in part.table.lines
        for column in columns
    }


def _scale(values: pd.DataFrame) -> tuple[float, float]:
    """What is lightest and darkest: the extremes, at least five points apart."""
    seen = values.to_numpy(dtype=float)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return 0.0, 1.0
    return float(min(seen.min(), seen.max() - 0.05)), float(seen.max())


def _number(frame: pd.DataFrame, line: str, column: str) -> float:
    return float(frame[column].astype(float)[line])


def _cell(part: Part, line: str, column: str, scale: tuple[float, float]) -> Cell:
    table, (low, high) = part.table, scale
    value, mark = _number(table.values, line, column), str(table.marks.at[line, column])
    if np.isnan(value):
        return Cell(mark or MISSING)
    std, known = _number(table.stds, line, column), part.known(line, column)
    cell = Cell(
        text=f"{100 * value:.1f}{mark if mark != FAILED else ''}",
        value=value,
        std="" if np.isnan(std) else f"{100 * std:.1f}",
        best=bool(table.best.at[line, column]),
        shade=round((value - low) / (high - low), 3),
    )
    if known is None:
        return cell
    theirs = float(known["mean"])
    return replace(
        cell,
        theirs=f"{round(100 * theirs, 1):g}",
        difference=f"{100 * (value - theirs):+.1f}".replace("-", MINUS),
        also=table.also[column][line] if table.also is not None else "",
        differs=differences(part.recipe, part.facts[column], known),
    )


def comparisons(found: Sequence[Part]) -> Iterator[Comparison]:
    """Our means that have a published one beside them."""
    for part in found:
        for column in part.table.columns:
            known = part.known("mean", column)
            if known is not None:
                cell, seeds = part.cells["mean", column], part.facts[column].seeds
                told = (str(known[name]) for name in ("paper", "table", "setting"))
                yield Comparison(part, column, cell, seeds, float(known["mean"]), *told)


def detectors(found: Sequence[Part]) -> list[str]:
    """Columns of all parts, the lineage first."""
    return sorted({column for part in found for column in part.table.columns}, key=rank)


def failures(frame: pd.DataFrame) -> list[dict[str, str]]:
    """The newest failed trials, as text."""
    failed = frame[frame["status"] != DONE].drop_duplicates("stem")
    failed = failed.assign(reason=[why(trial) for _, trial in failed.iterrows()])
    names = ["dataset", "detector", "normal", "recipe", "seed", "reason"]
    return [
        {name: str(value) for name, value in zip(names, line, strict=True)}
        | {"title": title(line[1]), "dataset_title": dataset_title(line[0])}
        for line in failed[names].itertuples(index=False)
    ]
