"""The curriculum of rationality: its temperatures, the equilibria along it, and the Nash equilibrium at its end."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import permuted, random_payoffs, zero_sum
from random_trees import random_extensive, random_game

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.games.markov_game import markov_game
from arena.games.normal_form import normal_form
from arena.solvers import agent_qre, logit_qre, markov_nash_conv, nash_conv, qre_paths
from arena.solvers.markov_response import MarkovResponse
from arena.solvers.nash_value_iteration import nash_value_iteration
from arena.solvers.qarl import qarl
from arena.solvers.qre_curriculum import qre_curriculum
from arena.solvers.qre_paths import DescentPath, TreePath, quantal_path

KUHN = "openspiel:kuhn_poker"
SPECIFIED = (50, 43.294, 37.081, 31.361, 26.134, 21.398, 17.153, 13.398, 10.131, 7.350, 5.052, 3.232, 1.881, 1)
PERTURBED = zero_sum((np.array([[0, -3, 3], [3, 0, -1], [-3, 1, 0.0]]) + 3) / 6)


def matrix(payoffs):
    return normal_form(np.asarray(payoffs), specification="matrix:test", title="test", version="1")


def random_markov(seed, *, states=4, actions=3, discount=0.8, horizon=None):
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.ones(states), size=(states, actions, actions))
    return markov_game(chances, rng.normal(size=(states, actions, actions)), discount=discount, horizon=horizon)


def temperatures(solution):
    return [1 / rationality for rationality, _ in solution.branch]


@pytest.mark.parametrize("name", ["matrix:chicken", KUHN, "markov:rps_chain"])
def test_the_specified_temperatures_are_reproduced_in_13_updates(name):
    solution = qre_curriculum(load_game(name))
    assert solution.iterations == len(solution.history) == 14
    assert np.allclose([1_000 * temperature for temperature in temperatures(solution)], SPECIFIED, atol=6e-4)
    assert temperatures(solution)[-1] == 0.001 == solution.settings["temperature"]


def test_linear_and_geometric_schedules_go_where_they_say():
    linear = qre_curriculum(matrix(PERTURBED), schedule="linear", first=0.5, last=0.1, updates=4)
    geometric = qre_curriculum(matrix(PERTURBED), schedule="geometric", first=0.8, last=0.1, updates=3)
    assert temperatures(linear) == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1])
    assert temperatures(geometric) == pytest.approx([0.8, 0.4, 0.2, 0.1])


def test_exploitability_falls_all_the_way_in_perturbed_rock_paper_scissors():
    value = logit_qre(PERTURBED).values[0]
    solution = qre_curriculum(matrix(PERTURBED), schedule="geometric", first=0.5, last=0.01)
    worst = [value - (strategies[0] @ PERTURBED[0]).min() for _, strategies in solution.branch]
    assert all(late < early for early, late in pairwise(worst)) and worst[-1] <= 0.02
    gaps = [gap for _, gap in solution.history]
    assert all(late < early for early, late in pairwise(gaps)) and gaps[-1] == solution.gap <= 0.04


@pytest.mark.parametrize("sizes", [(3, 3), (2, 4), (2, 3, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_normal_forms_end_where_the_logit_branch_does(sizes, seed):
    payoffs = random_payoffs(seed, *sizes)
    solution = qre_curriculum(matrix(payoffs), schedule="geometric", first=1.0, last=1e-6, updates=10)
    for own, limit in zip(solution.strategies, logit_qre(payoffs).strategies, strict=True):
        assert np.allclose(own, limit, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_each_point_of_a_normal_form_is_its_logit_equilibrium(seed):
    payoffs = random_payoffs(seed, 3, 4)
    for rationality, strategies in qre_curriculum(matrix(payoffs), first=0.5, last=0.1, rate=20).branch:
        exact = logit_qre(payoffs, rationality=rationality).strategies
        assert max(np.abs(own - other).max() for own, other in zip(strategies, exact, strict=True)) < 1e-8


@given(st.integers(0, 2**32 - 1), st.sampled_from([(3,), (2, 3), (4, 4), (2, 2, 3)]), st.floats(1e-3, 1.0))
@settings(max_examples=20, deadline=None)
def test_nash_conv_is_at_most_temperature_times_entropies(seed, sizes, last):
    if len(sizes) == 1:
        sizes = sizes * 2
    solution = qre_curriculum(
        matrix(random_payoffs(seed, *sizes)), schedule="geometric", first=2.0, last=last, updates=3
    )
    assert solution.settings["residual"] <= 1e-7
    for temperature, (_, gap) in zip(temperatures(solution), solution.history, strict=True):
        assert gap <= temperature * np.log(sizes).sum() + 1e-9


@pytest.mark.parametrize(("players", "zero_sum_too"), [(2, True), (2, False), (3, False)])
def test_trees_end_near_a_nash_equilibrium(players, zero_sum_too):
    game = random_extensive(np.random.default_rng(3), players=players, zero_sum=zero_sum_too, depth=4)
    solution = qre_curriculum(game, schedule="geometric", first=1.0, last=1e-4, until=1e-3)
    assert solution.converged and nash_conv(compile_tree(game), solution.policy) == pytest.approx(
        solution.gap, abs=1e-12
    )


def test_the_end_in_kuhn_poker_is_the_agent_equilibrium_of_that_temperature():
    ours = qre_curriculum(load_game(KUHN), first=0.5, last=0.05)
    exact = agent_qre(load_game(KUHN), rationality=20.0)
    for key, choices in exact.policy.table.items():
        assert ours.policy.table[key] == pytest.approx(choices, abs=1e-9)
    assert ours.values[0] == pytest.approx(exact.values[0], abs=1e-12)


@pytest.mark.parametrize("name", ["matrix:chicken", KUHN, "markov:rps_chain", "markov:random(zero_sum=false,states=3)"])
def test_a_path_leads_to_higher_temperatures_too(name):
    """The teacher draws temperatures on both sides of where it is."""
    path = quantal_path(load_game(name), "qre_curriculum")
    low = path.at(path.begin(), 0.05)
    there, back = path.at(path.begin(), 0.4), path.at(low, 0.4)
    assert back["residual"][0] <= 1e-7 and path.measured(low)[0] < path.measured(back)[0]
    assert path.measured(back)[0] == pytest.approx(path.measured(there)[0], abs=1e-7)


def test_large_trees_are_descended_to_the_same_equilibria():
    game = load_game(KUHN)
    tree = compile_tree(game)
    followed, descended = TreePath(game, tree), DescentPath(game, tree)
    near, far = followed.begin(), descended.begin()
    for temperature in (1.0, 0.5, 0.3):
        near, far = followed.at(near, temperature), descended.at(far, temperature)
        assert far["residual"][0] <= 1e-7
        for key, choices in followed.policy(near).table.items():
            assert descended.policy(far).table[key] == pytest.approx(choices, abs=1e-5)
    leduc = qre_curriculum(load_game("openspiel:leduc_poker"), schedule="linear", first=8.0, last=4.0, updates=2)
    gaps = [gap for _, gap in leduc.history]
    assert gaps[0] > gaps[1] > gaps[2] and leduc.settings["residual"] <= 1e-7


@pytest.mark.parametrize("horizon", [None, 3])
@pytest.mark.parametrize("seed", range(3))
def test_zero_sum_markov_games_end_at_their_value(seed, horizon):
    game = random_markov(seed, horizon=horizon)
    solution = qre_curriculum(game, first=1.0, last=1e-4, rate=100, until=2e-3)
    exact = nash_value_iteration(game, until=1e-9)
    assert solution.converged and solution.gap <= 2e-3
    assert solution.values[0] == pytest.approx(exact.values[0], abs=2e-3)


def random_general(seed, *, states=3, sizes=(2, 3), discount=0.7, horizon=None):
    rng = np.random.default_rng(seed)
    chances = np.eye(states)[rng.integers(states, size=(states, *sizes))]
    return markov_game(chances, rng.normal(size=(len(sizes), states, *sizes)), discount=discount, horizon=horizon)


GENERAL = ({}, {"sizes": (2, 2, 2)}, {"horizon": 3, "discount": 1.0}, {"states": 1, "sizes": (3, 3)})


@pytest.mark.parametrize("kind", GENERAL, ids=str)
def test_general_sum_markov_games_end_near_a_nash_equilibrium(kind):
    game = random_general(1, **kind)
    solution = qre_curriculum(game, schedule="geometric", first=1.0, last=1e-4, until=2e-3)
    assert solution.converged
    assert markov_nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-12)


@pytest.mark.parametrize("kind", GENERAL, ids=str)
def test_the_jacobian_of_markov_responses_is_that_of_finite_differences(kind):
    response = MarkovResponse(random_general(2, **kind))
    size, step = len(response.uniform), 1e-6
    point = np.append(response.uniform + 0.05 * np.random.default_rng(1).normal(size=size), 1.3)
    system = response.bordered(point, np.zeros(size + 1))
    for column in range(size + 1):
        nudge = np.zeros(size + 1)
        nudge[column] = step
        up, down = point + nudge, point - nudge
        slope = (response.residual(up[:-1], up[-1]) - response.residual(down[:-1], down[-1])) / (2 * step)
        assert np.allclose(system[:-1, column], slope, atol=1e-8)


@pytest.mark.parametrize("horizon", [None, 3])
def test_every_state_responds_to_what_its_actions_are_worth(horizon):
    """Worth by iteration: each player's return from each state on, everybody going on as before."""
    game, temperature = random_general(4, sizes=(2, 3), horizon=horizon), 0.3
    solution = qre_curriculum(game, schedule="linear", first=1.0, last=temperature, updates=2)
    steps = horizon or 200
    values, worst = np.zeros((2, game.num_states)), 0.0
    for step in reversed(range(steps)):
        shown = step if horizon else 0
        tables = [
            np.array(
                [
                    [
                        solution.policy.table[game.information_state(p, s, shown)].get(a, 0.0)
                        for a in range(game.sizes[p])
                    ]
                    for s in range(game.num_states)
                ]
            )
            for p in range(2)
        ]
        worth = game.rewards + game.discount * np.moveaxis(game.transitions @ values.T, -1, 0)
        for player, axes in enumerate(("sab,sb->sa", "sab,sa->sb")):
            mine = np.einsum(axes, worth[player], tables[1 - player])
            answers = np.exp(mine / temperature)
            answers /= answers.sum(axis=1, keepdims=True)
            if horizon or step == 0:
                worst = max(worst, np.abs(answers - tables[player]).max())
            values[player] = (mine * tables[player]).sum(axis=1)
    assert worst < 1e-9


def test_a_markov_game_of_one_step_is_its_normal_form():
    payoffs = zero_sum(np.random.default_rng(5).normal(size=(3, 4)))
    game = markov_game(np.ones((1, 3, 4, 1)), payoffs[0][None], discount=1.0, horizon=1)
    one = qre_curriculum(game, schedule="linear", first=1.0, last=0.2, updates=3)
    other = qre_curriculum(matrix(payoffs), schedule="linear", first=1.0, last=0.2, updates=3)
    assert [gap for _, gap in one.history] == pytest.approx([gap for _, gap in other.history], abs=1e-9)


def test_the_teacher_waits_while_the_first_player_earns_too_little():
    frozen = qre_curriculum(load_game("matrix:chicken"), threshold=100.0, iterations=3)
    assert temperatures(frozen) == [0.05] * 3 and frozen.iterations == 3
    free = qre_curriculum(load_game("matrix:chicken"), threshold=-100.0, iterations=3)
    assert temperatures(free) == temperatures(qre_curriculum(load_game("matrix:chicken"), iterations=3))


def test_the_teacher_goes_only_as_far_as_the_threshold_lets_it():
    """In this game player 0 earns the less, the more rational both are."""
    dilemma = load_game("matrix:prisoners_dilemma")
    free = qre_curriculum(dilemma, first=4.0, last=0.5, rate=12.5, iterations=3)
    held = qre_curriculum(dilemma, first=4.0, last=0.5, rate=12.5, iterations=3, threshold=free.values[0] + 0.05)
    assert held.settings["temperature"] > free.settings["temperature"] and held.values[0] > free.values[0]
    again = qre_curriculum(dilemma, first=4.0, last=0.5, rate=12.5, iterations=3, threshold=free.values[0] + 0.05)
    other = qre_curriculum(
        dilemma, first=4.0, last=0.5, rate=12.5, iterations=3, threshold=free.values[0] + 0.05, seed=1
    )
    assert temperatures(again) == temperatures(held) != temperatures(other)


def test_the_return_that_is_kept_up_is_player_0s():
    """Player 0 always gets 1, player 1 always 5."""
    game = matrix(np.stack((np.ones((2, 2)), np.full((2, 2), 5.0))))
    assert temperatures(qre_curriculum(game, threshold=3.0, iterations=3)) == [0.05] * 3
    assert temperatures(qre_curriculum(game, threshold=0.5, iterations=3))[-1] < 0.05


def test_units_of_payoff_shifts_and_names_change_nothing_else():
    payoffs, orders = random_payoffs(5, 3, 4), ([2, 0, 1], [3, 1, 0, 2])
    before = qre_curriculum(matrix(payoffs), first=1.0, last=0.1, rate=10)
    scaled = qre_curriculum(matrix(1_000 * payoffs), first=1_000.0, last=100.0, rate=0.01)
    shifted = qre_curriculum(matrix(payoffs + 7), first=1.0, last=0.1, rate=10)
    renamed = qre_curriculum(matrix(permuted(payoffs, orders)), first=1.0, last=0.1, rate=10)
    assert scaled.gap == pytest.approx(1_000 * before.gap, rel=1e-7)
    for player in range(2):
        assert np.allclose(scaled.strategies[player], before.strategies[player], atol=1e-9)
        assert np.allclose(shifted.strategies[player], before.strategies[player], atol=1e-9)
        assert np.allclose(renamed.strategies[player], before.strategies[player][orders[player]], atol=1e-9)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 3, 2)])
def test_a_large_constant_takes_nothing_but_its_digits(sizes):
    payoffs = random_payoffs(3, *sizes)
    if len(sizes) == 2:
        payoffs[1] = -payoffs[0]
    plain = qre_curriculum(matrix(payoffs))
    for method in (qre_curriculum, qarl) if len(sizes) == 2 else (qre_curriculum,):
        shifted = method(matrix(payoffs + np.array([1e8, -1e8, 1e8])[: len(sizes)].reshape(-1, *[1] * len(sizes))))
        assert shifted.settings["residual"] < 1e-7
        for own, other in zip(plain.strategies, shifted.strategies, strict=True):
            assert np.allclose(own, other, atol=1e-5)


def test_single_actions_and_payoffs_that_do_not_matter_are_played():
    assert np.allclose(qre_curriculum(matrix(np.zeros((2, 3, 2)))).strategies[0], 1 / 3)
    forced = qre_curriculum(matrix([[[1.0, -1.0]], [[-1.0, 1.0]]]), until=1e-3)
    assert forced.strategies[0].tolist() == [1.0] and forced.converged


def test_what_is_not_reached_is_not_claimed(monkeypatch):
    short = qre_curriculum(load_game("matrix:chicken"), until=1e-4, iterations=3)
    assert not short.converged and short.gap > 1e-4
    mixed = matrix(zero_sum([[1.0, -1.0], [-1.0, 0.3]]))
    beyond = qre_curriculum(mixed, schedule="geometric", last=1e-14, updates=2)
    assert beyond.settings["residual"] > 1e-7 and not beyond.converged
    monkeypatch.setattr(qre_paths, "DESCENT_ITERATIONS", 1_000)
    hard = qre_curriculum(
        load_game("openspiel:leduc_poker"), schedule="linear", first=1e-3, last=1e-4, iterations=1, until=9.0
    )
    assert hard.settings["residual"] > 1e-7 and not hard.converged


@pytest.mark.parametrize("name", ["matrix:chicken", KUHN, "markov:rps_chain"])
def test_an_interrupted_run_goes_on_to_the_same_end(name, tmp_path):
    file, game = tmp_path / "run.npz", load_game(name)

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done == 4:
            raise Interrupted

    with pytest.raises(Interrupted):
        qre_curriculum(game, checkpoint=file, progress=stop)
    resumed, whole = qre_curriculum(game, checkpoint=file), qre_curriculum(game)
    assert resumed.policy == whole.policy and resumed.history == whole.history
    assert temperatures(resumed) == temperatures(whole)
    with pytest.raises(SpecificationError, match="is a checkpoint of qre_curriculum"):
        qre_curriculum(game, last=0.002, checkpoint=file)


@pytest.mark.parametrize("zero_sum", [True, False])
def test_a_checkpoint_of_one_step_is_none_of_a_game_without_end(zero_sum, tmp_path):
    """Two games of the same tables, the same number of stages and no name."""
    rng = np.random.default_rng(0)
    chances, rewards = rng.dirichlet(np.ones(2), size=(2, 2, 2)), rng.normal(size=(2, 2, 2, 2))
    rewards = rewards[0] if zero_sum else rewards
    qre_curriculum(
        markov_game(chances, rewards, discount=0.9, horizon=1), iterations=2, checkpoint=tmp_path / "run.npz"
    )
    with pytest.raises(SpecificationError, match="other rules"):
        qre_curriculum(markov_game(chances, rewards, discount=0.9), iterations=2, checkpoint=tmp_path / "run.npz")


def test_until_ends_the_curriculum_early():
    solution = qre_curriculum(load_game("matrix:chicken"), until=0.01)
    assert solution.converged and 1 < solution.iterations < 14 and solution.history[-2][1] > 0.01 >= solution.gap


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"schedule": "steep"}, "schedule must be"),
        ({"first": 0.0}, "first must be"),
        ({"last": math.inf}, "last must be"),
        ({"rate": -1.0}, "rate must be"),
        ({"max_divergence": 0.0}, "max_divergence must be"),
        ({"updates": 0, "schedule": "linear"}, "updates must be"),
        ({"threshold": 1.0, "schedule": "linear"}, "threshold"),
        ({"threshold": math.nan}, "threshold"),
        ({"iterations": 0}, "positive"),
    ],
)
def test_settings_out_of_range_are_refused(more, message):
    with pytest.raises(ValueError, match=message):
        qre_curriculum(load_game("matrix:chicken"), **more)


def test_games_without_a_path_are_refused():
    with pytest.raises(NotProvided, match="tree"):
        qre_curriculum(load_game("pettingzoo:connect_four_v3"))
    with pytest.raises(NotProvided, match="up to 1500 actions"):
        qre_curriculum(random_general(0, states=400, sizes=(2, 2)))


def test_policies_hold_where_players_have_actions_that_no_table_shows():
    game = random_game(seed=6, depth=4)
    solution = qre_curriculum(game, first=1.0, last=0.1)
    assert nash_conv(compile_tree(game), solution.policy) == pytest.approx(solution.gap, abs=1e-12)
