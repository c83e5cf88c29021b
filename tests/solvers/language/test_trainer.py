"""The trainer: what it tells, what it takes, and what it does when judges fail."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tiny_language import (
    circular,
    lora,
    peft_warns,
    tiny_gpt2,
    tiny_llama,
    tiny_tokenizer,
    tiny_trainer,
)
from transformers import PrinterCallback, TrainerCallback

from arena.games.errors import NotProvided
from arena.games.judge import JudgeFailure, Verdict
from arena.solvers.language import PreferenceConfig, PreferenceTrainer

TOKENIZER = tiny_tokenizer()


# what is told


def test_the_log_has_a_line_every_few_updates_and_files_hold_it(tmp_path):
    trainer = tiny_trainer(tmp_path, max_steps=5, logging_steps=2, eval_steps=4, eval_candidates=2, eval_opponents=2)
    result = trainer.train()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 4, 5]
    assert lines == trainer.state.log_history
    assert set(lines[0]) == {
        "step", "epoch", "loss", "grad_norm", "learning_rate", "win_rate", "win_rate_standard_error", "kl",
        "kl_standard_error", "comparisons", "judge_failures", "tokens", "seconds",
    }  # fmt: skip
    assert "eval_gap" in lines[2]
    assert result.global_step == 5
    assert result.guarantee.startswith("none")


def test_comparisons_and_tokens_are_counted(tmp_path):
    asked = []

    def judge(prompts, first, second):
        asked.extend(zip(first, second, strict=True))
        return circular(prompts, first, second)

    trainer = tiny_trainer(tmp_path, judge=judge, num_generations=2, num_opponents=3, max_new_tokens=3)
    result = trainer.train()
    assert result.metrics["comparisons"] == len(asked)
    assert all(a != b for a, b in asked)  # a text against itself is even without asking
    assert 4 * 2 * (2 + 3) <= result.metrics["tokens"] <= 4 * 2 * (2 + 3) * 3


def test_callbacks_of_transformers_are_told_and_may_stop(tmp_path, capsys):
    class Stop(TrainerCallback):
        seen: list = []  # noqa: RUF012  one test uses it

        def on_log(self, args, state, control, logs=None, **_):
            self.seen.append((state.global_step, logs["loss"]))
            control.should_training_stop = True
            return control

    trainer = tiny_trainer(tmp_path, max_steps=9, logging_steps=3, callbacks=[Stop(), PrinterCallback()])
    assert trainer.train().global_step == 3
    assert Stop.seen[0][0] == 3
    assert "loss" in capsys.readouterr().out


# judges that fail


def test_failures_are_recorded_and_asked_again_and_never_become_votes(tmp_path):
    calls = []

    def judge(prompts, first, second):
        calls.append(len(prompts))
        verdicts = circular(prompts, first, second)
        odd = len(calls) % 2
        return [JudgeFailure("refused", "no") if odd and k == 0 else Verdict(one) for k, one in enumerate(verdicts)]

    failing = tiny_trainer(tmp_path / "failing", judge=judge, judge_retries=1, judge_both_orders=False)
    failing.train()
    fine = tiny_trainer(tmp_path / "fine", judge_both_orders=False)
    fine.train()
    told = [json.loads(line) for line in (tmp_path / "failing" / "judge_failures.jsonl").read_text().splitlines()]
    assert {one["kind"] for one in told} == {"refused"}
    assert failing.state.log_history[-1]["judge_failures"] == len(told) > 0
    for one, other in zip(failing.model.parameters(), fine.model.parameters(), strict=True):
        assert torch.equal(one, other)  # asked again, each failure got its verdict


def test_a_judge_without_any_verdict_stops_the_run_in_words(tmp_path):
    def judge(prompts, first, second):
        raise TimeoutError("nobody there")

    with pytest.raises(NotProvided, match=r"no verdict on any of .* asked 3 times; timeout: .*nobody there"):
        tiny_trainer(tmp_path, judge=judge).train()


# models and arguments


def test_a_model_by_its_folder_brings_its_tokenizer(tmp_path):
    tiny_llama().save_pretrained(tmp_path / "model")
    TOKENIZER.save_pretrained(tmp_path / "model")
    trainer = tiny_trainer(tmp_path / "run", model=str(tmp_path / "model"), processing_class=None, max_steps=1,
                           model_init_kwargs={"dtype": "float64"})  # fmt: skip
    trainer.train()
    assert trainer.model.dtype == torch.float64


@pytest.mark.parametrize("settings", [{"bf16": True}, {"gradient_checkpointing": True}, {"logits_chunk": None}])
def test_settings_of_memory_leave_the_method_as_it_is(tmp_path, settings):
    fine, other = tiny_trainer(tmp_path / "a", max_steps=1), tiny_trainer(tmp_path / "b", max_steps=1, **settings)
    tolerance = 0.1 if settings.get("bf16") else 1e-5
    found = [one.train().metrics["loss"] for one in (fine, other)]
    if settings.get("bf16"):  # other completions may be drawn
        assert np.isfinite(found[1])
    else:
        assert found[0] == pytest.approx(found[1], abs=tolerance)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"judge": None}, "judge is needed"),
        ({"judge": "llm:a@b"}, "load_judge"),
        ({"judge": circular, "train_dataset": None}, "train_dataset is needed"),
        ({"judge": circular, "reward_funcs": len}, "RewardJudge"),
        ({"judge": circular, "tokenizer": TOKENIZER}, "processing_class"),
        ({"judge": circular, "beta": 0.1}, "PreferenceConfig"),
        ({"judge": circular, "train_dataset": "play"}, "list of prompts"),
        ({"judge": circular, "train_dataset": []}, "no prompts"),
        ({"judge": circular, "processing_class": None}, "processing_class is needed"),
    ],
)
def test_wrong_arguments_say_what_is_meant(arguments, says):
    args = PreferenceConfig(max_new_tokens=4)
    given = {"train_dataset": ["play"], "processing_class": TOKENIZER, "args": args} | arguments
    with pytest.raises(ValueError, match=says):
        PreferenceTrainer(tiny_gpt2(), **given)


LONG = " ".join(["play"] * 31)  # with 2 new tokens one more than the 32 positions of the model


def test_a_prompt_beyond_the_positions_of_the_model_names_the_limit(tmp_path):
    with pytest.raises(ValueError, match=r"31 tokens, at most 30 .* the 32 positions of the model"):
        tiny_trainer(tmp_path, max_length=512, max_new_tokens=2, train_dataset=[LONG])


def test_a_prompt_that_fills_the_positions_is_trained_on(tmp_path):
    trainer = tiny_trainer(
        tmp_path, max_length=512, max_new_tokens=2, train_dataset=[LONG], truncate_prompts=True, max_steps=1
    )
    trainer.train()
    assert len(trainer.train_prompts.tokens[0]) == 30


def test_prompts_of_an_evaluation_are_held_to_the_positions_too(tmp_path):
    with pytest.raises(ValueError, match="32 positions"):
        tiny_trainer(tmp_path, max_length=512, max_new_tokens=2).evaluate([LONG])


def test_weights_in_float16_are_refused_with_what_to_take_instead(tmp_path):
    with pytest.raises(NotProvided, match="float32 or bfloat16"):
        tiny_trainer(tmp_path, model=tiny_gpt2().half())


def test_the_reference_must_be_another_object():
    model = tiny_gpt2()
    with pytest.raises(ValueError, match="ref_model is the model itself"):
        PreferenceTrainer(model, model, judge=circular, train_dataset=["play"], processing_class=TOKENIZER)


def test_what_is_no_causal_model_is_refused():
    with pytest.raises(NotProvided, match="causal"):
        PreferenceTrainer(torch.nn.Linear(2, 2), judge=circular, train_dataset=["play"], processing_class=TOKENIZER)


def test_a_compiled_model_is_refused_by_name():
    model = torch.compile(tiny_gpt2(), backend="eager")
    with pytest.raises(NotProvided, match=r"before torch\.compile"):
        PreferenceTrainer(model, judge=circular, train_dataset=["play"], processing_class=TOKENIZER)


@pytest.mark.parametrize("name", ["cudda", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"device '{name}' cannot be used here"):
        tiny_trainer(tmp_path, device=name)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no folder .*nothing"):
        tiny_trainer(tmp_path, model=str(tmp_path / "nothing"))


def test_callbacks_may_be_given_as_classes(tmp_path):
    class Stopping(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            control.should_training_stop = True

    assert tiny_trainer(tmp_path, callbacks=[Stopping]).train().global_step == 1


def test_a_judge_that_fails_half_of_the_time_does_not_stop_a_run_of_few_comparisons(tmp_path):
    rng = np.random.default_rng(0)

    def judge(prompts, first, second):
        said = circular(prompts, first, second)
        return [JudgeFailure("timeout", "late") if rng.random() < 0.5 else one for one in said]

    result = tiny_trainer(tmp_path, judge=judge, loss_type="self_play", judge_retries=0, max_steps=12).train()
    assert result.global_step == 12
    assert result.metrics["judge_failures"] > 0


def test_a_run_does_not_begin_among_the_checkpoints_of_another(tmp_path):
    tiny_trainer(tmp_path, max_steps=1, save_steps=1).train()
    with pytest.raises(ValueError, match="has checkpoints of a run already"):
        tiny_trainer(tmp_path, max_steps=1).train()


@peft_warns
def test_adapters_dropout_and_saved_activations_go_together(tmp_path):
    settings = {"disable_dropout": False, "gradient_checkpointing": True, "peft_config": lora(), "max_steps": 2}
    assert tiny_trainer(tmp_path, **settings).train().global_step == 2


@pytest.mark.parametrize(
    ("settings", "updates"),
    [
        ({"num_train_epochs": 1.5}, 3),
        ({"num_train_epochs": 1, "gradient_accumulation_steps": 2}, 1),
        ({"num_train_epochs": 1, "loss_type": "inpo", "inner": 4, "num_iterations": 2}, 4),
        ({"num_train_epochs": 1, "per_device_train_batch_size": 3}, 2),
    ],
)
def test_epochs_are_counted_in_prompts(tmp_path, settings, updates):
    trainer = tiny_trainer(tmp_path, max_steps=-1, **settings)
    assert trainer.max_steps == updates


def test_stages_keep_their_anchor_and_meet_what_the_last_half_gave(tmp_path):
    """Mirror prox: two updates against the anchor, two against what these gave, all drawn to one anchor; then the anchor moves."""
    trainer = tiny_trainer(
        tmp_path, target="stages", inner=2, learning_rate=0.05, lr_scheduler_type="constant", max_steps=9
    )
    learner = trainer.learner
    policies, anchors, opponents = [], [], []
    for _ in range(5):
        policies.append([one.detach().clone() for one in trainer.model.parameters()])
        trainer._update()
        anchors.append([one.detach().clone() for one in learner.copies.anchor_parameters().values()])
        opponents.append(sorted(learner.opponents))

    def equal(one, other):
        return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))

    assert [equal(anchors[step], policies[0]) for step in range(5)] == [True, True, True, True, False]
    assert equal(anchors[4], policies[4])
    assert opponents == [[0, 1], [0, 1], [2, 3], [2, 3], [4, 5]]


def test_opponents_of_a_half_stage_are_drawn_from_the_policy_at_its_begin(tmp_path):
    trainer = tiny_trainer(tmp_path, target="stages", inner=2, learning_rate=0.05, max_steps=9, num_opponents=3)
    for _ in range(2):
        trainer._update()
    learner = trainer.learner
    learner.before(2)
    again = learner.draw(learner._rows(3), "policy", 3, ("opponent", 3))
    assert torch.equal(again.ids, learner.opponents[3].ids)
