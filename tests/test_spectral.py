"""Convolutions by way of frequencies are convolutions."""

import pytest
import torch
from torch.nn.functional import conv2d

from baselines import spectral
from baselines.spectral import Spectral, convolved, pays
from fcdd.nets import Net28, Net32

CASES = [(14, 5, 3, 4), (16, 3, 4, 2), (8, 3, 1, 3), (7, 5, 2, 2), (28, 5, 1, 2), (9, 7, 2, 1)]


@pytest.mark.parametrize(("size", "k", "before", "after"), CASES)
def test_values_and_gradients_are_those_of_a_direct_convolution(size, k, before, after):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    inputs = draw(5, before, size, size), draw(after, before, k, k), draw(after)
    found, expected = convolved(*inputs), conv2d(*inputs, padding=k // 2)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    weights = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    ours, theirs = (torch.autograd.grad((y * weights).sum(), inputs) for y in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_in_float32_it_is_as_near_to_the_truth():
    x, weight = torch.randn(16, 32, 14, 14), torch.randn(32, 32, 5, 5) / 28
    truth = conv2d(x.double(), weight.double(), padding=2)
    ours = (convolved(x, weight, None) - truth).abs().max()
    theirs = (conv2d(x, weight, padding=2) - truth).abs().max()
    assert ours < 2 * theirs + 1e-5


@pytest.mark.parametrize("net", [Net28(32)((1, 28, 28)), Net32(64)((3, 32, 32))])
def test_a_net_within_it_is_the_same_net(net, monkeypatch):
    taken = []
    direct = spectral.convolved
    monkeypatch.setattr(spectral, "convolved", lambda *a: taken.append(a) or direct(*a))
    net = net.double()
    images = torch.rand(8, net[0].in_channels, *[28 if net[0].in_channels == 1 else 32] * 2)
    images = images.double()
    with Spectral():
        found = net(images)
    assert taken
    torch.testing.assert_close(found, net(images), rtol=1e-9, atol=1e-9)


def test_where_it_does_not_pay_nothing_changes():
    x, weight = torch.randn(128, 32, 14, 14), torch.randn(32, 32, 5, 5)
    same = ((1, 1), (2, 2), (1, 1), 1)
    assert pays(x, weight, None, *same)
    assert pays(x, weight, None, 1, 2, 1, 1) and not pays(x, weight, None, 1, "valid")
    assert not pays(x[:1], weight, None, *same)  # too little work
    assert not pays(x.bfloat16(), weight.bfloat16(), None, *same)
    assert not pays(x, weight[:, :, :1, :1], None, (1, 1), (0, 0), (1, 1), 1)
    assert not pays(x, weight, None, (2, 2), (2, 2), (1, 1), 1)
    assert not pays(x, weight, None, (1, 1), (1, 1), (1, 1), 1)
    assert not pays(x, weight, None, (1, 1), (4, 4), (2, 2), 1)
    assert not pays(x[:, :, :7], weight, None, *same)
    assert not pays(x, weight[:, :1], None, (1, 1), (2, 2), (1, 1), 32)
    with Spectral():
        assert torch.equal(conv2d(x, weight), torch.conv2d(x, weight))
