"""Receptive field read off the layers, and Gaussian upsampling from it (Liznerski et al.,
Explainable Deep One-Class Classification, ICLR 2021, section 4)."""

from collections.abc import Iterable, Iterator
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
    for layer in chain(layers):
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


def chain(layers: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """The layers one after another, chains unfolded; of a module with branches its `widest`."""
    for layer in layers:
        inner = layer if isinstance(layer, nn.Sequential) else getattr(layer, "widest", None)
        if inner is None:
            yield layer
        else:
            yield from chain(inner)


def _at(value: int | tuple[int, ...], axis: int) -> int:
    return value[axis] if isinstance(value, tuple) else value


def upsample(
    maps: torch.Tensor,
    field: ReceptiveField,
    size: tuple[int, int],
    sigma: float,
    level: bool = False,
) -> torch.Tensor:
    """Maps ``(n, u, v)`` to ``(n, h, w)``: every output spreads a Gaussian of `sigma` pixels about
    the centre of its receptive field.

    A separable product of two small matrices, exact for even and rectangular fields. By default the
    paper's transposed convolution: the Gaussian is cut at the field, its peak is 1 and its mass is
    not normalised, so that the map darkens towards the borders; where a field has an even size its
    true, half-pixel centre is used (the authors round it), and the peak is 1/2 on each axis, so 1/4
    in all, as theirs. With `level` every pixel is the weighted mean of the outputs about it: a
    constant map stays that constant, at the borders too, and each output keeps its mass,
    ``jump[0] * jump[1]`` pixels, inside the image.
    """
    rows = _spread(maps.shape[1], size[0], field, 0, sigma, level, maps.device).to(maps)
    columns = _spread(maps.shape[2], size[1], field, 1, sigma, level, maps.device).to(maps)
    return torch.einsum("hu,nuv,wv->nhw", rows, maps, columns)


def _spread(
    outputs: int,
    pixels: int,
    field: ReceptiveField,
    axis: int,
    sigma: float,
    level: bool,
    device: torch.device,
) -> torch.Tensor:
    """Weight of each output at each pixel of one axis, ``(pixels, outputs)``."""
    places, along = (torch.arange(n, dtype=torch.float64, device=device) for n in (outputs, pixels))
    away = along.unsqueeze(1) - (field.start[axis] + field.jump[axis] * places)
    exponent = -(away**2) / (2 * sigma**2)
    if level:
        return torch.softmax(exponent, 1)
    peak = 1.0 if field.size[axis] % 2 else 0.5
    return peak * torch.exp(exponent) * (away.abs() <= (field.size[axis] - 1) / 2)
