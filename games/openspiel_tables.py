"""The object lane: OpenSpiel's states lifted to a `TableBatch`, the only Python loop over tables in the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pyspiel
from numpy.typing import NDArray

from arena.games.actions import ListedLegal
from arena.games.errors import NotProvided
from arena.games.game import GameInfo, SearchState, Turn
from arena.games.ragged import Ragged
from arena.games.seeds import CHANCE_STREAM, OUTCOME_STREAM, counter_hash, seed_of, unit

CHANCE, SIMULTANEOUS, TERMINAL = -1, -2, -4  # what State.current_player() says in place of a player
UNSEEN = ("irreversible_move_counter", "repetitions")  # chess clocks that count the moves of pieces nobody shows
SEED_BITS = 31  # OpenSpiel keeps parameters in C++ ints


class OpenSpielTables:
    """Matches of one OpenSpiel game. See `TableBatch` for the methods.

    ``rules``: the `pyspiel.Game`; ``seeded``: seed -> a game object that draws its own chance from it, or None.
    """

    def __init__(self, info: GameInfo, rules: Any, seeded: Callable[[int], Any] | None, capacity: int):
        self._info = info
        self._capacity = capacity
        self._rules = rules
        self._kind = rules.get_type()
        self._seeded = seeded
        self._states: list[Any] = [None] * capacity
        self._chance_seed = np.zeros(capacity, np.uint64)
        self._chance_count = np.zeros(capacity, np.int64)
        self._moves = np.zeros(capacity, np.int64)
        self._logs: list[list[int]] = [[] for _ in range(capacity)] if info.simultaneous else []
        self._observe, self._observed = _observer(rules, self._kind)
        self._in_python = is_in_python(rules)
        imperfect = info.information == "imperfect" and not self._in_python
        self._unseen = _unseen_columns(self._observe) if imperfect else []

    @property
    def info(self) -> GameInfo:
        return self._info

    @property
    def capacity(self) -> int:
        return self._capacity

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        self._chance_seed[table], self._chance_count[table], self._moves[table] = chance_seed, 0, 0
        tables, states = table.tolist(), self._states
        if self._seeded is None:
            new = self._rules.new_initial_state
            for t in tables:
                states[t] = new()
        else:
            words = counter_hash(chance_seed, CHANCE_STREAM, 0) >> np.uint64(64 - SEED_BITS)
            for t, word in zip(tables, words.tolist(), strict=True):
                states[t] = self._seeded(word).new_initial_state()
        if self._logs:
            for t in tables:
                self._logs[t] = []
        return self._turn(tables)

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[np.int64]) -> Turn:
        if self._logs:
            tables = self._apply_joint(table.tolist(), player.tolist(), action.tolist())
            at = np.array(tables, np.int64)
            turn = self._turn(tables)
        else:
            at = table
            turn = self._turn(table.tolist(), action.tolist())
        moves = self._moves[at] + 1
        self._moves[at] = moves
        if self._info.max_length is not None and len(moves) and moves.max() >= self._info.max_length:
            return self._cut(turn, self._info.max_length)
        return turn

    def history(self, table: NDArray[np.int64]) -> Ragged:
        if self._logs:
            return Ragged.of_lists([self._logs[t] for t in table.tolist()])
        return Ragged.of_lists([self._states[t].history() for t in table.tolist()])

    def place(self, table: NDArray[np.int64], states: Sequence[Any]) -> None:
        """Puts `pyspiel.State`s at tables, to be observed there and not played on."""
        for t, state in zip(table.tolist(), states, strict=True):
            self._states[t] = state

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        width, states = self._info.tensor_width, self._states
        if width is None:
            raise NotProvided(f"{self._info.specification} has no tensor; read its text")
        filled = np.empty((len(table), width), np.float32)
        observe, observed = self._observe, self._observed
        rows = zip(table.tolist(), player.tolist(), strict=True)
        if observed is None:
            whole = self._kind.provides_observation_tensor
            for i, (t, p) in enumerate(rows):
                filled[i] = states[t].observation_tensor(p) if whole else states[t].information_state_tensor(p)
            return filled
        for i, (t, p) in enumerate(rows):
            if self._in_python:  # dynamic routing leaves numbers of the last state where it writes none
                observed[...] = 0
            observe.set_from(states[t], p)
            filled[i] = observed
        if self._unseen:
            filled[:, self._unseen] = 0
        return filled

    def information_state_tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        width, states = self._info.information_state_width, self._states
        if width is None:
            raise NotProvided(f"{self._info.specification} has no information-state tensor; read its tensor")
        filled = np.empty((len(table), width), np.float32)
        for i, (t, p) in enumerate(zip(table.tolist(), player.tolist(), strict=True)):
            filled[i] = states[t].information_state_tensor(p)
        return filled

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        states = self._states
        if self._kind.provides_observation_string:
            return [states[t].observation_string(p) for t, p in zip(table.tolist(), player.tolist(), strict=True)]
        if self._info.has_information_state:
            return self.information_state(table, player)
        raise NotProvided(f"{self._info.specification} has no text; read its tensor")

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        if not self._info.has_information_state:
            raise NotProvided(f"{self._info.specification} has no information-state strings")
        states = self._states
        return [states[t].information_state_string(p) for t, p in zip(table.tolist(), player.tolist(), strict=True)]

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        if not self._info.has_simulator:
            raise NotProvided(
                f"{self._info.specification} offers no state that is consistent with what one player knows"
            )
        state = self._states[table]
        if self._info.information == "perfect":
            true: SearchState = state.clone()
            return true
        draw = np.random.default_rng(seed_of(("search", seed))).random
        drawn: SearchState = state.resample_from_infostate(player, draw)
        return drawn

    def render(self, table: int) -> str:
        return str(self._states[table])

    def action_text(self, table: int, player: int, action: int) -> str:
        state = self._states[table]
        if int(action) not in state.legal_actions(player):  # OpenSpiel may read past an array's end
            return str(int(action))
        text: str = state.action_to_string(player, int(action))
        return text

    def _apply_joint(self, tables: list[int], players: list[int], actions: list[int]) -> list[int]:
        joint: dict[int, list[int]] = {}
        for t, p, a in zip(tables, players, actions, strict=True):
            joint.setdefault(t, [0] * self._info.num_players)[p] = a
        for t, chosen in joint.items():
            self._logs[t] += chosen
            self._apply_chosen(self._states[t], chosen)
        return list(joint)

    def _apply_chosen(self, state: Any, chosen: list[int]) -> None:
        player = state.current_player()
        if player == SIMULTANEOUS:
            state.apply_actions(chosen)
        else:
            state.apply_action(chosen[player])

    def _turn(self, tables: list[int], actions: Iterable[int | None] = repeat(None)) -> Turn:
        """What is due at the tables after these actions, one a table, and after all chance that comes then.

        A state is asked right after it moved, while the processor has it at hand.
        """
        states = self._states
        due: list[int] = []
        players: list[int] = []
        legal: list[list[int]] = []
        finished: list[int] = []
        returns: list[list[float]] = []
        while tables:
            chance: list[int] = []
            for t, action in zip(tables, actions, strict=False):
                state = states[t]
                if action is not None:
                    state.apply_action(action)
                player = state.current_player()  # one call tells whose turn it is, chance, a joint move, or the end
                if player >= 0:
                    due.append(t)
                    players.append(player)
                    legal.append(state.legal_actions())
                elif player == TERMINAL:
                    finished.append(t)
                    returns.append(state.returns())
                elif player == CHANCE:
                    chance.append(t)
                else:
                    for p in range(self._info.num_players):
                        if choices := state.legal_actions(p):
                            due.append(t)
                            players.append(p)
                            legal.append(choices)
            tables, actions = chance, repeat(None)
            if chance:
                self._draw(chance)
        return Turn(
            np.array(due, np.int64),
            np.array(players, np.int64),
            ListedLegal(legal),
            np.array(finished, np.int64),
            np.array(returns, np.float64).reshape(len(finished), self._info.num_players),
        )

    def _draw(self, tables: list[int]) -> None:
        """One chance outcome at each table: the n-th outcome of a match is a function of its chance seed and n."""
        at = np.array(tables, np.int64)
        draws = unit(counter_hash(self._chance_seed[at], OUTCOME_STREAM, self._chance_count[at])).tolist()
        self._chance_count[at] += 1
        for t, left in zip(tables, draws, strict=True):
            state = self._states[t]
            for outcome, probability in state.chance_outcomes():  # noqa: B007  # the last outcome looked at is the one drawn
                left -= probability
                if left < 0:
                    break
            state.apply_action(outcome)
            if self._logs:
                self._logs[t].append(outcome)

    def _cut(self, turn: Turn, max_length: int) -> Turn:
        """The turn, with matches that reached the length limit undecided ended where they stand."""
        over = self._moves[turn.table] >= max_length
        if not over.any():
            return turn
        cut = np.unique(turn.table[over])
        kept = np.flatnonzero(~over)
        returns = np.array([self._undecided(self._states[t]) for t in cut.tolist()], np.float64)
        return Turn(
            turn.table[kept],
            turn.player[kept],
            turn.legal.take(kept),
            np.concatenate((turn.finished, cut)),
            np.concatenate((turn.returns, returns)),
            np.repeat([False, True], [len(turn.finished), len(cut)]),
        )

    def _undecided(self, state: Any) -> list[float]:
        """Rewards so far, or an equal share where only the end is rewarded."""
        if self._kind.reward_model == pyspiel.GameType.RewardModel.REWARDS:
            rewarded: list[float] = state.returns()
            return rewarded
        players = self._info.num_players
        total = self._rules.utility_sum()
        return [0.0 if total is None else total / players] * players


def _observer(rules: Any, kind: Any) -> tuple[Any, NDArray[np.float32] | None]:
    """OpenSpiel's observation and the buffer that it writes into: no Python list of floats.

    (None, None) where the game has no observation tensor, whose observer would end the process.
    """
    if not kind.provides_observation_tensor:
        return None, None
    if is_in_python(rules):
        observer = rules.make_py_observer()
        return (None, None) if observer.tensor is None else (observer, observer.tensor)
    observation = pyspiel._Observation(rules, rules.make_observer({}))
    return observation, np.frombuffer(observation, np.float32)


def is_in_python(rules: Any) -> bool:
    """Whether OpenSpiel has the game in Python, not in C++."""
    return not type(rules).__module__.startswith("pyspiel")


def _unseen_columns(observation: Any) -> list[int]:
    """Columns of a tensor that tell of hidden moves; they are given as 0."""
    columns: list[int] = []
    start = 0
    for span in observation.tensors_info() if observation is not None else ():
        end = start + math.prod(span.shape)
        if span.name.endswith(UNSEEN):
            columns += range(start, end)
        start = end
    return columns
