"""Comparisons that hold all at once, against their error rates in simulated leagues and against Holm's procedure written out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.stats

from arena.leaderboards import Ratings, elo, leaderboard
from arena.leaderboards.multiplicity import joint_ratings
from arena.leaderboards.voting import copeland
from tests.simulated_records import from_counts, twins


def _by_z(estimates: list[float]):
    """A method whose agents have these independent estimates with a standard error of 1."""
    scores = np.array(estimates)

    def rate(record, *, confidence=0.95):
        z = scipy.stats.norm.ppf(0.5 + confidence / 2) * np.sqrt(2)
        return Ratings(
            method="z",
            names=tuple(f"a{k}" for k in range(len(scores))),
            scores=scores,
            intervals=np.stack((scores - z, scores + z), axis=1),
            groups=np.zeros(len(scores), np.int64),
            above=scores[:, None] - scores > z,
            matches=1,
            confidence=confidence,
        )

    return rate


def _holm(scores, error):
    size = len(scores)
    pairs = [(i, j) for i in range(size) for j in range(i)]
    p = {(i, j): 2 * scipy.stats.norm.sf(abs(scores[i] - scores[j]) / np.sqrt(2)) for i, j in pairs}
    told = set()
    for rank, (i, j) in enumerate(sorted(pairs, key=p.__getitem__)):
        if not p[i, j] < error / (len(pairs) - rank):
            break
        told.add((i, j) if scores[i] > scores[j] else (j, i))
    return told


@pytest.mark.parametrize("seed", range(20))
def test_standard_errors_are_compared_by_holms_procedure(seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=6) * 4
    found = joint_ratings(None, _by_z(scores.tolist()))
    assert {tuple(pair) for pair in np.argwhere(found.ratings.above).tolist()} == _holm(scores, 0.05)
    assert (found.comparisons, found.procedure) == (15, "holm")


def test_holm_tells_more_apart_than_a_share_of_the_error_each() -> None:
    scores = [0.0, 3.9, 9.0]  # 3.9 / √2 = 2.76: above 2.39 (5 % / 3) only just; 2.0 and less after the others
    assert joint_ratings(None, _by_z([0.0, 2.9, 9.0])).ratings.above.sum() == 3
    assert joint_ratings(None, _by_z(scores)).ratings.above.sum() == 3


def _family_errors(runs: int, *, joint: bool) -> int:
    wrong = 0
    for run in range(runs):
        record = twins(np.random.default_rng(run), np.zeros(8), 10)
        ratings = joint_ratings(record, elo).ratings if joint else elo(record)
        wrong += bool(ratings.above.any())
    return wrong


def test_among_equal_agents_any_is_called_better_in_at_most_five_percent_of_leagues() -> None:
    runs = 400
    bound = scipy.stats.binom.ppf(0.999, runs, 0.05)
    assert _family_errors(runs, joint=True) <= bound


def test_pair_by_pair_some_pair_of_equal_agents_is_told_apart_in_many_leagues() -> None:
    assert _family_errors(100, joint=False) > 25


def test_few_equals_among_strong_differences_are_seldom_told_apart() -> None:
    strength, runs = np.array([3.0, 2.0, 1.0, 0.0, 0.0, 0.0]), 300
    wrong = 0
    for run in range(runs):
        above = joint_ratings(twins(np.random.default_rng(run), strength, 30), elo).ratings.above
        wrong += bool(above[3:, 3:].any())
    assert wrong <= scipy.stats.binom.ppf(0.999, runs, 0.05)


def test_joint_comparisons_are_some_of_the_single_ones() -> None:
    for seed in range(10):
        record = twins(np.random.default_rng(seed), np.linspace(0, 1, 6), 15)
        single, joint = elo(record), joint_ratings(record, elo).ratings
        assert not (joint.above & ~single.above).any()
        assert np.array_equal(joint.intervals, single.intervals)
        for (best, worst), (low, high) in zip(joint.rank_ranges(), single.rank_ranges(), strict=True):
            assert best <= low <= high <= worst


def test_resampling_methods_draw_as_often_as_the_level_takes() -> None:
    record = twins(np.random.default_rng(1), np.array([0.0, 0.0, 4.0]), 40)
    found = joint_ratings(record, copeland)
    assert (found.procedure, found.comparisons) == ("bonferroni", 3)
    assert found.ratings.above[2, :2].all() and found.ratings.above.sum() == 2


def test_too_many_comparisons_for_resamples_tell_nobody_apart() -> None:
    record = twins(np.random.default_rng(1), np.linspace(0, 30, 12), 2)

    def rate(record, *, confidence=0.95, resamples=200):
        return dataclasses.replace(elo(record, confidence=confidence), settings={"resamples": resamples})

    many = joint_ratings(record, rate, confidence=0.99)
    assert many.procedure == "none" and not many.ratings.above.any()
    assert "jointly nobody is told apart" in many.sentence()


def test_two_agents_make_one_comparison_at_its_own_level() -> None:
    record = from_counts([[0, 30], [12, 0]])
    assert np.array_equal(joint_ratings(record, elo).ratings.above, elo(record).above)


def test_agents_left_out_are_compared_with_nobody() -> None:
    record = twins(np.random.default_rng(1), np.linspace(0, 3, 4), 40)
    found = joint_ratings(record, elo, left_out=np.array([False, False, False, True]))
    assert found.comparisons == 3
    assert not found.ratings.above[3].any() and not found.ratings.above[:, 3].any()


@pytest.mark.parametrize("method", ["elo", "minimax", "mean_return"])
def test_a_joint_board_says_so_in_its_finding_and_notes(method: str) -> None:
    record = twins(np.random.default_rng(1), np.array([0.0, 0.0, 3.0]), 60)
    single, joint = leaderboard(record, method=method), leaderboard(record, method=method, joint=True)
    assert "95\N{NO-BREAK SPACE}% joint confidence" in joint.finding
    assert "joint" not in single.finding
    assert any("the 3 comparisons of two agents are all true at once" in note for note in joint.notes)
    assert any(
        "each of the 3 comparisons with 95\N{NO-BREAK SPACE}% confidence for itself" in note for note in single.notes
    )
    assert joint.to_dict()["joint"] is True and joint.to_dict()["comparisons"] == 3


def test_a_confidence_is_between_0_and_1() -> None:
    with pytest.raises(ValueError, match="confidence"):
        joint_ratings(from_counts([[0, 1], [1, 0]]), elo, confidence=1.0)
