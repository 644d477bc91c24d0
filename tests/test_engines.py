"""Engines of other machines: real clusters of two workers, rows as of a local run, lost workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from speaker import Few, Named, Saying

from benchmarks.datasets.base import data_root
from benchmarks.engines import ENGINES, connected, option
from benchmarks.engines.carried import Movable
from benchmarks.engines.far import Unavailable
from benchmarks.evaluate import evaluate
from benchmarks.groups import Group
from benchmarks.plan import Request, make_plan
from benchmarks.schedule import Remote
from benchmarks.store import Row, Store
from benchmarks.worker import Options

ROOT = Path(__file__).parent.parent
HERE = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
STARTED = {"dask": {}, "ray": {}, "slurm": {"cluster": "local"}}  # options of a start on the spot
FAR = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            find_spec(ENGINES[name].library) is None,
            reason=f"needs {ENGINES[name].library}: pip install 'fcdd-benchmark[{name}]'",
        ),
    )
    for name in ENGINES
]


def few(*detectors: str) -> list[Group]:
    """Real trials, each a group."""
    request = Request("quick", data_root(None), detectors, ("3", "weave"))
    return [Group((one,), 1.0, 0) for one in make_plan(request).trials]


def remote(out: Path) -> Remote:
    """What a sweep sends: each group in a process of its own."""
    return Remote(Options(data_root(None), out), threads=1)


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Workers find this checkout and this file."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in HERE.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> dict[str, Row]:
    out = tmp_path_factory.mktemp("local")
    for group in few("svdd", "hsc", "pca"):
        list(evaluate(group.planned, data_root(None), Store(out), "cpu"))
    return Store(out).finished()


def swept(
    name: str,
    groups: Sequence[Group] | Sequence[Few],
    work: Movable,
    out: Path,
    address: str | None = None,
) -> dict[str, Row]:
    """The rows that come, by digest, after a run through an engine."""
    came: list[Row] = []
    with connected(name, address, STARTED[name] if address is None else {}, out, 2) as ready:
        assert ready.slots == 2
        for rows in ready.engine(groups, work, 0):
            came += rows
    found = {row["digest"]: row for row in came}
    assert len(came) == len(found) and not [*(out / "state").glob("shared-*")]
    assert found == {row["digest"]: row for row in Store(out).rows()}
    return found


def same(out: Path, local: dict[str, Row]) -> None:
    """Metrics equal those of the local run, to the last bit, and scores are there."""
    store = Store(out)
    found = store.finished()
    assert found.keys() == local.keys()
    for digest, row in found.items():
        assert row["metrics"] == local[digest]["metrics"]
        assert len(store.arrays(row)["scores"]) == row["n_test"]


@pytest.mark.parametrize("name", FAR)
def test_rows_equal_those_of_a_local_run(name, local, tmp_path):
    swept(name, few("svdd", "hsc", "pca"), remote(tmp_path), tmp_path)
    same(tmp_path, local)


def sayings(count: int) -> list[Few]:
    """Groups of two trials that do nothing but give rows."""
    return [Few((Named(2 * k), Named(2 * k + 1))) for k in range(count)]


@pytest.mark.parametrize("name", FAR)
def test_a_worker_killed_mid_run_loses_nothing(name, tmp_path):
    def kill() -> None:
        while not (mark := tmp_path / "victim").exists() or not (pid := mark.read_text()):
            time.sleep(0.05)
        os.kill(int(pid), signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found = swept(name, sayings(5), Saying(tmp_path, victim=True), tmp_path)
    assert len(found) == 10 and {row["status"] for row in found.values()} == {"done"}
    assert not killer.is_alive()


@pytest.mark.parametrize("name", FAR)
def test_what_kills_its_worker_or_raises_costs_itself_alone(name, tmp_path, caplog):
    work = Saying(tmp_path, deadly=2, wrong=4)
    found = swept(name, sayings(4), work, tmp_path)
    bad = {row["seed"]: row for row in found.values() if row["status"] != "done"}
    assert len(found) == 8 and bad.keys() == {2, 3, 4, 5}
    assert bad[2]["reason"].startswith("its worker was lost: ")
    assert bad[4]["reason"] == bad[4]["traceback"][-1] == "ValueError: no such thing here"
    assert "(2 of 2)" in caplog.text and "(1 of 1)" in caplog.text


@pytest.mark.parametrize("name", FAR)
def test_a_trial_that_ran_out_of_memory_runs_once_more_when_nothing_else_does(name, tmp_path):
    found = swept(name, sayings(3), Saying(tmp_path, short=2), tmp_path)
    assert {row["status"] for row in found.values()} == {"done"} and len(found) == 6
    ended = {row["seed"]: row["finished"] for row in found.values()}
    if name != "slurm":  # where each has its memory for itself, a try is the last one
        assert max(ended, key=ended.__getitem__) == 2


@contextmanager
def dask_cluster() -> Iterator[str]:
    """A scheduler and two workers as users start them, in a folder of their own."""
    pytest.importorskip("distributed")
    address = "tcp://127.0.0.1:28786"
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", "28786", "--no-dashboard"]
    worker = ["worker", address, "--nthreads", "1", "--no-dashboard", "--memory-limit", "0"]
    started = []
    try:
        for command in (scheduler, worker, worker):
            command = [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]]
            started.append(subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL))
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def test_a_cluster_at_an_address_and_a_folder_that_is_not_shared(tmp_path, monkeypatch):
    """Rows and scores come home with the groups."""
    # The package gives its function under the name of the module.
    monkeypatch.setattr(sys.modules["benchmarks.engines.far"], "STATE", "elsewhere")
    with dask_cluster() as address:
        found = swept("dask", sayings(3), Saying(Path("/nowhere")), tmp_path, address)
    assert len(found) == 6 and {row["status"] for row in found.values()} == {"done"}
    for row in found.values():
        assert Store(tmp_path).arrays(row)["scores"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "address", "options", "words"),
    [
        ("dask", "tcp://127.0.0.1:9", {}, "no dask scheduler answers"),
        ("dask", None, {"GPU": 64}, "no worker of the cluster has so much"),
        ("dask", None, {"GPU": "half"}, "GPU=half: expected an amount"),
        ("slurm", "somewhere", {}, "leave it out"),
        ("slurm", None, {}, "Could not detect"),
        ("slurm", None, {"cluster": "local", "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_had_is_one_line(name, address, options, words, tmp_path, monkeypatch):
    pytest.importorskip(ENGINES[name].library)
    monkeypatch.setattr("benchmarks.engines.on_dask.PATIENCE", 2)
    with (
        pytest.raises(Unavailable, match=words) as caught,
        connected(name, address, options, tmp_path),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_a_missing_library_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    remedy = r"pip install 'fcdd-benchmark\[dask\]'"
    with pytest.raises(Unavailable, match=remedy), connected("dask", None, {}, tmp_path):
        pass


def test_options_are_names_and_values():
    assert option("num_gpus=0.5") == ("num_gpus", 0.5)
    assert option("slurm_partition=gpu") == ("slurm_partition", "gpu")
    with pytest.raises(ValueError, match="expected name=value"):
        option("gpu")
