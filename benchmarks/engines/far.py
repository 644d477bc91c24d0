"""Groups on other machines: each is sent to a place, and its rows come home.

A thread waits for each group that is out, so that whatever becomes of its worker concerns that
group alone: it is sent once more. joblib's own backends for dask and ray were measured and are not
used: with dask, the call of a task whose worker dies never ends, and a cluster of one thread is
passed by, for the task runs in this process; with ray, no result is given before the last one is
there, and tasks queue behind a worker that is busy while others are idle (11 s for what takes 5).
"""

import logging
import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib

from benchmarks.engines.carried import Carried, Failure, Movable, Result
from benchmarks.machine import provenance
from benchmarks.schema import OOM, Broken
from benchmarks.states import STATE
from benchmarks.store import Row, Store

if TYPE_CHECKING:
    from benchmarks.groups import Engine, Group, Work

TRIES = 2  # a group whose worker was lost so often waits for the end
log = logging.getLogger(__name__)


class Lost(Exception):
    """The worker that had a group is gone; one line says how."""


class Unavailable(OSError):
    """The engine cannot be had, or is gone; one line says why."""


Call = Callable[["Group"], Result]


@dataclass(frozen=True)
class Place:
    """Where groups can be sent: `send(call, group)` runs ``call(group)`` there and returns what it
    returns. It may be called from many threads, and raises Lost or Unavailable. `slots` is how many
    groups run at once; `apart`: no two of them on one device."""

    send: Callable[[Call, "Group"], Result]
    slots: int
    apart: bool = False


def amounts(options: Mapping[str, Any]) -> dict[str, float]:
    """Options that say how much of something a group takes; those of which it takes nothing are
    left out. Raises Unavailable."""
    for name, value in options.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value < math.inf:
            raise Unavailable(f"--engine-option {name}={value}: expected an amount, 0 or more")
    return {name: value for name, value in options.items() if value}


def far(place: Place, store: Store) -> "Engine":
    """The engine that sends groups to a place. Every row it gives is in the store: written by the
    worker where the folder is shared, else here. Work that raises, and a group that loses its
    worker even when it is the only one out, become rows of failed trials; trials that run out of
    memory run once more when nothing else does. How many run at once is the place's business,
    whatever the engine is told."""

    def engine(groups: Sequence["Group"], work: "Work", _: int) -> Iterator[list[Row]]:
        assert isinstance(work, Movable), "work that can be told another folder"
        with _token(store.out) as token:
            first, last = (
                Carried(one, store.out.resolve(), token) for one in (work, work.once_more())
            )
            if place.apart or place.slots == 1:
                first = last  # there is no more memory later
            for group, result in _results(place, first, last, groups):
                yield _home(group, result, store, work.broken)

    return engine


@contextmanager
def _token(out: Path) -> Iterator[str]:
    """The name of a file that workers find if they see this folder."""
    name = f"shared-{uuid.uuid4().hex}"
    path = out / STATE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    try:
        yield name
    finally:
        path.unlink(missing_ok=True)


def _results(
    place: Place, first: Call, last: Call, groups: Sequence["Group"]
) -> Iterator[tuple["Group", Result]]:
    """Results as they come. Groups that lost their workers, perhaps by a fault of others that ran
    there, are sent once more at the end, one after another, and so are trials that found too little
    memory beside others."""
    parallel = joblib.Parallel(
        n_jobs=place.slots,
        backend="threading",
        return_as="generator_unordered",
        batch_size=1,
        pre_dispatch=place.slots,
    )
    aside: list[tuple[Group, Result]] = []
    for group, result in parallel(joblib.delayed(_sent)(place, first, one) for one in groups):
        again, rest = ([], result) if first is last else _short(group, result)
        if isinstance(result, Failure) and result.lost:
            again, rest = [(group, result)], []
        aside += again
        yield group, rest
    for group, known in aside:
        _, result = _sent(place, last, group, tries=1)
        lost = isinstance(result, Failure) and result.lost and not isinstance(known, Failure)
        yield group, known if lost else result


def _short(group: "Group", result: Result) -> tuple[list[tuple["Group", Result]], Result]:
    """Trials of a group that were short of memory, each as a group with its row, which is not
    stored; and the result of the rest."""
    if isinstance(result, Failure):
        return [], result
    short = {row["stem"]: row for row, _ in result if row["status"] == OOM}
    again: list[tuple[Group, Result]] = [
        (replace(group, planned=(one,)), [(short[one.stem], {})])
        for one in group.planned
        if one.stem in short
    ]
    return again, [pair for pair in result if pair[0]["stem"] not in short]


def _sent(place: Place, call: Call, group: "Group", tries: int = TRIES) -> tuple["Group", Result]:
    """A group with what came back; it is sent until something does, at most so many times."""
    name, reason = group.planned[0].stem, ""
    for attempt in range(1, tries + 1):
        try:
            return group, place.send(call, group)
        except Lost as lost:
            reason = f"its worker was lost: {lost}"
            log.warning("%s: %s (%d of %d)", name, reason, attempt, tries)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the worker cannot even begin: no such package
            reason = f"the worker cannot run it: {type(error).__name__}: {error}"
            return group, Failure(reason, ())
    return group, Failure(reason, (), lost=True)


def _home(group: "Group", result: Result, store: Store, broken: Broken | None) -> list[Row]:
    """Rows of a group, each stored."""
    if isinstance(result, Failure):
        return list(_failed(group, result, store, broken))
    return [row if arrays is None else store.write(row, arrays) for row, arrays in result]


def _failed(group: "Group", failure: Failure, store: Store, broken: Broken | None) -> Iterator[Row]:
    """Rows of a group that came to nothing; those that its worker stored stay, and there are none
    of trials that another run has taken up."""
    from benchmarks.evaluate import done_row, kept, lost_row

    facts = {"device": None, "threads": None, **provenance()}
    for one in group.planned:
        with store.claim(one.stem) as ours:
            if not ours:
                continue
            row = done_row(store, one, broken)
            if row is None:
                row = lost_row(one, facts, "failed", failure.reason)
                row = kept(store, row | {"traceback": list(failure.traceback)}, {})
        yield row
