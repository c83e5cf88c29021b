"""What a ledger hands out besides match results: agents, tournaments, games, columns for ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Json = dict[str, object]
Source = Literal["play", "import", "judge", "vote"]
Status = Literal["running", "finished", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentVersion:
    """One version of a registered agent. ``created_at``: ISO 8601 in UTC, as all times of a ledger."""

    id: int
    name: str
    version: int
    specification: str
    kind: str
    content_hash: str | None
    lineage: Json
    created_at: str
    retired: bool

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tournament:
    """A tournament as it stands in the ledger. ``specs.seats`` of its matches index into ``agents``.

    ``sides``: the players who play together, as `GameInfo.sides` of its game.
    """

    id: int
    key: str
    name: str
    game: str
    game_title: str
    game_version: str
    utility: str
    lane: str
    num_players: int
    source: Source
    config: Json
    seed: int
    agents: tuple[AgentVersion, ...]
    planned: int | None
    status: Status
    versions: Json
    created_at: str
    finished_at: str | None
    sides: tuple[tuple[int, ...], ...]

    @property
    def is_rated(self) -> bool:
        """Whether its matches say who is better: not where one agent was made to exploit the other, nor where it says so itself."""
        return self.config.get("pairing") != "exploit" and self.config.get("rated") is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class GameRow:
    """A game that the ledger has tournaments of, with how many there are; title and version of the newest."""

    game: str
    title: str
    version: str
    matches: int
    tournaments: int
    agents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A tournament's matches without their actions, ascending: what ratings need.

    ``index`` int64 [N]; ``seats`` int64 [N, num_players], -1 an empty seat; ``returns`` float64 [N, num_players];
    ``termination``, ``forfeit`` int8 [N] (see `MatchResults`); ``seed``, ``chance_seed`` uint64 [N], the latter equal for twins.
    """

    index: NDArray[np.int64]
    seats: NDArray[np.int64]
    seed: NDArray[np.uint64]
    returns: NDArray[np.float64]
    termination: NDArray[np.int8]
    forfeit: NDArray[np.int8]
    chance_seed: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: slice | NDArray[np.int64]) -> Played:
        """The rows named."""
        return Played(**{name: getattr(self, name)[rows] for name in self.__slots__})

    @staticmethod
    def joined(parts: Sequence[Played]) -> Played:
        """All parts, at least one, in the order of their index; a match that stands in several counts once."""
        if len(parts) == 1:
            return parts[0]
        order = np.unique(np.concatenate([part.index for part in parts]), return_index=True)[1]
        return Played(
            **{name: np.concatenate([getattr(part, name) for part in parts])[order] for name in Played.__slots__}
        )
