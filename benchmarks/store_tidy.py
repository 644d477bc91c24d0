"""What a folder of rows can lose: what killed writers left, and rows that newer ones replace,
or that nobody wants any more."""

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks import locks
from benchmarks.locks import held
from benchmarks.schema import DONE, Row
from benchmarks.store import Store, frame, newest
from benchmarks.whole import SUFFIX, YOUNG, abandoned, age, temporaries

CHECKPOINTS = "checkpoints"  # OUT/checkpoints/STEM: of trials under way
WEEK = 7 * 86400.0  # seconds; whatever runs says so more often

Waste = tuple[str, list[Path]]  # kind, files
STEM = re.compile(r"(\.[0-9a-f]{12})?\.npz$|\.json$")  # what follows the stem of a trial's files


def waste(store: Store, superseded: bool = False, failed: bool = False) -> Iterator[Waste]:
    """What can go, kind by kind; rows only if asked for, `superseded` ones or `failed` ones.

    Nothing that a living process writes or holds: temporary files are locked by their writers,
    claims by their holders, scores count as lost a minute after they were written, and what runs
    say in ``OUT/state`` and checkpoints of trials that are not done after a week of silence.
    Runs may go on beside it; one that wants a trial in the moment its claim is looked at takes it
    for held, and leaves it to the next run.
    Raises ValueError on a row of a schema that this version does not know: its scores would seem
    to be nobody's.
    """
    rows = store.rows()
    yield "temporary files of killed writers", [*filter(abandoned, temporaries(store.out))]
    yield "scores that no row names", orphans(store, rows)
    yield "claims of killed processes", [path for path in _claims(store) if _free(path)]
    yield "state of runs silent for a week", _silent(store.out / "state")
    yield "checkpoints that no trial goes on from", _left(store, rows)
    if superseded:
        old = replaced(rows)
        files = [store.out / "rows" / f"{row['stem']}.json" for row in old]
        scores = [store.scores(row) for row in old]
        yield "superseded rows, with their scores", files + [p for p in scores if p.exists()]
    if failed:
        broken = [row["stem"] for row in rows if row["status"] != DONE]
        yield "rows of failed trials", [store.out / "rows" / f"{stem}.json" for stem in broken]


def remove(store: Store, files: Iterable[Path], since: float = math.inf) -> tuple[int, int]:
    """Delete files of `waste`; returns how many there were, and their bytes.

    A look again at each: since it was listed, a run may have taken up its trial. A row that was
    written later than `since`, in seconds of the epoch, stays.
    """
    count = size = 0
    for path in files:
        with suppress(FileNotFoundError):  # another was quicker
            stat = path.stat()
            if _removed(store, path, since):
                count, size = count + 1, size + stat.st_size
    return count, size


def _removed(store: Store, path: Path, since: float) -> bool:
    if path.parent.name == "claims":
        with held(path) as free:  # which removes it at the end
            return free
    if path.is_relative_to(store.out / "state"):
        path.unlink()
        return True
    if path.is_relative_to(store.out / CHECKPOINTS):
        with store.claim(path.parent.name) as mine:
            if mine:
                path.unlink()
                with suppress(OSError):  # it holds more
                    path.parent.rmdir()
            return mine
    if path.suffix == SUFFIX:
        if gone := abandoned(path):
            path.unlink()
        return gone
    stem = STEM.sub("", path.name)
    with store.claim(stem) as mine:
        if gone := mine and _unwanted(store, path, stem, since):
            path.unlink()
        return gone


def _unwanted(store: Store, path: Path, stem: str, since: float) -> bool:
    """Whether a row, or scores, of a trial that nobody else holds are as they were listed."""
    if path.suffix == ".json":
        return path.stat().st_mtime <= since
    row = store.row(stem)
    return row is None or store.scores(row) != path


def orphans(store: Store, rows: Iterable[Row]) -> list[Path]:
    """Files of arrays that belong to no row: of a trial killed before its row, or written anew."""
    named = {store.scores(row).name for row in rows if row["artefacts"] != {}}
    lost = []
    for path in sorted((store.out / "scores").glob("*.npz")):
        if path.name not in named and age(path.stat()) > YOUNG:
            lost.append(path)
    return lost


def replaced(rows: Sequence[Row]) -> list[Row]:
    """Rows whose trial was done again under other values, and later: no table shows them."""
    if not rows:
        return []
    lines = frame(rows)
    keep = set(newest(lines)["stem"]) | set(newest(lines[lines["status"] == DONE])["stem"])
    return [row for row in rows if row["stem"] not in keep]


def _claims(store: Store) -> list[Path]:
    return sorted((store.out / "claims").glob("*.lock"))


def _silent(folder: Path) -> list[Path]:
    return [path for path in _files(folder) if age(path.stat()) > WEEK]


def _left(store: Store, rows: Iterable[Row]) -> list[Path]:
    """Checkpoints of trials that are done, and those that are a week old."""
    folder, done = store.out / CHECKPOINTS, {row["stem"] for row in rows if row["status"] == DONE}
    return sorted({*_silent(folder), *(p for p in _files(folder) if p.parent.name in done)})


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _free(path: Path) -> bool:
    """Whether nobody holds a claim; looks only, so that a dry run changes nothing."""
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return locks.take(fd)
    finally:
        os.close(fd)
