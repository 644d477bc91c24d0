"""Figures and the report: exact curves, files as named, nothing drawn twice, no torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from benchmarks import curves, gallery, plots, published, report
from benchmarks.plots import FIGURES, Show, save
from benchmarks.scale import Scale
from benchmarks.store import Store, frame, slug

SHARED = Scale("shared", 0.85)


def arrays(rng: np.random.Generator, n: int = 200, maps: bool = True) -> dict[str, np.ndarray]:
    labels = (np.arange(n) % 4 == 0).astype(np.int8)
    scores = rng.normal(size=n) + 1.5 * labels
    order = np.argsort(scores)
    index = np.r_[order[:3], order[-3:]]
    found = {
        "scores": scores,
        "labels": labels,
        "example_index": index,
        "example_images": rng.integers(0, 256, (6, 1, 28, 28), dtype=np.uint8),
    }
    if maps:
        found["example_maps"] = rng.random((6, 28, 28), dtype=np.float32)
        found["example_masks"] = np.zeros((6, 28, 28), bool)
        found["example_masks"][:, 5:15, 5:15] = True
    return found


def fill(out: Path, detectors: tuple[str, ...] = ("svdd", "fcdd"), classes: int = 4) -> None:
    rng, store = np.random.default_rng(0), Store(out)
    for detector in detectors:
        for normal in published.order("fmnist")[:classes]:
            store.write(*trial(rng, detector, normal))
    failed = {"status": "failed", "metrics": {}, "reason": "too large"}
    store.write(trial(rng, detectors[0], "bag")[0] | failed, {})


def trial(rng: np.random.Generator, detector: str, normal: str) -> tuple[dict[str, Any], dict]:
    found = arrays(rng, maps=detector != "svdd")
    row = {
        "schema": 1,
        "protocol": 1,
        "digest": f"{detector}{slug(normal)}",
        "stem": f"fmnist-{detector}-{slug(normal)}-fast-0-0123456789ab",
        "dataset": "fmnist",
        "detector": detector,
        "normal": normal,
        "recipe": "fast",
        "seed": 0,
        "exposure": None,
        "scenario": None,
        "status": "done",
        "metrics": {"image_auroc": float(roc_auc_score(found["labels"], found["scores"]))},
        "finished": "2026-01-01T00:00:00+00:00",
    }
    return row, found


@pytest.mark.parametrize("digits", [0, 1, 8])
def test_roc_is_exact_with_and_without_ties(digits: int) -> None:
    rng = np.random.default_rng(digits)
    labels = rng.integers(0, 2, 500)
    scores = np.round(rng.normal(size=500) + labels, digits)
    curve = curves.roc(scores, labels)
    assert curves.area(curve) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert (curve[0][0], curve[1][0], curve[0][-1], curve[1][-1]) == (0, 0, 1, 1)


def test_thinning_keeps_exact_vertices_and_the_area() -> None:
    rng = np.random.default_rng(1)
    labels = np.r_[np.zeros(30000), np.ones(30000)]
    curve = curves.roc(rng.normal(size=60000) + labels, labels)
    thin = curves.thinned(curve)
    assert len(thin[0]) < len(curve[0]) / 10
    assert set(zip(*thin, strict=True)) <= set(zip(*curve, strict=True))
    assert curves.area(thin) == pytest.approx(curves.area(curve), abs=1 / 400)
    assert (thin[0][0], thin[1][-1]) == (0, 1)


def test_the_mean_curve_has_the_mean_area() -> None:
    rng = np.random.default_rng(2)
    found = []
    for n in (50, 80, 333):
        labels = np.arange(n) % 3 == 0
        found.append(curves.roc(np.round(rng.normal(size=n) + labels, 1), labels))
    mean = curves.mean_roc(found)
    assert curves.area(mean) == pytest.approx(np.mean([curves.area(c) for c in found]), abs=1e-12)
    assert (np.diff(mean[0]) >= 0).all() and (np.diff(mean[1]) >= -1e-12).all()


def test_shades_go_from_minimum_to_quantile_of_one_map_or_of_all() -> None:
    maps = np.linspace(0, 1, 96 * 96, dtype=np.float32).reshape(1, 96, 96)
    two, local = np.concatenate([maps, 1000 * maps + 7]), Scale("local", 0.85)
    both = gallery.shades(two, local)
    assert np.allclose(both[0], both[1], atol=1e-3)
    assert both.min() == 0 and both.max() == 1
    assert (both[0] == 1).mean() == pytest.approx(0.15, abs=0.001)
    assert np.array_equal(gallery.shades(np.ones((1, 4, 4)), local), np.zeros((1, 96, 96)))
    faint, bright = gallery.shades(two, Scale("shared", 0.85))
    assert faint.max() < 0.01 and (bright == 1).mean() == pytest.approx(0.3, abs=0.001)


def test_a_gallery_is_dark_where_a_detector_finds_nothing(tmp_path: Path) -> None:
    fill(tmp_path, detectors=("fcdd",), classes=1)
    store = Store(tmp_path)
    row = next(row for row in store.rows() if row["status"] == "done")
    found = store.arrays(row)
    found["example_maps"][:3] /= 1000  # of the most normal images
    found.pop("example_masks")
    store.write(row, found)

    def drawn(**scale: str) -> tuple[np.ndarray, str, str]:
        (drawing,) = plots.galleries(Show(store, frame(store.rows()), **scale))  # type: ignore[arg-type]
        figure = drawing.draw()
        assert figure is not None
        canvas = np.asarray(figure.axes[0].images[0].get_array())
        tile = gallery.TILE + 2 * gallery.FRAME
        return canvas[tile:, : 3 * tile], figure.texts[-1].get_text(), drawing.name

    def coloured(heat: np.ndarray) -> np.ndarray:
        return np.ptp(heat, axis=2) > 60

    usual, told, name = drawn()
    assert not coloured(usual).any() and "of all its maps here" in told
    each, its_own, other = drawn(scale="local")
    assert coloured(each).mean() > 0.2 and "its own 0.85 quantile" in its_own
    assert other == f"{name}-local"


def test_true_anomalies_are_framed_and_examples_sorted_by_score() -> None:
    found = arrays(np.random.default_rng(3))
    shuffled = np.random.default_rng(4).permutation(6)
    mixed = found | {k: v[shuffled] for k, v in found.items() if k.startswith("example")}
    assert np.array_equal(gallery.block(found, SHARED), gallery.block(mixed, SHARED))
    pictures = np.zeros((2, 96, 96, 3), np.uint8)
    strip = gallery.strip(pictures, np.array([False, True]))
    assert tuple(strip[1, 1]) == gallery.WHITE and tuple(strip[1, -2]) == gallery.RED
    assert (gallery.block(found, SHARED) == gallery.LIME).all(axis=2).any()  # the mask's contour


def test_every_figure_is_drawn_under_its_name(tmp_path: Path) -> None:
    fill(tmp_path)
    store = Store(tmp_path)
    show = Show(store, frame(store.rows()), galleries=3)
    names = [d.name for figures in FIGURES.values() for d in figures(show)]
    galleries = [f"gallery-fmnist-{n}-fast" for n in ("t_shirt_top", "trouser", "pullover")]
    assert names == ["roc-fmnist-fast", "heatmap-fmnist-image_auroc-fast", *galleries]
    drawing = next(FIGURES["heatmap"](show))
    png, pdf = save(drawing, tmp_path)
    assert pdf.read_bytes().startswith(b"%PDF")
    with Image.open(png) as image:
        assert round(image.info["dpi"][0]) == 200 and np.asarray(image).std() > 10
    again = pdf.read_bytes()
    save(drawing, tmp_path)
    assert pdf.read_bytes() == again


def test_the_heat_map_writes_the_values_and_the_failures(tmp_path: Path) -> None:
    fill(tmp_path)
    store = Store(tmp_path)
    lines = frame(store.rows())
    figure = next(FIGURES["heatmap"](Show(store, lines))).draw()
    assert figure is not None
    texts = [text.get_text() for text in figure.axes[0].texts]
    cell = lines[(lines["detector"] == "fcdd") & (lines["normal"] == "trouser")]
    assert f"{100 * cell['value'].iloc[0]:.1f}" in texts
    assert texts.count("failed") == 1 and texts.count("--") == 1


def test_the_report_writes_all_and_draws_only_what_changed(tmp_path: Path) -> None:
    fill(tmp_path)
    written = report.build(tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in written}
    assert {"results.csv", "tables/overview.md", "tables/fmnist-image_auroc-fast.tex"} <= found
    assert "figures/gallery-fmnist-t_shirt_top-fast.pdf" in found
    assert all(path.stat().st_size for path in written)
    assert report.build(tmp_path) == []
    (tmp_path / "figures" / "roc-fmnist-fast.png").unlink()
    assert {path.stem for path in report.build(tmp_path)} == {"roc-fmnist-fast"}
    Store(tmp_path).write(*trial(np.random.default_rng(9), "hsc", "sandal"))
    names = [path.name for path in report.build(tmp_path)]
    assert "results.csv" in names and "roc-fmnist-fast.png" in names
    assert not any("gallery" in name for name in names)


def test_lost_scores_are_a_warning_not_an_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, detectors=("fcdd",), classes=1)
    for path in (tmp_path / "scores").iterdir():
        path.write_bytes(b"torn")
    names = {path.name for path in report.build(tmp_path)}
    assert "overview.tex" in names and "heatmap-fmnist-image_auroc-fast.png" in names
    assert not any(name.startswith(("roc", "gallery")) for name in names)
    assert "cannot be read" in caplog.text


def test_no_rows_and_no_folder_are_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError, match="no rows to report"):
        report.build(tmp_path / "absent")
    assert report.main([str(tmp_path / "absent")]) == 4
    assert capsys.readouterr().err.startswith("benchmarks.report: ")
