"""Decoded pictures on disk: uint8 rows of one size, memory-mapped, so that pictures are decoded
once and sets larger than memory can be used.

An entry is named after its set and a digest of each file's path, size and time of change, and of
how it is read; an entry of the same set and reading whose files have changed is superseded and
removed. Entries appear whole or not at all; where several processes want one, one builds it.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

from baselines.pictures import ANTIALIASED, PictureError, Read, Resize, Size, pair, read_image
from benchmarks.datasets.base import content_revision
from benchmarks.datasets.rowfile import Broken, Cached, build_rows, open_rows
from benchmarks.witnesses import stamps

VERSION = 1  # raised whenever the same files would give other rows


def cached_images(
    paths: Sequence[Path],
    size: int | Size,
    channels: int,
    folder: Path,
    name: str,
    *,
    rule: Resize = ANTIALIASED,
    broken: Broken = "error",
    before: Callable[[], object] | None = None,
) -> Cached:
    """Pictures as uint8 ``(n, c, h, w)`` from the cache in ``folder``, decoded if not there.

    ``name`` tells sets of the same files apart (``mvtec-bottle-train``). A file that cannot be read
    raises PictureError, or with ``broken="skip"`` is left out and counted. ``before`` is called
    first if they are to be decoded, and raises if something is wrong with the files together.
    Raises OSError, in one line, where the disk is full.
    """
    height, width = pair(size)
    read = partial(read_image, size=(height, width), channels=channels, rule=rule)
    shape = (channels, height, width)
    return cached_rows(paths, read, shape, str(rule), folder, name, broken, before)


def cached_rows(
    paths: Sequence[Path],
    read: Read,
    shape: tuple[int, ...],
    how: str,
    folder: Path,
    name: str,
    broken: Broken = "error",
    before: Callable[[], object] | None = None,
) -> Cached:
    """Rows ``(n, *shape)`` as ``read`` gives them for each path, uint8 (bool may be viewed so).

    ``how`` names all that the rows depend on beside files and shape.
    """
    if not paths:
        raise PictureError(f"{name}: no pictures to read; check the folder's layout")
    home = os.path.commonpath([path.parent.absolute() for path in paths])
    group = f"{name}-{digest([home, shape, how, broken])[:8]}"
    entry = folder / f"{group}-{digest([VERSION, _stamps(paths)])}.npy"
    found = open_rows(entry)
    if found is None:
        with FileLock(folder / f"{group}.lock"):
            found = open_rows(entry)
            if found is None:
                if before is not None:
                    before()
                found = build_rows(entry, paths, read, shape, broken)
            for path in folder.glob(f"{group}-*.*"):
                if path.stem != entry.stem:  # superseded, or left by a process that was killed
                    path.unlink(missing_ok=True)
    return found


def cached_revision(paths: Sequence[Path], home: Path, folder: Path, name: str) -> str:
    """16 hex digits of SHA-256 over the files' contents and their paths inside ``home``.

    Remembered in ``folder`` until a file's size or time of change differs.
    """
    stamp = digest(_stamps(paths))
    memo = folder / f"{name}-{digest(str(home.absolute()))[:8]}.revision"
    with suppress(OSError, ValueError):
        known, revision = memo.read_text().split()
        if known == stamp:
            return revision
    names = [path.relative_to(home).as_posix() for path in paths]
    revision = digest([names, content_revision(paths, _content)])
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False) as file:
        file.write(f"{stamp} {revision}\n")
    Path(file.name).replace(memo)
    return revision


def cache_folder(root: Path) -> Path:
    """Where the cache of a data root lies: inside it, or where that cannot be written in the user's
    cache, or else among temporary files. Raises OSError where none of them can be."""
    own = digest(str(root.absolute()))
    user = f"fcdd-benchmark-{os.getuid()}" if hasattr(os, "getuid") else "fcdd-benchmark"
    places = (
        root / "cache",
        platformdirs.user_cache_path("fcdd-benchmark") / "pictures" / own,
        Path(tempfile.gettempdir()) / user / own,
    )
    for folder in places:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
    raise OSError(f"no place for decoded pictures: make one of {', '.join(map(str, places))}")


def clear_cache(root: Path) -> int:
    """Remove every entry of a data root's cache; returns the bytes that were freed."""
    freed = 0
    for path in cache_folder(root).glob("*-*.*"):
        freed += path.stat().st_size
        path.unlink(missing_ok=True)
    return freed


def _stamps(paths: Sequence[Path]) -> list[tuple[str, int, int]]:
    return [(str(path.absolute()), size, changed) for path, size, changed in stamps(paths)]


def _content(path: Path) -> list[bytes]:
    return [path.read_bytes()]


def digest(value: Any) -> str:
    """16 hex digits of SHA-256 over the value as JSON."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
