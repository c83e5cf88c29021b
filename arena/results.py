"""Matches as columns: what is to be played (`MatchSpecs`), what came of it (`MatchResults`), one row seen as a value."""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games.ragged import Ragged
from arena.games.usage import Usage

NOBODY = -1


class Termination(enum.IntEnum):
    """How a match ended. Codes are stored: never renumber. Forfeits are the ends that an agent caused.

    Of ``INFRASTRUCTURE`` is a `Fault` that is nobody's: a worker died, or a game that is a program failed, and was begun again. Only a
    match whose game failed every time ends by it: it is not rated.
    """

    NORMAL = 0
    TRUNCATED = 1
    ILLEGAL_MOVE = 2
    TIMEOUT = 3
    CRASH = 4
    PROTOCOL_ERROR = 5
    OUTPUT_FLOOD = 6
    OUT_OF_MEMORY = 7
    INFRASTRUCTURE = 8

    @property
    def is_forfeit(self) -> bool:
        return Termination.ILLEGAL_MOVE <= self < Termination.INFRASTRUCTURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a match was forfeited: ``index`` of the match in its schedule, the player, and what the agent said last.

    Of an infrastructure fault ``player`` is `NOBODY`, and ``index`` the match that was begun again, or the first of the block that was.
    """

    index: int
    player: int
    termination: Termination
    message: str
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchUsage:
    """What a player who lives behind an endpoint used up in the match of this ``index``."""

    index: int
    player: int
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFile:
    """What a hosted match of this ``index`` left behind: its replay, a player's log."""

    index: int
    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSpec:
    """One match to play: its place in the schedule, the agent at each seat, and its seeds."""

    index: int
    seats: tuple[int, ...]
    seed: int
    chance_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSpecs:
    """Matches to play, as columns.

    ``index`` int64 [N]: place in the schedule, ascending, the key of a match. ``seats`` int64 [N, num_players]: which
    agent. ``seed`` uint64 [N]: of all decisions. ``chance_seed`` uint64 [N]: shared by seat-swapped twins.
    """

    index: NDArray[np.int64]
    seats: NDArray[np.int64]
    seed: NDArray[np.uint64]
    chance_seed: NDArray[np.uint64]

    def take(self, rows: NDArray[np.int64] | slice) -> MatchSpecs:
        return MatchSpecs(
            index=self.index[rows], seats=self.seats[rows], seed=self.seed[rows], chance_seed=self.chance_seed[rows]
        )

    @staticmethod
    def joined(parts: Sequence[MatchSpecs]) -> MatchSpecs:
        return MatchSpecs(
            index=np.concatenate([p.index for p in parts]),
            seats=np.concatenate([p.seats for p in parts]),
            seed=np.concatenate([p.seed for p in parts]),
            chance_seed=np.concatenate([p.chance_seed for p in parts]),
        )

    def __getitem__(self, i: int) -> MatchSpec:
        return MatchSpec(
            index=int(self.index[i]),
            seats=tuple(self.seats[i].tolist()),
            seed=int(self.seed[i]),
            chance_seed=int(self.chance_seed[i]),
        )

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """One match as it went. ``forfeited_by``: the player who ended it by a fault, or None. ``usage``: of players who have it."""

    spec: MatchSpec
    returns: tuple[float, ...]
    termination: Termination
    forfeited_by: int | None
    actions: NDArray[np.int32] | NDArray[np.float64]
    seconds: tuple[float, ...]
    usage: tuple[MatchUsage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResults:
    """Results as columns in schedule order; iterate or index for values.

    ``returns`` float64 [N, num_players]; ``termination`` int8 [N]; ``forfeit`` int8 [N]: the player at fault, -1 none;
    ``actions``: one row a match, chance outcomes included (see `TableBatch.history`); ``seconds`` float32
    [N, num_players]: time each player took, an in-process batch shared equally among its rows; ``faults``; ``usage``: what
    players behind endpoints used up, by match and player; ``files``: of hosted matches, on their way into the ledger, which hands
    them out one by one.
    """

    specs: MatchSpecs
    returns: NDArray[np.float64]
    termination: NDArray[np.int8]
    forfeit: NDArray[np.int8]
    actions: Ragged
    seconds: NDArray[np.float32]
    faults: tuple[Fault, ...] = ()
    usage: tuple[MatchUsage, ...] = ()
    files: tuple[MatchFile, ...] = ()

    def __len__(self) -> int:
        return len(self.specs)

    def __getitem__(self, i: int) -> MatchResult:
        by = int(self.forfeit[i])
        return MatchResult(
            spec=self.specs[i],
            returns=tuple(self.returns[i].tolist()),
            termination=Termination(int(self.termination[i])),
            forfeited_by=None if by == NOBODY else by,
            actions=self.actions.row(i),
            seconds=tuple(self.seconds[i].tolist()),
            usage=self._usage_of(int(self.specs.index[i])) if self.usage else (),
        )

    def __iter__(self) -> Iterator[MatchResult]:
        return (self[i] for i in range(len(self)))

    def _usage_of(self, index: int) -> tuple[MatchUsage, ...]:
        first = bisect_left(self.usage, index, key=_index)
        return self.usage[first : bisect_right(self.usage, index, lo=first, key=_index)]

    def equals(self, other: MatchResults) -> bool:
        """Equal key, seats, seeds, returns, termination, forfeit and actions; timings and usage may differ."""
        mine, theirs = _compared(self), _compared(other)
        return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))

    def take(self, rows: NDArray[np.int64]) -> MatchResults:
        """The rows named, with their faults."""
        kept = set(self.specs.index[rows].tolist())
        return MatchResults(
            specs=self.specs.take(rows),
            returns=self.returns[rows],
            termination=self.termination[rows],
            forfeit=self.forfeit[rows],
            actions=self.actions.take(rows),
            seconds=self.seconds[rows],
            faults=tuple(fault for fault in self.faults if fault.index in kept),
            usage=tuple(used for used in self.usage if used.index in kept),
            files=tuple(file for file in self.files if file.index in kept),
        )

    @staticmethod
    def joined(parts: Sequence[MatchResults]) -> MatchResults:
        """All parts in schedule order."""
        whole = MatchResults(
            specs=MatchSpecs.joined([p.specs for p in parts]),
            returns=np.concatenate([p.returns for p in parts]),
            termination=np.concatenate([p.termination for p in parts]),
            forfeit=np.concatenate([p.forfeit for p in parts]),
            actions=Ragged.joined([p.actions for p in parts]),
            seconds=np.concatenate([p.seconds for p in parts]),
            faults=tuple(sorted((f for p in parts for f in p.faults), key=lambda f: f.index)),
            usage=tuple(sorted((u for p in parts for u in p.usage), key=_place)),
            files=tuple(file for p in parts for file in p.files),
        )
        return whole.take(np.argsort(whole.specs.index, kind="stable"))


def _index(used: MatchUsage) -> int:
    return used.index


def _place(used: MatchUsage) -> tuple[int, int]:
    return used.index, used.player


def _compared(results: MatchResults) -> tuple[NDArray[np.generic], ...]:
    specs = results.specs
    return (
        specs.index,
        specs.seats,
        specs.seed,
        specs.chance_seed,
        results.returns,
        results.termination,
        results.forfeit,
        results.actions.ends,
        results.actions.values,
    )
