"""Replays: the recorded actions played again give the recorded match, and anything else is told."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import arena
from arena.games import NotProvided, load_game
from arena.replay import replay, verify
from arena.results import MatchResult, Termination

GAMES = [
    "arena:connect_four",
    "arena:kuhn_poker",
    "openspiel:leduc_poker",
    "openspiel:kuhn_poker(players=3)",
    "openspiel:goofspiel(num_cards=4)",
    "openspiel:markov_soccer",
    "pettingzoo:tictactoe_v3",
    "pettingzoo:rps_v2",
    "matrix:prisoners_dilemma",
    "preference:rps",
]


def _match(game: str, seed: int = 3) -> MatchResult:
    players = load_game(game).info.num_players
    return arena.play(game, ["random"] * players, seed=seed)[0]


@pytest.mark.parametrize("game", GAMES)
def test_a_recorded_match_replays_to_its_end(game: str) -> None:
    loaded = load_game(game)
    for seed in range(5):
        result = _match(game, seed)
        positions = replay(loaded, result)
        assert [position.move for position in positions] == list(range(len(positions)))
        assert [position.done for position in positions] == [False] * (len(positions) - 1) + [True]
        assert list(positions[-1].actions) == result.actions.tolist()
        assert all(len(position.views) == loaded.info.num_players for position in positions)
        assert verify(loaded, result) == []


def test_a_position_says_who_did_what() -> None:
    positions = replay(load_game("openspiel:kuhn_poker"), _match("openspiel:kuhn_poker"))
    assert positions[0].player is None
    assert len(positions[0].actions) == 2, "the deal comes before the first move"
    assert [position.player for position in positions[1:3]] == [0, 1]
    assert positions[1].action_text in ("Pass", "Bet")


def test_a_joint_move_is_one_position() -> None:
    positions = replay(load_game("matrix:prisoners_dilemma"), _match("matrix:prisoners_dilemma"))
    assert len(positions) == 2
    assert positions[1].player is None
    assert len(positions[1].action) == 2
    assert positions[1].action_text.count(";") == 1


def _changed(result: MatchResult, **changes: Any) -> MatchResult:
    return dataclasses.replace(result, **changes)


def test_what_was_tampered_with_is_told() -> None:
    game = load_game("openspiel:leduc_poker")
    result = _match("openspiel:leduc_poker")
    actions = result.actions
    other_deal = actions.copy()
    other_deal[0] = (actions[0] + 1) % 6
    wrong_move = actions.copy()
    wrong_move[-1] = 77
    assert "recorded returns" in verify(game, _changed(result, returns=(9.0, -9.0)))[0]
    assert "chance outcomes" in verify(game, _changed(result, actions=other_deal))[0]
    assert "not legal" in verify(game, _changed(result, actions=wrong_move))[0]
    assert "not over" in verify(game, _changed(result, actions=actions[:-1]))[0]
    assert "over after" in verify(game, _changed(result, actions=np.append(actions, 1)))[0]
    assert "truncated" in verify(game, _changed(result, termination=Termination.TRUNCATED))[0]
    assert verify(game, _changed(result, spec=dataclasses.replace(result.spec, chance_seed=1)))


def test_a_forfeited_match_replays_as_far_as_it_went() -> None:
    def resigns(observation: arena.agents.Observation) -> int:
        return -1 if observation.ply >= 1 else observation.legal_actions[0]

    game = load_game("openspiel:tic_tac_toe")
    (result,) = arena.play(game, ["random", resigns])
    assert result.termination is Termination.ILLEGAL_MOVE
    positions = replay(game, result)
    assert len(positions) == 4
    assert not positions[-1].done
    assert verify(game, result) == []
    whole = _match("openspiel:tic_tac_toe")
    assert "nobody can have forfeited" in verify(game, _changed(whole, termination=Termination.CRASH))[0]


def test_a_game_that_does_not_replay_says_so() -> None:
    game = load_game("arena:tic_tac_toe")
    result = _match("arena:tic_tac_toe")

    class Unrepeatable:
        info = dataclasses.replace(game.info, replay="none")

    with pytest.raises(NotProvided, match="does not replay"):
        replay(Unrepeatable(), result)  # type: ignore[arg-type]
    assert verify(Unrepeatable(), result) == [  # type: ignore[arg-type]
        "Tic Tac Toe does not replay: the same actions may lead elsewhere"
    ]
