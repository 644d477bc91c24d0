"""Trials fitted together: who is, that it changes nothing, and what one costs the others."""

import csv
import logging
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import wicked

from benchmarks import condition
from benchmarks.condition import SpentError
from benchmarks.evaluate import Terms, evaluate
from benchmarks.fastest import alone, fastest
from benchmarks.lots import checkpoints, lots
from benchmarks.machine import processor
from benchmarks.plan import Request, make_plan
from benchmarks.store import Store
from benchmarks.supervise import Crew, supervised
from benchmarks.trial import Planned
from benchmarks.worker import Options, Seat, most_of

ROOT = Path(__file__).parent.parent
FIELDS = ("measure", "dataset", "detector", "recipe", "nets", "ratio", "machine", "device")
COLUMNS = (*FIELDS, "threads")


@pytest.fixture(autouse=True)
def folder():
    with wicked.at_home() as place:
        yield place


def measured(folder: Path, detector: str, *found: tuple[int, float], **other: object) -> Path:
    """A table that says how much faster so many nets of a detector are together on this machine."""
    here = {"machine": processor(), "device": "cpu", "threads": torch.get_num_threads()} | other
    folder.mkdir(exist_ok=True)
    with (folder / f"{detector}.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerow({"measure": "peak"} | here)
        for nets, ratio in found:
            row = {"measure": "together", "dataset": "digits", "detector": detector}
            table.writerow(row | {"recipe": "fast", "nets": float(nets), "ratio": ratio} | here)
    return folder


def run(trials: list[Planned], out: Path, most=alone) -> dict[int, dict]:
    """Rows by seed."""
    return {
        row["seed"]: row
        for row in evaluate(trials, ROOT, Store(out), "cpu", terms=Terms(most=most))
    }


def most(tmp_path: Path, detector: str, nets: int):
    table = measured(tmp_path / "speed", detector, (nets, 1.5))
    return fastest("cpu", torch.get_num_threads(), table)


def said(rows: dict[int, dict]) -> dict[int, tuple[str, int]]:
    return {seed: (row["status"], row["together"]) for seed, row in rows.items()}


def test_k_is_what_was_measured_to_be_fastest_here(tmp_path, caplog):
    one, threads = wicked.planned("exact"), torch.get_num_threads()
    assert fastest("cpu", threads, tmp_path / "none")(one) == 1
    measured(tmp_path, "exact", (2, 1.2), (5, 1.6), (9, 1.4))
    measured(tmp_path, "raises", (2, 1.01))
    measured(tmp_path, "dies", (7, 2.0), machine="a GPU", device="cuda")
    here = fastest("cpu", threads, tmp_path)
    assert [here(wicked.planned(name)) for name in ("exact", "raises", "dies")] == [5, 1, 1]
    assert fastest("a GPU", threads, tmp_path)(wicked.planned("dies")) == 7
    assert fastest("cpu", threads + 1, tmp_path)(one) == 1
    (tmp_path / "torn.csv").write_text("measure,ratio\ntogether,fast\n")
    with caplog.at_level(logging.WARNING):
        assert fastest("cpu", threads, tmp_path)(one) == 5
    assert "torn.csv: not a table" in caplog.text


def test_lots_keep_what_is_alike_together_in_order():
    asked = Request("quick", ROOT, ("autoencoder", "deep_svdd", "pca"), ("3", "4"), seeds=(0, 1, 2))
    trials = sorted(make_plan(asked).trials, key=lambda one: one.trial.seed)
    assert [len(lot) for lot in lots(trials, alone)] == [1] * 18
    assert [one for (one,) in lots(trials, alone)] == trials
    three = list(lots(trials, lambda one: 1 if one.trial.detector == "pca" else 3))
    assert sorted(map(len, three)) == [1] * 6 + [3] * 4
    assert {one.stem for lot in three for one in lot} == {one.stem for one in trials}
    for lot in three:
        assert len({(one.trial.detector, one.trial.normal) for one in lot}) == 1


def test_together_gives_the_rows_of_apart(tmp_path):
    """Exposures differ with the seed, and no claim is held, no checkpoint left."""
    trials = [wicked.planned("exact", seed=seed, exposure="photos") for seed in range(3)]
    apart, three = tmp_path / "apart", tmp_path / "three"
    singly = run(trials, apart)
    together = run(trials, three, most(tmp_path, "exact", 3))
    assert said(singly) == dict.fromkeys(range(3), ("done", 1))
    assert said(together) == dict.fromkeys(range(3), ("done", 3))
    for seed, row in together.items():
        assert row["metrics"] == pytest.approx(singly[seed]["metrics"], rel=1e-9)
        assert row["threshold"] == pytest.approx(singly[seed]["threshold"], rel=1e-6)
        assert not row["bfloat16"] and row["total_seconds"] >= row["seconds"] > row["fit_seconds"]
        ours = Store(three).arrays(row)["scores"]
        theirs = Store(apart).arrays(singly[seed])["scores"]
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        assert len(np.unique(ours)) > len(ours) / 2
    assert not list(three.glob("checkpoints/*")) and not list(three.glob("claims/*"))
    again = run(trials, three, most(tmp_path, "exact", 3))
    assert again == together  # the stored ones


def test_one_that_raises_costs_itself_alone(tmp_path):
    trials = [wicked.planned("touchy_raises", seed=seed) for seed in range(3)]
    rows = run(trials, tmp_path / "out", most(tmp_path, "touchy_raises", 3))
    assert said(rows) == {0: ("done", 1), 1: ("failed", 1), 2: ("done", 1)}
    assert rows[1]["reason"] == "RuntimeError: no good reason"


def test_too_many_for_memory_are_run_as_halves(tmp_path):
    trials = [wicked.planned("touchy_crowded", seed=seed) for seed in range(5)]
    rows = run(trials, tmp_path / "out", most(tmp_path, "touchy_crowded", 4))
    assert said(rows) == {seed: ("done", 2 if seed < 4 else 1) for seed in range(5)}


def test_a_lot_takes_what_it_can_claim(tmp_path):
    trials = [wicked.planned("touchy_crowded", seed=seed) for seed in range(3)]
    with Store(tmp_path / "out").claim(trials[1].stem) as ours:
        assert ours
        rows = run(trials, tmp_path / "out", most(tmp_path, "touchy_crowded", 3))
    assert said(rows) == {0: ("done", 2), 2: ("done", 2)}


def in_a_worker(mood, nets, tmp_path):
    """Rows by seed of three trials of one mood, `nets` of them together at most."""
    trials = [wicked.planned(mood, seed=seed) for seed in range(3)]
    options = Options(ROOT, tmp_path / "out", speed=measured(tmp_path, mood, (nets, 2.0)))
    seat = Seat("cpu-0", "cpu", None, torch.get_num_threads())
    return {row["seed"]: row for row in supervised(trials, options, seat, Crew())}


def left_by(mood, tmp_path):
    """Checkpoints of the lot of these three, as a process that was killed leaves them."""
    trials = [wicked.planned(mood, seed=seed) for seed in range(3)]
    left = checkpoints(tmp_path / "out", trials)
    left.mkdir(parents=True)
    (left / "of-the-lot.safetensors").touch()
    return left


def test_a_lot_lost_with_its_process_is_run_apart(tmp_path):
    left = left_by("touchy_dies", tmp_path)
    rows = in_a_worker("touchy_dies", 3, tmp_path)
    assert said(rows) == {0: ("done", 1), 1: ("failed", 1), 2: ("done", 1)}
    assert rows[1]["reason"] == "the process was killed by SIGKILL"
    assert not left.exists()


@pytest.mark.parametrize("nets", [1, 3])
def test_an_error_that_spoils_the_device_fails_the_guilty_trial_alone(nets, tmp_path):
    """It comes out of every later call of the process, whosever trial that is."""
    rows = in_a_worker("touchy_spoils", nets, tmp_path)
    assert said(rows) == {0: ("done", 1), 1: ("failed", 1), 2: ("done", 1)}
    assert rows[1]["reason"] == "RuntimeError: CUDA error: device-side assert triggered"


def test_after_a_recording_that_failed_the_rest_is_for_a_fresh_process(tmp_path, monkeypatch):
    """It cannot give memory back; what it has fitted together has its rows first."""
    trials = [wicked.planned("exact", seed=seed) for seed in range(3)]
    monkeypatch.setattr(condition, "FAILED", threading.Event())
    condition.FAILED.set()
    terms = Terms(most=most(tmp_path, "exact", 2))
    rows = evaluate(trials, ROOT, Store(tmp_path / "out"), "cpu", terms=terms)
    assert [next(rows)["seed"] for _ in range(2)] == [0, 1]
    with pytest.raises(SpentError):
        next(rows)
    assert not list((tmp_path / "out" / "claims").iterdir())


def test_a_lot_lost_while_it_is_scored_leaves_no_checkpoint(tmp_path):
    """The rest is another lot, which would never go on from them."""
    left = left_by("touchy_fades", tmp_path)
    rows = in_a_worker("touchy_fades", 3, tmp_path)
    assert said(rows) == {0: ("done", 3), 1: ("failed", 1), 2: ("done", 1)}
    assert rows[1]["reason"] == "the process was killed by SIGKILL"
    assert not left.exists()


def test_bits_that_must_repeat_are_computed_apart(tmp_path):
    facts = {"device": "cpu", "threads": torch.get_num_threads()}
    options = Options(ROOT, tmp_path, speed=measured(tmp_path, "exact", (3, 2.0)))
    one = wicked.planned("exact")
    assert most_of(options, facts, {})(one) == 3
    assert [most_of(options, facts, {one.stem: k})(one) for k in (1, 2, 5)] == [1, 2, 3]
    strict = Options(ROOT, tmp_path, deterministic=True, speed=options.speed)
    assert most_of(strict, facts, {})(one) == 1
