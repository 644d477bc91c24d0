"""Rows of uint8 in a file (NumPy's format) that is written bit by bit and appears whole."""

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from baselines.pictures import PictureError, Read, each

Broken = Literal["error", "skip"]


@dataclass(frozen=True, eq=False)
class Cached:
    """Rows of a set, uint8 ``(n, ...)``, mapped from disk, and the places (in the paths given) of
    broken files that were skipped: there are as many rows as other paths."""

    rows: np.ndarray
    skipped: tuple[int, ...] = ()


def open_rows(entry: Path, mode: Literal["r", "c"] = "r") -> Cached | None:
    """The entry, or None where it is missing or damaged; "c" maps it copy on write."""
    try:
        rows = np.load(entry, mmap_mode=mode, allow_pickle=False)
        skipped = json.loads(entry.with_suffix(".json").read_text())["skipped"]
    except (OSError, ValueError, EOFError, KeyError):
        return None
    return Cached(rows, tuple(skipped))


def build_rows(
    entry: Path, paths: Sequence[Path], read: Read, shape: tuple[int, ...], broken: Broken
) -> Cached:
    """Write the entry, whole or not at all, and open it."""
    part = entry.with_suffix(f".{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            skipped = _fill(file, paths, read, shape, broken)
            file.flush()
            os.fsync(file.fileno())
        # What says how the rows are to be read comes first: an entry is there once its rows are.
        names = [str(paths[place]) for place in skipped]
        about = {"skipped": skipped, "names": names}
        entry.with_suffix(".json").write_text(json.dumps(about))
        part.replace(entry)
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        size = len(paths) * int(np.prod(shape)) / 1e6
        free = f"free {size:.0f} MB or choose another --data-root"
        raise OSError(f"{entry.parent}: no space left for decoded pictures; {free}") from fault
    finally:
        part.unlink(missing_ok=True)
    found = open_rows(entry)
    if found is None:
        raise OSError(f"{entry}: written but cannot be read; check the disk")
    return found


def _fill(
    file: BinaryIO, paths: Sequence[Path], read: Read, shape: tuple[int, ...], broken: Broken
) -> list[int]:
    """Write an array of all rows that can be read; returns the places of the others."""
    skipped: list[int] = []
    _head(file, len(paths), shape)
    for place, row in enumerate(each(read, paths)):
        if isinstance(row, PictureError):
            if broken == "error":
                raise row
            skipped.append(place)
        else:
            assert row.shape == shape, (paths[place], row.shape, shape)
            file.write(row.tobytes())
    if len(skipped) == len(paths):
        raise PictureError(f"{paths[0]} and all {len(paths)} pictures beside it cannot be read")
    if skipped:  # the head has room for any count, so the rows stay where they are
        file.seek(0)
        _head(file, len(paths) - len(skipped), shape)
    return skipped


def _head(file: BinaryIO, count: int, shape: tuple[int, ...]) -> None:
    head: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(file, head)
