"""Rows on disk: one JSON file per trial, its raw scores beside it.

``OUT/rows/<stem>.json`` holds a row, ``OUT/scores/<stem>.npz`` its arrays. Each process writes
the rows it made, whole or not at all; any number may read. Never imports torch: every table is
rebuilt from here on any machine.
"""

import json
import logging
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

SCHEMA = 1
IDENTITY = ["dataset", "detector", "normal", "recipe", "seed", "exposure", "scenario"]
RESULT = ["metric", "value", "status", "reason", "seconds", "pretraining_seconds", "device"]
COLUMNS = [*IDENTITY, *RESULT, "protocol", "version", "commit", "finished", "stem"]
NEEDED = {"dataset", "detector", "normal", "recipe", "seed", "digest", "stem", "status", "finished"}

log = logging.getLogger(__name__)

Row = dict[str, Any]


def slug(text: str) -> str:
    """``text`` as a part of a file name: all but letters, digits, ``.`` and ``_`` becomes ``_``."""
    return re.sub(r"[^A-Za-z0-9._]", "_", text)


class Store:
    """The rows of one output folder; ``write`` creates the folder when it is missing."""

    def __init__(self, out: Path) -> None:
        self.out = Path(out)

    def write(self, row: Row, arrays: Mapping[str, np.ndarray]) -> None:
        """Store one trial, scores first: a row that is there has its scores.

        Replaces an earlier row of the same stem. Raises ValueError on a row that is not of this
        schema or not JSON, OSError in one line when the folder cannot be written.
        """
        if fault := _fault(row):
            raise ValueError(f"row {row.get('stem')}: {fault}")
        stem = str(row["stem"])
        if Path(stem).name != stem:
            raise ValueError(f"row {stem}: the stem must be a plain file name; see slug()")
        try:
            text = json.dumps(row, allow_nan=False, indent=1).encode()
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"row {stem}: not JSON ({error}); store plain finite numbers"
            ) from None
        try:
            if arrays:
                _replace(self._scores(stem), lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
            _replace(self.out / "rows" / f"{stem}.json", lambda file: file.write(text))
        except OSError as error:
            reason = error.strerror or error
            raise OSError(f"output folder {self.out} is not writable: {reason}") from error

    def rows(self) -> list[Row]:
        """All rows, by stem. A file that is no row moves to ``OUT/quarantine/`` with a warning.

        Raises ValueError on a row of another schema version.
        """
        paths = sorted((self.out / "rows").glob("*.json"), key=lambda path: path.stem)
        return [row for path in paths if (row := self._read(path)) is not None]

    def finished(self) -> dict[str, Row]:
        """Rows that are done, by digest; a failed trial is not among them and so is retried."""
        return {row["digest"]: row for row in self.rows() if row["status"] == "done"}

    def arrays(self, row: Mapping[str, Any], names: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """Arrays of a row: those of ``names`` that it has, or all of them.

        Raises OSError in one line when the file is missing or broken.
        """
        path = self._scores(str(row["stem"]))
        try:
            with np.load(path, allow_pickle=False) as file:
                wanted = [name for name in names if name in file.files] if names else file.files
                return {name: file[name] for name in wanted}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise OSError(
                f"scores {path} cannot be read ({error}); delete the row, rerun"
            ) from None

    def _scores(self, stem: str) -> Path:
        return self.out / "scores" / f"{stem}.npz"

    def _read(self, path: Path) -> Row | None:
        try:
            row = json.loads(path.read_bytes())
        except ValueError:  # torn JSON, or bytes that are no UTF-8
            row = None
        if not isinstance(row, dict):
            self._quarantine(path, "not a JSON row")
            return None
        if isinstance(row.get("schema"), int) and row["schema"] != SCHEMA:
            raise ValueError(
                f"{path}: schema {row['schema']}, this version reads {SCHEMA}; "
                "use another output folder, or the version that wrote it"
            )
        fault = _fault(row) or ("" if row["stem"] == path.stem else f"its stem is {row['stem']}")
        if fault:
            self._quarantine(path, fault)
            return None
        return row

    def _quarantine(self, path: Path, fault: str) -> None:
        target = self.out / "quarantine" / path.name
        try:
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
            log.warning("%s: %s; moved to %s, the trial will run again", path, fault, target)
        except OSError as error:
            log.warning("%s: %s; skipped (not moved: %s)", path, fault, error.strerror)


def _fault(row: Mapping[str, Any]) -> str:
    """What keeps ``row`` from being a row of this schema; empty when nothing does."""
    if row.get("schema") != SCHEMA:
        return f"schema is {row.get('schema')}, expected {SCHEMA}"
    if missing := NEEDED - row.keys():
        return f"fields missing: {', '.join(sorted(missing))}"
    if row["status"] not in ("done", "failed"):
        return f"status is {row['status']!r}, expected 'done' or 'failed'"
    metrics = row.get("metrics")
    if not isinstance(metrics, dict):
        return "metrics is no dict"
    numbers = (int, float)
    wrong = [name for name, value in metrics.items() if not isinstance(value, numbers)]
    return f"metrics without a number: {', '.join(wrong)}" if wrong else ""


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write ``path`` whole or not at all, through a temporary file in its own folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows in long form, columns ``COLUMNS``: one line per row and metric.

    A row without metrics (a failed trial) gives one line whose metric and value are empty.
    """
    lines = []
    for row in rows:
        plain = {name: row.get(name) for name in COLUMNS}
        plain["version"] = " ".join(f"{k}={v}" for k, v in (row.get("versions") or {}).items())
        for metric, value in (row["metrics"] or {None: None}).items():
            lines.append(plain | {"metric": metric, "value": value})
    table = pd.DataFrame(lines, columns=COLUMNS)
    numbers = ["value", "seconds", "pretraining_seconds"]
    return table.astype(dict.fromkeys(numbers, "float64"))


def newest(table: pd.DataFrame) -> pd.DataFrame:
    """Lines of the row last finished of each identity; an older recipe's rows drop out."""
    when = pd.to_datetime(table["finished"], utc=True, format="ISO8601")
    keys = [table[name].astype(object).where(table[name].notna(), "") for name in IDENTITY]
    ranked = table.assign(when=when).sort_values(["when", "stem"], kind="stable")
    last = ranked.groupby([key.loc[ranked.index] for key in keys], sort=False)["stem"]
    return table[table["stem"] == last.transform("last").loc[table.index]]


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """``table`` as CSV at full precision, UTF-8, whole or not at all."""
    text = table.to_csv(index=False, lineterminator="\n").encode()
    _replace(path, lambda file: file.write(text))
