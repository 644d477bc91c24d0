"""Large images: random windows of them to train on, the centre to score, a few at a time."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from baselines.normalise import Normaliser

EVALUATION_BATCH = 1000
EVALUATION_PIXELS = 2**20  # of a part: 20 images of 224 pixels, whose activations fill 1 GB


@dataclass(frozen=True)
class Window:
    """Random window of `side` x `side` pixels, one place per image, for images that are larger."""

    side: int

    moves: ClassVar[bool] = True

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        b, _, h, w = images.shape
        if min(h, w) < self.side:
            raise ValueError(f"window: {self.side} pixels a side do not fit into {h} x {w}")
        draw = torch.rand(b, 2, generator=generator, device=images.device)
        along = torch.arange(self.side, device=images.device)
        rows, columns = (
            (draw[:, axis] * (size - self.side + 1)).long().view(b, 1) + along
            for axis, size in enumerate((h, w))
        )
        image = torch.arange(b, device=images.device).view(b, 1, 1)
        found = images.permute(0, 2, 3, 1)[image, rows.unsqueeze(2), columns.unsqueeze(1)]
        return found.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Centre:
    """The middle `side` x `side` pixels, then another normaliser: what is scored of images from
    which training takes a random `Window`. Images of that size pass as they are."""

    side: int
    then: Normaliser

    def measure(self, images: torch.Tensor) -> torch.Tensor:
        return self.then.measure(self._middle(images))

    def __call__(self, images: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
        return self.then(self._middle(images), measured)

    def _middle(self, images: torch.Tensor) -> torch.Tensor:
        top, left = ((pixels - self.side) // 2 for pixels in images.shape[-2:])
        return images[..., top : top + self.side, left : left + self.side]


def whole(maps: torch.Tensor, images: torch.Tensor, normalise: Normaliser) -> torch.Tensor:
    """Maps of what a normaliser made of the images, as large as these where it shrank them; one of
    a cut-out stays what it is, for `Detector.score_map` to frame."""
    enlarged = getattr(normalise, "enlarged", None)
    return maps if enlarged is None else enlarged(maps, *images.shape[-2:])


def in_parts(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Images ``(n, c, h, w)`` in parts that bound the memory of a net's activations."""
    most = EVALUATION_PIXELS // (images.shape[2] * images.shape[3])
    return images.split(max(1, min(EVALUATION_BATCH, most)))
