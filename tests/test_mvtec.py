"""MVTec AD: real categories, trees with planted faults, and real anomalies to train with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from baselines.pictures import NEAREST
from benchmarks.arguments import parser, request_of
from benchmarks.datasets.base import DataMissing
from benchmarks.datasets.categories import GOOD, Pictures
from benchmarks.datasets.mvtec import CATEGORIES, HOME_PAGE, HOMES, MVTEC, here, load, revision
from benchmarks.list import main as listing
from benchmarks.plan import Request, UsageError, make_plan
from benchmarks.prepare import main as prepare
from benchmarks.scenario import Scenario
from benchmarks.suites import DATASETS, DETECTORS, EXPOSED

ROOT = Path(__file__).parent.parent
REAL = Path(os.environ.get("FCDD_TEST_DATA", "")) / "mvtec_anomaly_detection"
needs_data = pytest.mark.skipif(
    not os.environ.get("FCDD_TEST_DATA") or not REAL.is_dir(),
    reason="set FCDD_TEST_DATA to a folder with mvtec_anomaly_detection (bottle and screw)",
)
SHA256 = "cf4313b13603bec67abb49ca959488f7eedce2a9f7795ec54446c649ac98cd3d"
H, W = 40, 60


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """A data root with the real categories, whose cache does not go to them."""
    root = tmp_path_factory.mktemp("root")
    (root / "MVTecAD").symlink_to(REAL)
    return root


def plant(root: Path, *categories: str, home: str = HOMES[0]) -> Path:
    """Small categories: 6 to train, 3 good and 4 of each of two kinds to test."""
    (root / "weights").mkdir(exist_ok=True)
    (root / "weights" / "squeezenet1_0.safetensors").write_bytes(b"a plan reads no more than this")
    rng = np.random.default_rng(0)

    def draw(folder: Path, names: list[str]) -> None:
        folder.mkdir(parents=True)
        for name in names:
            image = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
            Image.fromarray(image).save(folder / f"{name}.png")

    for category in categories:
        place = root / home / category
        draw(place / "train" / GOOD, [f"{k:03}" for k in range(6)])
        draw(place / "test" / GOOD, ["000", "001", "002"])
        for kind in ("cut", "hole"):
            draw(place / "test" / kind, [f"{k:03}" for k in range(4)])
            truth = place / "ground_truth" / kind
            truth.mkdir(parents=True)
            for k in range(4):
                mask = np.zeros((H, W), np.uint8)
                mask[10 : 14 + k, 20:30] = 255
                Image.fromarray(mask).save(truth / f"{k:03}_mask.png")
    return root


def run(*arguments: object, root: Path) -> subprocess.CompletedProcess:
    called = [sys.executable, "-m", "benchmarks.run", *map(str, arguments)]
    called += ["--data-root", str(root)]
    return subprocess.run(called, cwd=ROOT, capture_output=True, text=True, timeout=300)


@needs_data
@pytest.mark.parametrize(
    ("category", "counts", "kinds"),
    [("bottle", (209, 20, 63), 3), ("screw", (320, 41, 119), 5)],
)
def test_real_categories(real, category, counts, kinds):
    found = load(real, category)
    normal = int((found.test_labels == 0).sum())
    assert (len(found.train), normal, int(found.test_labels.sum())) == counts
    assert found.train.shape[1:] == found.test.shape[1:] == (3, 224, 224)
    assert len(set(found.test_kinds)) == kinds + 1
    assert found.original_masks is not None
    for place in range(0, len(found.test), 10):
        mask, kind = found.original_masks[place], found.test_kinds[place]
        assert mask.shape == (256, 256) and mask.dtype == bool
        assert mask.any() == found.test_masks[place].any() == (kind != GOOD)
        assert abs(mask.mean() - found.test_masks[place].mean()) < 0.01
        assert found.test_labels[place] == (kind != GOOD)


@needs_data
def test_a_second_start_takes_less_than_a_second(real):
    load(real, "screw"), revision(real, "screw")
    code = (
        "import sys, time; from pathlib import Path; from benchmarks.datasets.mvtec import *\n"
        "root, began = Path(sys.argv[1]), time.process_time()\n"  # others share the machine
        "revision(root, 'screw'), load(root, 'screw').train.sum()\n"
        "print(time.process_time() - began)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(real)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert float(done.stdout) < 1, done.stderr


@needs_data
def test_real_anomalies_of_a_real_category(real):
    whole = DATASETS["mvtec"].task(real, "bottle", Scenario(), 0)
    task = DATASETS["mvtec"].task(real, "bottle", Scenario(real=2), 0)
    assert task.train_labels.sum() == 6 and len(task.train) == 209 + 6
    assert len(task.test) == len(whole.test) - 6 == len(task.original_masks)
    assert task.train_masks.any((1, 2)).tolist() == (task.train_labels == 1).tolist()
    known = {image.tobytes() for image in task.train[task.train_labels == 1]}
    assert not known & {image.tobytes() for image in task.test}
    assert known <= {image.tobytes() for image in whole.test}
    masks = zip(task.original_masks, task.test_masks, strict=True)
    assert all(own.any() == small.any() for own, small in masks)


@pytest.mark.parametrize("home", HOMES)
def test_each_layout_is_found_and_what_is_there_is_named(tmp_path, home):
    assert here(tmp_path) == () and MVTEC.find(tmp_path) is None
    plant(tmp_path, "wood", "cable", home=home)
    assert here(tmp_path) == ("cable", "wood")
    assert len(MVTEC.find(tmp_path)) == 2 * (6 + 3 + 2 * 8)
    with pytest.raises(DataMissing, match=r"MVTec AD's tile is missing.*--from ARCHIVE"):
        load(tmp_path, "tile")


def test_pictures_keep_their_masks_whatever_the_rule(tmp_path):
    plant(tmp_path, "wood")
    for pictures in (Pictures(24), Pictures(30, NEAREST)):
        found, side = load(tmp_path, "wood", pictures), pictures.size
        assert found.train.shape == (6, 3, side, side)
        assert found.test_masks.shape == (11, side, side)
        assert found.test_kinds == ("cut",) * 4 + (GOOD,) * 3 + ("hole",) * 4
        assert [mask.sum() for mask in found.original_masks] == [
            40,
            50,
            60,
            70,
            0,
            0,
            0,
            40,
            50,
            60,
            70,
        ]
        assert found.original_masks[2].shape == (H, W) and len(found.original_masks[2:5]) == 3


def test_formats_and_mixed_sizes(tmp_path):
    place = plant(tmp_path, "wood") / HOMES[0] / "wood"
    for path in (place / "train" / GOOD).iterdir():
        Image.open(path).resize((50, 70)).save(path.with_suffix(".JPG"), "JPEG")
        path.unlink()
    (place / "train" / GOOD / ".DS_Store").write_text("litter")
    (place / "test" / "cut" / "000.png").rename(place / "test" / "cut" / "000.bmp")
    assert load(tmp_path, "wood").train.shape == (6, 3, 224, 224)


def test_grey_categories_become_colour(tmp_path):
    place = plant(tmp_path, "wood") / HOMES[0] / "wood"
    for path in [*place.glob("t*/*/*.png")]:
        Image.open(path).convert("L").save(path)
    found = load(tmp_path, "wood")
    assert found.train.shape[1] == 3 and (found.train[:, 0] == found.train[:, 2]).all()


def shrink(path: Path) -> None:
    Image.open(path).resize((W // 2, H // 2)).save(path)


def empty(path: Path) -> None:
    Image.fromarray(np.zeros((H, W), np.uint8)).save(path)


def deepen(path: Path) -> None:
    Image.fromarray(np.zeros((H, W), np.uint16)).save(path)


FAULTS = {
    "truncated picture": (
        "train/good/003.png",
        lambda p: p.write_bytes(p.read_bytes()[:900]),
        "broken",
    ),
    "empty file": ("test/good/001.png", lambda p: p.write_bytes(b""), "no picture"),
    "16 bits": ("test/cut/001.png", deepen, "more than 8 bits"),
    "grey among colour": (
        "train/good/002.png",
        lambda p: Image.open(p).convert("L").save(p),
        "grey among colour",
    ),
    "mask of another size": ("ground_truth/cut/002_mask.png", shrink, "30 x 20 pixels"),
    "empty mask": ("ground_truth/hole/001_mask.png", empty, "an empty mask"),
    "broken mask": ("ground_truth/hole/001_mask.png", lambda p: p.write_bytes(b"x"), "no picture"),
    "mask without image": (
        "ground_truth/cut/009_mask.png",
        lambda p: shutil.copy(p.with_name("000_mask.png"), p),
        "a mask without an image",
    ),
    "unreadable format": (
        "test/hole/004.gif",
        lambda p: p.write_bytes(b"GIF"),
        "convert or remove",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_that_names_the_file(tmp_path, fault):
    name, harm, words = FAULTS[fault]
    path = plant(tmp_path, "wood") / HOMES[0] / "wood" / name
    harm(path)
    with pytest.raises(ValueError, match=words) as caught:
        load(tmp_path, "wood")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_missing_is_named(tmp_path):
    place = plant(tmp_path, "wood") / HOMES[0] / "wood"
    mask = place / "ground_truth" / "cut" / "001_mask.png"
    kept = mask.read_bytes()
    mask.unlink()
    with pytest.raises(ValueError, match=rf"cut/001.png: its mask {mask} is missing"):
        load(tmp_path, "wood")
    mask.write_bytes(kept)
    shutil.rmtree(place / "test" / GOOD)
    with pytest.raises(ValueError, match=r"test/good: no images, so AUC is undefined"):
        load(tmp_path, "wood")
    shutil.rmtree(place / "test" / "cut")
    (place / "test" / "hole").rename(place / "test" / GOOD)
    with pytest.raises(ValueError, match=r"test/<defect>: no images"):
        load(tmp_path, "wood")
    for path in (place / "train" / GOOD).iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"train/good: no pictures"):
        load(tmp_path, "wood")


def test_the_revision_is_a_categorys_own(tmp_path):
    plant(tmp_path, "wood")
    before = revision(tmp_path, "wood")
    assert (
        revision(tmp_path, "wood", Pictures(240, NEAREST))
        == before.split(",")[0] + ", 240 px, nearest"
    )
    plant(tmp_path, "tile")
    assert revision(tmp_path, "wood") == before
    path = tmp_path / HOMES[0] / "wood" / "train" / GOOD / "000.png"
    path.write_bytes((path.parent / "001.png").read_bytes())
    assert revision(tmp_path, "wood") != before


def test_the_plan_runs_what_is_there_and_names_the_rest(tmp_path):
    plant(tmp_path, "wood", "tile")
    plan = make_plan(Request("mvtec", tmp_path))
    assert {one.trial.normal for one in plan.trials} == {"wood", "tile"} and not plan.missing
    (line,) = plan.left_out
    assert all(name in line for name in CATEGORIES if name not in ("wood", "tile"))
    asked = make_plan(Request("mvtec", tmp_path, normals=("wood", "grid")))
    assert {one.trial.normal for one in asked.trials} == {"wood"}
    assert len(asked.missing) == 1 and "grid is missing" in asked.missing[0]


def test_who_trains_with_real_anomalies(tmp_path):
    plant(tmp_path, "wood")

    def scenarios(**values: object) -> dict[str, str]:
        request = Request("mvtec", tmp_path, scenario=Scenario(labelled=0.05, **values))
        return {one.trial.detector: str(one.trial.scenario) for one in make_plan(request).trials}

    held, stay = scenarios(real=1), scenarios(real=1, held_out=False)
    for name, entry in DETECTORS.items():
        given = entry.labelled or entry.exposed
        rest = "" if given else ", not trained with"
        assert held[name] == f"real 1 of each kind held out{rest}"
        assert stay[name] == ("real 1 of each kind in test" if given else "")
    assert set(scenarios().values()) == {""}


@pytest.mark.parametrize(
    ("given", "scenario", "exposure"),
    [
        ("--real 1", "real 1 of each kind held out", None),
        ("--real 1 --real-in-test", "real 1 of each kind in test", None),
        ("--recipe paper", "", None),
        ("--recipe paper --real 1", "real 1 of each kind in test", "none"),
        ("--recipe paper --real 1 --no-real-in-test", "real 1 of each kind held out", "none"),
    ],
)
def test_with_real_anomalies_the_papers_recipe_does_as_its_authors(given, scenario, exposure):
    request = request_of(parser().parse_args(["--labelled", "0", *given.split()]))
    assert (str(request.scenario), request.exposure) == (scenario, exposure)


def test_what_cannot_be_trained_with_is_left_out(tmp_path):
    plant(tmp_path, "wood")
    alone = make_plan(Request("mvtec", tmp_path, exposure="none"))
    assert not {one.trial.detector for one in alone.trials} & set(EXPOSED)
    assert any("fcdd on mvtec" in line and "--real" in line for line in alone.left_out)
    quick = Request("quick", tmp_path, scenario=Scenario(real=1), exposure="none")
    plan = make_plan(quick)
    assert {one.trial.dataset for one in plan.trials} == {"textures"}
    assert {one.trial.exposure for one in plan.trials if one.trial.detector == "fcdd"} == {"none"}
    assert "digits: no kinds of defects to take real anomalies of" in plan.left_out
    with pytest.raises(UsageError, match="--real"):
        make_plan(Request("mvtec", tmp_path, scenario=Scenario(held_out=False)))


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> Path:
    root = plant(tmp_path_factory.mktemp("damaged"), "wood", "tile")
    path = root / HOMES[0] / "wood" / "train" / GOOD / "000.png"
    path.write_bytes(path.read_bytes()[:900])
    (root / HOMES[0] / "tile" / "ground_truth" / "cut" / "000_mask.png").unlink()
    return root


def test_faults_at_the_command_line(damaged, tmp_path):
    done = run("--suite", "mvtec", "--detectors", "pca", "--out", tmp_path, root=damaged)
    assert done.returncode == 2  # wood was tried and failed
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert any("incomplete" in line and "cut/000.png: its mask" in line for line in lines)
    assert any("train/good/000.png: broken or truncated" in line for line in lines)
    assert "mvtec: bottle, cable" in done.stdout


def test_prepare_and_list_say_what_is_there_and_where_the_rest_is(damaged, capsys):
    for show in (listing, prepare):
        assert show(["--data-root", str(damaged)]) == 0
        told = capsys.readouterr().out
        for words in (HOME_PAGE, SHA256, "CC BY-NC-SA 4.0"):
            assert words in told
    assert "missing bottle, cable" in told
    assert prepare(["mvtec", "--data-root", str(damaged)]) == 4
    told = capsys.readouterr().err
    assert "not fetched by itself" in told and told.count("\n") == 1
