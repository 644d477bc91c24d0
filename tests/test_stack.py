"""K together equals K apart, and what the step's machinery promises."""

import platform
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

from baselines.anomalies import Append, Replace
from baselines.augment import Crop, Flip, Noise
from baselines.autoencoder import Autoencoder, ErrorOf, Pretraining
from baselines.deep import fit_many
from baselines.deep_sad import DeepSAD
from baselines.deep_svdd import DeepSVDD, SoftDeepSVDD
from baselines.hsc import BCE, HSC, Focal
from baselines.nets import LeNet, MirroredLeNet
from baselines.normalise import GlobalContrast
from baselines.schedules import OneCycle, sgd
from baselines.stack import across, compiled, kept_memory
from baselines.trainer import Recipe
from fcdd.detector import FCDD
from fcdd.nets import Net28

RECIPE = Recipe(2, 16, 1e-3, schedule=OneCycle(), precision=torch.float64, weight_decay=1e-6)
AUGMENTED = replace(RECIPE, augment=(Crop(2), Flip(), Noise(0.01)), normalise=GlobalContrast())
NET = LeNet((4, 4), 16, 8)
CLASSIFIER = LeNet((4, 4), 16, 8, bias=True, affine=True)
START = Pretraining(RECIPE)

MEMBERS = {
    "autoencoder": Autoencoder(ErrorOf(MirroredLeNet(NET)), AUGMENTED),
    "deep_svdd": DeepSVDD(NET, RECIPE, pretraining=START),
    "deep_svdd_soft": SoftDeepSVDD(NET, RECIPE, pretraining=START, warm_up=1),
    "deep_sad": DeepSAD(NET, RECIPE, pretraining=START),
    "hsc": HSC(CLASSIFIER, replace(AUGMENTED, placement=Append())),
    "bce": BCE(replace(CLASSIFIER, code=1), replace(AUGMENTED, placement=Append())),
    "focal": Focal(replace(CLASSIFIER, code=1), replace(AUGMENTED, placement=Append())),
    "fcdd": FCDD(Net28(4), replace(AUGMENTED, placement=Replace(0.5), optimiser=sgd)),
}


def data(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 1, 28, 28)).astype(np.uint8)
    return images // (1 + seed), (np.arange(n) % 8 == 0).astype(int)


@pytest.mark.parametrize("name", MEMBERS)
def test_k_together_equals_k_apart(name):
    sets = [data(seed) for seed in range(3)]
    apart = [clone(MEMBERS[name]).set_params(seed=seed).fit(*own) for seed, own in enumerate(sets)]
    members = [clone(MEMBERS[name]).set_params(seed=seed + 10) for seed in range(3)]
    fit_many(members, *zip(*sets, strict=True))  # other seeds first: nothing may be remembered
    together = [m.set_params(seed=seed) for seed, m in enumerate(members)]
    fit_many(together, *zip(*sets, strict=True))
    for one, other in zip(apart, together, strict=True):
        np.testing.assert_allclose(one.losses_, other.losses_, rtol=1e-9)
        np.testing.assert_allclose(
            one.decision_scores_, other.decision_scores_, rtol=1e-7, atol=1e-12
        )
    assert not np.allclose(apart[0].decision_scores_, apart[1].decision_scores_)


def test_classes_of_other_size_are_trained_apart_with_equal_result():
    sets = [data(0), data(1, 24), data(2)]
    many = fit_many([clone(MEMBERS["hsc"]) for _ in sets], *zip(*sets, strict=True))
    for found, own in zip(many, sets, strict=True):
        alone = clone(MEMBERS["hsc"]).fit(*own)
        np.testing.assert_allclose(found.decision_scores_, alone.decision_scores_, rtol=1e-7)


def test_fit_many_refuses_different_detectors():
    with pytest.raises(ValueError, match="differ in seeds and exposures only"):
        fit_many([MEMBERS["hsc"], MEMBERS["bce"]], [data(0)[0], data(1)[0]])


@pytest.mark.parametrize("name", ["deep_svdd", "hsc", "fcdd"])
def test_k_together_runs_in_default_precision(name):
    recipe = replace(MEMBERS[name].recipe, precision=None)
    member = clone(MEMBERS[name]).set_params(recipe=recipe)
    if name == "deep_svdd":
        member.set_params(pretraining=Pretraining(recipe))
    many = fit_many([clone(member) for _ in range(2)], [data(0)[0], data(1)[0]])
    assert all(np.isfinite(found.decision_scores_).all() for found in many)


def test_sets_of_other_size_inside_are_trained_apart():
    """Deep SAD that pretrains on normal rows only: as many rows, but not as many normal ones."""
    images, y = data(0)
    fewer = y.copy()
    fewer[np.flatnonzero(y)[0]] = 0
    member = clone(MEMBERS["deep_sad"]).set_params(pretrain_on_anomalies=False)
    fit_many([member, clone(member)], [images, images], [y, fewer])
    alone = clone(member).fit(images, fewer)
    np.testing.assert_allclose(
        alone.decision_scores_, clone(member).fit(images, fewer).decision_scores_
    )


def test_masks_reach_fit_many():
    images, y = data(0)
    masks = np.zeros((len(images), 28, 28))
    masks[y == 1, :4] = 1
    found = fit_many([clone(MEMBERS["fcdd"])], [images], [y], [masks])[0]
    assert np.isfinite(found.decision_scores_).all()


def test_across_is_a_loop_over_the_leading_axis():
    x, y = torch.randn(3, 5, 2), {"c": torch.randn(3, 2)}

    def distance(out, state, nothing):
        assert nothing is None
        return {"d": ((out - state["c"]) ** 2).sum(1)}

    for k in (1, 3):
        found = across(distance, x[:k], {"c": y["c"][:k]}, None)["d"]
        expected = torch.stack([((x[i] - y["c"][i]) ** 2).sum(1) for i in range(k)])
        torch.testing.assert_close(found, expected)


def test_a_failing_compiler_falls_back_with_one_line(caplog, monkeypatch):
    def broken(function, dynamic):
        def call(*args):
            raise RuntimeError("no compiler here\nmore lines")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    double = compiled(lambda x: 2 * x, True)
    assert double(3) == 6 and double(4) == 8
    assert [record.getMessage() for record in caplog.records] == [
        "not compiled, running eagerly: no compiler here"
    ]


def test_compiled_training_equals_eager():
    recipe = replace(RECIPE, epochs=1, precision=torch.float32)
    eager = DeepSVDD(NET, recipe).fit(data(0)[0])
    fast = DeepSVDD(NET, replace(recipe, compile=True)).fit(data(0)[0])
    np.testing.assert_allclose(eager.losses_, fast.losses_, rtol=1e-4)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_is_kept_from_step_to_step_and_given_back():
    """Filling 64 MB that were just freed touches no page anew, and then they are given back."""

    def touched() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(2**24)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    with kept_memory(torch.device("cpu")):
        first = [touched() for _ in range(40)]  # until there are places enough
        assert max(first[-5:]) < 100
        kept = resident()
    assert resident() < kept - 2**25
