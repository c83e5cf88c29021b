"""Davidson, Rao-Kupper and seat advantage: closed forms, gradients, invariances, coverage by simulation, degenerate ladders."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of

from arena.leaderboards import bradley_terry, bradley_terry_seats, davidson, rao_kupper
from arena.leaderboards.outcome_models import DAVIDSON, HALF, RAO_KUPPER
from arena.leaderboards.paired_fit import Cells, fit_paired

MODELS = {"half": HALF, "davidson": DAVIDSON, "rao_kupper": RAO_KUPPER}
METHODS = (davidson, rao_kupper, bradley_terry_seats)


def drawn(rng, model, strength, pairs, *, seat=0.0, t=0.0):
    """A round robin of seat-swapped twins whose outcomes follow the model."""
    i, j = (np.repeat(side, pairs) for side in np.triu_indices(len(strength), 1))
    seats = np.stack((i, j, j, i), axis=1).reshape(-1, 2)
    win, draw, _ = model.probabilities(strength[seats[:, 0]] - strength[seats[:, 1]] + seat, t)
    words = rng.random(len(seats))
    returns = np.where(words < win, 1.0, np.where(words < win + draw, 0.0, -1.0))
    return record_of(
        seats,
        np.stack((returns, -returns), axis=1),
        agents=tuple(f"a{k}" for k in range(len(strength))),
        pair=np.arange(len(i)).repeat(2),
    )


def both_ways(record):
    """Every match twice, in both seatings, with the same winner."""
    return record_of(
        np.concatenate((record.seats, record.seats[:, ::-1])), np.concatenate((record.returns, record.returns[:, ::-1]))
    )


def random_cells(rng, size=4):
    first, second = np.nonzero(~np.eye(size, dtype=bool))
    win, draw, loss = rng.integers(1, 9, (3, len(first))).astype(float)
    return Cells(first=first, second=second, win=win, draw=draw, loss=loss)


def log_likelihood(cells, model, theta, seat, t):
    probabilities = model.probabilities(theta[cells.first] - theta[cells.second] + seat, t)
    counts = (cells.win, cells.draw, cells.loss)
    if model is HALF:
        counts = (cells.win + cells.draw / 2, 0, cells.loss + cells.draw / 2)
    return sum(
        float((count * np.log(p)).sum()) for count, p in zip(counts, probabilities, strict=True) if np.any(count)
    )


def test_two_agents_under_davidson_have_the_closed_form():
    record = record_of([[0, 1]] * 60, [[1, -1]] * 32 + [[0, 0]] * 20 + [[-1, 1]] * 8)
    ratings = davidson(record)
    assert ratings.scores[0] - ratings.scores[1] == pytest.approx(
        np.log(32 / 8)
    )  # draws do not enter: win : loss is e^x
    nu = 20 / np.sqrt(32 * 8)
    assert ratings.settings["ties_nu"] == pytest.approx(nu)
    assert f"equal agents draw {100 * nu / (2 + nu):.0f}\N{NO-BREAK SPACE}% of their matches" in ratings.notes


def test_two_agents_under_rao_and_kupper_have_the_closed_form():
    record = record_of([[0, 1]] * 60, [[1, -1]] * 32 + [[0, 0]] * 20 + [[-1, 1]] * 8)
    ratings = rao_kupper(record)
    up, down = np.log(32 / 28), np.log(8 / 52)  # x − ln ϑ and −x − ln ϑ
    assert ratings.scores[0] - ratings.scores[1] == pytest.approx((up - down) / 2)
    assert np.log(ratings.settings["ties_theta"]) == pytest.approx(-(up + down) / 2)


def test_two_agents_with_seats_have_the_closed_form():
    record = record_of([[0, 1]] * 40 + [[1, 0]] * 40, [[1, -1]] * 30 + [[-1, 1]] * 10 + [[1, -1]] * 25 + [[-1, 1]] * 15)
    ratings = bradley_terry_seats(record)
    with_first, with_second = np.log(3), -np.log(25 / 15)  # θ0 − θ1 + γ and θ0 − θ1 − γ
    assert ratings.scores[0] - ratings.scores[1] == pytest.approx((with_first + with_second) / 2)
    assert ratings.settings["seat_advantage"] == pytest.approx((with_first - with_second) / 2)
    assert ratings.notes[0].startswith(f"sitting first is worth +{(with_first - with_second) / 2:.2f} (")


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(MODELS)), st.floats(-3, 3), st.floats(0.1, 2), st.integers(0, 2**32))
def test_the_derivatives_are_those_of_the_probabilities(name, x, t, seed):
    model, h = MODELS[name], 1e-5
    win, draw, loss = np.random.default_rng(seed).integers(1, 9, 3).astype(float)
    if model is HALF:
        (
            win,
            draw,
            loss,
        ) = win + draw / 2, 0.0, loss + draw / 2

    def value(x, t):
        p = model.probabilities(np.array([x]), t)
        logs = [count * np.log(q[0]) for count, q in zip((win, draw, loss), p, strict=True) if count]
        return float(sum(logs))

    def terms(x, t):
        return model.terms(np.array([x]), t, np.array([win]), np.array([draw]), np.array([loss]))

    at = terms(x, t)
    assert at.value[0] == pytest.approx(value(x, t))
    assert at.dx[0] == pytest.approx((value(x + h, t) - value(x - h, t)) / (2 * h), abs=1e-4)
    assert at.dt[0] == pytest.approx((value(x, t + h) - value(x, t - h)) / (2 * h), abs=1e-4)
    assert at.dxx[0] == pytest.approx((terms(x + h, t).dx[0] - terms(x - h, t).dx[0]) / (2 * h), abs=1e-4)
    assert at.dxt[0] == pytest.approx((terms(x, t + h).dx[0] - terms(x, t - h).dx[0]) / (2 * h), abs=1e-4)
    assert at.dtt[0] == pytest.approx((terms(x, t + h).dt[0] - terms(x, t - h).dt[0]) / (2 * h), abs=1e-4)


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("seed", range(3))
def test_a_general_optimiser_finds_the_same_maximum(name, seed):
    model, cells = MODELS[name], random_cells(np.random.default_rng(seed))
    found = fit_paired(cells, model, num_agents=4, seat_advantage=True)

    def loss(point):
        theta = np.append(point[:3], 0.0)
        return -log_likelihood(cells, model, theta, point[3], abs(point[4]) if model is RAO_KUPPER else point[4])

    best = scipy.optimize.minimize(loss, [0, 0, 0, 0, 0.5], method="BFGS", options={"gtol": 1e-7})
    theta = np.append(best.x[:3], 0.0)
    assert found.converged
    assert np.allclose(found.strength, theta - theta.mean(), atol=1e-4)
    assert found.seat == pytest.approx(best.x[3], abs=1e-4)
    if model.has_ties:
        assert found.tie == pytest.approx(abs(best.x[4]) if model is RAO_KUPPER else best.x[4], abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_without_draws_and_seats_all_are_bradley_terry(method):
    wins = np.array([[0, 7, 3], [4, 0, 6], [5, 2, 0]])
    both = both_ways(from_counts(wins))
    plain, fitted = bradley_terry(both), method(both)
    assert np.allclose(fitted.scores, plain.scores, atol=1e-7)
    assert np.allclose(fitted.intervals, plain.intervals, rtol=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_shuffling_matches_changes_no_rating(method):
    rng = np.random.default_rng(0)
    record = drawn(rng, DAVIDSON, rng.normal(size=5), 20, seat=0.3, t=0.5)
    order = rng.permutation(len(record))
    other = record_of(record.seats[order], record.returns[order], agents=record.agents, pair=record.pair[order])
    assert np.allclose(method(record).scores, method(other).scores, atol=1e-9)
    assert np.allclose(method(record).intervals, method(other).intervals, atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_relabelled_agents_have_the_same_ratings(method):
    rng = np.random.default_rng(1)
    record = drawn(rng, DAVIDSON, rng.normal(size=5), 20, seat=0.3, t=0.5)
    number = rng.permutation(5)
    other = record_of(number[record.seats], record.returns, agents=record.agents, pair=record.pair)
    assert np.allclose(method(other).scores[number], method(record).scores, atol=1e-9)
    assert (method(other).above[np.ix_(number, number)] == method(record).above).all()


@pytest.mark.parametrize(
    ("model", "method", "t"),
    [(DAVIDSON, davidson, 0.3), (RAO_KUPPER, rao_kupper, 0.5), (HALF, bradley_terry_seats, 0.0)],
)
def test_95_percent_intervals_cover_the_truth(model, method, t):
    strength, covered, seat = np.array([-0.8, -0.2, 0.1, 0.9]), [], []
    arguments = {} if method is bradley_terry_seats else {"seat_advantage": True}
    for seed in range(150):
        ratings = method(drawn(np.random.default_rng(seed), model, strength, 25, seat=0.4, t=t), **arguments)
        covered.append((ratings.intervals[:, 0] <= strength) & (strength <= ratings.intervals[:, 1]))
        seat.append(ratings.settings["seat_advantage_low"] <= 0.4 <= ratings.settings["seat_advantage_high"])
    assert 0.925 <= np.mean(covered) <= 0.985
    assert 0.9 <= np.mean(seat) <= 1


def test_an_unbalanced_schedule_takes_the_seat_for_strength_unless_it_is_fitted():
    rng = np.random.default_rng(2)
    record = drawn(rng, HALF, np.zeros(3), 400, seat=1.0)
    sits_first = record.seats[:, 0] < record.seats[:, 1]  # the lower number always first
    kept = record_of(record.seats[sits_first], record.returns[sits_first], agents=record.agents)
    more = np.concatenate((np.arange(len(kept)), np.arange(len(kept))))
    some = record_of(
        np.concatenate((kept.seats[more], record.seats[~sits_first])),
        np.concatenate((kept.returns[more], record.returns[~sits_first])),
    )
    assert bradley_terry(some).scores[0] > 0.15
    assert abs(bradley_terry_seats(some).scores[0]) < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_a_prior_pulls_ratings_together(method):
    record = both_ways(from_counts([[0, 20, 12], [5, 0, 9], [8, 11, 0]]))
    spread = [np.ptp(method(record, prior=prior).scores) for prior in (0.0, 5.0, 50.0)]
    assert spread[0] > spread[1] > spread[2] > 0


@pytest.mark.parametrize("method", METHODS)
def test_an_undefeated_agent_has_a_finite_rating_and_a_note(method):
    ratings = method(both_ways(from_counts([[0, 20, 20], [0, 0, 12], [0, 8, 0]])))
    assert np.isfinite(ratings.intervals).all() and ratings.scores[0] > ratings.scores[1] + 2
    assert any("virtual draw" in note for note in ratings.notes)


@pytest.mark.parametrize("method", METHODS)
def test_all_draws_make_all_equal(method):
    ratings = method(record_of([[0, 1], [1, 2], [2, 0]] * 10, [[0, 0]] * 30))
    assert ratings.scores.tolist() == pytest.approx([0, 0, 0], abs=1e-9)
    assert np.isfinite(ratings.intervals).all() and not ratings.above.any()


@pytest.mark.parametrize("method", METHODS)
def test_whoever_sits_first_winning_always_is_no_endless_advantage(method):
    ratings = method(
        record_of([[0, 1], [1, 0]] * 20, [[1, -1]] * 40),
        **({} if method is bradley_terry_seats else {"seat_advantage": True}),
    )
    assert np.isfinite(ratings.intervals).all() and 2 < ratings.settings["seat_advantage"] < 20
    assert any("virtual draw" in note for note in ratings.notes)


def test_a_seat_that_goes_with_the_agent_is_not_taken_for_an_advantage_without_a_note():
    ratings = bradley_terry_seats(record_of([[0, 1]] * 20, [[1, -1]] * 14 + [[-1, 1]] * 6))
    assert np.isfinite(ratings.intervals).all()
    assert any("always sat first" in note for note in ratings.notes)


@pytest.mark.parametrize("method", METHODS)
def test_groups_that_never_met_are_rated_apart_and_the_lonely_not_at_all(method):
    record = record_of(
        [[0, 1]] * 9 + [[1, 0]] * 9 + [[2, 3]] * 8,
        [[1, -1]] * 6 + [[-1, 1]] * 7 + [[0, 0]] * 5 + [[1, -1], [-1, 1]] * 4,
        agents=("a", "b", "c", "d", "idle"),
    )
    ratings = method(record)
    assert ratings.scores[:2].sum() == pytest.approx(0) and ratings.scores[2:4].sum() == pytest.approx(0)
    assert np.isnan(ratings.scores[4]) and not ratings.above[:2, 2:].any()
    assert "idle met no other agent and is not rated" in ratings.notes


@pytest.mark.parametrize("method", METHODS)
def test_no_matches_give_no_ratings(method):
    ratings = method(record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("a", "b")))
    assert np.isnan(ratings.scores).all() and ratings.matches == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", [{"prior": -1}, {"prior": np.inf}, {"confidence": 0}])
def test_settings_out_of_range_are_refused(method, wrong):
    with pytest.raises(ValueError, match="prior must be"):
        method(from_counts([[0, 1], [1, 0]]), **wrong)
