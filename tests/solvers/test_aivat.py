"""AIVAT: the same expectation whatever the values, no variance where everything is known, and the formula by plain lists."""

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import plain_returns, random_extensives, random_table

from arena.games import load_game
from arena.games.history_tree import history_tree
from arena.solvers.aivat import aivat, observed_strategy, situations, times_played
from arena.solvers.tree_measures import measures, normalised, tabulated, uniform_strategy

POKER = ("openspiel:kuhn_poker", "openspiel:kuhn_poker(players=3)", "openspiel:leduc_poker")
SEEDS = st.integers(0, 2**32 - 1)


def _random_strategy(tree, rng):
    return normalised(tree, rng.random(tree.num_sequences) ** 3)


def _mixed(tree, known, guess, unknown):
    """The known players' probabilities, with a guess for the unknown ones."""
    strategy = known.copy()
    for player in unknown:
        strategy[tree.sequences(player)] = guess[tree.sequences(player)]
    return strategy


def _paths(histories):
    """Of each end, in order of the rows of returns: the path as (node, child) pairs."""
    tree, found, waiting = histories.tree, {}, [(0, ())]
    while waiting:
        node, path = waiting.pop()
        if histories.mover[node] == -4:
            found[int(histories.place[node])] = path
            continue
        waiting += [(child, (*path, (node, child))) for child in _children(histories, node)]
    assert len(found) == len(histories.returns)
    return [found[end] for end in range(len(found))], tree


def _children(histories, node):
    begin, first = int(histories.child[node]), histories.tree.first.astype(int)
    if histories.mover[node] >= 0:
        place = histories.place[node]
        return list(range(begin, begin + first[place + 1] - first[place]))
    end = begin
    while histories.edge[end] < 1:
        end += 1
    return list(range(begin, end + 1))


def _step(histories, node, child, strategy, unknown):
    """The probability of a move, 1 where an unknown player makes it."""
    mover, begin = histories.mover[node], int(histories.child[node])
    if mover == -1:
        return histories.edge[child] - (histories.edge[child - 1] if child > begin else 0.0)
    return 1.0 if mover in unknown else strategy[int(histories.tree.first[histories.place[node]]) + child - begin]


def _end_probabilities(histories, strategy):
    paths, _ = _paths(histories)
    return np.array([np.prod([_step(histories, a, b, strategy, ()) for a, b in path]) for path in paths])


def _subsets(players):
    return chain.from_iterable(combinations(range(players), size) for size in range(players + 1))


@pytest.mark.parametrize("name", POKER)
@pytest.mark.parametrize("seed", range(2))
def test_the_expectation_is_the_expected_return_whatever_the_values_of_situations(name, seed):
    histories = history_tree(load_game(name))
    tree, rng = histories.tree, np.random.default_rng(seed)
    truth = _random_strategy(tree, rng)
    ends, expected = _end_probabilities(histories, truth), measures(tree, truth).returns
    for unknown in _subsets(tree.num_players):
        told_apart = situations(histories, unknown)
        strategy = _mixed(tree, truth, _random_strategy(tree, rng), unknown)
        values = rng.normal(scale=5, size=(len(told_apart), tree.num_players))
        for estimates in (aivat(told_apart, strategy), aivat(told_apart, strategy, values=values)):
            np.testing.assert_allclose(ends @ estimates.at_end, expected, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(random_extensives(players=(1, 2, 3)), SEEDS)
def test_it_is_unbiased_on_random_games_of_any_shape(game, seed):
    histories = history_tree(game)
    tree, rng = histories.tree, np.random.default_rng(seed)
    table = random_table(game, seed)
    truth = tabulated(tree, tree.policy(uniform_strategy(tree))) if not tree.num_sets else _of_table(tree, table)
    ends = _end_probabilities(histories, truth)
    expected = np.array(plain_returns(game.rules.new_initial_state(), table))
    for unknown in _subsets(tree.num_players):
        told_apart = situations(histories, unknown)
        values = rng.normal(size=(len(told_apart), tree.num_players))
        at_end = aivat(told_apart, _mixed(tree, truth, uniform_strategy(tree), unknown), values=values).at_end
        np.testing.assert_allclose(ends @ at_end, expected, atol=1e-9)


def _of_table(tree, table):
    strategy = uniform_strategy(tree)
    for j, key in enumerate(tree.keys):
        for s in range(int(tree.first[j]), int(tree.first[j + 1])):
            strategy[s] = table[key][int(tree.actions[s])]
    return strategy


@settings(deadline=None, max_examples=60)
@given(random_extensives(players=(1, 2, 3), depth=4), SEEDS)
def test_it_equals_the_formula_written_out_with_lists_of_histories(game, seed):
    histories = history_tree(game)
    tree, rng = histories.tree, np.random.default_rng(seed)
    strategy = _random_strategy(tree, rng)
    for unknown in _subsets(tree.num_players):
        told_apart = situations(histories, unknown)
        values = rng.normal(size=(len(told_apart), tree.num_players))
        at_nodes = np.vstack((values, np.zeros(tree.num_players)))[told_apart.situation]  # -1 reads the zeros
        plain = _plain_aivat(histories, strategy, unknown, at_nodes)
        np.testing.assert_allclose(aivat(told_apart, strategy, values=values).at_end, plain, atol=1e-9)


def _plain_aivat(histories, strategy, unknown, value):
    """[T, n]. ``value`` [H, n]: of nodes at which an unknown player decides.

    What the unknown players know at a node is the list of their information sets and actions so far; all nodes at which
    they know the same and the next decision of theirs is at one information set are weighed by the known probabilities.
    """
    paths, _ = _paths(histories)

    def decisions(path):
        return [step for step in path if histories.mover[step[0]] in unknown]

    def known(steps):
        first = [int(histories.child[node]) for node, _ in steps]
        return tuple((int(histories.place[n]), child - f) for (n, child), f in zip(steps, first, strict=True))

    def reach(path):
        return np.prod([_step(histories, a, b, strategy, unknown) for a, b in path]) if path else 1.0

    frontier = {}  # what is known -> {node: (probability, next information set or None, worth)}
    for end, path in enumerate(paths):
        before = []
        for at, (node, child) in enumerate(path):
            if histories.mover[node] in unknown:
                frontier.setdefault(known(before), {})[node] = (
                    reach(path[:at]), int(histories.place[node]), value[node],
                )  # fmt: skip
                before.append((node, child))
        last = path[-1][1] if path else 0
        frontier.setdefault(known(before), {})[last] = (reach(path), None, histories.returns[end])

    def mean(history, at=None):
        chosen = [(p, worth) for p, place, worth in frontier[history].values() if at is None or place == at]
        return sum(p * worth for p, worth in chosen), sum(p for p, _ in chosen)

    estimates = []
    for path in paths:
        seen = known(decisions(path))
        estimate = mean(())[0]
        for t, (place, _) in enumerate(seen):
            total, probability = mean(seen[:t], place)
            estimate = estimate + (mean(seen[: t + 1])[0] - total) / probability
        estimates.append(estimate)
    return np.array(estimates)


@pytest.mark.parametrize("name", POKER)
def test_where_all_probabilities_are_known_every_match_gives_the_expected_return(name):
    histories = history_tree(load_game(name))
    truth = _random_strategy(histories.tree, np.random.default_rng(4))
    at_end = aivat(situations(histories, ()), truth).at_end
    expected = measures(histories.tree, truth).returns
    np.testing.assert_allclose(at_end, np.broadcast_to(expected, at_end.shape), atol=1e-12)


@pytest.mark.parametrize("name", POKER)
def test_an_unknown_player_who_never_mixes_and_is_guessed_right_leaves_no_variance(name):
    histories = history_tree(load_game(name))
    tree, rng = histories.tree, np.random.default_rng(5)
    pure = uniform_strategy(tree) * 0
    first, counts = tree.first[:-1].astype(int), tree.num_actions
    pure[: tree.num_players], pure[first + (rng.random(len(counts)) * counts).astype(int)] = 1, 1
    truth = _mixed(tree, _random_strategy(tree, rng), pure, (0,))
    ends = _end_probabilities(histories, truth)
    at_end = aivat(situations(histories, (0,)), truth).at_end[ends > 0]
    expected = measures(tree, truth).returns
    np.testing.assert_allclose(at_end, np.broadcast_to(expected, at_end.shape), atol=1e-12)


@pytest.mark.parametrize("name", POKER)
def test_on_poker_a_known_opponent_leaves_less_than_half_of_the_variance(name):
    histories = history_tree(load_game(name))
    truth = _random_strategy(histories.tree, np.random.default_rng(6))
    ends, expected = _end_probabilities(histories, truth), measures(histories.tree, truth).returns
    guess = _mixed(histories.tree, truth, uniform_strategy(histories.tree), (0,))
    left = ends @ (aivat(situations(histories, (0,)), guess).at_end - expected) ** 2
    raw = ends @ (histories.returns - expected) ** 2
    assert (left < raw / 2).all()


def test_values_of_situations_are_what_the_guess_expects_there():
    histories = history_tree(load_game("openspiel:kuhn_poker"))
    truth = uniform_strategy(histories.tree)
    told_apart = situations(histories, (0,))
    found = dict(
        zip(
            [histories.tree.keys[j] for j in told_apart.information_set],
            aivat(told_apart, truth).values[:, 0],
            strict=True,
        )
    )
    # after pass and bet, half calls: with the jack a call loses 2, with the king it wins 2, with the queen it is even
    assert found["0pb"] == pytest.approx(-1.5)
    assert found["1pb"] == pytest.approx(-0.5)
    assert found["2pb"] == pytest.approx(0.5)


def test_returns_that_are_shifted_and_scaled_shift_and_scale_the_estimates():
    import dataclasses

    histories = history_tree(load_game("openspiel:kuhn_poker"))
    strategy = _random_strategy(histories.tree, np.random.default_rng(7))
    moved = dataclasses.replace(histories, returns=3 * histories.returns - 2)
    before = aivat(situations(histories, (1,)), strategy).at_end
    np.testing.assert_allclose(aivat(situations(moved, (1,)), strategy).at_end, 3 * before - 2, atol=1e-12)


def test_a_match_that_known_probabilities_rule_out_has_no_estimate():
    histories = history_tree(load_game("openspiel:kuhn_poker"))
    tree = histories.tree
    never_bets = uniform_strategy(tree)
    for j in tree.sets(0):
        never_bets[int(tree.first[j]) : int(tree.first[j + 1])] = (1, 0)
    at_end = aivat(situations(histories, (1,)), never_bets).at_end
    possible = _end_probabilities(histories, never_bets) > 0
    assert np.isfinite(at_end[possible]).all()
    assert np.isnan(at_end).any()


def test_sequences_are_counted_in_matches_that_ended_and_in_those_broken_off():
    histories = history_tree(load_game("openspiel:leduc_poker"))
    rng = np.random.default_rng(8)
    ended = np.zeros(histories.num_nodes)
    paths, tree = _paths(histories)
    plain = np.zeros(tree.num_sequences)
    for _ in range(50):
        path = paths[rng.integers(len(paths))]
        path = path[: rng.integers(len(path) + 1)]
        ended[path[-1][1] if path else 0] += 1
        for node, child in path:
            if histories.mover[node] >= 0:
                plain[int(tree.first[histories.place[node]]) + child - int(histories.child[node])] += 1
    np.testing.assert_array_equal(times_played(histories, ended), plain)


def test_what_was_seen_often_is_what_is_expected_and_what_was_never_seen_is_even():
    histories = history_tree(load_game("openspiel:kuhn_poker"))
    tree = histories.tree
    counts = np.zeros(tree.num_sequences)
    begin = int(tree.first[0])
    counts[begin] = 99
    strategy = observed_strategy(histories, counts)
    assert strategy[begin : begin + 2] == pytest.approx((0.995, 0.005))
    assert strategy[int(tree.first[1])] == 0.5


def test_wrong_arguments_are_named():
    histories = history_tree(load_game("openspiel:kuhn_poker"))
    with pytest.raises(ValueError, match="players from 0 to 1"):
        situations(histories, (2,))
    told_apart = situations(histories, (0,))
    with pytest.raises(ValueError, match="strategy must have the shape"):
        aivat(told_apart, np.ones(3))
    with pytest.raises(ValueError, match="values must have the shape"):
        aivat(told_apart, uniform_strategy(histories.tree), values=np.zeros((1, 2)))
