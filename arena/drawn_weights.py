"""Weights of matches that were drawn with logged probabilities: what ratings of one adaptive tournament are made with.

Who met whom was chosen by earlier results; weighted by the inverse of the probability of its draw, a match stands for those that a uniform
draw would have given (`uniform_field`). Ratings, head-to-head scores and the minimax winner are then those of the whole field.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from arena.games import ArenaError
from arena.leaderboards.propensities import Kind, uniform_field
from arena.leaderboards.record import Record
from arena.ledger import Ledger, Tournament
from arena.poll_schema import ballots
from arena.rated_matches import RatedMatches
from arena.rounds import read_rounds

WEIGHTED = {
    "pair": "ratings, head-to-head scores and the minimax winner weigh matches by the inverse of the logged propensities, every pair of agents alike: "
    "they are of the whole field whatever was chosen, up to terms of the order of 1 / matches of a pair; numbers of matches, points and mean "
    "returns are of the matches as played",
    "field": "ratings, head-to-head scores and the minimax winner weigh matches by the inverse of the logged propensities, as if every pair had been as likely "
    "to meet (sums are unbiased; some pairs never met); numbers of matches, points and mean returns are of the matches as played",
}
PLAIN = (
    "several tournaments together weigh every match alike, also those that were chosen by results; weighted by the logged propensities is the "
    "board of each adaptive tournament alone: --tournament KEY"
)


def is_adaptive(tournament: Tournament) -> bool:
    """Whether who met whom was drawn by results: of an adaptive tournament, or an adaptive poll."""
    return "adaptive" in (tournament.config.get("pairing"), tournament.config.get("voted_on"))


def propensities_of(ledger: Ledger, tournament: Tournament, number: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """The probability with which each of these matches, by number, was drawn; None where nothing was drawn."""
    if tournament.source == "vote":
        return _of_ballots(ledger, tournament, number)
    slots: list[NDArray[np.float64]] = []
    for one in read_rounds(ledger, tournament):
        if one.propensities is None:
            return None
        slots.append(np.repeat(one.propensities, one.matches // max(len(one.lineups), 1)))
    every = np.concatenate(slots) if slots else np.zeros(0)
    return every[number] if len(number) and number.max() < len(every) else None


def drawn_weights(ledger: Ledger, chosen: Sequence[Tournament], rated: RatedMatches) -> tuple[Record, Kind] | None:
    """The rated matches of a single adaptive tournament with those weights, and of which kind they are; None for all others.

    Also where games were set aside as copies of others: what is left was not drawn so.
    """
    if len(chosen) != 1 or not is_adaptive(chosen[0]) or rated.copies or rated.repeated:
        return None
    propensity = propensities_of(ledger, chosen[0], rated.number)
    if propensity is None:
        return None
    try:
        return uniform_field(rated.record, propensity, kind="pair"), "pair"
    except ArenaError:  # some never met
        return uniform_field(rated.record, propensity, kind="field"), "field"


def _of_ballots(ledger: Ledger, poll: Tournament, number: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """As `propensities_of`, of votes; None in a ledger that took the votes in and not the ballots."""
    cast = (ballots.c.tournament_id == poll.id, ballots.c.match.is_not(None))
    query = sa.select(ballots.c.match, ballots.c.propensity).where(*cast).order_by(ballots.c.match)
    with ledger.reading() as connection:
        rows = np.array([tuple(row) for row in connection.execute(query)], np.float64).reshape(-1, 2)
    at = np.searchsorted(rows[:, 0], number)
    return rows[at, 1] if len(number) and at.max() < len(rows) and np.array_equal(rows[at, 0], number) else None
