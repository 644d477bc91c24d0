"""What the tests of the store share: rows, and processes that write them until they are killed."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.store import Row, Store

# One server imports everything once; each process is a fork of it, there in milliseconds.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["writers"])


def make(digest: str = "0123456789ab", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "schema": 2,
        "protocol": 1,
        "digest": digest,
        "stem": f"fmnist-hsc-bag-fast-0-{digest}",
        "detector": "hsc",
        "dataset": "fmnist",
        "normal": "bag",
        "seed": 0,
        "recipe": "fast",
        "exposure": "cifar100",
        "scenario": None,
        "status": "done",
        "reason": None,
        "metrics": {"image_auroc": 0.1 + 0.2, "image_ap": 0.5},
        "seconds": 1.5,
        "pretraining_seconds": None,
        "device": "cpu",
        "versions": {"torch": "2.6"},
        "commit": None,
        "finished": "2026-01-01T00:00:00+00:00",
    }
    return row | changes


def arrays() -> dict[str, np.ndarray]:
    return {"scores": np.linspace(0, 1, 5), "labels": np.array([0, 1, 0, 1, 1], np.int8)}


def start(work: Callable[..., None], *arguments: Any) -> Any:
    process = PROCESSES.Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def kill(process: Any) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def wait_for(there: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def marked(number: int, digest: str = "0123456789ab", size: int = 40_000) -> tuple[Row, Any]:
    """A row and arrays that tell that they belong together."""
    scores = np.full(size, float(number))
    return make(digest, seconds=float(number)), {"scores": scores}


def write_forever(out: Path, first: int, stems: int = 3) -> None:
    """Write rows that differ every time, over each other's, without a claim."""
    store, number = Store(out), first
    while True:
        store.write(*marked(number, f"{number % stems:012x}"))
        number += 1


def run_all(out: Path, order: list[int], log: Path) -> None:
    """What a run does: claim each trial, look whether it is done, do it, say so."""
    store = Store(out)
    for number in order:
        row, scores = marked(number, f"{number:012x}", 1000)
        with store.claim(row["stem"]) as mine:
            if mine and store.row(row["stem"]) is None:
                with log.open("a") as file:
                    file.write(f"{number}\n")
                time.sleep(0.001)
                store.write(row, scores)


def claim_one(out: Path, inside: Path, seconds: float) -> None:
    """Claim one trial again and again; it is an error to meet another who has it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with Store(out).claim("one") as mine:
            if mine:
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                inside.unlink()


def hold(out: Path, stem: str, there: Path) -> None:
    """Hold a trial, until killed."""
    with Store(out).claim(stem) as mine:
        assert mine
        there.touch()
        time.sleep(600)


def write_slowly(path: Path) -> None:
    """Be in the middle of a file, until killed."""
    from benchmarks.whole import replace

    def half(file: Any) -> None:
        file.write(b"half")
        file.flush()
        time.sleep(600)

    replace(path, half)
