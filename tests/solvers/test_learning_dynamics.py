"""Fictitious play and projected replicator dynamics on normal forms."""

import numpy as np
import pytest
from normal_forms import ROCK_PAPER_SCISSORS, permuted, plain_deviations, plain_nash_conv, random_payoffs, zero_sum
from open_spiel.python.algorithms import projected_replicator_dynamics as peer

from arena.games import NotProvided, SpecificationError, TabularPolicy, load_game
from arena.solvers import fictitious_play, matrix_game_lp, projected_replicator_dynamics, solve
from arena.solvers.deviations import deviation_payoffs, write_deviations

BOTH = [fictitious_play, projected_replicator_dynamics]


@pytest.mark.parametrize("sizes", [(4,), (3, 5), (2, 3, 4), (2, 1, 3, 2)])
def test_deviation_payoffs_are_the_sums_over_joint_actions(sizes):
    payoffs = random_payoffs(1, *sizes)
    strategies = tuple(np.random.default_rng(2).dirichlet(np.ones(size)) for size in sizes)
    expected = plain_deviations(payoffs, strategies)
    padded = np.zeros((len(sizes), max(sizes)))
    for player, strategy in enumerate(strategies):
        padded[player, : len(strategy)] = strategy
    written = np.empty_like(padded)
    write_deviations(payoffs.reshape(len(sizes), -1), np.array(sizes), padded, written)
    for player, (plain, found) in enumerate(zip(expected, deviation_payoffs(payoffs, strategies), strict=True)):
        assert np.allclose(found, plain, atol=1e-12)
        assert np.allclose(written[player, : sizes[player]], plain, atol=1e-12)


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize("sizes", [(3, 4), (2, 3, 2)])
def test_the_gap_is_nash_conv_of_the_strategies(method, sizes):
    payoffs = random_payoffs(3, *sizes)
    solution = method(payoffs, iterations=500)
    assert solution.gap == pytest.approx(plain_nash_conv(payoffs, solution.strategies), abs=1e-12)
    assert solution.history[-1] == (500, solution.gap)
    assert all(strategy.sum() == pytest.approx(1) and strategy.min() >= 0 for strategy in solution.strategies)


@pytest.mark.parametrize("seed", range(3))
def test_fictitious_play_reaches_the_value_of_zero_sum_games(seed):
    matrix = random_payoffs(seed, 4, 5)[0]
    solution = fictitious_play(zero_sum(matrix), until=0.01)
    assert solution.converged and solution.gap <= 0.01
    assert solution.values[0] == pytest.approx(matrix_game_lp(matrix).values[0], abs=0.01)


def test_fictitious_play_claims_nothing_of_a_general_sum_game_however_near_it_comes():
    dilemma = load_game("matrix:prisoners_dilemma").payoffs
    solution = fictitious_play(dilemma, until=0.01)
    assert solution.gap <= 0.01 and not solution.converged and solution.guarantee == "none"


def test_fictitious_play_circles_in_the_game_of_shapley():
    solution = fictitious_play(load_game("matrix:shapley").payoffs, iterations=20_000, until=0.05)
    assert not solution.converged and solution.guarantee == "none"
    assert solution.iterations == 20_000 and solution.gap > 0.2


def test_fictitious_play_follows_a_worked_example():
    # matching pennies from half and half, the first action where both are as good: 00, 01, 01, 11, 11
    payoffs = zero_sum([[1, -1], [-1, 1]])
    played = [[s[0] * (t + 1) for s in fictitious_play(payoffs, iterations=t).strategies] for t in range(1, 6)]
    assert np.allclose(played, [[1.5, 1.5], [2.5, 1.5], [3.5, 1.5], [3.5, 1.5], [3.5, 1.5]])


def test_three_players_answer_the_product_of_frequencies():
    payoffs = random_payoffs(5, 3, 2, 3)
    counts = [np.full(size, 1 / size) for size in (3, 2, 3)]
    strategies = counts
    for _ in range(30):
        answers = [own.argmax() for own in plain_deviations(payoffs, strategies)]
        counts = [own + np.eye(len(own))[answer] for own, answer in zip(counts, answers, strict=True)]
        strategies = [own / own.sum() for own in counts]
    found = fictitious_play(payoffs, iterations=30).strategies
    assert all(np.allclose(a, b) for a, b in zip(found, strategies, strict=True))


def test_replicator_dynamics_are_those_of_openspiel():
    payoffs = random_payoffs(0, 2, 3, 4)
    expected = peer.projected_replicator_dynamics(list(payoffs), prd_iterations=300, prd_dt=1e-2, prd_gamma=1e-2)
    found = projected_replicator_dynamics(payoffs, iterations=300, step=1e-2, floor=1e-2).strategies
    assert all(np.allclose(a, b, atol=1e-12) for a, b in zip(found, expected, strict=True))


def test_replicator_dynamics_average_to_a_third_each_in_rock_paper_scissors():
    biased = ROCK_PAPER_SCISSORS * 2.0
    biased[0, 1], biased[1, 0] = -1.0, 1.0
    solution = projected_replicator_dynamics(zero_sum(biased), iterations=50_000, step=1e-2, floor=1e-6, until=0.02)
    assert solution.gap <= 0.02 and solution.guarantee.startswith("none") and not solution.converged
    even = projected_replicator_dynamics(zero_sum(ROCK_PAPER_SCISSORS), iterations=100)
    assert np.allclose(even.strategies[0], 1 / 3)


def test_replicator_dynamics_keep_every_action_alive():
    dominated = zero_sum([[1.0, 1.0], [0.0, 0.0]])
    solution = projected_replicator_dynamics(dominated, iterations=20_000, step=1e-2, floor=0.1)
    assert 0.1 <= solution.strategies[0][1] < 0.11 and not solution.converged


@pytest.mark.parametrize("method", BOTH)
def test_a_shift_of_payoffs_and_new_names_change_nothing_else(method):
    payoffs = random_payoffs(7, 3, 3)
    orders = ([2, 0, 1], [1, 2, 0])
    before = method(payoffs, iterations=200).strategies
    shifted = method(payoffs + np.array([3.0, -2.0])[:, None, None], iterations=200).strategies
    renamed = method(permuted(payoffs, orders), iterations=200).strategies
    for player in range(2):
        assert np.allclose(shifted[player], before[player], atol=1e-9)
        assert np.allclose(renamed[player], before[player][orders[player]], atol=1e-9)


def test_the_unit_of_payoffs_changes_neither_frequencies_nor_time():
    payoffs = random_payoffs(8, 3, 4)
    before, scaled = fictitious_play(payoffs, iterations=100), fictitious_play(payoffs * 1000, iterations=100)
    assert all(np.allclose(a, b) for a, b in zip(before.strategies, scaled.strategies, strict=True))
    slow = projected_replicator_dynamics(payoffs, iterations=100, step=1e-2)
    fast = projected_replicator_dynamics(payoffs * 10, iterations=100, step=1e-3)
    assert all(np.allclose(a, b) for a, b in zip(slow.strategies, fast.strategies, strict=True))


@pytest.mark.parametrize("method", BOTH)
def test_bad_input_is_refused_by_name(method):
    with pytest.raises(SpecificationError, match=r"numpy\.stack"):
        method(ROCK_PAPER_SCISSORS)
    with pytest.raises(SpecificationError, match="finite"):
        method(zero_sum([[np.nan, 1.0], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="positive"):
        method(zero_sum(ROCK_PAPER_SCISSORS), iterations=0)
    with pytest.raises(ValueError, match="floor"):
        projected_replicator_dynamics(zero_sum(ROCK_PAPER_SCISSORS), floor=0.5)


@pytest.mark.parametrize("method", ["fictitious_play", "projected_replicator_dynamics"])
def test_they_solve_games_by_name(method):
    solution = solve(method, load_game("matrix:matching_pennies_3p"), iterations=50)
    assert solution.iterations == 50 and isinstance(solution.policy, TabularPolicy)


def test_replicator_dynamics_need_payoffs():
    with pytest.raises(NotProvided, match="normal form"):
        solve("projected_replicator_dynamics", load_game("openspiel:kuhn_poker"))


@pytest.mark.parametrize("method", BOTH)
def test_an_interrupted_run_goes_on_to_the_same_end(method, tmp_path):
    file, payoffs = tmp_path / "run.npz", random_payoffs(4, 3, 4)

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done > 40:
            raise Interrupted

    with pytest.raises(Interrupted):
        method(payoffs, iterations=100, checkpoint=file, progress=stop)
    resumed, whole = method(payoffs, iterations=100, checkpoint=file), method(payoffs, iterations=100)
    assert all(np.array_equal(a, b) for a, b in zip(resumed.strategies, whole.strategies, strict=True))
    assert resumed.history == whole.history and resumed.gap == whole.gap
    with pytest.raises(SpecificationError, match="other rules or settings"):
        method(payoffs + 1, iterations=100, checkpoint=file)


def test_other_steps_do_not_go_on_from_a_checkpoint(tmp_path):
    file, payoffs = tmp_path / "run.npz", random_payoffs(4, 3, 4)
    projected_replicator_dynamics(payoffs, iterations=10, checkpoint=file)
    with pytest.raises(SpecificationError, match="settings"):
        projected_replicator_dynamics(payoffs, iterations=10, step=0.1, checkpoint=file)
