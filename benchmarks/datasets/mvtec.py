"""MVTec AD (Bergmann et al. 2019): fifteen categories of objects and textures, with masks.

Read from the layout of the official archive, at any resolution; a category that is not there is
left out, one that is there must be whole.
"""

from functools import partial
from pathlib import Path

import numpy as np

from baselines.masks import MaskFiles
from baselines.pictures import (
    PictureError,
    Resize,
    common_channels,
    picture_size,
    read_mask,
    resize_mask,
)
from benchmarks.datasets.base import DataMissing, Files, prepare_command
from benchmarks.datasets.cache import cache_folder, cached_images, cached_revision, cached_rows
from benchmarks.datasets.categories import Category, CategorySet, Pictures
from benchmarks.datasets.layout import RESTORE, listing
from benchmarks.datasets.places import folder_places
from benchmarks.witnesses import looked

CATEGORIES = (
    "bottle",
    "cable",
    "capsule",
    "carpet",
    "grid",
    "hazelnut",
    "leather",
    "metal_nut",
    "pill",
    "screw",
    "tile",
    "toothbrush",
    "transistor",
    "wood",
    "zipper",
)
HOMES = ("mvtec_anomaly_detection", "MVTecAD", "mvtec")
DEFAULT = Pictures(224)  # what nets trained on ImageNet take
HOME_PAGE = "https://www.mvtec.com/company/research/datasets/mvtec-ad"
REMEDY = f"{HOME_PAGE}, then {prepare_command('mvtec')} --from ARCHIVE"


def home(root: Path) -> Path | None:
    """The folder of the categories, or None."""
    homes = (root / name for name in HOMES)
    return next((h for h in homes if any(map(partial(_has, h), CATEGORIES))), None)


def here(root: Path) -> tuple[str, ...]:
    """The categories that are there."""
    place = home(root)
    return () if place is None else tuple(filter(partial(_has, place), CATEGORIES))


def _has(place: Path, category: str) -> bool:
    return (looked(place / category) / "train").is_dir()


def find(root: Path) -> Files | None:
    """Every file of the categories that are there, or None."""
    place = home(root)
    if place is None:
        return None
    folders = (place / category for category in here(root))
    return tuple(found.file for folder in folders for found in folder_places(folder, place))


def load(root: Path, category: str, pictures: Pictures | None = None) -> Category:
    """A category in colour; raises DataMissing, or ValueError naming the file that is at fault."""
    pictures = pictures or DEFAULT
    found, folder = listing(_folder(root, category)), cache_folder(root)

    def images(split: str, paths: Files) -> np.ndarray:
        # Grey categories are read as colour; one grey image in a category of colour is a fault.
        return cached_images(
            paths,
            pictures.size,
            3,
            folder,
            f"mvtec-{category}-{split}",
            rule=pictures.rule,
            before=lambda: common_channels((*found.train, *found.test)),
        ).rows

    labels = np.array([mask is not None for mask in found.masks])
    shape = (pictures.size, pictures.size)
    pairs = {mask: image for image, mask in zip(found.test, found.masks, strict=True) if mask}
    read = partial(_small_mask, pairs=pairs, size=shape, rule=pictures.rule)
    name = f"mvtec-{category}-masks"
    rows = cached_rows(list(pairs), read, shape, str(pictures.rule), folder, name)
    masks = np.zeros((len(labels), *shape), bool)
    masks[labels] = rows.rows.view(bool)
    return Category(
        images("train", found.train),
        images("test", found.test),
        labels.astype(np.int64),
        masks,
        found.kinds,
        MaskFiles(found.test, found.masks),
    )


def kinds(root: Path, category: str) -> tuple[str, ...]:
    """The kind of each test image; raises as `load`."""
    return listing(_folder(root, category)).kinds


def revision(root: Path, category: str, pictures: Pictures | None = None) -> str:
    """The content of a category's files, and how they are read."""
    folder = _folder(root, category)
    name = f"mvtec-{category}"
    content = cached_revision(listing(folder).files, folder, cache_folder(root), name)
    return f"{content}, {pictures or DEFAULT}"


def _small_mask(
    path: Path, pairs: dict[Path, Path], size: tuple[int, int], rule: Resize
) -> np.ndarray:
    """A mask at the size of the images; PictureError where it does not fit its image or is empty,
    before resizing: a small defect may well fall between the pixels that are kept."""
    mask = read_mask(path, of=picture_size(pairs[path]))
    if not mask.any():
        raise PictureError(f"{path}: an empty mask under a defect; {RESTORE}")
    return resize_mask(mask, size, rule)


def _folder(root: Path, category: str) -> Path:
    place = home(root)
    if place is None:
        raise DataMissing("MVTec AD", [root / name for name in HOMES], REMEDY)
    if not (place / category / "train").is_dir():
        raise DataMissing(f"MVTec AD's {category}", [place], REMEDY)
    return place / category


MVTEC = CategorySet(
    name="mvtec",
    title="MVTec AD",
    categories=CATEGORIES,
    here=here,
    home=home,
    find=find,
    load=load,
    revision=revision,
    kinds=kinds,
    licence="CC BY-NC-SA 4.0",
    source=f"Bergmann et al. 2019, {HOME_PAGE}",
    remedy=REMEDY,
)
