"""Suites that sweep over what is trained with: sizes of an exposure, Deep SAD's scenarios."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.arguments import parser
from benchmarks.datasets import EXPOSURES
from benchmarks.disk import needed
from benchmarks.options import ALL
from benchmarks.plan import Request, UsageError, make_plan
from benchmarks.planned import planned
from benchmarks.run import main
from benchmarks.scenario import Scenario
from benchmarks.suites import DATASETS
from benchmarks.sweeps import CLASSES, POLLUTED, SHARES, SUITES
from benchmarks.trial import Planned, Trial
from tests.test_cifar import write
from tests.test_datasets import arrays
from tests.test_datasets import write as write_idx


@pytest.fixture
def root(tmp_path) -> Path:
    write(tmp_path, pickled=False)
    records = np.random.default_rng(0).integers(0, 256, (100, 3074), dtype=np.uint8)
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary/train.bin").write_bytes(records.tobytes())
    return tmp_path


def test_the_exposure_grows_by_powers_to_all_of_it(root):
    plan = make_plan(Request("exposure", root, ["hsc"], ["cat"]))
    sizes = [one.trial.exposure_size for one in plan.trials]
    assert sizes == [1, 2, 4, 8, 16, 32, 64, None]
    assert {one.trial.exposure for one in plan.trials} == {"cifar100"}
    usual = make_plan(Request("cifar10", root, ["hsc"], ["cat"]))
    assert plan.trials[-1].digest == usual.trials[0].digest  # done once, whichever suite asks


def test_a_trial_says_how_many_images_its_exposure_held(root):
    for size, suite in ((None, "cifar10"), (3, "cifar10"), (None, "exposure")):
        plan = make_plan(Request(suite, root, ["hsc", "pca"], ["cat"], exposure_size=size))
        held = {one.trial.detector: one.resolved.get("exposure_images") for one in plan.trials}
        assert held == {"hsc": 100, "pca": None}
    (one, *_) = plan.trials
    twin = replace(one, resolved={k: v for k, v in one.resolved.items() if k != "exposure_images"})
    assert twin.digest == one.digest


def test_a_size_that_is_asked_for_is_the_only_one(root):
    for asked, found in ((3, 3), (100, None), (10**9, None), (ALL, None)):
        request = Request("exposure", root, ["fcdd"], ["cat"], exposure_size=asked)
        assert [one.trial.exposure_size for one in make_plan(request).trials] == [found]


@pytest.mark.parametrize("suite", ["mnist", "quick"])
def test_an_exposure_that_shows_the_normal_class_is_refused_in_one_line(suite, tmp_path):
    write_idx(tmp_path / "mnist", arrays())
    request = Request(suite, tmp_path, ["hsc"], ["3"], exposure="mnist")
    with pytest.raises(UsageError, match="exposure mnist would hold the normal class") as caught:
        make_plan(request)
    assert "\n" not in str(caught.value) and "choose another --exposure" in str(caught.value)
    assert make_plan(replace(request, exposure="photos")).trials


def test_every_exposure_is_known_to_show_the_data_set_of_its_name():
    assert all(name in EXPOSURES[name].shows for name in EXPOSURES if name in DATASETS)


def exposed(dataset: str, exposure: str, *sizes: int | None) -> list[Planned]:
    trials = [
        Trial("hsc", dataset, "acorn", seed, "fast", exposure, size)
        for seed in (0, 1)
        for size in sizes
    ]
    return [Planned(trial, {"exposure_images": 10**6}, {}) for trial in trials]


def test_the_disk_that_a_large_exposure_takes_is_told():
    (line,) = needed(exposed("imagenet30", "imagenet22k", 1, 2**10, 2**18))
    assert line.startswith("exposure imagenet22k: up to 103 GB of decoded pictures")
    (line,) = needed(exposed("imagenet30", "folder:/pictures", None))  # the same for every seed
    assert line.startswith("exposure folder:/pictures: up to 10 GB")
    small = exposed("cifar10", "imagenet22k", None), exposed("imagenet30", "photos", None)
    for one in (*small, exposed("imagenet30", "imagenet1k", 2**12)):
        assert not [*needed(one)]


def test_the_plan_shows_its_notes(root):
    request = Request("cifar10", root, ["hsc"], ["cat"])
    plan = make_plan(request)
    assert plan.notes == ()
    arguments = parser().parse_args(["--suite", "cifar10"])
    shown = planned(arguments, request, replace(plan, notes=("much disk",)), 1, "1 x cpu")
    assert shown[-1] == "note: much disk"


def test_all_may_be_asked_for_at_the_command_line():
    assert parser().parse_args(["--exposure-size", "all"]).exposure_size == ALL
    assert parser().parse_args(["--exposure-size", "8"]).exposure_size == 8


def test_detectors_without_exposure_run_once_in_a_sweep_of_its_sizes(root):
    plan = make_plan(Request("exposure", root, ["pca"], ["cat"]))
    assert len(plan.trials) == 1


def test_deep_sad_has_the_scenarios_of_its_paper(root):
    plan = make_plan(Request("deepsad", root, normals=["ship"], seeds=range(9)))
    trials = [one.trial for one in plan.trials]
    assert {t.detector for t in trials} == {"deep_sad"} and {t.dataset for t in trials} == {
        "cifar10"
    }
    found = {t.scenario for t in trials}
    assert [s.labelled for s in SHARES] == [0, 0.01, 0.05, 0.1, 0.2]
    assert [s.pollution for s in POLLUTED] == [0, 0.01, 0.05, 0.1, 0.2]
    assert [s.known_classes * bool(s.labelled) for s in CLASSES] == [0, 1, 2, 3, 5]
    assert all(s.pollution == 0.1 for s in CLASSES)
    assert found == {*SHARES, *POLLUTED, *CLASSES}
    # (.05, 1 class) clean stands in (i) and (ii), polluted by .1 in (ii) and (iii).
    assert len(found) == 5 + 5 + 5 - 2 and len(trials) == 9 * len(found)


def test_other_suites_take_the_scenario_of_the_command_line(root):
    asked = Scenario(0.1, 2, 0.05)
    plan = make_plan(Request("cifar10", root, ["deep_sad"], ["cat"], scenario=asked))
    assert [one.trial.scenario for one in plan.trials] == [asked]
    assert not SUITES["cifar10"].scenarios and not SUITES["cifar10"].sizes


def test_the_plan_names_the_sizes_and_scenarios_of_a_suite(root, capsys):
    few = ["--normal", "cat", "--data-root", str(root), "--dry-run"]
    assert main(["--suite", "exposure", "--detectors", "hsc", *few]) == 0
    assert "exposure: cifar100 (1, 2, 4, 8, 16, 32, 64, all)\n" in capsys.readouterr().out
    assert main(["--suite", "deepsad", "--labelled", "0.1", *few]) == 0
    said = capsys.readouterr().out
    assert "labelled 0.05 of 5 class(es), pollution 0.1" in said
    assert "no effect: --labelled 0.1 (suite deepsad has values of its own)" in said
