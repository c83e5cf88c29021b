"""Polls for tests: one that is open, and voters who vote in it as a function says."""

from __future__ import annotations

import time
from collections.abc import Callable

from arena.judge_input import AnswerSheet
from arena.judgements import Context
from arena.ledger import Ledger
from arena.polls.casting import Choice, Voted, cast_ballot, give_out
from arena.polls.drawing import Ballot, BallotDrawer
from arena.polls.poll import Poll, PollSettings, make_poll, open_poll
from arena.polls.voters import voter_key

NAMES = ("a", "b", "c", "d")
SECONDS = 8.0  # for a vote, by somebody who reads


def sheet_of(prompts: int, names: tuple[str, ...] = NAMES) -> AnswerSheet:
    return AnswerSheet(
        prompts=tuple(Context(f"p{k}", f"prompt {k}") for k in range(prompts)),
        candidates=names,
        answers={(k, at): f"{name} says {k}" for k in range(prompts) for at, name in enumerate(names)},
    )


def open_one(ledger: Ledger, *, prompts: int = 30, name: str = "Spring", **settings: object) -> Poll:
    """An open poll of four candidates; limits are out of the way unless they are set."""
    free = {"per_minute": 1000, "per_address": 1000}
    return open_poll(
        ledger, make_poll(ledger, sheet_of(prompts), name=name, settings=PollSettings(**{**free, **settings}))
    )


def vote_as(
    ledger: Ledger,
    poll: Poll,
    who: str,
    says: Callable[[Ballot], Choice],
    *,
    times: int = 1,
    address: str | None = None,
    seconds: float = SECONDS,
    drawer: BallotDrawer | None = None,
) -> list[Voted]:
    """Votes of one voter, known by a cookie; the address is the voter's own unless another is given."""
    key, done, drawer = voter_key(poll, "cookie", who), [], drawer or BallotDrawer(ledger)
    for _ in range(times):
        ballot = drawer.draw(poll, key)
        assert ballot is not None
        now = time.time()
        text = give_out(poll, key, ballot, at=now - seconds)
        done.append(cast_ballot(ledger, poll, key, text, says(ballot), address=address or f"address of {who}", at=now))
    return done
