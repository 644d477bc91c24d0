"""Detectors that break, each in its way, until they are cured; registered while `at_home`.

A worker gets them by unpickling a `Wicked` trial, so that nothing of the harness is stood in for.
"""

import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from baselines.anomalies import Append
from baselines.augment import Noise
from baselines.deep import DeepDetector
from baselines.detector import Detector, Rows
from baselines.hsc import HSC
from baselines.nets import LeNet, NetBuilder
from baselines.parts import all_rows, from_scratch, input_gradient, keep_state, no_state
from baselines.recipe import Recipe, State, TrainingSet
from benchmarks import condition
from benchmarks.setting import ANY, Setting
from benchmarks.suites import DETECTORS, RECIPES, Entry
from benchmarks.trial import Planned, Trial


def place() -> Path:
    """The folder where the test that started this process keeps what its detectors do."""
    parent = multiprocessing.parent_process()
    return Path(tempfile.gettempdir()) / f"wicked-{parent.pid if parent else os.getpid()}"


def none() -> None:
    """Does nothing wrong."""


def raises() -> None:
    raise RuntimeError("no good reason")


def hangs() -> None:
    time.sleep(3600)


def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exits() -> None:
    os._exit(3)


def crashes() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hogs() -> None:
    """Ask for more than the limit of this process, which is as much as it has and a little."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + 2**28, resource.RLIM_INFINITY))
    try:
        np.ones(2**30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def waits() -> None:
    """Say so, and wait until told to go on."""
    (place() / "waiting").touch()
    while not (place() / "go").exists():
        time.sleep(0.05)


SPOILT = threading.Event()  # this process's device, by `spoils`


def spoils() -> None:
    """Leave the device of no use to this process, as an assertion that fails on a GPU does."""
    SPOILT.set()
    raise RuntimeError("CUDA error: device-side assert triggered")


MOODS = (none, raises, hangs, dies, exits, crashes, hogs, waits, spoils)


@dataclass(eq=False, repr=False)
class Moody(Detector):
    """Distance to the mean image; `mood` is what goes wrong in `fit`, or "nan"."""

    mood: str = "none"
    seed: int = 0

    def _fit(self, rows: Rows) -> None:
        with (place() / f"fits-{self.mood}").open("a") as file:
            file.write("x")
        self.mean_ = rows.images.double().mean(0)
        self.factor_ = 1.0
        if not (place() / "cured").exists():
            self.factor_ = float("nan") if self.mood == "nan" else 1.0
            next((mood for mood in MOODS if mood.__name__ == self.mood), none)()

    def _score(self, images: torch.Tensor) -> np.ndarray:
        return self.factor_ * (images.double() - self.mean_).square().flatten(1).sum(1).numpy()

    def _map(self, images: torch.Tensor) -> np.ndarray:
        return (images.double() - self.mean_).square().sum(1).numpy()


NET = LeNet((4, 4), 16, 8, bias=True, affine=True)
RECIPE = Recipe(2, 16, 1e-3, precision=torch.float64, augment=(Noise(0.01),))


@dataclass(eq=False, repr=False)
class Touchy(DeepDetector):
    """A net whose outputs shrink; `mood` is what goes wrong where it is trained for class 3 with
    seed 1, "crowded": more than two at once are too many, or "fades": that one dies when it scores
    what it was not trained on."""

    net: NetBuilder = NET
    recipe: Recipe = RECIPE
    mood: str = "none"

    init = no_state
    update = keep_state
    training_set = all_rows
    _map = input_gradient

    def start(self, detectors: Sequence["Touchy"], sets: Sequence[TrainingSet]) -> list:
        if self.mood == "crowded" and len(sets) > 2:
            raise MemoryError("too many")
        if SPOILT.is_set():
            spoils()
        if any(d._is_the_one() for d in detectors):
            next((mood for mood in MOODS if mood.__name__ == self.mood), none)()
        return from_scratch(self, detectors, sets)

    def loss(
        self, out: torch.Tensor, y: torch.Tensor, masks: torch.Tensor | None, state: State
    ) -> torch.Tensor:
        return out.square().sum(1)

    def score(self, out: torch.Tensor, state: State) -> torch.Tensor:
        if self.mood == "fades" and self._is_the_one() and hasattr(self, "labels_"):
            dies()
        return out.square().sum(1)

    def _is_the_one(self) -> bool:
        return self.seed == Trial("", "digits", "3", 1, "").random_seed


@dataclass(frozen=True)
class Wicked(Trial):
    """A trial that brings its detector along."""


EXPOSURE = {"exact": "photos"}


def entries() -> dict[str, Entry]:
    """What is registered, by name."""
    moods = (*(mood.__name__ for mood in MOODS), "nan")
    made = {name: Moody(name) for name in moods}
    touchy = ("raises", "dies", "crowded", "spoils", "fades")
    made |= {f"touchy_{mood}": Touchy(mood=mood) for mood in touchy}
    made["exact"] = HSC(NET, replace(RECIPE, placement=Append()))
    return {
        name: Entry(
            {
                key: {ANY: Setting(detector, "ours: to break", exposure=EXPOSURE.get(name))}
                for key in RECIPES
            },
            labelled=False,
        )
        for name, detector in made.items()
    }


@contextmanager
def at_home() -> Iterator[Path]:
    """The detectors registered, and the place where they leave their marks; gone afterwards."""
    DETECTORS.update(entries())
    place().mkdir()
    try:
        yield place()
    finally:
        shutil.rmtree(place())
        for name in entries():
            del DETECTORS[name]


if multiprocessing.current_process().name != "MainProcess":  # a worker, which unpickles a trial
    DETECTORS.update(entries())
    condition.usable = lambda device: not SPOILT.is_set()  # the CPU of this machine always is


def planned(mood: str, normal: str = "3", seed: int = 0, exposure: str | None = None) -> Planned:
    """A trial of a detector in a mood, on the digits; of an exposure 64 images."""
    resolved = {"detector": "Moody", "parameters": {"mood": mood}, "source": "ours"}
    size = None if exposure is None else 64
    trial = Wicked(mood, "digits", normal, seed, "fast", exposure, size)
    return Planned(trial, resolved | {"deviations": []}, {"digits": "embedded"})
