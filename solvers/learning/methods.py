"""The methods of training by name: how the learner of each is made, with which settings, and where it is from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from arena.games.agent import Agent
from arena.games.errors import NotProvided
from arena.games.game import Game, GameInfo
from arena.games.policy import Policy
from arena.games.seeds import seed_of
from arena.games.tensor_tables import tensor_tables
from arena.solvers.learning.device_matches import DeviceMatches
from arena.solvers.learning.empirical_game import EmpiricalGame, payoffs_between
from arena.solvers.learning.environment import Environment
from arena.solvers.learning.learner import Learner
from arena.solvers.learning.match_tables import MatchTables, inputs_of
from arena.solvers.learning.measures import NASH_CONV, NOT_WON, Measure, exact_measure, team_measure, tree_measure
from arena.solvers.learning.networks import ActorCritic, Architecture, Precision
from arena.solvers.learning.nfsp import NFSP, NFSPSettings
from arena.solvers.learning.ppo import PPO, RESPONSE, PPOSettings
from arena.solvers.learning.pqn import PQN, PQNSettings
from arena.solvers.learning.psro import PSRO, PSROSettings, Seated
from arena.solvers.learning.settings import Settings
from arena.solvers.learning.smax_teams import SmaxTeams, rules_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be trained, and with what; see `arena.solvers.learning.train`.

    ``played``: the game, its tables where they are kept. ``tensors``: whether games that can be are played on the device.
    """

    game: Game
    played: Game
    steps: int
    tables: int
    hidden: tuple[int, ...]
    memory: int
    precision: Precision
    opponent: Agent | None
    seed: int
    device: torch.device
    tensors: bool = False

    def environment(self) -> Environment:
        """The game's matches, on all seats the learner or on all but its side the opponent.

        Raises:
            NotProvided: a game without tensors or listed actions.
        """
        inputs = inputs_of(self.game.info)
        if self.tensors and self.opponent is None and self.played is self.game:
            there = tensor_tables(self.game, self.tables, self.device, trees=not self.memory)
            if there is not None:
                return DeviceMatches(there, self.tables, inputs, seed=self.seed, device=self.device)
        return MatchTables(
            self.played,
            self.tables,
            seed=self.seed,
            opponent=self.opponent,
            device=self.device,
        )

    def updates(self, rollout: int) -> int:
        """How many updates of so many steps a table it takes."""
        return math.ceil(self.steps / (rollout * self.tables))


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to train.

    ``learner``: makes it of a plan and settings; raises `NotProvided` for games that it is not for. ``settings``: its own where
    none are given. ``remembers``: whether it can train networks with a memory; ``responds``: whether it can learn a response to an
    opponent. ``population``: of its learner, what members of a mixture earn against each other. ``measure``: of a game, how
    policies are measured there, by what ``gap_kind`` names; None where that cannot be said.
    """

    learner: Callable[[Plan, Any], Learner]
    settings: Settings = field(repr=False)
    source: str
    remembers: bool = False
    responds: bool = False
    population: Callable[[Any], EmpiricalGame] | None = None
    measure: Callable[[Game], Measure | None] = exact_measure
    gap_kind: str = NASH_CONV


def ppo(plan: Plan, settings: PPOSettings) -> PPO:
    """PPO, and MMD by its settings, on any game with listed actions and tensors."""
    return _ppo(plan.environment(), plan, settings)


def ippo(plan: Plan, settings: PPOSettings) -> PPO:
    """PPO of a team's units, each of which is judged by what it observes itself.

    Raises:
        NotProvided: no game of SMAX with discrete actions.
    """
    return _ppo(_teams(plan, central=False), plan, settings)


def mappo(plan: Plan, settings: PPOSettings) -> PPO:
    """The same with a critic that reads the state of the match besides. Errors as of `ippo`."""
    return _ppo(_teams(plan, central=True), plan, settings)


def pqn_vdn(plan: Plan, settings: PQNSettings) -> PQN:
    """PQN of the sum of the units' values. Errors as of `ippo`."""
    return PQN(
        _teams(plan, central=False),
        plan.hidden,
        settings,
        planned=plan.updates(settings.rollout),
        seed=plan.seed,
        precision=plan.precision,
        device=plan.device,
    )


def _teams(plan: Plan, *, central: bool) -> SmaxTeams:
    if plan.played is not plan.game:
        raise NotProvided("matches of teams are tensors, all stepped at once: leave workers out")
    return SmaxTeams(rules_of(plan.game), plan.tables, seed=plan.seed, central=central, device=plan.device)


def _ppo(environment: Environment, plan: Plan, settings: PPOSettings) -> PPO:
    facts = environment.facts
    return PPO(
        environment,
        Architecture(
            inputs=facts.inputs,
            actions=facts.actions,
            hidden=plan.hidden,
            memory=plan.memory,
            state=facts.state,
            precision=plan.precision,
        ),
        settings,
        planned=plan.updates(settings.rollout),
        seed=plan.seed,
        scale=scale_of(plan.game.info),
        device=plan.device,
    )


def psro(plan: Plan, settings: PSROSettings) -> PSRO:
    """PSRO, whose oracles learn by PPO.

    Raises:
        NotProvided: a game without tensors or listed actions.
    """
    info = plan.game.info
    inputs = inputs_of(info)

    def respond(opponents: Policy, oracle: int) -> PPO:
        seed = seed_of(("oracle", plan.seed, oracle))
        return ppo(replace(plan, opponent=Seated(opponents), steps=settings.oracle_steps, seed=seed), settings)

    grow, constant_sum = payoffs_between(plan.game, matches=settings.matches, seed=plan.seed)
    return PSRO(
        info,
        ActorCritic(Architecture(inputs=inputs, actions=info.num_actions, hidden=plan.hidden)),
        settings,
        respond=respond,
        grow=grow,
        constant_sum=constant_sum,
        planned=plan.updates(settings.rollout),
    )


def nfsp(plan: Plan, settings: NFSPSettings) -> NFSP:
    """NFSP on any game with listed actions and tensors.

    Raises:
        NotProvided: another precision is given, or a game without tensors or listed actions.
    """
    if plan.precision != "float32":
        raise NotProvided("nfsp learns in float32; leave precision out")
    return NFSP(
        plan.environment(),
        plan.hidden,
        settings,
        planned=plan.updates(settings.rollout),
        seed=plan.seed,
        scale=scale_of(plan.game.info),
        device=plan.device,
    )


def scale_of(info: GameInfo) -> float:
    """What brings returns into [-1, 1]; 1 where the game does not bound them."""
    bounds = (info.min_utility, info.max_utility)
    largest = max((abs(bound) for bound in bounds if bound is not None), default=0.0)
    return 1 / largest if largest > 0 else 1.0


TEAMS = PPOSettings(
    learning_rate=1e-3,
    rollout=32,
    epochs=4,
    minibatches=32,
    clip=0.2,
    entropy=0.001,
    first_entropy=0.001,
    discount=0.99,
    trace=0.9,
    averaged=0.0,
    greedy=True,
)
"""Tuned for SMAX 3m, with 256 tables."""

METHODS: Mapping[str, Method] = {
    "ppo": Method(
        learner=ppo,
        remembers=True,
        responds=True,
        settings=PPOSettings(),
        source="Schulman et al. 2017, arXiv:1707.06347; Rudolph et al., ICLR 2026, arXiv:2502.08938",
    ),
    "mmd": Method(
        learner=ppo,
        remembers=True,
        responds=True,
        settings=PPOSettings(learning_rate=3e-3, rollout=32, minibatches=2, clip=None, first_entropy=0.5, kl=5.0),
        source="Sokota et al., ICLR 2023, arXiv:2206.05825",
    ),
    "ippo": Method(
        learner=ippo,
        remembers=True,
        settings=TEAMS,
        source="de Witt et al. 2020, arXiv:2011.09533",
        measure=team_measure,
        gap_kind=NOT_WON,
    ),
    "mappo": Method(
        learner=mappo,
        remembers=True,
        settings=TEAMS,
        source="Yu et al., NeurIPS 2022, arXiv:2103.01955",
        measure=team_measure,
        gap_kind=NOT_WON,
    ),
    "pqn_vdn": Method(
        learner=pqn_vdn,
        settings=PQNSettings(),
        source="Gallici et al., ICLR 2025, arXiv:2407.04811; Sunehag et al., AAMAS 2018, arXiv:1706.05296",
        measure=team_measure,
        gap_kind=NOT_WON,
    ),
    "psro": Method(
        learner=psro,
        population=PSRO.empirical_game,
        measure=tree_measure,
        settings=PSROSettings(rollout=8, **RESPONSE),
        source="Lanctot et al., NeurIPS 2017, arXiv:1711.00832",
    ),
    "nfsp": Method(
        learner=nfsp,
        settings=NFSPSettings(),
        source="Heinrich and Silver 2016, arXiv:1603.01121",
    ),
}
