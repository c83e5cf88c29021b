"""Rules of social choice: elections from the literature, brute force over sets and orders, and what sets the rules apart."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import ArenaError
from arena.solvers import minimax_winner
from arena.solvers.social_choice import (
    MOST_KEMENY,
    borda_scores,
    condorcet_winner,
    copeland_scores,
    kemeny_scores,
    top_cycle,
)

# The capital of Tennessee (Wikipedia, Condorcet method): Memphis, Nashville, Chattanooga, Knoxville
TENNESSEE = {"MNCK": 0.42, "NCKM": 0.26, "CKNM": 0.15, "KCNM": 0.17}


def scores_of(ballots, names):
    """The share of ballots that put the row above the column."""
    scores = np.full((len(names), len(names)), 0.5)
    for i, j in itertools.permutations(range(len(names)), 2):
        scores[i, j] = sum(share for order, share in ballots.items() if order.index(names[i]) < order.index(names[j]))
    return scores


@st.composite
def score_tables(draw):
    size = draw(st.integers(1, 6))
    upper = np.random.default_rng(draw(st.integers(0, 2**32))).choice([0, 0.3, 0.5, 0.9, 1], (size, size))
    above = np.triu(upper, 1)
    return above + np.tril(1 - above.T, -1) + np.diag(np.full(size, 0.5))


def test_nashville_beats_all_others():
    scores = scores_of(TENNESSEE, "MNCK")
    assert condorcet_winner(scores) == 1 and top_cycle(scores).tolist() == [1]


def test_tennessee_has_the_borda_counts_of_its_source():
    assert np.allclose(borda_scores(scores_of(TENNESSEE, "MNCK")) * 3, [1.26, 1.94, 1.73, 1.07])


def test_borda_may_pass_over_who_beats_all_others():
    scores = scores_of({"ABC": 0.6, "BCA": 0.4}, "ABC")
    assert condorcet_winner(scores) == 0 and borda_scores(scores).argmax() == 1


def test_in_rock_paper_scissors_nobody_beats_all_others_and_the_cycle_is_all():
    scores = np.array([[0.5, 0, 1], [1, 0.5, 0], [0, 1, 0.5]])
    assert condorcet_winner(scores) is None and top_cycle(scores).tolist() == [0, 1, 2]


def test_who_ties_is_no_condorcet_winner():
    scores = np.array([[0.5, 0.5, 0.9], [0.5, 0.5, 0.4], [0.1, 0.6, 0.5]])
    assert condorcet_winner(scores) is None


def test_a_single_candidate_is_all_there_is():
    scores = np.array([[0.5]])
    assert condorcet_winner(scores) == 0 and top_cycle(scores).tolist() == [0] and borda_scores(scores).tolist() == [0]


@settings(deadline=None)
@given(score_tables())
def test_the_top_cycle_is_the_smallest_set_that_beats_all_outside(scores):
    size = len(scores)
    dominant = [
        chosen
        for count in range(1, size + 1)
        for chosen in itertools.combinations(range(size), count)
        if all(scores[i, j] > 0.5 for i in chosen for j in range(size) if j not in chosen)
    ]
    assert top_cycle(scores).tolist() == list(dominant[0])


@settings(deadline=None)
@given(score_tables())
def test_a_condorcet_winner_is_the_top_cycle_and_the_minimax_winner_and_led_by_copeland_and_kemeny(scores):
    winner = condorcet_winner(scores)
    brute = [i for i in range(len(scores)) if all(scores[i, j] > 0.5 for j in range(len(scores)) if j != i)]
    assert ([] if winner is None else [winner]) == brute
    if winner is not None:
        assert top_cycle(scores).tolist() == [winner]
        assert minimax_winner(scores).strategies[0][winner] == pytest.approx(1, abs=1e-9)
        assert copeland_scores(scores).argmax() == winner and kemeny_scores(scores).argmax() == winner


@settings(deadline=None)
@given(score_tables())
def test_the_minimax_winner_is_within_the_top_cycle(scores):
    outside = np.delete(minimax_winner(scores).strategies[0], top_cycle(scores))
    assert outside.sum() <= 1e-9


def test_kemeny_refuses_what_it_cannot_find_exactly():
    with pytest.raises(ArenaError, match=f"at most {MOST_KEMENY}"):
        kemeny_scores(np.full((MOST_KEMENY + 1, MOST_KEMENY + 1), 0.5))


def test_the_top_cycle_of_pairs_that_never_met_is_of_whom_nobody_outside_holds_against():
    nan = np.nan
    assert top_cycle(np.array([[0.5, 0.9, nan], [0.1, 0.5, 0.9], [nan, 0.1, 0.5]])).tolist() == [0]
    assert top_cycle(np.array([[0.5, 0.9, nan], [0.1, 0.5, 0.1], [nan, 0.9, 0.5]])).tolist() == [0, 1, 2]  # 0 or 2


def test_the_top_cycle_of_nobody_is_empty():
    assert top_cycle(np.zeros((0, 0))).tolist() == []
