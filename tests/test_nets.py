"""Shapes, parameter counts and receptive fields of the papers' nets."""

import pytest
import torch
from torch import nn

from baselines.fast import CODER
from baselines.nets import LeNet, MirroredLeNet, initialise, uniform_weights, xavier_weights
from benchmarks.paper import AE_28, LENET_FMNIST, LENET_MNIST
from fcdd.nets import Net28, Net32
from fcdd.receptive import ReceptiveField, receptive_field, upsample


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("net", "shape", "out"),
    [
        (LENET_MNIST, (1, 28, 28), (2, 32)),
        (LENET_FMNIST, (1, 28, 28), (2, 64)),
        (CODER, (1, 28, 28), (2, 128)),
        (CODER, (3, 32, 32), (2, 128)),
        (LeNet((32, 64, 128), None, 128), (3, 32, 32), (2, 128)),
        (Net28(), (1, 28, 28), (2, 1, 7, 7)),
        (Net32(), (3, 32, 32), (2, 1, 8, 8)),
    ],
)
def test_shapes(net, shape, out):
    assert net(shape)(torch.rand(2, *shape)).shape == out


@pytest.mark.parametrize(
    ("mirror", "shape"),
    [
        (MirroredLeNet(LENET_MNIST), (1, 28, 28)),
        (MirroredLeNet(LENET_FMNIST), (1, 28, 28)),
        (MirroredLeNet(CODER), (1, 28, 28)),
        (MirroredLeNet(CODER), (3, 32, 32)),
        (MirroredLeNet(LeNet((32, 64, 128), None, 128), norm_code=True), (3, 32, 32)),
        (AE_28.mirror, (1, 28, 28)),
    ],
)
def test_autoencoders_give_images_back(mirror, shape):
    images = torch.rand(2, *shape)
    out = mirror(shape)(images)
    assert out.shape == images.shape and out.min() >= 0 and out.max() <= 1


def test_an_autoencoder_says_which_sizes_it_takes():
    with pytest.raises(ValueError, match="28 x 28 or 32 x 32 pixels, got 64 x 64"):
        MirroredLeNet()((1, 64, 64))


def test_parameter_counts_are_the_authors():
    assert count(Net28()((1, 28, 28))) == pytest.approx(413e3, rel=2e-3)
    # The authors count the 256 parameters of a norm that their forward pass never uses.
    assert count(Net32()((3, 32, 32))) + 256 == pytest.approx(1.19e6, rel=5e-3)


def test_centred_nets_have_no_bias():
    for module in CODER((1, 28, 28)).modules():
        assert getattr(module, "bias", None) is None


def test_weights_follow_the_generator():
    def drawn(seed: int, rule) -> torch.Tensor:
        net = initialise(CODER((1, 28, 28)), torch.Generator().manual_seed(seed), rule)
        return torch.cat([p.flatten() for p in net.parameters()])

    assert torch.equal(drawn(1, uniform_weights), drawn(1, uniform_weights))
    assert not torch.equal(drawn(1, uniform_weights), drawn(2, uniform_weights))
    assert not torch.equal(drawn(1, uniform_weights), drawn(1, xavier_weights))


@pytest.mark.parametrize(
    ("net", "shape", "field"),
    [
        (Net28(2), (1, 28, 28), ReceptiveField((16, 16), (4, 4), (1.5, 1.5))),
        (Net32(2), (3, 32, 32), ReceptiveField((22, 22), (4, 4), (1.5, 1.5))),
    ],
)
def test_receptive_fields_are_the_papers(net, shape, field):
    assert receptive_field(net(shape)) == field


def seen(net: nn.Module, shape: tuple[int, int, int], u: int, v: int) -> tuple[torch.Tensor, ...]:
    """Rows and columns whose pixels move output (u, v): the field by gradients."""
    images = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    net.double().eval()(images)[0, 0, u, v].backward()
    moved = images.grad[0].abs().sum(0) > 0
    return moved.any(1).nonzero().flatten(), moved.any(0).nonzero().flatten()


LAYERS = {
    "rectangular": [nn.Conv2d(1, 2, (3, 5), padding=(1, 2)), nn.Conv2d(2, 1, (1, 3), padding=0)],
    "even": [nn.Conv2d(1, 2, 4, stride=2, padding=1), nn.Conv2d(2, 1, 2)],
    "dilated": [nn.Conv2d(1, 2, 3, dilation=2, padding=2), nn.AvgPool2d(2), nn.Conv2d(2, 1, 1)],
    "strided": [nn.Conv2d(1, 2, 7, stride=2, padding=3), nn.AvgPool2d(3, 2, 1), nn.ReLU()],
}


@pytest.mark.parametrize("name", LAYERS)
def test_receptive_field_is_where_gradients_are(name):
    net = nn.Sequential(*LAYERS[name])
    for module in net.modules():  # positive weights: no gradient cancels, no unit is dead
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.5)
    field, (u, v) = receptive_field(net), (3, 4)
    for axis, found, at in zip((0, 1), seen(net, (1, 40, 44), u, v), (u, v), strict=True):
        reach = (field.size[axis] - 1) / 2
        centre = field.start[axis] + at * field.jump[axis]
        assert found.min() == centre - reach and found.max() == centre + reach


def test_unknown_layers_are_refused():
    with pytest.raises(TypeError, match="unknown reach of layer Flatten"):
        receptive_field([nn.Flatten()])


def test_upsampling_puts_the_peak_at_the_centre_of_the_field():
    field = receptive_field(Net28(2)((1, 28, 28)))
    low = torch.zeros(1, 7, 7)
    low[0, 2, 5] = 1
    high = upsample(low, field, (28, 28), 1.2)[0]
    assert high.shape == (28, 28)
    around = high[9:11, 21:23]  # centres 1.5 + 4 * (2, 5) = 9.5, 21.5
    assert torch.allclose(around, high.max() * torch.ones(2, 2))
    # The field's size is even, 22, so the peak is 1/2 along either axis.
    assert high.max() == pytest.approx(torch.exp(torch.tensor(-0.5 / (2 * 1.2**2))).item() / 4)


def test_upsampling_is_a_transposed_convolution():
    """Against torch's own, for an odd field, where the authors' kernel and ours are one."""
    field = ReceptiveField((9, 9), (4, 4), (0.0, 0.0))
    away = torch.arange(-4, 5, dtype=torch.float64)
    line = torch.exp(-(away**2) / (2 * 2.0**2))
    low = torch.rand(2, 7, 7, dtype=torch.float64)
    kernel = torch.outer(line, line)[None, None]
    full = torch.nn.functional.conv_transpose2d(low[:, None], kernel, stride=4, output_padding=3)
    torch.testing.assert_close(upsample(low, field, (28, 28), 2.0), full[:, 0, 4:32, 4:32])
