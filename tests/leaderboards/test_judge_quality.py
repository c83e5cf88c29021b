"""How good judges are: order bias without strength, self-agreement, agreement with others."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.games.votes import UNSAID, Votes
from arena.leaderboards.judge_quality import BOTH_ORDERS, BY_PAIRS, judge_quality, order_bias, share_of, sign_test

Z = 1.959963984540054


def votes(*rows, judges=("j",), contexts=50):
    """Rows of (first, second, score, context, judge)."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    size = len(rows)
    return Votes(
        candidates=("a", "b", "c"),
        contexts=tuple(f"p{k}" for k in range(contexts)),
        judges=judges,
        first=np.array(columns[0], np.int64),
        second=np.array(columns[1], np.int64),
        score=np.array(columns[2], float),
        both_bad=np.zeros(size, bool),
        weight=np.ones(size),
        context=np.array(columns[3], np.int64),
        judge=np.array(columns[4], np.int64),
    )


def test_a_judge_who_always_names_the_first_has_all_bias_and_never_agrees_with_itself():
    found = judge_quality(votes(*[row for k in range(20) for row in ((0, 1, 1.0, k, 0), (1, 0, 1.0, k, 0))]))[0]
    assert (found.order_bias.value, found.order_bias.basis, found.order_bias.units) == (1.0, BOTH_ORDERS, 20)
    assert found.order_bias.p_value == pytest.approx(2 / 2**20)
    assert 0.7 < found.order_bias.low < found.order_bias.high <= 1
    assert (found.both_orders.count, found.both_orders.of) == (0, 20)
    assert found.has_bias


def test_strength_is_no_order_bias():
    """The better candidate wins wherever it stands; it is shown first more often where votes came in one order each."""
    both = judge_quality(votes(*[row for k in range(20) for row in ((0, 1, 1.0, k, 0), (1, 0, 0.0, k, 0))]))[0]
    assert (both.order_bias.value, both.both_orders.value) == (0, 1)
    single = judge_quality(votes(*[(0, 1, 1.0, k, 0) for k in range(30)], *[(1, 0, 0.0, k, 0) for k in range(30, 40)]))[
        0
    ]
    assert (single.order_bias.value, single.order_bias.basis) == (0, BY_PAIRS)
    assert single.both_orders is None
    assert not single.has_bias


def test_the_interval_and_the_test_of_matched_orders_by_hand():
    """12 comparisons: 5 the first both times, 1 the second both times, 6 the same. Agresti and Min 2005: half a comparison more a cell."""
    rows = [row for k in range(5) for row in ((0, 1, 1.0, k, 0), (1, 0, 1.0, k, 0))]
    rows += [(0, 1, 0.0, 5, 0), (1, 0, 0.0, 5, 0)]
    rows += [row for k in range(6, 12) for row in ((0, 1, 1.0, k, 0), (1, 0, 0.0, k, 0))]
    bias = judge_quality(votes(*rows))[0].order_bias
    half = Z * np.sqrt(5.5 + 1.5 - (5.5 - 1.5) ** 2 / 14) / 14
    assert bias.value == pytest.approx(4 / 12)
    assert (bias.low, bias.high) == (pytest.approx(4 / 14 - half), pytest.approx(4 / 14 + half))
    assert bias.p_value == pytest.approx(2 * (comb(6, 5) + comb(6, 6)) / 2**6)


def test_repeated_questions_and_other_judges_are_compared():
    rows = [
        (0, 1, 1.0, 0, 0),
        (0, 1, 1.0, 0, 0),
        (0, 1, 0.0, 0, 0),
        (0, 1, 1.0, 0, 1),
        (1, 2, 1.0, 1, 0),
        (2, 1, 1.0, 1, 1),
    ]
    one, other = judge_quality(votes(*rows, judges=("x", "y")))
    assert (one.repeated.count, one.repeated.of) == (1, 2)
    assert other.repeated is None
    assert (one.with_others.count, one.with_others.of) == (1, 2)  # 2 of 3 for a, as the other; b over c and c over b
    assert (other.with_others.count, other.with_others.of) == (1, 2)


def test_asking_again_adds_no_comparisons():
    once = [row for k in range(9) for row in ((0, 1, 1.0, k, 0), (1, 0, float(k < 3), k, 0))]
    one, five = (judge_quality(votes(*once * times))[0] for times in (1, 5))
    assert (one.order_bias, one.both_orders) == (five.order_bias, five.both_orders)
    assert one.order_bias.value == pytest.approx(3 / 9)


def test_votes_without_context_are_never_taken_for_the_same_comparison():
    found = judge_quality(votes((0, 1, 1.0, UNSAID, 0), (1, 0, 1.0, UNSAID, 0)))[0]
    assert (found.both_orders, found.repeated, found.order_bias.basis) == (None, None, BY_PAIRS)


def test_unsigned_votes_stand_last_and_failures_are_counted_without_votes():
    found = judge_quality(votes((0, 1, 0.5, 0, UNSAID), judges=("x",)), failures={"x": 3})
    assert [(one.judge, one.verdicts, one.ties, one.failures) for one in found] == [
        ("x", 0, 0, 3),
        ("not named", 1, 1, 0),
    ]
    assert found[0].order_bias is None


@given(
    st.lists(
        st.tuples(st.sampled_from([(0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)]), st.sampled_from([0.0, 0.5, 1.0])),
        min_size=1,
        max_size=60,
    )
)
def test_renaming_candidates_keeps_the_bias_and_turning_verdicts_mirrors_it(drawn):
    rows = [(pair[0], pair[1], score, UNSAID, 0) for pair, score in drawn]
    turned = [(pair[1], pair[0], score, UNSAID, 0) for pair, score in drawn]
    here, there = (judge_quality(votes(*some))[0].order_bias for some in (rows, turned))
    if here is None:
        assert there is None
        return
    assert here.value == pytest.approx(there.value, abs=1e-12)  # the place decides, not the name that stands there
    mirrored = judge_quality(votes(*[(a, b, 1 - score, c, j) for a, b, score, c, j in rows]))[0].order_bias
    assert mirrored.value == pytest.approx(-here.value, abs=1e-12)
    assert here.low <= here.value <= here.high
    assert 0 <= here.p_value <= 1


def test_intervals_cover_the_bias_of_simulated_judges():
    rng, covered, runs = np.random.default_rng(3), 0, 300
    for _ in range(runs):
        strength, liking = rng.uniform(0.2, 0.8, 60), 0.15
        first = rng.random(60) < np.clip(strength + liking / 2, 0, 1)
        second = rng.random(60) < np.clip(1 - strength + liking / 2, 0, 1)
        rows = [row for k in range(60) for row in ((0, 1, float(first[k]), k, 0), (1, 0, float(second[k]), k, 0))]
        bias = judge_quality(votes(*rows, contexts=60))[0].order_bias
        covered += bias.low <= liking <= bias.high
    assert covered / runs >= 0.92


def test_a_small_liking_that_a_graded_judge_always_shows_is_found():
    rows = [row for k in range(60) for row in ((0, 1, 0.6 + 0.025, k, 0), (1, 0, 0.4 + 0.025, k, 0))]
    bias = judge_quality(votes(*rows))[0].order_bias
    assert bias.value == pytest.approx(0.05)
    assert 0 < bias.low < 0.05 < bias.high
    assert bias.p_value == pytest.approx(2 * 0.5**60)


def test_the_normal_and_the_exact_sign_test_agree_where_they_meet():
    assert sign_test(520, 480) == pytest.approx(2 * sum(comb(1000, k) for k in range(520, 1001)) / 2**1000)
    assert sign_test(521, 480) == pytest.approx(sign_test(520, 479), rel=0.02)
    assert sign_test(0, 0) == 1


def test_wilson_at_the_ends():
    assert (share_of(0, 10, Z).low, share_of(10, 10, Z).high) == (0, 1)
    assert share_of(10, 10, Z).low == pytest.approx(10 / (10 + Z**2))


def test_judges_with_a_small_liking_each_have_one_together():
    rng = np.random.default_rng(2)
    rows = [(*shown, float(rng.random() < 0.56), k, k % 40) for k in range(1200) for shown in ((0, 1), (1, 0))]
    drawn = votes(*rows, judges=tuple(f"j{k}" for k in range(40)), contexts=1200)
    together = order_bias(drawn)
    assert together.low <= 0.12 <= together.high
    assert together.p_value < 0.001
    assert together.units == 1200
    single = judge_quality(drawn)
    assert sum(one.has_bias for one in single) < 20
