"""The gate's rules: which drops are a regression. Arrays of shares in [0, 1] in, words out.

No rule may be kinder to more damage: each looks at its own comparison, and what it shares with the
others (Holm's correction, `paired.corrected`) only helps where they fall too.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.paired import DIGITS, corrected

# Mean drop that fails, by dataset; ANY for the others. One point is eight times the largest
# difference seen between float32 and bfloat16 trainings on two processors (Fashion-MNIST, fast).
ANY = "*"
TOLERANCE: dict[str, float] = {ANY: 0.01}
# Drop of one class, its seeds averaged, that fails, in tolerances. A class is noisier than the mean
# of ten by the root of ten, 3.2: at any noise five alarms less often than the mean's one does.
CLASS = 5
# What is tested: areas under ROC curves. The other metrics say much the same again, which would
# only cost the test power; their means and classes are judged all the same.
TESTED = ("image_auroc", "pixel_auroc")
LEAST = 0.003  # a significant drop below this does not fail
# One false alarm in 200 runs where nothing changed: at most two in a hundred runs, in 98 % of such
# hundreds (at .01 in 92 %). Where so few pairs cannot reach that: up to the second number, which
# fifteen detectors on ten classes, one seed, can (15 / 1024).
LEVELS = (0.005, 0.015)
# The same for what all detectors lost together. The tests of both alarm once in fifty at most.
POOLED = (0.001, 0.005)


def tested(drops: Sequence[np.ndarray], pooled: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """`paired.corrected` over comparisons, each of `drops` one's ``(n,)``, at the gate's levels."""
    return corrected(drops, *(POOLED if pooled else LEVELS))


def faults(
    drops: np.ndarray, classes: np.ndarray, tolerance: float, p: float, level: float
) -> tuple[str, ...]:
    """The rules that a comparison breaks, in words: `drops` of its pairs ``(n,)``, their
    `classes` ``(n,)``, and of `tested` its `p` and `level` (NaN: not tested)."""
    mean = round(float(drops.mean()), DIGITS)  # a drop of the tolerance itself is not beyond it
    limit = CLASS * tolerance
    lost = _lost(drops, classes, limit)
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    broken = {
        f"mean drop > {100 * tolerance:g}": mean > tolerance,
        f"class drop > {100 * limit:g}: {''.join(lost[:1])}{more}": bool(lost),
        _significant(level): p <= level and mean > LEAST,
    }
    return tuple(rule for rule, holds in broken.items() if holds)


def _lost(drops: np.ndarray, classes: np.ndarray, limit: float) -> list[str]:
    """Classes that dropped by more than `limit`, the worst first."""
    names, places = np.unique(classes, return_inverse=True)
    means = np.round(np.bincount(places, drops) / np.bincount(places), DIGITS)
    return [str(names[i]) for i in np.argsort(-means, kind="stable") if means[i] > limit]


def _significant(level: float) -> str:
    usual = level in (LEVELS[0], POOLED[0])
    return f"p < {level:g}" if usual else f"p <= {level:.2g}"
