"""The task of a category: its own training rows and masked test set, and with a scenario, some of
the test set's anomalies as known ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload
from zlib import crc32

import numpy as np

from benchmarks.datasets.categories import GOOD, Category, CategorySet, Masks, Pictures
from benchmarks.scenario import Impossible, Scenario
from benchmarks.task import Described, Task


@dataclass(frozen=True)
class Categories(Described):
    """A data set of categories, each with normal training images and its own masked test split."""

    data: CategorySet
    masked: bool = True

    @property
    def normals(self) -> tuple[str, ...]:
        return self.data.categories

    def here(self, root: Path) -> tuple[str, ...]:
        return self.data.here(root)

    def revision(self, root: Path, normal: str, pictures: Pictures | None = None) -> str:
        return self.data.revision(root, normal, pictures)

    def check(self, root: Path, normal: str, scenario: Scenario, seed: int) -> None:
        if scenario.real:
            drawn(self.data.kinds(root, normal), f"{self.name}/{normal}", scenario, seed)

    def task(
        self,
        root: Path,
        normal: str,
        scenario: Scenario,
        seed: int,
        pictures: Pictures | None = None,
    ) -> Task:
        """Raises DataMissing, or ValueError on damaged files and on a scenario that needs other
        anomalies than there are."""
        if scenario.pollution or scenario.labelled:
            raise ValueError(
                f"{self.name}: no anomalies to pollute or label the training rows with; "
                "choose real ones (--real)"
            )
        task = whole_task(self.data.load(root, normal, pictures))
        if not scenario.real:
            return task
        return semi_supervised(task, f"{self.name}/{normal}", scenario, seed)


@dataclass(frozen=True, eq=False)
class Chosen(Sequence[np.ndarray]):
    """Some of a sequence of masks, each still read only when asked for."""

    masks: Masks
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, place: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, place: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        if isinstance(place, slice):
            return Chosen(self.masks, self.places[place])
        return self.masks[int(self.places[place])]


def whole_task(found: Category) -> Task:
    """Every normal training image, and the whole test set."""
    return Task(
        found.train,
        np.zeros(len(found.train), np.int64),
        found.test,
        found.test_labels,
        found.test_masks,
        original_masks=found.original_masks,
        test_kinds=found.test_kinds,
    )


def semi_supervised(task: Task, name: str, scenario: Scenario, seed: int) -> Task:
    """The task with real anomalies of the test set made known, as the scenario says.

    All detectors get the same ones. Raises ValueError where a kind of defect has too few.
    """
    kinds, masks, own = task.test_kinds, task.test_masks, task.original_masks
    assert kinds is not None and masks is not None
    rows = drawn(kinds, name, scenario, seed)
    count = f"{len(rows)} real anomalies ({scenario.real} of each kind of defect)"
    if scenario.shown:
        empty = np.zeros((len(task.train), *masks.shape[1:]), bool)
        labels = np.ones(len(rows), np.int64)
        task = replace(
            task,
            train=np.concatenate([task.train, task.test[rows]]),
            train_labels=np.concatenate([task.train_labels, labels]),
            train_masks=np.concatenate([empty, masks[rows]]),
        )
        count = f"trained with {count} and their masks"
    if not scenario.held_out:
        note = f"{count}, which stay in the test set, as in FCDD's code"
        return replace(task, notes=(*task.notes, note))
    left = np.setdiff1d(np.arange(len(task.test)), rows)
    note = f"{count}, held out of the test set"
    if not scenario.shown:
        note += " as for the detectors that train with them; not trained with here"
    return replace(
        task,
        test=task.test[left],
        test_labels=task.test_labels[left],
        test_masks=masks[left],
        original_masks=None if own is None else Chosen(own, left),
        test_kinds=tuple(kinds[row] for row in left),
        notes=(*task.notes, note),
    )


def drawn(kinds: Sequence[str], name: str, scenario: Scenario, seed: int) -> np.ndarray:
    """Test rows of the real anomalies, ascending: of each kind as many as the scenario says.

    A kind's order is drawn from seed, category and kind alone, so that fewer are some of more.
    """
    found = np.array(kinds)
    picked = []
    for kind in sorted({*kinds} - {GOOD}):
        rows = np.flatnonzero(found == kind)
        most = len(rows) - scenario.held_out
        if scenario.real > most:
            raise Impossible(
                f"{name}: {len(rows)} images of {kind}, so at most {most} of each kind can be "
                f"real anomalies to train with, not {scenario.real}"
            )
        rng = np.random.default_rng([seed, crc32(f"{name}/{kind}".encode())])
        picked.append(rng.permutation(rows)[: scenario.real])
    return np.sort(np.concatenate(picked))
