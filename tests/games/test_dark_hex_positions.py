"""Decisions at information sets of dark hex: what OpenSpiel shows in a match that leads there."""

import random

import numpy as np
import pyspiel
import pytest
from dark_hex_histories import spiel_name

from arena.games import NotProvided
from arena.games.dark_hex_index import dark_hex_index
from arena.games.dark_hex_positions import dark_hex_positions, information_state_tensors


def decisions(rows, columns, version, matches):
    """(index, player, row, state of OpenSpiel) at the decisions of random matches."""
    index = dark_hex_index(rows=rows, columns=columns, version=version)
    rng, rules = random.Random(3), pyspiel.load_game(spiel_name(rows, columns, version))
    for _ in range(matches):
        state = rules.new_initial_state()
        while not state.is_terminal():
            player, row = index.find(state.information_state_string())
            yield index, player, row, state
            state.apply_action(rng.choice(state.legal_actions()))


CASES = [(2, 3, "cdh"), (3, 2, "adh"), (2, 4, "adh")]


@pytest.mark.parametrize("case", CASES)
def test_tensors_are_openspiels(case):
    for index, player, row, state in decisions(*case, matches=20):
        batch = dark_hex_positions(index, player, np.array([row]))
        assert batch.tensor()[0].tolist() == state.observation_tensor(player)
        told = information_state_tensors(index, player, np.array([row]))
        assert told.dtype == np.float32 and told[0].tolist() == state.information_state_tensor(player)


@pytest.mark.parametrize("case", CASES)
def test_texts_and_legal_actions_are_openspiels(case):
    for index, player, row, state in decisions(*case, matches=20):
        batch = dark_hex_positions(index, player, np.array([row]))
        assert batch.text() == [state.observation_string(player)]
        assert batch.legal.lists() == [state.legal_actions()]
        assert [batch.action_text(0, a) for a in state.legal_actions()] == [
            state.action_to_string(player, a) for a in state.legal_actions()
        ]


def test_information_states_tell_the_fewest_moves():
    for index, player, row, state in decisions(2, 3, "cdh", matches=20):
        (name,) = dark_hex_positions(index, player, np.array([row])).information_state()
        told = state.information_state_string(player)
        assert name.split("\n")[-2:][1] == told.split("\n")[-1]
        assert int(name.split("\n")[-2]) <= int(told.split("\n")[-2])


def test_batches_name_game_player_and_ply():
    index = dark_hex_index(rows=2, columns=3, version="adh")
    rows = np.array([0, 1, 40])
    batch = dark_hex_positions(index, 1, rows)
    assert batch.game.specification == "openspiel:dark_hex(gameversion=adh,num_rows=2)"
    assert batch.player.tolist() == [1, 1, 1]
    assert batch.ply.tolist() == [len(index.moves(1, row)) for row in rows.tolist()]
    assert batch.tables.capacity == index.players[0].num_sets


def test_no_match_is_played():
    index = dark_hex_index(rows=2, columns=2)
    batch = dark_hex_positions(index, 0, np.array([0]))
    with pytest.raises(NotProvided, match="no match of openspiel:dark_hex"):
        batch.search_state(0, seed=1)
