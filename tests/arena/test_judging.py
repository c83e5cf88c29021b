"""Judging into the ledger: the same end however often it is interrupted, nothing asked twice, failures that are no votes."""

from __future__ import annotations

import _thread
import itertools
from collections import Counter

import numpy as np
import pytest

from arena import database
from arena.games.judge import JudgeFailure, Verdict, judged_votes
from arena.games.usage import Usage
from arena.judge_input import AnswerSheet
from arena.judgements import Context, judge_usage, judgement_of, read_failures, read_judgements, votes_of
from arena.judging import GIVE_UP, judge_into, judging_plan
from arena.ledger import Ledger, LedgerError
from arena.merge import merge
from arena.standings import standings

GAME = "preference:test"
NAMES = ("rock", "paper", "scissors")


def sheet(prompts=4, *, without=()):
    """Candidate k answers prompt p with "k p": what a judge needs to know."""
    return AnswerSheet(
        prompts=tuple(Context(f"p{at}", f"prompt {at}") for at in range(prompts)),
        candidates=NAMES,
        answers={
            (at, k): f"{k} {at}" for at, k in itertools.product(range(prompts), range(3)) if (at, k) not in without
        },
    )


class Cyclic:
    """Paper beats rock, scissors paper, rock scissors; may fail, and may stop for good after so many questions."""

    def __init__(self, *, fails=(), stops_after=None):
        self.asked = Counter()
        self.fails, self.left = dict(fails), stops_after

    def __call__(self, prompts, first, second):
        said = []
        for question in zip(prompts, first, second, strict=True):
            if self.left is not None:
                if self.left == 0:
                    raise KeyboardInterrupt
                self.left -= 1
            self.asked[question] += 1
            kinds = self.fails.get(question, [])
            said.append(JudgeFailure(kinds.pop(0), "no") if kinds else self.verdict(*question))
        return said

    @staticmethod
    def verdict(_, first, second):
        one, other = int(first[0]), int(second[0])
        return Verdict(float((one - other) % 3 == 1), note=f"{first} against {second}")


def even(prompts, _first, _second):
    return [0.5] * len(prompts)


def graded(prompts, _first, _second):
    return [0.7] * len(prompts)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def run(ledger, judge, *, plan=None, **settings):
    plan = plan or judging_plan(sheet(), {"j": "python:x:y"})
    return judge_into(ledger, plan, dict.fromkeys(plan.judges, judge), game=GAME, name="test", **settings)


def facts(ledger):
    """All that the ledger says of the comparisons."""
    cup = ledger.tournament("test")
    found = read_judgements(ledger, cup)
    results = ledger.results(cup)
    return [
        (number, judgement_of(ledger, cup, number, results[row].spec.seats), results[row].returns)
        for row, number in enumerate(found.number.tolist())
    ]


def test_every_pair_is_judged_in_both_orders_on_every_prompt(ledger):
    judge = Cyclic()
    found = run(ledger, judge)
    assert (found.planned, found.verdicts, found.complete, found.tournament.status) == (24, 24, True, "finished")
    assert set(judge.asked.values()) == {1}
    assert found.tournament.source == "judge"
    assert [agent.kind for agent in found.tournament.agents] == ["external"] * 3
    number, first, returns = facts(ledger)[1]
    assert (number, first.context, first.judge) == (1, Context("p0", "prompt 0"), "j")
    assert (first.answers, first.verdict, first.note) == (("1 0", "0 0"), "first", "1 0 against 0 0")
    assert list(returns) == [1, -1]
    assert database.check(ledger.url_for_people) == []
    assert found.quality[0].both_orders.value == 1


@pytest.mark.parametrize("batch", [1, 5, 100])
@pytest.mark.parametrize("stops_after", [0, 1, 4, 7, 23])
def test_a_run_that_is_interrupted_anywhere_ends_like_one_that_is_not(tmp_path, batch, stops_after):
    """The judge dies within a batch, whose answers never arrived: the rest stands and is not asked again."""
    ends = []
    for name, stops in (("whole", None), ("parts", stops_after)):
        with Ledger.open(tmp_path / f"{name}.db") as ledger:
            if stops is not None:
                first = Cyclic(stops_after=stops)
                with pytest.raises(KeyboardInterrupt):
                    run(ledger, first, batch=batch)
                cup = ledger.tournament("test")
                assert cup.status == "interrupted"
                kept = ledger.progress(cup)
                assert kept == stops // batch * batch
                second = Cyclic()
                assert run(ledger, second, batch=batch).complete
                assert sum(second.asked.values()) == 24 - kept
            else:
                run(ledger, Cyclic(), batch=batch)
            ends.append(facts(ledger))
            assert database.check(ledger.url_for_people) == []
    assert ends[0] == ends[1]


def test_answers_that_are_on_their_way_when_somebody_interrupts_are_kept(ledger):
    class Interrupted(Cyclic):
        def __call__(self, *questions):
            said = super().__call__(*questions)
            _thread.interrupt_main()
            return said

    with pytest.raises(KeyboardInterrupt):
        run(ledger, Interrupted(), batch=5)
    assert ledger.progress(ledger.tournament("test")) == 5


def test_the_same_plan_again_asks_nothing(ledger):
    run(ledger, Cyclic())
    again = Cyclic()
    found = run(ledger, again)
    assert (found.asked, again.asked, found.verdicts) == (0, Counter(), 24)
    assert len(ledger.tournaments()) == 1


def test_failures_are_recorded_asked_again_and_never_votes(ledger):
    question = ("prompt 0", "0 0", "1 0")
    found = run(ledger, Cyclic(fails={question: ["refused", "timeout"]}))
    assert found.complete
    assert [(one.number, one.attempt, one.failure.kind) for one in found.failures] == [
        (0, 1, "refused"),
        (0, 2, "timeout"),
    ]
    assert found.quality[0].failures == 2
    assert len(votes_of(ledger, [found.tournament])) == 24


def test_what_fails_every_time_stays_open_and_is_asked_by_the_next_run(ledger):
    question = ("prompt 0", "0 0", "1 0")
    found = run(ledger, Cyclic(fails={question: ["nonsense"] * 9}), attempts=2)
    assert (found.complete, found.verdicts, found.open, found.tournament.status) == (False, 23, (0,), "interrupted")
    assert found.finding() == "23 of 24 comparisons have a verdict. 1 has none: 1 answered without a verdict."
    assert len(votes_of(ledger, [found.tournament])) == 23
    assert standings(ledger, GAME).matches == 23
    assert database.check(ledger.url_for_people) == []
    again = run(ledger, Cyclic())
    assert (again.complete, again.asked, again.tournament.status) == (True, 1, "finished")
    assert [one.attempt for one in read_failures(ledger, again.tournament)] == [1, 2]


@pytest.mark.parametrize("said", ["nonsense", None, [7.0] * 16, [float("nan")] * 16, ["A"] * 16])
def test_nonsense_is_no_vote(ledger, said):
    found = run(ledger, lambda *_: said, attempts=1)
    assert (found.verdicts, len(votes_of(ledger, [found.tournament]))) == (0, 0)
    assert {one.failure.kind for one in found.failures} == {"nonsense"}
    assert len(found.open) == 24


def test_a_judge_that_is_out_of_order_is_asked_no_more(ledger):
    plan = judging_plan(sheet(40), {"down": "x", "well": "y"})

    def down(*_):
        raise ConnectionError("no route")

    found = judge_into(ledger, plan, {"down": down, "well": Cyclic()}, game=GAME, name="test", batch=8)
    assert found.gave_up == ("down",)
    assert len(found.failures) == GIVE_UP
    assert found.verdicts == len(plan) // 2
    assert f"After {GIVE_UP} failures in a row down was asked no more." in found.finding()
    assert {one.judge: one.failures for one in found.quality} == {"down": GIVE_UP, "well": 0}


def test_a_candidate_without_an_answer_is_skipped_and_told(ledger):
    judge = Cyclic()
    found = run(ledger, judge, plan=judging_plan(sheet(without={(1, 0)}), {"j": "x"}))
    assert found.missing == (("p1", "rock"),)
    assert found.planned == 24 - 4
    assert not any("0 1" in question for question in judge.asked)


def test_one_order_is_that_of_judged_votes_whatever_the_order_of_candidates(ledger):
    turned = sheet(40)
    turned = AnswerSheet(
        prompts=turned.prompts,
        candidates=NAMES[::-1],
        answers={(at, 2 - k): text for (at, k), text in turned.answers.items()},
    )
    votes, _ = judged_votes(
        even,
        {one.key: one.prompt for one in turned.prompts},
        {name: [name] * 40 for name in NAMES},
        both_orders=False,
    )
    expected = {
        (votes.contexts[c], NAMES[i], NAMES[j])
        for c, i, j in zip(votes.context, votes.first, votes.second, strict=True)
    }
    for given in (sheet(40), turned):
        plan = judging_plan(given, {"j": "x"}, both_orders=False)
        shown = {
            (given.prompts[c].key, given.candidates[i], given.candidates[j])
            for c, i, j in zip(plan.context, plan.first, plan.second, strict=True)
        }
        assert shown == expected


def test_one_order_is_drawn_by_prompt_and_names_alone(ledger):
    plan = judging_plan(sheet(200), {"j": "x"}, both_orders=False)
    assert len(plan) == 600
    assert 200 < (plan.first < plan.second).sum() < 400
    part = judging_plan(sheet(100), {"j": "x"}, both_orders=False)
    assert np.array_equal(part.first, plan.first[:300])
    assert not np.array_equal(part.first, judging_plan(sheet(100), {"j": "x"}, both_orders=False, seed=1).first)


def test_repeats_ask_the_same_question_again_and_measure_agreement(ledger):
    judge = Cyclic()
    found = run(ledger, judge, plan=judging_plan(sheet(), {"j": "x"}, repeats=3))
    assert found.planned == 72
    assert set(judge.asked.values()) == {3}
    assert (found.quality[0].repeated.count, found.quality[0].repeated.of) == (48, 48)


def test_all_verdicts_on_a_prompt_are_one_unit_where_there_are_many_prompts():
    assert len(np.unique(judging_plan(sheet(20), {"j": "x"}).unit)) == 20
    few = judging_plan(sheet(19), {"j": "x"})
    assert len(np.unique(few.unit)) == 19 * 3
    assert (few.unit[::2] == few.unit[1::2]).all()  # both orders


def test_another_plan_under_the_same_name_is_refused(ledger):
    run(ledger, Cyclic())
    with pytest.raises(LedgerError, match="stands under the name 'test' with other prompts"):
        run(ledger, Cyclic(), plan=judging_plan(sheet(5), {"j": "python:x:y"}))
    assert len(ledger.tournaments()) == 1


def test_two_halves_judged_in_two_ledgers_are_one_after_merging(tmp_path):
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        question = ("prompt 3", "1 3", "2 3")
        with pytest.raises(KeyboardInterrupt):
            run(one, Cyclic(stops_after=9), batch=3)
        whole = run(two, Cyclic(fails={question: ["refused"]}))
        merged = merge(one, two)
        assert (merged.completed, merged.matches) == (("test",), 15)
        assert facts(one) == facts(two)
        assert [row.failure for row in read_failures(one, one.tournament("test"))] == [whole.failures[0].failure]
        assert database.check(one.url_for_people) == []
        assert not merge(one, two).changed
        assert len(read_failures(one, one.tournament("test"))) == 1


def test_other_verdicts_in_two_ledgers_are_refused(tmp_path):
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        run(one, Cyclic())
        run(two, even)
        with pytest.raises(LedgerError, match="judgements"):
            merge(one, two)


def test_a_graded_verdict_keeps_its_share(ledger):
    found = run(ledger, graded)
    assert set(votes_of(ledger, [found.tournament]).score.tolist()) == {0.7}
    assert database.check(ledger.url_for_people) == []


def test_a_board_says_how_many_verdicts_are_graded_and_how_they_count(ledger):
    run(ledger, graded)
    found = standings(ledger, GAME).preference
    assert found.graded == found.votes == found.to_dict()["graded"] > 0
    assert any(f"{found.votes:,} verdicts are graded: ratings" in said for said in found.sentences())


def test_ties_are_not_graded(ledger):
    run(ledger, even)
    found = standings(ledger, GAME).preference
    assert found.graded == 0 and not any("graded" in said for said in found.sentences())


def test_judging_into_postgresql(postgres_database, tmp_path, monkeypatch):
    monkeypatch.setenv("ARENA_ARTIFACTS", str(tmp_path))
    odd = sheet()
    odd.answers[0, 0] = "0 \N{PILE OF POO}"
    with Ledger.open(postgres_database) as ledger:
        judge = Cyclic(fails={("prompt 1", "0 1", "1 1"): ["refused"]})
        found = run(ledger, judge, plan=judging_plan(odd, {"j": "x"}))
        assert (found.complete, len(found.failures)) == (True, 1)
        assert facts(ledger)[0][1].answers[0] == "0 \N{PILE OF POO}"
        assert database.check(postgres_database) == []
        assert run(ledger, Cyclic(), plan=judging_plan(odd, {"j": "x"})).asked == 0


def test_the_order_in_which_judges_are_named_changes_nothing(ledger):
    named = {"b": "x", "a": "y"}
    one, other = judging_plan(sheet(), named), judging_plan(sheet(), dict(reversed(named.items())))
    assert one.content_hash == other.content_hash
    assert (one.judges, one.specifications) == (other.judges, other.specifications) == (("a", "b"), ("y", "x"))


def test_failures_are_those_of_the_judge_who_was_asked(ledger):
    plan = judging_plan(sheet(), {"well": "x", "picky": "y"})
    picky = Cyclic(fails={("prompt 2", "0 2", "1 2"): ["refused"] * 9, ("prompt 3", "2 3", "0 3"): ["refused"]})
    found = judge_into(ledger, plan, {"well": Cyclic(), "picky": picky}, game=GAME, name="test", attempts=3)
    assert {one.judge: one.failures for one in found.quality} == {"picky": 4, "well": 0}


def test_two_runs_at_once_leave_one_verdict_a_comparison_the_first(tmp_path):
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "one.db") as same:
        asked = []

        def slow(prompts, first, second):
            if not asked:  # while this one thinks, another run does it all
                asked.append(run(same, lambda *texts: [Verdict(0.5, note="other")] * len(texts[0])))
            return [Verdict(1.0, note="slow")] * len(prompts)

        found = run(one, slow)
        kept = read_judgements(one, found.tournament)
        assert found.complete
        assert len(kept) == found.planned == one.progress(found.tournament)
        assert set(kept.score) == {0.5}
        played = one.played(found.tournament)
        assert (played.returns == 0).all()
        assert database.check(one.url_for_people) == []


class Metered(Cyclic):
    """Counts a request a question."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.usage = Usage()

    def __call__(self, prompts, first, second):
        self.usage = self.usage + Usage(requests=len(prompts), prompt_tokens=10 * len(prompts), cost=None)
        return super().__call__(prompts, first, second)


def test_what_judges_used_sums_over_runs_and_comes_along_when_ledgers_are_merged(tmp_path):
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        question = ("prompt 0", "0 0", "1 0")
        first = run(one, Metered(fails={question: ["nonsense"] * 9}), batch=7, attempts=2)
        assert (first.usage.requests, first.usage.prompt_tokens, first.usage.cost) == (25, 250, None)
        whole = run(one, Metered(), batch=7)
        assert whole.usage.requests == 26
        merge(two, one)
        assert judge_usage(two, two.tournament("test")) == whole.usage
        merge(two, one)
        assert judge_usage(two, two.tournament("test")) == whole.usage
        assert database.check(two.url_for_people) == []
