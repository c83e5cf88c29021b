"""Monte Carlo CFR: its samples in expectation, summed over all of them; its kernels against plain recursion; its certificates."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from random_trees import random_extensive, random_extensives, random_game

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.games.history_tree import history_tree
from arena.games.seeds import counter_hash, seed_of, unit
from arena.games.tree_size import CHANCE, TERMINAL
from arena.solvers import cfr_plus, nash_conv
from arena.solvers.mccfr import advance, mccfr
from arena.solvers.sampling_kernels import drawn, explored_draw

KUHN = "openspiel:kuhn_poker"
BOTH = ["external", "outcome"]
EXPLORATION = 0.6


class Plain:
    """A game's histories as lists, with regrets, and one sampled walk through them by recursion.

    ``draw(key, probabilities)`` chooses for an information set ("set", j) or a chance node ("chance", h).
    """

    def __init__(self, histories, regret):
        tree = histories.tree
        self.first, self.parent, self.players = tree.first.tolist(), tree.parent.tolist(), tree.num_players
        self.mover, self.place, self.child = (a.tolist() for a in (histories.mover, histories.place, histories.child))
        self.edge, self.returns = histories.edge.tolist(), histories.returns
        self.regret = np.array(regret, float)
        self.average = np.zeros_like(self.regret)

    def strategy(self, j):
        above = np.maximum(self.regret[self.first[j] : self.first[j + 1]], 0)
        return above / above.sum() if above.sum() > 0 else np.full(len(above), 1 / len(above))

    def shares(self, h):
        """The probabilities of a chance node's children."""
        edges = [0.0]
        while edges[-1] < 1:
            edges.append(self.edge[self.child[h] + len(edges) - 1])
        return [after - before for before, after in pairwise(edges)]

    def sampled_walk(self, draw, updating, sampling):
        """(changes of regrets, of averages) [S]; of two players only, the averages."""
        regret, average = np.zeros_like(self.regret), np.zeros_like(self.regret)
        walk = self.external if sampling == "external" else self.outcome
        walk(0, updating, 1.0, draw, regret, average if self.players == 2 else np.zeros_like(average))
        return regret, average

    def averaging_walk(self, draw, averaged):
        """The change of averages [S] by the history of one of many players."""
        average, h = np.zeros_like(self.regret), 0
        while self.mover[h] != TERMINAL:
            if self.mover[h] == CHANCE:
                h = self.child[h] + draw(("chance", h), self.shares(h))
                continue
            j = self.place[h]
            strategy = self.strategy(j)
            if self.mover[h] == averaged:
                average[self.first[j] : self.first[j + 1]] += strategy
            else:
                strategy = np.full(len(strategy), 1 / len(strategy))
            h = self.child[h] + draw(("set", j), strategy)
        return average

    def elsewhere(self, h, tried, draw, average):
        """One move of chance or of a player who does not update: the next node."""
        if self.mover[h] == CHANCE:
            return self.child[h] + draw(("chance", h), self.shares(h))
        j = self.place[h]
        strategy = self.strategy(j)
        average[self.first[j] : self.first[j + 1]] += strategy / tried
        return self.child[h] + draw(("set", j), strategy)

    def external(self, h, updating, tried, draw, regret, average):
        """What the updating player gets from h on."""
        if self.mover[h] == TERMINAL:
            return self.returns[self.place[h], updating]
        if self.mover[h] != updating:
            return self.external(self.elsewhere(h, tried, draw, average), updating, tried, draw, regret, average)
        j = self.place[h]
        span, strategy = slice(self.first[j], self.first[j + 1]), self.strategy(j)
        values = np.array(
            [self.external(self.child[h] + i, updating, tried, draw, regret, average) for i in range(len(strategy))]
        )
        regret[span] += values - strategy @ values
        return strategy @ values

    def outcome(self, h, updating, tried, draw, regret, average):
        """(return / probability of the updating player's sampled moves, its own probability of what follows h)."""
        if self.mover[h] == TERMINAL:
            return self.returns[self.place[h], updating] / tried, 1.0
        if self.mover[h] != updating:
            return self.outcome(self.elsewhere(h, tried, draw, average), updating, tried, draw, regret, average)
        j = self.place[h]
        span, strategy = slice(self.first[j], self.first[j + 1]), self.strategy(j)
        likely = EXPLORATION / len(strategy) + (1 - EXPLORATION) * strategy
        choice = draw(("explored", j), likely)
        earned, after = self.outcome(self.child[h] + choice, updating, tried * likely[choice], draw, regret, average)
        values = np.zeros(len(strategy))
        values[choice] = earned * after
        regret[span] += values - strategy @ values
        return earned, strategy[choice] * after

    def exact(self, updating, averaged):
        """The same in expectation, by a walk through all: counterfactual regrets of one player, averages of another.

        Averages: the probability of what he and chance do, and of what all others do if there are several, uniformly.
        """
        regret, average = np.zeros_like(self.regret), np.zeros_like(self.regret)

        def value(h, reach, elsewhere):
            if self.mover[h] == TERMINAL:
                return self.returns[self.place[h], updating]
            if self.mover[h] == CHANCE:
                ways = enumerate(self.shares(h))
                return sum(share * value(self.child[h] + i, reach * share, elsewhere * share) for i, share in ways)
            player, j = self.mover[h], self.place[h]
            span, strategy = slice(self.first[j], self.first[j + 1]), self.strategy(j)
            if player == averaged:
                average[span] += elsewhere * strategy
            uniform = 1 if self.players == 2 else 1 / len(strategy)
            values = []
            for i, share in enumerate(strategy):
                weights = (1 if player == updating else share, share if player == averaged else uniform)
                values.append(value(self.child[h] + i, reach * weights[0], elsewhere * weights[1]))
            if player == updating:
                regret[span] += reach * (np.array(values) - strategy @ values)
            return strategy @ values

        value(0, 1.0, 1.0)
        return regret, average


class Script:
    """Draws as told, then the first way; ``untold``: the scripts of the ways that were not gone."""

    def __init__(self, told):
        self.told, self.chosen, self.weight, self.untold = told, {}, 1.0, []

    def __call__(self, key, probabilities):
        if key not in self.chosen:
            at = len(self.chosen)
            if at == len(self.told):
                ways = [i for i, share in enumerate(probabilities) if share > 0]
                self.untold += [[*self.told, way] for way in ways[1:]]
                self.told = [*self.told, ways[0]]
            self.chosen[key] = self.told[at]
            self.weight *= probabilities[self.told[at]]
        return self.chosen[key]


def expectation(walk, *arguments):
    """What a walk returns, weighted over every sample there is. Its first argument draws."""
    total, weight, waiting = 0.0, 0.0, [[]]
    while waiting:
        script = Script(waiting.pop())
        changes = np.array(walk(script, *arguments))
        total += script.weight * changes
        weight += script.weight
        waiting += script.untold
    assert weight == pytest.approx(1)
    return total


def require_unbiased(game, sampling, seed):
    histories = history_tree(game)
    regret = np.random.default_rng(seed).normal(size=histories.tree.num_sequences)
    plain = Plain(histories, np.where(np.abs(regret) < 0.3, 0, regret))
    for player in range(plain.players):
        other = 1 - player if plain.players == 2 else player
        regret, average = plain.exact(player, other)
        found, averaged = expectation(plain.sampled_walk, player, sampling)
        if plain.players != 2:
            averaged = expectation(plain.averaging_walk, player)
        assert np.allclose(found, regret, atol=1e-12)
        assert np.allclose(averaged, average, atol=1e-12)


@pytest.mark.parametrize("sampling", BOTH)
@pytest.mark.parametrize("name", [KUHN, "openspiel:kuhn_poker(players=3)", "openspiel:tiny_hanabi", "matrix:rps"])
def test_samples_are_exact_in_expectation(name, sampling):
    require_unbiased(load_game(name), sampling, 0)


@pytest.mark.parametrize("sampling", BOTH)
@pytest.mark.parametrize("seed", range(8))
def test_samples_of_random_games_are_exact_in_expectation(seed, sampling):
    players = 2 + seed % 2
    game = random_extensive(np.random.default_rng(seed), players=players, zero_sum=seed % 4 < 2, depth=4)
    require_unbiased(game, sampling, seed)


def hashed(seed, stream, num_sets):
    """The draws of the kernels: a word for each set and each chance node."""

    def draw(key, probabilities):
        kind, place = key
        counter = num_sets + place if kind == "chance" else place
        word = float(unit(counter_hash(np.uint64(seed), stream, counter)))
        if kind == "explored":
            count = len(probabilities)
            if word < EXPLORATION:
                return min(int(word / EXPLORATION * count), count - 1)
            word = (word - EXPLORATION) / (1 - EXPLORATION)
            probabilities = (probabilities - EXPLORATION / count) / (1 - EXPLORATION)
        return int(np.searchsorted(np.cumsum(probabilities), word, side="right"))

    return draw


@settings(max_examples=40, deadline=None)
@given(random_extensives(players=(1, 2, 3)))
@pytest.mark.parametrize("sampling", BOTH)
def test_kernels_equal_plain_recursion(sampling, game):
    histories = history_tree(game)
    tree = histories.tree
    state = zeros(tree)
    plain = Plain(histories, state["regret"])
    for iteration in range(3):
        advance(histories, state, 1, sampling=sampling, seed=5, exploration=EXPLORATION)
        for player in range(tree.num_players):
            stream = iteration * tree.num_players + player
            draw = hashed(seed_of(("mccfr", 5)), stream, tree.num_sets)
            regret, average = plain.sampled_walk(draw, player, sampling)
            plain.regret += regret
            plain.average += average
        if tree.num_players != 2:
            for player in range(tree.num_players):
                stream = -1 - (iteration * tree.num_players + player)
                plain.average += plain.averaging_walk(hashed(seed_of(("mccfr", 5)), stream, tree.num_sets), player)
        assert np.allclose(state["regret"], plain.regret, atol=1e-9)
        assert np.allclose(state["average"], plain.average, atol=1e-9)
        plain.regret[:], plain.average[:] = state["regret"], state["average"]  # regrets near 0 decide by their rounding


def zeros(tree):
    return {
        "clock": np.zeros(1, np.int64),
        "regret": np.zeros(tree.num_sequences),
        "average": np.zeros(tree.num_sequences),
    }


def test_words_choose_in_proportion():
    strategy = np.array([9.0, 0.0, 0.25, 0.0, 0.75, 0.0])
    words = (np.arange(1000) + 0.5) / 1000
    plain = [drawn(np.uint32(1), np.uint32(6), strategy, word) for word in words]
    assert np.bincount(plain, minlength=6).tolist() == [0, 0, 250, 0, 750, 0]
    mixed = [explored_draw(np.uint32(1), np.uint32(6), strategy, 0.5, word) for word in words]
    assert np.bincount(mixed, minlength=6).tolist() == [0, 100, 225, 100, 475, 100]
    assert drawn(np.uint32(1), np.uint32(6), strategy * 0.999, 0.9999) == 4  # sums may be rounded below 1


@pytest.mark.parametrize(("sampling", "iterations"), [("external", 40_000), ("outcome", 200_000)])
def test_kuhn_poker_comes_near_its_published_value(sampling, iterations):
    """−1/18 for the first player: Kuhn, A simplified two-person poker, 1950."""
    game = load_game(KUHN)
    solution = mccfr(game, sampling=sampling, iterations=iterations)
    assert solution.gap < 0.03 and solution.values[0] == pytest.approx(-1 / 18, abs=0.01)
    assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-12)


@pytest.mark.parametrize("sampling", BOTH)
@pytest.mark.parametrize("seed", range(3))
def test_random_zero_sum_games_are_solved(seed, sampling):
    game = random_game(seed=seed, depth=6)
    solution = mccfr(game, sampling=sampling, until=0.05, iterations=400_000)
    assert solution.converged and nash_conv(game, solution.policy) <= 0.05


@pytest.mark.parametrize("sampling", BOTH)
def test_simultaneous_moves_are_played_without_seeing_them(sampling):
    game = load_game("openspiel:goofspiel(imp_info=True,num_cards=3,points_order=descending)")
    assert mccfr(game, sampling=sampling, iterations=50_000).gap < 0.05
    strategies = mccfr(load_game("matrix:rps"), sampling=sampling, iterations=50_000).strategies
    assert np.allclose(strategies, 1 / 3, atol=0.03)


@pytest.mark.parametrize("sampling", BOTH)
def test_the_seed_decides_all(sampling):
    histories = history_tree(load_game("openspiel:leduc_poker"))
    runs = [mccfr(histories, sampling=sampling, iterations=200, seed=seed).policy for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("sampling", BOTH)
def test_an_interrupted_run_goes_on_to_the_same_end(sampling, tmp_path):
    file, histories = tmp_path / "run.npz", history_tree(load_game("openspiel:leduc_poker"))
    settings = {"sampling": sampling, "iterations": 500, "seed": 3}

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done > 60:
            raise Interrupted

    with pytest.raises(Interrupted):
        mccfr(histories, checkpoint=file, progress=stop, **settings)
    resumed, whole = mccfr(histories, checkpoint=file, **settings), mccfr(histories, **settings)
    assert resumed.policy == whole.policy and resumed.history == whole.history
    for other in ({"seed": 4}, {"sampling": "outcome" if sampling == "external" else "external"}):
        with pytest.raises(SpecificationError, match="other rules or settings"):
            mccfr(histories, checkpoint=file, **{**settings, **other})


def test_external_sampling_meets_each_own_set_once_and_takes_less_than_the_whole_game():
    """What makes an iteration cheap: of liar's dice with two faces it changes only regrets of one roll."""
    histories = history_tree(load_game("openspiel:liars_dice(dice_sides=3)"))
    state = zeros(histories.tree)
    advance(histories, state, 1, sampling="external", seed=0, exploration=EXPLORATION)
    for player in range(2):
        changed = state["regret"][histories.tree.sequences(player)] != 0
        assert 0 < changed.sum() <= len(changed) / 3


@pytest.mark.parametrize("sampling", BOTH)
def test_outside_of_two_player_zero_sum_games_nothing_is_guaranteed(sampling):
    for name in ("openspiel:kuhn_poker(players=3)", "matrix:shapley"):
        solution = mccfr(load_game(name), sampling=sampling, iterations=50, until=100.0)
        assert solution.guarantee == "none" and not solution.converged


def test_shift_and_scale_of_payoffs_change_nothing_but_the_gap():
    plain, moved = (random_game(seed=6, depth=5, shift=shift, scale=scale) for shift, scale in ((0, 1), (4, 8)))
    first, second = mccfr(plain, iterations=300), mccfr(moved, iterations=300)
    assert second.gap == pytest.approx(8 * first.gap, abs=1e-9)
    assert second.guarantee == first.guarantee != "none"


def test_it_agrees_with_full_iterations():
    game = load_game("openspiel:leduc_poker")
    sampled = mccfr(game, iterations=400_000, seed=1)
    assert sampled.gap < 0.2
    assert sampled.values[0] == pytest.approx(cfr_plus(game, until=1e-3).values[0], abs=0.05)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"sampling": "chance"}, "external"),
        ({"exploration": 0.0}, "exploration"),
        ({"exploration": 1.5}, "exploration"),
        ({"iterations": 0}, "positive"),
        ({"until": float("nan")}, "positive"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, match):
    with pytest.raises(ValueError, match=match):
        mccfr(load_game(KUHN), **wrong)


def test_a_compiled_tree_is_refused_with_what_to_give_instead():
    with pytest.raises(NotProvided, match="history_tree"):
        mccfr(compile_tree(load_game(KUHN)))
