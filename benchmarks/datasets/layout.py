"""The folders of a category as MVTec AD (Bergmann et al. 2019) lays them out.

train/good/NNN.png    test/good/NNN.png    test/<defect>/NNN.png
ground_truth/<defect>/NNN_mask.png
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from baselines.pictures import EXTENSIONS, hidden
from benchmarks.datasets.base import Files
from benchmarks.datasets.categories import GOOD

RESTORE = "restore it from the archive"


@dataclass(frozen=True)
class Listing:
    """Files of a category: to train on; to test, each with its kind and its mask if it has one."""

    train: Files
    test: Files
    kinds: tuple[str, ...]
    masks: tuple[Path | None, ...]

    @property
    def files(self) -> Files:
        return (*self.train, *self.test, *(mask for mask in self.masks if mask is not None))


def listing(home: Path) -> Listing:
    """The files of the category in ``home``; raises ValueError where one is out of place."""
    train = _pictures(home / "train" / GOOD)
    test: list[Path] = []
    kinds: list[str] = []
    masks: list[Path | None] = []
    folders = [path for path in sorted((home / "test").glob("*")) if path.is_dir()]
    for folder in folders:
        images = _pictures(folder)
        test += images
        kinds += [folder.name] * len(images)
        truth = home / "ground_truth" / folder.name
        masks += [None] * len(images) if folder.name == GOOD else _masks_of(images, truth)
    for what, missing in (("good", GOOD not in kinds), ("<defect>", not any(masks))):
        if missing:
            raise ValueError(f"{home / 'test' / what}: no images, so AUC is undefined; {RESTORE}")
    return Listing(tuple(train), tuple(test), tuple(kinds), tuple(masks))


def _masks_of(images: Sequence[Path], folder: Path) -> list[Path]:
    masks = {path.stem: path for path in _pictures(folder)}
    for image in images:
        if f"{image.stem}_mask" not in masks:
            expected = folder / f"{image.stem}_mask.png"
            raise ValueError(f"{image}: its mask {expected} is missing; {RESTORE}")
    own = [masks.pop(f"{image.stem}_mask") for image in images]
    for mask in masks.values():
        raise ValueError(f"{mask}: a mask without an image; {RESTORE}, or delete the mask")
    return own


def _pictures(folder: Path) -> list[Path]:
    """Picture files, by name; ValueError where the folder is empty or holds something else."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: the folder is missing; {RESTORE}")
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not hidden(path)]
    for path in files:
        if path.suffix.lower() not in EXTENSIONS:
            raise ValueError(f"{path}: no {', '.join(EXTENSIONS)}; convert or remove the file")
    if not files:
        raise ValueError(f"{folder}: no pictures; {RESTORE}")
    return files
