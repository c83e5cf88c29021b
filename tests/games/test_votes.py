"""Votes as columns: their sums by pair and by context, and parts of them."""

import numpy as np
import pytest

from arena.games import UnknownName
from arena.games.votes import UNSAID, Votes, shares


def votes(rows: list[tuple[int, int, float, float, int, int]]) -> Votes:
    first, second, score, weight, context, judge = (np.array(column) for column in zip(*rows, strict=True))
    return Votes(
        candidates=("a", "b", "c"),
        contexts=("x", "y"),
        judges=("anna", "ben"),
        first=first,
        second=second,
        score=score.astype(float),
        both_bad=np.zeros(len(rows), bool),
        weight=weight.astype(float),
        context=context,
        judge=judge,
    )


SOME = [(0, 1, 1, 2, 0, 0), (1, 0, 0.5, 1, 1, 1), (2, 0, 0, 3, UNSAID, 0)]


def test_points_count_weights_and_halve_ties() -> None:
    points, weights = votes(SOME).points()
    np.testing.assert_array_equal(points, [[0, 2.5, 3], [0.5, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(weights, [[0, 3, 3], [3, 0, 0], [3, 0, 0]])


def test_points_by_context_leave_out_votes_that_name_none() -> None:
    points, weights = votes(SOME).points_by_context()
    np.testing.assert_array_equal(weights.sum(axis=(1, 2)), [4, 2])
    assert points[0, 0, 1] == 2
    assert points[1, 0, 1] == points[1, 1, 0] == 0.5


def test_shares_of_pairs_never_compared_are_unknown() -> None:
    rates = shares(*votes(SOME).points())
    assert rates[0, 1] == 2.5 / 3
    assert np.isnan(rates[1, 2])
    assert np.isnan(rates[2, 1])
    np.testing.assert_array_equal(rates.diagonal(), 0.5)


def test_votes_without_a_judge() -> None:
    left = votes(SOME).without_judges(["anna"])
    assert len(left) == 1
    assert left.judge.tolist() == [1]
    with pytest.raises(UnknownName, match=r"carl.*anna, ben"):
        votes(SOME).without_judges(["carl"])
