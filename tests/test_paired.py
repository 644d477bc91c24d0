"""Paired tests against enumeration of every sign, and the family they are corrected in."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon
from statsmodels.stats.multitest import multipletests

from benchmarks.paired import EXACT, corrected, holm, signed_rank

NUMBERS = st.lists(st.integers(-9, 9), min_size=1, max_size=9)  # ties and zeros among them


def enumerated(differences: np.ndarray) -> float:
    """One-sided p-value by all signs of the ranks; those of zeros are ranked and left out."""
    ranks = rankdata(np.abs(differences))[differences != 0]
    seen = ranks[differences[differences != 0] > 0].sum()
    signs = np.array(list(product([0, 1], repeat=len(ranks))))
    return float((signs @ ranks >= seen).mean())


@given(NUMBERS)
def test_alone_it_is_the_exact_test(numbers):
    assert signed_rank(np.array(numbers) / 1000) == pytest.approx(enumerated(np.array(numbers)))


def test_it_is_scipys_where_that_is_exact_and_beyond():
    rng = np.random.default_rng(0)
    for n in (10, 50):
        drawn = rng.normal(0.3, 1, n)
        assert signed_rank(drawn) == pytest.approx(wilcoxon(drawn, alternative="greater").pvalue)
    many = rng.normal(0.1, 1, EXACT)
    assert signed_rank(np.append(many, 0.01)) == pytest.approx(signed_rank(many), rel=0.03)
    assert signed_rank(np.full(10, 1e-12)) == signed_rank(np.array([])) == 1.0


@given(NUMBERS, st.integers(0, 8), st.integers(1, 9))
def test_more_damage_never_raises_p(numbers, at, more):
    """Magnitudes differ, so that no change of ties changes what the ranks can be."""
    before = np.array(numbers) + np.where(np.array(numbers), np.arange(len(numbers)) / 100, 0)
    after = before.copy()
    after[at % len(after)] += more + 0.001
    assert signed_rank(after) <= signed_rank(before) + 1e-12


@settings(max_examples=20, deadline=None)  # statsmodels collects garbage at each call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels(p):
    assert holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


EVERY = np.arange(1, 11) / 100  # ten pairs that all drop: the least p there is, 2^-10
LEVEL, MOST = 0.005, 0.015


def test_holm_over_all_that_can_reach_the_level_whatever_they_say():
    family = [EVERY, np.array([*range(2, 11), -1]) / 100, -EVERY, np.zeros(10)]
    p, levels = corrected([*family, EVERY[:5], EVERY[:0]], LEVEL, MOST)
    assert p[:4] == pytest.approx([4 * 2.0**-10, 3 * 2 * 2.0**-10, 1.0, 1.0])
    assert levels[:4] == pytest.approx(LEVEL)
    assert np.isnan(p[4:]).all() and np.isnan(levels[4:]).all()  # too few pairs, uncounted
    assert corrected([], LEVEL, MOST)[0].size == 0


def test_the_level_is_the_least_that_can_be_reached():
    for size in (1, 5, 6, 15, 16):
        p, levels = corrected([EVERY] * size, LEVEL, MOST)
        if size < 16:
            assert levels == pytest.approx(max(LEVEL, size / 1024)) and (p <= levels).all()
        else:  # 16 / 1024 is above what is allowed
            assert np.isnan(p).all()
