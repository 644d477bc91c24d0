"""Several output folders read as one, those of committed results among them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.sound import sound
from benchmarks.store import COLUMNS, LATER, Store, frame

log = logging.getLogger(__name__)


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The lines of a frame as named tuples; what they hold, no type can say."""
    return iter(frame.itertuples())


class Shelf:
    """Rows and arrays of ``folders``; a folder without rows may hold their ``results.csv``."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [Path(folder) for folder in folders]
        self.stores = [Store(folder) for folder in self.folders]

    def frame(self) -> pd.DataFrame:
        """The long frame of all folders, ``store.COLUMNS``.

        Raises FileNotFoundError when a folder has no rows, ValueError when its CSV is none.
        """
        found = pd.concat([rows_or_csv(folder) for folder in self.folders])
        once = ["stem", "metric", "finished"]  # a trial's row may lie in several folders
        return found.drop_duplicates(once, ignore_index=True)

    def arrays(self, row: Mapping[str, Any], names: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """As `Store.arrays`, from the folder that has them; none where scores were not kept."""
        kept = [store for store in self.stores if store.holds(row)]
        if not kept and not all((folder / "scores").is_dir() for folder in self.folders):
            return {}
        return (kept or self.stores)[0].arrays(row, names)


def holding(folders: Sequence[Path]) -> list[Path]:
    """Those of several folders that hold results, with a warning for each that holds something
    else; all of them where none does, or one is not there: whoever reads them says what is wrong.
    """
    kept = [folder for folder in folders if not folder.is_dir() or _holds(folder)]
    if not any(map(Path.is_dir, kept)):
        return list(folders)
    for folder in folders:
        if folder not in kept:
            log.warning("%s: no rows to report; left out", folder)
    return kept


def _holds(folder: Path) -> bool:
    rows = folder / "rows"
    return any(rows.glob("*.json")) if rows.is_dir() else (folder / "results.csv").exists()


def rows_or_csv(folder: Path) -> pd.DataFrame:
    """The long frame of one folder: of its rows, or of its ``results.csv`` where the rows are
    not kept. Raises as `Shelf.frame`."""
    if (folder / "rows").is_dir():
        found = frame(Store(folder).rows())
    else:
        found = _read(sound(folder / "results.csv"))
    if found.empty:
        raise FileNotFoundError(f"{folder}: no rows to report; run the benchmark into it first")
    return found


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    text = dict.fromkeys(["normal", "reason", "scenario", "exposure", "stem", "deviations"], str)
    table = pd.read_csv(path, dtype=text | {"exposure_images": "Int64"})
    if missing := [name for name in COLUMNS if name not in (*table, *LATER)]:
        raise ValueError(f"{path}: columns missing: {', '.join(missing)}; write it anew")
    return table.reindex(columns=COLUMNS).astype({"exposure_images": "Int64"})
