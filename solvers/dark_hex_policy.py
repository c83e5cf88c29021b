"""Policies of dark hex as arrays over its information sets, whatever form they come in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from arena.games.dark_hex_index import DarkHexIndex, DarkHexSets
from arena.games.dark_hex_positions import dark_hex_positions
from arena.games.errors import NotProvided, SpecificationError
from arena.games.policy import MixturePolicy, Policy, TabularPolicy
from arena.solvers.dark_hex_kernels import fill_reach
from arena.solvers.policy_table import is_asked
from arena.solvers.tree_measures import PROBABILITY_TOLERANCE

ASKED_AT_ONCE = 65_536
"""Information sets of one batch, and those that are checked at once."""

DarkHexTables = Sequence[NDArray[np.floating]]
"""One table a player, [num_sets, cells]: the probability of each cell, 0 where he already knows what is there."""

DarkHexPolicy = Policy | DarkHexTables
BothPlayers = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A number for each sequence of each player [S]."""


def realisation_weights(index: DarkHexIndex, policy: DarkHexPolicy) -> BothPlayers:
    """The product of a player's own probabilities along each of his sequences.

    Those of a mixture, whose member is drawn once a match and player, are the mean of its members'.

    Raises:
        As `strategy`.
    """
    if isinstance(policy, MixturePolicy):
        first, second = (np.zeros(sets.num_sequences) for sets in index.players)
        for k, member in enumerate(policy.members):
            own, other = realisation_weights(index, member)
            first += policy.weights_of(0)[k] * own
            second += policy.weights_of(1)[k] * other
        return first, second
    probabilities = strategy(index, policy)
    for sets, values in zip(index.players, probabilities, strict=True):
        fill_reach(sets.first, sets.parent, values)
    return probabilities


def strategy(index: DarkHexIndex, policy: DarkHexPolicy) -> BothPlayers:
    """The probability of each sequence's last move.

    Raises:
        SpecificationError: the policy does not fit the game, or depends on the number of moves made.
        NotProvided: it has no probabilities.
    """
    if isinstance(policy, TabularPolicy):
        return _of_strings(index, policy)
    if is_asked(policy):
        return _answers(index, policy, 0), _answers(index, policy, 1)
    if not isinstance(policy, Sequence) or isinstance(policy, str):
        raise NotProvided("measures of dark hex need a policy with probabilities, or a table a player")
    if len(policy) != 2:
        raise SpecificationError(f"a policy of dark hex is two tables, one a player; got {len(policy)}")
    return _of_table(index, 0, np.asarray(policy[0])), _of_table(index, 1, np.asarray(policy[1]))


def _of_table(index: DarkHexIndex, player: int, table: NDArray[np.floating]) -> NDArray[np.float64]:
    shape = (index.players[player].num_sets, index.cells)
    if table.shape != shape:
        raise SpecificationError(
            f"the table of player {player} must be {list(shape)}, an information set a row; got {list(table.shape)}"
        )
    probabilities = np.empty(index.players[player].num_sequences)
    for rows, span in _batches(index, player):
        probabilities[span] = _checked(index, player, rows, table[rows])
    return probabilities


def _answers(index: DarkHexIndex, policy: Policy, player: int) -> NDArray[np.float64]:
    probabilities = np.empty(index.players[player].num_sequences)
    for rows, span in _batches(index, player):
        answered = np.asarray(policy.probabilities(dark_hex_positions(index, player, rows)))
        if answered.shape != (len(rows), index.cells):
            raise SpecificationError(
                f"probabilities must have the shape {[len(rows), index.cells]}; got {list(answered.shape)}"
            )
        probabilities[span] = _checked(index, player, rows, answered)
    return probabilities


def _batches(index: DarkHexIndex, player: int) -> Iterator[tuple[NDArray[np.int64], slice]]:
    """A player's information sets in batches, each with its sequences."""
    sets = index.players[player]
    for begin in range(0, sets.num_sets, ASKED_AT_ONCE):
        end = min(begin + ASKED_AT_ONCE, sets.num_sets)
        yield np.arange(begin, end), slice(int(sets.first[begin]), int(sets.first[end]))


def _checked(
    index: DarkHexIndex, player: int, rows: NDArray[np.int64], table: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The probabilities of legal moves in rows of a table, one after the other; each row scaled to a sum of 1.

    Raises:
        SpecificationError: a row is no distribution over the cells that the player may choose.
    """
    is_open = index.open_cells(player, rows)
    fits = (table >= 0).all(axis=1) & ((table == 0) | is_open).all(axis=1)
    fits &= np.abs(table.sum(axis=1) - 1) <= PROBABILITY_TOLERANCE
    if not fits.all():
        wrong = int(np.flatnonzero(~fits)[0])
        raise SpecificationError(
            f"player {player}'s probabilities must be at least 0, sum to 1 and leave out the cells that he knows; row "
            f"{int(rows[wrong])}, after the moves {index.moves(player, int(rows[wrong]))}, is {table[wrong].tolist()}"
        )
    wide = table.astype(np.float64)
    probabilities: NDArray[np.float64] = (wide / wide.sum(axis=1, keepdims=True))[
        is_open
    ]  # single precision adds up badly
    return probabilities


def _of_strings(index: DarkHexIndex, policy: TabularPolicy) -> BothPlayers:
    first, second = _uniform(index.players[0]), _uniform(index.players[1])
    seen: dict[tuple[int, int], dict[int, float]] = {}
    for key, choices in policy.table.items():
        player, row = index.find(key)
        cells = np.flatnonzero(index.open_cells(player, np.array([row]))[0]).tolist()
        probabilities = {cell: choices.get(cell, 0.0) for cell in cells}
        if abs(sum(probabilities.values()) - 1) > PROBABILITY_TOLERANCE:
            raise SpecificationError(
                f"the policy does not spread all of its probability over the legal actions {cells} at information state "
                f"{key!r}; got {dict(choices)}"
            )
        if seen.setdefault((player, row), probabilities) != probabilities:
            raise SpecificationError(
                f"the policy depends on how many moves were made in all, which the player is not shown: {key!r}"
            )
        begin = int(index.players[player].first[row])
        (first, second)[player][begin : begin + len(cells)] = list(probabilities.values())
    return first, second


def _uniform(sets: DarkHexSets) -> NDArray[np.float64]:
    begins = sets.first.astype(np.int64)
    counts = begins[1:] - begins[:-1]
    return np.repeat(1 / counts, counts)
