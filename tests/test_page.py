"""The page: self-contained, escaped, with the numbers of the tables; and in headless Chromium: it
sorts, filters, enlarges, asks for nothing, fits a phone, and reads well in the dark."""

import base64
import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pages import BROKEN, COMMITTED, HOSTILE, ROOT, Page, command, run

from benchmarks import published
from benchmarks.datasets.held_back import SUFFIX
from benchmarks.page.__main__ import main
from benchmarks.page.compare import Fact, differences
from benchmarks.page.gather import gather
from benchmarks.page.protocol import AGAINST, HELD_BACK, counted, exposure, given
from benchmarks.page.tables import parts
from benchmarks.page.write import summary, write
from benchmarks.record import runs
from benchmarks.report import build
from benchmarks.suites import DETECTORS, RECIPES
from benchmarks.tables import class_table

if TYPE_CHECKING:
    from browsing import Browser

LIMIT = 4e6  # bytes: what a phone loads in a moment


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("page") / "out")


@pytest.fixture(scope="module")
def target(out: Path) -> Path:
    return write([out, COMMITTED], out.parent / "index.html")


@pytest.fixture(scope="module")
def page(target: Path) -> Page:
    assert target.stat().st_size < LIMIT
    return Page(target.read_text(encoding="utf-8"))


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    loading = ("src", "srcset", "poster", "data")
    sources = [found[name] for _, found in page.elements for name in loading if name in found]
    sources += [found["href"] for found in page.all("link")]
    assert len(sources) > 50 and all(source.startswith("data:") for source in sources)
    style = re.search(r"<style>(.*?)</style>", page.html, re.DOTALL)
    assert style and "url(" not in style[1] and "@import" not in style[1]
    links = [found["href"] for found in page.all("a")]
    anchors = {found.get("id") for _, found in page.elements}
    assert all(link.startswith("https://") or link[1:] in anchors for link in links)


def test_only_its_own_script_may_run(page: Page) -> None:
    policy = next(found["content"] for found in page.all("meta") if "http-equiv" in found)
    scripts = re.findall(r"<script>(.*?)</script>", page.html, re.DOTALL)
    assert len(page.all("script")) == len(scripts) == 1
    own = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"script-src 'sha256-{own}'" in policy


def test_names_and_reasons_are_text(page: Page) -> None:
    assert HOSTILE in page.text and BROKEN in page.text
    assert {BROKEN} <= {found.get("value") for found in page.all("input")}


def test_the_numbers_are_those_of_the_tables(page: Page) -> None:
    frame = gather([COMMITTED]).frame
    table = class_table(frame, "fmnist", "image_auroc", "fast")
    shown = [found.get("data-value") for found in page.all("td")]
    assert len(table.columns) == len(DETECTORS)
    for value in table.values.loc["mean"]:
        assert str(float(value)) in shown
    assert f"{100 * table.values.loc['mean', 'fcdd']:.1f}" in page.text


def test_means_name_their_recipe_and_seen_choices_are_told_where_they_show(tmp_path: Path) -> None:
    names = ("fmnist", "fmnist-paper", "validate", "mvtec")
    folders = [ROOT / "results" / name for name in names]
    text = " ".join(Page(write(folders, tmp_path / "index.html").read_text()).text.split())
    for name in ("Fashion-MNIST, {}, fast", "Fashion-MNIST, {}, paper", "MVTec-AD, {}, fast"):
        assert text.count(f"{name.format('image AUROC')}: ") == 1
    seen = "whose test AUROC was seen meanwhile"
    tables = len(list(parts(gather([folders[3]]).frame)))
    assert text.count(seen) == 2 * tables + 1, "at each mean, each table, and in the protocol"
    assert seen in " ".join((ROOT / "README.md").read_text().split())
    assert "Nothing is chosen on test images" not in text
    only = Page(write(folders[:2], tmp_path / "other.html").read_text()).text
    assert seen not in only and "chosen on a split of its training images" in only
    assert not re.search(r"\b1 (trials|rows|seeds|classes)\b|\((s|es)\)", text)


def test_a_split_of_training_images_is_no_further_data_set() -> None:
    frame = gather([COMMITTED, ROOT / "results" / "validate"]).frame
    told = summary(frame)
    assert frame["dataset"].nunique() == 2 and (told["datasets"], told["classes"]) == (1, 10)
    paper = gather([COMMITTED, ROOT / "results" / "fmnist-paper"]).frame
    assert (told["seeds"], summary(paper)["seeds"]) == (1, "1 to 2")
    assert HELD_BACK == SUFFIX


def test_made_anomalies_are_told_of_those_that_train_on_them() -> None:
    found = list(parts(gather([ROOT / "results" / "mvtec"]).frame))
    told = {one["detector"]: one["exposure"] for one in given(found)}
    assert told == dict.fromkeys(AGAINST, "synthetic: confetti and scars")
    for dataset in ("mvtec", "textures", "fmnist"):
        for recipe in RECIPES:
            for name, entry in DETECTORS.items():
                if not entry.has(recipe, dataset):
                    continue
                setting = entry.setting(recipe, dataset)
                own = getattr(setting.detector, "anomalies", None)
                kinds = () if setting.exposure or own is None else (repr(own),)
                words = " ".join(kinds).lower()
                shown = exposure(dataset, recipe, name, "")
                assert ("confetti" in words, "scars" in words) == (
                    "confetti" in shown,
                    "scars" in shown,
                ), (dataset, recipe, name)
    assert exposure("cifar10", "fast", "hsc", "cifar100:64") == "CIFAR-100, 64 images"
    assert counted("3 trial(s), 1 class(es)") == "3 trials, 1 class"


def test_every_published_mean_stands_with_its_difference_and_protocol(page: Page) -> None:
    (part,) = [one for one in parts(gather([COMMITTED]).frame) if one.metric == "image_auroc"]
    known = published.compared("fmnist", "fcdd", "image_auroc").loc["mean"]
    cell = part.cells["mean", "fcdd"]
    assert cell.theirs == f"{100 * known['mean']:g}"
    assert float(cell.difference.replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        100 * (cell.value - known["mean"]), abs=0.051
    )
    assert "theirs CIFAR-100" in "; ".join(cell.differs) and known["paper"] in page.text


def test_every_image_has_score_verdict_and_truth(out: Path, page: Page) -> None:
    told = re.findall(
        r"Score (\S+), threshold (\S+); number \d+ of 120[^.]+\.\s+"
        r"Verdict: (normal|anomaly); truth: (normal|anomaly)( \(wrong\))?",
        page.text,
    )
    assert len(told) == 2 * 2 * 12  # detectors, normals, images
    for score, threshold, verdict, truth, wrong in told:
        if score != threshold:  # to the printed digit
            assert (verdict == "anomaly") == (float(score) > float(threshold))
        assert bool(wrong) == (verdict != truth)
    assert {truth for *_, truth, _ in told} == {"normal", "anomaly"}


def test_the_gallery_tells_its_colour_scale(out: Path, page: Page, tmp_path: Path) -> None:
    shared = "to the 0.97 quantile (bright) of all its maps in this gallery."
    assert page.text.count(shared) == 2  # normals
    other = tmp_path / "local.html"
    assert main([str(out), "--scale", "local", "--galleries", "1", "--out", str(other)]) == 0
    local = Page(other.read_text())
    assert shared not in local.text and local.text.count("to its own 0.97 quantile") == 1

    def heats(found: Page) -> list[str | None]:
        return [one["src"] for one in found.all("img") if one["alt"] == "Its heatmap"]

    assert len(heats(local)) == 24 and not set(heats(local)) <= set(heats(page))


def test_figures_name_their_folder_and_are_no_larger_than_they_were_drawn(page: Page) -> None:
    assert "fmnist: roc-fmnist-fast" in page.text and "out: roc-textures-fast" in page.text
    drawn = [one for one in page.all("img") if "width" in one]
    assert drawn and all(one["style"] == f"--wide:{int(one['width'] or 0) // 2}px" for one in drawn)


def test_without_stored_rows_the_page_says_why_there_is_no_gallery(tmp_path: Path) -> None:
    text = Page(write([COMMITTED], tmp_path / "index.html").read_text()).text
    assert "no images with scores" in text and "gallery-fmnist-trouser" in text
    run, *_ = runs(COMMITTED)  # runs.jsonl: machine and commit
    assert f"{run['trials']} in {run['seconds']:.0f} s" in text and run["commit"] in text


def test_the_report_writes_the_page_anew_when_rows_change(out: Path, tmp_path: Path) -> None:
    assert HOSTILE not in Page((out / "index.html").read_text()).text  # written by the run
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    assert copy / "index.html" in build(copy)
    assert HOSTILE in Page((copy / "index.html").read_text()).text
    assert build(copy) == []


def test_a_trial_in_two_folders_counts_once(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    assert len(gather([out, copy]).frame) == len(gather([out]).frame)


@pytest.mark.parametrize("kind", ["absent", "torn", "columns", "unwritable"])
def test_bad_input_is_one_line(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, target = tmp_path / "in", tmp_path / "index.html"
    folder.mkdir()
    table = folder / "results.csv"
    if kind == "torn":
        table.write_text('a,b\n1,2,3\n"')
    elif kind == "columns":
        table.write_text("detector,value\nfcdd,1\n")
    elif kind == "unwritable":
        shutil.copy(COMMITTED / "results.csv", table)
        target = table / "index.html"
    assert main([str(folder), "--out", str(target)]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert str(target if kind == "unwritable" else folder) in line


def test_the_command_gives_the_same_bytes(out: Path, target: Path, tmp_path: Path) -> None:
    again = tmp_path / "deep" / "index.html"
    done = command("benchmarks.page", out, COMMITTED, "--out", again)
    assert done.returncode == 0 and done.stdout.startswith(str(again)), done.stderr
    assert again.read_bytes() == target.read_bytes()


def test_differences_are_those_of_recipe_exposure_and_caveats() -> None:
    known = {"dataset": "fmnist", "exposure": "cifar100", "note": ""}
    plain = Fact("cifar100", "", 1, deviations="none")
    assert differences("paper", plain, known) == ()
    labelled = replace(plain, scenario="labelled 0.05 of 1 class(es)", exposure="photos")
    told = differences("fast", labelled, known | {"note": "chosen on test data"})
    assert told == (
        "recipe fast",
        "ours: 1 of 9 known classes",
        "exposure: ours photos, theirs CIFAR-100",
        "theirs tuned on test data",
    )


def test_no_difference_is_claimed_only_where_the_rows_say_so(tmp_path: Path) -> None:
    committed = tmp_path / "cifar10-paper"  # as its table was before it told of deviations
    committed.mkdir()
    table = pd.read_csv(ROOT / "results" / "cifar10-paper" / "results.csv", dtype=str)
    table.drop(columns="deviations").to_csv(committed / "results.csv", index=False)
    paper = next(one for one in parts(gather([committed]).frame) if one.metric == "image_auroc")
    told = paper.cells["mean", "deep_svdd"].differs
    assert told == (
        "the paper's recipe; for what differs in it see `python -m benchmarks.list --recipes`",
    )
    page = Page(write([committed], tmp_path / "index.html").read_text())
    assert "no difference known" not in page.text
    known = {"dataset": "cifar10", "exposure": "", "note": ""}
    stated = differences("paper", Fact("", "", 1, "in bfloat16 | other filters"), known)
    assert stated == ("the paper's recipe but for 2 deviations: in bfloat16; other filters",)


def test_templates_travel_with_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    endings = {path.suffix for path in (ROOT / "benchmarks" / "page").iterdir() if path.is_file()}
    assert all(f'"*{ending}"' in text for ending in endings - {".py"})


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    pytest.importorskip("selenium", reason="selenium is not installed")
    from browsing import BINARY, DRIVER, Browser

    if not (BINARY and DRIVER):
        pytest.skip("no chromium (apt-get install chromium chromium-driver)")
    browser = Browser()
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(chromium: "Browser", target: Path) -> "Browser":
    chromium.open(target)
    return chromium


def column(browser: "Browser", dataset: str) -> list[float]:
    cells = browser.all(f"#headline td[data-dataset={dataset}][data-metric=image_auroc]")
    values = [cell.get_attribute("data-value") or "" for cell in cells]
    assert values == sorted(values, key=lambda value: value == ""), "empty ones stand below"
    return [float(value) for value in values if value]


def test_heads_sort_by_click_and_by_key(browser: "Browser") -> None:
    selector = "#headline th[data-dataset=fmnist][data-metric=image_auroc]"
    head, button = browser.one(selector), browser.one(f"{selector} button")
    assert head.get_attribute("aria-sort") == "none"
    button.click()
    assert head.get_attribute("aria-sort") == "descending"
    values = column(browser, "fmnist")
    assert len(values) == len(DETECTORS) and values == sorted(values, reverse=True)
    browser.press("ENTER", button)
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(browser, "fmnist") == sorted(values)
    browser.all("#headline th button")[0].click()
    names = browser.texts("#headline tbody th")
    assert names == sorted(names, key=str.lower)
    assert head.get_attribute("aria-sort") == "none", "one column at a time"


def test_a_mean_stays_below_its_classes(browser: "Browser") -> None:
    table = "#classes details[open] table"
    browser.all(f"{table} th button")[0].click()
    lines = browser.texts(f"{table} tr > th[scope=row]")
    assert lines[-1] == "mean" and lines[:-1] == sorted(lines[:-1]) and len(lines) == 11


def test_filters_act_on_every_section(browser: "Browser") -> None:
    names, heads = "#headline tbody th", "#headline thead th"
    assert len(browser.texts(names)) == len(DETECTORS) + 1 and len(browser.texts(heads)) == 3
    browser.choose("dataset", "textures")
    assert browser.texts(names) == [BROKEN, "kNN", "PCA"]
    assert browser.texts("#headline tbody tr")[0].endswith("failed")
    assert browser.texts("#published tbody tr") == []
    assert browser.texts("#published .empty") == ["Nothing matches these filters."]
    browser.choose("detector", "knn")
    assert browser.texts(names) == ["kNN"]
    assert {told.split(" ")[0] for told in browser.texts(".strip h3")} == {"kNN"}
    browser.choose("metric", "pixel_auroc")
    assert len(browser.texts(heads)) == 3  # detector, two metrics
    assert browser.texts("[data-menu=detector] summary b") == ["kNN"]
    browser.choose("recipe", "fast")
    assert browser.texts(names) == ["kNN"]
    browser.one("button[type=reset]").click()
    browser.awaited("setTimeout(arguments[0], 50)")
    assert len(browser.texts(names)) == len(DETECTORS) + 1 and len(browser.texts(heads)) == 3


def test_an_image_opens_large_and_the_keys_step_on(browser: "Browser") -> None:
    tiles = browser.all("#gallery details[open] .tile")
    browser.press("ENTER", tiles[0])
    image, heat = browser.all("dialog img")
    assert image.size["width"] > 300 and heat.size["width"] > 300
    assert image.get_property("naturalWidth") == 32, "the picture itself was decoded"
    (told,) = browser.texts("dialog .caption")
    assert "Verdict: " in told and "truth: " in told and "number 1 of 120" in told
    browser.press("ARROW_RIGHT")
    assert "number 2 of 120" in browser.texts("dialog .caption")[0]
    browser.press("ESCAPE")
    assert not browser.one("dialog").is_displayed()
    assert browser.focus() == tiles[1], "the focus is where the reader was"


def test_a_figure_on_a_phone_opens_as_large_as_it_was_drawn(browser: "Browser") -> None:
    browser.appear(390, "dark")
    buttons = browser.all("#figures figure:not([hidden]) button")
    (wide, *_) = (one for one in buttons if one.find_elements("css selector", "img[width='1400']"))
    wide.click()
    (image,) = browser.all("dialog img")
    assert image.size["width"] == 700, "half of its pixels; its stage scrolls"
    stage = "const one = document.querySelector('.stage'); return one.scrollWidth > one.clientWidth"
    assert browser.script(stage)
    assert browser.script("return document.documentElement.scrollWidth") <= 390


def test_no_console_error_and_no_request_but_for_the_file(browser: "Browser", target: Path) -> None:
    browser.script("for (const one of document.querySelectorAll('.part')) one.open = true")
    browser.script("for (const one of document.images) one.loading = 'eager'")
    shown = "return [...document.images].every((one) => one.complete && one.naturalWidth)"
    browser.awaited("setTimeout(arguments[0], 200)")
    assert browser.script(shown), "every image could be decoded"
    browser.all(".tile")[0].click()
    asked = browser.requests()
    assert target.as_uri() in asked
    assert [url for url in asked if not url.startswith(("data:", target.as_uri()))] == []
    assert browser.errors() == []


def test_the_policy_stops_what_would_ask_elsewhere(browser: "Browser") -> None:
    blocked = browser.awaited("""
        const done = arguments[0];
        document.addEventListener("securitypolicyviolation", (event) => done(event.blockedURI));
        document.body.append(Object.assign(new Image(), {src: "https://example.org/x.png"}));
        setTimeout(() => done("nothing"), 3000);
    """)
    assert blocked.startswith("https://example.org")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen_and_reads_well(browser: "Browser", width: int, scheme: str) -> None:
    from browsing import CONTRAST

    browser.appear(width, scheme)
    browser.script("for (const one of document.querySelectorAll('.menu')) one.open = true")
    assert browser.script("return document.documentElement.scrollWidth") <= width
    contrasts = browser.script(CONTRAST)
    assert len(contrasts) > 300
    assert [one for one in contrasts if one[0] < 4.5] == []
    behind = browser.script("return getComputedStyle(document.body).backgroundColor")
    name = browser.one("#headline tbody tr:nth-child(2) th")  # a long one wraps, and stays in view
    assert name.size["width"] <= width / 2.5
    browser.script("document.querySelector('#headline .scroll').scrollLeft = 999")
    assert abs(name.rect["x"] - browser.one("#headline .scroll").rect["x"]) <= 1
    if width == 1280:
        scrolls = "const one = document.querySelector('#published .scroll');"
        assert browser.script(f"{scrolls} return one.scrollWidth <= one.clientWidth")
    assert (sum(int(part) for part in behind[4:-1].split(",")) < 128) == (scheme == "dark")
