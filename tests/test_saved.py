"""Detectors as files: what is loaded is what was saved, to the bit; what is not ours is refused."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.base import clone

from baselines.anomalies import Exposure
from baselines.deep import DeepDetector, fit_many
from baselines.hsc import HSC
from baselines.nets import LeNet
from baselines.saved import ELDERS, SavedError, checksum, load, save, vocabulary
from baselines.schedules import OneCycle
from benchmarks.suites import DETECTORS
from fcdd.detector import FCDD
from fcdd.nets import Net32

ROOT = Path(__file__).parent.parent
SHAPES = {"fmnist": (1, 28, 28), "textures": (3, 32, 32)}
DEEP = [
    (recipe, name, dataset)
    for name, entry in DETECTORS.items()
    for recipe, dataset in (("fast", "fmnist"), ("fast", "textures"), ("paper", "fmnist"))
    if entry.has(recipe, dataset) and isinstance(entry.make(recipe, dataset), DeepDetector)
]


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def short(detector: DeepDetector, shape: tuple[int, int, int]) -> DeepDetector:
    """The detector with one epoch of each of its trainings, and noise as exposure."""
    given = detector.get_params(deep=False)
    values = {"recipe": replace(detector.recipe, epochs=1), "device": "cpu", "seed": 5}
    if given.get("pretraining") is not None:
        start = given["pretraining"]
        values["pretraining"] = replace(start, recipe=replace(start.recipe, epochs=1))
    if "anomalies" in given:
        values["anomalies"] = Exposure(torch.from_numpy(noise((32, *shape), 1)), "noise")
    return clone(detector).set_params(**values)


def tiny(**values) -> HSC:
    """A fitted HSC, the smallest there is."""
    shape = (1, 28, 28)
    net = LeNet((4,), None, 4)
    return short(HSC(net, **values), shape).fit(noise((20, *shape)))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model"
    tiny().save(path)
    return path


def header(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as opened:
        return dict(opened.metadata())


def forged(path: Path, out: Path, said: dict | None = None, **head: str) -> Path:
    """The file with another description or header, its sha256 made to fit."""
    tensors, given = load_file(path), header(path)
    content = given["content"] if said is None else json.dumps(said)
    given |= {"content": content, "sha256": checksum(tensors, content)} | head
    save_file(tensors, out, given)
    return out


@pytest.mark.parametrize(("recipe", "name", "dataset"), DEEP)
def test_a_loaded_detector_is_the_one_that_was_saved(recipe, name, dataset, tmp_path):
    shape = SHAPES[dataset]
    before = short(DETECTORS[name].make(recipe, dataset), shape).fit(noise((40, *shape)))
    before.save(tmp_path / "model")
    after = type(before).load(tmp_path / "model", device="cpu")
    fresh = noise((30, *shape), 2)
    for ask in ("decision_function", "score_map", "predict"):
        assert np.array_equal(getattr(before, ask)(fresh), getattr(after, ask)(fresh)), ask
    assert vars(before).keys() == vars(after).keys() - {"notes_"}
    for attribute in ("decision_scores_", "labels_", "losses_", "threshold_", "shape_in_"):
        assert np.array_equal(getattr(before, attribute), getattr(after, attribute)), attribute
    assert before.decision_scores_.dtype == after.decision_scores_.dtype
    kept = before.get_params(deep=False).keys() - {"anomalies"}
    assert [k for k in kept if getattr(before, k) != getattr(after, k)] == []
    after.save(tmp_path / "again")
    assert header(tmp_path / "model") == header(tmp_path / "again")


def test_every_setting_can_be_named():
    for name, entry in DETECTORS.items():
        for settings in entry.settings.values():
            for dataset, setting in settings.items():
                detector = setting.detector
                if isinstance(detector, DeepDetector):
                    words = vocabulary([type(detector)])
                    again = words.read(json.loads(json.dumps(words.write(detector))))
                    assert again.get_params(False) == detector.get_params(False), (name, dataset)


def test_nets_trained_together_are_saved_apart(tmp_path):
    detectors = [tiny().set_params(seed=seed) for seed in (1, 2)]
    data = [noise((20, 1, 28, 28), seed) for seed in (1, 2)]
    for k, detector in enumerate(fit_many(detectors, data)):
        detector.save(tmp_path / str(k))
        again = HSC.load(tmp_path / str(k))
        assert np.array_equal(detector.decision_function(data[0]), again.decision_function(data[0]))


def test_another_process_gives_the_same_scores(file):
    code = (
        "import sys, numpy as np; from baselines.hsc import HSC;"
        "images = np.random.default_rng(2).integers(0, 256, (9, 1, 28, 28)).astype(np.uint8);"
        "sys.stdout.write(HSC.load(sys.argv[1], 'cpu').decision_function(images).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file], cwd=ROOT, capture_output=True, text=True, check=True
    )
    expected = HSC.load(file, "cpu").decision_function(noise((9, 1, 28, 28), 2))
    assert done.stdout == expected.tobytes().hex()


def test_the_exposure_is_kept_by_name_and_asked_for_again(file, tmp_path):
    detector = HSC.load(file)
    with pytest.raises(ValueError, match=r"exposure 'noise'.*set_params\(anomalies=") as caught:
        detector.fit(noise((20, 1, 28, 28)))
    assert "\n" not in str(caught.value)
    given = Exposure(torch.from_numpy(noise((32, 1, 28, 28), 1)), "noise")
    again = detector.set_params(anomalies=given).fit(noise((20, 1, 28, 28)))
    assert np.array_equal(again.decision_scores_, HSC.load(file).decision_scores_)


def test_global_generators_are_left_alone(file):
    before = torch.random.get_rng_state()
    HSC.load(file)
    assert torch.equal(before, torch.random.get_rng_state())


def test_notes_travel_along(tmp_path):
    detector = tiny()
    detector.notes_ = {"size": 64, "files": ["ä.png"], "rate": 0.1}
    detector.save(tmp_path / "model")
    assert HSC.load(tmp_path / "model").notes_ == detector.notes_


def test_another_class_is_named(file, tmp_path):
    with pytest.raises(SavedError, match=r"holds a HSC, not a FCDD; load it with HSC.load"):
        FCDD.load(file)
    small = short(FCDD(Net32(4)), (3, 32, 32)).fit(noise((8, 3, 32, 32)))
    small.save(tmp_path / "fcdd")
    with pytest.raises(SavedError, match=r"'FCDD' is not known here.*own load"):
        DeepDetector.load(tmp_path / "fcdd")
    assert isinstance(load(tmp_path / "fcdd", known=[FCDD]), FCDD)


@pytest.mark.parametrize("size", [0, 5, 300, -1])
def test_a_file_cut_short_is_refused(file, tmp_path, size):
    cut = tmp_path / "cut"
    cut.write_bytes(file.read_bytes()[:size])
    refused(cut, "not a saved detector, or cut short")


def test_foreign_files_are_refused(file, tmp_path):
    refused(tmp_path / "nowhere", "no such file")
    refused(tmp_path, "no such file")
    (tmp_path / "text").write_text("hello, this is no detector at all")
    refused(tmp_path / "text", "not a saved detector")
    torch.save({"a": torch.zeros(3)}, tmp_path / "pickle")
    refused(tmp_path / "pickle", "not a saved detector")
    save_file({"a": torch.zeros(3)}, tmp_path / "weights")
    refused(tmp_path / "weights", "tensors, but no detector of ours")


def test_a_newer_format_asks_for_an_upgrade(file, tmp_path):
    newer = forged(file, tmp_path / "newer", format="2", package="fcdd-benchmark 9.0")
    refused(newer, "format 2, saved by fcdd-benchmark 9.0; .* upgrade it")


@pytest.mark.parametrize("place", [-3, 0.5])
def test_damage_shows(file, tmp_path, place):
    """A byte of the weights, and one of the description."""
    raw = bytearray(file.read_bytes())
    if place == 0.5:
        raw[raw.index(b"epochs") + 10] ^= 1
    else:
        raw[place] ^= 1
    (tmp_path / "bad").write_bytes(raw)
    refused(tmp_path / "bad", "its sha256 is not that of its content")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("recipe", {"class": "Path", "args": "x"}, "'Path' is not known here"),
        ("recipe", {"class": "os.system"}, "'os.system' is not known here"),
        ("recipe", {"class": "Flip"}, "it holds no deep detector"),
        ("net", {"function": "LeNet"}, "'LeNet' is not known here"),
        ("net", {"class": "adam"}, "'adam' is not known here"),
        ("net", {"class": "LeNet", "magic": 1}, "LeNet has no 'magic'"),
        ("net", {"class": "LeNet", "channels": [9], "hidden": None, "code": 4}, "size mismatch"),
        ("words", ["HSC"], "HSC has no 'words'"),
    ],
)
def test_a_forged_description_builds_nothing(file, tmp_path, key, value, expected):
    said = json.loads(header(file)["content"])
    said["detector"][key] = value
    refused(forged(file, tmp_path / "forged", said), f"cannot be rebuilt .*{expected}")


def test_a_forged_attribute_is_refused(file, tmp_path):
    said = json.loads(header(file)["content"])
    said["fitted"]["__class__"] = "x"
    refused(forged(file, tmp_path / "forged", said), "__class__ is no fitted attribute")


def refused(path: Path, expected: str) -> None:
    with pytest.raises(SavedError, match=expected) as caught:
        HSC.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@dataclass(frozen=True)
class Mine:
    """A schedule of one's own."""

    def __call__(self, epoch: float, epochs: int) -> float:
        return 1.0


def test_what_has_no_name_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="HSC is not fitted"):
        HSC().save(tmp_path / "model")
    detector = tiny()
    detector.recipe = replace(detector.recipe, schedule=lambda epoch, epochs: 1.0)
    with pytest.raises(ValueError, match=r"recipe.schedule is .*<lambda>.*cannot name"):
        detector.save(tmp_path / "model")
    detector.recipe = replace(detector.recipe, schedule=Mine())
    with pytest.raises(ValueError, match=r"recipe.schedule is Mine"):
        detector.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
    save(detector, tmp_path / "model", [Mine])
    assert load(tmp_path / "model", known=[Mine]).recipe.schedule == Mine()


def test_a_device_that_is_not_there_is_named(file):
    with pytest.raises(ValueError, match=r"device cuda:99: .*choose auto, cpu"):
        HSC.load(file, device="cuda:99")


def test_a_failed_save_leaves_the_old_file(file, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        HSC.load(file).save(tmp_path / "folder")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_trained_on_a_gpu_loads_on_a_cpu(tmp_path):
    detector = short(FCDD(Net32(8)), (3, 32, 32)).set_params(device="cuda")
    detector.recipe = replace(detector.recipe, schedule=OneCycle(), precision=torch.float32)
    detector.fit(noise((40, 3, 32, 32)))
    detector.save(tmp_path / "model")
    images = noise((30, 3, 32, 32), 2)
    same = FCDD.load(tmp_path / "model", "cuda")
    assert np.array_equal(same.decision_function(images), detector.decision_function(images))
    host = FCDD.load(tmp_path / "model", "cpu")
    assert {p.device.type for p in host.net_.parameters()} == {"cpu"}
    np.testing.assert_allclose(
        host.decision_function(images), detector.decision_function(images), rtol=1e-3
    )


def test_every_elder_is_known_without_being_named():
    deep = {type(e.make("fast", "fmnist")) for e in DETECTORS.values() if e.has("fast", "fmnist")}
    assert {c for c in deep if issubclass(c, DeepDetector)} == {*ELDERS, FCDD}
