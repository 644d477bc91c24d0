"""CIFAR-10 and CIFAR-100: two layouts of one content, and pickles that are not trusted."""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks.datasets.cifar import BATCHES, CIFAR10, CIFAR100
from benchmarks.datasets.pickles import read_pickle
from benchmarks.suites import DETECTORS

EACH = 10_000  # images of a file
REAL = Path(os.environ.get("FCDD_TEST_DATA") or "no-such-folder")


def records(count: int, labels: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    found = generator.integers(0, 256, (count, labels + 3072), dtype=np.uint8)
    found[:, :labels] = (np.arange(count) % 10)[:, None]
    return found


def old_pickle(content: dict[str, object]) -> bytes:
    """As the pickles of the official archive: Python 2's text, numpy's names of that time."""
    written = io.BytesIO()
    pickle.dump({key.encode(): value for key, value in content.items()}, written, protocol=2)
    return written.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def write(root: Path, pickled: bool) -> np.ndarray:
    """CIFAR-10 in a layout; the training records in order, then the test records. The first twenty
    of a file are noise, the others black airplanes: on disk they are holes."""
    found = [np.zeros((EACH, 3073), np.uint8) for _ in BATCHES]
    for seed, part in enumerate(found):
        part[:20] = records(20, 1, seed)
    folder = root / ("cifar-10-batches-py" if pickled else "cifar-10-batches-bin")
    folder.mkdir(parents=True)
    for name, part in zip(BATCHES, found, strict=True):
        if pickled:
            content = {"data": part[:, 1:], "labels": part[:, 0].tolist(), "batch_label": b"one"}
            (folder / name).write_bytes(old_pickle(content))
        else:
            (folder / f"{name}.bin").write_bytes(part[:20].tobytes())
            os.truncate(folder / f"{name}.bin", part.size)
    return np.concatenate(found)


@pytest.fixture(scope="module")
def pickles(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """CIFAR-10 in the Python layout, once, for 180 MB are no file to write for every test."""
    root = tmp_path_factory.mktemp("pickles")
    return root, write(root, pickled=True)


def linked(whole: Path, root: Path, but: str = "") -> Path:
    """Links to the pickles; gives the path of the file that is left out."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for path in (whole / folder.name).iterdir():
        if path.name != but:
            (folder / path.name).symlink_to(path)
    return folder / but


@pytest.mark.parametrize("pickled", [False, True])
def test_either_layout_is_read(pickled, pickles, tmp_path):
    root, expected = pickles if pickled else (tmp_path, write(tmp_path, pickled))
    images = CIFAR10.load(root)
    assert images.train.shape == (50_000, 3, 32, 32) and images.test.shape == (10_000, 3, 32, 32)
    assert images.train.dtype == np.uint8 and images.train_labels.dtype == np.int64
    whole = np.concatenate([images.train, images.test]).reshape(60_000, 3072)
    np.testing.assert_array_equal(whole, expected[:, 1:])
    np.testing.assert_array_equal(images.train_labels, expected[:50_000, 0])
    assert images.classes[3] == "cat" and images.classes == CIFAR10.classes


def test_both_layouts_are_one_revision_and_the_binary_one_is_preferred(pickles, tmp_path):
    write(tmp_path / "a", False)
    linked(pickles[0], tmp_path / "b")
    assert CIFAR10.revision(tmp_path / "a") == CIFAR10.revision(tmp_path / "b")
    write(tmp_path / "b", False)
    files = CIFAR10.find(tmp_path / "b") or ()
    assert {path.parent.name for path in files} == {"cifar-10-batches-bin"}
    (files[0]).unlink()  # an incomplete layout is passed over
    files = CIFAR10.find(tmp_path / "b") or ()
    assert {path.parent.name for path in files} == {"cifar-10-batches-py"}


def test_cifar100_reads_the_python_layout_alike(tmp_path):
    part = records(7, 2)
    (tmp_path / "bin/cifar-100-binary").mkdir(parents=True)
    (tmp_path / "bin/cifar-100-binary/train.bin").write_bytes(part.tobytes())
    labels = {"coarse_labels": part[:, 0].tolist(), "fine_labels": part[:, 1].tolist()}
    (tmp_path / "py/cifar-100-python").mkdir(parents=True)
    (tmp_path / "py/cifar-100-python/train").write_bytes(old_pickle({"data": part[:, 2:]} | labels))
    loaded = [CIFAR100.load(tmp_path / way, (3, 32, 32), 5, 1) for way in ("bin", "py")]
    np.testing.assert_array_equal(*loaded)
    assert CIFAR100.count(tmp_path / "py") == 7
    assert CIFAR100.revision(tmp_path / "bin") == CIFAR100.revision(tmp_path / "py")


class Evil:
    """Unpickled by Python's own reader, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_malicious_pickle_is_refused_in_one_line_and_does_nothing(pickles, tmp_path):
    path = linked(pickles[0], tmp_path, BATCHES[2])
    path.write_bytes(pickle.dumps({b"data": Evil(tmp_path / "evil"), b"labels": []}, protocol=2))
    with pytest.raises(ValueError, match=r"refused .*mkdir, and is not trusted") as caught:
        CIFAR10.load(tmp_path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(path))
    assert message.endswith("delete it and run: python -m benchmarks.prepare cifar10")
    assert not (tmp_path / "evil").exists()
    pickle.loads(path.read_bytes())
    assert (tmp_path / "evil").exists()  # it would have


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "refused"),
        (pickle.dumps([1]), "holds a list, not a dict"),
        (old_pickle({"data": np.zeros((4, 3072)), "labels": [0] * 4}), "not of plain bytes"),
        (old_pickle({"data": np.zeros((4, 10), np.uint8), "labels": [0] * 4}), "no images"),
        (old_pickle({"data": np.zeros((4, 3072), np.uint8), "labels": [0] * 3}), "no 4 labels"),
        (old_pickle({"data": np.zeros((EACH, 3072), np.uint8), "labels": [10] * EACH}), "label 10"),
        (
            old_pickle({"data": np.zeros((10, 3072), np.uint8), "labels": [0] * 10}),
            "10 images instead of 10,000",
        ),
        (old_pickle({"data": np.array([None]), "labels": []}), "not of plain bytes"),
    ],
)
def test_pickles_of_something_else_are_refused(content, what, pickles, tmp_path):
    linked(pickles[0], tmp_path, "test_batch").write_bytes(content)
    with pytest.raises(ValueError, match=what) as caught:
        CIFAR10.load(tmp_path)
    assert "test_batch: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\0" * 3072, b"\0" * 3073 * 4000, b"\x0b" * 3073 * EACH])
def test_broken_records_are_refused(content, tmp_path):
    write(tmp_path, pickled=False)
    (tmp_path / "cifar-10-batches-bin/data_batch_4.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"data_batch_4.bin: .*; delete it and run: ") as caught:
        CIFAR10.load(tmp_path)
    assert "\n" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: b"\x80\x02}(" + tail))
def test_arbitrary_bytes_only_raise_value_errors(tmp_path, data):
    path = tmp_path / "batch"
    path.write_bytes(data)
    try:
        found = read_pickle(path, "remedy")
    except ValueError as fault:
        assert "\n" not in str(fault)
    else:
        assert isinstance(found, dict)


def test_missing_exposure_names_the_one_that_is_always_there(tmp_path):
    write(tmp_path, pickled=False)
    command = [sys.executable, "-m", "benchmarks.run", "--suite", "cifar10", "--detectors", "fcdd"]
    command += ["--data-root", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 4
    assert "benchmarks.prepare cifar100" in done.stderr
    assert "--exposure photos" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    planned = subprocess.run([*command, "--exposure", "photos", "--dry-run"], capture_output=True)
    assert planned.returncode == 0


@pytest.mark.parametrize("entry", ["load", "revision"])
def test_a_file_cut_behind_a_whole_record_is_named_before_anything_is_run(entry, tmp_path):
    write(tmp_path, pickled=False)
    path = tmp_path / "cifar-10-batches-bin/test_batch.bin"
    os.truncate(path, 10 * 3073)
    with pytest.raises(ValueError, match="10 images instead of 10,000") as caught:
        getattr(CIFAR10, entry)(tmp_path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.skipif(CIFAR10.find(REAL) is None, reason="FCDD_TEST_DATA holds no CIFAR-10")
def test_real_cifar10():
    images = CIFAR10.load(REAL)
    assert set(np.bincount(images.train_labels)) == {5000}
    assert set(np.bincount(images.test_labels)) == {1000}
    # The statistics every paper normalises with, and those of FCDD's code for one class.
    means = images.train.mean((0, 2, 3)) / 255
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=1e-4)
    frogs = images.train[images.train_labels == 6] / 255
    np.testing.assert_allclose(frogs.mean((0, 2, 3)), [0.47002, 0.43829, 0.34500], atol=3e-4)
    np.testing.assert_allclose(frogs.std((0, 2, 3)), [0.22888, 0.21856, 0.22042], atol=3e-4)


@pytest.mark.skipif(CIFAR10.find(REAL) is None, reason="FCDD_TEST_DATA holds no CIFAR-10")
@pytest.mark.parametrize("recipe", ["fast", "paper"])
def test_the_isolation_forest_is_the_papers(recipe):
    """Ruff et al. 2018, table 1, which normalise contrast; raw pixels give .34."""
    images, automobile = CIFAR10.load(REAL), 1
    detector = DETECTORS["iforest"].make(recipe, "cifar10")
    detector.fit(images.train[images.train_labels == automobile])
    found = roc_auc_score(images.test_labels != automobile, detector.decision_function(images.test))
    assert found == pytest.approx(0.508, abs=0.03)
