"""Groups: trials that share data, run by one worker on one device; and what an engine is."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.fastest import Limits, Most, alone
from benchmarks.lots import kind
from benchmarks.store import Row
from benchmarks.suites import DATASETS, DETECTORS
from benchmarks.trial import Planned

SHARE = 3  # a group is at most this part of what one slot still has before it
SMALLEST = 5.0  # seconds; starting a group and loading its data costs a few tenths


@dataclass(frozen=True)
class Group:
    """Trials in the order to run them. `seconds` in all and `memory` (bytes on the device, of the
    trial or lot that needs most) are estimates; the latter holds where no more are trained together
    than `limits` says."""

    planned: tuple[Planned, ...]
    seconds: float
    memory: int
    limits: Limits = field(default_factory=dict)


# What a worker does with a group: it runs the trials, and gives their rows. Picklable for every
# engine but `local` (`benchmarks.schedule`), whose threads share the run's slots.
Work = Callable[[Group], list[Row]]
# Groups, longest first, what to do with each, and how many at once: rows, in any order, whenever
# some are done; an error of the work itself (the store cannot be written) comes out as it is.
Engine = Callable[[Sequence[Group], Work, int], Iterator[list[Row]]]
Chain = list[Planned]


class Estimates(Protocol):
    """What a trial may cost."""

    def seconds(self, planned: Planned) -> float: ...
    def memory(self, planned: Planned) -> int: ...


def grouped(
    trials: Iterable[Planned], costs: Estimates, slots: int, most: Most = alone
) -> list[Group]:
    """Groups of all trials, longest first.

    A group shares its data, which are loaded once. Chains stay whole, and where trials are faster
    together (`most` says how many) a group holds that many, if there are so many for each slot.
    Groups shrink as less is left to run, so that every slot is busy until the end.
    """
    made = chains(trials)
    lot = lot_sizes(made, slots, most)
    cost = {id(chain): sum(costs.seconds(one) for one in chain) for chain in made}
    left = sum(cost.values())
    least = min(SMALLEST, left / (2 * slots))
    shared: dict[tuple[object, ...], list[Chain]] = {}
    for chain in made:
        shared.setdefault(data_of(chain[0]), []).append(chain)
    found: list[Group] = []
    for same in sorted(shared.values(), key=lambda same: -sum(cost[id(chain)] for chain in same)):
        same.sort(key=lambda chain: (-cost[id(chain)], kind(chain[0])))
        while same:
            share, taken = max(least, left / (SHARE * slots)), [same.pop(0)]
            seconds = cost[id(taken[0])]
            while same and (seconds + cost[id(same[0])] <= share or completes(taken, same[0], lot)):
                seconds += cost[id(same[0])]
                taken.append(same.pop(0))
            planned = tuple(one for chain in taken for one in chain)
            held = Counter(map(kind, planned))
            memory = max(costs.memory(o) * min(lot[kind(o)], held[kind(o)]) for o in planned)
            limits = {one.stem: lot[kind(one)] for one in planned}
            found.append(Group(planned, seconds, memory, limits))
            left -= seconds
    return sorted(found, key=lambda group: -group.seconds)


def lot_sizes(made: Sequence[Chain], slots: int, most: Most) -> dict[str, int]:
    """How many trials of each kind are to train together: not so many that slots go without."""
    counts = Counter(kind(one) for chain in made for one in chain)
    return {
        kind(one): min(most(one), math.ceil(counts[kind(one)] / slots))
        for chain in made
        for one in chain
    }


def completes(taken: Sequence[Chain], chain: Chain, lot: dict[str, int]) -> bool:
    """Whether trials of `taken` are fewer than are trained together, and `chain` holds another."""
    held = Counter(kind(one) for own in taken for one in own)
    return any(held[kind(one)] % lot[kind(one)] for one in chain)


def data_of(planned: Planned) -> tuple[object, ...]:
    """What trials must have in common to share loaded data, and so the shape of their nets."""
    trial = planned.trial
    own = trial.normal if DATASETS[trial.dataset].masked else None  # a category has its own files
    return trial.dataset, own, trial.pictures


def chains(trials: Iterable[Planned]) -> list[Chain]:
    """Trials that may share an autoencoder (same data, normal and seed, with pretraining) as one
    chain, its autoencoder first; every other trial by itself."""
    shared: dict[tuple[str, str, int], Chain] = {}
    single: list[Chain] = []
    for one in trials:
        parameters = one.resolved["parameters"]
        if "pretraining" in parameters or one.resolved["detector"] == "Autoencoder":
            t = one.trial
            shared.setdefault((t.dataset, t.normal, t.seed), []).append(one)
        else:
            single.append([one])
    order = list(DETECTORS)
    for chain in shared.values():
        chain.sort(key=lambda one: order.index(one.trial.detector))
    return [*shared.values(), *single]
