"""Scores, labels and heatmaps of pictures, as files."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from baselines.decode import decoded, picture_size, pixel_count, plain
from baselines.deep import DeepDetector
from fcdd.overlay import enlarged, overlay, write_tiff
from fcdd.preparation import Preparation, Scored, scored
from fcdd.walking import Files

COLUMNS = ("file", "score", "label", "threshold", "error")
SCALE = ("offset", "step")  # of a 16-bit map: score = offset + step * value
RAW = ("npy", "tiff")
DRAWN = 2**26  # pixels drawn at once: some 0.5 GB, or twice that with raw maps
QUICK = 1  # compression of heatmaps: a quarter of the time of Pillow's 6, files an eighth larger


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

    @property
    def drawn(self) -> bool:
        """Whether anything is made of score maps."""
        return self.heatmaps or self.raw is not None

    def heatmap(self, name: Path) -> Path:
        """Where the heatmap of that name goes."""
        return self.folder / "heatmaps" / f"{name}.png"

    def map(self, name: Path, raw: str) -> Path:
        """Where the raw map of that name goes."""
        return self.folder / "maps" / f"{name}.{raw}"

    def renew(self, names: Iterable[Path]) -> Files:
        """Remove what earlier runs wrote under these names; returns what else they did."""
        for name in names:
            for path in (self.heatmap(name), *(self.map(name, raw) for raw in RAW)):
                path.unlink(missing_ok=True)
        there = [path for place in self.results() for path in sorted(place.rglob("*"))]
        return tuple(path for path in there if path.is_file())


def predict(
    detector: DeepDetector, preparation: Preparation, files: Sequence[tuple[Path, Path]], to: Output
) -> Iterator[dict[str, Any]]:
    """Score files, each with the name of its results; write ``scores.csv``, a line for each as soon
    as it is known, and ``heatmaps/`` and ``maps/`` beside it. Gives the lines.

    A picture that cannot be read has a line with the reason, and no score."""
    to.folder.mkdir(parents=True, exist_ok=True)
    # A name that is not UTF-8 stands in the sheet byte for byte.
    with to.sheet.open("w", newline="", encoding="utf-8", errors="surrogateescape") as sheet:
        lines = csv.DictWriter(sheet, to.columns(), restval="")
        lines.writeheader()
        names = (name for _, name in files)
        paths = [path for path, _ in files]
        for batch in scored(detector, preparation, paths, maps=to.drawn):
            with ThreadPoolExecutor(threads(batch)) as pool:
                drawn = pool.map(partial(draw, to=to), batch, islice(names, len(batch)))
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
    if one.map is None:
        return {}
    if to.heatmaps:
        low, high = to.scale or (float(one.map.min()), float(one.map.max()))
        shown = overlay(plain(decoded(one.path)), one.map, low, high)
        shown.save(_made(to.heatmap(name)), compress_level=QUICK)
    if to.raw is None:
        return {}
    values, path = enlarged(one.map, picture_size(one.path)), _made(to.map(name, to.raw))
    if to.raw == "tiff":
        return dict(zip(SCALE, write_tiff(path, values), strict=True))
    np.save(path, values, allow_pickle=False)
    return {}


def threads(batch: Sequence[Scored]) -> int:
    """How many of a batch are drawn at once."""
    largest = max((pixel_count(one.path) for one in batch if one.map is not None), default=1)
    return max(1, min(joblib.cpu_count(), DRAWN // largest))


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
