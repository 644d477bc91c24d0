"""Trials on one device: fit, score, measure, store. What breaks becomes a row with its reason."""

import gc
import logging
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from baselines.checkpoint import checkpointing
from baselines.replay import emptied
from benchmarks.condition import SpentError, facts_of, forget, memory_of, spent
from benchmarks.devices import CPU
from benchmarks.fastest import Most, alone
from benchmarks.lots import Fitted, Lot, checkpoints, fit_lot, halves, lots
from benchmarks.machine import now
from benchmarks.outcome import Arrays, outcome
from benchmarks.schema import DONE, OOM, SCHEMA, Broken, Row
from benchmarks.store import Store
from benchmarks.trial import PROTOCOL, Planned

# How libraries say that the host's memory is not enough, beside MemoryError.
NO_MEMORY = ("can't allocate memory", "not enough memory", "ALLOC_FAILED", "out of memory")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """On what terms trials run: so many of a kind together as `most` says; whether it is the `last`
    chance of one that runs out of memory, whose row is not stored before; and which trials are
    `broken` and to be tried again, by when (None: all that are)."""

    last: bool = True
    broken: Broken | None = None
    most: Most = alone


USUAL = Terms()


class Watch:
    """Is told of what begins, a trial or a lot that is fitted together, and of each row; this one
    takes no notice."""

    def begin(self, lot: Lot) -> None: ...
    def end(self, row: Row) -> None: ...


def evaluate(
    planned: Sequence[Planned],
    root: Path,
    store: Store,
    device: str,
    watch: Watch | None = None,
    facts: Row | None = None,
    terms: Terms = USUAL,
) -> Iterator[Row]:
    """Run trials on the `terms`; each row is stored before it is given back.

    A trial that another run holds is passed over; one that another run did meanwhile gives its row,
    as `done_row` says. A training that a killed run left goes on from its checkpoint. Raises
    SpentError where this process is of no more use, after the row or lot that made it so.
    """
    watch, facts = watch or Watch(), facts or facts_of(device)
    for lot in lots(planned, terms.most):
        with ExitStack() as claims:
            ours = [one for one in lot if claims.enter_context(store.claim(one.stem))]
            found = [(one, done_row(store, one, terms.broken)) for one in ours]
            yield from (row for _, row in found if row is not None)
            missing = [one for one, row in found if row is None]
            for row, arrays in run_lot(missing, root, store, device, watch, facts):
                if terms.last or row["status"] != OOM:
                    row = kept(store, row, arrays)
                watch.end(row)
                yield row
                if row["status"] != DONE and spent(device):
                    raise SpentError
        if missing and spent(device):
            raise SpentError


def run_lot(
    lot: Lot, root: Path, store: Store, device: str, watch: Watch, facts: Row
) -> Iterator[tuple[Row, Arrays]]:
    """The row and arrays of each trial. A lot that cannot be fitted together, whatever the reason,
    is run again with half as many, in the end apart."""
    if not lot:
        return
    watch.begin(lot)
    with checkpointing(checkpoints(store.out, lot)):  # they stay, if a row cannot be stored
        if len(lot) == 1:
            yield run_trial(lot[0], root, device, facts)
            return
        if (fits := fitted(lot, root, device)) is not None:
            for one, fit in zip(lot, fits, strict=True):
                watch.begin([one])
                yield run_trial(one, root, device, facts, fit)
            return
    for half in halves(lot):
        yield from run_lot(half, root, store, device, watch, facts)


def fitted(lot: Lot, root: Path, device: str) -> list[Fitted] | None:
    """A lot fitted together; None, and a warning, where an error came between. Raises SpentError
    where that left this process of no use: whoever ran here next would inherit it."""
    forget(device)
    try:
        return fit_lot([one.trial for one in lot], root, device)
    except Exception as error:  # whosever it is, that trial's row will say so
        log.warning("%d together: %s: %s; fewer", len(lot), type(error).__name__, error)
        if spent(device):
            raise SpentError from error
    gc.collect()  # the error's frames hold its nets
    emptied()  # or what a GPU kept for K counts as the peak of fewer
    return None


def done_row(store: Store, planned: Planned, broken: Broken | None = None) -> Row | None:
    """The stored row of a trial, if it is done; or whatever it is, if it is not among the `broken`
    ones that are to be tried again, for another run has just tried it."""
    row = store.row(planned.stem)
    if row is None or row["status"] == DONE:
        return row
    return row if broken is not None and broken.get(planned.stem) != row["finished"] else None


def kept(store: Store, row: Row, arrays: Arrays) -> Row:
    """Store a row; one whose numbers are not finite becomes that of a failed trial. Raises OSError
    where nothing can be stored."""
    try:
        return store.write(row, arrays)
    except ValueError as error:
        row |= {"status": "failed", "reason": str(error), "metrics": {}, "threshold": None}
        return store.write(row, {})


def run_trial(
    planned: Planned, root: Path, device: str, facts: Row | None = None, fit: Fitted | None = None
) -> tuple[Row, Arrays]:
    """The row and arrays of one trial; any error of the trial is the row's reason. `facts` are
    those of `facts_of(device)`, where they are known already; `fit` is what a lot left of it."""
    row = _head(planned, facts or facts_of(device))
    began = time.perf_counter()
    if fit is None:
        forget(device)
    else:
        began -= fit.loading + fit.fitting
        row |= {"started": fit.started} | _together(row, fit.nets)
    arrays: Arrays = {}
    try:
        found, arrays = outcome(fit or fit_lot([planned.trial], root, device)[0])
        row |= found | {"status": "done", "reason": None}
    except Exception as error:  # noqa: BLE001 - whatever broke, the sweep goes on and the row says so
        row |= {"status": status_of(error), "reason": f"{type(error).__name__}: {error}"}
        row |= {"metrics": {}, "traceback": traceback.format_exc().splitlines()[-20:]}
        row["seconds"] = time.perf_counter() - began
    row |= {"total_seconds": time.perf_counter() - began} | memory_of(device)
    return row | {"finished": now()}, arrays


def _together(row: Row, nets: int) -> Row:
    """On a CPU K nets compute in float32 where one computes in bfloat16 (`baselines.stack`)."""
    stacked = nets > 1 and row["device"] == CPU
    return {"together": nets, "bfloat16": row["bfloat16"] and not stacked}


def status_of(error: Exception) -> str:
    """``oom`` where memory was not enough, else ``failed``."""
    short = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
    short |= isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
    return OOM if short else "failed"


def lost_row(planned: Planned, facts: Row, status: str, reason: str) -> Row:
    """The row of a trial that whoever ran it could not write."""
    found = {"status": status, "reason": reason, "metrics": {}, "finished": now()}
    return _head(planned, facts) | found


def _head(planned: Planned, facts: Row) -> Row:
    return {
        "schema": SCHEMA,
        "protocol": PROTOCOL,
        "digest": planned.digest,
        "stem": planned.stem,
        **planned.trial.identity(),
        "resolved": planned.resolved,
        "revisions": planned.revisions,
        **facts,
        "together": 1,
        "started": now(),
    }
