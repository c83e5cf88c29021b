"""Agents of StarCraft II by specification: what its host must know to seat them.

``scripted:NAME`` and ``random`` are scripts on pysc2; ``python:MODULE:CLASS`` is an agent class written for pysc2; ``exec:COMMAND`` is
any program with the ladders' arguments; ``bot:DIFFICULTY`` is the game's own computer player.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
from collections.abc import Collection
from pathlib import Path

from arena.games import SpecificationError, UnknownName
from arena.games.specification import Value, parse_call, read_parameters
from arena.games.starcraft import bare
from arena.games.starcraft.assignment import Seat
from arena.games.starcraft.game import StarcraftGame
from arena.games.starcraft.protocol import common_pb2
from arena.games.starcraft.protocol import sc2api_pb2 as sc_pb

PILOT = "arena.agents.starcraft.pilot"
PILOT_STEP = 8
"""Game loops between two actions of a script or a pysc2 agent, where the game allows shorter ones."""
RACES = {name.lower(): int(number) for name, number in common_pb2.Race.items() if number}
BOTS_FOLDER, NAME_CHARACTERS = "arena.bots", 60
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
DIFFICULTIES = {"_".join(_WORD.findall(name)).lower(): int(number) for name, number in sc_pb.Difficulty.items()}


def player_of(scheme: str, rest: str, *, game: StarcraftGame, name: str) -> tuple[Seat, bool]:
    """(the seat, whether the player does the same whenever it has the same seeds).

    Raises:
        SpecificationError: no such kind of agent on this game, or a value that makes no sense.
        UnknownName: no such script, computer player or parameter.
    """
    if scheme == "random":
        return _pilot(f"scripted:random{rest}", game, name), True
    if scheme == "scripted":
        return _pilot(f"scripted:{rest}", game, name), True
    if scheme == "python":
        return Seat(name=name, command=_flown(f"python:{rest}", "Terran", game), data=_data_folder(name)), False
    if scheme == "exec":
        return _program(rest, name), False
    if scheme == "bot":
        return _computer(rest, game, name), False
    raise SpecificationError(
        f"{scheme} does not play {game.info.title}; on StarCraft II play random, scripted:NAME, bot:DIFFICULTY, "
        "python:MODULE:CLASS written for pysc2, and exec:COMMAND with the ladders' arguments"
    )


def _pilot(specification: str, game: StarcraftGame, name: str) -> Seat:
    interface = game.rules.interface
    script, race = read_script(specification.partition(":")[2], (interface,))
    title = next(key for key, number in common_pb2.Race.items() if number == race)
    return Seat(name=name, command=_flown(f"scripted:{script}", title, game))


def read_script(rest: str, interfaces: Collection[str]) -> tuple[str, int]:
    """(script, race) of ``scripted:NAME(race=...)``, of a script for one of these interfaces. Raises `SpecificationError`, `UnknownName`."""
    from arena.agents.starcraft.scripted import SCRIPTS

    call = parse_call(rest)
    race = _race(call.parameters.get("race", "terran"))
    read_parameters(call, {"race": "terran"})
    known = [script for interface, script in SCRIPTS if interface in interfaces]
    if call.name not in known:
        raise UnknownName(f"script for the {' or '.join(interfaces)} interface of StarCraft II", call.name, known)
    return call.name, race


def _flown(agent: str, race: str, game: StarcraftGame) -> tuple[str, ...]:
    step = max(PILOT_STEP, game.rules.step_loops)
    return tuple(bare.command(PILOT, agent, game.rules.interface, str(step), race))


def _program(rest: str, name: str) -> Seat:
    try:
        command = shlex.split(rest)
    except ValueError as error:
        raise SpecificationError(f"cannot read the command {rest!r}: {error}") from None
    if not command or shutil.which(command[0]) is None:
        what = f"there is no program {command[0]!r} to run" if command else "exec: needs a command"
        raise SpecificationError(
            f"{what}; on StarCraft II it gets --GamePort, --LadderServer, --StartPort, --OpponentId"
        )
    return Seat(name=name, command=tuple(command), data=_data_folder(name))


def _data_folder(name: str) -> str:
    """Named after the agent, below the working folder: ladders keep what a bot has learned. Each name has one of its own."""
    folder = re.sub(r"[^\w-]", "_", name)[:NAME_CHARACTERS]
    if folder != name:
        folder += f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return str(Path(BOTS_FOLDER, folder, "data").absolute())


def _computer(rest: str, game: StarcraftGame, name: str) -> Seat:
    if game.rules.scored:
        raise SpecificationError(f"{game.info.title} has one player, who cannot be the game's own computer player")
    difficulty, race = read_computer(rest)
    return Seat(name=name, difficulty=difficulty, race=race)


def read_computer(rest: str) -> tuple[int, int]:
    """(difficulty, race) of ``bot:DIFFICULTY(race=...)``. Raises `SpecificationError`, `UnknownName`."""
    call = parse_call(rest)
    read_parameters(call, {"race": "terran"})
    if call.name not in DIFFICULTIES:
        raise UnknownName("computer player of StarCraft II", call.name, DIFFICULTIES)
    return DIFFICULTIES[call.name], _race(call.parameters.get("race", "random"))


def _race(text: Value) -> int:
    if text not in RACES:
        raise UnknownName("race", str(text), RACES)
    return RACES[str(text)]
