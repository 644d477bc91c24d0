"""What ``python -m fcdd`` shows: progress on a terminal, else plain lines; tables; errors."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from baselines import trainer
from fcdd.walking import Files, told

out = rich.console.Console(highlight=False, soft_wrap=True, markup=False)


def printable() -> None:
    """From now on what stdout's encoding lacks is printed as an escape, as stderr does anyway."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    """A line on stdout."""
    out.print(line)


def error(line: str) -> None:
    """A line on stderr."""
    print(f"fcdd: {line}", file=sys.stderr, flush=True)


def left_out(files: Files) -> None:
    """A line on what was passed by, if anything was."""
    if files:
        say(told(files))


def bar() -> Progress:
    """A progress bar; nothing where the output is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=out, disable=not out.is_terminal)


class Epochs(logging.Handler):
    """Shows the epochs that the loop logs."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        super().__init__(logging.INFO)
        self.progress, self.task = progress, progress.add_task("training", total=epochs)

    def emit(self, record: logging.LogRecord) -> None:
        """Advance by the epoch that has ended."""
        if out.is_terminal:
            self.progress.update(self.task, advance=1, description=f"loss {record.args[2]:.4f}")  # type: ignore[index]
        else:
            say(record.getMessage())


@contextmanager
def epochs_shown(epochs: int) -> Iterator[None]:
    """Epochs of training are shown as they end."""
    level = trainer.log.level
    with bar() as progress:
        handler = Epochs(progress, epochs)
        trainer.log.addHandler(handler)
        trainer.log.setLevel(logging.INFO)
        try:
            yield
        finally:
            trainer.log.removeHandler(handler)
            trainer.log.setLevel(level)


def measures(found: dict[str, Any]) -> None:
    """The metrics of a folder as a table, and what must be known beside them."""
    table = Table(title=None)
    table.add_column("metric")
    table.add_column("%", justify="right")
    for name, value in found["metrics"].items():
        table.add_row(name, f"{100 * value:.1f}")
    kinds = found["kinds"]
    if len(kinds) > 1:
        for kind, own in kinds.items():
            table.add_row(
                f"image_auroc, {kind} ({own['images']})", f"{100 * own['image_auroc']:.1f}"
            )
    out.print(table)
    counts = found["counts"]
    say(
        f"above the threshold {found['threshold']:.4g}: {counts['found']} of "
        f"{counts['anomalous']} anomalies, {counts['false_alarms']} of {counts['normal']} normal"
    )
    if protocol := found["protocol"]:
        sizes = ", ".join(protocol["mask_sizes"][:3]) + ", ..." * (len(protocol["mask_sizes"]) > 3)
        say(f"pixels: maps {protocol['map_size']}, {protocol['interpolation']}, masks {sizes}")
    if counts["trained_on"]:
        error(
            f"{counts['trained_on']} of these pictures were trained on; the numbers flatter, "
            "measure on others"
        )
