"""A killed training goes on to the very scores of one that was left alone; what a checkpoint of
another training, a damaged one or a full disk does."""

import json
import logging
import multiprocessing
import os
import signal
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from sklearn.base import clone

from baselines import checkpoint, deep
from baselines.anomalies import Append, Exposure, Replace
from baselines.augment import Crop, Flip, Noise
from baselines.autoencoder import Pretraining
from baselines.checkpoint import checkpointing
from baselines.deep import fit_many
from baselines.deep_svdd import DeepSVDD, SoftDeepSVDD
from baselines.hsc import HSC
from baselines.nets import LeNet
from baselines.normalise import GlobalContrast
from baselines.schedules import OneCycle, sgd
from baselines.sources import HOUSE, sources, training_code
from baselines.stack import deterministic
from baselines.trainer import Recipe
from fcdd.detector import FCDD
from fcdd.nets import Net28

PROCESSES = multiprocessing.get_context("forkserver")  # each a process, torch imported once
PROCESSES.set_forkserver_preload(["fcdd.detector", "pytest"])
RECIPE = Recipe(60, 16, 1e-3, schedule=OneCycle(), weight_decay=1e-6, normalise=GlobalContrast())
AUGMENTED = replace(RECIPE, augment=(Crop(2), Flip(), Noise(0.01)))
NET = LeNet((4, 4), 16, 8)
CLASSIFIER = LeNet((4, 4), 16, 8, bias=True, affine=True)
NOISE = Exposure(
    torch.from_numpy(np.random.default_rng(0).integers(0, 256, (50, 1, 28, 28)).astype(np.uint8))
)
HSC_MEMBER = HSC(CLASSIFIER, replace(AUGMENTED, placement=Append()), anomalies=NOISE)
FCDD_MEMBER = FCDD(
    Net28(4), replace(AUGMENTED, placement=Replace(0.5), optimiser=sgd), anomalies=NOISE
)
MEMBERS = {
    "deep_svdd": [DeepSVDD(NET, RECIPE, pretraining=Pretraining(RECIPE))],
    "deep_svdd_soft": [SoftDeepSVDD(NET, RECIPE, pretraining=Pretraining(RECIPE), warm_up=1)],
    "hsc": [HSC_MEMBER],
    "fcdd": [FCDD_MEMBER],
    "two_of_hsc": [HSC_MEMBER, clone(HSC_MEMBER).set_params(seed=1)],
    "two_of_fcdd": [FCDD_MEMBER, clone(FCDD_MEMBER).set_params(seed=1)],
}


def images(seed: int) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 1, 28, 28))
    return pixels.astype(np.uint8) // (1 + seed)


def fitted(name: str) -> list:
    members = [clone(member) for member in MEMBERS[name]]
    if len(members) == 1:
        return [members[0].fit(images(0))]
    return fit_many(members, [images(k) for k in range(len(members))])


def steps_done(path: Path) -> int:
    """Steps in a checkpoint that is being written again and again."""
    with safe_open(path, "pt") as file:
        return file.get_slice("losses").get_shape()[0]


def killed(name: str, folder: Path, of: str, after: int) -> None:
    """Train in a process of its own; kill it once the checkpoint of the detector `of` says that
    more than `after` steps are done."""
    child = PROCESSES.Process(target=kept, args=(name, folder))
    child.start()
    until = time.monotonic() + 300
    while not any(steps_done(path) > after for path in folder.glob(f"{of}-*.safetensors")):
        assert child.is_alive() and time.monotonic() < until, "it was not to end by itself"
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL


def kept(name: str, folder: Path) -> None:
    """The training that is killed: a checkpoint after every step."""
    checkpoint.SHARE = 0
    with checkpointing(folder, every=0):
        fitted(name)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """No training is remembered from another fit of this process."""
    monkeypatch.setattr(deep, "_REMEMBERED", OrderedDict())


@pytest.mark.parametrize(
    ("name", "of", "after"),
    [
        ("deep_svdd", "Autoencoder", 20),
        ("deep_svdd", "DeepSVDD", 31),
        ("deep_svdd_soft", "SoftDeepSVDD", 40),
        ("hsc", "HSC", 13),
        ("fcdd", "FCDD", 26),
        ("two_of_hsc", "HSC", 17),
        ("two_of_fcdd", "FCDD", 0),
    ],
)
def test_a_killed_training_goes_on_to_the_same_scores(
    name, of, after, tmp_path, caplog, monkeypatch
):
    folder = tmp_path / "checkpoints"
    killed(name, folder, of, after)
    alone = fitted(name)
    monkeypatch.setattr(deep, "_REMEMBERED", OrderedDict())
    with caplog.at_level(logging.INFO), checkpointing(folder):
        resumed = fitted(name)
    told = [r.getMessage() for r in caplog.records if "going on at epoch" in r.getMessage()]
    assert any(f"{of}-" in line for line in told), told
    for one, other in zip(alone, resumed, strict=True):
        assert np.array_equal(one.losses_, other.losses_)
        assert np.array_equal(one.decision_scores_, other.decision_scores_)
        test = images(3)
        assert np.array_equal(one.decision_function(test), other.decision_function(test))
        for key, value in one.state_.items():
            assert torch.equal(value, other.state_[key]), key
    assert not folder.exists()


def test_every_step_can_be_gone_on_from(tmp_path, monkeypatch):
    """Not only epochs' ends: a training stopped after each of its first steps."""
    monkeypatch.setattr(checkpoint, "SHARE", 0)
    short = clone(FCDD_MEMBER).set_params(recipe=replace(FCDD_MEMBER.recipe, epochs=2))
    alone = clone(short).fit(images(0))
    assert len(alone.losses_) == 6
    write = checkpoint.write
    for last in range(1, 7):

        def stop(path, tensors, said, last=last):
            write(path, tensors, said)
            if len(tensors["losses"]) == last:
                raise KeyboardInterrupt

        monkeypatch.setattr(checkpoint, "write", stop)
        with suppress(KeyboardInterrupt), checkpointing(tmp_path, every=0):
            clone(short).fit(images(0))
        (path,) = tmp_path.glob("*.safetensors")
        assert steps_done(path) == last
        monkeypatch.setattr(checkpoint, "write", write)
        with checkpointing(tmp_path):
            resumed = clone(short).fit(images(0))
        assert np.array_equal(alone.losses_, resumed.losses_)
        assert np.array_equal(alone.decision_scores_, resumed.decision_scores_)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_a_training_on_a_gpu_goes_on_to_the_same_scores(tmp_path, monkeypatch):
    recipe = replace(FCDD_MEMBER.recipe, epochs=4, precision=torch.float32, compile=False)
    member = clone(FCDD_MEMBER).set_params(recipe=recipe, device="cuda")
    monkeypatch.setattr(checkpoint, "SHARE", 0)
    write = checkpoint.write

    def stop(path, tensors, said):
        write(path, tensors, said)
        if len(tensors["losses"]) == 5:
            raise KeyboardInterrupt

    try:
        deterministic()
        alone = clone(member).fit(images(0))
        monkeypatch.setattr(checkpoint, "write", stop)
        with suppress(KeyboardInterrupt), checkpointing(tmp_path, every=0):
            clone(member).fit(images(0))
        monkeypatch.setattr(checkpoint, "write", write)
        with checkpointing(tmp_path):
            resumed = clone(member).fit(images(0))
    finally:
        deterministic(False)
    assert np.array_equal(alone.losses_, resumed.losses_)
    assert np.array_equal(alone.decision_scores_, resumed.decision_scores_)


@pytest.fixture
def left(tmp_path, monkeypatch) -> Path:
    """The checkpoint that an interrupted training of FCDD left."""
    monkeypatch.setattr(checkpoint, "SHARE", 0)
    write = checkpoint.write

    def stop(path, tensors, said):
        write(path, tensors, said)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write", stop)
    with suppress(KeyboardInterrupt), checkpointing(tmp_path, every=0):
        clone(SHORT).fit(images(0))
    monkeypatch.setattr(checkpoint, "write", write)
    return next(tmp_path.glob("FCDD-*.safetensors"))


SHORT = clone(FCDD_MEMBER).set_params(recipe=replace(FCDD_MEMBER.recipe, epochs=1))
OTHERS = {
    "parameters": lambda: clone(SHORT).set_params(sigma=3.0).fit(images(0)),
    "rows": lambda: clone(SHORT).fit(images(0)[::-1].copy()),
    "anomalies": lambda: clone(SHORT).fit(
        np.concatenate([images(0), images(1)[:1]]), np.r_[np.zeros(40, int), 1]
    ),
    "deterministic": lambda: to_the_bit(lambda: clone(SHORT).fit(images(0))),
    "code": lambda: in_another_version(lambda: clone(SHORT).fit(images(0))),
}


def to_the_bit(fit):
    try:
        deterministic()
        return fit()
    finally:
        deterministic(False)


def in_another_version(fit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "CODE", "another")
        return fit()


def test_the_code_is_that_of_every_file_that_trains(tmp_path):
    for package in ("baselines", "fcdd"):
        (tmp_path / package / "nets").mkdir(parents=True)
        (tmp_path / package / "nets" / "one.py").write_text("1")
    before = sources(tmp_path, ("baselines", "fcdd"))
    (tmp_path / "fcdd" / "__pycache__").mkdir()
    (tmp_path / "fcdd" / "__pycache__" / "one.pyc").write_text("1")
    assert sources(tmp_path, ("baselines", "fcdd")) == before
    (tmp_path / "fcdd" / "nets" / "one.py").write_text("2")
    assert sources(tmp_path, ("baselines", "fcdd")) != before
    assert sources(HOUSE, ("baselines", "fcdd")) == training_code() == checkpoint.CODE


@pytest.mark.parametrize("part", OTHERS)
def test_a_checkpoint_of_another_training_is_named_and_not_used(part, left, caplog, monkeypatch):
    monkeypatch.setattr(deep, "checkpoint_of", whatever_it_is_called(left))
    detector = OTHERS[part]()
    assert len(detector.losses_) == 3
    (line,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert line.startswith(f"{left}: of another training; not the same") and part in line
    assert line.endswith("training from the start")


def whatever_it_is_called(path: Path):
    def at(detector, parameters, sets, device, place=0):
        return checkpoint.Checkpoint(
            path, lambda: checkpoint.identity(parameters, sets, device), every=100
        )

    return at


def test_damage_is_named_and_not_used(left, caplog):
    whole = left.read_bytes()
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    foreign = whole.replace(b'"format":"2"', b'"format":"7"')
    cases = {"cut short": whole[:-9], "sha256": bytes(flipped), "of format 7, not 2": foreign}
    alone = clone(SHORT).fit(images(0))
    for words, content in cases.items():
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(content)
        caplog.clear()
        with checkpointing(left.parent):
            detector = clone(SHORT).fit(images(0))
        (line,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        assert str(left) in line and words in line
        assert np.array_equal(alone.decision_scores_, detector.decision_scores_)


def test_an_error_keeps_checkpoints_and_success_removes_them(tmp_path):
    with suppress(ZeroDivisionError), checkpointing(tmp_path / "kept", every=0):
        clone(SHORT).fit(images(0))
        raise ZeroDivisionError
    assert len(list((tmp_path / "kept").iterdir())) == 1
    with checkpointing(tmp_path / "kept", every=0):
        detector = clone(SHORT).fit(images(0))  # trained already: its end was kept
    assert not (tmp_path / "kept").exists() and len(detector.losses_) == 3
    clone(SHORT).fit(images(0))
    with checkpointing(tmp_path / "never"):
        clone(SHORT).fit(images(0))
    assert not (tmp_path / "never").exists()


def test_time_spent_before_counts(left):
    content = json.loads(safe_open(left, "pt").metadata()["content"])
    tensors, said = checkpoint.read(left, content["identity"])
    checkpoint.write(left, tensors, said | {"seconds": 1000.0})
    with checkpointing(left.parent):
        assert clone(SHORT).fit(images(0)).fit_seconds_ > 1000


def test_a_disk_that_takes_no_checkpoint_costs_no_training(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with checkpointing(blocked / "checkpoints", every=0):
        detector = clone(SHORT).fit(images(0))
    assert np.array_equal(detector.losses_, clone(SHORT).fit(images(0)).losses_)
    assert "no checkpoint written" in caplog.text and "training goes on" in caplog.text


def test_parameters_without_a_name_leave_no_checkpoint(tmp_path, caplog):
    nameless = replace(RECIPE, epochs=1, schedule=lambda epoch, epochs: 1.0)
    with checkpointing(tmp_path, every=0):
        DeepSVDD(NET, nameless, pretraining=None).fit(images(0))
        assert not list(tmp_path.iterdir())
    assert "a parameter without a name; no checkpoints" in caplog.text


@pytest.mark.parametrize("threads", [1, 2])
def test_deterministic_runs_of_two_processes_are_equal_to_the_bit(threads, tmp_path):
    paths = [tmp_path / f"{run}.npy" for run in range(2)]
    runs = [PROCESSES.Process(target=scores_to, args=(path, threads)) for path in paths]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    first, second = (np.load(path) for path in paths)
    assert first.std() > 0 and np.array_equal(first, second)


def test_deterministic_mode_can_be_left():
    try:
        deterministic()
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        deterministic(False)
    assert not torch.are_deterministic_algorithms_enabled()


def scores_to(path: Path, threads: int) -> None:
    """What the test of deterministic mode runs twice."""
    torch.set_num_threads(threads)
    deterministic()
    recipe, short = replace(FCDD_MEMBER.recipe, epochs=1, batch=20), replace(RECIPE, epochs=2)
    members = [FCDD(Net28(32), recipe, anomalies=NOISE)]
    members += [SoftDeepSVDD(NET, short, pretraining=Pretraining(short), warm_up=1)]
    np.save(path, np.stack([m.fit(images(0)).decision_function(images(2)) for m in members]))
