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


def write(root: Path, pickled: bool, count: int = 20) -> np.ndarray:
    """CIFAR-10 in a layout; the training records in order, then the test records."""
    found = [records(count, 1, seed) for seed in range(6)]
    folder = root / ("cifar-10-batches-py" if pickled else "cifar-10-batches-bin")
    folder.mkdir(parents=True)
    for name, part in zip(BATCHES, found, strict=True):
        if pickled:
            content = {"data": part[:, 1:], "labels": part[:, 0].tolist(), "batch_label": b"one"}
            (folder / name).write_bytes(old_pickle(content))
        else:
            (folder / f"{name}.bin").write_bytes(part.tobytes())
    return np.concatenate(found)


@pytest.mark.parametrize("pickled", [False, True])
def test_either_layout_is_read(pickled, tmp_path):
    expected = write(tmp_path, pickled)
    images = CIFAR10.load(tmp_path)
    assert images.train.shape == (100, 3, 32, 32) and images.test.shape == (20, 3, 32, 32)
    assert images.train.dtype == np.uint8 and images.train_labels.dtype == np.int64
    whole = np.concatenate([images.train, images.test]).reshape(120, 3072)
    np.testing.assert_array_equal(whole, expected[:, 1:])
    np.testing.assert_array_equal(images.train_labels, expected[:100, 0])
    assert images.classes[3] == "cat" and images.classes == CIFAR10.classes


def test_both_layouts_are_one_revision_and_the_binary_one_is_preferred(tmp_path):
    for name, pickled in (("a", False), ("b", True)):
        write(tmp_path / name, pickled)
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


def test_a_malicious_pickle_is_refused_in_one_line_and_does_nothing(tmp_path):
    write(tmp_path, pickled=True)
    path = tmp_path / "cifar-10-batches-py" / BATCHES[2]
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
        (old_pickle({"data": np.zeros((4, 3072), np.uint8), "labels": [10] * 4}), "label 10"),
        (old_pickle({"data": np.array([None]), "labels": []}), "not of plain bytes"),
    ],
)
def test_pickles_of_something_else_are_refused(content, what, tmp_path):
    write(tmp_path, pickled=True)
    (tmp_path / "cifar-10-batches-py/test_batch").write_bytes(content)
    with pytest.raises(ValueError, match=what) as caught:
        CIFAR10.load(tmp_path)
    assert "test_batch: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\0" * 3072, b"\x0b" * 3073])
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
