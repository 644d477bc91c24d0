"""What a plan was made from: while these files and folders stay the same, so does the plan."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks.index import Entry, mark

Witness = tuple[str, Entry | None]  # a path, and what changes with it; None where nothing was

SEEN: dict[Path, Entry | None] = {}  # of this process


def looked(path: Path) -> Path:
    """Remember a file or a folder, there or not, as a witness; gives it back."""
    SEEN[path.absolute()] = _mark(path)
    return path


def stamps(paths: Iterable[Path]) -> tuple[tuple[Path, int, int], ...]:
    """Each file with its size and time of change in ns, remembered as a witness."""
    found = []
    for path in paths:
        stat = path.stat()
        SEEN[path.absolute()] = mark(stat)
        found.append((path, stat.st_size, stat.st_mtime_ns))
    return tuple(found)


def witnesses(root: Path) -> list[Witness]:
    """All that was looked at, and the folders that hold it, up to the data root: a folder changes
    when a file comes that would be taken instead."""
    root = root.absolute()
    holding = {path.parent for path in SEEN}  # far fewer than files
    above = (one for folder in holding for one in folder.parents if one.is_relative_to(root))
    folders = {root, *holding, *above}
    seen = {path: _mark(path) for path in folders} | SEEN
    return [(str(path), seen[path]) for path in sorted(seen)]


def same(witness: Witness) -> bool:
    """Whether a witness is as it was."""
    path, was = witness
    return _mark(Path(path)) == was


def _mark(path: Path) -> Entry | None:
    try:
        return mark(path.stat())
    except OSError:
        return None
