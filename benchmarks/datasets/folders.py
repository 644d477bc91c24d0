"""Exposures from folders of pictures: ImageNet-22k, ImageNet-1k, or a user's own (``folder:PATH``).

What is left out of any folder, `exclusion` says. A limit takes the first pictures of an order that
the seed draws, so that fewer are some of more; only what is taken is decoded.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.datasets.base import DataMissing, ExposureSet, Files, Shape
from benchmarks.datasets.cache import digest
from benchmarks.datasets.decoded import rows_of
from benchmarks.datasets.exclusion import excluded, tested
from benchmarks.datasets.imagenet30 import FOLDERS
from benchmarks.datasets.places import Place, folder_places, listing

MOST = 50_000  # pictures taken unless another number is asked for: 10 GB on disk at 256 pixels
DRAWN = "permuted"  # how a limit draws; part of the version, since it decides what is trained on
PREFIX = "folder:"
_LICENCE = "non-commercial research, by agreement"
_SOURCE = "Deng et al. 2009, https://image-net.org"


@lru_cache(maxsize=4)
def _places(folder: Path, root: Path) -> tuple[Place, ...]:
    theirs = tested(root)
    return tuple(
        place
        for place in folder_places(folder, folder)
        if place.mark not in theirs and not excluded([folder.name, *place.name.split("/")])
    )


@lru_cache(maxsize=4)
def _version(folder: Path, root: Path) -> str:
    return digest([DRAWN, listing(_places(folder, root))])


def _exposure(
    name: str, title: str, folders: Callable[[Path], tuple[Path, ...]], remedy: str, source: str
) -> ExposureSet:
    def find(root: Path) -> Files | None:
        found = next((folder for folder in folders(root) if folder.is_dir()), None)
        return None if found is None else (found,)

    def places(root: Path) -> tuple[Place, ...]:
        kept = _places(home(root), root)
        if not kept:
            what = "no pictures but those of ImageNet-30's classes and of test sets"
            raise ValueError(f"{home(root)}: {what}; expose another folder")
        return kept

    def shuffled(root: Path, seed: int) -> list[Place]:
        kept = places(root)
        return [kept[k] for k in np.random.default_rng(seed).permutation(len(kept))]

    def home(root: Path) -> Path:
        found = find(root)
        if found is None:
            raise DataMissing(title, folders(root), remedy)
        return found[0]

    def load(root: Path, shape: Shape, limit: int | None, seed: int) -> np.ndarray:
        # Without a limit every seed sees the same pictures, so that they are decoded once.
        limit, seed = (limit, seed) if limit else (MOST, 0)
        label = f"exposure-{digest(name)}-{seed}"
        return rows_of(shuffled(root, seed), shape, root, label, limit).images

    return ExposureSet(
        name=name,
        title=title,
        find=find,
        load=load,
        count=lambda root: len(places(root)),
        revision=lambda root: _version(home(root), root),
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
