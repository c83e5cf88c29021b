"""Candidates that are asked live: a job for each asks a model for the answers that it has not given yet, and keeps each as it comes.

What was answered is never asked again; what failed is kept with its reason, and asked again by the next job.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa

from arena.agents.chat_endpoint import ChatEndpoint, ChatMessage, EndpointDown, EndpointError
from arena.agents.llm_specification import read_llm
from arena.columns import ANSWERS_JOB
from arena.games import SpecificationError
from arena.job_rows import JobRow
from arena.job_work import Progress, note_recorded
from arena.jobs import all_jobs, submit
from arena.ledger import Ledger
from arena.ledger_entries import now
from arena.ledger_matches import storable
from arena.ledger_schema import answers, contexts, insert_or_ignore
from arena.poll_schema import answer_failures
from arena.polls.poll import LONGEST_ANSWER, Poll, model_of, poll_of

POLL, CANDIDATE, RUN = "poll", "candidate", "run"
"""The settings of a job: whose answers, of which candidate by position, and the how manyth time it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAnswer:
    """An attempt that gave no answer. ``prompt``: what it is called."""

    prompt: str
    attempt: int
    message: str
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """How far a candidate's answers are: of ``prompts`` those ``answered``; ``failures``: of what has no answer, the last
    attempts; ``job``: the newest, None where none was asked for."""

    candidate: str
    prompts: int
    answered: int
    failures: tuple[FailedAnswer, ...]
    job: JobRow | None

    @property
    def complete(self) -> bool:
        return self.answered == self.prompts


def ask_for_answers(ledger: Ledger, poll: Poll) -> list[JobRow]:
    """The jobs that ask each endpoint of a poll for what it has not answered; those under way where there are some."""
    asked = []
    for one in answering(ledger, poll):
        if one.complete:
            continue
        if one.job is not None and one.job.status in ("waiting", "running"):
            asked.append(one.job)
            continue
        at = poll.candidates.index(one.candidate)
        run = 1 + sum(row.settings[CANDIDATE] == at for row in _jobs(ledger, poll))
        settings = {POLL: poll.key, CANDIDATE: at, RUN: run}
        asked.append(submit(ledger, kind=ANSWERS_JOB, game=poll.tournament.game, settings=settings))
    return asked


def answering(ledger: Ledger, poll: Poll) -> list[Answering]:
    """How far the answers of each endpoint of a poll are."""
    jobs = _jobs(ledger, poll)
    tournament = poll.tournament.id
    found = []
    for at in sorted(poll.endpoints):
        with ledger.reading() as connection:
            missing = {row.position: row.key for row in connection.execute(_missing(tournament, at))}
            total = sa.select(sa.func.count()).where(contexts.c.tournament_id == tournament)
            prompts = int(connection.scalars(total).one())
            of = answer_failures.c
            failed = connection.execute(
                sa.select(answer_failures)
                .where(of.tournament_id == tournament, of.candidate == at)
                .order_by(of.attempt)
            )
            last = {row.context: row for row in failed if row.context in missing}
        found.append(
            Answering(
                candidate=poll.candidates[at],
                prompts=prompts,
                answered=prompts - len(missing),
                failures=tuple(
                    FailedAnswer(
                        prompt=missing[context], attempt=row.attempt, message=row.message, created_at=row.created_at
                    )
                    for context, row in sorted(last.items())
                ),
                job=next((row for row in reversed(jobs) if row.settings[CANDIDATE] == at), None),
            )
        )
    return found


def answers_job(ledger: Ledger, row: JobRow, progress: Progress) -> Mapping[str, object]:
    """The answer to a job that asks a candidate: how many prompts it answered in this run, and how many failed.

    Once the endpoint is down, the rest is not asked.
    """
    poll, at = poll_of(ledger, str(row.settings[POLL])), int(str(row.settings[CANDIDATE]))
    if at not in poll.endpoints:
        raise SpecificationError(f"candidate {at} of {poll.key} is not one that is asked")
    with ledger.reading() as connection:
        query = _missing(poll.tournament.id, at)
        missing = [(one.position, one.prompt or "") for one in connection.execute(query)]
    progress(0, len(missing))
    asker = _Asker(ledger, poll, at)
    answered = 0
    try:
        with ThreadPoolExecutor(asker.endpoint.settings.concurrency, thread_name_prefix="answers") as pool:
            for done, one in enumerate(pool.map(asker.ask, missing), 1):
                if one and not answered:
                    note_recorded(ledger, row)
                answered += one
                progress(done, len(missing))
    finally:
        asker.close()
    return {"answered": answered, "failed": len(missing) - answered}


class _Asker:
    """Asks one endpoint, from several threads, and keeps what comes of it."""

    def __init__(self, ledger: Ledger, poll: Poll, candidate: int):
        settings, options = read_llm(model_of(poll.endpoints[candidate]), {"system": ""})
        self.endpoint = ChatEndpoint(settings)
        self._system = [ChatMessage("system", str(options["system"]))] if options["system"] else []
        self._ledger, self._poll, self._candidate = ledger, poll, candidate
        self._over = threading.Event()

    def ask(self, wanted: tuple[int, str]) -> bool:
        """Whether the prompt, (its position, its text), is answered now."""
        context, prompt = wanted
        if self._over.is_set():
            return False
        try:
            said = self.endpoint.ask([*self._system, ChatMessage("user", prompt)]).said
        except EndpointError as error:
            if isinstance(error, EndpointDown):
                self._over.set()
            self._keep_failure(context, str(error))
            return False
        if not said or len(said) > LONGEST_ANSWER:
            what = f"has {len(said):,} characters; a page shows up to {LONGEST_ANSWER:,}" if said else "is empty"
            self._keep_failure(context, f"the answer {what}")
            return False
        with self._ledger.writing() as connection:
            row = (self._poll.tournament.id, context, self._candidate, storable(said))
            insert_or_ignore(connection, answers, [row])
        return True

    def close(self) -> None:
        """Nothing more is asked."""
        self._over.set()
        self.endpoint.close()

    def _keep_failure(self, context: int, message: str) -> None:
        of = answer_failures.c
        mine = (
            of.tournament_id == self._poll.tournament.id,
            of.context == context,
            of.candidate == self._candidate,
        )
        with self._ledger.writing() as connection:
            attempt = 1 + int(
                connection.scalars(sa.select(sa.func.coalesce(sa.func.max(of.attempt), 0)).where(*mine)).one()
            )
            row = (self._poll.tournament.id, context, self._candidate, attempt, storable(message), now())
            insert_or_ignore(connection, answer_failures, [row])


def _missing(tournament: int, candidate: int) -> sa.Select[tuple[int, str, str | None]]:
    """A query for the prompts that a candidate has not answered."""
    given = sa.exists().where(
        answers.c.tournament_id == tournament,
        answers.c.context == contexts.c.position,
        answers.c.candidate == candidate,
    )
    return (
        sa.select(contexts.c.position, contexts.c.key, contexts.c.prompt)
        .where(contexts.c.tournament_id == tournament, ~given)
        .order_by(contexts.c.position)
    )


def _jobs(ledger: Ledger, poll: Poll) -> list[JobRow]:
    """All jobs that asked for a poll's answers, in order."""
    return [row for row in all_jobs(ledger, kind=ANSWERS_JOB) if row.settings.get(POLL) == poll.key]
