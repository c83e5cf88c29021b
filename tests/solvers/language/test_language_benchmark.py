"""What the benchmark of language models compares with: the exact game, the runs that it keeps, and what it says of them."""

import dataclasses

import numpy as np
import pytest
import torch

from arena.solvers.language.prompts import left_padded
from arena.solvers.language.sampling import Completions
from arena.solvers.language.sequence_logs import Scorer
from benchmarks import language_preferences as benchmark
from benchmarks.language_game import LONGEST, SCALES, TOY, Exact, model_of

JOB = benchmark.Job(scale="toy", device="cpu", method="nash_mp", rate=1e-3, seed=0, updates=2)


@pytest.fixture(scope="module")
def exact():
    return Exact(TOY, "cpu")


def measured(gap, exploitability=0.2, **more):
    return benchmark.Measured(
        at=(0, 2),
        gaps=(0.3, gap),
        exploitabilities=(0.4, exploitability),
        comparisons=10,
        seconds=1.0,
        an_update=0.5,
        a_measurement=0.1,
        **more,
    )


def test_policies_as_tables_are_what_the_trainer_scores(exact):
    model = model_of(TOY, 3)
    table = exact.policy(model)
    assert table.sum(1) == pytest.approx(np.ones(TOY.prompts))
    ids = torch.tensor([[*one, *[0] * (LONGEST - len(one))] for one in exact.answers])
    mask = torch.tensor([[1] * len(one) + [0] * (LONGEST - len(one)) for one in exact.answers])
    for row, prompt in zip(table, TOY.asked, strict=True):
        tokens = [exact.tokenizer(prompt)["input_ids"]] * len(exact.answers)
        prompt_ids, prompt_mask = left_padded(tokens, pad=0, device=torch.device("cpu"))
        completions = Completions(prompt_ids=prompt_ids, prompt_mask=prompt_mask, ids=ids, mask=mask)
        logs = Scorer(temperature=1.0, chunk=None).logs(model, completions)
        assert row == pytest.approx(logs.exp().detach().numpy(), abs=1e-6)


def test_every_prompt_has_a_symmetric_table_and_a_circle(exact):
    for table in exact.tables:
        assert table + table.T == pytest.approx(np.ones_like(table))
    first = [exact.tokenizer.decode([one[0]]) for one in exact.answers]
    rock, paper, scissors = (first.index(word) for word in TOY.cycle)
    for table, forward in zip(exact.tables, (True, False), strict=True):
        assert [table[a, b] > 0.5 for a, b in ((paper, rock), (scissors, paper), (rock, scissors))] == [forward] * 3


@pytest.mark.parametrize("scale", SCALES.values(), ids=list(SCALES))
def test_each_word_of_the_circle_beats_half_of_the_others_in_every_turn(scale):
    judge = benchmark.Circular(scale=scale)
    for opening in scale.turns:
        for word in scale.cycle:
            wins = sum(judge([opening], [word], [other])[0] > 0.5 for other in scale.cycle if other != word)
            assert wins == len(scale.cycle) // 2


def test_a_run_begins_at_the_gap_of_its_model_and_measures_its_end(exact):
    found = benchmark.run(JOB)
    reference = exact.policy(model_of(TOY, 0))
    assert found.at == (0, 2)
    assert found.gaps[0] == pytest.approx(exact.gap(reference, reference))
    assert found.gaps[1] != found.gaps[0]


def test_runs_that_are_kept_are_not_done_again(tmp_path, monkeypatch):
    kept = benchmark.Results(tmp_path / "runs.jsonl")
    kept.add(JOB, measured(0.1))
    again = benchmark.Results(tmp_path / "runs.jsonl")
    assert again.found == {JOB: measured(0.1)}
    monkeypatch.setattr(benchmark, "ProcessPoolExecutor", None)  # nothing is begun
    benchmark.run_all([JOB], again, 1, 1.0)


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "runs.jsonl"
    benchmark.Results(path).add(JOB, measured(0.1))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"job": {"scale"')
    again = benchmark.Results(path)
    assert list(again.found) == [JOB]
    other = dataclasses.replace(JOB, seed=1)
    again.add(other, measured(0.2))
    assert list(benchmark.Results(path).found) == [JOB, other]


def test_before_a_seed_is_complete_a_method_is_shown_at_its_best_rate_of_those_with_most_seeds():
    found = {
        dataclasses.replace(JOB, rate=rate, seed=seed): measured(gap)
        for rate, gaps in ((1e-3, (0.2, 0.3)), (2e-3, (0.1, 0.2)), (3e-3, (0.01,)))
        for seed, gap in enumerate(gaps)
    }
    (best,) = benchmark.best_rates(found, ["nash_mp", "spo"], [1e-3, 2e-3, 3e-3])
    assert (best.rate, best.last, best.at_an_end) == (2e-3, [0.1, 0.2], False)


def test_rates_and_methods_are_compared_by_the_seeds_that_all_of_them_have():
    gaps = {
        ("nash_mp", 1e-3): (0.2, 0.3, 0.1),  # the queue ended after it
        ("nash_mp", 2e-3): (0.1, 0.2),
        ("inpo", 1e-3): (0.4, 0.5),
        ("inpo", 2e-3): (0.5, 0.6),
    }
    found = {
        dataclasses.replace(JOB, method=method, rate=rate, seed=seed): measured(gap)
        for (method, rate), those in gaps.items()
        for seed, gap in enumerate(those)
    }
    shown = benchmark.best_rates(found, ["nash_mp", "inpo"], [1e-3, 2e-3])
    assert [(one.rate, one.last) for one in shown] == [(2e-3, [0.1, 0.2]), (1e-3, [0.4, 0.5])]


@pytest.mark.parametrize(
    ("theirs", "said"),
    [((0.3, 0.4), "below every seed"), ((0.15, 0.4), "not told apart from it, for their seeds overlap")],
)
def test_the_finding_says_what_seeds_tell_apart(theirs, said):
    shown = [
        benchmark.Best(method=method, rate=1e-3, at_an_end=False, runs=tuple(measured(gap) for gap in gaps))
        for method, gaps in (("nash_mp", (0.1, 0.2)), ("self_play", theirs))
    ]
    assert said in benchmark.finding(shown)
