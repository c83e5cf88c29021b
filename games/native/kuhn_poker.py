"""``arena:kuhn_poker(players=2)``: one card each of a deck of players + 1, one round of passing and betting.

Source: H. W. Kuhn, "A Simplified Two-Person Poker" (1950); the rules for more players are OpenSpiel's: everybody antes
1 and has one turn, a first bet of 1 gives all others one turn more to call or fold, the best card among those who bet
(among all, if nobody did) takes the pot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.actions import ActionSpace
from arena.games.game import GameInfo, SearchState, Turn
from arena.games.native.bit_legal import BitLegal
from arena.games.native.histories import history_rows
from arena.games.native.spiel_states import resampled_state
from arena.games.ragged import Ragged
from arena.games.seeds import OUTCOME_STREAM, counter_hash, unit

MIN_PLAYERS, MAX_PLAYERS = 2, 10
PASS, BET = 0, 1
NAMES = ("Pass", "Bet")
_BOTH = 0b11


@dataclass(frozen=True, slots=True)
class KuhnPoker:
    """Kuhn's poker for 2 to 10 players."""

    info: GameInfo

    @staticmethod
    def of(players: int) -> KuhnPoker:
        shown = f"(players={players})" if players != MIN_PLAYERS else ""
        info = GameInfo(
            specification=f"arena:kuhn_poker{shown}",
            title=f"Kuhn Poker{' ' if shown else ''}{shown}",
            version="1",
            num_players=players,
            action_space=ActionSpace(size=len(NAMES)),
            chance=True,
            information="imperfect",
            min_utility=-2.0,
            max_utility=2.0 * (players - 1),
            lane="tensor",
            tables_at_once=16384,
            max_length=2 * players - 1,
            tensor_width=3 * players + 1,
            information_state_width=6 * players - 1,
            has_information_state=True,
            has_simulator=True,
            action_names=NAMES,
        )
        return KuhnPoker(info)

    def tables(self, capacity: int) -> KuhnPokerTables:
        return KuhnPokerTables(self.info, capacity)


class KuhnPokerTables:
    """Matches of Kuhn's poker as arrays. See `TableBatch` for the methods.

    A table's entries are the cards dealt to players 0, 1, ..., then the moves, player 0 first.
    Tensors: the player [P], the player's card [P + 1], what each player has paid [P]. Of information states: the player [P],
    the player's card [P + 1], each move so far [2P - 1, 2], as OpenSpiel's.
    """

    def __init__(self, info: GameInfo, capacity: int):
        self._info = info
        self._capacity = capacity
        self._players = info.num_players
        self._entries = np.zeros((capacity, 3 * self._players - 1), np.uint8)
        self._ply = np.zeros(capacity, np.uint8)

    @property
    def info(self) -> GameInfo:
        return self._info

    @property
    def capacity(self) -> int:
        return self._capacity

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        draws = unit(counter_hash(chance_seed[:, None], OUTCOME_STREAM, np.arange(self._players)))
        _deal(self._entries, table, draws)
        self._ply[table] = 0
        legal = BitLegal(np.full(len(table), _BOTH, np.uint16), len(NAMES))
        nobody = np.empty((0, self._players))
        return Turn(table.copy(), np.zeros(len(table), np.int64), legal, np.empty(0, np.int64), nobody)

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[np.int64]) -> Turn:
        rows = len(table)
        due, mover, finished = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
        returns = np.empty((rows, self._players))
        n, over = _step(self._entries, self._ply, self._players, table, action, due, mover, finished, returns)
        legal = BitLegal(np.full(n, _BOTH, np.uint16), len(NAMES))
        return Turn(due[:n], mover[:n], legal, finished[:over], returns[:over])

    def history(self, table: NDArray[np.int64]) -> Ragged:
        return history_rows(self._entries, self._ply, table, before=self._players)

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        players, rows = self._players, np.arange(len(table))
        values = np.zeros((len(table), 3 * players + 1), np.float32)
        values[rows, player] = 1
        values[rows, players + self._entries[table, player]] = 1
        values[:, 2 * players + 1 :] = self._paid(table)
        return values

    def information_state_tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        players, rows = self._players, np.arange(len(table))
        turns = np.arange(2 * players - 1)
        moves = self._entries[table, players:, None] == np.array([PASS, BET])
        values = np.zeros((len(table), 6 * players - 1), np.float32)
        values[rows, player] = 1
        values[rows, players + self._entries[table, player]] = 1
        values[:, 2 * players + 1 :] = (moves & (turns < self._ply[table][:, None])[:, :, None]).reshape(len(table), -1)
        return values

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """The player's card, then what each player has paid."""
        cards = self._entries[table, player].tolist()
        return [
            f"{card}{''.join(map(str, paid))}" for card, paid in zip(cards, self._paid(table).tolist(), strict=True)
        ]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """The player's card, then all moves: p for pass, b for bet."""
        cards = self._entries[table, player].tolist()
        return [f"{card}{self._moves(t)}" for card, t in zip(cards, table.tolist(), strict=True)]

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        history = self.history(np.array([table])).values.tolist()
        return resampled_state(f"kuhn_poker(players={self._players})", history, player=player, seed=seed)

    def render(self, table: int) -> str:
        cards = " ".join(map(str, self._entries[table, : self._players].tolist()))
        moves = self._moves(table)
        return f"{cards} {moves}" if moves else cards

    def action_text(self, table: int, player: int, action: int) -> str:
        return NAMES[action] if action in (PASS, BET) else str(int(action))

    def _moves(self, table: int) -> str:
        start = self._players
        return "".join("pb"[move] for move in self._entries[table, start : start + self._ply[table]].tolist())

    def _paid(self, table: NDArray[np.int64]) -> NDArray[np.int64]:
        """What each player has put into the pot [R, P]."""
        players = self._players
        turns = np.arange(2 * players - 1)
        bets = (self._entries[table, players:] == BET) & (turns < self._ply[table][:, None])
        paid = np.ones((len(table), players), np.int64)
        paid += bets[:, :players]
        paid[:, :-1] += bets[:, players:]
        return paid


@nb.njit(cache=True)
def _deal(entries, table, draws):  # type: ignore[no-untyped-def]  # numba kernel
    """One card for each player: the cards left, ascending, share [0, 1) equally; a draw falls on one of them."""
    players = draws.shape[1]
    for i in range(len(table)):
        dealt = 0  # bits
        for player in range(players):
            left, share, card = draws[i, player], 1.0 / (players + 1 - player), 0
            for candidate in range(players + 1):
                if dealt >> candidate & 1:
                    continue
                card = candidate
                left -= share
                if left < 0:
                    break
            dealt |= 1 << card
            entries[table[i], player] = card


@nb.njit(cache=True)
def _step(entries, ply, players, table, action, due, player, finished, returns):  # type: ignore[no-untyped-def]  # numba kernel
    """Plays one move a table; fills beginnings of the last four columns; returns (rows due, rows finished)."""
    rows, over = 0, 0
    for i in range(len(table)):
        t, n = np.uint64(table[i]), np.int64(ply[table[i]])
        entries[t, players + n] = action[i]
        ply[t] = n + 1
        first = -1  # the first to bet
        for turn in range(min(n + 1, players)):
            if entries[t, players + turn] == BET:
                first = turn
                break
        if n + 1 == (players if first < 0 else players + first):
            finished[over] = t
            _settle(entries[t], players, first, returns[over])
            over += 1
        else:
            due[rows], player[rows] = t, (n + 1) % players
            rows += 1
    return rows, over


@nb.njit(cache=True)
def _settle(entries, players, first, returns):  # type: ignore[no-untyped-def]  # numba kernel
    pot, winner, best = 0, -1, -1
    for p in range(players):
        # before the first bet a player passed; the answer to it is the second turn
        turn = p if p >= first else players + p
        bet = first >= 0 and entries[players + turn] == BET
        returns[p] = -2.0 if bet else -1.0
        pot += 2 if bet else 1
        if (bet or first < 0) and entries[p] > best:
            winner, best = p, entries[p]
    returns[winner] += pot
