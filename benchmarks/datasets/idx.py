"""A strict reader of idx files, plain or gzipped: the format of MNIST and its relatives.

A header of two zero bytes, the element type (8 = unsigned byte), the number of dimensions and
each dimension as a big-endian 32-bit integer; then the elements. Every fault is a ValueError of
one line that names the file and the remedy.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

SIDE = 28
_CHUNK = 1 << 17
_HEAD = 4 + 4 * 255  # the longest header there can be
_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say: with a gzip header and its checksum


@dataclass(frozen=True)
class IdxContent:
    """Content of one idx file, unpacked, with the name and remedy its errors state."""

    data: bytes
    name: str
    remedy: str

    def images(self) -> np.ndarray:
        """Grey images, uint8 ``(n, 1, 28, 28)``, read-only."""
        images = self._array(3)
        if images.shape[1:] != (SIDE, SIDE):
            height, width = images.shape[1:]
            raise self.fault(f"images of {height} x {width} pixels instead of {SIDE} x {SIDE}")
        return images[:, None]

    def labels(self, classes: int) -> np.ndarray:
        """Labels, int64 ``(n,)``, each in ``0 .. classes - 1``."""
        labels = self._array(1).astype(np.int64)
        if labels.max() >= classes:
            raise self.fault(f"label {labels.max()} outside 0..{classes - 1}")
        return labels

    def sized(self, received: int) -> None:
        """Raise ValueError unless `received` bytes are what the header in `data` says."""
        dimensions = self.data[3] if len(self.data) > 3 else 0
        header = 4 + 4 * dimensions
        if len(self.data) < header:
            raise self.fault("ends within its header")
        expected = header + math.prod(
            np.frombuffer(self.data, ">u4", dimensions, offset=4).tolist()
        )
        if received != expected:
            raise self.fault(f"{received} bytes, where the header says {expected}")

    def fault(self, what: str) -> ValueError:
        """The error to raise for this file."""
        return ValueError(f"{self.name}: {what}; delete it and run: {self.remedy}")

    def _array(self, dimensions: int) -> np.ndarray:
        header = 4 + 4 * dimensions
        if self.data[:3] != b"\0\0\x08":
            raise self.fault("not an idx file of bytes (wrong magic number)")
        if len(self.data) < header:
            raise self.fault("ends within its header")
        if self.data[3] != dimensions:
            raise self.fault(f"{self.data[3]} dimensions instead of {dimensions}")
        shape = np.frombuffer(self.data, ">u4", dimensions, offset=4).tolist()
        self.sized(len(self.data))
        if not math.prod(shape):
            raise self.fault("a header without elements")
        return np.frombuffer(self.data, np.uint8, offset=header).reshape(shape)


def find_idx(folder: Path, stem: str, dimensions: int) -> Path | None:
    """The file of that stem (``train-images``) under one of its usual names, plain before gz."""
    kind = f"idx{dimensions}-ubyte"
    names = [f"{stem}-{kind}", f"{stem}.{kind}"]
    candidates = [folder / f"{name}{suffix}" for suffix in ("", ".gz") for name in names]
    return next((path for path in candidates if path.is_file()), None)


def read_idx(file: IO[bytes], name: str, remedy: str) -> IdxContent:
    """Content of a plain or gzipped file; ValueError if it is empty or damaged gzip."""
    return IdxContent(b"".join(pieces(file, name, remedy)), name, remedy)


def pieces(file: IO[bytes], name: str, remedy: str) -> Iterator[bytes]:
    """The same content piece by piece: hashing it so takes a third less time than in one. What is
    shorter or longer than its header says is a ValueError here already, before anything is run."""
    fault, head, received = IdxContent(b"", name, remedy).fault, b"", 0
    chunk = file.read(_CHUNK)
    if not chunk:
        raise fault("empty file")
    # Told by content, not by name: browsers unpack a .gz and keep its name.
    packed = chunk[:2] == b"\x1f\x8b"
    gzip = zlib.decompressobj(_GZIP)
    while chunk:
        try:
            piece = gzip.decompress(chunk) if packed else chunk
        except zlib.error as error:
            raise fault(f"damaged gzip ({error})") from error
        head, received = head or piece[:_HEAD], received + len(piece)
        yield piece
        chunk = file.read(_CHUNK)
    if packed and not gzip.eof:
        raise fault("truncated gzip")
    if head[:3] == b"\0\0\x08":
        IdxContent(head, name, remedy).sized(received)
