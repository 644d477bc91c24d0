"""How pictures and masks are brought to the size of a net's input."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Resize:
    """How pictures are brought to a size; masks take whole pixels, whatever the images do.

    Both functions take and give an 8-bit (masks: 1-bit) Pillow image; ``name`` tells rows and
    caches apart.
    """

    name: str
    images: Callable[[Image.Image, Size], Image.Image]
    masks: Callable[[Image.Image, Size], Image.Image]

    def __str__(self) -> str:
        return self.name


def bilinear(image: Image.Image, size: Size) -> Image.Image:
    """Triangle filter as wide as a new pixel (antialiased)."""
    return image.resize(size[::-1], Image.Resampling.BILINEAR)


def centred(image: Image.Image, size: Size) -> Image.Image:
    """The pixel under each new pixel's centre."""
    return image.resize(size[::-1], Image.Resampling.NEAREST)


def cornered(image: Image.Image, size: Size) -> Image.Image:
    """The pixel under each new pixel's upper left corner, as torch's "nearest"."""
    rows, columns = (
        np.arange(new) * old // new for new, old in zip(size, image.size[::-1], strict=True)
    )
    return Image.fromarray(np.asarray(image)[rows[:, None], columns])


ANTIALIASED = Resize("antialiased", bilinear, centred)
NEAREST = Resize("nearest", cornered, cornered)  # FCDD (Liznerski et al. 2021) and its code


def resize_mask(mask: np.ndarray, size: Size, rule: Resize = ANTIALIASED) -> np.ndarray:
    """A mask bool ``(h, w)`` at another size, by the rule for masks."""
    return np.array(rule.masks(Image.fromarray(mask), size), dtype=bool)


def pair(size: int | Size) -> Size:
    """Height and width; one number is the side of a square."""
    return (size, size) if isinstance(size, int) else size
