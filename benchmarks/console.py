"""What a run shows: the plan, progress, results. Bars on a terminal, else plain lines."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import rich.console

from baselines.several import several
from benchmarks.picture import Album, summary, tally
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


def lying(out: Path, rows: Sequence[Row], files: Sequence[Path]) -> str:
    """Where results are, and how many files are new."""
    written = f"{several(len(files), 'file')} written" if files else "up to date"
    shown = f"{several(len(rows), 'trial')} of this plan in {out}/results.csv"
    return f"{shown}; {out}/tables, {out}/figures ({written})"
