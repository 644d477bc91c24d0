"""What is asked for at the command line: refused before training, or shown in the plan."""

from pathlib import Path

import pytest

from benchmarks.run import main

FEW = "--suite quick --normal 3 weave"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("--detectors deep_sad --known-classes 20", "known classes: between 1 and 9, got 20"),
        ("--detectors pca --known-classes 20", "known classes: between 1 and 9, got 20"),
        ("--detectors deep_sad --labelled 0.97", "class 3 has too few anomalies"),
        ("--detectors pca --pollution 0.97", "class 3 has too few anomalies"),
        ("--detectors fcdd --real 500", "at most 11 of each kind"),
        ("--detectors pca --real 500", "at most 11 of each kind"),
        ("--exposure folder:", "--exposure: no folder behind folder:; write folder:PATH"),
        ("--address tcp://head:8786", "--address: for --engine dask, ray, slurm"),
        ("--engine-option num_gpus=1", "--engine-option: for --engine dask, ray, slurm"),
    ],
)
def test_what_cannot_be_is_refused_before_any_training(
    asked: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--dry-run"]):
        assert main([*FEW.split(), *asked.split(), "--out", str(tmp_path / "out"), *more]) == 4
        said = capsys.readouterr()
        assert words in said.err and len(said.err.splitlines()) == 1 and not said.out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("--detectors pca --labelled 0.5", "no effect: --labelled 0.5 (none of these takes"),
        ("--detectors fcdd --labelled 0", "no effect: --labelled 0 (none of these takes"),
        ("--detectors pca --known-classes 2", "no effect: --known-classes 2 (none of these"),
        ("--detectors pca --exposure photos", "no effect: --exposure photos (none of these is"),
        ("--detectors pca --exposure-size all", "no effect: --exposure-size all (none of these"),
        ("--detectors fcdd --exposure-size 99999999", "photos holds 10000, all of which are taken"),
        ("--detectors pca --real 2 --real-in-test", "no effect: --real 2 (none of these trains"),
        ("--detectors fcdd pca", ""),
        ("--detectors deep_sad pca --labelled 0.2 --known-classes 2", ""),
        ("--detectors fcdd --exposure-size 64 --exposure photos", ""),
        ("--detectors pca --real 2", ""),
    ],
)
def test_what_changes_nothing_is_said(
    asked: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FEW.split(), *asked.split(), "--out", str(tmp_path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    found = [one for one in said.splitlines() if "no effect" in one or "are taken" in one]
    assert [line in one for one in found] == [True] * bool(line), said


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        (
            "--detectors fcdd deep_sad pca --labelled 0.1 --known-classes 2",
            [
                "exposure: photos (all); synthetic anomalies of the recipe",
                "anomalies mixed in: none; labelled 0.1 of 2 class(es) (deep_sad)",
            ],
        ),
        ("--detectors hsc --exposure-size 64 --exposure photos", ["exposure: photos (64)"]),
        ("--detectors fcdd pca --real 2", ["real 2 of each kind held out (fcdd)", "not trained"]),
        ("--detectors pca", ["exposure: none", "anomalies mixed in: none"]),
        ("--detectors pca --pollution 0.1", ["anomalies mixed in: pollution 0.1"]),
    ],
)
def test_the_plan_says_what_will_run(
    asked: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FEW.split(), *asked.split(), "--out", str(tmp_path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert all(line in said for line in lines), said
