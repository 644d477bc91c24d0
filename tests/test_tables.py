"""Tables: means, spreads, published numbers and failures, in CSV, LaTeX, Markdown and rich."""

import shutil
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmarks import published, remarks
from benchmarks.latex import tex, to_latex
from benchmarks.render import as_rich, rank, to_markdown
from benchmarks.shelf import rows_or_csv
from benchmarks.store import frame
from benchmarks.tables import TABLES, class_table, overview

CLASSES = list(published.order("fmnist"))


def make(detector: str, normal: str, value: float | None, seed: int = 0, **changes: Any) -> dict:
    row = {
        "dataset": "fmnist",
        "detector": detector,
        "normal": normal,
        "recipe": "fast",
        "seed": seed,
        "exposure": None,
        "scenario": None,
        "status": "done" if value is not None else "failed",
        "reason": None if value is not None else "kernel_matrix & 50% too large",
        "metrics": {"image_auroc": value} if value is not None else {},
        "protocol": 1,
        "finished": "2026-01-01T00:00:00+00:00",
    }
    row |= changes
    return row | {"stem": "-".join(str(row[k]) for k in ("detector", "normal", "seed", "finished"))}


def sweep(detector: str, seeds: int = 1, shift: float = 0.0) -> list[dict]:
    return [
        make(detector, normal, 0.9 + 0.004 * i + 0.01 * seed + shift, seed)
        for i, normal in enumerate(CLASSES)
        for seed in range(seeds)
    ]


def table(rows: list[dict], metric: str = "image_auroc"):
    return class_table(frame(rows), "fmnist", metric, "fast")


def test_means_and_stds_over_seeds_and_classes() -> None:
    made = table(sweep("fcdd", seeds=3) + sweep("pca"))
    assert list(made.values.index) == [*CLASSES, "mean"]
    assert made.values.loc["trouser", "fcdd"] == pytest.approx(0.914)
    assert made.stds.loc["trouser", "fcdd"] == pytest.approx(0.01)  # of .904, .914, .924, ddof 1
    assert made.values.loc["mean", "fcdd"] == pytest.approx(0.928)
    assert made.stds.loc["mean", "fcdd"] == pytest.approx(0.01)
    assert made.stds["pca"].isna().all()


def test_published_numbers_and_differences_stand_beside_ours() -> None:
    made = table(sweep("fcdd"))
    csv = pd.read_csv(StringIO(made.csv().to_csv(index=False)), index_col="normal")
    assert (csv["fcdd"] == made.values["fcdd"]).all()  # full precision
    assert csv["fcdd published"][["shirt", "mean"]].tolist() == [0.75, 0.89]
    assert csv["fcdd difference"]["shirt"] == pytest.approx(csv["fcdd"]["shirt"] - 0.75)
    assert csv["fcdd std"].isna().all()


def test_a_mean_over_some_classes_is_not_set_beside_a_published_mean() -> None:
    made = table(sweep("fcdd")[:3])
    assert np.isnan(made.published.loc["mean", "fcdd"])
    assert made.published.loc["trouser", "fcdd"] == 0.98
    assert any("mean over 3 of 10 classes" in note for note in made.notes)
    broken = table([*sweep("fcdd")[1:], make("fcdd", CLASSES[0], None)])
    assert np.isnan(broken.published.loc["mean", "fcdd"])


def test_a_failure_shows_and_keeps_the_mean_from_being_best() -> None:
    rows = [row for row in sweep("svdd", shift=0.05) if row["normal"] != "bag"]
    made = table([*rows, make("svdd", "bag", None), *sweep("hsc")])
    assert made.marks.loc["bag", "svdd"] == "failed"
    assert made.csv().set_index("normal").loc["bag", "svdd"] == "failed"
    assert made.marks.loc["mean", "svdd"] == "*"
    assert made.best.loc["mean"].to_dict() == {"svdd": False, "hsc": True}
    assert made.best.loc["trouser"].to_dict() == {"svdd": True, "hsc": False}
    assert any("kernel_matrix" in note and "bag" in note for note in made.notes)


def test_a_detector_that_always_fails_has_a_column_of_failures() -> None:
    made = table(sweep("hsc") + [make("svdd", normal, None) for normal in CLASSES])
    assert (made.marks["svdd"] == "failed").all()
    assert (made.marks["hsc"] == "").all()
    alone = TABLES["classes"](frame([make("svdd", "bag", None)]))
    assert (alone["fmnist-image_auroc-fast"].marks["svdd"] == "failed").all()


def test_a_missing_cell_is_neither_failed_nor_a_number() -> None:
    made = table([*sweep("hsc"), *sweep("bce")[1:]])
    first, markdown = CLASSES[0], to_markdown(made)
    assert made.values["bce"].isna()[first] and made.marks.loc[first, "bce"] == ""
    assert f"| {first} | **90.0** | -- |" in markdown
    told = "Failed or missing trials are left out: BCE has 9 of 10."
    assert rf"- \* {told}" in markdown
    head = "fmnist image_auroc fast"
    assert (
        f"{head}: * {told}" in overview(frame([*sweep("hsc"), *sweep("bce")[1:]]))["overview"].notes
    )


def test_ties_at_the_printed_digit_are_both_best() -> None:
    made = table([make("hsc", "bag", 0.90004), make("bce", "bag", 0.9), make("pca", "bag", 0.899)])
    assert made.best.loc["bag"].to_dict() == {"hsc": True, "bce": True, "pca": False}


def test_a_detector_with_fewer_seeds_is_complete_by_itself() -> None:
    made = table([*sweep("hsc", seeds=3), *sweep("fcdd", shift=0.05)])
    assert (made.marks == "").all(axis=None)
    assert made.best.loc["mean"].to_dict() == {"hsc": False, "fcdd": True}
    assert made.published.loc["mean", "fcdd"] == 0.89
    assert made.notes[0].startswith("image_auroc in per cent, 1 seed (FCDD), 3 seeds (HSC); ±")
    assert not any("left out" in note for note in made.notes)
    broken = table([*sweep("hsc", seeds=3)[1:], *sweep("fcdd")])
    assert broken.marks.loc[["t-shirt/top", "mean"], "hsc"].tolist() == ["*", "*"]
    assert broken.marks.loc["mean", "fcdd"] == ""
    assert any("HSC has 29 of 30." in note for note in broken.notes)


def test_what_other_papers_print_stands_behind_the_difference() -> None:
    made = table(sweep("deep_svdd"))
    assert "(89.2, +2.6; also 93) |" in to_markdown(made)
    told = "Also published (Deep SVDD, mean): 93 in FCDD (ICLR 2021), Table 1, quoted from"
    assert any(note.startswith(told) for note in made.notes)
    assert made.csv()["deep_svdd also published"].tolist() == [""] * 10 + ["93"]


def test_a_paper_recipe_tells_its_deviations_or_where_they_are() -> None:
    rows = [row | {"recipe": "paper"} for row in sweep("deep_svdd")]

    def notes(stated: list[str] | None) -> str:
        more = {} if stated is None else {"resolved": {"deviations": stated}}
        told = frame([row | more for row in rows])
        return "\n".join(class_table(told, "fmnist", "image_auroc", "paper").notes)

    assert "the paper's recipe; for what differs in it see `python -m benchmarks.list" in notes(
        None
    )
    assert "but for 2 deviations: bfloat16; other filters." in notes(["bfloat16", "other filters"])
    assert "the paper's recipe" not in notes([])
    assert remarks.PAPER in overview(frame(rows))["overview"].notes
    assert remarks.PAPER not in overview(frame(sweep("deep_svdd")))["overview"].notes


def test_a_mean_over_some_categories_says_so_and_is_not_best() -> None:
    rows = [
        make(name, normal, value, dataset="mvtec")
        for name, value in (("fcdd", 0.9), ("hsc", 0.8))
        for normal in ("bottle", "screw")
    ]
    made = class_table(frame(rows), "mvtec", "image_auroc", "fast")
    assert made.best["fcdd"].to_dict() == {"bottle": True, "screw": True, "mean": False}
    assert "| mean (2 of 15) | 80.0 | 90.0 |" in to_markdown(made)
    assert r"mean (2 of 15)" in to_latex(made, "some")
    means = overview(frame(rows))["overview"]
    assert list(means.values) == ["mvtec image_auroc fast (2 of 15)"]
    assert not means.best.any(axis=None)


def test_runs_tested_on_other_images_are_not_ranked_together() -> None:
    committed = rows_or_csv(published.PATH.parent / "mvtec")
    made = class_table(committed, "mvtec", "pixel_auroc", "fast")
    held_out = "fcdd (real 5 of each kind held out)"
    assert made.values.loc["bottle", held_out] > made.values.loc["bottle", "fcdd"]
    assert made.best.loc["bottle"][lambda line: line].index.tolist() == ["fcdd"]
    notes = "\n".join(made.headline)
    assert "held out): tested without the anomalies held out, so not ranked" in notes
    assert (made.values["deep_sad"] == made.values["deep_svdd"]).all()
    assert "Deep SAD: no labelled anomalies here, without which it is Deep SVDD." in notes


def test_few_known_classes_are_told_in_the_overview() -> None:
    rows = [
        row | {"scenario": "labelled 0.05 of 1 class(es)"} for row in sweep("deep_sad", seeds=2)
    ]
    assert any(
        "Deep SAD: 2 of 9 known classes, one further with each seed" in note
        for note in overview(frame(rows))["overview"].notes
    )


def test_two_exposures_of_a_detector_are_two_columns() -> None:
    rows = [
        make("fcdd", "bag", 0.9, exposure="cifar100"),
        make("fcdd", "bag", 0.8, exposure="emnist", finished="2026-01-02T00:00:00+00:00"),
        make("hsc", "bag", 0.7, exposure="emnist"),
    ]
    made = table(rows)
    assert list(made.values) == ["hsc", "fcdd (cifar100)", "fcdd (emnist)"]
    assert made.published.loc["bag", "fcdd (emnist)"] == 0.86
    assert any("HSC: emnist" in note for note in made.notes)


def test_an_exposure_that_was_there_in_part_is_told() -> None:
    def row(detector: str, held: int | None, exposure: str | None = "cifar100") -> dict:
        resolved = {} if held is None else {"exposure_images": held}
        return make(detector, "bag", 0.9, exposure=exposure, resolved=resolved)

    def notes(*found: dict) -> list[str]:
        return [note for note in table([*found]).notes if note.startswith("Exposure (")]

    part = [row("fcdd", 10_000), row("hsc", 10_000, "cifar100:64"), row("bce", 50_000)]
    others = [row("focal", 10_000, "photos"), row("pca", None, None), row("deep_sad_oe", None)]
    told = "Exposure (FCDD, HSC): 10,000 of CIFAR-100's 50,000 images."
    assert notes(*part, *others) == [told]
    assert notes(row("bce", 50_000), *others) == []
    assert told.replace("FCDD, HSC", "FCDD") in to_markdown(table([row("fcdd", 10_000)]))


def test_an_older_recipe_of_the_same_trial_is_left_out() -> None:
    rows = [make("hsc", "bag", 0.5), make("hsc", "bag", 0.9, finished="2026-02-01T00:00:00Z")]
    assert table(rows).values.loc["bag", "hsc"] == 0.9


def test_columns_follow_the_lineage_then_the_alphabet() -> None:
    given = ["pca", "fcdd (b)", "fcdd (a)", "abod", "autoencoder", "deep_sad", "svdd"]
    assert sorted(given, key=rank) == [given[i] for i in (6, 5, 2, 1, 4, 3, 0)]


def test_overview_sets_detectors_against_datasets() -> None:
    rows = sweep("fcdd") + sweep("svdd", shift=0.02)
    rows += [make("fcdd", "7", 0.6, dataset="mnist", stem="m")]
    made = overview(frame(rows))["overview"]
    assert list(made.values.index) == ["svdd", "fcdd"]
    few = "mnist image_auroc fast (1 of 10)"
    assert list(made.values) == ["fmnist image_auroc fast", few]
    assert made.best["fmnist image_auroc fast"].to_dict() == {"svdd": True, "fcdd": False}
    assert made.published.loc["svdd", "fmnist image_auroc fast"] == 0.928
    assert made.values[few].isna().to_dict() == {"svdd": True, "fcdd": False}


def test_every_table_is_named_and_built_from_the_frame() -> None:
    rows = sweep("fcdd")
    rows[0]["metrics"] = rows[0]["metrics"] | {"image_ap": 0.4}
    names = [name for make_tables in TABLES.values() for name in make_tables(frame(rows))]
    assert names == ["fmnist-image_auroc-fast", "fmnist-image_ap-fast", "overview"]


def test_markdown_is_a_table_github_reads() -> None:
    markdown = to_markdown(table(sweep("fcdd", seeds=2) + sweep("svdd", seeds=2)))
    assert {row.count("|") for row in markdown.splitlines() if row.startswith("|")} == {4}
    assert (
        "| mean | 92.3 ± 0.7 (92.8, -0.5) | 92.3 ± 0.7 (89, +3.3) |".replace("92.3", "**92.3**")
        in markdown
    )
    assert "Table 6" in markdown


def test_rich_prints_every_cell() -> None:
    console = Console(file=StringIO(), width=200)
    console.print(as_rich(table([*sweep("fcdd"), make("svdd", "bag", None)])))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "FCDD" in text and "failed" in text and "93.2" in text and "(86, +7.2)" in text


def test_special_characters_are_escaped() -> None:
    assert tex("a_b & 50% #1 $2 {x} ~ ^ \\ é ᵃ 学") == (
        r"a\_b \& 50\% \#1 \$2 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} "
        r"\'{e} \textsuperscript{a} ?"
    )
    assert tex("* [1] <2> |3|") == (r"{*} {[}1{]} \textless{}2\textgreater{} \textbar{}3\textbar{}")


@pytest.fixture
def awkward() -> dict[str, str]:
    rows = sweep("fcdd", seeds=2) + sweep("deep_svdd_soft") + sweep("my_net & 50%_{x}")[:4]
    rows += [make("svdd", normal, None) for normal in CLASSES]
    made = {"class": table(rows), "overview": overview(frame(rows))["overview"]}
    return {name: to_latex(one, name) for name, one in made.items()}


def test_latex_holds_the_cells(awkward: dict[str, str]) -> None:
    latex = awkward["class"]
    assert r"\toprule" in latex and r"\midrule mean" in latex and r"\bottomrule" in latex
    assert "failed" in latex and "--" in latex and r"{\scriptsize (89, +" in latex
    assert r"{\scriptsize$\,\pm$0.7}" in latex and r"my\_net" in latex and "_{" not in latex


def test_latex_compiles(awkward: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    body = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    for name, latex in awkward.items():
        (tmp_path / f"{name}.tex").write_text(latex, encoding="utf-8")
        body += rf"\input{{{name}}}"
    (tmp_path / "all.tex").write_text(body + r"\end{document}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert (tmp_path / "all.pdf").stat().st_size > 1000
