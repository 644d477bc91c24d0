"""A finished sweep is known again at once, and only while nothing has changed."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import seal, witnesses
from benchmarks.arguments import parser
from benchmarks.console import Console
from benchmarks.datasets import mvtec
from benchmarks.plan import Plan
from benchmarks.sweep import verdict

ROOT = Path(__file__).parent.parent
FEW = ("--suite", "quick", "--normal", "3", "--detectors", "svdd", "iforest")
# As `python -m benchmarks.run` in a house where torch cannot be had.
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from benchmarks.run import main
sys.exit(main())
"""


def run(out: Path, how: tuple[str, ...] = ("-m", "benchmarks.run")) -> subprocess.CompletedProcess:
    command = [sys.executable, *how, *FEW, "--out", str(out)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    out = tmp_path_factory.mktemp("sealed") / "out"
    return out, run(out)


def test_a_finished_sweep_is_known_without_torch(swept):
    out, first = swept
    assert first.returncode == 0, first.stderr
    began = time.monotonic()
    again = run(out, ("-c", WITHOUT_TORCH))
    assert time.monotonic() - began < 3
    assert again.returncode == 0 and not again.stderr
    shown = re.sub(r"done 0, to run 2; \d+ x", "done 2, to run 0; 1 x", first.stdout)
    kept = [line for line in shown.splitlines() if not line.startswith("[")]
    said = again.stdout.splitlines()
    assert said[:-2] == kept[:-2] and "(up to date)" in said[-2]
    assert said[-1] == "summary: 2 trials, 2 done, 0 failed, 0 timeout, 0 oom, 0 missing; 0 s"


def test_it_says_what_a_run_says_that_looks_at_everything(swept):
    out, _ = swept
    known = run(out)
    (out / seal.NAME).unlink()
    assert run(out).stdout == known.stdout
    assert (out / seal.NAME).exists()


def kept(out: Path) -> dict:
    return json.loads((out / seal.NAME).read_text())


def a_row_is_gone(out: Path) -> None:
    min((out / "rows").iterdir()).unlink()


def a_row_is_written_again(out: Path) -> None:
    path = min((out / "rows").iterdir())
    text = path.read_bytes()
    path.unlink()
    path.write_bytes(text)


def a_table_is_gone(out: Path) -> None:
    (out / "tables" / "overview.tex").unlink()


def others_have_drawn_there(out: Path) -> None:
    drawn = json.loads((out / ".report").read_text())
    drawn["results"][0] = "of other rows"
    (out / ".report").write_text(json.dumps(drawn))


def a_report_that_is_none(out: Path) -> None:
    (out / ".report").write_text("[1]")


def other_data(out: Path) -> None:
    of = kept(out)
    of["witnesses"].append([str(out / "rows"), None])
    (out / seal.NAME).write_text(json.dumps(of))


def a_torn_seal(out: Path) -> None:
    (out / seal.NAME).write_text('{"asked": ')


@pytest.mark.parametrize(
    "change",
    [
        *(a_row_is_gone, a_row_is_written_again, a_table_is_gone, others_have_drawn_there),
        *(a_report_that_is_none, other_data, a_torn_seal),
    ],
)
def test_what_has_changed_is_looked_at(change, swept, tmp_path, monkeypatch):
    of = kept(swept[0])
    monkeypatch.setattr(seal, "asked", lambda _: of["asked"])
    assert seal.Seal([*FEW, "--out", str(swept[0])]).said() == of["said"]
    shutil.copytree(swept[0], out := tmp_path / "out")
    of["rows"] = seal.rows(out)  # of the copies
    (out / seal.NAME).write_text(json.dumps(of))
    command = [*FEW, "--out", str(out)]
    assert seal.Seal(command).said() == of["said"]
    change(out)
    assert seal.Seal(command).said() is None


def test_another_question_or_environment_is_another(swept, monkeypatch):
    out, _ = swept
    command = [*FEW, "--out", str(out)]
    before = seal.asked(command)
    assert seal.asked(command) == before
    assert seal.asked([*command, "--dry-run"]) != before
    monkeypatch.setenv("FCDD_DATA", "/elsewhere")
    assert seal.asked(command) != before
    monkeypatch.delenv("FCDD_DATA")
    monkeypatch.chdir(out)
    assert seal.asked(command) != before
    monkeypatch.setattr(seal, "HOUSE", out)
    assert seal.asked(command)[-1] != before[-1], "other code"


def test_code_and_rows_count_as_they_were_before(swept, tmp_path, monkeypatch):
    """What changes while a run goes on is not what it vouches for."""
    shutil.copytree(swept[0], out := tmp_path / "out")
    (out / seal.NAME).unlink()
    command = [*FEW, "--out", str(out)]
    one = seal.Seal(command)
    one.settle()
    one.keep("all is well\n")
    assert seal.Seal(command).said() == "all is well\n"
    another = seal.Seal(command)
    another.settle()
    a_row_is_written_again(out)  # by another run, before the tables are there
    another.keep("no")
    assert seal.Seal(command).said() is None
    with monkeypatch.context() as patch:
        patch.setattr(seal, "_code", lambda: "old")
        older = seal.Seal(command)
    older.settle()
    older.keep("no")
    assert seal.Seal(command).said() is None


def test_where_a_seal_cannot_be_there_is_none(tmp_path, monkeypatch):
    shutil.rmtree(folder := tmp_path / "gone", ignore_errors=True)
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    one = seal.Seal(["--out", str(tmp_path)])
    one.settle()
    one.keep("no")
    assert one.said() is None and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    ["", "--out a", "--out=a", "--out a --out=b", "--out=b --seeds 0 --out a", "--out= --out a"],
)
def test_the_output_folder_is_found_as_the_command_line_finds_it(words):
    assert seal._out(words.split()) == parser().parse_args(words.split()).out


def test_no_option_can_be_cut_short(capsys):
    """Or the seal would look at another folder than the run."""
    for words in (["--ou", "a"], ["--o=a"]):
        with pytest.raises(SystemExit):
            parser().parse_args(words)
        assert "unrecognized arguments" in capsys.readouterr().err


def test_a_folder_that_is_gone_has_no_seal(swept, tmp_path, monkeypatch):
    """Though the first one named is finished."""
    of = kept(swept[0])
    monkeypatch.setattr(seal, "asked", lambda _: of["asked"])
    named = [*FEW, "--out", str(swept[0])]
    assert seal.Seal(named).said() == of["said"]
    assert seal.Seal([*named, "--out", str(tmp_path / "gone")]).said() is None


def test_files_and_folders_are_witnesses(tmp_path, monkeypatch):
    monkeypatch.setattr(witnesses, "SEEN", {})
    root = tmp_path / "data"
    (root / "set" / "train").mkdir(parents=True)
    image = root / "set" / "train" / "a"
    image.write_bytes(b"1")
    assert [(path, size) for path, size, _ in witnesses.stamps([image])] == [(image, 1)]
    absent = witnesses.looked(root / "set" / "test" / "b")
    found = witnesses.witnesses(root)
    there = {str(one) for one in (image, *image.parents) if one.is_relative_to(root)}
    assert {path for path, _ in found} == there | {str(absent), str(absent.parent)}

    def changed() -> set[str]:
        return {path for path, was in found if not witnesses.same((path, was))}

    assert changed() == set()
    os.utime(image, ns=(0, 0))  # as a copy that keeps an old time
    assert changed() == {str(image)}
    (root / "better").mkdir()
    assert changed() == {str(image), str(root)}
    absent.parent.mkdir()
    assert changed() == {str(image), str(root), str(root / "set"), str(absent.parent)}


def test_what_mvtec_looks_at_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(witnesses, "SEEN", {})
    (tmp_path / "mvtec" / "bottle" / "train").mkdir(parents=True)
    (tmp_path / "mvtec" / "cable").mkdir()
    assert mvtec.here(tmp_path) == ("bottle",)
    found = witnesses.witnesses(tmp_path)
    (tmp_path / "mvtec" / "cable" / "train").mkdir()
    assert not all(map(witnesses.same, found))


def test_a_sweep_that_lost_a_row_is_none_that_is_done(tmp_path, capsys):
    plan = Plan((None, None), (), ())
    console = Console([])
    assert verdict(plan, [{"status": "done"}] * 2, console) == 0
    assert verdict(plan, [{"status": "done"}], console) == 2
    assert "1 trial(s) have no row any more" in capsys.readouterr().err
