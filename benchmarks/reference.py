"""Rows as the gate reads and keeps them: a folder of a run, or a CSV of its columns.

Everything but ``value`` stays the text it is in the file: a class called ``NA`` or ``3`` is a name,
and a baseline that is written again loses no digit.
"""

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from baselines.metrics import METRICS
from benchmarks.schema import DONE
from benchmarks.sound import REMEDY, cells, marks
from benchmarks.store import IDENTITY, Store, frame, newest, write_csv

PATH = Path(__file__).resolve().parents[1] / "results" / "reference.csv"
CELL = [*IDENTITY, "metric"]  # what a number belongs to
NEEDED = [*CELL, "value", "status", "protocol", "version", "device", "finished", "stem"]


def read(path: Path) -> pd.DataFrame:
    """The newest row of each trial under `path`: a CSV, or a folder with ``rows/`` or
    ``results.csv``.

    Raises OSError where nothing can be read, ValueError where it is no table of results; either
    in one line that names the file and the remedy.
    """
    path = Path(path)
    rows = Store(path).rows() if (path / "rows").is_dir() else []
    if rows:
        table = _text(StringIO(frame(rows).to_csv(index=False)), path)
    else:
        file = path / "results.csv" if path.is_dir() else path
        if not file.is_file():
            raise FileNotFoundError(f"{file}: no such file; name a results.csv, or a run's folder")
        table = _text(file, file)
    table = newest(table)
    if len(twice := table[table.duplicated(CELL)]):
        raise ValueError(_fault(path, twice, "a second number of its cell; keep one of the two"))
    return table.reset_index(drop=True)


def _text(source: Path | StringIO, name: Path) -> pd.DataFrame:
    table = cells(source, name)
    if missing := [column for column in NEEDED if column not in table]:
        names = ", ".join(missing)
        raise ValueError(f"{name}: columns missing: {names}; write it by a run of this version")
    if table.empty:
        raise ValueError(f"{name}: no rows; run the benchmark into it first")
    for wrong, why in _faults(table):
        if wrong.any():
            raise ValueError(_fault(name, table[wrong], why))
    return table


def _faults(table: pd.DataFrame) -> Iterator[tuple[pd.Series, str]]:
    """What a row may lack: where that is, ``(n,)``, and what it is, with its remedy."""
    yield from marks(table)
    is_done = table["status"] == DONE
    unknown = is_done & ~table["metric"].isin(METRICS)
    yield unknown, "metric {metric!r} is unknown; add it to METRICS, or leave it out"
    shares = table["value"].where(is_done, "0").astype(float).between(0, 1)
    yield ~shares, f"value {{value!r}} is no share of 1; {REMEDY}"


def _fault(name: Path, rows: pd.DataFrame, why: str) -> str:
    """What is wrong with the first of some rows, in one line."""
    row = rows.iloc[0]
    return f"{name}: line {rows.index[0] + 2} ({row['stem']}): {why.format(**row)}"


def cut(table: pd.DataFrame, wanted: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The rows whose columns hold one of the values wanted; an empty list wants every value."""
    for column, values in wanted.items():
        if values:
            table = table[table[column].isin(values)]
    return table


def done(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold a number."""
    return table[table["status"] == DONE]


def among(table: pd.DataFrame, other: pd.DataFrame, keys: list[str]) -> np.ndarray:
    """Which rows of `table` have their `keys` in `other`, ``(n,)``."""
    known = set(zip(*(other[key] for key in keys), strict=True))
    rows = zip(*(table[key] for key in keys), strict=True)
    return np.fromiter((row in known for row in rows), bool, len(table))


def renewed(baseline: pd.DataFrame | None, results: pd.DataFrame) -> pd.DataFrame:
    """The baseline with every number that `results` has; what they lack stays as it was."""
    new = done(results)
    if baseline is not None:
        old = baseline[~among(baseline, new, CELL)]
        new = pd.concat([old, new]).fillna("")
    return new.sort_values(CELL, key=_order, kind="stable")


def _order(column: pd.Series) -> pd.Series:
    return column.astype(int) if column.name == "seed" else column


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a baseline; OSError, in one line, where that cannot be done."""
    try:
        write_csv(table, path)
    except OSError as error:
        raise OSError(f"{path} is not writable: {error.strerror or error}") from None
