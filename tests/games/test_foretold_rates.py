"""Bradley-Terry rates foretold for pairs that were never compared."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from arena.games.foretold_rates import EVEN, PRIOR, foretold_rates


def table(size, votes):
    points, weights = np.zeros((size, size)), np.zeros((size, size))
    for i, j, won, of in votes:
        points[i, j] += won
        points[j, i] += of - won
        weights[i, j] += of
        weights[j, i] += of
    return points, weights


def test_many_comparisons_of_strengths_are_foretold_exactly():
    strengths = np.array([0.0, 1.0, -0.5, 2.0])
    rates = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    chain = [(0, 1), (1, 2), (2, 3)]  # 0 and 2, 0 and 3, 1 and 3 never met
    points, weights = table(4, [(i, j, 1e9 * rates[i, j], 1e9) for i, j in chain])
    np.testing.assert_allclose(foretold_rates(points, weights), rates, atol=1e-7)


def test_nothing_is_foretold_where_no_chain_joins_two():
    foretold = foretold_rates(*table(5, [(0, 1, 3, 3), (2, 3, 2, 2)]))
    assert (foretold[:2, 2:] == EVEN).all()
    assert (foretold[4, :4] == EVEN).all()
    assert foretold[0, 1] > 0.7


def test_a_few_wins_out_of_a_few_are_no_certainty():
    foretold = foretold_rates(*table(3, [(0, 1, 2, 2), (1, 2, 2, 2)]))
    assert 0.75 < foretold[0, 2] < 0.99


def test_a_cycle_foretells_nothing():
    votes = [(0, 1, 1, 1), (1, 2, 1, 1), (2, 3, 1, 1), (3, 0, 1, 1)]
    np.testing.assert_allclose(foretold_rates(*table(4, votes)), EVEN, atol=1e-12)


tables = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.floats(0.1, 50)).filter(
        lambda v: v[0] != v[1]
    ),
    min_size=1,
    max_size=8,
).map(lambda votes: table(5, [(i, j, quarter / 4 * of, of) for i, j, quarter, of in votes]))


@settings(deadline=None, max_examples=40)
@given(tables)
def test_strengths_are_those_of_the_greatest_posterior(found):
    points, weights = found

    def loss(strengths):
        lead = strengths[:, None] - strengths[None, :]
        return (points * np.logaddexp(0, -lead)).sum() + PRIOR / 2 * (
            np.logaddexp(0, strengths) + np.logaddexp(0, -strengths)
        ).sum()

    best = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-9}).x
    foretold = foretold_rates(points, weights)
    np.testing.assert_allclose(foretold + foretold.T, 1, atol=1e-12)
    joined = np.linalg.matrix_power((weights > 0) + np.eye(5), 5) > 0
    expected = 1 / (1 + np.exp(best[None, :] - best[:, None]))
    np.testing.assert_allclose(foretold, np.where(joined, expected, EVEN), atol=1e-4)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_weights_of_any_size_are_fitted(scale):
    points, weights = table(4, [(0, 1, 1, 1), (1, 2, 1, 1), (2, 3, 1, 1)])
    foretold = foretold_rates(points * scale, weights * scale)
    assert np.isfinite(foretold).all()
    assert (foretold[0, 3] > 0.999) == (scale > 1)


def test_relabelled_candidates_are_foretold_the_same():
    points, weights = table(4, [(0, 1, 1, 3), (1, 2, 2.5, 4), (2, 3, 1, 1)])
    order = np.array([2, 0, 3, 1])
    moved = foretold_rates(points[np.ix_(order, order)], weights[np.ix_(order, order)])
    np.testing.assert_allclose(moved, foretold_rates(points, weights)[np.ix_(order, order)], atol=1e-12)
