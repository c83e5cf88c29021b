"""The maps of the stand-in: small JSON files named as the game's are. Maps of the real game are refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

from arena.games.starcraft.standin.units import BY_NAME

FORMAT = "arena-standin-map-1"
Rule = Literal["melee", "respawn", "shards", "beacon", "waves"]
"""What decides a match: the last one standing; SMAC's maps, whose units come again; mini-games, by what they pay for."""
SCREEN = 24  # cells that a screen shows
SECONDS_120 = 2688  # game loops
SECONDS_180 = 4032


class NoStandinMap(ValueError):
    """A file that is no map of the stand-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Units of one type and owner around a point; ``told``: they act on orders alone, as those of SMAC's maps."""

    kind: str
    owner: int
    count: int
    x: float
    y: float
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StandinMap:
    """A field. ``jitter``: cells by which each start is moved at random; ``time_limit``: game loops; ``reveal``: no fog.

    ``waves``: of a mini-game, the enemies that come when all are beaten, and the help that comes with them; ``pays``: what an
    enemy is worth there, where each unit lost costs one.
    """

    name: str
    size: tuple[int, int] = (64, 64)
    rule: Rule = "melee"
    placed: tuple[Placed, ...] = ()
    waves: tuple[Placed, ...] = ()
    pays: int = 1
    jitter: float = 0.5
    time_limit: int | None = None
    reveal: bool = False

    def to_bytes(self) -> bytes:
        groups = {name: [asdict(one) for one in getattr(self, name)] for name in ("placed", "waves")}
        facts = {
            name: getattr(self, name) for name in ("name", "size", "rule", "pays", "jitter", "time_limit", "reveal")
        }
        return json.dumps({"format": FORMAT, **facts, **groups}, indent=1).encode()


def read_map(content: bytes) -> StandinMap:
    """The map of a file.

    Raises:
        NoStandinMap: it is none, for example a map of the real game, which needs the real game.
    """
    try:
        found = json.loads(content)
    except ValueError:
        raise NoStandinMap("this is no map of the stand-in; maps of StarCraft II need StarCraft II itself") from None
    if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
        raise NoStandinMap(f"this is no map of the stand-in: it does not say format {FORMAT!r}")
    try:
        groups = {name: tuple(Placed(**one) for one in found[name]) for name in ("placed", "waves")}
        read = StandinMap(**{**found, **groups, "size": tuple(found["size"])})
    except (KeyError, TypeError) as error:
        raise NoStandinMap(f"this map of the stand-in cannot be read: {error}") from None
    unknown = {one.kind for one in (*read.placed, *read.waves)} - BY_NAME.keys()
    if unknown or read.rule not in get_args(Rule):
        raise NoStandinMap(f"this map of the stand-in cannot be read: it has {unknown or read.rule!r}")
    return read


def shipped_maps() -> dict[str, StandinMap]:
    """The maps that come along, by path below the game's folder ``Maps``."""
    battles = {
        "3m": (["Marine"] * 3, ["Marine"] * 3),
        "8m": (["Marine"] * 8, ["Marine"] * 8),
        "5m_vs_6m": (["Marine"] * 5, ["Marine"] * 6),
        "2s3z": (["Stalker"] * 2 + ["Zealot"] * 3, ["Stalker"] * 2 + ["Zealot"] * 3),
        "27m_vs_30m": (["Marine"] * 27, ["Marine"] * 30),
        "MMM": (["Medivac"] + ["Marauder"] * 2 + ["Marine"] * 7,) * 2,
    }
    army = ["Marine"] * 6 + ["Marauder"] * 2
    marines, roaches = _group("Marine", 9, 1, 6, 11), _group("Roach", 4, 2, 18, 11)
    swarm = (_group("Zergling", 6, 2, 17, 10), _group("Baneling", 4, 2, 17, 13))
    found = {
        "Arena/Duel": StandinMap(name="Duel", placed=_facing(army, army, 16, 48, 32), jitter=1.0),
        "Arena/Skirmish": StandinMap(
            name="Skirmish", size=(32, 32), placed=_facing(["Marine"] * 4, ["Marine"] * 4, 8, 24, 16), jitter=1.0
        ),
    }
    mini_games = (
        _mini_game("MoveToBeacon", "beacon", [_group("Marine", 1, 1, 12, 12)]),
        _mini_game("CollectMineralShards", "shards", [_group("Marine", 2, 1, 12, 12)]),
        StandinMap(
            name="FindAndDefeatZerglings",
            rule="waves",
            placed=(_group("Marine", 3, 1, 32, 32), _group("Zergling", 5, 2, 8, 8), _group("Zergling", 5, 2, 56, 56)),
            waves=(_group("Zergling", 5, 2, 8, 56),),
            time_limit=SECONDS_180,
        ),
        _mini_game("DefeatRoaches", "waves", [marines, roaches], waves=[replace(marines, count=5), roaches], pays=10),
        _mini_game(
            "DefeatZerglingsAndBanelings",
            "waves",
            [marines, *swarm],
            waves=[replace(marines, count=4), *swarm],
            pays=5,
        ),
    )
    found |= {f"mini_games/{field.name}": field for field in mini_games}
    for name, (allies, enemies) in battles.items():
        found[f"SMAC_Maps/{name}"] = _smac(name, _facing(allies, enemies, 9, 23, 16))
    for name in ("32x32_flat", "10gen_terran", "10gen_zerg", "10gen_protoss"):  # their units are made by the client
        found[f"SMAC_Maps/{name}"] = _smac(name, ())
    return found


def _group(kind: str, count: int, owner: int, x: float, y: float) -> Placed:
    return Placed(kind=kind, count=count, owner=owner, x=x, y=y)


def _facing(
    allies: Sequence[str], enemies: Sequence[str], left: float, right: float, middle: float
) -> tuple[Placed, ...]:
    """Two armies, each in a column, unit by unit."""
    return tuple(
        _group(kind, 1, owner, x, middle + place - len(army) / 2)
        for owner, army, x in ((1, allies, left), (2, enemies, right))
        for place, kind in enumerate(army)
    )


def _mini_game(
    name: str, rule: Rule, placed: Sequence[Placed], *, waves: Sequence[Placed] = (), pays: int = 1
) -> StandinMap:
    """Two minutes on a field that fits on the screen."""
    return StandinMap(
        name=name,
        size=(SCREEN, SCREEN),
        rule=rule,
        placed=tuple(placed),
        waves=tuple(waves),
        pays=pays,
        time_limit=SECONDS_120,
        reveal=True,
    )


def _smac(name: str, placed: tuple[Placed, ...]) -> StandinMap:
    told = tuple(replace(one, told=one.owner == 1) for one in placed)
    return StandinMap(name=name, size=(32, 32), rule="respawn", placed=told, reveal=True)
