"""What a run shows: the plan, progress, results. Bars on a terminal, else plain lines."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import rich.console

from benchmarks.picture import Album, summary, tally
from benchmarks.plan import Plan
from benchmarks.render import as_rich
from benchmarks.schema import DONE, Row
from benchmarks.store import frame
from benchmarks.tables import overview


class Console:
    """Everything a run prints."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.command = shlex.join(["python", "-m", "benchmarks.run", *arguments])
        self.out = rich.console.Console(highlight=False, soft_wrap=True)

    def error(self, line: str) -> None:
        """One line on stderr."""
        print(f"benchmarks.run: {line}", file=sys.stderr)

    def say(self, *lines: str) -> None:
        """Lines on stdout."""
        print(*lines, sep="\n", flush=True)

    def results(self, out: Path, rows: Sequence[Row], files: Sequence[Path], tables: str) -> None:
        """The `tables` of rows, those that failed, and where everything lies."""
        print(tables, end="")
        for row in rows:
            if row["status"] != DONE:
                self.error(f"{row['status']}: {row['stem']}: {row['reason']}")
        print(lying(out, rows, files))

    def tables(self, rows: Sequence[Row]) -> str:
        """The overview of rows as it looks here."""
        with self.out.capture() as drawn:
            for table in overview(frame(rows)).values() if rows else ():
                self.out.print(as_rich(table))
        return drawn.get()

    def summary(self, out: Path, rows: Sequence[Row], trials: int, ran: bool) -> None:
        """One line for a log that is searched: what became of the trials asked for, and the time of
        the run, if there was anything to run."""
        counts, seconds, share = tally(rows, trials), 0.0, None
        if ran:
            picture = Album(out).look()
            seconds, share = picture.seconds, picture.efficiency
        print(summary(counts, seconds, share))

    def idle(self, lines: Sequence[str], out: Path, rows: Sequence[Row], tables: str) -> str:
        """What a run prints that finds all of these rows done and every file up to date."""
        ends = [lying(out, rows, ()), summary(tally(rows, len(rows)), 0.0, None)]
        return "\n".join([*lines, tables + ends[0], ends[1], ""])


def planned(
    arguments: argparse.Namespace, plan: Plan, left: int, device: str, jobs: int
) -> list[str]:
    """What is asked for, and how much of it is left to run, in lines."""
    trials = [one.trial for one in plan.trials]
    lines = [f"suite {arguments.suite}, recipe {arguments.recipe}, output {arguments.out}"]
    count, names = _count(t.detector for t in trials), _names(t.detector for t in trials)
    lines.append(f"detectors ({count}): {names}")
    for dataset in dict.fromkeys(t.dataset for t in trials):
        own = [t for t in trials if t.dataset == dataset]
        lines.append(
            f"{dataset} ({_count(t.normal for t in own)}): {_names(t.normal for t in own)}"
        )
    exposures = _names(t.exposure for t in trials if t.exposure) or "none"
    lines.append(f"seeds: {_names(str(t.seed) for t in trials)}; exposure: {exposures}")
    done = len(trials) - left
    lines.append(f"trials: {len(trials)}, done {done}, to run {left}; {jobs} x {device}")
    lines += [f"not run: {line}" for line in (*plan.left_out, *plan.missing)]
    return lines + [f"note: {line}" for line in plan.notes]


def lying(out: Path, rows: Sequence[Row], files: Sequence[Path]) -> str:
    """Where results are, and how many files are new."""
    written = f"{len(files)} files written" if files else "up to date"
    return f"{len(rows)} rows in {out}/results.csv; {out}/tables, {out}/figures ({written})"


def _names(names: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _count(names: Iterator[str]) -> int:
    return len(set(names))
