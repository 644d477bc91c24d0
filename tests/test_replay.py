"""Steps recorded and replayed on a GPU: the same training, launched as one."""

import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from sklearn.base import clone
from test_trainer import MEMBERS
from torch.torch_version import TorchVersion

from baselines import replay, streams
from baselines.anomalies import Exposure
from baselines.augment import Jitter, Noise
from baselines.checkpoint import checkpointing
from baselines.deep import fit_many
from baselines.detector import Rows
from baselines.large import Centre, Window
from baselines.normalise import GlobalContrast, PerImageStandard, Standard, UnitRange
from baselines.replay import FIRST, Pace, Replayed, emptied, own_stream
from baselines.schedules import Milestones
from baselines.stack import deterministic
from baselines.step import steady
from baselines.streams import train_all

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")


@pytest.fixture
def recorded(monkeypatch) -> list[Replayed]:
    """Whose steps were recorded, once for each recording."""
    found: list[Replayed] = []
    record = Replayed._recorded

    def counted(self, given):
        found.append(self)
        return record(self, given)

    monkeypatch.setattr(Replayed, "_recorded", counted)
    return found


def images(n: int, side: int = 28, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 1, side, side), generator=generator, dtype=torch.uint8)


def on_gpu(name: str, **values):
    """A member for a GPU, with as many epochs as make every batch's size recorded."""
    member = clone(MEMBERS[name])
    recipe = replace(
        member.recipe, epochs=FIRST + 3, compile=False, schedule=Milestones((2, 5)), **values
    )
    member.set_params(recipe=recipe, device="cuda")
    if "anomalies" in member.get_params(deep=False):
        member.set_params(anomalies=Exposure(images(50, seed=9), "noise"))
    return member


@GPU
@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("precision", [torch.float32, None])
def test_a_replayed_training_is_the_same_to_the_bit(name, precision, recorded):
    try:
        deterministic()
        found = [
            on_gpu(name, precision=precision, replay=wanted).fit(images(100))
            for wanted in (True, False)
        ]
    finally:
        deterministic(False)
    replayed, launched = found
    assert len(recorded) >= 2  # batches of two sizes; and an autoencoder's, unless remembered
    assert np.array_equal(replayed.losses_, launched.losses_)
    assert np.array_equal(replayed.decision_scores_, launched.decision_scores_)


@GPU
@pytest.mark.parametrize("name", ["hsc", "deep_svdd_soft", "fcdd"])
def test_side_by_side_each_is_what_it_is_alone(name, tmp_path, recorded):
    data = [images(100, seed=k) for k in range(4)]
    members = [on_gpu(name).set_params(seed=k % 2) for k in range(4)]
    try:
        deterministic()
        alone = [clone(member).fit(own) for member, own in zip(members, data, strict=True)]
        with checkpointing(tmp_path / "checkpoints", every=0):
            together = fit_many(members, data)
    finally:
        deterministic(False)
    assert len(recorded) >= 2 * 4 * 2
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.losses_, other.losses_)
        assert np.array_equal(one.decision_scores_, other.decision_scores_)
    assert not list(tmp_path.iterdir())


@GPU
@pytest.mark.parametrize("augment", [Jitter(0.01), Noise(0.1), None])
@pytest.mark.parametrize(
    "normalise", [UnitRange(), Standard(), GlobalContrast(True), PerImageStandard()]
)
def test_what_is_done_to_a_batch_is_recorded(augment, normalise, caplog, recorded):
    more = (augment,) if augment else ()
    member = on_gpu("hsc", augment=(*more, Window(24)), normalise=Centre(24, normalise))
    colour = images(300).view(100, 3, 28, 28)
    with caplog.at_level(logging.WARNING):
        member.set_params(anomalies=Exposure(colour[:50], "noise")).fit(colour)
    assert "not recorded" not in caplog.text and len(recorded) == 2


@GPU
def test_a_step_is_recorded_once_for_each_size():
    total = torch.zeros((), device="cuda")
    calls = []

    def step(given):
        calls.append(len(given[0]))
        total.add_(given[0].sum())
        return (total + 0,)

    sizes = [4, 4, 4, 4, 4, 2, 2, 2, 2, 4, 2]
    with own_stream(torch.device("cuda")):
        run = Replayed(step, [])
        for size in sizes:
            (result,) = run([torch.ones(size, device="cuda")])
        found = result.clone()
    assert calls == [4] * (FIRST + 1) + [2] * (FIRST + 1)
    assert float(found) == sum(sizes) == float(total)


@dataclass(frozen=True, eq=False)
class Peeking(Exposure):
    """It looks at what it drew, though it says that it does not."""

    def draw(self, normal: Rows, generator: torch.Generator) -> Rows:
        drawn = super().draw(normal, generator)
        assert int(drawn.images.sum()) >= 0
        return drawn

    def to(self, device: torch.device) -> "Peeking":
        return Peeking(self.images.to(device), self.name)


def peek() -> None:
    """What `test_what_cannot_be_recorded_runs_as_it_is` does in a process of its own: after a
    recording that failed nothing is recorded there any more."""
    said: list[str] = []
    logging.getLogger("baselines.replay").addFilter(lambda r: said.append(r.getMessage()) or True)
    member = on_gpu("hsc").set_params(anomalies=Peeking(images(50, seed=9), "noise"))
    for detector in (member, on_gpu("hsc"), *fit_many([clone(member)] * 2, [images(100)] * 2)):
        assert np.isfinite(detector.fit(images(100)).losses_).all()
        emptied()
    assert torch.rand(8, device="cuda").sum().isfinite()
    assert [line.partition(":")[0] for line in said] == ["not recorded, running as it is"]


@GPU
def test_what_cannot_be_recorded_runs_as_it_is():
    code = "import test_replay; test_replay.peek()"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)


def test_who_waits_for_a_recording_that_fails_records_nothing(monkeypatch, caplog):
    """What torch has of a GPU is stood in for; threads, lock and the order of things are real."""
    begun, meeting = [], threading.Barrier(4)
    monkeypatch.setattr(replay, "FAILED", threading.Event())
    monkeypatch.setattr(torch.cuda, "default_generators", {None: Mock(device="cpu")})
    monkeypatch.setattr(torch, "Generator", lambda device: Mock())

    def breaks(self, given):
        begun.append(threading.get_ident())
        time.sleep(0.1)
        try:
            raise RuntimeError("it looked at a value\nas it must not")
        finally:
            raise RuntimeError("the recording was invalidated")

    monkeypatch.setattr(Replayed, "_recorded", breaks)

    def run() -> None:
        given, step = [torch.zeros(2)], Replayed(lambda given: (given[0],), [])
        for _ in range(FIRST):
            step(given)
        meeting.wait()
        assert step(given)[0] is given[0]

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(run) for _ in range(4)]:
            future.result()
    assert len(begun) == 1 and replay.FAILED.is_set()
    assert caplog.messages == ["not recorded, running as it is: it looked at a value"]


@pytest.mark.parametrize("device", [torch.device("cpu"), pytest.param("cuda", marks=GPU)])
def test_the_first_error_of_several_trainings_comes_out(device):
    nets, sets, recipe = [], [], replace(MEMBERS["hsc"].recipe, epochs=10**6, placement=None)
    for k, rows in enumerate((100, 100)):
        member = clone(MEMBERS["deep_svdd"]).set_params(pretraining=None, seed=k)
        part = member.training_set(Rows(images(rows), torch.zeros(rows, dtype=torch.long)))
        nets.append(member.start([member], [part])[0])
        sets.append(part)

    class Failing:
        def init(self, outputs):
            return {}

        def loss(self, out, y, masks, state):
            raise ZeroDivisionError

        update = loss

    with pytest.raises(ZeroDivisionError):
        train_all(nets, Failing(), sets, recipe, torch.device(device), [None, None])
    assert all(p.requires_grad for net in nets for p in net.parameters())


def test_where_one_of_many_fails_no_other_goes_on(monkeypatch):
    """Those at work stop at their next steps, in whatever epoch; those that wait never begin."""
    begun, rows = [], Rows(images(100), torch.zeros(100, dtype=torch.long))
    recipe = replace(MEMBERS["hsc"].recipe, epochs=1, batch=2, placement=None)
    member = clone(MEMBERS["deep_svdd"]).set_params(pretraining=None)
    sets = [member.training_set(rows)] * 20
    steps: Counter[int] = Counter()
    first, failed = threading.Lock(), threading.Event()

    class Failing:
        def init(self, outputs):
            begun.append(threading.get_ident())
            return {}

        def loss(self, out, y, masks, state):
            steps[threading.get_ident()] += 1
            if first.acquire(blocking=False):
                failed.set()
                raise ZeroDivisionError
            assert failed.wait(60)
            time.sleep(0.05)
            return out.square().sum(1)

        def update(self, out, y, state, epoch):
            return state

    monkeypatch.setattr(streams, "side_by_side", lambda nets, device: True)
    monkeypatch.setattr(streams, "MOST", 4)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    nets = [member.start([member], [part])[0] for part in sets]
    with pytest.raises(ZeroDivisionError):
        train_all(nets, Failing(), sets, recipe, torch.device("cpu"), [None] * 20)
    assert len(begun) <= 4 + 1 and max(steps.values()) < 25  # of 50 in the epoch


@pytest.mark.parametrize(
    ("version", "wanted"), [("2.6.0+cu124", False), ("2.7.1", True), ("2.10.0", True)]
)
def test_only_a_torch_that_records_beside_a_replay_records(version, wanted, monkeypatch):
    monkeypatch.setattr(torch, "__version__", TorchVersion(version))
    assert steady([], MEMBERS["hsc"].recipe, torch.device("cuda")) == wanted


def test_on_a_cpu_a_rate_is_a_number():
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    pace = Pace(optimiser, torch.device("cpu"))
    for rate in (0.3, 0.3, 0.1):
        pace(rate)
        assert optimiser.param_groups[0]["lr"] == rate
