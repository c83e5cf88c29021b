"""Any policy that tells its probabilities, written down as a table over a game's information sets: exact, and exactly measured.

A network or an agent is asked once at every information set, in large batches, on a position that leads there. A mixture,
whose member is drawn once a match and player, becomes the behaviour strategy that reaches every end as often: at each
information set its members are weighed by how likely each of them is to come there by its own choices.

Source of the latter: Kuhn, Extensive games and the problem of information, 1953 (perfect recall); von Stengel, Efficient
computation of behavior strategies, Games and Economic Behavior 14, 1996 (realisation plans).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from arena.games.agent import Agent, AgentInfo, ClockedAgent
from arena.games.compile_tree import compile_tree, information_states
from arena.games.errors import NotProvided, SpecificationError
from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.games.observation import ObservationBatch
from arena.games.policy import MixturePolicy, Policy, TabularPolicy, take_rows
from arena.games.positions import positions
from arena.games.registry import load_game
from arena.solvers.tree_kernels import fill_reach
from arena.solvers.tree_measures import (
    PROBABILITY_TOLERANCE,
    WITHOUT_PROBABILITIES,
    Strategies,
    StringPolicy,
    checked_vectors,
    is_profile,
    normalised,
    rows_by_string,
    tabulated,
)

ASKED_AT_ONCE = 4096
"""Rows of one batch: enough for a network to be fast, and few enough for wide tensors."""


@runtime_checkable
class Remembering(Protocol):
    """Tells its probabilities from decision to decision of a match: they depend on what a player remembers of his own.

    ``memory_width``: H; 0 = it remembers nothing. A memory is 0 where a match begins.
    """

    @property
    def memory_width(self) -> int: ...

    def probabilities_after(
        self, batch: ObservationBatch, memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """([R, num_actions], the memories after these decisions) with the memories [R, H] before them."""
        ...


AnyPolicy = Remembering | StringPolicy | Policy | Strategies | Agent | ClockedAgent
"""By information-state strings, by batches of observations, one vector a player where each has one decision, or an agent
that plays by one of these; of policies that remember, those that tell their probabilities from decision to decision."""


@runtime_checkable
class _Asked(Protocol):
    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]: ...


def tabulate(game: Game | GameTree, policy: AnyPolicy) -> TabularPolicy:
    """The policy as a table over all information states in which there is a choice.

    Args:
        game: a game that `compile_tree` takes, or its tree.
        policy: anything with probabilities; see `AnyPolicy`. It must not remember or draw between its answers.

    Raises:
        NotProvided: a game that has no tree, or a policy without probabilities.
        SpecificationError: what it answers is no distribution over the legal actions.
    """
    tree = game if isinstance(game, GameTree) else compile_tree(game)
    return tree.policy(strategy_of(game, tree, policy))


def strategy_of(game: Game | GameTree, tree: GameTree, policy: AnyPolicy) -> NDArray[np.float64]:
    """The strategy [S] of a policy on the tree of a game. Errors as of `tabulate`."""
    return strategies_of(game, tree, [policy])[0]


def strategies_of(game: Game | GameTree, tree: GameTree, policies: Sequence[AnyPolicy]) -> list[NDArray[np.float64]]:
    """As `strategy_of` of each; positions to ask them at are found once for all. Errors as of `tabulate`."""
    at_sets = cache(lambda: _positions(game, tree))

    def strategy(policy: AnyPolicy) -> NDArray[np.float64]:
        if isinstance(policy, MixturePolicy):
            return _mixed(tree, policy, [strategy(member) for member in policy.members])
        if isinstance(policy, StringPolicy) or is_profile(policy):
            return tabulated(tree, policy)
        if remembers(policy):
            return _remembered(at_sets(), tree, policy) if tree.num_sets else np.ones(tree.num_sequences)
        asked = required_policy(policy)
        if asked is not policy:
            return strategy(asked)
        return _answers(at_sets(), tree, asked) if tree.num_sets else np.ones(tree.num_sequences)

    return [strategy(policy) for policy in policies]


def vectors_of(game: Game, sizes: Sequence[int], policy: AnyPolicy) -> list[NDArray[np.float64]]:
    """One vector a player, in a game in which everybody chooses once among `sizes` actions. Errors as of `tabulate`."""
    if isinstance(policy, MixturePolicy):
        members = [vectors_of(game, sizes, member) for member in policy.members]
        found = []
        for player, of_player in enumerate(zip(*members, strict=True)):
            weights = policy.weights_of(player)
            found.append(weights / weights.sum() @ np.stack(of_player))
        return found
    if is_profile(policy):
        return checked_vectors(policy, sizes)
    keys = information_states(game)
    if isinstance(policy, StringPolicy):
        named = rows_by_string(policy, keys, [range(size) for size in sizes])
        return checked_vectors(
            [np.full(size, 1 / size) if row is None else np.array(row) for size, row in zip(sizes, named, strict=True)],
            sizes,
        )
    batch = positions(game, list(enumerate(keys)))
    if remembers(policy):
        answered, _ = policy.probabilities_after(batch, np.zeros((len(batch), policy.memory_width), np.float32))
    else:
        asked = required_policy(policy)
        if asked is not policy:
            return vectors_of(game, sizes, asked)
        answered = asked.probabilities(batch)
    rows = checked_rows(batch, answered, keys)
    return checked_vectors([row[:size] for row, size in zip(rows, sizes, strict=True)], sizes)


def is_asked(policy: object) -> TypeGuard[Policy]:
    """Whether a policy tells its probabilities by batches of observations."""
    return isinstance(policy, _Asked) and callable(policy.probabilities)


def remembers(policy: object) -> TypeGuard[Remembering]:
    """Whether a policy tells its probabilities from decision to decision alone."""
    return isinstance(policy, Remembering) and policy.memory_width > 0


def measurable(agent: object) -> Policy | Remembering | None:
    """As `policy_of`, and also an agent that remembers and tells its probabilities: games that are trees can measure it."""
    return agent if remembers(agent) else policy_of(agent)


def policy_of(agent: object) -> Policy | None:
    """What an agent plays by, if it tells its probabilities: its ``policy``, or the agent itself. None for all others.

    An agent that remembers has no probabilities of a position alone.
    """
    info = getattr(agent, "info", None)
    if isinstance(info, AgentInfo) and info.remembers:
        return None
    policy = getattr(agent, "policy", agent)
    return policy if is_asked(policy) else None


def required_policy(agent: object) -> Policy:
    """As `policy_of`.

    Raises:
        NotProvided: it does not tell its probabilities.
    """
    policy = policy_of(agent)
    if policy is None:
        raise NotProvided(WITHOUT_PROBABILITIES)
    return policy


def checked_rows(batch: ObservationBatch, rows: object, states: Sequence[str]) -> NDArray[np.float64]:
    """What a policy answered, [R, num_actions].

    Raises:
        SpecificationError: a row is no distribution over the legal actions.
    """
    answered = np.asarray(rows, np.float64)
    mask = batch.legal.mask(batch.game.num_actions)
    if answered.shape != mask.shape:
        raise SpecificationError(f"probabilities must have the shape {list(mask.shape)}; got {list(answered.shape)}")
    good = (answered >= 0).all(axis=1) & (
        np.abs(np.where(mask, answered, 0.0).sum(axis=1) - 1) <= PROBABILITY_TOLERANCE
    )
    good &= np.where(mask, 0.0, answered).sum(axis=1) <= PROBABILITY_TOLERANCE
    if not good.all():
        worst = int(np.flatnonzero(~good)[0])
        raise SpecificationError(
            f"the policy answers no distribution over the legal actions at information state {states[worst]!r}: "
            f"{answered[worst].tolist()}"
        )
    return answered


def _mixed(tree: GameTree, policy: MixturePolicy, strategies: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    plan = np.zeros(tree.num_sequences)
    weights = np.zeros((len(strategies), tree.num_sequences))
    for player in range(tree.num_players):
        weights[:, tree.sequences(player)] = policy.weights_of(player)[:, None]
    for strategy, weight in zip(strategies, weights, strict=True):
        reach = np.ones(tree.num_sequences)
        fill_reach(0, tree.num_sets, tree.first, tree.parent, strategy, reach)
        plan += weight * reach
    return normalised(tree, plan)


def _positions(game: Game | GameTree, tree: GameTree) -> ObservationBatch:
    """One decision at each information set."""
    states = [(player, tree.keys[j]) for player in range(tree.num_players) for j in tree.sets(player)]
    return positions(load_game(game.specification) if isinstance(game, GameTree) else game, states)


def _answers(whole: ObservationBatch, tree: GameTree, policy: Policy) -> NDArray[np.float64]:
    strategy = np.ones(tree.num_sequences)
    for rows in _parts(np.arange(tree.num_sets)):
        batch = take_rows(whole, rows)
        _write(strategy, tree, rows, checked_rows(batch, policy.probabilities(batch), [tree.keys[j] for j in rows]))
    return normalised(tree, strategy)


def _remembered(whole: ObservationBatch, tree: GameTree, policy: Remembering) -> NDArray[np.float64]:
    """Level by level: with perfect recall an information set tells the player's own decisions before it, and so his memory.

    Raises:
        NotProvided: decisions that are forced, which trees leave out, come before others.
    """
    if (whole.ply != tree.depth).any():
        raise NotProvided(f"players of {tree.specification} remember forced moves, which its tree leaves out")
    strategy, sets = np.ones(tree.num_sequences), np.arange(tree.num_sets)
    before = np.searchsorted(tree.first, tree.parent, side="right") - 1  # the own set before each; -1 where none is
    after = np.zeros((tree.num_sets + 1, policy.memory_width), np.float32)  # the last row is of no set: it stays 0
    for level in range(int(tree.depth.max()) + 1):
        for rows in _parts(sets[tree.depth == level]):
            batch = take_rows(whole, rows)
            answered, after[rows] = policy.probabilities_after(batch, after[before[rows]])
            _write(strategy, tree, rows, checked_rows(batch, answered, [tree.keys[j] for j in rows]))
    return normalised(tree, strategy)


def _parts(sets: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [sets[begin : begin + ASKED_AT_ONCE] for begin in range(0, len(sets), ASKED_AT_ONCE)]


def _write(
    strategy: NDArray[np.float64], tree: GameTree, sets: NDArray[np.int64], answered: NDArray[np.float64]
) -> None:
    """What is answered at these sets, in the places of their sequences."""
    begin = tree.first[sets].astype(np.int64)
    sizes = tree.first[sets + 1].astype(np.int64) - begin
    own = np.repeat(np.arange(len(sets)), sizes)
    sequences = np.arange(len(own)) + np.repeat(begin - (np.cumsum(sizes) - sizes), sizes)
    strategy[sequences] = answered[own, tree.actions[sequences]]
