"""Training a causal language model on what a judge of pairs prefers, by any of the Nash-learning methods."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from arena.games.judge import Judge
from arena.games.seeds import seed_of
from arena.solvers.language.configuration import PreferenceConfig
from arena.solvers.language.gap_estimate import GapEstimate, gap_estimate
from arena.solvers.language.judging import Comparisons
from arena.solvers.language.learning_rate import learning_rate_factor
from arena.solvers.language.model_files import (
    Model,
    Tokenizer,
    load_copies,
    load_tokenizer,
    pad_token,
    positions_of,
    save_policy,
    scorer_of,
)
from arena.solvers.language.prompts import Prompts, read_prompts, room_for_prompts
from arena.solvers.language.run_files import checkpoints
from arena.solvers.language.run_log import Line, RunLog, Since, plain
from arena.solvers.language.run_state import LrScheduler, Reached, RunState, resumed_folder
from arena.solvers.language.sampling import Sampler, end_tokens
from arena.solvers.language.updates import Learner, unpadded

NO_ARGUMENTS: Mapping[str, str] = {
    "reward_funcs": "give judge=RewardJudge(function); a judge compares two completions",
    "reward_model": "give judge=PairModelJudge(model, tokenizer, pairwise=False); a judge compares two completions",
    "reward_processing_classes": "give the tokenizer to PairModelJudge",
    "tokenizer": "give processing_class",
    "data_collator": "prompts are padded by the trainer; leave it out",
    "compute_metrics": "evaluate tells gap, win rate and KL; use a callback for more",
    "preprocess_logits_for_metrics": "leave it out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """``global_step``: updates done. ``metrics``: the last line of the log. ``guarantee``: what theory says of the policy."""

    global_step: int
    training_loss: float
    metrics: Mapping[str, float | None]
    guarantee: str = "none: theory is of tables; the estimated gap is a lower bound"


class PreferenceTrainer:
    """Trains a causal model of transformers so that a judge of pairs prefers its completions to those of any other policy.

    Methods (``args.loss_type``) and their losses: `METHODS`, `arena.solvers.preference_losses`. Log-probabilities are of whole
    completions, sums over tokens, under softmax(logits / temperature). Every random word is a hash of the seed and the number of
    the batch, so a run that goes on from a checkpoint gives the same weights as one that was never stopped, where the
    machine adds numbers in the same order and the judge says the same.

    Copies of the weights held: self_play, nash_md, online_ipo, inpo two (policy, reference; inpo has the reference on the device
    only while it scores a stage), nash_mp and nash_prox three (the anchor too), spo two (policy, anchor), dno one. With adapters one set
    of weights, and the anchor is a second adapter.

    Args:
        model: a causal model, one with adapters of peft, or a name or folder of one.
        ref_model: μ; None = the model as it is given (with adapters: the weights without them).
        judge: compares two completions: an `arena.games.judge.Judge`, `PairModelJudge`, `RewardJudge`.
        args: the settings.
        train_dataset: prompts: texts, chats, or mappings with either under "prompt".
        eval_dataset: prompts to measure on; None = those of training.
        processing_class: the tokenizer; None = that of the model's folder.
        peft_config: adapters to add to the model: a LoraConfig.
        callbacks: `transformers.TrainerCallback`s, or their classes.
        optimizers: (optimiser of the trained parameters, learning-rate scheduler) in place of those of the settings.

    Raises:
        ValueError: an argument that is unknown, missing or contradicts another.
        NotProvided: a model that this cannot train: no causal one, or with weights in float16.
    """

    def __init__(
        self,
        model: Model | str | Path,
        ref_model: Model | str | Path | None = None,
        *,
        judge: Judge | None = None,
        args: PreferenceConfig | None = None,
        train_dataset: Iterable[object] | None = None,
        eval_dataset: Iterable[object] | None = None,
        processing_class: Tokenizer | None = None,
        peft_config: object = None,
        callbacks: Sequence[Any] = (),
        optimizers: tuple[torch.optim.Optimizer | None, LrScheduler | None] = (None, None),
        **unknown: object,
    ):
        for name in unknown:
            raise ValueError(
                f"{name} is no argument: {NO_ARGUMENTS.get(name, 'settings go into args=PreferenceConfig(...)')}"
            )
        if judge is None or not callable(judge):
            named = f"; load_judge({judge!r}) makes one of a name" if isinstance(judge, str) else ""
            raise ValueError(
                "judge is needed: a function of (prompts, first, second) that gives the share of the win of the first"
                + named
            )
        if train_dataset is None:
            raise ValueError("train_dataset is needed: a list of prompts")
        from transformers import TrainerControl, TrainerState

        self.args = config = args or PreferenceConfig()
        self.device = _device(config.device)
        self.processing_class = load_tokenizer(processing_class, model)
        with torch.random.fork_rng(devices=[]):
            # peft draws new adapters from torch's global generator
            torch.manual_seed(seed_of(("adapters", config.seed)))
            self.copies = load_copies(model, ref_model, peft_config, config, self.device)
        self.train_prompts = self._read(train_dataset, "train_dataset")
        self.eval_prompts = self.train_prompts if eval_dataset is None else self._read(eval_dataset, "eval_dataset")
        self.output_dir = Path(config.output_dir)
        self.learner = self._learner(self.train_prompts, self._comparisons(judge))
        self.parameters = {name: one for name, one in self.model.named_parameters() if one.requires_grad}
        self.optimizer = optimizers[0] or torch.optim.AdamW(
            self.parameters.values(),
            lr=config.learning_rate,
            betas=(config.adam_beta1, config.adam_beta2),
            eps=config.adam_epsilon,
            weight_decay=config.weight_decay,
        )
        self.scheduler = optimizers[1]
        self._rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        size = config.per_device_train_batch_size * config.gradient_accumulation_steps
        self.updates_per_epoch = len(self.train_prompts) * config.passes / size
        self.max_steps = (
            config.max_steps if config.max_steps > 0 else math.ceil(config.num_train_epochs * self.updates_per_epoch)
        )
        self.state = TrainerState(max_steps=self.max_steps, log_history=[])
        self.control = TrainerControl()
        self.callbacks = [one() if isinstance(one, type) else one for one in callbacks]
        self._since = Since()
        self._seconds = 0.0
        self._files = RunLog(self.output_dir)
        self._run = RunState(
            config=config,
            learner=self.learner,
            optimizer=self.optimizer,
            scheduler=self.scheduler,
            tokenizer=self.processing_class,
        )
        self._call("on_init_end")

    @property
    def model(self) -> Model:
        """The policy."""
        return self.copies.policy

    def train(self, resume_from_checkpoint: bool | str | Path | None = None) -> TrainingResult:
        """Trains up to the last update, and saves the model into output_dir.

        Args:
            resume_from_checkpoint: True = the last checkpoint in output_dir; or its folder.

        Raises:
            ValueError: no checkpoint is there to go on from; or there are some, and it should begin anew.
            SpecificationError: it is damaged, or of other prompts, settings or weights.
            NotProvided: the judge gave no verdict at all.
        """
        if not resume_from_checkpoint and not self.state.global_step and checkpoints(self.output_dir):
            raise ValueError(
                f"{str(self.output_dir)!r} has checkpoints of a run already: resume_from_checkpoint=True goes on with it; "
                "else name another output_dir, or remove them"
            )
        if resume_from_checkpoint:
            self._go_on(self._run.load(resumed_folder(self.output_dir, resume_from_checkpoint)))
        self._files.begin(self.state.log_history, self.state.global_step)
        self._call("on_train_begin")
        begun = time.monotonic() - self._seconds
        while self.state.global_step < self.max_steps and not self.control.should_training_stop:
            self._call("on_step_begin")
            self._update()
            self._seconds = time.monotonic() - begun
            self._call("on_step_end")
            step, last = self.state.global_step, self.state.global_step == self.max_steps
            if step % self.args.logging_steps == 0 or last or self._told("should_log"):
                self._log()
            if (self.args.eval_steps and step % self.args.eval_steps == 0) or self._told("should_evaluate"):
                self.evaluate()
            if step % self.args.save_steps == 0 or self._told("should_save"):
                self._save()
        self.save_model()
        self._call("on_train_end")
        losses = [line["loss"] for line in self.state.log_history if "loss" in line]
        last_line: dict[str, float | None] = next(
            (line for line in reversed(self.state.log_history) if "loss" in line), {}
        )
        return TrainingResult(
            global_step=self.state.global_step,
            training_loss=float(np.mean(losses)) if losses else 0.0,
            metrics=last_line,
        )

    def evaluate(self, eval_dataset: Iterable[object] | None = None) -> dict[str, float | None]:
        """The gap, the win rate against the reference and KL(π, μ), estimated by samples: see `gap_estimate`.

        Args:
            eval_dataset: prompts; None = those of the trainer.
        """
        found = self.estimate(eval_dataset)
        metrics = {f"eval_{name}": plain(value) for name, value in asdict(found).items()}
        metrics["step"] = self.state.global_step
        self._write(metrics)
        self._call("on_evaluate", metrics=metrics)
        return metrics

    def estimate(self, eval_dataset: Iterable[object] | None = None) -> GapEstimate:
        """What `evaluate` logs, as a value. Its comparisons are counted with those of training."""
        config, learner = self.args, self.learner
        prompts = self.eval_prompts if eval_dataset is None else self._read(eval_dataset, "eval_dataset")
        measured = replace(learner, prompts=prompts, tokens=0)
        rows = list(range(min(len(prompts), config.eval_prompts or len(prompts))))
        size = config.per_device_train_batch_size
        parts = [self._measured(measured, rows[k : k + size], k) for k in range(0, len(rows), size)]
        learner.tokens += measured.tokens
        told, ratios = (np.concatenate(one) for one in zip(*parts, strict=True))
        return gap_estimate(told, ratios, beta=config.price)

    def save_model(self, output_dir: str | Path | None = None, *, merged: bool = False) -> None:
        """Writes the policy and its tokenizer as from_pretrained opens them.

        Args:
            output_dir: None = that of the settings.
            merged: of a model with adapters: the whole weights with the adapters added, in place of the adapters alone.
        """
        folder = Path(output_dir or self.output_dir)
        save_policy(self.copies, folder, merged=merged)
        self.processing_class.save_pretrained(folder)

    def _read(self, dataset: Iterable[object], name: str) -> Prompts:
        config = self.args
        room = room_for_prompts(
            max_length=config.max_length,
            max_new_tokens=config.max_new_tokens,
            positions=positions_of(self.model.config),
        )
        return read_prompts(dataset, self.processing_class, room=room, truncate=config.truncate_prompts, name=name)

    def _learner(self, prompts: Prompts, comparisons: Comparisons) -> Learner:
        config = self.args
        return Learner(
            config=config,
            prompts=prompts,
            tokenizer=self.processing_class,
            copies=self.copies,
            sampler=Sampler(
                temperature=config.temperature,
                longest=config.max_new_tokens,
                ends=end_tokens(self.model, self.processing_class, self.device),
                pad=pad_token(self.processing_class),
                at_once=config.generation_batch_size,
            ),
            scorer=scorer_of(self.model, config, self.device),
            comparisons=comparisons,
            device=self.device,
            context=self._precision,
        )

    def _comparisons(self, judge: Judge) -> Comparisons:
        config = self.args
        return Comparisons(
            judge=judge,
            both_orders=config.judge_both_orders,
            retries=config.judge_retries,
            flip_rate=config.judge_flip_rate,
            failed=self._write_failure,
        )

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.args.bf16)

    def _update(self) -> None:
        """One update of the policy."""
        learner, step = self.learner, self.state.global_step
        self._set_rates(step)
        learner.before(step)
        numbers = learner.numbers(step)
        losses: list[float] = []
        for number in numbers:
            batch = learner.batch(number)
            self._learning_mode()
            with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
                torch.manual_seed(seed_of(("dropout", self.args.seed, step, number)))
                with self._precision():
                    log_policy = learner.scorer.logs(self.model, batch.completions)
                loss = learner.loss(batch, log_policy)
                (loss / len(numbers)).backward()  # type: ignore[no-untyped-call]  # of torch
            losses.append(float(loss.detach()))
            self._since.see(batch, log_policy.detach())
        limit = self.args.max_grad_norm or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), limit)
        self._call("on_pre_optimizer_step")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.scheduler is not None:
            self.scheduler.step()
        learner.after()
        self._since.loss.append(float(np.mean(losses)))
        self._since.grad_norm.append(float(norm.detach()))
        self.state.global_step = step + 1
        self.state.epoch = self.state.global_step / self.updates_per_epoch

    def _learning_mode(self) -> None:
        if self.args.gradient_checkpointing or not self.args.disable_dropout:
            self.model.train()
        else:
            self.model.eval()

    def _set_rates(self, step: int) -> None:
        if self.scheduler is not None:
            return
        factor = learning_rate_factor(self.args, step, self.max_steps)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

    def _measured(self, learner: Learner, rows: Sequence[int], place: int) -> tuple[Any, Any]:
        """(preferences [rows, candidates, opponents], log π/μ [rows, opponents])."""
        config, step = self.args, self.state.global_step
        role = "reference" if learner.scored else "policy"
        replies = learner.draw(rows, role, config.eval_candidates, ("candidates", step, place))  # type: ignore[arg-type]
        drawn = learner.draw(rows, "policy", config.eval_opponents, ("draws", step, place))
        told = learner.comparisons.against(
            [learner.prompts.texts[row] for row in rows],
            learner.texts(unpadded(replies), config.eval_candidates),
            learner.texts(unpadded(drawn), config.eval_opponents),
        )
        if not learner.scored:
            return told, np.zeros((len(rows), config.eval_opponents))
        ratios = learner.logs("policy", drawn) - learner.logs("reference", drawn)
        return told, ratios.double().cpu().numpy().reshape(len(rows), -1)

    def _log(self) -> None:
        since, self._since = self._since, Since()
        comparisons = self.learner.comparisons
        self._write(
            {
                "step": self.state.global_step,
                "epoch": self.state.epoch,
                **since.line(),
                "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
                "comparisons": comparisons.asked,
                "judge_failures": sum(comparisons.failures.values()),
                "tokens": self.learner.tokens,
                "seconds": round(self._seconds, 3),
            }
        )

    def _write(self, line: Line) -> None:
        self.state.log_history.append(line)
        self._files.write(line)
        self._call("on_log", logs=line)

    def _write_failure(self, failure: Mapping[str, object]) -> None:
        self._files.write_failure({"step": self.state.global_step, **failure})

    def _call(self, event: str, **extra: object) -> None:
        for callback in self.callbacks:
            told = getattr(callback, event)(
                self.args, self.state, self.control, model=self.model, processing_class=self.processing_class, **extra
            )
            self.control = told or self.control

    def _told(self, wish: str) -> bool:
        """Whether a callback has asked for it; asked once."""
        asked = bool(getattr(self.control, wish))
        setattr(self.control, wish, False)
        return asked

    def _save(self) -> None:
        lines = self.state.log_history
        reached = Reached(step=self.state.global_step, seconds=self._seconds, lines=lines, since=self._since)
        self._run.save(self.output_dir, reached)
        self._call("on_save")

    def _go_on(self, reached: Reached) -> None:
        self.state.global_step, self.state.log_history = reached.step, reached.lines
        self.state.epoch = reached.step / self.updates_per_epoch
        self._seconds, self._since = reached.seconds, reached.since


def _device(name: str | None) -> torch.device:
    """The device of the settings, there for sure.

    Raises:
        ValueError: no device has this name, or this machine has none such.
    """
    try:
        found = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        said = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used here: {said:.150}") from None
    return found
