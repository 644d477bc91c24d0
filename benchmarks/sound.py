"""Whether a CSV of results is one: read whole, and every line a row's. Never imports torch."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.schema import DONE, STATUSES

NAMES = ["dataset", "detector", "normal", "recipe", "stem"]  # a row without one is nobody's
REMEDY = "write it by a run"


def sound(path: Path) -> Path:
    """`path`, if nothing is there, or a CSV whose columns hold what they should.

    Raises ValueError in one line that names the file, the line at fault and the remedy.
    """
    if not path.exists():
        return path
    table = cells(path, path)
    if not path.read_bytes().endswith(b"\n"):
        raise ValueError(f"{path}: line {len(table) + 1} is cut off; {REMEDY}")
    for wrong, why in faults(table):
        if wrong.any():
            raise ValueError(fault(path, table[wrong], why))
    return path


def cells(source: Path | StringIO, name: Path) -> pd.DataFrame:
    """Every cell of a CSV as text; ValueError, which calls it `name`, where it is none."""
    try:
        return pd.read_csv(source, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as error:  # pandas' own are ValueErrors
        reason = str(error).split("\n", 1)[0]
        raise ValueError(f"{name}: not a CSV of results ({reason}); {REMEDY}") from None


def faults(table: pd.DataFrame) -> Iterator[tuple[pd.Series, str]]:
    """What the columns that there are hold amiss, all as text: where, ``(n,)``, and what it is."""
    for name in table.columns.intersection(NAMES):
        yield table[name] == "", f"no {name}; {REMEDY}"
    for name in table.columns.intersection(["seconds", "pretraining_seconds"]):
        numbers = pd.to_numeric(table[name], errors="coerce")
        yield (table[name] != "") & numbers.isna(), f"{name} {{{name}!r}} is no number; {REMEDY}"
    yield from marks(table)


def marks(table: pd.DataFrame) -> Iterator[tuple[pd.Series, str]]:
    """Of these, what whoever compares rows needs: status, seed, time, and a number where done."""
    if "status" in table:
        yield ~table["status"].isin(STATUSES), f"status {{status!r}} is none; {REMEDY}"
    if "seed" in table:
        yield ~table["seed"].str.fullmatch(r"\d+"), f"seed {{seed!r}} is no number; {REMEDY}"
    if "finished" in table:
        times = pd.to_datetime(table["finished"], utc=True, format="ISO8601", errors="coerce")
        yield times.isna(), f"finished {{finished!r}} is no time; {REMEDY}"
    if {"value", "status"} <= {*table}:
        numbers = pd.to_numeric(table["value"], errors="coerce")
        wrong = (table["status"] == DONE) & ~np.isfinite(numbers)
        yield wrong, "value {value!r} is no number; run that trial again"


def fault(path: Path, rows: pd.DataFrame, why: str) -> str:
    """What is wrong with the first of some rows, in one line."""
    return f"{path}: line {rows.index[0] + 2}: {why.format(**rows.iloc[0])}"
