"""Real images, the `fast` recipes, published quality: one class for each kind of detector. Then the
gate over them: green for the code as it is, red for each fault planted in it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from baselines.normalise import UnitRange
from baselines.svdd import SVDD
from baselines.trainer import Recipe
from benchmarks.evaluate import evaluate
from benchmarks.plan import Request, make_plan
from benchmarks.store import Store
from benchmarks.suites import DATASETS, DETECTORS

FMNIST = DATASETS["fmnist"]
ROOT = Path("no-such-folder")  # only Debian's package is looked for
pytestmark = pytest.mark.skipif(
    not FMNIST.here(ROOT), reason="needs Debian's package dataset-fashion-mnist"
)

# Image AUROC of class trouser that a broken member misses: a centre or sign that is wrong, a net
# that does not learn. The papers' numbers for this class lie between .90 and .98.
LEAST = {
    "svdd": 0.95, "autoencoder": 0.94, "deep_svdd": 0.97, "deep_sad": 0.97, "hsc": 0.96,
    "fcdd": 0.96, "iforest": 0.95,
}  # fmt: skip


def store(out: Path, detector: str, normal: str) -> Store:
    """The folder `out` with the detector's trial in it, run unless it is there."""
    made, (trial,) = Store(out), make_plan(Request("fmnist", ROOT, [detector], [normal])).trials
    if trial.digest not in made.finished():
        (row,) = evaluate([trial], ROOT, made, "cpu")
        assert row["status"] == "done", row["reason"]
    return made


def gate(out: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The gate against ``results/reference.csv``, as a CI job calls it."""
    command = [sys.executable, "-m", "benchmarks.check", str(out), *arguments]
    folder = Path(__file__).parent.parent
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("swept")


@pytest.mark.parametrize("detector", LEAST)
def test_trouser_is_told_from_the_rest(detector, swept):
    made = store(swept, detector, "trouser")
    (row,) = [row for row in made.rows() if row["detector"] == detector]
    assert row["metrics"]["image_auroc"] >= LEAST[detector]
    labelled = DETECTORS[detector].labelled
    assert row["n_train"] == (6316 if labelled else 6000)  # 5 % of all rows are known anomalies
    assert row["n_test"] == 10_000 and row["n_anomalies"] == 9_000
    assert made.arrays(row)["example_maps"].shape == (16, 28, 28)


def test_the_gate_is_green_for_the_code_as_it_is(swept):
    for detector in LEAST:
        store(swept, detector, "trouser")
    done = gate(swept, "--detectors", *LEAST, "--normal", "trouser")
    assert done.returncode == 0, done.stdout + done.stderr
    store(swept, "focal", "sandal")
    done = gate(swept, "--detectors", "focal", "--normal", "sandal")
    assert done.returncode == 0, done.stdout + done.stderr


def wrong_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    right = SVDD._score
    monkeypatch.setattr(SVDD, "_score", lambda self, images: -right(self, images))


def settled(change: Callable[[Recipe], Recipe]) -> Callable[[pytest.MonkeyPatch], None]:
    """A fault in the recipe of focal loss, which every run of it takes."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        entry = DETECTORS["focal"]
        setting = entry.setting("fast", "fmnist")
        recipe = change(setting.detector.get_params(deep=False)["recipe"])
        detector = entry.make("fast", "fmnist").set_params(recipe=recipe)
        faulty = replace(setting, detector=detector)
        monkeypatch.setitem(entry.settings["fast"], "fmnist", faulty)

    return plant


def still(epoch: float, epochs: int) -> float:
    return 0.0


FAULTS = {
    "a wrong sign": ("svdd", wrong_sign),
    # More epochs of a net that stands still are the same net.
    "a frozen net": ("focal", settled(lambda r: replace(r, schedule=still, epochs=1))),
    "no contrast normalisation": ("focal", settled(lambda r: replace(r, normalise=UnitRange()))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_gate_is_red_for_a_planted_fault(fault, monkeypatch, tmp_path):
    detector, plant = FAULTS[fault]
    plant(monkeypatch)
    store(tmp_path, detector, "sandal")
    done = gate(tmp_path, "--detectors", detector, "--normal", "sandal")
    assert done.returncode == 1 and not done.stderr, done.stderr
    assert "REGRESSED: mean drop > 1" in done.stdout
    assert "MISSING" not in done.stdout and "FAILED" not in done.stdout
