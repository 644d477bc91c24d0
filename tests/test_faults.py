"""How a run ends that meets a fault: one line where it is not ours, a trace where it is."""

import logging
from pathlib import Path

import pytest

from benchmarks import sweep
from benchmarks.console import Console
from benchmarks.devices import Device
from benchmarks.faults import Unwritable
from benchmarks.run import main
from benchmarks.schedule import Placement
from benchmarks.store import Store

FEW = ("--suite", "quick", "--normal", "3", "--detectors", "pca", "--device", "cpu")


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (FileNotFoundError(2, "No such file", "weights.json"), 3, "Traceback"),
        (OSError(5, "Input/output error"), 3, "Traceback"),
        (PermissionError(13, "Permission denied", "/data/a"), 4, "Permission denied: '/data/a'"),
        (Unwritable("output folder out is not writable: full"), 4, "out is not writable: full"),
    ],
)
def test_a_fault_of_ours_shows_its_trace(fault, code, said, tmp_path, monkeypatch, capsys):
    def broken(*_):
        raise fault

    monkeypatch.setattr(sweep, "make_plan", broken)
    assert main([*FEW, "--out", str(tmp_path)]) == code
    err = capsys.readouterr().err
    assert said in err and (code == 3 or len(err.splitlines()) == 1)


def test_a_run_that_cannot_be_recorded_ends_as_it_ended(tmp_path, monkeypatch, caplog):
    def interrupted():
        raise KeyboardInterrupt
        yield

    def full(out: Path, run: dict) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweep, "append", full)
    placement = Placement((Device("cpu", "cpu", "cpu", 1),), 1)
    with pytest.raises(KeyboardInterrupt), caplog.at_level(logging.WARNING):
        sweep.sweep(interrupted(), [], Store(tmp_path), placement, Console([]))
    assert "this run is not recorded ([Errno 28] No space left on device)" in caplog.text
