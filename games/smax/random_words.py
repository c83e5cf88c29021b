"""Which words of a chance seed SMAX draws for what: first those of the start of a match, then so many a step."""

from __future__ import annotations

import torch

START_WORDS = 4096
"""Words of a chance seed that are kept for the start of a match; those of its steps follow."""


def step_counter(step: torch.Tensor, per_step: int) -> torch.Tensor:
    """The counters [B, per_step] of the words of these steps [B]."""
    return START_WORDS + step[:, None] * per_step + torch.arange(per_step, device=step.device)
