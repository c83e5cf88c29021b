"""Networks of an actor and a critic: what is observed goes in, logits of actions and an expected return come out.

Feed-forward, the actor and the critic are networks of their own. Recurrent, a GRU that both read remembers what a player has
observed and done in a match; each player of each table has a memory of its own.

Source of the initialisation: Andrychowicz et al., What matters for on-policy deep actor-critic methods?, ICLR 2021,
arXiv:2006.05990 (orthogonal weights, a last layer of the actor near 0).
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn


class Tanh(nn.Tanh):
    """The hyperbolic tangent; on CPUs as 2 σ(2 x) − 1, to single precision the same in a third of the time of `torch.tanh`."""

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.device.type != "cpu":
            return torch.tanh(inputs)
        found: Tensor = _TanhBySigmoid.apply(inputs)  # type: ignore[no-untyped-call]
        return found


class _TanhBySigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        found = torch.sigmoid(inputs + inputs).mul_(2).sub_(1)
        ctx.save_for_backward(found)
        return found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (found,) = ctx.saved_tensors
        slope: Tensor = torch.ops.aten.tanh_backward(gradient, found)
        return slope


class NormReLU(nn.Module):
    """A layer's outputs brought to mean 0 and variance 1, then those above 0; nothing of it is learned."""

    def forward(self, outputs: Tensor) -> Tensor:
        return torch.relu(nn.functional.layer_norm(outputs, outputs.shape[-1:]))


Activation = Literal["relu", "tanh", "norm_relu"]
ACTIVATIONS: Mapping[Activation, type[nn.Module]] = {"relu": nn.ReLU, "tanh": Tanh, "norm_relu": NormReLU}
Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
ILLEGAL = -1e9
"""The logit of an illegal action: its probability is exactly 0 in single precision, and no gradient is infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """``inputs``: numbers observed; ``actions``: how many there are; ``hidden``: widths of layers; ``memory``: width of the GRU, 0 = none.

    ``state``: numbers that the critic alone reads besides. ``precision``: what layers are multiplied in; weights, and what comes
    out, are float32 in either.
    """

    inputs: int
    actions: int
    hidden: tuple[int, ...] = (128, 128)
    activation: Activation = "tanh"
    memory: int = 0
    state: int = 0
    precision: Precision = "float32"


class Actor(nn.Module):
    """``actor`` reads what ``memory`` gives, or what is observed where there is none."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = one = architecture
        self.memory = nn.GRUCell(one.hidden[-1], one.memory) if one.memory else None
        self.encoder = None
        if one.memory:
            self.encoder = nn.Sequential(
                *layers([one.inputs, *one.hidden], one.activation, last=math.sqrt(2)), ACTIVATIONS[one.activation]()
            )
        self.actor = layers([*_widths_read(one), one.actions], one.activation, last=0.01)

    def act(self, observation: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(logits [R, A], memories [R, H] after it) of observations [R, D] and the memories before; H = 0 without a memory."""
        with self._mixed(observation):
            read, after = self._read(observation, memory)
            logits = self.actor(read)
        return logits.to(observation.dtype), after.to(memory.dtype)

    def in_float32(self) -> Self:
        """A copy on the CPU that computes in float32: as it is measured, played and kept."""
        copied = copy.deepcopy(self).cpu()
        copied.architecture = replace(self.architecture, precision="float32")
        return copied

    def acting(self) -> nn.Sequential | nn.ModuleDict:
        """The part that chooses: the actor, and the encoder and memory that it reads where there are any."""
        if self.memory is None or self.encoder is None:
            return self.actor
        return nn.ModuleDict({"encoder": self.encoder, "memory": self.memory, "actor": self.actor})

    def _mixed(self, observation: Tensor) -> torch.autocast:
        return torch.autocast(
            observation.device.type, torch.bfloat16, enabled=self.architecture.precision == "bfloat16"
        )

    def _read(self, observation: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(what actor and critic read, the memory after it)."""
        if self.memory is None or self.encoder is None:
            return observation, memory
        after = self.memory(self.encoder(observation), memory)
        return after, after


class ActorCritic(Actor):
    """An actor, and a ``critic`` that reads what it reads and the state besides."""

    def __init__(self, architecture: Architecture):
        super().__init__(architecture)
        read, *between = _widths_read(architecture)
        self.critic = layers([read + architecture.state, *between, 1], architecture.activation, last=1.0)

    def forward(self, observation: Tensor, state: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `act` with values [R] between logits and memories; states [R, W], W = 0 without a state."""
        with self._mixed(observation):
            read, after = self._read(observation, memory)
            judged = torch.cat((read, state), -1) if self.architecture.state else read
            logits, value = self.actor(read), self.critic(judged).squeeze(-1)
        return logits.to(observation.dtype), value.to(observation.dtype), after.to(memory.dtype)


def _widths_read(one: Architecture) -> list[int]:
    """The widths of an actor or critic up to its last hidden layer: of what is read, and of the layers behind it."""
    return [one.memory] if one.memory else [one.inputs, *one.hidden]


def layers(sizes: Sequence[int], activation: Activation, *, last: float) -> nn.Sequential:
    """Linear layers with an activation between each two; orthogonal weights, biases 0.

    Args:
        last: the gain of the last layer's weights.
    """
    found: list[nn.Module] = []
    for layer, (before, after) in enumerate(itertools.pairwise(sizes)):
        linear = nn.Linear(before, after)
        nn.init.orthogonal_(linear.weight, last if layer == len(sizes) - 2 else math.sqrt(2))
        nn.init.zeros_(linear.bias)
        found += [linear, ACTIVATIONS[activation]()]
    return nn.Sequential(*found[:-1])


def log_probabilities(logits: Tensor, legal: Tensor) -> Tensor:
    """log π [..., A] over the legal actions; `ILLEGAL` and less for all others, also where nothing is legal."""
    return torch.log_softmax(torch.where(legal, logits, logits.new_tensor(ILLEGAL)), dim=-1)
