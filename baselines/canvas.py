"""Soft shapes painted into a whole batch of images at once, on its device.

The blurred edge of a turned rectangle has a closed form, the product of two Gaussian integrals in
the rectangle's own axes, so nothing is convolved, and only the pixels near a shape are touched.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

REACH = 2.4  # standard deviations of blur kept beside a shape: the authors' kernel of 25 at sigma 5
SIZES = 6  # of windows; more of them fit the shapes better, fewer paint more at once
MANY = 16  # shapes, for which a size of their own is worth it
WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes of a pixel
# Images (m, 1, 1), rows (m, s, 1) and columns (m, 1, t) of m windows.
Place = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Shapes:
    """m soft rectangles: `image` int64 ``(m,)`` they lie in, `centre` ``(m, 2)`` in pixels (row,
    column), `half` their half sides ``(m, 2)``, `turn` in radians ``(m,)``, `colour` in grey levels
    to add ``(m, c)``, and the order within the image in which they are painted, `rank` ``(m,)``.
    `away` int64 ``(m, 2)`` is how far off what is pasted there is cut out."""

    image: torch.Tensor
    centre: torch.Tensor
    half: torch.Tensor
    turn: torch.Tensor
    colour: torch.Tensor
    rank: torch.Tensor
    away: torch.Tensor

    @property
    def extent(self) -> torch.Tensor:
        """Half the side of the upright square about each shape, ``(m,)``."""
        along, across = self.half.T
        cos, sin = self.turn.cos().abs(), self.turn.sin().abs()
        return torch.maximum(cos * along + sin * across, sin * along + cos * across)

    def __getitem__(self, index: torch.Tensor) -> "Shapes":
        return Shapes(*(value[index] for value in vars(self).values()))


@dataclass(frozen=True)
class Canvas:
    """A batch of images to paint on, ``(b, h, w)``: the channels of a pixel are the bytes of one
    number, lowest first, to be read and written at once."""

    words: torch.Tensor
    channels: int

    @staticmethod
    def of(images: torch.Tensor) -> "Canvas":
        """A copy of images ``(b, c, h, w)`` of at most 8 channels."""
        c = images.shape[1]
        word = WORDS[next(size for size in WORDS if size >= c)]
        words = images[:, c - 1].to(word, copy=True)
        for channel in reversed(range(c - 1)):
            words = words.bitwise_left_shift_(8).bitwise_or_(images[:, channel])
        return Canvas(words.contiguous(), c)

    def images(self) -> torch.Tensor:
        """What was painted, as images ``(b, c, h, w)``."""
        pixels = self.words.unsqueeze(3).view(torch.uint8)
        return pixels[..., : self.channels].permute(0, 3, 1, 2)

    def paint(self, shapes: Shapes, blur: float) -> None:
        """Add the shapes' colours, one shape upon the other."""
        for some, place, cover in self._patches(shapes, blur):
            planes = self._take(index := self._index(*place))
            for plane, colour in zip(planes, some.colour.T, strict=True):
                plane.addcmul_(colour.view(-1, 1, 1), cover)
            self._put(index, planes)

    def paste(self, shapes: Shapes, blur: float) -> None:
        """Cover each shape by what lies `away` of it in its own image, in another tint."""
        _, h, w = self.words.shape
        for some, (image, rows, columns), cover in self._patches(shapes, blur):
            planes = self._take(index := self._index(image, rows, columns))
            down, right = some.away.view(-1, 2, 1, 1).unbind(1)
            cuts = self._take(self._index(image, (rows + down) % h, (columns + right) % w))
            for plane, cut, tint in zip(planes, cuts, some.colour.T, strict=True):
                plane.lerp_(cut.add_(tint.view(-1, 1, 1)), cover)
            self._put(index, planes)

    def _patches(self, shapes: Shapes, blur: float) -> Iterator[tuple[Shapes, Place, torch.Tensor]]:
        """Shapes to paint at once, their windows, and how much of each pixel there they cover."""
        for some in alike(shapes):
            place = self._windows(some, blur)
            yield some, place, coverage(some, *place[1:], blur)

    def _index(
        self, image: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Where the pixels of windows are among all, ``(m, s, t)``: to read and write by one number
        is several times as fast as by three."""
        _, h, w = self.words.shape
        return (image * h + rows) * w + columns

    def _take(self, index: torch.Tensor) -> list[torch.Tensor]:
        """Pixels in grey levels, ``(m, s, t)`` for each channel."""
        words = self.words.view(-1).index_select(0, index.flatten()).view(index.shape)
        shifted = [words, *(words >> 8 * k for k in range(1, self.channels))]
        return [(each & 255).float() for each in shifted]

    def _put(self, index: torch.Tensor, planes: list[torch.Tensor]) -> None:
        """Write pixels in grey levels, ``(m, s, t)`` for each channel."""
        levels = [plane.add_(0.5).clamp_(0, 255).to(self.words.dtype) for plane in planes]
        words = levels[0]
        for k, level in enumerate(levels[1:], start=1):
            words.bitwise_or_(level.bitwise_left_shift_(8 * k))
        self.words.view(-1).scatter_(0, index.flatten(), words.flatten())

    def _windows(self, shapes: Shapes, blur: float) -> Place:
        _, h, w = self.words.shape
        reach = math.ceil(float(shapes.extent.max()) + REACH * blur)
        rows = window(shapes.centre[:, 0], reach, h).unsqueeze(2)
        columns = window(shapes.centre[:, 1], reach, w).unsqueeze(1)
        return shapes.image.view(-1, 1, 1), rows, columns


def upon(layers: Sequence[Shapes]) -> Shapes:
    """Layers as one, the shapes of each painted after those of the layers before it."""
    images = 1 + max(int(layer.image.max()) for layer in layers)
    before = torch.zeros(images, dtype=torch.long, device=layers[0].image.device)
    ranked = []
    for layer in layers:
        ranked.append(replace(layer, rank=layer.rank + before[layer.image]))
        before = before + torch.bincount(layer.image, minlength=images)
    parts = zip(*(vars(layer).values() for layer in ranked), strict=True)
    return Shapes(*map(torch.cat, parts))


def alike(shapes: Shapes) -> Iterator[Shapes]:
    """Groups with at most one shape of each image, in the order to paint them in, of similar size
    where there are many: a group is painted at once, in windows that fit its largest."""
    share = shapes.extent / shapes.extent.max()
    for rank, count in enumerate(shapes.rank.bincount().tolist()):
        sizes = min(SIZES, 1 + count // MANY)
        step = (share * sizes).ceil()
        for size in range(1, sizes + 1):
            chosen = (shapes.rank == rank) & (step == size)
            if chosen.any():
                yield shapes[chosen]


def window(centre: torch.Tensor, reach: int, size: int) -> torch.Tensor:
    """Pixels within `reach` of each centre ``(m,)``, moved to lie inside the image, ``(m, s)``."""
    span = min(size, 2 * reach + 1)
    first = (centre.long() - reach).clamp(0, size - span)
    return first.unsqueeze(1) + torch.arange(span, device=centre.device)


def coverage(
    shapes: Shapes, rows: torch.Tensor, columns: torch.Tensor, blur: float
) -> torch.Tensor:
    """Share of each pixel that its shape covers, blurred: ``(m, s, t)``."""
    m, scale = len(shapes.image), 1 / (blur * math.sqrt(2))
    y = (rows + 0.5 - shapes.centre[:, 0].view(m, 1, 1)) * scale
    x = (columns + 0.5 - shapes.centre[:, 1].view(m, 1, 1)) * scale
    cos, sin = shapes.turn.cos().view(m, 1, 1), shapes.turn.sin().view(m, 1, 1)
    along, across = (shapes.half * scale).view(m, 2, 1, 1).unbind(1)
    cover = soft(cos * y, sin * x, along)
    return cover.mul_(soft(cos * x, -sin * y, across)).mul_(0.25)


def soft(one: torch.Tensor, other: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
    """Twice an interval of half length `half` about 0, blurred, at distances ``one + other``, all
    in sqrt(2) standard deviations of the blur; the sum is the only thing as large as a window."""
    rise = torch.erf_((one + half) + other)
    return rise.sub_(torch.erf_((one - half) + other))
