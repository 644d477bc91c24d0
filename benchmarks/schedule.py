"""Chains of trials over processes, by joblib; a killed process costs the trial it was in."""

import logging
import os
from collections.abc import Iterator, Sequence
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
    left = list(chains)
    try:
        yield from _pool(left, root, store, device, jobs, ahead=jobs)
    except TerminatedWorkerError:
        log.warning("a worker process was killed; going on one chain at a time")
        yield from _one_by_one(_unfinished(left, store), root, store, device)


def _one_by_one(chains: list[Chain], root: Path, store: Store, device: str) -> Iterator[Row]:
    """As a pool that holds one chain at a time: a killed process then tells which trial it was."""
    while chains:
        try:
            yield from _pool(chains, root, store, device, 2, ahead=1)
            return
        except TerminatedWorkerError:
            chains = _unfinished(chains, store)
            culprit = chains[0][0]
            row = failed_row(culprit, device, "the process was killed (out of memory?)")
            store.write(row, {})
            yield row
            chains = [rest for chain in chains if (rest := [p for p in chain if p != culprit])]


def _pool(
    chains: Sequence[Chain], root: Path, store: Store, device: str, jobs: int, ahead: int
) -> Iterator[Row]:
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=threads):
        parallel = joblib.Parallel(
            return_as="generator_unordered", batch_size=1, pre_dispatch=ahead
        )
        for rows in parallel(joblib.delayed(_chain)(c, root, store, device) for c in chains):
            yield from rows


def _chain(chain: Chain, root: Path, store: Store, device: str) -> list[Row]:
    return list(evaluate(chain, root, store, device))


def _unfinished(chains: Sequence[Chain], store: Store) -> list[Chain]:
    """What of `chains` has no row yet, failed ones included."""
    stems = {row["stem"] for row in store.rows()}
    rest = [[one for one in chain if one.stem not in stems] for chain in chains]
    return [chain for chain in rest if chain]
