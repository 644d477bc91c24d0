"""Paired tests, corrected together: exact Wilcoxon signed-rank tests and Holm's correction.

Used where two sets of results stand on the same cells (class x seed, or class x data set).
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import wilcoxon
from statsmodels.stats.multitest import multipletests

DIGITS = 9  # differences beyond this digit are rounding of equal numbers, and would be ranked


def wilcoxon_holm(
    differences: Sequence[np.ndarray],
    level: float,
    alternative: Literal["greater", "two-sided", "less"] = "greater",
) -> np.ndarray:
    """Corrected p-value of each family member: that its paired differences ``(n,)`` centre on 0.

    A member whose few differing pairs cannot reach `level` beside the others, whatever their
    signs, gets NaN and is not corrected for (Tarone 1990: the choice looks at sizes only, so the
    chance of any false rejection stays below `level`). Pairs without a difference are left out.
    """
    found = [np.round(np.asarray(each, dtype=float), DIGITS) for each in differences]
    found = [each[each != 0] for each in found]
    sides = 2 if alternative == "two-sided" else 1
    least = np.array([sides * 0.5 ** len(each) for each in found])
    adjusted = np.full(len(found), np.nan)
    able = _able(least, level)
    if able.any():
        p = [wilcoxon(found[i], alternative=alternative).pvalue for i in np.flatnonzero(able)]
        adjusted[able] = multipletests(p, method="holm")[1]
    return adjusted


def _able(least: np.ndarray, level: float) -> np.ndarray:
    """Members that may reach `level` in a family of no more than they are."""
    k = 1
    while (least <= level / k).sum() > k:
        k += 1
    return least <= level / k
