"""Bradley-Terry and Elo: a published fit, the likelihood equations, invariances, coverage by simulation, and refusals."""

import dataclasses
import time

import numpy as np
import pytest
from simulated_records import from_counts, record_of, twins

from arena.games import UnknownName
from arena.leaderboards import bradley_terry, elo
from arena.leaderboards.bradley_terry import ELO_PER_NATURAL
from arena.leaderboards.bradley_terry_fit import fit

# Agresti, Categorical Data Analysis, 2nd edition 2002, table 10.10 and section 10.6: the 1987 season of the American
# League's eastern division; wins of the row's team over the column's.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)
PUBLISHED = [1.581, 1.436, 1.294, 1.248, 1.108, 0.684, 0.0]  # relative to Baltimore


def random_record(rng, agents=6, matches=400):
    seats = np.array([rng.permutation(agents)[:2] for _ in range(matches)])
    outcome = rng.choice([-1.0, 0, 1], matches)
    names = tuple(f"a{i}" for i in range(agents))
    return record_of(seats, np.stack((outcome, -outcome), axis=1), agents=names)


def test_the_published_fit_of_the_american_league_is_reproduced():
    ratings = bradley_terry(from_counts(BASEBALL, TEAMS), anchor="Baltimore")
    assert np.allclose(ratings.scores, PUBLISHED, atol=6e-4)


def test_two_agents_have_the_closed_form():
    ratings = bradley_terry(from_counts([[0, 30], [10, 0]]))
    assert ratings.scores[0] - ratings.scores[1] == pytest.approx(np.log(3))


def test_at_the_maximum_expected_points_equal_points():
    rng = np.random.default_rng(0)
    wins = rng.integers(1, 20, (8, 8)).astype(float)
    np.fill_diagonal(wins, 0)
    strength, _ = fit(wins)
    expected = (wins + wins.T) / (1 + np.exp(strength - strength[:, None]))
    assert np.allclose(expected.sum(axis=1), wins.sum(axis=1), atol=1e-6)
    assert strength.mean() == pytest.approx(0)


def test_lopsided_results_converge():
    wins = np.array([[0, 10_000, 1], [1, 0, 10_000], [1, 1, 0]], float)
    strength, _ = fit(wins)
    expected = (wins + wins.T) / (1 + np.exp(strength - strength[:, None]))
    assert np.allclose(expected.sum(axis=1), wins.sum(axis=1), rtol=1e-5)


def test_a_draw_is_half_a_win_for_each():
    drawn = record_of([[0, 1]] * 6, [[0, 0]] * 2 + [[1, -1]] * 4)
    assert np.allclose(bradley_terry(drawn).scores, bradley_terry(from_counts([[0, 5], [1, 0]])).scores)


def test_elo_is_the_same_fit_on_the_scale_of_400_to_10():
    record = from_counts(BASEBALL, TEAMS)
    natural, scaled = bradley_terry(record), elo(record)
    assert pytest.approx(400) == ELO_PER_NATURAL * np.log(10)
    assert np.allclose(scaled.scores, ELO_PER_NATURAL * natural.scores)
    assert np.allclose(scaled.intervals, ELO_PER_NATURAL * natural.intervals)


def test_the_order_of_matches_does_not_matter():
    rng = np.random.default_rng(1)
    record = random_record(rng)
    order = rng.permutation(len(record))
    shuffled = record_of(record.seats[order], record.returns[order], agents=record.agents, pair=record.pair[order])
    one, other = elo(record), elo(shuffled)
    assert np.allclose(one.scores, other.scores) and np.allclose(one.intervals, other.intervals)


def test_renaming_agents_renames_the_ratings():
    rng = np.random.default_rng(2)
    record = random_record(rng)
    number = rng.permutation(len(record.agents))
    renamed = elo(record_of(number[record.seats], record.returns, agents=record.agents))
    original = elo(record)
    assert np.allclose(renamed.scores[number], original.scores)
    assert np.allclose(renamed.intervals[number], original.intervals)
    assert (renamed.above[np.ix_(number, number)] == original.above).all()


def test_swapping_seats_changes_nothing():
    record = random_record(np.random.default_rng(3))
    swapped = dataclasses.replace(record, seats=record.seats[:, ::-1], returns=record.returns[:, ::-1])
    assert np.allclose(elo(record).scores, elo(swapped).scores)


def test_intervals_shrink_with_the_root_of_the_number_of_units():
    rng = np.random.default_rng(4)
    widths = [np.ptp(elo(twins(rng, np.zeros(4), pairs)).intervals, axis=1).mean() for pairs in (100, 400)]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.1)


def test_repeating_every_match_within_its_unit_does_not_narrow_the_intervals():
    record = random_record(np.random.default_rng(5), matches=2000)
    doubled = record_of(
        np.concatenate((record.seats, record.seats)),
        np.concatenate((record.returns, record.returns)),
        agents=record.agents,
        pair=np.concatenate((record.pair, record.pair)),
    )
    assert np.allclose(np.ptp(elo(doubled).intervals, axis=1), np.ptp(elo(record).intervals, axis=1), rtol=0.02)


@pytest.mark.parametrize(
    ("agents", "pairs", "seat", "draws"), [(2, 30, 0.0, 0.0), (5, 20, 0.0, 0.3), (5, 20, 1.5, 0.0), (10, 6, 0.5, 0.2)]
)
def test_95_percent_intervals_cover_the_truth_95_percent_of_the_time(agents, pairs, seat, draws):
    covered, wrong = [], []
    for seed in range(250):
        rng = np.random.default_rng(seed)
        strength = rng.normal(0, 0.7, agents)
        i, j = np.triu_indices(agents, 1)
        both = 1 / (1 + np.exp(-(strength[i] - strength[j])[:, None] - np.array([seat, -seat])))
        expected = np.zeros((agents, agents))
        expected[i, j] = (1 - draws) * both.mean(axis=1) + draws / 2
        expected[j, i] = 1 - expected[i, j]
        truth, _ = fit(expected)  # what infinitely many matches would give
        ratings = bradley_terry(twins(rng, strength, pairs, seat=seat, draws=draws))
        covered.append((ratings.intervals[:, 0] <= truth) & (truth <= ratings.intervals[:, 1]))
        wrong.append(ratings.above[truth[:, None] < truth].mean())
    assert 0.925 <= np.mean(covered) <= 0.985
    assert np.mean(wrong) <= 0.03


def test_equal_agents_are_seldom_told_apart():
    told_apart = [
        elo(twins(np.random.default_rng(seed), np.zeros(4), 25)).above[np.triu_indices(4, 1)] for seed in range(1000)
    ]
    assert np.mean(told_apart) <= 0.03


def test_an_agent_that_won_everything_gets_a_finite_rating_and_a_note():
    ratings = elo(from_counts([[0, 20, 20], [0, 0, 12], [0, 8, 0]]))
    assert np.isfinite(ratings.scores).all() and np.isfinite(ratings.intervals).all()
    assert ratings.scores[0] > ratings.scores[1] + 400
    assert any(note.startswith("a0 won every match") and "virtual draw" in note for note in ratings.notes)
    # certainly better than an even match: 20 wins of 20 against each
    assert ratings.above[0, 1] and ratings.above[0, 2]


def test_one_win_alone_does_not_tell_two_agents_apart():
    ratings = elo(from_counts([[0, 1], [0, 0]]))
    assert not ratings.above.any() and np.isfinite(ratings.intervals).all()


def test_without_separation_there_is_no_note():
    assert elo(from_counts(BASEBALL, TEAMS)).notes == ()


def test_groups_that_never_met_are_rated_apart():
    wins = np.zeros((5, 5), int)
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2], wins[3, 4], wins[4, 3] = 9, 3, 6, 6, 8, 2
    ratings = elo(from_counts(wins))
    assert ratings.groups.tolist() == [1, 1, 0, 0, 0]
    assert ratings.scores[:2].sum() == pytest.approx(0) and ratings.scores[2:].sum() == pytest.approx(0)
    assert not ratings.above[:2, 2:].any() and not ratings.above[2:, :2].any()
    assert ratings.rank_ranges()[0] == (1, 2)
    alone = elo(from_counts(wins[:2, :2]))
    assert np.allclose(ratings.scores[:2], alone.scores)
    assert any("2 groups that never met" in note for note in ratings.notes)


def test_an_agent_without_matches_is_not_rated():
    ratings = elo(record_of([[0, 1]] * 4, [[1, -1], [-1, 1]] * 2, agents=("a", "b", "idle")))
    assert np.isnan(ratings.scores[2]) and ratings.scores[:2].tolist() == pytest.approx([0, 0])
    assert "idle met no other agent and is not rated" in ratings.notes


def test_matches_against_oneself_are_not_rated():
    record = record_of([[0, 0], [0, 1], [1, 0]], [[1, -1]] * 3)
    assert elo(record).matches == 2


def test_no_matches_give_no_ratings():
    record = record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("a", "b"))
    assert np.isnan(elo(record).scores).all() and elo(record).matches == 0


def test_the_anchor_is_zero_with_certainty():
    ratings = elo(from_counts(BASEBALL, TEAMS), anchor="Boston")
    assert ratings.scores[4] == 0 and ratings.intervals[4].tolist() == pytest.approx([0, 0], abs=1e-6)


def test_an_unknown_anchor_gets_the_nearest_name():
    with pytest.raises(UnknownName, match="Boston"):
        elo(from_counts(BASEBALL, TEAMS), anchor="Bostn")


def test_a_confidence_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match="confidence"):
        elo(from_counts(BASEBALL, TEAMS), confidence=95)


def test_a_million_matches_of_a_hundred_agents_take_under_a_second():
    rng = np.random.default_rng(6)
    record = twins(rng, rng.normal(size=100), 101)
    elo(twins(rng, np.zeros(3), 2))  # compiles
    began = time.process_time()
    ratings = elo(record)
    assert ratings.matches == len(record) == 999_900
    assert time.process_time() - began < 2  # processor seconds: about 0.2 on an idle machine
