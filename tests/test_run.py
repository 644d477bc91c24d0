"""The command line as a user meets it: real commands, real exit codes, real interruptions."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.store import Store

ROOT = Path(__file__).parent.parent
FEW = ("--suite", "quick", "--normal", "3", "weave", "--detectors", "svdd", "fcdd", "iforest")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "benchmarks.run", *map(str, arguments)]


def run(*arguments: object, root: Path | None = None) -> subprocess.CompletedProcess:
    environment = os.environ | ({"FCDD_DATA": str(root)} if root else {})
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )


def rows(out: Path) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text()) for path in (out / "rows").glob("*.json")}


def one_line(done: subprocess.CompletedProcess, code: int, *words: str) -> None:
    """The exit code, and one line on stderr that holds the words."""
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    out = tmp_path_factory.mktemp("sweep") / "out"
    return out, run(*FEW, "--out", out, "--jobs", 2)


def test_a_sweep_ends_in_rows_tables_and_figures(swept):
    out, done = swept
    assert done.returncode == 0, done.stderr
    found = rows(out)
    assert re.match("summary: 6 trials, 6 done, .*; efficiency", done.stdout.splitlines()[-1])
    assert len(found) == 6 and all(row["status"] == "done" for row in found.values())
    for row in found.values():
        scores = Store(out).arrays(row)
        assert len(scores["scores"]) == row["n_test"] and set(scores["labels"]) == {0, 1}
        assert row["image_score"]
        if row["dataset"] == "textures":
            assert {"pixel_auroc", "pixel_ap", "au_pro", "au_pro_05"} <= set(row["metrics"])
            protocol = row["pixel_protocol"]
            assert protocol["regions"] == 60 and protocol["mask_sizes"] == ["32x32"]
            assert protocol["smoothing"] == 0
            assert scores["maps"].shape == scores["masks"].shape
        assert row["resolved"]["source"] and row["versions"]["torch"] and row["host"]["processor"]
    header, *lines = (out / "results.csv").read_text().splitlines()
    assert header.startswith("dataset,detector,normal") and len(lines) == 3 * 2 + 3 * 6
    for name in (
        "tables/overview.tex",
        "tables/digits-image_auroc-fast.csv",
        "figures/roc-digits-fast.png",
        "figures/gallery-textures-weave-fast.pdf",
    ):
        assert (out / name).stat().st_size > 200, name


def test_the_plan_is_printed_first(swept):
    lines = swept[1].stdout.splitlines()
    assert lines[0].startswith("suite quick, recipe fast")
    assert "trials: 6, done 0, to run 6" in swept[1].stdout
    assert lines.index("digits (1): 3") < min(i for i, s in enumerate(lines) if s.startswith("["))


def test_a_rerun_trains_nothing_and_is_quick(swept):
    out, _ = swept
    seal = out / ".finished.json"  # of another command: this one has fewer words
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file() and p != seal}
    began = time.monotonic()
    done = run(*FEW, "--out", out)
    assert done.returncode == 0 and "to run 0" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("summary: 6 trials, 6 done, 0 failed")
    assert time.monotonic() - began < 15  # 5 s alone; tests share the machine
    assert before == {p: p.stat().st_mtime_ns for p in before}
    assert set(before) == {p for p in out.rglob("*") if p.is_file() and p != seal}


def test_one_process_gives_what_two_give(swept, tmp_path):
    out, _ = swept
    assert run(*FEW, "--out", tmp_path, "--jobs", 1).returncode == 0
    for stem in rows(out):
        first, second = (Store(o).arrays({"stem": stem})["scores"] for o in (out, tmp_path))
        assert np.array_equal(first, second), stem


def test_a_dry_run_writes_nothing(tmp_path):
    done = run(*FEW, "--out", tmp_path / "none", "--dry-run")
    assert done.returncode == 0 and "to run 6" in done.stdout
    assert not (tmp_path / "none").exists()


def test_seeds_differ_and_data_seeds_follow(tmp_path):
    few = ("--suite", "quick", "--normal", "3", "--detectors", "hsc", "--seeds", "0-1")
    assert run(*few, "--out", tmp_path).returncode == 0
    values = {row["seed"]: row["metrics"]["image_auroc"] for row in rows(tmp_path).values()}
    assert set(values) == {0, 1} and values[0] != values[1]


def kill_all(run: subprocess.Popen) -> None:
    os.killpg(run.pid, signal.SIGKILL)


def interrupt(run: subprocess.Popen) -> None:
    os.killpg(run.pid, signal.SIGINT)


def terminate(run: subprocess.Popen) -> None:
    os.killpg(run.pid, signal.SIGTERM)


MANY = ("--suite", "quick", "--normal", "1", "3", "5", "7", "--detectors", "svdd", "pca", "hsc")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert run(*MANY, "--out", out, "--jobs", 2).returncode == 0
    return tables(out)


def tables(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "tables").iterdir()}


@pytest.mark.parametrize(("disturb", "code"), [(kill_all, -9), (interrupt, 130), (terminate, 143)])
def test_an_interrupted_run_loses_no_finished_row(disturb, code, tmp_path, undisturbed):
    with subprocess.Popen(
        command(*MANY, "--out", tmp_path, "--jobs", 2),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        next(line for line in process.stdout if line.startswith("[2/"))  # the longest come first
        disturb(process)
        process.communicate(timeout=60)
    assert process.returncode == code
    assert (tmp_path / "runs.jsonl").exists() == (code > 0)  # an orderly end is recorded
    kept = {stem: row["finished"] for stem, row in rows(tmp_path).items() if done(row)}
    assert 2 <= len(kept) < 12 and len(rows(tmp_path)) == len(kept)
    assert run(*MANY, "--out", tmp_path).returncode == 0
    after = rows(tmp_path)
    assert len(after) == 12 and all(map(done, after.values()))
    assert {stem: after[stem]["finished"] for stem in kept} == kept
    assert tables(tmp_path) == undisturbed


def done(row: dict) -> bool:
    return row["status"] == "done"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--suite", "quick", "--recipe", "paper", "--detectors", "fcdd"), ("no paper recipe",)),
        (("--suite", "nonsense"), ("unknown suite 'nonsense'", "fmnist", "quick")),
        (("--detectors", "svm"), ("unknown detector 'svm'", "deep_svdd")),
        (("--normal", "cat"), ("unknown class or category 'cat'", "weave")),
        (("--exposure", "noise", "--detectors", "hsc"), ("unknown exposure 'noise'", "photos")),
        (("--device", "abacus"), ("--device abacus", "choose auto, cpu or cuda:N")),
        (("--device", "cuda:7"), ("--device cuda:7",)),
        (("--out", "/dev/null/out"), ("/dev/null/out is not writable",)),
    ],
)
def test_bad_names_are_one_line_and_exit_4(arguments, words):
    one_line(run(*arguments), 4, *words)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seeds", "a-b"),
        ("--seeds", "4-0"),
        ("--labelled", "2"),
        ("--jobs", "0"),
        ("--timeout", "soon"),
        ("--recipe", "slow"),
        ("--what",),
    ],
)
def test_bad_arguments_are_usage_errors(arguments):
    done = run(*arguments)
    assert done.returncode == 4 and "error: " in done.stderr.splitlines()[-1]


def test_missing_data_are_named_with_the_remedy(tmp_path):
    done = run("--suite", "mnist", "--out", tmp_path / "out", root=tmp_path)
    one_line(done, 4, "MNIST is missing", "python -m benchmarks.prepare mnist")


def test_all_runs_what_is_there_and_names_what_is_not(tmp_path):
    few = ("--suite", "all", "--normal", "3", "weave", "--detectors", "pca")
    done = run(*few, "--out", tmp_path / "out", root=tmp_path)
    one_line(done, 4, "incomplete: MNIST is missing", "benchmarks.prepare mnist")
    assert {row["dataset"] for row in rows(tmp_path / "out").values()} == {"digits", "textures"}


def write_mnist(root: Path, train: tuple, test: tuple) -> Path:
    """Idx files of given images and labels, as MNIST's."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, (images, labels) in (("train", train), ("t10k", test)):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            head = bytes([0, 0, 8, array.ndim]) + sizes
            (folder / f"{name}-{kind}-ubyte").write_bytes(head + array.tobytes())
    return folder


def part(labels: list[int], side: int = 28) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (len(labels), side, side)).astype(np.uint8)
    return images, np.array(labels, np.uint8)


def test_a_class_without_test_anomalies_is_a_failed_row(tmp_path):
    write_mnist(tmp_path, part([3] * 40), part([3] * 10))
    few = ("--suite", "mnist", "--normal", "3", "--detectors", "pca", "--out", tmp_path / "out")
    done = run(*few, root=tmp_path)
    assert done.returncode == 2
    assert "class 3: the test split holds no anomalies" in done.stderr
    assert [row["status"] for row in rows(tmp_path / "out").values()] == ["failed"]
    assert "failed" in (tmp_path / "out" / "tables" / "overview.md").read_text()
    assert "to run 1" in run(*few, root=tmp_path).stdout  # a failed trial is tried again
    once = run(*few, "--no-retry-failed", root=tmp_path)
    assert "to run 0" in once.stdout and once.returncode == 2


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "t10k-images-idx3-ubyte").write_bytes(b""), "empty"),
        (
            lambda folder: os.truncate(folder / "train-images-idx3-ubyte", 9000),
            "train-images-idx3-ubyte",
        ),
    ],
    ids=["empty", "truncated"],
)
def test_damaged_files_are_named(damage, words, tmp_path):
    damage(write_mnist(tmp_path, part([3, 4] * 20), part([3, 4] * 5)))
    done = run("--suite", "mnist", "--detectors", "pca", "--out", tmp_path / "o", root=tmp_path)
    one_line(done, 4, words, "benchmarks.prepare mnist")


def test_images_of_another_size_are_refused(tmp_path):
    write_mnist(tmp_path, part([3, 4] * 20, 32), part([3, 4] * 5, 32))
    few = ("--suite", "mnist", "--normal", "3", "--detectors", "pca", "--out", tmp_path / "o")
    done = run(*few, root=tmp_path)
    assert done.returncode in (2, 4) and "28" in done.stderr and "32" in done.stderr


def test_list_names_everything():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.list"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    for word in ("deep_svdd_soft", "fmnist", "photos", "Liznerski", "benchmarks.prepare", "quick"):
        assert word in done.stdout, word


def test_real_anomalies_at_the_command_line(tmp_path):
    few = ("--suite", "quick", "--normal", "weave", "--detectors", "fcdd", "pca")
    done = run(*few, "--real", 3, "--exposure", "none", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    found = {row["detector"]: row for row in rows(tmp_path).values()}
    assert {row["n_test"] for row in found.values()} == {120 - 15}
    assert found["fcdd"]["exposure"] == "none"
    assert found["fcdd"]["scenario"] == "real 3 of each kind held out"
    assert found["fcdd"]["n_train"] == 200 + 15 and found["pca"]["n_train"] == 200
    assert "not trained with" in found["pca"]["scenario"]
    assert "held out of the test set" in found["fcdd"]["protocol_notes"][0]
    assert found["fcdd"]["metrics"]["pixel_auroc"] > 0.6
    one_line(run(*few, "--real-in-test", "--out", tmp_path), 4, "--real")
