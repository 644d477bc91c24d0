"""Tables as LaTeX that pdflatex takes, whatever the names in them; needs booktabs and graphicx."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from benchmarks.names import title
from benchmarks.render import Grid, Table, parts
from benchmarks.store import slug

# Letters that tables raise above a cell; a note with the same letter says what is behind it.
RAISED = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
SPECIAL |= {"±": r"$\pm$", "\u00d7": r"$\times$", "≤": r"$\leq$", "≥": r"$\geq$", "\u2013": "--"}
SPECIAL |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"''"}
SPECIAL |= {"[": "{[}", "]": "{]}", "*": "{*}"}  # after a line's \\ they would be its options
SPECIAL |= {raised: rf"\textsuperscript{{{letter}}}" for letter, raised in RAISED.items()}
HIGHEST = 0.75  # of a page's text: what the rows of a table may take, beside caption and notes
# Accents that pdflatex's own fonts set, by their combining character.
ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r",
    "\u030c": "v", "\u0327": "c",
}  # fmt: skip


def tex(text: str) -> str:
    """``text`` for pdflatex: special characters escaped, accents set, the rest as ``?``."""
    return "".join(_sign(sign) for sign in unicodedata.normalize("NFC", " ".join(text.split())))


def _sign(sign: str) -> str:
    if sign in SPECIAL:
        return SPECIAL[sign]
    if " " <= sign <= "~":
        return sign
    letter, *accents = list(unicodedata.normalize("NFD", sign))
    known = letter.isascii() and letter.isalpha() and len(accents) == 1 and accents[0] in ACCENTS
    return rf"\{ACCENTS[accents[0]]}{{{letter}}}" if known else "?"


def to_latex(table: Table | Grid, label: str) -> str:
    """A floating table for ``\\input``, as wide as a page at most and leaving room for its notes;
    ``label`` becomes plain."""
    tabular = _of_table(table) if isinstance(table, Table) else _of_grid(table)
    notes = "\n\n".join(tex(note) for note in table.notes)
    return rf"""\begin{{table}}[tbp]
\centering
\caption{{{tex(table.title)}}}
\label{{tab:{slug(label)}}}
\par\smallskip\setlength{{\tabcolsep}}{{3pt}}
\sbox0{{%
{tabular.strip()}}}%
\ifdim\wd0>\linewidth\sbox0{{\resizebox{{\linewidth}}{{!}}{{\usebox0}}}}\fi
\ifdim\dimexpr\ht0+\dp0>{HIGHEST}\textheight\sbox0{{\resizebox*{{!}}{{{HIGHEST}\textheight}}{{\usebox0}}}}\fi
\usebox0
\par\smallskip
\begin{{minipage}}{{\linewidth}}\footnotesize\setlength{{\parindent}}{{0pt}}\raggedright
{notes}
\end{{minipage}}
\end{{table}}
"""


def _of_table(table: Table) -> str:
    cells = {n: [_cell(table, line, n) for line in table.lines] for n in table.columns}
    lines = [tex(table.head(line)) for line in table.lines]
    above = [line in table.breaks for line in table.lines]
    heads = [_head(name) for name in table.columns]
    return _tabular(table.corner, lines, above, heads, cells, "c")


def _of_grid(grid: Grid) -> str:
    cells = {
        str(name): [
            rf"\textbf{{{tex(text)}}}" if strong else tex(text)
            for text, strong in zip(grid.cells[name], grid.strong[name], strict=True)
        ]
        for name in grid.cells
    }
    lines = [tex(str(line)) for line in grid.cells.index]
    heads = [_stacked(str(name).split(" ")) for name in grid.cells]
    return _tabular(str(grid.cells.index.name), lines, [False] * len(lines), heads, cells, "r")


def _tabular(
    corner: str,
    lines: Sequence[str],
    above: Collection[bool],
    heads: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    align: str,
) -> str:
    """``above``: which lines have a rule above them, the first never."""
    ruled = [
        r"\midrule " * (rule and i > 0) + f"{line}"
        for i, (line, rule) in enumerate(zip(lines, above, strict=True))
    ]
    columns = [ruled, *cells.values()]
    body = pd.DataFrame(dict(enumerate(columns))).style.hide(axis="index")
    names = [tex(corner), *heads]
    body = body.format_index(lambda i: names[int(str(i))], axis=1)
    return body.to_latex(hrules=True, column_format="l" + align * len(cells))


def _cell(table: Table, line: str, column: str) -> str:
    """Ours, the best in bold; the published number beneath it, smaller."""
    ours, std, theirs, best = parts(table, line, column)
    ours = rf"\textbf{{{tex(ours)}}}" if best else tex(ours)
    ours += rf"{{\scriptsize$\,\pm${std}}}" if std else ""
    if not theirs:
        return ours
    beneath = rf"{ours}\\[-2pt]{{\scriptsize {tex(theirs)}}}"
    return rf"\begin{{tabular}}[t]{{@{{}}c@{{}}}}{beneath}\end{{tabular}}"


def _head(name: str) -> str:
    words, _, variant = title(name).partition(" (")
    return _stacked([*words.split(" "), f"({variant}"] if variant else words.split(" "))


def _stacked(lines: Sequence[str]) -> str:
    return r"\shortstack{" + r"\\".join(tex(line) for line in lines) + "}"
