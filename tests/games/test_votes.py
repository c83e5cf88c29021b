"""Votes as columns: their sums by pair and by context, and parts of them."""

from dataclasses import replace

import numpy as np
import pytest

from arena.games import SpecificationError, UnknownName
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


def test_votes_of_some_judges_and_of_one_context() -> None:
    assert votes(SOME).of_judges(["ben"]).judge.tolist() == [1]
    assert votes(SOME).of_context("x").first.tolist() == [0]
    with pytest.raises(UnknownName, match=r"carl.*anna, ben"):
        votes(SOME).of_judges(["carl"])
    with pytest.raises(UnknownName, match=r"context .z.*x, y"):
        votes(SOME).of_context("z")


def test_names_that_no_vote_mentions_can_be_left_out() -> None:
    left = votes(SOME).take(np.array([2])).named()
    assert (left.candidates, left.contexts, left.judges) == (("a", "c"), (), ("anna",))
    assert (left.first.tolist(), left.second.tolist()) == ([1], [0])
    assert (left.context.tolist(), left.judge.tolist()) == ([UNSAID], [0])


def test_counts_do_not_weigh() -> None:
    np.testing.assert_array_equal(votes(SOME).counts(), [[0, 2, 1], [2, 0, 0], [1, 0, 0]])


def test_sums_that_fit_in_no_memory_are_refused() -> None:
    many = replace(votes(SOME), candidates=tuple(map(str, range(20_000))))
    with pytest.raises(SpecificationError, match="20,000 candidates make 400,000,000 pairs"):
        many.points()
    with pytest.raises(SpecificationError, match="in 100,000 contexts"):
        replace(
            votes(SOME), contexts=tuple(map(str, range(100_000))), candidates=tuple(map(str, range(100)))
        ).points_by_context()
