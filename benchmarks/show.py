"""What every figure is drawn from, and what a figure to be is."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.render import rank
from benchmarks.scale import SCALES
from benchmarks.shelf import Shelf
from benchmarks.store import DONE, Store
from benchmarks.tables import with_columns

LINEAGE = ("svdd", "deep_svdd", "deep_sad", "hsc", "fcdd")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drawing:
    """A figure to be: file name, the lines of the frame it shows, what draws it (None: nothing)."""

    name: str
    rows: pd.DataFrame
    draw: Callable[[], Figure | None]
    dpi: int = 200


@dataclass(frozen=True)
class Show:
    """What figures are drawn from: the store, its long frame, galleries per dataset and recipe,
    and the colour scale of panels and galleries, one of `scale.SCALES`."""

    store: Store | Shelf
    frame: pd.DataFrame
    galleries: int = 2
    scale: str = SCALES[0]

    def arrays(self, row: Any, *names: str) -> dict[str, np.ndarray]:
        """Arrays of a row; none, and a warning, when its file is missing or broken."""
        try:
            return self.store.arrays({"stem": row.stem}, names)
        except OSError as error:
            log.warning("%s", error)
            return {}

    def parts(self, failed: bool = False) -> Iterator[tuple[str, str, pd.DataFrame]]:
        """(dataset, recipe, one line per trial that is done), newest rows, lineage order; with
        `failed`, those that failed too, behind the others of their detector."""
        trials = with_columns(self.frame).drop_duplicates("stem")
        trials = trials if failed else trials[trials["status"] == DONE]
        trials = trials.sort_values(["status", "seed"], kind="stable")  # "done" is first
        trials = trials.sort_values("column", key=lambda names: names.map(rank), kind="stable")
        for (dataset, recipe), part in trials.groupby(["dataset", "recipe"]):
            yield str(dataset), str(recipe), part
