"""Which mask belongs to which picture, and which marks nothing."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from baselines.pictures import PictureError, picture_size, read_mask
from fcdd.walking import MASK, Files, FolderError, Found


def masks_of(images: Found, truth: Found) -> Files:
    """The mask of each picture, from a folder of masks or from beside it, or none at all.

    The mask of ``a/x.jpg`` is ``a/x_mask.png`` or ``a/x.png`` in the folder of masks, or
    ``x_mask.png`` next to it, whatever the endings. Raises FolderError where only some have one,
    where one has two or two have the same, and on masks that belong to no picture.
    """
    theirs = _by_name((*truth.pictures, *truth.masks), truth.home)
    beside = _by_name(images.masks, images.home)
    found: dict[Path, Path] = {}  # images by their masks
    for image in images.pictures:
        name = image.relative_to(images.home).with_suffix("")
        longer = name.with_name(name.name + MASK)
        own = [*theirs[longer], *theirs[name], *beside[longer]]
        if len(own) > 1:
            raise FolderError(f"{image}: two masks, {own[0]} and {own[1]}; keep one of them")
        for mask in own:
            if mask in found:
                raise FolderError(f"{mask}: a mask of both {found[mask]} and {image}; rename one")
            found[mask] = image
    if spare := sorted({*truth.pictures, *truth.masks} - {*found}):
        raise FolderError(f"{spare[0]}: a mask without an image; name it after its image")
    bare = sorted({*images.pictures} - {*found.values()})
    if found and bare:
        wanted = truth.home / bare[0].relative_to(images.home).with_suffix("")
        raise FolderError(f"{bare[0]}: no mask, while others have one; add {wanted}{MASK}.png")
    return tuple(found)


def anomaly_mask(mask: Path, image: Path) -> np.ndarray:
    """The mask of an anomaly, bool ``(H, W)`` as large as its image. Raises PictureError where it
    marks nothing or all, which then says nothing of where, and as `read_mask`."""
    found = read_mask(mask, of=picture_size(image))
    if not found.any():
        raise PictureError(f"{mask}: an empty mask of an anomaly; mark what is anomalous")
    if found.all():
        raise PictureError(
            f"{mask}: every pixel is marked as anomalous; save the mask black where normal"
        )
    return found


def _by_name(masks: Files, home: Path) -> defaultdict[Path, list[Path]]:
    found: defaultdict[Path, list[Path]] = defaultdict(list)
    for mask in masks:
        found[mask.relative_to(home).with_suffix("")].append(mask)
    return found
