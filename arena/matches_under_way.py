"""Matches of agents elsewhere while they are played: what the mailbox knows of them, before their block is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from arena.agents.observation import Message
from arena.agents.protocol import match_numbers
from arena.agents.registry import REMOTE
from arena.config import make_config
from arena.games import NotProvided
from arena.ledger import Ledger, Tournament
from arena.ledger_state import MAILBOX
from arena.pairing.rule import rule_of
from arena.question_schema import questions, seats
from arena.questions import SILENT_S, clock
from arena.results import MatchResult, MatchSpec, Termination
from arena.rounds import LOOKING, read_rounds
from arena.schedule import Schedule
from arena.tournament import schedule_of

MOST_LOOKED_FOR = 10_000  # matches


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatUnderWay:
    """A player of a match that is asked through the mailbox, with the newest question.

    ``open``: whether it still waits for an answer; ``left_s``: of its limit; ``history``: all actions before it, also those that
    nobody may see; ``returns``: once the match is over.
    """

    player: int
    agent_id: int
    question: int
    open: bool
    observation: Message
    history: tuple[int, ...]
    answer: object
    left_s: float | None
    returns: float | None


def planned_match(ledger: Ledger, tournament: Tournament, number: int) -> MatchSpec:
    """Match `number` of a tournament as its schedule has it, as far as its rounds are decided.

    Raises:
        NotProvided: there is none, or it was not played here.
    """
    for schedule in _schedules(ledger, tournament):
        if schedule.first <= number < schedule.end:
            return schedule.specs(number, number + 1)[0]
    raise NotProvided(f"{tournament.key} has no match {number}")


def numbers_under_way(ledger: Ledger, tournament: Tournament) -> list[int]:
    """The matches of a tournament that agents elsewhere play now, of the first `MOST_LOOKED_FOR` of its newest round."""
    far = [agent.id for agent in tournament.agents if agent.kind == REMOTE]
    if not far:
        return []
    s = seats.c
    query = sa.select(s.match).where(s.agent_id.in_(far), s.game == tournament.game, s.returns.is_(None))
    with ledger.reading(MAILBOX) as connection:
        played = set(connection.scalars(query.where(s.alive_at > clock(connection) - SILENT_S)))
    try:
        newest = _schedules(ledger, tournament)[-1:] if played else []
    except NotProvided:
        return []
    if not newest:
        return []
    specs = newest[0].specs(newest[0].first, newest[0].first + MOST_LOOKED_FOR)
    players = range(specs.seats.shape[1])
    numbers = [match_numbers(specs.seed, np.full(len(specs), player)) for player in players]
    return [
        int(specs.index[row]) for row in range(len(specs)) if any(of_player[row] in played for of_player in numbers)
    ]


def _schedules(ledger: Ledger, tournament: Tournament) -> list[Schedule]:
    """The schedules of the rounds that are decided; only the last round can be under way."""
    if tournament.source != "play":
        raise NotProvided(f"the matches of {tournament.key} are shown when they are recorded")
    config = make_config({**tournament.config, "seed": tournament.seed}, source=tournament.key)
    if config.pairing in LOOKING:
        decided = read_rounds(ledger, tournament)
    else:
        decided = [one for one in [rule_of(config, len(tournament.sides)).next_round(())] if one is not None]
    found: list[Schedule] = []
    for one in decided:
        found.append(schedule_of(config, tournament.sides, one, first=found[-1].end if found else 0))
    return found


def seats_under_way(ledger: Ledger, tournament: Tournament, spec: MatchSpec) -> list[SeatUnderWay]:
    """The players of a match who are asked through the mailbox, as far as they have been asked."""
    players = np.arange(len(spec.seats))
    numbers = match_numbers(np.full(len(players), spec.seed, np.uint64), players)
    agents = [tournament.agents[seat].id for seat in spec.seats]
    s, q = seats.c, questions.c
    mine = sa.tuple_(s.agent_id, s.match, s.player).in_(list(zip(agents, numbers, players.tolist(), strict=True)))
    query = (
        sa.select(
            s.player, s.agent_id, s.returns, q.id, q.state, q.observation, q.history, q.answer, q.limit_s, q.asked_at
        )
        .join(questions, q.seat_id == s.id)
        .where(mine, s.game == tournament.game)
        .order_by(q.asked_at)
    )
    with ledger.reading(MAILBOX) as connection:
        moment = clock(connection)
        newest: Mapping[int, SeatUnderWay] = {
            row.player: SeatUnderWay(
                player=row.player,
                agent_id=row.agent_id,
                question=row.id,
                open=row.state == "open",
                observation=row.observation,
                history=tuple(row.history),
                answer=row.answer if row.state == "answered" else None,
                left_s=None if row.limit_s is None else max(0.0, row.limit_s - (moment - row.asked_at)),
                returns=row.returns,
            )
            for row in connection.execute(query)
        }
    return sorted(newest.values(), key=lambda one: one.player)


def so_far(spec: MatchSpec, seated: list[SeatUnderWay], *, by_turns: bool) -> MatchResult | None:
    """The match as far as the mailbox knows it, to be replayed; None before its first question.

    ``by_turns``: the answer to the newest question is a move by itself, after which nothing is drawn.
    """
    if not seated:
        return None
    last = max(seated, key=lambda one: len(one.history))
    answered = [last.answer] if by_turns and isinstance(last.answer, int) else []
    return MatchResult(
        spec=spec,
        returns=(0.0,) * len(spec.seats),
        termination=Termination.TRUNCATED,
        forfeited_by=None,
        actions=np.array([*last.history, *answered], np.int32),
        seconds=(0.0,) * len(spec.seats),
    )
