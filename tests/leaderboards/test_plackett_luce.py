"""Plackett-Luce: Bradley-Terry of two players, all orders of a tie by brute force, gradients, invariances, coverage, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of, twins

from arena.games.errors import ArenaError
from arena.leaderboards import bradley_terry, plackett_luce
from arena.leaderboards.plackett_luce import _at, _orders, fit_orders


def raced(rng, strength, matches, players=3):
    """Matches of random players whose order follows the model, without ties."""
    seats = np.array([rng.permutation(len(strength))[:players] for _ in range(matches)])
    returns = strength[seats] + rng.gumbel(size=seats.shape)  # Yellott 1977: orders of these follow Plackett-Luce
    return record_of(seats, returns, agents=tuple(f"a{k}" for k in range(len(strength))))


def log_of_order(theta, order):
    return sum(theta[a] - np.log(sum(np.exp(theta[b]) for b in order[k:])) for k, a in enumerate(order))


def plain(theta, seats, returns):
    """The mean log-likelihood of all orders that break the ties of one match."""
    orders = [
        order
        for order in itertools.permutations(range(len(seats)))
        if all(returns[a] >= returns[b] for a, b in itertools.pairwise(order))
    ]
    return np.mean([log_of_order(theta, [seats[k] for k in order]) for order in orders])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_a_tie_counts_the_mean_of_all_its_orders(seed, players):
    rng = np.random.default_rng(seed)
    seats = np.array([rng.permutation(6)[:players]])
    returns, theta = rng.integers(0, 3, (1, players)).astype(float), rng.normal(size=6)
    agents, levels, weight, _ = _orders(record_of(seats, returns, agents=tuple("abcdef")))
    assert _at(agents, levels, weight, theta, 0.0)[0] == pytest.approx(plain(theta, seats[0], returns[0]))


def test_the_gradient_and_the_information_are_the_derivatives():
    rng = np.random.default_rng(0)
    seats = np.array([rng.permutation(5)[:4] for _ in range(12)])
    agents, levels, weight, _ = _orders(record_of(seats, rng.integers(0, 3, seats.shape)))
    theta, h = rng.normal(size=5), 1e-5
    _, gradient, information, _ = _at(agents, levels, weight, theta, 0.7)
    for k in range(5):
        up, down = (_at(agents, levels, weight, theta + s * h * np.eye(5)[k], 0.7) for s in (1, -1))
        assert gradient[k] == pytest.approx((up[0] - down[0]) / (2 * h), abs=1e-6)
        assert np.allclose(information[k], -(up[1] - down[1]) / (2 * h), atol=1e-6)


def test_of_two_players_it_is_bradley_terry_with_its_intervals():
    record = twins(np.random.default_rng(1), np.array([-0.5, 0, 0.6, 0.1]), 25, draws=0.3)
    one, other = plackett_luce(record), bradley_terry(record)
    assert np.allclose(one.scores, other.scores, atol=1e-8)
    assert np.allclose(one.intervals, other.intervals, atol=1e-6)
    assert (one.above == other.above).all()


def test_three_players_with_a_known_maximum():
    # each of the three orders that begin with another winner and keep the cycle is seen equally often: all are equal
    ratings = plackett_luce(record_of([[0, 1, 2], [1, 2, 0], [2, 0, 1]] * 4, [[3, 2, 1]] * 12))
    assert ratings.scores.tolist() == pytest.approx([0, 0, 0], abs=1e-9)


def test_at_the_maximum_the_slopes_vanish():
    record = raced(np.random.default_rng(2), np.linspace(-1, 1, 5), 200)
    agents, levels, weight, _ = _orders(record)
    theta, _, _ = fit_orders(agents, levels, weight, 5)
    assert np.abs(_at(agents, levels, weight, theta, 0.0)[1]).max() < 1e-7


def test_shuffling_matches_and_seats_changes_no_rating():
    rng = np.random.default_rng(3)
    record = raced(rng, np.linspace(-1, 1, 5), 100, players=4)
    order = rng.permutation(100)
    seat = rng.permutation(4)
    other = record_of(
        record.seats[order][:, seat], record.returns[order][:, seat], agents=record.agents, pair=record.pair[order]
    )
    assert np.allclose(plackett_luce(record).scores, plackett_luce(other).scores, atol=1e-9)


def test_relabelled_agents_have_the_same_ratings():
    rng = np.random.default_rng(4)
    record = raced(rng, np.linspace(-1, 1, 5), 100)
    number = rng.permutation(5)
    other = record_of(number[record.seats], record.returns, agents=record.agents)
    assert np.allclose(plackett_luce(other).scores[number], plackett_luce(record).scores, atol=1e-9)


def test_95_percent_intervals_cover_the_truth():
    strength, covered = np.array([-0.8, -0.3, 0.0, 0.4, 0.7]), []
    for seed in range(120):
        ratings = plackett_luce(raced(np.random.default_rng(seed), strength, 80))
        covered.append((ratings.intervals[:, 0] <= strength) & (strength <= ratings.intervals[:, 1]))
    assert 0.925 <= np.mean(covered) <= 0.985


def test_who_forfeits_is_last_and_says_nothing_of_the_others():
    rng = np.random.default_rng(5)
    record = raced(rng, np.zeros(4), 60)
    spoiled = record_of(
        np.concatenate((record.seats, np.tile([0, 1, 2], (30, 1)))),
        np.concatenate((record.returns, np.zeros((30, 3)))),
        forfeit=[-1] * 60 + [0] * 30,
    )
    before, after = plackett_luce(record).scores, plackett_luce(spoiled).scores
    assert after[0] < before[0] - 0.4
    assert after[1] - after[2] == pytest.approx(before[1] - before[2], abs=0.15)


def test_an_undefeated_agent_has_a_finite_rating_and_a_note():
    ratings = plackett_luce(from_counts([[0, 9, 9], [0, 0, 5], [0, 4, 0]]))
    assert np.isfinite(ratings.intervals).all() and ratings.scores.argmax() == 0
    assert any("virtual draw" in note for note in ratings.notes)


def test_groups_are_rated_apart_and_the_lonely_not_at_all():
    record = record_of([[0, 1], [1, 0], [2, 3], [3, 2]] * 5, [[1, -1]] * 20, agents=("a", "b", "c", "d", "idle"))
    ratings = plackett_luce(record)
    assert ratings.scores[:4].tolist() == pytest.approx([0] * 4, abs=1e-9) and np.isnan(ratings.scores[4])
    assert any("2 groups" in note for note in ratings.notes)


def test_no_matches_give_no_ratings():
    assert np.isnan(plackett_luce(record_of(np.zeros((0, 3)), np.zeros((0, 3)), agents=("a", "b"))).scores).all()


def test_a_tie_of_too_many_is_refused():
    with pytest.raises(ArenaError, match="at most 12"):
        plackett_luce(record_of([list(range(13))], [[0] * 13]))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="prior must be"):
        plackett_luce(from_counts([[0, 1], [1, 0]]), prior=-1)
