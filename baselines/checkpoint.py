"""Long trainings leave checkpoints, so that a killed one goes on from where it stood.

    with checkpointing(folder):  # one folder for each trial, or for each group that trains together
        detector.fit(images)

Every two minutes the training under way is written at the end of a step, whole or not at all,
without pickle: nets, optimiser, generators, the method's state, losses, and how far it is. Fitted
again in the same folder it goes on, to the scores that it would have had uninterrupted on the same
device with as many threads. What is done before a training, as pretraining is, keeps its end there
until the block is left without an error; then nothing remains.

A checkpoint says what it belongs to: the detector with every parameter, the seeds, the rows and
anomalies, the kind of device, whether operations repeat themselves to the bit, torch's version and
the code that trains. One that belongs to anything else, or is damaged, is named in the log and not
used.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_bytes

from baselines.anomalies import Either, Exposure, Source
from baselines.describe import describe, digest, fingerprint, nameless, written
from baselines.moment import Moment, packed, unpack
from baselines.recipe import TrainingSet
from baselines.sources import training_code
from baselines.tensorfile import Tensors, alone, checksum

FORMAT = "2"
EVERY = 120.0  # seconds
SHARE = 20  # of the time, checkpoints may take one part in so many
CODE = training_code()  # as it is loaded: a run goes on while it is edited
Identity = dict[str, str]
log = logging.getLogger(__name__)


class CheckpointError(ValueError):
    """A checkpoint that is not of this training; one line names it and the reason."""


class Checkpoint:
    """The checkpoint of one training in the file `path`; `identity` says which training it is."""

    def __init__(self, path: Path, identity: Callable[[], Identity], every: float = EVERY) -> None:
        self.path, self.every, self.earlier = path, every, 0.0
        self._identity, self._known = identity, Identity()
        self._began = time.monotonic()
        self._due = self._began + every

    def restore(self, moment: Moment) -> None:
        """Take `moment`, a training not begun, to where the file stands, if it is of this one."""
        if not self.path.exists():
            return
        try:
            tensors, said = read(self.path, self.identity())
        except CheckpointError as error:
            log.warning("%s; training from the start", error)
            return
        unpack(tensors, said, moment)
        self.earlier = said["seconds"]
        log.info("%s: going on at epoch %d, step %d", self.path, moment.epoch + 1, moment.step)

    def keep(self, moment: Moment) -> None:
        """Write `moment` if it is time."""
        if time.monotonic() >= self._due:
            self._write(moment)

    def end(self, moment: Moment) -> None:
        """Write the end of a training that was long enough to be worth it."""
        if self.earlier + time.monotonic() - self._began >= self.every:
            self._write(moment)

    def identity(self) -> Identity:
        """What the checkpoint belongs to; taken once, for it reads all of the data."""
        self._known = self._known or self._identity()
        return self._known

    def _write(self, moment: Moment) -> None:
        """A disk that is full or gone costs the checkpoint, not the training."""
        began = time.monotonic()
        tensors, said = packed(moment)
        said["seconds"] = self.earlier + began - self._began
        try:
            write(self.path, tensors, said | {"identity": self.identity()})
        except OSError as error:
            log.warning("%s: no checkpoint written (%s); training goes on", self.path, error)
        now = time.monotonic()
        self._due = now + max(self.every, SHARE * (now - began))


def write(path: Path, tensors: Tensors, said: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all, even if the machine goes down."""
    tensors, text = {name: alone(value) for name, value in tensors.items()}, json.dumps(said)
    head = {"format": FORMAT, "content": text, "sha256": checksum(tensors, text)}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    try:
        with draft.open("wb") as file:
            file.write(as_bytes(tensors, head))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path, identity: Identity) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and numbers of a checkpoint; CheckpointError unless it is whole and of
    `identity`."""
    try:
        with safe_open(path, "pt") as file:
            head = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        line = " ".join(str(error).split())
        raise CheckpointError(f"{path}: not a checkpoint, or cut short ({line})") from error
    if head.get("format") != FORMAT:
        raise CheckpointError(f"{path}: a checkpoint of format {head.get('format')}, not {FORMAT}")
    if checksum(tensors, head["content"]) != head["sha256"]:
        raise CheckpointError(f"{path}: damaged, its sha256 is not that of its content")
    said = json.loads(head["content"])
    other = [part for part in identity if said["identity"].get(part) != identity[part]]
    if other:
        raise CheckpointError(f"{path}: of another training; not the same {', '.join(other)}")
    return tensors, said


def draft_of(path: Path) -> Path:
    """Where a checkpoint is written before it gets its name."""
    return path.with_suffix(".draft")


@dataclass
class _Place:
    folder: Path
    every: float
    paths: list[Path] = field(default_factory=list)


_PLACE: ContextVar[_Place | None] = ContextVar("checkpoints", default=None)


@contextmanager
def checkpointing(folder: str | Path, every: float = EVERY) -> Iterator[None]:
    """Deep detectors fitted within leave checkpoints in `folder`, `every` so many seconds, and go
    on from those that are there. Left without an error, the block removes them."""
    place = _Place(Path(folder), every)
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)
    for path in (*place.paths, *map(draft_of, place.paths), place.folder):
        with suppress(OSError):  # not there; or the folder holds more
            path.rmdir() if path == place.folder else path.unlink()


def checkpoint_of(
    detector: str,
    parameters: list[Any],
    sets: Sequence[TrainingSet],
    device: torch.device,
    place: int = 0,
) -> Checkpoint | None:
    """The checkpoint of a training, if it is wanted; `parameters` describe the detector, `place`
    tells trainings side by side apart.

    None where a parameter is a function without a name: two of them could not be told apart."""
    where = _PLACE.get()
    if where is None:
        return None
    if nameless(written(parameters)):
        log.warning("%s: a parameter without a name; no checkpoints", detector)
        return None
    seeds = digest([part.seed for part in sets])[:8]
    path = where.folder / f"{detector}-{len(sets[0].rows)}-{seeds}-{place}.safetensors"
    where.paths.append(path)
    return Checkpoint(path, lambda: identity(parameters, sets, device), where.every)


def identity(parameters: list[Any], sets: Sequence[TrainingSet], device: torch.device) -> Identity:
    """What decides a training, part by part. `parameters` need not tell one exposure from another
    of its name: the sets hold what is drawn from."""
    return {
        "parameters": digest(parameters),
        "seeds": digest([part.seed for part in sets]),
        "rows": digest([_prints(part.rows) for part in sets]),
        "anomalies": digest([_source(part.source) for part in sets]),
        "device": device.type,
        "deterministic": str(torch.are_deterministic_algorithms_enabled()),
        "torch": torch.__version__,
        "code": CODE,
    }


def _prints(holder: Any) -> list[str | None]:
    found = [getattr(holder, name, None) for name in ("images", "labels", "masks")]
    return [None if value is None else fingerprint(value) for value in found]


def _source(source: Source | None) -> Any:
    if isinstance(source, Either):
        return [_source(source.first), _source(source.second)]
    if isinstance(source, Exposure):
        return [source.name, *_prints(source)]
    return describe(source)
