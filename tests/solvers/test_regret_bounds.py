"""The theorems behind counterfactual regret minimisation, checked on random games iteration by iteration."""

import numpy as np
import pytest
from hypothesis import given, settings
from plain_cfr import PlainCfr
from random_trees import random_extensive, random_extensives

from arena.games import compile_tree, load_game
from arena.games.history_tree import history_tree
from arena.solvers.counterfactual import CFR, CFR_PLUS, DCFR_SOURCE, Variant, advance, start
from arena.solvers.regret_kernels import DISCOUNTED
from arena.solvers.tree_kernels import best_response, fill_payoffs
from arena.solvers.tree_measures import measures, normalised

DCFR = Variant(name="dcfr", rule=DISCOUNTED, exponents=(1.5, 0.0, 2.0), source=DCFR_SOURCE)


class Watched:
    """A run of plain CFR that adds up, of each player, what every sequence would have earned when he was updated."""

    def __init__(self, tree, *, rule="cfr"):
        self.tree, self.twin = tree, PlainCfr(tree, exact=float, rule=rule)
        self.payoffs, self.earned = np.zeros(tree.num_sequences), np.zeros(tree.num_players)
        self.plans = np.zeros(tree.num_sequences)  # sums of realisation weights
        self.squares = np.zeros(tree.num_sets)  # Σ over iterations of |instantaneous regrets|², where regrets are kept
        self.improvements = []

    def iterate(self, count):
        for _ in range(count):
            for player in range(self.tree.num_players):
                self.update(player)

    def update(self, player):
        tree, reach, before = self.tree, np.array(self.twin.reach), np.array(self.twin.regret)
        payoff = np.zeros(tree.num_sequences)
        span = tree.sequences(player)
        for begin, end in ((player, player + 1), (span.start, span.stop)):
            fill_payoffs(begin, end, tree.row_begin, tree.others, tree.weights, reach, payoff)
        self.payoffs += payoff
        earned = reach @ payoff  # of other players' sequences nothing is written
        self.earned[player] += earned
        self.plans[span] += reach[span]
        self.twin.update(player)
        self.improvements.append(np.array(self.twin.reach) @ payoff - earned)
        change = np.array(self.twin.regret) - before
        for j in tree.sets(player):
            self.squares[j] += (change[tree.first[j] : tree.first[j + 1]] ** 2).sum()

    def regret(self, player):
        """What the best plan in hindsight would have earned more."""
        tree, value = self.tree, self.payoffs.copy()
        sets, choice = tree.sets(player), np.zeros(tree.num_sets, np.uint32)
        best_response(np.uint32(sets.start), np.uint32(sets.stop), tree.first, tree.parent, value, choice)
        return value[player] - self.earned[player]

    def largest(self, player):
        """Σ over information sets of the largest regret, 0 where none is above."""
        spans = [slice(self.tree.first[j], self.tree.first[j + 1]) for j in self.tree.sets(player)]
        return sum(max(*self.twin.regret[span], 0.0) for span in spans)


def returns_range(game):
    """The range of the first player's returns."""
    return np.ptp(history_tree(game).returns[:, 0])


@settings(max_examples=25, deadline=None)
@given(random_extensives(players=(2, 3)))
def test_regret_of_a_player_is_at_most_the_sum_of_those_of_his_information_sets(game):
    """Zinkevich et al. 2007, theorem 3: any number of players, any sum."""
    watched = Watched(compile_tree(game))
    for _ in range(3):
        watched.iterate(7)
        for player in range(watched.tree.num_players):
            assert watched.regret(player) <= watched.largest(player) + 1e-9


@settings(max_examples=25, deadline=None)
@given(random_extensives(players=(2, 3)))
def test_regrets_of_an_information_set_grow_no_faster_than_matching_allows(game):
    """Blackwell's approachability: |R⁺|² is at most the sum of |r_t|², which is at most T times actions times range²."""
    watched = Watched(compile_tree(game))
    for _ in range(3):
        watched.iterate(7)
        for j in range(watched.tree.num_sets):
            above = np.maximum(watched.twin.regret[watched.tree.first[j] : watched.tree.first[j + 1]], 0)
            assert (above**2).sum() <= watched.squares[j] * (1 + 1e-9) + 1e-12


@settings(max_examples=25, deadline=None)
@given(random_extensives(players=(2, 3)))
@pytest.mark.parametrize("rule", ["cfr", "cfr_plus"])
def test_an_update_never_makes_a_player_worse_against_what_he_answers(rule, game):
    """Burch, Moravcik and Schmid 2019, theorem 4: why alternating updates lose nothing."""
    watched = Watched(compile_tree(game), rule=rule)
    watched.iterate(20)
    assert min(watched.improvements) >= -1e-12


@settings(max_examples=25, deadline=None)
@given(random_extensives(players=(2,), zero_sum=(True,)))
@pytest.mark.parametrize("rule", ["cfr", "cfr_plus"])
def test_nash_conv_of_the_average_is_at_most_both_regrets(rule, game):
    """The folk theorem, for alternating updates: Burch, Moravcik and Schmid 2019, theorem 2.

    Player 1 answers strategies 2 .. T + 1 of player 0, of whom 1 .. T are averaged: that one's returns are all it may differ.
    """
    tree = compile_tree(game)
    watched = Watched(tree, rule=rule)
    for iterations in (1, 20):
        watched.iterate(iterations)
        total = len(watched.improvements) // 2
        nash_conv = measures(tree, normalised(tree, watched.plans)).nash_conv
        regrets = watched.regret(0) + watched.regret(1)
        assert total * nash_conv <= regrets - sum(watched.improvements[::2]) + returns_range(game) + 1e-9
        assert watched.regret(0) <= watched.largest(0) + 1e-9  # what CFR+ keeps is no less than the regrets


@pytest.mark.parametrize(
    ("variant", "constant", "source"),
    [(CFR, 1, "Zinkevich 2007, theorem 4"), (CFR_PLUS, 2, "Tammelin 2015"), (DCFR, 6, "Brown and Sandholm 2019")],
)
@pytest.mark.parametrize("seed", range(3))
def test_the_rate_of_each_method_holds(variant, constant, source, seed):
    """NashConv ≤ constant · Σ over sets of range · √actions / √T, and what alternating adds, for T to 10,000."""
    assert source
    game = random_extensive(np.random.default_rng(seed), depth=6)
    tree, span = compile_tree(game), returns_range(game)
    actions = np.diff(tree.first.astype(np.int64))
    regrets = start(tree)
    for total in (1, 10, 100, 1000, 10_000):
        advance(tree, variant, regrets, total - regrets.iterations)
        bound = constant * span * (np.sqrt(actions).sum() + len(actions)) / np.sqrt(total)
        assert measures(tree, normalised(tree, regrets.average)).nash_conv <= bound + 4 * span / total
    assert measures(tree, normalised(tree, regrets.average)).nash_conv < 0.01 * span


def test_nobody_of_three_regrets_the_play_of_all_iterations_together():
    """Joint play, one profile an iteration, comes to a coarse correlated equilibrium: Hart and Mas-Colell 2000, for each set."""
    watched = Watched(compile_tree(load_game("openspiel:kuhn_poker(players=3)")))
    average = []
    for iterations in (10, 290):
        watched.iterate(iterations)
        total = len(watched.improvements) / 3
        average.append(max(watched.regret(player) for player in range(3)) / total)
    assert average[1] < 0.01 < average[0]
