"""Groups over slots, and what goes wrong there: processes are really killed, memory really ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import wicked

from benchmarks import devices, isolate, worker
from benchmarks.condition import usable
from benchmarks.costs import EPOCH, MEMORY, Costs, recorded
from benchmarks.devices import Device, DeviceError, find_devices
from benchmarks.evaluate import Terms, evaluate, kept, lost_row
from benchmarks.groups import Group, grouped
from benchmarks.isolate import Worker, apart
from benchmarks.lots import kind, lots
from benchmarks.machine import memory, threads
from benchmarks.plan import Request, make_plan
from benchmarks.render import to_markdown
from benchmarks.schedule import Placement, run_groups
from benchmarks.slots import Slots, Stopped, runtime_folder
from benchmarks.store import Store, frame
from benchmarks.supervise import Crew, supervised
from benchmarks.tables import overview
from benchmarks.worker import Begun, Ended, Finished, Options, Seat, Spent, most_of

CPU = Device("cpu", "cpu", "cpu", memory())
ROOT = Path(__file__).parent.parent
LIMIT = 30.0


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Slots of this test's own, and the place where wicked detectors leave their marks."""
    monkeypatch.setenv("FCDD_SLOTS", str(tmp_path / "slots"))
    with wicked.at_home() as place:
        yield place


def run(trials, out: Path, jobs: int = 2, **options) -> dict[str, dict]:
    """Rows by detector and normal of trials in one group."""
    store, group = Store(out), Group(tuple(trials), 1.0, 2**20)
    placement = Placement((CPU,), jobs, **options)
    rows = list(run_groups([group], ROOT, store, placement))
    assert len(rows) == len({row["stem"] for row in rows})
    return {f"{row['detector']} {row['normal']}": row for row in rows}


def table(out: Path) -> str:
    return "".join(to_markdown(one) for one in overview(frame(Store(out).rows())).values())


def stored(out: Path) -> dict[str, str]:
    return {row["stem"]: row["finished"] for row in Store(out).rows()}


def test_whatever_becomes_of_a_trial_the_others_go_on(tmp_path, folder):
    moods = ["none", "raises", "dies", "exits", "nan", "hogs", "crashes", "hangs"]
    trials = [wicked.planned(mood) for mood in moods] + [wicked.planned("none", "4")]
    out, untouched = tmp_path / "out", tmp_path / "untouched"
    found = run(trials, out, timeout=LIMIT)
    told = {
        "none 3": ("done", None),
        "none 4": ("done", None),
        "raises 3": ("failed", "RuntimeError: no good reason"),
        "dies 3": ("failed", "the process was killed by SIGKILL"),
        "crashes 3": ("failed", "the process was killed by SIGSEGV"),
        "exits 3": ("failed", "the process ended by itself, exit code 3"),
        "nan 3": ("failed", "ValueError: Moody: training ended in non-finite scores"),
        "hangs 3": ("timeout", "it took longer than 30 s (--timeout)"),
    }
    hog = found.pop("hogs 3")
    assert {name: (row["status"], row["reason"]) for name, row in found.items()} == told
    assert hog["status"] == "oom" and "MemoryError" in hog["reason"]
    assert (folder / "fits-hogs").read_text() == "xx"  # once more, alone
    for row in found.values():
        assert row["device"] == "cpu" and row["threads"] >= 1 and row["total_seconds"] >= 0
    assert found["none 3"]["peak_memory"] > 2**26 and found["none 3"]["peak_gpu_memory"] is None

    before = stored(out)
    (folder / "cured").touch()
    finished = Store(out).finished()
    again = run([one for one in trials if one.digest not in finished], out)
    assert len(again) == 7 and {row["status"] for row in again.values()} == {"done"}
    kept = {stem for stem, when in stored(out).items() if before[stem] == when}
    assert kept == {found["none 3"]["stem"], found["none 4"]["stem"]}
    run(trials, untouched)
    assert table(out) == table(untouched)


def test_two_runs_on_one_folder_share_the_work(tmp_path, folder):
    trials = [wicked.planned("none", normal) for normal in "0123456"]
    waiting = wicked.planned("waits")
    found: list[dict[str, dict]] = []

    def one(*own) -> None:
        found.append(run([*own, *trials], tmp_path, jobs=1))

    first, second = (threading.Thread(target=one, args=(waiting,)) for _ in range(2))
    first.start()
    until(lambda: (folder / "waiting").exists())
    os.environ["FCDD_SLOTS"] += "-of-another"  # or it would wait for a slot
    second.start()
    until(lambda: (folder / "fits-none").exists() and len((folder / "fits-none").read_text()) == 7)
    (folder / "go").touch()
    first.join()
    second.join()
    assert len(found) == 2 and found[0] == found[1]
    assert len((folder / "fits-none").read_text()) == 7  # none of them twice
    assert (folder / "fits-waits").read_text() == "x"


def until(true, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


ALONE = """
import sys
from pathlib import Path
import wicked
from test_schedule import CPU, MOODS
from benchmarks.groups import Group
from benchmarks.schedule import Placement, run_groups
from benchmarks.store import Store
trials = tuple(map(wicked.planned, MOODS))
list(run_groups([Group(trials, 1.0, 1)], Path("."), Store(Path(sys.argv[1])), Placement((CPU,), 1)))
"""
MOODS = ("none", "waits", "raises")


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds worker processes in /proc")
@pytest.mark.parametrize("killed", [("worker",), ("parent",), ("worker", "parent")])
def test_whoever_is_killed_the_next_run_completes_what_is_missing(killed, tmp_path, folder):
    """In the midst of a trial; the trials before and after it have their rows, or none."""
    out, trials = tmp_path / "out", [wicked.planned(mood) for mood in MOODS]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    with subprocess.Popen(
        [sys.executable, "-c", ALONE, out], cwd=ROOT, env=os.environ | {"PYTHONPATH": path}
    ) as parent:
        there = folder.with_name(f"wicked-{parent.pid}")
        there.mkdir(exist_ok=True)
        until(lambda: (there / "waiting").exists())
        (worker,) = children(parent.pid)
        for who in killed:
            os.kill({"worker": worker, "parent": parent.pid}[who], signal.SIGKILL)
        assert parent.wait(timeout=300) == (-signal.SIGKILL if "parent" in killed else 0)
        until(lambda: not Path(f"/proc/{worker}").exists())
    shutil.rmtree(there)
    kept = {row["detector"]: row for row in Store(out).rows()}
    if killed == ("worker",):
        assert kept["waits"]["reason"] == "the process was killed by SIGKILL"
        assert kept["raises"]["status"] == "failed"
    else:
        assert list(kept) == ["none"]
    (folder / "cured").touch()
    finished = Store(out).finished()
    assert len(finished) == 1
    again = run([one for one in trials if one.digest not in finished], out)
    assert sorted(again) == ["raises 3", "waits 3"]
    assert stored(out)[kept["none"]["stem"]] == kept["none"]["finished"]
    run(trials, tmp_path / "untouched")
    assert table(out) == table(tmp_path / "untouched")


def test_a_process_that_is_spent_costs_no_other_trial(tmp_path, monkeypatch):
    """As after an error that leaves a GPU of no use to whoever had it."""
    first, second = planned = quick("kde")[:2]
    crew = Scripted(
        [[Begun((first.stem,)), Ended({"stem": first.stem, "status": "failed"}), Spent()],
         [Begun((second.stem,)), Ended({"stem": second.stem, "status": "done"}), Finished()]]
    )  # fmt: skip
    rows = supervised(planned, Options(ROOT, tmp_path), Seat("cpu-0", "cpu", None, 1), crew)
    assert [row["status"] for row in rows] == ["failed", "done"] and not crew.scripts

    def broken() -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    assert usable("cpu")
    monkeypatch.setattr(torch.cuda, "synchronize", broken)
    assert usable("cpu") and not usable("cuda")


class Scripted(Crew):
    """Workers that are not there: each says what its script holds."""

    def __init__(self, scripts: list) -> None:
        super().__init__()
        self.scripts = scripts

    def start(self, *arguments):
        self.told = arguments
        script = self.scripts.pop(0)
        return SimpleNamespace(messages=lambda _: script, kill=lambda: None)

    def dismiss(self, worker):
        return -signal.SIGKILL


def test_workers_are_told_where_things_are_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (one,) = planned = quick("kde")[:1]
    seen = []

    def engine(groups, work, slots):
        seen.append(work.options)
        yield [{"stem": one.stem}]

    list(
        run_groups(
            [Group(planned, 1.0, 1)], Path("data"), Store("out"), Placement((CPU,), 1), engine
        )
    )
    assert (seen[0].root, seen[0].out) == (tmp_path / "data", tmp_path / "out")


def test_what_breaks_in_another_run_meanwhile_is_not_tried_here_too(tmp_path):
    (one,) = planned = quick("kde")[:1]
    store, sent = Store(tmp_path), []

    def engine(groups, work, slots):
        """As if another run had the trial, in which it breaks."""
        sent.append(work.options.broken)
        kept(store, lost_row(one, {}, "failed", f"for the {len(sent)}. time"), {})
        return iter(())

    for _ in range(2):
        (row,) = run_groups([Group(planned, 1.0, 1)], ROOT, store, Placement((CPU,), 1), engine)
    assert (
        list(evaluate(planned, ROOT, store, "cpu", terms=Terms(broken={}))) == store.rows() == [row]
    )
    assert row["reason"] == "for the 2. time" and [len(each) for each in sent] == [0, 1]


def test_left_rows_stop_the_workers(tmp_path, folder):
    """As when the run is interrupted: no row is written for what was under way."""
    trials = [wicked.planned("none"), wicked.planned("hangs"), wicked.planned("none", "4")]
    placement = Placement((CPU,), 1)
    rows = run_groups([Group(tuple(trials), 1.0, 1)], ROOT, Store(tmp_path), placement)
    assert next(rows)["detector"] == "none"
    until(lambda: (folder / "fits-hangs").exists())
    rows.close()
    assert len(stored(tmp_path)) == 1 and not children(os.getpid())


def test_a_folder_that_cannot_be_written_ends_the_run(tmp_path):
    (tmp_path / "out").write_text("not a folder")
    with pytest.raises(OSError, match="out"):
        run([wicked.planned("none")], tmp_path / "out")


def test_runs_repeat_themselves_to_the_bit(tmp_path):
    request = Request("quick", ROOT, detectors=("hsc",), normals=("3",))
    planned = make_plan(request).trials
    for out in ("a", "b"):
        row = run(planned, tmp_path / out, deterministic=True)["hsc 3"]
        assert row["status"] == "done" and row["deterministic"]
    first, second = (Store(tmp_path / out).arrays(row)["scores"].tobytes() for out in ("a", "b"))
    assert first == second


def children(pid: int) -> list[int]:
    """Workers of the run `pid`: the processes below its server."""
    above = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state != "Z":
            above[int(path.parent.name)] = int(parent)
    return [worker for worker, server in above.items() if above.get(server) == pid]


def test_a_slot_is_free_when_its_process_is_gone(tmp_path):
    own = Slots([CPU], 1, threading.Event(), tmp_path)
    worker = Worker(holding, tmp_path)
    assert next(worker.messages(lambda: 120.0)) == "cpu-0"
    got = threading.Event()
    waiter = threading.Thread(target=taking, args=(own, got))
    waiter.start()
    assert not got.wait(0.5)
    worker.kill()
    assert worker.close() == -signal.SIGKILL
    assert got.wait(30)
    waiter.join()


def holding(connection, folder: Path) -> None:
    with Slots([CPU], 1, threading.Event(), folder).taken(1) as slot:
        connection.send(slot.name)
        time.sleep(3600)


def taking(slots: Slots, got: threading.Event) -> None:
    with slots.taken(1):
        got.set()


def test_what_does_not_fit_waits_and_one_may_be_alone(tmp_path):
    small = Device("cpu", "cpu", "cpu", 100)
    slots = Slots([small], 3, threading.Event(), tmp_path)
    with slots.taken(60), slots.taken(40):
        assert slots._take(1) is None
        assert slots._take_all(small) is None
    with slots.taken(1000):  # too large, but alone
        assert slots._take(1) is None
    with slots.alone(small):
        other = Slots([small], 1, threading.Event(), tmp_path)
        assert slots._take(1) is None and other._take(1) is None
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(Stopped), Slots([small], 1, stopped, tmp_path).taken(1):
        pass


def test_all_runs_of_a_user_share_a_folder_that_outlives_a_login(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("FCDD_SLOTS")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "login"))
    (tmp_path / "login").mkdir()
    there = runtime_folder()
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert runtime_folder() == there and there.parent == tmp_path
    monkeypatch.undo()  # before the fixture looks for its folder


def test_who_waits_to_be_alone_waits_for_no_one_that_came_later(tmp_path):
    """Two trials wait; the device stays reserved for the second when the first has had it."""
    small = Device("cpu", "cpu", "cpu", 100)
    slots, order = Slots([small], 2, threading.Event(), tmp_path), []

    def alone(name: str) -> None:
        with slots.alone(small):
            order.append(name)

    def late() -> None:
        with slots.taken(1):
            order.append("late")

    with slots.taken(1):
        waiting = [threading.Thread(target=alone, args=(f"alone {k}",)) for k in range(2)]
        for thread in waiting:
            thread.start()
        until(lambda: slots._wanted[small] == 2)
        waiting.append(threading.Thread(target=late))
        waiting[-1].start()
        time.sleep(0.3)
        assert not order
    for thread in waiting:
        thread.join()
    assert order[-1] == "late" and len(order) == 3


def test_alone_is_without_the_slots_that_only_another_run_has(tmp_path):
    few, many = (Slots([CPU], n, threading.Event(), tmp_path) for n in (1, 2))
    with ExitStack() as second:
        with many.taken(1) as first:
            names = first.name, second.enter_context(many.taken(1)).name
        assert names == ("cpu-0", "cpu-1")
        assert few._take_all(CPU) is None
    with few.alone(CPU):
        assert many._take(1) is None


def test_a_slot_prefers_the_device_with_less_on_it(tmp_path):
    devices = [Device("cuda:0", f"GPU-{k}", "GPU", 100, str(k)) for k in range(2)]
    slots = Slots(devices, 2, threading.Event(), tmp_path)
    with slots.taken(30) as first, slots.taken(10) as second, slots.taken(10) as third:
        assert [slot.name for slot in (first, second, third)] == ["GPU-0-0", "GPU-1-0", "GPU-1-1"]


def quick(*detectors: str) -> tuple:
    return make_plan(Request("quick", ROOT, detectors=detectors, seeds=(0, 1))).trials


def test_a_group_holds_as_many_as_are_trained_together():
    trials = [one for one in quick("hsc") if one.trial.dataset == "digits"]
    costs = Costs([], "cpu")
    alone, three = grouped(trials, costs, 2), grouped(trials, costs, 2, lambda _: 3)
    for groups in (alone, three):
        held = [one.digest for group in groups for one in group.planned]
        assert sorted(held) == sorted(one.digest for one in trials)
    counts = [Counter(map(kind, group.planned)) for group in three]
    for same, count in Counter(map(kind, trials)).items():
        assert [found[same] for found in counts if found[same] % 3] in ([], [count % 3])
    assert any(len(group.planned) % 3 for group in alone)
    assert max(group.memory for group in three) == 3 * max(group.memory for group in alone)


@pytest.mark.parametrize("slots", [1, 4, 16])
def test_no_more_are_trained_together_than_memory_was_reckoned_for(slots, tmp_path, monkeypatch):
    """Though more were measured to be faster: slots would go without."""
    trials = [one for one in quick("hsc", "fcdd") if one.trial.dataset == "digits"]
    costs = SimpleNamespace(seconds=lambda _: 10.0, memory=lambda _: 1)
    monkeypatch.setattr(worker, "fastest", lambda *_: lambda planned: 8)
    options, facts = Options(ROOT, tmp_path), {"device": "cpu", "threads": 1}
    for group in grouped(trials, costs, slots, lambda _: 8):
        crew = Scripted([[Finished()]])
        list(supervised(group.planned, options, Seat("", "cpu", None, 1), crew, True, group.limits))
        (_, _, _, _, _, told) = crew.told
        sizes = [*map(len, lots(group.planned, most_of(options, facts, told)))]
        assert max(sizes) == group.memory <= -(-20 // slots)


def test_groups_hold_every_trial_once_and_shrink():
    trials = quick("deep_svdd", "autoencoder", "pca", "hsc")
    groups = grouped(trials, Costs([], "cpu"), 2)
    held = Counter(one.digest for group in groups for one in group.planned)
    assert set(held) == {one.digest for one in trials} and set(held.values()) == {1}
    seconds = [group.seconds for group in groups]
    assert seconds == sorted(seconds, reverse=True) and seconds[0] < sum(seconds) / 3
    for group in groups:
        assert len({one.trial.dataset for one in group.planned}) == 1
        names = {one.trial.normal for one in group.planned if one.trial.dataset == "textures"}
        assert len(names) <= 1  # a category's pictures are its own
    for one in trials:
        if one.trial.detector == "autoencoder":
            at = next(group for group in groups if one in group.planned)
            mates = [
                other
                for other in at.planned
                if other.trial.detector == "deep_svdd"
                and (other.trial.normal, other.trial.seed) == (one.trial.normal, one.trial.seed)
            ]
            assert len(mates) == 1  # they share its autoencoder


RESULTS = """detector,dataset,recipe,status,seconds,device,metric,value,stem
kde,fmnist,fast,done,7.0,cpu,image_auroc,0.9,a
kde,fmnist,fast,done,7.0,cpu,image_ap,0.9,a
kde,fmnist,fast,failed,1.0,cpu,,,b
"""


def row(detector: str, dataset: str, device: str, seconds: float, peak: int | None = None) -> dict:
    found = {"detector": detector, "dataset": dataset, "device": device, "recipe": "fast"}
    return found | {"status": "done", "seconds": 9.0, "total_seconds": seconds, "peak_memory": peak}


def test_costs_come_from_the_nearest_rows():
    digits, *_ = quick("hsc")
    assert Costs([], "cpu").seconds(digits) == EPOCH * (1 + 33)
    assert Costs([], "cpu").memory(digits) == MEMORY
    rows = [row("hsc", "digits", "cpu", s, int(s)) for s in (1.0, 2.0, 30.0)]
    assert Costs(rows, "cpu").seconds(digits) == 2 and Costs(rows, "cpu").memory(digits) == 30
    near = [row("hsc", "fmnist", "cpu", 7.0, 5), row("pca", "digits", "cpu", 1.0)]
    assert Costs(near, "cpu").seconds(digits) == 7 and Costs(near, "cpu").memory(digits) == 5
    other = [*near, row("pca", "digits", "GPU", 0.25), row("hsc", "digits", "GPU", 3.0)]
    assert Costs(other, "cpu").seconds(digits) == 12  # four times what the GPU took
    failed = [row("hsc", "digits", "cpu", 5.0) | {"status": "failed"}]
    assert Costs(failed, "cpu").seconds(digits) == EPOCH * (1 + 33)


def test_where_nothing_was_measured_costs_come_from_committed_results(tmp_path, caplog):
    one, *_ = make_plan(Request("fmnist", ROOT, detectors=("kde",), seeds=(0,))).trials
    known = Costs(recorded(), "cpu").seconds(one)
    assert known > 10 * Costs([], "cpu").seconds(one)
    measured = row("kde", "fmnist", "cpu", 3.0) | {"recipe": "fast"}
    assert Costs([measured, *recorded()], "cpu").seconds(one) == 3
    for name, text in {"torn": "detector,dataset\nkde", "whole": RESULTS}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.csv").write_text(text)
    assert Costs(recorded(tmp_path), "cpu").seconds(one) == 7
    assert "torn" in caplog.text and "not a table of results" in caplog.text


def test_devices_as_they_are_named():
    (cpu,) = find_devices("cpu")
    assert cpu.name == cpu.kind == "cpu" and cpu.memory > 2**28
    with pytest.raises(DeviceError, match=r"abacus.*choose auto, cpu or cuda:N"):
        find_devices("abacus")
    with pytest.raises(DeviceError, match="cuda:77"):
        find_devices("cuda:77")


def test_a_gpu_that_does_not_answer_is_one_line(monkeypatch):
    monkeypatch.setattr(devices, "_asked", int)  # which fails, for this is no number
    with pytest.raises(DeviceError, match=r"^GPU MIG-1 does not answer .*exit code 1.*choose"):
        devices.gpus(["MIG-1"])


def test_workers_share_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads(1) >= 1 and threads(10**6) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads(1) == 1


def test_a_process_of_its_own_answers_or_says_so():
    assert apart(os.getpid) != os.getpid()
    with pytest.raises(RuntimeError, match="exit code 3"):
        apart(wicked.exits)


def test_a_gpu_that_hangs_does_not_answer(monkeypatch):
    monkeypatch.setattr(isolate, "ANSWER", 0.5)
    monkeypatch.setattr(devices, "_asked", lasts)
    with pytest.raises(DeviceError, match=r"GPU 0 does not answer \(lasts took longer than 0.5 s"):
        devices.gpus(["0"])
    assert not children(os.getpid())


def lasts(entry: str) -> None:
    wicked.hangs()


def test_gpus_are_seen_by_the_workers_alone():
    found = find_devices("auto")
    if found[0].kind == "cpu":
        pytest.skip("no GPU here")
    assert all(device.memory > 2**30 for device in found)
    code = "import torch; from benchmarks.devices import find_devices; find_devices('auto'); "
    code += "assert not torch.cuda.is_initialized()"
    subprocess.run([sys.executable, "-c", code], check=True)
