"""The pentanomial test: its fits against scipy, its degenerate inputs, its error rates by simulation."""

import numpy as np
import pytest
from scipy.optimize import minimize

from arena.leaderboards.gsprt import PAIR_SCORES, gsprt, log_likelihood_ratio, most_likely, watched

COUNTS = [[10, 20, 40, 25, 12], [3, 0, 0, 0, 1], [0, 5, 50, 9, 0]]
DRAWISH = np.array([0.02, 0.18, 0.6, 0.18, 0.02])


def moments(p):
    mean = p @ PAIR_SCORES
    return mean, np.sqrt(p @ (PAIR_SCORES - mean) ** 2)


@pytest.mark.parametrize("counts", COUNTS, ids=str)
@pytest.mark.parametrize("elo", [0, 15, -60])
@pytest.mark.parametrize("scale", ["logistic", "normalized"])
def test_the_fit_meets_its_constraint_and_no_other_point_is_likelier(counts, elo, scale):
    found = most_likely(counts, elo=elo, scale=scale)
    seen = np.where(np.array(counts) > 0, counts, 1e-3)

    def away(p):
        mean, deviation = moments(p)
        if scale == "logistic":
            return mean - 1 / (1 + 10 ** (-elo / 400))
        return mean - 0.5 - elo * np.sqrt(2) * np.log(10) / 800 * deviation

    assert away(found) == pytest.approx(0, abs=1e-9)
    assert found.sum() == pytest.approx(1) and (found > 0).all()
    other = minimize(
        lambda p: -(seen @ np.log(np.maximum(p, 1e-300))),
        np.full(5, 0.2),
        method="SLSQP",
        bounds=[(1e-12, 1)] * 5,
        constraints=[{"type": "eq", "fun": lambda p: p.sum() - 1}, {"type": "eq", "fun": away}],
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert seen @ np.log(found) >= -other.fun - 1e-6


@pytest.mark.parametrize("scale", ["logistic", "normalized"])
def test_swapping_agents_and_hypotheses_turns_the_ratio_round(scale):
    one = log_likelihood_ratio([1, 7, 20, 9, 4], elo0=0, elo1=12, scale=scale)
    other = log_likelihood_ratio([4, 9, 20, 7, 1], elo0=-12, elo1=0, scale=scale)
    assert one == pytest.approx(-other, rel=1e-9)


def test_equal_agents_and_true_differences_keep_the_rates():
    rng, runs = np.random.default_rng(3), 1500
    equal = rng.choice(5, size=(runs, 2500), p=DRAWISH).astype(np.int8)
    _, sides = watched(equal, elo0=0, elo1=25, alpha=0.05, beta=0.1)
    assert (sides == 0).mean() < 0.01
    assert (sides == 1).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    stronger = rng.choice(5, size=(runs, 2500), p=most_likely(1000 * DRAWISH, elo=25)).astype(np.int8)
    _, sides = watched(stronger, elo0=0, elo1=25, alpha=0.05, beta=0.1)
    assert (sides == -1).mean() <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / runs)


def test_the_decision_does_not_change_when_more_pairs_follow():
    scores = np.random.default_rng(4).choice(PAIR_SCORES, 4000, p=most_likely(1000 * DRAWISH, elo=40))
    found = gsprt(scores, elo1=20)
    assert found.verdict == "above_elo0" and found.better == "first" and found.at is not None
    assert gsprt(scores[: found.at], elo1=20).at == found.at
    assert not gsprt(scores[: found.at - 1], elo1=20).decided
    assert found.path[-1] == pytest.approx(log_likelihood_ratio(found.counts, elo0=0, elo1=20), rel=1e-9)


@pytest.mark.parametrize("scale", ["logistic", "normalized"])
@pytest.mark.parametrize("score", PAIR_SCORES)
def test_pairs_all_alike_give_finite_ratios(scale, score):
    assert np.isfinite(gsprt(np.full(300, score), scale=scale).path).all()


def test_draws_alone_reject_a_large_difference_and_name_nobody_better():
    found = gsprt(np.full(2000, 0.5), elo0=0, elo1=20)
    assert found.verdict == "below_elo1" and found.better is None
    assert "less than 20 Elo above b" in found.sentence("a", "b")


def test_no_pairs_are_no_verdict():
    found = gsprt([])
    assert not found.decided and found.pairs == 0 and np.isnan(found.score)


def test_graded_scores_are_refused_and_the_ways_for_them_named():
    with pytest.raises(ValueError, match="sequential_test"):
        gsprt([0.3])


@pytest.mark.parametrize(
    "change", [{"elo0": 10, "elo1": 0}, {"alpha": 0.5}, {"beta": 0.0}, {"elo1": 2000}, {"scale": "log"}], ids=str
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        gsprt([0.5], **change)
