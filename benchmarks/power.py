"""``python -m benchmarks.power``: how often the gate is red, by simulation of its own rules.

Values of ten classes, drawn anew for baseline and results in every run: normal, with the standard
deviation that a seed has. Exit codes: 0, 3 internal error, 4 usage, 130 interrupted, 143
terminated. Needs no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from baselines.door import OK, Parser, entered
from benchmarks.rules import ANY, TOLERANCE, faults, tested

CLASSES = 10
NOISE = 0.01  # standard deviation of a value over seeds
RUNS = 10_000


@dataclass(frozen=True)
class Case:
    """So many detectors on so many seeds, of which the first `broken` lose `drop`."""

    detectors: int
    seeds: int = 5
    broken: int = 0
    drop: float = 0.0

    def __str__(self) -> str:
        lost = f"{self.broken} lose {100 * self.drop:g}" if self.broken else "no change"
        return f"{self.detectors:9d}  {self.seeds:5d}  {lost:<12}"


CASES = (
    Case(1), Case(2), Case(8), Case(15),
    Case(1, broken=1, drop=0.01), Case(8, broken=1, drop=0.01), Case(15, broken=1, drop=0.01),
    Case(15, broken=1, drop=0.005), Case(15, broken=15, drop=0.005),
    Case(1, seeds=1), Case(15, seeds=1),
    Case(15, seeds=1, broken=1, drop=0.01), Case(15, seeds=1, broken=15, drop=0.01),
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    p = Parser(prog="python -m benchmarks.power", description=__doc__)
    p.add_argument("--runs", type=int, default=RUNS, help=f"of each case (default: {RUNS})")
    return entered(p, argv, lambda given: show(given.runs))


def show(runs: int) -> int:
    """Print the rates of every case; ValueError for runs that are none."""
    if runs < 1:
        raise ValueError("--runs: expected 1 or more")
    print(f"% of {runs} runs; a seed's standard deviation: {100 * NOISE:g} point")
    print("detectors  seeds  points        gate red  first named")
    for case in CASES:
        gate, named = rates(case, runs)
        print(f"{case}  {100 * gate:8.2f}  {100 * named:11.2f}")
    return OK


def rates(case: Case, runs: int) -> tuple[float, float]:
    """Shares of runs where the gate is red, and where it is for the first detector by itself."""
    rng = np.random.default_rng([case.detectors, case.seeds, case.broken, round(1e4 * case.drop)])
    size = (case.detectors, CLASSES, case.seeds)
    lost = np.where(np.arange(case.detectors) < case.broken, case.drop, 0.0)[:, None, None]
    found = [
        red(lost + NOISE * (rng.standard_normal(size) - rng.standard_normal(size)))
        for _ in range(runs)
    ]
    gate, first = zip(*((any(each), each[0]) for each in found), strict=True)
    return float(np.mean(gate)), float(np.mean(first))


def red(drops: np.ndarray) -> list[bool]:
    """Whether the gate is red for each detector, then for all together: ``(detectors, classes,
    seeds)`` drops of one tested metric."""
    singles = [each.ravel() for each in drops]
    pooled = [drops.mean(0).ravel()] if len(drops) > 1 else []
    classes = np.repeat(np.arange(drops.shape[1]), drops.shape[2])
    found = []
    for family, is_pool in ((singles, False), (pooled, True)):
        for each, p, level in zip(family, *tested(family, is_pool), strict=True):
            found.append(bool(faults(each, classes, TOLERANCE[ANY], p, level)))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
