"""Guards of the whole: who imports whom, what stays out of where."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from baselines.deep import DeepDetector
from baselines.detector import Detector
from benchmarks.suites import CIFAR10_VALIDATION, DATASETS, DETECTORS, VALIDATION
from benchmarks.sweeps import SUITES

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "baselines": {"baselines"},
    "fcdd": {"baselines", "fcdd"},
    "benchmarks": {"baselines", "fcdd", "benchmarks"},
}
SHOW = (
    "store",
    "store_main",
    "tables",
    "render",
    "curves",
    "gallery",
    "plots",
    "published",
    "report",
)
SHOW += ("works", "citations", "page.__main__")
SHOW += ("machine", "check", "paired", "power", "reference", "rules", "verdict", "verdict_text")
SHOW += ("heartbeat", "states", "picture", "watch", "status")
OURS = set(MAY_IMPORT) | {"tests"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_arrows_point_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        ours = {name.split(".")[0] for name in imported(path)} & OURS
        assert ours <= MAY_IMPORT[package], path


@pytest.mark.parametrize("module", ["baselines.metrics", *(f"benchmarks.{m}" for m in SHOW)])
def test_the_show_half_never_imports_torch(module):
    heavy = "{'torch', 'pyod', 'fcdd'}"
    code = f"import sys, {module}; sys.exit(bool({heavy} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_the_loop_names_no_method():
    members = ("svdd", "sad", "hsc", "fcdd", "focal", "autoencoder")
    for name in ("trainer.py", "stack.py", "recipe.py", "batches.py", "moment.py", "checkpoint.py"):
        text = (ROOT / "baselines" / name).read_text().lower()
        assert not [member for member in members if member in text], name


def test_one_optimiser_step_in_the_house():
    """And one in the plain loop that its speed is compared with."""
    where = [p for package in MAY_IMPORT for p in (ROOT / package).rglob("*.py")]
    steps = {p.name for p in where if "optimiser.step()" in p.read_text()}
    assert steps == {"step.py", "plain.py"}


def final_classes(base: type) -> list[type]:
    found = [c for child in base.__subclasses__() for c in (child, *final_classes(child))]
    return [c for c in found if c.__module__.split(".")[0] in OURS]


def test_abstract_or_final():
    for cls in final_classes(Detector):
        if cls is DeepDetector:
            continue
        assert not inspect.isabstract(cls) and not cls.__subclasses__(), cls
        bases = [base for base in cls.__mro__[1:] if base in (Detector, DeepDetector)]
        for name, value in vars(cls).items():
            if callable(value) and not name.startswith("__"):
                written = [vars(base)[name] for base in bases if name in vars(base)]
                assert all(getattr(w, "__isabstractmethod__", False) for w in written), (cls, name)


def test_every_final_detector_is_registered():
    used = {
        type(setting.detector)
        for entry in DETECTORS.values()
        for settings in entry.settings.values()
        for setting in settings.values()
    }
    assert {c for c in final_classes(Detector) if c is not DeepDetector} == used


def test_suites_name_known_data():
    for suite in SUITES.values():
        assert set(suite.datasets) <= set(DATASETS) and set(suite.detectors) <= set(DETECTORS)
    held_back = {VALIDATION.name, CIFAR10_VALIDATION.name}
    assert {*SUITES["all"].datasets} | held_back == set(DATASETS)


def test_source_files_stay_short():
    for package in MAY_IMPORT:
        for path in (ROOT / package).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 220, path
