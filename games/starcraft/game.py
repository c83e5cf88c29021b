"""``sc2:MAP``: StarCraft II as a game of the arena, played in the game's own programs.

Mini-games of SC2LE have one player, whose return is the score; every other map is a match of two, won or lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from arena.games.actions import ActionSpace
from arena.games.errors import GameMissing, NotProvided, SpecificationError
from arena.games.game import GameInfo
from arena.games.hosted import HostedMatch
from arena.games.specification import Call, Value, parse_call, read_parameters
from arena.games.starcraft import bare
from arena.games.starcraft.assignment import Assignment, Interface, Rules, Seat
from arena.games.starcraft.installation import (
    Installation,
    find_installation,
    find_map,
    maps_of,
)
from arena.games.starcraft.mini_games import MINI_GAMES
from arena.games.starcraft.names import NOT_STARCRAFT, SCHEME
from arena.games.starcraft.pysc2_repair import require_pysc2

LADDER_LOOPS = 80_640
"""An hour of the game: what ladders of bots allow."""
TRIAL_LOOPS = 2_688
MOST_LOOPS = 524_000  # the game fails above 2^19
SC2LE_STEP = 8
SEED_BITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StarcraftGame:
    """A map with its rules, in an installation."""

    info: GameInfo
    installation: Installation
    map_path: str
    rules: Rules

    @property
    def host(self) -> Sequence[str]:
        return bare.command("arena.games.starcraft.host")

    def tables(self, capacity: int) -> NoReturn:
        raise NotProvided(
            f"{self.info.title} has no tables: its matches are programs, which arena play and tournaments run"
        )

    def assignment(self, match: HostedMatch) -> str:
        """The line for the host; every player must be a `Seat`.

        Raises:
            SpecificationError: the computer would play itself.
        """
        seats = []
        for name, player, seed in zip(match.names, match.players, match.seeds, strict=True):
            assert isinstance(player, Seat)
            seats.append(replace(player, name=name, seed=seed))
        if not any(seat.command for seat in seats):
            raise SpecificationError(self._needs_a_program())
        return Assignment(
            program=str(self.installation.program),
            base=str(self.installation.base),
            data_version=self.installation.data_version,
            map_path=self.map_path,
            seats=tuple(seats),
            rules=replace(self.rules, move_s=match.move_s, match_s=match.match_s),
            seed=match.chance_seed % (1 << SEED_BITS),
            folder=str(match.folder),
        ).to_line()

    def require_meeting(self, agents: Sequence[str]) -> None:
        """Raises `SpecificationError` where all are the game's own computer player."""
        if all(agent.startswith("bot:") for agent in agents):
            raise SpecificationError(f"{self._needs_a_program()}; {' and '.join(agents)} would meet")

    def _needs_a_program(self) -> str:
        return f"a match of {self.info.title} needs at least one agent besides the computer players"

    def trial(self, player: object) -> tuple[StarcraftGame, tuple[str, ...]]:
        """Two minutes of the game, for two players against one who hardly does anything."""
        assert isinstance(player, Seat)
        rules = replace(self.rules, max_loops=min(self.rules.max_loops, TRIAL_LOOPS))
        waits = "bot:very_easy" if player.command else "scripted:wait"
        return replace(self, rules=rules), (waits,) * (self.info.num_players - 1)


def load(rest: str) -> StarcraftGame:
    """The game behind ``sc2:``, with the parameters of `game_of` and ``version``, for example ``version=4.10.0``.

    Raises:
        GameMissing: StarCraft II, its version, its maps or pysc2 are not on this machine.
        UnknownName: no such map or parameter.
        SpecificationError: a value that makes no sense.
    """
    require_pysc2()
    call = parse_call(rest)
    return game_of(SCHEME, call, find_installation(str(call.parameters.get("version", ""))))


def list_infos() -> list[GameInfo]:
    """The facts of every map of StarCraft II on this machine; none where it is not installed."""
    try:
        require_pysc2()
        return infos_of(SCHEME, find_installation())
    except GameMissing:
        return []


def infos_of(scheme: str, installation: Installation) -> list[GameInfo]:
    """The facts of every map that specifications can name; SMAC's are those of another scheme."""
    named = [name for name, path in maps_of(installation).items() if name.isidentifier() and "SMAC" not in path]
    return [game_of(scheme, Call(name, {}), installation).info for name in named]


def game_of(scheme: str, call: Call, installation: Installation) -> StarcraftGame:
    """A map of an installation as a game.

    Parameters: ``interface``: ``raw`` units, or ``feature`` layers alone, as in SC2LE; ``step_mul``: game loops of the
    shortest step; ``max_loops``: how long a match may take. Mini-games are played on feature layers in steps of 8.

    Raises:
        GameMissing: there are no maps.
        UnknownName: no such map or parameter.
        SpecificationError: a value that makes no sense.
    """
    map_path = find_map(installation, call.name)
    name = map_path.rpartition("/")[2].removesuffix(".SC2Map")
    mini_game = MINI_GAMES.get(name)
    defaults: dict[str, Value] = {
        "interface": "raw" if mini_game is None else "feature",
        "step_mul": 1 if mini_game is None else SC2LE_STEP,
        "max_loops": LADDER_LOOPS if mini_game is None else mini_game.loops,
        **({"version": ""} if scheme == SCHEME else {}),
    }
    given = read_parameters(call, defaults)
    interface, step_mul, max_loops = str(given["interface"]), int(given["step_mul"]), int(given["max_loops"])
    if interface not in ("raw", "feature"):
        raise SpecificationError(f"{call.name}: interface must be raw or feature; got {interface!r}")
    if not 1 <= step_mul <= max_loops <= MOST_LOOPS:
        raise SpecificationError(
            f"{call.name}: 1 ≤ step_mul ≤ max_loops ≤ {MOST_LOOPS:,} must hold; got {step_mul} and {max_loops}"
        )
    checked: Interface = "raw" if interface == "raw" else "feature"
    own = {key: value for key, value in given.items() if value != defaults[key]}
    content = (installation.base / "Maps" / map_path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    players = 2 if mini_game is None else 1
    info = GameInfo(
        specification=f"{scheme}:{Call(name, own)}",
        title=f"{Call(name, own)} ({'StarCraft II' if scheme == SCHEME else NOT_STARCRAFT})",
        version=f"{installation.version}, map {digest}, {max_loops} loops in steps of at least {step_mul}",
        num_players=players,
        action_space=ActionSpace(size=1),  # what players do, they do in the game's own program
        dynamics="simultaneous",
        chance=True,
        information="imperfect",
        utility="zero_sum" if mini_game is None else "identical",
        min_utility=-1.0 if mini_game is None else None,
        max_utility=1.0 if mini_game is None else None,
        lane="hosted",
        tables_at_once=1,
        has_text=False,
        replay="none",
    )
    rules = Rules(scored=mini_game is not None, step_loops=step_mul, max_loops=max_loops, interface=checked)
    return StarcraftGame(info=info, installation=installation, map_path=map_path, rules=rules)
