"""Panels: the same images for every detector, and pixels that mean what the legend says."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import spearmanr

from benchmarks import panels, tiling
from benchmarks.condition import facts_of
from benchmarks.evaluate import evaluate, lost_row
from benchmarks.panels import of_dataset
from benchmarks.plan import Request, make_plan
from benchmarks.plots import save
from benchmarks.samples import ANOMALIES, NORMALS, SIDE, chosen, panel
from benchmarks.scale import SCALES, Scale
from benchmarks.show import Show
from benchmarks.store import Store, frame
from benchmarks.suites import DATASETS
from benchmarks.task import Scenario

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """A real sweep: three detectors on weave; on wood one is done, one failed, one is missing."""
    folder = tmp_path_factory.mktemp("sweep")
    asked = Request("quick", folder, ("svdd", "fcdd", "pca"), ("weave", "wood"))
    trials = {(one.trial.detector, one.trial.normal): one for one in make_plan(asked).trials}
    store, failing = Store(folder), trials.pop(("svdd", "wood"))
    del trials["fcdd", "wood"]
    for row in evaluate(list(trials.values()), folder, store, "cpu"):
        assert row["status"] == "done", row["reason"]
    store.write(lost_row(failing, facts_of("cpu"), "failed", "too large"), {})
    return folder


@pytest.fixture(scope="module")
def task():
    return DATASETS["textures"].task(Path(), "weave", Scenario(), 0)


def show(out: Path, scale: str = SCALES[0]) -> Show:
    store = Store(out)
    return Show(store, frame(store.rows()), scale=scale)


def drawing(out: Path, name: str, scale: str = SCALES[0]):
    return next(d for d in panels.figures(show(out, scale)) if d.name == name)


def arrays(out: Path, detector: str, normal: str = "weave") -> dict[str, np.ndarray]:
    stem = next(p.stem for p in (out / "rows").glob(f"textures-{detector}-{normal}-*"))
    return Store(out).arrays({"stem": stem})


def texts(figure: Figure) -> list[str]:
    return [" ".join(text.get_text().split()) for text in figure.axes[0].texts]


def places(picture: np.ndarray, tile: np.ndarray) -> list[tuple[int, int]]:
    """Where a tile lies on a picture, pixel for pixel."""
    (h, w), whole = tile.shape[:2], packed(picture)
    part = packed(tile)
    y, x = np.nonzero(whole[: len(whole) - h + 1, : whole.shape[1] - w + 1] == part[0, 0])
    for dy, dx in np.random.default_rng(0).integers(0, (h, w), (60, 2)):
        same = whole[y + dy, x + dx] == part[dy, dx]
        y, x = y[same], x[same]
    found = zip(y.tolist(), x.tolist(), strict=True)
    return [(y, x) for y, x in found if np.array_equal(whole[y : y + h, x : x + w], part)]


def packed(picture: np.ndarray) -> np.ndarray:
    """Pixels ``(h, w, 3)`` as one number each."""
    return picture.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)


def enlarged(image: np.ndarray, factor: int) -> np.ndarray:
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def test_every_detector_keeps_the_same_images(out, task):
    found = [arrays(out, detector) for detector in ("svdd", "fcdd", "pca")]
    for one in found:
        index = one["panel_index"]
        assert np.array_equal(index, found[0]["panel_index"])
        assert np.array_equal(one["panel_images"], task.test[index])
        assert np.array_equal(one["panel_masks"], task.test_masks[index] * np.uint8(255))
        assert np.array_equal(one["panel_labels"], task.test_labels[index])
        assert one["panel_maps"].dtype == np.float16 and one["panel_images"].dtype == np.uint8
        maps = one["maps"][index].astype(float)
        shares = (maps - maps.min()) / np.ptp(maps)
        assert np.allclose(one["panel_maps"], shares, atol=6e-4)
    kinds = found[0]["panel_kinds"].tolist()
    counts = [kinds.count(kind) for kind in dict.fromkeys(task.test_kinds) if kind != "good"]
    assert kinds[:NORMALS] == ["good"] * NORMALS and sum(counts) == ANOMALIES
    assert len(counts) == 5 and max(counts) - min(counts) <= 1


def test_images_are_chosen_by_their_pixels_alone(task):
    kinds = np.array(task.test_kinds)
    first = chosen(task.test, task.test_labels, kinds)
    order = np.random.default_rng(0).permutation(len(kinds))
    other = chosen(task.test[order], task.test_labels[order], kinds[order])
    assert np.array_equal(order[other], first)
    rest = np.delete(np.arange(len(kinds)), first[4])  # held out for training
    fewer = rest[chosen(task.test[rest], task.test_labels[rest], kinds[rest])]
    assert set(first) - set(fewer) == {first[4]}


def test_large_images_are_kept_small(task):
    large = task.test[:, :, :16].repeat(20, axis=2).repeat(20, axis=3)
    masks = np.zeros((len(large), 320, 640), bool)
    masks[:, :, 1::2] = True
    kept = panel(replace(task, test=large, test_masks=masks), masks.astype(np.float32))
    assert kept["panel_images"].shape[1:] == (3, SIDE // 2, SIDE)
    assert kept["panel_masks"].shape[1:] == kept["panel_maps"].shape[1:] == (SIDE // 2, SIDE)
    assert np.abs(kept["panel_masks"].mean() / 255 - masks.mean()) < 0.01
    assert sum(array.nbytes for array in kept.values()) < 3 * 2**20


def test_the_print_holds_images_masks_and_heat_in_place(out, tmp_path):
    # Each map on its own colours, for on one scale a faint map keeps too few of them to be ranked.
    figure = drawing(out, "panel-textures-weave-fast-local", "local")
    png, pdf = save(figure, tmp_path)
    with Image.open(png) as image:
        assert [round(dpi) for dpi in image.info["dpi"]] == [300, 300]
        assert image.width <= 7 * 300 and image.height <= 9 * 300
        picture = np.asarray(image.convert("RGB"))
    assert pdf.read_bytes().startswith(b"%PDF")
    found = {name: arrays(out, name) for name in ("svdd", "fcdd", "pca")}
    kept = found["svdd"]
    side = next(f for f in range(8, 1, -1) if places(picture, column(kept, 4, f)[0]))
    for i in range(NORMALS, NORMALS + ANOMALIES):
        tile, mask = column(kept, i, side)
        ((top, left),), ((bottom, same),) = places(picture, tile), places(picture, mask)
        assert left == same
        step = (bottom - top) // 4  # input, three detectors, mask
        for line, name in enumerate(("svdd", "fcdd", "pca"), 1):
            y = top + line * step
            heat = picture[y : y + 32 * side, left : left + 32 * side].sum(axis=2)
            shown = enlarged(found[name]["panel_maps"][i], side)
            assert spearmanr(heat.ravel(), shown.ravel()).statistic > 0.95


def column(kept: dict[str, np.ndarray], i: int, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """The i-th image and its mask as they should be printed."""
    image = kept["panel_images"][i].transpose(1, 2, 0)
    mask = np.repeat(kept["panel_masks"][i][..., None], 3, axis=2)
    return enlarged(image, factor), enlarged(mask, factor)


def test_what_is_not_there_is_a_blank_with_its_word(out):
    figure = drawing(out, "panel-textures-wood-fast").draw()
    assert figure is not None
    words = texts(figure)
    assert words.count("failed") == 1 and words.count("--") == 1  # once over a whole line
    canvas = np.asarray(figure.axes[0].images[0].get_array())
    assert (canvas == tiling.EMPTY).all(axis=2).sum() >= 2 * 11 * 32**2
    assert "pixel AUROC" in " ".join(words) and "0.97 quantile" in " ".join(words)
    row = Store(out).rows()
    best = next(r for r in row if (r["detector"], r["normal"]) == ("pca", "wood"))
    assert f"{100 * best['metrics']['pixel_auroc']:.1f}" in words
    whole = drawing(out, "panels-textures-fast").draw()
    assert whole is not None and texts(whole).count("failed") == 1
    words = texts(whole)
    assert {"SVDD", "FCDD", "PCA", "normal", "anomaly", "mask"} <= set(words)


def test_local_scales_each_map_and_shared_all_together():
    rng = np.random.default_rng(0)
    maps = rng.random((5, 40, 40)) * np.arange(1, 6).reshape(5, 1, 1) + 3
    local, shared = Scale("local", 0.9), Scale("shared", 0.9)
    each = local.heat(maps)
    assert np.allclose((each == 1).mean(axis=(1, 2)), 0.1, atol=0.002)
    assert np.allclose(each, local.heat(1000 * maps + 7), atol=1e-3)
    together = shared.heat(maps)
    assert (together == 1).mean() == pytest.approx(0.1, abs=0.002)
    assert (np.diff(together.max(axis=(1, 2))) >= 0).all() and together[0].max() < 0.5
    inside = (together > 0) & (together < 1)
    slope = np.polyfit(maps[inside], together[inside], 1)[0]  # one straight line for all maps
    assert np.allclose(together[inside], slope * (maps[inside] - maps.min()), atol=1e-5)
    assert not local.heat(np.ones((1, 4, 4))).any()
    assert "own 0.90 quantile" in local.told("here")
    assert "0.90 quantile (bright) of all its maps here" in shared.told("here")


def test_an_image_held_out_by_one_detector_is_told(out):
    kept = {k.removeprefix("panel_"): v for k, v in arrays(out, "pca").items() if "panel" in k}
    fewer = {name: value[1:] for name, value in kept.items()}
    broken = kept | {"maps": np.full_like(kept["maps"], np.nan)}
    found = {"pca": kept, "held out": fewer, "broken": broken}
    figure = panels.of_category("weave", found, {}, Scale("local", 0.97))
    assert {"not tested", "not finite"} <= set(texts(figure))
    assert texts(figure).count("not tested") == 1
    figure = panels.of_category("weave", {"pca": kept, "held out": fewer}, {}, Scale("local", 0.97))
    (word,) = (text for text in figure.axes[0].texts if text.get_text() == "not tested")
    canvas = np.asarray(figure.axes[0].images[0].get_array())
    side = np.sqrt((canvas == tiling.EMPTY).all(axis=2).sum())
    assert word.get_window_extent(FigureCanvasAgg(figure).get_renderer()).width <= side


@pytest.mark.parametrize(("detectors", "blocks"), [(2, 2), (4, 2), (14, 1)])
def test_fifteen_categories_fit_the_page(out, detectors, blocks):
    kept = {k.removeprefix("panel_"): v for k, v in arrays(out, "pca").items() if "panel" in k}
    found = {"PCA": kept} | {f"other {i}": "failed" for i in range(1, detectors)}
    sets = {f"category {i}": found for i in range(15)}
    figure = of_dataset("fifteen", sets, Scale("shared", 0.99))
    width, height = figure.get_size_inches()
    assert width <= 7 and height <= 9
    words = texts(figure)
    assert words.count("mask") == blocks  # as many as make the tiles largest
    joined = " ".join(words)
    assert [joined.count(f"category {i} ") for i in range(15)] == [1] * 15
    assert set(kept["kinds"].tolist()) - set(words) == {"good"}  # every kind is shown


def test_rows_of_before_report_without_panels(out, tmp_path):
    store, old = Store(out), Store(tmp_path)
    for row in store.rows():
        if row["status"] == "done":
            given = store.arrays(row)
            old.write(row, {k: v for k, v in given.items() if not k.startswith("panel_")})
    assert all(d.draw() is None for d in panels.figures(show(tmp_path)))
    row = next(r for r in store.rows() if (r["detector"], r["normal"]) == ("pca", "weave"))
    old.write(row, store.arrays(row))
    figure = drawing(tmp_path, "panel-textures-weave-fast").draw()
    assert figure is not None and texts(figure).count(panels.NOT_KEPT) == 2


def test_the_report_draws_the_scale_that_is_asked_for(out, tmp_path):
    row = next(r for r in Store(out).rows() if (r["detector"], r["normal"]) == ("pca", "weave"))
    metrics = {"pixel_auroc": row["metrics"]["pixel_auroc"]}
    Store(tmp_path).write(row | {"metrics": metrics}, arrays(out, "pca"))
    asked = [str(tmp_path), "--scale", "local", "--galleries", "1"]
    command = [sys.executable, "-m", "benchmarks.report", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for name in (
        *("panel-textures-weave-fast-local", "panels-textures-fast-local"),
        "gallery-textures-weave-fast-local",
    ):
        for ending in ("png", "pdf"):
            assert (tmp_path / "figures" / f"{name}.{ending}").stat().st_size > 10_000
