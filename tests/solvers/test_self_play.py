"""Self-play: the two distances that its proof says fall, certificates of the last policy, a plain twin, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import ROCK_PAPER_SCISSORS, random_payoffs, zero_sum
from random_trees import plain_measures, random_extensives, random_game, random_tree

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.games.normal_form import normal_form
from arena.solvers import fictitious_play, logit_qre, nash_conv
from arena.solvers.realisation_plans import realisation_plan
from arena.solvers.self_play import advance, played, self_play, start
from arena.solvers.sequence_form_lp import sequence_form_lp
from arena.solvers.tree_measures import measures, payoff_scale, tabulated

KUHN, LEDUC = "openspiel:kuhn_poker", "openspiel:leduc_poker"
NEVER = 10**9


def matrix_game(payoffs):
    return normal_form(np.asarray(payoffs, float), specification="matrix:test", title="test", version="1")


def distance(tree, strategy, logs):
    """Σ over sets of the strategy's own reach · KL(strategy, e^logs)."""
    plan = realisation_plan(tree, strategy)
    total = 0.0
    for j in range(tree.num_sets):
        span = slice(tree.first[j], tree.first[j + 1])
        own = strategy[span]
        taken = own > 0
        total += plan[tree.parent[j]] * (own[taken] * (np.log(own[taken]) - logs[span][taken])).sum()
    return total


@pytest.mark.parametrize(
    "name",
    [
        KUHN,
        "arena:kuhn_poker",
        "matrix:biased_rps",
        "preference:rps",
        "openspiel:liars_dice(dice_sides=3)",
        "openspiel:goofspiel(imp_info=True,num_cards=4,points_order=descending)",
    ],
)
def test_the_last_policy_becomes_a_nash_equilibrium(name):
    game = load_game(name)
    solution = self_play(game, until=1e-7, iterations=5_000)
    assert solution.converged
    assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-12)
    assert solution.values == pytest.approx(sequence_form_lp(game).values, abs=1e-7)


def test_the_last_policy_of_leduc_poker_comes_near():
    solution = self_play(load_game(LEDUC), until=0.06, iterations=10_000)
    assert solution.converged and solution.values[0] == pytest.approx(-0.0856, abs=0.06)


@given(random_extensives(players=(2,), zero_sum=(True,)))
@settings(max_examples=20, deadline=None)
def test_random_zero_sum_games_are_solved(game):
    tree = compile_tree(game)
    solution = self_play(tree, until=1e-3 * payoff_scale(tree), iterations=100_000)
    assert solution.converged
    table = {key: {0: 1.0} for key in every_state(game)} | solution.policy.table
    returns, responses = plain_measures(game, table)
    assert (responses - returns).sum() <= 1.001e-3 * payoff_scale(tree)


def every_state(game):
    waiting = [game.rules.new_initial_state()]
    while waiting:
        state = waiting.pop()
        if state.current_player() >= 0:
            yield state.information_state_string(state.current_player())
        if state.current_player() != -4:
            chance = state.current_player() == -1
            actions = [a for a, _ in state.chance_outcomes()] if chance else state.legal_actions()
            waiting += [state.child(action) for action in actions]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_play_contracts_to_the_equilibrium_around_the_anchor(seed, share):
    """(1 + ηα) D(u, π_t+1) ≤ D(u, π_t), with the step η that iteration t took."""
    tree = random_tree(np.random.default_rng(seed), depth=6) if seed else compile_tree(load_game(KUHN))
    temperature = share * payoff_scale(tree)
    settled = start(tree)
    advance(tree, settled, 3_000, temperature=temperature, interval=NEVER)
    equilibrium = played(tree, settled["logs"])
    state = start(tree)
    before = distance(tree, equilibrium, state["logs"])
    for _ in range(40):
        advance(tree, state, 1, temperature=temperature, interval=NEVER)
        taken = state["step"][0] / 1.2
        after = distance(tree, equilibrium, state["logs"])
        assert (1 + taken * temperature) * after <= before + 1e-12
        before = after


@pytest.mark.parametrize("interval", [1, 7, 50])
@pytest.mark.parametrize("seed", range(5))
def test_no_nash_equilibrium_is_left_further_behind(seed, interval):
    """max(D(u, π), D(u, anchor)) never rises, and D(u, anchor) falls from anchor to anchor."""
    tree = random_tree(np.random.default_rng(seed), depth=6) if seed else compile_tree(load_game(KUHN))
    equilibrium = tabulated(tree, sequence_form_lp(tree).policy)
    state, temperature = start(tree), 0.1 * payoff_scale(tree)
    farthest = anchor = distance(tree, equilibrium, state["logs"])
    for t in range(1, 151):
        advance(tree, state, 1, temperature=temperature, interval=interval)
        play = distance(tree, equilibrium, state["logs"])
        moved = distance(tree, equilibrium, state["anchor"])
        assert max(play, moved) <= farthest + 1e-12 and moved <= anchor + 1e-12
        assert (state["anchor"] == state["logs"]).all() == (t % interval == 0) or play == moved
        farthest, anchor = max(play, moved), moved


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_with_an_anchor_that_stays_matrix_games_go_to_logit_quantal_response(seed, rows, columns):
    payoffs = zero_sum(np.random.default_rng(seed).normal(size=(rows, columns)))
    temperature = 0.3
    found = self_play(matrix_game(payoffs), temperature=temperature, interval=NEVER, iterations=2_000).strategies
    for own, expected in zip(found, logit_qre(payoffs, rationality=1 / temperature).strategies, strict=True):
        assert own == pytest.approx(expected, abs=1e-7)


@given(random_extensives(players=(1, 2, 3)), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_iterations_are_those_of_a_plain_twin(game, interval):
    tree = compile_tree(game)
    temperature = 0.2 * payoff_scale(tree)
    state = start(tree)
    logs = anchor = state["logs"].copy()
    step = float(state["step"][0])
    for t in range(1, 6):
        advance(tree, state, 1, temperature=temperature, interval=interval)
        logs, step = plain_iteration(tree, logs, anchor, step, temperature)
        anchor = logs if t % interval == 0 else anchor
        assert state["logs"] == pytest.approx(logs, abs=1e-9) and state["step"][0] == pytest.approx(step)
        assert state["anchor"] == pytest.approx(anchor, abs=1e-9)


def plain_iteration(tree, logs, anchor, step, temperature):
    gains = plain_gains(tree, logs)
    while True:
        w = plain_step(tree, logs, anchor, gains, step, temperature)
        ahead_gains = plain_gains(tree, w)
        z = plain_step(tree, logs, anchor, ahead_gains, step, temperature)
        plans = [realisation_plan(tree, np.exp(point)) for point in (z, w)]
        bent = ((ahead_gains - gains) * (plans[0] - plans[1]))[tree.num_players :].sum()
        allowed = (1 + step * temperature) * distance(tree, np.exp(z), w) + distance(tree, np.exp(w), logs)
        if step * bent <= allowed + 1e-15:
            return z, 1.2 * step
        step /= 2


def plain_gains(tree, logs):
    """What each sequence earns right behind it."""
    plan = realisation_plan(tree, np.exp(logs))
    gains = np.zeros(tree.num_sequences)
    for s in range(tree.num_sequences):
        for e in range(tree.row_begin[s], tree.row_begin[s + 1]):
            gains[s] += tree.weights[e] * np.prod([plan[other] for other in tree.others[e]])
    return gains


def plain_step(tree, logs, anchor, gains, step, temperature):
    """The proximal step by recursion: at each set the best trade of gain against both divergences, in closed form."""
    new = np.zeros_like(logs)
    pull = 1 + step * temperature

    def worth(sequence):
        """η · the value of what follows a sequence."""
        total = step * gains[sequence] if sequence >= tree.num_players else 0.0
        return total + sum(solved(j) for j in np.flatnonzero(tree.parent == sequence))

    def solved(j):
        span = range(tree.first[j], tree.first[j + 1])
        scores = np.array([worth(s) + step * temperature * anchor[s] + logs[s] for s in span]) / pull
        value = np.log(np.exp(scores - scores.max()).sum()) + scores.max()
        new[span.start : span.stop] = scores - value
        return pull * value

    for player in range(tree.num_players):
        worth(player)
    return new


def test_in_symmetric_games_both_seats_play_one_policy():
    game = load_game("matrix:biased_rps")
    for iterations in (1, 2, 10, 60):
        first, second = self_play(game, iterations=iterations).strategies
        assert first == pytest.approx(second, abs=1e-12)


@pytest.mark.parametrize("kind", ["regularised", "fictitious"])
def test_rock_paper_scissors_is_mixed_alike(kind):
    biased = matrix_game(zero_sum(ROCK_PAPER_SCISSORS * np.array([[1, 2, 1], [2, 1, 1], [1, 1, 1]])))
    for game, strategy in ((load_game("matrix:rps"), [1 / 3] * 3), (biased, [1 / 4, 1 / 4, 1 / 2])):
        for own in self_play(game, kind=kind, until=2e-2).strategies:
            assert own == pytest.approx(np.array(strategy), abs=2e-2)


@pytest.mark.parametrize("name", [KUHN, "matrix:rps", "matrix:shapley"])
def test_fictitious_self_play_is_fictitious_play(name):
    game = load_game(name)
    ours, theirs = self_play(game, kind="fictitious", iterations=50), fictitious_play(game, iterations=50)
    assert ours.policy == theirs.policy and ours.gap == theirs.gap and ours.guarantee == theirs.guarantee
    assert ours.settings["kind"] == "fictitious"


def test_the_unit_of_payoffs_is_of_no_matter():
    plain, scaled = (random_game(seed=6, depth=6, scale=scale) for scale in (1, 8))
    first, second = (self_play(compile_tree(game), iterations=100) for game in (plain, scaled))
    assert second.gap == pytest.approx(8 * first.gap, abs=1e-12)
    for key, choices in first.policy.table.items():
        assert second.policy.table[key] == pytest.approx(choices, abs=1e-9)


def test_relabelled_actions_are_the_same_strategies_elsewhere():
    payoffs = zero_sum(random_payoffs(3, 4, 4)[0])
    order = [2, 0, 3, 1]
    plain = self_play(matrix_game(payoffs), iterations=80).strategies
    moved = self_play(matrix_game(payoffs[:, order]), iterations=80).strategies
    assert moved[0] == pytest.approx(plain[0][order], abs=1e-9) and moved[1] == pytest.approx(plain[1], abs=1e-9)


def test_an_equilibrium_that_is_uniform_is_never_left():
    solution = self_play(load_game("matrix:matching_pennies"), iterations=30)
    assert solution.gap < 1e-12 and np.allclose(solution.strategies, 0.5)


@pytest.mark.parametrize("kind", ["regularised", "fictitious"])
def test_outside_of_two_player_zero_sum_games_nothing_is_guaranteed(kind):
    for name in ("openspiel:kuhn_poker(players=3)", "matrix:shapley", "openspiel:tiny_hanabi"):
        game = load_game(name)
        solution = self_play(game, kind=kind, iterations=60, until=100.0)
        assert solution.guarantee == "none" and not solution.converged
        assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-9)


def test_a_game_in_which_nothing_is_paid_is_solved_at_once():
    solution = self_play(matrix_game(np.zeros((2, 2, 3))), until=1e-9)
    assert solution.converged and solution.gap == 0 and solution.iterations == 1


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path):
    file, game = tmp_path / "run.npz", load_game(LEDUC)

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done > 25:
            raise Interrupted

    with pytest.raises(Interrupted):
        self_play(game, iterations=60, checkpoint=file, progress=stop)
    resumed, whole = self_play(game, iterations=60, checkpoint=file), self_play(game, iterations=60)
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.history == whole.history
    with pytest.raises(SpecificationError, match="interval=50"):
        self_play(game, interval=51, iterations=60, checkpoint=file)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": "neural"}, "regularised or fictitious"),
        ({"temperature": 0.0}, "positive and finite"),
        ({"temperature": float("nan")}, "positive and finite"),
        ({"interval": 0}, "at least 1"),
        ({"kind": "fictitious", "interval": 3}, "fictitious self-play has neither"),
        ({"iterations": 0}, "positive"),
        ({"until": 0.0}, "positive"),
    ],
)
def test_wrong_settings_are_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        self_play(load_game(KUHN), **wrong)


@pytest.mark.parametrize("kind", ["regularised", "fictitious"])
def test_a_game_without_a_tree_is_refused(kind):
    with pytest.raises(NotProvided, match="tree"):
        self_play(load_game("pettingzoo:connect_four_v3"), kind=kind)


def test_the_gap_of_the_last_policy_is_measured_on_the_whole_tree():
    tree = compile_tree(load_game(KUHN))
    solution = self_play(tree, iterations=17)
    assert solution.gap == pytest.approx(measures(tree, tabulated(tree, solution.policy)).nash_conv, abs=1e-12)
    assert solution.history[-1] == (17, pytest.approx(solution.gap))
