"""Judges that are models: a sequence classifier of pairs, the difference of two scores, or a judge of TRL's kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import torch
from torch import Tensor

from arena.games.judge import JudgeFailure

Model = Any
Tokenizer = Any
"""Of transformers, which carries no types."""

PAIR_TEMPLATE = "{prompt}\n\n[A]\n{first}\n\n[B]\n{second}"
SINGLE_TEMPLATE = "{prompt}\n{answer}"
_MARK = re.compile(r"\{(\w+)\}")

Rewards = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""(prompts, completions) to one reward for each."""


@dataclass(slots=True, eq=False)
class PairModelJudge:
    """A judge made of a sequence-classification model of transformers.

    With ``pairwise`` the model reads prompt and both answers (``template`` with {prompt}, {first}, {second}) and its one logit is
    the log-odds of the first; with two labels, label ``first_label`` says the first. So preferences may go in circles. Without
    ``pairwise`` it scores each answer alone ({prompt}, {answer}) and the chance is the logistic function of the difference,
    a Bradley-Terry model, in which nothing goes in circles.

    Args:
        model: put on its device by the caller; used as it is, in evaluation mode.
        tokenizer: the model's own.
        pairwise: see above.
        template: None = prompt, [A] first, [B] second; or prompt, answer.
        first_label: with two labels.
        batch_size: texts read at once.
        max_length: tokens; a longer text is a failure, not a truncated guess.
    """

    model: Model
    tokenizer: Tokenizer
    _: KW_ONLY
    pairwise: bool = True
    template: str | None = None
    first_label: int = 0
    batch_size: int = 16
    max_length: int | None = None

    def __post_init__(self) -> None:
        labels = int(self.model.config.num_labels)
        if labels not in (1, 2) or (labels == 2 and not self.pairwise):
            raise ValueError(
                f"a judge of pairs has one label or two, a scorer one; this model has {labels}"
                + ("" if self.pairwise else " and pairwise is False")
            )
        if self.template is None:
            self.template = PAIR_TEMPLATE if self.pairwise else SINGLE_TEMPLATE
        needed = ("prompt", "first", "second") if self.pairwise else ("prompt", "answer")
        missing = [name for name in needed if f"{{{name}}}" not in self.template]
        if missing:
            raise ValueError(
                f"template must name {', '.join(f'{{{name}}}' for name in missing)}; got {self.template!r}"
            )

    def __call__(
        self, prompts: Sequence[str], first: Sequence[str], second: Sequence[str]
    ) -> list[float | JudgeFailure]:
        if self.pairwise:
            texts = [self._filled(prompt=p, first=a, second=b) for p, a, b in zip(prompts, first, second, strict=True)]
            scores = self._scores(texts)
            return [one if isinstance(one, JudgeFailure) else float(torch.sigmoid(one)) for one in scores]
        answers = [*zip(prompts, first, strict=True), *zip(prompts, second, strict=True)]
        told = self._scores([self._filled(prompt=p, answer=a) for p, a in answers])
        return [_by_rewards(one, other) for one, other in zip(told[: len(first)], told[len(first) :], strict=True)]

    def _filled(self, **parts: str) -> str:
        """The template with its parts put in; braces in the parts are text."""
        assert self.template is not None
        return _MARK.sub(lambda mark: parts.get(mark[1], mark[0]), self.template)

    @torch.no_grad()
    def _scores(self, texts: Sequence[str]) -> list[Tensor | JudgeFailure]:
        self.model.eval()
        found: list[Tensor | JudgeFailure] = []
        device = next(self.model.parameters()).device
        for k in range(0, len(texts), self.batch_size):
            ids = [list(self.tokenizer(text)["input_ids"]) for text in texts[k : k + self.batch_size]]
            fits = [0 < len(one) <= (self.max_length or len(one)) for one in ids]
            kept = [one for one, fit in zip(ids, fits, strict=True) if fit]
            scores = iter(self._read(kept, device) if kept else ())
            found += [
                next(scores) if fit else JudgeFailure("error", f"{len(one)} tokens; at most {self.max_length} are read")
                for one, fit in zip(ids, fits, strict=True)
            ]
        return found

    def _read(self, ids: Sequence[Sequence[int]], device: torch.device) -> list[Tensor]:
        """The log-odds, or the score, of each."""
        pad = self.tokenizer.pad_token_id
        longest = max(map(len, ids))
        if pad is None and longest > min(map(len, ids)):  # a classifier without padding reads one text at a time
            return [score for one in ids for score in self._read([one], device)]
        rows = torch.full((len(ids), longest), pad or 0, dtype=torch.long)
        mask = torch.zeros_like(rows)
        for row, one in enumerate(ids):
            rows[row, : len(one)] = torch.tensor(list(one))
            mask[row, : len(one)] = 1
        logits = self.model(input_ids=rows.to(device), attention_mask=mask.to(device)).logits.double().cpu()
        if logits.shape[1] == 1:
            return list(logits[:, 0])
        return list(logits[:, self.first_label] - logits[:, 1 - self.first_label])


@dataclass(frozen=True, slots=True)
class RewardJudge:
    """A judge made of a function (prompts, completions) -> rewards, as reward_funcs of TRL; P = σ(r(first) - r(second)).

    Such preferences never go in circles: a judge of pairs says more.
    """

    rewards: Rewards

    def __call__(
        self, prompts: Sequence[str], first: Sequence[str], second: Sequence[str]
    ) -> list[float | JudgeFailure]:
        told = list(self.rewards([*prompts, *prompts], [*first, *second]))
        if len(told) != 2 * len(prompts):
            raise ValueError(f"{len(told)} rewards for {2 * len(prompts)} completions")
        return [_by_rewards(a, b) for a, b in zip(told[: len(first)], told[len(first) :], strict=True)]


def ranks_judge(judge: Any) -> Callable[[Sequence[str], Sequence[str], Sequence[str]], list[float | JudgeFailure]]:
    """A judge made of one of TRL's kind: ``judge.judge(prompts, [[a, b], ...], shuffle_order)`` gives 0 where a is better, 1 where b
    is, and -1 where it failed. It is never asked to shuffle: the trainer asks in both orders."""

    def ask(prompts: Sequence[str], first: Sequence[str], second: Sequence[str]) -> list[float | JudgeFailure]:
        pairs = [[a, b] for a, b in zip(first, second, strict=True)]
        ranks = judge.judge(list(prompts), pairs, shuffle_order=False)
        known = {0: 1.0, 1: 0.0}
        return [
            known[rank] if rank in known else JudgeFailure("nonsense", f"rank {rank!r:.50}, which is neither 0 nor 1")
            for rank in ranks
        ]

    return ask


def _by_rewards(one: object, other: object) -> float | JudgeFailure:
    for reward in (one, other):
        if isinstance(reward, JudgeFailure):
            return reward
    try:
        gap = float(one) - float(other)  # type: ignore[arg-type]  # whatever a reward function gave
    except (TypeError, ValueError, OverflowError):
        return JudgeFailure("nonsense", f"rewards must be numbers; got {one!r:.50} and {other!r:.50}")
    return float(torch.sigmoid(torch.tensor(gap, dtype=torch.float64)))
