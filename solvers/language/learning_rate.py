"""The learning rate over the updates of a run, as a function of the update alone."""

from __future__ import annotations

import math

from arena.solvers.language.configuration import PreferenceConfig


def learning_rate_factor(config: PreferenceConfig, step: int, max_steps: int) -> float:
    """What the learning rate is multiplied by in update ``step``, the first being 0.

    It rises evenly in ``warmup_steps`` updates to 1; then it stays, or falls to 0 at the end, evenly or along a cosine.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(max_steps - config.warmup_steps, 1)
    if config.lr_scheduler_type == "linear":
        return max(1 - done, 0.0)
    return (1 + math.cos(math.pi * min(done, 1.0))) / 2 if config.lr_scheduler_type == "cosine" else 1.0
