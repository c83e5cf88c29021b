"""Hosted games: a match is held by a program of the game's own, in which players are programs too. What is agreed with the engine.

The engine starts the host, gives it the assignment of a match in one line, and reads one line: the outcome, or how the game itself
failed, which is nobody's fault: then the match begins again, as it does where a host ends without a word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # hosts start without numpy
    from arena.games.game import Game, GameInfo

Ending = Literal["over", "time_limit", "timeout", "crash", "protocol_error"]
"""``over``: the game's own end, or a player left. ``time_limit``: the match was longer than it may be. The others are a player's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedMatch:
    """A match to be held. By seat: ``names`` of the agents, ``players``: what their loader told of them, ``seeds`` of their draws.

    ``move_s``, ``match_s``: clocks, None without limit; ``folder``: an empty one, for files.
    """

    names: tuple[str, ...]
    players: tuple[object, ...]
    seeds: tuple[int, ...]
    chance_seed: int
    move_s: float | None
    match_s: float | None
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``returns`` by seat. ``at_fault``: the seat whose fault ended the match, with ``message``. ``seconds``: what each seat
    took for all its steps. ``facts``: what else is worth keeping, for people. ``files``: what it is called -> where it lies."""

    returns: tuple[float, ...]
    ending: Ending
    at_fault: int | None = None
    message: str = ""
    seconds: tuple[float, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def to_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def failed_line(reason: str) -> str:
    """The line of a host whose game failed."""
    return json.dumps({"failed": reason}) + "\n"


def read_outcome(line: bytes | str) -> Outcome | str:
    """What a host wrote: an outcome, or why its game failed."""
    read = json.loads(line)
    if "failed" in read:
        return str(read["failed"])
    return Outcome(**{**read, "returns": tuple(read["returns"]), "seconds": tuple(read["seconds"])})


class HostedGame(Protocol):
    """A game whose `GameInfo.lane` is ``hosted``; it has no tables."""

    @property
    def info(self) -> GameInfo: ...

    @property
    def host(self) -> Sequence[str]:
        """The command that holds one match."""
        ...

    def assignment(self, match: HostedMatch) -> str:
        """The line that the host reads."""
        ...

    def require_meeting(self, agents: Sequence[str]) -> None:
        """Raises `SpecificationError` where agents of these specifications cannot play a match, a seat each."""
        ...

    def trial(self, player: object) -> tuple[Game, tuple[str, ...]]:
        """(the game with short matches, the other players by specification) to try a player in; see `HostedMatch.players`."""
        ...
