"""How members of populations are weighed: equilibria, rock, paper, scissors, and who is answered by whom."""

import numpy as np
import pytest
from normal_forms import ROCK_PAPER_SCISSORS, plain_nash_conv, random_payoffs, zero_sum

from arena.solvers.meta_strategies import META_SOLVERS, most_members, rectified, weights_of


@pytest.mark.parametrize("meta_solver", META_SOLVERS)
def test_rock_paper_scissors_is_weighed_alike(meta_solver):
    for weights in weights_of(meta_solver, zero_sum(ROCK_PAPER_SCISSORS), constant_sum=True):
        assert weights == pytest.approx(np.full(3, 1 / 3), abs=1e-9)


@pytest.mark.parametrize("meta_solver", META_SOLVERS)
@pytest.mark.parametrize("sizes", [(1, 1), (1, 4), (3, 5), (2, 1, 3)])
def test_weights_are_probabilities_of_members(meta_solver, sizes):
    found = weights_of(meta_solver, random_payoffs(2, *sizes), constant_sum=False)
    assert tuple(map(len, found)) == sizes
    for weights in found:
        assert weights.min() >= 0 and weights.sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("sizes", [(4, 4), (3, 6), (2, 2, 2), (2, 3, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_nash_is_an_equilibrium_of_the_members(seed, sizes):
    payoffs = random_payoffs(seed, *sizes)
    assert plain_nash_conv(payoffs, weights_of("nash", payoffs, constant_sum=False)) < 1e-6
    if len(sizes) == 2:
        zero = zero_sum(payoffs[0])
        assert plain_nash_conv(zero, weights_of("nash", zero, constant_sum=True)) < 1e-9


def test_replicator_dynamics_keep_everybody_alive_and_come_near_an_equilibrium():
    payoffs = zero_sum(np.random.default_rng(4).normal(size=(5, 5)))
    weights = weights_of("prd", payoffs, constant_sum=True)
    assert min(own.min() for own in weights) >= 1e-6
    assert (
        plain_nash_conv(payoffs, weights)
        < 0.1
        < plain_nash_conv(payoffs, weights_of("uniform", payoffs, constant_sum=True))
    )


@pytest.mark.parametrize("meta_solver", ["nash", "prd", "alpha_rank", "rectified"])
def test_the_unit_of_payoffs_is_of_no_matter(meta_solver):
    payoffs = zero_sum(np.random.default_rng(4).normal(size=(4, 5)))
    first, second = (weights_of(meta_solver, scale * payoffs, constant_sum=True) for scale in (1, 1000))
    for own, other in zip(first, second, strict=True):
        assert other == pytest.approx(own, abs=1e-6)


def test_evolution_ends_where_everybody_does_what_dominates():
    dilemma = np.array([[[3, 0], [5, 1]], [[3, 5], [0, 1]]], float)
    for weights in weights_of("alpha_rank", dilemma, constant_sum=False):
        assert weights[1] > 0.95  # 1 % of the mutants that do worse take over all the same


def test_members_are_answered_among_those_whom_they_beat_or_draw_with():
    """Balduzzi et al. 2019, algorithm 4: rock trains against rock and scissors, paper against rock and paper, and so on."""
    weights = (np.full(3, 1 / 3),) * 2
    for player in (0, 1):
        opponents = rectified(zero_sum(ROCK_PAPER_SCISSORS), weights, player)
        assert np.allclose(opponents, [[0.5, 0, 0.5], [0.5, 0.5, 0], [0, 0.5, 0.5]])


def test_members_without_weight_are_not_answered():
    payoffs = zero_sum([[1.0, -1, 2], [-1, 1, 2], [-3, -3, -3]])
    weights = (np.array([0.5, 0.5, 0]), np.array([0.5, 0.5, 0]))
    assert np.allclose(rectified(payoffs, weights, 0), [[1, 0, 0], [0, 1, 0]])
    assert np.allclose(rectified(payoffs + np.array([5, 3])[:, None, None], weights, 1), [[0, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize(("players", "most"), [(2, 70), (3, 17), (4, 8)])
def test_alpha_rank_takes_five_thousand_joint_choices(players, most):
    assert most_members(players) == most and most**players <= 5000 < (most + 1) ** players
