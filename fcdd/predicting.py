"""Scores, labels and heatmaps of pictures, as files."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from baselines.deep import DeepDetector
from baselines.pictures import read_image
from fcdd.overlay import enlarged, overlay, write_tiff
from fcdd.preparation import Preparation, Scored, scored
from fcdd.walking import Files

COLUMNS = ("file", "score", "label", "threshold", "error")
SCALE = ("offset", "step")  # of a 16-bit map: score = offset + step * value
RAW = ("npy", "tiff")


@dataclass(frozen=True)
class Output:
    """Where results go: the folder, whether heatmaps are drawn, in which form raw maps are kept
    (None: not), and the colour scale of the heatmaps (None: each picture's own range)."""

    folder: Path
    heatmaps: bool = True
    raw: str | None = None
    scale: tuple[float, float] | None = None

    @property
    def sheet(self) -> Path:
        """The file of scores."""
        return self.folder / "scores.csv"

    def columns(self) -> tuple[str, ...]:
        """The columns of ``scores.csv``."""
        return (*COLUMNS, *SCALE) if self.raw == "tiff" else COLUMNS

    def results(self) -> Files:
        """All that any run writes: the sheet and the folders of heatmaps and maps."""
        return (self.sheet, self.folder / "heatmaps", self.folder / "maps")

    def renew(self, names: Iterable[Path]) -> Files:
        """Remove what earlier runs wrote under these names; returns what else they did."""
        heatmaps, maps = self.results()[1:]
        for name in names:
            (heatmaps / f"{name}.png").unlink(missing_ok=True)
            for raw in RAW:
                (maps / f"{name}.{raw}").unlink(missing_ok=True)
        there = (*sorted(heatmaps.rglob("*")), *sorted(maps.rglob("*")))
        return tuple(path for path in there if path.is_file())


def predict(
    detector: DeepDetector, preparation: Preparation, files: Sequence[tuple[Path, Path]], to: Output
) -> Iterator[dict[str, Any]]:
    """Score files, each with the name of its results; write ``scores.csv``, a line for each as soon
    as it is known, and ``heatmaps/`` and ``maps/`` beside it. Gives the lines.

    A picture that cannot be read has a line with the reason, and no score."""
    to.folder.mkdir(parents=True, exist_ok=True)
    with (
        # A name that is not UTF-8 stands in the sheet byte for byte.
        to.sheet.open("w", newline="", encoding="utf-8", errors="surrogateescape") as sheet,
        ThreadPoolExecutor(joblib.cpu_count()) as pool,
    ):
        lines = csv.DictWriter(sheet, to.columns(), restval="")
        lines.writeheader()
        done = 0
        for batch in scored(detector, preparation, [path for path, _ in files]):
            names = [name for _, name in files[done : done + len(batch)]]
            done += len(batch)
            drawn = pool.map(lambda one, name: draw(one, name, to), batch, names)
            for one, scale in zip(batch, drawn, strict=True):
                line = {"file": str(one.path), "error": one.error} | scale
                if not one.error:
                    line |= {"score": one.score, "threshold": detector.threshold_}
                    line["label"] = int(one.score > detector.threshold_)
                lines.writerow(line)
                yield line
            sheet.flush()


def draw(one: Scored, name: Path, to: Output) -> dict[str, float]:
    """Write the heatmap and the raw map of one picture, at its own resolution; returns what the
    line of a 16-bit map must say."""
    if one.map is None or not (to.heatmaps or to.raw):
        return {}
    image = read_image(one.path)
    if to.heatmaps:
        low, high = to.scale or (float(one.map.min()), float(one.map.max()))
        path = _made(to.folder / "heatmaps" / f"{name}.png")
        overlay(image, one.map, low, high).save(path)
    if to.raw is None:
        return {}
    values = enlarged(one.map, (image.shape[1], image.shape[2]))
    path = _made(to.folder / "maps" / f"{name}.{to.raw}")
    if to.raw == "tiff":
        return dict(zip(SCALE, write_tiff(path, values), strict=True))
    np.save(path, values, allow_pickle=False)
    return {}


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
