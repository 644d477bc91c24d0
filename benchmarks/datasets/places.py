"""Pictures by the thousand, in folders or inside plain tar archives.

A place is a file, or a stretch of a tar; nothing is unpacked.
"""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets.cache import digest
from benchmarks.witnesses import looked, stamps


@dataclass(frozen=True)
class Place:
    """Where a picture lies: `size` bytes of `file` from `offset`; `name` is its own or member's."""

    file: Path
    name: str
    size: int
    offset: int = 0

    @property
    def mark(self) -> tuple[str, int]:
        """Last name and size: the same wherever the picture lies."""
        return self.name.rsplit("/", 1)[-1], self.size

    def __str__(self) -> str:
        own = self.file.name == self.name.rsplit("/", 1)[-1]
        return str(self.file) if own else f"{self.file}, {self.name}"


class Stretch(io.BytesIO):
    """Bytes of a place, which errors call by its name."""

    def __init__(self, place: Place) -> None:
        with place.file.open("rb") as file:
            file.seek(place.offset)
            super().__init__(file.read(place.size))
        self.place = place

    def __str__(self) -> str:
        return str(self.place)


def folder_places(folder: Path, home: Path) -> list[Place]:
    """All files under a folder but hidden ones, in the order of their paths; names are paths inside
    `home`. Links to folders are entered, each folder once.

    Raises ValueError, in one line, for a folder that may not be read and a link to nothing.
    """
    try:
        found = stamps(sorted(_walked(folder)))
    except OSError as fault:
        what = "a link to nothing" if isinstance(fault, FileNotFoundError) else fault.strerror
        raise ValueError(f"{fault.filename}: {what}; mend or remove it") from fault
    return [Place(path, path.relative_to(home).as_posix(), size) for path, size, _ in found]


def _walked(folder: Path) -> Iterator[Path]:
    def refused(fault: OSError) -> None:
        raise fault

    seen = {_inode(one) for one in folder.resolve().parents}
    for home, folders, files in os.walk(folder, onerror=refused, followlinks=True):
        if (here := _inode(Path(home))) in seen:  # a link back, or a second one to the same
            folders.clear()
            continue
        seen.add(here)
        looked(Path(home))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(home, name) for name in files if not name.startswith("."))


def _inode(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def tar_places(archive: Path, start: int = 0, prefix: str = "") -> list[Place]:
    """All files of a plain tar, or of one inside another that begins at byte `start`.

    Raises ValueError, in one line, for what is no such tar.
    """
    stamps([archive])
    try:
        with archive.open("rb") as file:
            file.seek(start)
            with tarfile.open(fileobj=file, mode="r:") as pack:
                found = [member for member in pack if member.isreg()]
    except tarfile.TarError as fault:
        raise ValueError(f"{archive}{prefix}: no plain tar ({fault}); get it again") from fault
    return [Place(archive, f"{prefix}{m.name}", m.size, m.offset_data) for m in found]


def listing(places: Iterable[Place]) -> str:
    """16 hex digits over the last names and sizes of the pictures, wherever they lie."""
    return digest([place.mark for place in places])
