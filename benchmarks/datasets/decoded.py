"""Pictures by the thousand as rows mapped from disk, each decoded once.

Every picture becomes one row: its short side resized, its centre cut out. Pictures that cannot be
read and files that are none are left out, named and counted; where they are more than one in a
hundred the set is refused.

Of lists that begin alike the longest is kept: a shorter one is its first rows, and a longer one
takes over what is decoded. What changed or was superseded is removed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from filelock import FileLock
from PIL import Image

from baselines.pictures import EXTENSIONS, PictureError, Resize, Size, read_image
from benchmarks.datasets.base import Shape
from benchmarks.datasets.cache import cache_folder, digest
from benchmarks.datasets.places import Place, Stretch
from benchmarks.datasets.rowfile import Cached, build_rows, open_rows
from benchmarks.witnesses import stamps

SHARE = 0.01  # of pictures that may be left out
NAMED = 5  # of those, in a note
log = logging.getLogger(__name__)


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


def rows_of(
    places: Sequence[Place], shape: Shape, root: Path, name: str, limit: int | None = None
) -> Rows:
    """The pictures, or the first `limit` of them, as rows, decoded on every core unless they are in
    the cache.

    Raises ValueError, naming some of them, where more than one in a hundred cannot be used.
    """
    wanted = places[:limit]
    alien = np.array([not p.name.lower().endswith(EXTENSIONS) for p in places], dtype=bool)
    pictures, own = _where(places, ~alien), alien[: len(wanted)]
    reasons = [f"{p}: its name is no picture's" for p in _where(wanted, own)]
    _note(name, reasons, len(wanted))  # refuses before an hour of decoding
    cached = _cached(pictures, int((~own).sum()), shape, root, name)
    broken = np.zeros(len(wanted), dtype=bool)
    broken[np.flatnonzero(~own)[list(cached.skipped)]] = True
    reasons += [f"{p}: cannot be read" for p in _where(wanted, broken)]
    notes = _note(name, reasons, len(wanted))
    for note in notes:
        log.warning(note)
    return Rows(cached.rows, np.flatnonzero(~(own | broken)), notes)


def _cached(places: Sequence[Place], count: int, shape: Shape, root: Path, name: str) -> Cached:
    """Rows of the first `count` places."""
    if not count:
        raise PictureError(f"{name}: no pictures to read; check the folder's layout")
    folder, group = cache_folder(root), f"{name}-{digest([shape, str(SHORT_SIDE)])[:8]}"
    length, found = _longest(folder, group, places)
    if found is None or length < count:
        with FileLock(folder / f"{group}.lock"):
            length, found = _longest(folder, group, places)
            if found is None or length < count:
                entry = folder / f"{group}-{count}-{_key(places[:count])}.npy"
                known = {} if found is None else _known(places[:length], found)
                found = _built(entry, places[:count], known, shape)
                for path in folder.glob(f"{group}-*"):
                    if path.stem != entry.stem:
                        path.unlink(missing_ok=True)
    skipped = tuple(place for place in found.skipped if place < count)
    return Cached(found.rows[: count - len(skipped)], skipped)


def _longest(folder: Path, group: str, places: Sequence[Place]) -> tuple[int, Cached | None]:
    """The longest entry whose places are the first of these, and how many; 0 and None without."""
    entries = {int(path.stem.split("-")[-2]): path for path in folder.glob(f"{group}-*-*.npy")}
    for count, path in sorted(entries.items(), reverse=True):
        if count <= len(places) and path.stem.endswith(_key(places[:count])):
            # Copy on write: torch shares the memory of arrays it may write, and copies the others.
            found = open_rows(path, "c")
            if found is not None:
                return count, found
    return 0, None


def _key(places: Sequence[Place]) -> str:
    files = dict.fromkeys(place.file for place in places)  # of a tar's members, one
    changed = {file: when for file, _, when in stamps(files)}
    return digest([(str(p.file.absolute()), p.offset, p.size, changed[p.file]) for p in places])


def _known(places: Sequence[Place], cached: Cached) -> dict[Place, np.ndarray]:
    """The rows that are there, by place."""
    skipped = set(cached.skipped)
    kept = (place for number, place in enumerate(places) if number not in skipped)
    return dict(zip(kept, cached.rows, strict=True))


def _built(
    entry: Path, places: Sequence[Place], known: dict[Place, np.ndarray], shape: Shape
) -> Cached:
    def read(path: Path) -> np.ndarray:
        place = cast(Place, path)
        return known[place] if place in known else decode(place, shape)

    build_rows(entry, cast(Sequence[Path], places), read, shape, "skip")
    found = open_rows(entry, "c")
    assert found is not None, entry
    return found


def decode(place: Place, shape: Shape) -> np.ndarray:
    """A picture as a row, uint8 ``(c, h, w)``. Raises PictureError where it cannot be read."""
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
