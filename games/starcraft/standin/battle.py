"""The fights of the stand-in: units as columns, one tick a game loop, all from one seed."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from arena.games.starcraft.standin.units import NEUTRAL, ROW_OF_NUMBER, TOLD_NUMBER, TYPES, columns

FIRST_TAG, TAG_STEP = 4294967297, 262145
NOTICES = 5.0  # cells: how far an idle unit goes for an enemy
HEAL_REACH, HEAL, HEALTH_A_MANA, MANA = 4.0, 0.7875, 3.0, 0.03516  # a loop
PUSH = 0.25  # of an overlap, a loop
EDGE = 0.1
COOLDOWN_NOISE = np.array([-1.0, 0.0, 1.0, 2.0])  # loops, as in the game
_REALS = ("x", "y", "health", "shield", "energy", "cooldown", "facing", "goal_x", "goal_y")
_WHOLES = ("tag", "number", "row", "owner", "order", "target")
_FLAGS = ("told", "selected")


class Order(IntEnum):
    """What a unit was told to do."""

    NONE = 0
    MOVE = 1
    ATTACK_TO = 2
    ATTACK = 3
    HOLD = 4
    HEAL = 5


class Battle:
    """Units on an empty field; a unit is a place in all columns at once, in ascending order of tags.

    ``fallen``: minerals' worth of the dead units of each owner. ``dead``: tags of those that died since somebody last cleared it.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    health: NDArray[np.float64]
    shield: NDArray[np.float64]
    energy: NDArray[np.float64]
    cooldown: NDArray[np.float64]
    facing: NDArray[np.float64]
    goal_x: NDArray[np.float64]
    goal_y: NDArray[np.float64]
    tag: NDArray[np.int64]
    number: NDArray[np.int64]
    row: NDArray[np.int64]
    owner: NDArray[np.int64]
    order: NDArray[np.int64]
    target: NDArray[np.int64]
    told: NDArray[np.bool_]
    selected: NDArray[np.bool_]

    def __init__(self, size: tuple[int, int], seed: int):
        self.size, self.random = size, np.random.default_rng(seed)
        self.loop = 0
        self.next_tag = FIRST_TAG
        self.fallen: dict[int, float] = {}
        self.dead: list[int] = []
        for names, kind in ((_REALS, np.float64), (_WHOLES, np.int64), (_FLAGS, np.bool_)):
            for name in names:
                setattr(self, name, np.zeros(0, kind))

    def __len__(self) -> int:
        return len(self.tag)

    def of(self, name: str) -> NDArray[np.float64]:
        """A number of each unit's type."""
        return columns()[name][self.row]

    def add(self, number: int, owner: int, x: float, y: float, *, told: bool = False) -> None:
        """A new unit of a type; ``told``: it does nothing but what it is told, as SMACv2's own units.

        Raises:
            KeyError: there is no such type here.
        """
        row = ROW_OF_NUMBER[number]
        kind = TYPES[row]
        values = {
            "tag": self.next_tag, "number": number, "row": row, "owner": owner, "x": x, "y": y,
            "health": kind.health, "shield": kind.shield, "energy": kind.energy / 4,
            "told": told or number in TOLD_NUMBER.values(),
        }  # fmt: skip
        self.next_tag += TAG_STEP
        for name in (*_REALS, *_WHOLES, *_FLAGS):
            column = getattr(self, name)
            setattr(self, name, np.append(column, np.asarray(values.get(name, 0), column.dtype)))

    def remove(self, gone: NDArray[np.bool_]) -> None:
        """Takes units off the field."""
        self.dead += self.tag[gone].tolist()
        for owner, worth in zip(self.owner[gone].tolist(), self.of("minerals")[gone].tolist(), strict=True):
            self.fallen[owner] = self.fallen.get(owner, 0.0) + worth
        for name in (*_REALS, *_WHOLES, *_FLAGS):
            setattr(self, name, getattr(self, name)[~gone])

    def places(self, tags: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each tag; -1 where no unit has it."""
        if not len(self):
            return np.full(len(tags), -1)
        at = np.minimum(np.searchsorted(self.tag, tags), len(self) - 1)
        return np.where(self.tag[at] == tags, at, -1)

    def distances(self) -> NDArray[np.float64]:
        return np.hypot(self.x[:, None] - self.x, self.y[:, None] - self.y)

    def foes(self) -> NDArray[np.bool_]:
        """[N, N] whom each unit may attack."""
        fights = (self.owner != NEUTRAL) & (self.of("speed") > 0)
        hostile: NDArray[np.bool_] = (self.owner[:, None] != self.owner) & fights & fights[:, None]
        return hostile

    def tick(self) -> None:
        """One game loop."""
        self.loop += 1
        if not len(self):
            return
        self.cooldown -= self.cooldown > 0
        self.energy = np.minimum(self.of("energy"), self.energy + MANA * (self.of("energy") > 0))
        distance = self.distances()
        target = self._targets(distance)
        aims = target >= 0
        gap = distance[np.arange(len(self)), target] - self.of("radius") - self.of("radius")[target]
        heals = aims & (self.order == Order.HEAL)
        near = aims & (gap <= np.where(heals, HEAL_REACH, self.of("reach")))
        self._move(target, aims & ~near & (self.order != Order.HOLD), ~aims)
        self._heal(target, near & heals)
        self._fire(target, near & ~heals, distance)
        self._push()

    def _targets(self, distance: NDArray[np.float64]) -> NDArray[np.int64]:
        """Whom each unit attacks or heals now; -1 nobody. Orders about units that are gone are over."""
        target = np.full(len(self), -1)
        named = (self.order == Order.ATTACK) | (self.order == Order.HEAL)
        target[named] = self.places(self.target[named])
        self.order[named & (target < 0)] = Order.NONE
        looks = (self.order == Order.ATTACK_TO) | (self.order == Order.HOLD) | ((self.order == Order.NONE) & ~self.told)
        looks &= self.of("damage") > 0
        notices = np.maximum(self.of("reach") + self.of("radius") + 0.5, np.where(self.order == Order.HOLD, 0, NOTICES))
        seen = np.where(self.foes(), distance, np.inf)
        nearest = seen.argmin(axis=1)
        found = looks & (seen[np.arange(len(self)), nearest] < notices)
        target[found] = nearest[found]
        return target

    def _move(self, target: NDArray[np.int64], chase: NDArray[np.bool_], free: NDArray[np.bool_]) -> None:
        travel = free & ((self.order == Order.MOVE) | (self.order == Order.ATTACK_TO))
        to_x = np.where(chase, self.x[target], self.goal_x) - self.x
        to_y = np.where(chase, self.y[target], self.goal_y) - self.y
        far, moves = np.hypot(to_x, to_y), chase | travel
        step = np.where(moves, np.minimum(self.of("speed"), far), 0.0)
        share = step / np.maximum(far, 1e-9)
        self.facing = np.where(moves & (far > 0), np.arctan2(to_y, to_x), self.facing)
        self.x = np.clip(self.x + to_x * share, EDGE, self.size[0] - EDGE)
        self.y = np.clip(self.y + to_y * share, EDGE, self.size[1] - EDGE)
        self.order[travel & (far - step < 1e-6)] = Order.NONE

    def _heal(self, target: NDArray[np.int64], heals: NDArray[np.bool_]) -> None:
        for place in np.flatnonzero(heals).tolist():
            patient = target[place]
            missing = columns()["health"][self.row[patient]] - self.health[patient]
            given = max(0.0, min(HEAL, missing, self.energy[place] * HEALTH_A_MANA))
            self.health[patient] += given
            self.energy[place] -= given / HEALTH_A_MANA

    def _fire(self, target: NDArray[np.int64], near: NDArray[np.bool_], distance: NDArray[np.float64]) -> None:
        armed = near & (self.of("damage") > 0)
        self.facing[armed] = np.arctan2(self.y[target] - self.y, self.x[target] - self.x)[armed]
        fires = np.flatnonzero(armed & (self.cooldown <= 0))
        if not len(fires):
            return
        hit, damage = target[fires], np.zeros(len(self))
        blow = self.of("attacks")[fires] * np.maximum(0.5, self.of("damage")[fires] - self.of("armor")[hit])
        np.add.at(damage, hit, blow)
        for place in fires[self.of("splash")[fires] > 0].tolist():  # it dies of its own attack
            around = (distance[place] < self.of("splash")[place]) & self.foes()[place]
            around[target[place]] = False
            damage[around] += self.of("damage")[place]
            damage[place] = np.inf
        self.cooldown[fires] += self.of("cooldown")[fires] + COOLDOWN_NOISE[self.random.integers(4, size=len(fires))]
        absorbed = np.minimum(self.shield, damage)
        self.shield -= absorbed
        self.health -= damage - absorbed
        if (gone := (self.health <= 0) & (damage > 0)).any():
            self.remove(gone)

    def _push(self) -> None:
        """Units that overlap push each other apart."""
        moves = self.of("speed") > 0
        radius = self.of("radius")
        to_x, to_y = self.x[:, None] - self.x, self.y[:, None] - self.y
        far = np.hypot(to_x, to_y)
        overlap = np.maximum(0.0, radius[:, None] + radius - far) * (moves[:, None] & moves)
        np.fill_diagonal(overlap, 0.0)
        if not overlap.any():
            return
        same = (far < 1e-6) & (overlap > 0)  # on one spot: apart along x, the later to the right
        to_x = np.where(same, np.sign(np.subtract.outer(np.arange(len(self)), np.arange(len(self)))), to_x)
        share = PUSH * overlap / np.where(same, 1.0, np.maximum(far, 1e-9))
        self.x = np.clip(self.x + (to_x * share).sum(axis=1), EDGE, self.size[0] - EDGE)
        self.y = np.clip(self.y + (to_y * share).sum(axis=1), EDGE, self.size[1] - EDGE)
