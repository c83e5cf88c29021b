"""Who is in the minimax winner for certain, against exact games inside the bounds."""

import numpy as np
import pytest

from arena.leaderboards.certain_support import certain_support
from arena.solvers.minimax_winner import symmetric_game

RPS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * 0.4


def widened(game, width):
    upper = game + width
    np.fill_diagonal(upper, 0.0)
    return upper


def with_weak_agent(game, loss):
    size = len(game)
    made = np.zeros((size + 1, size + 1))
    made[:size, :size] = game
    made[size, :size], made[:size, size] = -loss, loss
    return made


def test_narrow_bounds_of_rock_paper_scissors_settle_all():
    made = certain_support(widened(with_weak_agent(RPS, 0.1), 0.01))
    assert list(made.inside) == [True, True, True, False]
    assert list(made.outside) == [False, False, False, True]
    assert (made.least[:3] < 1 / 3).all() and (made.most[:3] > 1 / 3).all()


def test_wide_bounds_settle_nothing():
    made = certain_support(widened(with_weak_agent(RPS, 0.1), 0.5))
    assert not made.inside.any() and not made.outside.any()
    assert np.allclose(made.most, 1)


def test_who_beats_everybody_for_certain_is_alone():
    upper = np.array([[0, 0.3, 0.4], [-0.05, 0, 0.5], [-0.01, 0.5, 0]])
    made = certain_support(upper)
    assert list(made.inside) == [True, False, False] and list(made.outside) == [False, True, True]
    assert made.least[0] == pytest.approx(1)


def test_two_equal_agents_are_never_settled():
    made = certain_support(np.array([[0, 0.01], [0.01, 0]]))
    assert not made.inside.any() and not made.outside.any()


@pytest.mark.parametrize("seed", range(6))
def test_no_game_inside_the_bounds_contradicts_what_is_certain(seed):
    rng = np.random.default_rng(seed)
    size = 5
    game = np.triu(rng.uniform(-0.5, 0.5, (size, size)), 1)
    game -= game.T
    width = np.triu(rng.uniform(0, 0.08, (size, size)), 1)
    width += width.T
    made = certain_support(game + width)
    settled = 0
    for _ in range(40):
        moved = np.triu(game + width * rng.uniform(-1, 1, (size, size)), 1)
        solution = symmetric_game(moved - moved.T)
        weights = solution.strategies[0]
        assert (weights[made.inside] > 0).all() and (weights[made.outside] < 1e-9).all()
        assert (weights >= np.where(np.isnan(made.least), 0, made.least) - 1e-7).all()
        assert (weights <= made.most + 1e-7).all()
        settled += made.inside.sum() + made.outside.sum()
    assert settled or seed != 0


def test_exact_games_are_settled_by_their_solution():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        game = np.triu(rng.uniform(-0.5, 0.5, (6, 6)), 1)
        game -= game.T
        made = certain_support(game)
        assert np.array_equal(made.inside, symmetric_game(game).strategies[0] > 1e-9)
        assert np.array_equal(made.outside, ~made.inside)


def test_impossible_bounds_are_refused():
    with pytest.raises(ValueError, match="above"):
        certain_support(np.array([[0, -0.3], [0.2, 0]]))
    with pytest.raises(ValueError, match="square"):
        certain_support(np.zeros((2, 3)))
