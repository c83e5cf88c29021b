"""Raw and adjusted means: errors from units within lineups, and regressions that never see the match that they adjust."""

import numpy as np
import pytest
from simulated_records import record_of

from arena.leaderboards.control_variates import adjusted_means, cross_fitted


def _twins(rng, units, *, shared=1.0, own=1.0, level=(0.0, 0.0, 0.0)):
    """Three agents in a round robin of twins: the first seat gets the shared luck, `level` is what each is worth."""
    pairs = [(0, 1), (0, 2), (1, 2)] * units
    seats = np.array([line for i, j in pairs for line in ((i, j), (j, i))])
    luck = np.repeat(rng.normal(scale=shared, size=len(pairs)), 2)
    noise = rng.normal(scale=own, size=len(seats))
    level = np.asarray(level)
    first = luck + noise + level[seats[:, 0]] - level[seats[:, 1]]
    record = record_of(seats, np.stack((first, -first), axis=1), pair=np.repeat(np.arange(len(pairs)), 2))
    return record, np.stack((luck, -luck), axis=1)


def _plain_error(record, values, agent):
    """The standard error of an agent's mean, lineup by lineup and unit by unit."""
    sums = {}
    for row, (seats, pair) in enumerate(zip(record.seats.tolist(), record.pair.tolist(), strict=True)):
        if agent in seats:
            sums.setdefault(tuple(sorted(seats)), {}).setdefault(pair, []).append(values[row, seats.index(agent)])
    variance, total = 0.0, 0
    for units in sums.values():
        matches = [value for unit in units.values() for value in unit]
        centre, total = np.mean(matches), total + len(matches)
        squares = sum((sum(unit) - centre * len(unit)) ** 2 for unit in units.values())
        variance += len(units) / (len(units) - 1) * squares
    return np.sqrt(variance) / total


def test_errors_are_those_of_unit_sums_within_lineups():
    record, _ = _twins(np.random.default_rng(1), 7)
    adjusted = record.returns * 0.5 + 0.1
    agents, _ = adjusted_means(record, adjusted)
    for number, mean in enumerate(agents):
        assert mean.raw.error == pytest.approx(_plain_error(record, record.returns, number))
        assert mean.adjusted.error == pytest.approx(_plain_error(record, adjusted, number))
        assert mean.worth == pytest.approx(4.0)


def test_twins_are_worth_what_the_luck_that_they_share_was():
    record, _ = _twins(np.random.default_rng(2), 3000, shared=np.sqrt(3))
    agents, _ = adjusted_means(record, record.returns)
    for mean in agents:  # without twins 3 + 1 a match, with them 1
        assert mean.twins_worth == pytest.approx(4.0, rel=0.1)


def test_differences_between_opponents_are_no_noise():
    level = (0.0, 5.0, -9.0)
    record, _ = _twins(np.random.default_rng(3), 400, level=level)
    same, _ = _twins(np.random.default_rng(3), 400)
    for with_levels, without in zip(*(adjusted_means(r, r.returns)[0] for r in (record, same)), strict=True):
        assert with_levels.raw.error == pytest.approx(without.raw.error)


def test_intervals_cover_at_their_rate():
    rng, covered, runs = np.random.default_rng(4), 0, 400
    for _ in range(runs):
        record, _ = _twins(rng, 5, level=(0.3, 0.0, 0.0))
        mean = adjusted_means(record, record.returns)[0][0].raw
        covered += mean.low <= 0.3 <= mean.high
    assert abs(covered / runs - 0.95) < 4 * np.sqrt(0.95 * 0.05 / runs)


def test_pairs_are_the_means_against_one_opponent():
    record, _ = _twins(np.random.default_rng(5), 6)
    _, pairs = adjusted_means(record, record.returns)
    assert [(pair.agent, pair.against) for pair in pairs] == [
        (a, b) for i, j in ((0, 1), (0, 2), (1, 2)) for a, b in ((f"a{i}", f"a{j}"), (f"a{j}", f"a{i}"))
    ]
    rows = [k for k, seats in enumerate(record.seats.tolist()) if set(seats) == {0, 2}]
    part = record.of(rows)
    alone = adjusted_means(part, part.returns)[0][2]
    found = next(pair for pair in pairs if (pair.agent, pair.against) == ("a2", "a0"))
    assert (found.raw, found.unpaired_error) == (alone.raw, alone.unpaired_error)


def test_an_estimate_that_never_varies_is_exact():
    record, _ = _twins(np.random.default_rng(6), 5)
    mean = adjusted_means(record, np.full(record.returns.shape, 0.1) * [1, 1])[0][0]
    assert mean.is_exact
    assert mean.worth is None
    assert (mean.adjusted.low, mean.adjusted.high) == pytest.approx((0.1, 0.1))


def test_one_unit_tells_no_error():
    record = record_of([(0, 1), (1, 0)], [(1, -1), (2, -2)], pair=[0, 0])
    mean = adjusted_means(record, record.returns)[0][0]
    assert mean.units == 1
    assert mean.matches == 2
    assert np.isnan(mean.raw.error)
    assert mean.worth is None


def test_forfeits_and_self_play_are_left_out():
    record = record_of(
        [(0, 1), (1, 0), (0, 0), (0, 1)], [(1, -1), (2, -2), (9, -9), (50, -50)], forfeit=[-1, -1, -1, 0]
    )
    mean = adjusted_means(record, record.returns)[0][0]
    assert mean.matches == 2
    assert mean.raw.mean == pytest.approx(-0.5)


def test_the_order_of_matches_changes_nothing():
    record, _ = _twins(np.random.default_rng(7), 20)
    order = np.random.default_rng(8).permutation(len(record))
    moved = record.of(order)
    for before, after in zip(*(adjusted_means(r, r.returns)[0] for r in (record, moved)), strict=True):
        assert after.raw.mean == pytest.approx(before.raw.mean, abs=1e-12)
        assert after.raw.error == pytest.approx(before.raw.error, rel=1e-9)
        assert after.unpaired_error == pytest.approx(before.unpaired_error, rel=1e-9)


def test_regression_takes_out_the_luck_that_it_is_shown():
    record, luck = _twins(np.random.default_rng(9), 500, shared=3.0)
    _, stratum = np.unique(record.seats, axis=0, return_inverse=True)
    adjusted = cross_fitted(record.returns, luck[:, :1], fold=record.pair % 4, stratum=stratum.reshape(-1))
    # of a variance of 10 a match, 1 is left
    assert (adjusted.var(axis=0) / record.returns.var(axis=0)).max() < 0.12


def test_a_match_does_not_change_its_own_adjustment():
    rng = np.random.default_rng(10)
    luck, fold = rng.normal(size=(40, 3)), np.arange(40) % 4
    returns = luck @ rng.normal(size=(3, 2)) + rng.normal(size=(40, 2))
    stratum = np.zeros(40, np.int64)
    before = cross_fitted(returns, luck, fold=fold, stratum=stratum) - returns
    changed = returns.copy()
    changed[fold == 2] += rng.normal(size=(10, 2))
    after = cross_fitted(changed, luck, fold=fold, stratum=stratum) - changed
    np.testing.assert_allclose(after[fold == 2], before[fold == 2], atol=1e-12)
    assert np.abs(after[fold != 2] - before[fold != 2]).max() > 1e-3


def test_features_that_explain_nothing_do_no_harm():
    rng = np.random.default_rng(12)
    returns, luck = rng.normal(size=(400, 2)), rng.normal(size=(400, 60))
    adjusted = cross_fitted(returns, luck, fold=np.arange(400) % 4, stratum=np.zeros(400, np.int64))
    assert (adjusted.var(axis=0) < 1.03 * returns.var(axis=0)).all()


def test_wrong_arguments_are_named():
    record, _ = _twins(np.random.default_rng(11), 2)
    with pytest.raises(ValueError, match="adjusted must have the shape"):
        adjusted_means(record, record.returns[:3])
    with pytest.raises(ValueError, match="confidence must be between"):
        adjusted_means(record, record.returns, confidence=95)
