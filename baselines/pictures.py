"""Picture files as uint8 arrays, their masks as bool ones.

Read is what shows 8 bits a channel or fewer: PNG, JPEG, BMP, TIFF (its first page), and what else
Pillow opens. Orientation (EXIF) is applied, as viewers and labelling tools do. Palettes, CMYK and
the like become RGB; transparency is dropped and colour profiles are not applied. Deeper pictures
are refused, since how to bring them to 8 bits is not ours to guess. A pixel of a mask is anomalous
where any channel is not 0; in a JPEG, which rings, where any exceeds 127.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import joblib
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from baselines.resize import ANTIALIASED, Resize, Size, pair, resize_mask
from baselines.resize import NEAREST as NEAREST  # the other rule, for those who read by it

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
Read = Callable[[Path], np.ndarray]

_ORIENTATION = 0x0112
_GREY = ("1", "L", "LA", "La")
_DEEP = re.compile(r"(?!BGR).*;(12|16|32)")  # Pillow's names of 16-bit colour; BGR;16 is 5-6-5


class PictureError(ValueError):
    """A picture that cannot be used; one line names the file and the remedy."""


def read_image(
    path: Path,
    size: int | Size | None = None,
    channels: int | None = None,
    rule: Resize = ANTIALIASED,
) -> np.ndarray:
    """A picture as uint8 ``(c, h, w)``.

    ``size`` is ``(h, w)``, or the side of a square; None keeps the picture's own. ``channels`` 1 is
    ITU-R 601 luma, taken after resizing; 3 repeats grey; None keeps what is there. Raises
    PictureError on a missing, broken or deeper file.
    """
    image = _decoded(path)
    if image.mode not in ("L", "RGB"):
        image = _plain(image)
    if size is not None:
        image = rule.images(image, pair(size))
    if channels is not None:
        image = image.convert({1: "L", 3: "RGB"}[channels])
    pixels = np.atleast_3d(np.asarray(image))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def read_mask(
    path: Path,
    size: int | Size | None = None,
    of: Size | None = None,
    rule: Resize = ANTIALIASED,
) -> np.ndarray:
    """A mask as bool ``(h, w)``, True where anomalous; resized by the rule for masks.

    ``of`` is the size of the picture it belongs to. Raises PictureError on another size, and where
    `read_image` does.
    """
    image = _decoded(path)
    if of is not None and image.size != of[::-1]:
        (h, w), (width, height) = of, image.size
        raise PictureError(
            f"{path}: the mask is {width} x {height} pixels, its image {w} x {h}; "
            "save the mask at the size of the image"
        )
    floor = 127 if image.format in ("JPEG", "MPO") else 0
    pixels = np.atleast_3d(np.asarray(_plain(image))).max(2) > floor
    return pixels if size is None else resize_mask(pixels, pair(size), rule)


def read_images(
    paths: Sequence[Path],
    size: int | Size | None,
    channels: int | None = None,
    rule: Resize = ANTIALIASED,
) -> np.ndarray:
    """Pictures as uint8 ``(n, c, h, w)``, decoded on every core.

    Raises PictureError where one cannot be read, and, in the name of the odd one out, where grey
    and colour are mixed without ``channels`` or sizes without ``size``.
    """
    if not paths:
        raise PictureError(f"no pictures to read; their names end in {', '.join(EXTENSIONS)}")
    channels = channels or common_channels(paths)
    read = partial(read_image, size=size, channels=channels, rule=rule)
    images: np.ndarray | None = None
    for number, (path, image) in enumerate(zip(paths, each(read, paths), strict=True)):
        if isinstance(image, PictureError):
            raise image
        if images is None:
            images = np.empty((len(paths), *image.shape), np.uint8)
        if image.shape != images.shape[1:]:
            (h, w), (height, width) = images.shape[2:], image.shape[1:]
            raise PictureError(
                f"{path}: {width} x {height} pixels among pictures of {w} x {h}; give one size"
            )
        images[number] = image
    assert images is not None
    return images


def each(read: Read, paths: Sequence[Path]) -> Iterator[np.ndarray | PictureError]:
    """What ``read`` gives for each path, or its PictureError, in order.

    Threads read ahead by a few pictures for each core (Pillow decodes without the lock), so that
    any number of them passes through little memory.
    """

    def attempt(path: Path) -> np.ndarray | PictureError:
        try:
            return read(path)
        except PictureError as error:
            return error

    cores = joblib.cpu_count()
    with ThreadPoolExecutor(cores) as pool:
        left = iter(paths)
        ahead: deque[Future] = deque(pool.submit(attempt, path) for path in islice(left, 4 * cores))
        while ahead:
            done = ahead.popleft().result()
            ahead.extend(pool.submit(attempt, path) for path in islice(left, 1))
            yield done


def picture_size(path: Path) -> Size:
    """Height and width as displayed, from the file's head. Raises PictureError as `read_image`."""
    with _opened(path) as image:
        try:
            turned = image.getexif().get(_ORIENTATION, 1) >= 5  # these lie on their side
        except Exception as fault:
            raise _broken(path, fault) from fault
        return image.size if turned else image.size[::-1]


def common_channels(paths: Sequence[Path]) -> int:
    """1 if all pictures are grey, 3 if all are in colour, from the files' heads.

    Raises PictureError on a mixture, in the name of the first of the rarer kind.
    """
    with ThreadPoolExecutor(joblib.cpu_count()) as pool:
        grey = list(pool.map(_is_grey, paths))
    if len(set(grey)) == 1:
        return 1 if grey[0] else 3
    odd = 2 * sum(grey) <= len(grey)
    kind, others = ("grey", "colour") if odd else ("in colour", "grey")
    raise PictureError(
        f"{paths[grey.index(odd)]}: {kind} among {others} pictures; convert it, or read all with "
        "3 channels (grey is repeated) or 1 (colour becomes luma)"
    )


def _is_grey(path: Path) -> bool:
    with _opened(path) as image:
        return image.mode in _GREY


def _decoded(path: Path) -> Image.Image:
    with _opened(path) as image:
        try:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
        except Exception as fault:
            raise _broken(path, fault) from fault
        return image


def _opened(path: Path) -> Image.Image:
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
    deep = [str(tile.args) for tile in image.tile if _DEEP.match(str(tile.args))]
    if deep or image.mode.startswith(("I", "F")):
        image.close()
        raise PictureError(
            f"{path}: more than 8 bits a channel ({image.mode}); save it with 8 bits"
        )
    return image


def _broken(path: Path, fault: Exception) -> PictureError:
    what = " ".join(str(fault).split()) or type(fault).__name__
    return PictureError(f"{path}: broken or truncated ({what}); replace the file")


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    if image.mode in _GREY:
        return image.convert("L")
    if image.mode == "P":  # straight to RGB, Pillow warns about palettes with transparency
        image = image.convert("RGBA")
    return image.convert("RGB")
