"""What a data set and an exposure are, where their files lie, and which version of them is there.

Everything here is numpy: uint8 images ``(n, c, h, w)``, int64 labels ``(n,)``.
"""

import hashlib
import shlex
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from baselines.root import data_root as data_root
from benchmarks.witnesses import stamps

Shape = tuple[int, int, int]  # channels, height, width
Files = tuple[Path, ...]
Read = Callable[[Path], Iterable[bytes]]

_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)  # ITU-R 601 in 1/65536, as in Pillow


class DataMissing(Exception):
    """Files are not there; one line names the data set, where was looked, and the remedy."""

    def __init__(self, title: str, places: Iterable[Path], remedy: str) -> None:
        self.title, self.places, self.remedy = title, tuple(places), remedy
        looked = ", ".join(map(str, self.places))
        super().__init__(f"{title} is missing: looked in {looked}; get it with: {remedy}")


@dataclass(frozen=True)
class Images:
    """Train and test images, uint8 ``(n, c, h, w)``, with labels that index ``classes``; `notes`
    say what a reader of the results must know."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A labelled data set; every function takes the data root.

    ``find`` returns the files, or None. ``load`` and ``revision`` raise DataMissing where ``find``
    returns None, and ``load`` raises ValueError on damaged files. ``revision`` is 16 hex digits of
    the content, whether or not it is compressed. ``remedy`` is the command or place to get it.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    find: Callable[[Path], Files | None]
    load: Callable[[Path], Images]
    revision: Callable[[Path], str]
    licence: str
    source: str
    remedy: str


@dataclass(frozen=True)
class ExposureSet:
    """Anomalies borrowed from elsewhere (outlier exposure: Hendrycks et al. 2019).

    ``load(root, shape, limit, seed)`` returns uint8 ``(m, c, h, w)`` in the shape asked for; with a
    limit below ``count(root)``, that many images drawn without replacement from the seed. The
    functions raise as a Dataset's do; ``load`` and ``count`` raise ValueError on damaged files.
    ``most`` is how many images are given where no limit is set, None for all. ``shows`` names the
    data sets whose classes are among the images: where one is normal, this is no exposure.
    """

    name: str
    title: str
    find: Callable[[Path], Files | None]
    load: Callable[[Path, Shape, int | None, int], np.ndarray]
    count: Callable[[Path], int]
    revision: Callable[[Path], str]
    licence: str
    source: str
    remedy: str
    most: int | None = None
    shows: tuple[str, ...] = ()


def prepare_command(name: str, root: Path | None = None) -> str:
    """The command that downloads a data set (into ``root``)."""
    where = "" if root is None else f" --data-root {shlex.quote(str(root))}"
    return f"python -m benchmarks.prepare {name}{where}"


def content_revision(files: Sequence[Path], read: Read) -> str:
    """16 hex digits of SHA-256 over what ``read`` gives for each file, in the order given.

    Remembered in this process until a file's size or time of change differs.
    """
    return _hashed(stamps(files), read)


@lru_cache(maxsize=64)
def _hashed(stamps: tuple[tuple[Path, int, int], ...], read: Read) -> str:
    # Threads, since zlib and hashlib both release the lock.
    with ThreadPoolExecutor() as pool:
        parts = list(pool.map(lambda stamp: _sha256(read(stamp[0])), stamps))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def _sha256(pieces: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def draw(count: int, limit: int | None, seed: int) -> np.ndarray:
    """Rows to take out of ``count``, int64, ascending: all, or ``limit`` drawn from the seed."""
    if limit is not None and limit < 1:
        raise ValueError(f"limit: at least one image is needed, got {limit}")
    if limit is None or limit >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=limit, replace=False))


def fit(images: np.ndarray, shape: Shape) -> np.ndarray:
    """Images uint8 ``(n, 1 or 3, h, w)`` brought to ``shape``: resized, then grey or RGB.

    Resizing is Pillow's bilinear with antialiasing, before the conversion to grey, as in FCDD
    (Liznerski et al. 2021); grey is ITU-R 601 luma, and grey becomes RGB by repetition.
    """
    channels, height, width = shape
    if channels not in (1, 3):
        raise ValueError(f"shape: images have 1 or 3 channels, got {shape}")
    return _recoloured(_resized(images, height, width), channels)


def _resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
    if images.shape[2:] == (height, width):
        return images
    resized = np.empty((*images.shape[:2], height, width), dtype=np.uint8)
    for image, target in zip(images, resized, strict=True):
        pixels = np.ascontiguousarray(image.transpose(1, 2, 0)).squeeze()
        small = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
        target[:] = np.atleast_3d(np.asarray(small)).transpose(2, 0, 1)
    return resized


def _recoloured(images: np.ndarray, channels: int) -> np.ndarray:
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=1)
    grey = np.tensordot(images, _LUMA, axes=(1, 0)) + 0x8000 >> 16
    return grey.astype(np.uint8)[:, None]
