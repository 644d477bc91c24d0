"""Chains of trials over processes, by joblib; a killed process costs the trial it was in."""

import logging
import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from benchmarks.evaluate import evaluate, failed_row
from benchmarks.store import Row, Store
from benchmarks.trial import Planned

log = logging.getLogger(__name__)
Chain = Sequence[Planned]


def run_chains(
    chains: Sequence[Chain], root: Path, store: Store, device: str, jobs: int
) -> Iterator[Row]:
    """Run chains on `jobs` processes of equal threads; gives each row once it is stored.

    With one job everything runs in this process. Every row is stored by the process that made it,
    at once, so what is finished survives whatever happens to the others.
    """
    if jobs == 1:
        for chain in chains:
            yield from evaluate(chain, root, store, device)
        return
    left = yield from _attempt(chains, root, store, device, jobs, ahead=jobs)
    if left:
        log.warning("a worker process was killed; going on one chain at a time")
    while left:
        # A pool of two that holds one chain at a time: the first trial left is the one that died.
        left = yield from _attempt(left, root, store, device, 2, ahead=1)
        if left:
            reason = "the process was killed (out of memory?)"
            row = failed_row(left[0][0], device, reason)
            store.write(row, {})
            yield row
            left = without(left, [row])


def _attempt(
    chains: Sequence[Chain], root: Path, store: Store, device: str, jobs: int, ahead: int
) -> Generator[Row, None, list[Chain]]:
    """Rows of a pool; returns what is left to run, nothing unless a process was killed.

    A row that is older than the attempt is one of an earlier run: it failed, and is tried again.
    """
    older = {row["stem"]: row["finished"] for row in store.rows()}
    seen: set[str] = set()
    try:
        for row in _pool(chains, root, store, device, jobs, ahead):
            seen.add(row["stem"])
            yield row
    except TerminatedWorkerError:
        new = [row for row in store.rows() if older.get(row["stem"]) != row["finished"]]
        yield from (row for row in new if row["stem"] not in seen)
        return without(chains, new)
    return []


def _pool(
    chains: Sequence[Chain], root: Path, store: Store, device: str, jobs: int, ahead: int
) -> Iterator[Row]:
    threads = max(1, cores() // jobs)
    with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=threads):
        parallel = joblib.Parallel(
            return_as="generator_unordered", batch_size=1, pre_dispatch=ahead
        )
        for rows in parallel(joblib.delayed(_chain)(c, root, store, device) for c in chains):
            yield from rows


def _chain(chain: Chain, root: Path, store: Store, device: str) -> list[Row]:
    return list(evaluate(chain, root, store, device))


def without(chains: Sequence[Chain], rows: Sequence[Row]) -> list[Chain]:
    """What of `chains` has no row among `rows`."""
    stems = {row["stem"] for row in rows}
    rest = [[one for one in chain if one.stem not in stems] for chain in chains]
    return [chain for chain in rest if chain]


def cores() -> int:
    """Processor cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
