"""From a map to the image's score. The paper takes the mean, which drowns a small defect: its code
reaches an AUROC of .42 on MVTec's screws (Bertoldo and Decenciere 2022)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

Reduce = Callable[[torch.Tensor], torch.Tensor]  # maps (b, u, v) to scores (b,)


@dataclass(frozen=True)
class Mean:
    """The map's mean, as in the paper."""

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.flatten(1).mean(1)


@dataclass(frozen=True)
class Max:
    """The map's largest value."""

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.flatten(1).amax(1)


@dataclass(frozen=True)
class Top:
    """The mean of the largest values: a `share` of the map, one value at least."""

    share: float = 0.02

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        values = maps.flatten(1)
        return values.topk(max(1, round(self.share * values.shape[1])), dim=1).values.mean(1)


@dataclass(frozen=True)
class Quantile:
    """The map's `q` quantile, interpolated."""

    q: float = 0.99

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.flatten(1).float().quantile(self.q, dim=1)
