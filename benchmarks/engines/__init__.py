"""Engines that have devices of their own, beside the local one of `benchmarks.schedule`.

Each is one small module: it connects, and says how a group is sent. How many groups run at once,
and where, is the engine's business. The libraries are optional and imported when asked for.
"""

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engines.far import Place, Unavailable, far
from benchmarks.engines.on_dask import dask
from benchmarks.engines.on_ray import ray
from benchmarks.engines.on_slurm import slurm
from benchmarks.store import Store

if TYPE_CHECKING:
    from benchmarks.groups import Engine

Connect = Callable[[str | None, Mapping[str, Any], Path, int | None], AbstractContextManager[Place]]


@dataclass(frozen=True)
class Kind:
    """An engine's library, and how to connect to it."""

    library: str
    connect: Connect


@dataclass(frozen=True)
class Connected:
    """An engine that is ready, and how many groups it runs at once."""

    engine: "Engine"
    slots: int


ENGINES = {
    "dask": Kind("distributed", dask),
    "ray": Kind("ray", ray),
    "slurm": Kind("submitit", slurm),
}


@contextmanager
def connected(
    name: str, address: str | None, options: Mapping[str, Any], out: Path, jobs: int | None = None
) -> Iterator[Connected]:
    """The engine of a name, connected to `address` or, without one, to a cluster of this machine
    that ends with the run. `options` are its library's own, for each group; `jobs` at most run at
    once. Raises Unavailable, in one line, where the library is missing, nobody answers, or an
    option is refused.
    """
    kind = ENGINES[name]
    if importlib.util.find_spec(kind.library) is None:
        remedy = f"pip install 'fcdd-benchmark[{name}]'"
        raise Unavailable(
            f"--engine {name}: {kind.library} is not installed; get it with: {remedy}"
        )
    with kind.connect(address, options, out.resolve(), jobs) as place:
        yield Connected(far(place, Store(out)), place.slots)


def option(text: str) -> tuple[str, Any]:
    """``name=value`` of the command line; the value as in JSON, else as it stands. Raises
    ValueError."""
    name, found, value = text.partition("=")
    if not (name and found):
        raise ValueError(f"expected name=value, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
