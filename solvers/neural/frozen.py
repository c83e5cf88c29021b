"""Copies of a policy that losses compare it with: held still for some updates, or following it as a moving average."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class Frozen:
    """A copy of a policy that no gradient reaches, in evaluation mode."""

    def __init__(self, policy: nn.Module):
        self.module = copy.deepcopy(policy).eval().requires_grad_(False)
        self.parameters = list(zip(self.module.parameters(), policy.parameters(), strict=True))
        self.buffers = list(zip(self.module.buffers(), policy.buffers(), strict=True))

    def logs(self, features: Tensor) -> Tensor:
        """log π [contexts, n], held fixed."""
        with torch.no_grad():
            return log_policy(self.module, features)

    def follow(self, share: float = 1.0) -> None:
        """Moves every parameter by this share of the way to the policy's; 1 = becomes it. Buffers are copied."""
        with torch.no_grad():
            for mine, theirs in self.parameters:
                mine.lerp_(theirs, share) if share < 1 else mine.copy_(theirs)
            for held, now in self.buffers:
                held.copy_(now)


def log_policy(policy: nn.Module, features: Tensor) -> Tensor:
    """log π [contexts, n] of the module's logits, in float32 or better."""
    logits: Tensor = policy(features)
    return torch.log_softmax(logits, dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))


@contextlib.contextmanager
def evaluated(policy: nn.Module) -> Iterator[None]:
    """In evaluation mode and without gradients; afterwards every part is in the mode that it was in."""
    modes = [(part, part.training) for part in policy.modules()]
    policy.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training
