"""Swiss: in each round equals meet equals, and nobody meets the same opponent twice while that can be avoided.

A round counts 1 for whoever has more points in its matches, ½ for level, 0 else; with more than two sides each of the others counts
its part. For two sides a round is a perfect matching of least cost in integers, so that nothing is ever overlooked (Edmonds'
blossom algorithm, networkx): first as few rematches as possible, then the least squared differences of score, then, between
equals, the upper half of the table against the lower. Where one entrant is left over it has a bye, which counts 1 and is no
match; a second bye is avoided like a rematch. For more sides the tables are filled from the top. Entrants who could not meet, as
the game itself failed, have a bye, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from arena.games import SpecificationError
from arena.rounds import PlayedRound, Round

BYE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class SwissRow:
    """An entrant's place in the table.

    ``points``: of its rounds, a bye 1; ``buchholz``: the sum of its opponents' points; ``sonneborn_berger``: the same, each
    times what it got against that opponent; ``share``: of all points in its matches, None before the first;
    ``opponents``: by round, none in a bye; ``byes``: how many rounds.
    """

    entrant: int
    points: float
    buchholz: float
    sonneborn_berger: float
    share: float | None
    opponents: tuple[tuple[int, ...], ...]
    byes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Swiss:
    """``rounds`` rounds of `entrants` entrants at tables of `sides`, each lineup in `rotations` rotations."""

    entrants: int
    sides: int
    rounds: int
    rotations: int

    @property
    def most(self) -> int:
        return self.rounds * (self.entrants // self.sides) * self.sides * self.rotations

    def next_round(self, past: Sequence[PlayedRound]) -> Round | None:
        if len(past) == self.rounds:
            return None
        table = swiss_table(self.entrants, past)
        lineups = paired(table) if self.sides == 2 else seated_by_score(table, self.sides)
        return Round(lineups=lineups, rotations=self.rotations)


def swiss(entrants: int, sides: int, *, matches: int, rounds: int | None = None) -> Swiss:
    """The rule; without `rounds` one more than a knockout would need, at most a full round robin's.

    Raises:
        SpecificationError: fewer entrants than sides, or a game of one player.
    """
    if sides < 2:
        raise SpecificationError("pairing = 'swiss' needs opponents; this game has one player: use round_robin")
    if entrants < sides:
        raise SpecificationError(f"pairing = 'swiss' needs at least {sides} agents, one a side; got {entrants}")
    return Swiss(
        entrants=entrants,
        sides=sides,
        rounds=default_rounds(entrants, sides) if rounds is None else rounds,
        rotations=-(-matches // sides),
    )


def default_rounds(entrants: int, sides: int = 2) -> int:
    """⌈log of the entrants, base the sides⌉ + 1: the winner is one of few and is tried once more; at most a round robin's."""
    rounds, alone = 1, 1
    while alone < entrants:
        rounds, alone = rounds + 1, alone * sides
    return min(rounds, entrants - 1 + entrants % 2) if sides == 2 else rounds


def swiss_table(entrants: int, past: Sequence[PlayedRound]) -> list[SwissRow]:
    """The table after these rounds, the leader first.

    Order: points, Buchholz, Sonneborn-Berger, share of the points, then the order in which the entrants were given.
    """
    points = np.zeros(entrants)
    got: list[list[tuple[tuple[int, ...], float]]] = [[] for _ in range(entrants)]
    half_points, most, byes = np.zeros(entrants), np.zeros(entrants), np.zeros(entrants, np.int64)
    for one in past:
        score = _round_scores(one)
        seen = np.zeros(entrants, np.bool_)
        columns = one.round.lineups.tolist(), score.tolist(), one.half_points, one.most.tolist()
        for lineup, scores, halves, at_most in zip(*columns, strict=True):
            if not at_most:
                continue
            for side, entrant in enumerate(lineup):
                others = tuple(other for other in lineup if other != entrant)
                got[entrant].append((others, scores[side]))
                half_points[entrant] += halves[side]
                most[entrant] += at_most
            points[lineup] += scores
            seen[lineup] = True
        for entrant in np.flatnonzero(~seen).tolist():
            got[entrant].append(((), 1.0))
            points[entrant] += 1.0
            byes[entrant] += 1
    rows = [
        SwissRow(
            entrant=entrant,
            points=float(points[entrant]),
            buchholz=float(sum(points[list(others)].sum() for others, _ in got[entrant])),
            sonneborn_berger=float(sum(score * points[list(others)].sum() for others, score in got[entrant])),
            share=float(half_points[entrant] / most[entrant]) if most[entrant] else None,
            opponents=tuple(others for others, _ in got[entrant]),
            byes=int(byes[entrant]),
        )
        for entrant in range(entrants)
    ]
    return sorted(rows, key=lambda row: (-row.points, -row.buchholz, -row.sonneborn_berger, -(row.share or 0)))


def _round_scores(one: PlayedRound) -> NDArray[np.float64]:
    """What the round counts for each entrant of each lineup, in 0..1: the part of the others that have fewer points than it."""
    halves = one.half_points
    above = np.sign(halves[:, :, None] - halves[:, None, :]).sum(axis=2)
    others = halves.shape[1] - 1
    scores: NDArray[np.float64] = (above + others) / (2 * others)
    return scores


def paired(table: Sequence[SwissRow]) -> NDArray[np.int64]:
    """The lineups [L, 2] of the next round, the top of the table first."""
    met = _meetings(table)
    ranked = [row.entrant for row in table] + ([BYE] if len(table) % 2 else [])
    twice = {
        row.entrant: round(2 * row.points) for row in table
    }  # whole numbers: a matching of floats may be beaten by rounding
    twice[BYE] = min(twice.values())
    place = _places(table)
    size = len(ranked)
    fold = 2 * size  # more than the halves of a group can be apart
    gap = fold * size  # more than all folds together
    rematch = gap * (1 + (max(twice.values()) - min(twice.values())) ** 2) * size  # more than all gaps together
    costs = {}
    for i, one in enumerate(ranked):
        for two in ranked[i + 1 :]:
            cost = rematch * met.get(frozenset((one, two)), 0) ** 2 + gap * (twice[one] - twice[two]) ** 2
            if two == BYE:
                cost += size - 2 - i  # the last of those with equally few points
            elif twice[one] == twice[two]:
                (at, group), (other, _) = place[one], place[two]
                cost += abs(2 * abs(at - other) - group)
            else:
                cost += size
            costs[one, two] = cost
    highest = max(costs.values())
    graph: nx.Graph[int] = nx.Graph()
    graph.add_weighted_edges_from((one, two, highest - cost) for (one, two), cost in costs.items())
    matching = nx.max_weight_matching(graph, maxcardinality=True)
    order = {entrant: at for at, entrant in enumerate(ranked)}
    lineups = [sorted(pair, key=order.__getitem__) for pair in matching if BYE not in pair]
    return np.array(sorted(lineups, key=lambda pair: order[pair[0]]), np.int64)


def seated_by_score(table: Sequence[SwissRow], sides: int) -> NDArray[np.int64]:
    """The lineups [L, sides] of a game of more than two sides: tables filled from the top, each seat with whom its table met least.

    Who is left over has a bye: those with the fewest byes, of these the last of the table.
    """
    met = _meetings(table)
    over = len(table) % sides
    resting = sorted(range(len(table)), key=lambda at: (table[at].byes, -at))[:over]
    waiting = [row.entrant for at, row in enumerate(table) if at not in resting]
    lineups = []
    while waiting:
        lineup = [waiting.pop(0)]
        while len(lineup) < sides:
            rematches = [sum(met.get(frozenset((one, two)), 0) for two in lineup) for one in waiting]
            lineup.append(waiting.pop(rematches.index(min(rematches))))
        lineups.append(lineup)
    return np.array(lineups, np.int64)


def _meetings(table: Sequence[SwissRow]) -> dict[frozenset[int], int]:
    """In how many rounds two entrants met, or one had a bye."""
    met: dict[frozenset[int], int] = {}
    for row in table:
        for others in row.opponents:
            for other in others or (BYE,):
                if other == BYE or row.entrant < other:
                    pair = frozenset((row.entrant, other))
                    met[pair] = met.get(pair, 0) + 1
    return met


def _places(table: Sequence[SwissRow]) -> dict[int, tuple[int, int]]:
    """(place inside its group of equal points, size of the group) of each entrant."""
    groups: dict[float, list[int]] = {}
    for row in table:
        groups.setdefault(row.points, []).append(row.entrant)
    return {entrant: (at, len(group)) for group in groups.values() for at, entrant in enumerate(group)}
