"""AIVAT: what a match tells of its players' expected returns once the luck of known probabilities is taken out of it.

Chance and some players have known probabilities. Of the others, the *unknown* ones, nothing is assumed. A *situation* is
all that the unknown players together can tell when one of them decides: everything they did, and the information set at
which they are now. Histories of one situation differ only in what known probabilities decided, so that a match tells as
much of each of them as of the one that it went through. With a value V of each situation u, and

    Q(u, b) = E[what is earned before the next situation + V(the next situation) | u, then b],

expectations over the known probabilities alone, the estimate of a match that went through the situations u_1 .. u_k is

    E[what is earned before any situation + V(the first)] + Σ_t (Q(u_t, b_t) − V(u_t)).

Its expectation is the expected return whatever V is and however the unknown players play. What is left of its variance is
how much better or worse than V the decisions of the unknown players were; where there are none it is a constant, the
expected return itself.

This is AIVAT with imaginary observations: the corrections of consecutive known moves between two situations add up to one,
since V gives each history before them its expectation. So the values of known moves need not be made up, and cannot
disagree with the known probabilities.

Source: Burch, Schmid, Moravčík, Morrill and Bowling, AIVAT: a new variance reduction technique for agent evaluation in
imperfect information games, AAAI 2018, arXiv:1612.06915, section 3; imaginary observations: Bowling, Johanson, Burch and
Szafron, Strategy evaluation in extensive games with importance sampling, ICML 2008; corrections of chance alone: White and
Bowling, Learning a value analysis tool for agent evaluation, IJCAI 2009.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import frozen
from arena.games.history_tree import HistoryTree
from arena.solvers.aivat_kernels import TERMINAL, count_sequences, estimate, gather, known_reach
from arena.solvers.tree_measures import normalised, uniform_strategy

PRIOR_DECISIONS = 1.0
"""How many decisions, spread evenly over the actions, are added to those that were seen at an information set."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situations:
    """What the unknown players of a game can tell apart: U situations, R regions. Arrays are read-only.

    A region is what lies between a decision of an unknown player and the next ones; region 0 is the beginning.
    ``region`` [H]: that of each history; ``situation`` [H]: of each history at which an unknown player decides, -1 of
    others. ``before`` [U]: the region that a situation ends; ``information_set`` [U]; ``behind`` [U]: the region behind its
    first action, followed by those behind the others.
    """

    histories: HistoryTree
    unknown: tuple[int, ...]
    num_regions: int
    region: NDArray[np.int64] = field(repr=False)
    situation: NDArray[np.int64] = field(repr=False)
    before: NDArray[np.int64] = field(repr=False)
    information_set: NDArray[np.int64] = field(repr=False)
    behind: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.before)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AivatEstimates:
    """``at_end`` [T, n]: the estimate of each player's expected return after a match that ended there.

    ``values`` [U, n]: of the situations. Both are nan where the known probabilities never lead.
    """

    at_end: NDArray[np.float64] = field(repr=False)
    values: NDArray[np.float64] = field(repr=False)


def situations(histories: HistoryTree, unknown: Collection[int]) -> Situations:
    """What the players `unknown` can tell apart together.

    Raises:
        ValueError: a number that is no player's.
    """
    players = histories.tree.num_players
    chosen = tuple(sorted(set(unknown)))
    if any(not 0 <= player < players for player in chosen):
        raise ValueError(f"unknown must name players from 0 to {players - 1}; got {sorted(unknown)}")
    region, situation, before, reached, behind, regions = gather(
        histories.mover, histories.place, histories.child, histories.edge, histories.tree.first, _mask(players, chosen)
    )
    return Situations(
        histories=histories,
        unknown=chosen,
        num_regions=int(regions),
        region=frozen(region),
        situation=frozen(situation),
        before=frozen(before),
        information_set=frozen(reached),
        behind=frozen(behind),
    )


def aivat(
    told_apart: Situations, strategy: NDArray[np.float64], *, values: NDArray[np.float64] | None = None
) -> AivatEstimates:
    """The AIVAT estimate of every player's expected return, for each way that a match can end.

    Args:
        told_apart: of the players whose probabilities are not known; see `situations`.
        strategy: [S], the probabilities of the known players. Those of unknown players are a guess, from which the values of
            situations are computed: the better it is, the narrower are the estimates; they are unbiased with any.
        values: [U, n], the values of situations in place of those that follow from the guess: any finite numbers.

    Raises:
        ValueError: arrays of another shape.
    """
    histories = told_apart.histories
    tree, players = histories.tree, histories.tree.num_players
    if strategy.shape != (tree.num_sequences,):
        raise ValueError(f"strategy must have the shape [{tree.num_sequences}]; got {list(strategy.shape)}")
    if values is not None and values.shape != (len(told_apart), players):
        raise ValueError(f"values must have the shape [{len(told_apart)}, {players}]; got {list(values.shape)}")
    mask = _mask(players, told_apart.unknown)
    reach = known_reach(histories.mover, histories.place, histories.child, histories.edge, tree.first, mask, strategy)
    estimates, valued, _ = estimate(
        histories.mover,
        histories.place,
        histories.returns,
        tree.first,
        reach,
        told_apart.region,
        told_apart.situation,
        told_apart.before,
        told_apart.information_set,
        told_apart.behind,
        told_apart.num_regions,
        strategy,
        np.zeros((0, players)) if values is None else np.ascontiguousarray(values, np.float64),
        values is not None,
    )
    ends = np.flatnonzero(histories.mover == TERMINAL)
    at_end = np.empty_like(histories.returns)
    at_end[histories.place[ends]] = estimates[told_apart.region[ends]]
    return AivatEstimates(at_end=frozen(at_end), values=frozen(valued))


def times_played(histories: HistoryTree, ended: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often each sequence was played [S] in matches of which `ended` [H] came to an end at each history."""
    counts = np.zeros(histories.tree.num_sequences)
    count_sequences(
        histories.mover,
        histories.place,
        histories.child,
        histories.edge,
        histories.tree.first,
        np.ascontiguousarray(ended, np.float64),
        counts,
    )
    return counts


def observed_strategy(histories: HistoryTree, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """How players chose [S], by `times_played` [S], with `PRIOR_DECISIONS` even ones at each information set added."""
    tree = histories.tree
    return normalised(tree, counts + PRIOR_DECISIONS * uniform_strategy(tree))


def _mask(players: int, chosen: Collection[int]) -> NDArray[np.bool_]:
    return np.isin(np.arange(players), list(chosen))
