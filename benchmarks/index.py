"""The status of each trial without reading rows that have not changed since they were last read.

``OUT/.index.json`` is a cache and nothing else: an entry holds while its row's file has the same
inode, time and size. Where it is missing, torn or cannot be written, the rows are read.
"""

import gc
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.schema import SCHEMA
from benchmarks.whole import replace

Entry = list[Any]  # inode, time of change in ns, bytes; then digest, status

NAME = ".index.json"


def mark(stat: os.stat_result) -> Entry:
    """What changes with every write of a file, a copy that keeps the old time of it included."""
    return [stat.st_ino, stat.st_ctime_ns, stat.st_size]


def load(out: Path) -> dict[str, Entry]:
    """Entries by file name; none where the index is of no use."""
    try:
        found = json.loads((out / NAME).read_bytes())
        if found["schema"] == SCHEMA:
            return {str(key): entry for key, entry in found["rows"].items() if _is_entry(entry)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return {}


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list) and [type(part) for part in entry] == [int, int, int, str, str]


def save(out: Path, entries: dict[str, Entry]) -> None:
    """Keep entries for the next time, where the folder can be written."""
    text = json.dumps({"schema": SCHEMA, "rows": entries}, separators=(",", ":")).encode()
    with suppress(OSError):
        replace(out / NAME, lambda file: file.write(text))


def files(folder: Path) -> list[tuple[Path, Entry]]:
    """The row files of a folder with their marks, by stem; each looked at before it is read."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(one.name for one in entries if one.name.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for name in names:
        with suppress(FileNotFoundError):  # put aside or removed meanwhile
            path = folder / name
            found.append((path, mark(path.stat())))
    return sorted(found, key=lambda pair: pair[0].stem)


@contextmanager
def without_collector() -> Iterator[None]:
    """Parsed JSON has no cycles; looking for some takes a third of the time of many rows."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
