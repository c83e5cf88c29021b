"""Knockout: who loses a tie is out, until one is left.

The entrants stand in their order of seeding. The bracket is the customary one, in which the first two can only meet in the final, the
first four only in the semi-finals and so on; where the entrants are no power of two the first of them have a bye in the first
stage. A tie is won by the points in its matches, both agents on both sides equally often. A level tie goes on by one
seat-swapped pair at a time; after as many as were allowed the better seed wins it. A pair of which the game itself failed in a
match gives nobody points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from arena.games import SpecificationError
from arena.rounds import PlayedRound, Round

How = Literal["points", "further pairs", "seed", "bye"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """Two places of the bracket. ``first`` is the better seed; None: not known yet, or nobody (``second`` of a bye).

    ``half_points``: of both so far; ``matches``: played; ``rounds``: that it was in; ``pairs``: that it went on for after it was
    level; ``winner`` None: not decided; ``how`` it was.
    """

    first: int | None
    second: int | None
    half_points: tuple[int, int] = (0, 0)
    matches: int = 0
    rounds: int = 0
    pairs: int = 0
    winner: int | None = None
    how: How | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """``stages``: the ties of each stage from the top of the bracket, the final last; winners of neighbours meet."""

    stages: tuple[tuple[Tie, ...], ...]

    @property
    def winner(self) -> int | None:
        return self.stages[-1][0].winner


@dataclass(frozen=True, slots=True, kw_only=True)
class Knockout:
    """The rule: entrants in the order of their numbers, `rotations` pairs a tie, at most `further` pairs more."""

    entrants: int
    rotations: int
    further: int

    @property
    def most(self) -> int:
        return (self.entrants - 1) * 2 * (self.rotations + self.further)

    def next_round(self, past: Sequence[PlayedRound]) -> Round | None:
        stages = ([tie for tie in stage if _is_open(tie)] for stage in self.bracket(past).stages)
        ties = next((ties for ties in stages if ties), None)  # winners of byes wait for the others of their stage
        if ties is None:
            return None
        begun = [tie for tie in ties if tie.rounds]
        lineups = np.array([(tie.first, tie.second) for tie in begun or ties], np.int64)
        return Round(lineups=lineups, rotations=1 if begun else self.rotations)

    def bracket(self, past: Sequence[PlayedRound]) -> Bracket:
        """The bracket after these rounds."""
        stage = _first_stage(self.entrants)
        stages = []
        rounds = list(past)
        while True:
            while rounds and any(map(_is_open, stage)):
                stage = [self._after(tie, rounds[0]) for tie in stage]
                rounds.pop(0)
            stages.append(tuple(stage))
            if len(stage) == 1:
                return Bracket(stages=tuple(stages))
            stage = [_between(one, two) for one, two in zip(stage[::2], stage[1::2], strict=True)]

    def _after(self, tie: Tie, one: PlayedRound) -> Tie:
        """The tie after a round; as it was where it was not in it."""
        columns = one.round.lineups.tolist(), one.half_points.tolist(), one.rotations.tolist()
        for lineup, got, rotations in zip(*columns, strict=True):
            if lineup == [tie.first, tie.second]:
                halves = (tie.half_points[0] + got[0], tie.half_points[1] + got[1])
                pairs = tie.pairs + (one.round.rotations if tie.rounds else 0)
                matches, rounds = tie.matches + 2 * rotations, tie.rounds + 1
                return self._decided(replace(tie, half_points=halves, matches=matches, rounds=rounds, pairs=pairs))
        return tie

    def _decided(self, tie: Tie) -> Tie:
        if tie.half_points[0] != tie.half_points[1]:
            winner = tie.first if tie.half_points[0] > tie.half_points[1] else tie.second
            return replace(tie, winner=winner, how="further pairs" if tie.pairs else "points")
        return replace(tie, winner=tie.first, how="seed") if tie.pairs >= self.further else tie


def knockout(entrants: int, sides: int, *, matches: int, further: int) -> Knockout:
    """The rule.

    Raises:
        SpecificationError: a game of other than two sides, or fewer than two entrants.
    """
    if sides != 2:
        raise SpecificationError(
            f"pairing = 'knockout' needs a game of two sides, this one has {sides}: use swiss or round_robin"
        )
    if entrants < 2:
        raise SpecificationError(f"pairing = 'knockout' needs at least two agents; got {entrants}")
    return Knockout(entrants=entrants, rotations=-(-matches // 2), further=further)


def seeding(size: int) -> list[int]:
    """The seeds, 0 the best, of the places of a bracket of `size` (a power of two) from the top."""
    places = [0]
    while len(places) < size:
        places = [seed for one in places for seed in (one, 2 * len(places) - 1 - one)]
    return places


def _first_stage(entrants: int) -> list[Tie]:
    places = seeding(1 << (entrants - 1).bit_length())
    ties = []
    for one, two in zip(places[::2], places[1::2], strict=True):
        first, second = min(one, two), max(one, two)
        if second < entrants:
            ties.append(Tie(first=first, second=second))
        else:
            ties.append(Tie(first=first, second=None, winner=first, how="bye"))
    return ties


def _between(one: Tie, two: Tie) -> Tie:
    """The tie of two winners, as far as they are known."""
    if one.winner is None or two.winner is None:
        return Tie(first=one.winner, second=two.winner)
    return Tie(first=min(one.winner, two.winner), second=max(one.winner, two.winner))


def _is_open(tie: Tie) -> bool:
    """Whether both sides are known and it is not decided."""
    return tie.winner is None and tie.first is not None and tie.second is not None
