"""Quantal response equilibria of a game at one temperature after another, each solved from the one before.

====================  ===============================================  ==============================================
game                  the equilibrium at a temperature                 from the one before
====================  ===============================================  ==============================================
normal form           logit quantal response                           further along the principal branch
tree                  agent quantal response                           the same; in trees too large, mirror descent
Markov game           logit Markov quantal response                    further along the principal branch
zero-sum Markov game  that of the game in which both are paid for      soft value iteration
                      entropy, that of later states too
====================  ===============================================  ==============================================

A state is arrays by name, so that a run can be saved; ``residual`` [1] in it is how far the point is from the equilibrium
that was asked for: max |π − response| of probabilities; for zero-sum Markov games see `soft_equilibrium`.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arena.games.compile_tree import information_states, payoffs_of
from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.games.markov_game import MarkovGame
from arena.games.policy import Policy, TabularPolicy
from arena.solvers.agent_qre import LARGEST_TRACED
from arena.solvers.agent_response import AgentResponse
from arena.solvers.agent_values import agent_game, agent_residual
from arena.solvers.checkpoint import State, fingerprint, tree_fingerprint
from arena.solvers.deviations import Strategies, nash_gap, payoff_range
from arena.solvers.exploitability import tree_of
from arena.solvers.markov_measures import markov_measures, policy_of
from arena.solvers.markov_response import MarkovResponse
from arena.solvers.markov_soft_values import soft_equilibrium, soft_start, soft_strategies
from arena.solvers.mmd import Descent, advance, played, scale_of, start
from arena.solvers.quantal_branch import Branch, Response, branch_in, branch_of, state_of, step_along
from arena.solvers.quantal_response import QuantalResponse
from arena.solvers.tree_measures import measures, uniform_strategy

MOST_STEPS = 2_000
LARGEST_RATIONALITY = 1e9  # in 1 / range of payoffs: at lower temperatures rounding decides
SETTLED = 1e-7  # the residual at which a point counts as the equilibrium that was asked for
DESCENT_ITERATIONS = 50_000
DESCENT_CALL = 500  # iterations between two looks at the residual


class QuantalPath(Protocol):
    """The equilibria of a game by temperature."""

    @property
    def fingerprint(self) -> str:
        """A hash of the numbers of the game."""
        ...

    def begin(self) -> State:
        """Uniform play."""
        ...

    def at(self, state: State, temperature: float) -> State:
        """The equilibrium at another temperature, from a state on; new arrays."""
        ...

    def measured(self, state: State) -> tuple[float, tuple[float, ...]]:
        """(NashConv, each player's expected return)."""
        ...

    def strategies(self, state: State) -> Strategies:
        """One vector a player where everybody chooses once, else ()."""
        ...

    def policy(self, state: State) -> Policy:
        """What the state plays."""
        ...


def quantal_path(game: Game | GameTree, method: str) -> QuantalPath:
    """The path of a normal form, a tree or a Markov game.

    Raises:
        NotProvided: it is none of them, or a Markov game too large whose sum is not zero.
    """
    if isinstance(game, MarkovGame):
        if game.num_players == 2 and game.info.utility == "zero_sum":
            return SoftMarkovPath(game)
        size = game.stages * game.num_states * sum(game.sizes)
        if size > LARGEST_TRACED:
            raise NotProvided(
                f"{method} follows the branch of Markov games of up to {LARGEST_TRACED} actions over all players, states and "
                f"steps where they are not two-player zero-sum games; {game.info.specification} has {size}. "
                "soft_markov_equilibrium has no such limit"
            )
        return MarkovPath(game)
    payoffs = None if isinstance(game, GameTree) else payoffs_of(game)
    if payoffs is not None and not isinstance(game, GameTree):
        return NormalFormPath(game, payoffs)
    tree = tree_of(game)
    tree.require_names()
    return TreePath(game, tree) if tree.num_sequences <= LARGEST_TRACED else DescentPath(game, tree)


class NormalFormPath:
    """Logit quantal response along the principal branch."""

    def __init__(self, game: Game, payoffs: NDArray[np.float64]):
        self._game, self._payoffs, self._scale = game, payoffs, payoff_range(payoffs)
        self._response = QuantalResponse(payoffs / self._scale)
        self.fingerprint = fingerprint((payoffs,))

    def begin(self) -> State:
        return _unmeasured(branch_of(self._response))

    def at(self, state: State, temperature: float) -> State:
        branch = _followed(self._response, state, self._scale / temperature)
        found = self._response.strategies(branch.logs)
        answers = self._response.answers(found, self._scale / temperature)
        residual = max(float(np.abs(own - answer).max()) for own, answer in zip(found, answers, strict=True))
        return state_of(branch) | {"residual": np.array([residual])}

    def measured(self, state: State) -> tuple[float, tuple[float, ...]]:
        return nash_gap(self._payoffs, self.strategies(state))

    def strategies(self, state: State) -> Strategies:
        return self._response.strategies(state["point"][:-1])

    def policy(self, state: State) -> Policy:
        named = zip(information_states(self._game), self.strategies(state), strict=True)
        return TabularPolicy(self._game.info.specification, {key: dict(enumerate(own.tolist())) for key, own in named})


class TreePath:
    """Agent quantal response along the principal branch."""

    def __init__(self, game: Game | GameTree, tree: GameTree):
        self._tree, self._agents = tree, agent_game(game, tree)
        self._response = AgentResponse(tree, self._agents)
        self.fingerprint = tree_fingerprint(tree)

    def begin(self) -> State:
        return _unmeasured(branch_of(self._response))

    def at(self, state: State, temperature: float) -> State:
        branch = _followed(self._response, state, self._response.scale / temperature)
        residual = agent_residual(self._tree, self._agents, self._response.logs(branch.logs), 1 / temperature)
        return state_of(branch) | {"residual": np.array([residual])}

    def measured(self, state: State) -> tuple[float, tuple[float, ...]]:
        return _tree_measures(self._tree, self._response.logs(state["point"][:-1]))

    def strategies(self, state: State) -> Strategies:
        return ()

    def policy(self, state: State) -> Policy:
        return self._tree.policy(played(self._tree, self._response.logs(state["point"][:-1])))


class DescentPath:
    """Agent quantal response by behavioural magnetic mirror descent, for trees too large to trace."""

    def __init__(self, game: Game | GameTree, tree: GameTree):
        self._tree, self._agents = tree, agent_game(game, tree)
        self.fingerprint = tree_fingerprint(tree)

    def begin(self) -> State:
        return {"logs": np.log(uniform_strategy(self._tree)), "residual": np.zeros(1)}

    def at(self, state: State, temperature: float) -> State:
        mirror = start(self._tree, "behavioural")
        mirror.logs[:] = state["logs"]
        step = temperature / scale_of(self._tree, self._agents) ** 2
        descent = Descent(form="behavioural", temperature=temperature, step=step)
        residual = math.inf
        while mirror.iterations < DESCENT_ITERATIONS and residual > SETTLED:
            advance(self._tree, self._agents, descent, mirror, DESCENT_CALL)
            residual = agent_residual(self._tree, self._agents, mirror.logs, 1 / temperature)
        return {"logs": mirror.logs, "residual": np.array([residual])}

    def measured(self, state: State) -> tuple[float, tuple[float, ...]]:
        return _tree_measures(self._tree, state["logs"])

    def strategies(self, state: State) -> Strategies:
        return ()

    def policy(self, state: State) -> Policy:
        return self._tree.policy(played(self._tree, state["logs"]))


class MarkovPath:
    """Logit Markov quantal response along the principal branch, of any number of players."""

    def __init__(self, game: MarkovGame):
        self._game, self._response = game, MarkovResponse(game)
        self.fingerprint = _fingerprint(game)

    def begin(self) -> State:
        return _unmeasured(branch_of(self._response))

    def at(self, state: State, temperature: float) -> State:
        branch = _followed(self._response, state, self._response.scale / temperature)
        residual = self._response.distance(branch.logs, self._response.scale / temperature)
        return state_of(branch) | {"residual": np.array([residual])}

    def measured(self, state: State) -> tuple[float, tuple[float, ...]]:
        found = markov_measures(self._game, self._response.tables(state["point"][:-1]))
        return found.nash_conv, tuple(found.returns.tolist())

    def strategies(self, state: State) -> Strategies:
        return ()

    def policy(self, state: State) -> Policy:
        return policy_of(self._game, self._response.tables(state["point"][:-1]))


class SoftMarkovPath:
    """The zero-sum Markov game in which both players are paid for entropy, at one temperature."""

    def __init__(self, game: MarkovGame):
        self._game = game
        self.fingerprint = _fingerprint(game)

    def begin(self) -> State:
        return soft_start(self._game)

    def at(self, state: State, temperature: float) -> State:
        return soft_equilibrium(self._game, state, row_temperature=temperature, column_temperature=temperature)

    def measured(self, state: State) -> tuple[float, tuple[float, ...]]:
        found = markov_measures(self._game, soft_strategies(state))
        return found.nash_conv, tuple(found.returns.tolist())

    def strategies(self, state: State) -> Strategies:
        return ()

    def policy(self, state: State) -> Policy:
        return policy_of(self._game, soft_strategies(state))


def _fingerprint(game: MarkovGame) -> str:
    rules = np.array([game.discount, game.horizon or 0])
    return fingerprint((game.begin, game.successors, game.chances, game.rewards, game.initial, rules))


def _followed(response: Response, state: State, rationality: float) -> Branch:
    """The branch followed to a rationality, in the response's units, or to the largest: from the state on where that lies
    before it, else from uniform play."""
    target = min(rationality, LARGEST_RATIONALITY)
    branch = branch_in(state) if float(state["point"][-1]) <= target else branch_of(response)
    steps = 0
    while steps < MOST_STEPS and not branch.lost and branch.rationality < target:
        steps += step_along(response, branch, target)
    return branch


def _unmeasured(branch: Branch) -> State:
    return state_of(branch) | {"residual": np.zeros(1)}


def _tree_measures(tree: GameTree, logs: NDArray[np.float64]) -> tuple[float, tuple[float, ...]]:
    found = measures(tree, played(tree, logs))
    return found.nash_conv, tuple(found.returns.tolist())
