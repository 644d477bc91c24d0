"""Where anomalies come from while training, and how they enter a batch.

A source gives uint8 images; a placement makes them part of a batch. Labels are 1 for anomalies.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from baselines.checks import ANOMALY
from baselines.detector import Rows
from baselines.later import LATER
from baselines.near import brought
from baselines.photos import photo_crops


class Source(ABC):
    """Anomalies to train with."""

    @abstractmethod
    def draw(self, normal: Rows, generator: torch.Generator) -> Rows:
        """One anomaly for each of the given normal rows, on their device."""

    @abstractmethod
    def to(self, device: torch.device) -> "Source":
        """The source with what it holds on `device`."""

    @abstractmethod
    def steady(self, device: torch.device) -> bool:
        """Whether every draw launches the same work on `device` and no value of it is looked at
        from the host, so that it can be recorded (`baselines.replay`)."""


@dataclass(frozen=True, eq=False)
class Exposure(Source):
    """Anomalies borrowed from another data set: uint8 ``(m, c, h, w)``, drawn with replacement.

    Outlier exposure (Hendrycks et al. 2019). With `masks` ``(m, h, w)``, these are known anomalies.
    """

    images: torch.Tensor
    name: str = ""
    masks: torch.Tensor | None = None

    def draw(self, normal: Rows, generator: torch.Generator) -> Rows:
        device = normal.images.device
        index = torch.randint(
            len(self.images), (len(normal),), generator=generator, device=device
        ).to(self.images.device)
        labels = torch.full_like(normal.labels, ANOMALY)
        masks = None if self.masks is None else self.masks[index].to(device)
        return Rows(self.images[index].to(device), labels, masks)

    def to(self, device: torch.device) -> "Exposure":
        """The same on `device`, or as it is where it would fill that: then draws are carried."""
        images = brought(self.images, device)
        if images is self.images:
            return self
        masks = None if self.masks is None else self.masks.to(device)
        return Exposure(images, self.name, masks)

    def steady(self, device: torch.device) -> bool:
        return self.images.device == device

    def __deepcopy__(self, memo: dict[int, Any]) -> "Exposure":
        return self  # immutable and large: scikit-learn's clone need not copy the images


@dataclass(frozen=True)
class Either(Source):
    """Each anomaly from the first source with probability `share`, else from the second."""

    first: Source
    second: Source
    share: float = field(default=0.5, metadata=LATER)

    def draw(self, normal: Rows, generator: torch.Generator) -> Rows:
        coin = torch.rand(len(normal), generator=generator, device=normal.images.device)
        drawn = self.first.draw(normal, generator), self.second.draw(normal, generator)
        return swap(*drawn, coin < 1 - self.share)

    def to(self, device: torch.device) -> "Either":
        return Either(self.first.to(device), self.second.to(device), self.share)

    def steady(self, device: torch.device) -> bool:
        return self.first.steady(device) and self.second.steady(device)


def photos(shape: tuple[int, int, int], count: int = 10_000, seed: int = 0) -> Exposure:
    """Exposure from random crops of the two photographs that ship with scikit-learn."""
    return Exposure(torch.from_numpy(photo_crops(shape, count, seed)), "photos")


def swap(rows: Rows, others: Rows, chosen: torch.Tensor) -> Rows:
    """`rows` with those of `others` where `chosen` ``(b,)``; a missing mask is all one value:
    an anomaly without a mask is anomalous everywhere (Liznerski et al. 2021, section 4.2)."""
    pixel = chosen.view(-1, 1, 1, 1)
    images = torch.where(pixel, others.images, rows.images)
    labels = torch.where(chosen, others.labels, rows.labels)
    if rows.masks is None and others.masks is None:
        return Rows(images, labels)
    masks = torch.where(pixel[:, 0], whole(others), whole(rows))
    return Rows(images, labels, masks)


def whole(rows: Rows) -> torch.Tensor:
    """The masks of `rows`, or all-one masks for anomalies and all-zero masks for the rest."""
    if rows.masks is not None:
        return rows.masks
    b, _, h, w = rows.images.shape
    return (rows.labels == ANOMALY).view(b, 1, 1).expand(b, h, w)


@dataclass(frozen=True)
class Replace:
    """Each drawn normal row becomes an anomaly with probability `p` (FCDD's online supervision)."""

    p: float = 0.5

    def __call__(self, rows: Rows, source: Source, generator: torch.Generator) -> Rows:
        chosen = torch.rand(len(rows), generator=generator, device=rows.images.device) < self.p
        return swap(rows, source.draw(rows, generator), chosen)


@dataclass(frozen=True)
class Append:
    """As many anomalies as normal rows, behind them: batches of B + B (HSC)."""

    def __call__(self, rows: Rows, source: Source, generator: torch.Generator) -> Rows:
        drawn = source.draw(rows, generator)
        masks = None
        if rows.masks is not None or drawn.masks is not None:
            masks = torch.cat([whole(rows), whole(drawn)])
        images = torch.cat([rows.images, drawn.images])
        return Rows(images, torch.cat([rows.labels, drawn.labels]), masks)


Placement = Callable[[Rows, Source, torch.Generator], Rows]
