"""What is wrong with a poll as it stands in a ledger: for `arena.database.check`."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from arena.ledger import Ledger, Tournament
from arena.poll_schema import ballots, poll_pairs, polls


def problems_of_poll(ledger: Ledger, tournament: Tournament) -> Iterator[str]:
    """A sentence each; none of a tournament whose poll is in another ledger."""
    of, here = ballots.c, ballots.c.tournament_id == tournament.id
    first = sa.func.sum(of.low_first)
    counted = sa.select(of.low, of.high, first, sa.func.count() - first).where(here, of.match.is_not(None))
    noted = sa.select(poll_pairs.c.low, poll_pairs.c.high, poll_pairs.c.low_first, poll_pairs.c.high_first)
    with ledger.reading() as connection:
        votes = connection.scalars(sa.select(polls.c.votes).where(polls.c.tournament_id == tournament.id)).first()
        if votes is None:
            return
        matches = list(connection.scalars(sa.select(of.match).where(here, of.match.is_not(None)).order_by(of.match)))
        cast = {tuple(map(int, row)) for row in connection.execute(counted.group_by(of.low, of.high))}
        kept = {tuple(row) for row in connection.execute(noted.where(poll_pairs.c.tournament_id == tournament.id))}
    if matches != ledger.played(tournament).index.tolist():
        yield f"poll {tournament.key!r}: its ballots and its matches are not the same votes"
    if matches != list(range(votes)):
        yield f"poll {tournament.key!r} notes {votes} votes; its ballots hold {len(matches)}"
    if cast != kept:
        yield f"poll {tournament.key!r}: what is noted of its pairs is not what its ballots say"
