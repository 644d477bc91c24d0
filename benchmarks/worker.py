"""What a worker process does: it makes itself ready, runs its trials, and tells of each."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from baselines.stack import deterministic
from benchmarks.condition import SpentError, facts_of
from benchmarks.evaluate import Terms, Watch, evaluate
from benchmarks.fastest import Limits, Most, alone, fastest
from benchmarks.faults import Unwritable
from benchmarks.heartbeat import Beat
from benchmarks.lots import Lot
from benchmarks.store import Row, Store
from benchmarks.trial import Planned


@dataclass(frozen=True)
class Options:
    """How trials run, wherever they do: where data are and rows go, how many seconds a trial may
    take, whether operations must repeat themselves to the bit, which broke before this run, and
    where measurements say how many nets to train at once (None: where the machine that runs them
    keeps its own)."""

    root: Path
    out: Path
    timeout: float | None = None
    deterministic: bool = False
    broken: Mapping[str, str] = field(default_factory=dict)
    speed: Path | None = None


@dataclass(frozen=True)
class Seat:
    """Where a worker runs: the name of its slot, torch's name of its device, what it may see of the
    GPUs (CUDA_VISIBLE_DEVICES; None: as it is), and its threads."""

    slot: str
    device: str
    visible: str | None
    threads: int


@dataclass(frozen=True)
class Ready:
    """The worker is about to begin; `facts` go into every row."""

    facts: Row


@dataclass(frozen=True)
class Begun:
    """A trial begins, or a lot of them that is fitted together."""

    stems: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """A trial has its row."""

    row: Row


@dataclass(frozen=True)
class Unstorable:
    """No row can be stored; one line says why."""

    reason: str


@dataclass(frozen=True)
class Finished:
    """All trials have a row, or are held by another run."""


@dataclass(frozen=True)
class Spent:
    """This process is of no more use, and ends; the other trials are for a fresh one."""


class Teller(Watch):
    """Tells whoever started this worker which trials begin, and whoever watches the folder."""

    def __init__(self, connection: Connection, beat: Beat) -> None:
        self.connection, self.beat = connection, beat

    def begin(self, lot: Lot) -> None:
        self.beat.begin(lot[0], len(lot) - 1)
        self.connection.send(Begun(tuple(one.stem for one in lot)))

    def end(self, row: Row) -> None:
        self.beat.end(row)


def work(
    connection: Connection,
    planned: Sequence[Planned],
    options: Options,
    seat: Seat,
    known: Row,
    last: bool,
    limits: Limits,
) -> None:
    """Run trials and tell of them; `known` are the facts that need no asking, `last` as in
    `Terms`."""
    make_ready(options, seat)
    store, facts = Store(options.out), facts_of(seat.device) | known
    connection.send(Ready(facts))
    terms = Terms(last, options.broken, most_of(options, facts, limits))
    with closing(Beat(options.out, seat.slot, facts["device"])) as beat:
        watch = Teller(connection, beat)
        try:
            at = options.root, store, seat.device, watch, facts
            for row in evaluate(planned, *at, terms):
                connection.send(Ended(row))
        except SpentError:
            connection.send(Spent())
            return
        except Unwritable as error:
            connection.send(Unstorable(str(error)))
            return
    connection.send(Finished())


def most_of(options: Options, facts: Row, limits: Limits) -> Most:
    """How many trials to fit together, within the limits; always one where bits must repeat
    themselves, for who is together with whom is up to what other runs left."""
    if options.deterministic:
        return alone
    measured = fastest(facts["device"], facts["threads"], options.speed)

    def most(planned: Planned) -> int:
        found = measured(planned)
        return min(found, limits.get(planned.stem, found))

    return most


def make_ready(options: Options, seat: Seat) -> None:
    """Threads, devices and determinism of this process, before anything computes."""
    if seat.visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = seat.visible
    os.environ["OMP_NUM_THREADS"] = str(seat.threads)
    threadpool_limits(seat.threads)
    torch.set_num_threads(seat.threads)
    if options.deterministic:
        deterministic()
