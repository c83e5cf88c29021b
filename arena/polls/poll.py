"""A poll: prompts, candidates' answers, and how it is voted on. Its votes are the matches of one tournament of the ledger."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arena.agents.llm_specification import read_llm, with_lent_key
from arena.games import SpecificationError, UnknownName
from arena.judge_input import AnswerSheet
from arena.judged_match import game_of_comparisons
from arena.judgements import keep_contexts
from arena.ledger import Ledger, Tournament
from arena.ledger_entries import now
from arena.ledger_schema import answers, contexts, tournaments
from arena.match_import import external_agents
from arena.poll_schema import poll_endpoints, polls
from arena.voted_game import SCHEME

State = Literal["draft", "open", "closed"]
WhoVotes = Literal["anyone", "accounts", "invited"]
Choosing = Literal["balanced", "adaptive"]
LONGEST_ANSWER = 200_000
"""Characters of an answer that is shown on a page."""
LLM = "llm:"
SECRET_BYTES = 32


class PollSettings(BaseModel):
    """How a poll is voted on. What each is for stands in its description, which the API and the pages show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str = Field(
        default="Which answer is better?", min_length=1, max_length=300, description="what voters are asked"
    )
    voters: WhoVotes = Field(
        default="anyone", description="who may vote: anyone, whoever is signed in, or whoever was given an invitation"
    )
    pairing: Choosing = Field(
        default="balanced",
        description="which two answers are shown next: those compared least, or those that say most about the minimax winner",
    )
    reveal: bool = Field(
        default=False,
        description="whether a voter is told the candidates' names after each vote, and the ladder is shown while votes are taken",
    )
    per_minute: int = Field(default=20, ge=1, le=1000, description="votes of one voter in a minute; more are refused")
    per_address: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="new voters from one network address in a day; votes of further ones are held for review",
    )
    least_seconds: float = Field(
        default=2.0,
        ge=0,
        le=600,
        description="a vote in less time counts as not read; voters with many of them are held",
    )


def poll_settings(values: Mapping[str, object]) -> PollSettings:
    """The settings with these values, which may be texts as people type them.

    Raises:
        SpecificationError: an unknown one, or a value that it cannot have.
    """
    try:
        return PollSettings(**values)  # type: ignore[arg-type]  # pydantic checks each
    except ValidationError as error:
        said = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise SpecificationError(f"these settings of a poll cannot be: {said}") from None


def named_endpoints(texts: Iterable[str]) -> dict[str, str]:
    """Specifications by candidate, of texts ``NAME=llm:MODEL@URL``.

    Raises:
        SpecificationError: one is not of that form, or two have one name.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, specification = text.partition("=")
        name = name.strip()
        if not sign or not name or not name.isprintable():
            raise SpecificationError(f"a candidate that is asked is written NAME=llm:MODEL@URL; got {text:.80}")
        if name in found:
            raise SpecificationError(f"two candidates are called {name!r}")
        model_of(specification.strip())
        found[name] = specification.strip()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A poll as it stands in the ledger. ``endpoints``: of candidates whose answers are asked for, by position, the specification."""

    tournament: Tournament
    state: State
    settings: PollSettings
    secret: bytes = field(repr=False)
    endpoints: Mapping[int, str]
    created_at: str

    @property
    def key(self) -> str:
        return self.tournament.key

    @property
    def name(self) -> str:
        return self.tournament.name

    @property
    def candidates(self) -> tuple[str, ...]:
        """By position, as the tournament's agents are called."""
        return tuple(agent.name for agent in self.tournament.agents)


def make_poll(
    ledger: Ledger,
    sheet: AnswerSheet,
    *,
    name: str,
    settings: PollSettings,
    endpoints: Mapping[str, str] | None = None,
    game: str | None = None,
) -> Poll:
    """A new poll, a draft that nobody can vote in yet.

    Args:
        ledger: where it is kept.
        sheet: prompts and answers.
        name: of the poll; its key is made of it.
        settings: how it is voted on.
        endpoints: candidates beside those of the sheet, whose answers are asked for: ``llm:MODEL@URL`` by name.
        game: names the ladder; ``preference:NAME`` without it.

    Raises:
        SpecificationError: a name or a question that is none, fewer than two candidates, one that stands twice, an answer longer than a page shows, or a specification
            that is no language model's.
        LedgerError: a name that a game cannot have, or a ladder that is not of two players.
    """
    if not name or name != name.strip() or not name.isprintable():
        raise SpecificationError(f"a poll is called by printable characters, no blank at the ends; got {name!r:.80}")
    _check_question(settings)
    named = dict(endpoints or {})
    for candidate, specification in named.items():
        if candidate in sheet.candidates:
            raise SpecificationError(f"the candidate {candidate!r} has answers already; call the endpoint otherwise")
        model_of(specification)
    candidates = [*sheet.candidates, *named]
    if len(candidates) < 2:
        raise SpecificationError(f"a poll compares at least two candidates; got {len(candidates)}")
    for (at, who), text in sheet.answers.items():
        if len(text) > LONGEST_ANSWER:
            raise SpecificationError(
                f"the answer of {sheet.candidates[who]!r} to prompt {sheet.prompts[at].key!r} has {len(text):,} characters; "
                f"a page shows up to {LONGEST_ANSWER:,}"
            )
    ladder = game or f"{SCHEME}{name}"
    tournament = ledger.add_tournament(
        name=name,
        game=game_of_comparisons(ledger, ladder, version="voted"),
        agents=external_agents(ledger, candidates),
        config={"pairing": "vote", "voted_on": settings.pairing},
        seed=None,
        planned=None,
        source="vote",
    )
    keep_contexts(ledger, tournament, contexts_given=sheet.prompts, texts=sheet.answers)
    row = {
        "tournament_id": tournament.id,
        "state": "draft",
        "settings": settings.model_dump(),
        "secret": secrets.token_bytes(SECRET_BYTES),
        "votes": 0,
        "created_at": now(),
    }
    asked = [
        {"tournament_id": tournament.id, "candidate": at, "specification": named[candidate]}
        for at, candidate in enumerate(candidates)
        if candidate in named
    ]
    with ledger.writing() as connection:
        connection.execute(polls.insert(), row)
        if asked:
            connection.execute(poll_endpoints.insert(), asked)
    ledger.set_status(tournament, "finished")  # nobody votes yet
    return poll_of(ledger, tournament.key)


def _check_question(settings: PollSettings) -> None:
    if not settings.question.isprintable():
        raise SpecificationError(
            f"what voters are asked is one line of printable characters; got {settings.question!r:.80}"
        )


def model_of(specification: str) -> str:
    """What follows ``llm:`` in a candidate's specification, checked.

    Raises:
        SpecificationError: it is no language model's, or wrong.
    """
    if not specification.startswith(LLM):
        raise SpecificationError(f"a candidate that is asked for answers is llm:MODEL@URL; got {specification:.80}")
    rest = specification.removeprefix(LLM)
    read_llm(rest, {"system": ""})
    return rest


def with_lent_keys(endpoints: Mapping[str, str], lent: Collection[str]) -> dict[str, str]:
    """Candidates that are asked, as somebody names them to a server: see `arena.agents.llm_specification.with_lent_key`."""
    return {name: LLM + with_lent_key(text.removeprefix(LLM), lent) for name, text in endpoints.items()}


def poll_of(ledger: Ledger, key: str) -> Poll:
    """The poll of this key.

    Raises:
        UnknownName: there is none.
    """
    found = _polls(ledger, tournaments.c.key == key)
    if not found:
        raise UnknownName("poll", key, [poll.key for poll in all_polls(ledger)])
    return found[0]


def all_polls(ledger: Ledger) -> list[Poll]:
    """The newest first."""
    return _polls(ledger, sa.true())


def change_settings(ledger: Ledger, poll: Poll, settings: PollSettings) -> Poll:
    """The poll with these settings from now on; what was voted stays.

    Raises:
        SpecificationError: another pairing: ratings rest on one; or a question that no page can show.
    """
    _check_question(settings)
    if settings.pairing != poll.settings.pairing:
        raise SpecificationError(f"the pairing of a poll stays what it is: {poll.settings.pairing}; make another poll")
    return _update(ledger, poll, settings=settings.model_dump())


def open_poll(ledger: Ledger, poll: Poll) -> Poll:
    """The poll, open for votes.

    Raises:
        SpecificationError: no prompt has two answers yet.
    """
    per_prompt = (
        sa.select(sa.func.count().label("of"))
        .where(answers.c.tournament_id == poll.tournament.id)
        .group_by(answers.c.context)
        .subquery()
    )
    with ledger.reading() as connection:
        most = connection.scalars(sa.select(sa.func.max(per_prompt.c.of))).one()
    if (most or 0) < 2:
        raise SpecificationError(f"no prompt of {poll.name!r} has two answers yet: there is nothing to vote on")
    ledger.set_status(poll.tournament, "running")
    return _update(ledger, poll, state="open")


def close_poll(ledger: Ledger, poll: Poll) -> Poll:
    """The poll, closed: no vote is taken any more. It can be opened again."""
    ledger.set_status(poll.tournament, "finished")
    return _update(ledger, poll, state="closed")


def texts_of(ledger: Ledger, poll: Poll, context: int, candidates: tuple[int, int]) -> tuple[str, tuple[str, str]]:
    """(the prompt, the answers of two candidates) of one context, all by position."""
    here = (answers.c.tournament_id == poll.tournament.id, answers.c.context == context)
    with ledger.reading() as connection:
        prompt = connection.scalars(
            sa.select(contexts.c.prompt).where(
                contexts.c.tournament_id == poll.tournament.id, contexts.c.position == context
            )
        ).one()
        rows = connection.execute(
            sa.select(answers.c.candidate, answers.c.text).where(*here, answers.c.candidate.in_(candidates))
        )
        said = {row.candidate: row.text for row in rows}
    return prompt or "", (said[candidates[0]], said[candidates[1]])


def _polls(ledger: Ledger, which: sa.ColumnElement[bool]) -> list[Poll]:
    query = sa.select(polls, tournaments.c.key).join(tournaments).where(which).order_by(polls.c.tournament_id.desc())
    asked: dict[int, dict[int, str]] = {}
    with ledger.reading() as connection:
        rows = connection.execute(query).all()
        for one in connection.execute(sa.select(poll_endpoints)):
            asked.setdefault(one.tournament_id, {})[one.candidate] = one.specification
    return [
        Poll(
            tournament=ledger.tournament(row.key),
            state=row.state,
            settings=PollSettings(**row.settings),
            secret=row.secret,
            endpoints=asked.get(row.tournament_id, {}),
            created_at=row.created_at,
        )
        for row in rows
    ]


def _update(ledger: Ledger, poll: Poll, **values: object) -> Poll:
    with ledger.writing() as connection:
        connection.execute(polls.update().where(polls.c.tournament_id == poll.tournament.id).values(**values))
    return poll_of(ledger, poll.key)
