"""Which judges' votes wait for review and which are left out. The matches stay in the ledger: boards pass over them.

A decision is a row that is only ever added; of a judge the last one holds. Judges of whom nothing is decided count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from arena.games import SpecificationError, UnknownName
from arena.ledger import Ledger, Tournament
from arena.ledger_entries import now
from arena.ledger_schema import judgements, judges
from arena.poll_schema import vote_reviews

State = Literal["held", "counted", "left out"]
SERVER = "the server"
"""Who decided where no person did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One decision about a judge, by its position in the tournament. ``reason``: why, in a sentence's middle."""

    judge: int
    state: State
    reason: str
    decided_by: str
    created_at: str


def add_review(
    connection: sa.Connection,
    tournament: Tournament,
    *,
    judge: int,
    state: State,
    reason: str,
    decided_by: str = SERVER,
) -> None:
    """Writes a decision inside the caller's transaction."""
    row = {
        "tournament_id": tournament.id,
        "judge": judge,
        "state": state,
        "reason": reason,
        "decided_by": decided_by,
        "created_at": now(),
    }
    connection.execute(vote_reviews.insert(), row)


def decide(ledger: Ledger, tournament: Tournament, *, judge: int, state: State, reason: str, decided_by: str) -> None:
    """Decides whether a judge's votes count, from now on.

    Raises:
        SpecificationError: a reason that no page can show.
        UnknownName: there is no such judge.
    """
    if not reason.isprintable():
        raise SpecificationError(f"a reason is printable characters in one line; got {reason!r:.80}")
    here = (judges.c.tournament_id == tournament.id, judges.c.position == judge)
    with ledger.writing() as connection:
        if connection.execute(sa.select(judges.c.name).where(*here)).first() is None:
            raise UnknownName("judge", f"number {judge + 1}", ())
        add_review(connection, tournament, judge=judge, state=state, reason=reason, decided_by=decided_by)


def read_reviews(ledger: Ledger, tournament: Tournament) -> list[Review]:
    """All decisions, in the order in which they were made."""
    query = sa.select(vote_reviews).where(vote_reviews.c.tournament_id == tournament.id).order_by(vote_reviews.c.id)
    with ledger.reading() as connection:
        return [
            Review(
                judge=row.judge,
                state=row.state,
                reason=row.reason,
                decided_by=row.decided_by,
                created_at=row.created_at,
            )
            for row in connection.execute(query)
        ]


def standing_state(connection: sa.Connection, tournament: Tournament, judge: int) -> State | None:
    """What holds of one judge; None where nothing was decided."""
    here = (vote_reviews.c.tournament_id == tournament.id, vote_reviews.c.judge == judge)
    query = sa.select(vote_reviews.c.state).where(*here).order_by(vote_reviews.c.id.desc()).limit(1)
    state: State | None = connection.scalars(query).first()
    return state


def standing_reviews(reviews: Sequence[Review]) -> dict[int, Review]:
    """The decision that holds of each judge of whom there is one."""
    return {one.judge: one for one in reviews}


def uncounted(ledger: Ledger, tournament: Tournament) -> NDArray[np.int64]:
    """The numbers of the matches whose judge is held or left out, ascending."""
    here = judgements.c.tournament_id == tournament.id
    query = sa.select(judgements.c.number).where(here, judgements.c.judge.in_(silenced(tournament)))
    with ledger.reading() as connection:
        return np.array(connection.scalars(query.order_by(judgements.c.number)).all(), np.int64)


def silenced(tournament: Tournament) -> sa.Select[tuple[int]]:
    """A query for the judges whose votes do not count."""
    last = sa.select(sa.func.max(vote_reviews.c.id)).where(vote_reviews.c.tournament_id == tournament.id)
    return sa.select(vote_reviews.c.judge).where(
        vote_reviews.c.id.in_(last.group_by(vote_reviews.c.judge)), vote_reviews.c.state != "counted"
    )
