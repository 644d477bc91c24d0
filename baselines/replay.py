"""A step recorded once and replayed, as a CUDA graph.

The nets of the lineage are so small that a GPU computes a step in less time than the host takes to
launch its kernels one by one. Recorded, the whole step is launched as one: batch drawn, augmented,
forward, backward, optimiser.
"""

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import torch

Result = tuple[torch.Tensor, ...]
Step = Callable[[Sequence[torch.Tensor]], Result]
# Calls before a step is recorded: libraries choose their algorithms, optimisers make their state.
FIRST = 3
FAILED = threading.Event()  # a recording, in this process
# One recording at a time: it begins with a wait for the whole device, which ends another's.
RECORDING = threading.Lock()
FREE: defaultdict[torch.device, list[torch.cuda.Stream]] = defaultdict(list)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """A recorded step: where it reads what it is called with, and where it leaves its result."""

    graph: torch.cuda.CUDAGraph
    given: list[torch.Tensor]
    result: Result


class Replayed:
    """`step` by replay: a function of some tensors that looks at no value on the device and
    changes in place whatever outlives it. `generators` are those that it draws from.

    What it returns is overwritten by the next call. Where a step cannot be recorded, one line in
    the log says why, and it runs as it is; nothing is recorded in this process any more, for after
    a recording that failed torch takes memory for recorded (up to 2.11, at least).
    """

    def __init__(self, step: Step, generators: Sequence[torch.Generator]) -> None:
        self.step, self.generators = step, generators
        self.calls: Counter[tuple[int, ...]] = Counter()
        self.recordings: dict[tuple[int, ...], Recording] = {}

    def __call__(self, given: Sequence[torch.Tensor]) -> Result:
        shape = tuple(map(len, given))
        self.calls[shape] += 1
        if self.calls[shape] > FIRST and shape not in self.recordings and not FAILED.is_set():
            self._record(shape, given)
        if shape not in self.recordings:
            return self.step(given)
        recording = self.recordings[shape]
        for place, value in zip(recording.given, given, strict=True):
            place.copy_(value)
        recording.graph.replay()
        return recording.result

    def _record(self, shape: tuple[int, ...], given: Sequence[torch.Tensor]) -> None:
        with RECORDING:
            if not FAILED.is_set():  # while this thread waited for its turn
                self._tried(shape, given)

    def _tried(self, shape: tuple[int, ...], given: Sequence[torch.Tensor]) -> None:
        default = torch.cuda.default_generators[given[0].device.index]
        drawn = [(each, each.get_state()) for each in (*self.generators, default)]
        try:
            self.recordings[shape] = self._recorded(given)
        except RuntimeError as error:
            FAILED.set()
            self.recordings.clear()  # they go on with the generators' states of before
            why = error.__context__ or error  # that a recording ended badly is an error of its own
            log.warning("not recorded, running as it is: %s", str(why).split("\n", 1)[0])
            for generator, state in drawn:  # it would wait for the recording's end for ever
                fresh = torch.Generator(generator.device)
                fresh.set_state(state)
                generator.graphsafe_set_state(fresh.graphsafe_get_state())

    def _recorded(self, given: Sequence[torch.Tensor]) -> Recording:
        graph, own = torch.cuda.CUDAGraph(), [value.clone() for value in given]
        for generator in self.generators:
            graph.register_generator_state(generator)
        pool = next((r.graph.pool() for r in self.recordings.values()), None)
        stream = torch.cuda.current_stream(own[0].device)
        mode = "thread_local"  # other threads go on with theirs meanwhile
        with torch.cuda.graph(graph, pool, stream, capture_error_mode=mode):
            result = self.step(own)
        return Recording(graph, own, result)


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Within it, work goes to a stream that steps can be recorded on; nothing on a CPU."""
    if device.type != "cuda":
        yield
        return
    before = torch.cuda.current_stream(device)
    try:  # used again and again: memory that is freed is kept for its stream
        stream = FREE[device].pop()
    except IndexError:
        stream = torch.cuda.Stream(device)
    stream.wait_stream(before)
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        before.wait_stream(stream)
        FREE[device].append(stream)


def emptied() -> None:
    """Give back what torch keeps of a GPU's memory, if it has one; after a recording that failed it
    cannot."""
    with suppress(RuntimeError):
        torch.cuda.empty_cache()


class Pace:
    """The learning rate of an optimiser: a number, or, on a GPU, a tensor that recordings read."""

    def __init__(self, optimiser: torch.optim.Optimizer, device: torch.device) -> None:
        self.groups = optimiser.param_groups
        self.place = torch.zeros((), device=device) if device.type == "cuda" else None
        self.rate: float | None = None

    def __call__(self, rate: float) -> None:
        if rate == self.rate:
            return
        self.rate = rate
        if self.place is not None:
            self.place.fill_(rate)
        for group in self.groups:
            group["lr"] = rate if self.place is None else self.place


def recordable(optimiser: torch.optim.Optimizer, device: torch.device) -> torch.optim.Optimizer:
    """The optimiser; on a GPU, if it can, in one kernel and with all of its state there."""
    if device.type == "cuda" and isinstance(optimiser, torch.optim.Adam | torch.optim.SGD):
        for group in optimiser.param_groups:
            group.update(fused=True, foreach=False, capturable=True)
    return optimiser
