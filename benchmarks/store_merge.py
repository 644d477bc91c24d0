"""Folders of several machines as one: rows with their arrays, and the record of runs.

Of two rows of a trial a done one stays before one that broke, then the one last finished; of equal
ones the one that is there. So merging again changes nothing. Times are the machines' own: where a
clock ran ahead, its row wins, and it is the same trial's.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import artefacts
from benchmarks.schema import DONE, RUNS, Row
from benchmarks.store import Store
from benchmarks.whole import extend


@dataclass
class Merged:
    """How many rows are new, newer than ours, or there already; what was left out, and why."""

    counts: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    left_out: list[tuple[Path, str]] = field(default_factory=list)


def merge(target: Store, sources: list[Store]) -> Merged:
    """Bring the rows of `sources` into `target`, each whole with its arrays or not at all.

    Raises ValueError, before anything is written, on a row of a schema that this version does not
    know, OSError where the target cannot be written.
    """
    read, merged = [(source, source.rows()) for source in sources], Merged()
    ours = {str(row["stem"]): row for row in target.rows()}
    for source, rows in read:
        for row in rows:
            stem = str(row["stem"])
            if stem in ours and _worth(row) <= _worth(ours[stem]):
                merged.counts["there already"] += 1
            elif kept := _brought(target, source, row, merged):
                merged.counts["newer" if stem in ours else "new"] += 1
                ours[stem] = kept
        merged.runs += _join(target.out, source.out)
    return merged


def _worth(row: Row) -> tuple[bool, datetime]:
    when = datetime.fromisoformat(row["finished"])
    return row["status"] == DONE, when if when.tzinfo else when.replace(tzinfo=UTC)


def _brought(target: Store, source: Store, row: Row, merged: Merged) -> Row | None:
    """The row as it is in the target now; None, as `merged` says, where it is not."""
    data, recorded, path = b"", row["artefacts"], source.scores(row)
    if recorded is None and not path.exists():
        recorded = {}  # of a folder that kept none
    if recorded != {}:
        wrong = artefacts.fault(path, recorded)
        data = b"" if wrong else path.read_bytes()
        now = artefacts.recorded(data)
        if wrong or (recorded or now) != now:
            merged.left_out.append((path, wrong or "it changes while it is read"))
            return None
        recorded = now
    stem = str(row["stem"])
    with target.claim(stem) as mine:
        if not mine:
            at = target.out / "rows" / f"{stem}.json"
            merged.left_out.append((at, "a run is at this trial; merge again when it is done"))
            return None
        if (ours := target.row(stem)) and _worth(row) <= _worth(ours):  # a run was quicker
            merged.counts["there already"] += 1
            return None
        row = row | {"artefacts": recorded}
        target.put(row, data)
    return row


def _join(target: Path, source: Path) -> int:
    """Append the runs that `target` lacks, in one write; torn lines are passed over."""
    ours = _runs(target)
    new = [line for line in _runs(source) if line not in ours]
    if new:
        extend(target / RUNS, new)
    return len(new)


def _runs(folder: Path) -> dict[str, Any]:
    """The runs of a folder by their lines, each once."""
    path, found = folder / RUNS, {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found[line] = json.loads(line)
        except ValueError:
            continue
    return found
