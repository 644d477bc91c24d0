"""What a trial may cost, by what finished ones took: for the order of groups, and what fits."""

import csv
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.store import Row
from benchmarks.trial import Planned

EPOCH = 0.5  # seconds, of a training that nothing is known of: it decides the order alone
MEMORY = 2**30  # bytes, of a trial that nothing is known of
Key = tuple[str, str, str]  # detector, data set, recipe
SAID = ("detector", "dataset", "recipe", "status")
EARLIER = ", earlier"  # of a device whose times are those of committed results
log = logging.getLogger(__name__)


class Costs:
    """Estimates for trials on a kind of device (``cpu`` or a GPU's product name), from rows.

    Seconds are, by what is known: the median of the detector on the data set with the recipe on
    this kind of device; the same on another kind, times the median ratio of the two kinds where
    both have run the same; the median of the detector with the recipe over other data sets; half a
    second and as much for each epoch of its recipes. Memory is the most that was measured, in the
    first and third of these ways, of a lot its share, else 1 GiB: of the GPU on a GPU, of the host
    on a CPU.
    """

    def __init__(self, rows: Iterable[Row], kind: str) -> None:
        self.kind = kind
        times: dict[str, dict[Key, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._peaks: dict[Key, int] = {}
        field = "peak_memory" if kind == "cpu" else "peak_gpu_memory"
        for row in rows:
            if row["status"] != "done":
                continue
            key = row["detector"], row["dataset"], row["recipe"]
            times[row["device"]][key].append(row.get("total_seconds") or row["seconds"])
            if row["device"] == kind and row.get(field):
                own = row[field] // (row.get("together") or 1)  # a lot's peak is in all its rows
                self._peaks[key] = max(self._peaks.get(key, 0), own)
        self._times = {name: {k: median(v) for k, v in own.items()} for name, own in times.items()}
        self._ratios = {name: self._ratio(name) for name in self._times}

    def _ratio(self, other: str) -> float:
        """How much longer this kind of device takes than another."""
        here, there = self._times.get(self.kind, {}), self._times[other]
        both = [here[key] / there[key] for key in here.keys() & there.keys() if there[key] > 0]
        return median(both) if both else 1.0

    def seconds(self, planned: Planned) -> float:
        """Of one trial, all in all."""
        key = key_of(planned)
        found = [
            (name != self.kind, self._times[name][key] * self._ratios[name])
            for name in self._times
            if key in self._times[name]
        ]
        if found:
            return min(found)[1]
        near = _near(self._times.get(self.kind, {}), key, median)
        return EPOCH * (1 + epochs(planned.resolved)) if near is None else near

    def memory(self, planned: Planned) -> int:
        """Bytes on the device, at most."""
        key = key_of(planned)
        near = self._peaks.get(key) or _near(self._peaks, key, max)
        return MEMORY if near is None else int(near)


def recorded(folder: Path | None = None) -> list[Row]:
    """What trials took whose results lie in `folder`, by default ``results`` of the checkout that
    this file lies in (an installed package has none): rows as `Costs` takes them, of a device of
    their own, so that whatever was measured here goes before."""
    found: dict[tuple[Path, str], Row] = {}
    for path in sorted((folder or Path(__file__).parent.parent / "results").glob("*/results.csv")):
        try:
            with path.open(newline="") as file:
                for line in csv.DictReader(file):
                    row = {name: line[name] for name in SAID}
                    row |= {"seconds": float(line["seconds"]), "device": line["device"] + EARLIER}
                    found[path, line["stem"]] = row
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            log.warning("%s: not a table of results (%r); not used", path, error)
    return list(found.values())


def key_of(planned: Planned) -> Key:
    """What decides the cost of a trial, roughly."""
    trial = planned.trial
    return trial.detector, trial.dataset, trial.recipe


def _near(known: dict[Key, Any], key: Key, of: Callable[[list[Any]], float]) -> float | None:
    """The same detector with the same recipe on other data sets."""
    found = [
        value for (detector, _, recipe), value in known.items() if (detector, recipe) == key[::2]
    ]
    return of(found) if found else None


def epochs(resolved: Any) -> int:
    """Epochs of all recipes in a detector's values, that of its pretraining too."""
    if isinstance(resolved, dict):
        own = resolved.get("epochs")
        return (own if isinstance(own, int) else 0) + sum(map(epochs, resolved.values()))
    if isinstance(resolved, list):
        return sum(map(epochs, resolved))
    return 0
