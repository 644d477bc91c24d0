"""Paired tests against enumeration of every sign, and the family they are corrected in."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.paired import wilcoxon_holm

LEVEL = 0.05


def enumerated(differences: np.ndarray) -> float:
    """One-sided p-value by all 2^n signs of the ranks."""
    ranks = np.abs(differences).argsort().argsort() + 1
    seen = ranks[differences > 0].sum()
    signs = np.array(list(product([0, 1], repeat=len(ranks))))
    return float((signs @ ranks >= seen).mean())


@given(st.lists(st.integers(-999, 999), min_size=6, max_size=10, unique_by=abs))
def test_alone_it_is_the_exact_test(numbers):
    differences = np.array([number for number in numbers if number]) / 1000
    p = wilcoxon_holm([differences], LEVEL)[0]
    assert p == pytest.approx(enumerated(differences)) if len(differences) > 4 else np.isnan(p)


def test_holm_over_those_that_can_reach_the_level():
    family = [np.arange(1, 11) / 100, np.array([*range(2, 11), -1]) / 100, -np.arange(1, 11) / 100]
    alone = [enumerated(each) for each in family]
    expected = [min(1.0, 3 * alone[0]), 2 * alone[1], alone[2]]
    assert wilcoxon_holm(family, LEVEL) == pytest.approx(expected)
    unable = [np.zeros(10), np.full(10, 1e-12), np.arange(1, 5) / 100, np.array([])]
    p = wilcoxon_holm([*unable, *family], LEVEL)
    assert np.isnan(p[:4]).all() and p[4:] == pytest.approx(expected)


def test_many_small_samples_beside_one_another_reach_nothing():
    every = np.arange(1, 11) / 100  # least p 2^-10: with 28 of them Holm's first step asks .0018
    assert np.isnan(wilcoxon_holm([every] * 28, 0.01)).all()
    assert wilcoxon_holm([every] * 10, 0.01) == pytest.approx(10 * 2.0**-10)


def test_other_sides():
    losing = -np.arange(1, 11) / 100
    assert wilcoxon_holm([losing], LEVEL, "less") == pytest.approx(2.0**-10)
    assert wilcoxon_holm([losing], LEVEL, "two-sided") == pytest.approx(2.0**-9)
    assert wilcoxon_holm([], LEVEL).size == 0
