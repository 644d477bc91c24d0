"""What the page is made of: lines, rows, runs and figures of one or more result folders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import record
from benchmarks.shelf import rows_or_csv
from benchmarks.store import Row, Store, frame, newest


@dataclass(frozen=True)
class Stored:
    """A row and the store that has its arrays."""

    row: Row
    store: Store


@dataclass(frozen=True)
class Material:
    """``frame`` holds the newest lines of all ``folders`` (``store.COLUMNS``), ``rows`` what is
    stored of them, by stem: nothing where a folder keeps only its ``results.csv``."""

    folders: tuple[Path, ...]
    frame: pd.DataFrame
    rows: Mapping[str, Stored]

    def runs(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(folder, one of its runs), newest first."""
        found = [(folder.name, run) for folder in self.folders for run in record.runs(folder)]
        yield from sorted(found, key=lambda pair: str(pair[1].get("started")), reverse=True)

    def figures(self) -> Iterator[Path]:
        """The PNG files that the report drew."""
        for folder in self.folders:
            yield from sorted((folder / "figures").glob("*.png"))


def gather(folders: Sequence[Path]) -> Material:
    """Read the folders; a trial that lies in several counts once, as it was last finished.

    Raises FileNotFoundError for a folder without results, ValueError for a file that holds none.
    """
    frames: list[pd.DataFrame] = []
    rows: dict[str, Stored] = {}
    for folder in folders:
        if (folder / "rows").is_dir():
            store = Store(folder)
            found = store.rows()
            rows |= {str(row["stem"]): Stored(row, store) for row in found}
            frames.append(frame(found))
        else:
            frames.append(_committed(folder))
    lines = pd.concat([one for one in frames if len(one)] or frames[:1], ignore_index=True)
    if lines.empty:
        raise FileNotFoundError(f"{folders[0]}: no rows; run the benchmark into it first")
    lines = lines.drop_duplicates(["stem", "metric"], keep="last", ignore_index=True)
    return Material(tuple(folders), newest(lines), rows)


def _committed(folder: Path) -> pd.DataFrame:
    path = folder / "results.csv"
    if not path.exists():
        raise FileNotFoundError(
            f"{folder}: neither rows/ nor results.csv; run the benchmark into it first"
        )
    return rows_or_csv(folder)
