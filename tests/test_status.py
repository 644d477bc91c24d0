"""Watching: what runs and workers say, what the dead left, pictures, summaries; real processes."""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import rich.console
from speaker import Named, row

from benchmarks import heartbeat, states
from benchmarks.console import lying
from benchmarks.heartbeat import Beat, announced
from benchmarks.picture import Album, Picture, summary, summed
from benchmarks.states import ALIVE, DEAD, SILENT, identity, life
from benchmarks.store import Store
from benchmarks.watch import view, watching

ROOT = Path(__file__).parent.parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def status(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks.status", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@contextmanager
def speaking(out: Path, seconds: float = 600, count: int = 4) -> Iterator[subprocess.Popen]:
    """A run in another process, in its second trial."""
    command = [
        sys.executable,
        str(ROOT / "tests" / "speaker.py"),
        str(out),
        str(seconds),
        str(count),
    ]
    with subprocess.Popen([*map(str, command)], env=ENVIRONMENT) as process:
        try:
            while not any(w["epoch"] for w in states.workers(out)):
                assert process.poll() is None
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def text(picture: Picture) -> str:
    console = rich.console.Console(file=io.StringIO(), width=120, color_system=None)
    console.print(view(picture))
    return console.file.getvalue()


def test_a_run_is_seen_from_another_terminal_and_after_its_death(tmp_path):
    with speaking(tmp_path) as process:
        done = status(tmp_path)
        assert done.returncode == 0, done.stderr
        assert re.search(r"cpu-0 +digits/svdd/a/b/fast/1 +7/30 +0:00:\d\d +1", done.stdout)
        assert "1/4" in done.stdout and "1 done, 3 missing" in done.stdout
        assert "trials/min" in done.stdout and re.search(r"about 0:00:\d\d left", done.stdout)
        assert re.search(r"^summary: 4 trials, 1 done, .*, 3 missing; \d+ s", done.stdout, re.M)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = status(tmp_path)
    assert done.returncode == 2 and "cpu-0" not in done.stdout
    assert "no run goes on" in done.stdout
    assert "the run was killed; it goes on with: python -m benchmarks.run --suite" in done.stdout
    with announced(tmp_path, [], 1, "again"):  # the next run tidies what the dead left
        assert [run["command"] for run in states.runs(tmp_path)] == ["again"]
        assert not states.said(tmp_path, "worker")


def test_following_ends_with_the_run(tmp_path):
    with speaking(tmp_path, seconds=3):
        done = status(tmp_path, "--follow")
    assert done.returncode == 2  # it ended without doing all of it
    assert done.stdout.splitlines()[-1].startswith("summary: 4 trials, 1 done")
    assert "killed" not in done.stdout


@pytest.mark.parametrize(
    ("name", "words"), [("there", "holds no run"), ("nowhere", "is no folder")]
)
def test_a_folder_without_a_run_is_one_line(name, words, tmp_path):
    (tmp_path / "there").mkdir()
    done = status(tmp_path / name)
    assert done.returncode == 4 and words in done.stderr and "--out" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_status_needs_no_torch():
    code = (
        "import sys, benchmarks.status; sys.exit(not {'torch', 'pandas'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0


def test_who_is_alive():
    me = identity()
    assert life(me) == ALIVE
    assert life(me | {"boot": "another"}) == DEAD
    assert life(me | {"born": "1"}) == DEAD  # the number belongs to another process now
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert life(me | {"pid": gone.pid}) == DEAD
    moment = datetime.now(UTC)
    far = {"host": "far away", "pid": 1, "boot": "b", "born": "1", "beat": moment.isoformat()}
    assert life(far, moment) == ALIVE
    assert life(far, moment + timedelta(seconds=states.QUIET + 1)) == SILENT


def test_a_run_of_another_machine_is_known_to_be_silent(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT", 0.05)
    with announced(tmp_path, [], 1, "there"):
        ((path, said),) = states.said(tmp_path, "run")
        os.utime(path, (0, 0))
        while path.stat().st_mtime == 0:
            time.sleep(0.05)
    path.write_text(json.dumps({k: v for k, v in said.items() if k != "beat"} | {"host": "far"}))
    assert [run["life"] for run in states.runs(tmp_path)] == [ALIVE]
    os.utime(path, (time.time() - 2 * states.QUIET,) * 2)
    assert [run["life"] for run in states.runs(tmp_path)] == [SILENT]


def test_epochs_are_heard_from_the_trainer(tmp_path):
    from baselines.deep_svdd import DeepSVDD
    from baselines.nets import LeNet
    from baselines.trainer import Recipe
    from benchmarks.datasets.digits import DIGITS

    images = DIGITS.load(Path())
    heard = []

    class Loud(Beat):
        def _tell(self) -> None:
            super()._tell()
            heard.append(json.loads(self._path.read_text()))

    beat = Loud(tmp_path, "cpu-0")
    beat.begin(Named(0))
    net = LeNet((4, 4), 16, 8)
    DeepSVDD(net, recipe=Recipe(3, 40), pretraining=None).fit(images.train[:80])
    beat.end(row(Named(0), status="failed", reason="it broke"))
    assert heard[-1]["broken"] == 1 and heard[-1]["trial"] is None
    assert beat._state["epoch"] == beat._state["epochs"] == 3
    beat.close()
    log = (tmp_path / "logs" / f"{Named(0).stem}.log").read_text()
    assert "epoch 3 of 3: loss" in log and f"failed: {Named(0).stem} (it broke)" in log
    assert not [*(tmp_path / "state").iterdir()]


def test_a_crash_is_in_the_log_of_its_group(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from benchmarks.heartbeat import Beat;"
        "sys.path.append('tests'); from speaker import Named; import warnings;"
        f"Beat(Path({str(tmp_path)!r}), 's').begin(Named(0)); warnings.warn('strange data');"
        "os.kill(os.getpid(), signal.SIGSEGV)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGSEGV
    log = (tmp_path / "logs" / f"{Named(0).stem}.log").read_text()
    assert "Segmentation fault" in log and "strange data" in log and "begins: " in log


def test_no_trial_fails_where_nothing_can_be_written(tmp_path):
    (tmp_path / "state").write_text("a file")
    (tmp_path / "logs").write_text("a file")
    beat = Beat(tmp_path, "cpu-0")
    beat.begin(Named(0))
    beat.end(row(Named(0)))
    beat.close()


def test_a_log_on_a_full_disk_is_left_alone(tmp_path, capsys):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / f"{Named(0).stem}.log").symlink_to("/dev/full")
    beat = Beat(tmp_path, "cpu-0")
    beat.begin(Named(0))
    logging.getLogger("benchmarks.heartbeat").info("more")
    beat.close()
    assert "Logging error" not in capsys.readouterr().err


def test_torn_and_foreign_files_are_passed_over(tmp_path):
    store = Store(tmp_path)
    store.write(row(Named(0)), {})
    (tmp_path / "rows" / "torn.json").write_text('{"stem": "to')
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "worker-x-1.json").write_text("{")
    (tmp_path / "state" / "run-x-1.json").write_text("[]")
    picture = Album(tmp_path).look()
    assert len(picture.rows) == 1 and not picture.workers and not picture.runs
    assert status(tmp_path).returncode == 0


def finished(count: int, seconds: float, **changed: object) -> Picture:
    """Of eight trials `count` are done, each in `seconds`, by two slots that run since a minute."""
    now = datetime.now(UTC)
    trials = {f"s{k}": f"digits/svdd/{k}/fast/0" for k in range(8)}
    done = {"status": "done", "total_seconds": seconds, "finished": now.isoformat()}
    rows = {f"s{k}": done | {"stem": f"s{k}", "name": trials[f"s{k}"]} for k in range(count)}
    run = {"started": (now - timedelta(seconds=60)).isoformat(), "ended": None, "slots": 2}
    return replace(Picture(trials, rows, (run | {"life": ALIVE},), (), now), **changed)


def test_rates_and_the_time_left():
    picture = finished(4, 27.0)
    assert picture.rate == pytest.approx(4)
    assert picture.left == pytest.approx(60)  # 4 x 27 s on 2 slots that are busy 90 % of the time
    since = (picture.when - timedelta(seconds=12)).isoformat()
    busy = replace(picture, workers=({"stem": "s4", "since": since},))
    assert busy.efficiency == pytest.approx((4 * 27 + 12) / 120)
    assert busy.left == pytest.approx((4 * 27 - 12) / 2)
    assert finished(0, 1.0).left is None and finished(8, 27.0).left == 0


def test_the_summary_can_be_searched():
    counts = {"done": 190, "failed": 4, "timeout": 1, "oom": 1, "missing": 0}
    assert summary(counts, 1234.4, 0.934) == (
        "summary: 196 trials, 190 done, 4 failed, 1 timeout, 1 oom, 0 missing; 1234 s; "
        "efficiency 0.93"
    )
    assert summed(finished(4, 27.0)).endswith("4 missing; 60 s; efficiency 0.90")


def test_plain_lines_where_there_is_no_terminal(tmp_path):
    console = rich.console.Console(file=io.StringIO(), highlight=False, soft_wrap=True, width=40)
    with watching(tmp_path, 2, console) as show:
        show(row(Named(0), normal="a class whose name is long [really]"))
        show(row(Named(1), status="oom", reason="too large", metrics={}))
    assert console.file.getvalue().splitlines() == [
        "[1/2] digits/svdd/a class whose name is long [really]/fast/0: image_auroc 0.7500  3.0 s",
        "[2/2] digits/svdd/a/b/fast/1: oom, too large",
    ]


def test_a_live_view_on_a_terminal(tmp_path):
    console = rich.console.Console(
        file=io.StringIO(), force_terminal=True, width=100, color_system=None
    )
    with announced(tmp_path, [Named(k) for k in range(3)], 1, "c"):
        beat = Beat(tmp_path, "cpu-0")
        with watching(tmp_path, 3, console) as show:
            beat.begin(Named(0))
            time.sleep(2.5)
            Store(tmp_path).write(bad := row(Named(0), status="timeout", reason="slow"), {})
            show(bad)
        beat.close()
    shown = console.file.getvalue()
    assert "digits/svdd/a/b/fast/0: timeout, slow" in shown  # a failure as it happens
    assert "cpu-0" in shown and "1/3" in shown and "1 timeout" in shown


def test_many_rows_are_read_once(tmp_path):
    (tmp_path / "rows").mkdir()
    for k in range(2000):
        one = Named(k)
        (tmp_path / "rows" / f"{one.stem}.json").write_text(json.dumps(row(one)))
    album = Album(tmp_path)
    album.look()
    began = time.process_time()
    assert len(album.look().rows) == 2000
    assert time.process_time() - began < 0.5


def test_one_thing_is_no_things() -> None:
    counts = {"done": 1, "failed": 0, "timeout": 0, "oom": 0, "missing": 0}
    assert summary(counts, 0, None).startswith("summary: 1 trial, 1 done, 0 failed")
    out = Path("out")
    told = "1 trial of this plan in out/results.csv; out/tables, out/figures"
    assert lying(out, [{}], ()) == f"{told} (up to date)"
    assert lying(out, [{}], [out]) == f"{told} (1 file written)"
    assert lying(out, [{}, {}], [out, out]).startswith("2 trials of this plan in out/results.csv")
