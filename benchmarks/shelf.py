"""Several output folders read as one, those of committed results among them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.sound import sound
from benchmarks.store import COLUMNS, Store, frame


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
        return pd.concat([rows_or_csv(folder) for folder in self.folders], ignore_index=True)

    def arrays(self, row: Mapping[str, Any], names: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """As `Store.arrays`, from the folder that has them; none where scores were not kept."""
        kept = [store for store in self.stores if store.holds(row)]
        if not kept and not all((folder / "scores").is_dir() for folder in self.folders):
            return {}
        return (kept or self.stores)[0].arrays(row, names)


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
    text = dict.fromkeys(["normal", "reason", "scenario", "exposure", "stem"], str)
    table = pd.read_csv(path, dtype=text)
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(f"{path}: columns missing: {', '.join(missing)}; write it anew")
    return table[COLUMNS]
