"""What recorded matches tell of expected returns: AIVAT where the game has a tree, else chance outcomes as control variates.

Values of what is unknown are learned from matches: those of each fold from the other folds (cross-fitting), where matches
that share their chance share a fold, so that what is learned never comes from the match that it adjusts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games import Game, NotProvided
from arena.games.chance_luck import chance_luck
from arena.games.game_tree import GameTree
from arena.games.history_tree import HistoryTree, history_tree
from arena.games.ragged import Ragged
from arena.games.recorded_ends import recorded_ends
from arena.games.recorded_walk import different_rows
from arena.games.seeds import AGENT_STREAM, counter_hash
from arena.leaderboards.control_variates import cross_fitted
from arena.solvers.aivat import Situations, aivat, observed_strategy, situations, times_played
from arena.solvers.aivat_kernels import TERMINAL
from arena.solvers.sequence_form_lp import sequence_form_lp
from arena.solvers.tree_measures import tabulated, uniform_strategy

RETURN_TOLERANCE = 1e-6  # trees pay what the rules pay, up to rounding
FOLDS = 4
"""Each fold learns from three quarters of the matches. More folds learn little more and take longer."""

Values = Literal["fitted", "uniform", "equilibrium"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Matches with their moves. ``seats`` int64 [N, num_players]: agent by number, -1 nobody; ``returns`` [N, num_players];
    ``forfeit`` [N], -1 none; ``chance_seed`` [N]; ``actions``: a row a match; ``has_moves`` bool [N]: False of matches that
    were imported without them."""

    seats: NDArray[np.int64]
    returns: NDArray[np.float64]
    forfeit: NDArray[np.int64]
    chance_seed: NDArray[np.uint64]
    actions: Ragged
    has_moves: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.seats)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """``returns`` [N, num_players]: estimates of the expected returns; those paid, where nothing is known better.

    ``doubted``: agents, by number, that did what their probabilities rule out, and whose probabilities were not used.
    """

    returns: NDArray[np.float64]
    doubted: frozenset[int]


def fold_of(chance_seed: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The fold of each match [N], by its chance alone: whatever the order of matches, twins are in one."""
    folds: NDArray[np.int64] = (counter_hash(chance_seed, AGENT_STREAM, 0) % np.uint64(FOLDS)).astype(np.int64)
    return folds


def adjusted_by_aivat(
    game: Game, matches: Recorded, strategies: Mapping[int, NDArray[np.float64]], *, values: Values = "fitted"
) -> Adjusted:
    """AIVAT estimates of the expected returns of recorded matches.

    Args:
        game: what was played; it must have a tree.
        matches: with their moves.
        strategies: agent by number -> its probabilities [S] on the game's tree, of all agents that tell them.
        values: what the values of situations are made of: how unknown agents were seen to play in the other folds, uniform
            play of theirs, or an equilibrium (two players, constant sum).

    Raises:
        NotProvided: the game has no tree, or the record is none of this game.
    """
    histories = history_tree(game)
    nodes = np.zeros(len(matches), np.int64)
    moved = np.flatnonzero(matches.has_moves)
    nodes[moved] = recorded_ends(game, histories, matches.actions.take(moved))
    ended = matches.has_moves & (matches.forfeit < 0) & (histories.mover[nodes] == TERMINAL)
    at = np.flatnonzero(ended)
    if not np.allclose(
        matches.returns[at], histories.returns[histories.place[nodes[at]]], rtol=0, atol=RETURN_TOLERANCE
    ):
        raise NotProvided(f"the returns on record are not those of the tree of {game.info.specification}")
    guesses = _Guesses(game, histories, matches, nodes, values)
    told_apart: dict[tuple[int, ...], Situations] = {}
    estimates = matches.returns.copy()
    doubted: set[int] = set()
    fold = fold_of(matches.chance_seed)
    first, which = _seatings(matches.seats)
    order = np.argsort(which, kind="stable")
    begins = np.searchsorted(which[order], np.arange(len(first) + 1))
    for number, lineup in enumerate(matches.seats[first].tolist()):
        rows = order[begins[number] : begins[number + 1]]
        rows = rows[ended[rows]]
        if not len(rows):
            continue
        unknown = tuple(player for player, agent in enumerate(lineup) if agent not in strategies)
        if unknown not in told_apart:
            told_apart[unknown] = situations(histories, unknown)
        strategy = uniform_strategy(histories.tree)
        for player, agent in enumerate(lineup):
            if agent in strategies:
                own = histories.tree.sequences(player)
                strategy[own] = strategies[agent][own]
        for part in np.unique(fold[rows]).tolist() if unknown else [0]:
            chosen = rows[fold[rows] == part] if unknown else rows
            for player in unknown:
                own = histories.tree.sequences(player)
                strategy[own] = guesses.of(lineup[player], player, part)[own]
            at_end = aivat(told_apart[unknown], strategy).at_end
            estimates[chosen] = at_end[histories.place[nodes[chosen]]]
        if not np.isfinite(estimates[rows]).all():
            doubted |= {agent for agent in lineup if agent in strategies}
    if doubted:
        trusted = {agent: strategy for agent, strategy in strategies.items() if agent not in doubted}
        again = adjusted_by_aivat(game, matches, trusted, values=values)
        return Adjusted(returns=again.returns, doubted=again.doubted | doubted)
    return Adjusted(returns=estimates, doubted=frozenset())


def adjusted_by_chance(game: Game, matches: Recorded) -> Adjusted:
    """Returns less what the recorded chance outcomes explain of them, by regression on matches of the other folds.

    Raises:
        NotProvided: records hold no chance outcomes, or cannot be stepped again.
    """
    rows = np.flatnonzero(matches.has_moves & (matches.forfeit < 0))
    luck = chance_luck(game, matches.actions.take(rows))
    if not luck.shape[1]:
        raise NotProvided(f"records of {game.info.specification} hold no chance outcomes")
    estimates = matches.returns.copy()
    _, stratum = _seatings(matches.seats[rows])
    estimates[rows] = cross_fitted(
        matches.returns[rows], luck, fold=fold_of(matches.chance_seed[rows]), stratum=stratum
    )
    return Adjusted(returns=estimates, doubted=frozenset())


def _seatings(seats: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(a match of each way to sit [K], the way of each match [N])."""
    return different_rows(Ragged(seats.ravel(), seats.shape[1] * np.arange(1, len(seats) + 1)))


class _Guesses:
    """How unknown agents may play: a strategy [S] by agent, player and fold, each made once."""

    def __init__(self, game: Game, histories: HistoryTree, matches: Recorded, nodes: NDArray[np.int64], values: Values):
        self.histories, self.matches, self.nodes, self.values = histories, matches, nodes, values
        self.fold = fold_of(matches.chance_seed)
        self.counts: dict[tuple[int, int], NDArray[np.float64]] = {}
        self.made: dict[tuple[int, int, int], NDArray[np.float64]] = {}
        self.fixed = _fixed(game, histories.tree, values)

    def of(self, agent: int, player: int, fold: int) -> NDArray[np.float64]:
        if self.fixed is not None:
            return self.fixed
        key = (agent, player, fold)
        if key not in self.made:
            counts = self._counts(agent, player)
            self.made[key] = observed_strategy(self.histories, counts.sum(axis=0) - counts[fold])
        return self.made[key]

    def _counts(self, agent: int, player: int) -> NDArray[np.float64]:
        """How often each sequence was played in each fold [FOLDS, S], where the agent was this player."""
        key = (agent, player)
        if key not in self.counts:
            sat = (self.matches.seats[:, player] == agent) & self.matches.has_moves
            self.counts[key] = np.stack([self._played(sat & (self.fold == part)) for part in range(FOLDS)])
        return self.counts[key]

    def _played(self, which: NDArray[np.bool_]) -> NDArray[np.float64]:
        ended = np.bincount(self.nodes[which], minlength=self.histories.num_nodes)
        return times_played(self.histories, ended.astype(np.float64))


def _fixed(game: Game, tree: GameTree, values: Values) -> NDArray[np.float64] | None:
    """The strategy [S] that all unknown agents are taken to play; None where it is learned."""
    if values == "fitted":
        return None
    if values == "uniform":
        return uniform_strategy(tree)
    if values == "equilibrium":
        return tabulated(tree, sequence_form_lp(game).policy)
    raise ValueError(f"values must be fitted, uniform or equilibrium; got {values!r}")
