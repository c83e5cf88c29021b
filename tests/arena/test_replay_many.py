"""Many records played again at once: what fits is quiet, and what was changed is told, as the one-by-one replay tells it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import arena
from arena.games import load_game
from arena.games.ragged import Ragged
from arena.replay_many import differences, differences_of
from arena.results import MatchResults, Termination

GAMES = [
    "arena:connect_four",
    "openspiel:leduc_poker",
    "openspiel:kuhn_poker(players=3)",
    "openspiel:goofspiel(num_cards=4)",
    "pettingzoo:rps_v2",
    "matrix:prisoners_dilemma",
    "markov:soccer",
]


def _played(game: str, matches: int = 60) -> MatchResults:
    return arena.play(game, ["random"] * load_game(game).info.num_players, matches=matches, seed=7)


def _with_actions(results: MatchResults, rows: list[Any]) -> MatchResults:
    shape, dtype = results.actions.values.shape[1:], results.actions.values.dtype
    return dataclasses.replace(results, actions=Ragged.of_arrays(rows, width=shape, dtype=dtype))


@pytest.mark.parametrize("game", GAMES)
def test_recorded_matches_play_again_to_their_ends(game: str) -> None:
    assert differences(load_game(game), _played(game)) == {}


@pytest.mark.parametrize("game", GAMES)
def test_each_changed_return_is_told_with_its_row(game: str) -> None:
    results = _played(game)
    returns = results.returns.copy()
    returns[[3, 40], 0] += 0.25
    found = differences(load_game(game), dataclasses.replace(results, returns=returns))
    assert list(found) == [3, 40]
    assert all("recorded returns" in said for (said,) in found.values())


@pytest.mark.parametrize("game", GAMES)
def test_a_shortened_record_is_told(game: str) -> None:
    results = _played(game)
    rows = [results.actions.row(i) for i in range(len(results))]
    rows[5] = rows[5][:-1]
    found = differences(load_game(game), _with_actions(results, rows))
    assert list(found) == [5]
    assert any(word in found[5][0] for word in ("not over", "within joint move", "chance outcomes"))


def test_more_matches_than_tables_are_all_looked_at() -> None:
    game = load_game("openspiel:kuhn_poker")
    few = dataclasses.replace(game.info, tables_at_once=4)

    class Small:
        info = few
        tables = staticmethod(game.tables)

    results = _played("openspiel:kuhn_poker", 30)
    returns = results.returns.copy()
    returns[::7] = 9
    counted: list[int] = []
    found = differences(Small(), dataclasses.replace(results, returns=returns), on_finished=counted.append)  # type: ignore[arg-type]
    assert list(found) == list(range(0, 30, 7)) and sum(counted) == 30


def test_every_kind_of_change_is_named() -> None:
    game, results = load_game("openspiel:leduc_poker"), _played("openspiel:leduc_poker")
    result = results[0]
    other_deal, wrong_move = result.actions.copy(), result.actions.copy()
    other_deal[0] = (other_deal[0] + 1) % 6
    wrong_move[-1] = 77

    def told(**changes: Any) -> str:
        (said,) = differences_of(game, dataclasses.replace(result, **changes))
        return said

    assert "chance outcomes" in told(actions=other_deal)
    assert "not legal" in told(actions=wrong_move)
    assert "not over" in told(actions=result.actions[:-1])
    assert "over after" in told(actions=np.append(result.actions, 1))
    assert "truncated" in told(termination=Termination.TRUNCATED)
    assert "nobody can have forfeited" in told(termination=Termination.CRASH, forfeited_by=0)


def test_a_forfeit_costs_what_the_rules_say() -> None:
    def resigns(observation: arena.agents.Observation) -> int:
        return -1 if observation.ply >= 1 else observation.legal_actions[0]

    game = load_game("openspiel:tic_tac_toe")
    (result,) = arena.play("openspiel:tic_tac_toe", ["random", resigns])
    assert differences_of(game, result) == []
    cheap = dataclasses.replace(result, returns=(0.0, 0.0))
    assert "a forfeit of player 1 gives" in differences_of(game, cheap)[0]
    unsaid = dataclasses.replace(result, termination=Termination.NORMAL, forfeited_by=None)
    assert "not over" in differences_of(game, unsaid)[0]


def test_a_game_that_does_not_replay_is_no_proof() -> None:
    game = load_game("arena:tic_tac_toe")

    class Unrepeatable:
        info = dataclasses.replace(game.info, replay="none")

    found = differences(Unrepeatable(), _played("arena:tic_tac_toe", 2))  # type: ignore[arg-type]
    assert list(found) == [0, 1] and "does not replay" in found[0][0]
