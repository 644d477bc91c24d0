"""All tables and figures of an output folder, from its stored rows alone; needs no torch.

``python -m benchmarks.report OUT`` writes ``OUT/results.csv``, ``OUT/tables``, ``OUT/figures`` and
``OUT/index.html``, the page that shows them all; ``report FOLDER... --out OUT`` does so for one or
several folders together, with every table of the papers. Of several, those without rows are left
out with a warning. Exit codes: 0 all is written, 3 internal error, 4 usage, or rows that cannot be
read, 130 interrupted, 143 terminated.
"""

import argparse
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from baselines.door import OK, Parser, entered
from benchmarks import published, record
from benchmarks.charts import CHARTS
from benchmarks.comparison import beside
from benchmarks.faults import Unwritable
from benchmarks.latex import to_latex
from benchmarks.page.write import write as write_page
from benchmarks.paper_tables import papers
from benchmarks.plots import FIGURES, save
from benchmarks.render import Grid, Table, to_markdown
from benchmarks.scale import SCALE_HELP, SCALES
from benchmarks.shelf import Shelf, holding
from benchmarks.show import Show
from benchmarks.significance import comparisons, summaries
from benchmarks.store import newest, write_csv
from benchmarks.tables import TABLES

# What decides how a file looks: where one of these changes, everything is drawn anew.
SHOW_HALF = (
    "store", "schema", "artefacts", "deviations", "shelf", "published", "names", "theirs",
    "remarks", "tables", "render", "latex", "layouts", "comparison", "paper_tables", "stats",
    "significance", "scale", "show", "curves", "gallery", "tiling", "panels", "plots", "charts",
    "scatter", "differences", "critical", "record", "citations", "works",
)  # fmt: skip
Maker = Callable[[pd.DataFrame], Mapping[str, Table | Grid]]
MAKERS: dict[str, Maker] = {**TABLES, "summaries": summaries, "comparisons": comparisons}
MANY = 16  # files to draw from where on several processes are faster than one
Job = tuple[str, pd.DataFrame, Callable[[], list[Path]]]  # name, the lines it shows, what writes it


def build(
    out: Path,
    galleries: int = 2,
    scale: str = SCALES[0],
    folders: Sequence[Path] = (),
    processes: int = 1,
) -> list[Path]:
    """Write every table and figure that is missing or out of date; return the files written.

    galleries: how many normals of each dataset and recipe get a gallery.
    scale: the colour scale of heatmaps, one of `scale.SCALES`.
    folders: where the rows are, if not in ``out`` itself.
    processes: how many draw, where there is much to draw.
    A file is fresh while its rows and the code that draws it stay the same (``OUT/.report``).
    Raises FileNotFoundError when there are no rows, OSError when ``out`` cannot be written.
    """
    out = Path(out)
    shelf = Shelf(folders or [out])
    lines = shelf.frame()
    stamps = out / ".report"
    fresh, stale = _recorded(stamps), {}
    try:
        show = Show(shelf, newest(lines), galleries, scale)
        for name, shown, write in _jobs(out, lines, show, shelf.folders):
            stamp = _stamp(shown, CODE)
            known, *files = fresh.get(name, [""])
            if known != stamp or not all((out / file).exists() for file in files):
                stale[name] = stamp, write
        made = _made([write for _, write in stale.values()], processes)
        for (name, (stamp, _)), paths in zip(stale.items(), made, strict=True):
            fresh[name] = [stamp, *(str(path.relative_to(out)) for path in paths)]
        written = [path for paths in made for path in paths]
        if written:
            stamps.write_text(json.dumps(fresh, indent=1))
    except OSError as error:
        reason = error.strerror or error
        raise Unwritable(f"output folder {out} is not writable: {reason}") from error
    return written


def _made(writes: Sequence[Callable[[], list[Path]]], processes: int) -> list[list[Path]]:
    """What each has written; a pool takes seconds to start, so few are written here."""
    if processes < 2 or len(writes) < MANY:
        return [write() for write in writes]
    return list(Parallel(n_jobs=processes)(delayed(write)() for write in writes))


def _jobs(out: Path, lines: pd.DataFrame, show: Show, folders: Sequence[Path]) -> Iterator[Job]:
    tables, figures = out / "tables", out / "figures"
    tables.mkdir(exist_ok=True, parents=True)
    figures.mkdir(exist_ok=True)
    yield "results", lines, partial(_results, lines, out, folders)
    for kind, make in MAKERS.items():
        yield f"tables {kind}", show.frame, partial(_tables, make, show.frame, tables)
    if out not in folders:  # of one run alone the papers' tables would be all but empty
        yield "tables papers", show.frame, partial(_papers, show.frame, tables)
    for draw in (*FIGURES.values(), *CHARTS.values()):
        for drawing in draw(show):
            yield drawing.name, drawing.rows, partial(save, drawing, figures)
    # Last, for it shows the figures.
    name = f"page, galleries {show.galleries}, scale {show.scale}"
    yield name, lines, partial(_page, out, folders, show)


def _results(lines: pd.DataFrame, out: Path, folders: Sequence[Path]) -> list[Path]:
    path = out / "results.csv"
    if [out] != [*folders] or (out / "rows").is_dir():  # else it is where the lines come from
        write_csv(lines, path)
    return [path, record.write_page(out, lines, folders)]


def _page(out: Path, folders: Sequence[Path], show: Show) -> list[Path]:
    return [write_page([*folders], out / "index.html", show.galleries, show.scale)]


def _tables(make: Maker, shown: pd.DataFrame, folder: Path) -> list[Path]:
    return [path for name, table in make(shown).items() for path in _write(name, table, folder)]


def _papers(shown: pd.DataFrame, folder: Path) -> list[Path]:
    both, path = beside(shown), folder / "papers.csv"
    write_csv(both, path)
    made = papers(both).items()
    return [path, *(file for name, table in made for file in _write(name, table, folder))]


def _write(name: str, table: Table | Grid, folder: Path) -> list[Path]:
    csv, latex, markdown = (folder / f"{name}.{kind}" for kind in ("csv", "tex", "md"))
    write_csv(table.csv(), csv)
    latex.write_text(to_latex(table, label=name), encoding="utf-8")
    markdown.write_text(to_markdown(table), encoding="utf-8")
    return [csv, latex, markdown]


def _recorded(stamps: Path) -> dict[str, list[str]]:
    try:
        return dict(json.loads(stamps.read_text()))
    except (OSError, ValueError, TypeError):  # absent or torn: everything is drawn again
        return {}


def _code() -> str:
    """Fingerprint of the show half and the published numbers: new code draws everything anew."""
    sources = [Path(__file__).with_name(f"{name}.py") for name in (*SHOW_HALF, "report")]
    sources += sorted(Path(__file__).with_name("page").glob("*.*"))
    if published.PATH.exists():
        sources.append(published.PATH)
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


# Taken when the code is loaded, not when it has drawn: it may be edited during a long run.
CODE = _code()


def _stamp(shown: pd.DataFrame, code: str) -> str:
    trials = sorted(set(zip(shown["stem"], shown["finished"], strict=True)))
    return hashlib.sha256(f"{code} {trials}".encode()).hexdigest()[:16]


def _separate(out: Path | None, folders: Sequence[Path]) -> None:
    """Several folders go into one of their own, so that no results.csv is lost."""
    if out is None or out.resolve() in [folder.resolve() for folder in folders]:
        raise ValueError("several folders need --out, a folder that is none of them")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = Parser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="output folders of runs")
    parser.add_argument("--out", type=Path, help="where to write (default: into the one folder)")
    parser.add_argument("--galleries", type=int, default=2, help="normals per dataset (default 2)")
    parser.add_argument("--scale", choices=SCALES, default=SCALES[0], help=SCALE_HELP)
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="put the overview between FILE's marks, only"
    )
    logging.basicConfig(format="%(levelname)s: %(message)s")
    return entered(parser, argv, report)


def report(options: argparse.Namespace) -> int:
    """Write what is asked for; raises OSError or ValueError for what cannot be read or written."""
    if len(options.folders) > 1 and options.into is None:
        _separate(options.out, options.folders)
    folders = holding(options.folders)
    if options.into is not None:
        record.insert(options.into, Shelf(folders).frame())
        return OK
    out, processes = options.out or folders[0], os.cpu_count() or 1
    written = build(out, options.galleries, options.scale, folders, processes)
    print("\n".join(map(str, written)) or f"{out}: everything is up to date")
    return OK


if __name__ == "__main__":
    raise SystemExit(main())
