"""The handwritten digits that ship with scikit-learn: 1,797 grey images of 8 x 8, no download.

Enlarged to 28 x 28, so that the nets of MNIST run on them: a task that takes seconds.
"""

from pathlib import Path

import numpy as np
import sklearn.datasets

from benchmarks.datasets.base import Dataset, Files, Images, content_revision, fit

CLASSES = tuple("0123456789")
_SIDE = 28
_SPLIT_SEED = 0  # ours: the data have no split of their own


def _find(_: Path) -> Files:
    return (Path(sklearn.datasets.__file__).parent / "data" / "digits.csv.gz",)


def _load(_: Path) -> Images:
    """Halves of every class, train and test; sixteen grey levels become 256."""
    bunch = sklearn.datasets.load_digits()
    small = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    images, labels = fit(small, (1, _SIDE, _SIDE)), bunch.target.astype(np.int64)
    train = np.zeros(len(labels), dtype=bool)
    generator = np.random.default_rng(_SPLIT_SEED)
    for digit in range(len(CLASSES)):
        rows = generator.permutation(np.flatnonzero(labels == digit))
        train[rows[: len(rows) // 2]] = True
    return Images(images[train], labels[train], images[~train], labels[~train], CLASSES)


def _content(path: Path) -> list[bytes]:
    # What is loaded, not the file: size and split are ours and belong to the version.
    images = _load(path)
    parts = images.train, images.train_labels, images.test, images.test_labels
    return [part.tobytes() for part in parts]


DIGITS = Dataset(
    name="digits",
    title="Digits",
    classes=CLASSES,
    find=_find,
    load=_load,
    revision=lambda root: content_revision(_find(root), _content),
    licence="CC BY 4.0",
    source="Alpaydin, Kaynak 1998, https://archive.ics.uci.edu/dataset/80",
    remedy="it ships with scikit-learn: pip install scikit-learn",
)
