"""Matches that are played elsewhere look to an agent as those that are played here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from arena.agents import load_agent
from arena.agents.heard import Heard, HeardGame, HeardTables, can_be_followed
from arena.agents.observation import ALL_PARTS, Observation, observations
from arena.games import NotProvided, ObservationBatch, ProtocolError, SpecificationError, load_game

GAMES = ["openspiel:tic_tac_toe", "openspiel:leduc_poker", "arena:connect_four", "openspiel:kuhn_poker"]


def walk(specification: str, *, moves: int = 3):
    """(the batch of each decision of a match here, the same as it is heard of elsewhere)."""
    game = load_game(specification)
    tables, heard = game.tables(1), HeardTables(game, 4)
    turn = tables.start(np.array([0]), np.array([7], np.uint64))
    heard.begin(2)
    for ply in range(moves):
        batch = ObservationBatch(
            turn.table, turn.player, turn.legal, np.array([9], np.uint64), np.array([ply]), tables, np.array([2.0])
        )
        (row,) = observations(batch)
        told = Observation.from_message(json.loads(json.dumps(row.to_message(ALL_PARTS))))
        moved = tables.history(np.array([0])).row(0).tolist()
        there = heard.batch([Heard(table=2, observation=told, limit_s=2.0, moves=moved)])
        yield batch, there
        turn = tables.step(turn.table, turn.player, np.array([turn.legal.lists()[0][-1]]))
        if not len(turn.table):
            return


@pytest.mark.parametrize("specification", GAMES)
def test_a_decision_is_the_same_heard_of_as_seen(specification):
    for here, there in walk(specification):
        assert there.table.tolist() == [2]
        assert there.player.tolist() == here.player.tolist()
        assert there.legal.lists() == here.legal.lists()
        assert there.limit_s is not None
        assert there.limit_s.tolist() == [2.0]
        assert np.array_equal(there.tensor(), here.tensor())
        assert there.text() == here.text()
        if here.game.has_information_state:
            assert there.information_state() == here.information_state()
        if here.game.information_state_width is not None:
            assert np.array_equal(there.information_state_tensor(), here.information_state_tensor())


def test_a_game_without_chance_or_secrets_is_followed_and_can_be_searched():
    for here, there in walk("openspiel:tic_tac_toe"):
        assert str(there.search_state(0, 1)) == str(here.search_state(0, 1))


@pytest.mark.parametrize("specification", ["openspiel:leduc_poker", "openspiel:backgammon", "openspiel:phantom_ttt"])
def test_what_is_hidden_or_drawn_cannot_be_followed(specification):
    assert not can_be_followed(load_game(specification).info)


def test_what_is_only_told_cannot_be_searched():
    _, there = next(walk("openspiel:leduc_poker"))
    with pytest.raises(NotProvided, match="only as its player sees it"):
        there.search_state(0, 1)


def test_agents_that_search_are_refused_where_a_match_cannot_be_followed():
    with pytest.raises(SpecificationError, match="needs states to search from"):
        load_agent("ismcts", game=HeardGame(load_game("openspiel:leduc_poker")))
    load_agent("mcts", game=HeardGame(load_game("openspiel:tic_tac_toe"))).close()


@pytest.mark.parametrize(
    ("moves", "said"), [([0, 0], "move 2 of the match, 0, is not legal here"), ([0], "not the turn of player 0")]
)
def test_moves_that_are_none_of_this_game_are_said(moves, said):
    game = load_game("openspiel:tic_tac_toe")
    heard = HeardTables(game, 1)
    heard.begin(0)
    told = Observation.from_message(
        {"game": "openspiel:tic_tac_toe", "player": 0, "ply": 0, "seed": 1, "match": 2, "legal_actions": [1]}
    )
    with pytest.raises(ProtocolError, match=said):
        heard.batch([Heard(table=0, observation=told, limit_s=None, moves=moves)])
