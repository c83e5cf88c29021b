"""``smac2:SCENARIO``: SMACv2's scenarios as games of the arena: a team of units, whose return is 1 for a win and -1 for a loss."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path

from arena.games.errors import GameMissing, SpecificationError
from arena.games.game import GameInfo
from arena.games.pettingzoo import PettingZooGame, from_pettingzoo
from arena.games.pettingzoo_facts import Facts
from arena.games.specification import Call, parse_call, read_parameters
from arena.games.starcraft.installation import Installation, find_installation, find_map, maps_of
from arena.games.starcraft.names import NOT_STARCRAFT, SMAC_SCHEME
from arena.games.starcraft.smac_env import GENERATED, SmacEnv, require_smacv2, scenarios

UNITS = {"n_units": 5, "n_enemies": 5}
MOST_UNITS = 10
FLAT_MAP = "32x32_flat"
"""What generated scenarios are played on."""


def load(rest: str) -> PettingZooGame:
    """The game behind ``smac2:``, for example ``smac2:3m`` or ``smac2:10gen_terran(n_units=5, n_enemies=6)``.

    Raises:
        GameMissing: SMACv2, StarCraft II or the scenario's map is not on this machine.
        UnknownName: no such scenario or parameter.
        SpecificationError: a number of units that makes no sense.
    """
    require_smacv2()
    return smac_game(SMAC_SCHEME, parse_call(rest), find_installation())


def list_infos() -> list[GameInfo]:
    """The facts of every scenario that can be played here; none without SMACv2 or StarCraft II."""
    try:
        require_smacv2()
        return smac_infos(SMAC_SCHEME, find_installation())
    except GameMissing:
        return []


def smac_infos(scheme: str, installation: Installation) -> list[GameInfo]:
    """The facts of the scenarios whose maps an installation has."""
    maps = maps_of(installation)
    here = [name for name in scenarios() if (FLAT_MAP if name in GENERATED else name) in maps]
    return [smac_game(scheme, Call(name, {}), installation).info for name in here]


def smac_game(scheme: str, call: Call, installation: Installation) -> PettingZooGame:
    """A scenario in an installation as a game.

    Raises:
        GameMissing: it has no maps.
        UnknownName: no such scenario, parameter or map.
        SpecificationError: a number of units that makes no sense.
    """
    generated = call.name in GENERATED
    given = read_parameters(call, dict(UNITS) if generated else {})
    units = {name: int(value) for name, value in given.items()}
    if any(not 1 <= count <= MOST_UNITS for count in units.values()):
        raise SpecificationError(f"{call.name}: n_units and n_enemies must be from 1 to {MOST_UNITS}; got {units}")
    base: Path = installation.base
    env = SmacEnv(call.name, base=base, sparse=True, **units)
    find_map(installation, FLAT_MAP if generated else call.name)
    own = {name: value for name, value in units.items() if value != UNITS[name]}
    name = Call(call.name, dict(own))
    game = from_pettingzoo(
        lambda: SmacEnv(call.name, base=base, sparse=True, **units),
        specification=f"{scheme}:{name}",
        title=f"SMACv2 {name}" + ("" if scheme == SMAC_SCHEME else f" ({NOT_STARCRAFT})"),
        version=f"{_release()}, {installation.version}",
        facts=Facts(
            utility="identical",
            bounds=(-1.0, 1.0),
            max_length=env.max_length,
            replay="none",
            tables_at_once=1,  # a process of the game each
        ),
    )
    team = tuple(range(game.info.num_players))
    return replace(game, blueprint=replace(game.blueprint, info=replace(game.info, teams=(team,))))


def _release() -> str:
    try:
        return f"SMACv2 {importlib.metadata.version('smacv2')}"
    except importlib.metadata.PackageNotFoundError:
        return "SMACv2 from a checkout"
