"""A task: the tensors of one normal class against the rest, or of one category with masks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.datasets.base import DataMissing, Dataset, Files, Images
from benchmarks.datasets.textures import Category


@dataclass(frozen=True)
class Scenario:
    """What is mixed into the normal training rows (Deep SAD, Ruff et al. 2020, section 4.2).

    `labelled`: known anomalies as a share of all training rows, from `known_classes` classes.
    `pollution`: hidden anomalies as a share of the unlabelled rows, from every anomalous class.
    """

    labelled: float = 0.0
    known_classes: int = 1
    pollution: float = 0.0

    def __str__(self) -> str:
        parts = []
        if self.labelled:
            parts.append(f"labelled {self.labelled:g} of {self.known_classes} class(es)")
        if self.pollution:
            parts.append(f"pollution {self.pollution:g}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Task:
    """Arrays of one trial: uint8 images ``(n, c, h, w)``; labels int64, 1 = anomaly (in training:
    known anomaly); test masks bool ``(m, h, w)`` where anomalous pixels are known."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    test_masks: np.ndarray | None = None
    notes: tuple[str, ...] = ()


class TaskSource(Protocol):
    """A data set as the harness sees it: normals (classes or categories), each giving a task."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def normals(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    @property
    def remedy(self) -> str: ...
    @property
    def masked(self) -> bool: ...
    def present(self, root: Path) -> bool: ...
    def revision(self, root: Path) -> str: ...
    def task(self, root: Path, normal: str, scenario: Scenario, seed: int) -> Task: ...


@dataclass(frozen=True)
class OneVsRest:
    """A labelled data set: one class is normal, the others are anomalies, on its own test split."""

    data: Dataset
    masked: bool = False

    @property
    def name(self) -> str:
        return self.data.name

    @property
    def title(self) -> str:
        return self.data.title

    @property
    def normals(self) -> tuple[str, ...]:
        return self.data.classes

    @property
    def source(self) -> str:
        return f"{self.data.source} ({self.data.licence})"

    @property
    def remedy(self) -> str:
        return self.data.remedy

    def present(self, root: Path) -> bool:
        return self.data.find(root) is not None

    def revision(self, root: Path) -> str:
        return self.data.revision(root)

    def task(self, root: Path, normal: str, scenario: Scenario, seed: int) -> Task:
        """Raises DataMissing, or ValueError on damaged files or a class without test anomalies."""
        return one_vs_rest(_loaded(self.data.load, root), normal, scenario, seed)


@lru_cache(maxsize=2)
def _loaded(load: Callable[[Path], Images], root: Path) -> Images:
    return load(root)


@dataclass(frozen=True)
class Categories:
    """A data set of categories, each with normal training images and its own masked test split."""

    name: str
    title: str
    normals: tuple[str, ...]
    find: Callable[[Path], Files | None]
    load: Callable[[Path, str], Category]
    version: Callable[[Path], str]
    source: str
    remedy: str
    masked: bool = True

    def present(self, root: Path) -> bool:
        return self.find(root) is not None

    def revision(self, root: Path) -> str:
        return self.version(root)

    def task(self, root: Path, normal: str, scenario: Scenario, seed: int) -> Task:
        """Raises ValueError for a scenario: a category has no known anomalies to train with."""
        if not self.present(root):
            raise DataMissing(self.title, [root], self.remedy)
        if scenario.pollution:
            raise ValueError(f"{self.name}: no anomalies to pollute the training rows with")
        found = self.load(root, normal)
        labels = np.zeros(len(found.train), np.int64)
        return Task(found.train, labels, found.test, found.test_labels, found.test_masks)


def one_vs_rest(images: Images, normal: str, scenario: Scenario, seed: int) -> Task:
    """The task of one class: all its training rows, the scenario's anomalies, the whole test set.

    Known and hidden anomalies are drawn by the seed alone, so every detector sees the same; they
    are disjoint (the authors' may overlap). Known classes follow the normal one in class order,
    one further with each seed, so that nine seeds use nine of ten classes once.
    """
    classes = images.classes
    number = classes.index(normal)
    test_labels = (images.test_labels != number).astype(np.int64)
    if not test_labels.any() or test_labels.all():
        kind = "anomalies" if not test_labels.any() else "normal images"
        raise ValueError(f"class {normal}: the test split holds no {kind}; AUC is undefined")
    rows = np.flatnonzero(images.train_labels == number)
    hidden, known, names = drawn_anomalies(images, number, len(rows), scenario, seed)
    chosen = np.concatenate([rows, hidden, known])
    labels = np.zeros(len(chosen), np.int64)
    labels[len(chosen) - len(known) :] = 1
    notes = (f"known anomalies: {', '.join(names)}",) if len(known) else ()
    return Task(images.train[chosen], labels, images.test, test_labels, None, notes)


def drawn_anomalies(
    images: Images, number: int, normal_rows: int, scenario: Scenario, seed: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Training rows of hidden and of known anomalies, and the names of the known classes."""
    count = len(images.classes)
    rng = np.random.default_rng([seed, number])
    order = rng.permutation(np.flatnonzero(images.train_labels != number))
    hidden_rows = round(normal_rows * scenario.pollution / (1 - scenario.pollution))
    total = normal_rows + hidden_rows
    known_rows = round(total * scenario.labelled / (1 - scenario.labelled))
    if not 1 <= scenario.known_classes < count:
        raise ValueError(f"known classes: between 1 and {count - 1}, got {scenario.known_classes}")
    offset = seed % (count - 1)
    others = [(number + 1 + (offset + i) % (count - 1)) % count for i in range(count - 1)]
    known_classes = others[: scenario.known_classes]
    hidden = order[:hidden_rows]
    rest = order[hidden_rows:]
    known = rest[np.isin(images.train_labels[rest], known_classes)][:known_rows]
    if len(hidden) < hidden_rows or len(known) < known_rows:
        raise ValueError(
            f"scenario {scenario}: class {images.classes[number]} has too few anomalies"
        )
    return hidden, known, [images.classes[k] for k in known_classes]
