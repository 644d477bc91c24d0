"""Synthetic anomalies, drawn into normal images: confetti (Liznerski et al. 2021, section 4.3) and
smooth scars; a whole batch at once, with its masks."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from baselines.anomalies import Source, swap, whole
from baselines.canvas import Canvas, Shapes, upon
from baselines.checks import ANOMALY
from baselines.detector import Rows

LEAST_SHIFT = 0.025  # grey levels that an image's mean must move for a change to show


@dataclass(frozen=True)
class Confetti(Source):
    """Squares of one colour, turned and blurred, added to normal images.

    Two layers, each with at least one square in every image: one in random colours, one white.
    `sides` are the least and the largest side and `blur` the edge's standard deviation, in pixels,
    or, if `relative`, in 240ths of the image's smaller side. `counts` are the layers' mean numbers
    of squares on 240 x 240 pixels (on every image, if `relative`), those without any drawn again.
    `both_signs` False darkens only, as the authors' code does, which brightens an image only where
    darkening leaves it as it was; True lets each square darken or brighten. `everywhere` calls the
    whole image anomalous, as the paper's unsupervised setting does, not only the changed pixels.
    """

    sides: tuple[int, int] = (8, 54)
    blur: float = 5.0
    counts: tuple[float, float] = (1.04, 0.69)
    relative: bool = True
    both_signs: bool = True
    everywhere: bool = False

    def draw(self, normal: Rows, generator: torch.Generator) -> Rows:
        _, _, h, w = size = normal.images.shape
        scale = min(h, w) / 240 if self.relative else 1.0
        squares = [self._layer(size, scale, white, generator) for white in (False, True)]
        drawn = self._painted(normal, squares, scale)
        if not self.both_signs:
            drawn = self._seen(normal, drawn, squares, scale)
        if self.everywhere:
            drawn = replace(drawn, masks=None)
            return replace(drawn, masks=whole(drawn))
        return drawn

    def _painted(self, normal: Rows, layers: list[Shapes], scale: float) -> Rows:
        shapes = upon(layers)
        return anomalies(normal, lambda canvas: canvas.paint(shapes, self.blur * scale))

    def _seen(self, normal: Rows, drawn: Rows, layers: list[Shapes], scale: float) -> Rows:
        """`drawn`, with the sign turned where it does not show (the authors' rule: a change of the
        mean below 0.025 grey levels, and more of it with the other sign)."""
        changed = whole(drawn).flatten(1).float().mean(1)
        # Where more pixels changed than this, by a level in one of three channels, it does show.
        few = torch.nonzero(changed < 3 * LEAST_SHIFT).flatten()
        change = shift(drawn[few], normal[few])
        if not (change < LEAST_SHIFT).any():
            return drawn
        turned = [replace(layer, colour=-layer.colour) for layer in layers]
        bright = self._painted(normal, turned, scale)
        better = (change < LEAST_SHIFT) & (shift(bright[few], normal[few]) > change)
        chosen = torch.zeros(len(changed), dtype=torch.bool, device=changed.device)
        return swap(drawn, bright, chosen.index_fill_(0, few[better], value=True))

    def to(self, device: torch.device) -> "Confetti":
        return self

    def steady(self, device: torch.device) -> bool:
        return False  # how many shapes there are is looked at

    def _layer(
        self, size: torch.Size, scale: float, white: bool, generator: torch.Generator
    ) -> Shapes:
        b, c, h, w = size
        mean = self.counts[white] * (1 if self.relative else h * w / 240**2)
        image, rank = at_least_one(b, mean, generator)
        m, device = len(image), image.device
        low, high = self.sides
        side = torch.randint(low, high + 1, (m, 1), generator=generator, device=device) * scale
        centre = torch.rand(m, 2, generator=generator, device=device)
        turn = (torch.rand(m, generator=generator, device=device) - 0.5) * (math.pi / 2)
        colour = -torch.randint(1, 257, (m, c), generator=generator, device=device).float()
        if white:
            colour = torch.full_like(colour, -255.0)
        if self.both_signs:
            coin = torch.rand(m, 1, generator=generator, device=device) < 0.5
            colour = torch.where(coin, -colour, colour)
        places = centre * centre.new_tensor([h, w])
        still = torch.zeros(m, 2, dtype=torch.long, device=device)
        return Shapes(image, places, (side / 2).expand(m, 2), turn, colour, rank, still)


@dataclass(frozen=True)
class Scars(Source):
    """Strips of the image itself, pasted elsewhere in it with soft edges and another tint, after
    CutPaste's scars (Li et al. 2021), which have hard ones.

    Lengths, widths and `blur`, the edge's standard deviation, are in 240ths of the image's smaller
    side; `tint` is the most that a channel is shifted, in grey levels; `count` the mean number of
    scars before those images without any are drawn again.
    """

    lengths: tuple[int, int] = (20, 80)
    widths: tuple[int, int] = (4, 20)
    blur: float = 2.0
    tint: int = 64
    count: float = 1.5

    def draw(self, normal: Rows, generator: torch.Generator) -> Rows:
        scars = self._scars(normal.images.shape, generator)
        blur = self.blur * min(normal.images.shape[2:]) / 240
        return anomalies(normal, lambda canvas: canvas.paste(scars, blur))

    def _scars(self, size: torch.Size, generator: torch.Generator) -> Shapes:
        b, c, h, w = size
        image, rank = at_least_one(b, self.count, generator)
        m, scale = len(image), min(h, w) / 480

        def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
            draw = torch.rand(m, *shape, generator=generator, device=generator.device)
            return low + (high - low) * draw

        half = torch.stack([uniform(*self.lengths), uniform(*self.widths)], 1) * scale
        extent = half.new_tensor([h, w])
        away = (uniform(0.1, 0.9, 2) * extent).long()
        tint = uniform(-self.tint, self.tint, c)
        turn = uniform(0, math.pi)
        return Shapes(image, uniform(0, 1, 2) * extent, half, turn, tint, rank, away)

    def to(self, device: torch.device) -> "Scars":
        return self

    def steady(self, device: torch.device) -> bool:
        return False  # how many shapes there are is looked at


def anomalies(normal: Rows, paint: Callable[[Canvas], None]) -> Rows:
    """Anomalies in place of normal rows; their masks are the pixels that changed."""
    canvas = Canvas.of(normal.images)
    before = canvas.words.clone()
    paint(canvas)
    return Rows(canvas.images(), torch.full_like(normal.labels, ANOMALY), canvas.words != before)


def shift(rows: Rows, before: Rows) -> torch.Tensor:
    """How far each image's mean has moved, in grey levels ``(b,)``."""
    means = [each.images.float().mean((1, 2, 3)) for each in (rows, before)]
    return (means[0] - means[1]).abs()


def at_least_one(
    b: int, mean: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Owner and rank of each shape: a Poisson number of shapes per image, none drawn again."""
    most = int(mean + 10 * math.sqrt(mean) + 10)
    k = torch.arange(1, most + 1, dtype=torch.float64)
    chances = torch.exp(k * math.log(mean) - torch.lgamma(k + 1)).to(generator.device)
    counts = 1 + torch.multinomial(chances, b, replacement=True, generator=generator)
    image = torch.repeat_interleave(torch.arange(b, device=generator.device), counts)
    first = torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    return image, torch.arange(len(image), device=image.device) - first
