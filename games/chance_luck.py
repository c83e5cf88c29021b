"""The luck of recorded matches as numbers: which chance outcomes came, less how likely they were.

Each number has the expectation 0 whatever the players do, since it is judged by the probabilities that held when the outcome
was drawn. So it may be taken from returns, times anything that was learned from other matches, without moving their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game
from arena.games.ragged import Ragged
from arena.games.recorded_walk import different_rows, walk_records

MOST_COLUMNS = 128
"""Of all features: enough for the cards of small decks, few enough to learn from some hundred matches."""

_Events = tuple[tuple[int, tuple[tuple[int, float], ...]], ...]
"""Of each chance outcome: the one that came, and all with their probabilities."""


def chance_luck(game: Game, actions: Ragged) -> NDArray[np.float64]:
    """Features of the chance outcomes of recorded matches [N, K]; none where a game's records hold no chance outcomes.

    One column for each outcome of each chance event of a match, counted from its start: 1 where it came, less its
    probability. Then the products of these for the first two events. What exceeds `MOST_COLUMNS` is left out, late events
    first.

    Args:
        game: a game of OpenSpiel, or a native twin of one.
        actions: a row a match, as `TableBatch.history` gives them.

    Raises:
        NotProvided: a record that is none of this game, or a game without rules to walk by.
    """
    representative, which = different_rows(actions)
    rows = [tuple(actions.row(row).tolist()) for row in representative.tolist()]
    none: _Events = ()
    events = walk_records(game, rows, start=none, move=_noted)
    outcomes: list[set[int]] = []
    for match in events:
        for number, (_, likely) in enumerate(match):
            if number == len(outcomes):
                outcomes.append(set())
            outcomes[number].update(outcome for outcome, _ in likely)
    parts: list[NDArray[np.float64]] = []
    for number, possible in enumerate(outcomes):
        if sum(part.shape[1] for part in parts) + len(possible) > MOST_COLUMNS:
            break
        parts.append(_surprises(events, number, sorted(possible)))
    if len(parts) >= 2 and sum(part.shape[1] for part in parts) + parts[0].shape[1] * parts[1].shape[1] <= MOST_COLUMNS:
        parts.append((parts[0][:, :, None] * parts[1][:, None, :]).reshape(len(rows), -1))
    return np.concatenate([np.zeros((len(rows), 0)), *parts], axis=1)[which]


def _noted(events: _Events, ways: Sequence[int], action: int, state: Any) -> _Events:
    if state is None or len(ways) == 1:
        return events
    return (*events, (action, tuple(state.chance_outcomes())))


def _surprises(events: Sequence[_Events], number: int, possible: Sequence[int]) -> NDArray[np.float64]:
    """[rows, outcomes]: 1 where an outcome came, less its probability; 0 where there was no such event."""
    column = {outcome: at for at, outcome in enumerate(possible)}
    luck = np.zeros((len(events), len(possible)))
    for row, match in enumerate(events):
        if number < len(match):
            came, likely = match[number]
            for outcome, probability in likely:
                luck[row, column[outcome]] = (outcome == came) - probability
    return luck
