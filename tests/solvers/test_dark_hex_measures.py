"""Dark hex without its tree: the same numbers as on the tree, published values, certificates, refusals."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from dark_hex_histories import BOARDS, plain_tree, spiel_name, without_number
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import MixturePolicy, NotProvided, SpecificationError, TabularPolicy, load_game, uniform_policy
from arena.games.dark_hex_index import dark_hex_index
from arena.solvers import best_response, expected_returns, nash_conv
from arena.solvers.dark_hex_measures import dark_hex_measures, dark_hex_nash_conv
from arena.solvers.tree_measures import measures, tabulated

VERSIONS = ["cdh", "adh"]


@cache
def small_index(rows, columns, version):
    return dark_hex_index(rows=rows, columns=columns, version=version)


def open_cells(index, player):
    sets = index.players[player]
    return (sets.own | sets.hit)[:, None] >> np.arange(index.cells) & 1 == 0


def random_tables(index, seed, zeros=0.0):
    """A random table a player; about so many of the weights are 0."""
    rng, tables = np.random.default_rng(seed), []
    for player in (0, 1):
        is_open = open_cells(index, player)
        weights = rng.exponential(size=is_open.shape) * (rng.random(is_open.shape) >= zeros) * is_open
        weights[weights.sum(axis=1) == 0] = is_open[weights.sum(axis=1) == 0]
        tables.append(weights / weights.sum(axis=1, keepdims=True))
    return tables


def on_the_tree(index, tables):
    """The measures of the same policy on the tree, walked history by history."""
    policy = {}
    for player, table in enumerate(tables):
        for row, probabilities in enumerate(table.tolist()):
            key = without_number(index.names(player, row)[0])
            key = key if key.strip(".\n") else f"{player}{key}"
            policy[key] = {cell: p for cell, p in enumerate(probabilities) if p > 0}
    tree = plain_tree(index.rows, index.columns, index.version)
    return measures(tree, tabulated(tree, TabularPolicy("", policy)))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("rows", "columns"), BOARDS)
@pytest.mark.parametrize("zeros", [0.0, 0.6, 1.0])
def test_measures_are_those_of_the_tree(rows, columns, version, zeros):
    index = small_index(rows, columns, version)
    tables = random_tables(index, seed=5, zeros=zeros)
    found, plain = dark_hex_measures(tables, index=index), on_the_tree(index, tables)
    np.testing.assert_allclose(found.returns, plain.returns, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.responses, plain.responses, rtol=0, atol=1e-10)
    assert found.nash_conv == pytest.approx(plain.nash_conv, abs=1e-10)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), zeros=st.floats(0, 1), version=st.sampled_from(VERSIONS))
def test_measures_of_any_policy_are_those_of_the_tree(seed, zeros, version):
    index = small_index(2, 2, version)
    tables = random_tables(index, seed, zeros)
    found, plain = dark_hex_measures(tables, index=index), on_the_tree(index, tables)
    np.testing.assert_allclose(found.returns, plain.returns, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.responses, plain.responses, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("rows", "columns"), BOARDS)
def test_the_abrupt_game_is_openspiels_with_its_information_states(rows, columns):
    index = small_index(rows, columns, "adh")
    table = {
        index.names(player, row)[0]: {cell: p for cell, p in enumerate(probabilities) if p > 0}
        for player, rows_ in enumerate(random_tables(index, seed=6))
        for row, probabilities in enumerate(rows_.tolist())
    }
    game = load_game(f"openspiel:{spiel_name(rows, columns, 'adh')}")
    policy = TabularPolicy(game.info.specification, table)
    assert dark_hex_nash_conv(policy, index=index) == pytest.approx(nash_conv(game, policy), abs=1e-10)


@pytest.fixture(scope="module")
def uniform_3x3():
    return dark_hex_measures(uniform_policy(""))


def test_uniform_play_on_classical_3x3_has_the_published_nash_conv(uniform_3x3):
    """exp-a-spiel's README, of arXiv:2502.08938: exploitabilities 1.166488 and 0.666318."""
    assert uniform_3x3.nash_conv == pytest.approx(1.166488 + 0.666318, abs=1e-5)


def test_best_responses_to_uniform_play_on_classical_3x3_have_the_published_values(uniform_3x3):
    """The same source: exploitability of player 0 = the response's value + 0.333684, of player 1 = its value − 0.333684."""
    np.testing.assert_allclose(uniform_3x3.responses, [0.666318 + 0.333684, 1.166488 - 0.333684], atol=1e-5)


def test_uniform_play_on_classical_3x3_fills_the_board_at_random(uniform_3x3):
    """Hits do not change what is placed, so that it wins as often as the 126 ways to fill the board with five stones say."""
    index = small_index(2, 2, "cdh")
    assert index.wins[0, 0b0101] and not index.wins[0, 0b0011]
    wins = dark_hex_index(rows=3, columns=3).wins[0]
    won = sum(bool(wins[sum(1 << cell for cell in cells)]) for cells in combinations(range(9), 5))
    np.testing.assert_allclose(uniform_3x3.returns, [2 * won / 126 - 1, 1 - 2 * won / 126], atol=1e-10)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("player", [0, 1])
def test_the_best_response_earns_its_value(version, player):
    index = small_index(2, 3, version)
    tables = random_tables(index, seed=7)
    found = dark_hex_measures(tables, index=index)
    tables[player] = np.eye(index.cells)[found.choice[player]]
    again = dark_hex_measures(tables, index=index)
    assert again.returns[player] == pytest.approx(found.responses[player], abs=1e-12)
    assert again.gains[player] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("version", VERSIONS)
def test_measures_stay_when_the_board_is_turned(version):
    """Half a turn maps each player's sides onto each other."""
    index = small_index(2, 3, version)
    tables = random_tables(index, seed=8)
    turned = [np.zeros_like(table) for table in tables]
    for player, table in enumerate(tables):
        for row in range(len(table)):
            *view, number, told = index.names(player, row)[0].split("\n")
            moves = [f"{player},{index.cells - 1 - cell} " for cell, _ in index.moves(player, row)]
            assert told.count(",") == len(moves)
            _, other = index.find("\n".join([*(line[::-1] for line in view[::-1]), number, "".join(moves)]))
            turned[player][other] = table[row, ::-1]
    found, again = dark_hex_measures(tables, index=index), dark_hex_measures(turned, index=index)
    np.testing.assert_allclose(again.responses, found.responses, rtol=0, atol=1e-12)
    np.testing.assert_allclose(again.returns, found.returns, rtol=0, atol=1e-12)


@pytest.mark.parametrize("version", VERSIONS)
def test_threads_change_nothing_but_rounding(version):
    index = small_index(3, 2, version)
    tables = random_tables(index, seed=9)
    one, three = (dark_hex_measures(tables, index=index, threads=threads) for threads in (1, 3))
    np.testing.assert_allclose(three.responses, one.responses, rtol=0, atol=1e-13)
    np.testing.assert_allclose(three.returns, one.returns, rtol=0, atol=1e-13)


def test_what_one_player_expects_the_other_loses():
    index = small_index(2, 3, "adh")
    found = dark_hex_measures(random_tables(index, seed=10), index=index)
    assert found.returns.sum() == pytest.approx(0, abs=1e-13)
    assert found.exploitability == pytest.approx(found.gains.sum() / 2)


def test_progress_counts_the_openings():
    told = []
    dark_hex_nash_conv(uniform_policy(""), rows=2, columns=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_rows_of_single_precision_are_scaled_to_a_sum_of_one():
    index = small_index(2, 3, "cdh")
    narrow = [table.astype(np.float32) for table in random_tables(index, seed=11)]
    wide = [table / table.sum(axis=1, keepdims=True) for table in (t.astype(np.float64) for t in narrow)]
    assert any((table.astype(np.float64).sum(axis=1) != 1).any() for table in narrow)
    assert dark_hex_nash_conv(narrow, index=index) == pytest.approx(dark_hex_nash_conv(wide, index=index), abs=1e-12)


def test_states_that_are_not_named_are_played_uniformly():
    index = small_index(2, 2, "cdh")
    tables = [is_open / is_open.sum(axis=1, keepdims=True) for is_open in (open_cells(index, p) for p in (0, 1))]
    tables[0][0] = [1, 0, 0, 0]
    policy = TabularPolicy("", {index.names(0, 0)[0]: {0: 1.0}})
    assert dark_hex_nash_conv(policy, index=index) == pytest.approx(dark_hex_nash_conv(tables, index=index), abs=1e-12)


def test_a_policy_that_depends_on_the_number_of_moves_is_refused():
    index = small_index(2, 3, "cdh")
    row = next(row for row in range(index.players[0].num_sets) if len(index.names(0, row)) > 1)
    cells = np.flatnonzero(open_cells(index, 0)[row]).tolist()
    one, two, *_ = index.names(0, row)
    same = TabularPolicy("", {one: {cells[0]: 1.0}, two: {cells[0]: 1.0}})
    assert dark_hex_nash_conv(same, index=index) > 0
    with pytest.raises(SpecificationError, match="how many moves were made"):
        dark_hex_nash_conv(TabularPolicy("", {one: {cells[0]: 1.0}, two: {cells[1]: 1.0}}), index=index)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"x.\n..\n5\n0,0 ": {1: 1.0}}, "is no information state"),
        ({"..\n..\n0\n": {0: 0.5, 7: 0.5}}, "legal actions"),
        ({"kuhn": {0: 1.0}}, "is no information state"),
    ],
)
def test_a_policy_of_another_game_is_refused(table, message):
    with pytest.raises(SpecificationError, match=message):
        dark_hex_nash_conv(TabularPolicy("", table), rows=2, columns=2)


class Softmax:
    """A policy by a random linear function of the observation tensor."""

    def __init__(self, seed, cells):
        self.weights = np.random.default_rng(seed).normal(size=(9 * cells, cells))

    def probabilities(self, batch):
        rows = np.exp(batch.tensor() @ self.weights) * batch.legal.mask(batch.game.num_actions)
        return rows / rows.sum(axis=1, keepdims=True)


def test_a_policy_of_observations_is_asked_at_every_information_set():
    game, policy = load_game(f"openspiel:{spiel_name(2, 3, 'adh')}"), Softmax(13, cells=6)
    found = dark_hex_nash_conv(policy, index=small_index(2, 3, "adh"))
    assert found == pytest.approx(nash_conv(game, policy), abs=1e-10)


def test_a_mixture_is_drawn_once_a_match():
    game = load_game(f"openspiel:{spiel_name(2, 3, 'adh')}")
    mixture = MixturePolicy([Softmax(14, cells=6), uniform_policy(""), Softmax(15, cells=6)], [0.5, 0.2, 0.3])
    found = dark_hex_nash_conv(mixture, index=small_index(2, 3, "adh"))
    assert found == pytest.approx(nash_conv(game, mixture), abs=1e-10)


def test_answers_of_another_shape_are_refused():
    policy = Softmax(16, cells=4)
    policy.probabilities = lambda batch: np.ones((len(batch), 5)) / 5
    with pytest.raises(SpecificationError, match=r"must have the shape \[17, 4\]; got \[17, 5\]"):
        dark_hex_nash_conv(policy, index=small_index(2, 2, "cdh"))


@pytest.mark.parametrize("policy", ["uniform", 3, None])
def test_what_has_no_probabilities_is_refused(policy):
    with pytest.raises(NotProvided, match="need a policy with probabilities"):
        dark_hex_nash_conv(policy, index=small_index(2, 2, "cdh"))


def broken(change):
    tables = random_tables(small_index(2, 2, "cdh"), seed=12)
    return change(tables)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: [t[0]], "two tables"),
        (lambda t: [t[1], t[0]], "the table of player 0 must be"),
        (lambda t: [t[0] * np.nan, t[1]], "player 0's probabilities must be at least 0"),
        (lambda t: [t[0], -t[1]], "player 1's probabilities must be at least 0"),
        (lambda t: [t[0], t[1] * 1.01], r"row 0, after the moves \[\], is"),
        (lambda t: [t[0], np.roll(t[1], 1, axis=1)], r"row 1, after the moves \[\(0, False\)\], is"),
    ],
)
def test_tables_that_are_no_policy_are_refused(change, message):
    with pytest.raises(SpecificationError, match=message):
        dark_hex_nash_conv(broken(change), index=small_index(2, 2, "cdh"))


def test_no_threads_are_refused():
    with pytest.raises(ValueError, match="threads must be at least 1"):
        dark_hex_nash_conv(uniform_policy(""), rows=2, columns=2, threads=0)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("measure", [nash_conv, expected_returns, lambda game, policy: best_response(game, policy, 0)])
def test_measures_that_need_the_tree_name_those_that_do_not(version, measure):
    with pytest.raises(NotProvided, match=r"arena\.solvers\.dark_hex_measures"):
        measure(load_game(f"openspiel:dark_hex(gameversion={version})"), uniform_policy(""))
