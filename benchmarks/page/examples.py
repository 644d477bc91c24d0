"""The page's gallery: the images each detector finds most normal and most anomalous."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks import gallery
from benchmarks.names import dataset_rank, dataset_title, rank, title
from benchmarks.page.gather import Material, Stored
from benchmarks.page.pictures import data_uri
from benchmarks.scale import Scale, scale_of
from benchmarks.store import DONE
from benchmarks.tables import normals, with_columns

LARGEST, HEAT = 224, 112  # longest side of an image; least side of a heatmap
EACH = 6  # most normal, and most anomalous images of a detector
NEEDED = ("scores", "labels", "example_index", "example_images", "example_maps", "example_masks")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tile:
    """A test image with its score, its verdict (anomaly or not, by the threshold) and its truth."""

    image: str
    heat: str  # empty where the detector has no map
    score: float
    place: int  # 1 is the most normal
    of: int
    anomaly: bool
    verdict: bool | None  # None where no threshold is stored


@dataclass(frozen=True)
class Strip:
    """What one detector finds most normal and most anomalous."""

    detector: str
    title: str
    threshold: float | None
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Group:
    """The strips of all detectors for one normal class, of one seed."""

    dataset: str
    normal: str
    recipe: str
    seed: int
    strips: tuple[Strip, ...]
    scale: str  # of the heatmaps, in words

    @property
    def heading(self) -> str:
        return f"{dataset_title(self.dataset)}, normal class {self.normal}"


def groups(material: Material, count: int, scale: str) -> Iterator[Group]:
    """The first `count` normals of each data set and recipe, the first seed of each; heatmaps on
    `scale`, one of `scale.SCALES`."""
    trials = with_columns(material.frame).drop_duplicates("stem")
    trials = trials[(trials["status"] == DONE) & trials["stem"].isin(list(material.rows))]
    trials = trials.sort_values("seed", kind="stable")
    parts = trials.groupby(["dataset", "recipe"])
    for (dataset, recipe), part in sorted(parts, key=lambda one: dataset_rank(str(one[0][0]))):
        for normal in normals(part, str(dataset))[:count]:
            rows = part[part["normal"] == normal].drop_duplicates("column")
            colours = scale_of(scale, str(dataset))
            strips = tuple(_strips(rows, material.rows, colours))
            if strips:
                seed = int(rows["seed"].iloc[0])
                told = colours.told("in this gallery")
                yield Group(str(dataset), str(normal), str(recipe), seed, strips, told)


def _strips(rows: pd.DataFrame, stored: Mapping[str, Stored], scale: Scale) -> Iterator[Strip]:
    for row in sorted(rows.itertuples(), key=lambda row: rank(str(row.column))):
        found = stored[str(row.stem)]
        try:
            arrays = found.store.arrays({"stem": row.stem}, NEEDED)
        except OSError as error:
            log.warning("%s", error)
            continue
        if "example_images" in arrays:
            threshold = found.row.get("threshold")
            tiles = tuple(_tiles(arrays, threshold, scale))
            yield Strip(str(row.detector), title(str(row.column)), threshold, tiles)


def _tiles(arrays: Mapping[str, np.ndarray], limit: float | None, scale: Scale) -> Iterator[Tile]:
    scores, index = arrays["scores"], arrays["example_index"]
    order = np.argsort(scores[index], kind="stable")
    shown = np.r_[order[:EACH], order[max(len(order) - EACH, EACH) :]]
    places = np.argsort(np.argsort(scores, kind="stable"), kind="stable") + 1
    heats = _heats(arrays, shown, scale)
    for i, heat in zip(shown, heats, strict=True):
        at, image = index[i], _rgb(arrays["example_images"][i])
        small = max(image.size) < HEAT
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        yield Tile(
            image=data_uri(image, lossless=small),
            heat=heat,
            score=float(scores[at]),
            place=int(places[at]),
            of=len(scores),
            anomaly=bool(arrays["labels"][at] == 1),
            verdict=None if limit is None else bool(scores[at] > limit),
        )


def _heats(arrays: Mapping[str, np.ndarray], shown: np.ndarray, scale: Scale) -> Iterator[str]:
    maps, masks = arrays.get("example_maps"), arrays.get("example_masks")
    if maps is None or not np.isfinite(maps).all():
        yield from [""] * len(shown)
        return
    images = arrays["example_images"][shown]
    size = int(np.clip(max(images.shape[2:]), HEAT, LARGEST))
    pictures = gallery.tiles(images, size)
    shades = gallery.shades(maps[shown], scale, size)
    for one in gallery.overlay(pictures, shades, None if masks is None else masks[shown]):
        yield data_uri(Image.fromarray(one), lossless=False)


def _rgb(image: np.ndarray) -> Image.Image:
    """An image uint8 ``(c, h, w)`` with 1 or 3 channels."""
    rgb = np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(rgb))
