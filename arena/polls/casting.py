"""A vote on its way into the ledger: one transaction checks the ballot, writes the match and its judgement, and looks at the voter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from arena.games import ArenaError
from arena.judged_match import judged_match
from arena.leaderboards.vote_units import CONTEXTS_AS_UNITS
from arena.ledger import Ledger
from arena.ledger_entries import now
from arena.ledger_matches import write_block
from arena.ledger_schema import contexts, insert_or_ignore, judgements, judges
from arena.poll_schema import ballots, poll_pairs, polls, vote_reviews, voters
from arena.polls.drawing import Ballot
from arena.polls.poll import Poll
from arena.polls.suspicion import Cast, favourite, suspicion
from arena.polls.voters import Forged, address_hash, sealed, unsealed, voter_name
from arena.vote_reviews import add_review, silenced, standing_state

Choice = Literal["first", "second", "tie", "both_bad", "skip"]
SCORES = {"first": 1.0, "second": 0.0, "tie": 0.5, "both_bad": 0.5}
VALID_S = 86_400.0
"""Seconds after which a ballot that was given out is not taken any more."""
MINUTE_S = 60.0
VOTES_A_LOOK = 5
"""A voter is held against the others after every so many ballots: that reads all ballots of the poll."""


class PollClosed(ArenaError):
    """A vote in a poll that is not open."""


class NotThisBallot(ArenaError):
    """A ballot that was cast already, or that is not the voter's next one."""


class TooManyVotes(ArenaError):
    """More votes in a minute than the poll takes of one voter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """What became of a ballot. ``voter``: its number; ``number``: of the ballot among this voter's; ``match``: in the ledger, None of one
    that was skipped; ``held``: whether the voter's votes wait for review or are left out."""

    voter: int
    number: int
    match: int | None
    held: bool


def give_out(poll: Poll, key: str, ballot: Ballot, *, at: float) -> str:
    """The ballot as a text that only this voter can cast, once. ``at``: seconds since 1970."""
    value = [key, ballot.number, ballot.context, ballot.first, ballot.second, ballot.propensity, at]
    return sealed(poll, "ballot", value)


def cast_ballot(ledger: Ledger, poll: Poll, key: str, text: str, choice: Choice, *, address: str, at: float) -> Voted:
    """Takes a voter's vote; nothing is written where it is refused.

    Args:
        ledger: of the poll.
        poll: that is voted on.
        key: of the voter.
        text: what `give_out` gave.
        choice: what the voter says of the two answers, in the order shown.
        address: the network address that the vote comes from; only a hash of it with the day's salt is kept.
        at: seconds since 1970.

    Raises:
        Forged: no ballot of this poll and voter.
        NotThisBallot: it was cast already, is too old, or another one came first.
        PollClosed: the poll is not open.
        TooManyVotes: in the last minute.
    """
    ballot, seconds = _read(poll, key, text, at)
    network = address_hash(ledger, poll, address)
    tournament = poll.tournament.id
    voted = choice != "skip"
    with ledger.writing() as connection:
        # first of all: on PostgreSQL it makes other votes in this poll wait, so that numbers are taken by one alone
        number = connection.scalars(
            polls.update()
            .where(polls.c.tournament_id == tournament, polls.c.state == "open")
            .values(votes=polls.c.votes + int(voted))
            .returning(polls.c.votes)
        ).first()
        if number is None:
            raise PollClosed(f"the poll {poll.name!r} is not open for votes")
        voter = _voter(connection, poll, key, network)
        earlier = _earlier(connection, poll, voter)
        if ballot.number != len(earlier):
            raise NotThisBallot("this ballot was cast already; the next one is another")
        since = now(-MINUTE_S)
        if sum(when >= since for when, _ in earlier) >= poll.settings.per_minute:
            raise TooManyVotes(f"{poll.settings.per_minute} votes a minute are taken of one voter; wait a little")
        low, high = sorted((ballot.first, ballot.second))
        match = number - 1 if voted else None
        row = {
            "tournament_id": tournament,
            "voter": voter,
            "number": ballot.number,
            "context": ballot.context,
            "low": low,
            "high": high,
            "low_first": int(ballot.first == low),
            "choice": choice,
            "propensity": ballot.propensity,
            "seconds": seconds,
            "created_at": now(),
            "match": match,
        }
        connection.execute(ballots.insert(), row)
        if match is not None:
            _write(connection, poll, voter, ballot, choice, match)
            _count(connection, poll, low, high, low_first=ballot.first == low)
        said = [
            *(one for _, one in earlier),
            Cast(choice=choice, first=ballot.first, second=ballot.second, seconds=seconds),
        ]
        held = _review(connection, poll, voter, said, network)
    return Voted(voter=voter, number=ballot.number, match=match, held=held)


def last_vote(ledger: Ledger, poll: Poll, key: str) -> tuple[str, str, Choice] | None:
    """(the candidate shown first, the other one, what was said) of a voter's last ballot; None before the first."""
    of = ballots.c
    here = (of.tournament_id == poll.tournament.id, voters.c.tournament_id == poll.tournament.id, voters.c.key == key)
    query = (
        sa.select(ballots).join(voters, voters.c.number == of.voter).where(*here).order_by(of.number.desc()).limit(1)
    )
    with ledger.reading() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    low, high = poll.candidates[row.low], poll.candidates[row.high]
    return (low, high, row.choice) if row.low_first else (high, low, row.choice)


def _read(poll: Poll, key: str, text: str, at: float) -> tuple[Ballot, float]:
    """(the ballot, seconds since it was given out)."""
    value = unsealed(poll, "ballot", text)
    match value:
        case [str(owner), int(number), int(context), int(first), int(second), float(propensity), float(given)]:
            pass
        case _:
            raise Forged("this is no ballot")
    if owner != key:
        raise Forged("this ballot was given to another voter; a browser needs cookies to vote")
    if not 0 <= at - given <= VALID_S:
        raise NotThisBallot("this ballot is too old; here is another")
    return Ballot(number=number, context=context, first=first, second=second, propensity=propensity), at - given


def _voter(connection: sa.Connection, poll: Poll, key: str, network: str) -> int:
    """The voter's number; a new voter gets the next one, and a name as a judge."""
    here = voters.c.tournament_id == poll.tournament.id
    known = connection.scalars(sa.select(voters.c.number).where(here, voters.c.key == key)).first()
    if known is not None:
        return int(known)
    number = int(connection.scalars(sa.select(sa.func.count()).where(here)).one())
    insert_or_ignore(connection, voters, [(poll.tournament.id, number, key, network, now())])
    insert_or_ignore(connection, judges, [(poll.tournament.id, number, voter_name(number))])
    return number


def _earlier(connection: sa.Connection, poll: Poll, voter: int) -> list[tuple[str, Cast]]:
    """(when, what) of the voter's ballots, in order."""
    of = ballots.c
    query = sa.select(ballots).where(of.tournament_id == poll.tournament.id, of.voter == voter).order_by(of.number)
    return [
        (
            row.created_at,
            Cast(
                choice=row.choice,
                first=row.low if row.low_first else row.high,
                second=row.high if row.low_first else row.low,
                seconds=row.seconds,
            ),
        )
        for row in connection.execute(query)
    ]


def _write(connection: sa.Connection, poll: Poll, voter: int, ballot: Ballot, choice: Choice, number: int) -> None:
    """The match, and the judgement that made it."""
    score = SCORES[choice]
    size = len(poll.candidates)
    prompts = connection.scalars(sa.select(sa.func.count()).where(contexts.c.tournament_id == poll.tournament.id)).one()
    unit = (
        ballot.context
    )  # what is said of one prompt hangs together; of few prompts, what is said of two answers to it
    if prompts < CONTEXTS_AS_UNITS:
        unit = (unit * size + min(ballot.first, ballot.second)) * size + max(ballot.first, ballot.second)
    block = judged_match(number=number, first=ballot.first, second=ballot.second, score=score, unit=unit)
    write_block(connection, poll.tournament, block, {})
    bad = int(choice == "both_bad")
    insert_or_ignore(connection, judgements, [(poll.tournament.id, number, ballot.context, voter, score, bad, "")])


def _count(connection: sa.Connection, poll: Poll, low: int, high: int, *, low_first: bool) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"low_first": int(low_first), "high_first": int(not low_first)}
    connection.execute(
        insert(poll_pairs)
        .values(tournament_id=poll.tournament.id, low=low, high=high, **row)
        .on_conflict_do_update(
            index_elements=["tournament_id", "low", "high"],
            set_={name: poll_pairs.c[name] + times for name, times in row.items()},
        )
    )


def _review(connection: sa.Connection, poll: Poll, voter: int, said: list[Cast], network: str) -> bool:
    """Holds a voter who looks suspicious and of whom nothing was decided; whether the voter's votes do not count."""
    state = standing_state(connection, poll.tournament, voter)
    if state is not None:
        return state != "counted"
    reason = suspicion(said, least_seconds=poll.settings.least_seconds)
    if not reason and len(said) % VOTES_A_LOOK == 0:
        reason = favourite(said, _others(connection, poll, [voter]), poll.candidates)
    if not reason and _place_of_day(connection, poll, voter, network) > poll.settings.per_address:
        reason = f"more than {poll.settings.per_address} voters came from one network address in a day"
    if reason:
        add_review(connection, poll.tournament, judge=voter, state="held", reason=reason)
        return True
    return _review_together(connection, poll, voter, network)


def _review_together(connection: sa.Connection, poll: Poll, voter: int, network: str) -> bool:
    """Holds voters of one network address who look as if they were one, few votes by each; whether this one is held.

    Only those of whom nothing was decided; and not where most votes come from there: then the others are no measure.
    """
    tournament = poll.tournament
    decided = sa.select(vote_reviews.c.judge).where(vote_reviews.c.tournament_id == tournament.id)
    of = voters.c
    here = (of.tournament_id == tournament.id, of.address == network, of.number.not_in(decided))
    together = list(connection.scalars(sa.select(of.number).where(*here)))
    cast = sa.select(sa.func.count()).where(ballots.c.tournament_id == tournament.id, ballots.c.voter.in_(together))
    if len(together) < 2 or int(connection.scalars(cast).one()) % VOTES_A_LOOK:
        return False
    said = [one for number in together for _, one in _earlier(connection, poll, number)]
    others = _others(connection, poll, together)
    reason = suspicion(said, least_seconds=poll.settings.least_seconds)
    if not reason and 2 * len(said) < sum(won + lost for won, lost in others):  # which count each vote twice
        reason = favourite(said, others, poll.candidates)
    if not reason:
        return False
    for number in together:
        told = f"{len(together)} voters of one network address, looked at together: {reason}"
        add_review(connection, tournament, judge=number, state="held", reason=told)
    return voter in together


def _place_of_day(connection: sa.Connection, poll: Poll, voter: int, network: str) -> int:
    """The how manyth voter from this address this is: the day's salt makes addresses of other days others."""
    same = (voters.c.tournament_id == poll.tournament.id, voters.c.address == network, voters.c.number <= voter)
    return int(connection.scalars(sa.select(sa.func.count()).where(*same)).one())


def _others(connection: sa.Connection, poll: Poll, but: Sequence[int]) -> list[tuple[float, float]]:
    """Of each candidate (comparisons won, lost) by all voters but these and those whose votes do not count."""
    of, tournament = ballots.c, poll.tournament
    counted = (of.low, of.high, of.low_first, of.choice)
    query = (
        sa.select(*counted, sa.func.count().label("times"))
        .where(of.tournament_id == tournament.id, of.voter.not_in(but), of.choice.in_(("first", "second")))
        .where(of.voter.not_in(silenced(tournament)))
        .group_by(*counted)
    )
    won, lost = np.zeros(len(poll.candidates)), np.zeros(len(poll.candidates))
    for row in connection.execute(query):
        low_won = bool(row.low_first) == (row.choice == "first")
        won[row.low if low_won else row.high] += row.times
        lost[row.high if low_won else row.low] += row.times
    return list(zip(won.tolist(), lost.tolist(), strict=True))
