"""Tables of payoffs that every solver of normal forms refuses by name, before it computes anything."""

import numpy as np
import pytest

from arena.games import SpecificationError
from arena.solvers import (
    alpha_rank,
    bimatrix_nash,
    correlated_equilibrium,
    fictitious_play,
    logit_qre,
    matrix_game_lp,
    nash_average,
    projected_replicator_dynamics,
)

OF_TABLES = [
    alpha_rank,
    bimatrix_nash,
    correlated_equilibrium,
    fictitious_play,
    logit_qre,
    projected_replicator_dynamics,
]
OF_MATRICES = [matrix_game_lp, nash_average]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e101, 1.7e308])
@pytest.mark.parametrize("method", OF_TABLES + OF_MATRICES)
def test_payoffs_that_cannot_be_added_up_are_refused(method, wrong):
    payoffs = np.zeros((2, 2)) if method in OF_MATRICES else np.zeros((2, 2, 2))
    payoffs.flat[1] = wrong
    with pytest.raises(SpecificationError, match="payoffs must be finite numbers of at most 1e"):
        method(payoffs)


@pytest.mark.parametrize("method", OF_TABLES + OF_MATRICES)
def test_the_largest_payoffs_are_taken(method):
    sign = np.array([[1.0, -1.0], [-1.0, 1.0]]) * 1e100
    answer = method(sign if method in OF_MATRICES else np.stack((sign, -sign)))
    assert np.isfinite(answer.gap) and all(np.isfinite(strategy).all() for strategy in answer.strategies)


@pytest.mark.parametrize("method", OF_TABLES + OF_MATRICES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 2, 2, 2), (0, 0)])
def test_other_shapes_are_refused(method, shape):
    with pytest.raises(SpecificationError, match="payoffs must"):
        method(np.ones(shape))
