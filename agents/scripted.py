"""``scripted:closest``, ``scripted:weakest``, ``scripted:random``: SMAX's scripted teams, by whom a unit shoots at."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from arena.games import AgentInfo, Game, ObservationBatch, SpecificationError, UnknownName
from arena.games.seeds import counter_hash, unit
from arena.games.smax.game import SmaxGame
from arena.games.smax.rules import Constants, Rules, constants
from arena.games.smax.scripted import MODES, NOBODY, AttackMode, Memory, scripted_actions

_CHOICES = np.arange(2)
"""Words of a decision: whom to shoot at, whom to chase."""


class ScriptedTeam:
    """Plays any units of a SMAX match; what each keeps in mind is an array by table and player."""

    def __init__(self, rules: Rules, mode: AttackMode, *, name: str):
        self.info = AgentInfo(name=name, remembers=True)
        self._rules, self._mode = rules, mode
        self._constants: Constants = constants(rules, torch.device("cpu"))
        self._goal = np.zeros((0, rules.num_units, 2), np.float32)
        self._last = np.zeros((0, rules.num_units), np.int64)

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        more = int(table.max(initial=-1)) + 1 - len(self._last)
        if more > 0:
            self._goal = np.pad(self._goal, ((0, more), (0, 0), (0, 0)))
            self._last = np.pad(self._last, ((0, more), (0, 0)))
        self._goal[table, player], self._last[table, player] = 0, NOBODY

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        seen, table, player = torch.from_numpy(batch.tensor()), batch.table, batch.player
        draws = unit(counter_hash(batch.seed()[:, None], 0, _CHOICES)).astype(np.float32)
        action = np.empty(len(batch), np.int64)
        ally = player < self._rules.scenario.num_allies
        for team, rows in enumerate((np.flatnonzero(ally), np.flatnonzero(~ally))):
            if len(rows):
                at = table[rows], player[rows]
                memory = Memory(goal=torch.from_numpy(self._goal[at]), last=torch.from_numpy(self._last[at]))
                chosen, memory = scripted_actions(
                    seen[rows],
                    memory,
                    torch.from_numpy(draws[rows]),
                    team=team,
                    mode=self._mode,
                    rules=self._rules,
                    constants=self._constants,
                )
                action[rows] = chosen.numpy()
                self._goal[at], self._last[at] = memory.goal.numpy(), memory.last.numpy()
        return action

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...


def load(rest: str, *, game: Game, name: str) -> ScriptedTeam:
    """The agent of ``scripted:MODE``.

    Raises:
        UnknownName: no such mode.
        SpecificationError: no game of SMAX, or one whose units see or act otherwise than the scripts expect.
    """
    for mode in MODES:
        if rest == mode:
            break
    else:
        raise UnknownName("scripted team", rest, MODES)
    if not isinstance(game, SmaxGame):
        raise SpecificationError(f"scripted teams play SMAX, for example smax:3m; not {game.info.title}")
    if game.rules.observation != "unit_list" or game.rules.actions != "discrete":
        raise SpecificationError(
            f"scripted teams need unit_list observations and discrete actions; {game.info.specification} has others"
        )
    return ScriptedTeam(game.rules, mode, name=name)
