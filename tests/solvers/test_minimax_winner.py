"""The minimax winner: known games, certificates on random matrices, and what must not change it."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import SpecificationError
from arena.solvers import minimax_winner
from arena.solvers.central_path import central_strategy
from arena.solvers.lp import maximin
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


def test_errors_name_the_worst_cell():
    with pytest.raises(SpecificationError, match=r"\[0, 2\] = 0.6"):
        minimax_winner([[0.5, 0.8, 0.6], [0.2, 0.5, 0.5], [0.7, 0.5, 0.5]])


def test_each_context_has_the_winner_that_it_has_alone():
    rng = np.random.default_rng(5)
    tables = np.array([preferences_of(rng.random((6, 6))) for _ in range(4)])
    solution = minimax_winner(tables)
    alone = [minimax_winner(table) for table in tables]
    assert np.array_equal(solution.strategies[0], [one.strategies[0] for one in alone])
    assert solution.context_gaps.tolist() == [one.gap for one in alone]
    assert solution.gap == max(one.gap for one in alone) and solution.converged


def test_contexts_have_one_winner_each_only_where_every_one_has():
    even = np.full((3, 3), 0.5)
    assert minimax_winner(np.array([ROCK_PAPER_SCISSORS, even])).unique is False
    assert minimax_winner(np.array([ROCK_PAPER_SCISSORS] * 2)).unique is True


def test_a_near_copy_that_is_beaten_by_its_original_weighs_nothing():
    """A copy that is the same against others and loses to the original by however little leaves the winner as it was."""
    copied = [0, 1, 2, 0]
    preferences = ROCK_PAPER_SCISSORS[np.ix_(copied, copied)].copy()
    preferences[0, 3], preferences[3, 0] = 0.501, 0.499
    solution = minimax_winner(preferences)
    assert np.allclose(solution.strategies[0], [1 / 3, 1 / 3, 1 / 3, 0], atol=1e-9) and solution.unique


def test_what_the_programs_give_is_measured_and_not_believed(monkeypatch):
    module = importlib.import_module("arena.solvers.minimax_winner")  # by its name there is the function
    monkeypatch.setattr(module, "_least_norm", lambda game: (np.full(len(game), 1 / len(game)), True))
    solution = minimax_winner([[0.5, 0.9], [0.1, 0.5]])
    assert solution.gap == pytest.approx(0.8) and not solution.converged


def low_rank_game(size, rng):
    """Payoffs of who beats whom by a difference of strengths and two cycles: a winner of few candidates."""
    strength, u, v = rng.normal(size=size), rng.normal(size=(size, 4)), rng.normal(size=(size, 4))
    return np.tanh((strength[:, None] - strength + u @ v.T - v @ u.T) / 2)


def spread_game(size, rng):
    """Independent payoffs: a winner of about half the candidates."""
    above = np.triu(rng.uniform(-1, 1, (size, size)), 1)
    return above - above.T


@pytest.mark.parametrize("kind", [low_rank_game, spread_game])
def test_of_many_candidates_the_winner_is_that_of_one_linear_program(kind):
    game = kind(150, np.random.default_rng(0))
    solution = minimax_winner((1 + game) / 2)
    assert np.allclose(solution.strategies[0], maximin(game)[0], atol=1e-9)
    assert solution.gap <= 1e-12 and solution.unique and solution.converged


@pytest.mark.parametrize("kind", [low_rank_game, spread_game])
def test_of_many_candidates_copies_share_a_weight(kind):
    rng = np.random.default_rng(1)
    game = kind(120, rng)
    alone = minimax_winner((1 + game) / 2).strategies[0]
    copied = np.argsort(-alone)[:3]
    order = rng.permutation(126)
    names = np.concatenate((np.arange(120), copied, copied))[order]
    solution = minimax_winner((1 + game[np.ix_(names, names)]) / 2)
    expected = np.where(np.isin(names, copied), alone[names] / 3, alone[names])
    assert solution.unique is False and np.allclose(solution.strategies[0], expected, atol=1e-8)


@settings(deadline=None, max_examples=60)
@given(preference_matrices(), st.booleans())
def test_the_ways_for_many_candidates_give_what_the_program_of_all_gives(preferences, few_are_enough):
    module = importlib.import_module("arena.solvers.minimax_winner")
    plain = minimax_winner(preferences)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEW_CANDIDATES", 0)
        patch.setattr(module, "ADDED", 2)
        patch.setattr(module, "MOST_SHARE", 2.0 if few_are_enough else 0.0)
        other = minimax_winner(preferences)
    assert np.allclose(other.strategies[0], plain.strategies[0], atol=1e-7) and other.unique == plain.unique
    assert other.gap <= 1e-9


def test_payoffs_that_differ_by_rounding_alone_are_even():
    rng = np.random.default_rng(2)
    noise = np.triu(rng.uniform(-1, 1, (100, 100)), 1) * 1e-16
    solution = minimax_winner(0.5 + noise - noise.T)
    assert solution.gap <= 1e-15 and solution.strategies[0].sum() == pytest.approx(1)


def test_many_candidates_that_are_even_in_blocks_share_alike():
    """Rock, paper, scissors, each forty times over."""
    names = np.repeat(np.arange(3), 40)
    solution = minimax_winner(ROCK_PAPER_SCISSORS[np.ix_(names, names)])
    assert np.allclose(solution.strategies[0], 1 / 120, atol=1e-12) and solution.unique is False


def test_of_a_large_circle_with_ties_all_weigh_the_same():
    """Who is up to half the circle ahead wins, who is opposite is even: many winners, of which some weigh few candidates."""
    size = 300
    ahead = np.subtract.outer(np.arange(size), np.arange(size)) % size
    solution = minimax_winner(0.5 + 0.5 * np.sign((size / 2 - ahead) * (ahead > 0)))
    assert solution.unique is False and solution.gap <= 1e-12
    assert np.allclose(solution.strategies[0], 1 / size, atol=1e-12)


def test_where_the_largest_support_is_not_found_some_winner_is_given(monkeypatch):
    module = importlib.import_module("arena.solvers.minimax_winner")
    monkeypatch.setattr(module, "_largest_support", lambda *_: None)
    solution = minimax_winner(np.full((4, 4), 0.5))
    assert solution.unique is None and solution.gap == 0 and solution.settings["selection"] == "any"


def test_one_of_many_that_beats_all_others_by_little_is_the_winner():
    game = spread_game(90, np.random.default_rng(3))
    game[17], game[:, 17] = 1e-6, -1e-6
    game[17, 17] = 0
    assert minimax_winner((1 + game) / 2).strategies[0][17] == 1


@settings(deadline=None, max_examples=40)
@given(preference_matrices())
def test_the_central_path_ends_where_every_candidate_has_a_weight_or_a_loss(preferences):
    game = preferences - preferences.T
    scale = float(np.abs(game).max())
    if not scale:
        return
    found = central_strategy(game / scale)
    against = game / scale @ found
    assert found.min() >= 0 and found.sum() == pytest.approx(1) and against.max() <= 1e-9
    largest = minimax_winner(preferences).strategies[0] > 1e-6  # least norm plays all it may or fewer
    assert (found[largest] > 1e-8).all()
    assert ((found > 1e-9) | (against < -1e-9)).all()
