"""Steps recorded and replayed on a GPU: the same training, launched as one."""

import logging
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from test_trainer import MEMBERS

from baselines.anomalies import Exposure
from baselines.augment import Jitter, Noise, UnitRange
from baselines.checkpoint import checkpointing
from baselines.deep import fit_many
from baselines.detector import Rows
from baselines.large import Centre, Window
from baselines.replay import FIRST, Pace, Replayed, own_stream
from baselines.schedules import Milestones
from baselines.stack import deterministic

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")


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
def test_a_replayed_training_is_the_same_to_the_bit(name, precision):
    try:
        deterministic()
        found = [
            on_gpu(name, precision=precision, replay=replay).fit(images(100))
            for replay in (None, False)
        ]
    finally:
        deterministic(False)
    replayed, launched = found
    assert np.array_equal(replayed.losses_, launched.losses_)
    assert np.array_equal(replayed.decision_scores_, launched.decision_scores_)


@GPU
@pytest.mark.parametrize("name", ["hsc", "deep_svdd_soft", "fcdd"])
def test_side_by_side_each_is_what_it_is_alone(name, tmp_path):
    data = [images(100, seed=k) for k in range(4)]
    members = [on_gpu(name).set_params(seed=k % 2) for k in range(4)]
    try:
        deterministic()
        alone = [clone(member).fit(own) for member, own in zip(members, data, strict=True)]
        with checkpointing(tmp_path / "checkpoints", every=0):
            together = fit_many(members, data)
    finally:
        deterministic(False)
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.losses_, other.losses_)
        assert np.array_equal(one.decision_scores_, other.decision_scores_)
    assert not list(tmp_path.iterdir())


@GPU
@pytest.mark.parametrize("augment", [Jitter(0.01), Noise(0.1), None])
def test_augmentations_are_recorded(augment, caplog):
    more = (augment,) if augment else ()
    with caplog.at_level(logging.WARNING):
        on_gpu("hsc", augment=(*more, Window(24)), normalise=Centre(24, UnitRange())).fit(
            images(100)
        )
    assert "not recorded" not in caplog.text


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


@GPU
def test_what_cannot_be_recorded_runs_as_it_is(caplog):
    member = on_gpu("hsc").set_params(anomalies=Peeking(images(50, seed=9), "noise"))
    with caplog.at_level(logging.WARNING):
        member.fit(images(100))
    assert "not recorded, running as it is" in caplog.text
    assert np.isfinite(member.losses_).all()
    assert torch.rand(8, device="cuda").sum().isfinite()
    again = on_gpu("hsc").fit(images(100))  # the device is as usable as before
    assert np.isfinite(again.losses_).all()


def test_on_a_cpu_a_rate_is_a_number():
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    pace = Pace(optimiser, torch.device("cpu"))
    for rate in (0.3, 0.3, 0.1):
        pace(rate)
        assert optimiser.param_groups[0]["lr"] == rate
