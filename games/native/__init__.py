"""Arena's own games in the tensor lane: thousands of tables as arrays, stepped by compiled loops.

Each is equal to OpenSpiel's game of the same name, position by position: players, legal actions, observations,
information states, histories, returns and, from the same chance seed, deals.
"""

from __future__ import annotations

from arena.games.errors import SpecificationError, UnknownName
from arena.games.game import Game, GameInfo
from arena.games.native.connect_four import ConnectFour, ConnectFourTables
from arena.games.native.kuhn_poker import MAX_PLAYERS, MIN_PLAYERS, KuhnPoker, KuhnPokerTables
from arena.games.native.tic_tac_toe import TicTacToe, TicTacToeTables
from arena.games.specification import parse_call, read_parameters

__all__ = [
    "ConnectFour",
    "ConnectFourTables",
    "KuhnPoker",
    "KuhnPokerTables",
    "TicTacToe",
    "TicTacToeTables",
    "list_infos",
    "load",
]

_NAMES = ("connect_four", "kuhn_poker", "tic_tac_toe")


def load(rest: str) -> Game:
    """The game behind ``arena:``: ``connect_four``, ``tic_tac_toe``, ``kuhn_poker`` or ``kuhn_poker(players=3)``.

    Raises:
        UnknownName: no such game or parameter.
        SpecificationError: a number of players that the game is not made for.
    """
    call = parse_call(rest)
    if call.name not in _NAMES:
        raise UnknownName("game of the scheme arena", call.name, _NAMES)
    if call.name != "kuhn_poker":
        read_parameters(call, {})
        return ConnectFour() if call.name == "connect_four" else TicTacToe()
    players = read_parameters(call, {"players": MIN_PLAYERS})["players"]
    assert isinstance(players, int)
    if not MIN_PLAYERS <= players <= MAX_PLAYERS:
        raise SpecificationError(f"arena:kuhn_poker takes {MIN_PLAYERS} to {MAX_PLAYERS} players; got {players}")
    return KuhnPoker.of(players)


def list_infos() -> list[GameInfo]:
    """The facts of all native games, with their parameters as they stand by default."""
    return [load(name).info for name in _NAMES]
