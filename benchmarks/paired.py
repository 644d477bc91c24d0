"""Paired tests, corrected together: exact Wilcoxon signed-rank tests and Holm's correction.

Used where two sets of results stand on the same cells (class x seed). Written here because scipy's
test is exact without ties and zeros only, and because a gate needs one that can only turn redder
as results fall: pairs without a difference are ranked and then left out (Pratt 1959), for if they
were not ranked, a pair that starts to drop could take back what the others showed.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.stats import rankdata, wilcoxon

DIGITS = 9  # differences beyond this digit are rounding of equal numbers, and would be ranked
EXACT = 200  # pairs; of more, the normal approximation is as good and takes no time


def signed_rank(differences: np.ndarray) -> float:
    """One-sided p-value that paired differences ``(n,)`` centre on 0, not above; 1 for no pair."""
    found = np.round(np.asarray(differences, dtype=float), DIGITS)
    if not found.any():
        return 1.0
    if len(found) > EXACT:
        test = wilcoxon(found, alternative="greater", zero_method="pratt", method="asymptotic")
        return float(test.pvalue)
    # Twice the ranks are whole numbers, those of ties too.
    ranks = np.rint(2 * rankdata(np.abs(found))).astype(int)
    tail = _tail(tuple(np.sort(ranks[found != 0]).tolist()))
    return float(tail[ranks[found > 0].sum()])


@lru_cache(maxsize=64)
def _tail(ranks: tuple[int, ...]) -> np.ndarray:
    """Chance that ranks of random sign have a positive sum of at least each number from 0."""
    chance = np.zeros(sum(ranks) + 1)
    chance[0] = 1.0
    for rank in ranks:
        chance /= 2
        chance[rank:] += chance[:-rank].copy()
    return chance[::-1].cumsum()[::-1]


def holm(p: np.ndarray) -> np.ndarray:
    """p-values ``(n,)`` after Holm's correction; each can only fall where one of them falls."""
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(np.arange(len(p), 0, -1) * p[order])
    return adjusted.clip(max=1.0)


def corrected(
    differences: Sequence[np.ndarray], level: float, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """Of each family member, whose paired differences are ``(n,)``: the corrected p-value, and
    the level at or below which it is significant.

    That is `level`, or, where so few pairs cannot reach it beside the others, the least that they
    can, up to `most`; members beyond that get NaN twice, and are not corrected for. All this is
    chosen by the numbers of pairs alone, whatever they say, so that a false rejection in the
    family has a chance of at most `most`, and a drop elsewhere never hides one.
    """
    least = np.array([0.5 ** len(each) for each in differences])
    adjusted, levels = np.full((2, len(least)), np.nan)
    able = _able(least, most)
    if able.any():
        family = [each for each, own in zip(differences, able, strict=True) if own]
        adjusted[able] = holm(np.array([signed_rank(each) for each in family]))
        levels[able] = np.maximum(level, able.sum() * least[able])
    return adjusted, levels


def _able(least: np.ndarray, level: float) -> np.ndarray:
    """Members that may reach `level` in a family of no more than they are."""
    k = 1
    while (least <= level / k).sum() > k:
        k += 1
    return least <= level / k
