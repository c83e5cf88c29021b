"""Nash mirror prox on tables of preferences: its rate, its equal, its certificate, its samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from preference_tables import (
    CYCLE,
    SKEWED,
    WEIGHTED,
    gap_by_definition,
    kl,
    random_preferences,
    softmax,
    solution_by_newton,
)
from scipy.optimize import minimize

from arena.games import NotProvided, SpecificationError, TabularPolicy, load_game
from arena.solvers import minimax_winner, mmd_self_play, nash_mirror_prox, nash_mp, solve


def iterates(preferences, reference, beta, steps, gamma=2.0):
    """What the paper's two lines give, in logarithms, from the reference on."""
    magnet = np.log(reference)
    logs, found = magnet.copy(), [magnet.copy()]
    for _ in range(steps):
        half = np.log(softmax((logs + gamma * preferences @ np.exp(logs) + gamma * beta * magnet) / (1 + gamma * beta)))
        logs = np.log(softmax((logs + gamma * preferences @ np.exp(half) + gamma * beta * magnet) / (1 + gamma * beta)))
        found.append(logs)
    return found


def kl_of(logs, others):
    """KL of logarithms, without the rounding of Σ p (log p - log q) where they are close."""
    d = others - logs
    return float(np.sum(np.exp(logs) * (np.expm1(d) - d)))


def egpo(preferences, reference, beta, steps, eta):
    """The explicit update of EGPO on parameters θ, as its paper and code write it."""
    theta_ref = np.log(reference)
    theta = theta_ref.copy()
    for _ in range(steps):
        pull = (1 - eta * beta) * theta + eta * beta * theta_ref
        half = pull + eta * preferences @ softmax(theta)
        theta = pull + eta * preferences @ softmax(half)
    return softmax(theta)


@pytest.mark.parametrize("beta", [0.01, 0.05, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("size", [3, 100, 1_000])
def test_the_divergence_to_the_solution_falls_at_the_proven_rate_at_every_step(size, beta, tmp_path):
    preferences = CYCLE if size == 3 else random_preferences(size, seed=1)
    reference = SKEWED if size == 3 else softmax(np.random.default_rng(2).normal(size=size))
    target = solution_by_newton(preferences, reference, beta)
    distances = [kl_of(target, np.log(reference))]
    for k in range(
        1, min(40 if size == 1_000 else 90, int(8 / beta)) + 1
    ):  # every policy of one run, which goes on from its checkpoint
        found = nash_mirror_prox(
            preferences, reference=reference, beta=beta, iterations=k, checkpoint=tmp_path / "run.npz"
        )
        assert found.iterations == k
        distances.append(kl_of(target, np.log(found.strategies[0])))
    bounds = distances[0] * (1 + 2 * beta) ** -np.arange(len(distances), dtype=float) + 1e-13
    assert (np.array(distances) <= bounds).all()
    assert distances[0] > 1e-6 and distances[-1] <= 0.3 * distances[0]  # there was something to fall


@pytest.mark.parametrize("beta", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("size", [3, 100, 1_000])
def test_it_ends_at_the_solution_that_newtons_method_finds(size, beta):
    preferences = WEIGHTED if size == 3 else random_preferences(size, seed=1)
    reference = SKEWED if size == 3 else softmax(np.random.default_rng(2).normal(size=size))
    found = nash_mirror_prox(preferences, reference=reference, beta=beta, iterations=int(20 / beta))
    policy = found.strategies[0]
    assert np.abs(np.log(policy) - solution_by_newton(preferences, reference, beta)).max() <= 1e-9
    assert found.gap <= 1e-12
    assert np.ptp(np.log(policy) - np.log(reference) - preferences @ policy / beta) <= 1e-9


@pytest.mark.parametrize("steps", [1, 2, 7, 40, 200])
@pytest.mark.parametrize("beta", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("size", [3, 8, 200])
def test_every_iterate_is_that_of_the_two_lines_and_of_egpo(size, beta, steps):
    preferences = CYCLE if size == 3 else random_preferences(size, seed=3)
    reference = softmax(np.random.default_rng(4).normal(size=size))
    found = nash_mirror_prox(preferences, reference=reference, beta=beta, iterations=steps).strategies[0]
    assert np.abs(found - np.exp(iterates(preferences, reference, beta, steps)[-1])).max() <= 1e-12
    assert np.abs(found - egpo(preferences, reference, beta, steps, 2 / (1 + 2 * beta))).max() <= 1e-12


def test_queries_on_the_cycle_of_three_are_those_known():
    for until, queries in ((1e-3, 56), (1e-6, 104)):
        solution = nash_mirror_prox(CYCLE, reference=SKEWED, beta=0.01, until=until)
        assert solution.settings["queries"] == queries == 2 * solution.iterations
        assert solution.converged and solution.gap <= until


@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0.01, 0.1, 1.0]), st.integers(1, 30))
def test_the_gap_is_what_a_best_reply_gains(seed, size, beta, steps):
    preferences = random_preferences(size, seed=seed)
    reference = softmax(np.random.default_rng(seed).normal(size=size))
    solution = nash_mirror_prox(preferences, reference=reference, beta=beta, iterations=steps)
    policy = solution.strategies[0]
    assert solution.gap >= 0
    assert solution.gap == pytest.approx(gap_by_definition(preferences, policy, reference, beta), abs=1e-12)
    assert solution.gap_kind == "regularised_exploitability"
    assert solution.settings["exploitability"] == pytest.approx((preferences @ policy).max() - 0.5, abs=1e-12)


def test_no_reply_that_is_searched_for_gains_more_than_the_gap():
    beta = 0.1
    solution = nash_mirror_prox(WEIGHTED, reference=SKEWED, beta=beta, iterations=3)
    policy = solution.strategies[0]

    def worth(theta):
        reply = softmax(theta)
        return reply @ WEIGHTED @ policy - beta * kl(reply, SKEWED) + beta * kl(policy, SKEWED) - 0.5

    best = minimize(lambda theta: -worth(theta), np.zeros(3), tol=1e-14)
    assert solution.gap == pytest.approx(-best.fun, abs=1e-8) and solution.gap > 1e-3


def test_without_a_charge_it_comes_near_the_minimax_winner():
    winner = minimax_winner(WEIGHTED).strategies[0]
    solution = nash_mirror_prox(WEIGHTED, beta=1e-4, iterations=20_000, until=1e-10)
    assert solution.converged
    assert np.allclose(solution.strategies[0], winner, atol=1e-3)


def test_candidates_in_another_order_change_nothing_else():
    preferences, order = random_preferences(7, seed=8), np.random.default_rng(9).permutation(7)
    reference = softmax(np.arange(7) / 3)
    one = nash_mirror_prox(preferences, reference=reference, iterations=20).strategies[0]
    other = nash_mirror_prox(preferences[np.ix_(order, order)], reference=reference[order], iterations=20).strategies[0]
    assert np.abs(one[order] - other).max() <= 1e-12


def test_steps_above_two_are_promised_nothing_and_fail_on_the_cycle():
    wide = nash_mirror_prox(CYCLE, reference=SKEWED, beta=0.01, step=6.0, until=1e-6)
    assert not wide.converged and wide.gap > 1e-2 and wide.guarantee.startswith("none")


def test_a_gap_asked_for_and_not_reached_is_not_converged():
    assert not nash_mirror_prox(CYCLE, reference=SKEWED, beta=0.01, iterations=3, until=1e-6).converged
    assert not nash_mirror_prox(CYCLE, beta=0.1, iterations=3).converged


def test_one_candidate_is_the_solution():
    solution = nash_mirror_prox([[0.5]], until=1e-9)
    assert solution.strategies[0].tolist() == [1.0] and solution.gap == 0 and solution.converged


def test_a_sure_winner_is_found_from_a_reference_that_all_but_excludes_it():
    preferences = np.array([[0.5, 1.0], [0.0, 0.5]])
    solution = nash_mirror_prox(preferences, reference=[1e-300, 1.0], beta=1e-3, until=1e-12, iterations=100_000)
    expected = 1e-3 * np.log(1e-300)  # the price of the whole way, below the 1/2 that winning earns
    assert -expected > 0.5 and solution.converged and solution.strategies[0][0] < 1e-12
    cheap = nash_mirror_prox(preferences, reference=[1e-300, 1.0], beta=5e-4, until=1e-12, iterations=100_000)
    assert cheap.converged and cheap.strategies[0][0] > 1 - 1e-12


def test_samples_are_counted_seeded_and_promise_nothing():
    one = nash_mirror_prox(WEIGHTED, samples=5, flip_rate=0.2, seed=3, iterations=50, until=1e-9)
    again = nash_mirror_prox(WEIGHTED, samples=5, flip_rate=0.2, seed=3, iterations=50, until=1e-9)
    other = nash_mirror_prox(WEIGHTED, samples=5, flip_rate=0.2, seed=4, iterations=50, until=1e-9)
    assert one.strategies[0].tolist() == again.strategies[0].tolist() != other.strategies[0].tolist()
    assert one.settings["queries"] == 100 and one.settings["comparisons"] == 100 * 3 * 5
    assert not one.converged and one.guarantee.startswith("none")
    loose = nash_mirror_prox(WEIGHTED, samples=5, flip_rate=0.2, seed=3, iterations=50, until=1.0)
    assert loose.gap <= 1.0 and not loose.converged


def test_many_samples_and_small_steps_come_near_the_exact_solution_through_noise():
    exact = nash_mirror_prox(WEIGHTED, beta=0.1, until=1e-12).strategies[0]
    noisy = nash_mirror_prox(WEIGHTED, beta=0.1, step=0.05, samples=50, flip_rate=0.3, iterations=2_000)
    assert np.abs(noisy.strategies[0] - exact).max() < 0.05
    assert noisy.gap < 2e-3


def test_the_first_step_of_many_noisy_runs_has_the_exact_step_as_its_mean():
    """A step is linear in the win rates that are asked for, up to a constant; contexts with one table are runs apart."""
    runs, step, beta = 4_000, 1.5, 0.2
    heard = mmd_self_play(
        np.stack([WEIGHTED] * runs), reference=SKEWED, beta=beta, step=step, samples=2, flip_rate=0.2, iterations=1
    )
    exact = np.log(mmd_self_play(WEIGHTED, reference=SKEWED, beta=beta, step=step, iterations=1).strategies[0])
    logs = np.log(heard.strategies[0])
    errors = (logs - logs.mean(axis=1, keepdims=True)) - (exact - exact.mean())
    assert (np.abs(errors.mean(axis=0)) <= 4 * errors.std(axis=0) / np.sqrt(runs)).all()
    assert (errors.std(axis=0) > 0.1).all()


def test_noisy_runs_end_nearer_to_the_solution_the_smaller_the_step_is():
    runs = np.stack([WEIGHTED] * 200)
    means = []
    for step in (0.4, 0.1, 0.025):
        found = nash_mirror_prox(
            runs, reference=SKEWED, beta=0.2, step=step, samples=1, flip_rate=0.1, iterations=int(40 / step)
        )
        means.append(found.context_gaps.mean())
    assert means[0] > 2.5 * means[1] > 2.5**2 * means[2]
    solution = np.exp(solution_by_newton(WEIGHTED, SKEWED, 0.2))
    assert np.abs(found.strategies[0].mean(axis=0) - solution).max() < 0.01


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    path = tmp_path / "run.npz"
    settings = {"reference": SKEWED, "beta": 0.05, "samples": 3, "flip_rate": 0.1}
    whole = nash_mirror_prox(CYCLE, iterations=40, **settings)
    nash_mirror_prox(CYCLE, iterations=17, checkpoint=path, **settings)
    resumed = nash_mirror_prox(CYCLE, iterations=40, checkpoint=path, **settings)
    assert resumed.strategies[0].tolist() == whole.strategies[0].tolist()
    assert resumed.settings["queries"] == whole.settings["queries"] and resumed.history == whole.history
    with pytest.raises(SpecificationError, match="beta"):
        nash_mirror_prox(CYCLE, iterations=40, checkpoint=path, **{**settings, "beta": 0.06})
    with pytest.raises(SpecificationError):
        nash_mirror_prox(WEIGHTED, iterations=40, checkpoint=path, **settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"beta": 0.0}, "beta"),
        ({"beta": float("nan")}, "beta"),
        ({"step": 0.0}, "step"),
        ({"reference": [0.5, 0.5]}, "3"),
        ({"reference": [0.5, 0.5, 0.0]}, r"\[2\] is 0"),
        ({"reference": [0.5, 0.5, 0.5]}, "add up to 1"),
        ({"samples": 0}, "samples"),
        ({"samples": 3, "flip_rate": 0.5}, "flip_rate"),
        ({"flip_rate": 0.1}, "samples"),
        ({"iterations": 0}, "iterations"),
        ({"until": 0.0}, "until"),
    ],
)
def test_settings_outside_their_range_are_named(settings, said):
    with pytest.raises(ValueError, match=said):
        nash_mirror_prox(CYCLE, **settings)


def test_the_short_name_is_the_same_function():
    assert nash_mp is nash_mirror_prox


def test_it_is_found_by_name_and_its_answer_can_be_played():
    solution = solve("nash_mirror_prox", load_game("preference:rps"), beta=0.1, until=1e-9)
    assert isinstance(solution.policy, TabularPolicy)
    assert np.allclose(solution.strategies[0], 1 / 3)


def test_games_without_preferences_are_refused():
    with pytest.raises(NotProvided, match="preference games"):
        solve("nash_mirror_prox", load_game("matrix:rps"))
