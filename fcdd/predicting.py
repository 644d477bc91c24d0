"""Scores, labels and heatmaps of pictures, as files."""

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from baselines.decode import decoded, picture_size, pixel_count, plain
from baselines.deep import DeepDetector
from fcdd.outputs import SCALE, Output
from fcdd.overlay import enlarged, overlay, write_tiff
from fcdd.preparation import Preparation, Scored, scored

DRAWN = 2**26  # pixels drawn at once: some 0.5 GB, or twice that with raw maps
QUICK = 1  # compression of heatmaps: a quarter of the time of Pillow's 6, files an eighth larger


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
        sheet.flush()  # by its first line a later run knows these results
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
