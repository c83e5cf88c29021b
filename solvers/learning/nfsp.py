"""Neural fictitious self-play: best responses by deep Q-learning, and a network that plays what they did on average.

In each match each player either answers with his best response so far (ε-greedy on action values, with probability η) or plays
the average of all best responses so far. Every decision becomes a transition to the same player's next decision, of which a
ring keeps the latest for Q-learning with a target network; those made by best responses go into a reservoir, an even sample of
all there ever were, whose actions the average policy learns to predict. One network of values and one policy serve all seats.

With ĥ what is seen at a player's next decision, r his rewards until then, Q⁻ the target network, and nothing beyond the end of a
match, the losses are

    (Q(h, a) − r − γ max_b Q⁻(ĥ, b))²   over transitions (h, a, r, ĥ)   and   − log π(a | h)   over best responses (h, a).

Sources: Heinrich and Silver, Deep reinforcement learning from self-play in imperfect-information games, 2016, arXiv:1603.01121,
algorithm 1; Mnih et al., Human-level control through deep reinforcement learning, Nature 2015.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from arena.games.seeds import seed_of
from arena.solvers.checkpoint import State, part, prefixed
from arena.solvers.learning.buffers import Buffer, Reservoir, Rows
from arena.solvers.learning.environment import ENVIRONMENT, GROWING, Environment
from arena.solvers.learning.experience import draw, explored
from arena.solvers.learning.learner import require_among, require_finite
from arena.solvers.learning.network_policy import NetworkPolicy
from arena.solvers.learning.networks import ILLEGAL, Activation, Actor, Architecture, log_probabilities
from arena.solvers.learning.settings import number, whole
from arena.solvers.learning.transitions import Waiting
from arena.solvers.neural.tensor_state import TensorState

ACTIVATION: Activation = "relu"


@dataclass(frozen=True, slots=True, kw_only=True)
class NFSPSettings:
    """``learning_rate``: of the action values; ``average_learning_rate``: of the average policy. ``rollout``: T, the steps of a table before each update.

    ``every``: steps of tables for each gradient step of both; ``batch``: rows of one. ``anticipation``: η. ``epsilon``: ε at the end;
    it falls from ``first_epsilon`` in a line over the planned updates. ``transitions``: rows of the ring; ``responses``: most rows
    of the reservoir. ``target_every``: gradient steps after which the target network becomes the values. ``discount``: γ, per decision.
    """

    learning_rate: float = number(1e-3)
    average_learning_rate: float = number(1e-3)
    rollout: int = whole(16)
    every: int = whole(128)
    batch: int = whole(256)
    anticipation: float = number(0.1, at_most=1)
    first_epsilon: float = number(0.1, at_least=0, at_most=1)
    epsilon: float = number(0.0, at_least=0, at_most=1)
    transitions: int = whole(20_000)
    responses: int = whole(2_000_000)
    target_every: int = whole(300)
    discount: float = number(1.0, at_least=0, at_most=1)


class NFSP:
    """See `Learner`. ``scale`` is what rewards are multiplied by, so that returns are of the order of 1."""

    def __init__(
        self,
        environment: Environment,
        hidden: tuple[int, ...],
        settings: NFSPSettings,
        *,
        planned: int,
        seed: int,
        scale: float = 1.0,
        device: str | torch.device = "cpu",
    ):
        self.environment, self.settings = environment, settings
        self.planned, self.seed, self.scale = planned, seed, scale
        self.generator = torch.Generator(device)
        facts = environment.facts
        shape = Architecture(inputs=facts.inputs, actions=facts.actions, hidden=hidden, activation=ACTIVATION)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(("network", seed)))
            self.network, self.values = Actor(shape).to(device), Actor(shape).to(device).actor
        self.target = copy.deepcopy(self.values)
        self.waiting = Waiting(facts, device)
        self.best = torch.zeros(facts.tables, facts.players, dtype=torch.bool, device=device)
        self.generator.manual_seed(seed_of(("first matches", seed)))
        self._draw_best(torch.ones(facts.tables, dtype=torch.bool, device=device))
        seen = torch.zeros(facts.inputs, device=device)
        legal = torch.zeros(facts.actions, dtype=torch.bool, device=device)
        action, reward = torch.zeros((), dtype=torch.int64, device=device), torch.zeros((), device=device)
        most = planned * self.steps_an_update * facts.seats  # no more room than what is planned can fill
        self.transitions = Buffer(
            min(settings.transitions, most),
            {"observation": seen, "action": action, "reward": reward, "follows": seen, "follows_legal": legal},
        )
        self.responses = Reservoir(
            min(settings.responses, most), {"observation": seen, "legal": legal, "action": action}
        )
        self.parts: Mapping[str, Buffer | Environment] = {
            "transitions": self.transitions,
            "responses": self.responses,
            ENVIRONMENT: environment,
        }
        self.optimiser = torch.optim.Adam(
            [
                {"params": self.values.parameters(), "lr": settings.learning_rate},
                {"params": self.network.actor.parameters(), "lr": settings.average_learning_rate},
            ],
            fused=True,
        )
        self.held = TensorState(
            {"values": self.values, "target": self.target, "policy": self.network.actor},
            {**self.waiting.tensors, "best": self.best},
            self.optimiser,
            lambda parameters: torch.optim.Adam(parameters, fused=True),
        )

    @property
    def steps_an_update(self) -> int:
        return self.settings.rollout * self.environment.facts.tables

    def update(self, number: int) -> Mapping[str, float]:
        one = self.settings
        epsilon = one.epsilon + (one.first_epsilon - one.epsilon) * (1 - number / self.planned)
        self.generator.manual_seed(seed_of(("update", self.seed, number)))
        self.gather(epsilon)
        told: dict[str, list[Tensor]] = {}
        steps = max(1, self.steps_an_update // one.every)
        for step in range(number * steps, (number + 1) * steps):
            if step % one.target_every == 0:
                self.target.load_state_dict(self.values.state_dict())
            terms = self._losses()
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(list(terms.values()))
            self.optimiser.step()
            for name, term in terms.items():
                told.setdefault(name, []).append(term.detach())
        means = {name: float(torch.stack(values).mean()) for name, values in told.items()}
        require_finite(means.values(), number)
        return {**means, "epsilon": epsilon, "best responses": float(len(self.responses))}

    @torch.no_grad()
    def gather(self, epsilon: float) -> None:
        """Plays T steps of all tables into the buffers."""
        transitions, responses = [], []
        for _ in range(self.settings.rollout):
            seen = self.environment.seen()
            greedy = self.values(seen.observation).masked_fill(~seen.legal, ILLEGAL).argmax(-1)
            response = explored(greedy, seen.legal, epsilon, self.generator)
            logs = log_probabilities(self.network.actor(seen.observation), seen.legal)
            average = draw(logs, seen.legal, self.generator)
            best = self.best.gather(1, seen.player)
            action = torch.where(best, response, average)
            rows = best & seen.acting
            responses.append({"observation": seen.observation[rows], "legal": seen.legal[rows], "action": action[rows]})
            transitions.append(self.waiting.decided(seen, action))
            happened = self.environment.step(action)
            happened = replace(happened, reward=happened.reward * self.scale)
            transitions.append(self.waiting.followed(happened))
            self._draw_best(happened.over)
        self.transitions.add(_together(transitions), self.generator)
        self.responses.add(_together(responses), self.generator)

    def _draw_best(self, begins: Tensor) -> None:
        """Who plays best responses in the matches that begin at these tables [N]."""
        drawn = torch.rand(self.best.shape, generator=self.generator, device=begins.device) < self.settings.anticipation
        self.best.copy_(torch.where(begins[:, None], drawn, self.best))

    def _losses(self) -> dict[str, Tensor]:
        """By name; nothing is learned from a buffer that holds nothing yet."""
        found, batch = {}, self.settings.batch
        if len(self.transitions):
            rows = self.transitions.sample(batch, self.generator)
            found["value loss"] = value_loss(self.values, self.target, rows, self.settings.discount)
        if len(self.responses):
            found["policy loss"] = policy_loss(self.network.actor, self.responses.sample(batch, self.generator))
        return found

    def policy(self) -> NetworkPolicy:
        return NetworkPolicy.of(self.network)

    @property
    def growing(self) -> frozenset[str]:
        return GROWING | {
            f"{of}.{name}" for of, one in self.parts.items() if isinstance(one, Buffer) for name in one.columns
        }

    def arrays(self) -> State:
        found = self.held.arrays()
        for name, one in self.parts.items():
            found |= prefixed(name, one.arrays())
        return found

    def restore(self, arrays: State) -> None:
        self.held.restore(arrays, fresh=False)
        for name, one in self.parts.items():
            one.restore(part(name, arrays))
        for column in (self.waiting.action, self.transitions.columns["action"], self.responses.columns["action"]):
            require_among(column, self.environment.facts.actions, "actions")


def value_loss(values: nn.Module, target: nn.Module, rows: Rows, discount: float) -> Tensor:
    """The mean over transitions of (Q(h, a) − r − γ max_b Q⁻(ĥ, b))²; see `Waiting` for their columns."""
    with torch.no_grad():
        legal = rows["follows_legal"]
        best = target(rows["follows"]).masked_fill(~legal, ILLEGAL).amax(-1)
        told = rows["reward"] + discount * torch.where(legal.any(-1), best, 0.0)
    chosen: Tensor = values(rows["observation"]).gather(-1, rows["action"][:, None]).squeeze(-1)
    return (chosen - told).square().mean()


def policy_loss(actor: nn.Module, rows: Rows) -> Tensor:
    """The mean over best responses of − log π(a | h)."""
    logs = log_probabilities(actor(rows["observation"]), rows["legal"])
    return -logs.gather(-1, rows["action"][:, None]).mean()


def _together(parts: Sequence[Rows]) -> Rows:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
