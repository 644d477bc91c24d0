"""The arrays of a trial as a file: its name, its size and SHA-256, and what is wrong with it.

The name holds the stem and the hash's first digits, so a file is never written over by another:
the row says which is its own, and a writer that is killed between the two leaves a row that still
finds its scores. Before schema 2 it was ``<stem>.npz``.
"""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# What numpy and zipfile raise, as it comes: on bytes that are no npz, on a single array (a
# TypeError), on a header that asks for a password, another compression, or more than there is.
DAMAGE = (
    ValueError, EOFError, TypeError, RuntimeError, MemoryError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip

Recorded = dict[str, dict[str, Any]]


class Torn(OSError):
    """A file of arrays that is cut short, damaged, or none of ours."""


def packed(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, Recorded]:
    """An npz of `arrays`, and what a row records of it; the same bytes for the same arrays.

    Raises ValueError for an array of objects: reading it would mean to run what it holds.
    """
    if objects := [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]:
        raise ValueError(f"arrays of Python objects: {', '.join(objects)}; store numbers or text")
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    data = file.getvalue()
    return data, recorded(data)


def recorded(data: bytes) -> Recorded:
    """What a row records of its file of arrays."""
    return {"scores": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}


def name(stem: str, kept: Mapping[str, Any] | None) -> str:
    """Name of the file, given what the row records; the old name where that is None."""
    return f"{stem}.{kept['scores']['sha256'][:12]}.npz" if kept else f"{stem}.npz"


def load(path: Path, kept: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of a file: those of `names` that it has, or all of them.

    Its size is compared, and what is read against the CRC-32 that the npz has for each array: that
    finds what is torn or decayed without reading the rest. SHA-256 is for `fault`.
    Raises Torn where that shows damage, OSError where it cannot be read.
    """
    if kept and (size := path.stat().st_size) != kept["scores"]["bytes"]:
        raise Torn(f"{size} bytes, not {kept['scores']['bytes']}")
    try:
        with np.load(path, allow_pickle=False) as file:
            wanted = [key for key in names if key in file.files] if names else file.files
            return {key: file[key] for key in wanted}
    except DAMAGE as error:
        raise Torn(str(error) or "cut short") from None


def fault(path: Path, kept: Mapping[str, Any] | None) -> str:
    """What is wrong with a file, all of it read; empty when nothing is."""
    try:
        if kept is None:  # nothing to compare with but itself
            with zipfile.ZipFile(path) as file:
                return f"damaged: {broken}" if (broken := file.testzip()) else ""
        with path.open("rb") as whole:
            sha = hashlib.file_digest(whole, "sha256").hexdigest()
    except (OSError, zipfile.BadZipFile) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or error})"
    return "" if sha == kept["scores"]["sha256"] else "its SHA-256 is not the row's"
