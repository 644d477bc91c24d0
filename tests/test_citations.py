"""Whatever can be run is cited, and BibTeX reads what is written."""

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.citations import DATASETS as CITED_DATASETS
from benchmarks.citations import EXPOSURES as CITED_EXPOSURES
from benchmarks.citations import METHODS, METRICS, PAPERS, bibtex, cited
from benchmarks.datasets import EXPOSURES
from benchmarks.suites import DATASETS, DETECTORS
from benchmarks.works import WORKS


def test_everything_that_can_be_run_is_cited() -> None:
    assert set(DETECTORS) <= set(METHODS) and all(METHODS.values())
    assert set(DATASETS) <= set(CITED_DATASETS) and set(EXPOSURES) <= set(CITED_EXPOSURES)
    maps = (METHODS, CITED_DATASETS, CITED_EXPOSURES, METRICS, PAPERS)
    assert {key for one in maps for keys in one.values() for key in keys} <= set(WORKS)


def test_bibtex_is_ascii_and_balanced() -> None:
    for key, work in WORKS.items():
        entry = bibtex(key, work)
        assert entry.isascii() and entry.count("{") == entry.count("}"), key
    assert r"Sch{\"o}lkopf" in bibtex("schoelkopf2001ocsvm", WORKS["schoelkopf2001ocsvm"])


@pytest.mark.skipif(not shutil.which("bibtex"), reason="bibtex is not installed (texlive)")
def test_bibtex_reads_every_entry(tmp_path: Path) -> None:
    entries = "\n\n".join(bibtex(key, work) for key, work in WORKS.items())
    (tmp_path / "works.bib").write_text(entries)
    lines = [*(rf"\citation{{{key}}}" for key in WORKS), r"\bibstyle{plain}", r"\bibdata{works}"]
    (tmp_path / "page.aux").write_text("\n".join(lines) + "\n")
    done = subprocess.run(["bibtex", "page"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "Warning" not in done.stdout, done.stdout


def test_a_work_is_named_once_with_all_that_rests_on_it() -> None:
    found = cited(["knn", "pca", "hsc"], ["digits", "mine"], ["photos"], ["au_pro"], [])
    assert found["zhao2019pyod"] == ["knn", "pca"]
    assert found["pedregosa2011sklearn"] == ["digits", "photos"]
    assert "bergmann2020students" in found and next(iter(found)) == "ramaswamy2000knn"
