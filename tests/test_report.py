"""The report as a user meets it: the real command, on committed results, without torch."""

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import published, report
from benchmarks.layouts import LAYOUTS
from benchmarks.page.__main__ import main as page_main
from benchmarks.shelf import Shelf, rows_or_csv
from benchmarks.store import COLUMNS

ROOT = Path(__file__).parent.parent
COMMITTED = [ROOT / "results" / "fmnist", ROOT / "results" / "validate"]
# An environment without what only training needs: as if it were not installed. (None in sys.modules
# would not do: scipy looks there to see whether torch was imported.)
BARE = """
import runpy
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pyod", "sklearn", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
runpy.run_module("benchmarks.report", run_name="__main__")
"""
AWKWARD = r"_%&#$~^\{}"


def command(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", BARE, *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def awkward(folder: Path) -> Path:
    """A committed result whose names hold what LaTeX minds, with missing and failed cells."""
    lines = []
    names = [f"net{AWKWARD}", "[first]* <second> |", "näïve č学", "fcdd", "svdd"]
    for i, detector in enumerate(names):
        for k in range(7 - i // 4):
            failed = (i, k) == (1, 1)
            lines.append({
                "dataset": "my_data & 50%", "detector": detector, "normal": f"[{k}] {AWKWARD}",
                "recipe": "fast", "seed": 0, "metric": None if failed else "image_auroc",
                "value": None if failed else 0.9 + 0.01 * k - 0.01 * i, "seconds": 2.0 + i,
                "device": "cpu", "status": "failed" if failed else "done", "protocol": 1,
                "reason": f"broke: {AWKWARD}" if failed else None, "stem": f"s{i}-{k}",
                "finished": "2026-01-01T00:00:00+00:00",
            })  # fmt: skip
    folder.mkdir()
    pd.DataFrame(lines, columns=COLUMNS).to_csv(folder / "results.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A report of three folders, and the seconds of processors it took."""
    home = tmp_path_factory.mktemp("report")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = command(*COMMITTED, awkward(home / "awkward"), "--out", home / "out")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return home / "out", after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_all_is_rebuilt_from_committed_rows_without_torch(built: tuple[Path, float]) -> None:
    out, seconds = built
    tables, figures = ({path.name for path in (out / n).iterdir()} for n in ("tables", "figures"))
    for name in LAYOUTS:
        assert {f"{name}.csv", f"{name}.tex", f"{name}.md"} <= tables
    assert {"papers.csv", "overview.tex", "comparison-image_auroc-fast-lineage.md"} <= tables
    for name in ("heatmap-fmnist-image_auroc", "strip-fmnist-image_auroc", "time-fmnist"):
        assert {f"{name}-fast.png", f"{name}-fast.pdf"} <= figures
    assert "differences-image_auroc-fast-lineage.pdf" in figures
    assert len(pd.read_csv(out / "results.csv")) == len(Shelf(COMMITTED).frame()) + 34
    assert "python -m benchmarks.run" in (out / "README.md").read_text()  # how they came about
    assert seconds < 60  # about 20 on an idle core; this machine may have others at work


def test_every_table_compiles_in_one_document(built: tuple[Path, float], tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed (texlive-latex-base, texlive-latex-recommended)")
    body = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    files = sorted((built[0] / "tables").glob("*.tex"))
    for i, path in enumerate(files):
        shutil.copy(path, tmp_path / f"table{i}.tex")
        body += rf"\input{{table{i}}}\clearpage" + "\n"
    (tmp_path / "all.tex").write_text(body + r"\end{document}")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Overfull" not in done.stdout and "Float too large" not in done.stdout
    assert f"({len(files)} pages" in done.stdout
    assert any("failed" in path.read_text() for path in files)
    assert any(
        "[first]" in path.read_text().replace("{[}", "[").replace("{]}", "]") for path in files
    )


def test_the_line_of_the_readme_leaves_out_what_holds_no_rows(tmp_path: Path) -> None:
    line = "python -m benchmarks.report results/*/ --out papers "
    assert line in (ROOT / "README.md").read_text()
    folders = sorted((ROOT / "results").glob("*/"))
    assert ROOT / "results" / "speed" in folders
    done = command(*folders, "--galleries", 0, "--out", tmp_path / "papers")
    assert done.returncode == 0, done.stderr
    for told, name in zip(done.stderr.splitlines(), ("papers", "speed"), strict=True):
        assert told.startswith("WARNING: ")
        assert told.endswith(f"{name}: no rows to report; left out")
    tables = tmp_path / "papers" / "tables"
    assert {f"{name}.md" for name in LAYOUTS} <= {path.name for path in tables.iterdir()}
    cell = "| CIFAR-10 mean | 60.5ᶜ (64.8, -4.2)"  # each folder's numbers in every table
    assert cell in (tables / "deep_svdd-table-1.md").read_text()


def test_a_row_in_two_folders_counts_once(tmp_path: Path) -> None:
    shutil.copytree(COMMITTED[0], tmp_path / "copy")
    assert len(Shelf([COMMITTED[0], tmp_path / "copy"]).frame()) == len(
        Shelf(COMMITTED[:1]).frame()
    )


def test_what_is_up_to_date_is_not_drawn_again(built: tuple[Path, float]) -> None:
    out, _ = built
    done = command(*COMMITTED, out.parent / "awkward", "--out", out)
    assert done.stdout == f"{out}: everything is up to date\n"


def test_a_committed_result_keeps_its_csv(tmp_path: Path) -> None:
    folder = tmp_path / "fmnist"
    folder.mkdir()
    few = rows_or_csv(COMMITTED[0])
    few = few[few["normal"].isin(published.order("fmnist")[:2])]
    few.to_csv(folder / "results.csv", index=False)
    before = (folder / "results.csv").read_bytes()
    written = report.build(folder)
    assert (folder / "tables" / "overview.md") in written
    assert (folder / "results.csv").read_bytes() == before
    papers = {"papers.csv", *(f"{name}.md" for name in LAYOUTS)}
    assert not papers & {path.name for path in (folder / "tables").iterdir()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{a}", "{b}"], "several folders need --out"),
        (["{a}", "{b}", "--out", "{a}"], "several folders need --out"),
        (["{a}", "{b}/absent", "--out", "{b}/out"], "absent: no rows to report"),
        (["{b}/bare", "{b}/bare", "--out", "{b}/out"], "bare: no rows to report"),
        (["{b}/torn"], "results.csv: columns missing: dataset"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    (tmp_path / "torn").mkdir()
    (tmp_path / "bare").mkdir()
    (tmp_path / "torn" / "results.csv").write_text("some,table\n1,2\n")
    asked = [each.format(a=COMMITTED[0], b=tmp_path) for each in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.report", *asked],
        cwd=ROOT, capture_output=True, text=True, env=os.environ, timeout=120,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.startswith("benchmarks.report: ") and words in done.stderr
    assert len(done.stderr.splitlines()) == 1


TABLE = (COMMITTED[0] / "results.csv").read_bytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (re.sub(rb"0\.\d{4,}", b"abc", TABLE, count=1), "line 2: value 'abc' is no number"),
        (re.sub(rb"\d+\.\d{9,},", b"abc,", TABLE, count=1), "line 2: seconds 'abc' is no number"),
        (TABLE[:5000], "is cut off"),
        (TABLE[: TABLE.index(b"\n", 4000) - 60], "line"),  # in finished or stem
        (bytes(range(256)) * 12, "not a CSV of results"),
        (b'a,b\n"', "not a CSV of results"),
        (TABLE.replace(b",done,", b",dome,", 1), "line 2: status 'dome' is none"),
        (TABLE.replace(b",fast,0,", b",fast,x,", 1), "line 2: seed 'x' is no number"),
    ],
)
@pytest.mark.parametrize("main", [report.main, page_main])
def test_a_corrupt_table_is_refused_in_one_line(
    main: Callable[[list[str]], int],
    content: bytes,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "results.csv").write_bytes(content)
    assert main([str(tmp_path), "--out", str(tmp_path / "new")]) == 4
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and words in said
    assert said.count("results.csv") == 1 and "; " in said  # the file once, and a remedy
    assert not (tmp_path / "new").exists()
