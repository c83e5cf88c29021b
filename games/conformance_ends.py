"""The conformance kit's check that matches end as the states do that a game gives to search from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arena.games.conformance_decisions import fail
from arena.games.conformance_facts import TOLERANCE, Match
from arena.games.game import GameInfo, TableBatch

DRAWS = 16  # states of hidden information, which must all end alike before they are held against a match
MORE_DRAWS = 200  # in which the match's own end is looked for before it is called wrong
CONTRADICTIONS = 2  # a rare end may be missed once

Returns = tuple[float, ...]


def check_ends(info: GameInfo, tables: TableBatch, matches: Sequence[Match], chance: NDArray[np.uint64]) -> None:
    """Plays each match again up to its last move, makes this move in states to search from, and compares the returns.

    Under perfect information the state is the position, and its returns are the match's. Under hidden information states
    of one information state may end differently: only those that all end alike count, and only when most of such matches
    disagree with them.
    """
    if not info.has_simulator or info.simultaneous:
        return
    wrong: list[tuple[Returns, Returns]] = []
    counted = 0
    for i, match in enumerate(matches):
        if match.returns is None or match.truncated or not match.decisions:
            continue
        player = _to_last_decision(tables, match, chance[i : i + 1])
        perfect = info.information == "perfect"
        ends = {_end(tables, player, match, draw) for draw in range(1 if perfect else DRAWS)}
        (expected, *others) = ends
        if expected is None or others:
            continue
        counted += 1
        if _alike(expected, match.returns):
            continue
        if perfect:
            fail(
                info, f"match {i} returned {match.returns}; its search state ends with {expected} on the same last move"
            )
        drawn = (_end(tables, player, match, draw) for draw in range(DRAWS, DRAWS + MORE_DRAWS))
        if not any(end is not None and _alike(end, match.returns) for end in drawn):
            wrong.append((match.returns, expected))
    if len(wrong) >= CONTRADICTIONS and 2 * len(wrong) > counted:
        returned, expected = wrong[0]
        fail(
            info,
            f"{len(wrong)} of {counted} matches returned what no search state ends with on the same last move, for "
            f"example {returned} for {expected}",
        )


def _to_last_decision(tables: TableBatch, match: Match, chance: NDArray[np.uint64]) -> int:
    """The player of the match's last decision, which is due then at table 0."""
    turn = tables.start(np.zeros(1, np.int64), chance)
    for _, _, action in match.decisions[:-1]:
        turn = tables.step(turn.table, turn.player, np.array([action], tables.info.action_space.dtype))
    return int(turn.player[0])


def _end(tables: TableBatch, player: int, match: Match, seed: int) -> Returns | None:
    """The returns of a search state after the match's last move; None where chance or a player still moves."""
    state = tables.search_state(0, player, seed).clone()
    action = match.decisions[-1][2]
    assert isinstance(action, int)
    state.apply_action(action)
    return tuple(state.returns()) if state.is_terminal() else None


def _alike(a: Returns, b: Returns) -> bool:
    return len(a) == len(b) and bool(np.allclose(a, b, atol=TOLERANCE))
