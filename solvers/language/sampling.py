"""Completions sampled in batches, from one model or from the geometric mixture of two, token by token."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from arena.games.errors import NotProvided

Model = Any
"""A causal model of transformers, which carries no types."""

CACHES = ("past_key_values", "cache")
"""What models of different versions call the keys and values of tokens already read."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Completions:
    """Rows of prompt and completion. ``prompt_ids`` [rows, p] padded at the left, ``ids`` [rows, c] at the right; the masks have 1 at
    tokens. The token that ends a text belongs to its completion; what follows does not."""

    prompt_ids: Tensor
    prompt_mask: Tensor
    ids: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tokens(self) -> int:
        return int(self.mask.sum())

    def rows(self, chosen: slice | Tensor) -> Completions:
        return Completions(
            prompt_ids=self.prompt_ids[chosen],
            prompt_mask=self.prompt_mask[chosen],
            ids=self.ids[chosen],
            mask=self.mask[chosen],
        )

    def to(self, device: torch.device) -> Completions:
        return Completions(
            prompt_ids=self.prompt_ids.to(device),
            prompt_mask=self.prompt_mask.to(device),
            ids=self.ids.to(device),
            mask=self.mask.to(device),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voice:
    """A model that speaks with a share of the say: ``enter()`` makes it ready and gives it."""

    enter: Callable[[], AbstractContextManager[Model]]
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampler:
    """``longest``: the most new tokens. ``ends``: the tokens that end a text. ``at_once``: sequences sampled together, None = all."""

    temperature: float
    longest: int
    ends: Tensor
    pad: int
    at_once: int | None = None

    def sample(
        self, voices: Sequence[Voice], prompt_ids: Tensor, prompt_mask: Tensor, generator: torch.Generator
    ) -> Completions:
        """A completion of every row, drawn from softmax(Σ share · logits / T)."""
        size = self.at_once or len(prompt_ids)
        parts = [
            self._sample(voices, prompt_ids[k : k + size], prompt_mask[k : k + size], generator)
            for k in range(0, len(prompt_ids), size)
        ]
        widest = max(part.ids.shape[1] for part in parts)
        return Completions(
            prompt_ids=prompt_ids,
            prompt_mask=prompt_mask,
            ids=torch.cat([_widened(part.ids, widest, self.pad) for part in parts]),
            mask=torch.cat([_widened(part.mask, widest, 0) for part in parts]),
        )

    @torch.no_grad()
    def _sample(
        self, voices: Sequence[Voice], prompt_ids: Tensor, prompt_mask: Tensor, generator: torch.Generator
    ) -> Completions:
        seen, unread = prompt_mask, prompt_ids
        caches: list[object] = [None] * len(voices)
        done = torch.zeros(len(prompt_ids), dtype=torch.bool, device=prompt_ids.device)
        ids: list[Tensor] = []
        mask: list[Tensor] = []
        with ExitStack() as held:
            alone = held.enter_context(voices[0].enter()) if len(voices) == 1 else None
            for _ in range(self.longest):
                logits: Tensor | None = None
                for k, voice in enumerate(voices):
                    with ExitStack() as turn:
                        model = alone if alone is not None else turn.enter_context(voice.enter())
                        told, caches[k] = _read(model, unread, seen, caches[k])
                    said = voice.share * told.float() / self.temperature
                    logits = said if logits is None else logits + said
                assert logits is not None
                drawn = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=generator).squeeze(-1)
                mask.append((~done).long())
                ids.append(torch.where(done, self.pad, drawn))
                done = done | torch.isin(drawn, self.ends)
                if bool(done.all()):
                    break
                unread = ids[-1].unsqueeze(-1)
                seen = torch.cat([seen, torch.ones_like(unread)], dim=-1)
        return Completions(
            prompt_ids=prompt_ids, prompt_mask=prompt_mask, ids=torch.stack(ids, -1), mask=torch.stack(mask, -1)
        )


def forward_names(model: Model) -> frozenset[str]:
    """The arguments of a model's forward, of the model inside where peft has wrapped it."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return frozenset(inspect.signature(type(inner).forward).parameters)


def positions(mask: Tensor) -> Tensor:
    """The place of every token in its text, whatever is padded before it."""
    return (mask.cumsum(-1) - 1).clamp(min=0)


def end_tokens(model: Model, tokenizer: Any, device: torch.device) -> Tensor:
    """The tokens that end a text, by the model's and the tokenizer's own word."""
    told = [getattr(getattr(model, "generation_config", None), "eos_token_id", None), tokenizer.eos_token_id]
    ends = {int(end) for one in told if one is not None for end in (one if isinstance(one, Iterable) else [one])}
    return torch.tensor(sorted(ends), dtype=torch.long, device=device)


def _read(model: Model, ids: Tensor, mask: Tensor, cache: object) -> tuple[Tensor, object]:
    """(the logits [rows, vocabulary] after the last token, what was read so far)."""
    names = forward_names(model)
    kept = next((name for name in CACHES if name in names), None)
    if kept is None:
        raise NotProvided(
            f"{type(model).__name__} keeps no keys and values of what it has read; sampling needs a model that does"
        )
    given: dict[str, object] = {"input_ids": ids, "attention_mask": mask, "use_cache": True}
    if cache is not None:
        given[kept] = cache
    if "position_ids" in names:
        given["position_ids"] = positions(mask)[:, -ids.shape[1] :]
    if "logits_to_keep" in names:  # else those of the whole prompt are held
        given["logits_to_keep"] = 1
    out = model(**given)
    return out.logits[:, -1], out[kept]


def _widened(rows: Tensor, width: int, value: int) -> Tensor:
    return torch.nn.functional.pad(rows, (0, width - rows.shape[1]), value=value)
