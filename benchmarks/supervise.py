"""Trials in processes of their own: whatever becomes of one, it has a row, and the others go on."""

import logging
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from benchmarks.evaluate import done_row, kept, lost_row
from benchmarks.fastest import Limits
from benchmarks.faults import Unwritable
from benchmarks.isolate import Worker
from benchmarks.lots import checkpoints
from benchmarks.machine import oom_kills, provenance
from benchmarks.schema import OOM
from benchmarks.store import Row, Store
from benchmarks.trial import Planned
from benchmarks.worker import Begun, Ended, Finished, Options, Ready, Seat, Spent, Unstorable, work

STARTING = 120.0  # seconds that a worker may take to begin, where trials have a limit
log = logging.getLogger(__name__)


class Crew:
    """The workers of a run that live; `stop` ends them all, and lets none begin."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._live: set[Worker] = set()
        self._changing = threading.Lock()

    def start(self, *arguments: object) -> Worker | None:
        """A worker at `work`; None once stopped."""
        with self._changing:
            if self.stopped.is_set():
                return None
            worker = Worker(work, *arguments)
            self._live.add(worker)
            return worker

    def dismiss(self, worker: Worker) -> int:
        """End a worker, if it has not; returns its exit code."""
        with self._changing:
            self._live.discard(worker)
        return worker.close()

    def stop(self) -> None:
        """End all workers."""
        with self._changing:
            self.stopped.set()
            for worker in self._live:
                worker.kill()


def supervised(
    planned: Sequence[Planned],
    options: Options,
    seat: Seat,
    crew: Crew,
    last: bool = True,
    limits: Limits = MappingProxyType({}),
) -> Iterator[Row]:
    """Rows of trials, each when it is stored; none for those that another run holds.

    A trial whose process is lost has its row written here, and a fresh process takes the rest. One
    that is lost, or spent, while it fits several together has them run apart; `limits` says how
    many may be together at most. With `last` False, trials that ran out of memory give a row that
    is not stored. Raises Unwritable where no row can be stored.
    """
    limits = dict(limits)
    left = {one.stem: one for one in planned}
    while left and not crew.stopped.is_set():
        worker = crew.start(tuple(left.values()), options, seat, provenance(), last, limits)
        if worker is None:
            return
        attempt = Attempt(worker, left, options)
        try:
            yield from attempt.rows()
        finally:
            worker.kill()
            code = crew.dismiss(worker)
        if left and not crew.stopped.is_set():
            attempt.tidy()
            if len(attempt.running) > 1:
                limits |= attempt.parted(code)
            elif not attempt.spent:
                yield from attempt.lost(code, seat, last)


class Attempt:
    """One worker's way through the trials that are `left`; those that have a row leave it."""

    def __init__(self, worker: Worker, left: dict[str, Planned], options: Options) -> None:
        self.worker, self.left, self.options = worker, left, options
        self.facts: Row | None = None
        self.running: list[Planned] = []
        self.lot: list[Planned] = []  # the last that was fitted together
        self.late = self.spent = False
        self.began = time.monotonic()
        self.kills = oom_kills()

    def rows(self) -> Iterator[Row]:
        """Rows as they come, until the worker ends or is late."""
        try:
            for message in self.worker.messages(self._patience):
                yield from self._told(message)
        except TimeoutError:
            self.late = True

    def _told(self, message: object) -> Iterator[Row]:
        self.began = time.monotonic()
        match message:
            case Ready(facts):
                self.facts = facts
            case Begun(stems):
                self.running = [self.left[stem] for stem in stems]
                self.lot = self.running if len(stems) > 1 else self.lot
            case Ended(row):
                self.running = []
                del self.left[row["stem"]]
                yield row
            case Unstorable(reason):
                raise Unwritable(reason)
            case Finished():
                self.left.clear()
            case Spent():
                self.spent = True

    def _patience(self) -> float | None:
        """Seconds to wait for the next message; a lot has as many as its trials have apart."""
        if self.options.timeout is None:
            return None
        most = self.options.timeout * max(1, len(self.running))
        if not self.running:
            most += STARTING
        return max(0.0, self.began + most - time.monotonic())

    def parted(self, code: int) -> Limits:
        """One at a time, of the lot that the worker was lost with."""
        status, reason = self._reason(code)
        log.warning("%d together: %s (%s); now apart", len(self.running), reason, status)
        return {one.stem: 1 for one in self.running}

    def tidy(self) -> None:
        """Remove the checkpoints of a lot that the worker came to no end with, while its nets were
        trained or scored: no such lot will go on from them."""
        if self.lot:
            shutil.rmtree(checkpoints(self.options.out, self.lot), ignore_errors=True)

    def lost(self, code: int, seat: Seat, last: bool) -> Iterator[Row]:
        """The row of the trial that the worker was lost with; the first one left, if it had not
        begun any."""
        victim = (self.running or list(self.left.values()))[0]
        del self.left[victim.stem]
        status, reason = self._reason(code)
        facts = self.facts or {"device": seat.device, "threads": seat.threads, **provenance()}
        row = lost_row(victim, facts, status, reason)
        row["seconds"] = row["total_seconds"] = time.monotonic() - self.began
        store = Store(self.options.out)
        with store.claim(victim.stem) as ours:
            if not ours:
                return  # another run has taken it up meanwhile
            done = done_row(store, victim, self.options.broken)
            if done is None and (last or status != OOM):
                row = kept(store, row, {})
        yield done or row

    def _reason(self, code: int) -> tuple[str, str]:
        if self.late:
            return "timeout", f"it took longer than {self.options.timeout:g} s (--timeout)"
        if self.spent:
            return "failed", "an error left the process of no more use"
        if code == -signal.SIGKILL and oom_kills() > self.kills:
            return OOM, "the system killed the process for want of memory"
        if code < 0:
            return "failed", f"the process was killed by {signal.Signals(-code).name}"
        return "failed", f"the process ended by itself, exit code {code}"
