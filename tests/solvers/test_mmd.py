"""Magnetic mirror descent: OpenSpiel's iterates and gaps, published equilibria, the rate of its theorem, plain twins."""

import numpy as np
import pyspiel
import pytest
from agent_payoffs import AGENT_QRE_OF_KUHN, plain_agent_values
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import permuted, random_payoffs, zero_sum
from open_spiel.python.algorithms import mmd_dilated
from random_trees import random_extensive, random_extensives, random_game

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.games.normal_form import normal_form
from arena.solvers import exploitability, logit_qre, nash_conv
from arena.solvers.agent_values import agent_game
from arena.solvers.mmd import Descent, advance, mmd, played, regularised_nash_conv, scale_of, start
from arena.solvers.mmd_kernels import dilated_divergence, dilated_gains

KUHN, LEDUC = "openspiel:kuhn_poker", "openspiel:leduc_poker"
PERTURBED = zero_sum((np.array([[0, -3, 3], [3, 0, -1], [-3, 1, 0.0]]) + 3) / 6)
PUBLISHED = {  # Sokota et al., ICLR 2023, arXiv:2206.05825; temperature: strategy of both players, iterations to 1e-8
    0.5: ((0.29813319, 0.41382045, 0.28804635), 130),
    0.2: ((0.22364492, 0.47798817, 0.29836691), 712),
    0.1: ((0.17347803, 0.48630324, 0.34021873), 2_739),
}


def matrix(payoffs):
    return normal_form(np.asarray(payoffs), specification="matrix:test", title="test", version="1")


def descended(tree, agents, descent, iterations):
    mirror = start(tree, descent.form)
    advance(tree, agents, descent, mirror, iterations)
    return mirror


def farthest(one, other):
    return max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("name", "iterations"), [("kuhn_poker", 60), pytest.param("leduc_poker", 12, marks=pytest.mark.slow)]
)
def test_dilated_iterates_and_gap_equal_openspiels(name, iterations):
    theirs = mmd_dilated.MMDDilatedEnt(pyspiel.load_game(name), alpha=0.1)
    for _ in range(iterations):
        theirs.update_sequences()
    policies = theirs.get_policies()
    ours = mmd(load_game(f"openspiel:{name}"), temperature=0.1, iterations=iterations)
    assert ours.settings["step"] == pytest.approx(theirs.stepsize, rel=1e-12)
    for key, choices in ours.policy.table.items():
        row = policies.policy_for_key(key)
        assert all(abs(row[action] - p) < 1e-9 for action, p in choices.items())
    assert ours.gap == pytest.approx(theirs.get_gap(), abs=1e-12, rel=1e-3)
    assert ours.gap_kind == "regularised_nash_conv"


@pytest.mark.parametrize(
    ("temperature", "gaps"),
    [(0.1, {10: 0.0507, 50: 7.88e-5, 100: 2.29e-8}), (0.05, {10: 0.20, 200: 6.6e-5, 400: 1.4e-8})],
)
def test_gaps_of_kuhn_poker_fall_linearly(temperature, gaps):
    """The gaps of OpenSpiel's program at these iterations."""
    for iterations, gap in gaps.items():
        solution = mmd(load_game(KUHN), temperature=temperature, iterations=iterations)
        assert solution.gap == pytest.approx(gap, rel=0.05)


def test_the_regularised_equilibrium_of_kuhn_poker_is_exploitable_by_the_known_amount():
    solution = mmd(load_game(KUHN), temperature=0.1, until=1e-12)
    assert solution.converged and solution.gap <= 1e-12
    assert exploitability(load_game(KUHN), solution.policy) == pytest.approx(0.1037, abs=1e-4)  # OpenSpiel's program


@pytest.mark.parametrize("form", ["dilated", "behavioural"])
@pytest.mark.parametrize("temperature", PUBLISHED)
def test_perturbed_rock_paper_scissors_is_as_published(form, temperature):
    strategy, iterations = PUBLISHED[temperature]
    solution = mmd(matrix(PERTURBED), form=form, temperature=temperature, step=temperature, iterations=iterations)
    for own in solution.strategies:
        assert np.allclose(own, strategy, atol=1e-6)


def test_the_lowest_published_temperature_too():
    solution = mmd(matrix(PERTURBED), temperature=0.05, until=1e-14, iterations=20_000)
    assert np.allclose(solution.strategies[0], (0.1517447, 0.46794775, 0.38030755), atol=1e-6)
    assert solution.converged


@pytest.mark.parametrize("temperature", [0.5, 0.1])
def test_the_normal_form_equilibrium_is_that_of_logit_qre(temperature):
    payoffs = zero_sum(np.random.default_rng(3).uniform(-1, 1, (30, 30)))
    ours = mmd(matrix(payoffs), temperature=temperature, until=1e-22, iterations=200_000)
    traced = logit_qre(payoffs, rationality=1 / temperature)
    assert ours.converged and traced.converged
    assert farthest(ours.strategies, traced.strategies) < 1e-8


def test_the_behavioural_form_goes_to_the_agent_quantal_response_equilibrium():
    solution = mmd(load_game(KUHN), form="behavioural", temperature=0.5, until=1e-8)
    assert solution.converged and solution.gap_kind == "agent_qre_residual"
    for key, (passes, bets) in AGENT_QRE_OF_KUHN.items():
        assert solution.policy.table[key] == pytest.approx({0: passes, 1: bets}, abs=6e-5)


def test_annealed_behavioural_gaps_of_kuhn_poker_are_the_known_ones():
    for iterations, known in ((10, 0.118), (100, 0.0291), (1_000, 0.00506)):
        solution = mmd(load_game(KUHN), form="behavioural", annealed=True, temperature=1, step=1, iterations=iterations)
        assert solution.gap / 2 == pytest.approx(known, rel=0.01) and solution.gap_kind == "nash_conv"


@pytest.mark.parametrize("form", ["dilated", "behavioural"])
def test_a_magnet_that_moves_leads_to_a_nash_equilibrium(form):
    solution = mmd(load_game(KUHN), form=form, magnet="moving", until=1e-6)
    assert solution.gap <= 1e-6 and solution.gap_kind == "nash_conv"
    assert nash_conv(load_game(KUHN), solution.policy) == pytest.approx(solution.gap, abs=1e-12)
    assert solution.values[0] == pytest.approx(-1 / 18, abs=1e-6)


@pytest.mark.parametrize("form", ["dilated", "behavioural"])
@pytest.mark.parametrize("name", [LEDUC, "openspiel:liars_dice(dice_sides=3)", "matrix:rps"])
def test_annealed_policies_get_less_exploitable(form, name):
    game = load_game(name)
    early, late = (mmd(game, form=form, annealed=True, iterations=count) for count in (30, 1_500))
    assert late.gap < max(early.gap / 3, 1e-9)
    assert nash_conv(game, late.policy) == pytest.approx(late.gap, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 5), st.floats(0.05, 2.0), st.floats(0.1, 1.0))
@settings(max_examples=25, deadline=None)
def test_the_distance_to_the_equilibrium_shrinks_by_the_rate_of_the_theorem(seed, rows, columns, temperature, share):
    """Sokota et al., Theorem 3.4: with η ≤ α / L² each iteration divides the Bregman distance by 1 + ηα at least."""
    payoffs = zero_sum(np.random.default_rng(seed).uniform(-1, 1, (rows, columns)))
    tree = compile_tree(matrix(payoffs))
    step = share * temperature / np.abs(payoffs).max() ** 2
    goal = logit_qre(payoffs, rationality=1 / temperature).strategies
    logs = np.concatenate((np.zeros(2), *(np.log(own) for own in goal)))
    descent = Descent(form="dilated", temperature=temperature, step=step)
    mirror, before = start(tree, "dilated"), np.inf
    for _ in range(40):
        distance = dilated_divergence(tree.first, tree.parent, logs, mirror.logs)
        assert distance <= before / (1 + step * temperature) + 1e-9
        before = distance
        advance(tree, None, descent, mirror, 1)


def assert_distances_shrink(tree, share):
    """With the default step, at the temperature ``share`` · L: each iteration divides the distance by 1 + ηα at least."""
    scale = scale_of(tree, None)
    descent = Descent(form="dilated", temperature=share * scale, step=share / scale)
    goal = descended(tree, None, descent, int(40 / np.log1p(share**2)) + 50).logs
    assert regularised_nash_conv(tree, goal, descent.temperature) <= 1e-9 * scale
    mirror, before = start(tree, "dilated"), np.inf
    for _ in range(50):
        distance = dilated_divergence(tree.first, tree.parent, goal, mirror.logs)
        assert distance <= before / (1 + share**2) + 1e-12
        before = distance
        advance(tree, None, descent, mirror, 1)


@given(random_extensives(players=(2,), zero_sum=(True,)), st.floats(0.05, 1.0))
@settings(max_examples=25, deadline=None)
def test_the_distance_shrinks_by_that_rate_on_random_trees(game, share):
    assert_distances_shrink(compile_tree(game), share)


@pytest.mark.parametrize(("name", "share"), [(KUHN, 1.0), (KUHN, 0.2), (LEDUC, 1.0)])
def test_the_distance_shrinks_by_that_rate_in_poker(name, share):
    assert_distances_shrink(compile_tree(load_game(name)), share)


def plain_sets(tree):
    """[(set, its sequences)] of all players."""
    return [(j, list(range(tree.first[j], tree.first[j + 1]))) for j in range(tree.num_sets)]


def plain_gradient(tree, strategy):
    """What each sequence earns right behind it, from the entries one by one."""
    reach = np.ones(tree.num_sequences)
    for j, span in plain_sets(tree):
        for s in span:
            reach[s] = reach[tree.parent[j]] * strategy[s]
    earned = np.zeros(tree.num_sequences)
    for s in range(tree.num_sequences):
        for e in range(tree.row_begin[s], tree.row_begin[s + 1]):
            earned[s] += tree.weights[e] * np.prod([reach[other] for other in tree.others[e]])
    return earned, reach


def plain_dilated_step(tree, strategy, magnet, alpha, eta):
    """argmax of η⟨x, g⟩ − ηα ψ(x; magnet) − B(x; strategy), by the gradient of dilated entropy and its conjugate."""
    pull = (eta * plain_gradient(tree, strategy)[0] + np.log(strategy) + eta * alpha * np.log(magnet)) / (
        1 + eta * alpha
    )
    after = np.ones(tree.num_sequences)
    for j, span in reversed(plain_sets(tree)):
        after[span] = np.exp(pull[span]) / np.exp(pull[span]).sum()
        pull[tree.parent[j]] += after[span] @ pull[span] - after[span] @ np.log(after[span])
    return after


@given(random_extensives(players=(2, 3), depth=4), st.floats(0.05, 1.0), st.floats(0.05, 1.0))
@settings(max_examples=20, deadline=None)
def test_the_dilated_kernel_is_its_plain_twin(game, alpha, eta):
    tree = compile_tree(game)
    strategy = np.exp(start(tree, "dilated").logs)
    for iterations in (1, 2, 3):
        t = np.sqrt(iterations)
        strategy = plain_dilated_step(tree, strategy, np.ones(tree.num_sequences), alpha / t, eta / t)
        found = descended(tree, None, Descent(form="dilated", temperature=alpha, step=eta, decay=0.5), iterations)
        assert np.allclose(np.exp(found.logs), strategy, atol=1e-10)


@given(random_extensives(players=(2, 3), depth=4), st.floats(0.1, 1.0))
@settings(max_examples=20, deadline=None)
def test_a_moving_magnet_is_its_plain_twin(game, rate):
    tree = compile_tree(game)
    first = start(tree, "dilated")
    strategy, magnet = np.exp(first.logs), np.exp(first.magnet)
    for iterations in (1, 2, 3):
        strategy = plain_dilated_step(tree, strategy, magnet, 0.4, 0.7)
        mixed = (1 - rate) * np.log(magnet) + rate * np.log(strategy)
        for j, span in reversed(plain_sets(tree)):
            total = np.log(np.exp(mixed[span]).sum())
            mixed[span] -= total
            mixed[tree.parent[j]] += total
        mixed[: tree.num_players] = 0
        magnet = np.exp(mixed)
        found = descended(tree, None, Descent(form="dilated", temperature=0.4, step=0.7, rate=rate), iterations)
        assert np.allclose(np.exp(found.logs), strategy, atol=1e-10)
        assert np.allclose(np.exp(found.magnet), magnet, atol=1e-10)


@given(random_extensives(players=(1, 2, 3), depth=4), st.floats(0.05, 2.0))
@settings(max_examples=20, deadline=None)
def test_the_regularised_gap_is_what_best_responses_gain(game, temperature):
    tree = compile_tree(game)
    logs = descended(tree, None, Descent(form="dilated", temperature=0.3, step=0.5), 2).logs
    strategy = np.exp(logs)
    earned, _ = plain_gradient(tree, strategy)
    own, best = earned.copy(), earned.copy()
    for j, span in reversed(plain_sets(tree)):
        own[tree.parent[j]] += strategy[span] @ (own[span] - temperature * logs[span])
        best[tree.parent[j]] += temperature * np.log(np.exp(best[span] / temperature).sum())
    gains = (best - own)[: tree.num_players].sum()
    assert regularised_nash_conv(tree, logs, temperature) == pytest.approx(gains, abs=1e-9)


@given(random_extensives(players=(2, 3), depth=4), st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.floats(0.0, 0.5))
@settings(max_examples=20, deadline=None)
def test_the_behavioural_kernel_is_its_plain_twin(game, alpha, eta, rate):
    tree = compile_tree(game)
    agents = agent_game(game, tree)
    strategy = np.exp(start(tree, "behavioural").logs)
    magnet = strategy.copy()
    for iterations in (1, 2):
        values = plain_agent_values(game, tree, strategy)
        for j, span in plain_sets(tree):
            logits = np.log(strategy[span]) + eta * values[j] + eta * alpha * np.log(magnet[span])
            weights = np.exp(logits / (1 + eta * alpha))
            strategy[span] = weights / weights.sum()
            mixed = magnet[span] ** (1 - rate) * strategy[span] ** rate
            magnet[span] = mixed / mixed.sum()
        descent = Descent(form="behavioural", temperature=alpha, step=eta, rate=rate)
        found = descended(tree, agents, descent, iterations)
        assert np.allclose(np.exp(found.logs), strategy, atol=1e-10)


@pytest.mark.parametrize("form", ["dilated", "behavioural"])
def test_shift_and_scale_of_payoffs_change_nothing_but_the_units(form):
    plain, shifted, scaled = (random_game(seed=6, depth=5, shift=s, scale=c) for s, c in ((0, 1), (4, 1), (0, 8)))
    first = mmd(plain, form=form, temperature=0.2, step=0.3, iterations=30)
    second = mmd(shifted, form=form, temperature=0.2, step=0.3, iterations=30)
    third = mmd(scaled, form=form, temperature=1.6, step=0.3 / 8, iterations=30)
    assert second.guarantee == first.guarantee != "none"  # a constant sum is as good as zero
    assert third.gap == pytest.approx(first.gap * (8 if form == "dilated" else 1), abs=1e-9)
    for key, choices in first.policy.table.items():
        assert second.policy.table[key] == pytest.approx(choices, abs=1e-9)
        assert third.policy.table[key] == pytest.approx(choices, abs=1e-9)


def test_default_steps_follow_the_scale_of_payoffs():
    plain, scaled = (random_game(seed=6, depth=5, scale=scale) for scale in (1, 8))
    for settings_ in ({"annealed": True}, {"magnet": "moving"}):
        for form in ("dilated", "behavioural"):
            one, other = (mmd(game, form=form, iterations=40, **settings_) for game in (plain, scaled))
            assert other.gap == pytest.approx(8 * one.gap, rel=1e-6)


@pytest.mark.parametrize("form", ["dilated", "behavioural"])
def test_names_of_actions_and_players_change_nothing_else(form):
    payoffs, orders = random_payoffs(5, 3, 4), ([2, 0, 1], [3, 1, 0, 2])
    before = mmd(matrix(payoffs), form=form, iterations=50).strategies
    renamed = mmd(matrix(permuted(payoffs, orders)), form=form, iterations=50).strategies
    swapped = mmd(matrix(payoffs[::-1].transpose(0, 2, 1)), form=form, iterations=50).strategies
    for player in range(2):
        assert np.allclose(renamed[player], before[player][orders[player]], atol=1e-12)
        assert np.allclose(swapped[player], before[1 - player], atol=1e-12)


def test_both_forms_are_one_where_everybody_chooses_once():
    payoffs = random_payoffs(2, 3, 2, 4)
    dilated, behavioural = (
        mmd(matrix(payoffs), form=form, step=0.1, iterations=25) for form in ("dilated", "behavioural")
    )
    assert farthest(dilated.strategies, behavioural.strategies) < 1e-12


@pytest.mark.parametrize("form", ["dilated", "behavioural"])
def test_single_actions_and_payoffs_that_do_not_matter_are_played(form):
    nothing = mmd(matrix(np.zeros((2, 3, 2))), form=form, until=1e-9)
    assert nothing.converged and np.allclose(nothing.strategies[0], 1 / 3)
    forced = mmd(matrix(zero_sum([[1.0, -1.0]])), form=form, temperature=0.5, until=1e-12, iterations=10_000)
    assert forced.strategies[0].tolist() == [1.0] and forced.converged
    assert forced.strategies[1][1] == pytest.approx(1 / (1 + np.exp(-4)))
    alone = random_extensive(np.random.default_rng(4), players=1)
    assert mmd(alone, form=form, annealed=True, iterations=2_000).gap < 0.05


@pytest.mark.parametrize("form", ["dilated", "behavioural"])
@pytest.mark.parametrize("schedule", [{"annealed": True}, {"magnet": "moving"}])
def test_schedules_that_no_theorem_covers_claim_nothing_however_near_they_come(form, schedule):
    solution = mmd(load_game("matrix:rps"), form=form, until=1e-9, **schedule)
    assert solution.gap <= 1e-9 and not solution.converged and solution.guarantee.startswith("none")


def test_what_is_not_reached_is_not_claimed():
    hard = matrix(zero_sum([[1e4, -1.0], [-1.0, 1e-4]]))
    for form in ("dilated", "behavioural"):
        solution = mmd(hard, form=form, temperature=1e-3, until=1e-9, iterations=2_000)
        assert not solution.converged and solution.gap > 1e-9
    too_long = mmd(matrix(PERTURBED), temperature=0.01, step=1e3, until=1e-9, iterations=2_000)
    assert not too_long.converged and too_long.gap > 1e-3


def test_outside_of_two_player_zero_sum_games_nothing_is_guaranteed():
    for name in ("openspiel:kuhn_poker(players=3)", "matrix:shapley", "openspiel:tiny_hanabi"):
        for more in ({}, {"annealed": True}, {"form": "behavioural", "magnet": "moving"}):
            solution = mmd(load_game(name), iterations=50, until=100.0, **more)
            assert solution.guarantee == "none" and not solution.converged and solution.gap <= 100


def test_a_tree_serves_where_its_specification_loads_the_game():
    tree = compile_tree(load_game(LEDUC))
    for form in ("dilated", "behavioural"):
        assert mmd(tree, form=form, iterations=5).policy == mmd(load_game(LEDUC), form=form, iterations=5).policy
    lonely = compile_tree(random_game(seed=3))
    assert mmd(lonely, iterations=5).iterations == 5
    with pytest.raises(NotProvided, match="how likely chance is"):
        mmd(lonely, form="behavioural", iterations=5)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"temperature": 0}, "positive"),
        ({"temperature": float("nan")}, "positive"),
        ({"step": float("inf")}, "positive"),
        ({"iterations": 0}, "positive"),
        ({"until": 0.0}, "positive"),
        ({"form": "sequence"}, "dilated or behavioural"),
        ({"magnet": "strong"}, "uniform or moving"),
        ({"magnet": "moving", "annealed": True}, "annealed or the magnet"),
        ({"magnet": "moving", "magnet_rate": 0.0}, "magnet_rate"),
    ],
)
def test_settings_out_of_range_are_refused(more, message):
    with pytest.raises(ValueError, match=message):
        mmd(load_game(KUHN), **more)


def test_a_game_without_a_tree_is_refused():
    with pytest.raises(NotProvided, match="tree"):
        mmd(load_game("pettingzoo:connect_four_v3"))


@pytest.mark.parametrize("more", [{}, {"form": "behavioural", "magnet": "moving"}, {"annealed": True}])
def test_an_interrupted_run_goes_on_to_the_same_end(more, tmp_path):
    file, game = tmp_path / "run.npz", load_game(KUHN)

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done > 25:
            raise Interrupted

    with pytest.raises(Interrupted):
        mmd(game, iterations=60, checkpoint=file, progress=stop, **more)
    resumed, whole = mmd(game, iterations=60, checkpoint=file, **more), mmd(game, iterations=60, **more)
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.history == whole.history
    with pytest.raises(SpecificationError, match="is a checkpoint of mmd"):
        mmd(game, temperature=0.123, iterations=60, checkpoint=file)


def test_a_run_that_is_cut_into_pieces_is_the_same_run():
    tree = compile_tree(load_game(KUHN))
    descent = Descent(form="dilated", temperature=0.2, step=0.5, decay=0.5)
    mirror = start(tree, "dilated")
    for count in (1, 5, 14):
        advance(tree, None, descent, mirror, count)
    assert np.array_equal(played(tree, mirror.logs), played(tree, descended(tree, None, descent, 20).logs))


def test_it_begins_at_uniform_play_and_the_magnet_at_greatest_entropy():
    tree = compile_tree(load_game(KUHN))
    dilated, behavioural = start(tree, "dilated"), start(tree, "behavioural")
    assert np.allclose(np.exp(dilated.logs)[2:], 0.5) and np.array_equal(behavioural.magnet, behavioural.logs)
    assert not dilated.magnet[:2].any()
    uniform, greatest = (
        dilated_gains(1.0, tree.set_begin, tree.first, tree.parent, tree.row_begin, tree.others, 0 * tree.weights, logs)
        for logs in (dilated.logs, dilated.magnet)
    )
    assert (
        greatest.max() < 1e-15 < uniform[0]
    )  # of dilated entropy alone; with one choice after another it is not uniform
