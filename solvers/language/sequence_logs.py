"""log π of whole completions: sums over their tokens, without ever holding the logits of all positions at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from arena.solvers.language.sampling import Completions, forward_names, positions

Model = Any
"""A causal model of transformers, which carries no types."""

LIKE = 1e-3
"""How far, in units of their largest, logits of the split model may be from those of the model in one piece: half precision is coarse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """Scores completions under softmax(logits / ``temperature``). ``chunk``: positions whose logits are held at once, None = all."""

    temperature: float
    chunk: int | None

    def logs(self, model: Model, completions: Completions) -> Tensor:
        """log π(y | x) [rows]: the sum over a completion's tokens; differentiable where gradients are on."""
        ids = torch.cat([completions.prompt_ids, completions.ids], dim=-1)
        mask = torch.cat([completions.prompt_mask, completions.mask], dim=-1)
        before, real = completions.prompt_ids.shape[1], completions.mask.bool()
        given: dict[str, object] = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        if "position_ids" in forward_names(model):
            given["position_ids"] = positions(mask)
        targets = completions.ids[real]
        if self.chunk is None:
            told = model(**given).logits[:, before - 1 : -1][real]
            logs = _token_logs(told, targets, self.temperature)
        else:
            body, head = split(model)
            hidden = body(**given).last_hidden_state[:, before - 1 : -1][real]
            logs = self._chunked(head, hidden, targets)
        rows = torch.arange(len(ids), device=ids.device).unsqueeze(-1).expand_as(completions.ids)[real]
        return torch.zeros(len(ids), dtype=logs.dtype, device=ids.device).index_add(0, rows, logs)

    def _chunked(self, head: Callable[[Tensor], Tensor], hidden: Tensor, targets: Tensor) -> Tensor:
        def logs_of(states: Tensor, chosen: Tensor) -> Tensor:
            return _token_logs(head(states), chosen, self.temperature)

        assert self.chunk is not None
        parts: list[Tensor] = []
        for k in range(0, len(hidden), self.chunk):
            states, chosen = hidden[k : k + self.chunk], targets[k : k + self.chunk]
            if torch.is_grad_enabled():  # logits are made again for the gradient, not kept for it
                part: Tensor = checkpoint(logs_of, states, chosen, use_reentrant=False)
                parts.append(part)
            else:
                parts.append(logs_of(states, chosen))
        return torch.cat(parts)


def split(model: Model) -> tuple[Model, Callable[[Tensor], Tensor]]:
    """(the model up to its last hidden states, the head that makes logits of them)."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return getattr(inner, inner.base_model_prefix), inner.get_output_embeddings()


@torch.no_grad()
def splits(model: Model, vocabulary: int, device: torch.device) -> bool:
    """Whether head(body) gives the model's logits; models that scale or bend their logits after the head do not."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    if not hasattr(inner, inner.base_model_prefix) or inner.get_output_embeddings() is None:
        return False
    ids = torch.arange(min(vocabulary, 4), device=device).unsqueeze(0)
    given: dict[str, object] = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
    body, head = split(model)
    whole, parts = model(**given).logits.float(), head(body(**given).last_hidden_state).float()
    return whole.shape == parts.shape and bool((whole - parts).abs().max() <= LIKE * whole.abs().max().clamp(min=1e-6))


def _token_logs(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    wide = logits if logits.dtype == torch.float64 else logits.float()
    found: Tensor = torch.log_softmax(wide / temperature, dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return found
