"""Judges: verdicts and failures told apart, both orders, votes of candidates' answers, and known noise."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.games.judge import (
    FailedComparison,
    Judge,
    JudgeFailure,
    Verdict,
    judged_votes,
    noisy,
    preferences_of,
    retrying,
    verdicts,
)
from arena.games.votes import UNSAID


def longer(prompts, first, second):
    return [0.5 + 0.5 * np.sign(len(a) - len(b)) for a, b in zip(first, second, strict=True)]


def likes_the_first(prompts, first, second):
    return [0.9] * len(prompts)


def saying(*answers):
    """A judge who gives these answers, whatever is asked; alone, each comparison gets the answer of its prompt's number."""

    def judge(prompts, first, second):
        return list(answers) if len(prompts) == len(answers) else [answers[int(p)] for p in prompts]

    return judge


def ask(judge, size=1):
    return verdicts(judge, [str(k) for k in range(size)], ["a"] * size, ["b"] * size)


def test_numbers_and_verdicts_are_verdicts_in_the_order_shown():
    said = ask(saying(1, 0.25, Verdict(0.5, True, "both wrong"), np.float32(0), np.array(1.0), True, Fraction(1, 2)), 7)
    assert said == [
        Verdict(1.0),
        Verdict(0.25),
        Verdict(0.5, True, "both wrong"),
        Verdict(0.0),
        Verdict(1.0),
        Verdict(1.0),
        Verdict(0.5),
    ]
    assert isinstance(longer, Judge)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "1",
        "A",
        b"1",
        float("nan"),
        -0.01,
        1.01,
        float("inf"),
        10**400,
        [1],
        np.array([1.0]),
        1j,
        object(),
        Verdict(2.0),
        Verdict(float("nan")),
        Verdict("first"),
        Verdict(1.0, both_bad=True),
        Verdict(0.5, both_bad="no"),
        Verdict(0.5, note=3),
        JudgeFailure("tired", "of it"),
        JudgeFailure("refused", None),
    ],
)
def test_what_is_no_verdict_is_nonsense_and_costs_no_other_its_verdict(answer):
    said = ask(saying(1, answer, 0), 3)
    assert said[0] == Verdict(1.0)
    assert said[2] == Verdict(0.0)
    assert isinstance(said[1], JudgeFailure)
    assert said[1].kind == "nonsense"


def test_failures_of_the_judge_s_own_keep_their_kind():
    refused = JudgeFailure("refused", "I would rather not")
    assert ask(saying(refused, 1), 2) == [refused, Verdict(1.0)]


@pytest.mark.parametrize("answers", ["10", {0: 1, 1: 0}, {0, 1}, None, 0.5, [1], [1, 0, 1], (1 for _ in range(9))])
def test_answers_that_are_no_list_of_that_length_are_nonsense(answers):
    def judge(prompts, first, second):
        return answers

    assert [one.kind for one in ask(judge, 2)] == ["nonsense", "nonsense"]


def test_one_number_for_many_pairs_is_no_verdict_on_any_and_is_told():
    said = ask(lambda *_: [0.5], 39)
    assert said == [JudgeFailure("nonsense", "1 verdicts for 39 comparisons")] * 39


def test_one_comparison_that_breaks_the_judge_costs_no_other_its_verdict():
    asked = []

    def judge(prompts, first, second):
        asked.append(len(prompts))
        if "2" in prompts:
            raise RuntimeError("two!")
        return [1.0] * len(prompts)

    said = ask(judge, 4)
    assert said[2] == JudgeFailure("error", "RuntimeError: two!")
    assert said[:2] + said[3:] == [Verdict(1.0)] * 3
    assert asked == [4, 1, 1, 1, 1]


def test_a_comparison_asked_alone_is_asked_with_its_own_texts():
    asked = []

    def judge(prompts, first, second):
        asked.extend(zip(prompts, first, second, strict=True))
        if len(prompts) > 1:
            raise RuntimeError("one at a time")
        return [1.0]

    assert verdicts(judge, ["p", "q"], ["a", "b"], ["c", "d"]) == [Verdict(1.0)] * 2
    assert asked == [("p", "a", "c"), ("q", "b", "d")] * 2


@pytest.mark.parametrize(("answers", "said"), [([], "0 verdicts for 1"), ([1, 1, 1], "more than 1 verdicts for 1")])
def test_a_wrong_number_of_verdicts_is_told(answers, said):
    (failure,) = ask(lambda *_: answers)
    assert failure == JudgeFailure("nonsense", f"{said} comparisons")


def test_a_judge_out_of_time_is_told_apart():
    def judge(prompts, first, second):
        raise TimeoutError("60 s")

    assert [one.kind for one in ask(judge, 2)] == ["timeout", "timeout"]


def test_an_interrupt_is_no_failure_of_the_judge():
    def judge(prompts, first, second):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(judge)


def test_endless_answers_are_cut_off():
    def judge(prompts, first, second):
        while True:
            yield 1.0

    assert [one.kind for one in ask(judge, 2)] == ["nonsense", "nonsense"]


def test_nothing_asked_is_nothing_said():
    assert verdicts(saying(), [], [], []) == []
    with pytest.raises(ValueError, match="2, 1 and 1"):
        verdicts(longer, ["", ""], ["a"], ["b"])


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(), st.text(), st.binary(), st.lists(st.floats()))))
def test_whatever_a_judge_says_scores_are_from_0_to_1(answers):
    for one in ask(saying(*answers), len(answers)):
        assert isinstance(one, JudgeFailure) or 0 <= one.score <= 1


# both orders


def test_both_orders_cancel_a_liking_for_the_first_shown():
    chances, failures = preferences_of(likes_the_first, ["p", "q"], ["a", "b"], ["c", "d"])
    np.testing.assert_allclose(chances, 0.5)
    assert failures == []
    alone, _ = preferences_of(likes_the_first, ["p", "q"], ["a", "b"], ["c", "d"], both_orders=False)
    np.testing.assert_allclose(alone, 0.9)


def test_chances_are_of_the_first_given():
    np.testing.assert_array_equal(preferences_of(longer, ["", ""], ["aa", "a"], ["b", "bb"])[0], [1, 0])


def test_a_comparison_that_failed_in_one_order_has_no_chance():
    refused = JudgeFailure("refused", "no")

    def judge(prompts, first, second):
        return [refused if (p, a) in (("p", "c"), ("q", "b")) else 1.0 for p, a in zip(prompts, first, strict=True)]

    chances, failures = preferences_of(judge, ["p", "q", "r"], ["a", "b", "a"], ["c", "d", "c"])
    assert np.isnan(chances[:2]).all()
    assert chances[2] == 0.5
    assert failures == [FailedComparison(1, False, refused), FailedComparison(0, True, refused)]


def test_preferences_of_nothing_are_none():
    for both in (True, False):
        chances, failures = preferences_of(longer, [], [], [], both_orders=both)
        assert chances.shape == (0,)
        assert failures == []
    with pytest.raises(ValueError, match="1, 2 and 1"):
        preferences_of(longer, [""], ["a", "b"], ["c"])


# votes

ANSWERS = {"short": ["a", "a"], "long": ["aaa", "aa"], "none": ["aa", None]}


def test_votes_of_a_judge_on_all_pairs_in_both_orders():
    votes, failures = judged_votes(longer, {"p1": "Why?", "p2": "How?"}, ANSWERS, name="anna")
    assert votes.candidates == ("short", "long", "none")
    assert votes.contexts == ("p1", "p2")
    assert votes.judges == ("anna",)
    assert (votes.judge == 0).all()
    assert failures == []
    points, weights = votes.points()
    np.testing.assert_array_equal(weights, [[0, 4, 2], [4, 0, 2], [2, 2, 0]])
    np.testing.assert_array_equal(points, [[0, 0, 0], [4, 0, 2], [2, 0, 0]])
    by_context = votes.points_by_context()[1]
    assert by_context[1, 2].sum() == 0  # no answer, no comparison


def test_a_judge_s_failures_become_no_votes():
    def judge(prompts, first, second):
        return [None if "aaa" in pair else 1.0 for pair in zip(first, second, strict=True)]

    votes, failures = judged_votes(judge, ["Why?", "How?"], ANSWERS)
    assert len(votes) == 4
    assert {(one.context, one.first, one.second) for one in failures} == {
        ("0", "short", "long"),
        ("0", "long", "short"),
        ("0", "long", "none"),
        ("0", "none", "long"),
    }
    assert votes.judges == ()
    assert (votes.judge == UNSAID).all()


def test_one_order_is_drawn_by_the_seed_and_not_by_the_order_of_candidates():
    prompts = [f"p{k}" for k in range(200)]
    answers = {"x": ["a"] * 200, "y": ["b"] * 200}
    turned = {"y": answers["y"], "x": answers["x"]}
    votes, _ = judged_votes(likes_the_first, prompts, answers, both_orders=False)
    other, _ = judged_votes(likes_the_first, prompts, turned, both_orders=False)
    shown = np.array(votes.candidates)[votes.first]
    np.testing.assert_array_equal(shown, np.array(other.candidates)[other.first])
    assert 60 < (shown == "x").sum() < 140
    again, _ = judged_votes(likes_the_first, prompts, answers, both_orders=False, seed=1)
    assert (again.first != votes.first).any()


def test_only_the_pairs_named_are_compared():
    votes, _ = judged_votes(longer, ["", ""], ANSWERS, pairs=[("long", "short")])
    assert set(votes.first) | set(votes.second) == {0, 1}
    with pytest.raises(ValueError, match="'lng', which has no answers"):
        judged_votes(longer, ["", ""], ANSWERS, pairs=[("lng", "short")])
    with pytest.raises(ValueError, match="with itself"):
        judged_votes(longer, ["", ""], ANSWERS, pairs=[("long", "long")])
    with pytest.raises(ValueError, match="'short' has 2 answers to 3 prompts"):
        judged_votes(longer, ["", "", ""], ANSWERS)


# asked again, and noise


def test_only_what_failed_is_asked_again():
    asked = []

    def judge(prompts, first, second):
        asked.append(list(prompts))
        return [None if p == "1" and len(asked) < 3 else 1.0 for p in prompts]

    assert ask(retrying(judge, 3), 3) == [Verdict(1.0)] * 3
    assert asked == [["0", "1", "2"], ["1"], ["1"]]
    asked.clear()
    assert [isinstance(one, JudgeFailure) for one in ask(retrying(judge, 2), 3)] == [False, True, False]
    with pytest.raises(ValueError, match="attempts"):
        retrying(judge, 0)


def test_a_noisy_judge_errs_at_his_rate_anew_each_time():
    judge = noisy(saying(1.0), 0.2, seed=3)
    scores = [one.score for one in verdicts(judge, ["0"] * 20_000, ["a"] * 20_000, ["b"] * 20_000)]
    assert set(scores) == {0.0, 1.0}
    assert abs(np.mean(scores) - 0.8) < 5 * np.sqrt(0.16 / 20_000)


def test_noise_does_not_depend_on_batches_and_repeats_by_seed():
    def scores(judge, sizes):
        return [one.score for size in sizes for one in verdicts(judge, ["0"] * size, ["a"] * size, ["b"] * size)]

    whole = scores(noisy(saying(1.0), 0.4, seed=1), [60])
    assert whole == scores(noisy(saying(1.0), 0.4, seed=1), [10, 20, 30])
    assert whole != scores(noisy(saying(1.0), 0.4, seed=2), [60])
    went_on = noisy(saying(1.0), 0.4, seed=1)
    went_on.asked = 10
    assert whole[10:] == scores(went_on, [50])


def test_noise_leaves_failures_and_ties_alone():
    refused = JudgeFailure("refused", "")
    assert ask(noisy(saying(*[refused, Verdict(0.5, True)] * 20), 0.49), 40) == [refused, Verdict(0.5, True)] * 20
    with pytest.raises(ValueError, match="flip_rate"):
        noisy(longer, 0.5)
