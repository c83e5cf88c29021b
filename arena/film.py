"""A match of SMAX as a film: where everybody stands at every substep, who shoots at whom, and what one unit sees of it.

The recorded actions are stepped again with the kernels that played them, one substep at a time.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from arena.games import Game, NotProvided
from arena.games.smax import kernels
from arena.games.smax.dynamics import deviations, targets
from arena.games.smax.game import SmaxGame
from arena.games.smax.rules import STOP, Rules
from arena.games.smax.simulator import Smax
from arena.games.smax.state import State
from arena.games.smax.units import UNIT_TYPES, UnitType
from arena.results import MatchResult

ROUNDING_S = 1e-4  # of cooldowns in single precision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """A shot in frame ``frame``, drawn from where the shooter stood to where the target stood, in map units."""

    frame: int
    shooter: int
    target: int
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Film:
    """A match in F frames, ``per_step`` of them a move; the last frame is the end.

    ``position`` float32 [F, n, 2] in map units; ``health`` float32 [F, n]; ``shown`` bool [F, n]: who is in the film at all;
    what is not shown is nan. A unit that is shown with health 0 lies dead where it fell.
    ``view``: the unit whose film it is, None for the whole table; ``kinds``: None for a unit that is never shown.
    """

    rules: Rules
    kinds: tuple[UnitType | None, ...]
    position: NDArray[np.float32]
    health: NDArray[np.float32]
    shown: NDArray[np.bool_]
    shots: tuple[Shot, ...]
    per_step: int
    view: int | None

    @property
    def moves(self) -> int:
        return (len(self.position) - 1) // self.per_step

    def side(self, unit: int) -> int:
        return int(unit >= self.rules.scenario.num_allies)

    def shots_of(self, move: int) -> list[Shot]:
        """The shots between the position before a move and the one after it."""
        return [shot for shot in self.shots if (move - 1) * self.per_step <= shot.frame < move * self.per_step]


def film_of(game: Game, result: MatchResult, view: int | None = None) -> Film:
    """The film of a recorded match, or what one unit sees of it.

    A unit sees at each move who lives within its sight, as it observes them; between two moves it sees nothing, so that its
    film has one frame a move. It sees a shot by the cooldown of who shoots, when it sees the target before or after; what
    enemies aim at is told only where the game tells units.

    Args:
        game: of SMAX.
        result: whose recorded actions fit the game (`arena.replay.replay` checks them).
        view: a unit.

    Raises:
        NotProvided: another game.
    """
    if not isinstance(game, SmaxGame):
        raise NotProvided(f"{game.info.title} has no map; films are of SMAX")
    smax, states = Smax(game.rules), []
    seed = torch.from_numpy(np.array([result.spec.chance_seed], np.uint64).view(np.int64))
    state = smax.start(seed)
    states.append(state)
    n = game.rules.num_units
    frames: list[State] = [state]
    for joint in np.asarray(result.actions).reshape(-1, n, *game.info.action_space.shape):
        after = smax.advance(state, _chosen(joint, state, game.rules), seed)
        frames += _substeps(state, after, seed, smax)
        state = after
        states.append(after)
    kinds = tuple(UNIT_TYPES[kind] for kind in state.unit_type[0].tolist())
    if view is None:
        return _whole(game.rules, kinds, frames, targets(_joined(frames, "attack"), smax.constants).numpy())
    aimed = targets(_joined(states, "attack"), smax.constants).numpy()
    return _seen(game.rules, kinds, states, aimed, view)


def _chosen(joint: NDArray[Any], state: State, rules: Rules) -> torch.Tensor:
    """A recorded joint move as the simulator takes it."""
    if rules.actions == "continuous":
        return torch.from_numpy(joint.astype(np.float32)[None])
    return torch.from_numpy(np.where(state.health[0].numpy() > 0, joint, STOP).astype(np.int64)[None])


def _substeps(before: State, after: State, seed: torch.Tensor, smax: Smax) -> list[State]:
    """The states after each substep of one move; the last is the one after the move."""
    rules, deviation = smax.rules, deviations(seed, before.step, smax.rules)
    one = dataclasses.replace(rules, substeps=1)
    state = dataclasses.replace(before, movement=after.movement, attack=after.attack)
    found = []
    for substep in range(rules.substeps):
        position, health, cooldown = kernels.advance(
            state, state.movement, state.attack, seed, one, smax.constants, deviation[:, substep : substep + 1]
        )
        state = dataclasses.replace(state, position=position, health=health, cooldown=cooldown)
        found.append(state)
    return found


def _whole(rules: Rules, kinds: tuple[UnitType, ...], frames: list[State], aimed: NDArray[np.int64]) -> Film:
    position, health, cooldown = (_joined(frames, name).numpy() for name in ("position", "health", "cooldown"))
    fired = cooldown[1:] > cooldown[:-1]  # whoever does not shoot cools down
    shots = tuple(
        Shot(
            frame=frame,
            shooter=unit,
            target=int(aimed[frame + 1, unit]),
            start=_point(position[frame, unit]),
            end=_point(position[frame, aimed[frame + 1, unit]]),
        )
        for frame, unit in np.argwhere(fired).tolist()
    )
    return Film(
        rules=rules,
        kinds=kinds,
        position=position,
        health=health,
        shown=np.ones(health.shape, np.bool_),
        shots=shots,
        per_step=rules.substeps,
        view=None,
    )


def _seen(rules: Rules, kinds: tuple[UnitType, ...], states: list[State], aimed: NDArray[np.int64], view: int) -> Film:
    position, health = _joined(states, "position").numpy().copy(), _joined(states, "health").numpy().copy()
    distance = np.linalg.norm(position - position[:, view : view + 1], axis=-1)
    lives = health[:, view] > 0
    shown = (distance < kinds[view].sight_range) & (health > 0) & lives[:, None]
    ally = np.arange(len(kinds)) < rules.scenario.num_allies
    told = (ally == ally[view]) | rules.see_enemy_actions
    fired = _fired(_joined(states, "cooldown").numpy(), shown, kinds, rules)
    shots = []
    for move in range(1, len(states)):
        for unit in np.flatnonzero(shown[move] & told & fired[move]).tolist():
            target = int(aimed[move, unit])
            if target == unit or not (shown[move, target] or shown[move - 1, target]):
                continue
            at = move if shown[move, target] else move - 1
            ends = _point(position[move, unit]), _point(position[at, target])
            shots.append(Shot(frame=move - 1, shooter=unit, target=target, start=ends[0], end=ends[1]))
    fell = int(np.argmin(lives)) if not lives.all() else len(states)
    position[fell:, view], health[fell:, view] = position[max(fell - 1, 0), view], 0
    shown[fell:, view] = True  # it knows where it stood last
    position[~shown], health[~shown] = np.nan, np.nan
    return Film(
        rules=rules,
        kinds=tuple(kind if shown[:, unit].any() else None for unit, kind in enumerate(kinds)),
        position=position,
        health=health,
        shown=shown,
        shots=tuple(shots),
        per_step=1,
        view=view,
    )


def _fired(
    cooldown: NDArray[np.float32], shown: NDArray[np.bool_], kinds: tuple[UnitType, ...], rules: Rules
) -> NDArray[np.bool_]:
    """[moves + 1, n] whether a unit shot in the last move, by the cooldowns that are seen: they fall unless it does.

    Where only the last one is seen, whether it is as long as only a shot in the last move leaves it: cooldowns begin with up to
    two substeps more than a type has.
    """
    seen, step_s = np.maximum(cooldown, 0), rules.substeps * rules.substep_s
    fallen = np.maximum(seen[:-1] - step_s, 0)
    fresh = np.maximum(np.array([kind.cooldown for kind in kinds]) + 2 * rules.substep_s - step_s, 0)
    fired = np.zeros(cooldown.shape, np.bool_)
    fired[1:] = seen[1:] > np.where(shown[:-1], fallen, fresh) + ROUNDING_S
    return fired


def _joined(states: list[State], column: str) -> torch.Tensor:
    joined: torch.Tensor = torch.cat([getattr(state, column) for state in states])
    return joined


def _point(place: NDArray[np.float32]) -> tuple[float, float]:
    return float(place[0]), float(place[1])
