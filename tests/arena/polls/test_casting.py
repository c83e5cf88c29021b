"""A vote on its way into the ledger: what is refused, what stands there afterwards, and many at once."""

from __future__ import annotations

import threading
import time
from itertools import combinations

import pytest
import sqlalchemy as sa
from polling import open_one, vote_as

from arena import poll_schema as schema
from arena.database import check
from arena.judgements import read_judgements
from arena.ledger import Ledger
from arena.ledger_entries import now
from arena.merge import merge
from arena.polls.casting import (
    VALID_S,
    NotThisBallot,
    PollClosed,
    TooManyVotes,
    cast_ballot,
    give_out,
    last_vote,
)
from arena.polls.drawing import BallotDrawer
from arena.polls.poll import close_poll, open_poll
from arena.polls.summary import poll_summary
from arena.polls.voters import Forged, address_hash, voter_key
from arena.standings import standings
from arena.vote_reviews import decide


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("polls") / "arena.db") as ledger:
        yield ledger


@pytest.fixture
def own(tmp_path):
    """A ledger that a test may write anything into."""
    with Ledger.open(tmp_path / "arena.db") as ledger:
        yield ledger


def drawn(ledger, poll, who):
    key = voter_key(poll, "cookie", who)
    return key, BallotDrawer(ledger).draw(poll, key)


def cast(ledger, poll, key, text, choice="first", at=None):
    return cast_ballot(ledger, poll, key, text, choice, address="here", at=at or time.time())


def test_a_vote_is_a_match_and_its_judgement(ledger):
    poll = open_one(ledger, name="One")
    seen = []
    vote_as(ledger, poll, "v", lambda b: seen.append(b) or "both_bad")
    found, played = read_judgements(ledger, poll.tournament), ledger.played(poll.tournament)
    assert played.seats.tolist() == [[seen[0].first, seen[0].second]]
    assert (found.score.tolist(), found.both_bad.tolist(), found.judges) == ([0.5], [True], ("voter 1",))
    assert found.context.tolist() == [seen[0].context]
    assert check(ledger.url) == []


def test_numbers_follow_each_other_and_skipped_ballots_take_none(ledger):
    poll = open_one(ledger, name="Numbers")
    said = iter(["first", "skip", "tie", "skip", "second"])
    voted = vote_as(ledger, poll, "v", lambda _: next(said), times=5)
    assert [one.match for one in voted] == [0, None, 1, None, 2]
    assert ledger.progress(poll.tournament) == 3


def test_a_ballot_is_taken_once_even_with_another_answer(ledger):
    poll = open_one(ledger, name="Twice")
    key, ballot = drawn(ledger, poll, "v")
    text = give_out(poll, key, ballot, at=time.time())
    cast(ledger, poll, key, text)
    with pytest.raises(NotThisBallot):
        cast(ledger, poll, key, text, "second")
    assert ledger.progress(poll.tournament) == 1


def test_two_ballots_of_one_number_are_one_vote(ledger):
    poll = open_one(ledger, name="Hoarded")
    key, before = drawn(ledger, poll, "v")
    for k in range(4):
        vote_as(ledger, poll, f"other {k}", lambda _: "tie")
    _, after = drawn(ledger, poll, "v")
    assert before != after
    cast(ledger, poll, key, give_out(poll, key, before, at=time.time()))
    with pytest.raises(NotThisBallot):
        cast(ledger, poll, key, give_out(poll, key, after, at=time.time()))


def test_old_ballots_and_those_of_others_are_refused(ledger):
    poll, other = open_one(ledger, name="Old"), open_one(ledger, name="Other")
    key, ballot = drawn(ledger, poll, "v")
    with pytest.raises(NotThisBallot, match="too old"):
        cast(ledger, poll, key, give_out(poll, key, ballot, at=time.time() - VALID_S - 1))
    with pytest.raises(Forged):
        cast(ledger, poll, key, give_out(other, key, ballot, at=time.time()))
    text = give_out(poll, key, ballot, at=time.time())
    for forged in (text[:-1], "x" + text, text.swapcase(), "." + text.partition(".")[2]):
        with pytest.raises(Forged):
            cast(ledger, poll, key, forged)
    with pytest.raises(Forged, match="another voter"):
        cast(ledger, poll, voter_key(poll, "cookie", "w"), text)
    assert ledger.progress(poll.tournament) == 0


def test_a_closed_poll_takes_none_until_it_is_opened_again(ledger):
    poll = open_one(ledger, name="Closed")
    key, ballot = drawn(ledger, poll, "v")
    text = give_out(poll, key, ballot, at=time.time())
    close_poll(ledger, poll)
    with pytest.raises(PollClosed):
        cast(ledger, poll, key, text)
    open_poll(ledger, poll)
    assert cast(ledger, poll, key, text).match == 0


def test_votes_in_a_minute_are_limited_for_each_voter_alone(ledger):
    poll = open_one(ledger, name="Limited", per_minute=3)
    vote_as(ledger, poll, "v", lambda _: "tie", times=3)
    with pytest.raises(TooManyVotes):
        vote_as(ledger, poll, "v", lambda _: "tie")
    assert vote_as(ledger, poll, "w", lambda _: "tie")[0].match == 3


def test_what_was_said_last_is_told_with_names(ledger):
    poll = open_one(ledger, name="Last")
    key = voter_key(poll, "cookie", "v")
    assert last_vote(ledger, poll, key) is None
    seen = []
    vote_as(ledger, poll, "v", lambda b: seen.append(b) or "second", times=2)
    first, second = (poll.candidates[at] for at in (seen[-1].first, seen[-1].second))
    assert last_vote(ledger, poll, key) == (first, second, "second")


def test_held_votes_leave_the_board_and_come_back(ledger):
    poll = open_one(ledger, name="Board")
    for k in range(3):
        vote_as(ledger, poll, f"v{k}", lambda b: "first" if b.first < b.second else "second", times=10)
    game, mark = poll.tournament.game, ledger.mark(poll.tournament.game)
    for state, matches in (("held", 20), ("left out", 20), ("counted", 30)):
        decide(ledger, poll.tournament, judge=1, state=state, reason="a test", decided_by="me")
        found = standings(ledger, game)
        assert found.matches == matches
        assert any("do not count" in note for note in found.leaderboard.notes) == (matches < 30)
        assert ledger.mark(game) > mark
        mark = ledger.mark(game)


def test_reviews_go_along_when_ledgers_are_merged(ledger, tmp_path):
    poll = open_one(ledger, name="Merged")
    for who in ("v", "w"):
        vote_as(ledger, poll, who, lambda _: "first", times=4)
    decide(ledger, poll.tournament, judge=0, state="left out", reason="a test", decided_by="me")
    with Ledger.open(tmp_path / "other.db") as other:
        for _ in range(2):
            merge(other, ledger)
        assert standings(other, poll.tournament.game).matches == 4


def test_voters_of_one_address_who_vote_as_one_are_held_together(own):
    ledger, poll = own, open_one(own)
    stood(ledger, poll, voters=12, address="elsewhere", votes=10)
    stood(ledger, poll, voters=12, address="here", votes=3, for_=2)
    assert poll_summary(ledger, poll).held == 0  # by each alone nothing can be told
    vote_as(ledger, poll, "one more", lambda b: "first" if b.first == 2 else "second", times=4, address="here")
    held = [one for one in poll_summary(ledger, poll).reviewed if one.review.state == "held"]
    assert {one.voter for one in held} == set(range(12, 25))
    assert held[0].review.reason.startswith("13 voters of one network address, looked at together: c wins")


def test_voters_of_one_address_who_vote_as_others_do_count(own):
    ledger, poll = own, open_one(own)
    for where in ("elsewhere", "here"):
        stood(ledger, poll, voters=12, address=where, votes=10)
    vote_as(ledger, poll, "one more", lambda b: ("first", "second")[b.number % 2], times=5, address="here")
    assert poll_summary(ledger, poll).reviewed == ()


def stood(ledger, poll, *, voters, address, votes, for_=None):
    """Voters with ballots as if they had been cast: for a candidate, and between others, or without one, for each as often."""
    network, here, pairs = address_hash(ledger, poll, address), poll.tournament.id, list(combinations(range(4), 2))
    with ledger.writing() as connection:
        first = connection.scalars(sa.select(sa.func.count()).where(schema.voters.c.tournament_id == here)).one()
        for voter in range(first, first + voters):
            person = {"number": voter, "key": f"key {voter}", "address": network, "created_at": now()}
            connection.execute(schema.voters.insert(), {"tournament_id": here, **person})
            for k in range(votes):
                low, high = pairs[(k + voter) % len(pairs)]
                left_low = k // 2 % 2
                low_wins = {low: 1, high: 0}.get(for_, (k + voter) % 2)
                row = {"voter": voter, "number": k, "context": k, "low": low, "high": high, "low_first": left_low}
                said = {"choice": "first" if low_wins == left_low else "second", "propensity": 0.5, "seconds": 9.0}
                old = {"created_at": "2026-01-01T00:00:00.000Z"}
                connection.execute(schema.ballots.insert(), {"tournament_id": here, **row, **said, **old})


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("update polls set votes = votes + 1", "notes 3 votes; its ballots hold 2"),
        ("update ballots set match = 7 where match = 1", "not the same votes"),
        ("update poll_pairs set low_first = low_first + 1", "not what its ballots say"),
    ],
)
def test_a_damaged_poll_is_found(own, damage, said):
    poll = open_one(own)
    vote_as(own, poll, "v", lambda b: "skip" if b.number == 1 else "tie", times=3)
    assert check(own.url) == []
    with own.writing() as connection:
        connection.exec_driver_sql(damage)
    assert any(said in sentence for sentence in check(own.url))


def _vote_at_once(url, poll, voters, votes):
    failed = []

    def vote(who):
        try:
            with Ledger.open(url) as own:
                vote_as(own, poll, who, lambda _: "first", times=votes)
        except Exception as error:  # noqa: BLE001  told below
            failed.append(error)

    threads = [threading.Thread(target=vote, args=(f"v{k}",)) for k in range(voters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_servers_that_share_a_ledger_take_each_number_once(ledger):
    poll = open_one(ledger, name="Together")
    _vote_at_once(ledger.url, poll, 4, 8)
    assert ledger.played(poll.tournament).index.tolist() == list(range(32))
    assert sorted(read_judgements(ledger, poll.tournament).judges) == [f"voter {k + 1}" for k in range(4)]
    assert check(ledger.url) == []


@pytest.mark.postgres
def test_servers_on_postgres_take_each_number_once(postgres_database, tmp_path, monkeypatch):
    monkeypatch.setenv("ARENA_ARTIFACTS", str(tmp_path / "arena.artifacts"))
    with Ledger.open(postgres_database) as shared:
        poll = open_one(shared)
        _vote_at_once(shared.url, poll, 4, 8)
        assert shared.played(poll.tournament).index.tolist() == list(range(32))
        assert check(shared.url) == []
