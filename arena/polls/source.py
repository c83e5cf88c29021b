"""Polls of a ledger, whether it stands on this machine or behind a server: what `arena poll` reads and writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote

from arena.client import Client
from arena.games import ArenaError
from arena.games.vote_file import content_of
from arena.job_work import Progress, do_here
from arena.judge_input import MAX_BYTES, answers_of
from arena.ledger import Ledger
from arena.polls.answering import Answering, answering, answers_job, ask_for_answers
from arena.polls.poll import Poll, all_polls, close_poll, make_poll, named_endpoints, open_poll, poll_of, poll_settings
from arena.polls.summary import PollSummary, poll_summary
from arena.polls.voters import invite
from arena.value_codec import decoded
from arena.vote_files import votes_file, votes_of_game
from arena.vote_reviews import State, decide


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatus:
    """How a poll stands, and how far the answers are that are asked for."""

    key: str
    name: str
    game: str
    summary: PollSummary
    answers: tuple[Answering, ...]


class Polls(Protocol):
    """The polls of a ledger, wherever it is. Each method raises the `ArenaError` that says what is wrong."""

    def all(self) -> list[PollStatus]: ...

    def one(self, key: str) -> PollStatus: ...

    def make(
        self, file: Path, *, name: str, settings: Mapping[str, str], endpoints: Sequence[str], game: str | None
    ) -> PollStatus:
        """A draft of a file of prompts and answers; ``endpoints``: ``NAME=llm:MODEL@URL`` of models that are asked."""

    def set_state(self, key: str, state: Literal["open", "closed"]) -> PollStatus: ...

    def review(self, key: str, voter: int, state: State, reason: str) -> PollStatus:
        """Decides whether the votes of ``voter 17`` count."""

    def invite(self, key: str, count: int) -> list[str]:
        """What the address of a ballot takes as ``invitation``, one for each voter."""

    def votes(self, key: str, kind: str) -> bytes:
        """The votes that count as a file: csv, jsonl or parquet."""

    def ask(self, key: str, progress: Progress) -> None:
        """Has models asked for the answers that are missing, and waits for them; ``progress`` hears (answers, of how many) of a model."""


class LedgerPolls:
    """The polls of a ledger of this machine."""

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def all(self) -> list[PollStatus]:
        return [poll_status(self.ledger, poll) for poll in all_polls(self.ledger)]

    def one(self, key: str) -> PollStatus:
        return poll_status(self.ledger, poll_of(self.ledger, key))

    def make(
        self, file: Path, *, name: str, settings: Mapping[str, str], endpoints: Sequence[str], game: str | None
    ) -> PollStatus:
        sheet = answers_of(content_of(file, most_bytes=MAX_BYTES), str(file))
        asked = named_endpoints(endpoints)
        poll = make_poll(self.ledger, sheet, name=name, settings=poll_settings(settings), endpoints=asked, game=game)
        ask_for_answers(self.ledger, poll)
        return poll_status(self.ledger, poll)

    def set_state(self, key: str, state: Literal["open", "closed"]) -> PollStatus:
        change = open_poll if state == "open" else close_poll
        return poll_status(self.ledger, change(self.ledger, poll_of(self.ledger, key)))

    def review(self, key: str, voter: int, state: State, reason: str) -> PollStatus:
        poll = poll_of(self.ledger, key)
        decide(self.ledger, poll.tournament, judge=voter - 1, state=state, reason=reason, decided_by="the operator")
        return poll_status(self.ledger, poll)

    def invite(self, key: str, count: int) -> list[str]:
        return invite(self.ledger, poll_of(self.ledger, key), count)

    def votes(self, key: str, kind: str) -> bytes:
        return votes_file(votes_of_game(self.ledger, [poll_of(self.ledger, key).tournament]), kind)

    def ask(self, key: str, progress: Progress) -> None:
        for asked in ask_for_answers(self.ledger, poll_of(self.ledger, key)):
            do_here(self.ledger, asked, partial(answers_job, self.ledger), progress=progress)


class ServerPolls:
    """The polls of a server. Making and changing them asks for the scope ``admin``."""

    def __init__(self, client: Client):
        self.client, self.connection = client, client.connection

    def all(self) -> list[PollStatus]:
        return [self.one(str(told["key"])) for told in self.connection.listed("/polls", "polls")]

    def one(self, key: str) -> PollStatus:
        return decoded(PollStatus, self.connection.read(_path(key), as_value=True))

    def make(
        self, file: Path, *, name: str, settings: Mapping[str, str], endpoints: Sequence[str], game: str | None
    ) -> PollStatus:
        asked = [("name", name), ("file", file.name), *settings.items(), *(("endpoint", one) for one in endpoints)]
        asked += [("game", game)] if game is not None else []
        content = content_of(file, most_bytes=MAX_BYTES)
        told = self.connection.write("POST", "/polls", asked, file=content)
        return self.one(str(told["poll"]["key"]))

    def set_state(self, key: str, state: Literal["open", "closed"]) -> PollStatus:
        self.connection.write("POST", f"{_path(key)}/state", body={"state": state})
        return self.one(key)

    def review(self, key: str, voter: int, state: State, reason: str) -> PollStatus:
        self.connection.write("POST", f"{_path(key)}/reviews", body={"voter": voter, "state": state, "reason": reason})
        return self.one(key)

    def invite(self, key: str, count: int) -> list[str]:
        told = self.connection.write("POST", f"{_path(key)}/invitations", body={"count": count})
        if told["invitations"] is None:
            raise ArenaError("the invitations were made, but the answer that had them was lost: ask for others")
        return [str(text) for text in told["invitations"]]

    def votes(self, key: str, kind: str) -> bytes:
        return self.connection.content(f"{_path(key)}/votes", [("format", kind)])

    def ask(self, key: str, progress: Progress) -> None:
        for job in self.connection.write("POST", f"{_path(key)}/answers")["jobs"]:
            self.client.wait(self.client.job(str(job)), progress=progress)


def poll_status(ledger: Ledger, poll: Poll, *, with_names: bool = True, with_failures: bool = True) -> PollStatus:
    """How a poll stands now.

    Args:
        ledger: where it is.
        poll: which.
        with_names: as of `poll_summary`.
        with_failures: also why models gave no answers.
    """
    asked = answering(ledger, poll)
    return PollStatus(
        key=poll.key,
        name=poll.name,
        game=poll.tournament.game,
        summary=poll_summary(ledger, poll, with_names=with_names),
        answers=tuple(asked if with_failures else (replace(one, failures=()) for one in asked)),
    )


def _path(key: str) -> str:
    return f"/polls/{quote(key, safe='')}"
