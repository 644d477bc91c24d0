"""ImageNet-30: thirty classes of ImageNet for one-class detection (Hendrycks et al. 2019), as FCDD
and HSC use them.

Three layouts of it are about: ``train/<wnid>`` and ``val/<wnid>``; the tars of ILSVRC 2012 as they
are downloaded, with the devkit for the labels of the validation images; and ``one_class_train``,
``one_class_test`` of hendrycks/ss-ood. The last has another test set (100 images of a class, where
the validation split has 50): rows say which. Rows are 256 x 256: short side resized, centre cut
out, so random crops of 224 come from the middle square only.
"""

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.io

from benchmarks.datasets.base import DataMissing, Dataset, Files, Images
from benchmarks.datasets.cache import digest
from benchmarks.datasets.decoded import rows_of
from benchmarks.datasets.places import Place, folder_places, listing, tar_places
from benchmarks.witnesses import looked

SHAPE = (3, 256, 256)
WNIDS = {
    "acorn": "n12267677", "airliner": "n02690373", "ambulance": "n02701002",
    "american alligator": "n01698640", "banjo": "n02787622", "barn": "n02793495",
    "bikini": "n02837789", "digital clock": "n03196217", "dragonfly": "n02268443",
    "dumbbell": "n03255030", "forklift": "n03384352", "goblet": "n03443371",
    "grand piano": "n03452741", "hotdog": "n07697537", "hourglass": "n03544143",
    "manhole cover": "n03717622", "mosque": "n03788195", "nail": "n03804744",
    "parking meter": "n03891332", "pillow": "n03938244", "revolver": "n04086273",
    "dial telephone": "n03187595", "schooner": "n04147183", "snowmobile": "n04252077",
    "soccer ball": "n04254680", "stingray": "n01498041", "strawberry": "n07745940",
    "tank": "n04389033", "toaster": "n04442312", "volcano": "n09472597",
}  # fmt: skip
CLASSES = tuple(WNIDS)
FOLDERS = ("imagenet30", "imagenet", "imagenet1k", "ILSVRC2012", ".")
TARS = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "ILSVRC2012_devkit_t12.tar.gz")
REMEDY = (
    f"register at https://image-net.org and put {', '.join(TARS)} into the folder imagenet of the "
    "data root"
)
Split = list[list[Place]]  # by class


@dataclass(frozen=True)
class Layout:
    """One way the pictures lie: `files` that must be there, how they are listed, the test set."""

    files: tuple[str, str] | tuple[str, str, str]
    places: Callable[[Path], tuple[Split, Split]]
    test: str

    def here(self, home: Path) -> bool:
        """Whether all files are there."""
        return all((home / name).exists() for name in self.files)

    def whole(self, home: Path) -> bool:
        """Whether all files are there, and in those that are folders every class."""
        parts = [home / name for name in self.files if (home / name).is_dir()]
        return self.here(home) and all(len(class_folders(part)) == len(CLASSES) for part in parts)


def class_folders(parent: Path) -> dict[str, Path]:
    """The folders of the classes that have one, by a wnid or a usual spelling of the name."""
    spelled = {folder.name.lower(): folder for folder in parent.iterdir() if folder.is_dir()}
    found = {name: [n for n in spellings(name) if n in spelled] for name in CLASSES}
    return {name: spelled[own[0]] for name, own in found.items() if own}


def spellings(name: str) -> tuple[str, ...]:
    """What the folder of a class may be called."""
    joined = name.replace(" ", "_")
    return WNIDS[name], joined, name, f"rotary_{joined}"


def _foldered(train: str, test: str) -> Callable[[Path], tuple[Split, Split]]:
    def split(home: Path, part: str) -> Split:
        found = class_folders(home / part)
        for name in CLASSES:
            if name not in found:
                places = [home / part / own for own in spellings(name)[:2]]
                raise DataMissing(f"ImageNet-30, class {name}", places, REMEDY)
        return [folder_places(found[name], home) for name in CLASSES]

    return lambda home: (split(home, train), split(home, test))


def _archived(home: Path) -> tuple[Split, Split]:
    outer, val, devkit = (home / name for name in TARS)
    inner = {Path(place.name).stem: place for place in tar_places(outer)}
    lacking = [wnid for wnid in WNIDS.values() if wnid not in inner]
    if lacking:
        raise ValueError(f"{outer}: holds no {lacking[0]}.tar; get it again")
    train = [tar_places(outer, inner[w].offset, f"{w}.tar/") for w in WNIDS.values()]
    truth = validation_wnids(looked(devkit))
    pictures = sorted(tar_places(val), key=lambda place: place.name)
    if len(pictures) != len(truth):
        raise ValueError(f"{val}: {len(pictures)} pictures for {len(truth)} labels in {devkit}")
    test: dict[str, list[Place]] = {wnid: [] for wnid in WNIDS.values()}
    for place, wnid in zip(pictures, truth, strict=True):
        if wnid in test:
            test[wnid].append(place)
    return train, list(test.values())


def validation_wnids(devkit: Path) -> list[str]:
    """The wnid of every validation picture, in the order of their names, from the devkit."""
    truth, meta = (
        f"ILSVRC2012_devkit_t12/data/{n}"
        for n in ("ILSVRC2012_validation_ground_truth.txt", "meta.mat")
    )
    try:
        with tarfile.open(devkit) as pack:
            numbers, table = (pack.extractfile(name).read() for name in (truth, meta))  # type: ignore[union-attr]
        synsets = scipy.io.loadmat(io.BytesIO(table), squeeze_me=True)["synsets"]
        wnids = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
        return [wnids[int(number)] for number in numbers.split()]
    except (tarfile.TarError, KeyError, ValueError, EOFError, AttributeError) as fault:
        what = " ".join(str(fault).split())
        raise ValueError(f"{devkit}: damaged ({what}); get it again") from fault


VALIDATION = "ILSVRC 2012 validation images (50 of a class), as FCDD tests"
LAYOUTS = (
    Layout(("train", "val"), _foldered("train", "val"), VALIDATION),
    Layout(TARS, _archived, VALIDATION),
    Layout(
        ("one_class_train", "one_class_test"),
        _foldered("one_class_train", "one_class_test"),
        "one_class_test of hendrycks/ss-ood (100 of a class), as HSC tests",
    ),
)


def _found(root: Path) -> tuple[Path, Layout] | None:
    """The first layout that is whole; where none is, one that is not says what it lacks when it is
    listed."""
    here = [(root / f, layout) for f in FOLDERS for layout in LAYOUTS if layout.here(root / f)]
    whole = (found for found in here if found[1].whole(found[0]))
    return next(whole, here[0] if here else None)


def _find(root: Path) -> Files | None:
    home, layout = _found(root) or (root, LAYOUTS[0])
    return tuple(home / name for name in layout.files) if layout.whole(home) else None


def _layout(root: Path) -> tuple[Path, Layout]:
    found = _found(root)
    if found is None:
        places = [root / "imagenet" / layout.files[0] for layout in LAYOUTS]
        raise DataMissing("ImageNet-30", places, REMEDY)
    return found


@lru_cache(maxsize=2)
def _listed(home: Path, layout: Layout) -> tuple[Split, Split]:
    """The pictures of a layout; ValueError where a class has none."""
    found = layout.places(home)
    for part, split in zip(("train", "test"), found, strict=True):
        for name, own in zip(CLASSES, split, strict=True):
            if not own:
                raise ValueError(f"{home}: no picture of class {name} to {part}; get it again")
    return found


def _rows(split: Split, root: Path, name: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    labels = np.repeat(np.arange(len(split)), [len(own) for own in split])
    rows = rows_of([place for own in split for place in own], SHAPE, root, name)
    return rows.images, labels[rows.kept].astype(np.int64), rows.notes


def _load(root: Path) -> Images:
    home, layout = _layout(root)
    train, test = _listed(home, layout)
    images, labels, notes = _rows(train, root, "imagenet30-train")
    others, their_labels, more = _rows(test, root, "imagenet30-test")
    about = (f"test set: {layout.test}", *notes, *more)
    return Images(images, labels, others, their_labels, CLASSES, about)


def _revision(root: Path) -> str:
    """Of the pictures' names and sizes: the content of 150 GB is not read for it."""
    return _version(*_layout(root))


@lru_cache(maxsize=2)
def _version(home: Path, layout: Layout) -> str:
    return digest([listing(own) for split in _listed(home, layout) for own in split])


def tested_places(root: Path) -> list[Place]:
    """Where the test images lie; empty where there is no test set that can be read."""
    try:
        _, test = _listed(*_layout(root))
    except (DataMissing, ValueError):
        return []
    return [place for own in test for place in own]


IMAGENET30 = Dataset(
    name="imagenet30",
    title="ImageNet-30",
    classes=CLASSES,
    find=_find,
    load=_load,
    revision=_revision,
    licence="non-commercial research, by agreement",
    source="Russakovsky et al. 2015; classes of Hendrycks et al. 2019",
    remedy=REMEDY,
)
