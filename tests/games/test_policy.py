"""Mixtures: who draws which member, how often, and with whom."""

import numpy as np
import pytest

from arena.games import MixturePolicy, ObservationBatch, TabularPolicy, load_game, uniform_policy
from arena.solvers import expected_returns, nash_conv

RPS = load_game("matrix:rps")
HANDS = [TabularPolicy("matrix:rps", {f"player {p}": {action: 1.0} for p in (0, 1)}) for action in range(3)]


class Constant:
    """Plays one action."""

    def __init__(self, action):
        self.action = action

    def probabilities(self, batch):
        return np.tile(np.eye(batch.game.num_actions)[self.action], (len(batch), 1))


def first_decisions(game, matches):
    """The first decisions of all players of a simultaneous game."""
    tables = game.tables(matches)
    everywhere = np.arange(matches)
    turn = tables.start(everywhere, everywhere.astype(np.uint64))
    words = (turn.table * 7919).astype(np.uint64)
    return ObservationBatch(turn.table, turn.player, turn.legal, words, np.zeros_like(turn.table), tables)


def test_each_player_draws_by_his_own_weights():
    weights = [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]
    batch = first_decisions(RPS, 4000)
    played = MixturePolicy(HANDS, weights).probabilities(batch)
    for player in (0, 1):
        shares = played[batch.player == player].mean(axis=0)
        assert np.abs(shares - weights[player]).max() < 5 * np.sqrt(0.25 / 4000)


@pytest.mark.parametrize("game", ["matrix:rps", "openspiel:kuhn_poker"])
def test_weights_by_player_are_measured_by_player(game):
    loaded = load_game(game)
    keys = {"matrix:rps": ("player 0", "player 1"), "openspiel:kuhn_poker": ("0", "1p")}[game]
    members = [TabularPolicy(game, {key: {action: 1.0} for key in keys}) for action in (0, 1)]
    mixture = MixturePolicy(members, [[0.3, 0.7], [0.6, 0.4]])
    drawn = TabularPolicy(game, {keys[0]: {0: 0.3, 1: 0.7}, keys[1]: {0: 0.6, 1: 0.4}})
    assert nash_conv(loaded, mixture) == pytest.approx(nash_conv(loaded, drawn), abs=1e-12)
    assert expected_returns(loaded, mixture) == pytest.approx(expected_returns(loaded, drawn), abs=1e-12)


def test_the_players_of_a_team_draw_the_same_member_and_the_teams_each_their_own():
    game = load_game("smax:3m")
    batch = first_decisions(game, 300)
    chosen = MixturePolicy([Constant(1), Constant(2)], [0.5, 0.5]).probabilities(batch).argmax(axis=1)
    by_player = np.full((300, game.info.num_players), -1)
    by_player[batch.table, batch.player] = chosen
    first, second = (by_player[:, list(side)] for side in game.info.sides)
    assert (first == first[:, :1]).all()
    assert (second == second[:, :1]).all()
    assert (first[:, 0] != second[:, 0]).mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    ("weights", "says"),
    [([[0.5, 0.5], [0.9, 0.0]], "sum to 1"), ([[1.0], [1.0]], "one weight a member"), ([], "one weight a member")],
)
def test_weights_by_player_that_are_none_are_refused(weights, says):
    with pytest.raises(ValueError, match=says):
        MixturePolicy([uniform_policy("a"), uniform_policy("b")], weights)
