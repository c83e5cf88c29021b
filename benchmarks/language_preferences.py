"""Language models that learn from a judge whose preferences go in circles: docs/how-to/language-models.md.

    .venv/bin/python benchmarks/language_preferences.py [--quick]
    .venv/bin/python benchmarks/language_preferences.py --model NAME_OR_FOLDER --device cuda --minutes 20

Without a model, at toy scale: models of two layers made in code, all of whose completions are enumerated, so that gaps are exact.
Every method at the best of ``--rates``, same model, same updates, several seeds. With a model: one run of ``--method``
that stops after so many minutes, with adapters (``--lora``) or without, and what it measures of itself every ``--every`` updates. The
judge is one of ``arena judge`` (``--judge``), by default a circular one that counts words.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast, TrainerCallback
from transformers.utils import logging as transformers_logging

from arena.agents.judges import load_judge
from arena.solvers.language import METHODS, PreferenceConfig, PreferenceTrainer
from arena.solvers.language.prompts import left_padded
from arena.solvers.language.sampling import Completions
from arena.solvers.language.sequence_logs import Scorer

Array = NDArray[np.float64]

BETA = 0.1
WORDS = ("<pad>", "<eos>", "rock", "paper", "scissors", "lizard", "spock", "well", "play", "now")
CYCLE = ("rock", "paper", "scissors")
EOS, LONGEST = 1, 2
PROMPTS = tuple(" ".join(words) for n in (1, 2, 3) for words in itertools.product(("play", "now"), repeat=n))[:8]
RATES = (1e-3, 3e-3)
MOST, SEEDS, QUICK_MOST, QUICK_SEEDS, MOST_OF_REAL = 120, 3, 20, 1, 10**6
MARKS = (0.25, 0.5, 1.0)
OF_METHOD: dict[str, dict[str, Any]] = {
    "nash_mp": {"num_opponents": 4},
    "nash_md": {"num_opponents": 4},
    "inpo": {"inner": 5},
    "dno": {"inner": 5, "num_generations": 6},
    "spo": {"queue": 4},
}
WORDS_A_STEP = 12
REAL_PROMPTS = [
    f"{task} {thing}."
    for task in ("Describe", "Give advice about", "Write a short story about", "Explain to a child")
    for thing in ("the sea", "a first day at school", "how bread is made", "an old clock", "winter", "a lost key")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``gaps``: exact, mean over prompts, after a quarter, a half and all of the updates; of the average policy too."""

    gaps: tuple[float, ...]
    average_exploitability: float
    comparisons: int
    seconds: float


def circular(prompts: Sequence[str], first: Sequence[str], second: Sequence[str]) -> list[float]:
    """By the first word; where the prompt begins with "now" the circle runs the other way round."""

    def one(prompt: str, a: str, b: str) -> float:
        x, y = (text.split()[0] if text.split() else "" for text in (a, b))
        if x in CYCLE and y in CYCLE and x != y:
            beats = (CYCLE.index(x) - CYCLE.index(y)) % 3 == 1
            return 0.9 if beats != prompt.startswith("now") else 0.1
        return 0.5 if (x in CYCLE) == (y in CYCLE) else (0.9 if x in CYCLE else 0.1)

    return [one(*texts) for texts in zip(prompts, first, second, strict=True)]


def by_length(prompts: Sequence[str], first: Sequence[str], second: Sequence[str]) -> list[float]:
    """Rock, paper, scissors by the number of words, in steps of twelve: long beats middling, middling short, short long."""
    del prompts  # the judge of the circle looks at answers alone
    lengths = [[len(text.split()) // WORDS_A_STEP % 3 for text in side] for side in (first, second)]
    return [0.5 if a == b else (0.9 if (a - b) % 3 == 1 else 0.1) for a, b in zip(*lengths, strict=True)]


def toy_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")


def toy_model(seed: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(WORDS),
            n_positions=16,
            n_embd=32,
            n_layer=2,
            n_head=2,
            initializer_range=0.25,
            bos_token_id=EOS,
            eos_token_id=EOS,
            pad_token_id=0,
        )
    )


class Exact:
    """All completions of the toy, and policies as tables over them."""

    def __init__(self) -> None:
        others = [k for k in range(len(WORDS)) if k != EOS]
        answers = [(EOS,), *itertools.product(others, range(len(WORDS)))]
        self.tokenizer = toy_tokenizer()
        texts = [self.tokenizer.decode(list(one), skip_special_tokens=True) for one in answers]
        size = len(texts)
        self.preferences = np.stack(
            [
                np.array(
                    circular([prompt] * size**2, [a for a in texts for _ in texts], texts * size), np.float64
                ).reshape(size, size)
                for prompt in PROMPTS
            ]
        )
        ids = torch.tensor([[*one, *[0] * (LONGEST - len(one))] for one in answers])
        mask = torch.tensor([[1] * len(one) + [0] * (LONGEST - len(one)) for one in answers])
        tokens = [self.tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
        prompt_ids, prompt_mask = left_padded(
            [one for one in tokens for _ in answers], pad=0, device=torch.device("cpu")
        )
        self.completions = Completions(
            prompt_ids=prompt_ids,
            prompt_mask=prompt_mask,
            ids=ids.repeat(len(PROMPTS), 1),
            mask=mask.repeat(len(PROMPTS), 1),
        )

    @torch.no_grad()
    def policy(self, model: Any) -> Array:
        """[prompts, completions]."""
        model.eval()
        logs = Scorer(temperature=1.0, chunk=None).logs(model, self.completions)
        return np.exp(logs.double().numpy().reshape(len(PROMPTS), -1))

    def gap(self, policy: Array, reference: Array) -> float:
        """The regularised exploitability, mean over prompts."""
        rates = np.einsum("xij,xj->xi", self.preferences, policy)
        reply = BETA * np.log((reference * np.exp(rates / BETA)).sum(1))
        price = BETA * (policy * np.log(policy / reference)).sum(1)
        return float((reply + price - 0.5).mean())

    def exploitability(self, policy: Array) -> float:
        rates = np.einsum("xij,xj->xi", self.preferences, policy)
        return float((rates.max(1) - 0.5).mean())


def toy_run(exact: Exact, loss_type: str, rate: float, seed: int, updates: int) -> Measured:
    """One method, one rate, one seed."""
    model = toy_model(seed)
    reference = exact.policy(model)
    marks = {max(1, round(share * updates)) for share in MARKS}
    gaps: list[float] = []
    total = np.zeros_like(reference)

    class Measuring(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            policy = exact.policy(model)
            total[...] += policy
            if state.global_step in marks:
                gaps.append(exact.gap(policy, reference))

    with tempfile.TemporaryDirectory() as folder:
        config = PreferenceConfig(
            output_dir=folder,
            loss_type=loss_type,  # type: ignore[arg-type]  # one of METHODS
            learning_rate=rate,
            max_steps=updates,
            seed=seed,
            per_device_train_batch_size=len(PROMPTS),
            max_new_tokens=LONGEST,
            max_length=16,
            temperature=1.0,
            judge_both_orders=False,
            logging_steps=updates,
            save_steps=10 * updates,
            device="cpu",
            **{"num_generations": 8, **OF_METHOD.get(loss_type, {})},
            **({"beta": BETA} if METHODS[loss_type].charged else {}),
        )
        trainer = PreferenceTrainer(
            model,
            judge=circular,
            args=config,
            train_dataset=PROMPTS,
            processing_class=exact.tokenizer,
            callbacks=[Measuring()],
        )
        begun = time.perf_counter()
        result = trainer.train()
        return Measured(
            gaps=tuple(gaps),
            average_exploitability=exact.exploitability(total / updates),
            comparisons=int(result.metrics["comparisons"] or 0),
            seconds=time.perf_counter() - begun,
        )


def toy(methods: Sequence[str], rates: Sequence[float], updates: int, seeds: int) -> None:
    exact = Exact()
    references = [exact.policy(toy_model(seed)) for seed in range(seeds)]
    starts = [exact.gap(one, one) for one in references]
    print(
        f"{len(PROMPTS)} prompts x {exact.preferences.shape[1]} completions, beta = {BETA}, {seeds} seeds, {updates} updates;"
    )
    print(
        f"at the start: regularised gap {median(starts):.3f}, "
        f"exploitability {median(exact.exploitability(one) for one in references):.3f}"
    )
    columns = [f"gap at {max(1, round(share * updates))}" for share in MARKS]
    print(
        f"\n| method | rate | {' | '.join(columns)} (min-max) | exploitability, average policy | comparisons | seconds |"
    )
    print("|---" * (len(columns) + 5) + "|")
    at_ends: list[str] = []
    for loss_type in methods:
        found = {rate: [toy_run(exact, loss_type, rate, seed, updates) for seed in range(seeds)] for rate in rates}
        charged = METHODS[loss_type].charged

        def worth(rate: float, found: Any = found, charged: bool = charged) -> float:
            return median(one.gaps[-1] if charged else one.average_exploitability for one in found[rate])

        rate = min(found, key=worth)
        runs = found[rate]
        at_ends += [loss_type] if rate in (min(rates), max(rates)) else []
        shown = [f"{median(one.gaps[k] for one in runs):.4f}" for k in range(len(columns))]
        last = [one.gaps[-1] for one in runs]
        told = [*shown[:-1], f"{shown[-1]} ({min(last):.4f}-{max(last):.4f})"] if charged else ["-"] * len(columns)
        average = median(one.average_exploitability for one in runs)
        print(
            f"| {loss_type} | {rate:g} | {' | '.join(told)} | {average:.3f} | "
            f"{median(one.comparisons for one in runs):,.0f} | {median(one.seconds for one in runs):.0f} |",
            flush=True,
        )
    if at_ends:
        print(f"\nBest at an end of the rates that were tried, so perhaps better beyond: {', '.join(at_ends)}.")


def real(options: argparse.Namespace) -> None:
    """One run of a model given by name or folder."""
    judge = by_length if options.judge is None else load_judge(options.judge)
    prompts = Path(options.prompts).read_text(encoding="utf-8").splitlines() if options.prompts else REAL_PROMPTS
    adapters = None
    if options.lora:
        from peft import LoraConfig

        adapters = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    begun = time.monotonic()

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            control.should_training_stop = time.monotonic() - begun > 60 * options.minutes
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            print(
                json.dumps({name: round(one, 5) if isinstance(one, float) else one for name, one in logs.items()}),
                flush=True,
            )

    config = PreferenceConfig(
        output_dir=options.output,
        loss_type=options.method,
        learning_rate=options.rate,
        lr_scheduler_type="constant",
        max_steps=options.updates or MOST_OF_REAL,
        per_device_train_batch_size=options.prompts_an_update,
        num_generations=4,
        max_new_tokens=options.tokens,
        max_length=options.tokens + 256,
        temperature=1.0,
        logging_steps=options.every,
        eval_steps=options.every,
        eval_prompts=8,
        save_steps=10**9,
        device=options.device,
        bf16=options.device == "cuda",
        gradient_checkpointing=options.device == "cuda",
    )
    trainer = PreferenceTrainer(
        options.model,
        judge=judge,
        args=config,
        train_dataset=[prompt for prompt in prompts if prompt.strip()],
        peft_config=adapters,
        callbacks=[Clock()],
    )
    trainer.evaluate()
    result = trainer.train()
    if trainer.state.global_step % options.every:
        trainer.evaluate()
    spent = time.monotonic() - begun
    print(
        f"{result.global_step} updates, {trainer.learner.tokens:,} tokens sampled ({trainer.learner.tokens / spent:,.0f} a second)"
    )
    if options.device == "cuda":
        print(f"{torch.cuda.get_device_name()}: at most {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--quick", action="store_true", help="a few updates, to see that it runs")
    reader.add_argument("--model", help="a causal model: its name or folder")
    reader.add_argument("--method", default="nash_mp", choices=list(METHODS))
    reader.add_argument("--judge", help="as of arena judge; by default a circular one that counts words")
    reader.add_argument("--prompts", help="a file, one prompt a line")
    reader.add_argument("--lora", action="store_true", help="train adapters in place of all weights")
    reader.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    reader.add_argument("--minutes", type=float, default=20.0)
    reader.add_argument("--updates", type=int, help=f"at toy scale {MOST}; with a model until the minutes are over")
    reader.add_argument("--rates", type=float, nargs="+", default=RATES, help="at toy scale: the best of them is shown")
    reader.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), help="at toy scale")
    reader.add_argument("--seeds", type=int, help=f"at toy scale; {SEEDS}")
    reader.add_argument("--every", type=int, default=20, help="updates between lines")
    reader.add_argument("--tokens", type=int, default=64, help="the longest completion")
    reader.add_argument("--rate", type=float, default=1e-5)
    reader.add_argument("--prompts-an-update", type=int, default=8)
    reader.add_argument("--output", default="preference_model")
    options = reader.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    if options.model:
        real(options)
    else:
        updates = options.updates or (QUICK_MOST if options.quick else MOST)
        seeds = options.seeds or (QUICK_SEEDS if options.quick else SEEDS)
        toy(options.methods, options.rates[:1] if options.quick else options.rates, updates, seeds)


if __name__ == "__main__":
    main()
