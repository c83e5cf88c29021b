"""Which ballot comes next: what is left, how probable it was, in which order it is shown."""

from __future__ import annotations

import numpy as np
import pytest
from polling import NAMES, open_one, sheet_of, vote_as

from arena.drawn_weights import propensities_of
from arena.ledger import Ledger
from arena.polls.drawing import EXPLORE, BallotDrawer, low_first_chance, pair_chances
from arena.polls.poll import PollSettings, make_poll, open_poll
from arena.polls.voters import voter_key
from arena.standings import standings


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("polls") / "arena.db") as ledger:
        yield ledger


def better(ballot):
    """The smaller position always wins."""
    return "first" if ballot.first < ballot.second else "second"


def test_chances_sum_to_one_and_stay_above_the_floor():
    open_ = np.array([True, True, False, True])
    for focus in (None, np.array([0.0, 5.0, 1.0, 0.0]), np.zeros(4), np.array([0.0, 0.0, 9.0, 0.0])):
        chances = pair_chances(np.array([3, 1, 0, 7]), open_, focus)
        assert chances.sum() == pytest.approx(1)
        assert chances[2] == 0
        assert (chances[open_] >= EXPLORE / 3 - 1e-12).all()


def test_the_pair_compared_least_comes_next():
    chances = pair_chances(np.array([3, 1, 0, 7]), np.ones(4, bool), None)
    assert chances.argmax() == 2
    assert chances[2] == pytest.approx(1 - EXPLORE + EXPLORE / 4)


def test_pairs_come_as_often_as_the_probabilities_say(ledger):
    poll = open_one(ledger, name="Frequencies")
    vote_as(ledger, poll, "before", better, times=5)
    drawer, draws = BallotDrawer(ledger), 600
    found = [drawer.draw(poll, voter_key(poll, "cookie", f"v{k}")) for k in range(draws)]
    counts, logged = np.zeros((4, 4)), np.zeros((4, 4))
    for one in found:
        low, high = sorted((one.first, one.second))
        counts[low, high] += 1
        logged[low, high] = one.propensity
    expected = draws * logged
    spread = np.sqrt(draws * logged * (1 - logged))
    seen = expected > 0
    assert logged.sum() == pytest.approx(1)
    assert (np.abs(counts - expected)[seen] < 4 * spread[seen]).all()


def test_the_order_shown_is_even_for_every_pair(ledger):
    poll = open_one(ledger, name="Orders")
    drawer = BallotDrawer(ledger)
    for k in range(10):
        vote_as(ledger, poll, f"v{k}", better, times=12, drawer=drawer)
    played = ledger.played(poll.tournament)
    for low in range(4):
        for high in range(low + 1, 4):
            shown = [tuple(seats) for seats in played.seats.tolist() if sorted(seats) == [low, high]]
            assert abs(shown.count((low, high)) - len(shown) / 2) <= 4


def test_the_coin_favours_the_order_shown_less():
    assert low_first_chance(3, 3) == 1 / 2
    assert low_first_chance(3, 4) == pytest.approx(2 / 3)
    assert low_first_chance(4, 3) == pytest.approx(1 / 3)


def test_a_voter_sees_nothing_twice_until_nothing_is_left(ledger):
    poll = open_one(ledger, prompts=2, name="Everything")
    drawer, seen = BallotDrawer(ledger), []
    vote_as(ledger, poll, "all", lambda b: seen.append((b.context, *sorted((b.first, b.second)))) or "tie", times=12)
    assert len(set(seen)) == 12
    assert drawer.draw(poll, voter_key(poll, "cookie", "all")) is None


def test_a_ballot_stays_the_same_until_somebody_votes(ledger):
    poll = open_one(ledger, name="Same")
    key = voter_key(poll, "cookie", "one")
    first = BallotDrawer(ledger).draw(poll, key)
    assert BallotDrawer(ledger).draw(poll, key) == first
    assert BallotDrawer(ledger).draw(poll, voter_key(poll, "cookie", "other")) != first


def test_only_prompts_that_both_have_answered_are_shown(ledger):
    sheet = sheet_of(4)
    answers = {(k, at): text for (k, at), text in sheet.answers.items() if (k + at) % 2}
    holes = type(sheet)(prompts=sheet.prompts, candidates=sheet.candidates, answers=answers)
    poll = open_poll(ledger, make_poll(ledger, holes, name="Holes", settings=PollSettings(per_minute=100)))
    seen = []
    vote_as(ledger, poll, "one", lambda b: seen.append(b) or "tie", times=4)
    assert all((b.context, at) in answers for b in seen for at in (b.first, b.second))
    assert BallotDrawer(ledger).draw(poll, voter_key(poll, "cookie", "one")) is None


def test_ten_thousand_prompts_are_drawn_from(ledger):
    poll = open_one(ledger, prompts=10_000, name="Many")
    seen = []
    vote_as(ledger, poll, "one", lambda b: seen.append(b.context) or "tie", times=8)
    assert max(seen) > 1000
    assert len(set(seen)) == 8


def test_adaptive_polls_keep_their_probabilities_and_are_weighted_by_them(ledger):
    poll = open_one(ledger, name="Adaptive", pairing="adaptive")
    drawer = BallotDrawer(ledger)
    logged = []
    for k in range(12):
        vote_as(ledger, poll, f"v{k}", lambda b: logged.append(b.propensity) or better(b), times=6, drawer=drawer)
    number = ledger.played(poll.tournament).index
    assert propensities_of(ledger, poll.tournament, number).tolist() == logged
    assert len(set(logged)) > 2
    board = standings(ledger, poll.tournament.game).leaderboard
    assert any("inverse of the logged propensities" in note for note in board.notes)
    assert board.rows[0].agent == f"{NAMES[0]}@1"
