"""How fast detectors train: against the plain loop, against the machine's matrix products, and K
nets together against one after another.

Images are noise of the data set's shape, for speed does not depend on what they show. Both loops
train the same net on the same rows for the same epochs, data pipeline included, turn by turn; a
ratio is the median over turns of the ratio within a turn, since other work on the machine slows
both halves of one turn alike.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from baselines.anomalies import Exposure
from baselines.deep import DeepDetector
from baselines.detector import Rows
from baselines.near import find_device
from baselines.stack import has_bfloat16
from baselines.streams import train_all
from baselines.trainer import TrainingSet
from benchmarks.plain import train_plainly
from benchmarks.suites import DETECTORS

SHAPES = {"mnist": (1, 28, 28), "fmnist": (1, 28, 28), "cifar10": (3, 32, 32)}
EXPOSED = 10_000
SIDES = {"cpu": 2048, "cuda": 8192}  # of the matrices whose product is the machine's peak
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What is timed: a detector's recipe on a data set's shape; `epochs` of `batches` batches."""

    detector: str
    dataset: str
    recipe: str
    batches: int = 20
    epochs: int = 1

    def made(self, device: str) -> DeepDetector:
        """The detector with that few epochs and without pretraining."""
        made = DETECTORS[self.detector].make(self.recipe, self.dataset)
        assert isinstance(made, DeepDetector)
        made.set_params(recipe=replace(made.recipe, epochs=self.epochs), device=device)
        return made.set_params(pretraining=None) if hasattr(made, "pretraining") else made

    def images(self, seed: int) -> torch.Tensor:
        """uint8 noise: the rows of an epoch."""
        n = self.batches * self.made("cpu").recipe.batch
        return noise((n, *SHAPES[self.dataset]), seed)


def noise(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """uint8 images of independent pixels."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def is_timed(detector: str, dataset: str, recipe: str) -> bool:
    """Whether there is a deep detector of that name with a recipe of its own for the data."""
    entry = DETECTORS[detector]
    return (
        dataset in SHAPES
        and entry.has(recipe, dataset)
        and isinstance(entry.setting(recipe, dataset).detector, DeepDetector)
    )


class Ours:
    """Trains K nets with our loop, again from the start whenever called."""

    def __init__(self, case: Case, device: str, nets: int = 1) -> None:
        self.device = find_device(device)
        self.detectors = [case.made(device).set_params(seed=k) for k in range(nets)]
        self.images = [case.images(k) for k in range(nets)]
        self.others = noise((EXPOSED, *SHAPES[case.dataset]), 1000)
        if hasattr(self.detectors[0], "anomalies"):
            exposure = Exposure(self.others, "noise")
            self.detectors = [d.set_params(anomalies=exposure) for d in self.detectors]

    def start(self) -> tuple[list[nn.Module], list[TrainingSet]]:
        """Fresh nets, and their rows on the device."""
        rows = [Rows(i, torch.zeros(len(i), dtype=torch.int64)) for i in self.images]
        near = [own.to(self.device) for own in rows]
        sets = [d.training_set(own) for d, own in zip(self.detectors, near, strict=True)]
        return self.detectors[0].start(self.detectors, sets), sets

    def __call__(self) -> int:
        """Train; returns how many rows were seen."""
        nets, sets = self.start()
        first = self.detectors[0]
        train_all(nets, first, sets, first.recipe, self.device, [None] * len(nets))
        return sum(len(i) for i in self.images) * first.recipe.epochs


def against_plain(case: Case, device: str, rounds: int, workers: int) -> Row:
    """Images per second of our loop and of the plain one, and their ratio."""
    ours, threads = Ours(case, device), torch.get_num_threads()
    # In a process of its own: ours changes how memory is kept, for the whole of its process.
    with ProcessPoolExecutor(
        1, get_context("spawn"), initializer=torch.set_num_threads, initargs=(threads,)
    ) as other:
        turns = [
            (rate(ours, ours.device), other.submit(plain_rate, case, device, workers).result())
            for _ in range(rounds + 1)
        ]
    mine, theirs = zip(*turns[1:], strict=True)  # the first warms up
    flops = flops_of(ours)
    return {
        "measure": "training",
        **about(case, ours.detectors[0]),
        "workers": workers,
        "images_per_second": statistics.median(mine),
        "plain_images_per_second": statistics.median(theirs),
        "ratio": statistics.median(a / b for a, b in zip(mine, theirs, strict=True)),
        "gflop_per_image": flops / 1e9,
        "gflops": flops * statistics.median(mine) / 1e9,
    }


def plain_rate(case: Case, device: str, workers: int) -> float:
    """Images per second of the plain loop."""
    ours = Ours(case, device)
    detector, net = ours.detectors[0], ours.start()[0][0]
    others = ours.others if hasattr(detector, "anomalies") else None

    def plain() -> int:
        return train_plainly(detector, net, ours.images[0], others, ours.device, workers)

    return rate(plain, ours.device)


def together(case: Case, device: str, rounds: int, nets: int) -> Row:
    """`nets` nets at once against one after another."""
    stack, single = Ours(case, device, nets), Ours(case, device)

    def apart() -> int:
        return sum(single() for _ in range(nets))

    turns = [(rate(stack, stack.device), rate(apart, stack.device)) for _ in range(rounds + 1)]
    at_once, one_by_one = zip(*turns[1:], strict=True)
    return {
        "measure": "together",
        **about(case, single.detectors[0]),
        "nets": nets,
        "images_per_second": statistics.median(at_once),
        "apart_images_per_second": statistics.median(one_by_one),
        "ratio": statistics.median(a / b for a, b in zip(at_once, one_by_one, strict=True)),
    }


def about(case: Case, detector: DeepDetector) -> Row:
    """The columns that say what was timed."""
    return {
        "dataset": case.dataset,
        "detector": case.detector,
        "recipe": case.recipe,
        "batch": detector.recipe.batch,
        "batches": case.batches,
        "epochs": case.epochs,
    }


def rate(work: Callable[[], int], device: torch.device) -> float:
    """Images per second; what `work` started on a GPU is waited for."""
    began = time.perf_counter()
    seen = work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return seen / (time.perf_counter() - began)


def flops_of(ours: Ours) -> float:
    """Floating-point operations of a training step for each row: products of convolutions and
    linear layers, forward and back."""
    (net, *_), _ = ours.start()
    batch = ours.detectors[0].recipe.batch
    images = torch.zeros(batch, *ours.images[0].shape[1:])
    with FlopCounterMode(display=False) as counter:
        net.cpu().train()(images).sum().backward()
    return counter.get_total_flops() / batch


def peak(device: str, rounds: int) -> Row:
    """Floating-point operations per second of the machine's matrix product, in the type that
    trainings compute in: its best."""
    where = find_device(device)
    side, half = SIDES.get(where.type, SIDES["cpu"]), has_bfloat16(where)
    dtype = torch.bfloat16 if half else torch.float32
    a, b = torch.rand(2, side, side, device=where).to(dtype)

    def multiply() -> int:
        for _ in range(3):
            a @ b
        return 3

    best = max(rate(multiply, where) for _ in range(rounds + 1))
    return {"measure": "peak", "bfloat16": half, "gflops": best * 2 * side**3 / 1e9}


def measured(
    cases: list[Case], device: str, rounds: int, workers: list[int], nets: list[int]
) -> Iterator[Row]:
    """Every row: the peak, each case against the plain loop, and with K nets."""
    top = peak(device, rounds)
    yield top
    for case in cases:
        for count in workers:
            row = against_plain(case, device, rounds, count)
            yield row | {"share_of_peak": row["gflops"] / top["gflops"]}
        for k in nets:
            yield together(case, device, rounds, k)
