"""What a folder's rows, runs and workers amount to: counts, rates, the time left, one line of
summary. Never imports torch."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from baselines.several import several
from benchmarks.index import files
from benchmarks.schema import DONE, STATUSES, Row
from benchmarks.states import ALIVE, label, runs, since, workers

KEPT = ("stem", "status", "reason", "seconds", "total_seconds", "finished")


@dataclass(frozen=True)
class Picture:
    """`trials` maps the stem of every trial that is planned or has a row to its name; `rows` are
    those there are, by stem."""

    trials: Mapping[str, str]
    rows: Mapping[str, Row]
    runs: tuple[Row, ...]
    workers: tuple[Row, ...]
    when: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def counts(self) -> dict[str, int]:
        """Trials by status, and those that have no row."""
        return tally(self.rows.values(), len(self.trials))

    @property
    def live(self) -> tuple[Row, ...]:
        """Runs that go on."""
        return tuple(run for run in self.runs if run["life"] == ALIVE)

    @property
    def fresh(self) -> list[Row]:
        """Rows since the first live run began, else the last one that is known."""
        if not self.runs:
            return []
        began = (self.live or self.runs[-1:])[0]["started"]
        return [row for row in self.rows.values() if row["finished"] >= began]

    @property
    def seconds(self) -> float:
        """How long the run takes so far, or took."""
        if not self.runs:
            return 0.0
        run = (self.live or self.runs[-1:])[0]
        return since(run["started"], self.when if not run["ended"] else _moment(run["ended"]))

    @property
    def slots(self) -> int:
        return sum(run["slots"] for run in self.live or self.runs[-1:])

    @property
    def rate(self) -> float | None:
        """Rows a minute."""
        return 60 * len(self.fresh) / self.seconds if self.fresh and self.seconds > 0 else None

    @property
    def left(self) -> float | None:
        """Seconds until all is done, as finished trials of each kind took; None where none has."""
        known = defaultdict(list)
        for stem, row in self.rows.items():
            if row["status"] == DONE:
                known[_kind(self.trials[stem])].append(cost(row))
        if not known or not self.slots:
            return None
        every = [value for values in known.values() for value in values]
        means = {
            stem: _mean(known.get(_kind(name)) or every)
            for stem, name in self.trials.items()
            if stem not in self.rows
        }
        for worker in self.workers:
            if (mean := means.get(worker["stem"])) is not None:  # what it has done of its trial
                means[worker["stem"]] = max(0.0, mean - since(worker["since"], self.when))
        return sum(means.values()) / self.slots / (self.efficiency or 1.0)

    @property
    def efficiency(self) -> float | None:
        """Time in trials over the time of slots since the run began."""
        running = [since(w["since"], self.when) for w in self.workers if w["stem"]]
        return efficiency(sum(map(cost, self.fresh)) + sum(running), self.slots, self.seconds)


def tally(rows: Iterable[Row], trials: int) -> dict[str, int]:
    """So many trials by the status of their rows, and those that have none."""
    found = Counter(row["status"] for row in rows)
    return {s: found[s] for s in STATUSES} | {"missing": trials - found.total()}


def efficiency(busy: float, slots: int, seconds: float) -> float | None:
    """Seconds in trials over those of slots; None where there are none."""
    return min(1.0, busy / (slots * seconds)) if busy and slots and seconds > 0 else None


def cost(row: Mapping[str, Any]) -> float:
    """Seconds that a trial took, loading and measuring included where the row says so."""
    return float(row.get("total_seconds") or row.get("seconds") or 0.0)


def summary(counts: Mapping[str, int], seconds: float, share: float | None) -> str:
    """One line for a log that is searched: ``summary: 196 trials, 190 done, 4 failed, 1 timeout,
    1 oom, 0 missing; 1234 s; efficiency 0.93``."""
    told = ", ".join(f"{counts[name]} {name}" for name in (*STATUSES, "missing"))
    end = f"; efficiency {share:.2f}" if share is not None else ""
    return f"summary: {several(sum(counts.values()), 'trial')}, {told}; {seconds:.0f} s{end}"


def summed(picture: Picture) -> str:
    """The summary of a picture."""
    return summary(picture.counts, picture.seconds, picture.efficiency)


class Album:
    """Pictures of one folder, one after another; rows that have not changed are read once."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._known: dict[str, tuple[Any, Row]] = {}

    def look(self) -> Picture:
        """The picture now."""
        self._read()
        said = tuple(runs(self.out))
        rows = {row["stem"]: row for _, row in self._known.values()}
        trials = {stem: row["name"] for stem, row in rows.items()}
        for run in said:
            trials |= run["trials"]
            for stem in run["trials"].keys() & rows.keys() if run["life"] == ALIVE else ():
                if rows[stem]["status"] != DONE and rows[stem]["finished"] < run["started"]:
                    del rows[stem]  # it is tried again
        return Picture(trials, rows, said, tuple(workers(self.out)))

    def _read(self) -> None:
        now = {}
        for path, mark in files(self.out / "rows"):
            known = self._known.get(path.name)
            if known is None or known[0] != mark:
                known = (mark, row) if (row := _skimmed(path)) else None
            if known is not None:
                now[path.name] = known
        self._known = now


def _skimmed(path: Path) -> Row | None:
    """What of a row is shown; None where it is torn, which `benchmarks.store` deals with."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        row = json.loads(path.read_bytes())
        found = {key: row.get(key) for key in KEPT} | {"name": label(row)}
        return found if found["status"] in STATUSES and _moment(found["finished"]) else None
    return None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def clock(seconds: float) -> str:
    """Hours, minutes, seconds."""
    return str(timedelta(seconds=round(seconds)))


def _kind(name: str) -> tuple[str, str, str]:
    """Dataset, detector and recipe of a trial's name; a normal's own name may hold a slash."""
    parts = name.split("/")
    return parts[0], parts[1], parts[-2]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
