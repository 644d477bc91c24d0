"""The gate: what turns it red, what does not, and the command a CI job calls."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import reference
from benchmarks.check import main
from benchmarks.rules import LEAST, TOLERANCE
from benchmarks.store import COLUMNS, Store, write_csv
from benchmarks.verdict import judge

ROOT = Path(__file__).parent.parent
CLASSES = [f"class {i}" for i in range(10)]
RUNS = 100


def table(values: dict[str, np.ndarray], **changes: str) -> pd.DataFrame:
    """Rows of detectors whose values are ``(classes, seeds)``."""
    rows = [
        {"dataset": "fmnist", "detector": detector, "normal": CLASSES[c], "recipe": "fast"}
        | {"seed": str(s), "metric": "image_auroc", "value": repr(float(value)), "status": "done"}
        | {"protocol": "1", "finished": "2026-01-01T00:00:00+00:00", "device": "cpu"}
        | {"stem": f"fmnist-{detector}-class_{c}-fast-{s}-000000000000", "version": "torch=2.13.0"}
        for detector, found in values.items()
        for (c, s), value in np.ndenumerate(found)
    ]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object).fillna("").assign(**changes)


def drawn(rng: np.random.Generator, detectors: int, drop: float = 0.0) -> dict[str, np.ndarray]:
    """Ten classes x five seeds, a seed's standard deviation one point; the first detector drops."""
    means = np.linspace(0.75, 0.98, 10)[:, None]
    found = {f"d{i}": means + 0.01 * rng.standard_normal((10, 5)) for i in range(detectors)}
    found["d0"] = found["d0"] - drop
    return found


def regressed(baseline: dict[str, np.ndarray], now: dict[str, np.ndarray]) -> set[str]:
    verdict = judge(table(baseline), table(now))
    return {one.name["detector"] for one in verdict.comparisons if one.broken}


@pytest.mark.parametrize("detectors", [1, 8])
def test_a_drop_of_one_point_is_caught_and_noise_is_not(detectors):
    """Both sides are drawn anew in each run: noise of one point in the baseline and in the new."""
    rng = np.random.default_rng(detectors)
    caught = alarms = 0
    for _ in range(RUNS):
        baseline = drawn(rng, detectors)
        caught += "d0" in regressed(baseline, drawn(rng, detectors, drop=0.01))
        alarms += bool(regressed(baseline, drawn(rng, detectors)))
    assert caught >= 85, caught
    assert alarms <= 2, alarms


FLAT = {"d0": np.full((10, 1), 0.9)}


def changed(by: float, pairs: int = 10) -> dict[str, np.ndarray]:
    return {"d0": FLAT["d0"] + np.where(np.arange(10) < pairs, by, 0.0)[:, None]}


def only(now: dict[str, np.ndarray], **options: bool):
    verdict = judge(table(FLAT), table(now), **options)
    return verdict.comparisons[0], verdict


def test_the_mean_rule_is_the_datasets_tolerance(monkeypatch):
    assert only(changed(-0.05, pairs=2))[0].word == "ok"  # the tolerance itself is not beyond it
    one, verdict = only(changed(-0.026, pairs=4))
    assert one.rules == ("mean drop > 1",) and one.p == 0.0625 and verdict.broken
    assert only(changed(-0.051, pairs=2))[0].rules == (
        "mean drop > 1",
        "class drop > 5: class 0 and 1 more",
    )
    monkeypatch.setitem(TOLERANCE, "fmnist", 0.02)
    assert not only(changed(-0.051, pairs=2))[1].broken


def test_the_test_rule_has_a_least_effect():
    one, verdict = only(changed(-0.004))
    assert one.rules == ("p < 0.005",) and one.p == pytest.approx(2.0**-10) and verdict.broken
    assert not only(changed(-LEAST))[1].broken
    assert only(changed(-0.005, pairs=7))[0].word == "ok"  # 2^-7 is above the level


def test_a_gain_is_named_and_fails_nothing():
    one, verdict = only(changed(0.02))
    assert one.word == "improved" and not verdict.broken


def test_exact_fails_on_any_difference_either_way():
    for by in (1e-5, -1e-5):
        assert not only(changed(by, pairs=1))[1].broken
        one, verdict = only(changed(by, pairs=1), exact=True)
        assert one.word == "CHANGED" and verdict.broken
    assert not only(changed(1e-7), exact=True)[1].broken


def test_what_cannot_be_compared_is_told_apart():
    baseline, now = table(FLAT), table(changed(0.0) | {"d1": FLAT["d0"][:1]})
    now = now.drop(index=3)  # missing
    now.loc[[4, 10], ["status", "metric", "value", "reason"]] = ["failed", "", "", "out of memory"]
    verdict = judge(baseline, now)
    assert verdict.comparisons[0].pairs == 8
    assert verdict.missing["normal"].tolist() == ["class 3"]
    assert verdict.failed[["normal", "reason"]].to_numpy().tolist() == [
        ["class 4", "out of memory"]
    ]
    assert verdict.new_failed["detector"].tolist() == ["d1"] and verdict.new.empty
    assert verdict.broken
    new = judge(baseline, table(FLAT | {"d1": FLAT["d0"]}))
    assert len(new.new) == 10 and not new.broken


def test_what_else_differs_is_noted():
    now = table(FLAT, device="NVIDIA H200", version="torch=2.14.0")
    now["stem"] = now["stem"].str.replace("-000000000000", "-111111111111")
    assert judge(table(FLAT), now).notes == (
        "settings or data differ from the baseline's in 10 of 10 pairs",
        "version differs: torch=2.13.0 -> torch=2.14.0",
        "device differs: cpu -> H200 NVIDIA",
    )


def test_another_protocol_is_compared_where_asked_for_or_written_anew(tmp_path, capsys):
    baseline = csv(tmp_path / "a.csv", FLAT)
    other = csv(tmp_path / "b.csv", changed(0.01), protocol="2")
    arguments = [str(other), "--baseline", str(baseline)]
    assert main(arguments) == 4 and not capsys.readouterr().out
    assert main([*arguments, "--across-protocols"]) == 0
    assert "note: protocol differs: 1 -> 2" in capsys.readouterr().out
    assert main([*arguments, "--update"]) == 0 and main(arguments) == 0


def test_a_detector_that_failed_everywhere_is_red(tmp_path, capsys):
    baseline, broken = csv(tmp_path / "a.csv", FLAT), table(FLAT, status="failed", value="")
    write_csv(broken.assign(metric="", reason="out of memory"), tmp_path / "b.csv")
    assert main([str(tmp_path / "b.csv"), "--baseline", str(baseline)]) == 1
    assert "gate red: 0 comparisons of 0 pairs; 10 failed" in capsys.readouterr().out


def test_what_all_lost_stands_in_table_and_sentence(tmp_path):
    many = {f"d{i}": FLAT["d0"] for i in range(16)}
    baseline, summary = csv(tmp_path / "a.csv", many), tmp_path / "summary.md"
    red = csv(tmp_path / "b.csv", {name: values - 0.004 for name, values in many.items()})
    done = gate(red, "--baseline", baseline, "--summary", summary)
    assert done.returncode == 1 and not done.stderr
    assert "gate red: 16 comparisons of 160 pairs, 1 pooled; 1 REGRESSED" in done.stdout
    assert "'all': the mean over the detectors" in done.stdout
    assert "| all 16 | fast | image\\_auroc | 10 |" in summary.read_text().split("<details>")[0]


def gate(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks.check", *map(str, arguments)]
    environment = os.environ | {"COLUMNS": "60"}  # a narrow window cuts no number off
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


def csv(path: Path, values: dict[str, np.ndarray], **changes: str) -> Path:
    write_csv(table(values, **changes), path)
    return path


def test_the_command_says_red_and_green(tmp_path):
    baseline, summary = csv(tmp_path / "a.csv", FLAT), tmp_path / "summary.md"
    red = csv(tmp_path / "red.csv", changed(-0.02) | {"d_1": FLAT["d0"]})
    done = gate(red, "--baseline", baseline, "--summary", summary)
    assert done.returncode == 1 and not done.stderr
    assert "REGRESSED: mean drop > 1; p < 0.005" in done.stdout
    assert "gate red: 1 comparisons of 10 pairs; 1 REGRESSED, 10 new" in done.stdout
    done = gate(baseline, "--baseline", baseline, "--summary", summary)
    assert done.returncode == 0 and "gate green" in done.stdout
    text = summary.read_text()  # appended
    assert text.index("gate red") < text.index("gate green")
    assert "REGRESSED: mean drop &gt" not in text and "p &lt; 0.005" in text and r"d\_1" in text


def test_a_part_of_the_baseline_can_be_asked_for(tmp_path):
    baseline = csv(tmp_path / "a.csv", FLAT | {"d1": np.full((10, 2), 0.8)})
    part = csv(tmp_path / "part.csv", {"d1": np.full((3, 1), 0.8)})
    assert gate(part, "--baseline", baseline).returncode == 1
    narrowed = ("--detectors", "d1", "--seeds", "0", "--normal", *CLASSES)
    assert main([str(part), "--baseline", str(baseline), *narrowed[:-7]]) == 0
    assert main([str(part), "--baseline", str(baseline), *narrowed]) == 1  # seven classes missing


def test_update_writes_what_it_read_and_keeps_the_rest(tmp_path, capsys):
    baseline = tmp_path / "new" / "reference.csv"
    odd = table({"d1": np.array([[1 / 3], [0.1 + 0.2]]), "d0": np.array([[0.5]])})
    odd["normal"] = ["NA", "10", "9"]  # names, not a gap or numbers
    write_csv(odd.iloc[[1, 0, 2]], tmp_path / "odd.csv")
    arguments = [str(tmp_path / "odd.csv"), "--baseline", str(baseline), "--update"]
    assert main(arguments) == 0
    first = baseline.read_bytes()
    assert main(arguments) == 0 and baseline.read_bytes() == first
    expected = odd.sort_values(["detector", "normal"])[COLUMNS]
    assert first.decode() == expected.to_csv(index=False, lineterminator="\n")
    csv(tmp_path / "more.csv", {"d0": np.array([[0.6]])}, normal="9", seed="2", commit="abc")
    assert main([str(tmp_path / "more.csv"), *arguments[1:]]) == 0
    assert "1 numbers written, 1 of them new" in capsys.readouterr().out
    kept = reference.read(baseline)
    assert kept["value"].tolist() == ["0.5", "0.6", "0.30000000000000004", repr(1 / 3)]
    assert kept["commit"].tolist() == ["", "abc", "", ""]


def test_a_failed_trial_leaves_the_baselines_number(tmp_path):
    baseline = csv(tmp_path / "a.csv", FLAT)
    broken = table(changed(-0.001))
    broken.loc[0, ["status", "value", "metric"]] = ["failed", "", ""]
    write_csv(broken, tmp_path / "b.csv")
    assert main([str(tmp_path / "b.csv"), "--baseline", str(baseline), "--update"]) == 0
    values = reference.read(baseline)["value"].astype(float)
    assert values.tolist() == pytest.approx([0.9] + [0.899] * 9, abs=1e-12)


def test_a_folder_of_rows_is_read_as_its_csv(tmp_path):
    row = {"dataset": "fmnist", "detector": "d0", "normal": "bag", "recipe": "fast", "seed": 0}
    row |= {"exposure": None, "scenario": None, "status": "done", "reason": None, "schema": 1}
    row |= {"metrics": {"image_auroc": 0.1 + 0.2}, "digest": "0", "stem": "s-0", "protocol": 1}
    row |= {"finished": "2026-01-01T00:00:00+00:00"}
    Store(tmp_path).write(row, {})
    found = reference.read(tmp_path)
    assert found.loc[0, ["normal", "exposure", "value"]].tolist() == ["bag", "", repr(0.1 + 0.2)]


def bad_inputs(folder: Path) -> dict[str, tuple[list, list[str]]]:
    good, empty, torn = csv(folder / "good.csv", FLAT), folder / "empty.csv", folder / "torn.csv"
    empty.write_text(",".join(COLUMNS) + "\n")
    torn.write_text('a,b\n"')
    (folder / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (folder / "other.csv").write_text("a,b\n1,2\n")
    base = ["--baseline", good]

    def some(name: str, rows: int | slice = 3, **changes: str) -> Path:
        rows_of = table(FLAT)
        rows_of.loc[rows, list(changes)] = list(changes.values())
        write_csv(rows_of, folder / name)
        return folder / name

    twice = folder / "twice.csv"
    write_csv(pd.concat([table(FLAT), table(changed(0.05))]), twice)
    return {
        "no results": ([folder / "none.csv", *base], ["none.csv", "no such file"]),
        "empty folder": ([folder, *base], ["results.csv", "no such file"]),
        "no baseline": ([good, "--baseline", folder / "no.csv"], ["no.csv", "--update"]),
        "no rows": ([empty, *base], ["empty.csv", "no rows"]),
        "torn": ([torn, *base], ["torn.csv", "not a CSV"]),
        "binary": ([folder / "binary.csv", *base], ["binary.csv", "not a CSV"]),
        "other": ([folder / "other.csv", *base], ["other.csv", "columns missing", "dataset"]),
        "value": ([csv(folder / "v.csv", FLAT, value="x"), *base], ["line 2", "'x'"]),
        "nan": ([csv(folder / "n.csv", FLAT, value="nan"), *base], ["line 2", "'nan'"]),
        "seed": ([csv(folder / "s.csv", FLAT, seed="x"), *base], ["line 2", "seed 'x'"]),
        "time": ([csv(folder / "t.csv", FLAT, finished="soon"), *base], ["line 2", "finished"]),
        "no time": ([good, base[0], some("u.csv", finished="")], ["u.csv: line 5", "finished"]),
        "status": ([some("x.csv", status="Done"), *base], ["line 5", "status 'Done'"]),
        "metric": ([some("m.csv", metric="loss"), *base], ["line 5", "metric 'loss'", "METRICS"]),
        "per cent": ([some("p.csv", value="90.0"), *base], ["line 5", "'90.0'", "share of 1"]),
        "negative": ([some("q.csv", value="-0.1"), *base], ["line 5", "'-0.1'", "share of 1"]),
        "twice": ([twice, *base], ["twice.csv: line 12 (fmnist-d0-class_0", "keep one"]),
        "other baseline": (
            [some("d.csv", slice(None), detector="d9"), *base, "--detectors", "d9"],
            ["d.csv", "good.csv", "nothing compared", "--baseline", "--update"],
        ),
        "empty baseline": (
            [good, base[0], some("f.csv", slice(None), status="failed")],
            ["f.csv", "nothing compared"],
        ),
        "protocol": ([some("o.csv", protocol="2"), *base], ["1 -> 2", "--across-protocols"]),
        "name": ([good, *base, "--detectors", "fcd"], ["--detectors", "fcd", "d0"]),
        "summary": ([good, *base, "--summary", folder / "no" / "s.md"], ["s.md", "not writable"]),
        "update": ([good, "--baseline", good / "x.csv", "--update"], ["x.csv", "not writable"]),
    }


def test_bad_input_is_one_line_and_exit_code_4(tmp_path, capsys):
    for case, (arguments, words) in bad_inputs(tmp_path).items():
        assert main([str(argument) for argument in arguments]) == 4, case
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1 and said[0].startswith("benchmarks.check: "), (case, said)
        assert all(word in said[0] for word in words), (case, said)


def test_the_command_itself_exits_with_4(tmp_path):
    done = gate(tmp_path / "none.csv")
    assert done.returncode == 4 and len(done.stderr.splitlines()) == 1


def test_our_own_results_pass_our_own_baseline():
    done = gate(ROOT / "results" / "fmnist")
    assert done.returncode == 0, done.stdout + done.stderr
