"""Logit quantal response equilibria and the branch that leads to a Nash equilibrium."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import ROCK_PAPER_SCISSORS, permuted, plain_deviations, plain_nash_conv, random_payoffs, zero_sum

from arena.games import NotProvided, SpecificationError, load_game
from arena.solvers import logit_qre, matrix_game_lp, solve
from arena.solvers.quantal_response import QuantalResponse

PERTURBED = (np.array([[0, -3, 3], [3, 0, -1], [-3, 1, 0.0]]) + 3) / 6
PUBLISHED = {  # Sokota et al., ICLR 2023, arXiv:2206.05825: perturbed rock, paper, scissors by temperature
    0.5: (0.29813319, 0.41382045, 0.28804635),
    0.2: (0.22364492, 0.47798817, 0.29836691),
    0.1: (0.17347803, 0.48630324, 0.34021873),
    0.05: (0.1517447, 0.46794775, 0.38030755),
}


def plain_residual(payoffs, strategies, rationality):
    worst = 0.0
    for own, strategy in zip(plain_deviations(payoffs, strategies), strategies, strict=True):
        weights = np.exp(rationality * (own - own.max()))
        worst = max(worst, np.abs(weights / weights.sum() - strategy).max())
    return worst


@pytest.mark.parametrize("temperature", PUBLISHED)
@pytest.mark.parametrize("trace", [False, True])
def test_perturbed_rock_paper_scissors_is_as_published(temperature, trace):
    solution = logit_qre(zero_sum(PERTURBED), rationality=1 / temperature, trace=trace)
    for strategy in solution.strategies:
        assert np.allclose(strategy, PUBLISHED[temperature], atol=1e-7)
    assert solution.converged and solution.gap_kind == "logit_residual"


@pytest.mark.parametrize("sizes", [(4,), (3, 4), (2, 3, 2), (2, 2, 2, 2)])
@pytest.mark.parametrize("rationality", [0.0, 0.7, 5.0, 60.0])
def test_every_strategy_is_the_quantal_response_to_the_others(sizes, rationality):
    payoffs = random_payoffs(2, *sizes)
    solution = logit_qre(payoffs, rationality=rationality)
    residual = plain_residual(payoffs, solution.strategies, rationality)
    assert solution.converged and residual <= 1e-8
    assert solution.gap == pytest.approx(residual, abs=1e-12)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 5), (2, 3, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_the_end_of_the_branch_is_a_nash_equilibrium(sizes, seed):
    payoffs = random_payoffs(seed, *sizes)
    solution = logit_qre(payoffs)
    assert solution.converged and solution.gap_kind == "nash_conv" and solution.settings["bifurcations"] == 0
    assert plain_nash_conv(payoffs, solution.strategies) <= 1e-6


def test_every_point_of_the_branch_is_an_equilibrium():
    payoffs = random_payoffs(1, 3, 3)
    solution = logit_qre(payoffs)
    assert solution.branch[0][0] == 0 and np.allclose(solution.branch[0][1][0], 1 / 3)
    for rationality, strategies in solution.branch:
        assert plain_residual(payoffs, strategies, rationality) <= 1e-7
    assert solution.settings["turns"] == 2  # it goes back in rationality for a while
    assert min(np.diff([rationality for rationality, _ in solution.branch])) < 0
    assert len(solution.history) == solution.iterations == len(solution.branch) - 1


def test_of_several_points_the_first_is_the_answer():
    payoffs = random_payoffs(1, 3, 3)
    branch = logit_qre(payoffs).branch
    tops = [k for k in range(1, len(branch) - 1) if branch[k - 1][0] < branch[k][0] > branch[k + 1][0]]
    asked = 0.99 * branch[tops[0]][0]
    before = [strategies for rationality, strategies in branch[: tops[0]] if rationality < asked][-1]
    found = logit_qre(payoffs, rationality=asked).strategies
    assert max(np.abs(a - b).max() for a, b in zip(found, before, strict=True)) < 0.2


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 5), st.floats(0.1, 300.0))
@settings(max_examples=25, deadline=None)
def test_the_direct_way_of_zero_sum_games_ends_on_the_branch(seed, rows, columns, rationality):
    payoffs = zero_sum(np.random.default_rng(seed).uniform(-1, 1, (rows, columns)))
    direct = logit_qre(payoffs, rationality=rationality)
    traced = logit_qre(payoffs, rationality=rationality, trace=True)
    assert direct.converged and traced.converged and direct.unique
    assert np.allclose(direct.strategies[0], traced.strategies[0], atol=1e-8)
    assert np.allclose(direct.strategies[1], traced.strategies[1], atol=1e-8)


def test_zero_sum_branches_end_at_the_value():
    matrix = random_payoffs(3, 6, 4)[0]
    assert logit_qre(zero_sum(matrix)).values[0] == pytest.approx(matrix_game_lp(matrix).values[0], abs=1e-6)


@pytest.mark.parametrize("sizes", [(3, 4), (2, 3, 2)])
def test_the_jacobian_is_that_of_finite_differences(sizes):
    response = QuantalResponse(random_payoffs(0, *sizes))
    rng = np.random.default_rng(1)
    logs, rationality, step = np.log(rng.uniform(0.1, 0.5, sum(sizes))), 2.5, 1e-6
    system = response.bordered(np.append(logs, rationality), np.zeros(len(logs) + 1))
    for column in range(len(logs) + 1):
        nudge = np.zeros(len(logs) + 1)
        nudge[column] = step
        up = response.residual(logs + nudge[:-1], rationality + nudge[-1])
        down = response.residual(logs - nudge[:-1], rationality - nudge[-1])
        assert np.allclose(system[:-1, column], (up - down) / (2 * step), atol=1e-8)


def test_a_dominant_action_is_where_the_dilemma_ends():
    solution = logit_qre(load_game("matrix:prisoners_dilemma").payoffs)
    assert solution.strategies[0][1] > 1 - 1e-8 and solution.converged


def test_branches_that_cross_are_counted():
    solution = logit_qre(load_game("matrix:coordination").payoffs, rationality=10.0)
    assert solution.settings["bifurcations"] == 1 and solution.converged
    assert np.allclose(solution.strategies[0], 0.5)


def test_units_shifts_and_names_change_nothing_else():
    payoffs, orders = random_payoffs(5, 3, 4), ([2, 0, 1], [3, 1, 0, 2])
    before = logit_qre(payoffs, rationality=3.0).strategies
    shifted = logit_qre(payoffs + np.array([10.0, -4.0])[:, None, None], rationality=3.0).strategies
    scaled = logit_qre(payoffs * 1e6, rationality=3e-6).strategies
    renamed = logit_qre(permuted(payoffs, orders), rationality=3.0).strategies
    for player in range(2):
        assert np.allclose(shifted[player], before[player], atol=1e-8)
        assert np.allclose(scaled[player], before[player], atol=1e-8)
        assert np.allclose(renamed[player], before[player][orders[player]], atol=1e-8)


def test_a_branch_that_was_left_early_is_not_claimed():
    payoffs = random_payoffs(1, 3, 3)
    for asked in (math.inf, 1e4):
        solution = logit_qre(payoffs, rationality=asked, iterations=3)
        assert not solution.converged and solution.iterations == 3 and solution.gap > 1e-6


def test_rationality_beyond_rounding_is_not_claimed():
    matrix = np.array([[1.0, -1], [-1, 1 + 1e-5]])
    solution = logit_qre(zero_sum(matrix), rationality=1e13)
    assert not solution.converged and solution.gap > 1e-8
    assert not logit_qre(zero_sum(matrix), until=1e-300).converged


def test_games_in_which_nothing_matters_stay_uniform():
    for rationality in (5.0, math.inf):
        solution = logit_qre(np.zeros((2, 3, 2)), rationality=rationality)
        assert solution.converged and np.allclose(solution.strategies[0], 1 / 3)


def test_bad_input_is_refused_by_name():
    with pytest.raises(SpecificationError, match="shape"):
        logit_qre(np.eye(3))
    for wrong in ({"rationality": -1}, {"rationality": math.nan}, {"iterations": 0}, {"until": 0}):
        with pytest.raises(ValueError, match="rationality must be"):
            logit_qre(zero_sum(ROCK_PAPER_SCISSORS), **wrong)


def test_games_are_solved_by_name():
    solution = solve("logit_qre", load_game("preference:rps"), rationality=2.0)
    assert np.allclose(solution.strategies[0], 1 / 3) and solution.policy is not None
    with pytest.raises(NotProvided, match="normal form"):
        solve("logit_qre", load_game("openspiel:kuhn_poker"))


@pytest.mark.parametrize("rationality", [5.0, math.inf])
@pytest.mark.parametrize("stops_at", [1, 4, 7])
def test_an_interrupted_branch_goes_on_to_the_same_end(rationality, stops_at, tmp_path):
    file, payoffs = tmp_path / "run.npz", random_payoffs(3, 3, 2, 3)

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done == stops_at:
            raise Interrupted

    whole = logit_qre(payoffs, rationality=rationality)
    assert whole.iterations > stops_at
    with pytest.raises(Interrupted):
        logit_qre(payoffs, rationality=rationality, checkpoint=file, progress=stop)
    resumed = logit_qre(payoffs, rationality=rationality, checkpoint=file)
    assert all(np.array_equal(a, b) for a, b in zip(resumed.strategies, whole.strategies, strict=True))
    assert resumed.history == whole.history and resumed.gap == whole.gap and resumed.settings == whole.settings
    for (at, point), (whole_at, whole_point) in zip(resumed.branch, whole.branch, strict=True):
        assert at == whole_at and all(np.array_equal(a, b) for a, b in zip(point, whole_point, strict=True))
    with pytest.raises(SpecificationError, match="other rules or settings"):
        logit_qre(payoffs + 1, rationality=rationality, checkpoint=file)


def test_the_branch_starts_with_uniform_play_and_no_rationality_leaves_it_there(tmp_path):
    payoffs = random_payoffs(3, 2, 3)
    answer = logit_qre(payoffs, rationality=0.0, checkpoint=tmp_path / "run.npz")
    assert answer.iterations == 0 and len(answer.branch) == 1 and answer.converged
    assert np.allclose(answer.strategies[0], 1 / 2) and np.allclose(answer.strategies[1], 1 / 3)


def test_a_branch_that_was_left_before_its_end_claims_nothing_whatever_gap_is_allowed():
    answer = logit_qre(random_payoffs(3, 3, 2, 3), rationality=50.0, iterations=2, until=10.0)
    assert answer.settings["reached"] < 50.0 and answer.gap <= 10.0 and not answer.converged


@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e-9, 1e-12])
def test_the_end_of_a_branch_is_one_for_each_player_in_its_own_unit(unit):
    payoffs = np.array([[[3.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [0.0, 3.0]]])
    answer = logit_qre(payoffs * np.reshape([1.0, unit], (2, 1, 1)))
    assert not answer.converged or plain_nash_conv(payoffs, answer.strategies) < 1e-6
    assert answer.converged or unit < 1.0
