"""Losses on batches of completions: each the value of a plain loop over what was drawn, judged and scored."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_language import PROMPTS, chance, plain_log, tiny_gpt2, tiny_tokenizer, tiny_trainer

from arena.solvers.language.updates import _gains, unpadded

BETA, STEP, RATE, T = 0.2, 1.5, 0.7, 0.8
TOKENIZER = tiny_tokenizer()
OTHER = {"model": None, "temperature": T, "num_generations": 4, "max_new_tokens": 3}


def prepared(folder, loss_type, **settings):
    """A trainer whose policy, reference and anchor differ, with a batch, and what a plain loop knows of its completions."""
    if loss_type not in ("spo", "dno"):
        settings = {"beta": BETA, "ref_model": tiny_gpt2(seed=5), **settings}
    trainer = tiny_trainer(folder, **OTHER | {"loss_type": loss_type, **settings})
    learner = trainer.learner
    learner.before(0)
    with torch.no_grad():  # the policy moves on after a stage was drawn
        previous = {name: one.clone() for name, one in trainer.model.named_parameters()}
        for one in trainer.model.parameters():
            one += 0.2 * torch.randn(one.shape, generator=torch.Generator().manual_seed(1))
    batch = learner.batch(0)
    texts = [TOKENIZER.decode(list(one), skip_special_tokens=True) for one in unpadded(batch.completions)]
    prompts = [TOKENIZER(PROMPTS[int(row)])["input_ids"] for row in batch.rows for _ in range(4)]
    answers = unpadded(batch.completions)

    def plain(model):
        return [plain_log(model, p, a, T) for p, a in zip(prompts, answers, strict=True)]

    logs = {"policy": plain(trainer.model)}
    old = tiny_gpt2()
    old.load_state_dict(previous, strict=False)
    logs["previous"] = plain(old)
    if learner.copies.holds("reference"):
        logs["reference"] = plain(learner.copies.reference)
    if learner.copies.holds("anchor"):
        logs["anchor"] = plain(learner.copies.anchor)
    loss = float(learner.loss(batch, learner.scorer.logs(trainer.model, batch.completions)).detach())
    return loss, logs, texts, batch


def near(found, expected):
    assert found == pytest.approx(expected, abs=1e-5)
    assert abs(expected) > 1e-3


def groups():
    return [range(4), range(4, 8)]


@pytest.mark.parametrize("loss_type", ["self_play", "nash_prox"])
def test_against_itself_each_completion_meets_the_others_of_its_prompt(tmp_path, loss_type):
    settings = {"step": STEP} if loss_type == "nash_prox" else {}
    loss, logs, texts, _ = prepared(tmp_path, loss_type, **settings)
    total = 0.0
    for group in groups():
        for i in group:
            rate = np.mean([chance(texts[i], texts[j]) for j in group if j != i])
            worth = rate - 0.5 - BETA * (logs["policy"][i] - logs["reference"][i])
            if loss_type == "nash_prox":
                worth -= (logs["policy"][i] - logs["anchor"][i]) / STEP
            total -= worth * logs["policy"][i] / 8
    near(loss, total)


@pytest.mark.parametrize("loss_type", ["nash_mp", "nash_md", "spo"])
def test_against_others_the_win_rates_are_means_over_opponents(tmp_path, loss_type, monkeypatch):
    from arena.solvers.language.judging import Comparisons

    met = []
    plain_against = Comparisons.against

    def against(self, prompts, answers, opponents):
        met.extend(opponents)
        return plain_against(self, prompts, answers, opponents)

    monkeypatch.setattr(Comparisons, "against", against)
    extra = {
        "nash_mp": {"step": STEP, "num_opponents": 3},
        "nash_md": {"num_opponents": 3},
        "spo": {"queue": 3, "rate": RATE},
    }
    loss, logs, texts, batch = prepared(tmp_path, loss_type, **extra[loss_type])
    assert [len(one) for one in met] == [3, 3]
    total = 0.0
    for k, group in enumerate(groups()):
        for i in group:
            rate = np.mean([chance(texts[i], other) for other in met[k]])
            assert float(batch.told[k, i - group[0]]) == pytest.approx(rate)
            worth = rate - 0.5
            if loss_type != "spo":
                worth -= BETA * (logs["policy"][i] - logs["reference"][i])
            step = {"nash_mp": STEP, "spo": RATE}.get(loss_type)
            if step is not None:
                worth -= (logs["policy"][i] - logs["anchor"][i]) / step
            total -= worth * logs["policy"][i] / 8
    near(loss, total)


def test_online_ipo_is_its_regression_on_all_pairs(tmp_path):
    loss, logs, texts, _ = prepared(tmp_path, "online_ipo")
    terms = []
    for group in groups():
        for i, j in itertools.combinations(group, 2):
            h = logs["policy"][i] - logs["policy"][j] - (logs["reference"][i] - logs["reference"][j])
            terms.append((h - (chance(texts[i], texts[j]) - 0.5) / BETA) ** 2)
    near(loss, np.mean(terms))


def test_inpo_is_its_regression_on_all_pairs(tmp_path):
    loss, logs, texts, _ = prepared(tmp_path, "inpo", rate=RATE, inner=2)
    terms = []
    for group in groups():
        for i, j in itertools.combinations(group, 2):
            margin = {name: one[i] - one[j] for name, one in logs.items()}
            kept = RATE * BETA * margin["reference"] + (1 - RATE * BETA) * margin["previous"]
            terms.append((margin["policy"] - kept - RATE * (chance(texts[i], texts[j]) - 0.5)) ** 2)
    near(loss, np.mean(terms))


def test_dno_compares_the_two_of_a_pair_with_the_same_others(tmp_path):
    loss, logs, texts, _ = prepared(tmp_path, "dno", rate=RATE, inner=2)
    terms = []
    for group in groups():
        for i, j in itertools.combinations(group, 2):
            others = [k for k in group if k not in (i, j)]
            gain = np.mean([chance(texts[i], texts[k]) - chance(texts[j], texts[k]) for k in others])
            d = (logs["policy"][i] - logs["policy"][j] - logs["previous"][i] + logs["previous"][j]) / RATE
            terms += [math.log1p(math.exp(-d)) / (1 + math.exp(-gain)) + math.log1p(math.exp(d)) / (1 + math.exp(gain))]
    near(loss, np.mean(terms))


@pytest.mark.parametrize("loss_type", ["self_play", "nash_mp", "online_ipo", "inpo"])
def test_a_comparison_without_a_verdict_counts_nothing(tmp_path, loss_type):
    """Losses are means of what is known: what is not known changes nothing."""
    trainer = tiny_trainer(tmp_path, loss_type=loss_type, num_generations=3)
    learner = trainer.learner
    learner.before(0)
    batch = learner.batch(0)
    log_policy = learner.logs("policy", batch.completions)
    half = batch.told.clone()
    half[1] = torch.nan
    rows = slice(0, 3)
    first = replace(
        batch,
        rows=batch.rows[:1],
        completions=batch.completions.rows(rows),
        told=batch.told[:1],
        log_reference=batch.log_reference[rows],
        log_previous=None if batch.log_previous is None else batch.log_previous[rows],
        log_anchor=None if batch.log_anchor is None else batch.log_anchor[rows],
    )
    found = float(learner.loss(replace(batch, told=half), log_policy))
    assert found == pytest.approx(float(learner.loss(first, log_policy[rows])), abs=1e-6)


def test_the_queue_keeps_the_last_completions_of_each_prompt(tmp_path):
    trainer = tiny_trainer(tmp_path, loss_type="spo", queue=3, num_generations=2)
    first = trainer.learner.batch(0)
    row = int(first.rows[0])
    newest = unpadded(first.completions)[:2]
    assert trainer.learner.queue[row][-2:] == newest
    assert len(trainer.learner.queue[row]) == 3


def test_passes_use_the_completions_of_a_stage_again(tmp_path):
    trainer = tiny_trainer(tmp_path, loss_type="inpo", inner=4, num_iterations=2)
    numbers = [trainer.learner.numbers(step) for step in range(8)]
    assert numbers == [[0], [1], [0], [1], [2], [3], [2], [3]]


def test_gains_leave_out_what_the_two_of_a_pair_said_of_each_other():
    table = np.random.default_rng(0).random((2, 5, 5))
    table = (table + 1 - table.swapaxes(1, 2)) / 2
    found = _gains(torch.from_numpy(table)).numpy()
    for prompt, i, j in itertools.product(range(2), range(5), range(5)):
        others = [k for k in range(5) if k not in (i, j)]
        expected = np.mean([table[prompt, i, k] - table[prompt, j, k] for k in others])
        assert found[prompt, i, j] == pytest.approx(expected)
