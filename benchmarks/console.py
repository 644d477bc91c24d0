"""What a run shows: the plan, progress, results. Bars on a terminal, else plain lines."""

import argparse
import shlex
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.plan import Plan
from benchmarks.render import as_rich
from benchmarks.store import Row, Store, frame
from benchmarks.tables import overview


class Console:
    """Everything a run prints."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.command = shlex.join(["python", "-m", "benchmarks.run", *arguments])
        self.out = rich.console.Console(highlight=False, soft_wrap=True)

    def error(self, line: str) -> None:
        """One line on stderr."""
        print(f"benchmarks.run: {line}", file=sys.stderr)

    def plan(
        self, arguments: argparse.Namespace, plan: Plan, left: int, device: str, jobs: int
    ) -> None:
        """The plan, before anything runs."""
        trials = [one.trial for one in plan.trials]
        print(f"suite {arguments.suite}, recipe {arguments.recipe}, output {arguments.out}")
        count, names = _count(t.detector for t in trials), _names(t.detector for t in trials)
        print(f"detectors ({count}): {names}")
        for dataset in dict.fromkeys(t.dataset for t in trials):
            own = [t for t in trials if t.dataset == dataset]
            print(f"{dataset} ({_count(t.normal for t in own)}): {_names(t.normal for t in own)}")
        exposures = _names(t.exposure for t in trials if t.exposure)
        print(f"seeds: {_names(str(t.seed) for t in trials)}; exposure: {exposures or 'none'}")
        print(f"trials: {len(trials)}, done {len(trials) - left}, to run {left}; {jobs} x {device}")
        for line in (*plan.left_out, *plan.missing):
            print(f"not run: {line}")
        sys.stdout.flush()

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[Row], None]]:
        """A function that shows each row as it comes."""
        if not self.out.is_terminal:
            done = 0

            def line(row: Row) -> None:
                nonlocal done
                done += 1
                print(f"[{done}/{total}] {_outcome(row)}", flush=True)

            yield line
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.out) as bar:
            task = bar.add_task("trials", total=total)

            def advance(row: Row) -> None:
                bar.console.print(_outcome(row), style="red" if row["status"] == "failed" else None)
                bar.advance(task)

            yield advance

    def results(self, out: Path, digests: Collection[str], files: list[Path]) -> None:
        """The overview of the trials asked for, and where everything lies."""
        rows = [row for row in Store(out).rows() if row["digest"] in digests]
        if rows:
            for table in overview(frame(rows)).values():
                self.out.print(as_rich(table))
        for row in rows:
            if row["status"] == "failed":
                self.error(f"failed: {row['stem']}: {row['reason']}")
        print(f"{len(rows)} rows in {out}/results.csv; {out}/tables, {out}/figures", end="")
        print(f" ({len(files)} files written)" if files else " (up to date)")


def _outcome(row: Row) -> str:
    name = f"{row['dataset']}/{row['detector']}/{row['normal']}/{row['recipe']}/{row['seed']}"
    if row["status"] == "failed":
        return f"{name}: failed, {row['reason']}"
    metrics = "  ".join(f"{metric} {value:.4f}" for metric, value in row["metrics"].items())
    return f"{name}: {metrics}  {row['seconds']:.1f} s"


def _names(names: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _count(names: Iterator[str]) -> int:
    return len(set(names))
