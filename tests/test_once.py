"""Scores and maps from one pass of the net: the same to the bit."""

from dataclasses import replace

import numpy as np
import pytest

from baselines.autoencoder import Autoencoder
from baselines.hsc import HSC
from baselines.nets import LeNet, MirroredLeNet
from fcdd.detector import FCDD
from fcdd.nets import Net28
from fcdd.once import passing_once

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 1, 28, 28), dtype=np.uint8)


def fitted(detector, **changes):
    recipe = replace(detector.recipe, epochs=1, batch=16)
    return detector.set_params(recipe=recipe, device="cpu", **changes).fit(IMAGES[:20])


DETECTORS = {
    "fcdd": lambda: fitted(FCDD(Net28(2))),
    "fcdd mirrored": lambda: fitted(FCDD(Net28(2)), mirrored=True),
    "autoencoder": lambda: fitted(Autoencoder(MirroredLeNet(LeNet((16,), None, 16)))),
    "hsc": lambda: fitted(HSC(LeNet((4,), None, 4))),
}


@pytest.mark.parametrize("name", DETECTORS)
def test_the_net_passes_images_once_and_nothing_changes(name):
    detector = DETECTORS[name]()
    expected = detector.decision_function(IMAGES), detector.score_map(IMAGES)
    passes = []
    detector.net_.register_forward_hook(lambda *_: passes.append(1))
    once = passing_once(detector)
    assert np.array_equal(once.decision_function(IMAGES), expected[0])
    first = len(passes)
    assert np.array_equal(once.score_map(IMAGES), expected[1])
    assert first == (2 if "mirrored" in name else 1)
    assert len(passes) == first or name == "hsc", "its map is a gradient, which needs a pass"
    assert np.array_equal(once.decision_function(IMAGES[::-1].copy()), expected[0][::-1])
