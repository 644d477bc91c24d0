"""FCDD's own: its map, its losses, its image scores."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from baselines.anomalies import Replace
from baselines.large import Centre
from baselines.normalise import UnitRange
from baselines.synthetic import Confetti
from baselines.trunks import SQUEEZE, VGG11
from baselines.variations import Shrunk
from fcdd.detector import EXPLAINING, FCDD
from fcdd.nets import Net28, Net32
from fcdd.receptive import ReceptiveField, receptive_field, upsample
from fcdd.reduce import Max, Mean, Quantile, Top

NETS = {
    "net28": (Net28(2), (1, 28, 28)),
    "net32": (Net32(2), (3, 32, 32)),
    "net32 on a rectangle": (Net32(2), (3, 32, 64)),
    "vgg11": (replace(VGG11, pretrained=None), (3, 224, 224)),
    "squeezenet": (replace(SQUEEZE, pretrained=None), (3, 224, 160)),
}
FIELDS = {
    "odd": ReceptiveField((9, 9), (4, 4), (0.0, 0.0)),
    "rectangular": ReceptiveField((7, 16), (2, 4), (1.0, 1.5)),
    "narrower than its jump": ReceptiveField((1, 1), (4, 4), (0.0, 0.0)),
}


def centroid(high: torch.Tensor) -> tuple[float, float]:
    high = high.double()
    rows, columns = torch.arange(high.shape[0]), torch.arange(high.shape[1])
    mass = high.sum()
    return (high.sum(1) @ rows.double() / mass).item(), (
        high.sum(0) @ columns.double() / mass
    ).item()


@pytest.mark.parametrize("level", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_a_delta_spreads_about_the_centre_of_its_field(name, level):
    builder, shape = NETS[name]
    net = builder(shape).eval()
    u, v = net(torch.zeros(1, *shape)).shape[2:]
    field, sigma = receptive_field(net), 1.5
    at = (u // 2, v // 2)
    low = torch.zeros(1, u, v, dtype=torch.float64)
    low[0, at[0], at[1]] = 1
    high = upsample(low, field, shape[1:], sigma, level)[0]
    for axis, found in enumerate(centroid(high)):
        assert found == pytest.approx(field.start[axis] + at[axis] * field.jump[axis], abs=0.05)


@pytest.mark.parametrize("name", FIELDS)
def test_level_keeps_a_constant_map_constant(name):
    field = FIELDS[name]
    size = (5 * field.jump[0] + 3, 6 * field.jump[1])
    high = upsample(torch.full((2, 5, 6), 0.7), field, size, 3.0, level=True)
    torch.testing.assert_close(high, torch.full((2, *size), 0.7))


def test_level_keeps_the_mass_of_an_output():
    field, low = ReceptiveField((22, 22), (4, 4), (1.5, 1.5)), torch.zeros(1, 8, 8)
    low[0, 3, 4] = 1
    assert upsample(low, field, (32, 32), 4.0, level=True).sum().item() == pytest.approx(
        16, rel=0.02
    )


def test_an_untrained_net_shows_no_border_in_level_mode():
    detector = FCDD(Net32(8), replace(EXPLAINING, epochs=1, batch=16), level=True)
    images = np.random.default_rng(0).integers(0, 256, (32, 3, 32, 32), dtype=np.uint8)
    detector.fit(images)
    maps = {}
    for level in (True, False):
        maps[level] = detector.set_params(level=level).score_map(images).mean(0)
    edge = np.ones((32, 32), bool)
    edge[4:-4, 4:-4] = False
    assert maps[False][edge].mean() < 0.9 * maps[False][~edge].mean(), "the paper's darkens"
    low = detector.set_params(level=True)
    assert maps[True][edge].mean() == pytest.approx(maps[True][~edge].mean(), rel=0.25)
    assert low.score_map(images).mean() == pytest.approx(detector.decision_scores_.mean(), rel=0.1)


def test_image_scores():
    maps = torch.arange(200.0).view(2, 10, 10)
    assert Mean()(maps).tolist() == [49.5, 149.5]
    assert Max()(maps).tolist() == [99, 199]
    assert Top(0.02)(maps).tolist() == [98.5, 198.5]
    assert Top(0.001)(maps).tolist() == [99, 199], "one value at least"
    assert Quantile(0.5)(maps).tolist() == [49.5, 149.5]


def test_pixel_loss_by_hand():
    """Equation 5 on a map of one output per pixel: the means are over all pixels, both terms."""
    detector = FCDD(pixels=True, sigma=1e-3)
    detector.field_ = ReceptiveField((1, 1), (1, 1), (0.0, 0.0))
    out = torch.tensor([[[[1.0, 2.0], [0.5, 3.0]]]] * 2, dtype=torch.float64)
    masks = torch.tensor([[[False, True], [False, False]], [[False, False], [False, False]]])
    found = detector.loss(out, torch.tensor([1, 0]), masks, {})
    a = torch.sqrt(out[0, 0] ** 2 + 1) - 1
    inside = a[0, 1] / 4
    expected = (a.sum() - a[0, 1]) / 4 - torch.log(1 - torch.exp(-inside))
    assert found[0].item() == pytest.approx(expected.item())
    assert found[1].item() == pytest.approx(a.mean().item())


def test_joint_loss_by_hand():
    """Equation 3, plus the mean over what is normal and what a mean over the mask is worth."""
    detector = FCDD(joint=True, sigma=1e-3)
    detector.field_ = ReceptiveField((1, 1), (1, 1), (0.0, 0.0))
    out = torch.tensor([[[[1.0, 2.0], [0.5, 3.0]]]] * 2, dtype=torch.float64)
    masks = torch.tensor([[[False, True], [False, True]], [[False, False], [False, False]]])
    found = detector.loss(out, torch.tensor([1, 0]), masks, {})
    a = torch.sqrt(out[0, 0] ** 2 + 1) - 1
    image = -torch.log(1 - torch.exp(-a.mean()))
    expected = image + a[:, 0].sum() / 4 - torch.log(1 - torch.exp(-a[:, 1].mean()))
    assert found[0].item() == pytest.approx(expected.item())
    assert found[1].item() == pytest.approx(2 * a.mean().item())


@pytest.mark.parametrize("kind", ["pixels", "joint"])
def test_losses_of_pixels_want_masks(kind):
    detector = FCDD(**{kind: True})
    with pytest.raises(ValueError, match="needs masks"):
        detector.loss(torch.zeros(2, 1, 4, 4), torch.zeros(2), None, {})


@pytest.mark.parametrize("kind", ["pixels", "joint"])
def test_masks_teach_where(kind):
    """Squares in noise: trained with masks, the map is higher inside the square than outside."""
    images = np.random.default_rng(0).integers(100, 156, (64, 3, 32, 32), dtype=np.uint8)
    recipe = replace(EXPLAINING, epochs=12, batch=16, normalise=UnitRange(), placement=Replace(0.5))
    detector = FCDD(Net32(16), recipe, anomalies=Confetti(sides=(40, 80)), level=True)
    detector.set_params(**{kind: True}).fit(images)
    test = images[:16].copy()
    test[:, :, 8:20, 10:22] = 250
    maps = detector.score_map(test)
    inside = np.zeros((32, 32), bool)
    inside[8:20, 10:22] = True
    assert maps[:, inside].mean() > 2 * maps[:, ~inside].mean()


class Brightness(nn.Module):
    """A net whose output is the square root of what makes the map the image itself."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.sqrt((images[:, :1] + 1) ** 2 - 1)


def test_a_map_lies_on_its_image_however_the_net_saw_it():
    """Shrunk images are enlarged again, to the border; cut ones stay in the middle."""
    images = np.zeros((1, 1, 60, 60), np.uint8)
    images[:, :, :12, :12] = images[:, :, 24:36, 24:36] = 255
    found = {}
    for normalise in (Shrunk(48, UnitRange()), Centre(48, UnitRange())):
        detector = FCDD(recipe=replace(EXPLAINING, normalise=normalise), sigma=1e-3)
        detector.net_, detector.measured_ = Brightness(), torch.zeros(0)
        detector.net_.register_parameter("none", nn.Parameter(torch.zeros(1)))
        detector.field_ = ReceptiveField((1, 1), (1, 1), (0.0, 0.0))
        detector.shape_in_ = (1, 60, 60)
        found[type(normalise)] = detector.score_map(images)[0]
    seen = images[0, 0] / 255
    edges = (np.abs(found[Shrunk] - seen) > 0.5).mean()
    assert found[Shrunk].shape == (60, 60) and found[Shrunk][0, 0] == pytest.approx(1)
    assert edges < 0.02, "rounding to the nearest pixel, no more"
    cut = np.zeros((60, 60))
    cut[6:54, 6:54] = seen[6:54, 6:54]
    np.testing.assert_allclose(found[Centre], cut, atol=1e-6)


def test_an_even_field_spreads_a_quarter_of_an_odd_ones():
    """The authors' kernel: a mass of 3.69 times the output's square (VGG, sigma 12)."""
    field, low = ReceptiveField((62, 62), (8, 8), (3.5, 3.5)), torch.ones(1, 28, 28)
    high = upsample(low.double(), field, (224, 224), 12.0)
    assert high[0, 112, 112].item() == pytest.approx(3.69, rel=0.06)
