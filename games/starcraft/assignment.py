"""One match of StarCraft II as its host is asked to hold it: which program, map and rules, who sits where, how long for what."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

Interface = Literal["raw", "feature"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A player: a program that is run with the arguments of the ladders, or the game's own computer player.

    ``name``: what results and replays call it. ``command``: the program; empty for the computer. ``data``: a folder that is
    kept for the program from match to match. ``seed``: of its own draws, in its environment. ``difficulty``, ``race``: of the computer player, numbers of the protocol.
    """

    name: str
    command: tuple[str, ...] = ()
    data: str = ""
    seed: int = 0
    difficulty: int = 0
    race: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the proxy holds every player to. Lengths are game loops, 22.4 a second of the game.

    ``scored``: a mini-game, whose return is its score; else who wins gets 1, who loses -1. ``step_loops``: no step is shorter.
    ``max_loops``: how long a match may take. ``interface``: ``feature`` gives nobody raw units. ``move_s``: for one step, ``match_s``: for
    all of a player's steps; ``silent_s``: without a message, ``start_s``: until a program has joined.
    """

    scored: bool
    step_loops: int
    max_loops: int
    interface: Interface
    move_s: float | None = None
    match_s: float | None = None
    silent_s: float = 30.0
    start_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """``program``: the game's executable; ``base``: its folder; ``map_path``: below ``Maps`` there; ``data_version``: of the game's
    data, '' for that of the program; ``folder``: where replay and logs are put; ``seed``: of the game's chance, 32 bits."""

    program: str
    base: str
    map_path: str
    seats: tuple[Seat, ...]
    rules: Rules
    seed: int
    folder: str
    data_version: str = ""

    def to_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def read_assignment(line: str) -> Assignment:
    """What `Assignment.to_line` wrote."""
    read = json.loads(line)
    seats = tuple(Seat(**{**seat, "command": tuple(seat["command"])}) for seat in read["seats"])
    return Assignment(**{**read, "seats": seats, "rules": Rules(**read["rules"])})
