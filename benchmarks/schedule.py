"""Groups of trials over the slots of this machine, or over whatever an engine has."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import joblib

from benchmarks.devices import Device
from benchmarks.evaluate import done_row, kept, lost_row
from benchmarks.groups import Engine, Group, Work
from benchmarks.machine import provenance, threads
from benchmarks.schema import OOM, Broken
from benchmarks.slots import Slots, Stopped
from benchmarks.store import Row, Store
from benchmarks.supervise import Crew, supervised
from benchmarks.trial import Planned
from benchmarks.worker import Options, Seat

TRIES = 3  # of a trial whose worker is lost with its machine
LOOK = 0.5  # seconds between two looks at trials that other runs hold


@dataclass(frozen=True)
class Placement:
    """Where trials run and how: on so many workers of each device at once; a trial may take
    `timeout` seconds."""

    devices: tuple[Device, ...]
    jobs: int
    timeout: float | None = None
    deterministic: bool = False

    @property
    def slots(self) -> int:
        """Workers at once, on all devices."""
        return len(self.devices) * self.jobs

    @property
    def kinds(self) -> str:
        """The kinds of devices."""
        return ", ".join(dict.fromkeys(device.kind for device in self.devices))


def local(groups: Sequence[Group], work: Work, jobs: int) -> Iterator[list[Row]]:
    """The engine of one machine: a thread for each slot, which waits for its worker process."""
    with joblib.parallel_config("threading", n_jobs=jobs):
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch=jobs)
        yield from parallel(joblib.delayed(work)(group) for group in groups)


def run_groups(
    groups: Sequence[Group],
    root: Path,
    store: Store,
    placement: Placement,
    engine: Engine = local,
) -> Generator[Row, None, None]:
    """Run groups; gives each row once it is stored, those of the local engine at once.

    Every row is stored by the process that made it, so what is finished survives whatever happens
    to the others. Trials that another run holds are waited for, and taken over if it leaves them;
    what breaks there is not tried here too.
    Raises Unwritable where rows cannot be stored.
    """
    # Absolute: workers stand in the folder where this process began, wherever it is now.
    out = store.out.absolute()
    missing = {one.stem: one for group in groups for one in group.planned}
    broken = {stem: row["finished"] for stem in missing if (row := store.row(stem)) is not None}
    options = Options(root.absolute(), out, placement.timeout, placement.deterministic, broken)
    tries: Counter[str] = Counter()
    while missing:
        tries.update(one.stem for group in groups for one in group.planned)
        for row in _rows(groups, options, placement, engine):
            if missing.pop(row["stem"], None) is not None:
                yield row
        groups = []
        for one in list(missing.values()):
            free, found = _left(one, store, broken, tries[one.stem] >= TRIES)
            if found is not None:
                del missing[one.stem]
                yield found
            elif free:
                groups.append(Group((one,), 0.0, 0))
        if missing and not groups:
            time.sleep(LOOK)


def _left(planned: Planned, store: Store, broken: Broken, lost: bool) -> tuple[bool, Row | None]:
    """Whether nobody runs a trial that gave no row here, and the row that another run gave it; if
    it is `lost`, one that says so."""
    with store.claim(planned.stem) as ours:
        if not ours:
            return False, None
        row = done_row(store, planned, broken)
        if row is None and lost:
            row = lost_row(planned, provenance(), "failed", "its worker was lost, again and again")
            row = kept(store, row, {})
        return True, row


def _rows(
    groups: Sequence[Group], options: Options, placement: Placement, engine: Engine
) -> Iterator[Row]:
    if not groups:
        return
    if engine is local:
        yield from _streamed(groups, options, placement)
        return
    for rows in engine(groups, Remote(options), placement.slots):
        yield from rows


def _streamed(groups: Sequence[Group], options: Options, placement: Placement) -> Iterator[Row]:
    """Rows of the local engine, each at once and not when its group is done."""
    crew = Crew()
    slots = Slots(placement.devices, placement.jobs, crew.stopped, None)
    told: queue.SimpleQueue[Row | BaseException | None] = queue.SimpleQueue()

    def work(group: Group) -> list[Row]:
        for row in on_slots(group, slots, options, crew, placement.slots):
            told.put(row)
        return []

    def run() -> None:
        try:
            for _ in local(groups, work, placement.slots):
                pass
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever reads the rows
            told.put(error)
        told.put(None)

    runner = threading.Thread(target=run, name="engine", daemon=True)
    runner.start()
    try:
        while (row := told.get()) is not None:
            if isinstance(row, BaseException):
                raise row
            yield row
    finally:
        crew.stop()
        runner.join()


def on_slots(
    group: Group, slots: Slots, options: Options, crew: Crew, workers: int
) -> Iterator[Row]:
    """Rows of a group, run on the first slot that is free; trials that ran out of memory there run
    once more, alone on the device."""
    share = threads(workers)
    short: set[str] = set()
    try:
        with slots.taken(group.memory) as slot:
            device = slot.device
            seat = Seat(slot.name, device.name, device.visible, share)
            for row in supervised(group.planned, options, seat, crew, False, group.limits):
                if row["status"] == OOM:
                    short.add(row["stem"])
                else:
                    yield row
        if again := [one for one in group.planned if one.stem in short]:
            with slots.alone(device) as slot:
                seat = Seat(slot.name, device.name, device.visible, share)
                yield from supervised(again, options, seat, crew, limits=dict.fromkeys(short, 1))
    except Stopped:
        return


@dataclass(frozen=True)
class Remote:
    """The work of engines that have devices of their own: it runs a group where it is called, on
    the device that is visible there, in a process of its own. Where it is not the `last` chance,
    trials that ran out of memory give rows that are not stored."""

    options: Options
    device: str = "auto"
    threads: int | None = None
    last: bool = False

    @property
    def broken(self) -> Broken | None:
        """Trials that broke before and are to be tried again; see `evaluate.done_row`."""
        return self.options.broken

    def once_more(self) -> "Remote":
        """The same as the last chance."""
        return replace(self, last=True)

    def at(self, out: Path) -> "Remote":
        """The same, with another output folder."""
        return replace(self, options=replace(self.options, out=out))

    def __call__(self, group: Group) -> list[Row]:
        """Rows of the group; none for trials that another run holds."""
        seat = Seat("remote", self.device, None, self.threads or threads(1))
        return list(supervised(group.planned, self.options, seat, Crew(), last=self.last))
