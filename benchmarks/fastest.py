"""How many nets to train at once on a kind of device, by what was measured there."""

import csv
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import platformdirs

from benchmarks.machine import processor
from benchmarks.trial import Planned

WORTH = 1.05  # K nets at once must gain so much: a lost worker costs all K
Most = Callable[[Planned], int]  # how many trials like this one to train at once
Limits = Mapping[str, int]  # how many trials at most to train at once with one of that stem
Kind = tuple[str, str, str]  # data set, detector, recipe
log = logging.getLogger(__name__)


def alone(planned: Planned) -> int:
    """One: every trial by itself."""
    return 1


def speed_folder() -> Path:
    """Where tables of `benchmarks.speed` are: ``results/speed`` of the checkout that this file
    lies in; else, for it was installed, in the user's cache."""
    root = Path(__file__).parent.parent
    if (root / "pyproject.toml").exists():
        return root / "results" / "speed"
    return platformdirs.user_cache_path("fcdd-benchmark") / "speed"


def fastest(device: str, threads: int, folder: Path | None = None) -> Most:
    """How many trials like a given one to train at once on a kind of device: a GPU's product name,
    or "cpu", which is this machine's processor with so many threads.

    That is the K that was measured to be fastest with the same data set, detector and recipe, by
    the tables in `folder` (default `speed_folder()`); 1 unless some K > 1 gained more than `WORTH`.
    """
    best: dict[Kind, tuple[float, int]] = {}
    for path in sorted((folder or speed_folder()).glob("*.csv")):
        try:
            with path.open(newline="") as file:
                _read(csv.DictReader(file), device, threads, best)
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            log.warning("%s: not a table of benchmarks.speed (%r); not used", path, error)

    def most(planned: Planned) -> int:
        trial = planned.trial
        return best.get((trial.dataset, trial.detector, trial.recipe), (WORTH, 1))[1]

    return most


def _read(
    lines: "csv.DictReader[str]", device: str, threads: int, best: dict[Kind, tuple[float, int]]
) -> None:
    """Take into `best` what a table says of K nets at once on that kind of device."""
    for line in lines:
        if line["measure"] != "together" or not _is_of(line, device, threads):
            continue
        kind = line["dataset"], line["detector"], line["recipe"]
        found = float(line["ratio"]), int(float(line["nets"]))
        best[kind] = max(best.get(kind, (WORTH, 1)), found)


def _is_of(line: dict[str, str], device: str, threads: int) -> bool:
    if device != "cpu":
        return line["machine"] == device
    same = line["device"] == "cpu" and line["machine"] == processor()
    return same and int(float(line["threads"])) == threads
