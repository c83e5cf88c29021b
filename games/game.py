"""What a game is: facts as data (`GameInfo`), and many matches of it stepped together (`TableBatch`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import ActionSpace, LegalActions
from arena.games.ragged import Ragged

NONE_FINISHED = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class GameInfo:
    """The facts of a game, so that a precondition is one ``if``.

    ``specification`` loads the game again and names its ladder: two spellings of one game share it.
    ``version`` names rules and implementation; results of different versions are told apart.
    ``min_utility``/``max_utility`` bound each player's return; None where the game does not say.
    ``teams``: the players of each team; an agent fills a team, and what a team gets is the mean of its players' returns.
    ``information_state_width``: of the tensors of information states, where the game has them (`InformationStateTensors`).
    ``replay``: ``exact`` when (chance seed, actions) give the same match bit for bit.
    """

    specification: str
    title: str
    version: str
    num_players: int
    action_space: ActionSpace
    dynamics: Literal["turn_based", "simultaneous"] = "turn_based"
    chance: bool = False
    information: Literal["perfect", "imperfect"] = "perfect"
    utility: Literal["zero_sum", "constant_sum", "general_sum", "identical"] = "zero_sum"
    min_utility: float | None = None
    max_utility: float | None = None
    teams: tuple[tuple[int, ...], ...] = ()
    lane: Literal["object", "tensor", "hosted"] = "object"
    tables_at_once: int = 512
    max_length: int | None = None
    tensor_width: int | None = None
    information_state_width: int | None = None
    has_text: bool = True
    has_information_state: bool = False
    has_simulator: bool = False
    replay: Literal["exact", "tolerance", "none"] = "exact"
    action_names: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[tuple[int, ...], ...]:
        """The players who play together: the teams, or each player alone. Sums of returns are sums over sides."""
        return self.teams or tuple((player,) for player in range(self.num_players))

    @property
    def simultaneous(self) -> bool:
        return self.dynamics == "simultaneous"

    @property
    def num_actions(self) -> int:
        """The number of discrete actions; a game of vectors has none."""
        return self.action_space.size


@dataclass(frozen=True, slots=True)
class Turn:
    """What a start or a step led to: the decisions now due on the tables touched, and the tables that finished.

    ``table``, ``player``: int64 [R], one row a decision; a simultaneous move has a row for each player who moves.
    ``finished``: int64 [F]; ``returns``: float64 [F, num_players]; ``truncated``: bool [F], ended by a length limit.
    """

    table: NDArray[np.int64]
    player: NDArray[np.int64]
    legal: LegalActions
    finished: NDArray[np.int64]
    returns: NDArray[np.float64]
    truncated: NDArray[np.bool_] | None = None


class TableBatch(Protocol):
    """Matches of one game at tables 0..capacity-1. Every call names the tables it concerns; the others do not move.

    In a simultaneous game ``step`` gets complete joint moves: num_players rows a table, zeros for players who had
    nothing to choose. What a game does not offer (see its `GameInfo`) raises `NotProvided`.
    """

    @property
    def info(self) -> GameInfo: ...

    @property
    def capacity(self) -> int: ...

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        """Begins a match at each table. Chance outcomes are words of the table's seed, so twins share them."""
        ...

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[Any]) -> Turn:
        """Plays legal actions; the caller has checked them. Tables come in any order, each at most once a player."""
        ...

    def history(self, table: NDArray[np.int64]) -> Ragged:
        """All that happened since the start, chance outcomes included, until the table starts again.

        Each ``step`` appends what was played - one entry in a turn-based game; in a simultaneous one num_players
        entries in order of players, zeros for those who had nothing to choose - and then one entry for each chance
        outcome up to the next decision; ``start`` appends the outcomes before the first. (Outcomes that a game draws
        inside its states are not entries, or stand as 0; the chance seed gives them again.) To play a record again,
        start a table with the same chance seed and step it with the record's next entries, from the length that its
        own history has by then on: a record needs no marks of what was chance.
        """
        ...

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        """What each player observes, flat: float32 [R, tensor_width]."""
        ...

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """What each player observes, in words."""
        ...

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """The key of each player's information state: all that the player knows, the past included."""
        ...

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        """A state to search from, consistent with what the player knows: the true one only under perfect information."""
        ...

    def render(self, table: int) -> str:
        """The whole table in text, hidden information included: for replays, never for agents."""
        ...

    def action_text(self, table: int, player: int, action: Any) -> str:
        """An action in the game's own notation at the table's present state."""
        ...


class InformationStateTensors(Protocol):
    """What a `TableBatch` offers besides where `GameInfo.information_state_width` is given."""

    def information_state_tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        """All that each player knows, the past included, flat: float32 [R, information_state_width].

        Two rows of a player are equal exactly where his information states are.
        """
        ...


class SearchState(Protocol):
    """A state that an agent may play forward. Named as OpenSpiel names them, whose states are search states."""

    def current_player(self) -> int: ...
    def is_terminal(self) -> bool: ...
    def legal_actions(self) -> list[int]: ...
    def apply_action(self, action: int) -> None: ...
    def returns(self) -> list[float]: ...
    def clone(self) -> SearchState: ...


class Game(Protocol):
    """Rules, loaded once from a specification; immutable."""

    @property
    def info(self) -> GameInfo: ...

    def tables(self, capacity: int) -> TableBatch:
        """Room for `capacity` matches at once."""
        ...
