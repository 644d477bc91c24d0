"""Slots: devices x jobs on each. A slot is a lock of the operating system, so that runs on one
machine share it, and the slots of a process that is gone, however it went, are free at once."""

import os
import random
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import TypeVar

from benchmarks import locks
from benchmarks.devices import Device
from benchmarks.store import slug

LOOK = 0.1  # seconds between two looks at the locks of others, at least
TELL = 5.0  # seconds of waiting until the log says so
T = TypeVar("T")
log = getLogger(__name__)


@dataclass(frozen=True)
class Slot:
    """A place on a device for one worker."""

    device: Device
    number: int

    @property
    def name(self) -> str:
        return f"{self.device.key}-{self.number}"


class Stopped(Exception):
    """The run ends; there is nothing to wait for."""


class Slots:
    """The slots of this run. What its workers are thought to need never exceeds a device's memory,
    but for one that is alone."""

    def __init__(
        self, devices: Sequence[Device], jobs: int, stopped: threading.Event, folder: Path | None
    ) -> None:
        self.all = [Slot(device, k) for k in range(jobs) for device in devices]
        self.folder = folder or runtime_folder()
        self._stopped = stopped
        self._used: dict[Slot, int] = {}  # bytes, by slot
        self._wanted: Counter[Device] = Counter()  # how many wait to have it alone
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, need: int) -> Iterator[Slot]:
        """A slot for a worker that is thought to need so many bytes; waits for one. Raises Stopped
        where the run ends meanwhile."""
        slot, lock = self._wait(lambda: self._take(need))
        try:
            yield slot
        finally:
            self._give_back([slot], [lock])

    @contextmanager
    def alone(self, device: Device) -> Iterator[Slot]:
        """A slot of `device` while all its others, other runs' too, are empty."""
        with self._changed:
            self._wanted[device] += 1
        try:
            slots, held = self._wait(lambda: self._take_all(device))
        finally:
            with self._changed:
                self._wanted[device] -= 1
        try:
            yield slots[0]
        finally:
            self._give_back(slots, held)

    def _take(self, need: int) -> tuple[Slot, int] | None:
        for slot in sorted(self.all, key=lambda slot: self._load(slot.device)):
            if slot in self._used or self._wanted[slot.device]:
                continue
            held = self._load(slot.device)
            if held and held + need > slot.device.memory:
                continue
            if (lock := self._locked(slot.name)) is not None:
                self._used[slot] = max(1, need)
                return slot, lock
        return None

    def _take_all(self, device: Device) -> tuple[list[Slot], list[int]] | None:
        own = [slot for slot in self.all if slot.device == device]
        if any(slot in self._used for slot in own):
            return None
        names = sorted({slug(slot.name) for slot in own} | self._known(device))
        found: list[int] = []
        for name in names:
            lock = self._locked(name)
            if lock is None:  # another run has one; keep none, for it may want ours
                self._free(found)
                return None
            found.append(lock)
        self._used |= dict.fromkeys(own, device.memory)
        return own, found

    def _known(self, device: Device) -> set[str]:
        """Slots of a device that any run has had, by the names of their files."""
        number = re.compile(re.escape(slug(f"{device.key}-")) + r"\d+")
        return {p.stem for p in self.folder.glob("*.lock") if number.fullmatch(p.stem)}

    def _load(self, device: Device) -> int:
        return sum(need for slot, need in self._used.items() if slot.device == device)

    def _locked(self, name: str) -> int | None:
        """The open, locked file of a slot. It stays when it is free: its name is known then."""
        fd = os.open(self.folder / f"{slug(name)}.lock", os.O_RDWR | os.O_CREAT, 0o666)
        if locks.take(fd):
            return fd
        os.close(fd)
        return None

    def _wait(self, take: Callable[[], T | None]) -> T:
        began, told = time.monotonic(), False
        with self._changed:
            while not self._stopped.is_set():
                if (found := take()) is not None:
                    return found
                if not self._used and not told and time.monotonic() - began > TELL:
                    told = True
                    log.warning("waiting: other runs hold all slots (%s)", self.folder)
                self._changed.wait(random.uniform(LOOK, 2 * LOOK))  # out of step with other runs
        raise Stopped

    def _give_back(self, slots: Sequence[Slot], held: Sequence[int]) -> None:
        with self._changed:
            for slot in slots:
                self._used.pop(slot, None)
            self._free(held)
            self._changed.notify_all()

    def _free(self, held: Sequence[int]) -> None:
        for lock in held:
            os.close(lock)


def runtime_folder() -> Path:
    """The folder of locks, one for each user of this machine; $FCDD_SLOTS if it is set.

    Not in $XDG_RUNTIME_DIR: that is another one, or none, for a cron job, and it goes when the user
    logs out, while a run may go on.
    """
    if own := os.environ.get("FCDD_SLOTS"):
        folder = Path(own)
    else:
        user = os.getuid() if hasattr(os, "getuid") else os.getlogin()
        folder = Path(tempfile.gettempdir()) / f"fcdd-benchmark-{user}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
