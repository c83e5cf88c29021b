import numpy as np
import pytest

from arena.agents.registry import load_agent
from arena.games import load_game
from arena.playing import play


def test_random_play_chooses_every_legal_action_alike():
    results = play("openspiel:tic_tac_toe", ["random", "random"], matches=1800, seed=3)
    first = np.bincount([match.actions[0] for match in results], minlength=9)
    assert first.sum() == 1800
    assert ((first - 200) ** 2 / 200).sum() < 26.1  # chi-square, 8 degrees of freedom: one in a thousand is above


def test_random_play_is_the_same_at_one_table_and_at_many(play_at):
    game = load_game("openspiel:leduc_poker")
    agents = [load_agent("random", game=game)] * 2
    assert play_at(game, agents, tables=1).equals(play_at(game, agents, tables=100))
    assert not play_at(game, agents, tables=1, seed=1).equals(play_at(game, agents, tables=1, seed=2))


@pytest.mark.parametrize("name", ["openspiel:matrix_pd", "openspiel:goofspiel(num_cards=4)", "openspiel:tic_tac_toe"])
def test_random_plays_every_kind_of_game(name):
    game = load_game(name)
    results = play(game, [load_agent("random", game=game)] * game.info.num_players, matches=20)
    assert (results.forfeit == -1).all()
