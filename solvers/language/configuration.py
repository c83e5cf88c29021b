"""The settings of a run: names that users of TRL and transformers know, and the few that belong to one method."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import wraps
from typing import Any, Literal, TypeVar

from arena.games.errors import nearest
from arena.games.preference_rates import require_flip_rate
from arena.solvers.language.methods import METHODS, LossType, Method

SMALLEST_GROUP = 2
COUNTS = (
    "max_new_tokens",
    "max_length",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "num_iterations",
    "logging_steps",
    "save_steps",
    "eval_candidates",
)
NOT_DECIDING = frozenset(
    {
        "output_dir",
        "max_steps",
        "num_train_epochs",
        "logging_steps",
        "save_steps",
        "save_total_limit",
        "eval_steps",
        "eval_candidates",
        "eval_opponents",
        "eval_prompts",
        "device",
    }
)
"""Settings that may change when a run goes on: they do not decide what an update does (where the learning rate is constant)."""

ELSEWHERE: Mapping[str, str] = {
    "use_vllm": "completions are sampled by the model that learns; leave it out",
    "reward_funcs": "give the trainer judge=RewardJudge(function): a judge compares two completions",
    "reward_model_path": "give the trainer judge=PairModelJudge(model, tokenizer): a judge compares two completions",
    "reward_weights": "add the rewards up in one function for RewardJudge",
    "alpha": "XPO's bonus assumes one reward for all, which preferences that go in circles have not; leave it out",
    "top_k": "log-probabilities are those of the whole distribution that is sampled from; use temperature",
    "top_p": "log-probabilities are those of the whole distribution that is sampled from; use temperature",
    "min_p": "log-probabilities are those of the whole distribution that is sampled from; use temperature",
    "missing_eos_penalty": "have the judge prefer completions that end",
    "max_prompt_length": "max_length less max_new_tokens is what a prompt may have",
    "fp16": "use bf16=True",
    "eval_strategy": "set eval_steps, the updates between evaluations",
    "logging_dir": "the log is output_dir/log.jsonl",
    "report_to": "pass a callback with on_log to the trainer",
    "push_to_hub": "push the folder that save_model writes",
    "method": "loss_type names the method",
}


Config = TypeVar("Config", bound=type)


def _told(cls: Config) -> Config:
    """A wrong name in the call is an error that says which name was meant."""
    made: Callable[..., None] = cls.__init__  # type: ignore[misc]  # of the class itself, whose arguments are the fields
    known = list(inspect.signature(made).parameters)[1:]

    @wraps(made)
    def init(self: object, *positional: Any, **settings: Any) -> None:
        for name in settings:
            if name in known:
                continue
            if name in ELSEWHERE:
                raise ValueError(f"{name} is no setting here: {ELSEWHERE[name]}")
            near = nearest(name, known)
            meant = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
            raise ValueError(f"unknown setting {name!r}; {meant}")
        made(self, *positional, **settings)

    cls.__init__ = init  # type: ignore[misc]
    return cls


@_told
@dataclass(frozen=True, kw_only=True)
class PreferenceConfig:
    """The settings of a `PreferenceTrainer`. An unknown name, or one that the method does not have, is an error.

    Args:
        output_dir: where the log, failures of the judge, checkpoints and the trained model go.
        loss_type: the method, one of `METHODS`.
        beta: β, the price of leaving the reference, in win rates; 0.1. Not of spo and dno, which have no reference.
        learning_rate: of AdamW.
        lr_scheduler_type: "constant", or "linear" or "cosine" down to 0 at the last update.
        warmup_steps: updates in which the rate rises from 0.
        weight_decay, adam_beta1, adam_beta2, adam_epsilon, max_grad_norm: as in transformers; max_grad_norm 0 = not clipped.
        per_device_train_batch_size: prompts of a micro-batch.
        gradient_accumulation_steps: micro-batches of an update.
        num_train_epochs: times that every prompt is used, where max_steps is not given.
        max_steps: updates; -1 = by num_train_epochs.
        num_generations: completions of a prompt; 2, of dno 4. Where the policy is its own opponent they are compared with one another.
        num_opponents: completions of the opponent that each of them is compared with; of nash_mp and nash_md, 2.
        max_new_tokens: the longest completion, end of text included.
        max_length: the most tokens of prompt and completion.
        truncate_prompts: keep the end of a prompt that is too long; otherwise it is an error.
        temperature: T of the policy softmax(logits / T): sampled from, and trained. The reference has the same T.
        generation_batch_size: sequences sampled at once; None = all of a micro-batch.
        logits_chunk: positions whose logits over the vocabulary are held at once; None = all.
        target: of nash_mp, nash_prox: "ema", a moving average of the weights, or "stages" of fixed anchors.
        step: γ, the proximal step of nash_mp (at most 2 in theory) and nash_prox.
        ema: the share of the way to the policy that the moving average goes in an update.
        inner: updates of a stage.
        mixture_coef: of nash_md: the reference's share in the opponent, token by token.
        rate: η of inpo and dno, whose papers call 1/η so, and of the step of Hedge that a stage of spo makes.
        num_iterations: of inpo and dno: passes over the completions of a stage; divides inner.
        queue: of spo: how many earlier completions of a prompt are kept as opponents.
        judge_both_orders: each comparison is asked in both orders.
        judge_retries: times that a comparison without a verdict is asked again before it is left out.
        judge_flip_rate: the known chance, below 1/2, that the judge names the other one; corrected for.
        eval_steps: updates between evaluations; None = only when `evaluate` is called.
        eval_prompts: prompts used in an evaluation; None = all.
        eval_candidates, eval_opponents: completions of a prompt in an evaluation: replies, and what they are judged against.
        logging_steps, save_steps, save_total_limit: as in transformers.
        seed: all random words are hashes of it and of the update.
        bf16: forward passes in bfloat16 (autocast); weights keep their type.
        gradient_checkpointing, disable_dropout: as in TRL.
        model_init_kwargs: of from_pretrained, where models are given by name: {"dtype": "bfloat16"}.
        device: None = CUDA where there is one, else the CPU.
    """

    output_dir: str = "preference_model"
    loss_type: LossType = "nash_mp"
    beta: float | None = None
    learning_rate: float = 5e-7
    lr_scheduler_type: Literal["constant", "linear", "cosine"] = "linear"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    per_device_train_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    num_train_epochs: float = 3.0
    max_steps: int = -1
    num_generations: int | None = None
    num_opponents: int | None = None
    max_new_tokens: int = 64
    max_length: int = 512
    truncate_prompts: bool = False
    temperature: float = 0.9
    generation_batch_size: int | None = None
    logits_chunk: int | None = 1024
    target: Literal["ema", "stages"] | None = None
    step: float | None = None
    ema: float | None = None
    inner: int | None = None
    mixture_coef: float | None = None
    rate: float | None = None
    num_iterations: int | None = None
    queue: int | None = None
    judge_both_orders: bool = True
    judge_retries: int = 2
    judge_flip_rate: float = 0.0
    eval_steps: int | None = None
    eval_prompts: int | None = None
    eval_candidates: int = 8
    eval_opponents: int = 8
    logging_steps: int = 10
    save_steps: int = 500
    save_total_limit: int | None = None
    seed: int = 42
    bf16: bool = False
    gradient_checkpointing: bool = False
    disable_dropout: bool = True
    model_init_kwargs: Mapping[str, Any] | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        if self.loss_type not in METHODS:
            near = nearest(str(self.loss_type), METHODS)
            meant = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(METHODS)}"
            if self.loss_type in ("sigmoid", "hinge"):
                meant = "that loss of TRL rests on rewards, which preferences in circles have not; use online_ipo or nash_mp"
            raise ValueError(f"unknown loss_type {self.loss_type!r}; {meant}")
        method = METHODS[self.loss_type]
        self._refuse_foreign(method)
        defaults: dict[str, Any] = {
            **method.settings,
            "beta": 0.1 if method.charged else 0.0,
            "num_generations": max(2, method.smallest_group + 1 if method.smallest_group > SMALLEST_GROUP else 2),
        }
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self._check(method)

    def _refuse_foreign(self, method: Method) -> None:
        for name in sorted({name for other in METHODS.values() for name in other.settings}):
            if getattr(self, name) is not None and name not in method.settings:
                owners = [key for key, other in METHODS.items() if name in other.settings]
                raise ValueError(f"{name} is a setting of {', '.join(owners)}; {self.loss_type} has none: leave it out")
        if self.beta is not None and not method.charged:
            raise ValueError(f"{self.loss_type} pays nothing for leaving a reference: leave beta out, or use nash_mp")
        if self.target == "stages" and self.ema is not None:
            raise ValueError(
                "ema is of target='ema'; target='stages' keeps its anchor for inner updates: leave one out"
            )
        if self.loss_type in ("nash_mp", "nash_prox") and self.target != "stages" and self.inner is not None:
            raise ValueError("inner is of target='stages'; with target='ema' there are no stages: leave one out")

    def _check(self, method: Method) -> None:
        for name in (*COUNTS, "num_generations", "num_opponents", "inner", "queue", "eval_prompts", "eval_steps"):
            _whole(name, getattr(self, name), 1)
        for name in ("generation_batch_size", "logits_chunk", "save_total_limit"):
            _whole(name, getattr(self, name), 1)
        for name in ("warmup_steps", "judge_retries", "seed"):
            _whole(name, getattr(self, name), 0)
        _whole("max_steps", self.max_steps, -1)
        if self.max_steps == 0:
            raise ValueError("max_steps must be at least 1, or -1 for num_train_epochs; got 0")
        for name in ("learning_rate", "temperature", "num_train_epochs", "adam_epsilon"):
            _number(name, getattr(self, name), low=0, open_low=True)
        for name in ("step", "rate"):
            _number(name, getattr(self, name), low=0, open_low=True)
        for name in ("beta", "weight_decay", "max_grad_norm"):
            _number(name, getattr(self, name), low=0)
        _number("mixture_coef", self.mixture_coef, low=0, high=1)
        _number("ema", self.ema, low=0, high=1, open_low=True)
        for name in ("adam_beta1", "adam_beta2"):
            _number(name, getattr(self, name), low=0, high=1)
        require_flip_rate(self.judge_flip_rate, "judge_flip_rate")
        if self.target not in (None, "ema", "stages"):
            raise ValueError(f"target must be 'ema' or 'stages'; got {self.target!r}")
        if self.lr_scheduler_type not in ("constant", "linear", "cosine"):
            raise ValueError(
                f"lr_scheduler_type must be constant, linear or cosine; got {self.lr_scheduler_type!r}; "
                "others: give the trainer optimizers=(optimizer, scheduler)"
            )
        if self.loss_type == "online_ipo" and self.price == 0:
            raise ValueError("beta must be above 0 for online_ipo, whose target is divided by it")
        if self.loss_type == "inpo" and self.eta * self.price > 1:
            raise ValueError(f"rate x beta must be at most 1 for inpo; got {self.eta} x {self.price}")
        if self.group < method.smallest_group:
            raise ValueError(
                f"num_generations must be at least {method.smallest_group} for {self.loss_type}, which compares a prompt's "
                f"completions with one another; got {self.group}"
            )
        if self.passes and method.staged and int(self.inner or 1) % self.passes:
            raise ValueError(f"num_iterations must divide inner; got {self.passes} and {self.inner}")
        if self.eval_opponents < SMALLEST_GROUP or self.eval_opponents % SMALLEST_GROUP:
            raise ValueError(
                f"eval_opponents must be even, for half of them choose a reply and half measure it; got {self.eval_opponents}"
            )
        if self.max_new_tokens >= self.max_length:
            raise ValueError(
                f"max_new_tokens must be below max_length, which counts the prompt too; got {self.max_new_tokens} and "
                f"{self.max_length}"
            )
        if self.model_init_kwargs and "device_map" in self.model_init_kwargs:
            raise ValueError("device_map is not for training on one device; set device")

    @property
    def method(self) -> Method:
        return METHODS[self.loss_type]

    @property
    def price(self) -> float:
        """β, 0 where nothing is charged."""
        return float(self.beta or 0.0)

    @property
    def eta(self) -> float:
        """η."""
        return float(self.rate or 0.0)

    @property
    def group(self) -> int:
        """Completions of a prompt."""
        return int(self.num_generations or 1)

    @property
    def stage(self) -> int:
        """Updates of a stage; 1 where there are no stages."""
        return 1 if self.target == "ema" else int(self.inner or 1)

    @property
    def passes(self) -> int:
        """Updates on the same completions."""
        return int(self.num_iterations or 1)

    def to_dict(self) -> dict[str, Any]:
        """All settings, defaults filled in, as JSON has them."""
        return {**asdict(self), "model_init_kwargs": {k: str(v) for k, v in (self.model_init_kwargs or {}).items()}}

    def to_json_string(self) -> str:
        """As callbacks of transformers ask for it."""
        return json.dumps(self.to_dict(), indent=2)

    def deciding(self) -> dict[str, Any]:
        """The settings that decide what an update does, as a checkpoint keeps them."""
        told = self.to_dict()
        return {field.name: told[field.name] for field in fields(self) if field.name not in NOT_DECIDING}


def _whole(name: str, value: object, low: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be a whole number, at least {low}; got {value!r}")


def _number(name: str, value: object, *, low: float, high: float = float("inf"), open_low: bool = False) -> None:
    if value is None:
        return
    right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not right or not low <= float(str(value)) <= high or (open_low and value == low):
        span = f"above {low:g}" if open_low else f"at least {low:g}"
        raise ValueError(
            f"{name} must be a number {span}{f', at most {high:g}' if high < float('inf') else ''}; got {value!r}"
        )
