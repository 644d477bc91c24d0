"""What goes to a worker with a group, and what comes back."""

import multiprocessing
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from benchmarks.schema import Broken
from benchmarks.states import STATE
from benchmarks.store import Row, Store

if TYPE_CHECKING:  # imports torch, which whoever waits for groups needs not
    from benchmarks.groups import Group, Work

TRACEBACK = 20  # lines


@dataclass(frozen=True)
class Failure:
    """A group that came to nothing; one line says why. `lost`: since its worker was killed."""

    reason: str
    traceback: tuple[str, ...]
    lost: bool = False


# Each row, and its arrays if they are not in the store already.
Result = list[tuple[Row, Mapping[str, np.ndarray] | None]] | Failure


@runtime_checkable
class Movable(Protocol):
    """Work that can be told another output folder, and that it is the last chance of a trial that
    runs out of memory, such as `benchmarks.schedule.Remote`; `broken` as `evaluate.done_row`."""

    @property
    def broken(self) -> Broken | None: ...
    def __call__(self, group: "Group", /) -> list[Row]: ...
    def at(self, out: Path) -> "Work": ...
    def once_more(self) -> "Movable": ...


@dataclass(frozen=True)
class Carried:
    """Runs a group where it is called. The work writes to the run's folder where it is shared, and
    else to a folder of its own, from which rows and arrays are sent back.

    `token` is a file in ``out/state`` that is there for whoever shares the folder.
    """

    work: Movable
    out: Path
    token: str

    def __call__(self, group: "Group") -> Result:
        """Rows of the group, or why there are none; raises nothing."""
        # Ours end with their parent by themselves, and dask's workers may have no others.
        multiprocessing.current_process().daemon = False
        try:
            return self._run(group)
        except Exception as error:  # noqa: BLE001 - it concerns this group, and is told at home
            lines = traceback.format_exc().splitlines()[-TRACEBACK:]
            return Failure(f"{type(error).__name__}: {error}", tuple(lines))

    def _run(self, group: "Group") -> Result:
        if (self.out / STATE / self.token).exists():
            return [(row, None) for row in self.work.at(self.out)(group)]
        with tempfile.TemporaryDirectory(prefix="fcdd-") as folder:
            store = Store(Path(folder))
            rows = self.work.at(store.out)(group)
            return [(row, store.arrays(row) if store.holds(row) else {}) for row in rows]

    def checkpoint(self, group: "Group") -> Any:
        """What Slurm is to run when it takes this one off its node: the same again, where what is
        stored is not done twice."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, group)
