"""Training: every method lowers the gap of a game whose preferences go in circles, and Nash methods come near its solution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_language import (
    PROMPTS,
    WORDS,
    first_token_policy,
    lora,
    peft_warns,
    table,
    tiny_gpt2,
    tiny_tokenizer,
    tiny_trainer,
)
from transformers import AutoModelForCausalLM, TrainerCallback

from arena.solvers import nash_mirror_prox

BETA = 0.2
TOKENIZER = tiny_tokenizer()
P = table([TOKENIZER.decode([k], skip_special_tokens=True) for k in range(len(WORDS))])
ONE_TOKEN = {
    "max_new_tokens": 1,
    "temperature": 1.0,
    "per_device_train_batch_size": 4,
    "max_steps": 80,
    "judge_both_orders": False,
    "learning_rate": 3e-3,
    "num_generations": 12,
}


def policy(model):
    return first_token_policy(model, PROMPTS, TOKENIZER, 1.0)


def gaps(logs, mu):
    """The regularised exploitability in each context."""
    rates = logs @ P.T
    return BETA * np.log((mu * np.exp(rates / BETA)).sum(1)) + BETA * (logs * np.log(logs / mu)).sum(1) - 0.5


@pytest.mark.parametrize(
    ("loss_type", "settings"),
    [
        ("nash_mp", {"num_opponents": 8}),
        ("nash_mp", {"num_opponents": 8, "target": "stages", "inner": 5}),
        ("nash_prox", {}),
        ("nash_md", {"num_opponents": 8, "mixture_coef": 0.05}),
        ("self_play", {}),
        ("online_ipo", {}),
        ("inpo", {"rate": 2.0, "inner": 5}),
    ],
)
def test_the_policy_comes_near_the_regularised_solution(tmp_path, loss_type, settings):
    model = tiny_gpt2()
    mu = policy(model)
    trainer = tiny_trainer(tmp_path, model=model, loss_type=loss_type, beta=BETA, **ONE_TOKEN | settings)
    trainer.train()
    solution = nash_mirror_prox(np.stack([P] * len(PROMPTS)), reference=mu, beta=BETA, until=1e-10).strategies[0]
    before, after = gaps(mu, mu).mean(), gaps(policy(trainer.model), mu).mean()
    assert after < before / 8
    distance = [np.abs(one - solution).sum(1).mean() / 2 for one in (mu, policy(trainer.model))]
    assert distance[1] < distance[0] / 2.5


def exploitability(logs, preferences):
    """By how much the best completion beats the policy, mean over prompts."""
    return float(((logs @ preferences.T).max(1) - 0.5).mean())


@pytest.mark.parametrize(("loss_type", "settings"), [("dno", {}), ("spo", {"queue": 8})])
def test_the_average_policy_is_harder_to_exploit(tmp_path, loss_type, settings):
    model, average = tiny_gpt2(), []
    before = policy(model)

    class Averaging(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **_):
            average.append(policy(model))

    settings |= ONE_TOKEN | {"num_generations": 8, "rate": 1.0, "inner": 5, "lr_scheduler_type": "constant"}
    tiny_trainer(tmp_path, model=model, loss_type=loss_type, callbacks=[Averaging()], **settings).train()
    assert exploitability(np.mean(average, axis=0), P) < exploitability(before, P) / 1.8


def test_spo_finds_the_one_that_beats_all_others(tmp_path):
    """Its last policy goes in circles where preferences do; where one completion beats all others, it is the minimax winner."""
    order = {"rock": 3, "paper": 2, "scissors": 1}

    def ranked(prompts, first, second):
        gaps = [order.get(a, 0) - order.get(b, 0) for a, b in zip(first, second, strict=True)]
        return [0.5 + 0.4 * np.sign(gap) for gap in gaps]

    model, before = tiny_gpt2(seed=3), None
    texts = [TOKENIZER.decode([k], skip_special_tokens=True) for k in range(len(WORDS))]
    preferences = np.array([[ranked([""], [a], [b])[0] for b in texts] for a in texts])
    before = exploitability(policy(model), preferences)
    settings = ONE_TOKEN | {"queue": 8, "rate": 2.0, "inner": 5}
    trainer = tiny_trainer(tmp_path, model=model, judge=ranked, loss_type="spo", **settings)
    trainer.train()
    assert before > 0.2
    assert exploitability(policy(trainer.model), preferences) < 0.02


@peft_warns
def test_adapters_alone_learn(tmp_path):
    model = tiny_gpt2()
    mu = policy(model)
    frozen = {name: one.detach().clone() for name, one in model.named_parameters()}
    settings = ONE_TOKEN | {"num_opponents": 8, "learning_rate": 2e-2}
    trainer = tiny_trainer(tmp_path, model=model, beta=BETA, peft_config=lora(), **settings)
    trainer.train()
    assert gaps(policy(trainer.model), mu).mean() < gaps(mu, mu).mean() / 3
    for name, one in trainer.model.get_base_model().named_parameters():
        plain_name = name.replace("base_layer.", "")
        assert plain_name not in frozen or torch.equal(one, frozen[plain_name])
    trainer.save_model(tmp_path / "merged", merged=True)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    np.testing.assert_allclose(policy(merged), policy(trainer.model), atol=1e-5)


def test_the_gap_that_is_logged_is_below_the_exact_one_and_above_0_where_much_can_be_gained(tmp_path):
    model = tiny_gpt2()
    mu = policy(model)
    settings = ONE_TOKEN | {"eval_candidates": 64, "eval_opponents": 64}
    trainer = tiny_trainer(tmp_path, model=model, beta=0.05, **settings)
    rates = mu @ P.T
    exact = (0.05 * np.log((mu * np.exp(rates / 0.05)).sum(1)) - 0.5).mean()
    found = trainer.estimate()
    assert found.gap < exact + 3 * found.gap_standard_error
    assert found.gap > exact / 3
    assert found.kl == 0
    assert abs(found.win_rate - 0.5) < 4 * found.win_rate_standard_error
