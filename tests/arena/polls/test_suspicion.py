"""Who is held for review, and that honest voters are not: single rules, then voters and bots by the thousand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from polling import open_one, vote_as

from arena.ledger import Ledger
from arena.polls.drawing import BallotDrawer
from arena.polls.summary import poll_summary
from arena.polls.suspicion import ERROR_RATE, Cast, favourite, log_evidence, suspicion
from arena.standings import standings

READ = 8.0  # seconds


def casts(*choices: str, seconds: float = READ) -> list[Cast]:
    return [Cast(choice, 0, 1, seconds) for choice in choices]


def test_evidence_is_a_bet_that_nobody_expects_to_win():
    for chance in (0.5, 0.2):
        worth = sum(
            math.comb(9, wins)
            * chance**wins
            * (1 - chance) ** (9 - wins)
            * math.exp(log_evidence(wins, 9 - wins, chance))
            for wins in range(10)
        )
        assert worth == pytest.approx(1)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (casts(*["first"] * 13), ""),
        (casts(*["first"] * 14), "the left answer is named in 14 of 14 votes"),
        (casts(*["second"] * 14), "the right answer is named in 14 of 14 votes"),
        (casts(*["first", "second"] * 40), ""),
        (casts(*["tie"] * 19), ""),
        (casts(*["tie"] * 20), "all 20 votes say equally good"),
        (casts(*["both_bad"] * 20), "all 20 votes say both bad"),
        (casts(*["first", "second"] * 4, seconds=0.4), "8 of 8 votes came within 2 s of the question"),
        (casts(*["first", "second"] * 3, seconds=0.4), ""),
        (casts(*["skip"] * 30, seconds=0.1), ""),
        (casts(*["first", "second"] * 9) + casts("first", "second", seconds=0.1), ""),
    ],
)
def test_what_speaks_for_a_look(said, why):
    assert suspicion(said, least_seconds=2.0) == why


def test_a_voter_is_held_against_the_others():
    names, others = ("weak", "strong"), [(40.0, 160.0), (160.0, 40.0)]
    for_weak = [Cast("first" if k % 2 else "second", int(not k % 2), k % 2, READ) for k in range(12)]
    assert {one.winner for one in for_weak} == {0}
    assert favourite(for_weak, others, names).startswith("weak wins 12 of 12 comparisons of this voter, and 20 %")
    for_strong = [Cast("first" if k % 2 else "second", k % 2, int(not k % 2), READ) for k in range(12)]
    assert favourite(for_strong, others, names) == ""
    assert favourite(for_weak, [(4.0, 16.0), (16.0, 4.0)], names) == ""


def test_of_honest_voters_hardly_one_is_held():
    words = np.random.default_rng(1)
    held = 0
    for _ in range(1500):
        order = words.random(60) < 0.5  # which answer is on the left is drawn; taste does not know it
        said = ["first" if left else "second" for left in order]
        held += any(suspicion(casts(*said[:n]), least_seconds=2) for n in (14, 20, 30, 45, 60))
    assert held <= 1500 * ERROR_RATE + 3 * math.sqrt(1500 * ERROR_RATE)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("polls") / "arena.db") as ledger:
        yield ledger


def honest(ledger, name, **settings):
    """A poll in which twelve people voted: a beats b beats c beats d, in two votes of three."""
    poll, words = open_one(ledger, name=name, **settings), np.random.default_rng(2)
    drawer = BallotDrawer(ledger)

    def say(ballot):
        return "first" if (words.random() < 2 / 3) == (ballot.first < ballot.second) else "second"

    for k in range(12):
        vote_as(ledger, poll, f"person {k}", say, times=8, drawer=drawer)
    return poll, drawer


def ratings(ledger, poll):
    return {row.agent: row.rating for row in standings(ledger, poll.tournament.game).leaderboard.rows}


def for_d(ballot):
    """A bot that knows d's answers by their text, and always names them."""
    return "first" if ballot.first == 3 else "second" if ballot.second == 3 else "tie"


def test_a_bot_for_one_candidate_is_held_and_changes_nothing(ledger):
    poll, drawer = honest(ledger, "One bot")
    before = ratings(ledger, poll)
    voted = vote_as(ledger, poll, "bot", for_d, times=60, drawer=drawer)
    assert voted[-1].held
    assert ratings(ledger, poll) == before
    summary = poll_summary(ledger, poll)
    assert (summary.votes, summary.counted, summary.held) == (156, 96, 60)
    assert summary.reviewed[0].review.reason.startswith("d wins ")
    assert sum(one.review.state == "held" for one in summary.reviewed) == 1


def test_a_bot_that_drops_its_cookies_is_held_by_its_address(ledger):
    poll, drawer = honest(ledger, "Many cookies", per_address=4)
    for k in range(40):
        vote_as(ledger, poll, f"bot {k}", for_d, address="203.0.113.9", drawer=drawer)
    summary = poll_summary(ledger, poll)
    assert (summary.counted, summary.held) == (100, 36)
    assert {one.review.reason for one in summary.reviewed} == {
        "more than 4 voters came from one network address in a day"
    }


def test_a_bot_that_does_not_read_is_held(ledger):
    poll, drawer = honest(ledger, "Hurry")
    before = ratings(ledger, poll)
    vote_as(ledger, poll, "bot", lambda b: "tie" if b.number % 3 else "first", times=30, seconds=0.3, drawer=drawer)
    assert ratings(ledger, poll) == before
    assert poll_summary(ledger, poll).held == 30


def test_the_order_effect_is_told_with_its_interval(ledger):
    poll, drawer = open_one(ledger, name="Left"), BallotDrawer(ledger)
    words = np.random.default_rng(3)
    for k in range(20):
        vote_as(ledger, poll, f"v{k}", lambda _: "first" if words.random() < 0.75 else "second", times=9, drawer=drawer)
    summary = poll_summary(ledger, poll)
    low, value, high = summary.first_worth
    assert 0 < low < value < high
    assert summary.first_shown.low > 0.5
    assert summary.order_sentence().startswith("The order shown moves voters: the left answer is named in ")
