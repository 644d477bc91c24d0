"""Input, score maps and mask of the same test images, a line per detector, at print size.

In the form of figure 1 of Liznerski et al. (ICLR 2021).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.render import FAILED, MISSING, title
from benchmarks.scale import Scale, scale_of
from benchmarks.shelf import each
from benchmarks.show import LINEAGE, Drawing, Show
from benchmarks.store import DONE, slug
from benchmarks.tables import normals
from benchmarks.tiling import COLOURS, DPI, Block, Cell, Line, picture, side_of

BLOCKS = 4  # at most, one beneath the other
NAMES = ("labels", "kinds", "images", "maps", "masks")
METRIC = "pixel_auroc"
PANEL = "in the panel of a category"
NOT_KEPT = "no maps kept"  # a row written before the same images were kept for every detector

Arrays = Mapping[str, np.ndarray]
Found = Mapping[str, Arrays | str]  # by detector: its arrays, or why there are none


def figures(show: Show) -> Iterator[Drawing]:
    """Of data sets with masks: each category by all detectors; and one image of each category, by
    all detectors and by the five of the lineage alone."""
    masked = set(show.frame.loc[show.frame["metric"] == METRIC, "dataset"])
    for dataset, recipe, part in show.parts(failed=True):
        if dataset not in masked:
            continue
        suffix = scale_of(show.scale, dataset).suffix
        part = part.drop_duplicates(["column", "normal"])
        for normal in normals(part, dataset):
            name = f"panel-{dataset}-{slug(normal)}-{recipe}{suffix}"
            own = part[part["normal"] == normal]
            absent = part[~part["column"].isin(own["column"])].drop_duplicates("column")
            rows = pd.concat([own, absent])  # a detector without a trial here is told, too
            yield Drawing(name, rows, partial(_category, show, part, normal), DPI)
        name = f"panels-{dataset}-{recipe}"
        yield Drawing(f"{name}{suffix}", part, partial(_dataset, show, part), DPI)
        five = part[part["detector"].isin(LINEAGE)]
        if 1 < five["column"].nunique() < part["column"].nunique():
            yield Drawing(f"{name}-lineage{suffix}", five, partial(_dataset, show, five), DPI)


def _category(show: Show, part: pd.DataFrame, normal: str) -> Figure | None:
    found = _found(show, part, normal)
    if all(isinstance(arrays, str) for arrays in found.values()):
        return None
    rows = part[part["normal"] == normal]
    pixel = show.frame[show.frame["metric"] == METRIC].set_index("stem")["value"]
    notes = {
        title(str(row.column)): f"{100 * pixel[row.stem]:.1f}"
        for row in each(rows)
        if row.stem in pixel.index
    }
    dataset = str(part["dataset"].iloc[0])
    heading = f"{dataset}, {normal}; {_told(rows)}"
    return of_category(heading, found, notes, scale_of(show.scale, dataset))


def _dataset(show: Show, part: pd.DataFrame) -> Figure | None:
    dataset = str(part["dataset"].iloc[0])
    found = {normal: _found(show, part, normal) for normal in normals(part, dataset)}
    found = {k: v for k, v in found.items() if not all(isinstance(a, str) for a in v.values())}
    if not found:
        return None
    return of_dataset(f"{dataset}; {_told(part)}", found, scale_of(show.scale, dataset))


def _found(show: Show, part: pd.DataFrame, normal: str) -> dict[str, Arrays | str]:
    """Of each detector of the part, in order: its arrays in a category, or why there are none."""
    rows = part[part["normal"] == normal].set_index("column")
    found: dict[str, Arrays | str] = {}
    for column in part["column"].unique():
        name = title(str(column))
        if column not in rows.index:
            found[name] = MISSING
        elif rows.at[column, "status"] != DONE:
            found[name] = FAILED
        else:
            kept = show.arrays(rows.loc[column], *(f"panel_{part}" for part in NAMES))
            whole = len(kept) == len(NAMES)
            found[name] = {k.removeprefix("panel_"): kept[k] for k in kept} if whole else NOT_KEPT
    return found


def _told(rows: pd.DataFrame) -> str:
    seeds = sorted(map(int, rows["seed"].unique()))
    return f"recipe {rows['recipe'].iloc[0]}, seed{'s' * (len(seeds) > 1)} {str(seeds)[1:-1]}"


def of_category(heading: str, found: Found, notes: Mapping[str, str], scale: Scale) -> Figure:
    """One category: columns are its test images, normal ones first; a line per detector.

    found: by detector in order, one of them with arrays; notes: what stands beneath a name.
    """
    first = _first(found)
    columns = range(len(first["images"]))
    lines = [Line("input", [rgb(image) for image in first["images"]])]
    for name, arrays in found.items():
        lines.append(Line(name, _heated(arrays, first, columns, scale), notes.get(name, "")))
    lines.append(Line("mask", [rgb(mask[None]) for mask in first["masks"]]))
    told = zip(first["labels"], first["kinds"], strict=True)
    names = ["normal" if label == 0 else str(kind) for label, kind in told]
    heads = [(name, len(list(same))) for name, same in groupby(names)]
    beneath = "Beneath each detector: its pixel AUROC on the whole test set, in per cent."
    legend = f"{scale.told(PANEL)} {beneath}"
    return picture(heading, [Block(heads, lines)], legend)


def of_dataset(heading: str, categories: Mapping[str, Found], scale: Scale) -> Figure:
    """One column per category: a normal image, an anomaly, its map by each detector, its mask.

    The k-th category shows its k-th kind of defect. Every category has a detector with arrays.
    Columns are broken into as many blocks as make the tiles largest.
    """
    heads, columns = [], []
    for k, (name, found) in enumerate(categories.items()):
        first = _first(found)
        normal, anomaly = _pair(first, k)
        heads.append((f"{name}\n{first['kinds'][anomaly]}", 1))
        maps = [_heated(arrays, first, [anomaly], scale)[0] for arrays in found.values()]
        pictures = [rgb(first["images"][i]) for i in (normal, anomaly)]
        columns.append([*pictures, *maps, rgb(first["masks"][anomaly][None])])
    titles = ["normal", "anomaly", *next(iter(categories.values())), "mask"]

    def broken(count: int) -> list[Block]:
        across = -(-len(columns) // count)
        blocks = []
        for i in range(0, len(columns), across):
            cells = zip(*columns[i : i + across], strict=True)
            lines = [Line(name, own) for name, own in zip(titles, cells, strict=True)]
            blocks.append(Block(heads[i : i + across], lines))
        return blocks

    blocks = max(map(broken, range(1, min(len(columns), BLOCKS) + 1)), key=side_of)
    legend = f"{scale.told(PANEL)} Each column: a category and its kind of defect."
    return picture(heading, blocks, legend)


def rgb(image: np.ndarray) -> np.ndarray:
    """An image uint8 ``(1 or 3, h, w)`` as ``(h, w, 3)``."""
    return np.repeat(image, 3 // len(image), axis=0).transpose(1, 2, 0)


def _first(found: Found) -> Arrays:
    return next(arrays for arrays in found.values() if not isinstance(arrays, str))


def _pair(first: Arrays, k: int) -> tuple[int, int]:
    """Column of a normal image, and of the first anomaly of the k-th kind, counted in a circle."""
    anomalous = np.flatnonzero(first["labels"])
    kinds = list(dict.fromkeys(first["kinds"][anomalous].tolist()))
    of_kind = [i for i in anomalous if first["kinds"][i] == kinds[k % len(kinds)]]
    return int(np.flatnonzero(first["labels"] == 0)[0]), int(of_kind[0])


def _heated(
    arrays: Arrays | str, first: Arrays, columns: Sequence[int], scale: Scale
) -> list[Cell]:
    """A detector's maps of the images of `first`, in colour; a word where there is none.

    Images are told by their pixels: some of a test set may have been held out for training.
    """
    if isinstance(arrays, str):
        return [arrays] * len(columns)
    if not np.isfinite(arrays["maps"]).all():
        return ["not finite"] * len(columns)
    own = {image.tobytes(): i for i, image in enumerate(arrays["images"])}
    coloured = (mpl.colormaps[COLOURS](scale.heat(arrays["maps"]))[..., :3] * 255).round()
    places = [own.get(first["images"][column].tobytes()) for column in columns]
    return ["not tested" if i is None else coloured[i].astype(np.uint8) for i in places]
