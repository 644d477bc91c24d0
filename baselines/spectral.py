"""Convolutions by way of frequencies: the same sums in several times fewer products, for CPUs.

A convolution that keeps the size is a product at each frequency (circular, of a map with as many
zeros behind it as the kernel reaches). Everything is a matrix product: the transforms, since maps
are small, with three real numbers for each frequency; and, between them, one product over channels
for each such number (three instead of four real products make a complex one). Maps lie as
``(h, w, batch, channels)``, so nothing is transposed in between. Results differ from those of a
direct convolution by rounding only, and gradients follow by autograd.
"""

from functools import lru_cache
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

GAIN = 3.0  # fewer products, at least, to pay for the passes over memory
LEAST = 2**24  # products of a direct convolution of a batch that are worth the calls
EXACT = (torch.float32, torch.float64)  # half precision would ruin the transforms


class Spectral(TorchFunctionMode):
    """Within it, convolutions go by way of frequencies where that is faster."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is torch.conv2d and not kwargs and pays(*args):
            return convolved(*args[:3])
        return func(*args, **(kwargs or {}))


def pays(
    x: torch.Tensor, weight: torch.Tensor, bias: Any = None, stride: Any = (1, 1),
    padding: Any = (0, 0), dilation: Any = (1, 1), groups: int = 1,
) -> bool:  # fmt: skip
    """Whether such a convolution keeps the size of a square map on a CPU, and has far fewer
    products by way of frequencies."""
    plain = _pair(stride) == (1, 1) and _pair(dilation) == (1, 1) and groups == 1
    if not plain or x.device.type != "cpu" or x.ndim != 4 or x.shape[2] != x.shape[3]:
        return False
    if x.dtype not in EXACT or torch.is_autocast_enabled("cpu"):
        return False
    (batch, _, size, _), (after, before, k, k2) = x.shape, weight.shape
    if k != k2 or k % 2 == 0 or _pair(padding) != (k // 2, k // 2):
        return False
    direct = batch * size**2 * k**2 * before * after
    s = size + k // 2
    half = s // 2 + 1
    transforms = (2 * half * size**2 + half * 3 * s * 2 * size) * (before + after)
    return direct >= LEAST and direct >= GAIN * batch * (3 * half * s * before * after + transforms)


def _pair(value: Any) -> tuple[Any, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)


def convolved(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """``conv2d(x, weight, bias, padding="same")`` of ``(n, c, h, h)``, laid out channels last."""
    batch, before, size, _ = x.shape
    after, k = weight.shape[0], weight.shape[3]
    rows, columns, weight_rows, weight_columns, back_columns, back_rows = matrices(size, k, x.dtype)
    maps = x.permute(2, 3, 0, 1).reshape(size, -1)
    maps = forward(maps, rows, columns).view(-1, batch, before)
    kernels = weight.permute(2, 3, 1, 0).reshape(k, -1)
    kernels = forward(kernels, weight_rows, weight_columns).view(-1, before, after)
    product = torch.bmm(maps, kernels).view(len(rows) // 2, -1, batch * after)
    half = torch.bmm(back_columns.expand(len(product), -1, -1), product)
    out = (back_rows @ half.view(len(rows), -1)).view(size, size, batch, after)
    if bias is not None:
        out = out + bias
    return out.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


def forward(maps: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Maps ``(h, w * rest)`` at each frequency: down the rows, then along the columns."""
    halves = (rows @ maps).view(len(rows) // 2, columns.shape[1], -1)
    return torch.bmm(columns.expand(len(halves), -1, -1), halves)


@lru_cache(maxsize=32)
def matrices(size: int, k: int, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """The six transforms of a map of `size` and a kernel of `k`: of maps, of kernels, and back.

    Of a map X = a + bi are kept a + b, a, b; of a kernel W = c + di are kept c, d - c, c + d. Their
    products p, q, r make XW: its real part is p - r, its imaginary part p + q.
    """
    reach = k // 2
    s = size + reach
    at = torch.arange(size).double()
    tap = torch.arange(k).double() - reach
    u, v = (torch.arange(n).double() * (2 * torch.pi / s) for n in (s // 2 + 1, s))
    uc, us, vc, vs = cosines_and_sines(u, v, at)
    wuc, wus, wvc, wvs = cosines_and_sines(u, v, tap)
    rows = torch.stack([uc, -us], 1).flatten(0, 1)
    real, imaginary = torch.cat([vc, vs], 1), torch.cat([-vs, vc], 1)
    columns = torch.cat([real + imaginary, real, imaginary])
    weight_rows = torch.stack([wuc, wus], 1).flatten(0, 1)
    c, d = torch.cat([wvc, -wvs], 1), torch.cat([wvs, wvc], 1)
    weight_columns = torch.cat([c, d - c, c + d])
    vct, vst = vc.T, vs.T
    back_columns = torch.cat(
        [torch.cat([vct - vst, -vst, -vct], 1), torch.cat([vst + vct, vct, -vst], 1)]
    )
    count = torch.full((len(u), 1), 2.0, dtype=torch.float64)
    count[0] = 1
    if s % 2 == 0:
        count[-1] = 1
    back_rows = torch.stack([uc * count, -us * count], 1).flatten(0, 1).T / s**2
    found = (rows, columns, weight_rows, weight_columns, back_columns, back_rows)
    return tuple(matrix.to(dtype).contiguous() for matrix in found)


def cosines_and_sines(u: torch.Tensor, v: torch.Tensor, at: torch.Tensor) -> list[torch.Tensor]:
    """Of the angles of both axes at the places `at`."""
    return [f(angle.outer(at)) for angle in (u, v) for f in (torch.cos, torch.sin)]
