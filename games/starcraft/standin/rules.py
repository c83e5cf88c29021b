"""What decides a match of the stand-in, what a mini-game pays, and what its computer player does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from s2clientprotocol import sc2api_pb2 as sc_pb

from arena.games.starcraft.standin.battle import Battle, Order
from arena.games.starcraft.standin.maps import Placed, StandinMap
from arena.games.starcraft.standin.units import BEACON, BY_NAME, MINERAL_SHARD, NEUTRAL, TERRAN, TOLD_NUMBER

SHARDS = 20
RESPAWN_LOOPS = 4
"""How long SMAC's maps stay empty. SMACv2 waits until it sees no unit: at once, it would wait for ever."""
COMPUTER_EVERY = 8  # game loops
BEACON_AWAY = 7.0  # cells from the last one, at least


@dataclass(slots=True)
class Standing:
    """How a match stands. ``score`` by player; ``results`` by player once it is over; ``empty_since``: a loop."""

    score: dict[int, float]
    results: dict[int, int] | None = None
    empty_since: int | None = None


def begin(field: StandinMap, battle: Battle) -> None:
    """Puts the map's first units on the field."""
    spawn(field.placed, field.jitter, battle)
    if field.rule == "shards":
        _scatter_shards(battle)
    elif field.rule == "beacon":
        _place_beacon(battle)


def spawn(placed: Sequence[Placed], jitter: float, battle: Battle) -> None:
    """Adds units; those of one group stand side by side in rows of three. SMACv2 knows the Terrans of its maps by the numbers of
    its own copies, and all others by the usual ones."""
    for group in placed:
        kind = BY_NAME[group.kind]
        number = TOLD_NUMBER[kind.name] if group.told and kind.race == TERRAN else kind.number
        for place in range(group.count):
            away_x, away_y = battle.random.uniform(-jitter, jitter, 2).tolist()
            x, y = group.x + place % 3 + away_x, group.y + place // 3 + away_y
            battle.add(number, group.owner, x, y, told=group.told)


def after_tick(
    field: StandinMap, battle: Battle, standing: Standing, players: Sequence[int], left: set[int], lost: dict[int, int]
) -> None:
    """Pays, brings what comes, and sees whether the match is over.

    ``players``: all; ``left``: those who are gone; ``lost``: units that fell in this loop, by owner.
    """
    match field.rule:
        case "melee":
            _melee(battle, standing, players, left)
        case "respawn":
            _respawn(field, battle, standing)
        case "shards":
            _collect(battle, standing)
        case "beacon":
            _reach(battle, standing)
        case "waves":
            _waves(field, battle, standing, players, lost)
    if standing.results is None and field.time_limit is not None and battle.loop >= field.time_limit:
        end(standing, players, None)


def end(standing: Standing, players: Sequence[int], winner: int | None) -> None:
    """The match is over; without a winner it is a tie."""
    standing.results = {
        player: sc_pb.Tie if winner is None else sc_pb.Victory if player == winner else sc_pb.Defeat
        for player in players
    }


def last_one(players: Sequence[int], left: set[int], standing: Standing) -> None:
    """Ends a match between players of whom at most one is still there."""
    here = [player for player in players if player not in left]
    if standing.results is None and len(players) > 1 and len(here) <= 1:
        end(standing, players, here[0] if here else None)


def command_computer(battle: Battle, player: int, difficulty: int) -> None:
    """What a computer player does: a very easy one waits, an easy one attacks, others also shoot at the weakest in reach."""
    if battle.loop % COMPUTER_EVERY or difficulty <= sc_pb.VeryEasy:
        return
    own = battle.owner == player
    seen = np.where(battle.foes(), battle.distances(), np.inf)
    idle = np.flatnonzero(own & (battle.order == Order.NONE) & np.isfinite(seen).any(axis=1))
    nearest = seen[idle].argmin(axis=1)
    battle.order[idle] = Order.ATTACK_TO
    battle.goal_x[idle], battle.goal_y[idle] = battle.x[nearest], battle.y[nearest]
    if difficulty <= sc_pb.Easy:
        return
    reach = battle.of("reach") + battle.of("radius")
    health = np.where(seen <= reach[:, None], battle.health + battle.shield, np.inf)
    shoots = np.flatnonzero(own & (battle.of("damage") > 0) & np.isfinite(health).any(axis=1))
    battle.order[shoots] = Order.ATTACK
    battle.target[shoots] = battle.tag[health[shoots].argmin(axis=1)]


def _melee(battle: Battle, standing: Standing, players: Sequence[int], left: set[int]) -> None:
    for player in players:
        standing.score[player] = sum(worth for owner, worth in battle.fallen.items() if owner not in (player, NEUTRAL))
    alive = set(battle.owner.tolist())
    last_one(players, left | {player for player in players if player not in alive}, standing)


def _respawn(field: StandinMap, battle: Battle, standing: Standing) -> None:
    """SMAC's maps: their units come again a moment after the field is empty."""
    if len(battle) or not field.placed:
        standing.empty_since = None
    elif standing.empty_since is None:
        standing.empty_since = battle.loop
    elif battle.loop - standing.empty_since >= RESPAWN_LOOPS:
        spawn(field.placed, field.jitter, battle)


def _collect(battle: Battle, standing: Standing) -> None:
    shards = np.flatnonzero(battle.number == MINERAL_SHARD.number)
    own = np.flatnonzero(battle.owner != NEUTRAL)
    radius = battle.of("radius")
    far = np.hypot(battle.x[shards, None] - battle.x[own], battle.y[shards, None] - battle.y[own])
    touched = far < radius[shards, None] + radius[own] + 0.2
    for owner in battle.owner[own][touched.argmax(axis=1)][touched.any(axis=1)].tolist():
        standing.score[owner] += 1
    taken = np.zeros(len(battle), np.bool_)
    taken[shards[touched.any(axis=1)]] = True
    if taken.any():
        battle.remove(taken)
    if not (battle.number == MINERAL_SHARD.number).any():
        _scatter_shards(battle)


def _scatter_shards(battle: Battle) -> None:
    for x, y in battle.random.uniform(2, np.array(battle.size) - 2, (SHARDS, 2)).tolist():
        battle.add(MINERAL_SHARD.number, NEUTRAL, x, y)


def _reach(battle: Battle, standing: Standing) -> None:
    beacon = int(np.flatnonzero(battle.number == BEACON.number)[0])
    far = np.hypot(battle.x - battle.x[beacon], battle.y - battle.y[beacon])
    reached = np.flatnonzero((far < BEACON.radius) & (battle.owner != NEUTRAL))
    if len(reached):
        standing.score[int(battle.owner[reached[0]])] += 1
        gone = battle.number == BEACON.number
        old = float(battle.x[beacon]), float(battle.y[beacon])
        battle.remove(gone)
        _place_beacon(battle, old)


def _place_beacon(battle: Battle, old: tuple[float, float] | None = None) -> None:
    """Somewhere else: never where it would be reached without a way."""
    while True:
        x, y = battle.random.uniform(4, np.array(battle.size) - 4).tolist()
        if old is None or np.hypot(x - old[0], y - old[1]) >= BEACON_AWAY:
            battle.add(BEACON.number, NEUTRAL, x, y)
            return


def _waves(field: StandinMap, battle: Battle, standing: Standing, players: Sequence[int], lost: dict[int, int]) -> None:
    player = players[0]
    for owner, count in lost.items():
        standing.score[player] += -count if owner == player else field.pays * count
    if not (battle.owner == player).any():
        end(standing, players, None)
    elif (battle.owner == player).all():
        spawn(field.waves, field.jitter, battle)
