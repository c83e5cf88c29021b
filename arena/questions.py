"""The mailbox between the engine and agents elsewhere: what an engine asks, and the answers, in tables of the ledger.

An engine asks here (`LedgerMailbox`); a server process, any of those over the ledger, hands the questions to whoever is
connected to it and puts the answers in (`arena.presence`). Of each question the first answer that arrived in time counts.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from arena.agents.observation import Message
from arena.agents.protocol import read_hello
from arena.agents.remote import Presence, Question, RemoteAgent, Reply, SeatTaken
from arena.games import Game, SpecificationError
from arena.ledger import Ledger
from arena.ledger_state import MAILBOX
from arena.question_schema import presences, questions, seats

SILENT_S = 30.0  # an engine that has not been heard of for so long plays no more
FORGOTTEN_S = 3600.0  # what nobody came for is gone
STEP = 2**32  # between two numbers of matches: more than floating point rounds away

Verdict = Literal["taken", "late", "closed", "unknown"]
"""What became of an answer: counted; after its limit; to a question that is answered or off; to none of that agent's."""


def load_remote(rest: str, *, game: Game, name: str) -> RemoteAgent:
    """The agent of ``remote:ID@LEDGER``, which `arena.roster.playable` makes of a registered one.

    Raises:
        SpecificationError: no agent that joined a server.
        LedgerError: its ledger cannot be opened.
    """
    number, at, url = rest.partition("@")
    if not at or not number.isdecimal():
        raise SpecificationError(
            f"remote:{rest} is no agent by itself: its author registers it with arena join, and then it is called by its name"
        )
    return RemoteAgent(LedgerMailbox(url, int(number), game.info.specification), game=game.info, name=name)


def clock(connection: sa.Connection) -> float:
    """Seconds since 1970: a server's own for PostgreSQL, this machine's for a file, which only this machine opens."""
    if connection.dialect.name == "sqlite":
        return time.time()
    return float(connection.scalar(sa.text("select extract(epoch from clock_timestamp())")) or 0.0)


class LedgerMailbox:
    """The questions to one agent in one game, as an engine puts them (`arena.agents.remote.Mailbox`)."""

    def __init__(self, url: str, agent_id: int, game: str):
        self._ledger = Ledger.open(url, create=False)
        self._agent_id, self._game = agent_id, game
        self._engine = uuid.uuid4().hex

    def presence(self) -> Presence | None:
        query = sa.select(presences.c.hello, presences.c.here_until).where(
            presences.c.agent_id == self._agent_id, presences.c.game == self._game
        )
        with self._ledger.reading() as connection:
            row = connection.execute(query).first()
            away_s = 0.0 if row is None else max(0.0, clock(connection) - row.here_until)
        return None if row is None else Presence(hello=read_hello({"type": "hello", **row.hello}), away_s=away_s)

    def take_seats(self, taken: Sequence[SeatTaken]) -> list[int]:
        numbers = [_drawn() for _ in taken]
        with self._ledger.writing(MAILBOX) as connection:
            moment = clock(connection)
            mine = sa.and_(seats.c.agent_id == self._agent_id, seats.c.game == self._game)
            _clear(connection, sa.and_(seats.c.agent_id == self._agent_id, seats.c.alive_at < moment - FORGOTTEN_S))
            named = set(connection.scalars(sa.select(seats.c.match).where(mine)))
            rows = [
                {
                    "id": number,
                    "agent_id": self._agent_id,
                    "game": self._game,
                    "engine": self._engine,
                    "match": _free(seat.match, named),
                    "player": seat.player,
                    "move_s": seat.move_s,
                    "match_s": seat.match_s,
                    "alive_at": moment,
                }
                for number, seat in zip(numbers, taken, strict=True)
            ]
            connection.execute(seats.insert(), rows)
        return numbers

    def ask(self, question: Question) -> int:
        number = _drawn()
        with self._ledger.writing(MAILBOX) as connection:
            connection.execute(
                questions.insert().values(
                    id=number,
                    seat_id=question.seat,
                    ply=question.ply,
                    observation=question.observation,
                    history=list(question.history),
                    limit_s=question.limit_s,
                    asked_at=clock(connection),
                    state="open",
                )
            )
        return number

    def replies(self, asked: Collection[int]) -> dict[int, Reply]:
        q = questions.c
        query = sa.select(q.id, q.state, q.answer, q.waited_s).where(
            q.id.in_(list(asked)), q.state.in_(("answered", "failed"))
        )
        with self._ledger.reading(MAILBOX) as connection:
            return {
                row.id: Reply(
                    action=row.answer,
                    failure=str(row.answer) if row.state == "failed" else None,
                    waited_s=row.waited_s,
                )
                for row in connection.execute(query)
            }

    def withdraw(self, question: int) -> None:
        with self._ledger.writing(MAILBOX) as connection:
            connection.execute(_close(questions.c.id == question).values(state="withdrawn"))

    def still_play(self) -> None:
        with self._ledger.writing(None) as connection:
            connection.execute(
                seats.update()
                .where(seats.c.engine == self._engine, seats.c.returns.is_(None))
                .values(alive_at=clock(connection))
            )

    def leave_seats(self, returns: Mapping[int, float]) -> None:
        """The seats stay with their returns until their agent heard of it, or for an hour."""
        with self._ledger.writing(MAILBOX) as connection:
            connection.execute(_close(questions.c.seat_id.in_(list(returns))).values(state="withdrawn"))
            for number, value in returns.items():
                connection.execute(
                    seats.update().where(seats.c.id == number).values(returns=value, alive_at=clock(connection))
                )

    def close(self) -> None:
        """Matches that were not played to their end are played again, in other seats."""
        with self._ledger.writing(MAILBOX) as connection:
            _clear(connection, sa.and_(seats.c.engine == self._engine, seats.c.returns.is_(None)))
        self._ledger.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSeat:
    """A match of an agent: under way, or over where it has ``returns``."""

    id: int
    agent_id: int
    game: str
    match: int
    player: int
    move_s: float | None
    match_s: float | None
    returns: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A question that waits for an answer. ``left_s``: of its limit."""

    id: int
    seat: int
    observation: Message
    left_s: float | None


def seats_of(ledger: Ledger, agents: Collection[tuple[int, str]]) -> tuple[list[OpenSeat], list[OpenQuestion]]:
    """The matches of these agents, each by its number and game, and what waits for answers in them."""
    s, q = seats.c, questions.c
    here = sa.tuple_(s.agent_id, s.game).in_(list(agents))
    with ledger.reading(MAILBOX) as connection:
        moment = clock(connection)
        known = sa.or_(s.alive_at > moment - SILENT_S, s.returns.is_not(None))
        seated = [
            OpenSeat(**row)
            for row in connection.execute(
                sa.select(*(s[name] for name in OpenSeat.__slots__)).where(here, known)
            ).mappings()
        ]
        under_way = [seat.id for seat in seated if seat.returns is None]
        if not under_way:
            return seated, []
        asked = connection.execute(
            sa.select(q.id, q.seat_id, q.observation, q.limit_s, q.asked_at)
            .where(q.seat_id.in_(under_way), q.state == "open")
            .order_by(q.asked_at)
        )
        waiting = [
            OpenQuestion(
                id=row.id,
                seat=row.seat_id,
                observation=row.observation,
                left_s=None if row.limit_s is None else row.limit_s - (moment - row.asked_at),
            )
            for row in asked
        ]
    return seated, waiting


def played_so_far(ledger: Ledger, seat: int) -> list[dict[str, object]]:
    """The decisions of a seat in its match, in order: ``ply`` and ``action`` of each."""
    q = questions.c
    query = sa.select(q.ply, q.answer).where(q.seat_id == seat, q.state == "answered").order_by(q.ply)
    with ledger.reading(MAILBOX) as connection:
        return [{"ply": row.ply, "action": row.answer} for row in connection.execute(query)]


def moves_of(ledger: Ledger, question: int) -> list[int]:
    """All moves of the match before a question: only for games that hide nothing."""
    with ledger.reading(MAILBOX) as connection:
        return list(connection.scalar(sa.select(questions.c.history).where(questions.c.id == question)) or [])


def answer(
    ledger: Ledger, agents: Collection[int], question: int, said: object, *, failed: bool = False, ago_s: float = 0.0
) -> Verdict:
    """Puts an answer in; what became of it.

    Args:
        ledger: where it was asked.
        agents: who may answer: the numbers of agents whose connection this is.
        question: its number.
        said: the action as it came; with ``failed``, why there is none.
        failed: whether the agent gives this match up.
        ago_s: seconds since the answer arrived.
    """
    q = questions.c
    query = (
        sa.select(q.state, q.limit_s, q.asked_at)
        .join(seats, seats.c.id == q.seat_id)
        .where(q.id == question, seats.c.agent_id.in_(list(agents)))
    )
    with ledger.writing(MAILBOX) as connection:
        row = connection.execute(query).first()
        if row is None:
            return "unknown"
        waited_s = max(0.0, clock(connection) - ago_s - row.asked_at)
        if row.state == "open" and row.limit_s is not None and waited_s > row.limit_s:
            return "late"
        taken = connection.execute(
            _close(q.id == question).values(state="failed" if failed else "answered", answer=said, waited_s=waited_s)
        )
    return "taken" if taken.rowcount else "closed"


def forget_seats(ledger: Ledger, ended: Collection[int]) -> None:
    """Removes matches that are over: their agent has heard of it."""
    with ledger.writing(MAILBOX) as connection:
        _clear(connection, sa.and_(seats.c.id.in_(list(ended)), seats.c.returns.is_not(None)))


def _close(which: sa.ColumnElement[bool]) -> sa.Update:
    return questions.update().where(which, questions.c.state == "open")


def _clear(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    connection.execute(questions.delete().where(questions.c.seat_id.in_(sa.select(seats.c.id).where(which))))
    connection.execute(seats.delete().where(which))


def _free(match: int, named: set[int]) -> int:
    """The number by which a match is told of: its own, or the next one where the agent has heard that of another match, such as the same
    one of an engine that was killed and has begun it again."""
    while match in named:
        match = (match + STEP) % 2**63
    named.add(match)
    return match


def _drawn() -> int:
    """A number that no other question or seat has had: a late word never meets another question. JavaScript can hold it."""
    return secrets.randbits(53)
