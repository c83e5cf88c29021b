"""The updates of a network that learns from preferences, their state as arrays, and measures of the policy between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from arena.games.seeds import seed_of
from arena.solvers.checkpoint import State
from arena.solvers.neural.certificates import Certificate, estimated_certificate, exact_certificate
from arena.solvers.neural.contexts import PreferenceContexts
from arena.solvers.neural.draws import Judging
from arena.solvers.neural.frozen import evaluated, log_policy
from arena.solvers.neural.methods import Learning, Method
from arena.solvers.neural.tensor_state import MakeOptimiser, TensorState
from arena.solvers.preference_mirror import Array
from arena.solvers.solution import Setting

MEASURED_AT_ONCE = 4096
"""Contexts in one forward pass of a measurement."""
COUNTS = "tensor.counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``batch``: contexts an update sees, None = all. ``falling``: learning rates fall to 0 at this iteration, None = they stay.
    ``opponents``: of a judge's estimate of the gap."""

    batch: int | None
    falling: int | None
    opponents: int
    seed: int


class Trainer:
    """A method at work on a policy. ``state``: arrays by name, as `arena.solvers.iteration.Run` has them."""

    def __init__(
        self,
        contexts: PreferenceContexts,
        learning: Learning,
        judge: Judging,
        *,
        method: Method,
        settings: Mapping[str, Setting],
        make: MakeOptimiser,
        pace: Pace,
    ):
        self.contexts, self.learning, self.judge, self.method, self.pace = contexts, learning, judge, method, pace
        self.updates = method.build(learning, settings)
        trained = [one for one in learning.policy.parameters() if one.requires_grad]
        self.optimiser = make(trained)
        self.learning_rates = [float(group["lr"]) for group in self.optimiser.param_groups]
        self.sums = (
            torch.zeros(len(contexts), contexts.num_candidates, dtype=torch.float64) if method.averaged else None
        )
        self.live = TensorState(
            {"policy": learning.policy, **self.updates.modules},
            {
                "reference": learning.log_reference,
                "counts": judge.counts,
                **self.updates.tensors,
                **({} if self.sums is None else {"sums": self.sums}),
            },
            self.optimiser,
            make,
        )
        self.stage = int(settings.get("inner") or 1) if method.averaged == "stages" else 1
        self.done = -1
        self.state: State = {**self.live.arrays(), "clock": np.zeros(1, np.int64)}

    def advance(self, more: int) -> None:
        """Does more updates; the state changes when all are done.

        Raises:
            FloatingPointError: log-probabilities are no longer finite.
        """
        self._take_up()
        devices = [self.learning.features.device] if self.learning.features.is_cuda else []
        with torch.random.fork_rng(devices=devices):
            for _ in range(more):
                _seed(seed_of(("neural preferences", self.pace.seed, self.done)), devices)
                self._update()
                self.done += 1
        if not bool(torch.isfinite(self._logs()).all()):
            raise FloatingPointError(
                f"log-probabilities of the policy are not finite after {self.done} iterations; try a smaller learning rate"
            )
        self.state.update(self.live.arrays(), clock=np.array([self.done]))

    def policy_logs(self) -> Array:
        """log π [contexts, n] of the module as it is."""
        self._take_up()
        found: Array = self._logs().numpy()
        return found

    def answer_logs(self) -> Array:
        """The logarithms [contexts, n] of what to play: those of the module, or of the average of policies."""
        logs = self.policy_logs()
        if self.sums is None:
            return logs
        sums = self.sums.numpy()
        seen = sums.sum(-1, keepdims=True)
        means = np.where(seen > 0, sums / np.where(seen > 0, seen, 1.0), np.exp(logs))
        found: Array = np.log(np.maximum(means, np.finfo(np.float64).tiny))
        return found

    def measure(self, logs: Array) -> Certificate:
        """Of policies with these logarithms [contexts, n], now."""
        self._take_up()
        reference: Array = self.learning.log_reference.double().cpu().numpy()
        beta = self.learning.beta
        if self.contexts.preferences is not None:
            return exact_certificate(self.contexts.preferences, logs, reference, beta)
        with torch.random.fork_rng(devices=[]):
            _seed(seed_of(("neural certificates", self.pace.seed, self.done)), [])
            found = estimated_certificate(self.judge, logs, reference, beta, opponents=self.pace.opponents)
        self.state[COUNTS] = self.judge.counts.numpy().copy()
        return found

    def _take_up(self) -> None:
        """Goes on from the state's arrays where they are not those of the live tensors: a checkpoint was read."""
        at = int(self.state["clock"][0])
        if at != self.done:
            self.live.restore(self.state, fresh=at == 0)
            self.done = at

    def _update(self) -> None:
        learning, size = self.learning, len(self.contexts)
        self.updates.before(self.done)
        if self.sums is not None and self.method.averaged == "stages" and self.done % self.stage == 0:
            self.sums += self._logs().exp()
        if self.pace.falling is not None:
            for group, rate in zip(self.optimiser.param_groups, self.learning_rates, strict=True):
                group["lr"] = rate * (1 - self.done / self.pace.falling)
        chosen = torch.arange(size) if self.pace.batch is None else torch.randperm(size)[: self.pace.batch]
        chosen = chosen.to(learning.features.device)
        logs = log_policy(learning.policy, learning.features[chosen])
        if self.sums is not None and self.method.averaged == "updates":
            self.sums[chosen.cpu()] += logs.detach().double().cpu().exp()
        loss = self.updates.loss(logs, chosen)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        self.updates.after()

    def _logs(self) -> Tensor:
        """log π [contexts, n] of the module in evaluation mode, float64 on the CPU."""
        with evaluated(self.learning.policy):
            parts = [self.learning.policy(part) for part in torch.split(self.learning.features, MEASURED_AT_ONCE)]
        return torch.log_softmax(torch.cat(parts).double().cpu(), dim=-1)


def logits_of(policy: nn.Module, features: Tensor, num_candidates: int) -> Tensor:
    """What the module gives for all contexts, in evaluation mode.

    Raises:
        ValueError: not one finite logit a candidate, or features of a type that the policy does not read.
    """
    try:
        with evaluated(policy):
            found = policy(features)
    except RuntimeError as error:
        held = {one.dtype for one in policy.parameters()}
        if not held or features.dtype in held:
            raise
        raise ValueError(
            f"the policy does not read features of {features.dtype}, its parameters being {', '.join(sorted(map(str, held)))}: "
            f"give the features in its type ({error})"
        ) from None
    if not isinstance(found, Tensor) or found.shape != (len(features), num_candidates):
        got = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(
            f"the policy must give logits [{len(features)}, {num_candidates}] for these contexts; got {got}"
        )
    if not torch.isfinite(found).all():
        raise ValueError("the policy gives logits that are not finite")
    return found


def _seed(seed: int, devices: Sequence[torch.device]) -> None:
    """Of the generators in use alone: `torch.manual_seed` also notes the caller for every kind of device that is not in use."""
    torch.default_generator.manual_seed(seed)
    if devices:
        torch.cuda.manual_seed(seed)
