"""What the API's routes of polls take and answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from arena.polls.casting import Choice
from arena.polls.poll import PollSettings, State
from arena.server.api.answers import PageAnswer
from arena.server.api.route import SHOWN_ONCE
from arena.vote_reviews import State as ReviewState


class PollFacts(BaseModel):
    """``game``: names the ladder of its votes; ``candidates``: by position."""

    key: str
    name: str
    game: str
    state: State
    settings: PollSettings
    candidates: list[str]
    created_at: str


class PollList(PageAnswer):
    polls: list[PollFacts]


class ShareFacts(BaseModel):
    """A share with its 95 % interval."""

    count: int
    of: int
    value: float
    low: float
    high: float


class ReviewedFacts(BaseModel):
    """A voter of whom it was decided whether the votes count. ``seconds``: the median time for a vote."""

    voter: str
    state: ReviewState
    reason: str
    votes: int
    seconds: float


class PollSummaryFacts(BaseModel):
    """``first_worth``: (low, value, high), what being shown first is worth beside Bradley-Terry ratings."""

    state: State
    prompts: int
    candidates: int
    voters: int
    votes: int
    counted: int
    held: int
    left_out: int
    skipped: int
    quick: int
    ties: int
    both_bad: int
    pairs: int
    pairs_met: int
    fewest: int
    first_shown: ShareFacts | None
    first_worth: list[float] | None
    sentences: list[str]
    reviewed: list[ReviewedFacts]


class FailedAnswerFacts(BaseModel):
    prompt: str
    attempt: int
    message: str
    created_at: str


class AnsweringFacts(BaseModel):
    """How far the answers of a model are. ``job``: the newest that asked for them; ``status``: of that job."""

    candidate: str
    prompts: int
    answered: int
    failures: list[FailedAnswerFacts]
    job: str | None
    status: str | None


class PollAnswer(BaseModel):
    poll: PollFacts
    summary: PollSummaryFacts
    answers: list[AnsweringFacts]


class NewPoll(PollSettings):
    """A poll of the file that is uploaded; its settings stand beside."""

    name: str = Field(min_length=1, max_length=100, description="what it is called; the key is made of it")
    file: str = Field(max_length=200, description="the file's name, which says its form: .csv, .jsonl, .ndjson")
    game: str | None = Field(default=None, max_length=200, description="names the ladder; preference:NAME without it")
    endpoint: list[str] = Field(
        default=[], max_length=100, description="a candidate that is asked for its answers: NAME=llm:MODEL@URL"
    )


class NewState(BaseModel, extra="forbid"):
    state: Literal["open", "closed"]


class NewInvitations(BaseModel, extra="forbid"):
    count: int = Field(ge=1, le=10_000)


class Invitations(BaseModel):
    """Texts that each make one voter."""

    invitations: list[str] | None = Field(
        description="the address of the ballot takes one as `invitation`" + SHOWN_ONCE
    )


class NewReview(BaseModel, extra="forbid"):
    """``voter``: its number, as in ``voter 17``."""

    voter: int = Field(ge=1, le=2**31 - 1)
    state: ReviewState
    reason: str = Field(default="", max_length=500)


class AskedJobs(BaseModel):
    """The keys of the jobs that ask; none where every answer is there."""

    jobs: list[str]


class BallotFacts(BaseModel):
    """``ballot``: what a vote sends back, null where nothing is left to compare; ``answers``: in the order shown."""

    ballot: str | None
    question: str
    prompt: str | None
    answers: list[str]


class NewVote(BaseModel, extra="forbid"):
    ballot: str = Field(max_length=1000)
    choice: Choice


class VoteAnswer(BaseModel):
    """``cast``: how many ballots this voter has cast, skipped ones among them; ``shown``: whose answers they were, in the order shown, null
    where the poll does not reveal it."""

    cast: int
    shown: tuple[str, str] | None
