"""Prompts: read from whatever holds them, told apart as text and as tokens, and in which order updates use them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from arena.games.errors import nearest
from arena.games.seeds import seed_of

Tokenizer = Any
"""Of transformers, which carries no types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """``texts``: as judges read them. ``tokens``: as the model reads them, chat template included."""

    texts: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.texts)

    def fingerprint(self) -> str:
        """A hash of all tokens."""
        return hashlib.sha256(json.dumps(self.tokens).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """``longest``: the most tokens of a prompt. ``why``: what leaves no more, and what to do about it, for messages."""

    longest: int
    why: str


def room_for_prompts(*, max_length: int, max_new_tokens: int, positions: int | None) -> Room:
    """What is left of ``max_length``, or of the ``positions`` that the model has, where these are fewer; None = no limit.

    Raises:
        ValueError: the positions leave no room for a prompt.
    """
    if positions is None or max_length <= positions:
        return Room(longest=max_length - max_new_tokens, why="max_length; raise max_length")
    if max_new_tokens >= positions:
        raise ValueError(
            f"max_new_tokens must be below the {positions} positions of the model, which the prompt needs too; got {max_new_tokens}"
        )
    return Room(longest=positions - max_new_tokens, why=f"the {positions} positions of the model; lower max_new_tokens")


def read_prompts(dataset: Iterable[object], tokenizer: Tokenizer, *, room: Room, truncate: bool, name: str) -> Prompts:
    """The prompts of a dataset.

    Args:
        dataset: texts, chats (lists of {"role", "content"}), or mappings with either under ``prompt``; a datasets.Dataset is one.
        tokenizer: of transformers; chats need its chat template.
        room: the most tokens of a prompt.
        truncate: keep the last tokens of a longer one, as many as there is room for.
        name: of the argument, for messages.

    Raises:
        ValueError: no prompts, or a row that is none; the row is named.
    """
    if isinstance(dataset, str | bytes | Mapping):
        raise ValueError(f"{name} must be a list of prompts; got one {type(dataset).__name__}: put it into a list")
    texts: list[str] = []
    tokens: list[tuple[int, ...]] = []
    for row, one in enumerate(dataset):
        prompt = one
        if isinstance(one, Mapping):
            if "prompt" not in one:
                near = nearest("prompt", [str(key) for key in one])
                hint = f"; is {near[0]!r} meant?" if near else ""
                raise ValueError(
                    f"{name}, row {row}: no 'prompt' among {', '.join(map(str, one)) or 'no columns'}{hint}"
                )
            prompt = one["prompt"]
        text, ids = _prompt(prompt, tokenizer, f"{name}, row {row}")
        if not ids:
            raise ValueError(f"{name}, row {row}: the prompt has no tokens")
        if len(ids) > room.longest and not truncate:
            raise ValueError(
                f"{name}, row {row}: the prompt has {len(ids)} tokens, at most {room.longest} leave room for "
                f"max_new_tokens within {room.why}, or set truncate_prompts=True to keep its end"
            )
        texts.append(text)
        tokens.append(tuple(ids[-room.longest :]))
    if not texts:
        raise ValueError(f"{name} has no prompts")
    return Prompts(texts=tuple(texts), tokens=tuple(tokens))


def chosen_rows(batch: int, size: int, *, rows: int, seed: int) -> list[int]:
    """Which prompts the batch number ``batch`` has: every epoch is a shuffle of all rows, and batches go through epoch after epoch."""
    found: list[int] = []
    place = batch * size
    while len(found) < size:
        epoch, start = divmod(place, rows)
        order = np.random.default_rng(seed_of(("order of prompts", seed, epoch))).permutation(rows)
        taken = order[start : start + size - len(found)]
        found += [int(row) for row in taken]
        place += len(taken)
    return found


def left_padded(tokens: Sequence[Sequence[int]], *, pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(ids [rows, longest], mask of the same shape, 1 = a token), padded at the left."""
    longest = max(len(one) for one in tokens)
    ids = torch.full((len(tokens), longest), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, one in enumerate(tokens):
        ids[row, longest - len(one) :] = torch.tensor(list(one), dtype=torch.long)
        mask[row, longest - len(one) :] = 1
    return ids.to(device), mask.to(device)


def _prompt(prompt: object, tokenizer: Tokenizer, where: str) -> tuple[str, list[int]]:
    if isinstance(prompt, str):
        return prompt, list(tokenizer(prompt)["input_ids"])
    right = isinstance(prompt, Sequence) and not isinstance(prompt, bytes) and len(prompt) > 0
    if not right or not all(
        isinstance(turn, Mapping) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str)
        for turn in prompt  # type: ignore[attr-defined]  # a sequence, as was just seen
    ):
        raise ValueError(f"{where}: a prompt is a text or a list of {{'role', 'content'}}; got {prompt!r:.100}")
    turns: Sequence[Mapping[str, str]] = prompt  # type: ignore[assignment]
    if getattr(tokenizer, "chat_template", None) is None:
        raise ValueError(f"{where} is a chat, and the tokenizer has no chat template: give texts, or set chat_template")
    rendered = tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=True)
    ids = list(tokenizer(rendered, add_special_tokens=False)["input_ids"])
    if len(turns) == 1:
        return turns[0]["content"], ids
    return "\n".join(f"{turn['role']}: {turn['content']}" for turn in turns), ids
