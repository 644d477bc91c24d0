"""Pictures by the thousand, in folders or inside plain tar archives, as rows mapped from disk.

A place is a file, or a stretch of a tar; nothing is unpacked. Every picture becomes one row: its
short side resized, its centre cut out. Pictures that cannot be read and files that are none are
left out, named and counted; where they are more than one in a hundred the set is refused.
"""

import io
import logging
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from filelock import FileLock
from PIL import Image

from baselines.pictures import EXTENSIONS, PictureError, Resize, Size, read_image
from benchmarks.datasets.base import Shape
from benchmarks.datasets.cache import cache_folder, digest
from benchmarks.datasets.rowfile import Cached, build_rows, open_rows
from benchmarks.witnesses import looked, stamps

SHARE = 0.01  # of pictures that may be left out
NAMED = 5  # of those, in a note
log = logging.getLogger(__name__)


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


def short_side(image: Image.Image, size: Size) -> Image.Image:
    """Resized (bilinear, antialiased) until it covers ``(h, w)``, then the centre of that size."""
    height, width = size
    scale = max(height / image.height, width / image.width)
    whole = max(width, int(image.width * scale)), max(height, int(image.height * scale))
    left, top = round((whole[0] - width) / 2), round((whole[1] - height) / 2)
    resized = image.resize(whole, Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + width, top + height))


SHORT_SIDE = Resize("short side, centre", short_side, short_side)


@dataclass(frozen=True, eq=False)
class Rows:
    """Images uint8 ``(n, c, h, w)``, mapped; `kept` says which of the places given they are;
    `notes` names what was left out."""

    images: np.ndarray
    kept: np.ndarray
    notes: tuple[str, ...]


def rows_of(places: Sequence[Place], shape: Shape, root: Path, name: str) -> Rows:
    """The pictures as rows, decoded on every core unless they are in the cache.

    Raises ValueError, naming some of them, where more than one in a hundred cannot be used.
    """
    alien = np.array([Path(p.name).suffix.lower() not in EXTENSIONS for p in places], dtype=bool)
    reasons = [f"{p}: its name is no picture's" for p in _where(places, alien)]
    _note(name, reasons, len(places))  # refuses before an hour of decoding
    cached = _cached(_where(places, ~alien), shape, root, name)
    broken = np.zeros(len(places), dtype=bool)
    broken[np.flatnonzero(~alien)[list(cached.skipped)]] = True
    reasons += [f"{p}: cannot be read" for p in _where(places, broken)]
    notes = _note(name, reasons, len(places))
    for note in notes:
        log.warning(note)
    # Copy on write: torch shares the memory of arrays it may write, and copies the others.
    rows = cast(np.memmap, cached.rows)
    mapped = np.memmap(str(rows.filename), np.uint8, "c", rows.offset, rows.shape)
    return Rows(mapped, np.flatnonzero(~(alien | broken)), notes)


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


def _cached(places: Sequence[Place], shape: Shape, root: Path, name: str) -> Cached:
    if not places:
        raise PictureError(f"{name}: no pictures to read; check the folder's layout")
    files = dict.fromkeys(place.file for place in places)  # of a tar's members, one
    changed = {file: when for file, _, when in stamps(files)}
    pieces = [(str(p.file), p.offset, p.size, changed[p.file]) for p in places]
    folder = cache_folder(root)
    entry = folder / f"{name}-{digest([pieces, shape, str(SHORT_SIDE)])}.npy"
    read = partial(_read, shape=shape)
    found = open_rows(entry)
    if found is None:
        with FileLock(folder / f"{name}.lock"):
            found = open_rows(entry) or build_rows(entry, places, read, shape, "skip")  # type: ignore[arg-type]
    return found


def _read(place: Place, shape: Shape) -> np.ndarray:
    stream = cast(Path, Stretch(place))  # Pillow opens either
    return read_image(stream, shape[1:], shape[0], SHORT_SIDE)


def _where(places: Sequence[Place], chosen: np.ndarray) -> list[Place]:
    return [places[k] for k in np.flatnonzero(chosen).tolist()]


def _note(name: str, reasons: Sequence[str], total: int) -> tuple[str, ...]:
    """What is left out; ValueError where it is too much."""
    if not reasons:
        return ()
    shown = "; ".join(reasons[:NAMED]) + ("; ..." if len(reasons) > NAMED else "")
    note = f"{name}: {len(reasons)} of {total} files left out: {shown}"
    if len(reasons) > SHARE * total:
        raise ValueError(f"{note} (more than {SHARE:.0%}: mend or remove them)")
    return (note,)
