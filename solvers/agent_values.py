"""What each action earns once its information set is reached: the payoffs that agents of a game tree respond to.

With M[s] = the probability that chance and the others let a sequence happen, its player doing his part, and V[s] = what he
earns behind it, weighted so, the agent at a set expects q[s] = V[s] / M[s] of the action s. A `GameTree` holds no M: where
ends pay nothing it forgets how likely they are. This module writes the game out once more, every end paying 1.

Far from rational play M is smaller than any floating-point number. So the exact values here are sums of logarithms:
log M[s] = log Σ exp over the ends and decisions right behind s, and q[s] the average with these weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.compile_tree import payoffs_of, spiel_rules, write_out
from arena.games.errors import ArenaError, NotProvided
from arena.games.game import Game
from arena.games.game_tree import GameTree, Index, PlayerColumns, assemble
from arena.games.registry import load_game


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgentGame:
    """The rows of payoffs of a `GameTree` with all ends, and their chances.

    ``row_begin`` [S + 1], ``others`` [N, n - 1] as in `GameTree`; ``chance`` [N]: the probability of chance of the ends of a
    row's entry; ``weights`` [N]: its chance · payoff. ``payoff_range``: the largest difference of two returns of a player.
    """

    row_begin: Index = field(repr=False)
    others: Index = field(repr=False)
    chance: NDArray[np.float64] = field(repr=False)
    weights: NDArray[np.float64] = field(repr=False)
    payoff_range: float

    @property
    def payoffs(self) -> NDArray[np.float64]:
        """The mean return of each entry [N]."""
        return self.weights / self.chance


def agent_game(game: Game | GameTree, tree: GameTree) -> AgentGame:
    """The ends of a game with their chances, in the order of its tree.

    Raises:
        NotProvided: only a tree is given, and its specification does not load the game that it was compiled from.
    """
    source = game
    if isinstance(source, GameTree):
        try:
            source = load_game(source.specification)
        except ArenaError:
            raise _unknown_chances(tree) from None
    paying = _paying_one(source, tree)
    same = paying.keys == tree.keys and all(
        np.array_equal(getattr(paying, name), getattr(tree, name))
        for name in ("set_begin", "first", "parent", "actions")
    )
    if not same:
        raise _unknown_chances(tree)
    rows, chance = _rows(paying), paying.weights
    weights = np.zeros(len(chance))
    weights[_places(paying, tree)] = tree.weights
    payoffs = weights / chance
    owner = np.searchsorted(np.array([tree.sequences(p).stop for p in range(tree.num_players)]), rows, side="right")
    owner = np.where(rows < tree.num_players, rows, owner)
    return AgentGame(
        row_begin=paying.row_begin,
        others=paying.others,
        chance=chance,
        weights=weights,
        payoff_range=max(float(np.ptp(payoffs[owner == player])) for player in range(tree.num_players)),
    )


def agent_values(
    tree: GameTree, agents: AgentGame, logs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(q, log M), both [S], 0 for empty sequences; at sets that chance never leads to q = 0 and log M = -infinity.

    Args:
        logs: logarithms of the probability of each sequence's last action [S].
    """
    value, log_mass = np.zeros(tree.num_sequences), np.zeros(tree.num_sequences)
    fill_agent_values(
        tree.first, tree.parent, agents.row_begin, agents.others, np.log(agents.chance), agents.payoffs, logs, value, log_mass
    )  # fmt: skip
    value[: tree.num_players] = log_mass[: tree.num_players] = 0.0
    return value, log_mass


def agent_residual(tree: GameTree, agents: AgentGame, logs: NDArray[np.float64], rationality: float) -> float:
    """max |π − softmax(λ q)| over all information sets: 0 exactly at the agent quantal response equilibria."""
    value, _ = agent_values(tree, agents, logs)
    return float(largest_difference(tree.first, rationality, value, logs))


def _paying_one(game: Game, tree: GameTree) -> GameTree:
    """The same tree in which every player gets 1 at every end: its weights are chances."""
    payoffs = payoffs_of(game)
    if payoffs is None:
        return write_out(_PayingOne(spiel_rules(game)), tree.specification, max_nodes=tree.num_nodes)
    sizes = payoffs.shape[1:]
    players = [PlayerColumns() for _ in sizes]
    for player, size, key in zip(players, sizes, tree.keys, strict=True):
        player.add(key, 0, range(size))
    count = payoffs[0].size
    return assemble(
        tree.specification,
        players,
        sequences=np.indices(sizes).reshape(len(sizes), -1).T + 1,
        chance=np.ones(count),
        returns=np.ones((count, len(sizes))),
        num_nodes=tree.num_nodes,
    )


class _PayingOne:
    """A `pyspiel.Game`, or a state of one, that pays everybody 1 in the end. Of the kind of game it tells no more than is
    needed to walk it, so that it is not taken for a game whose rules are known."""

    __slots__ = ("_of",)

    def __init__(self, of: Any):
        self._of = of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def get_type(self) -> Any:
        kind = self._of.get_type()
        return SimpleNamespace(
            provides_information_state_string=kind.provides_information_state_string, chance_mode=kind.chance_mode
        )

    def new_initial_state(self) -> _PayingOne:
        return _PayingOne(self._of.new_initial_state())

    def child(self, action: int) -> _PayingOne:
        return _PayingOne(self._of.child(action))

    def clone(self) -> _PayingOne:
        return _PayingOne(self._of.clone())

    def returns(self) -> list[float]:
        return [1.0] * len(self._of.returns())


def _places(paying: GameTree, tree: GameTree) -> NDArray[np.int64]:
    """Where each payoff entry of a tree stands among the entries of the one that pays 1."""
    key = np.concatenate((_rows(paying), _rows(tree)))
    for column in np.concatenate((paying.others, tree.others)).astype(np.int64).T:
        _, key = np.unique(key * tree.num_sequences + column, return_inverse=True)
    ours, wanted = key[: len(paying.weights)], key[len(paying.weights) :]
    order = np.argsort(ours)
    places: NDArray[np.int64] = order[np.searchsorted(ours[order], wanted)]
    return places


def _rows(tree: GameTree) -> NDArray[np.int64]:
    """The sequence that each payoff entry belongs to."""
    begin = tree.row_begin.astype(np.int64)
    return np.repeat(np.arange(tree.num_sequences), begin[1:] - begin[:-1])


def _unknown_chances(tree: GameTree) -> NotProvided:
    return NotProvided(
        f"the tree of {tree.specification} does not tell how likely chance is, which agents' expectations depend on; give the "
        "game itself in place of a tree that was merged, or whose specification does not load it. Dilated mirror descent and "
        "counterfactual regret minimisation run on the tree alone"
    )


@nb.njit(cache=True, error_model="numpy")
def fill_agent_values(  # type: ignore[no-untyped-def]  # numba kernel
    first, parent, row_begin, others, log_chance, payoffs, logs, value, log_mass
):
    """Fills q and log M of all sequences but the empty ones."""
    size, sets, opponents = len(logs), len(parent), others.shape[1]
    reach, total = np.zeros(size), np.zeros(size)
    for j in range(sets):
        for s in range(first[j], first[j + 1]):
            reach[s] = reach[parent[j]] + logs[s]
    value[:] = 0.0
    log_mass[:] = -np.inf  # the largest exponent so far; total = Σ exp(exponent - log_mass), value = the same · payoff
    for j in range(np.int64(sets) - 1, -1, -1):
        a, b = first[j], first[j + 1]
        for s in range(a, b):
            for e in range(row_begin[s], row_begin[s + 1]):
                exponent = log_chance[e]
                for i in range(opponents):
                    exponent += reach[others[e, i]]
                add(s, exponent, payoffs[e], value, total, log_mass)
            if total[s] > 0:
                value[s] /= total[s]
                log_mass[s] += np.log(total[s])
        top = -np.inf
        for s in range(a, b):
            top = max(top, logs[s] + log_mass[s])
        if top > -np.inf:
            come, earned = 0.0, 0.0
            for s in range(a, b):
                share = np.exp(logs[s] + log_mass[s] - top)
                come += share
                earned += share * value[s]
            add(parent[j], top + np.log(come), earned / come, value, total, log_mass)


@nb.njit(cache=True, error_model="numpy")
def add(s, exponent, payoff, value, total, log_mass):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds exp(exponent) and exp(exponent) · payoff to the sums of a sequence."""
    if exponent > log_mass[s]:
        shrink = np.exp(log_mass[s] - exponent)
        total[s] = total[s] * shrink + 1.0
        value[s] = value[s] * shrink + payoff
        log_mass[s] = exponent
    elif exponent > -np.inf:
        share = np.exp(exponent - log_mass[s])
        total[s] += share
        value[s] += share * payoff


@nb.njit(cache=True, error_model="numpy")
def fill_responses(first, rationality, value, answers):  # type: ignore[no-untyped-def]  # numba kernel
    """The logarithms of softmax(λ q) at every set."""
    for j in range(len(first) - 1):
        a, b = first[j], first[j + 1]
        top = value[a]
        for s in range(a + 1, b):
            top = max(top, value[s])
        total = 0.0
        for s in range(a, b):
            total += np.exp(rationality * (value[s] - top))
        total = np.log(total)
        for s in range(a, b):
            answers[s] = rationality * (value[s] - top) - total


@nb.njit(cache=True, error_model="numpy")
def largest_difference(first, rationality, value, logs):  # type: ignore[no-untyped-def]  # numba kernel
    """max |π − softmax(λ q)|."""
    answers, worst = np.zeros(len(logs)), 0.0
    fill_responses(first, rationality, value, answers)
    for s in range(first[0] if len(first) > 0 else 0, len(logs)):
        worst = max(worst, abs(np.exp(logs[s]) - np.exp(answers[s])))
    return worst
