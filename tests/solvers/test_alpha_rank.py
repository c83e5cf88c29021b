"""Alpha-rank against OpenSpiel and against plain chains."""

import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import ROCK_PAPER_SCISSORS, permuted, random_payoffs, zero_sum

from arena.games import SpecificationError, load_game
from arena.solvers import alpha_rank, solve
from arena.solvers.stationary import closed_classes, stationary_distribution


@pytest.fixture
def peer(monkeypatch):
    """OpenSpiel's alpha-rank, without the pictures, which need a package that nothing here needs."""
    monkeypatch.setitem(sys.modules, "open_spiel.python.egt.alpharank_visualizer", types.ModuleType("pictures"))
    from open_spiel.python.egt import alpharank

    return alpharank


def symmetric(matrix):
    return np.stack((matrix, matrix.T))


def plain_chain(matrix, alpha, size):
    """The chain of one population by the sum that the closed form is the limit of."""
    n = len(matrix)
    chain = np.zeros((n, n))
    for resident in range(n):
        for mutant in range(n):
            if mutant != resident:
                u = alpha * (matrix[mutant, resident] - matrix[resident, mutant])
                chain[resident, mutant] = 1 / sum(np.exp(-u * k) for k in range(size)) / (n - 1)
        chain[resident, resident] = 1 - chain[resident].sum()
    return chain


@pytest.mark.parametrize("size", [2, 3, 7, 30])
@pytest.mark.parametrize("alpha", [0.01, 1.0, 5.0])
def test_one_population_is_that_of_openspiel(peer, size, alpha):
    matrix = random_payoffs(size, size, size)[0]
    expected = peer.compute([matrix], m=20, alpha=alpha)[2]
    found = alpha_rank(symmetric(matrix), alpha=alpha, population_size=20)
    assert np.allclose(found.strategies[0], expected, atol=1e-9)
    assert found.converged and found.unique and found.gap < 1e-12


@pytest.mark.parametrize("sizes", [(2, 3), (4, 4), (2, 3, 2)])
@pytest.mark.parametrize("alpha", [0.1, 2.0, np.inf])
def test_many_populations_are_those_of_openspiel(peer, sizes, alpha):
    payoffs = random_payoffs(11, *sizes)
    expected = peer.compute(
        list(payoffs), m=50, alpha=1.0 if np.isinf(alpha) else alpha, use_inf_alpha=np.isinf(alpha), inf_alpha_eps=0.01
    )[2]
    found = alpha_rank(payoffs, alpha=alpha)
    assert np.allclose(found.joint.ravel(), expected, atol=1e-9)
    assert found.joint.shape == sizes and found.strategies == ()
    assert found.values == pytest.approx(tuple((own * found.joint).sum() for own in payoffs))


def test_the_infinite_limit_of_one_population_is_that_of_openspiel(peer):
    matrix = np.round(random_payoffs(4, 9, 9)[0])  # with ties
    expected = peer.compute([matrix], use_inf_alpha=True, inf_alpha_eps=0.05)[2]
    found = alpha_rank(symmetric(matrix), alpha=np.inf, noise=0.05)
    assert np.allclose(found.strategies[0], expected, atol=1e-10)


def test_rock_paper_scissors_has_a_third_each():
    # Omidshafiei et al. 2019, figure 3: a cycle through the three strategies
    for alpha in (0.1, 10.0, np.inf):
        assert np.allclose(alpha_rank(zero_sum(ROCK_PAPER_SCISSORS), alpha=alpha).strategies[0], 1 / 3)


def test_a_strategy_that_beats_all_has_all_the_mass():
    matrix = np.array([[0.0, 1, 1], [-1, 0, 1], [-1, -1, 0]])
    solution = alpha_rank(zero_sum(matrix), alpha=10.0)
    assert solution.strategies[0][0] == pytest.approx(1, abs=1e-12) and solution.converged


@given(st.integers(2, 6), st.integers(0, 2**32 - 1), st.floats(1e-3, 3.0))
@settings(max_examples=25, deadline=None)
def test_the_chain_is_the_plain_one(size, seed, alpha):
    matrix = random_payoffs(seed, size, size)[0]
    masses = alpha_rank(symmetric(matrix), alpha=alpha, population_size=12).strategies[0]
    chain = plain_chain(matrix, alpha, 12)
    assert np.allclose(masses @ chain, masses, atol=1e-10)


def test_two_states_far_apart_keep_their_relative_accuracy():
    for small in (1e-3, 1e-12, 1e-200):
        chain = np.array([[1 - small, small], [0.25, 0.75]])
        assert stationary_distribution(chain)[1] == pytest.approx(small / (small + 0.25), rel=1e-12)


def test_nearly_separate_groups_are_weighed_exactly():
    # a birth-and-death chain 0 - 1 - 2 - 3 in detailed balance, its middle link 1e-14 wide
    chain = np.array([[0.5, 0.5, 0, 0], [0.25, 0, 1e-14, 0], [0, 3e-14, 0, 0.5], [0, 0, 0.5, 0.5]])
    np.fill_diagonal(chain, 0)
    np.fill_diagonal(chain, 1 - chain.sum(1))
    weights = np.array([1.0, 2.0, 2.0 / 3, 2.0 / 3])
    assert np.allclose(stationary_distribution(chain), weights / weights.sum(), rtol=1e-10)


def test_groups_that_are_never_left_are_found():
    chain = np.array([[0.5, 0.25, 0.25], [0, 1, 0], [0, 0, 1]])
    assert [group.tolist() for group in sorted(closed_classes(chain), key=min)] == [[1], [2]]


def test_a_chain_that_falls_apart_has_no_one_ranking():
    coordination = np.array([[1.0, 0], [0, 1.0]])
    solution = alpha_rank(np.stack((coordination, coordination)), alpha=1e5, populations="many")
    assert not solution.converged and solution.unique is False and "falls apart" in solution.guarantee
    assert np.allclose(solution.joint, [[0.5, 0], [0, 0.5]])
    assert alpha_rank(np.stack((coordination, coordination)), alpha=1.0, populations="many").converged


def test_shifts_and_names_change_nothing_and_units_are_those_of_alpha():
    matrix = random_payoffs(6, 5, 5)[0]
    order = [3, 0, 4, 1, 2]
    masses = alpha_rank(symmetric(matrix), alpha=0.7).strategies[0]
    assert np.allclose(alpha_rank(symmetric(matrix + 5), alpha=0.7).strategies[0], masses)
    assert np.allclose(alpha_rank(symmetric(matrix * 10), alpha=0.07).strategies[0], masses)
    renamed = alpha_rank(permuted(symmetric(matrix), (order, order)), alpha=0.7).strategies[0]
    assert np.allclose(renamed, masses[order])


def test_one_action_each_is_a_ranking_of_one():
    assert alpha_rank(np.ones((2, 1, 1))).strategies[0].tolist() == [1.0]
    assert alpha_rank(np.ones((3, 1, 1, 1))).joint.tolist() == [[[1.0]]]


def test_settings_out_of_range_are_refused():
    with pytest.raises(SpecificationError, match="symmetric"):
        alpha_rank(random_payoffs(0, 2, 3), populations="one")
    with pytest.raises(SpecificationError, match="at most 5000 states"):
        alpha_rank(np.zeros((3, 20, 20, 20)))
    for wrong in ({"alpha": 0}, {"alpha": np.nan}, {"population_size": 1}, {"noise": 0.5}, {"populations": "two"}):
        with pytest.raises(ValueError, match="alpha must be"):
            alpha_rank(zero_sum(ROCK_PAPER_SCISSORS), **wrong)


def test_games_are_ranked_by_name():
    assert np.allclose(solve("alpha_rank", load_game("preference:rps")).strategies[0], 1 / 3)
    assert solve("alpha_rank", load_game("matrix:battle_of_the_sexes"), alpha=1.0).joint.shape == (2, 2)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.floats(0.02, 0.5))
def test_closed_classes_are_what_a_graph_library_finds(seed, size, density):
    import networkx

    rng = np.random.default_rng(seed)
    chain = np.where(rng.random((size, size)) < density, rng.random((size, size)), 0.0)
    graph = networkx.from_numpy_array(chain, create_using=networkx.DiGraph)
    expected = {frozenset(states) for states in networkx.attracting_components(graph)}
    assert {frozenset(states.tolist()) for states in closed_classes(chain)} == expected
