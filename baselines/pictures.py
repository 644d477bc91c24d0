"""Picture files as uint8 arrays, their masks as bool ones.

Read is what shows 8 bits a channel or fewer: PNG, JPEG, BMP, TIFF (its first page), and what else
Pillow opens. Orientation (EXIF) is applied, as viewers and labelling tools do. Palettes, CMYK and
the like become RGB; transparency is dropped and colour profiles are not applied. Deeper pictures
are refused, since how to bring them to 8 bits is not ours to guess. A pixel of a mask is anomalous
where any channel is not 0; in a JPEG, which rings, where any exceeds 127. A mask whose transparency
says another thing is refused.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import joblib
import numpy as np

from baselines.decode import PictureError, decoded, more_opaque, picture_channels, plain
from baselines.decode import picture_size as picture_size  # of the same file
from baselines.resize import ANTIALIASED, Resize, Size, pair, resize_mask
from baselines.resize import NEAREST as NEAREST  # the other rule, for those who read by it

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
LITTER = ("Thumbs.db", "desktop.ini")  # what file managers leave in folders of pictures
Read = Callable[[Path], np.ndarray]


def hidden(path: Path) -> bool:
    """Whether a file or folder is not there to be looked at, by its name."""
    return path.name.startswith(".") or path.name in LITTER


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
    image = plain(decoded(path))
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

    ``of`` is the size of the picture it belongs to. Raises PictureError on another size, where its
    transparency marks other pixels than its colours, and where `read_image` does.
    """
    image = decoded(path)
    if of is not None and image.size != of[::-1]:
        (h, w), (width, height) = of, image.size
        raise PictureError(
            f"{path}: the mask is {width} x {height} pixels, its image {w} x {h}; "
            "save the mask at the size of the image"
        )
    floor = 127 if image.format in ("JPEG", "MPO") else 0
    pixels = np.atleast_3d(np.asarray(plain(image))).max(2) > floor
    opaque = more_opaque(image)
    if opaque is not None and (opaque != pixels).any():
        raise PictureError(
            f"{path}: its transparency marks other pixels than its colours; save the mask without "
            "transparency, black where normal"
        )
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


def common_channels(paths: Sequence[Path]) -> int:
    """1 if all pictures are grey, 3 if all are in colour, from the files' heads.

    Raises PictureError on a mixture, in the name of the first of the rarer kind.
    """
    with ThreadPoolExecutor(joblib.cpu_count()) as pool:
        found = list(pool.map(picture_channels, paths))
    if len(set(found)) == 1:
        return found[0]
    odd = 1 if 2 * found.count(1) <= len(found) else 3
    kind, others = ("grey", "colour") if odd == 1 else ("in colour", "grey")
    raise PictureError(
        f"{paths[found.index(odd)]}: {kind} among {others} pictures; convert it, or read all with "
        "3 channels (grey is repeated) or 1 (colour becomes luma)"
    )
