"""Explanations of ratings: what removal does is what a refit says, and more matches narrow as they are said to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_records import from_counts, record_of, twins

from arena.games import NotProvided, UnknownName
from arena.leaderboards.bradley_terry import bradley_terry, elo
from arena.leaderboards.comparisons import comparisons
from arena.leaderboards.explain import FURTHER, _Field, explain


def _league(seed=0, pairs=30, players=2):
    rng = np.random.default_rng(seed)
    if players == 2:
        return twins(rng, np.array([0.8, 0.3, 0.0, -0.4, -0.7]), pairs)
    seats = np.array([rng.choice(5, 3, replace=False) for _ in range(8 * pairs)])
    return record_of(seats, rng.random(seats.shape) + np.array([0.4, 0.2, 0, -0.2, -0.4])[seats], agents=tuple("abcde"))


def _rating(record, agent, rows):
    return float(bradley_terry(record.of(rows)).scores[agent])


@pytest.mark.parametrize("players", [2, 3])
def test_the_step_of_every_single_match_is_the_refit(players):
    record = _league(players=players)
    field, compared = _Field(record, 1), comparisons(record)
    surplus = compared.weight * (compared.score - field.win[compared.first, compared.second])
    steps = field.step(compared.first, compared.second, surplus, compared.weight)
    moved = np.bincount(compared.match, steps, minlength=len(record))
    for row in range(0, len(record), 29):
        truth = _rating(record, 1, np.arange(len(record)) != row) - field.rating
        assert moved[row] == pytest.approx(truth, rel=0.05, abs=2e-4)


def test_told_matches_are_the_most_influential_and_their_change_is_a_refit():
    record = _league(1)
    found = explain(record, "a1", method="bradley_terry")
    whole = _rating(record, 1, np.ones(len(record), bool))
    truths = np.array([_rating(record, 1, np.arange(len(record)) != row) - whole for row in range(len(record))])
    assert abs(found.matches[0].removed) == pytest.approx(np.abs(truths).max(), rel=1e-6)
    for one in found.matches:
        assert one.removed == pytest.approx(truths[one.row], abs=1e-8)
    assert [abs(one.removed) for one in found.matches] == sorted(
        (abs(one.removed) for one in found.matches), reverse=True
    )


def test_matches_that_do_the_same_are_told_once():
    found = explain(from_counts([[0, 9, 3], [4, 0, 6], [5, 2, 0]]), "a0")
    assert {one.alike for one in found.matches} <= {9, 4, 3, 5, 6, 2}
    assert len({one.removed for one in found.matches}) == len(found.matches)


@pytest.mark.parametrize("players", [2, 3])
def test_an_opponent_taken_away_is_a_refit_without_its_comparisons(players):
    record = _league(2, players=players)
    found = explain(record, record.agents[0], method="bradley_terry")
    assert sum(one.refitted for one in found.opponents) == 4
    if players == 3:
        return  # other comparisons of the same matches stay
    whole = _rating(record, 0, np.ones(len(record), bool))
    for one in found.opponents:
        other = record.agents.index(one.opponent)
        away = (record.seats == 0).any(axis=1) & (record.seats == other).any(axis=1)
        assert one.removed == pytest.approx(_rating(record, 0, ~away) - whole, abs=1e-8)


def test_estimates_of_opponents_that_were_not_fitted_again_are_near_refits():
    record = _league(3, pairs=200)
    fitted = {one.opponent: one.removed for one in explain(record, "a2", most=5).opponents}
    estimated = explain(record, "a2", most=0).opponents
    assert not any(one.refitted for one in estimated)
    for one in estimated:
        assert one.removed == pytest.approx(fitted[one.opponent], rel=0.15, abs=1.0)


def test_surpluses_cancel_at_the_fit():
    for one in (explain(_league(4), "a3"), explain(_league(4, players=3), "d")):
        assert sum(share.surplus for share in one.opponents) == pytest.approx(0, abs=1e-6)
        assert any(share.surplus > 0 for share in one.opponents) and any(share.surplus < 0 for share in one.opponents)


def test_rating_and_interval_are_those_of_the_board():
    record = _league(5)
    found, ratings = explain(record, "a4"), elo(record)
    assert found.rating == pytest.approx(ratings.scores[4])
    assert (found.low, found.high) == pytest.approx(tuple(ratings.intervals[4]))


def test_who_is_worth_playing_narrows_the_model_variance_as_said():
    record = from_counts([[0, 40, 1, 0], [30, 0, 9, 5], [2, 8, 0, 30], [0, 6, 28, 0]])
    found = explain(record, "a0")
    field = _Field(record, 0)
    for one in found.next:
        other = record.agents.index(one.opponent)
        more = field.met.copy()
        more[0, other] += FURTHER
        more[other, 0] += FURTHER

        def variance(met, field=field):
            cells = met * field.win * (1 - field.win)
            return np.linalg.pinv(np.diag(cells.sum(axis=1)) - cells)[0, 0]

        expected = found.half_width * np.sqrt(variance(more) / variance(field.met))
        assert one.half_width == pytest.approx(expected, rel=1e-6)
    assert [one.half_width for one in found.next] == sorted(one.half_width for one in found.next)
    assert {one.opponent for one in found.next} == {"a1", "a2", "a3"}, "those it never met are among them"


def test_one_opponent_alone_holds_everything():
    found = explain(from_counts([[0, 5], [3, 0]]), "a0")
    assert np.isnan(found.opponents[0].removed) and found.opponents[0].refitted


def test_an_undefeated_agent_is_explained_with_its_virtual_draw():
    record = from_counts([[0, 5, 5], [0, 0, 6], [0, 4, 0]])
    found = explain(record, "a0", method="bradley_terry")
    whole = _rating(record, 0, np.ones(len(record), bool))
    for one in found.matches:
        assert one.removed == pytest.approx(_rating(record, 0, np.arange(len(record)) != one.row) - whole, abs=1e-8)


def test_relabelled_agents_are_explained_alike():
    record = _league(6)
    order = np.array([3, 1, 4, 0, 2])
    other = replace(record, agents=tuple(record.agents[i] for i in np.argsort(order)), seats=order[record.seats])
    one, two = explain(record, "a0"), explain(other, "a0")
    assert [s.opponent for s in one.opponents] == [s.opponent for s in two.opponents]
    assert [s.removed for s in one.opponents] == pytest.approx([s.removed for s in two.opponents], abs=1e-6)
    assert [m.removed for m in one.matches] == pytest.approx([m.removed for m in two.matches], abs=1e-6)


def test_who_is_unknown_or_met_nobody_is_refused():
    record = record_of([[0, 1], [2, 2]], [[1, -1], [0, 0]])
    with pytest.raises(UnknownName, match="nobody"):
        explain(record, "nobody")
    with pytest.raises(NotProvided, match="a2 met no other agent"):
        explain(record, "a2")
