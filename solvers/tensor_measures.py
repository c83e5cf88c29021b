"""Exact measures on a `TensorTree`: what `arena.solvers.tree_measures` computes, by levels on a device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from arena.solvers.tensor_tree import TensorTree
from arena.solvers.tree_measures import Measures


def tensor_measures(tensors: TensorTree, strategy: NDArray[np.float64]) -> Measures:
    """What a strategy [S] in the order of the `GameTree` earns, and what best responses to it earn."""
    plays = tensors.load(strategy)
    reach, value = torch.ones_like(plays), torch.zeros_like(plays)
    for player in tensors.players:
        tensors.reach(player, plays, reach)
    returns, responses, choices = [], [], [torch.zeros(0, dtype=torch.int64, device=tensors.device)]
    for player in tensors.players:
        own = player.sequences
        player.payoffs(reach, value)
        idle = player.idle_payoff(reach)
        returns.append(idle + (reach[own] * value[own]).sum())
        response = idle
        chosen = []
        for level in reversed(player.levels):
            sequences = torch.arange(level.sequences.start, level.sequences.stop, device=tensors.device)
            best, column = level.actions.best(value[level.sequences])
            starts = torch.tensor(np.cumsum((0, *level.actions.counts[:-1])), device=tensors.device)
            chosen.append(sequences[starts[column] + torch.arange(len(best), device=tensors.device)])
            level.hand_back(best, value)
            if level is player.levels[0]:
                response = idle + best.sum()
        choices += reversed(chosen)
        responses.append(response)
    choice = np.empty(len(tensors.sets), np.uint32)
    choice[tensors.sets] = tensors.order[torch.cat(choices)].cpu().numpy()
    return Measures(
        returns=torch.stack(returns).cpu().numpy(),
        responses=torch.stack(responses).cpu().numpy(),
        choice=choice,
    )
