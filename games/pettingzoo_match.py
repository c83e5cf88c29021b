"""One match of an Arena game as a PettingZoo environment sees it: spaces, observations, masks, and illegal actions."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from arena.games.actions import LegalActions, VectorLegal
from arena.games.game import Game, GameInfo, Turn
from arena.games.seeds import MATCH_STREAM, counter_hash

TABLE = np.zeros(1, np.int64)
ILLEGAL_REWARD = -1.0
LONGEST_LOOK = 1000  # moves, until which all players of a game of vectors should have moved once

Observation = Any
"""``NDArray[np.float32]``, or a dict of it and the action mask."""


class OneTable:
    """One match at one table, and what its players see of it."""

    def __init__(self, game: Game):
        self.info: GameInfo = game.info
        self.agents = [f"player_{player}" for player in range(game.info.num_players)]
        self.players = {agent: player for player, agent in enumerate(self.agents)}
        self.due: list[int] = []
        self.returns: NDArray[np.float64] = np.zeros(game.info.num_players)
        self.truncated = False
        self._tables = game.tables(1)
        self._legal: LegalActions | None = None
        self._seen: dict[int, NDArray[np.float32]] = {}
        self._seed = secrets.randbits(63)
        self._matches = 0
        self._width = game.info.tensor_width or game.info.num_players

    @property
    def discrete(self) -> bool:
        return self.info.action_space.kind == "discrete"

    def observation_space(self) -> spaces.Space[Any]:
        seen = spaces.Box(-np.inf, np.inf, (self._width,), np.float32)
        if not self.discrete:
            return seen
        return spaces.Dict({"observation": seen, "action_mask": spaces.Box(0, 1, (self.info.num_actions,), np.int8)})

    def action_spaces(self) -> dict[str, spaces.Space[Any]]:
        """One space for each player."""
        if self.discrete:
            return {agent: spaces.Discrete(self.info.num_actions) for agent in self.agents}
        whole = self.info.action_space.kind == "multi_discrete"
        return {self.agents[player]: _vector_space(low, high, whole) for player, (low, high) in self._bounds().items()}

    def begin(self, seed: int | None) -> None:
        """A new match: the first of the sequence of `seed`, or the next of the sequence that is on."""
        if seed is not None:
            self._seed, self._matches = seed, 0
        words = counter_hash(np.array([self._seed], np.uint64), MATCH_STREAM, self._matches)
        self._matches += 1
        self._seen = {}
        self.truncated = False
        self._take(self._tables.start(TABLE, words))

    def play(self, actions: dict[int, object]) -> None:
        """Plays the actions of the players due; one that is not legal ends the match at its player's cost."""
        assert self._legal is not None
        space = self.info.action_space
        rows = np.zeros((len(self.due), *space.shape), space.dtype)
        for i, player in enumerate(self.due):
            chosen = np.asarray(actions[player], space.dtype)
            rows[(i, ...) if self.discrete else (i, slice(len(chosen)))] = chosen  # a narrow player's row ends in zeros
        legal = self._legal.contains(rows)
        if not legal.all():
            least = self.info.min_utility
            self.returns = np.zeros(self.info.num_players)
            self.returns[np.array(self.due)[~legal]] = ILLEGAL_REWARD if least is None else least
            self.due, self._legal = [], None
        elif self.info.simultaneous:
            players = np.arange(self.info.num_players)
            joint = np.zeros((len(players), *space.shape), space.dtype)
            joint[self.due] = rows
            self._take(self._tables.step(np.zeros_like(players), players, joint))
        else:
            self._take(self._tables.step(TABLE, np.array(self.due), rows))

    def observe(self, player: int) -> Observation:
        """What a player sees; after the end, what it saw last."""
        if self.due:
            self._seen[player] = self._look(player)
        seen = self._seen.get(player)
        if seen is None:
            seen = np.zeros(self._width, np.float32)
        return {"observation": seen, "action_mask": self.mask(player)} if self.discrete else seen

    def mask(self, player: int) -> NDArray[np.int8]:
        """Legal actions as int8 [num_actions]: of a player who moves; no action at all for one who does not.

        With simultaneous moves every player must answer: one who has nothing to choose may choose 0, which is ignored.
        """
        num_actions = self.info.num_actions
        if player in self.due:
            assert self._legal is not None
            allowed = self._legal.take(np.array([self.due.index(player)])).mask(num_actions)
            return allowed.astype(np.int8).reshape(num_actions)
        mask = np.zeros(num_actions, np.int8)
        mask[0] = bool(self.due) and self.info.simultaneous
        return mask

    def info_of(self, player: int) -> dict[str, NDArray[np.int8]]:
        return {"action_mask": self.mask(player)} if self.discrete else {}

    def render(self) -> str:
        return self._tables.render(0)

    def _bounds(self) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Low and high of each player's vectors, found by playing at random until all have moved.

        A player who never moved gets the bounds of the first one.
        """
        found: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self.begin(0)
        for move in range(LONGEST_LOOK):
            legal = self._legal
            if not self.due or len(found) == len(self.agents):
                break
            assert isinstance(legal, VectorLegal)
            found |= {player: (legal.low[i], legal.high[i]) for i, player in enumerate(self.due) if player not in found}
            chosen = legal.sample(counter_hash(np.zeros(len(self.due), np.uint64), np.array(self.due), move))
            self.play(dict(zip(self.due, chosen, strict=True)))
        self.due, self._legal, self._matches = [], None, 0
        first = next(iter(found.values()))
        return {player: found.get(player, first) for player in range(len(self.agents))}

    def _look(self, player: int) -> NDArray[np.float32]:
        if self.info.tensor_width is None:
            who: NDArray[np.float32] = (np.arange(self._width) == player).astype(np.float32)
            return who
        return self._tables.tensor(TABLE, np.array([player])).reshape(self._width)

    def _take(self, turn: Turn) -> None:
        self.due = turn.player.tolist()
        self._legal = turn.legal
        if len(turn.finished):
            self.returns = turn.returns[0]
            self.truncated = turn.truncated is not None and bool(turn.truncated[0])


def _vector_space(low: NDArray[np.float64], high: NDArray[np.float64], whole: bool) -> spaces.Space[Any]:
    """The space between the bounds, without the zeros that fill up a player's row."""
    used = np.flatnonzero((low != 0) | (high != 0))
    length = int(used[-1]) + 1 if len(used) else 1
    low, high = low[:length], high[:length]
    if whole:
        return spaces.MultiDiscrete((high - low + 1).astype(np.int64), start=low.astype(np.int64))
    exact = np.array_equal(low.astype(np.float32), low) and np.array_equal(high.astype(np.float32), high)
    dtype = np.float32 if exact else np.float64
    return spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype)
