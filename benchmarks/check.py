"""``python -m benchmarks.check RESULTS``: the gate; no result may fall behind the baseline.

Exit codes: 0 nothing regressed, 1 something regressed, is missing or failed, 3 internal error, 4
usage or files that cannot be read or written, 130 interrupted, 143 terminated. Needs no torch.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import rich.console

from baselines.door import OK, Parser, entered
from benchmarks import reference
from benchmarks.seeds import seeds
from benchmarks.verdict import Verdict, judge
from benchmarks.verdict_text import as_rich, lines, markdown, sentence

REGRESSED = 1
# Options that narrow what is compared, and the column each speaks of.
COLUMNS = {
    "dataset": "dataset",
    "detectors": "detector",
    "normal": "normal",
    "recipe": "recipe",
    "seeds": "seed",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    return entered(parser(), argv, check)


def parser() -> Parser:
    """The command line."""
    p = Parser(
        prog="python -m benchmarks.check",
        description="Compare results with a baseline, paired over class and seed.",
        epilog="To compare a part of the baseline, name it as for benchmarks.run; what is left out "
        "is not missing. Exit codes: 0 fine, 1 regressed, missing or failed, 3 internal error, "
        "4 bad input, 130 interrupted, 143 terminated.",
    )
    p.add_argument("results", type=Path, help="a results.csv, or the output folder of a run")
    p.add_argument("--baseline", type=Path, default=reference.PATH, metavar="FILE")
    p.add_argument("--dataset", nargs="+", default=[], metavar="NAME")
    p.add_argument("--detectors", nargs="+", default=[], metavar="NAME")
    p.add_argument("--normal", nargs="+", default=[], metavar="NAME")
    p.add_argument("--recipe", nargs="+", default=[], metavar="NAME")
    p.add_argument("--seeds", type=seeds, default=(), metavar="0-4")
    p.add_argument(
        "--exact", action="store_true", help="differences beyond 1e-6 fail: CPU, same machine"
    )
    p.add_argument("--summary", type=Path, metavar="FILE", help="append the verdict as Markdown")
    p.add_argument(
        "--update", action="store_true", help="show what changes, then write the baseline"
    )
    p.add_argument(
        "--across-protocols", action="store_true", help="compare where the protocol differs too"
    )
    return p


def check(options: argparse.Namespace) -> int:
    """Compare, show, and write what is asked for; returns the exit code.

    Raises OSError or ValueError, in one line, for what cannot be read, written or found.
    """
    wanted = {
        column: [str(value) for value in getattr(options, option)]
        for option, column in COLUMNS.items()
    }
    every = reference.read(options.results)
    whole = _baseline(options, every)
    _known(wanted, whole, every)
    results = reference.cut(every, wanted)
    verdict = judge(reference.cut(whole, wanted), results, options.exact)
    if not options.update:
        _comparable(verdict, options)
    _show(verdict)
    if options.summary is not None:
        _append(options.summary, markdown(verdict))
    if options.update:
        return _update(options.baseline, whole, results, verdict)
    return REGRESSED if verdict.broken else OK


def _baseline(options: argparse.Namespace, results: pd.DataFrame) -> pd.DataFrame:
    """The baseline; one without rows where it is yet to be written."""
    if options.baseline.exists():
        return reference.read(options.baseline)
    if options.update:
        return results.iloc[:0]
    raise FileNotFoundError(f"{options.baseline}: no such baseline; write it with --update")


def _known(wanted: dict[str, list[str]], *tables: pd.DataFrame) -> None:
    """Raises ValueError for a name that no table has, or where nothing is left to compare."""
    for option, column in COLUMNS.items():
        known = {value for table in tables for value in table[column]}
        if unknown := [value for value in wanted[column] if value not in known]:
            names = ", ".join(sorted(known))
            raise ValueError(f"--{option}: {', '.join(unknown)} is in no row; there are {names}")
    if all(reference.cut(table, wanted).empty for table in tables):
        raise ValueError("no row is of all that is named; name less")


def _comparable(verdict: Verdict, options: argparse.Namespace) -> None:
    """Raises ValueError where a verdict would say nothing of the results."""
    names = f"{options.baseline} and {options.results}"
    if not verdict.broken and not verdict.comparisons:
        raise ValueError(
            f"nothing compared: {names} share no number; name the --baseline of these results, "
            "or write it with --update"
        )
    if verdict.protocol and not options.across_protocols:
        raise ValueError(
            f"{names} differ in protocol ({verdict.protocol}), so their numbers do not compare; "
            "write a new baseline with --update, or compare all the same with --across-protocols"
        )


def _show(verdict: Verdict) -> None:
    width = None if sys.stdout.isatty() else 10_000  # a log has no width to keep to
    if verdict.every:
        rich.console.Console(highlight=False, width=width).print(as_rich(verdict))
    for line in lines(verdict):
        print(line)
    print(sentence(verdict))


def _update(path: Path, baseline: pd.DataFrame, results: pd.DataFrame, verdict: Verdict) -> int:
    numbers = len(reference.done(results))
    if not numbers:
        raise ValueError("nothing to write: the results hold no number")
    reference.write(reference.renewed(baseline, results), path)
    kept = len(verdict.missing) + len(verdict.failed)
    said = f"; {kept} that the results lack are kept: to drop them, delete the file and update"
    print(
        f"{path}: {numbers} numbers written, {len(verdict.new)} of them new{said if kept else ''}"
    )
    return OK


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OSError(f"{path} is not writable: {error.strerror or error}") from None


if __name__ == "__main__":
    raise SystemExit(main())
