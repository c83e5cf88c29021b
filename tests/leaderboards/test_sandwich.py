"""The fit and the sandwich of Bradley-Terry against plain dense twins, by finite differences, and in single precision."""

import dataclasses

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import record_of, twins

from arena.leaderboards import bradley_terry, comparisons, congruence, sandwich
from arena.leaderboards.bradley_terry import VAGUE_UNITS
from arena.leaderboards.bradley_terry_fit import FEW_AGENTS, curvature, fit
from arena.leaderboards.comparisons import pair_points, pair_sums


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def likelihood(wins, strength, virtual=0.0):
    difference = strength[:, None] - strength
    value = -(wins * np.logaddexp(0, -difference)).sum()
    return value - virtual / 2 * (np.logaddexp(0, -strength) + np.logaddexp(0, strength)).sum()


def plain_fit(wins, virtual):
    """Newton's method with halved steps, all of it dense."""
    strength, met = np.zeros(len(wins)), wins + wins.T
    for _ in range(200):
        p = sigmoid(strength[:, None] - strength)
        gradient = (wins - met * p).sum(axis=1) + virtual * (0.5 - sigmoid(strength))
        step = np.linalg.lstsq(plain_information(wins, strength, virtual), gradient, rcond=1e-13)[0]
        while likelihood(wins, strength + step, virtual) < likelihood(wins, strength, virtual) - 1e-9:
            step /= 2
        strength = strength + step
        if np.abs(step).max() < 1e-13:
            break
    return strength if virtual else strength - strength.mean()


def plain_information(wins, strength, virtual):
    p = sigmoid(strength[:, None] - strength)
    cells = (wins + wins.T) * p * (1 - p)
    win = sigmoid(strength)
    return np.diag(cells.sum(axis=1) + virtual * win * (1 - win)) - cells


def plain_middle(record, strength):
    """B as the docstrings say it, unit by unit: spreads of what pairs of agents met in, whole squares of all else, vague units."""
    compared, size = comparisons(record), len(strength)
    p = sigmoid(strength[compared.first] - strength[compared.second])
    residual = compared.weight * (compared.score - p)
    free, units = max(size - 1, 1), max(compared.num_units, 1)
    weight = record.weight[record.weight > 0]
    effective = units * weight.sum() ** 2 / (len(weight) * (weight**2).sum()) if len(weight) else units
    correction = effective / max(effective - free, effective / 2)
    squares, met = np.zeros((size, size)), {}
    for unit in np.unique(compared.unit):
        gradient = np.zeros(size)
        rows = np.flatnonzero(compared.unit == unit)
        for row in rows:
            gradient[compared.first[row]] += residual[row]
            gradient[compared.second[row]] -= residual[row]
        pairs = {frozenset((compared.first[row], compared.second[row])) for row in rows}
        if len(pairs) == 1 and not record.drawn:
            pair = tuple(sorted(*pairs))
            met.setdefault(pair, []).append(gradient[pair[0]])
        else:
            squares += correction * np.outer(gradient, gradient)
    many = {pair: sums for pair, sums in met.items() if len(sums) > 1}
    spreads = {pair: len(sums) * np.var(sums, ddof=1) for pair, sums in many.items()}
    whole = correction * sum(np.square(sums).sum() for sums in many.values())
    seen = sum(len(sums) - 1 for sums in many.values())
    share = min(1, sum(spreads.values()) / whole) if seen >= sandwich.SEEN_SPREADS and whole > 0 else 1
    for (i, j), sums in met.items():
        one = spreads[i, j] if (i, j) in spreads else share * correction * sums[0] ** 2
        squares += one * np.outer(np.eye(size)[i] - np.eye(size)[j], np.eye(size)[i] - np.eye(size)[j])
    per_unit = compared.matches / units
    if per_unit > sandwich.TWINS and units >= sandwich.SEEN_SPREADS:
        points, _ = pair_points(record)
        met = np.nan_to_num((points + points.T) * sigmoid(np.subtract.outer(strength, strength)))
        alone = float((met * sigmoid(np.subtract.outer(strength, strength)).T).sum())
        per_unit = min(max(float(np.trace(squares)) / alone, sandwich.TWINS), per_unit)
    cells = pair_sums(compared, per_unit * compared.weight**2 * p * (1 - p))
    cells = cells + cells.T
    return squares + VAGUE_UNITS * free / units * (np.diag(cells.sum(axis=1)) - cells)


def plain_covariance(wins, strength, middle, virtual):
    size, win = len(strength), sigmoid(strength)
    centre = np.eye(size) - 1 / size
    bread = centre @ np.linalg.pinv(plain_information(wins, strength, virtual), rcond=1e-13, hermitian=True)
    return bread @ (middle + np.diag(virtual * (win**2 + (1 - win) ** 2) / 2)) @ bread.T


@st.composite
def records(draw):
    """Matches of 2 to 4 seats in units that mix agents or not, with draws, forfeits and weights; each two agents beat each other."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    matches, seats, agents = draw(st.integers(1, 150)), draw(st.integers(2, 4)), draw(st.integers(2, 6))
    sat = rng.integers(0, agents, (matches, seats))
    sat[:, 2:][rng.random((matches, seats - 2)) < 0.3] = -1
    paid = rng.integers(-2, 3, (matches, seats)).astype(float)
    i, j = np.triu_indices(agents, 1)
    both = np.full((2 * len(i), seats), -1)
    both[:, :2] = np.concatenate((np.stack((i, j), 1), np.stack((j, i), 1)))
    won = np.zeros((2 * len(i), seats))
    won[:, 0] = 1
    count = matches + len(both)
    return record_of(
        np.concatenate((both, sat)),
        np.concatenate((won, paid)),
        agents=tuple("abcdef"[:agents]),
        forfeit=np.where(rng.random(count) < 0.1, rng.integers(0, 2, count), -1),
        pair=rng.integers(0, max(count // draw(st.sampled_from([3, 6])), 1), count)
        if draw(st.booleans())
        else np.arange(count),
        weight=rng.choice([0.0, 1.0, 2.5], count),
        drawn=draw(st.booleans()),
    )


@settings(deadline=None, max_examples=60)
@given(records())
def test_points_of_pairs_are_the_sums_of_comparisons(record):
    compared = comparisons(record)
    expected = pair_sums(compared, compared.weight * compared.score)
    expected += pair_sums(compared, compared.weight * (1 - compared.score)).T
    points, matches = pair_points(record)
    assert np.allclose(points, expected, rtol=1e-13) and matches == compared.matches


@settings(deadline=None, max_examples=60)
@given(records(), st.sampled_from([0.0, 0.5, 2.0]))
def test_the_ratings_equal_their_plain_dense_twins(record, prior):
    ratings = bradley_terry(record, prior=prior)
    points, _ = pair_points(record)
    if np.isnan(ratings.scores).any() or (ratings.groups > 0).any():
        return
    virtual = prior or (1.0 if any("virtual draw" in note for note in ratings.notes) else 0.0)
    strength = plain_fit(points, virtual)
    covariance = plain_covariance(points, strength, plain_middle(record, strength), virtual)
    half = 1.959963984540054 * np.sqrt(np.diag(covariance))
    assert np.allclose(ratings.scores, strength - strength.mean(), atol=1e-8)
    assert np.allclose(np.diff(ratings.intervals, axis=1)[:, 0] / 2, half, rtol=1e-6, atol=1e-7)
    apart = strength[:, None] - strength
    error = np.sqrt(np.maximum(np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance, 0))
    clear = np.abs(apart - 1.959963984540054 * error) > 1e-6
    assert (ratings.above == (apart > 1.959963984540054 * error))[clear].all()


@settings(deadline=None, max_examples=30)
@given(records())
def test_the_middle_equals_its_plain_twin(record):
    strength = np.linspace(-1, 1, len(record.agents))
    points, matches = pair_points(record)
    made = sandwich.middle(record, strength, points, matches=matches)
    assert np.allclose(made, plain_middle(record, strength), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("virtual", [0.0, 1.5])
def test_the_gradient_and_the_information_are_those_of_the_likelihood(virtual):
    rng = np.random.default_rng(0)
    wins = rng.integers(0, 9, (6, 6)) * (1.0 - np.eye(6))
    strength, h = rng.normal(size=6), 1e-5
    now = curvature(wins.sum(axis=1), wins + wins.T, strength, virtual)
    for agent in range(6):
        move = h * np.eye(6)[agent]
        slope = (likelihood(wins, strength + move, virtual) - likelihood(wins, strength - move, virtual)) / (2 * h)
        assert now.gradient[agent] == pytest.approx(slope, abs=1e-6)
        sides = [curvature(wins.sum(axis=1), wins + wins.T, strength + s * move, virtual).gradient for s in (1, -1)]
        row = (sides[1] - sides[0]) / (2 * h)
        assert np.allclose(np.diag(now.diagonal)[agent] - now.cells[agent], row, atol=1e-6)


def league(rng, agents, matches):
    """Wins of random pairs; everybody beats everybody a little, so that there is a maximum."""
    strength = rng.normal(size=agents)
    p = sigmoid(strength[:, None] - strength)
    met = np.triu(rng.poisson(2 * matches / agents**2, (agents, agents)), 1)
    won = rng.binomial(met, p)
    wins = won + (met - won).T + 0.01 * (1 - np.eye(agents))
    return wins.astype(float)


def test_the_misfit_of_a_cycle_is_no_doubt_where_the_schedule_is_given():
    record = record_of(
        [(0, 1), (1, 2), (2, 0)] * 40, [(1, -1)] * 120
    )  # each always beats the next: nothing is left to luck
    given, drawn = (bradley_terry(dataclasses.replace(record, drawn=drawn)) for drawn in (False, True))
    assert given.scores == pytest.approx(drawn.scores, abs=1e-9)
    assert np.ptp(given.intervals, axis=1).max() < 0.25 * np.ptp(drawn.intervals, axis=1).min()


@pytest.mark.parametrize("agents", [FEW_AGENTS + 60, 300])
def test_of_many_agents_the_likelihood_equations_hold(agents):
    wins = league(np.random.default_rng(1), agents, 20_000)
    strength, _ = fit(wins)
    expected = ((wins + wins.T) * sigmoid(strength[:, None] - strength)).sum(axis=1)
    assert np.abs(expected - wins.sum(axis=1)).max() <= 1e-10 * (wins + wins.T).sum(axis=1).max()
    assert strength.mean() == pytest.approx(0, abs=1e-12)


def test_a_chain_of_agents_is_fitted_to_its_closed_form_however_long():
    agents = 250  # each beats the next 9 to 1: conjugate gradients would need as many products as agents
    wins = np.diag(np.full(agents - 1, 9.0), 1) + np.diag(np.full(agents - 1, 1.0), -1)
    strength, _ = fit(wins)  # spread over 547 natural units: odds of e to that power
    assert np.allclose(-np.diff(strength), np.log(9), rtol=1e-7)


def test_where_the_search_begins_does_not_matter():
    rng = np.random.default_rng(2)
    wins = league(rng, 150, 20_000)
    one, _ = fit(wins)
    other, _ = fit(wins, start=rng.normal(0, 3, 150))
    assert np.allclose(one, other, atol=1e-10)


def test_results_that_never_vary_reach_a_far_maximum():
    wins = np.array([[0, 1e6, 1e-3], [1e-3, 0, 1e6], [1e-3, 1e-3, 0]])
    strength, now = fit(wins)
    assert np.abs(now.gradient).max() <= 1e-6 and np.isfinite(strength).all()


@pytest.mark.parametrize(("beside", "digits"), [(1.0, 1e-11), (0.0, 3e-9)])
def test_the_congruence_equals_the_product_of_inverses(beside, digits):
    rng = np.random.default_rng(3)
    size = 2 * congruence.LEAF + 37
    small = rng.normal(0, 0.003, (size, size))
    information = np.eye(size) + np.tril(small, -1) + np.tril(small, -1).T
    small = rng.normal(0, 0.003, (size, size))
    middle = np.eye(size) + np.tril(small, -1) + np.tril(small, -1).T
    inverse = scipy.linalg.inv(information)
    expected = inverse @ middle @ inverse
    made = middle.copy()
    congruence.congruent_inverse(made, information.copy(), beside=beside)
    assert np.abs(np.diag(made) / np.diag(expected) - 1).max() <= digits
    assert np.abs(made - expected).max() <= 100 * digits


def test_the_single_precision_of_a_large_league_is_seen_in_no_digit_that_counts(monkeypatch):
    rng = np.random.default_rng(4)
    record = twins(rng, rng.normal(size=160), 4)
    one = bradley_terry(record)
    monkeypatch.setattr(congruence, "SINGLE_BELOW", 0.0)
    other = bradley_terry(record)
    assert np.allclose(one.intervals, other.intervals, atol=1e-9) and (one.above == other.above).all()


def test_a_prior_pulls_ratings_together_and_tells_of_itself():
    record = twins(np.random.default_rng(5), np.linspace(-1, 1, 4), 10)
    spreads = [np.ptp(bradley_terry(record, prior=prior).scores) for prior in (0.0, 1.0, 10.0)]
    assert spreads[0] > spreads[1] > spreads[2]
    assert bradley_terry(record, prior=10.0).settings["prior"] == 10.0


def test_with_a_prior_an_agent_that_won_everything_needs_no_other_virtual_draw():
    record = record_of([[0, 1]] * 8, [[1, -1]] * 8)
    ratings = bradley_terry(record, prior=1.0)
    assert not any("virtual" in note for note in ratings.notes)
    # 8 wins and half a point of the draw: the likelihood equation with ratings θ and −θ
    theta = ratings.scores[0]
    assert 8 * sigmoid(-2 * theta) == pytest.approx(sigmoid(theta) - 0.5, abs=1e-9)


@pytest.mark.parametrize("prior", [-1.0, np.nan, np.inf])
def test_a_prior_out_of_range_is_refused(prior):
    with pytest.raises(ValueError, match="prior at least 0"):
        bradley_terry(record_of([[0, 1]], [[1, -1]]), prior=prior)


def of_large_units(loyal):
    """Thirty units of eight matches of one agent with two others; a unit's results are the same with this chance."""
    rng = np.random.default_rng(3)
    unit = np.repeat(np.arange(30), 8)
    wins = np.where(rng.random(240) < loyal, (rng.random(30) < 0.5)[unit], rng.random(240) < 0.5)
    sat = np.where(rng.random(240)[:, None] < 0.5, [0, 1], [0, 2])
    return record_of(sat, np.stack((wins, ~wins), 1) * 1.0, agents=("a", "b", "c"), pair=unit)


@pytest.mark.parametrize("loyal", [0.0, 0.5, 1.0])
def test_large_units_weigh_what_they_are_seen_to_be_worth(loyal):
    record = of_large_units(loyal)
    points, matches = pair_points(record)
    strength = plain_fit(points, 0.0)
    found = sandwich.middle(record, strength, points, matches=matches)
    assert np.allclose(found, plain_middle(record, strength), rtol=1e-9)


def test_large_units_whose_results_do_not_hang_together_cost_little():
    alike, apart = of_large_units(1.0), of_large_units(0.0)
    single = dataclasses.replace(apart, pair=np.arange(240))
    whole, loose, alone = (np.diff(bradley_terry(r).intervals).mean() for r in (alike, apart, single))
    assert 0.8 * alone < loose < 1.25 * alone
    assert whole > 1.5 * loose
