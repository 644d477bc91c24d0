"""Data sets and exposures: finding, reading, refusing damage, versions, and shapes."""

import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.datasets.base import DataMissing, data_root, fit
from benchmarks.datasets.cifar import CIFAR10, CIFAR100
from benchmarks.datasets.digits import DIGITS
from benchmarks.datasets.exposures import EMNIST, MNIST_EXPOSURE
from benchmarks.datasets.idx import read_idx
from benchmarks.datasets.mnist import DEBIAN, FASHION_MNIST, MNIST
from benchmarks.datasets.photos import PHOTOS

STEMS = ("train-images", "train-labels", "t10k-images", "t10k-labels")


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def arrays(train: int = 20, test: int = 10, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (train + test, 28, 28), dtype=np.uint8)
    labels = np.arange(train + test) % 10
    parts = images[:train], labels[:train], images[train:], labels[train:]
    return dict(zip(STEMS, parts, strict=True))


def write(
    folder: Path, parts: dict[str, np.ndarray], separator: str = "-", packed: bool = False
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stem, array in parts.items():
        content = idx(array)
        name = f"{stem}{separator}idx{array.ndim}-ubyte{'.gz' if packed else ''}"
        (folder / name).write_bytes(gzip.compress(content) if packed else content)


@pytest.fixture
def real_root() -> Path:
    if not os.environ.get("FCDD_TEST_DATA"):
        pytest.skip("set FCDD_TEST_DATA to a folder with MNIST/raw and cifar-100-binary")
    return Path(os.environ["FCDD_TEST_DATA"])


def one_line(error: BaseException) -> str:
    assert "\n" not in str(error)
    return str(error)


def test_data_root_prefers_the_argument_then_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FCDD_DATA", str(tmp_path / "environment"))
    assert data_root(tmp_path / "given") == tmp_path / "given"
    assert data_root() == tmp_path / "environment"
    monkeypatch.setenv("FCDD_DATA", "")
    assert data_root().parts[-2:] == ("fcdd-benchmark", "datasets")
    assert data_root(Path("~/data")) == Path.home() / "data"


@pytest.mark.parametrize(
    "entry", [MNIST, CIFAR10, CIFAR100, EMNIST, MNIST_EXPOSURE], ids=lambda e: e.title
)
def test_missing_data_are_named_with_places_and_remedy(entry, tmp_path):
    assert entry.find(tmp_path) is None
    with pytest.raises(DataMissing) as caught:
        entry.revision(tmp_path)
    message = one_line(caught.value)
    assert str(tmp_path) in message
    assert f"python -m benchmarks.prepare {entry.name} --data-root {tmp_path}" in message


@pytest.mark.parametrize(
    ("entry", "folder"),
    [
        (MNIST, "MNIST/raw"),
        (MNIST, "mnist"),
        (FASHION_MNIST, "FashionMNIST/raw"),
        (FASHION_MNIST, "fashion-mnist"),
        (FASHION_MNIST, "fmnist"),
    ],
)
@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_idx_data_are_found_and_read(entry, folder, separator, packed, tmp_path):
    parts = arrays()
    write(tmp_path / folder, parts, separator, packed)
    assert {path.parent for path in entry.find(tmp_path)} == {tmp_path / folder}
    images = entry.load(tmp_path)
    assert images.train.dtype == images.test.dtype == np.uint8
    assert images.train_labels.dtype == images.test_labels.dtype == np.int64
    np.testing.assert_array_equal(images.train[:, 0], parts["train-images"])
    np.testing.assert_array_equal(images.train_labels, parts["train-labels"])
    np.testing.assert_array_equal(images.test[:, 0], parts["t10k-images"])
    np.testing.assert_array_equal(images.test_labels, parts["t10k-labels"])
    assert images.classes == entry.classes
    assert len(entry.classes) == 10


def test_an_incomplete_folder_is_passed_over(tmp_path):
    write(tmp_path / "mnist", arrays())
    write(tmp_path / "MNIST/raw", {"train-images": arrays()["train-images"]})
    files = MNIST.find(tmp_path) or ()
    assert {path.parent for path in files} == {tmp_path / "mnist"}


GOOD = idx(arrays()["train-images"])
FAULTS = {
    "empty file": b"",
    "truncated gzip": gzip.compress(GOOD)[:-2000],
    "damaged gzip": gzip.compress(GOOD)[:-8] + bytes(8),
    "wrong magic number": b"<!DOCTYPE html>" + GOOD,
    "1 dimensions instead of 3": idx(np.zeros(20)),
    "ends within its header": GOOD[:10],
    "15695 bytes, where the header says 15696": GOOD[:-1],
    "15697 bytes, where the header says 15696": GOOD + b"\0",
    "a header without elements": idx(np.zeros((0, 28, 28))),
    "images of 32 x 28 pixels instead of 28 x 28": idx(np.zeros((20, 32, 28))),
}


@pytest.mark.parametrize("what", FAULTS)
def test_damaged_images_are_refused(what, tmp_path):
    write(tmp_path / "mnist", arrays())
    path = tmp_path / "mnist/train-images-idx3-ubyte"
    path.write_bytes(FAULTS[what])
    with pytest.raises(ValueError, match=what) as caught:
        MNIST.load(tmp_path)
    message = one_line(caught.value)
    assert message.startswith(str(path))
    assert message.endswith("delete it and run: python -m benchmarks.prepare mnist")


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (np.arange(19) % 10, "19 labels for the 20 images"),
        (np.full(20, 10), "label 10 outside 0..9"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, what, tmp_path):
    write(tmp_path / "mnist", arrays() | {"train-labels": labels})
    with pytest.raises(ValueError, match=what) as caught:
        MNIST.load(tmp_path)
    assert "train-labels-idx1-ubyte" in one_line(caught.value)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\0\0\x08\x03" + tail))
def test_arbitrary_bytes_only_raise_value_errors(data):
    with pytest.raises(ValueError, match="file: "):
        read_idx(io.BytesIO(data), "file", "remedy").images()


def test_revision_is_that_of_the_content(tmp_path):
    roots = [tmp_path / name for name in ("plain", "packed", "other")]
    write(roots[0] / "mnist", arrays())
    write(roots[1] / "MNIST/raw", arrays(), separator=".", packed=True)
    write(roots[2] / "mnist", arrays(seed=1))
    plain, packed, other = (MNIST.revision(root) for root in roots)
    assert plain == packed != other
    assert len(plain) == 16
    assert MNIST_EXPOSURE.revision(roots[0]) == MNIST_EXPOSURE.revision(roots[1]) != plain


def test_revision_follows_a_change_of_the_file(tmp_path):
    write(tmp_path / "mnist", arrays())
    before = MNIST.revision(tmp_path)
    labels = arrays()["t10k-labels"][::-1]
    write(tmp_path / "mnist", {"t10k-labels": labels})
    assert MNIST.revision(tmp_path) != before


def test_digits_are_split_in_halves_of_every_class(tmp_path):
    images = DIGITS.load(tmp_path)
    assert images.train.shape[1:] == images.test.shape[1:] == (1, 28, 28)
    assert len(images.train) + len(images.test) == 1797
    assert images.train.max() == 255
    difference = np.bincount(images.train_labels) - np.bincount(images.test_labels)
    assert set(difference) <= {-1, 0}
    np.testing.assert_array_equal(images.train, DIGITS.load(tmp_path).train)
    assert all(path.is_file() for path in DIGITS.find(tmp_path) or ())
    assert len(DIGITS.revision(tmp_path)) == 16


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(28, 28), (20, 44), (64, 48)])
def test_fit_resizes_as_pillow_does(channels, size):
    images = np.random.default_rng(0).integers(0, 256, (5, channels, 32, 32), dtype=np.uint8)
    fitted = fit(images, (channels, *size))
    for image, small in zip(images, fitted, strict=True):
        picture = Image.fromarray(image.transpose(1, 2, 0).squeeze())
        expected = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(small.transpose(1, 2, 0).squeeze(), expected)


def test_fit_converts_colours_as_pillow_does():
    images = np.random.default_rng(0).integers(0, 256, (9, 3, 32, 32), dtype=np.uint8)
    grey = fit(images, (1, 32, 32))
    for image, expected in zip(images, grey, strict=True):
        luma = np.asarray(Image.fromarray(image.transpose(1, 2, 0)).convert("L"))
        np.testing.assert_array_equal(expected[0], luma)
    np.testing.assert_array_equal(fit(grey, (3, 32, 32)), np.repeat(grey, 3, axis=1))
    with pytest.raises(ValueError, match="1 or 3 channels"):
        fit(images, (2, 32, 32))


def write_cifar(root: Path, count: int) -> np.ndarray:
    records = np.random.default_rng(0).integers(0, 256, (count, 3074), dtype=np.uint8)
    (root / "cifar-100-binary").mkdir()
    (root / "cifar-100-binary/train.bin").write_bytes(records.tobytes())
    return records[:, 2:].reshape(count, 3, 32, 32)


def test_cifar100_reads_what_is_there(tmp_path):
    images = write_cifar(tmp_path, 7)
    assert CIFAR100.count(tmp_path) == 7
    np.testing.assert_array_equal(CIFAR100.load(tmp_path, (3, 32, 32), None, 0), images)
    np.testing.assert_array_equal(CIFAR100.load(tmp_path, (3, 32, 32), 100, 0), images)
    expected = fit(fit(images, (3, 28, 28)), (1, 28, 28))  # resized, and only then grey
    np.testing.assert_array_equal(CIFAR100.load(tmp_path, (1, 28, 28), None, 0), expected)


def test_limit_draws_without_replacement_from_the_seed(tmp_path):
    images = write_cifar(tmp_path, 50)
    drawn = [CIFAR100.load(tmp_path, (3, 32, 32), 10, seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    rows = [int(np.flatnonzero((images == image).all(axis=(1, 2, 3)))[0]) for image in drawn[0]]
    assert len(set(rows)) == 10
    with pytest.raises(ValueError, match="limit: at least one image"):
        CIFAR100.load(tmp_path, (3, 32, 32), 0, 0)


@pytest.mark.parametrize("content", [b"", b"\0" * 3075])
def test_cifar100_of_broken_records_is_refused(content, tmp_path):
    write_cifar(tmp_path, 1)
    (tmp_path / "cifar-100-binary/train.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"train.bin: \d+ bytes are no whole number") as caught:
        CIFAR100.load(tmp_path, (3, 32, 32), None, 0)
    assert one_line(caught.value).endswith("python -m benchmarks.prepare cifar100")


def letters_in_zip(folder: Path, content: bytes) -> None:
    with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
        archive.writestr("gzip/emnist-letters-train-images-idx3-ubyte.gz", gzip.compress(content))


@pytest.mark.parametrize("folder", ["EMNIST/raw", "emnist"])
@pytest.mark.parametrize("kind", ["plain", "gz", "zip"])
def test_emnist_stands_upright_from_every_packing(folder, kind, tmp_path):
    stored = arrays()["train-images"]
    place = tmp_path / folder
    if kind == "zip":
        place.mkdir(parents=True)
        letters_in_zip(place, idx(stored))
    else:
        write(place, {"emnist-letters-train-images": stored}, packed=kind == "gz")
    loaded = EMNIST.load(tmp_path, (1, 28, 28), None, 0)
    np.testing.assert_array_equal(loaded[:, 0], stored.transpose(0, 2, 1))
    assert EMNIST.count(tmp_path) == 20
    write(tmp_path / "elsewhere/emnist", {"emnist-letters-train-images": stored})
    assert EMNIST.revision(tmp_path) == EMNIST.revision(tmp_path / "elsewhere")


def test_emnist_in_a_damaged_zip_is_refused(tmp_path):
    (tmp_path / "emnist").mkdir()
    letters_in_zip(tmp_path / "emnist", GOOD)
    path = tmp_path / "emnist/gzip.zip"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="damaged zip") as caught:
        EMNIST.load(tmp_path, (1, 28, 28), None, 0)
    assert str(path) in one_line(caught.value)


def test_mnist_exposure_is_the_training_images(tmp_path):
    write(tmp_path / "mnist", arrays())
    loaded = MNIST_EXPOSURE.load(tmp_path, (3, 32, 32), None, 0)
    expected = fit(arrays()["train-images"][:, None], (3, 32, 32))
    np.testing.assert_array_equal(loaded, expected)
    assert MNIST_EXPOSURE.count(tmp_path) == 20


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 20, 40), (1, 300, 260)])
def test_photos_are_varied_and_follow_the_seed(shape, tmp_path):
    first, again, other = (PHOTOS.load(tmp_path, shape, 40, seed) for seed in (0, 0, 1))
    assert first.shape == (40, *shape)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len({crop.tobytes() for crop in first}) == 40
    assert np.median(first.std(axis=(1, 2, 3))) > 10


def test_photos_are_ten_thousand_and_no_more(tmp_path):
    assert len(PHOTOS.load(tmp_path, (1, 4, 4), None, 0)) == PHOTOS.count(tmp_path) == 10_000
    assert len(PHOTOS.load(tmp_path, (1, 4, 4), 20_000, 0)) == 10_000
    assert len(PHOTOS.revision(tmp_path)) == 16


def test_data_are_read_without_torch():
    modules = ["prepare", "datasets.digits", "datasets.photos", "datasets.mirrors"]
    imports = "; ".join(f"import benchmarks.{module}" for module in modules)
    code = f"import sys; {imports}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_real_fashion_mnist(tmp_path):
    if FASHION_MNIST.find(tmp_path) is None:
        pytest.skip(f"Debian's dataset-fashion-mnist is not installed in {DEBIAN}")
    images = FASHION_MNIST.load(tmp_path)
    assert images.train.shape == (60_000, 1, 28, 28)
    assert images.test.shape == (10_000, 1, 28, 28)
    assert set(np.bincount(images.train_labels)) == {6000}
    assert set(np.bincount(images.test_labels)) == {1000}
    assert images.train.mean() == pytest.approx(72.94, abs=0.01)
    trousers = images.train[images.train_labels == images.classes.index("trouser")]
    bags = images.train[images.train_labels == images.classes.index("bag")]
    assert bags.mean() > 1.3 * trousers.mean()


def test_real_mnist(real_root):
    images = MNIST.load(real_root)
    assert images.train.shape == (60_000, 1, 28, 28)
    assert np.bincount(images.train_labels).tolist()[:3] == [5923, 6742, 5958]
    assert np.bincount(images.test_labels).tolist()[:3] == [980, 1135, 1032]
    assert images.train.mean() == pytest.approx(33.32, abs=0.01)


def test_real_cifar100(real_root):
    images = CIFAR100.load(real_root, (3, 32, 32), 2000, 0)
    assert images.shape == (2000, 3, 32, 32)
    # Means of the training set: 129.3, 124.1, 112.4; a wrong layout would mix the planes.
    np.testing.assert_allclose(images.mean(axis=(0, 2, 3)), [129.3, 124.1, 112.4], atol=6)
    rows = np.abs(np.diff(images.astype(int), axis=2)).mean()
    assert rows < 20
