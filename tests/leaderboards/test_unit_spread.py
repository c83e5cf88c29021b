"""Spreads of units about the mean of their company: a plain twin, Bradley-Terry's own, what cycles do not add, coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of

from arena.leaderboards import bradley_terry, davidson, plackett_luce, rao_kupper
from arena.leaderboards.outcome_models import DAVIDSON
from arena.leaderboards.paired_fit import Cells, fit_paired
from arena.leaderboards.sandwich import SEEN_SPREADS
from arena.leaderboards.unit_spread import unit_spread


def plain(agents, values, unit, num_agents, size, correction, drawn):
    """The docstring, unit by unit."""
    companies = {}
    for number in np.unique(unit):
        gradient, held = np.zeros(size), set()
        for k in np.flatnonzero(unit == number):
            for agent, value in zip(agents[:, k], values[:, k], strict=True):
                if agent >= 0:
                    gradient[agent] += value
                    held |= {agent} if agent < num_agents else set()
        companies.setdefault(frozenset(held), []).append(gradient)
    spread, whole, seen = np.zeros((size, size)), 0.0, 0
    for gradients in companies.values():
        if len(gradients) > 1 and not drawn:
            spread += len(gradients) * np.cov(np.array(gradients).T, ddof=1)
            whole += correction * sum((g[:num_agents] ** 2).sum() for g in gradients)
            seen += len(gradients) - 1
    share = min(1.0, np.trace(spread[:num_agents, :num_agents]) / whole) if seen >= SEEN_SPREADS and whole > 0 else 1.0
    for gradients in companies.values():
        if len(gradients) == 1 or drawn:
            spread += (1.0 if drawn else share) * correction * sum(np.outer(g, g) for g in gradients)
    return spread


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    num_agents=st.integers(2, 6),
    num=st.integers(1, 120),
    width=st.integers(1, 4),
    drawn=st.booleans(),
)
def test_it_is_its_plain_twin(seed, num_agents, num, width, drawn):
    rng = np.random.default_rng(seed)
    agents = rng.integers(-1, num_agents + 1, (width, num))  # the last number is a parameter that is no agent
    values, unit = rng.normal(size=(width, num)), np.sort(rng.integers(0, max(num // 2, 1), num))
    unit = np.unique(unit, return_inverse=True)[1]
    asked = {"num_agents": num_agents, "size": num_agents + 1, "correction": 1.2, "drawn": drawn}
    expected = plain(agents, values, unit, num_agents, num_agents + 1, 1.2, drawn)
    assert np.allclose(unit_spread(agents, values, unit, **asked), expected, atol=1e-9)


def round_robin(rng, logits, matches):
    i, j = (np.repeat(side, matches) for side in np.triu_indices(len(logits), 1))
    won = np.where(rng.random(len(i)) < 1 / (1 + np.exp(-logits[i, j])), 1.0, -1.0)
    return record_of(
        np.stack((i, j), axis=1), np.stack((won, -won), axis=1), agents=tuple(map(str, range(len(logits))))
    )


@pytest.mark.parametrize("method", [davidson, rao_kupper, plackett_luce])
def test_without_draws_the_intervals_are_bradley_terrys(method):
    record = round_robin(np.random.default_rng(3), np.zeros((6, 6)), 20)
    assert np.allclose(method(record).intervals, bradley_terry(record).intervals, atol=1e-3)


@pytest.mark.parametrize("method", [davidson, rao_kupper, plackett_luce])
def test_a_cycle_that_never_fails_leaves_only_the_units_of_unknown_outcome(method):
    # results that repeat do not vary: what a rating cannot say of a cycle is no doubt about the rating
    cycle = method(from_counts([[0, 40, 0], [0, 0, 40], [40, 0, 0]]))
    chance = method(from_counts([[0, 20, 20], [20, 0, 20], [20, 20, 0]]))
    assert np.ptp(cycle.intervals, axis=1).max() < np.ptp(chance.intervals, axis=1).min() / 3


def test_a_draw_drawn_by_lot_counts_whole():
    record = from_counts([[0, 30, 5], [5, 0, 30], [30, 5, 0]])
    drawn = record_of(record.seats, record.returns, drawn=True)
    for method in (davidson, plackett_luce):
        assert (np.ptp(method(drawn).intervals, axis=1) > 1.2 * np.ptp(method(record).intervals, axis=1)).all()


def test_intervals_cover_the_projection_of_a_cyclic_league_with_draws_as_often_as_they_say():
    rng = np.random.default_rng(0)
    num, matches, held = 8, 24, []
    u, v = rng.normal(size=(2, num, 2))
    logits = u @ v.T - v @ u.T
    win = 0.7 / (1 + np.exp(-logits))
    i, j = np.triu_indices(num, 1)
    of_true = Cells(first=i, second=j, win=win[i, j], draw=np.full(len(i), 0.3), loss=win[j, i])
    target = fit_paired(of_true, DAVIDSON, num_agents=num).strength
    first, second = np.repeat(i, matches), np.repeat(j, matches)
    for _ in range(120):
        word = rng.random(len(first))
        result = np.where(word < win[first, second], 1.0, np.where(word < win[first, second] + 0.3, 0.0, -1.0))
        record = record_of(np.stack((first, second), axis=1), np.stack((result, -result), axis=1))
        low, high = davidson(record).intervals.T
        held.append(((low <= target) & (target <= high)).mean())
    assert 0.925 < np.mean(held) < 0.975  # with whole squares 0.995
