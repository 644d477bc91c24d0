"""What a row is, and how the rows of older versions become rows of this one.

Schema 2 added ``artefacts``: size and SHA-256 of the file of arrays, None where a row was stored
before they were kept. A new schema is one function from the last one, and a line in `MIGRATIONS`.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

SCHEMA = 2
RUNS = "runs.jsonl"  # OUT/runs.jsonl: a line for each run that had something to do
DONE, OOM = "done", "oom"
# A trial that gave no scores: it broke or died, was too slow, or did not fit the memory alone.
BROKEN = ("failed", "timeout", OOM)
STATUSES = (DONE, *BROKEN)
NEEDED = {"dataset", "detector", "normal", "recipe", "seed", "digest", "stem", "status", "finished"}

SHA256 = re.compile("[0-9a-f]{64}")

Row = dict[str, Any]
Broken = Mapping[str, str]  # when trials that broke ended, by stem


class Foreign(ValueError):
    """A file that is no row, torn ones among them: it can be put aside."""


def _with_artefacts(row: Row) -> Row:
    return row | {"schema": 2, "artefacts": None}


MIGRATIONS: Mapping[int, Callable[[Row], Row]] = {1: _with_artefacts}


def read(path: Path) -> Row:
    """The row of a file, in this schema; the file stays as it is.

    Raises Foreign where it is none, ValueError in one line where its schema is not known here,
    OSError where it cannot be read.
    """
    try:
        row = json.loads(path.read_bytes())
    except (ValueError, IsADirectoryError, RecursionError):  # torn, or bytes that are no UTF-8
        row = None
    if not isinstance(row, dict):
        raise Foreign("not a JSON row")
    row = migrated(row, path)
    if wrong := fault(row) or ("" if row["stem"] == path.stem else f"its stem is {row['stem']}"):
        raise Foreign(wrong)
    return row


def migrated(row: Row, where: object) -> Row:
    """A row of an older schema as one of this; ValueError, naming `where`, for one that is not
    known here."""
    while type(schema := row.get("schema")) is int and schema in MIGRATIONS:
        row = MIGRATIONS[schema](row)
    if type(schema) is int and schema != SCHEMA:
        raise ValueError(
            f"{where}: schema {schema}, this version reads {min(MIGRATIONS)} to {SCHEMA}; "
            "use another output folder, or the version that wrote it"
        )
    return row


def fault(row: Mapping[str, Any]) -> str:
    """What keeps `row` from being a row of this schema; empty when nothing does."""
    if row.get("schema") != SCHEMA:
        return f"schema is {row.get('schema')}, expected {SCHEMA}"
    if missing := NEEDED - row.keys():
        return f"fields missing: {', '.join(sorted(missing))}"
    if row["status"] not in STATUSES:
        return f"status is {row['status']!r}, expected {', '.join(STATUSES)}"
    if not _is_time(row["finished"]):
        return f"finished is {row['finished']!r}, no time in ISO 8601"
    return _numbers(row.get("metrics")) or _recorded(row.get("artefacts"))


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _numbers(metrics: Any) -> str:
    if not isinstance(metrics, dict):
        return "metrics is no dict"
    wrong = [name for name, value in metrics.items() if not isinstance(value, (int, float))]
    return f"metrics without a number: {', '.join(wrong)}" if wrong else ""


def _recorded(artefacts: Any) -> str:
    if artefacts is None or artefacts == {}:
        return ""
    scores = artefacts.get("scores") if isinstance(artefacts, dict) else None
    known = scores if isinstance(scores, dict) else {}
    whole = isinstance(known.get("bytes"), int) and SHA256.fullmatch(str(known.get("sha256")))
    return "" if whole else "artefacts without size and sha256"
