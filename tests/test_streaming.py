"""Images that are mapped from a file, larger than the net looks at, or too many for the device."""

import numpy as np
import pytest
import torch

from baselines import deep
from baselines import near as bringing
from baselines.anomalies import Append, Exposure, Replace
from baselines.augment import Flip, Noise
from baselines.autoencoder import Autoencoder, ErrorOf
from baselines.checks import check_images
from baselines.deep_svdd import DeepSVDD
from baselines.detector import Rows
from baselines.hsc import HSC
from baselines.large import Centre, Window, in_parts
from baselines.near import near, sharing
from baselines.nets import LeNet, MirroredLeNet
from baselines.normalise import GlobalContrast, Standard, UnitRange, unit
from baselines.stack import deterministic
from baselines.trainer import Recipe
from fcdd.detector import FCDD
from fcdd.nets import Net28

RECIPE = Recipe(2, 16, placement=Append(), augment=(Window(28), Flip(), Noise(0.01)))
CROPPED = Centre(28, GlobalContrast())
NET = LeNet((4, 4), 16, 8, bias=True, affine=True)


def recipe(**changes: object) -> Recipe:
    return Recipe(**(vars(RECIPE) | {"normalise": CROPPED} | changes))


def pictures(n: int, side: int = 36, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 3, side, side), dtype=np.uint8)


def mapped(images: np.ndarray, path) -> np.ndarray:
    np.save(path, images)
    return np.load(path, mmap_mode="c")


MEMBERS = {
    "hsc": lambda source: HSC(NET, recipe(), anomalies=source),
    "fcdd": lambda source: FCDD(Net28(4), recipe(placement=Replace()), anomalies=source),
    "deep_svdd": lambda source: DeepSVDD(NET, recipe(placement=None), pretraining=None),
    "autoencoder": lambda source: Autoencoder(
        ErrorOf(MirroredLeNet(LeNet((4, 4), None, 16))), recipe(placement=None)
    ),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_mapped_images_give_the_same_numbers(name, tmp_path):
    train, test, borrowed = pictures(40), pictures(9, seed=1), pictures(30, seed=2)
    given = [(train, test, borrowed)]
    given.append(
        tuple(mapped(a, tmp_path / f"{k}.npy") for k, a in enumerate((train, test, borrowed)))
    )
    results = []
    for own, other, exposed in given:
        source = Exposure(torch.from_numpy(exposed), "borrowed")
        detector = MEMBERS[name](source).fit(own)
        results.append((detector.losses_, detector.decision_function(other)))
        maps = detector.score_map(other)
        assert maps.shape == (9, 36, 36)
        assert not maps[:, :4].any() and not maps[:, :, -4:].any() and maps[:, 4:-4, 4:-4].any()
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_mapped_images_are_not_copied(tmp_path):
    images = mapped(pictures(5), tmp_path / "a.npy")
    assert np.shares_memory(check_images(images).numpy(), images)


def test_what_several_share_is_brought_to_a_device_once():
    """The exposure of all, and rows that are the same; what is another's stays another's."""
    device, images = torch.device("meta"), pictures(4)
    borrowed = Exposure(torch.from_numpy(pictures(3)), "borrowed")
    labels = torch.zeros(4, dtype=torch.int64)
    same, also = (Rows(torch.from_numpy(images), labels) for _ in range(2))
    other = Rows(torch.from_numpy(images.copy()), labels)
    with sharing():
        exposures = [borrowed.to(device).images for _ in range(2)]
        first, second, third = (near(rows, device) for rows in (same, also, other))
    assert exposures[0] is exposures[1] is not borrowed.to(device).images
    assert first.images is second.images is not third.images
    assert first.images.device == first.labels.device == device


@pytest.mark.parametrize("name", MEMBERS)
def test_no_net_has_rows_of_its_own(name, monkeypatch):
    """Where no known anomalies are to be left out."""
    sets = []
    monkeypatch.setattr(deep, "_train", lambda detectors, own, keys: sets.extend(own))
    borrowed = Exposure(torch.from_numpy(pictures(30, seed=2)), "borrowed")
    images = torch.from_numpy(pictures(40, seed=7))  # no training is remembered of them
    rows = Rows(images, torch.zeros(40, dtype=torch.int64))
    deep.fit_rows([MEMBERS[name](borrowed) for _ in range(2)], [rows, rows])
    assert [part.rows.images.data_ptr() for part in sets] == [images.data_ptr()] * 2
    if name in ("hsc", "fcdd"):
        assert all(part.source is borrowed for part in sets)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", MEMBERS)
def test_what_does_not_fit_is_carried_batch_by_batch(name, monkeypatch):
    train, borrowed = pictures(40), Exposure(torch.from_numpy(pictures(30, seed=2)), "borrowed")
    try:
        deterministic()
        there = MEMBERS[name](borrowed).set_params(device="cuda").fit(train)
        monkeypatch.setattr(bringing, "fits", lambda images, device: False)
        far = MEMBERS[name](borrowed).set_params(device="cuda").fit(train)
    finally:
        deterministic(False)
    # What the normaliser measures is rounded otherwise on the host.
    np.testing.assert_allclose(there.losses_, far.losses_, rtol=2e-3)
    np.testing.assert_allclose(there.decision_scores_, far.decision_scores_, rtol=2e-2)


def test_windows_lie_inside_and_reach_every_place():
    images = unit(torch.arange(36, dtype=torch.uint8).repeat(500, 1, 36, 1))
    windows = Window(28)(images, torch.Generator().manual_seed(0))
    assert windows.shape == (500, 1, 28, 28)
    corners = (windows[:, 0, 0, 0] * 255).round().int()
    assert set(corners.tolist()) == set(range(9))
    assert torch.equal(windows[:, 0, 0], windows[:, 0, 27])
    with pytest.raises(ValueError, match="window: 40 pixels a side do not fit into 36 x 36"):
        Window(40)(images, torch.Generator())


def test_centre_is_the_middle_and_leaves_windows_alone():
    images = torch.from_numpy(pictures(3, 35))
    centre = Centre(28, UnitRange())
    whole = centre(unit(images), centre.measure(images))
    assert torch.equal(whole, unit(images)[:, :, 3:31, 3:31])
    assert torch.equal(centre(whole, centre.measure(images)), whole)


def test_standard_measures_every_image_exactly():
    images = torch.from_numpy(pictures(300, 256))[:, :, ::4, :]
    mean, std = Standard().measure(images)
    pixels = images.double() / 255
    torch.testing.assert_close(mean.double(), pixels.mean((0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(std.double(), pixels.std((0, 2, 3)), rtol=1e-6, atol=0)


def test_large_images_are_scored_in_small_batches():
    assert [len(part) for part in in_parts(torch.empty(40, 3, 256, 256))] == [16, 16, 8]
    assert [len(part) for part in in_parts(torch.empty(1500, 1, 28, 28))] == [1000, 500]
    assert len(in_parts(torch.empty(2, 1, 4000, 4000))) == 2
