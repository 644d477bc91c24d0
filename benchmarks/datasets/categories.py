"""Data sets of categories: each has normal images to train on and its own test set with masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from baselines.pictures import ANTIALIASED, Resize
from benchmarks.datasets.base import Files

Masks = np.ndarray | Sequence[np.ndarray]  # m of bool (H, W), of one size or of many
GOOD = "good"  # the kind of a normal test image


@dataclass(frozen=True)
class Pictures:
    """How picture files become images: squares of ``size`` pixels a side, made by ``rule``."""

    size: int
    rule: Resize = ANTIALIASED

    def __str__(self) -> str:
        return f"{self.size} px, {self.rule}"


@dataclass(frozen=True, eq=False)
class Category:
    """Images uint8 ``(n, c, h, w)`` to train on and ``(m, c, h, w)`` to test.

    ``test_labels`` is int64 ``(m,)`` (1 = anomaly), ``test_masks`` bool ``(m, h, w)`` (True =
    anomalous), and ``test_kinds`` m of ``"good"`` or the name of a kind of defect.
    ``original_masks`` are m bool ``(H, W)``, as large as each picture's file, and may be read when
    asked for; None where the test masks are the original ones.
    """

    train: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    test_masks: np.ndarray
    test_kinds: tuple[str, ...]
    original_masks: Masks | None = None


@dataclass(frozen=True)
class CategorySet:
    """A data set of categories; every function takes the data root.

    ``here`` names the categories that are there, ``home`` is the folder they lie in or None, and
    ``find`` gives their files or None. ``load``
    and ``revision`` take a category and how its pictures are read (None: as the set's own rule
    says, and always so where images are drawn); they raise DataMissing for a category that is not
    there and ValueError, in one line, on damaged files. ``revision`` stands for the content of one
    category as it is read, so that another category does not touch it. ``kinds`` are those of a
    category's test images, as `Category` has them; it raises as ``load`` does, reading no picture.
    """

    name: str
    title: str
    categories: tuple[str, ...]
    here: Callable[[Path], tuple[str, ...]]
    home: Callable[[Path], Path | None]
    find: Callable[[Path], Files | None]
    load: Callable[[Path, str, Pictures | None], Category]
    revision: Callable[[Path, str, Pictures | None], str]
    kinds: Callable[[Path, str], Sequence[str]]
    licence: str
    source: str
    remedy: str
