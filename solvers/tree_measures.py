"""How good a strategy is on a compiled tree: expected returns, best responses, NashConv. Exact up to rounding.

A strategy is an array [S]: the probability of each sequence's last action at its information set, 1 for empty sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import NotProvided, SpecificationError
from arena.games.game_tree import GameTree, Index
from arena.games.policy import TabularPolicy
from arena.solvers.tree_kernels import measure

PROBABILITY_TOLERANCE = 1e-6
WITHOUT_PROBABILITIES = (
    "exact measures need a policy that tells its probabilities: a tabular policy, a mixture, a network, or an agent that plays "
    "by one and remembers nothing"
)


@runtime_checkable
class StringPolicy(Protocol):
    """A policy that answers to information-state strings, as `TabularPolicy` does; KeyError = played uniformly."""

    def action_probabilities(self, information_state: str) -> dict[int, float]: ...


Strategies = Sequence[NDArray[np.float64]]
"""One probability vector a player, for games in which everybody chooses once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measures:
    """``returns`` [n]: what each player expects; ``responses`` [n]: the same when he alone plays a best response.

    ``choice`` [I]: the sequence that a best response plays at each information set, the first of equal ones.
    """

    returns: NDArray[np.float64]
    responses: NDArray[np.float64]
    choice: Index = field(repr=False)

    @property
    def nash_conv(self) -> float:
        """Σ over players of (best response − expected return); 0 exactly at a Nash equilibrium."""
        return max(float((self.responses - self.returns).sum()), 0.0)


def measures(tree: GameTree, strategy: NDArray[np.float64]) -> Measures:
    """What a strategy [S] earns, and what best responses to it earn: every payoff entry is read once."""
    returns, responses, choice, _ = measure(
        tree.set_begin, tree.first, tree.parent, tree.row_begin, tree.others, tree.weights, strategy
    )
    return Measures(returns=returns, responses=responses, choice=choice)


def payoff_scale(tree: GameTree) -> float:
    """The largest |payoff · chance| of a pair of sequences, 1 where nothing is paid: a unit of steps, temperatures, programs."""
    return float(np.abs(tree.weights).max(initial=0.0)) or 1.0


def uniform_strategy(tree: GameTree) -> NDArray[np.float64]:
    """Every action of an information set with the same probability [S]."""
    counts = tree.num_actions
    return np.concatenate((np.ones(tree.num_players), np.repeat(1 / counts, counts)))


def normalised(tree: GameTree, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strategy [S] in proportion to weights [S] of at least 0; uniform at sets where all are 0."""
    strategy = uniform_strategy(tree)
    begins = tree.first[:-1].astype(np.int64)
    if len(begins):
        total = np.repeat(np.add.reduceat(weights, begins), tree.num_actions)
        own = weights[tree.num_players :]
        np.divide(own, total, out=strategy[tree.num_players :], where=total > 0)
    return strategy


def tabulated(tree: GameTree, policy: object) -> NDArray[np.float64]:
    """The strategy [S] of a policy.

    Args:
        policy: answers to information-state strings, or one probability vector a player where each has one decision.
            What sums to 1 up to printed decimals is scaled to do so.

    Raises:
        NotProvided: a policy without probabilities.
        SpecificationError: it is no distribution over the legal actions, names no information state of the game, or its
            vectors do not fit the game.
    """
    if isinstance(policy, StringPolicy):
        return _of_strings(tree, policy)
    if not is_profile(policy):
        raise NotProvided(WITHOUT_PROBABILITIES)
    if tree.set_begin.tolist() != list(range(tree.num_players + 1)):
        raise SpecificationError(
            f"one vector a player is no policy of {tree.specification}, where players choose more than once; use a "
            "TabularPolicy"
        )
    return np.concatenate((np.ones(tree.num_players), *checked_vectors(policy, tree.num_actions.tolist())))


def is_profile(policy: object) -> TypeGuard[Strategies]:
    """Whether a policy is given as one vector a player: a sequence or an array."""
    return isinstance(policy, Sequence | np.ndarray) and not isinstance(policy, str | bytes)


def checked_vectors(policy: Strategies, sizes: Sequence[int]) -> list[NDArray[np.float64]]:
    """One probability vector a player, each scaled to sum to 1 exactly.

    Raises:
        SpecificationError: they do not fit the numbers of actions, or are no probabilities.
    """
    try:
        vectors = [np.asarray(vector, np.float64) for vector in policy]
    except (TypeError, ValueError) as error:
        raise SpecificationError(f"the vectors of a strategy profile must be numbers: {error}") from None
    if len(vectors) != len(sizes) or any(v.shape != (n,) for v, n in zip(vectors, sizes, strict=True)):
        raise SpecificationError(f"one probability vector a player is needed, of {list(sizes)} actions")
    if any(not (v.min() >= 0 and abs(v.sum() - 1) <= PROBABILITY_TOLERANCE) for v in vectors):
        raise SpecificationError("the vectors of a strategy profile must be probabilities that sum to 1")
    return [vector / vector.sum() for vector in vectors]


def rows_by_string(
    policy: StringPolicy, keys: Sequence[str], legal: Sequence[Sequence[int]]
) -> list[list[float] | None]:
    """The probabilities of the legal actions at each information state; None where the policy does not name it.

    Raises:
        SpecificationError: a row is no distribution over the legal actions; or a table names other states only.
    """
    rows: list[list[float] | None] = []
    for key, actions in zip(keys, legal, strict=True):
        try:
            choices = policy.action_probabilities(key)
        except KeyError:
            rows.append(None)
            continue
        row = [choices.get(action, 0.0) for action in actions]
        whole = abs(sum(row) - 1) <= PROBABILITY_TOLERANCE and abs(sum(choices.values()) - 1) <= PROBABILITY_TOLERANCE
        if not (whole and min(choices.values()) >= 0):
            raise SpecificationError(
                f"the policy does not spread all of its probability over the legal actions {list(actions)} at information "
                f"state {key!r}; got {choices}"
            )
        rows.append(row)
    if isinstance(policy, TabularPolicy) and policy.table and rows and all(row is None for row in rows):
        raise SpecificationError(
            f"the policy, made for {policy.game}, names none of this game's {len(keys):,} information states, such as "
            f"{keys[0]!r}; it would be played uniformly everywhere"
        )
    return rows


def _of_strings(tree: GameTree, policy: StringPolicy) -> NDArray[np.float64]:
    strategy = uniform_strategy(tree)
    first, actions = tree.first.tolist(), tree.actions.tolist()
    spans = [slice(begin, end) for begin, end in pairwise(first)]
    for span, row in zip(spans, rows_by_string(policy, tree.keys, [actions[span] for span in spans]), strict=True):
        if row is not None:
            strategy[span] = row
    return normalised(tree, strategy)
