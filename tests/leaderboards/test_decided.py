"""Whether aims are decided: verdicts, what is open, and that shuffles and names change nothing."""

import numpy as np
import pytest
from simulated_records import from_counts, record_of, twins

from arena.games.errors import ArenaError, NotProvided, UnknownName
from arena.leaderboards import comparisons
from arena.leaderboards.aims import Comparison, FullOrder, MinimaxSupport, Top
from arena.leaderboards.anytime_bounds import mean_bounds
from arena.leaderboards.decided import decided, score_bounds, unsettled
from arena.leaderboards.meetings import meetings, pair_scores, round_scores
from arena.leaderboards.next_pairs import next_pairs

RPS_AND_WEAK = 30 * np.array([[0, 27, 3, 27], [3, 0, 27, 27], [27, 3, 0, 27], [3, 3, 3, 0]])
STRENGTHS = np.array([2.0, 1.2, 0.4, -0.4, -1.2, -2.0])


@pytest.fixture(scope="module")
def ladder():
    return twins(np.random.default_rng(0), STRENGTHS, 300, draws=0.2)


def test_the_best_are_named_once_they_are_certain(ladder):
    made = decided(ladder, Top(2))
    assert made.decided and made.members == ("a0", "a1") and made.open == ()
    assert made.sentence == (
        "the top 2 are a0 and a1, by mean score against the whole field (a wrong verdict has a probability of at most 0.05)"
    )


def test_the_order_is_decided_by_more_matches_than_the_top(ladder):
    assert decided(ladder, FullOrder()).members == ("a0", "a1", "a2", "a3", "a4", "a5")
    few = record_of(ladder.seats[::4], ladder.returns[::4], pair=ladder.pair[::4])
    assert decided(few, Top(2)).decided and not decided(few, FullOrder()).decided


def test_mean_scores_count_every_opponent_once_however_often_it_was_met():
    wins = np.array([[0, 30, 90], [10, 0, 20], [10, 20, 0]])  # a0 wins three of four against a1, nine of ten against a2
    made = decided(from_counts(wins), Top(1))
    assert list(made.rounds) == [40, 40, 40]
    assert 0.75 < made.score[0] < 0.9


def test_bounds_hold_the_score(ladder):
    made = decided(ladder, Top(2))
    assert (made.low < made.score).all() and (made.score < made.high).all()


def test_agents_that_are_equal_are_never_told_apart_but_may_be_exchanged_within_a_margin():
    record = twins(np.random.default_rng(1), np.array([1.0, 0.0, 0.0, -1.0]), 2000)
    open_top = decided(record, Top(2))
    assert not open_top.decided and set(open_top.open) == {"a1", "a2"} and open_top.members == ("a0",)
    assert "a1 and a2 are open" in open_top.sentence or "a2 and a1 are open" in open_top.sentence
    within = decided(record, Top(2, margin=0.05))
    assert within.decided and "scores within 0.05 exchangeable" in within.sentence


def test_pairs_that_never_met_leave_everything_open():
    made = decided(from_counts([[0, 90, 0], [1, 0, 90], [0, 1, 0]]), Top(1))
    assert not made.decided and "a0 and a2 never met" in made.sentence


def test_without_matches_everything_is_open():
    record = record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("x", "y", "z"))
    for aim in (Top(1), FullOrder(), MinimaxSupport(), Comparison("x", "y")):
        made = decided(record, aim)
        assert not made.decided and made.open


def test_the_support_of_a_cycle_is_found_and_who_loses_to_all_is_out():
    made = decided(from_counts(RPS_AND_WEAK), MinimaxSupport())
    assert made.decided and made.members == ("a0", "a1", "a2")
    assert "a mixture of a0, a1 and a2" in made.sentence
    assert made.score[:3] == pytest.approx(1 / 3) and made.high[3] == 0
    assert (made.low[:3] > 0.2).all() and (made.high[:3] < 0.5).all()


def test_few_matches_leave_the_support_open():
    made = decided(from_counts(RPS_AND_WEAK // 200), MinimaxSupport())
    assert not made.decided and set(made.open) | set(made.members) >= {"a0", "a1", "a2"}


def test_a_comparison_reads_the_matches_of_the_two_alone():
    wins = np.array([[0, 40, 0], [80, 0, 0], [200, 0, 0]])
    made = decided(from_counts(wins), Comparison("a0", "a1"))
    assert made.decided and made.members == ("a1",)
    assert made.sentence.startswith("a1 beats a0 with 67\N{NO-BREAK SPACE}% of the points in 120 meetings")
    assert np.isnan(made.score[2]) and made.score[:2] == pytest.approx([1 / 3, 2 / 3])
    assert made.low[1] > 0.5 > made.high[0]


def test_rows_seats_and_numbers_of_agents_change_nothing(ladder):
    rng = np.random.default_rng(2)
    rows, number = rng.permutation(len(ladder)), rng.permutation(6)
    shuffled = record_of(
        number[ladder.seats[rows]][:, ::-1],
        ladder.returns[rows][:, ::-1],
        pair=ladder.pair[rows],
        agents=tuple(ladder.agents[i] for i in np.argsort(number)),
    )
    for aim in (Top(2), FullOrder(), MinimaxSupport(), Comparison("a2", "a3")):
        one, other = decided(ladder, aim), decided(shuffled, aim)
        assert (one.sentence, one.members, one.open) == (other.sentence, other.members, other.open)
        for name in ("score", "low", "high", "rounds"):
            assert np.allclose(getattr(one, name), getattr(other, name)[number], equal_nan=True, atol=1e-9)
            assert not np.isnan(getattr(one, name)).all()


def test_a_smaller_error_rate_takes_more_matches(ladder):
    few = record_of(ladder.seats[::3], ladder.returns[::3], pair=ladder.pair[::3])
    strict, loose = (decided(few, Top(3), error_rate=rate) for rate in (1e-9, 0.2))
    assert (strict.low < loose.low).all() and (strict.high > loose.high).all()
    assert loose.decided and not strict.decided


def test_the_error_rate_is_shared_among_the_bounds_that_a_wrong_verdict_needs(ladder):
    """One bound an agent for the top, two less two for the order, two a pair for the support, two for a comparison."""
    met = meetings(comparisons(ladder))
    values, scores = met.values, round_scores(met)
    for aim, bounds in ((Top(2), 6), (FullOrder(), 10)):
        low, high = mean_bounds(values, scores, error_rate=0.05 / bounds)
        made = decided(ladder, aim)
        assert np.allclose(made.low, low) and np.allclose(made.high, high)
    one, two, cells = pair_scores(met)
    low, high = mean_bounds(values, cells, error_rate=0.05 / 30)
    _, upper = score_bounds(met, 0.05)
    assert np.allclose(upper[one, two], high) and np.allclose(upper[two, one], 1 - low)
    low, _ = mean_bounds(values, cells[(one == 2) & (two == 3)], error_rate=0.05 / 2)
    assert decided(ladder, Comparison("a2", "a3")).low[2] == pytest.approx(low[0])


def test_bounds_that_just_touch_settle_and_bounds_that_just_overlap_do_not():
    score = np.array([0.7, 0.5, 0.3])
    low, high = np.array([0.6, 0.45, 0.2]), np.array([0.8, 0.6, 0.451])
    assert not unsettled(Top(1), score, low, high).any()
    assert list(unsettled(Top(2), score, low, high)) == [False, True, True]
    assert list(unsettled(FullOrder(), score, low, high)) == [False, True, True]
    assert not unsettled(Top(2, margin=0.0011), score, low, high).any()


def test_adaptive_pairing_watched_after_every_batch_keeps_the_error_rate():
    """Three agents whose best two are nearly equal: the worst case for whoever stops as soon as it looks decided."""
    error_rate, wrong, runs = 0.3, 0, 60
    rng = np.random.default_rng(3)
    win = np.array([[0.5, 0.52, 0.9], [0.48, 0.5, 0.91], [0.1, 0.09, 0.5]])  # mean scores 0.710 and 0.695
    for run in range(runs):
        seats, returns = np.zeros((0, 2), np.int64), np.zeros((0, 2))
        for batch in range(8):
            record = record_of(seats, returns, agents=("x", "y", "z"))
            pairs = next_pairs(record, Top(1), batch=15, seed=100 * run + batch, error_rate=error_rate)
            won = np.where(rng.random(15) < win[pairs.first, pairs.second], 1.0, -1.0)
            seats = np.concatenate((seats, np.stack((pairs.first, pairs.second), axis=1)))
            returns = np.concatenate((returns, np.stack((won, -won), axis=1)))
            made = decided(record_of(seats, returns, agents=("x", "y", "z")), Top(1), error_rate=error_rate)
            if made.decided:
                wrong += made.members != ("x",)
                break
    assert wrong <= runs * error_rate + 2 * np.sqrt(runs * error_rate * (1 - error_rate))


def test_matches_of_three_are_refused_and_empty_third_seats_are_not():
    three = record_of([(0, 1, 2)], [(1, 0, -1)], agents=("x", "y", "z"))
    with pytest.raises(NotProvided, match="two players"):
        decided(three, Top(1))
    with pytest.raises(NotProvided, match="two players"):
        next_pairs(three, Top(1), batch=1, seed=0)
    two = record_of([(0, 1, -1)] * 30, [(1, -1, 0)] * 30, agents=("x", "y"))
    assert decided(two, Top(1)).members == ("x",)


def test_what_does_not_fit_is_refused(ladder):
    with pytest.raises(UnknownName, match="nobody"):
        decided(ladder, Comparison("a0", "nobody"))
    with pytest.raises(ArenaError, match="more than 6 agents"):
        decided(ladder, Top(6))
    with pytest.raises(ArenaError, match="with itself"):
        decided(ladder, Comparison("a0", "a0"))
    with pytest.raises(ValueError, match="error_rate"):
        decided(ladder, Top(2), error_rate=1.0)
    with pytest.raises(ArenaError, match="two agents"):
        decided(record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("x",)), FullOrder())
    crowd = record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=tuple(f"a{k}" for k in range(201)))
    with pytest.raises(ArenaError, match="at most 200 agents"):
        decided(crowd, MinimaxSupport())
