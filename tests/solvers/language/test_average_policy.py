"""The average policy of a run: an even mixture of its checkpoints, whole answer by whole answer."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from tiny_language import (
    WORDS,
    all_completions,
    lora,
    peft_warns,
    plain_log,
    tiny_gpt2,
    tiny_tokenizer,
    tiny_trainer,
)
from transformers import AutoModelForCausalLM

from arena.solvers.language import average_answers
from arena.solvers.language.run_files import checkpoints

DRAWS = 4_000


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    tiny_trainer(folder, loss_type="spo", max_steps=2, save_steps=1, temperature=1.0).train()
    tiny_gpt2(seed=5).save_pretrained(folder / "checkpoint-1")  # far from the other, so that one alone would be seen
    return folder


def chances(folder, prompt: str) -> dict[str, float]:
    """Of every text, by one checkpoint, summed over all completions that read as it."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), tiny_tokenizer()
    found: dict[str, float] = {}
    for one in all_completions(2):
        text = tokenizer.decode(list(one), skip_special_tokens=True)
        found[text] = found.get(text, 0.0) + float(np.exp(plain_log(model, tokenizer(prompt)["input_ids"], one, 1.0)))
    return found


def test_answers_are_drawn_from_the_mean_of_the_checkpoints_chances(run):
    each = [chances(folder, "play") for folder in checkpoints(run)]
    last = each[-1]
    told = Counter(average_answers(run, ["play"], count=DRAWS, device="cpu")[0])
    texts = sorted(last)
    shares = np.array([told[text] / DRAWS for text in texts])
    mean = np.array([np.mean([one[text] for one in each]) for text in texts])
    assert set(told) <= set(texts)
    assert np.abs(shares - mean).sum() < 0.12  # 0.05 of luck is usual
    assert np.abs(np.array([last[text] for text in texts]) - mean).sum() > 0.3  # one checkpoint alone would be seen


def test_answers_depend_on_the_seed_alone(run):
    def asked(seed: int) -> list[list[str]]:
        return average_answers(run, ["play", "now"], count=8, seed=seed, device="cpu")

    assert asked(1) == asked(1)
    assert asked(1) != asked(2)
    assert [len(one) for one in asked(1)] == [8, 8]


@peft_warns
def test_adapters_are_put_on_the_model_below(tmp_path):
    below = tmp_path / "below"
    tiny_gpt2().save_pretrained(below)
    tiny_trainer(tmp_path / "run", loss_type="spo", max_steps=2, save_steps=1, peft_config=lora()).train()
    with pytest.raises(ValueError, match="give base_model"):
        average_answers(tmp_path / "run", ["play"], device="cpu")
    said = average_answers(tmp_path / "run", ["play"], count=5, base_model=below, device="cpu")
    assert all(word in WORDS for text in said[0] for word in text.split())


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_a_count_that_is_none_is_refused(run, count):
    with pytest.raises(ValueError, match="count must be a whole number"):
        average_answers(run, ["play"], count=count)


def test_a_run_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(ValueError, match="save_steps below max_steps"):
        average_answers(tmp_path, ["play"])


def test_a_prompt_beyond_the_positions_of_the_model_names_the_limit(tmp_path):
    tiny_trainer(tmp_path, loss_type="spo", max_steps=1, save_steps=1, max_length=512, max_new_tokens=2).train()
    with pytest.raises(ValueError, match="32 positions of the model"):
        average_answers(tmp_path, [" ".join(["play"] * 31)], device="cpu")
