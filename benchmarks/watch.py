"""A run to look at while it goes on: a live view on a terminal, plain lines elsewhere.

`watching` is for the run itself, `view` for whoever draws a picture once.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmarks.picture import Album, Picture, clock
from benchmarks.schema import DONE, Row
from benchmarks.states import SILENT, label, since

LOOK = 1.0  # seconds between two looks
MOST = 24  # workers shown


@contextmanager
def watching(out: Path, total: int, console: Console) -> Iterator[Callable[[Row], None]]:
    """A function that shows each row as it comes. On a terminal the state of the folder stands
    below; elsewhere each row is a line, ``[k/n] dataset/detector/normal/recipe/seed: ...``."""
    if not console.is_terminal:
        yield _lines(total, console)
        return
    album = Album(out)
    with Live(view(album.look()), console=console, auto_refresh=False) as live:

        def show(row: Row) -> None:
            style = None if row["status"] == DONE else "red"
            live.console.print(outcome(row), style=style, markup=False)

        with _kept_fresh(album, live):
            yield show
        live.update(view(album.look()), refresh=True)


def _lines(total: int, console: Console) -> Callable[[Row], None]:
    count = 0

    def show(row: Row) -> None:
        nonlocal count
        count += 1
        console.out(f"[{count}/{total}] {outcome(row)}", highlight=False)
        console.file.flush()

    return show


@contextmanager
def _kept_fresh(album: Album, live: Live) -> Iterator[None]:
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(LOOK):
            live.update(view(album.look()), refresh=True)

    thread = threading.Thread(target=go_on, name="view", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def view(picture: Picture) -> RenderableType:
    """What is going on, slot by slot, and how far all of it is."""
    return Group(*([_slots(picture)] if picture.workers else []), _bar(picture), _line(picture))


def _slots(picture: Picture) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("slot", "trial", "epoch", "for", "done"):
        table.add_column(name, justify="right" if name in ("epoch", "for", "done") else "left")
    hosts = {worker["host"] for worker in picture.workers}
    for worker in picture.workers[:MOST]:
        where = worker["slot"] if len(hosts) == 1 else f"{worker['host']} {worker['slot']}"
        epoch = f"{worker['epoch']}/{worker['epochs']}" if worker["epoch"] else ""
        trial = worker["trial"] or "between trials"
        if worker["life"] == SILENT:
            trial += f" (silent for {clock(since(worker['beat'], picture.when))})"
        lasts = clock(since(worker["since"], picture.when))
        table.add_row(where, trial, epoch, lasts, str(worker["done"]))
    if len(picture.workers) > MOST:
        table.add_row("...", f"and {len(picture.workers) - MOST} more", "", "", "")
    return table


def _bar(picture: Picture) -> Table:
    found, total = len(picture.rows), len(picture.trials)
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(total or 1, found, width=40), f"{found}/{total}")
    return row


def _line(picture: Picture) -> Text:
    counts = picture.counts
    parts = [f"{n} {name}" for name, n in counts.items() if n or name == "done"]
    if picture.rate is not None:
        parts.append(f"{picture.rate:.3g} trials/min")
    if picture.efficiency is not None:
        parts.append(f"efficiency {picture.efficiency:.2f}")
    parts.append(f"{clock(picture.seconds)} so far" if picture.live else "no run goes on")
    if picture.live and counts["missing"]:
        left = picture.left
        parts.append("time left unknown" if left is None else f"about {clock(left)} left")
    return Text(", ".join(parts))


def outcome(row: Row) -> str:
    """What became of a trial, in one line."""
    name = label(row)
    if row["status"] != DONE:
        return f"{name}: {row['status']}, {row['reason']}"
    metrics = "  ".join(f"{metric} {value:.4f}" for metric, value in row["metrics"].items())
    return f"{name}: {metrics}  {row['seconds']:.1f} s"
