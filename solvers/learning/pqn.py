"""PQN for teams: Q-learning without a replay buffer and without a target network, on a sum of values of its own for each unit.

The value of what a team does is VDN's sum over those who act, Q(s, a) = Σ_i Q_i(o_i, a_i), so that each may take its own best
action. All tables are stepped T times with ε-greedy actions; λ-returns of what was seen are the targets of a few passes over
it, and then it is forgotten. Layers that normalise keep this from diverging where a target network would elsewhere.

Sources: Gallici et al., Simplifying deep temporal difference learning, ICLR 2025, arXiv:2407.04811, algorithm 1; Sunehag et al.,
Value-decomposition networks for cooperative multi-agent learning, AAMAS 2018, arXiv:1706.05296.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from arena.games.seeds import seed_of
from arena.solvers.checkpoint import State, part, prefixed
from arena.solvers.learning.environment import ENVIRONMENT, GROWING, Environment, Seen
from arena.solvers.learning.experience import explored
from arena.solvers.learning.learner import require_finite
from arena.solvers.learning.network_policy import NetworkPolicy
from arena.solvers.learning.networks import ILLEGAL, Actor, Architecture, Precision
from arena.solvers.learning.returns import lambda_returns
from arena.solvers.learning.settings import number, switch, whole
from arena.solvers.neural.tensor_state import TensorState


@dataclass(frozen=True, slots=True, kw_only=True)
class PQNSettings:
    """``rollout``: T. ``epochs``, ``minibatches``: passes over what was seen, parts of a pass.

    ``epsilon``: ε at the end; it falls from ``first_epsilon`` in a line over the share ``exploring`` of the planned updates.
    ``discount``, ``trace``: γ and λ of `lambda_returns`. ``most_gradient``: the norm that gradients are cut to.
    ``annealed``: the learning rate falls to 0 over the planned updates. Tuned for SMAX 3m, with 256 tables.
    """

    learning_rate: float = number(5e-4)
    rollout: int = whole(32)
    epochs: int = whole(2)
    minibatches: int = whole(32)
    first_epsilon: float = number(1.0, at_least=0, at_most=1)
    epsilon: float = number(0.01, at_least=0, at_most=1)
    exploring: float = number(0.1, at_most=1)
    discount: float = number(0.99, at_least=0, at_most=1)
    trace: float = number(0.85, at_least=0, at_most=1)
    most_gradient: float = number(1.0)
    annealed: bool = switch(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """R steps of tables: ``observation`` [R, S, D], ``acting`` and ``action`` [R, S], and the ``target`` of their sum [R]."""

    observation: Tensor
    acting: Tensor
    action: Tensor
    target: Tensor


class PQN:
    """See `Learner`. All who act in a step are one team, each player in his seat, and get the same."""

    def __init__(
        self,
        environment: Environment,
        hidden: tuple[int, ...],
        settings: PQNSettings,
        *,
        planned: int,
        seed: int,
        precision: Precision = "float32",
        device: str | torch.device = "cpu",
    ):
        self.environment, self.settings = environment, settings
        self.planned, self.seed = planned, seed
        self.generator = torch.Generator(device)
        facts = environment.facts
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(("network", seed)))
            self.network = Actor(  # whose logits are action values
                Architecture(
                    inputs=facts.inputs,
                    actions=facts.actions,
                    hidden=hidden,
                    activation="norm_relu",
                    precision=precision,
                )
            )
        self.network.to(device)
        self.optimiser = self._optimiser(self.network.actor.parameters())
        self.held = TensorState({"values": self.network.actor}, {}, self.optimiser, self._optimiser)

    def _optimiser(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.RAdam(parameters, lr=self.settings.learning_rate)

    @property
    def steps_an_update(self) -> int:
        return self.settings.rollout * self.environment.facts.tables

    def update(self, number: int) -> Mapping[str, float]:
        one, done = self.settings, number / self.planned
        epsilon = max(one.epsilon, one.first_epsilon + (one.epsilon - one.first_epsilon) * done / one.exploring)
        for group in self.optimiser.param_groups:
            group["lr"] = one.learning_rate * (1 - done if one.annealed else 1.0)
        self.generator.manual_seed(seed_of(("update", self.seed, number)))
        steps = self.gather(epsilon)
        told = []
        for _ in range(one.epochs):
            order = torch.randperm(len(steps.target), generator=self.generator, device=self.generator.device)
            for rows in order.chunk(one.minibatches):
                error = loss(self.values, steps, rows)
                self.optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(error)
                nn.utils.clip_grad_norm_(self.network.actor.parameters(), one.most_gradient)
                self.optimiser.step()
                told.append(error.detach())
        mean = float(torch.stack(told).mean())
        require_finite([mean], number)
        return {"loss": mean, "value": float(steps.target.mean()), "epsilon": epsilon}

    @torch.no_grad()
    def gather(self, epsilon: float) -> Steps:
        """T steps of all tables with ε-greedy actions."""
        one, seen = self.settings, self.environment.seen()
        observations, actings, actions, rewards, overs = [], [], [], [], []
        greedy, value = self._best(seen)
        best = [value]
        for _ in range(one.rollout):
            action = explored(greedy, seen.legal, epsilon, self.generator)
            happened = self.environment.step(action)
            observations.append(seen.observation)
            actings.append(seen.acting)
            actions.append(action)
            rewards.append(happened.reward.mean(1))
            overs.append(happened.over)
            seen = self.environment.seen()
            greedy, value = self._best(seen)
            best.append(value)
        target = lambda_returns(
            torch.stack(best), torch.stack(rewards), torch.stack(overs), discount=one.discount, trace=one.trace
        )
        return Steps(
            observation=torch.cat(observations),
            acting=torch.cat(actings),
            action=torch.cat(actions),
            target=target.flatten(),
        )

    def values(self, observation: Tensor) -> Tensor:
        """Q [..., A] of observations [..., D]."""
        return self.network.act(observation, observation[..., :0])[0]

    def _best(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """(the best legal actions [N, S], the sum of their values over those who act [N])."""
        values, action = self.values(seen.observation).masked_fill(~seen.legal, ILLEGAL).max(-1)
        return action, torch.where(seen.acting, values, 0.0).sum(-1)

    def policy(self) -> NetworkPolicy:
        return NetworkPolicy.of(self.network, choice="greedy")

    @property
    def growing(self) -> frozenset[str]:
        return GROWING

    def arrays(self) -> State:
        return {**self.held.arrays(), **prefixed(ENVIRONMENT, self.environment.arrays())}

    def restore(self, arrays: State) -> None:
        self.held.restore(arrays, fresh=False)
        self.environment.restore(part(ENVIRONMENT, arrays))


def loss(values: Callable[[Tensor], Tensor], steps: Steps, rows: Tensor) -> Tensor:
    """The mean over these rows of (Σ_i Q_i(o_i, a_i) − target)², the sum over those who acted."""
    chosen = values(steps.observation[rows]).gather(-1, steps.action[rows][..., None]).squeeze(-1)
    team = torch.where(steps.acting[rows], chosen, 0.0).sum(-1)
    return (team - steps.target[rows]).square().mean()
