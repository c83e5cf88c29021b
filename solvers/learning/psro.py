"""PSRO with learned oracles: a population of networks that grows by responses which PPO learns to a mixture of it.

An oracle learns against members that each other side draws, match by match, by its meta-strategy. Then it joins, what it
earns with and against the others is computed, and the meta-solver weighs all members anew, for each side of its own. The first
member plays uniformly.

Source: Lanctot et al., A unified game-theoretic approach to multiagent reinforcement learning, NeurIPS 2017, arXiv:1711.00832,
algorithm 1; meta-solvers as of `arena.solvers.meta_strategies`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from arena.games.agent import AgentInfo
from arena.games.errors import SpecificationError
from arena.games.game import GameInfo
from arena.games.observation import ObservationBatch
from arena.games.policy import MixturePolicy, Policy, sample
from arena.solvers.checkpoint import State
from arena.solvers.learning.empirical_game import EmpiricalGame, Grow
from arena.solvers.learning.environment import Environment
from arena.solvers.learning.network_policy import NetworkPolicy
from arena.solvers.learning.networks import ActorCritic
from arena.solvers.learning.ppo import PPO, PPOSettings
from arena.solvers.learning.settings import switch, whole, word
from arena.solvers.meta_strategies import most_members, weights_of

Meta = Literal["uniform", "nash", "prd", "alpha_rank"]
"""Of the meta-solvers those that answer one mixture a side; rectified Nash answers each member for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PSROSettings(PPOSettings):
    """Those of the oracles, without ``greedy``, and: ``meta``: the meta-solver. ``oracle_steps``: of all tables, for each oracle.

    ``fresh``: oracles begin with new weights, not with those of the one before. ``matches``: how many each joint choice of members
    plays, where the game is too large for exact payoffs.
    """

    meta: Meta = word("nash", among=get_args(Meta))  # noqa: RUF009  # as of `dataclasses.field`
    oracle_steps: int = whole(50_000)
    fresh: bool = switch(False)
    matches: int = whole(1000)


class PSRO:
    """See `Learner`."""

    def __init__(
        self,
        info: GameInfo,
        first: ActorCritic,
        settings: PSROSettings,
        *,
        respond: Callable[[Policy, int], PPO],
        grow: Grow,
        constant_sum: bool,
        planned: int,
    ):
        """Args:
            info: the game.
            first: a network of the members' form.
            respond: makes what learns a response to a policy; the number counts the oracles.
            grow: computes payoffs.
            constant_sum: whether two sides share one.
            planned: updates in all; the last oracle joins with the last of them.

        Raises:
            SpecificationError: alpha_rank with more members than it ranks, or greedy members.
        """
        if settings.greedy:
            raise SpecificationError(
                "greedy must be false: members of a population draw their actions, as the first does"
            )
        self.info, self.settings, self.planned = info, settings, planned
        self.respond, self.grow, self.constant_sum = respond, grow, constant_sum
        uniform = copy.deepcopy(first)
        for one in uniform.parameters():
            nn.init.zeros_(one)
        sides = len(info.sides)
        self.members: tuple[NetworkPolicy, ...] = (NetworkPolicy.of(uniform),)
        self.payoffs = grow(self.members, np.zeros((sides, *[0] * sides)))
        self.weights: NDArray[np.float64] = np.ones((1, sides))
        self.oracle = respond(self.policy(), 0)
        self.oracle_updates = math.ceil(settings.oracle_steps / self.oracle.steps_an_update)
        oracles, most = math.ceil(planned / self.oracle_updates), most_members(sides) - 1
        if settings.meta == "alpha_rank" and oracles > most:
            raise SpecificationError(
                f"alpha_rank ranks at most 5,000 joint choices, of {most} oracles a side; got {oracles}: give more oracle_steps"
            )

    @property
    def environment(self) -> Environment:
        return self.oracle.environment

    @property
    def steps_an_update(self) -> int:
        return self.oracle.steps_an_update

    def update(self, number: int) -> Mapping[str, float]:
        told = self.oracle.update(number % self.oracle_updates)
        if (number + 1) % self.oracle_updates == 0 or number + 1 == self.planned:
            self._join()
        return {**told, "members": float(len(self.members))}

    def policy(self) -> MixturePolicy:
        """Of the members by the meta-strategies, drawn once a match and side."""
        weights = np.empty((self.info.num_players, len(self.members)))
        for side, players in enumerate(self.info.sides):
            weights[list(players)] = self.weights[:, side]
        return MixturePolicy(self.members, weights.tolist())

    def empirical_game(self) -> EmpiricalGame:
        """What the members earn against each other, and how they are weighed, now and when there were fewer of them."""
        names = ("uniform", *(f"oracle {k}" for k in range(1, len(self.members))))
        sides = len(self.info.sides)
        grown = [np.ones((sides, 1))]
        for count in range(2, len(names)):  # the same payoffs were weighed then, in the same way
            part = self.payoffs[(slice(None), *[slice(count)] * sides)]
            grown.append(np.stack(weights_of(self.settings.meta, part, constant_sum=self.constant_sum)))
        now = self.weights.T.copy()
        return EmpiricalGame(
            names=names, payoffs=self.payoffs.copy(), weights=now, grown=(*grown, now) if len(names) > 1 else (now,)
        )

    @property
    def growing(self) -> frozenset[str]:
        return self.oracle.growing | {"members", "payoffs", "weights"}

    def arrays(self) -> State:
        """The oracle's; ``members`` [K, W]: the weights of their networks; ``payoffs`` [S · K · ... · K]; ``weights`` [K, S]."""
        members = [nn.utils.parameters_to_vector(one.network.parameters()) for one in self.members]
        return {
            **self.oracle.arrays(),
            "members": torch.stack(members).detach().numpy(),
            "payoffs": self.payoffs.ravel().copy(),
            "weights": self.weights.copy(),
        }

    def restore(self, arrays: State) -> None:
        held, weights, sides = arrays["members"], arrays["weights"], len(self.info.sides)
        sums = np.abs(weights.sum(axis=0) - 1) < 1e-6
        if arrays["payoffs"].size != sides * len(held) ** sides or len(weights) != len(held) or not sums.all():
            raise SpecificationError(
                "a broken checkpoint: members, payoffs and weights do not fit; remove it to begin anew"
            )
        members = [copy.deepcopy(self.members[0].network) for _ in held]
        for network, vector in zip(members, held, strict=True):
            nn.utils.vector_to_parameters(torch.from_numpy(vector.copy()), network.parameters())
        self.members = tuple(map(NetworkPolicy, members))
        self.payoffs = arrays["payoffs"].reshape(sides, *[len(held)] * sides).copy()
        self.weights = weights.copy()
        self.oracle = self.respond(self.policy(), len(held) - 1)
        self.oracle.restore(arrays)

    def _join(self) -> None:
        """The oracle becomes a member, and another one begins to answer what is then played."""
        joining = self.oracle.policy()
        members = (*self.members, joining)
        self.payoffs = self.grow(members, self.payoffs)
        found = weights_of(self.settings.meta, self.payoffs, constant_sum=self.constant_sum)
        self.members, self.weights = members, np.stack(found, axis=1)
        before, self.oracle = self.oracle, self.respond(self.policy(), len(members) - 1)
        if not self.settings.fresh:
            self.oracle.network.load_state_dict(before.network.state_dict())


@dataclass(frozen=True, slots=True)
class Seated:
    """A policy as an agent at a table."""

    policy: Policy
    info: AgentInfo = field(default_factory=lambda: AgentInfo(name="population"))

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        return sample(self.policy, batch)

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...
