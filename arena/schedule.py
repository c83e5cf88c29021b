"""Who plays whom, in which order, with which seeds: each match is a function of its number and the lineups alone.

A *lineup* is the agents of one pairing, one a side: a player, or in a game of teams a team. Each of its *rotations* plays a
match a side: every agent once on every side, all with the same chance seed (for two sides: swapped twins). Lineups take
turns, so that every prefix of the schedule is balanced. Any slice of a schedule is computed without the rest.

With *common chance* the k-th rotation of every lineup has the same seeds, of chance and of the agents' own draws: common random
numbers, by which agents that meet the same opponents are compared on the same cards.

A tournament whose lineups are chosen by results has a schedule for each of its rounds, which begins where the one before
it ended: `arena.pairing` says with which lineups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from arena.games import SpecificationError
from arena.games.seeds import CHANCE_STREAM, MATCH_STREAM, counter_hash
from arena.games.sides import Sides
from arena.results import MatchSpecs

SEATING_STREAM = 5
MAX_LINEUPS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """``lineups`` int64 [L, num_sides], each played in `rotations` rotations; ``seed`` makes all seeds.

    ``entrants``: the agents that each number of a lineup stands for, which take turns at the players of a side; ``sides``:
    the players of each. Without them a lineup names the agents, one a player. ``first``: the number of its first match,
    which is also the first of a rotation. ``common_chance``: whether all lineups share their seeds. ``seated``: whether lineups
    keep the sides in which they are listed; a rotation is then one match, with a chance of its own. ``own_chance``: whether no two
    matches share their chance, so that nothing seen in one tells of another.
    """

    lineups: NDArray[np.int64]
    rotations: int
    seed: int
    sides: Sides | None = None
    entrants: Sequence[Sequence[int]] | None = None
    first: int = 0
    common_chance: bool = False
    seated: bool = False
    own_chance: bool = False

    @property
    def end(self) -> int:
        """The number after that of its last match."""
        return self.first + len(self)

    @property
    def num_sides(self) -> int:
        return int(self.lineups.shape[1])

    @property
    def turns(self) -> int:
        """How many matches a rotation has."""
        return 1 if self.seated else self.num_sides

    def __len__(self) -> int:
        return len(self.lineups) * self.turns * self.rotations

    def specs(self, start: int, stop: int) -> MatchSpecs:
        """The matches start..stop-1, as far as they are of this schedule."""
        index = np.arange(max(start, self.first), min(stop, self.end))
        group, turn = np.divmod(index, self.turns)
        turn_of = group - self.first // self.turns
        # the seating of a rotation: the lineup in a drawn order, then shifted by one side a match
        seed = np.uint64(self.seed)
        draws = counter_hash(seed, SEATING_STREAM, group[:, None] * self.num_sides + np.arange(self.num_sides))
        order = np.argsort(np.zeros_like(draws) if self.seated else draws, axis=1, stable=True)
        shifted = (np.arange(self.num_sides) + turn[:, None]) % self.num_sides
        seat = np.take_along_axis(order, shifted, axis=1)
        return MatchSpecs(
            index=index,
            seats=self._seated(np.take_along_axis(self.lineups[turn_of % len(self.lineups)], seat, axis=1)),
            seed=self.match_seeds(index),
            chance_seed=self.chance_seeds(index),
        )

    def match_seeds(self, index: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The seed of each match, from which its agents draw: its own, or with common chance that of its rotation."""
        number = self._turns(index) if self.common_chance else index
        seeds: NDArray[np.uint64] = counter_hash(np.uint64(self.seed), MATCH_STREAM, number)
        return seeds

    def chance_seeds(self, index: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The chance seed of each match: that of its rotation, which with common chance all lineups share, or its own."""
        number = index if self.own_chance else self._turns(index)
        seeds: NDArray[np.uint64] = counter_hash(np.uint64(self.seed), CHANCE_STREAM, number)
        return seeds

    def _turns(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """What numbers the chance of each match."""
        begin, rotation = self.first // self.turns, index // self.turns
        if not self.common_chance:
            return rotation
        turns: NDArray[np.int64] = begin + (rotation - begin) // len(self.lineups)
        return turns

    def _seated(self, lineup: NDArray[np.int64]) -> NDArray[np.int64]:
        """The agent of each player [N, num_players] where these stand on the sides [N, num_sides]."""
        if self.sides is None:
            return lineup
        seats = np.empty((len(lineup), sum(map(len, self.sides))), np.int64)
        for side, players in enumerate(self.sides):
            for place, player in enumerate(players):
                seats[:, player] = self._member(place)[lineup[:, side]]
        return seats

    def _member(self, place: int) -> NDArray[np.int64]:
        """Which agent each entrant has at this place of a side."""
        if self.entrants is None:
            return np.arange(int(self.lineups.max()) + 1)
        return np.array([members[place % len(members)] for members in self.entrants], np.int64)

    def blocks(self, size: int) -> Iterator[tuple[int, int]]:
        """(start, stop) of consecutive blocks of whole rotations: `size` matches each, or the next multiple."""
        step = self.turns * max(1, -(-size // self.turns))
        for start in range(self.first, self.end, step):
            yield start, min(start + step, self.end)


def round_robin(num_agents: int, num_sides: int, *, matches: int, seed: int) -> Schedule:
    """Every set of `num_sides` agents meets, `matches` times, rounded up to whole rotations.

    With fewer agents than sides an agent fills several; every lineup still has two different agents.

    Raises:
        SpecificationError: fewer than two agents (one player: none), or too many lineups to list.
    """
    _check(num_agents, num_sides, matches)
    agents = range(num_agents)
    if num_sides == 1:
        return _schedule([(agent,) for agent in agents], matches, seed)
    if num_agents >= num_sides:
        return _schedule(combinations(agents, num_sides), matches, seed)
    mixed = (lineup for lineup in combinations_with_replacement(agents, num_sides) if len(set(lineup)) > 1)
    return _schedule(mixed, matches, seed)


def gauntlet(num_agents: int, num_sides: int, *, matches: int, seed: int, challenger: int = 0) -> Schedule:
    """The challenger meets every set of num_sides - 1 of the others, `matches` times, rounded up to whole rotations.

    Raises:
        SpecificationError: as `round_robin`, or a game of one player.
    """
    _check(num_agents, num_sides, matches)
    if num_sides == 1:
        raise SpecificationError("a gauntlet needs opponents; this game has one player: use round_robin")
    others = [agent for agent in range(num_agents) if agent != challenger]
    enough = len(others) >= num_sides - 1
    sets = (combinations if enough else combinations_with_replacement)(others, num_sides - 1)
    return _schedule(((challenger, *rest) for rest in sets), matches, seed)


def against_one(num_agents: int, num_sides: int, *, matches: int, seed: int) -> Schedule:
    """The first agent in each seat in turn, the second in all others, `matches` in all; one agent alone sits everywhere.

    Raises:
        SpecificationError: more than two agents.
    """
    if not 1 <= num_agents <= 2:
        raise SpecificationError(f"an exploiter and its victim are two agents; got {num_agents}")
    return _schedule([(0, *[num_agents - 1] * (num_sides - 1))], matches, seed)


def as_seated(num_agents: int, num_sides: int, *, matches: int, seed: int) -> Schedule:
    """Each agent in the seat in which it is listed, in every match.

    Raises:
        SpecificationError: not one agent a seat.
    """
    if num_agents != num_sides:
        raise SpecificationError(f"a pairing of seats needs an agent for each of the {num_sides}; got {num_agents}")
    return Schedule(lineups=np.arange(num_sides)[None], rotations=matches, seed=seed, seated=True)


def between_two(*, matches: int, seed: int) -> Schedule:
    """Two agents in a game of two players: `matches` at most, in seat-swapped twins, until a test has decided."""
    _check(2, 2, matches)
    return _schedule([(0, 1)], matches, seed)


def _check(num_agents: int, num_sides: int, matches: int) -> None:
    least = 1 if num_sides == 1 else 2
    if num_agents < least:
        raise SpecificationError(f"a tournament needs at least {least} agents; got {num_agents}")
    if matches < 1:
        raise SpecificationError(f"matches must be at least 1; got {matches}")


def _schedule(lineups: Iterator[Sequence[int]] | Sequence[Sequence[int]], matches: int, seed: int) -> Schedule:
    listed: list[Sequence[int]] = []
    for lineup in lineups:
        listed.append(lineup)
        if len(listed) > MAX_LINEUPS:
            raise SpecificationError(f"over {MAX_LINEUPS:,} lineups; take fewer agents, or a gauntlet")
    rows = np.array(listed, np.int64)
    return Schedule(lineups=rows, rotations=-(-matches // rows.shape[1]), seed=seed)
