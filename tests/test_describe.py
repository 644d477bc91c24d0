"""Fingerprints: what they are, and that taking one copies nothing, or is left undone."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines import describe
from baselines.anomalies import Append, Exposure
from baselines.checkpoint import checkpointing
from baselines.describe import fingerprint
from baselines.hsc import HSC
from baselines.nets import LeNet
from baselines.recipe import Recipe


@pytest.mark.parametrize(
    ("tensor", "found"),
    [
        (torch.arange(12, dtype=torch.uint8).view(3, 4), "31ecbdf04e8f3166"),
        (torch.arange(12, dtype=torch.uint8).view(3, 4).T, "ef227de76e258693"),
        (torch.arange(6) > 2, "453f3e1f743042f3"),
        (torch.tensor(0.5, dtype=torch.float64), "b8e69e3ce222ea62"),
        (torch.zeros(0, 3), "9f41c8912022aa1d"),
    ],
)
def test_a_fingerprint_stays_what_it_was(tensor, found):
    """Rows and checkpoints hold them."""
    assert fingerprint(tensor) == found


def test_a_fingerprint_copies_nothing(tmp_path):
    mapped = np.memmap(tmp_path / "images", np.uint8, "w+", shape=(2**13, 1, 32, 32))
    for images in (torch.zeros(2**13, 1, 32, 32, dtype=torch.uint8), torch.from_numpy(mapped)):
        tracemalloc.start()
        fingerprint(images)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < images.nbytes / 16


def test_a_fit_reads_no_exposure_through(tmp_path, monkeypatch):
    """It takes as long as reading it, and twice the memory where it is mapped from a file."""

    def refused(tensor: torch.Tensor) -> str:
        raise AssertionError("nobody asked for it")

    rows = torch.randint(0, 256, (40, 1, 28, 28), dtype=torch.uint8)
    recipe = Recipe(1, 16, precision=torch.float32, placement=Append())
    net = LeNet((4, 4), 16, 8, bias=True, affine=True)
    member = HSC(net, recipe, anomalies=Exposure(rows, "noise"))
    monkeypatch.setattr(describe, "fingerprint", refused)
    with checkpointing(tmp_path):
        member.fit(rows)
    assert len(member.set_params(recipe=replace(recipe, epochs=2)).fit(rows).losses_) == 6
