"""Exposure without a download: crops of the photographs that ship with scikit-learn.

Ours, a stand-in for CIFAR-100 where there is no network: natural texture at many scales, but of
one temple and one flower, so it is far less varied.
"""

from pathlib import Path

import numpy as np
import sklearn.datasets

from baselines.photos import PHOTOS as NAMES
from baselines.photos import photo_crops, revision
from benchmarks.datasets.base import ExposureSet, Files, Shape, draw

COUNT = 10_000


def _find(_: Path) -> Files:
    folder = Path(sklearn.datasets.__file__).parent / "images"
    return tuple(folder / name for name in NAMES)


def _load(_: Path, shape: Shape, limit: int | None, seed: int) -> np.ndarray:
    """Crops drawn from the seed: 10,000, or ``limit`` where that is fewer."""
    return photo_crops(shape, len(draw(COUNT, limit, seed)), seed)


PHOTOS = ExposureSet(
    name="photos",
    title="Photos",
    find=_find,
    load=_load,
    count=lambda _: COUNT,
    revision=lambda _: revision(),
    licence="CC BY 2.0",
    source="scikit-learn's sample images, https://scikit-learn.org/stable/datasets/loading_other_datasets.html",
    remedy="they ship with scikit-learn: pip install scikit-learn",
)
