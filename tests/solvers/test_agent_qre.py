"""Agent quantal response equilibria: published values, residuals by recursion, the branch and its end."""

import math
from itertools import pairwise

import numpy as np
import pytest
from agent_payoffs import AGENT_QRE_OF_KUHN, plain_agent_residual
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import permuted, random_payoffs
from random_trees import random_extensive, random_extensives, random_game

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.games.normal_form import normal_form
from arena.solvers import cfr_plus, logit_qre, nash_conv
from arena.solvers.agent_qre import agent_qre
from arena.solvers.agent_response import AgentResponse
from arena.solvers.agent_values import agent_game, agent_residual, agent_values
from arena.solvers.mmd import mmd
from arena.solvers.tree_measures import tabulated, uniform_strategy

KUHN = "openspiel:kuhn_poker"


def matrix(payoffs):
    return normal_form(np.asarray(payoffs), specification="matrix:test", title="test", version="1")


def farthest(one, other):
    """The largest difference between two policies' probabilities."""
    return max(abs(p - other.table[key][a]) for key, choices in one.table.items() for a, p in choices.items())


@pytest.mark.parametrize("algorithm", ["trace", "mirror_descent"])
def test_kuhn_poker_is_as_published(algorithm):
    solution = agent_qre(load_game(KUHN), rationality=2.0, algorithm=algorithm)
    assert solution.converged and solution.gap <= 1e-8 and solution.gap_kind == "agent_qre_residual"
    for key, (passes, bets) in AGENT_QRE_OF_KUHN.items():
        assert solution.policy.table[key] == pytest.approx({0: passes, 1: bets}, abs=6e-5)


@pytest.mark.parametrize("temperature", [0.5, 0.2])
def test_tracing_and_mirror_descent_meet(temperature):
    traced = agent_qre(load_game(KUHN), rationality=1 / temperature)
    descended = mmd(load_game(KUHN), form="behavioural", temperature=temperature, until=1e-10)
    assert farthest(traced.policy, descended.policy) < 1e-8


@given(random_extensives(players=(1, 2, 3), depth=4), st.floats(0.0, 20.0))
@settings(max_examples=30, deadline=None)
def test_every_set_responds_to_what_its_actions_earn(game, rationality):
    tree = compile_tree(game)
    solution = agent_qre(game, rationality=rationality)
    strategy = tabulated(tree, solution.policy)
    assert solution.converged
    assert plain_agent_residual(game, tree, strategy, rationality) <= 1e-8


@given(random_extensives(players=(1, 2, 3), depth=4), st.floats(0.0, 5.0))
@settings(max_examples=20, deadline=None)
def test_the_residual_is_its_plain_twin(game, rationality):
    tree = compile_tree(game)
    uniform = uniform_strategy(tree)
    found = agent_residual(tree, agent_game(game, tree), np.log(uniform), rationality)
    assert found == pytest.approx(plain_agent_residual(game, tree, uniform, rationality), abs=1e-12)


@given(random_extensives(players=(1, 2, 3), depth=4), st.floats(0.0, 3.0), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_jacobian_is_that_of_finite_differences(game, rationality, seed):
    tree = compile_tree(game)
    response = AgentResponse(tree, agent_game(game, tree))
    size, step = len(response.uniform), 1e-6
    point = np.append(response.uniform + 0.3 * np.random.default_rng(seed).normal(size=size), rationality)
    system = response.bordered(point, np.zeros(size + 1))
    for column in range(size + 1):
        nudge = np.zeros(size + 1)
        nudge[column] = step
        up, down = point + nudge, point - nudge
        slope = (response.residual(up[:-1], up[-1]) - response.residual(down[:-1], down[-1])) / (2 * step)
        assert np.allclose(system[:-1, column], slope, atol=1e-7)


def test_values_hold_where_probabilities_are_below_every_floating_point_number():
    tree = compile_tree(load_game(KUHN))
    agents = agent_game(load_game(KUHN), tree)
    logs = np.log(uniform_strategy(tree))
    moderate, _ = agent_values(tree, agents, logs)
    for j in tree.sets(0):  # player 0 hardly ever bets: what player 1 believes after a bet stays the same
        if "b" not in tree.keys[j]:
            begin = int(tree.first[j])
            logs[begin : begin + 2] = 0.0, -5_000.0
    rare, masses = agent_values(tree, agents, logs)
    after_bet = [s for j in tree.sets(1) if tree.keys[j].endswith("b") for s in range(tree.first[j], tree.first[j + 1])]
    assert np.allclose(rare[after_bet], moderate[after_bet], atol=1e-12)
    assert max(masses[after_bet]) < -4_900


def test_at_rationality_0_everybody_is_random():
    solution = agent_qre(load_game(KUHN), rationality=0.0)
    assert solution.converged and solution.iterations == 0
    assert all(p == 0.5 for choices in solution.policy.table.values() for p in choices.values())


@pytest.mark.parametrize("rationality", [20.0, 300.0])
@pytest.mark.parametrize("name", [KUHN, "openspiel:kuhn_poker(players=3)", "openspiel:tiny_hanabi"])
def test_high_rationality_keeps_its_certificate(name, rationality):
    solution = agent_qre(load_game(name), rationality=rationality)
    assert solution.converged and solution.settings["reached"] == pytest.approx(rationality)


@pytest.mark.parametrize("name", [KUHN, "openspiel:kuhn_poker(players=3)", "openspiel:tiny_hanabi", "matrix:shapley"])
def test_the_limit_of_the_branch_is_a_nash_equilibrium(name):
    solution = agent_qre(load_game(name))
    assert solution.converged and solution.gap_kind == "nash_conv"
    assert nash_conv(load_game(name), solution.policy) == pytest.approx(solution.gap, abs=1e-12)
    gaps = [gap for _, gap in solution.history]
    assert gaps[-1] <= 1e-3 * gaps[0]


def test_nash_conv_along_the_branch_is_at_most_temperature_times_entropies():
    """At each decision a best response gains at most log(actions) / λ; in kuhn poker there are two decisions and one."""
    solution = agent_qre(load_game(KUHN))
    assert len(solution.branch) == len(solution.history) + 1 and solution.branch[0] == (0.0, ())
    rationalities = [rationality for rationality, _ in solution.branch]
    assert all(early < late for early, late in pairwise(rationalities))
    for rationality, (_, gap) in zip(rationalities[1:], solution.history, strict=True):
        assert gap <= 3 * math.log(2) / rationality


def test_the_branch_of_a_normal_form_holds_its_strategies():
    payoffs = random_payoffs(2, 3, 3)
    for rationality, strategies in agent_qre(matrix(payoffs), rationality=3.0).branch:
        exact = logit_qre(payoffs, rationality=rationality).strategies
        assert all(np.allclose(own, other, atol=1e-8) for own, other in zip(strategies, exact, strict=True))


def test_the_limit_in_kuhn_poker_is_in_its_family_of_equilibria():
    """Kuhn 1950: bluff with the jack α, bet the king 3α, call with the queen α + 1/3; and the value −1/18."""
    solution = agent_qre(load_game(KUHN), until=1e-6)
    table = solution.policy.table
    alpha = table["0"][1]
    assert table["2"][1] == pytest.approx(3 * alpha, abs=1e-3)
    assert table["1pb"][1] == pytest.approx(alpha + 1 / 3, abs=1e-3)
    assert solution.values[0] == pytest.approx(-1 / 18, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_random_zero_sum_trees_end_at_their_value(seed):
    game = random_extensive(np.random.default_rng(seed), depth=4)
    solution = agent_qre(game)
    assert solution.values[0] == pytest.approx(cfr_plus(game, until=1e-4).values[0], abs=1e-3)


@pytest.mark.parametrize("sizes", [(3, 4), (2, 3, 2)])
def test_where_everybody_chooses_once_it_is_the_logit_equilibrium(sizes):
    payoffs = random_payoffs(4, *sizes)
    ours, normal = agent_qre(matrix(payoffs), rationality=1.5), logit_qre(payoffs, rationality=1.5)
    for own, other in zip(ours.strategies, normal.strategies, strict=True):
        assert np.allclose(own, other, atol=1e-9)


def test_the_dilated_equilibrium_is_another_one():
    agents = agent_qre(load_game(KUHN), rationality=2.0).policy
    assert farthest(agents, mmd(load_game(KUHN), temperature=0.5, until=1e-12).policy) > 0.05


def test_shift_and_scale_of_payoffs_change_nothing():
    plain, moved = (random_game(seed=6, depth=4, shift=shift, scale=scale) for shift, scale in ((0, 1), (4, 8)))
    first, second = agent_qre(plain, rationality=4.0), agent_qre(moved, rationality=0.5)
    assert farthest(first.policy, second.policy) < 1e-9


def test_names_of_actions_and_players_change_nothing_else():
    payoffs, orders = random_payoffs(5, 3, 4), ([2, 0, 1], [3, 1, 0, 2])
    before = agent_qre(matrix(payoffs), rationality=2.0).strategies
    renamed = agent_qre(matrix(permuted(payoffs, orders)), rationality=2.0).strategies
    swapped = agent_qre(matrix(payoffs[::-1].transpose(0, 2, 1)), rationality=2.0).strategies
    for player in range(2):
        assert np.allclose(renamed[player], before[player][orders[player]], atol=1e-9)
        assert np.allclose(swapped[player], before[1 - player], atol=1e-9)


def test_symmetric_games_count_the_crossing_that_they_went_straight_across():
    solution = agent_qre(load_game("matrix:coordination"), rationality=10.0)
    assert solution.settings["bifurcations"] == 1 and np.allclose(solution.strategies[0], 0.5)


def test_games_in_which_nothing_matters_stay_uniform():
    for rationality in (5.0, math.inf):
        solution = agent_qre(matrix(np.zeros((2, 3, 2))), rationality=rationality)
        assert solution.converged and np.allclose(solution.strategies[0], 1 / 3)


def test_single_actions_are_played():
    solution = agent_qre(matrix([[[1.0, -1.0]], [[-1.0, 1.0]]]), rationality=2.0)
    assert solution.strategies[0].tolist() == [1.0] and solution.converged
    assert solution.strategies[1][1] == pytest.approx(1 / (1 + np.exp(-4)))


def test_what_is_not_reached_is_not_claimed():
    for asked in ({"rationality": 50.0, "iterations": 3}, {"iterations": 3}, {"rationality": 1e13}):
        solution = agent_qre(load_game(KUHN), **asked)
        assert not solution.converged and solution.gap > 1e-8
    slow = agent_qre(load_game(KUHN), rationality=50.0, algorithm="mirror_descent", iterations=20)
    assert not slow.converged and slow.iterations == 20


def test_progress_hears_every_step():
    heard = []
    solution = agent_qre(load_game(KUHN), rationality=2.0, progress=lambda *said: heard.append(said))
    assert tuple(heard) == solution.history and heard[-1][0] == solution.iterations


def test_large_trees_are_descended_and_not_followed_to_infinity():
    solution = agent_qre(load_game("openspiel:leduc_poker"), rationality=0.5)
    assert solution.converged and solution.settings["algorithm"] == "mirror_descent"
    with pytest.raises(NotProvided, match="give a rationality"):
        agent_qre(load_game("openspiel:leduc_poker"))


@pytest.mark.parametrize("rationality", [3.0, math.inf])
@pytest.mark.parametrize("stops_at", [1, 5, 9])
def test_an_interrupted_branch_goes_on_to_the_same_end(rationality, stops_at, tmp_path):
    file, game = tmp_path / "run.npz", load_game("openspiel:kuhn_poker(players=3)")

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done == stops_at:
            raise Interrupted

    whole = agent_qre(game, rationality=rationality)
    assert whole.iterations > stops_at
    with pytest.raises(Interrupted):
        agent_qre(game, rationality=rationality, checkpoint=file, progress=stop)
    resumed = agent_qre(game, rationality=rationality, checkpoint=file)
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.history == whole.history
    assert [at for at, _ in resumed.branch] == [at for at, _ in whole.branch] and resumed.settings == whole.settings
    with pytest.raises(SpecificationError, match="is a checkpoint of agent_qre"):
        agent_qre(game, rationality=2.5, checkpoint=file)


def test_an_interrupted_descent_goes_on_to_the_same_end(tmp_path):
    file, game = tmp_path / "run.npz", load_game(KUHN)
    settings_ = {"rationality": 3.0, "algorithm": "mirror_descent"}
    first = agent_qre(game, iterations=40, checkpoint=file, **settings_)
    resumed, whole = agent_qre(game, checkpoint=file, **settings_), agent_qre(game, **settings_)
    assert first.iterations == 40 and whole.iterations > 40
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.history == whole.history
    with pytest.raises(SpecificationError, match="is a checkpoint of agent_qre"):
        agent_qre(game, rationality=4.0, algorithm="mirror_descent", checkpoint=file)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"rationality": -1.0}, "rationality must be"),
        ({"rationality": math.nan}, "rationality must be"),
        ({"iterations": 0}, "rationality must be"),
        ({"until": 0.0}, "rationality must be"),
        ({"algorithm": "guess"}, "algorithm is"),
    ],
)
def test_settings_out_of_range_are_refused(more, message):
    with pytest.raises(ValueError, match=message):
        agent_qre(load_game(KUHN), **more)


def test_a_game_without_a_tree_is_refused():
    with pytest.raises(NotProvided, match="tree"):
        agent_qre(load_game("pettingzoo:connect_four_v3"))
