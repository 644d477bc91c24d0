"""A task: the tensors of one normal class against the rest, or of one category with masks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.datasets.base import Dataset, Images
from benchmarks.datasets.categories import CategorySet, Masks, Pictures
from benchmarks.scenario import Impossible, Scenario


@dataclass(frozen=True)
class Task:
    """Arrays of one trial: uint8 images ``(n, c, h, w)``; labels int64, 1 = anomaly (in training:
    known anomaly); masks bool ``(n, h, w)`` of the images where anomalous pixels are known.
    `original_masks` are the test masks as large as the pictures were, bool ``(H, W)`` each, and may
    be read when asked for; `test_kinds` names each test image's kind of defect (or "good")."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    test_masks: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    train_masks: np.ndarray | None = None
    original_masks: Masks | None = None
    test_kinds: tuple[str, ...] | None = None


class TaskSource(Protocol):
    """A data set as the harness sees it: normals (classes or categories), each giving a task.

    `here` names the normals whose data are there. `pictures` says how picture files are read; it
    means nothing to data sets that come as arrays.
    """

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
    def here(self, root: Path) -> tuple[str, ...]: ...
    def revision(self, root: Path, normal: str, pictures: Pictures | None = None) -> str: ...
    def check(self, root: Path, normal: str, scenario: Scenario, seed: int) -> None:
        """Raises Impossible for a scenario that `task` has too few anomalies for, DataMissing, or
        ValueError on damaged files."""
        ...

    def task(
        self,
        root: Path,
        normal: str,
        scenario: Scenario,
        seed: int,
        pictures: Pictures | None = None,
    ) -> Task: ...


class Described:
    """A source of tasks as its data set describes itself."""

    data: Dataset | CategorySet

    @property
    def name(self) -> str:
        return self.data.name

    @property
    def title(self) -> str:
        return self.data.title

    @property
    def source(self) -> str:
        return f"{self.data.source} ({self.data.licence})"

    @property
    def remedy(self) -> str:
        return self.data.remedy


@dataclass(frozen=True)
class OneVsRest(Described):
    """A labelled data set: one class is normal, the others are anomalies, on its own test split."""

    data: Dataset
    masked: bool = False

    @property
    def normals(self) -> tuple[str, ...]:
        return self.data.classes

    def here(self, root: Path) -> tuple[str, ...]:
        return () if self.data.find(root) is None else self.normals

    def revision(self, root: Path, normal: str, pictures: Pictures | None = None) -> str:
        return self.data.revision(root)

    def check(self, root: Path, normal: str, scenario: Scenario, seed: int) -> None:
        images = _loaded(self.data.load, root)
        number = images.classes.index(normal)
        rows = int((images.train_labels == number).sum())
        drawn_anomalies(images, number, rows, scenario, seed)

    def task(
        self,
        root: Path,
        normal: str,
        scenario: Scenario,
        seed: int,
        pictures: Pictures | None = None,
    ) -> Task:
        """Raises DataMissing, or ValueError on damaged files, a class without test anomalies, or a
        scenario that needs masks."""
        if scenario.real:
            raise ValueError(f"{self.name}: no kinds of defects to take real anomalies of")
        return one_vs_rest(_loaded(self.data.load, root), normal, scenario, seed)


@lru_cache(maxsize=2)
def _loaded(load: Callable[[Path], Images], root: Path) -> Images:
    return load(root)


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
    train = taken(images.train, chosen)
    return Task(train, labels, images.test, test_labels, None, (*images.notes, *notes))


def taken(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows; no copy where they lie one behind the other, as a class in a file does."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first == len(rows) - 1 and (np.diff(rows) == 1).all():
        return images[first : last + 1]
    return images[rows]


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
        raise Impossible(f"known classes: between 1 and {count - 1}, got {scenario.known_classes}")
    offset = seed % (count - 1)
    others = [(number + 1 + (offset + i) % (count - 1)) % count for i in range(count - 1)]
    known_classes = others[: scenario.known_classes]
    hidden = order[:hidden_rows]
    rest = order[hidden_rows:]
    known = rest[np.isin(images.train_labels[rest], known_classes)][:known_rows]
    if len(hidden) < hidden_rows or len(known) < known_rows:
        raise Impossible(
            f"scenario {scenario}: class {images.classes[number]} has too few anomalies"
        )
    return hidden, known, [images.classes[k] for k in known_classes]
