"""What came of a hosted match of StarCraft II, as its host tells it in one line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

Ending = Literal["over", "time_limit", "timeout", "crash", "protocol_error"]
"""``over``: the game's own end, or a player left. ``time_limit``: the match was longer than it may be. The others are a player's fault."""


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


def read_outcome(line: bytes | str) -> Outcome:
    """What `Outcome.to_line` wrote."""
    read = json.loads(line)
    return Outcome(**{**read, "returns": tuple(read["returns"]), "seconds": tuple(read["seconds"])})
