"""The minimax winner: known games, certificates on random matrices, and what must not change it."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import SpecificationError
from arena.solvers import minimax_winner
from arena.solvers.simplex import symmetric_strategies

ROCK_PAPER_SCISSORS = np.array([[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]])


def preferences_of(upper):
    """A preference matrix with these numbers above the diagonal."""
    above = np.triu(upper, 1)
    return above + np.tril(1 - above.T, -1) + np.diag(np.full(len(above), 0.5))


@st.composite
def preference_matrices(draw):
    size = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    upper = rng.choice([0, 0.25, 0.3, 0.5, 1], (size, size)) if draw(st.booleans()) else rng.random((size, size))
    return preferences_of(upper)


def test_rock_paper_scissors_is_played_uniformly():
    solution = minimax_winner(ROCK_PAPER_SCISSORS)
    assert np.allclose(solution.strategies[0], 1 / 3, atol=1e-15)
    assert solution.unique and solution.converged and solution.gap <= 1e-15


def test_a_weighted_cycle_has_the_weights_of_its_theory():
    """x is proportional to (m_bc, m_ca, m_ab) where a beats b by m_ab and so on (Kaplansky 1945)."""
    preferences = preferences_of(np.array([[0, 0.6, 0.3], [0, 0, 0.9], [0, 0, 0]]))
    weights = np.array([0.8, 0.4, 0.2])
    assert np.allclose(minimax_winner(preferences).strategies[0], weights / weights.sum(), atol=1e-12)


def test_a_candidate_that_beats_all_others_is_the_winner():
    preferences = preferences_of(np.array([[0, 0.51, 0.51], [0, 0, 1], [0, 0, 0]]))
    assert minimax_winner(preferences).strategies[0].tolist() == [1, 0, 0]


@settings(deadline=None)
@given(preference_matrices())
def test_no_candidate_beats_the_winner(preferences):
    solution = minimax_winner(preferences)
    winner = solution.strategies[0]
    assert winner.min() >= 0 and winner.sum() == pytest.approx(1)
    assert (preferences @ winner).max() <= 0.5 + 1e-9
    assert solution.gap == pytest.approx(4 * max((preferences @ winner).max() - 0.5, 0), abs=1e-12)


@settings(deadline=None)
@given(preference_matrices(), st.randoms())
def test_renaming_candidates_renames_the_winner(preferences, random):
    order = list(range(len(preferences)))
    random.shuffle(order)
    renamed = minimax_winner(preferences[np.ix_(order, order)]).strategies[0]
    assert np.allclose(renamed, minimax_winner(preferences).strategies[0][order], atol=1e-7)


@pytest.mark.parametrize("size", [2, 3, 10, 40])
def test_many_random_games_at_once_have_the_same_winners(size):
    upper = np.triu(np.random.default_rng(size).normal(size=(5, size, size)), 1)
    games = upper - upper.transpose(0, 2, 1)
    for game, strategy in zip(games, symmetric_strategies(games), strict=True):
        assert np.allclose(strategy, minimax_winner((1 + game / np.abs(games).max()) / 2).strategies[0], atol=1e-9)


def test_many_even_games_at_once_have_some_winner():
    strategies = symmetric_strategies(np.zeros((2, 4, 4)))
    assert np.allclose(strategies.sum(axis=1), 1) and strategies.min() >= 0


def test_copies_share_a_weight_and_change_nobody_elses():
    rng = np.random.default_rng(0)
    preferences = preferences_of(rng.random((7, 7)))
    alone = minimax_winner(preferences).strategies[0]
    copied = int(np.argmax(alone))
    names = [*range(7), copied, copied]
    with_copies = minimax_winner(preferences[np.ix_(names, names)])
    assert with_copies.unique is False
    others = [name for name in range(7) if name != copied]
    assert np.allclose(with_copies.strategies[0][others], alone[others], atol=1e-9)
    assert np.allclose(with_copies.strategies[0][[copied, 7, 8]], alone[copied] / 3, atol=1e-9)


def test_where_all_are_even_all_have_the_same_weight():
    solution = minimax_winner(np.full((5, 5), 0.5))
    assert np.allclose(solution.strategies[0], 0.2) and solution.unique is False


def test_of_several_winners_the_one_of_least_norm_is_chosen():
    """Two winners tie with each other and beat the third: (1/2, 1/2, 0), not a corner."""
    preferences = preferences_of(np.array([[0, 0.5, 0.9], [0, 0, 0.7], [0, 0, 0]]))
    assert np.allclose(minimax_winner(preferences).strategies[0], [0.5, 0.5, 0])


@pytest.mark.parametrize(
    ("preferences", "words"),
    [
        (np.zeros((2, 3)), "square"),
        (np.zeros((0, 0)), "square"),
        (np.array([[0.5, np.nan], [0.5, 0.5]]), "never met"),
        (np.array([[0.5, 0.8], [0.3, 0.5]]), "must be 1"),
        (np.array([[0.5, 1.5], [-0.5, 0.5]]), "0..1"),
        (np.array([[0.4, 0.5], [0.5, 0.5]]), "diagonal"),
    ],
)
def test_what_is_no_preference_matrix_is_refused(preferences, words):
    with pytest.raises(SpecificationError, match=words):
        minimax_winner(preferences)


def test_what_the_programs_give_is_measured_and_not_believed(monkeypatch):
    module = importlib.import_module("arena.solvers.minimax_winner")  # by its name there is the function
    monkeypatch.setattr(module, "_least_norm", lambda game: (np.full(len(game), 1 / len(game)), True))
    solution = minimax_winner([[0.5, 0.9], [0.1, 0.5]])
    assert solution.gap == pytest.approx(0.8) and not solution.converged
