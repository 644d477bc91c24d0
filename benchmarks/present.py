"""What ``prepare --list`` shows: which data are there, how many, and how to get the rest."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from baselines.weights import PUBLISHED
from benchmarks.datasets.archives import Archive
from benchmarks.datasets.base import DataMissing, Dataset, ExposureSet, Files
from benchmarks.datasets.categories import CategorySet
from benchmarks.datasets.cifar import CIFAR10, CIFAR100
from benchmarks.datasets.digits import DIGITS
from benchmarks.datasets.exposures import EMNIST
from benchmarks.datasets.folders import IMAGENET1K, IMAGENET22K
from benchmarks.datasets.imagenet30 import IMAGENET30
from benchmarks.datasets.mirrors import Download
from benchmarks.datasets.mnist import FASHION_MNIST, MNIST
from benchmarks.datasets.mvtec import MVTEC
from benchmarks.datasets.photos import PHOTOS
from benchmarks.names import IMAGES
from benchmarks.pretrained import find_weights

LISTED = (
    *(FASHION_MNIST, MNIST, CIFAR10, DIGITS, MVTEC, IMAGENET30),
    *(CIFAR100, EMNIST, PHOTOS, IMAGENET22K, IMAGENET1K),
)


def shown(
    root: Path, downloads: Mapping[str, Download], archives: Mapping[str, Archive]
) -> Iterator[str]:
    """A line for the data root and for each data set, exposure, file of weights and archive."""
    yield f"data root: {root}"
    for entry in LISTED:
        state = _state(entry, root, downloads.get(entry.name))
        yield f"{entry.name:14}{entry.title:18}{state}  [licence: {entry.licence}]"
    for published in PUBLISHED.values():
        try:
            state = f"present  {find_weights(published, root)}"
        except DataMissing as missing:
            state = f"missing  get it: {missing.remedy}"
        title = "ImageNet weights"
        yield f"{published.name:14}{title:18}{state}  [licence: {published.licence}]"
    for archive in archives.values():
        yield f"to fetch yourself: {archive}"


def _state(
    entry: Dataset | ExposureSet | CategorySet, root: Path, download: Download | None
) -> str:
    try:
        files = entry.find(root)
        if files is not None:
            return f"present  {', '.join(_about(entry, root, files))}"
    except ValueError as fault:
        return f"damaged  {fault}"
    size = f"{download.megabytes:.1f} MB, " if download else ""
    return f"missing  {size}get it: {entry.remedy}"


def _about(entry: Dataset | ExposureSet | CategorySet, root: Path, files: Files) -> Iterator[str]:
    """How large it is, how many images an exposure holds, where it lies. What lies in folders is
    not counted: there may be millions of files."""
    counted = all(path.is_file() for path in files)
    if counted:
        yield f"{sum(path.stat().st_size for path in files) / 1e6:.1f} MB"
    if counted and isinstance(entry, ExposureSet):
        held = entry.count(root)
        part = f" of {IMAGES[entry.name]:,}" if held < IMAGES.get(entry.name, 0) else ""
        yield f"{held:,}{part} images"
    if not isinstance(entry, CategorySet):
        yield str(files[0] if len(files) == 1 and not counted else files[0].parent)
        return
    missing = [name for name in entry.categories if name not in entry.here(root)]
    yield f"{entry.home(root)}" + (
        f"; missing {', '.join(missing)}: {entry.remedy}" if missing else ""
    )
