"""PPO in self-play, and magnetic mirror descent on top of it: one network for all seats, with the entropy that hidden information needs.

The loss of a decision with the advantage A, the ratio r = π / π_old, and the entropy H of π:

    − min(r A, clip(r, 1 − ε, 1 + ε) A) − α H(π) + κ KL(π ‖ π_old) + μ KL(π ‖ π_magnet) + c (v − target)²

PPO has κ = μ = 0. MMD keeps π close to the policy that gathered the experience (κ is one over its step size) and to a magnet:
the uniform policy, to which the entropy draws, and with μ > 0 the policy of some updates ago.

Sources: Schulman et al., Proximal policy optimization algorithms, 2017, arXiv:1707.06347, equation 9; Sokota et al., A unified
approach to reinforcement learning, quantal response equilibria, and two-player zero-sum games, ICLR 2023, arXiv:2206.05825;
Rudolph et al., Reevaluating policy gradient methods for imperfect-information games, ICLR 2026, arXiv:2502.08938.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from arena.games.seeds import seed_of
from arena.solvers.checkpoint import State
from arena.solvers.learning.environment import GROWING, Environment
from arena.solvers.learning.experience import Collector
from arena.solvers.learning.learner import require_finite
from arena.solvers.learning.minibatches import Minibatch, minibatches
from arena.solvers.learning.network_policy import NetworkPolicy
from arena.solvers.learning.networks import ActorCritic, Architecture, log_probabilities
from arena.solvers.learning.settings import number, switch, whole
from arena.solvers.neural.tensor_state import TensorState

ADAM_EPSILON = 1e-5
TERMS = ("loss", "policy loss", "value loss", "entropy", "KL to the policy before")


@dataclass(frozen=True, slots=True, kw_only=True)
class PPOSettings:
    """``rollout``: T, the steps of a table in one experience. ``epochs``, ``minibatches``: passes over it, parts of a pass. ``clip``: ε, None = no clipping.

    ``entropy``: α at the end; it falls from ``first_entropy`` along a parabola over the planned updates: the policy follows
    quantal response equilibria from the uniform one on, as tables do with a temperature that falls. ``kl``: κ. ``magnet``: μ; ``magnet_updates``: after how many updates the magnet becomes the policy of then.
    ``value``: c. ``discount``, ``trace``: γ and λ of `advantages`. ``most_gradient``: the norm that gradients are cut to.
    ``annealed``: the learning rate and ε fall to 0 over the planned updates, and κ grows as 1 over what is left of them.
    ``averaged``: what is played is the mean of the weights after about this share of all updates so far; 0 = the last ones.
    ``greedy``: the likeliest actions are played, none are drawn.
    """

    learning_rate: float = number(1e-3)
    rollout: int = whole(16)
    epochs: int = whole(2)
    minibatches: int = whole(8)
    clip: float | None = number(0.05, none=True)
    entropy: float = number(0.05, at_least=0)
    first_entropy: float = number(0.25, at_least=0)
    kl: float = number(0.0, at_least=0)
    magnet: float = number(0.0, at_least=0)
    magnet_updates: int = whole(100)
    value: float = number(0.5, at_least=0)
    discount: float = number(1.0, at_least=0, at_most=1)
    trace: float = number(0.95, at_least=0, at_most=1)
    most_gradient: float = number(0.5)
    annealed: bool = switch(True)
    averaged: float = number(0.3, at_least=0, at_most=1)
    greedy: bool = switch(False)


RESPONSE: Mapping[str, Any] = {
    "learning_rate": 1e-2,
    "epochs": 4,
    "clip": 0.2,
    "entropy": 0.0,
    "first_entropy": 0.3,
    "averaged": 0.0,
}
"""Settings of a best response to a policy that holds still, which needs no mixing: entropy for looking around falls to none, and
steps are larger than in self-play."""


class PPO:
    """See `Learner`. ``scale`` is what rewards are multiplied by, so that returns are of the order of 1."""

    def __init__(
        self,
        environment: Environment,
        architecture: Architecture,
        settings: PPOSettings,
        *,
        planned: int,
        seed: int,
        scale: float = 1.0,
        device: str | torch.device = "cpu",
    ):
        self.environment, self.settings = environment, settings
        self.planned, self.seed, self.scale = planned, seed, scale
        self.generator = torch.Generator(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(("network", seed)))
            self.network = ActorCritic(architecture)
        self.network.to(device)
        self.magnet, self.average = copy.deepcopy(self.network), copy.deepcopy(self.network)
        self.collector = Collector(environment, self.network)
        self.optimiser = self._optimiser(self.network.parameters())
        self.held = TensorState(
            {"network": self.network, "magnet": self.magnet, "average": self.average},
            {},
            self.optimiser,
            self._optimiser,
        )

    def _optimiser(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.settings.learning_rate, eps=ADAM_EPSILON, fused=True)

    @property
    def steps_an_update(self) -> int:
        return self.settings.rollout * self.environment.facts.tables

    def update(self, number: int) -> Mapping[str, float]:
        one = in_force(self.settings, max(1.0 - number / self.planned, 1.0 / self.planned))
        for group in self.optimiser.param_groups:
            group["lr"] = one.learning_rate
        if one.magnet and number % one.magnet_updates == 0:
            self.magnet.load_state_dict(self.network.state_dict())
        self.generator.manual_seed(seed_of(("update", self.seed, number)))
        experience = self.collector.gather(
            one.rollout, discount=one.discount, trace=one.trace, scale=self.scale, generator=self.generator
        )
        networks = (self.network, self.magnet) if one.magnet else (self.network,)
        told: list[Tensor] = []
        for _ in range(one.epochs):
            for batch in minibatches(networks, experience, one.minibatches, self.generator):
                terms = losses(batch, one)
                self.optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(terms[0])
                nn.utils.clip_grad_norm_(self.network.parameters(), one.most_gradient)
                self.optimiser.step()
                told.append(torch.stack(terms).detach())
        means = torch.stack(told).mean(0).tolist() if told else []  # none: no decision's worth is known yet
        require_finite(means, number)
        with torch.no_grad():
            share = 1 / (1 + one.averaged * number)
            for mean, last in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(last, share)
        return dict(zip(TERMS, means, strict=True)) if told else {}

    def policy(self) -> NetworkPolicy:
        return NetworkPolicy.of(self.average, "greedy" if self.settings.greedy else "sample")

    @property
    def growing(self) -> frozenset[str]:
        return GROWING

    def arrays(self) -> State:
        return {**self.held.arrays(), **self.collector.arrays()}

    def restore(self, arrays: State) -> None:
        self.held.restore(arrays, fresh=False)
        self.collector.restore(arrays)


def in_force(settings: PPOSettings, left: float) -> PPOSettings:
    """The settings of an update before which this share of the run is left."""
    still = left if settings.annealed else 1.0
    return replace(
        settings,
        learning_rate=settings.learning_rate * still,
        clip=None if settings.clip is None else settings.clip * still,
        kl=settings.kl / still,
        entropy=settings.entropy + (settings.first_entropy - settings.entropy) * left**2,
    )


def losses(batch: Minibatch, settings: PPOSettings) -> tuple[Tensor, ...]:
    """The loss and its terms, in the order of `TERMS`; see the module."""
    now = log_probabilities(batch.logits[0], batch.legal)
    difference = now.gather(-1, batch.action[:, None]).squeeze(-1) - batch.logs
    ratio = difference.exp()
    gain = _standardised(batch.advantage)
    surrogate = ratio * gain
    if settings.clip is not None:
        surrogate = torch.minimum(surrogate, ratio.clamp(1 - settings.clip, 1 + settings.clip) * gain)
    policy = -surrogate.mean()
    probabilities = now.exp()
    entropy = -(probabilities * now).sum(-1).mean()
    step = (ratio * difference - (ratio - 1)).mean()  # KL(π ‖ π_old) from what π_old drew; each term is at least 0
    value = (batch.value[0] - batch.target).square().mean()
    loss = policy - settings.entropy * entropy + settings.value * value
    if settings.kl:
        loss = loss + settings.kl * step
    if settings.magnet:
        drawn = log_probabilities(batch.logits[1].detach(), batch.legal)
        loss = loss + settings.magnet * (probabilities * (now - drawn)).sum(-1).mean()
    return loss, policy, value, entropy, step


def _standardised(advantage: Tensor) -> Tensor:
    return (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
