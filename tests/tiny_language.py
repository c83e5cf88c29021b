"""Language models small enough to enumerate: made in code, two layers, eight tokens, and a judge whose preferences go in circles."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before transformers: nothing is downloaded

WORDS = ("<pad>", "<eos>", "<unk>", "rock", "paper", "scissors", "play", "now")
peft_warns = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
"""For tests with adapters: peft uses a name that transformers is giving up."""

PROMPTS = ("play", "now", "play now", "now play play")
PAD, EOS = 0, 1
BEATS = {"rock": "scissors", "scissors": "paper", "paper": "rock"}
CYCLE = 0.9
"""The chance that the one who wins the round is preferred."""


def tiny_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def tiny_gpt2(*, seed: int = 0, width: int = 16, vocabulary: int = len(WORDS)) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocabulary,
            n_positions=32,
            n_embd=width,
            n_layer=2,
            n_head=2,
            initializer_range=0.3,
            bos_token_id=EOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
        )
    )


def tiny_llama(*, seed: int = 0) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(WORDS),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
            initializer_range=0.3,
            bos_token_id=EOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
        )
    )


def chance(first: str, second: str) -> float:
    """Rock, paper, scissors by the first word; any other word loses to these three and is even with its like."""
    one, other = (text.split()[0] if text.split() else "" for text in (first, second))
    if one == other:
        return 0.5
    if one in BEATS and other in BEATS:
        return CYCLE if BEATS[one] == other else 1 - CYCLE
    if one in BEATS or other in BEATS:
        return CYCLE if one in BEATS else 1 - CYCLE
    return 0.5


def circular(prompts: Sequence[str], first: Sequence[str], second: Sequence[str]) -> list[float]:
    """The judge: exact chances of `chance`."""
    return [chance(a, b) for a, b in zip(first, second, strict=True)]


def table(answers: Sequence[str]) -> NDArray[np.float64]:
    """The exact preferences of `circular`, [n, n]."""
    return np.array([[chance(a, b) for b in answers] for a in answers])


def all_completions(longest: int) -> list[tuple[int, ...]]:
    """Every completion of at most so many tokens: cut there, or ended by the token that ends a text."""
    others = [k for k in range(len(WORDS)) if k != EOS]
    found: list[tuple[int, ...]] = []
    for length in range(1, longest + 1):
        for start in itertools.product(others, repeat=length - 1):
            found.append((*start, EOS))
            if length == longest:
                found += [(*start, last) for last in others]
    return found


@torch.no_grad()
def plain_log(model: Any, prompt: Sequence[int], completion: Sequence[int], temperature: float) -> float:
    """log π(completion | prompt), token by token, nothing batched, padded or cached."""
    model.eval()
    total, read = 0.0, list(prompt)
    for token in completion:
        logits = model(input_ids=torch.tensor([read])).logits[0, -1].double() / temperature
        total += float(torch.log_softmax(logits, -1)[token])
        read.append(token)
    return total


@torch.no_grad()
def first_token_policy(model: Any, prompts: Sequence[str], tokenizer: Any, temperature: float) -> NDArray[np.float64]:
    """[prompts, vocabulary]: the policy where completions have one token."""
    model.eval()
    rows = [model(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).logits[0, -1].double() for text in prompts]
    return torch.softmax(torch.stack(rows) / temperature, -1).numpy()


def tiny_trainer(folder: Any, *, model: Any = None, judge: Any = circular, **settings: Any) -> Any:
    """A trainer on `PROMPTS` with short completions; settings and other arguments of the trainer mixed."""
    from arena.solvers.language import PreferenceConfig, PreferenceTrainer

    given = {"train_dataset": list(PROMPTS), "processing_class": tiny_tokenizer()}
    for name in (
        "ref_model",
        "peft_config",
        "callbacks",
        "optimizers",
        "train_dataset",
        "eval_dataset",
        "processing_class",
    ):
        if name in settings:
            given[name] = settings.pop(name)
    defaults = {
        "max_new_tokens": 2,
        "max_length": 16,
        "per_device_train_batch_size": 2,
        "max_steps": 4,
        "device": "cpu",
    }
    args = PreferenceConfig(output_dir=str(folder), **{**defaults, **settings})
    return PreferenceTrainer(tiny_gpt2() if model is None else model, judge=judge, args=args, **given)


def lora() -> Any:
    from peft import LoraConfig

    return LoraConfig(r=4, lora_alpha=8, target_modules=["c_attn"], fan_in_fan_out=True, task_type="CAUSAL_LM")
