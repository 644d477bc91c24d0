"""``python -m benchmarks.status OUT``: how far a run is, from any terminal or machine that sees its
folder; it changes nothing.

Exit codes: 0 all done or going on, 2 trials failed, are missing or were lost with their run,
3 internal error, 4 usage, or no run in the folder, 130 interrupted, 143 terminated.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live

from baselines.door import OK, Parser, entered
from benchmarks.picture import Album, Picture, summed
from benchmarks.states import STATE
from benchmarks.watch import LOOK, view

INCOMPLETE = 2
SHOWN = 20  # broken trials that are named


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    p = Parser(prog="python -m benchmarks.status", description=__doc__)
    p.add_argument("out", type=Path, metavar="OUT", help="output folder of benchmarks.run")
    p.add_argument("--follow", action="store_true", help="go on until the run ends")
    return entered(p, argv, lambda given: show(_album(given.out), given.follow))


def _album(out: Path) -> Album:
    """The album of a run; raises FileNotFoundError where the folder holds none."""
    if not any((out / name).is_dir() for name in ("rows", STATE)):
        fault = "holds no run: it has neither rows/ nor state/" if out.is_dir() else "is no folder"
        raise FileNotFoundError(f"{out} {fault}; give the --out of benchmarks.run")
    return Album(out)


def show(album: Album, follow: bool) -> int:
    """Draw the picture, again and again if asked; returns the exit code."""
    console = Console(highlight=False, soft_wrap=True)
    picture = album.look()
    if follow and picture.live:
        picture = _followed(album, console, picture)
    if not (follow and console.is_terminal):
        console.print(view(picture))
    for line in complaints(picture):
        console.print(line, style="red", markup=False)
    print(summed(picture), flush=True)
    broken = any(n for name, n in picture.counts.items() if name != "done")
    return INCOMPLETE if broken and not picture.live else OK


def _followed(album: Album, console: Console, picture: Picture) -> Picture:
    """The last picture of runs that have ended."""
    if console.is_terminal:
        with Live(view(picture), console=console, auto_refresh=False) as live:
            while picture.live:
                time.sleep(LOOK)
                picture = album.look()
                live.update(view(picture), refresh=True)
        return picture
    told = -1
    while picture.live:
        if len(picture.rows) != told:
            told = len(picture.rows)
            console.print(view(picture))
        time.sleep(LOOK)
        picture = album.look()
    return picture


def complaints(picture: Picture) -> list[str]:
    """Trials that broke, and runs that were lost with some left to do."""
    bad = [row for row in picture.rows.values() if row["status"] != "done"]
    lines = [f"{row['status']}: {row['name']}: {row['reason']}" for row in bad[:SHOWN]]
    if len(bad) > SHOWN:
        lines.append(f"... and {len(bad) - SHOWN} more")
    lost = [run for run in picture.runs if run["life"] != "alive" and not run["ended"]]
    if lost and not picture.live and picture.counts["missing"]:
        lines.append(f"the run was killed; it goes on with: {lost[-1]['command']}")
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
