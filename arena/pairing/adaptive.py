"""Adaptive: the matches that an aim still needs, until it is decided.

Each round is a batch of pairs drawn with known probabilities, which are kept, so that estimates can allow for them. The end
is read after complete rounds by bounds that hold at all times, whoever was drawn; see `arena.leaderboards.next_pairs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arena.games import SpecificationError
from arena.games.seeds import counter_hash
from arena.leaderboards.aims import Aim, parse_aim
from arena.leaderboards.decided import decided
from arena.leaderboards.next_pairs import next_pairs
from arena.leaderboards.record import Record
from arena.rounds import PlayedRound, Round

PAIRING_STREAM = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptive:
    """The rule: `batch` pairs of `names` a round, each a seat-swapped pair of matches, `most` matches at most."""

    names: tuple[str, ...]
    aim: Aim
    error_rate: float
    batch: int
    most: int
    seed: int

    def next_round(self, past: Sequence[PlayedRound]) -> Round | None:
        left = self.most - sum(one.round.matches for one in past)
        record = record_of(self.names, past)
        if left < 2 or decided(record, self.aim, error_rate=self.error_rate).decided:
            return None
        seed = int(counter_hash(np.uint64(self.seed), PAIRING_STREAM, np.array([len(past)]))[0] >> np.uint64(1))
        chosen = next_pairs(record, self.aim, batch=min(self.batch, left // 2), seed=seed, error_rate=self.error_rate)
        return Round(
            lineups=np.stack((chosen.first, chosen.second), axis=1).astype(np.int64),
            rotations=1,
            propensities=chosen.propensity,
        )


def adaptive(
    names: Sequence[str], sides: int, *, aim: str, error_rate: float, batch: int | None, matches: int, seed: int
) -> Adaptive:
    """The rule; without `batch` a round has as many pairs as entrants.

    Raises:
        SpecificationError: a game of other than two sides, fewer than two entrants, or an aim that cannot be read.
    """
    if sides != 2:
        raise SpecificationError(
            f"pairing = 'adaptive' needs a game of two sides, this one has {sides}: use swiss or round_robin"
        )
    if len(names) < 2:
        raise SpecificationError(f"pairing = 'adaptive' needs at least two agents; got {len(names)}")
    return Adaptive(
        names=tuple(names),
        aim=parse_aim(aim),
        error_rate=error_rate,
        batch=len(names) if batch is None else batch,
        most=matches + matches % 2,
        seed=seed,
    )


def record_of(names: Sequence[str], past: Sequence[PlayedRound]) -> Record:
    """The matches of these rounds as the aim reads them; a seat-swapped pair is one unit, and stands there whole."""
    seats = np.concatenate([np.empty((0, 2), np.int64), *(one.played.seats for one in past)])
    return Record(
        agents=tuple(names),
        seats=seats,
        returns=np.concatenate([np.empty((0, 2)), *(one.played.returns for one in past)]),
        forfeit=np.concatenate([np.empty(0, np.int64), *(one.played.forfeit.astype(np.int64) for one in past)]),
        pair=np.arange(len(seats)) // 2,
        weight=np.ones(len(seats)),
    )
