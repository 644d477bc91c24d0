"""Rows on disk: one JSON file per trial, its raw scores beside it.

``OUT/rows/<stem>.json`` holds a row, ``OUT/scores/<stem>.<hash>.npz`` its arrays. Each process
writes the rows it made, whole or not at all; any number may read. Never imports torch: every table
is rebuilt from here on any machine. ``python -m benchmarks.store`` verifies, merges and tidies.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import artefacts, deviations, index, locks
from benchmarks.faults import Unwritable
from benchmarks.schema import BROKEN as BROKEN
from benchmarks.schema import DONE, Foreign, Row, fault, migrated, read
from benchmarks.schema import SCHEMA as SCHEMA
from benchmarks.whole import replace
from benchmarks.whole import slug as slug

if TYPE_CHECKING:  # half a second to load, which only those pay who show rows
    import pandas as pd

IDENTITY = ["dataset", "detector", "normal", "recipe", "seed", "exposure", "scenario"]
RESULT = ["metric", "value", "status", "reason", "seconds", "pretraining_seconds", "device"]
LATER = ("deviations", "exposure_images")  # columns that tables of earlier versions lack
COLUMNS = [*IDENTITY, *RESULT, "protocol", "version", "commit", "finished", "stem", *LATER]

log = logging.getLogger(__name__)


class Store:
    """The rows of one output folder; ``write`` creates the folder when it is missing."""

    def __init__(self, out: Path) -> None:
        self.out = Path(out)

    def write(self, row: Row, arrays: Mapping[str, np.ndarray]) -> Row:
        """Store one trial, scores first: a row that is there has its scores. Returns the row as
        it is stored, with size and SHA-256 of the scores.

        Replaces an earlier row of the same stem. Raises ValueError on a row of a later schema, one
        that is none or not JSON, Unwritable when the folder cannot be written.
        """
        row = migrated(row, f"row {row.get('stem')}")
        if wrong := fault(row):
            raise ValueError(f"row {row.get('stem')}: {wrong}")
        data, recorded = artefacts.packed(arrays) if arrays else (b"", {})
        row = row | {"artefacts": recorded}
        self.put(row, data)
        return row

    def put(self, row: Row, data: bytes) -> None:
        """Store a whole row with the file of arrays that it records; raises as `write`."""
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
            if row["artefacts"]:
                replace(self.scores(row), lambda file: file.write(data))
            replace(self.out / "rows" / f"{stem}.json", lambda file: file.write(text))
        except OSError as error:
            reason = error.strerror or error
            raise Unwritable(f"output folder {self.out} is not writable: {reason}") from error

    def claim(self, stem: str) -> AbstractContextManager[bool]:
        """Whether this process has the trial now, and nobody else until the end; see `locks.held`.

        Look at `row` once it is held: another may have finished the trial a moment ago.
        Raises Unwritable when the folder cannot be written.
        """
        return locks.held(self.out / "claims" / f"{stem}.lock")

    def row(self, stem: str) -> Row | None:
        """The row of a trial, or None; raises as `rows`."""
        return self._read(self.out / "rows" / f"{stem}.json")

    def rows(self) -> list[Row]:
        """All rows, by stem. A file that is no row moves to ``OUT/quarantine/`` with a warning.

        Raises ValueError on a row of a schema that this version does not know.
        """
        with index.without_collector():
            found = [self._read(path) for path, _ in index.files(self.out / "rows")]
        return [row for row in found if row is not None]

    def finished(self) -> dict[str, Row]:
        """Rows that are done, by digest; a failed trial is not among them and so is retried."""
        return {row["digest"]: row for row in self.rows() if row["status"] == DONE}

    def statuses(self) -> dict[str, str]:
        """Status of every trial that has a row, by digest. Reads the rows that are new or changed
        since the last time; raises as `rows`."""
        known, now = index.load(self.out), {}
        with index.without_collector():
            for path, mark in index.files(self.out / "rows"):
                entry = known.get(path.name)
                if entry is None or entry[: len(mark)] != mark:
                    row = self._read(path)
                    entry = None if row is None else [*mark, row["digest"], row["status"]]
                if entry is not None:
                    now[path.name] = entry
        if now != known:
            index.save(self.out, now)
        return {digest: status for *_, digest, status in now.values()}

    def arrays(self, row: Mapping[str, Any], names: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """Arrays of a row (at least its ``stem``): those of ``names`` that it has, or all of them.

        Raises OSError in one line when the file is missing or broken; a broken one moves to
        ``OUT/quarantine/``.
        """
        path, recorded = self._kept(row)
        try:
            return artefacts.load(path, recorded, names)
        except OSError as error:
            if isinstance(error, artefacts.Torn):
                self.set_aside(path, str(error), "delete its row to run the trial again")
            reason = error.strerror or error
            raise OSError(
                f"scores {path} cannot be read ({reason}); delete the row, rerun"
            ) from None

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether the arrays of a row (at least its ``stem``) are here."""
        return self.scores(row).exists()

    def scores(self, row: Mapping[str, Any]) -> Path:
        """Where the arrays of a row (at least its ``stem``) are, or were."""
        return self._kept(row)[0]

    def set_aside(self, path: Path, wrong: str, then: str) -> None:
        """Move a file that is of no use to ``OUT/quarantine/``, and warn."""
        target = self.out / "quarantine" / path.name
        try:
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
            log.warning("%s: %s; moved to %s, %s", path, wrong, target, then)
        except OSError as error:
            log.warning("%s: %s; skipped (not moved: %s)", path, wrong, error.strerror)

    def _kept(self, row: Mapping[str, Any]) -> tuple[Path, Mapping[str, Any] | None]:
        """The file of a row's arrays, and what the row records of it."""
        whole = row if "artefacts" in row else self.row(str(row["stem"])) or row
        recorded = whole.get("artefacts")
        return self.out / "scores" / artefacts.name(str(row["stem"]), recorded), recorded

    def _read(self, path: Path) -> Row | None:
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except Foreign as wrong:
            self.set_aside(path, str(wrong), "the trial will run again")
            return None


def frame(rows: Iterable[Row]) -> "pd.DataFrame":
    """Rows in long form, columns ``COLUMNS``: one line per row and metric.

    A row without metrics (a failed trial) gives one line whose metric and value are empty.
    """
    import pandas as pd

    lines = []
    for row in rows:
        plain = {name: row.get(name) for name in COLUMNS}
        plain["deviations"] = deviations.of_row(row)
        plain["version"] = " ".join(f"{k}={v}" for k, v in (row.get("versions") or {}).items())
        plain["exposure_images"] = (row.get("resolved") or {}).get("exposure_images")
        for metric, value in (row["metrics"] or {None: None}).items():
            lines.append(plain | {"metric": metric, "value": value})
    table = pd.DataFrame(lines, columns=COLUMNS)
    numbers = ["value", "seconds", "pretraining_seconds"]
    return table.astype(dict.fromkeys(numbers, "float64") | {"exposure_images": "Int64"})


def newest(table: "pd.DataFrame") -> "pd.DataFrame":
    """Lines of the row last finished of each identity; an older recipe's rows drop out, and so
    does a trial's older row of another folder."""
    import pandas as pd

    when = pd.to_datetime(table["finished"], utc=True, format="ISO8601")
    keys = [table[name].astype(object).where(table[name].notna(), "") for name in IDENTITY]
    ranked = table.assign(when=when).sort_values(["when", "stem"], kind="stable")
    groups = ranked.groupby([key.loc[ranked.index] for key in keys], sort=False)
    last = groups[["when", "stem"]].transform("last").loc[table.index]
    return table[(table["stem"] == last["stem"]) & (when == last["when"])]


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """``table`` as CSV at full precision, UTF-8, whole or not at all."""
    text = table.to_csv(index=False, lineterminator="\n").encode()
    replace(path, lambda file: file.write(text))


if __name__ == "__main__":
    from benchmarks.store_main import main

    raise SystemExit(main())
