"""A contact sheet of training images: normal rows, anomalies, and the masks of these beneath.

Pillow and numpy only. What is put on it comes from `baselines.seen`, or from anywhere else.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ACROSS, DOWN = 8, 2  # tiles in a line, lines of tiles in a part of the sheet
FRAME, GAP, LINE = 2, 4, 22  # pixels: frame of a tile, between tiles, height of a heading
RED, GREY, BLACK, WHITE = (204, 36, 41), (170, 170, 170), (0, 0, 0), (255, 255, 255)


def contact_sheet(
    images: np.ndarray, labels: np.ndarray, masks: np.ndarray | None, size: int
) -> Image.Image:
    """The first 16 normal images and the first 16 anomalies, these framed red.

    images: uint8 ``(n, c, h, w)`` shown as they are, or floats, shown from the least to the
    greatest value of all of them; c is 1 or 3. labels: ``(n,)``, 1 = anomaly. masks: of the same
    height and width ``(n, h, w)``, shown beneath the anomalies, or None. size: pixels of a tile's
    longer side; small images are enlarged by a whole factor and stay below it.
    Raises ValueError on images of another shape.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ValueError(f"contact sheet: images must be (n, 1 or 3, h, w), got {images.shape}")
    shown = grey_levels(images)
    width = ACROSS * (tile(shown[0], size, GREY).width + GAP) + GAP
    blocks: list[Image.Image] = []
    for name, chosen, colour in (("normal", labels != 1, GREY), ("anomalies", labels == 1, RED)):
        index = np.flatnonzero(chosen)[: ACROSS * DOWN]
        if not len(index):
            continue
        told = f"{name}, {len(index)} of {int(chosen.sum())} in this batch"
        told += "; beneath them their masks" if masks is not None and colour == RED else ""
        blocks.append(heading(told, width))
        for part in np.array_split(index, range(ACROSS, len(index), ACROSS)):
            blocks.append(line([tile(shown[i], size, colour) for i in part], width))
            if masks is not None and colour == RED:
                flat = (masks[part] != 0).astype(np.uint8)[:, None] * 255
                blocks.append(line([tile(mask, size, colour) for mask in flat], width))
    return stack(blocks)


def grey_levels(images: np.ndarray) -> np.ndarray:
    """uint8 as it is; floats from their least value (black) to their greatest (white)."""
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    return np.rint((images - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)


def tile(image: np.ndarray, size: int, frame: tuple[int, int, int]) -> Image.Image:
    """One framed picture of an image uint8 ``(c, h, w)``."""
    _, h, w = image.shape
    picture = Image.fromarray(np.repeat(image, 3 // len(image), axis=0).transpose(1, 2, 0).copy())
    factor = size // max(h, w)
    if factor >= 1:
        picture = picture.resize((factor * w, factor * h), Image.Resampling.NEAREST)
    else:
        shrunk = (max(1, round(size * w / max(h, w))), max(1, round(size * h / max(h, w))))
        picture = picture.resize(shrunk, Image.Resampling.LANCZOS)
    framed = Image.new("RGB", (picture.width + 2 * FRAME, picture.height + 2 * FRAME), frame)
    framed.paste(picture, (FRAME, FRAME))
    return framed


def line(tiles: Sequence[Image.Image], width: int) -> Image.Image:
    """Tiles side by side."""
    sheet = Image.new("RGB", (width, tiles[0].height + GAP), WHITE)
    for i, one in enumerate(tiles):
        sheet.paste(one, (GAP + i * (one.width + GAP), 0))
    return sheet


def heading(text: str, width: int, bold: bool = False) -> Image.Image:
    """A line of text, broken where it would leave the sheet; `bold` is larger."""
    font = ImageFont.load_default(15 if bold else 13)
    lines = list(_wrapped(text, font, width - 2 * GAP))
    sheet = Image.new("RGB", (width, LINE * len(lines)), WHITE)
    draw = ImageDraw.Draw(sheet)
    for i, part in enumerate(lines):
        draw.text((GAP, LINE * i + 3), part, BLACK, font=font, stroke_width=0.3 if bold else 0)
    return sheet


def stack(blocks: Sequence[Image.Image]) -> Image.Image:
    """Pictures one beneath the other, on white."""
    sheet = Image.new("RGB", (max(b.width for b in blocks), sum(b.height for b in blocks)), WHITE)
    top = 0
    for block in blocks:
        sheet.paste(block, (0, top))
        top += block.height
    return sheet


def _wrapped(
    text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> Iterator[str]:
    current = ""
    for word in text.split():
        longer = f"{current} {word}".strip()
        if current and font.getlength(longer) > width:
            yield current
            longer = word
        current = longer
    yield current
