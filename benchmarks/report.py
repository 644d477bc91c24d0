"""All tables and figures of an output folder, from its stored rows alone; needs no torch.

``python -m benchmarks.report OUT`` writes ``OUT/results.csv``, ``OUT/tables`` and ``OUT/figures``.
"""

import argparse
import hashlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks import published, record
from benchmarks.plots import FIGURES, Show, save
from benchmarks.render import Table, to_latex, to_markdown
from benchmarks.store import Store, frame, newest, write_csv
from benchmarks.tables import TABLES

# What decides how a file looks: where one of these changes, everything is drawn anew.
SHOW_HALF = ("store", "published", "tables", "render", "curves", "gallery", "plots", "record")
Maker = Callable[[pd.DataFrame], dict[str, Table]]
Job = tuple[str, pd.DataFrame, Callable[[], list[Path]]]  # name, the lines it shows, what writes it


def build(out: Path, galleries: int = 2) -> list[Path]:
    """Write every table and figure that is missing or out of date; return the files written.

    galleries: how many normals of each dataset and recipe get a gallery.
    A file is fresh while its rows and the code that draws it stay the same (``OUT/.report``).
    Raises FileNotFoundError when there are no rows, OSError when ``out`` cannot be written.
    """
    out = Path(out)
    store = Store(out)
    lines = frame(store.rows())
    if lines.empty:
        raise FileNotFoundError(f"{out}: no rows to report; run the benchmark into it first")
    stamps = out / ".report"
    fresh, written = _recorded(stamps), []
    try:
        for name, shown, write in _jobs(out, lines, Show(store, newest(lines), galleries)):
            stamp = _stamp(shown, CODE)
            known, *files = fresh.get(name, [""])
            if known == stamp and all((out / file).exists() for file in files):
                continue
            made = write()
            fresh[name] = [stamp, *(str(path.relative_to(out)) for path in made)]
            written += made
        if written:
            stamps.write_text(json.dumps(fresh, indent=1))
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"output folder {out} is not writable: {reason}") from error
    return written


def _jobs(out: Path, lines: pd.DataFrame, show: Show) -> Iterator[Job]:
    tables, figures = out / "tables", out / "figures"
    tables.mkdir(exist_ok=True)
    figures.mkdir(exist_ok=True)
    yield "results", lines, partial(_results, lines, out)
    for kind, make in TABLES.items():
        yield f"tables {kind}", show.frame, partial(_tables, make, show.frame, tables)
    for draw in FIGURES.values():
        for drawing in draw(show):
            yield drawing.name, drawing.rows, partial(save, drawing, figures)


def _results(lines: pd.DataFrame, out: Path) -> list[Path]:
    write_csv(lines, out / "results.csv")
    return [out / "results.csv", record.write_page(out, lines)]


def _tables(make: Maker, shown: pd.DataFrame, folder: Path) -> list[Path]:
    written = []
    for name, table in make(shown).items():
        csv, latex, markdown = (folder / f"{name}.{kind}" for kind in ("csv", "tex", "md"))
        write_csv(table.csv(), csv)
        latex.write_text(to_latex(table, label=name), encoding="utf-8")
        markdown.write_text(to_markdown(table), encoding="utf-8")
        written += [csv, latex, markdown]
    return written


def _recorded(stamps: Path) -> dict[str, list[str]]:
    try:
        return dict(json.loads(stamps.read_text()))
    except (OSError, ValueError, TypeError):  # absent or torn: everything is drawn again
        return {}


def _code() -> str:
    """Fingerprint of the show half and the published numbers: new code draws everything anew."""
    sources = [Path(__file__).with_name(f"{name}.py") for name in (*SHOW_HALF, "report")]
    if published.PATH.exists():
        sources.append(published.PATH)
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


# Taken when the code is loaded, not when it has drawn: it may be edited during a long run.
CODE = _code()


def _stamp(shown: pd.DataFrame, code: str) -> str:
    trials = sorted(set(zip(shown["stem"], shown["finished"], strict=True)))
    return hashlib.sha256(f"{code} {trials}".encode()).hexdigest()[:16]


def main() -> int:
    """Command line: ``python -m benchmarks.report OUT``; 0 when all is written, 1 with a reason."""
    parser = argparse.ArgumentParser(prog="benchmarks.report", description=__doc__)
    parser.add_argument("out", type=Path, help="output folder of a run")
    parser.add_argument("--galleries", type=int, default=2, help="normals per dataset (default 2)")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="put the overview between FILE's marks, only"
    )
    options = parser.parse_args()
    logging.basicConfig(format="%(levelname)s: %(message)s")
    try:
        if options.into is not None:
            record.insert(options.into, record.rows_or_csv(options.out))
            return 0
        written = build(options.out, options.galleries)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(map(str, written)) or f"{options.out}: everything is up to date")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
