"""What runs and workers say of themselves while they live, in files that anyone may read.

``OUT/state/worker-<host>-<pid>.json`` says which trial a worker is in and how far,
``OUT/state/run-<host>-<pid>.json`` what a run means to do, ``OUT/logs/<stem>.log`` what became of a
group, by its first trial. They are for the eye: nothing depends on them, no trial fails where they
cannot be written, and `benchmarks.states` tells which of them the dead left. Never imports torch.
"""

import faulthandler
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.machine import now
from benchmarks.schema import Row
from benchmarks.states import STATE, clear, identity, label
from benchmarks.whole import slug

if TYPE_CHECKING:
    from benchmarks.trial import Planned

BEAT = 10.0  # seconds between two signs of life
OFTEN = 1.0  # seconds between two looks at whether an epoch has passed
TRAINER = "baselines.trainer"  # the logger of the loop
EPOCH = "epoch %d of %d"  # how what it says of an epoch begins


class Beat:
    """The voice of one worker, which runs one group on a slot: `begin` and `end` of each trial,
    and `close`. Epochs are heard from the trainer's log."""

    def __init__(self, out: Path, slot: str, device: str | None = None) -> None:
        self._path = _path(out, "worker")
        self._logs = out / "logs"
        self._state: dict[str, Any] = identity() | {"slot": slot, "device": device}
        self._state |= {"stem": None, "trial": None, "since": now(), "epoch": None, "epochs": None}
        self._state |= {"done": 0, "broken": 0}
        self._log: logging.Handler | None = None
        self._epochs = _Epochs(self._state)
        self._closed = threading.Event()
        self._tell()
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)
        self._thread.start()

    def begin(self, planned: "Planned", more: int = 0) -> None:
        """A trial begins, and so many more that are fitted together with it."""
        if self._log is None:
            self._log = _opened(self._logs / f"{planned.stem}.log")
            logging.getLogger(TRAINER).addHandler(self._epochs)
            logging.getLogger(TRAINER).setLevel(logging.INFO)
            log.info("%(host)s process %(pid)d, slot %(slot)s", self._state)
        told = f" and {more} more" if more else ""
        log.info("begins: %s%s", planned.stem, told)
        self._state |= {"stem": planned.stem, "trial": label(planned.trial.identity()) + told}
        self._state |= {"since": now(), "epoch": None, "epochs": None}
        self._tell()

    def end(self, row: Row) -> None:
        """A trial has its row."""
        log.info("%s: %s%s", row["status"], row["stem"], _why(row))
        self._state["done" if row["status"] == "done" else "broken"] += 1
        self._state |= {"stem": None, "trial": None, "since": now()}
        self._tell()

    def close(self) -> None:
        """The worker ends: its file goes, its log stays."""
        self._closed.set()
        self._thread.join()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        logging.getLogger(TRAINER).removeHandler(self._epochs)
        logging.getLogger(TRAINER).setLevel(logging.NOTSET)
        if self._log is not None:
            faulthandler.disable()
            logging.getLogger().removeHandler(self._log)
            with suppress(OSError):  # on a full disk
                self._log.close()

    def _go_on(self) -> None:
        told, when = None, time.monotonic()
        while not self._closed.wait(OFTEN):
            epoch = self._state["epoch"]
            if epoch != told or time.monotonic() - when > BEAT:
                told, when = epoch, time.monotonic()
                self._tell()

    def _tell(self) -> None:
        if not self._closed.is_set():
            _write(self._path, self._state | {"beat": now()})


class _Epochs(logging.Handler):
    """Notes in a state how far training is."""

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__(logging.INFO)
        self._state = state

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith(EPOCH) and isinstance(record.args, tuple):
            self._state["epoch"], self._state["epochs"] = record.args[:2]


class _Quiet(logging.FileHandler):
    """A log file that is left alone once it cannot be written, such as on a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:
        logging.getLogger().removeHandler(self)


def _opened(path: Path) -> logging.Handler:
    """Everything that this process logs goes to a file, and where it was if it crashes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _Quiet(path, encoding="utf-8")
        faulthandler.enable(handler.stream)  # type: ignore[arg-type]
    except OSError:
        return logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    log.setLevel(logging.INFO)
    return handler


@contextmanager
def announced(
    out: Path, planned: Sequence["Planned"], slots: int, command: str
) -> Iterator[Mapping[str, Any]]:
    """Say which trials a run is to do while it does them, and after it when it ended. What the dead
    left in the folder goes. Gives what is said. The file's time is the run's sign of life."""
    clear(out)
    trials = {one.stem: label(one.trial.identity()) for one in planned}
    said = identity() | {"command": command, "started": now(), "ended": None}
    said |= {"slots": slots, "trials": trials}
    path = _path(out, "run")
    _write(path, said)
    try:
        with _touched(path):
            yield said
    finally:
        _write(path, said | {"ended": now()})


@contextmanager
def _touched(path: Path) -> Iterator[None]:
    """Set the time of a file now and then."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(BEAT):
            with suppress(OSError):
                os.utime(path)

    thread = threading.Thread(target=go_on, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _path(out: Path, kind: str) -> Path:
    me = identity()
    return out / STATE / f"{kind}-{slug(me['host'])}-{me['pid']}.json"


def _write(path: Path, said: Mapping[str, Any]) -> None:
    """Whole, or not at all; it need not survive a power cut."""
    temporary = path.with_name(f".{path.name}.{threading.get_ident()}")
    with suppress(OSError):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(said))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _why(row: Row) -> str:
    reason = row.get("reason")
    return f" ({reason})" if reason else ""


log = logging.getLogger(__name__)
