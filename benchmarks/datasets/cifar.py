"""CIFAR-10, a data set of ten classes, and CIFAR-100, an exposure: colour images of 32 x 32 pixels.
CIFAR-10 is read whole or not at all, of CIFAR-100 what is there; rows say how many.

Both are published as plain records (the binary layout, preferred) and as Python pickles. A record
is one label (CIFAR-100: a coarse and a fine one), then the red, green and blue planes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.datasets.base import (
    DataMissing,
    Dataset,
    ExposureSet,
    Files,
    Images,
    Shape,
    content_revision,
    draw,
    fit,
    prepare_command,
)
from benchmarks.datasets.pickles import read_pickle

SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_LICENCE = "none stated; research use, cite the report"
_SOURCE = "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html"


@dataclass(frozen=True)
class CifarPlaces:
    """Where the files of a CIFAR lie in either layout, and the labels of a record."""

    name: str
    title: str
    binary: tuple[str, ...]
    pickled: tuple[str, ...]
    labels: tuple[bytes, ...]  # their keys in the Python layout, in the order of the binary one
    each: int | None = None  # images of a file; None where a part of them may be there

    def find(self, root: Path) -> Files | None:
        """The files of the first complete layout."""
        for names in (self.binary, self.pickled):
            files = tuple(root / name for name in names)
            if all(path.is_file() for path in files):
                return files
        return None

    def files(self, root: Path) -> Files:
        """As ``find``; raises DataMissing instead of returning None."""
        files = self.find(root)
        if files is None:
            folders = dict.fromkeys((root / n).parent for n in (*self.binary, *self.pickled))
            raise DataMissing(self.title, folders, prepare_command(self.name, root))
        return files

    def records(self, path: Path) -> np.ndarray:
        """Records of one file, uint8 ``(n, labels + 3072)``; ValueError if it is damaged, or cut
        off behind a whole record."""
        found = self._binary(path) if path.suffix == ".bin" else self._pickled(path)
        if self.each not in (None, len(found)):
            what = f"{len(found):,} images instead of {self.each:,}"
            raise ValueError(f"{path}: {what}; {self._remedy}")
        return found

    def pieces(self, path: Path) -> list[bytes]:
        """Content of one file, the same in either layout."""
        return [self.records(path).tobytes()]

    def _binary(self, path: Path) -> np.ndarray:
        width, size = len(self.labels) + _PIXELS, path.stat().st_size
        if size == 0 or size % width:
            what = f"{size} bytes are no whole number of {width}-byte records"
            raise ValueError(f"{path}: {what}; {self._remedy}")
        return np.memmap(path, np.uint8, mode="r", shape=(size // width, width))

    def _pickled(self, path: Path) -> np.ndarray:
        found = read_pickle(path, prepare_command(self.name))
        pixels = found.get(b"data")
        if not isinstance(pixels, np.ndarray) or pixels.shape[1:] != (_PIXELS,) or not len(pixels):
            raise ValueError(
                f"{path}: no images of 32 x 32 x 3 pixels under 'data'; {self._remedy}"
            )
        columns = [self._column(path, found.get(key), key, len(pixels)) for key in self.labels]
        return np.concatenate([np.stack(columns, axis=1), pixels], axis=1)

    def _column(self, path: Path, given: object, key: bytes, count: int) -> np.ndarray:
        fine = isinstance(given, list) and all(isinstance(v, int) and 0 <= v < 256 for v in given)
        if not isinstance(given, list) or not fine or len(given) != count:
            what = f"no {count} labels under {key.decode()!r}"
            raise ValueError(f"{path}: {what}; {self._remedy}")
        return np.array(given, np.uint8)

    @property
    def _remedy(self) -> str:
        return f"delete it and run: {prepare_command(self.name)}"


BATCHES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")
TEN = CifarPlaces(
    "cifar10",
    "CIFAR-10",
    tuple(f"cifar-10-batches-bin/{batch}.bin" for batch in BATCHES),
    tuple(f"cifar-10-batches-py/{batch}" for batch in BATCHES),
    (b"labels",),
    each=10_000,
)
HUNDRED = CifarPlaces(
    "cifar100",
    "CIFAR-100",
    ("cifar-100-binary/train.bin",),
    ("cifar-100-python/train",),
    (b"coarse_labels", b"fine_labels"),
)
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def _images(files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    parts = [TEN.records(path) for path in files]
    for path, part in zip(files, parts, strict=True):
        if (worst := int(part[:, 0].max())) >= len(CLASSES):
            remedy = prepare_command("cifar10")
            what = f"label {worst} outside 0..9"
            raise ValueError(f"{path}: {what}; delete it and run: {remedy}")
    pixels = np.concatenate([part[:, 1:] for part in parts]).reshape(-1, *SHAPE)
    return pixels, np.concatenate([part[:, 0] for part in parts]).astype(np.int64)


def _load_ten(root: Path) -> Images:
    *train, test = TEN.files(root)
    return Images(*_images(train), *_images([test]), CLASSES)


def _load_hundred(root: Path, shape: Shape, limit: int | None, seed: int) -> np.ndarray:
    records = HUNDRED.records(HUNDRED.files(root)[0])
    picked = records[draw(len(records), limit, seed), len(HUNDRED.labels) :]
    return fit(np.asarray(picked).reshape(-1, *SHAPE), shape)


CIFAR10 = Dataset(
    name="cifar10",
    title="CIFAR-10",
    classes=CLASSES,
    find=TEN.find,
    load=_load_ten,
    revision=lambda root: content_revision(TEN.files(root), TEN.pieces),
    licence=_LICENCE,
    source=_SOURCE,
    remedy=prepare_command("cifar10"),
)

CIFAR100 = ExposureSet(
    name="cifar100",
    title="CIFAR-100",
    find=HUNDRED.find,
    load=_load_hundred,
    count=lambda root: len(HUNDRED.records(HUNDRED.files(root)[0])),
    revision=lambda root: content_revision(HUNDRED.files(root), HUNDRED.pieces),
    licence=_LICENCE,
    source=_SOURCE,
    remedy=prepare_command("cifar100"),
)
