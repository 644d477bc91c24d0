"""A table as GitHub Markdown or a rich table for the terminal; `latex` writes it for papers.

Values are printed in per cent with one decimal, the best in bold, the published number in
parentheses, a missing cell as ``--`` and a failed one as ``failed``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import rich.table
from rich.text import Text

from benchmarks.names import rank as rank  # whoever renders also sorts
from benchmarks.names import title as title

MISSING = "--"

INCOMPLETE, FAILED = "*", "failed"


@dataclass(frozen=True)
class Table:
    """One table; the five frames share lines and columns.

    ``values`` and ``published`` are means in [0, 1], ``stds`` the standard deviation over seeds
    (ddof 1, empty for one seed), ``marks`` is ``failed``, ``*`` (trials left out), empty, or
    what a note explains, and ``best`` is True where a complete value is the highest, to the
    printed digit. A rule stands above each line of ``breaks``. ``headline`` are the notes that an
    overview needs too, ``also`` the numbers of further papers as text, and ``covered`` says over
    how much of a data set the mean goes, if not over all of it.
    """

    title: str
    values: pd.DataFrame
    stds: pd.DataFrame
    published: pd.DataFrame
    marks: pd.DataFrame
    best: pd.DataFrame
    notes: tuple[str, ...]
    published_stds: pd.DataFrame | None = None
    breaks: frozenset[str] = frozenset({"mean"})
    headline: tuple[str, ...] = ()
    also: pd.DataFrame | None = None
    covered: str = ""

    def head(self, line: str) -> str:
        """The name of a line as it is printed."""
        return f"mean ({self.covered})" if line == "mean" and self.covered else title(line)

    @property
    def lines(self) -> list[str]:
        return [str(name) for name in self.values.index]

    @property
    def columns(self) -> list[str]:
        return [str(name) for name in self.values]

    @property
    def corner(self) -> str:
        """What the lines are: ``normal`` or ``detector``."""
        return str(self.values.index.name)

    def csv(self) -> pd.DataFrame:
        """Full precision: ``<column>``, its std, the published number and ours less that."""
        columns: dict[str, pd.Series] = {}
        for name in self.columns:
            ours, theirs = self.values[name], self.published[name]
            columns[name] = ours.astype(object).where(self.marks[name] != FAILED, FAILED)
            columns[f"{name} std"] = self.stds[name]
            columns[f"{name} published"] = theirs
            if self.published_stds is not None:
                columns[f"{name} published std"] = self.published_stds[name]
            columns[f"{name} difference"] = ours - theirs
            if self.also is not None and (self.also[name] != "").any():
                columns[f"{name} also published"] = self.also[name]
        return pd.DataFrame(columns).rename_axis(self.corner).reset_index()


@dataclass(frozen=True)
class Grid:
    """A table whose cells are text as it is printed; ``raw`` holds the numbers, for the CSV.

    ``cells`` and ``strong`` (bold) share lines and columns.
    """

    title: str
    cells: pd.DataFrame
    strong: pd.DataFrame
    raw: pd.DataFrame
    notes: tuple[str, ...]

    def csv(self) -> pd.DataFrame:
        """The numbers at full precision."""
        return self.raw


def parts(table: Table, line: str, column: str) -> tuple[str, str, str, bool]:
    """A cell as (value or mark, std, published, best), in per cent; what is not there is empty."""
    frames = (table.values, table.stds, table.published, table.marks, table.best)
    cell: list[Any] = [frame.at[line, column] for frame in frames]
    value, std, theirs, mark, best = cell
    ours = (mark or MISSING) if pd.isna(value) else f"{100 * value:.1f}{mark}"
    spread = "" if pd.isna(std) else f"{100 * std:.1f}"
    std_there: Any = np.nan
    if table.published_stds is not None:
        std_there = table.published_stds.at[line, column]
    also = "" if table.also is None else str(table.also.at[line, column])
    return ours, spread, _beside(value, theirs, std_there, also), bool(best)


def _beside(value: float, theirs: float, std: float, also: str) -> str:
    """The published number as it was printed (.82, not .820), ours less that, and what other
    papers print."""
    if pd.isna(theirs):
        return ""
    spread = "" if pd.isna(std) else f" ± {round(100 * std, 1):g}"
    difference = "" if pd.isna(value) else f", {round(100 * (value - theirs), 1) + 0.0:+.1f}"
    return f"({round(100 * theirs, 1):g}{spread}{difference}{f'; also {also}' if also else ''})"


def to_markdown(table: Table | Grid) -> str:
    """The table and its notes for GitHub."""

    def row(cells: Iterable[str]) -> str:
        return "| " + " | ".join(text.replace("|", r"\|") for text in cells) + " |"

    texts = _texts(table) if isinstance(table, Table) else _grid_texts(table)
    head = row([str(texts.index.name), *map(str, texts.columns)])
    rule = "|---|" + "---:|" * texts.shape[1]
    body = [row(map(str, cells)) for cells in texts.itertuples(name=None)]
    notes = [f"- {' '.join(note.split())}".replace("*", r"\*") for note in table.notes]
    return "\n".join([f"**{table.title}**", "", head, rule, *body, "", *notes, ""])


def _texts(table: Table) -> pd.DataFrame:
    def cell(line: str, column: str) -> str:
        ours, std, theirs, best = parts(table, line, column)
        ours = f"**{ours}**" if best else ours.replace("*", r"\*")
        return f"{ours}{f' ± {std}' if std else ''}{f' {theirs}' if theirs else ''}"

    cells = {title(name): [cell(line, name) for line in table.lines] for name in table.columns}
    index = pd.Index([table.head(line) for line in table.lines], name=table.corner)
    return pd.DataFrame(cells, index)


def _grid_texts(grid: Grid) -> pd.DataFrame:
    return grid.cells.where(~grid.strong, "**" + grid.cells + "**")


def as_rich(table: Table) -> rich.table.Table:
    """The table for a terminal: best in bold, published numbers dim, failures red."""
    caption = Text("\n".join(table.notes))
    shown = rich.table.Table(title=table.title, caption=caption, caption_justify="left")
    shown.add_column(table.corner)
    for name in table.columns:
        shown.add_column(title(name), justify="right")
    for line in table.lines:
        cells = [Text(table.head(line))]
        for name in table.columns:
            ours, std, theirs, best = parts(table, line, name)
            text = Text(ours, style="bold" if best else "red" if ours == FAILED else "")
            text.append(f" ±{std}" if std else "").append(f" {theirs}".rstrip(), "dim")
            cells.append(text)
        shown.add_row(*cells)
    return shown
