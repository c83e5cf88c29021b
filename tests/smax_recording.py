"""The matches that `games/smax/record_jaxmarl.py` recorded, as the states and actions of Arena's SMAX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from arena.games.smax.rules import Rules, scenario_named
from arena.games.smax.scenarios import SCENARIOS
from arena.games.smax.state import State

FOLDER = Path(__file__).parent / "games" / "smax" / "recordings"
RECORDED = [
    (name, who)
    for name in SCENARIOS
    for who in (("random", "closest", "idle") if name == "3m" else ("random", "closest"))
]
"""(scenario, what the allies did)."""


class Recording:
    """One recorded match. ``[key]``: a recorded column as a tensor."""

    def __init__(self, name: str, who: str):
        self._columns = np.load(FOLDER / f"{name}.npz", allow_pickle=False)
        self.who, self.rules = who, Rules(scenario=scenario_named(name))
        self.steps = len(self["action"])

    def __getitem__(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self._columns[f"{self.who}.{key}"])

    def states(self, at: torch.Tensor) -> State:
        """The states before these steps."""
        return State(
            position=self["unit_positions"][at],
            health=self["unit_health"][at],
            cooldown=self["unit_weapon_cooldowns"][at],
            unit_type=self["unit_types"].long().expand(len(at), -1).contiguous(),
            movement=self["prev_movement_actions"][at],
            attack=self["prev_attack_actions"][at].long(),
            step=at.clone(),
        )
