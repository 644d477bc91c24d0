"""Groups on a ray cluster: one for each GPU, or for each core where there is none.

Options are ray's own for a task: ``num_gpus=0.5`` puts two groups on a GPU, ``num_cpus=4``,
``memory=8e9`` and so on. Ray shows each group its own GPU.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engines.carried import Result
from benchmarks.engines.far import Call, Lost, Place, Unavailable, amounts
from benchmarks.machine import cores

if TYPE_CHECKING:
    from benchmarks.groups import Group


@contextmanager
def ray(
    address: str | None, options: Mapping[str, Any], out: Path, jobs: int | None
) -> Iterator[Place]:
    """A ray cluster: the one at `address` ("auto": whichever runs here), else one of this
    machine's devices."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that we run
    import ray

    own: dict[str, Any] = {}
    if address is None:
        own = {"num_cpus": cores(), "include_dashboard": False}
    try:
        ray.init(
            address=address or "local", logging_level=logging.ERROR, log_to_driver=False, **own
        )
    except Exception as error:  # noqa: BLE001 - it raises just that where a start takes too long
        reason = str(error).splitlines()[0]
        where = f"--address {address}" if address else "--engine ray"
        raise Unavailable(f"{where}: no ray cluster answers ({reason})") from None
    try:
        wanted, slots = _resources(ray.cluster_resources(), options)
        yield _place(wanted, jobs or slots)
    finally:
        ray.shutdown()


def _resources(there: Mapping[str, float], options: Mapping[str, Any]) -> tuple[dict, int]:
    """Options of each task, and how many such tasks the cluster runs at once. Raises Unavailable
    where it never would run any."""
    gpus = 1 if there.get("GPU") else 0
    wanted = {"num_cpus": 1, "num_gpus": gpus} | dict(options)
    own = {"CPU": wanted["num_cpus"], "GPU": wanted["num_gpus"]}
    asked = amounts(own | wanted.get("resources", {}))
    if not asked:
        raise Unavailable("--engine ray: a group must take something: num_cpus, num_gpus")
    slots = min(int(there.get(name, 0) / n) for name, n in asked.items())
    if not slots:
        told = ", ".join(f"{n:g} {name}" for name, n in asked.items())
        raise Unavailable(f"--engine ray: a group wants {told}, and the cluster has not so much")
    return wanted, slots


def _place(wanted: Mapping[str, Any], slots: int) -> Place:
    import ray
    from ray import exceptions as found

    try:
        # How often a group is sent again is our affair.
        task = ray.remote(_called).options(max_retries=0, **wanted)
    except (ValueError, TypeError) as error:
        raise Unavailable(f"--engine-option: {str(error).splitlines()[0]}") from None
    lost = (
        found.WorkerCrashedError,
        found.NodeDiedError,
        found.OutOfMemoryError,
        found.ObjectLostError,
        found.LocalRayletDiedError,
    )

    def send(call: Call, group: "Group") -> Result:
        try:
            return ray.get(task.remote(call, group))
        except lost as error:
            raise Lost(str(error).splitlines()[0].split(". ")[0]) from None

    return Place(send, slots, apart=wanted["num_gpus"] >= 1)


def _called(call: Call, group: "Group") -> Result:
    return call(group)
