"""Exposures of letters and digits: EMNIST letters and MNIST, training images only.

FCDD (Liznerski et al. 2021) exposes EMNIST or grey CIFAR-100 where Fashion-MNIST is normal, and
CIFAR-100 (`cifar.py`) where CIFAR-10 is. Labels are not used.
"""

import zipfile
from pathlib import Path

import numpy as np

from benchmarks.datasets.base import (
    DataMissing,
    ExposureSet,
    Files,
    Shape,
    content_revision,
    draw,
    fit,
    prepare_command,
)
from benchmarks.datasets.idx import IdxContent, find_idx, read_idx
from benchmarks.datasets.mnist import MNIST, MNIST_FILES

_LETTERS = "emnist-letters-train-images"
_LETTERS_IN_ZIP = f"gzip/{_LETTERS}-idx3-ubyte.gz"


def _letter_folders(root: Path) -> tuple[Path, ...]:
    return root / "EMNIST" / "raw", root / "emnist", root


def _find_letters(root: Path) -> Files | None:
    """The idx file of the letters, or else the ``gzip.zip`` that holds it."""
    folders = _letter_folders(root)
    candidates = [find_idx(folder, _LETTERS, 3) for folder in folders]
    candidates += [folder / "gzip.zip" for folder in folders]
    found = (path for path in candidates if path is not None and path.is_file())
    path = next(found, None)
    return None if path is None else (path,)


def _letters_file(root: Path) -> Path:
    files = _find_letters(root)
    if files is None:
        raise DataMissing("EMNIST", _letter_folders(root), prepare_command("emnist", root))
    return files[0]


def _read_letters(path: Path) -> IdxContent:
    remedy = prepare_command("emnist")
    if path.suffix != ".zip":
        with path.open("rb") as file:
            return read_idx(file, str(path), remedy)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_LETTERS_IN_ZIP) as file:
            return read_idx(file, f"{path}, {_LETTERS_IN_ZIP}", remedy)
    except (zipfile.BadZipFile, KeyError) as fault:
        raise IdxContent(b"", str(path), remedy).fault(f"damaged zip ({fault})") from fault


def _letters_content(path: Path) -> list[bytes]:
    return [_read_letters(path).data]


def _load_letters(root: Path, shape: Shape, limit: int | None, seed: int) -> np.ndarray:
    images = _read_letters(_letters_file(root)).images()
    # Stored column by column, unlike MNIST: transposed to stand upright, as in FCDD.
    upright = images[draw(len(images), limit, seed)].swapaxes(2, 3)
    return fit(np.ascontiguousarray(upright), shape)


def _mnist_images(root: Path) -> np.ndarray:
    return MNIST_FILES.read(MNIST_FILES.files(root)[0]).images()


def _load_mnist(root: Path, shape: Shape, limit: int | None, seed: int) -> np.ndarray:
    images = _mnist_images(root)
    return fit(images[draw(len(images), limit, seed)], shape)


EMNIST = ExposureSet(
    name="emnist",
    title="EMNIST letters",
    find=_find_letters,
    load=_load_letters,
    count=lambda root: len(_read_letters(_letters_file(root)).images()),
    revision=lambda root: content_revision([_letters_file(root)], _letters_content),
    licence="none stated; derived from NIST Special Database 19",
    source="Cohen et al. 2017, https://www.nist.gov/itl/products-and-services/emnist-dataset",
    remedy=prepare_command("emnist"),
)

MNIST_EXPOSURE = ExposureSet(
    name="mnist",
    title="MNIST",
    find=MNIST.find,
    load=_load_mnist,
    count=lambda root: len(_mnist_images(root)),
    revision=lambda root: content_revision(MNIST_FILES.files(root)[:1], MNIST_FILES.pieces),
    licence=MNIST.licence,
    source=MNIST.source,
    remedy=MNIST.remedy,
    shows=("mnist", "digits"),
)
