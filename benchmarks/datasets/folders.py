"""Exposures from folders of pictures: ImageNet-22k, ImageNet-1k, or a user's own (``folder:PATH``).

Whatever the folder, pictures under a path that speaks of one of the thirty classes of ImageNet-30
(its wnid or its name) are left out, as in the code of HSC and FCDD; the papers say that all of
ImageNet-1k was. Only what is drawn is decoded.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.datasets.base import DataMissing, ExposureSet, Files, Shape, draw
from benchmarks.datasets.imagenet30 import FOLDERS, excluded
from benchmarks.datasets.places import Place, digest, folder_places, listing, rows_of

MOST = 50_000  # pictures taken unless another number is asked for: 10 GB on disk at 256 pixels
PREFIX = "folder:"
_LICENCE = "non-commercial research, by agreement"
_SOURCE = "Deng et al. 2009, https://image-net.org"


@lru_cache(maxsize=4)
def _places(folder: Path) -> tuple[Place, ...]:
    found = folder_places(folder, folder)
    return tuple(place for place in found if not excluded(place.name.split("/")))


@lru_cache(maxsize=4)
def _version(folder: Path) -> str:
    return listing(_places(folder))


def _exposure(
    name: str, title: str, folders: Callable[[Path], tuple[Path, ...]], remedy: str, source: str
) -> ExposureSet:
    def find(root: Path) -> Files | None:
        found = next((folder for folder in folders(root) if folder.is_dir()), None)
        return None if found is None else (found,)

    def places(root: Path) -> tuple[Place, ...]:
        kept = _places(home(root))
        if not kept:
            raise ValueError(f"{home(root)}: no pictures but those of ImageNet-30's classes")
        return kept

    def home(root: Path) -> Path:
        found = find(root)
        if found is None:
            raise DataMissing(title, folders(root), remedy)
        return found[0]

    def load(root: Path, shape: Shape, limit: int | None, seed: int) -> np.ndarray:
        all_of_them = places(root)
        # Without a limit every seed sees the same pictures, so that they are decoded once.
        index = draw(len(all_of_them), limit or MOST, seed if limit else 0)
        label = f"exposure-{digest(name)}"
        return rows_of([all_of_them[k] for k in index], shape, root, label).images

    return ExposureSet(
        name=name,
        title=title,
        find=find,
        load=load,
        count=lambda root: len(places(root)),
        revision=lambda root: _version(home(root)),
        licence=_LICENCE if source is _SOURCE else "the folder's own",
        source=source,
        remedy=remedy,
        most=MOST,
    )


IMAGENET22K = _exposure(
    "imagenet22k",
    "ImageNet-22k",
    lambda root: (root / "imagenet22k/fall11_whole_extracted", root / "imagenet22k"),
    "register at https://image-net.org and put one folder for each synset into imagenet22k",
    _SOURCE,
)
IMAGENET1K = _exposure(
    "imagenet1k",
    "ImageNet-1k",
    lambda root: tuple(root / folder / "train" for folder in FOLDERS),
    "register at https://image-net.org and put one folder for each synset into imagenet/train",
    _SOURCE,
)


def folder_exposure(name: str) -> ExposureSet:
    """The exposure named ``folder:PATH``."""
    path = Path(name.removeprefix(PREFIX)).expanduser()
    return _exposure(
        name,
        name,
        lambda root: (path,),
        "the path of a folder that is there",
        "the user's pictures",
    )
