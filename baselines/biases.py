"""Biases that a norm takes out again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeGuard

import torch
from torch import nn

Layer = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
Norm = nn.BatchNorm1d | nn.BatchNorm2d


@contextmanager
def unbiased(nets: Sequence[nn.Module]) -> Iterator[None]:
    """While they train, layers right before a batch norm have no bias.

    The norm subtracts each channel's mean, bias included: outputs do not depend on it, and its
    gradient is zero. To add it, and to sum that zero over all pixels, takes up to a fifth of a
    step. Afterwards the biases are back as they were, and the norms' running means are those of
    layers that had theirs all along. What is left out with them is noise: weight decay, and Adam of
    the rounding of that zero, move biases about, and running means follow some steps behind.
    """
    found = [
        (layer, layer.bias, norm, int(norm.num_batches_tracked or 0))
        for net in nets
        for layer, norm in void(net)
    ]
    for layer, *_ in found:
        layer.bias = None
    try:
        yield
    finally:
        for layer, bias, *_ in found:
            layer.bias = bias
    for _, bias, norm, before in found:
        _count_in(bias, norm, before)


def void(net: nn.Module) -> Iterator[tuple[Layer, Norm]]:
    """Layers with a bias and the norm, in training, that follows them at once."""
    for module in net.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for layer, norm in pairwise(module):
            if isinstance(layer, Layer) and layer.bias is not None and _takes_out(norm):
                yield layer, norm


def _takes_out(norm: nn.Module) -> TypeGuard[Norm]:
    if not isinstance(norm, Norm) or norm.momentum is None:
        return False
    return norm.training and norm.track_running_stats


@torch.no_grad()
def _count_in(bias: torch.Tensor | None, norm: Norm, before: int) -> None:
    """Add to the running mean what the bias adds to it in the steps since `before`."""
    assert bias is not None and norm.momentum is not None and norm.running_mean is not None
    steps = int(norm.num_batches_tracked or 0) - before
    norm.running_mean += bias * (1 - (1 - norm.momentum) ** steps)
