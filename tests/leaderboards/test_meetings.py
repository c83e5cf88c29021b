"""Meetings and complete rounds, against plain counting."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of, twins

from arena.leaderboards import comparisons
from arena.leaderboards.meetings import complete_rounds, meetings, pair_scores, round_scores

RETURNS = {1.0: (1, -1), 0.5: (0, 0), 0.0: (-1, 1)}


def of(record):
    return meetings(comparisons(record))


def test_twins_are_one_meeting_of_their_mean_score():
    record = record_of([(0, 1), (1, 0), (1, 0)], [(1, -1), (0, 0), (1, -1)], pair=[0, 0, 1])
    met = of(record)
    assert met.counts[0, 1] == met.counts[1, 0] == 2
    assert list(met.values[met.score]) == [0.75, 0.0]


def test_a_match_of_weight_nothing_is_no_meeting():
    record = record_of([(0, 1), (0, 1)], [(1, -1), (1, -1)], weight=[1, 0])
    assert of(record).counts[0, 1] == 1


def test_complete_rounds_are_the_fewest_meetings_with_anybody():
    record = from_counts([[0, 3, 1], [0, 0, 2], [1, 0, 0]])
    assert list(complete_rounds(of(record).counts)) == [2, 2, 2]
    assert list(complete_rounds(of(from_counts([[0, 3, 0], [0, 0, 2], [0, 0, 0]])).counts)) == [0, 2, 0]


def test_one_agent_or_none_has_played_no_round():
    assert list(complete_rounds(np.zeros((1, 1), np.int64))) == [0]
    assert len(complete_rounds(np.zeros((0, 0), np.int64))) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0])), max_size=60))
@settings(max_examples=60, deadline=None)
def test_only_the_first_meetings_with_each_opponent_are_read(rows):
    rows = [row for row in rows if row[0] != row[1]]
    record = record_of(
        np.array([row[:2] for row in rows]).reshape(-1, 2),
        np.array([RETURNS[row[2]] for row in rows]).reshape(-1, 2),
        agents=tuple("abcd"),
    )
    met = of(record)
    scores = {(i, j): [] for i in range(4) for j in range(4) if i != j}
    for i, j, score in rows:
        scores[i, j].append(score)
        scores[j, i].append(1 - score)
    counted = round_scores(met)
    for i in range(4):
        others = [scores[i, j] for j in range(4) if j != i]
        rounds = min(map(len, others))
        read = [score for column in others for score in column[:rounds]]
        assert [read.count(value) for value in met.values] == list(counted[i])


def test_the_order_of_rows_and_seats_changes_nothing():
    record = twins(np.random.default_rng(0), np.array([0.5, 0.0, -0.5]), 6, draws=0.3)
    order = np.random.default_rng(1).permutation(len(record))
    shuffled = record_of(record.seats[order], record.returns[order], pair=record.pair[order])
    swapped = record_of(record.seats[:, ::-1], record.returns[:, ::-1], pair=record.pair)
    for other in (shuffled, swapped):
        assert np.array_equal(round_scores(of(other)), round_scores(of(record)))


def test_pair_scores_count_all_meetings_of_two():
    low, high, counts = pair_scores(of(from_counts([[0, 3, 1], [2, 0, 0], [0, 0, 0]])))
    assert list(zip(low, high, strict=True)) == [(0, 1), (0, 2)]
    assert counts.tolist() == [[2.0, 3.0], [0.0, 1.0]]
