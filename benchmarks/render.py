"""A table as LaTeX, GitHub Markdown or a rich table for the terminal.

Values are printed in per cent with one decimal, the best in bold, the published number in
parentheses, a missing cell as ``--`` and a failed one as ``failed``.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import rich.table
from rich.text import Text

SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {sign: f"\\{sign}" for sign in "&%$#_{}"} | {"±": r"$\pm$", "<": r"$<$", ">": r"$>$"}
MISSING = "--"

# The lineage in its historical order; detectors beside it follow alphabetically.
LINEAGE = {
    "svdd": "SVDD",
    "deep_svdd": "Deep SVDD",
    "deep_svdd_soft": "Deep SVDD soft",
    "deep_sad": "Deep SAD",
    "hsc": "HSC",
    "bce": "BCE",
    "focal": "Focal",
    "fcdd": "FCDD",
    "autoencoder": "Autoencoder",
}
OTHERS = {
    "copod": "COPOD",
    "ecod": "ECOD",
    "fcdd_semi": "FCDD semi",
    "hbos": "HBOS",
    "iforest": "IForest",
    "kde": "KDE",
    "knn": "kNN",
    "lof": "LOF",
    "ocsvm": "OC-SVM",
    "pca": "PCA",
}
INCOMPLETE, FAILED = "*", "failed"


@dataclass(frozen=True)
class Table:
    """One table; the five frames share lines and columns.

    ``values`` and ``published`` are means in [0, 1], ``stds`` the standard deviation over seeds
    (ddof 1, empty for one seed), ``marks`` is ``failed``, ``*`` (trials left out) or empty, and
    ``best`` is True where a complete value is the highest, to the printed digit.
    """

    title: str
    values: pd.DataFrame
    stds: pd.DataFrame
    published: pd.DataFrame
    marks: pd.DataFrame
    best: pd.DataFrame
    notes: tuple[str, ...]

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
            columns[f"{name} difference"] = ours - theirs
        return pd.DataFrame(columns).rename_axis(self.corner).reset_index()


def rank(column: str) -> tuple[int, str]:
    """Sorting key of a detector, or of a column's name: the lineage first, then the alphabet."""
    names = list(LINEAGE)
    detector = column.split(" ")[0]
    return (names.index(detector) if detector in names else len(names), column)


def title(column: str) -> str:
    """A detector, or a column's name, as people write it."""
    detector, _, variant = column.partition(" ")
    return f"{(LINEAGE | OTHERS).get(detector, detector)} {variant}".strip()


def tex(text: str) -> str:
    """``text`` for pdflatex: special characters escaped, the rest of Unicode as ``?``."""
    safe = "".join(SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
    return safe.encode("ascii", "replace").decode()


def _parts(table: Table, line: str, column: str) -> tuple[str, str, str, bool]:
    """A cell as (value or mark, std, published, best), in per cent; what is not there is empty."""
    frames = (table.values, table.stds, table.published, table.marks, table.best)
    cell: list[Any] = [frame.at[line, column] for frame in frames]
    value, std, theirs, mark, best = cell
    ours = (mark or MISSING) if pd.isna(value) else f"{100 * value:.1f}{mark}"
    spread = "" if pd.isna(std) else f"{100 * std:.1f}"
    return ours, spread, _beside(value, theirs), bool(best)


def _beside(value: float, theirs: float) -> str:
    """The published number as it was printed (.82, not .820), and ours less that."""
    if pd.isna(theirs):
        return ""
    difference = "" if pd.isna(value) else f", {100 * (value - theirs):+.1f}"
    return f"({round(100 * theirs, 1):g}{difference})"


def _tex_cell(table: Table, line: str, column: str) -> str:
    """Ours, the best in bold; the published number beneath it, smaller."""
    ours, std, theirs, best = _parts(table, line, column)
    ours = rf"\textbf{{{ours}}}" if best else tex(ours)
    ours += rf"{{\scriptsize$\,\pm${std}}}" if std else ""
    if not theirs:
        return ours
    beneath = rf"{ours}\\[-2pt]{{\scriptsize {theirs}}}"
    return rf"\begin{{tabular}}[t]{{@{{}}c@{{}}}}{beneath}\end{{tabular}}"


def _tex_head(name: str) -> str:
    words, _, variant = title(name).partition(" (")
    lines = [*words.split(" "), f"({variant}"] if variant else words.split(" ")
    return r"\shortstack{" + r"\\".join(tex(line) for line in lines) + "}"


def to_latex(table: Table, label: str) -> str:
    """A floating table for ``\\input``; needs the packages booktabs and graphicx."""
    first = table.corner
    cells = {name: [_tex_cell(table, line, name) for line in table.lines] for name in table.columns}
    names = [(r"\midrule " if line == "mean" else "") + tex(title(line)) for line in table.lines]
    body = pd.DataFrame({first: names} | cells).style.hide(axis="index")
    body = body.format_index(
        lambda name: tex(first) if name == first else _tex_head(str(name)), axis=1
    )
    tabular = body.to_latex(hrules=True, column_format="l" + "c" * len(cells))
    notes = "\n\n".join(tex(note) for note in table.notes)
    return rf"""\begin{{table}}[tbp]
\centering
\caption{{{tex(table.title)}}}
\label{{tab:{label}}}
\par\smallskip\setlength{{\tabcolsep}}{{3pt}}
\resizebox{{\ifdim\width>\linewidth\linewidth\else\width\fi}}{{!}}{{%
{tabular.strip()}}}
\par\smallskip
\begin{{minipage}}{{\linewidth}}\footnotesize\setlength{{\parindent}}{{0pt}}
{notes}
\end{{minipage}}
\end{{table}}
"""


def to_markdown(table: Table) -> str:
    """The table and its notes for GitHub."""

    def cell(line: str, column: str) -> str:
        ours, std, theirs, best = _parts(table, line, column)
        ours = f"**{ours}**" if best else ours.replace("*", r"\*")
        return f"{ours}{f' ± {std}' if std else ''}{f' {theirs}' if theirs else ''}"

    def row(cells: list[str]) -> str:
        return "| " + " | ".join(text.replace("|", r"\|") for text in cells) + " |"

    head = row([table.corner, *(title(name) for name in table.columns)])
    rule = "|---|" + "---:|" * len(table.columns)
    body = [row([title(n), *(cell(n, name) for name in table.columns)]) for n in table.lines]
    notes = [f"- {' '.join(note.split())}" for note in table.notes]
    return "\n".join([f"**{table.title}**", "", head, rule, *body, "", *notes, ""])


def as_rich(table: Table) -> rich.table.Table:
    """The table for a terminal: best in bold, published numbers dim, failures red."""
    caption = Text("\n".join(table.notes))
    shown = rich.table.Table(title=table.title, caption=caption, caption_justify="left")
    shown.add_column(table.corner)
    for name in table.columns:
        shown.add_column(title(name), justify="right")
    for line in table.lines:
        cells = [Text(title(line))]
        for name in table.columns:
            ours, std, theirs, best = _parts(table, line, name)
            text = Text(ours, style="bold" if best else "red" if ours == FAILED else "")
            text.append(f" ±{std}" if std else "").append(f" {theirs}".rstrip(), "dim")
            cells.append(text)
        shown.add_row(*cells)
    return shown
