"""What ``prepare --list`` shows: which data are there, how many, and how to get the rest."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from baselines.weights import PUBLISHED
from benchmarks.datasets.archives import Archive
from benchmarks.datasets.base import DataMissing, Dataset, ExposureSet
from benchmarks.datasets.categories import CategorySet
from benchmarks.datasets.cifar import CIFAR10, CIFAR100
from benchmarks.datasets.digits import DIGITS
from benchmarks.datasets.exposures import EMNIST
from benchmarks.datasets.mirrors import Download
from benchmarks.datasets.mnist import FASHION_MNIST, MNIST
from benchmarks.datasets.mvtec import MVTEC
from benchmarks.datasets.photos import PHOTOS
from benchmarks.names import IMAGES
from benchmarks.pretrained import find_weights

LISTED = (FASHION_MNIST, MNIST, CIFAR10, DIGITS, MVTEC, CIFAR100, EMNIST, PHOTOS)


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
    files = entry.find(root)
    if files is None:
        size = f"{download.megabytes:.1f} MB, " if download else ""
        return f"missing  {size}get it: {entry.remedy}"
    size = f"{sum(path.stat().st_size for path in files) / 1e6:.1f} MB"
    if isinstance(entry, CategorySet):
        missing = [name for name in entry.categories if name not in entry.here(root)]
        rest = f"; missing {', '.join(missing)}: {entry.remedy}" if missing else ""
        return f"present  {size}, {entry.home(root)}{rest}"
    try:
        rows = f", {_images(entry, root)}" if isinstance(entry, ExposureSet) else ""
    except ValueError as fault:
        return f"damaged  {fault}"
    return f"present  {size}{rows}, {files[0].parent}"


def _images(entry: ExposureSet, root: Path) -> str:
    held = entry.count(root)
    part = f" of {IMAGES[entry.name]:,}" if held < IMAGES.get(entry.name, 0) else ""
    return f"{held:,}{part} images"
