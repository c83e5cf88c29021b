"""The methods that train a network on preferences: which opponent and anchor an update has, and its loss.

An update is one gradient step. Sources of the losses stand in `arena.solvers.preference_losses`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from arena.solvers.neural.draws import Draws
from arena.solvers.neural.frozen import Frozen
from arena.solvers.preference_losses import (
    dno_loss,
    geometric_mixture,
    inpo_loss,
    nash_mp_loss,
    online_ipo_loss,
    self_play_loss,
    spo_loss,
)
from arena.solvers.preference_mirror import falling_rate, hedge_step
from arena.solvers.solution import Setting

EMA, STAGES = "ema", "stages"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learning:
    """What a method learns with: the policy, features [contexts, ...], log μ [contexts, n], and how preferences are known."""

    policy: nn.Module
    features: Tensor
    log_reference: Tensor
    draws: Draws
    beta: float
    iterations: int


class Updates(Protocol):
    """A method at work. ``tensors``: what it holds from update to update, changed in place; ``modules``: its copies of the policy."""

    @property
    def tensors(self) -> Mapping[str, Tensor]: ...

    @property
    def modules(self) -> Mapping[str, nn.Module]: ...

    def before(self, done: int) -> None:
        """What happens before the update after so many."""
        ...

    def loss(self, logs: Tensor, contexts: Tensor) -> Tensor:
        """Of log π [batch, n] in these contexts [batch]."""
        ...

    def after(self) -> None:
        """What happens after the optimiser's step."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """``settings``: those it has, with defaults. ``charged``: whether it pays β KL(π, μ). ``averaged``: its answer is the average of
    the policies that updates began with, or stages of ``inner`` updates; None: the last policy."""

    build: Callable[[Learning, Mapping[str, Setting]], Updates]
    settings: Mapping[str, Setting]
    charged: bool = True
    averaged: Literal["updates", "stages"] | None = None
    source: str


@dataclass(slots=True, kw_only=True, eq=False)
class Held:
    """Nothing but the policy: the base of all methods."""

    learning: Learning
    tensors: dict[str, Tensor] = field(default_factory=dict)
    modules: dict[str, nn.Module] = field(default_factory=dict)

    def before(self, done: int) -> None: ...

    def after(self) -> None: ...

    def reference(self, contexts: Tensor) -> Tensor:
        return self.learning.log_reference[contexts]


class Proximal(Held):
    """Nash-MP, whose opponent is held still, and Nash Prox, whose opponent is the policy itself; both are drawn to an anchor.

    Stages: the anchor is the policy of a stage's begin, for 2 x inner updates of Nash-MP and inner of Nash Prox; Nash-MP's opponent
    is the anchor in the first half, and what that gave in the second. With a moving average it is anchor and opponent at once.
    """

    def __init__(self, learning: Learning, settings: Mapping[str, Setting], *, self_opponent: bool):
        super().__init__(learning=learning)
        self.self_opponent = self_opponent
        self.step = float(settings["step"] or 0)
        self.share = float(settings["ema"] or 0) if settings["target"] == EMA else None
        self.inner = int(settings["inner"] or 1) if settings["target"] == STAGES else 1
        self.anchor = Frozen(learning.policy)
        self.opponent = Frozen(learning.policy) if self.share is None and not self_opponent else self.anchor
        self.modules = {"anchor": self.anchor.module}
        if self.opponent is not self.anchor:
            self.modules["opponent"] = self.opponent.module

    def before(self, done: int) -> None:
        if self.share is not None:
            return
        if done % (self.inner if self.self_opponent else 2 * self.inner) == 0:
            self.anchor.follow()
        if done % self.inner == 0 and self.opponent is not self.anchor:
            self.opponent.follow()

    def loss(self, logs: Tensor, contexts: Tensor) -> Tensor:
        policy, features = logs.detach().exp(), self.learning.features[contexts]
        anchor = self.anchor.logs(features)
        if self.self_opponent:
            opponent = policy
        else:
            opponent = (anchor if self.opponent is self.anchor else self.opponent.logs(features)).exp()
        told = self.learning.draws.singles(contexts, policy, opponent)
        return nash_mp_loss(
            told.of(logs),
            told.win_rates,
            told.of(self.reference(contexts)),
            told.of(anchor),
            beta=self.learning.beta,
            step=self.step,
            weights=told.weights,
        )

    def after(self) -> None:
        if self.share is not None:
            self.anchor.follow(self.share)


class SelfPlay(Held):
    """The policy gradient against itself, or against its geometric mixture with the reference: Nash-MD-PG."""

    def __init__(self, learning: Learning, settings: Mapping[str, Setting]):
        super().__init__(learning=learning)
        self.mixture = float(settings.get("mixture") or 0)

    def loss(self, logs: Tensor, contexts: Tensor) -> Tensor:
        reference = self.reference(contexts)
        opponent = geometric_mixture(logs.detach(), reference, mixture=self.mixture).exp()
        told = self.learning.draws.singles(contexts, logs.detach().exp(), opponent)
        return self_play_loss(
            told.of(logs), told.win_rates, told.of(reference), beta=self.learning.beta, weights=told.weights
        )


class OnlineIpo(Held):
    """The regression of Online IPO on pairs that the policy itself draws."""

    def loss(self, logs: Tensor, contexts: Tensor) -> Tensor:
        pairs = self.learning.draws.pairs(contexts, logs.detach().exp())
        reference = pairs.margins(self.reference(contexts))
        return online_ipo_loss(
            pairs.margins(logs), reference, pairs.target, beta=self.learning.beta, weights=pairs.weights
        )


class Regression(Held):
    """INPO and DNO: ``inner`` updates of a regression on pairs of the policy of a stage's begin, towards its next mirror step."""

    def __init__(self, learning: Learning, settings: Mapping[str, Setting], *, direct: bool):
        super().__init__(learning=learning)
        self.direct = direct
        self.inner = int(settings["inner"] or 1)
        self.given = None if settings["rate"] is None else float(settings["rate"])
        self.rate = self.given or 0.0
        self.previous = Frozen(learning.policy)
        self.modules = {"previous": self.previous.module}

    def before(self, done: int) -> None:
        stage = done // self.inner
        if self.given is None and self.direct:
            size = self.learning.log_reference.shape[-1]
            self.rate = hedge_step(size, max(self.learning.iterations // self.inner, 1))
        elif self.given is None:
            self.rate = float(falling_rate(self.learning.beta, np.array(stage)))
        if done % self.inner == 0:
            self.previous.follow()

    def loss(self, logs: Tensor, contexts: Tensor) -> Tensor:
        previous = self.previous.logs(self.learning.features[contexts])
        if self.direct:
            pairs = self.learning.draws.gains(contexts, previous.exp())
            return dno_loss(
                pairs.margins(logs), pairs.margins(previous), pairs.target, rate=self.rate, weights=pairs.weights
            )
        pairs = self.learning.draws.pairs(contexts, previous.exp())
        return inpo_loss(
            pairs.margins(logs),
            pairs.margins(previous),
            pairs.margins(self.reference(contexts)),
            pairs.target,
            beta=self.learning.beta,
            rate=self.rate,
            weights=pairs.weights,
        )


class Queue(Held):
    """SPO: stages of ``inner`` updates towards a step of Hedge, on win rates against a queue of what the last updates drew in the
    context, first in first out; stages of one update are the plain policy gradient."""

    def __init__(self, learning: Learning, settings: Mapping[str, Setting]):
        super().__init__(learning=learning)
        self.previous = Frozen(learning.policy)
        self.inner = int(settings["inner"] or 1)
        size, stages = learning.log_reference.shape[-1], max(learning.iterations // self.inner, 1)
        self.rate = hedge_step(size, stages) if settings["rate"] is None else float(settings["rate"])
        first = self.previous.logs(learning.features).exp()
        self.queue = first.unsqueeze(1).repeat(1, int(settings["queue"] or 1), 1)  # [contexts, queue, n]
        self.tensors = {"queue": self.queue}
        self.modules = {"previous": self.previous.module}

    def before(self, done: int) -> None:
        if done % self.inner == 0:
            self.previous.follow()

    def loss(self, logs: Tensor, contexts: Tensor) -> Tensor:
        policy, queued = logs.detach().exp(), self.queue[contexts]
        told = self.learning.draws.singles(contexts, policy, queued.mean(1))
        newest = self.learning.draws.trace(told, policy).unsqueeze(1)
        self.queue[contexts] = torch.cat([queued[:, 1:], newest], dim=1)
        previous = told.of(self.previous.logs(self.learning.features[contexts]))
        return spo_loss(told.of(logs), told.win_rates, previous, rate=self.rate, weights=told.weights)


METHODS: Mapping[str, Method] = {
    "nash_mp": Method(
        build=lambda learning, settings: Proximal(learning, settings, self_opponent=False),
        settings={"target": EMA, "step": 2.0, "ema": 0.1, "inner": 10},
        source="Tiapkin et al. 2025, arXiv:2505.19731v1",
    ),
    "nash_prox": Method(
        build=lambda learning, settings: Proximal(learning, settings, self_opponent=True),
        settings={"target": EMA, "step": 2.0, "ema": 0.1, "inner": 10},
        source="Tiapkin et al. 2026, arXiv:2505.19731v2",
    ),
    "nash_md": Method(build=SelfPlay, settings={"mixture": 0.125}, source="Munos et al. 2024, arXiv:2312.00886"),
    "self_play": Method(build=SelfPlay, settings={}, source="Munos et al. 2024, arXiv:2312.00886"),
    "online_ipo": Method(
        build=lambda learning, _: OnlineIpo(learning=learning),
        settings={},
        source="Calandriello et al. 2024, arXiv:2403.08635",
    ),
    "inpo": Method(
        build=lambda learning, settings: Regression(learning, settings, direct=False),
        settings={"rate": None, "inner": 10},
        source="Zhang et al. 2025, arXiv:2407.00617",
    ),
    "dno": Method(
        build=lambda learning, settings: Regression(learning, settings, direct=True),
        settings={"rate": None, "inner": 10},
        charged=False,
        averaged="stages",
        source="Rosset et al. 2024, arXiv:2404.03715",
    ),
    "spo": Method(
        build=Queue,
        settings={"queue": 10, "rate": None, "inner": 10},
        charged=False,
        averaged="updates",
        source="Swamy et al. 2024, arXiv:2401.04056",
    ),
}
