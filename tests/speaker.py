"""Trials that only say so, for tests of what starts, watches and kills workers; torch is left out,
so that a worker is there at once.

``speaker.py OUT SECONDS COUNT`` is a run with a worker of its own: it says that it does `COUNT`
trials, finishes the first, and is in the second.
"""

import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.heartbeat import Beat, announced
from benchmarks.machine import now, provenance
from benchmarks.store import SCHEMA, Row, Store


@dataclass(frozen=True)
class Named:
    """What is shown of a planned trial: its name and its files' stem."""

    seed: int
    normal: str = "a/b"
    dataset: str = "digits"
    detector: str = "svdd"
    resolved: dict[str, Any] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)

    @property
    def trial(self) -> "Named":
        return self

    @property
    def stem(self) -> str:
        return f"digits-svdd-a_b-fast-{self.seed}-{self.digest}"

    @property
    def digest(self) -> str:
        return f"{self.seed:012x}"

    def identity(self) -> dict[str, Any]:
        found = {"dataset": self.dataset, "detector": self.detector}
        found |= {"normal": self.normal, "recipe": "fast"}
        return found | {"seed": self.seed, "exposure": None, "scenario": None}


def row(one: Named, **changed: Any) -> Row:
    found = {"schema": SCHEMA, "digest": one.digest, "stem": one.stem, **one.identity()}
    found |= {"status": "done", "reason": None, "metrics": {"image_auroc": 0.75}, "seconds": 3.0}
    return found | {"total_seconds": 4.0, "finished": now(), **provenance(), **changed}


@dataclass(frozen=True)
class Few:
    """A group."""

    planned: tuple[Named, ...]


@dataclass(frozen=True)
class Saying:
    """Work: rows with scores. The first group to come waits until it is killed, if `victim`; group
    `deadly` kills its worker whenever it runs, group `wrong` raises, and trial `short` runs out of
    memory but for its last chance."""

    out: Path
    victim: bool = False
    deadly: int = -1
    wrong: int = -1
    short: int = -1
    last: bool = False
    broken: None = None

    def at(self, out: Path) -> "Saying":
        return replace(self, out=out)

    def once_more(self) -> "Saying":
        return replace(self, last=True)

    def __call__(self, group: Few) -> list[Row]:
        first = group.planned[0].seed
        if first == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if first == self.wrong:
            raise ValueError("no such thing here")
        if self.victim and self._first():
            time.sleep(600)
        return [self._row(one) for one in group.planned]

    def _first(self) -> bool:
        """Whether no other group came before; of two at once, one did."""
        try:
            with (self.out / "victim").open("x") as mark:
                mark.write(str(os.getpid()))
        except FileExistsError:
            return False
        return True

    def _row(self, one: Named) -> Row:
        if one.seed == self.short and not self.last:
            return row(one, status="oom", reason="no memory beside others", metrics={})
        return Store(self.out).write(row(one), {"scores": np.arange(3.0)})


def main(out: Path, seconds: float, count: int) -> None:
    trials, store = [Named(k) for k in range(count)], Store(out)
    with announced(out, trials, 2, "python -m benchmarks.run --suite digits"):
        beat = Beat(out, "cpu-0", "cpu")
        beat.begin(trials[0])
        store.write(first := row(trials[0]), {})
        beat.end(first)
        beat.begin(trials[1])
        logging.getLogger("baselines.trainer").info("epoch %d of %d: loss %.4g", 7, 30, 0.5)
        time.sleep(seconds)
        beat.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
