"""One picture file, opened and decoded: what is refused, and which mode each becomes."""

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from baselines.resize import Size

_ORIENTATION = 0x0112
_GREY = ("1", "L", "LA", "La")
_DEEP = re.compile(r"(?!BGR).*;(12|16|32)")  # Pillow's raw modes of 16-bit colour; BGR;16 is 5-6-5


class PictureError(ValueError):
    """A picture that cannot be used; one line names the file and the remedy."""


def opened(path: Path) -> ImageFile.ImageFile:
    """A file whose head alone is read. Raises PictureError on a missing, broken or deeper one."""
    try:
        image = Image.open(path)
    except FileNotFoundError as fault:
        raise PictureError(f"{path}: no such file; check the path") from fault
    except (PermissionError, IsADirectoryError) as fault:
        raise PictureError(f"{path}: {fault.strerror}; make it a file you may read") from fault
    except UnidentifiedImageError as fault:
        kinds = "PNG, JPEG, BMP or TIFF"
        raise PictureError(f"{path}: no picture that can be read; save it as {kinds}") from fault
    except Image.DecompressionBombError as fault:
        raise PictureError(f"{path}: too large ({fault}); scale it down or tile it") from fault
    except Exception as fault:
        raise _broken(path, fault) from fault
    if any(map(_DEEP.match, _raw_modes(image))) or image.mode.startswith(("I", "F")):
        image.close()
        raise PictureError(
            f"{path}: more than 8 bits a channel ({image.mode}); save it with 8 bits"
        )
    return image


def decoded(path: Path) -> Image.Image:
    """A picture of any mode, turned as its orientation says. Raises PictureError as `opened`."""
    with opened(path) as image:
        try:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
        except Exception as fault:
            raise _broken(path, fault) from fault
        return image


def picture_size(path: Path) -> Size:
    """Height and width as displayed, from the file's head. Raises PictureError as `opened`."""
    with opened(path) as image:
        try:
            # A square one is not asked: in a PNG, Pillow looks behind the pixels and decodes them.
            turned = image.width != image.height and _on_its_side(image)
        except Exception as fault:
            raise _broken(path, fault) from fault
        return image.size if turned else image.size[::-1]


def picture_channels(path: Path) -> int:
    """1 if the picture is grey, 3 if in colour, from the file's head. PictureError as `opened`."""
    with opened(path) as image:
        return 1 if image.mode in _GREY else 3


def pixel_count(path: Path) -> int:
    """Height times width, from the file's head. Raises PictureError as `opened`."""
    with opened(path) as image:
        return image.width * image.height


def plain(image: Image.Image) -> Image.Image:
    """The picture in mode L or RGB, its transparency dropped."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode in _GREY:
        return image.convert("L")
    if image.mode == "P":  # straight to RGB, Pillow warns about palettes with transparency
        image = image.convert("RGBA")
    return image.convert("RGB")


def more_opaque(image: Image.Image) -> np.ndarray | None:
    """Where a decoded picture is less transparent than where it is most so, bool ``(h, w)``; None
    where its transparency is the same everywhere."""
    if not (image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info):
        return None
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    found = alpha > alpha.min()
    return found if found.any() else None


def _on_its_side(image: ImageFile.ImageFile) -> bool:
    """Whether height and width change places; of a TIFF Pillow says them as displayed."""
    return image.format != "TIFF" and image.getexif().get(_ORIENTATION, 1) >= 5


def _raw_modes(image: ImageFile.ImageFile) -> list[str]:
    """How the file's parts hold their pixels; decoders take it alone, or first among others."""
    told = (tile.args for tile in image.tile)
    return [str(args[0] if isinstance(args, tuple | list) and args else args) for args in told]


def _broken(path: Path, fault: Exception) -> PictureError:
    what = " ".join(str(fault).split()) or type(fault).__name__
    return PictureError(f"{path}: broken or truncated ({what}); replace the file")
