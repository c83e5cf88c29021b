"""What an update learns from, and its loss: completions of some prompts, what the judge said, and cached log-probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from torch import Tensor

from arena.games.seeds import seed_of
from arena.solvers.language.configuration import PreferenceConfig
from arena.solvers.language.copies import Copies, Role, voice
from arena.solvers.language.judging import Comparisons
from arena.solvers.language.prompts import Prompts, Tokenizer, chosen_rows, left_padded
from arena.solvers.language.sampling import Completions, Sampler, Voice
from arena.solvers.language.sequence_logs import Scorer
from arena.solvers.preference_losses import dno_loss, inpo_loss, nash_mp_loss, online_ipo_loss, self_play_loss, spo_loss
from arena.solvers.preference_mirror import Array, known_mean

PAIRED = ("online_ipo", "inpo", "dno")
EVEN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """``group`` completions of each prompt, prompt by prompt. ``told``: win rates [prompts, group], or of the methods that learn from
    pairs the table [prompts, group, group]; NaN = not known. ``log_reference``, ``log_previous``, ``log_anchor`` [rows]: None where the method needs none.
    """

    rows: Tensor
    completions: Completions
    told: Tensor
    log_reference: Tensor | None = None
    log_previous: Tensor | None = None
    log_anchor: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """By name, as a checkpoint keeps them."""
        kept = {name: getattr(self, name) for name in ("rows", "told", "log_reference", "log_previous")}
        parts = {f.name: getattr(self.completions, f.name) for f in fields(Completions)}
        return {name: one for name, one in (kept | parts).items() if one is not None}

    @staticmethod
    def of(tensors: dict[str, Tensor]) -> Batch:
        return Batch(
            rows=tensors["rows"],
            told=tensors["told"],
            log_reference=tensors.get("log_reference"),
            log_previous=tensors.get("log_previous"),
            completions=Completions(**{f.name: tensors[f.name] for f in fields(Completions)}),
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Learner:
    """Draws completions, has them judged, and gives losses. ``stage``: batches of the stage by number. ``opponents``: of a half stage of
    Nash-MP, completions by batch number. ``queue``: of SPO, the last completions of each prompt. ``tokens``: sampled so far.
    """

    config: PreferenceConfig
    prompts: Prompts
    tokenizer: Tokenizer
    copies: Copies
    sampler: Sampler
    scorer: Scorer
    comparisons: Comparisons
    device: torch.device
    context: Callable[[], AbstractContextManager[object]]
    stage: dict[int, Batch] = field(default_factory=dict)
    opponents: dict[int, Completions] = field(default_factory=dict)
    queue: dict[int, list[tuple[int, ...]]] = field(default_factory=dict)
    tokens: int = 0

    def before(self, step: int) -> None:
        """What happens before update ``step``: at the begin of a stage, anchors move and its completions are drawn."""
        config = self.config
        if step % config.stage:
            return
        if config.method.anchored and config.target != "ema":
            halves = 2 if config.loss_type == "nash_mp" else 1
            if step % (halves * config.stage) == 0:
                self.copies.follow(1.0)
            if config.loss_type == "nash_mp":
                # its opponents are those of now, drawn now so that no model of now is kept
                numbers = self._numbers(range(step, step + config.stage))
                self.opponents = {
                    number: self._draw(
                        self._rows(number), [self._voice("policy")], int(config.num_opponents or 1), "opponent", number
                    )
                    for number in numbers
                }
        if config.method.staged:
            self.stage = self._staged(self._numbers(range(step, step + config.stage)))

    def after(self) -> None:
        """What happens after the optimiser's step."""
        if self.config.method.anchored and self.config.target == "ema":
            self.copies.follow(float(self.config.ema or 1.0))

    def numbers(self, step: int) -> list[int]:
        """Which batches update ``step`` learns from, one a micro-batch."""
        return self._numbers(range(step, step + 1))

    def batch(self, number: int) -> Batch:
        """Batch ``number``, on the device: of the stage, or drawn now."""
        if self.config.method.staged:
            return self.stage[number]
        batch = self._judged(number)
        if self.scored:
            batch = replace(batch, log_reference=self.logs("reference", batch.completions))
        if self.config.method.anchored:
            batch = replace(batch, log_anchor=self.logs("anchor", batch.completions))
        return batch

    @property
    def scored(self) -> bool:
        """Whether log-probabilities of the reference are needed, or there to be told of."""
        return self.copies.holds("reference")

    def loss(self, batch: Batch, log_policy: Tensor) -> Tensor:
        """Of log π(y) [rows] of the batch, differentiable in it."""
        config = self.config
        if config.loss_type in PAIRED:
            return self._paired_loss(batch, log_policy)
        told = batch.told.flatten().to(log_policy.dtype)
        known = ~told.isnan()
        rates = torch.where(known, told, EVEN)
        weights = known.to(log_policy.dtype) / known.sum().clamp(min=1)
        if config.loss_type == "spo":
            assert batch.log_anchor is not None
            return spo_loss(log_policy, rates, batch.log_anchor, rate=config.eta, weights=weights)
        assert batch.log_reference is not None
        if config.method.anchored:
            assert batch.log_anchor is not None
            return nash_mp_loss(
                log_policy,
                rates,
                batch.log_reference,
                batch.log_anchor,
                beta=config.price,
                step=float(config.step or 2.0),
                weights=weights,
            )
        return self_play_loss(log_policy, rates, batch.log_reference, beta=config.price, weights=weights)

    def logs(self, role: Role, completions: Completions) -> Tensor:
        """log π(y) [rows] of the model of a role, held fixed."""
        with torch.no_grad(), self.copies.using(role) as model, self.context():
            model.eval()
            return self.scorer.logs(model, completions)

    def draw(self, rows: Sequence[int], role: Role, count: int, seed: tuple[str | int, ...]) -> Completions:
        """``count`` completions of each prompt, prompt by prompt, from the model of a role."""
        return self._draw(rows, [self._voice(role)], count, *seed)

    def texts(self, ids: Sequence[Sequence[int]], count: int) -> list[list[str]]:
        """The completions as judges read them, ``count`` a prompt."""
        flat = [str(self.tokenizer.decode(list(one), skip_special_tokens=True)) for one in ids]
        return [flat[k : k + count] for k in range(0, len(flat), count)]

    def _numbers(self, steps: range) -> list[int]:
        micro, passes = self.config.gradient_accumulation_steps, self.config.passes
        found: list[int] = []
        for step in steps:
            stage, place = divmod(step, self.config.stage)
            fresh = self.config.stage // passes
            update = stage * fresh + place % fresh
            found += [number for number in range(update * micro, (update + 1) * micro) if number not in found]
        return found

    def _rows(self, number: int) -> list[int]:
        size = self.config.per_device_train_batch_size
        return chosen_rows(number, size, rows=len(self.prompts), seed=self.config.seed)

    def _voice(self, role: Role, share: float = 1.0) -> Voice:
        return voice(self.copies, role, share)

    def _draw(self, rows: Sequence[int], voices: Sequence[Voice], count: int, *seed: str | int) -> Completions:
        ids, mask = left_padded(
            [self.prompts.tokens[row] for row in rows for _ in range(count)], pad=self.sampler.pad, device=self.device
        )
        generator = torch.Generator(self.device)
        generator.manual_seed(seed_of(("completions", self.config.seed, *seed)))
        self.copies.policy.eval()  # the others are never in any other mode
        with self.context():
            found = self.sampler.sample(voices, ids, mask, generator)
        self.tokens += found.tokens
        return found

    def _judged(self, number: int) -> Batch:
        config, rows = self.config, self._rows(number)
        drawn = self._draw(rows, [self._voice("policy")], config.group, "policy", number)
        prompts = [self.prompts.texts[row] for row in rows]
        answers = self.texts(unpadded(drawn), config.group)
        if config.method.opponent == "policy":
            table = self.comparisons.among(prompts, answers)
            told = table if config.loss_type in PAIRED else _others(table)
        else:
            told = known_mean(self.comparisons.against(prompts, answers, self._opposing(rows, number)))
        if config.loss_type == "spo":
            self._enqueue(rows, drawn)
        return Batch(
            rows=torch.tensor(rows, device=self.device), completions=drawn, told=torch.from_numpy(told).to(self.device)
        )

    def _opposing(self, rows: Sequence[int], number: int) -> list[list[str]]:
        config, count = self.config, int(self.config.num_opponents or 1)
        if config.loss_type == "spo":
            missing = [row for row in dict.fromkeys(rows) if row not in self.queue]
            if missing:
                size = int(config.queue or 1)
                first = unpadded(self._draw(missing, [self._voice("policy")], size, "queue", number))
                self.queue |= {row: first[k * size : (k + 1) * size] for k, row in enumerate(missing)}
            return self.texts([one for row in rows for one in self.queue[row]], int(config.queue or 1))
        if number in self.opponents:
            return self.texts(unpadded(self.opponents[number]), count)
        if config.loss_type == "nash_md":
            share = float(config.mixture_coef or 0.0)
            voices = [self._voice("policy", 1 - share), self._voice("reference", share)]
            voices = [one for one in voices if one.share > 0]
        else:
            voices = [self._voice("anchor")]
        return self.texts(unpadded(self._draw(rows, voices, count, "opponent", number)), count)

    def _enqueue(self, rows: Sequence[int], drawn: Completions) -> None:
        group, size, ids = self.config.group, int(self.config.queue or 1), unpadded(drawn)
        for k, row in enumerate(rows):
            self.queue[row] = [*self.queue[row], *ids[k * group : (k + 1) * group]][-size:]

    def _staged(self, numbers: Sequence[int]) -> dict[int, Batch]:
        """The batches of a stage; the reference is in use once, not batch by batch."""
        drawn = {number: self._judged(number) for number in numbers}
        found = {
            number: replace(batch, log_previous=self.logs("policy", batch.completions))
            for number, batch in drawn.items()
        }
        if not self.scored:
            return found
        with self.copies.using("reference"):
            return {
                number: replace(batch, log_reference=self.logs("reference", batch.completions))
                for number, batch in found.items()
            }

    def _paired_loss(self, batch: Batch, log_policy: Tensor) -> Tensor:
        config, group = self.config, self.config.group
        upper, lower = np.triu_indices(group, 1)
        first, second = torch.from_numpy(upper).to(self.device), torch.from_numpy(lower).to(self.device)

        def margin(logs: Tensor) -> Tensor:
            grouped = logs.view(-1, group)
            return grouped[:, first] - grouped[:, second]

        table = batch.told.to(log_policy.dtype)
        target = _gains(table)[:, first, second] if config.loss_type == "dno" else table[:, first, second]
        known = ~target.isnan()
        weights = known.to(log_policy.dtype) / known.sum().clamp(min=1)
        target = torch.where(known, target, 0.0 if config.loss_type == "dno" else EVEN)
        if config.loss_type == "dno":
            assert batch.log_previous is not None
            return dno_loss(margin(log_policy), margin(batch.log_previous), target, rate=config.eta, weights=weights)
        assert batch.log_reference is not None
        reference = margin(batch.log_reference)
        if config.loss_type == "online_ipo":
            return online_ipo_loss(margin(log_policy), reference, target, beta=config.price, weights=weights)
        assert batch.log_previous is not None
        return inpo_loss(
            margin(log_policy),
            margin(batch.log_previous),
            reference,
            target,
            beta=config.price,
            rate=config.eta,
            weights=weights,
        )


def unpadded(completions: Completions) -> list[tuple[int, ...]]:
    """The tokens of each completion."""
    ids, lengths = completions.ids.tolist(), completions.mask.sum(-1).tolist()
    return [tuple(row[:length]) for row, length in zip(ids, lengths, strict=True)]


def _others(table: Array) -> Array:
    """[prompts, n]: the mean of each row, itself left out: the win rate against the other completions of the prompt."""
    apart = table.copy()
    size = table.shape[1]
    apart[:, np.arange(size), np.arange(size)] = np.nan
    return known_mean(apart)


def _gains(table: Tensor) -> Tensor:
    """[prompts, n, n]: by how much y does better than y' against the other completions of the prompt, neither of the two among them.

    Their own comparison is left out: it is no draw of the policy once the pair is given.
    """
    size = table.shape[-1]
    differences = table.unsqueeze(2) - table.unsqueeze(1)  # [prompts, i, j, k]: P_ik - P_jk
    same = torch.eye(size, dtype=torch.bool, device=table.device)
    left_out = same.unsqueeze(1) | same.unsqueeze(0)  # k = i or k = j
    gains: Tensor = differences.masked_fill(left_out, torch.nan).nanmean(-1)
    return gains
