"""Comparisons: asked in both orders, again where there was no verdict, put right by a known flip rate, and counted."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_language import chance, circular, table

from arena.games.errors import NotProvided
from arena.games.judge import JudgeFailure, noisy
from arena.solvers.language.judging import PATIENCE, Comparisons

WORDS = ["rock", "paper", "scissors", "play"]


def comparing(judge=circular, *, both_orders=True, retries=1, flip_rate=0.0, failed=lambda _: None) -> Comparisons:
    return Comparisons(judge=judge, both_orders=both_orders, retries=retries, flip_rate=flip_rate, failed=failed)


def test_among_is_the_table_of_the_judge():
    found = comparing().among(["x", "y"], [WORDS, WORDS[::-1]])
    np.testing.assert_allclose(found, [table(WORDS), table(WORDS[::-1])])


def test_against_is_the_table_of_the_judge():
    found = comparing().against(["x"], [WORDS], [["paper", "now"]])
    np.testing.assert_allclose(found[0], [[chance(a, b) for b in ("paper", "now")] for a in WORDS])


@pytest.mark.parametrize(("both_orders", "count"), [(True, 12), (False, 6)])
def test_each_pair_is_asked_once_in_each_order(both_orders, count):
    one = comparing(both_orders=both_orders)
    one.among(["x"], [WORDS])
    assert one.asked == count


def test_a_liking_for_the_first_shown_is_cancelled():
    def first_liker(prompts, first, second):
        return [min(1.0, chance(a, b) + 0.1) for a, b in zip(first, second, strict=True)]

    found = comparing(first_liker).among(["x"], [WORDS])
    np.testing.assert_allclose(found[0], table(WORDS), atol=1e-12)


def test_a_known_flip_rate_is_put_right():
    judge = noisy(lambda *texts: [1.0] * len(texts[0]), 0.2, seed=1)
    found = comparing(judge, both_orders=False, flip_rate=0.2).ask(["x"] * 20_000, ["a"] * 20_000, ["b"] * 20_000)
    assert found.mean() == pytest.approx(1, abs=0.02)
    assert set(np.round(found, 6)) == {round(0.8 / 0.6, 6), round(-0.2 / 0.6, 6)}


def test_what_fails_is_asked_again_and_told_of_in_the_order_shown():
    calls, told = [], []

    def judge(prompts, first, second):
        calls.append(list(zip(first, second, strict=True)))
        said = circular(prompts, first, second)
        return [
            JudgeFailure("timeout", "late") if len(calls) == 1 and a == "paper" else s
            for a, s in zip(first, said, strict=True)
        ]

    one = comparing(judge, failed=told.append)
    found = one.ask(["x", "x"], ["rock", "scissors"], ["paper", "play"])
    assert found.tolist() == pytest.approx([0.1, 0.9])
    assert calls[1] == [("rock", "paper"), ("paper", "rock")]
    assert told == [
        {"attempt": 0, "kind": "timeout", "message": "late", "prompt": "x", "first": "paper", "second": "rock"}
    ]
    assert one.failures == {"timeout": 1}
    assert one.asked == 6


def test_what_goes_on_failing_is_not_known_and_no_vote():
    def judge(prompts, first, second):
        return [JudgeFailure("refused", "no") if "rock" in (a, b) else 0.9 for a, b in zip(first, second, strict=True)]

    found = comparing(judge, both_orders=False).ask(["x", "x"], ["rock", "play"], ["paper", "paper"])
    assert np.isnan(found[0])
    assert found[1] == 0.9


def test_nonsense_and_exceptions_are_failures():
    def judge(prompts, first, second):
        return ["maybe"] * len(prompts)

    with pytest.raises(NotProvided, match="no verdict on any of 5 comparisons, asked 2 times; nonsense"):
        comparing(judge).ask(["x"] * 5, ["a"] * 5, ["b"] * 5)


@pytest.mark.parametrize("said", [float("nan"), "raises"])
def test_pairs_of_one_text_do_not_hide_a_judge_who_says_nothing(said):
    def judge(prompts, first, second):
        if said == "raises":
            raise RuntimeError("gone")
        return [said] * len(prompts)

    with pytest.raises(NotProvided, match="no verdict on any of 5 comparisons"):
        comparing(judge).ask(["x"] * 7, ["a"] * 7, ["b"] * 5 + ["a"] * 2)


def test_pairs_of_one_text_alone_need_no_judge_even_out_of_patience():
    one = comparing(lambda *_: [])
    one.vain = PATIENCE
    assert one.ask(["x"], ["a"], ["a"]).tolist() == [0.5]


def test_one_number_for_a_whole_batch_is_no_verdict():
    with pytest.raises(NotProvided, match="1 verdicts for 40 comparisons"):
        comparing(lambda *_: [0.5]).ask(["x"] * 20, ["a"] * 20, ["b"] * 20)


def test_a_small_batch_without_a_verdict_is_luck_and_many_are_not():
    one = comparing(lambda *texts: [JudgeFailure("timeout", "late")] * len(texts[0]), retries=0)
    for _ in range(PATIENCE // 2 - 1):
        assert np.isnan(one.ask(["x"], ["a"], ["b"])).all()
    with pytest.raises(NotProvided, match="timeout: late"):
        one.ask(["x"], ["a"], ["b"])


def test_a_verdict_renews_patience():
    verdicts = iter(
        [JudgeFailure("timeout", "late")] * (PATIENCE - 1) + [0.7] + [JudgeFailure("timeout", "late")] * (PATIENCE - 1)
    )
    one = comparing(lambda *texts: [next(verdicts) for _ in texts[0]], both_orders=False, retries=0)
    found = [float(one.ask(["x"], ["a"], ["b"])[0]) for _ in range(2 * PATIENCE - 1)]
    assert np.isfinite(found).sum() == 1


def test_counts_and_noise_go_through_a_checkpoint():
    judge = noisy(circular, 0.2, seed=3)
    one = comparing(judge)
    one.among(["x"], [WORDS])
    state = one.state()
    other = comparing(noisy(circular, 0.2, seed=3))
    other.restore(state)
    assert other.asked == one.asked
    np.testing.assert_array_equal(one.among(["x"], [WORDS]), other.among(["x"], [WORDS]))
