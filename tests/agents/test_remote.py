"""Agents that live elsewhere, asked through a mailbox that is a dictionary here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from arena.agents import remote
from arena.agents.protocol import Hello
from arena.agents.remote import AWAY_S, Presence, Question, RemoteAgent, Reply, SeatTaken
from arena.games import AgentCrashed, load_game
from arena.match import Clock, play_matches
from arena.results import MatchSpecs, Termination

GAME = load_game("openspiel:kuhn_poker")


class Box:
    """A mailbox whose agent answers each question as `act` says, at once; None: not at all."""

    def __init__(self, act: Callable[[Question], Reply | None], away_s: float | None = 0.0, **hello: object):
        self.act, self.away_s, self.hello = act, away_s, Hello(**{"matches": 8, **hello})  # type: ignore[arg-type]
        self.asked: dict[int, Question] = {}
        self.seats: list[SeatTaken] = []
        self.left: dict[int, float] = {}
        self.withdrawn: list[int] = []
        self.closed = False

    def presence(self) -> Presence | None:
        return None if self.away_s is None else Presence(hello=self.hello, away_s=self.away_s)

    def take_seats(self, seats: Sequence[SeatTaken]) -> list[int]:
        self.seats += seats
        return list(range(len(self.seats) - len(seats), len(self.seats)))

    def ask(self, question: Question) -> int:
        self.asked[len(self.asked)] = question
        return len(self.asked) - 1

    def replies(self, questions: Collection[int]) -> dict[int, Reply]:
        found = {number: self.act(self.asked[number]) for number in questions}
        return {number: reply for number, reply in found.items() if reply is not None}

    def withdraw(self, question: int) -> None:
        self.withdrawn.append(question)

    def still_play(self) -> None: ...

    def leave_seats(self, returns: Mapping[int, float]) -> None:
        self.left |= returns

    def close(self) -> None:
        self.closed = True


def says(action: object, waited_s: float = 0.0) -> Callable[[Question], Reply]:
    return lambda _: Reply(action=action, failure=None, waited_s=waited_s)


def played(box: Box, *, matches: int = 2, clock: Clock | None = None, wait_s: float = AWAY_S):
    """Matches of Kuhn poker between two seats of one agent elsewhere."""
    agent = RemoteAgent(box, game=GAME.info, name="far", wait_s=wait_s)
    index = np.arange(matches)
    specs = MatchSpecs(
        index=index,
        seats=np.zeros((matches, 2), np.int64),
        seed=index.astype(np.uint64) + np.uint64(5),
        chance_seed=index.astype(np.uint64),
    )
    try:
        return play_matches(GAME.tables(2), [agent], specs, clock=clock)
    finally:
        agent.close()


def test_its_answers_are_played_and_its_seats_told_their_returns():
    box = Box(says(1))
    results = played(box)
    assert results.termination.tolist() == [Termination.NORMAL] * 2
    assert sorted(box.left.values()) == sorted(results.returns.ravel().tolist())
    assert box.closed


def test_it_is_asked_what_its_seat_may_know_and_the_mailbox_keeps_all_moves_for_drawings():
    box = Box(says(1), wants=("text",))
    played(box, matches=1)
    first = box.asked[0]
    assert set(first.observation) == {"game", "player", "ply", "seed", "match", "legal_actions", "text"}
    assert len(first.history) == 2  # both cards: of all players
    assert box.seats[0].match == first.observation["match"]


@pytest.mark.parametrize(
    ("reply", "termination"),
    [
        (Reply(action=7, failure=None, waited_s=0.0), Termination.ILLEGAL_MOVE),
        (Reply(action="call", failure=None, waited_s=0.0), Termination.PROTOCOL_ERROR),
        (Reply(action=None, failure="out of ideas", waited_s=0.0), Termination.CRASH),
        (Reply(action=1, failure=None, waited_s=2.5), Termination.TIMEOUT),
    ],
)
def test_what_it_says_wrong_loses_that_match(reply, termination):
    results = played(Box(lambda _: reply), matches=1, clock=Clock(move_s=2))
    assert results.termination.tolist() == [termination]


def test_an_answer_that_arrived_in_time_counts_though_it_is_found_later():
    asked_at: dict[int, float] = {}

    def act(question: Question) -> Reply | None:
        begun = asked_at.setdefault(id(question), time.monotonic())
        return Reply(action=1, failure=None, waited_s=0.05) if time.monotonic() > begun + 0.12 else None

    results = played(Box(act), matches=1, clock=Clock(move_s=0.1))
    assert results.termination.tolist() == [Termination.NORMAL]


def test_the_longer_a_question_has_waited_the_seldomer_it_is_looked_at(monkeypatch):
    looks: list[float] = []

    def act(_: Question) -> Reply | None:
        looks.append(time.monotonic())
        return None if len(looks) == 1 else Reply(action=1, failure=None, waited_s=0.0)

    passed_after_the_first_look(monkeypatch, 3, looks)
    played(Box(act), matches=1)
    assert looks[1] - looks[0] > 0.1


@pytest.mark.parametrize(
    ("matches", "clock", "passed_s"),
    [(2, None, 1e6), (1, Clock(move_s=1e6), 1e6 - 0.05)],
    ids=["a new question", "the end of a limit"],
)
def test_what_ends_the_wait_for_a_question_that_has_waited_for_long(monkeypatch, matches, clock, passed_s):
    held: list[Question] = []

    def act(question: Question) -> Reply | None:
        held.append(question)
        return None if len(held) == 1 else Reply(action=1, failure=None, waited_s=0.0)

    passed_after_the_first_look(monkeypatch, passed_s, held)
    monkeypatch.setattr(remote, "LONGEST_LOOK_S", 1e4)
    playing = threading.Thread(
        target=played, args=(Box(act),), kwargs={"matches": matches, "clock": clock}, daemon=True
    )
    playing.start()
    playing.join(30)
    assert not playing.is_alive()


def passed_after_the_first_look(monkeypatch, seconds: float, looks: list) -> None:
    """For who looks for replies, so much more time passes then."""
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + (seconds if looks else 0), sleep=time.sleep)
    monkeypatch.setattr(remote, "time", clock)


def test_without_an_answer_the_clock_decides_and_the_question_is_withdrawn():
    box = Box(lambda _: None)
    results = played(box, matches=1, clock=Clock(move_s=0.05))
    assert (results.termination.tolist(), box.withdrawn) == ([Termination.TIMEOUT], [0])


def test_without_a_clock_who_is_away_for_long_has_lost():
    results = played(Box(lambda _: None, away_s=AWAY_S + 1), matches=1, wait_s=0)
    assert results.termination.tolist() == [Termination.TIMEOUT]
    assert "was away for 61 s" in results.faults[0].message


def test_who_was_away_since_the_server_was_is_waited_for_and_has_lost_nothing():
    class Returning(Box):
        looks = 0

        def presence(self) -> Presence | None:
            self.looks += 1
            self.away_s = 0.0 if self.looks > 3 else 1e4
            return super().presence()

    box = Returning(says(1))
    assert played(box).termination.tolist() == [Termination.NORMAL] * 2
    assert box.looks > 3


@pytest.mark.parametrize(("away_s", "said"), [(None, "has never been"), (90.0, "was last 90 s ago")])
def test_who_is_not_connected_cannot_start(away_s, said):
    agent = RemoteAgent(Box(says(1), away_s=away_s), game=GAME.info, name="far")
    with pytest.raises(AgentCrashed, match=said):
        agent.require_started()


def test_a_mailbox_that_cannot_be_read_for_a_moment_loses_nothing(monkeypatch, caplog):
    monkeypatch.setattr("arena.agents.remote.RETRY_S", 0.01)
    failures = iter([True, True])

    def act(_: Question) -> Reply:
        if next(failures, False):
            raise AgentCrashed("the ledger is busy")
        return Reply(action=1, failure=None, waited_s=0.0)

    assert played(Box(act), matches=1).termination.tolist() == [Termination.NORMAL]
    assert "cannot be asked now" in caplog.text


def test_it_rests_while_nothing_is_asked():
    looks = 0

    class Counting(Box):
        def replies(self, questions: Collection[int]) -> dict[int, Reply]:
            nonlocal looks
            looks += 1
            return super().replies(questions)

    agent = RemoteAgent(Counting(says(1)), game=GAME.info, name="far")
    agent.start(np.array([0]), np.array([0]), np.array([1], np.uint64))
    watcher = next(thread for thread in threading.enumerate() if thread.name == "agent far")
    watcher.join(0.1)
    agent.close()
    assert looks == 0
