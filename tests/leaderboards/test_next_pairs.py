"""Which pairs are drawn next: their probabilities, where they go, and that they are a function of what was played."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of, twins

from arena.games.errors import ArenaError, UnknownName
from arena.leaderboards.aims import Comparison, FullOrder, MinimaxSupport, Top
from arena.leaderboards.bootstrap import unit_weights
from arena.leaderboards.next_pairs import Focus, draw_pairs, next_pairs

AIMS = (Top(2), FullOrder(), MinimaxSupport(), Comparison("a1", "a2"))
STRENGTHS = np.array([1.5, 0.4, 0.3, -0.4, -1.5])
RPS_AND_WEAK = 4 * np.array([[0, 7, 3, 9], [3, 0, 7, 9], [7, 3, 0, 9], [1, 1, 1, 0]])


@pytest.fixture(scope="module")
def ladder():
    return twins(np.random.default_rng(0), STRENGTHS, 60)


def nobody_played(size=5):
    return record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=tuple(f"a{k}" for k in range(size)))


def times_in(pairs, size=5):
    return np.bincount(np.concatenate((pairs.first, pairs.second)), minlength=size)


@pytest.mark.parametrize("aim", AIMS, ids=str)
def test_two_different_agents_meet_with_at_least_the_floors_probability(ladder, aim):
    for record in (ladder, nobody_played()):
        pairs = next_pairs(record, aim, batch=300, seed=1)
        assert len(pairs) == 300 and (pairs.first != pairs.second).all()
        assert pairs.floor == pytest.approx(0.05 / 10)
        assert (pairs.propensity >= pairs.floor * (1 - 1e-12)).all() and (pairs.propensity <= 1).all()


@pytest.mark.parametrize("aim", AIMS, ids=str)
def test_the_same_matches_and_seed_give_the_same_pairs_and_another_seed_others(ladder, aim):
    one, again, other = (next_pairs(ladder, aim, batch=50, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.first, again.first) and np.array_equal(one.propensity, again.propensity)
    assert not np.array_equal(one.first, other.first)


@pytest.mark.parametrize("aim", AIMS, ids=str)
def test_rows_seats_and_numbers_of_agents_change_nothing(ladder, aim):
    rng = np.random.default_rng(2)
    rows, number = rng.permutation(len(ladder)), rng.permutation(5)
    shuffled = record_of(
        number[ladder.seats[rows]][:, ::-1],
        ladder.returns[rows][:, ::-1],
        pair=ladder.pair[rows],
        agents=tuple(ladder.agents[i] for i in np.argsort(number)),
    )
    one, other = next_pairs(ladder, aim, batch=80, seed=4), next_pairs(shuffled, aim, batch=80, seed=4)
    assert np.array_equal(number[one.first], other.first) and np.array_equal(number[one.second], other.second)
    assert np.allclose(one.propensity, other.propensity, rtol=1e-9)


def plain_draws(counts, focus, *, batch, seed, explore):
    """Draws one after the other, every probability written out as a matrix of all pairs."""
    counts, size = counts.copy(), len(counts)
    words = np.exp(-unit_weights(4 * batch, resample=0, seed=seed)).reshape(batch, 4)
    quota = focus.agents * batch
    uniform = np.full((size, size), 1 / (size * (size - 1))) * (1 - np.eye(size))
    made = []
    for explores, one, two, turned in words:
        left = np.maximum(quota, 0)
        chances = np.zeros((size, size))  # of (agent, opponent)
        for i in range(size):
            others = np.delete(np.arange(size), i)
            least = others[counts[i, others] == counts[i, others].min()]
            chances[i, least] = 1 / len(least)
        if focus.opponents is not None:
            chances = focus.opponents
        focused = left.sum() > 0
        both = explore * uniform + (1 - explore) * (left / left.sum())[:, None] * chances if focused else uniform
        both = both + both.T
        if explores < explore or not focused:
            agent = int(one * size)
            opponent = int(np.delete(np.arange(size), agent)[int(two * (size - 1))])
        else:
            agent = int(np.searchsorted(np.cumsum(left), one * left.sum()))
            opponent = int(np.searchsorted(np.cumsum(chances[agent]), two))
            quota[agent] -= 1
        pair = (agent, opponent) if turned < 0.5 else (opponent, agent)
        made.append((*pair, both[pair]))
        counts[agent, opponent] += 1
        counts[opponent, agent] += 1
    return made


@given(st.integers(2, 6), st.integers(0, 2**31), st.sampled_from([0.05, 0.5, 1.0]), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_draws_and_their_probabilities_are_those_of_plain_draws(size, seed, explore, with_opponents, nothing_open):
    rng = np.random.default_rng(seed)
    counts = np.triu(rng.integers(0, 3, (size, size)), 1)
    counts = counts + counts.T
    agents = rng.random(size) * (rng.random(size) < 0.7) * (not nothing_open)
    agents = agents / agents.sum() if agents.sum() else agents
    opponents = rng.random((size, size)) * (1 - np.eye(size))
    opponents = opponents / opponents.sum(axis=1, keepdims=True) if with_opponents else None
    focus = Focus(agents=agents, opponents=opponents)
    got = draw_pairs(counts, focus, batch=12, seed=seed, explore=explore)
    plain = plain_draws(counts, focus, batch=12, seed=seed, explore=explore)
    assert list(zip(got.first, got.second, strict=True)) == [(one, two) for one, two, _ in plain]
    assert np.allclose(got.propensity, [chance for _, _, chance in plain], rtol=1e-9)


def test_propensities_are_how_often_the_pair_is_drawn():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, (5, 5))
    counts = np.triu(counts, 1) + np.triu(counts, 1).T
    focus = Focus(agents=np.array([0.5, 0.3, 0.2, 0.0, 0.0]), opponents=None)
    drawn, told = np.zeros((5, 5)), np.full((5, 5), np.nan)
    draws = 20_000
    for seed in range(draws):
        pairs = draw_pairs(counts, focus, batch=1, seed=seed, explore=0.2)
        low, high = sorted((int(pairs.first[0]), int(pairs.second[0])))
        drawn[low, high] += 1
        told[low, high] = pairs.propensity[0]
    seen = drawn > 0
    assert np.nansum(told) == pytest.approx(1)
    assert np.allclose(drawn[seen] / draws, told[seen], atol=4 * 0.5 / np.sqrt(draws))


def test_inverse_propensities_of_later_draws_of_a_batch_are_unbiased():
    """The mean of 1 / π over the draws that gave a pair is 1 in every place of the batch."""
    counts = np.zeros((4, 4), np.int64)
    focus = Focus(agents=np.array([0.6, 0.2, 0.1, 0.1]), opponents=None)
    seeds, batch = 4000, 6
    totals = np.zeros((batch, 4, 4))
    for seed in range(seeds):
        pairs = draw_pairs(counts, focus, batch=batch, seed=seed, explore=0.3)
        low, high = np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)
        totals[np.arange(batch), low, high] += 1 / pairs.propensity
    means = totals[:, *np.triu_indices(4, 1)] / seeds
    assert np.abs(means - 1).max() < 5 * np.sqrt(20 / seeds)  # 1/π is at most 6 / 0.3 = 20


def test_who_is_first_is_even(ladder):
    pairs = next_pairs(ladder, Comparison("a1", "a2"), batch=2000, seed=0)
    named = (np.minimum(pairs.first, pairs.second) == 1) & (np.maximum(pairs.first, pairs.second) == 2)
    assert abs((pairs.first[named] == 1).mean() - 0.5) < 0.05


def test_the_first_pairs_cover_the_field():
    pairs = next_pairs(nobody_played(6), Top(2), batch=45, seed=0)
    assert len({frozenset(pair) for pair in zip(pairs.first, pairs.second, strict=True)}) == 15


def test_the_top_needs_matches_of_those_at_its_border(ladder):
    times = times_in(next_pairs(ladder, Top(2), batch=1000, seed=0))
    assert min(times[1], times[2]) > 1.5 * max(times[0], times[3], times[4])


def test_the_order_needs_matches_of_neighbours_that_are_close(ladder):
    times = times_in(next_pairs(ladder, FullOrder(), batch=1000, seed=0))
    assert min(times[1], times[2]) > 1.5 * max(times[0], times[4])


def test_the_support_needs_no_matches_among_those_that_are_out():
    rps = from_counts(RPS_AND_WEAK)
    pairs = next_pairs(rps, MinimaxSupport(), batch=1000, seed=0)
    times = times_in(pairs, 4)
    assert times[3] < 0.5 * times[:3].min()


def test_one_comparison_needs_its_two_agents(ladder):
    pairs = next_pairs(ladder, Comparison("a1", "a2"), batch=1000, seed=0, explore=0.05)
    wanted = (np.minimum(pairs.first, pairs.second) == 1) & (np.maximum(pairs.first, pairs.second) == 2)
    assert wanted.mean() == pytest.approx(0.95 + 0.05 / 10, abs=0.03)
    assert np.allclose(pairs.propensity[wanted], 0.95 + 0.05 / 10)


def test_once_the_aim_is_decided_pairs_are_uniform():
    record = twins(np.random.default_rng(1), np.array([3.0, 0.0, 0.0, -3.0]), 200)
    pairs = next_pairs(record, Top(1), batch=3000, seed=0)
    assert np.allclose(pairs.propensity, 1 / 6)
    assert times_in(pairs, 4).min() > 1350


def test_batches_in_a_row_even_out_opponents():
    record = next_pairs(nobody_played(6), FullOrder(), batch=150, seed=0, explore=0.01)
    cells = np.bincount(np.minimum(record.first, record.second) * 6 + np.maximum(record.first, record.second))
    cells = cells[cells > 0]
    assert len(cells) == 15 and cells.max() <= 2 * cells.min()


@pytest.mark.parametrize(
    "change", [{"batch": 0}, {"seed": -1}, {"explore": 0.0}, {"explore": 1.1}, {"error_rate": 0.0}], ids=str
)
def test_numbers_out_of_range_are_refused(ladder, change):
    with pytest.raises(ValueError, match="must be"):
        next_pairs(ladder, Top(2), **({"batch": 5, "seed": 0} | change))


def test_aims_that_do_not_fit_are_refused(ladder):
    with pytest.raises(UnknownName):
        next_pairs(ladder, Comparison("a0", "nobody"), batch=5, seed=0)
    with pytest.raises(ArenaError):
        next_pairs(ladder, Top(5), batch=5, seed=0)
