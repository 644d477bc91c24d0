"""Groups as jobs of Slurm, by submitit: one GPU each. The output folder, the data and this
installation are on a file system that the nodes share.

Options are submitit's own: ``slurm_partition=gpu``, ``timeout_min=60``, ``gpus_per_node=0``. Files
of the jobs lie in ``OUT/slurm``. A job that Slurm takes off its node is queued again.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engines.carried import Result
from benchmarks.engines.far import Call, Lost, Place, Unavailable
from benchmarks.machine import cores

if TYPE_CHECKING:
    from benchmarks.groups import Group

SLURM = "slurm"
# Of a job. Four hours are more than any group of ours takes and less than most partitions allow.
DEFAULTS = {"name": "fcdd-benchmark", "timeout_min": 240, "cpus_per_task": 4}
QUEUED = 64  # jobs of ours that Slurm has at once


@contextmanager
def slurm(
    address: str | None, options: Mapping[str, Any], out: Path, jobs: int | None
) -> Iterator[Place]:
    """Slurm, as its commands find it; with ``cluster=local``, processes of this machine."""
    import submitit

    if address is not None:
        raise Unavailable("--address: Slurm is found by its own commands; leave it out")
    asked = dict(options)
    cluster = asked.pop("cluster", SLURM)
    on_slurm = cluster == SLURM
    try:
        executor = submitit.AutoExecutor(out / "slurm" / "%j", cluster=cluster)
        executor.update_parameters(**DEFAULTS | {"gpus_per_node": int(on_slurm)} | asked)
    except (NameError, ValueError, RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise Unavailable(f"--engine slurm: {reason}") from None
    live: set[Any] = set()
    try:
        yield _place(executor, live, jobs or (QUEUED if on_slurm else cores()))
    finally:
        for job in list(live):
            job.cancel()


def _place(executor: Any, live: set[Any], slots: int) -> Place:
    from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError

    submitting = threading.Lock()

    def send(call: Call, group: "Group") -> Result:
        try:
            with submitting:
                job = executor.submit(call, group)
        except FailedSubmissionError as error:
            raise Unavailable(f"Slurm takes no job: {' '.join(str(error).split())}") from None
        live.add(job)
        try:
            return job.result()
        except FailedJobError:
            raise
        except UncompletedJobError:
            raise Lost(f"job {job.job_id} ended without a result ({job.state})") from None
        finally:
            live.discard(job)

    return Place(send, slots, apart=True)
