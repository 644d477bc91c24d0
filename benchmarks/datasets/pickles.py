"""A reader of pickled arrays that runs no code of the pickle.

CIFAR's Python layout is a pickle, and a pickle may call anything. Here the few names such a file
needs are answered with stand-ins of ours: what comes out holds arrays of bytes, numbers, strings,
lists and dicts, and any other name ends the reading.
"""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np

_BYTES = ("u1", b"u1", "|u1", b"|u1")


class _Type:
    """Stands for a dtype; only its name is looked at."""

    def __init__(self, name: object, *_: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        """Byte order and alignment say nothing about single bytes."""


class _Array:
    """Stands for an array until its content is known."""

    def __setstate__(self, state: tuple[object, tuple[int, ...], _Type, bool, bytes]) -> None:
        _, shape, kind, columns_first, content = state
        if kind.name not in _BYTES or columns_first or math.prod(shape) != len(content):
            raise pickle.UnpicklingError("an array that is not of plain bytes")
        self.content = np.frombuffer(content, np.uint8).reshape(shape)


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _encode(text: str, codec: str) -> bytes:
    # Bytes, as Python 3 writes them in the pickles of Python 2.
    if codec != "latin1":
        raise pickle.UnpicklingError(f"codec {codec!r}")
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and is not trusted")
        return _STAND_INS[module, name]


def read_pickle(path: Path, remedy: str) -> dict[bytes, Any]:
    """The dict in a pickle file: keys as bytes, arrays as uint8, all else as it stands there.

    Raises ValueError, in one line with the file and the remedy, for anything that is not a dict of
    arrays of bytes, numbers, strings, lists and dicts, and for a damaged file.
    """
    try:
        with path.open("rb") as file:
            found = _Reader(file, encoding="bytes").load()
        if not isinstance(found, dict):
            raise pickle.UnpicklingError(f"it holds a {type(found).__name__}, not a dict")
    except OSError:
        raise
    except Exception as fault:  # noqa: BLE001 - bytes that are no pickle may raise anything
        reason = " ".join(str(fault).split()) or type(fault).__name__
        raise ValueError(f"{path}: refused ({reason}); delete it and run: {remedy}") from None
    return {_key(key): getattr(value, "content", value) for key, value in found.items()}


def _key(key: object) -> bytes:
    return key.encode() if isinstance(key, str) else bytes(key) if isinstance(key, bytes) else b""
