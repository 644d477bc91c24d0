"""``python -m benchmarks.speed [NAME]``: seconds and memory of what claims to be fast.

Without a name: how fast detectors train on this machine, to ``results/speed/MACHINE.csv``.
``sweep OUT`` tells how well a run filled its slots. ``pixels`` and ``confetti`` time those alone;
on one core: ``taskset -c 0 python -m benchmarks.speed pixels``."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from baselines.detector import Rows
from baselines.door import OK, Parser, entered
from baselines.metrics import pixel_metrics
from baselines.stack import kept_memory
from baselines.synthetic import Confetti
from benchmarks import loops
from benchmarks.fastest import speed_folder
from benchmarks.machine import peak_memory
from benchmarks.speed_table import efficiency, machine, write
from benchmarks.speed_training import SHAPES, Case, is_timed, measured
from benchmarks.suites import DETECTORS, RECIPES


def drawn_masks(n: int, size: int, seed: int = 0) -> np.ndarray:
    """Masks bool ``(n, size, size)`` of three discs each, about 2.5 % of the pixels."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((n, size, size), dtype=bool)
    y, x = np.ogrid[:size, :size]
    for mask in masks:
        for centre_y, centre_x, radius in rng.uniform((0, 0, 0.02), (1, 1, 0.08), (3, 3)) * size:
            mask |= (y - centre_y) ** 2 + (x - centre_x) ** 2 < radius**2
    return masks


def drawn_maps(masks: np.ndarray, seed: int = 0) -> np.ndarray:
    """Score maps float32 of the masks' shape: unit noise, shifted by 1.5 where anomalous."""
    noise = np.random.default_rng(seed).standard_normal(masks.shape, dtype=np.float32)
    noise[masks] += np.float32(1.5)
    return noise


def pixels() -> str:
    """All pixel metrics of 66.6 million pixels, 83 maps of 896 x 896."""
    masks = drawn_masks(83, 896)
    maps = drawn_maps(masks)
    before, began, busy = _peak(), time.perf_counter(), time.process_time()
    metrics = pixel_metrics(masks, maps)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    found = "  ".join(f"{name} {value:.12f}" for name, value in metrics.items())
    return (
        f"{maps.size} pixels, {masks.mean():.2%} anomalous\n{found}\n"
        f"{seconds:.2f} s ({busy:.2f} s of processor time); "
        f"peak {_peak()} MiB, {before} MiB of it before, for maps and masks"
    )


def confetti(images: int = 128, side: int = 240, rounds: int = 5) -> str:
    """Confetti for a batch at once against a loop over images, on as many threads as torch has."""
    pixels = torch.randint(0, 256, (images, 3, side, side), dtype=torch.uint8)
    normal, source = Rows(pixels, torch.zeros(images, dtype=torch.long)), Confetti(relative=False)
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    one_by_one = pixels.permute(0, 2, 3, 1).numpy()
    with kept_memory(pixels.device):  # as in a training
        at_once = min(_seconds(lambda: source.draw(normal, generator)) for _ in range(rounds))
    some = one_by_one[:16]
    looped = min(_seconds(lambda: [loops.confetti(image, rng) for image in some]) for _ in range(3))
    batch, loop = images / at_once, len(some) / looped
    return (
        f"confetti at {side} x {side}, {torch.get_num_threads()} thread(s): {images} at once "
        f"{batch:.0f} images/s; one by one {loop:.1f} images/s; {batch / loop:.0f} times as many"
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _peak() -> int:
    """Largest resident size of this process so far, MiB."""
    return peak_memory() // 2**20


ALONE: dict[str, Callable[[], str]] = {"pixels": pixels, "confetti": confetti}
CLOSEST = 0.5  # load per core above which other work distorts what is measured


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = sys.argv[1:] if argv is None else list(argv)
    command = f"python -m benchmarks.speed {' '.join(given)}".strip()
    return entered(parser(), given, lambda options: measure(options, command))


def measure(options: argparse.Namespace, command: str) -> int:
    """Print what is asked for; raises ValueError or OSError for what cannot be read or written."""
    if options.name in ALONE:
        print(ALONE[options.name]())
    elif options.name == "sweep":
        sweep(options.folder, options.slots)
    else:
        training(options, command)
    return OK


def parser() -> Parser:
    """The command line."""
    p = Parser(prog="python -m benchmarks.speed", description=__doc__)
    p.add_argument("name", nargs="?", default="training", choices=["training", "sweep", *ALONE])
    p.add_argument("folder", nargs="?", type=Path, help="sweep: the output folder of a run")
    p.add_argument("--slots", type=int, default=1, help="sweep: trials that ran at once (1)")
    p.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    p.add_argument("--datasets", nargs="+", choices=SHAPES, default=["fmnist", "cifar10"])
    p.add_argument("--recipes", nargs="+", choices=RECIPES, default=["fast"])
    p.add_argument("--batches", type=int, default=40, help="of an epoch (40)")
    p.add_argument("--epochs", type=int, default=1, help="of a turn (1)")
    p.add_argument("--rounds", type=int, default=5, help="turns that are compared (5)")
    p.add_argument("--workers", nargs="*", type=int, default=[0, 4], help="of the plain loop")
    p.add_argument("--nets", nargs="*", type=int, default=[2, 5], help="K nets at once (2 5)")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
    p.add_argument("--threads", type=int, help="of torch (default: as many as cores)")
    p.add_argument("--out", type=Path, default=speed_folder(), help="folder of the table")
    return p


def training(options: argparse.Namespace, command: str) -> None:
    """Time what the options ask for, row by row, and write the table."""
    if options.threads:
        torch.set_num_threads(options.threads)
    cases = [
        Case(detector, dataset, recipe, options.batches, options.epochs)
        for dataset in options.datasets
        for recipe in options.recipes
        for detector in options.detectors
        if is_timed(detector, dataset, recipe)
    ]
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    if busy > CLOSEST:
        print(f"{busy:.1f} processes for each core already: rates will be low, ratios rough")
    about, rows = machine(options.device, command), []
    for row in measured(cases, options.device, options.rounds, options.workers, options.nets):
        rows.append(row)
        print(
            "  ".join(
                f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()
            ),
            flush=True,
        )
    print(write(options.out, about, rows))


def sweep(folder: Path | None, slots: int) -> None:
    """Print how a run filled its slots and what a trial of each kind took."""
    if folder is None:
        raise ValueError("sweep: name the output folder of a run")
    print(efficiency(folder, slots))


if __name__ == "__main__":
    raise SystemExit(main())
