"""``policy:FILE`` and ``uniform``: a policy as an agent, one draw a decision."""

from __future__ import annotations

from itertools import chain

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.agents.registry import read_settings, require_discrete
from arena.games import (
    AgentInfo,
    ArenaError,
    Game,
    ObservationBatch,
    Policy,
    SpecificationError,
    TabularPolicy,
    load_game,
    uniform_policy,
)
from arena.games.policy import sample
from arena.games.seeds import unit
from arena.solvers.policy_file import load_policy


class PolicyAgent:
    """Draws actions from a policy with each decision's own word.

    A `TabularPolicy` is compiled once, so that a decision costs one look-up of its information state; its actions are
    those that `arena.games.policy.sample` draws. ``policy`` is what it was made from.
    """

    def __init__(self, policy: Policy, *, name: str = "policy"):
        self.info = AgentInfo(name=name)
        self.policy = policy
        self._table = _CompiledTable(policy) if isinstance(policy, TabularPolicy) else None

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        return sample(self.policy, batch) if self._table is None else self._table.sample(batch)

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...


def load(rest: str, *, game: Game, name: str) -> PolicyAgent:
    """The agent of ``policy:FILE``.

    Raises:
        SpecificationError: no such file, a broken one, a policy for another game, or a game without information states.
    """
    if not rest or rest.startswith("("):
        raise SpecificationError(
            "policy: needs a file; write policy:FILE with a .policy, .npz or .json file of save_policy"
        )
    require_discrete(game, "a tabular policy")
    policy = load_policy(rest)
    if not _same_game(policy.game, game):
        raise SpecificationError(f"{rest!r} is a policy for {policy.game}; it does not fit {game.info.specification}")
    if policy.table and not game.info.has_information_state:
        raise SpecificationError(
            f"{game.info.title} has no information-state strings, which a tabular policy is keyed by; use checkpoint:FILE"
        )
    for state, choices in policy.table.items():
        if not 0 <= min(choices) <= max(choices) < game.info.num_actions:
            raise SpecificationError(
                f"{rest!r}: information state {state!r} has an action outside 0..{game.info.num_actions - 1}: {dict(choices)}"
            )
    return PolicyAgent(policy, name=name)


def load_uniform(rest: str, *, game: Game, name: str) -> PolicyAgent:
    """The agent of ``uniform``: a tabular policy without entries.

    Raises:
        SpecificationError: the game's actions are vectors.
    """
    read_settings("uniform", rest, {})
    require_discrete(game, "uniform")
    return PolicyAgent(uniform_policy(game.info.specification), name=name)


def _same_game(specification: str, game: Game) -> bool:
    if specification == game.info.specification:
        return True
    try:
        return load_game(specification).info.specification == game.info.specification  # another spelling of it
    except ArenaError:
        return False


class _CompiledTable:
    """A tabular policy as arrays: state i has the choices ``ends[i - 1]`` to ``ends[i]``, those of chance 0 left out."""

    def __init__(self, policy: TabularPolicy):
        rows = [sorted((a, p) for a, p in row.items() if p > 0) for row in policy.table.values()]
        ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
        self.state = {state: i for i, state in enumerate(policy.table)}
        self.starts = np.concatenate((np.zeros(1, np.int64), ends))
        self.actions = np.fromiter((a for a, _ in chain.from_iterable(rows)), np.int64)
        self.edges = np.concatenate([np.cumsum([p for _, p in row]) for row in rows]) if rows else np.empty(0)

    def sample(self, batch: ObservationBatch) -> NDArray[np.int64]:
        """One action a row; states that the table does not hold are played uniformly."""
        words = batch.seed()
        if not self.state:
            uniform: NDArray[np.int64] = batch.legal.sample(words)
            return uniform
        look_up = self.state.get
        states = batch.information_state()
        at = np.fromiter([look_up(state, -1) for state in states], np.int64, len(states))
        chosen: NDArray[np.int64] = _draw(at, self.starts, self.actions, self.edges, unit(words))
        unknown = np.flatnonzero(at < 0)
        if len(unknown):
            chosen[unknown] = batch.legal.take(unknown).sample(words[unknown])
        return chosen


@nb.njit(cache=True)
def _draw(state, starts, actions, edges, draws):  # type: ignore[no-untyped-def]  # numba kernel
    """The action whose part of [0, 1) the row's draw falls into; 0 where the state is -1."""
    chosen = np.zeros(len(state), np.int64)
    for row in range(len(state)):
        if state[row] < 0:
            continue
        at, last = starts[state[row]], starts[state[row] + 1] - 1
        draw = draws[row] * edges[last]
        while at < last and edges[at] <= draw:
            at += 1
        chosen[row] = actions[at]
    return chosen
