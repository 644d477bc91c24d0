"""``python -m benchmarks.speed [NAME]``: seconds and memory of what claims to be fast.

Without a name: how fast detectors train on this machine, to ``results/speed/MACHINE.csv``.
``sweep OUT`` tells how well a run filled its slots. ``pixels`` and ``confetti`` time those alone;
on one core: ``taskset -c 0 python -m benchmarks.speed pixels``. Exit codes: 0 measured, 3 internal
error, 4 usage, or a folder that cannot be read or written, 130 interrupted, 143 terminated."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from baselines.detector import Rows
from baselines.door import OK, Parser, entered, positive
from baselines.metrics import pixel_metrics
from baselines.saved import available
from baselines.stack import kept_memory
from baselines.synthetic import Confetti
from benchmarks import loops
from benchmarks.fastest import speed_folder
from benchmarks.machine import peak_memory
from benchmarks.options import natural
from benchmarks.speed_table import efficiency, machine, write
from benchmarks.speed_training import SHAPES, Case, is_timed, measured
from benchmarks.suites import DETECTORS, RECIPES
from benchmarks.whole import writable


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
    elif options.folder is not None:
        raise ValueError(f"{options.folder}: a folder is for sweep alone; leave it out")
    else:
        training(options, command)
    return OK


def parser() -> Parser:
    """The command line."""
    p = Parser(prog="python -m benchmarks.speed", description=__doc__)

    def add(name: str, kind: Callable[[str], object], about: str, **more: Any) -> None:
        p.add_argument(name, type=kind, help=about, **more)

    def names(name: str, choices: Iterable[str], default: Sequence[str], about: str) -> None:
        told = f"{about}; of {', '.join(choices)}"
        add(name, str, told, nargs="+", metavar="NAME", choices=choices, default=default)

    kinds = ["training", "sweep", *ALONE]
    about = f"what to measure: {', '.join(kinds)} (training)"
    p.add_argument("name", nargs="?", metavar="NAME", default=kinds[0], choices=kinds, help=about)
    add("folder", Path, "sweep: the output folder of a run", nargs="?", metavar="OUT")
    add("--slots", positive, "sweep: trials that ran at once (1)", default=1, metavar="N")
    names("--detectors", DETECTORS, [*DETECTORS], "whose nets are trained (all that have one)")
    names("--datasets", SHAPES, ["fmnist", "cifar10"], "whose shape images have (fmnist cifar10)")
    names("--recipes", RECIPES, ["fast"], "that they train by (fast)")
    add("--batches", positive, "of an epoch (40)", default=40, metavar="N")
    add("--epochs", positive, "of a turn (1)", default=1, metavar="N")
    add("--rounds", positive, "turns that are compared (5)", default=5, metavar="N")
    told = "processes that load for the plain loop, or none: not compared with it (0 4)"
    add("--workers", natural, told, nargs="*", default=[0, 4], metavar="N")
    told = "nets trained at once, or none: not measured (2 5)"
    add("--nets", positive, told, nargs="*", default=[2, 5], metavar="K")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ... (auto)")
    add("--threads", positive, "of torch (as many as cores)", metavar="N")
    add("--out", Path, "folder of the table (%(default)s)", default=speed_folder(), metavar="DIR")
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
    if not cases:
        raise ValueError("nothing to measure: no net of these detectors, data sets and recipes")
    if not (options.workers or options.nets):
        raise ValueError("nothing to measure: give --workers or --nets a number")
    available(options.device)
    writable(options.out)
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
