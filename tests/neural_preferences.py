"""Contexts and policies that tests of preference learning with networks share."""

import numpy as np
import torch
from torch import nn

from arena.solvers.neural import preference_contexts


class Table(nn.Module):
    """A policy that is a table of logits: features are the numbers of contexts."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(np.asarray(logits), dtype=torch.float64))

    def forward(self, features):
        return self.logits[features]


def random_tables(contexts, size, seed):
    upper = np.triu(np.random.default_rng(seed).uniform(size=(contexts, size, size)), 1)
    return upper + np.tril(1 - upper.swapaxes(1, 2), -1) + np.eye(size) / 2


def table_game(contexts=3, size=4, seed=0):
    """(contexts whose features are their numbers, their tables)."""
    tables = random_tables(contexts, size, seed)
    return preference_contexts(torch.arange(contexts), tables), tables


def table_policy(contexts=3, size=4, seed=1):
    return Table(np.random.default_rng(seed).normal(size=(contexts, size)))


def cyclic_game(contexts=32, size=9, width=8, seed=0):
    """P_x = sigmoid(2 C + R_x): C the cycle in which each candidate beats the next half, R_x normal; features normal."""
    rng = np.random.default_rng(seed)
    ahead = (np.arange(size)[None] - np.arange(size)[:, None]) % size
    cycle = np.where(ahead == 0, 0, np.where(ahead <= size // 2, 1.0, -1.0))
    upper = np.triu(rng.normal(size=(contexts, size, size)), 1)
    tables = 1 / (1 + np.exp(-(2 * cycle + upper - upper.swapaxes(1, 2))))
    return preference_contexts(rng.normal(size=(contexts, width)), tables)


def network(width=8, size=9, seed=0, hidden=64):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, size)
        )
