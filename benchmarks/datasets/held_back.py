"""A labelled data set without its test images: the last rows of each class stand in for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.datasets.base import Dataset, Images

SUFFIX = "_held_back"  # of the name; settings are those of the name without it


def held_back(data: Dataset, rows: int = 1000) -> Dataset:
    """The training images of `data`, split: the last `rows` of each class are the test images, so
    that choices made here do not touch its own."""

    def load(root: Path) -> Images:
        images = data.load(root)
        labels = images.train_labels
        last = [np.flatnonzero(labels == k)[-rows:] for k in range(len(images.classes))]
        held = np.zeros(len(labels), dtype=bool)
        held[np.concatenate(last)] = True
        train, test = images.train[~held], images.train[held]
        return Images(train, labels[~held], test, labels[held], images.classes)

    return replace(data, name=data.name + SUFFIX, title=f"{data.title}, held back", load=load)
