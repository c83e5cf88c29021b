"""Many matches of a PettingZoo environment at once: each table has an environment of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import LegalActions, ListedLegal, VectorLegal
from arena.games.errors import NotProvided
from arena.games.game import GameInfo, SearchState, Turn
from arena.games.pettingzoo_spaces import observed, text_of
from arena.games.pettingzoo_table import Blueprint, JointTable, Table, TurnTable
from arena.games.ragged import Ragged
from arena.games.seeds import OUTCOME_STREAM, counter_hash

SEED_BITS = 31  # what every environment takes, whatever it seeds


class PettingZooTables:
    """A `TableBatch` over environments, made when a table is first used and reset for every match."""

    def __init__(self, blueprint: Blueprint, capacity: int):
        self._blueprint = blueprint
        self._capacity = capacity
        self._tables: list[Table | None] = [None] * capacity
        self._new_table: Callable[[Blueprint], Table] = JointTable if blueprint.info.simultaneous else TurnTable
        self._prepare = blueprint.facts.prepare
        self._discrete = blueprint.info.action_space.kind == "discrete"

    @property
    def info(self) -> GameInfo:
        return self._blueprint.info

    @property
    def capacity(self) -> int:
        return self._capacity

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        seeds = counter_hash(chance_seed, OUTCOME_STREAM, 0) >> np.uint64(64 - SEED_BITS)
        slots = table.tolist()
        for slot, seed in zip(slots, seeds.tolist(), strict=True):
            match = self._tables[slot]
            if match is None or not self._blueprint.facts.resets_fully:
                match = self._tables[slot] = self._new_table(self._blueprint)
            if self._prepare is not None:
                self._prepare(match.env)
            match.start(seed)
        return self._turn(slots)

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[Any]) -> Turn:
        slots = table.tolist()
        actions = action.tolist() if self._discrete else list(action)
        if not self.info.simultaneous:
            for slot, chosen in zip(slots, actions, strict=True):
                self._at(slot).play((chosen,))
            return self._turn(slots)
        joint: dict[int, list[Any]] = {}
        for slot, seat, chosen in zip(slots, player.tolist(), actions, strict=True):
            if slot not in joint:
                joint[slot] = [0] * self.info.num_players
            joint[slot][seat] = chosen
        for slot, chosen in joint.items():
            self._at(slot).play(chosen)
        return self._turn(list(joint))

    def history(self, table: NDArray[np.int64]) -> Ragged:
        rows = [self._at(slot).history for slot in table.tolist()]
        if self._discrete:
            return Ragged.of_lists(rows)
        space = self.info.action_space
        return Ragged.of_arrays([np.array(row) for row in rows], width=space.shape, dtype=space.history_dtype)

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        width = self.info.tensor_width
        if width is None:
            raise NotProvided(f"{self.info.specification} has observations without numbers; read their text")
        rows = np.zeros((len(table), width), np.float32)
        for i, (slot, seat) in enumerate(zip(table.tolist(), player.tolist(), strict=True)):
            row = self._blueprint.flatten[seat](observed(self._at(slot).observe(seat)))
            rows[i, : len(row)] = row
        return rows

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        rows = zip(table.tolist(), player.tolist(), strict=True)
        return [f"You are {self._blueprint.agents[seat]}.\n{self._view(self._at(slot), seat)}" for slot, seat in rows]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        raise NotProvided(f"{self.info.specification} has no information states: PettingZoo names none")

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        raise NotProvided(f"{self.info.specification} has no states to search from: PettingZoo cannot copy one")

    def render(self, table: int) -> str:
        match = self._at(table)
        if _draws_text(match.env):
            return str(match.env.render())
        views = [self._view(match, player) for player in range(self.info.num_players)]
        if self.info.information == "perfect":
            return views[0]
        return "\n\n".join(f"{agent}:\n{view}" for agent, view in zip(self._blueprint.agents, views, strict=True))

    def action_text(self, table: int, player: int, action: Any) -> str:
        write = self._blueprint.facts.action_text
        if write is not None:
            return write(self._at(table).env, player, int(action))
        names = self.info.action_names
        if names:
            return names[int(action)]
        return str(np.asarray(action).tolist())

    def _view(self, match: Table, player: int) -> str:
        """What a player sees. An environment's own text shows the whole table: it serves under perfect information."""
        if self._blueprint.facts.view is not None:
            return self._blueprint.facts.view(match.env, player)
        if self.info.information == "perfect" and _draws_text(match.env):
            return str(match.env.render())
        return text_of(observed(match.observe(player)))

    def _at(self, slot: int) -> Table:
        """The match at a table, ready to be used."""
        match = self._tables[slot]
        assert match is not None, f"no match was started at table {slot}"
        if self._prepare is not None:
            self._prepare(match.env)
        return match

    def _turn(self, slots: list[int]) -> Turn:
        tables: list[int] = []
        players: list[int] = []
        legal: list[list[int]] = []
        finished: list[int] = []
        returns: list[list[float]] = []
        truncated: list[bool] = []
        for slot in slots:
            match = self._tables[slot]
            assert match is not None
            if match.due:
                tables += [slot] * len(match.due)
                players += match.due
                legal += match.legal
            else:
                finished.append(slot)
                returns.append(match.returns)
                truncated.append(match.truncated)
        return Turn(
            np.array(tables, np.int64),
            np.array(players, np.int64),
            self._legal(players, legal),
            np.array(finished, np.int64),
            np.array(returns, np.float64).reshape(-1, self.info.num_players),
            np.array(truncated, np.bool_),
        )

    def _legal(self, players: list[int], legal: list[list[int]]) -> LegalActions:
        if self._discrete:
            return ListedLegal(legal)
        width = self.info.action_space.width
        actions = self._blueprint.actions
        low = np.array([actions[player].low for player in players], np.float64).reshape(-1, width)
        high = np.array([actions[player].high for player in players], np.float64).reshape(-1, width)
        return VectorLegal(low, high, self.info.action_space.kind == "multi_discrete")


def _draws_text(env: Any) -> bool:
    return getattr(env, "render_mode", None) == "ansi"
