"""Preferences in contexts, as networks learn from them: features of each context, and a table or a judge that compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from arena.games.errors import SpecificationError
from arena.games.judge import FailureKind, Judge, JudgeFailure, preferences_of, retrying
from arena.solvers.checkpoint import fingerprint
from arena.solvers.preference_mirror import Array, preference_matrix

Places = NDArray[np.int64]
Compare = Callable[[Places, Places, Places], tuple[Array, list[JudgeFailure]]]
"""(contexts [m], first [m], second [m]) -> (how much of the win the first takes [m], NaN where there is no verdict; failures)."""

FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreferenceContexts:
    """Contexts, in each of which one of ``num_candidates`` candidates is chosen, and what is known of which are preferred.

    ``features``: what a policy sees, one row a context [contexts, ...]. ``preferences``: P [contexts, n, n], P[x, i, j] = chance that i
    is preferred to j in context x; None where only ``compare`` tells. ``fingerprint``: of all that decides what is learned.
    """

    features: Tensor = field(repr=False)
    num_candidates: int
    preferences: Array | None = field(default=None, repr=False)
    compare: Compare | None = field(default=None, repr=False)
    fingerprint: str = field(default="", repr=False)

    def __len__(self) -> int:
        return len(self.features)


def preference_contexts(features: ArrayLike | Tensor, preferences: ArrayLike | Tensor) -> PreferenceContexts:
    """Contexts whose preferences are known, as a table for each.

    Args:
        features: [contexts, ...], what a policy sees of each context: numbers, or indices of embeddings.
        preferences: [contexts, n, n], P[x, i, j] = probability that i is preferred to j in context x, P + Pᵀ = 1, 1/2 on the diagonal.

    Raises:
        SpecificationError: a context's table is none; the message names the context and the worst cell.
        ValueError: the two differ in how many contexts they have, or features that are not finite.
    """
    seen = _features(features)
    given = preferences.detach().cpu().numpy() if isinstance(preferences, Tensor) else preferences
    tables = preference_matrix(given)
    if tables.ndim != 3:
        raise SpecificationError(f"preferences must be [contexts, n, n]; got shape {list(tables.shape)}")
    if len(tables) != len(seen):
        raise ValueError(f"features are of {len(seen)} contexts, preferences of {len(tables)}")
    return PreferenceContexts(
        features=seen,
        num_candidates=tables.shape[1],
        preferences=tables,
        fingerprint=fingerprint((_plain(seen), tables)),
    )


def judged_contexts(
    features: ArrayLike | Tensor,
    judge: Judge,
    *,
    prompts: Sequence[str],
    candidates: Sequence[str] | Sequence[Sequence[str]],
    both_orders: bool = True,
    attempts: int = 3,
) -> PreferenceContexts:
    """Contexts whose preferences only a judge knows, who is asked about two candidates at a time while a policy learns.

    A comparison without a verdict is asked again, then left out and counted; it is never a vote.

    Args:
        features: [contexts, ...], what a policy sees of each context: numbers, or indices of embeddings.
        judge: compares two candidates' answers to each prompt; see `arena.games.judge`.
        prompts: one a context.
        candidates: n answers, the same ones to each prompt; or [contexts][n], each prompt's own.
        both_orders: every comparison is shown in both orders and averaged: two questions to the judge.
        attempts: how often a comparison is asked until it has a verdict.

    Raises:
        ValueError: the lengths do not fit, fewer than two candidates, or features that are not finite.
    """
    seen = _features(features)
    if len(prompts) != len(seen):
        raise ValueError(f"features are of {len(seen)} contexts, prompts of {len(prompts)}")
    if not candidates or isinstance(candidates[0], str):
        answers = [[str(answer) for answer in candidates]] * len(prompts)
    elif len(candidates) != len(prompts):
        raise ValueError(f"candidates must be one list for each of {len(prompts)} contexts; got {len(candidates)}")
    else:
        answers = [list(own) for own in candidates]
    sizes = {len(row) for row in answers}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"every context must have the same number of candidates, two or more; got {sorted(sizes)}")
    asked = retrying(judge, attempts)

    def compare(contexts: Places, first: Places, second: Places) -> tuple[Array, list[JudgeFailure]]:
        shares, failed = preferences_of(
            asked,
            [prompts[x] for x in contexts],
            [answers[x][y] for x, y in zip(contexts, first, strict=True)],
            [answers[x][y] for x, y in zip(contexts, second, strict=True)],
            both_orders=both_orders,
        )
        lost = {one.row: one.failure for one in failed}  # a comparison that failed in both orders is one failure
        return shares, list(lost.values())

    words = np.array(["\x1f".join((prompt, *row)) for prompt, row in zip(prompts, answers, strict=True)])
    return PreferenceContexts(
        features=seen,
        num_candidates=sizes.pop(),
        compare=compare,
        fingerprint=fingerprint((_plain(seen), words, np.array(both_orders))),
    )


def _features(features: ArrayLike | Tensor) -> Tensor:
    seen = features.detach().cpu() if isinstance(features, Tensor) else torch.as_tensor(np.array(features))
    if seen.dtype == torch.float64 and not isinstance(features, Tensor):
        seen = seen.float()  # of Python's numbers: what networks compute with unless they say otherwise
    if seen.ndim == 0 or not len(seen):
        raise ValueError(f"features must be [contexts, ...] with a context or more; got shape {list(seen.shape)}")
    if seen.is_floating_point() and not torch.isfinite(seen).all():
        raise ValueError("features must be finite")
    return seen.contiguous()


def _plain(seen: Tensor) -> NDArray[np.generic]:
    """As numpy has it: bfloat16 by its bits."""
    held: NDArray[np.generic] = (seen.view(torch.int16) if seen.dtype == torch.bfloat16 else seen).numpy()
    return held
