"""Iterations of counterfactual regret minimisation on a `TensorTree`: what `arena.solvers.regret_kernels` does, by levels.

The state is the same, array by array, so that a run may go on on another device. Sums and products are those of the compiled
loops, in the same order (see `arena.solvers.tensor_tree`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from arena.games.game_tree import GameTree
from arena.solvers.checkpoint import State
from arena.solvers.regret_kernels import CLIPPED, DISCOUNTED, KEPT
from arena.solvers.tensor_measures import tensor_measures
from arena.solvers.tensor_tree import PlayerTensors, TensorTree, tensor_tree
from arena.solvers.tree_measures import Measures

KEEP_S = 1.0
"""The state is fetched from the device so often: what Ctrl-C may lose."""


def on_device(
    tree: GameTree, device: str, *, rule: int, exponents: tuple[float, float, float], state: State
) -> tuple[Callable[[int], None], Callable[[NDArray[np.float64]], Measures]]:
    """(what does so many more iterations, what measures a strategy [S]) with the tree on a device; see `tensor_advance`."""
    tensors = tensor_tree(tree, device)
    return partial(tensor_advance, tensors, rule, exponents, state), partial(tensor_measures, tensors)


def tensor_advance(
    tensors: TensorTree, rule: int, exponents: tuple[float, float, float], state: State, iterations: int
) -> None:
    """Does so many more iterations and puts the new arrays into the state, by one `dict.update` at a time.

    Args:
        rule, exponents: what tells the methods apart, as of `regret_iterations`.
        state: ``clock`` [1], ``regret``, ``strategy``, ``average`` [S], in the order of the `GameTree`.
    """
    held = {name: tensors.load(state[name]) for name in ("regret", "strategy", "average")}
    regret, strategy, average = held["regret"], held["strategy"], held["average"]
    reach, value = torch.ones_like(strategy), torch.zeros_like(strategy)
    for player in tensors.players:
        tensors.reach(player, strategy, reach)
    done = int(state["clock"][0])
    last, kept = done + iterations, time.monotonic()
    while done < last:
        done += 1
        for player in tensors.players:
            player.payoffs(reach, value)
            expected = counterfactual_values(player, strategy, value)
            own = player.sequences
            average[own] += _power(done, exponents[2]) * reach[own]
            matched = _regrets(rule, exponents, done, regret[own], value[own], expected[player.owner])
            strategy[own] = _in_proportion(player, matched)
            tensors.reach(player, strategy, reach)
        if done == last or time.monotonic() - kept > KEEP_S:
            arrays = {name: tensors.unload(values) for name, values in held.items()}
            state.update(arrays, clock=np.array([done], np.int64))
            kept = time.monotonic()


def counterfactual_values(player: PlayerTensors, strategy: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """What each of the player's sets is worth, [m]; ``value`` [S] holds payoffs and becomes counterfactual values."""
    worth = value.new_empty(len(player.levels) and player.levels[-1].sets.stop)
    for level in reversed(player.levels):
        own = level.sequences
        expected = level.actions.sums(strategy[own] * value[own])
        worth[level.sets] = expected
        level.hand_back(expected, value)
    return worth


def _power(t: int, exponent: float) -> float:
    """By the C library, as the compiled loops; theirs overflows to infinity too."""
    try:
        return float(float(t) ** exponent)
    except OverflowError:
        return math.inf


def _regrets(
    rule: int,
    exponents: tuple[float, float, float],
    t: int,
    regret: torch.Tensor,
    value: torch.Tensor,
    expected: torch.Tensor,
) -> torch.Tensor:
    """Updates regrets in place; returns what the next strategy is in proportion to, at least 0."""
    if rule in (KEPT, DISCOUNTED):
        regret += value
        regret -= expected
        if rule == DISCOUNTED:
            positive, negative = (1.0 / (1.0 + _power(t, -exponent)) for exponent in exponents[:2])
            torch.where(regret > 0, regret * positive, regret * negative, out=regret)
        return regret.clamp(min=0.0)
    if rule == CLIPPED:
        regret += value
        regret -= expected
        return regret.clamp_(min=0.0)
    instantaneous = value - expected
    regret += instantaneous
    regret.clamp_(min=0.0)
    return (regret + instantaneous).clamp_(min=0.0)


def _in_proportion(player: PlayerTensors, matched: torch.Tensor) -> torch.Tensor:
    """The player's strategy in proportion to these, uniform at sets where all are 0."""
    begin = player.sequences.start
    totals = [
        level.actions.sums(matched[level.sequences.start - begin : level.sequences.stop - begin])
        for level in player.levels
    ]
    total = torch.cat(totals)[player.owner] if totals else matched
    return torch.where(total > 0, matched * (1.0 / total), player.uniform)
