"""Receptive field read off the layers, and Gaussian upsampling from it (Liznerski et al.,
Explainable Deep One-Class Classification, ICLR 2021, section 4)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

LOCAL = (nn.BatchNorm2d, nn.LeakyReLU, nn.ReLU, nn.Identity, nn.Dropout)
Pair = tuple[float, float]


@dataclass(frozen=True)
class ReceptiveField:
    """Of one output pixel, per axis (rows, columns), in input pixels: `size`, the `jump` between
    neighbouring outputs, and the `start`, the centre of the first output's field."""

    size: tuple[int, int]
    jump: tuple[int, int]
    start: Pair


def receptive_field(layers: Iterable[nn.Module]) -> ReceptiveField:
    """The receptive field of a chain of convolutions, poolings and pixel-wise layers.

    Rectangular and even kernels, dilation and padding are followed exactly; TypeError for a layer
    whose reach is unknown.
    """
    size, jump, start = [1, 1], [1, 1], [0.0, 0.0]
    for layer in layers:
        if isinstance(layer, LOCAL):
            continue
        if not isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            raise TypeError(f"receptive field: unknown reach of layer {type(layer).__name__}")
        for axis in (0, 1):
            kernel, stride, padding, dilation = (
                _at(getattr(layer, name, 1), axis)
                for name in ("kernel_size", "stride", "padding", "dilation")
            )
            reach = dilation * (kernel - 1)
            size[axis] += reach * jump[axis]
            start[axis] += (reach / 2 - padding) * jump[axis]
            jump[axis] *= stride
    return ReceptiveField((size[0], size[1]), (jump[0], jump[1]), (start[0], start[1]))


def _at(value: int | tuple[int, ...], axis: int) -> int:
    return value[axis] if isinstance(value, tuple) else value


def upsample(
    maps: torch.Tensor, field: ReceptiveField, size: tuple[int, int], sigma: float
) -> torch.Tensor:
    """Maps ``(n, u, v)`` to ``(n, h, w)``: every output spreads a Gaussian of `sigma` pixels, cut
    at its receptive field, about the field's centre (the paper's transposed convolution).

    A separable product of two small matrices, exact for even and rectangular fields. The kernel's
    peak is 1 and its mass is not normalised, as in the paper; where a field has an even size its
    true, half-pixel centre is used (the authors round it, and quarter the kernel).
    """
    rows = _spread(maps.shape[1], size[0], field, 0, sigma).to(maps)
    columns = _spread(maps.shape[2], size[1], field, 1, sigma).to(maps)
    return torch.einsum("hu,nuv,wv->nhw", rows, maps, columns)


def _spread(
    outputs: int, pixels: int, field: ReceptiveField, axis: int, sigma: float
) -> torch.Tensor:
    """Weight of each output at each pixel of one axis, ``(pixels, outputs)``."""
    centres = field.start[axis] + field.jump[axis] * torch.arange(outputs, dtype=torch.float64)
    away = torch.arange(pixels, dtype=torch.float64).unsqueeze(1) - centres
    inside = away.abs() <= (field.size[axis] - 1) / 2
    return torch.exp(-(away**2) / (2 * sigma**2)) * inside
