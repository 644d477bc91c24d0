"""Groups on a dask cluster: one for each thread of its workers, or for each GPU they have.

Options are dask's resources, ``GPU=1`` unless said otherwise where workers have any. Such workers
are started as ``dask worker ADDRESS --nthreads 1 --resources GPU=1``, each seeing its own GPU.
"""

import logging
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engines.carried import Result
from benchmarks.engines.far import Call, Lost, Place, Unavailable, amounts
from benchmarks.machine import cores

if TYPE_CHECKING:
    from benchmarks.groups import Group

GPU = "GPU"
PATIENCE = 20  # seconds until a scheduler answers, and until the first worker is there


@contextmanager
def dask(
    address: str | None, options: Mapping[str, Any], out: Path, jobs: int | None
) -> Iterator[Place]:
    """A dask cluster: the one at `address`, else one of this machine's devices."""
    import distributed

    logging.getLogger("distributed").setLevel(logging.WARNING)  # it tells of every step otherwise
    with _cluster() if address is None else nullcontext(address) as target:
        try:
            client = distributed.Client(target, set_as_default=False, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            raise Unavailable(f"--address {address}: no dask scheduler answers ({error})") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError:
                raise Unavailable(f"--address {address}: the scheduler has no workers") from None
            wanted, slots = _resources(client, options)
            yield _place(client, wanted, jobs or slots)


def _place(client: Any, wanted: Mapping[str, Any], slots: int) -> Place:
    from distributed.scheduler import KilledWorker

    def send(call: Call, group: "Group") -> Result:
        trial = group.planned[0].trial
        key = f"{trial.dataset}-{trial.detector}-{uuid.uuid4().hex}"  # the dashboard's name for it
        future = client.submit(call, group, key=key, pure=False, resources=wanted)
        try:
            return future.result()
        except KilledWorker as error:
            raise Lost(f"{error.last_worker.address} was killed") from None
        except CancelledError:
            raise Unavailable(f"the dask scheduler {client.scheduler.address} is gone") from None

    return Place(send, slots, apart=wanted.get(GPU, 0) >= 1)


def _resources(client: Any, options: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """What each group takes of a worker, and how many of that there are. Raises Unavailable where
    no worker has it."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    has = [worker["resources"] for worker in workers]
    wanted = amounts(options or ({GPU: 1} if any(GPU in own for own in has) else {}))
    if not wanted:
        return {}, sum(worker["nthreads"] for worker in workers)
    slots = sum(int(min(own.get(name, 0) / wanted[name] for name in wanted)) for own in has)
    if not slots:
        told = ", ".join(f"{name}={value}" for name, value in wanted.items())
        raise Unavailable(f"--engine-option {told}: no worker of the cluster has so much")
    return wanted, slots


@contextmanager
def _cluster() -> Iterator[Any]:
    """A worker process for each GPU of this machine, else for each core."""
    import dask
    from distributed import Nanny, Scheduler, SpecCluster

    from benchmarks.devices import visible

    seen = [{"CUDA_VISIBLE_DEVICES": name} for name in visible()]
    common = {
        "nthreads": 1,
        "memory_limit": 0,
        "silence_logs": logging.CRITICAL,
        "resources": {GPU: 1} if seen else {},
    }
    workers = {
        k: {"cls": Nanny, "options": {**common, "env": env}}
        for k, env in enumerate(seen or [{}] * cores())
    }
    scheduler = {
        "cls": Scheduler,
        "options": {"host": "127.0.0.1", "dashboard": False, "dashboard_address": None},
    }
    # A worker that is lost is told of at once; how often a group is sent again is our affair.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        SpecCluster(workers, scheduler, silence_logs=logging.CRITICAL) as cluster,
    ):
        yield cluster
