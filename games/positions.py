"""A position for each information state of a small game: what a policy is asked on to have it written down as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import ListedLegal
from arena.games.compile_tree import payoffs_of, spiel_rules
from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.observation import ObservationBatch

CHANCE, SIMULTANEOUS = -1, -2  # pyspiel.PlayerId, which a game does not give before it is loaded

InformationState = tuple[int, str]
"""A player and the name of one of his information states."""


def positions(game: Game, states: Sequence[InformationState]) -> ObservationBatch:
    """One decision at each of these information states, rows in their order.

    Of the histories that lead to an information state the first one is taken, in order of actions: the player cannot tell
    them apart. Native games show what their twins in OpenSpiel show.

    Raises:
        NotProvided: a game whose histories cannot be walked, or an information state without a choice in it.
    """
    if payoffs_of(game) is not None:
        return _of_one_choice(game, states)
    rules, twin = rules_and_twin(game)
    found = _first_histories(rules, states, game.info.specification)
    tables = twin.tables(len(states))
    tables.place(np.arange(len(states)), [one.state for one in found])
    return ObservationBatch(
        table=np.arange(len(states)),
        player=np.array([player for player, _ in states], np.int64),
        legal=ListedLegal([one.legal for one in found]),
        match_seed=np.zeros(len(states), np.uint64),
        ply=np.array([one.ply for one in found], np.int64),
        tables=tables,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """``state``: a `pyspiel.State`; ``ply``: the player's own decisions before it."""

    state: Any
    legal: list[int]
    ply: int


def rules_and_twin(game: Game) -> tuple[Any, Any]:
    """(the `pyspiel.Game`, the game of OpenSpiel that plays by it), for whoever asks agents at states of it.

    Raises:
        NotProvided: the game does not play by rules of OpenSpiel.
    """
    rules = spiel_rules(game)
    if getattr(game, "rules", None) is rules:
        return rules, game
    from arena.games.openspiel import load

    return rules, load(str(rules))


def _first_histories(rules: Any, states: Sequence[InformationState], specification: str) -> list[_Found]:
    wanted = set(states)
    found: dict[InformationState, _Found] = {}

    def see(state: Any, player: int, plies: tuple[int, ...]) -> list[int]:
        legal: list[int] = state.legal_actions(player)
        if len(legal) > 1 and len(found) < len(wanted):
            key = (player, state.information_state_string(player))
            if key in wanted and key not in found:
                found[key] = _Found(state=state, legal=legal, ply=plies[player])
        return legal

    waiting = [(rules.new_initial_state(), (0,) * rules.num_players())]
    while waiting and len(found) < len(wanted):
        state, plies = waiting.pop()
        player = state.current_player()
        if player >= 0:
            after = (*plies[:player], plies[player] + 1, *plies[player + 1 :])
            waiting.extend((state.child(action), after) for action in reversed(see(state, player, plies)))
        elif player == CHANCE:
            waiting.extend((state.child(action), plies) for action, _ in reversed(state.chance_outcomes()))
        elif player == SIMULTANEOUS:
            choices = [see(state, player, plies) for player in range(len(plies))]
            after = tuple(ply + bool(legal) for ply, legal in zip(plies, choices, strict=True))
            for joint in _joint_actions(choices):
                child = state.clone()
                child.apply_actions(joint)
                waiting.append((child, after))
    for key in states:
        if key not in found:
            raise NotProvided(f"{specification} has no decision of player {key[0]} at the information state {key[1]!r}")
    return [found[key] for key in states]


def _joint_actions(choices: list[list[int]]) -> list[list[int]]:
    """All joint actions, the last first, so that the first one is looked into first; 0 stands for nothing to choose."""
    joint: list[list[int]] = [[]]
    for legal in choices:
        joint = [[*before, action] for before in joint for action in legal or [0]]
    return joint[::-1]


def _of_one_choice(game: Game, states: Sequence[InformationState]) -> ObservationBatch:
    tables = game.tables(1)
    turn = tables.start(np.zeros(1, np.int64), np.zeros(1, np.uint64))
    row_of = {player: row for row, player in enumerate(turn.player.tolist())}
    rows: NDArray[np.int64] = np.array([row_of[player] for player, _ in states], np.int64)
    return ObservationBatch(
        table=turn.table[rows],
        player=turn.player[rows],
        legal=turn.legal.take(rows),
        match_seed=np.zeros(len(rows), np.uint64),
        ply=np.zeros(len(rows), np.int64),
        tables=tables,
    )
