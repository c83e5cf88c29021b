"""Transitions of players: from a decision of a player to his next one in the same match, or to its end."""

from __future__ import annotations

import torch
from torch import Tensor

from arena.solvers.learning.buffers import Rows
from arena.solvers.learning.environment import Facts, Happened, Seen


class Waiting:
    """The last decision of each player at each table, [N, P, ...], waiting for what follows it; ``tensors`` are all it knows.

    A transition has ``observation`` and ``action`` of a decision, the ``reward`` of its player until his next one, and of that
    one ``follows``, what he observes, and ``follows_legal``: nothing is legal where the match ended.
    """

    def __init__(self, facts: Facts, device: str | torch.device):
        self.actions, shape = facts.actions, (facts.tables, facts.players)
        self.observation = torch.zeros(*shape, facts.inputs, device=device)
        self.action = torch.zeros(shape, dtype=torch.int64, device=device)
        self.gained = torch.zeros(shape, device=device)
        self.waits = torch.zeros(shape, dtype=torch.bool, device=device)
        self.tensors = {
            "observation": self.observation,
            "action": self.action,
            "gained": self.gained,
            "waits": self.waits,
        }

    def decided(self, seen: Seen, action: Tensor) -> Rows:
        """The transitions to these decisions, which wait now in place of those before them."""
        table, seat = seen.acting.nonzero(as_tuple=True)
        player, observation = seen.player[table, seat], seen.observation[table, seat]
        waited = self.waits[table, player]
        found = self._transitions(
            table[waited], player[waited], observation[waited], seen.legal[table[waited], seat[waited]]
        )
        self.observation[table, player] = observation
        self.action[table, player] = action[table, seat]
        self.gained[table, player] = 0.0
        self.waits[table, player] = True
        return found

    def followed(self, happened: Happened) -> Rows:
        """The transitions to the ends of matches; the others have their players' rewards added."""
        self.gained += happened.reward
        table, player = (self.waits & happened.over[:, None]).nonzero(as_tuple=True)
        nothing = torch.zeros(len(table), self.actions, dtype=torch.bool, device=table.device)
        found = self._transitions(table, player, torch.zeros_like(self.observation[table, player]), nothing)
        self.waits &= ~happened.over[:, None]
        return found

    def _transitions(self, table: Tensor, player: Tensor, follows: Tensor, legal: Tensor) -> Rows:
        return {
            "observation": self.observation[table, player],
            "action": self.action[table, player],
            "reward": self.gained[table, player],
            "follows": follows,
            "follows_legal": legal,
        }
