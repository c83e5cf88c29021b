"""Compiled loops over SMAX matches on a CPU: the twins of `dynamics`, `acting` and `observing`, a match after the other."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import torch

from arena.games.seeds import OUTCOME_STREAM, counter_hash
from arena.games.smax.random_words import START_WORDS
from arena.games.smax.rules import MOVES, OWN_FEATURES, STOP, UNIT_FEATURES, Constants, Rules
from arena.games.smax.state import State

_HALF, _ONE, _NEVER_ZERO = np.float32(0.5), np.float32(1), np.float32(1e-6)
CLOSEST, WEAKEST, RANDOM = 0, 1, 2
_THREE, _UNIT = np.float32(3), np.float32(2.0**-24)
_NO_DEVIATIONS = np.empty((0, 0, 0), np.float32)


def advance(
    state: State,
    movement: torch.Tensor,
    attack: torch.Tensor,
    seed: torch.Tensor,
    rules: Rules,
    constants: Constants,
    deviation: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(position, health, cooldown) after one step; see `dynamics.advanced`.

    ``deviation`` [B, substeps, n] in place of what the seeds would draw: recordings of the reference bring their own.
    """
    position, health, cooldown = state.position.clone(), state.health.clone(), state.cooldown.clone()
    _advance(
        position.numpy(),
        health.numpy(),
        cooldown.numpy(),
        state.unit_type.numpy(),
        movement.contiguous().numpy(),
        attack.contiguous().numpy(),
        constants.foes.numpy(),
        _NO_DEVIATIONS if deviation is None else deviation.contiguous().numpy(),
        seed.numpy().view(np.uint64),
        state.step.numpy(),
        rules.words_per_step,
        rules.substeps,
        constants.speed.numpy(),
        constants.damage.numpy(),
        constants.attack_range.numpy(),
        constants.radius.numpy(),
        constants.cooldown.numpy(),
        np.float32(rules.size),
        np.float32(rules.substep_s),
        rules.walls_cause_death,
    )
    return position, health, cooldown


def decoded(action: torch.Tensor, constants: Constants) -> tuple[torch.Tensor, torch.Tensor]:
    """(movement [B, n, 2], attack [B, n]); see `acting.decoded`."""
    movement, attack = np.empty((*action.shape, 2), np.float32), np.empty(action.shape, np.int64)
    _decode(action.contiguous().numpy(), constants.directions.numpy(), movement, attack)
    return torch.from_numpy(movement), torch.from_numpy(attack)


def legal_actions(
    state: State, match: torch.Tensor, unit: torch.Tensor, rules: Rules, constants: Constants
) -> torch.Tensor:
    """bool [R, num_actions]; see `acting.legal_actions`."""
    allowed = np.zeros((len(match), rules.num_actions), np.bool_)
    _legal_actions(
        match.numpy(),
        unit.numpy(),
        state.position.numpy(),
        state.health.numpy(),
        state.unit_type.numpy(),
        constants.attack_range.numpy(),
        rules.scenario.num_allies,
        allowed,
    )
    return torch.from_numpy(allowed)


def unit_list(
    state: State, match: torch.Tensor, unit: torch.Tensor, rules: Rules, constants: Constants
) -> torch.Tensor:
    """float32 [R, observation_width]; see `observing.observations`."""
    seen = np.zeros((len(match), rules.observation_width), np.float32)
    _unit_list(
        match.numpy(),
        unit.numpy(),
        state.position.numpy(),
        state.health.numpy(),
        state.cooldown.numpy(),
        state.unit_type.numpy(),
        state.movement.numpy(),
        state.attack.numpy(),
        constants.health.numpy(),
        constants.cooldown.numpy(),
        constants.sight_range.numpy(),
        constants.largest_action.numpy(),
        rules.scenario.num_allies,
        np.float32(rules.size),
        rules.see_enemy_actions,
        seen,
    )
    return torch.from_numpy(seen)


def world_state(state: State, constants: Constants) -> torch.Tensor:
    """float32 [B, world_state_width]; see `observing.world_state`."""
    n = state.health.shape[1]
    told = np.zeros((len(state), n * (OWN_FEATURES + 2)), np.float32)
    _world_state(
        state.position.numpy(),
        state.health.numpy(),
        state.cooldown.numpy(),
        state.unit_type.numpy(),
        constants.health.numpy(),
        constants.is_ally.numpy(),
        told,
    )
    return torch.from_numpy(told)


def rewards(before: State, after: State, rules: Rules, constants: Constants) -> torch.Tensor:
    """float32 [B, 2]; see `rewards.rewards`."""
    earned = np.empty((len(after), 2), np.float32)
    _rewards(
        before.health.numpy(),
        after.health.numpy(),
        after.unit_type.numpy(),
        constants.health.numpy(),
        rules.scenario.num_allies,
        np.float32(rules.won_battle_bonus),
        rules.self_play_reward,
        earned,
    )
    return torch.from_numpy(earned)


@nb.njit(cache=True, error_model="numpy")
def _advance(  # type: ignore[no-untyped-def]  # numba kernel
    position,
    health,
    cooldown,
    unit_type,
    movement,
    attack,
    foes,
    deviation,
    seed,
    steps,
    words_per_step,
    substeps,
    speed,
    damage,
    attack_range,
    radius,
    reload,
    size,
    substep_s,
    walls_kill,
):
    matches, n = health.shape
    hurt = np.zeros(n, np.float32)
    push = np.zeros((n, 2), np.float32)
    for b in range(matches):
        for k in range(substeps):
            hurt[:] = 0
            for i in range(n):
                kind = unit_type[b, i]
                place = attack[b, i] - MOVES
                aimed = foes[i, place] if 0 <= place < foes.shape[1] else i
                fires = False
                if aimed != i and health[b, i] > 0 and health[b, aimed] > 0 and cooldown[b, i] <= 0:
                    x = position[b, i, 0] - position[b, aimed, 0]
                    y = position[b, i, 1] - position[b, aimed, 1]
                    fires = math.sqrt(x * x + y * y) < attack_range[kind]
                if fires:
                    hurt[aimed] += damage[kind]
                    if len(deviation):
                        more = deviation[b, k, i]
                    else:
                        counter = START_WORDS + steps[b] * words_per_step + k * n + i
                        word = counter_hash(seed[b], OUTCOME_STREAM, counter) >> np.uint64(40)
                        more = (np.float32(word) * _UNIT * _THREE - _ONE) * substep_s
                    cooldown[b, i] += reload[kind] + more - cooldown[b, i]
                else:
                    cooldown[b, i] -= substep_s
            for i in range(n):
                if health[b, i] > 0:
                    step = speed[unit_type[b, i]]
                    for axis in range(2):
                        moved = position[b, i, axis] + movement[b, i, axis] * step * substep_s
                        position[b, i, axis] = min(max(moved, np.float32(0)), size)
                health[b, i] = max(health[b, i] - hurt[i], np.float32(0))
                if walls_kill:
                    x, y = position[b, i, 0], position[b, i, 1]
                    if x <= 0 or y <= 0 or x >= size or y >= size:
                        health[b, i] = 0
            _push_apart(position[b], health[b], unit_type[b], radius, push)


@nb.njit(cache=True)
def _decode(action, directions, movement, attack):  # type: ignore[no-untyped-def]  # numba kernel
    for b in range(len(action)):
        for i in range(action.shape[1]):
            movement[b, i] = directions[min(max(action[b, i], 0), STOP)]
            attack[b, i] = action[b, i] if action[b, i] >= MOVES else 0


@nb.njit(cache=True, error_model="numpy", inline="always")
def _push_apart(position, health, unit_type, radius, push):  # type: ignore[no-untyped-def]  # numba kernel
    n = len(health)
    push[:] = 0
    touched = False
    for i in range(n):
        if health[i] <= 0:
            continue
        for j in range(i + 1, n):
            if health[j] <= 0:
                continue
            x, y = position[i, 0] - position[j, 0], position[i, 1] - position[j, 1]
            reach = radius[unit_type[i]] + radius[unit_type[j]]
            squared = x * x + y * y
            if squared > reach * reach:
                continue
            overlap = reach / (np.float32(math.sqrt(squared)) + _NEVER_ZERO) - _ONE
            if overlap > 0:
                touched = True
                push[i, 0] += x * overlap
                push[i, 1] += y * overlap
                push[j, 0] -= x * overlap
                push[j, 1] -= y * overlap
    if touched:
        for i in range(n):
            if health[i] > 0:
                position[i, 0] += push[i, 0] * _HALF
                position[i, 1] += push[i, 1] * _HALF


@nb.njit(cache=True, error_model="numpy")
def _legal_actions(match, unit, position, health, unit_type, attack_range, allies, allowed):  # type: ignore[no-untyped-def]  # numba kernel
    n = health.shape[1]
    for r in range(len(match)):
        b, i = match[r], unit[r]
        allowed[r, STOP] = True
        if health[b, i] <= 0:
            continue
        allowed[r, :STOP] = True
        reach = attack_range[unit_type[b, i]]
        for j in range(allies, n) if i < allies else range(allies):
            if health[b, j] > 0:
                x, y = position[b, j, 0] - position[b, i, 0], position[b, j, 1] - position[b, i, 1]
                place = j - allies if i < allies else allies - 1 - j
                allowed[r, MOVES + place] = math.sqrt(x * x + y * y) < reach


@nb.njit(cache=True, error_model="numpy")
def _unit_list(  # type: ignore[no-untyped-def]  # numba kernel
    match,
    unit,
    position,
    health,
    cooldown,
    unit_type,
    movement,
    attack,
    full_health,
    reload,
    sight_range,
    largest_action,
    allies,
    size,
    see_enemy_actions,
    seen,
):
    n = health.shape[1]
    own = (n - 1) * UNIT_FEATURES
    for r in range(len(match)):
        b, i = match[r], unit[r]
        if health[b, i] <= 0:
            continue
        kind = unit_type[b, i]
        sight, ally = sight_range[kind], i < allies
        for place in range(n - 1):
            j = place + (place >= i) if ally else n - 1 - place - (n - 1 - place <= i)
            if health[b, j] <= 0:
                continue
            x, y = position[b, j, 0] - position[b, i, 0], position[b, j, 1] - position[b, i, 1]
            if math.sqrt(x * x + y * y) < sight:
                at, other = place * UNIT_FEATURES, unit_type[b, j]
                seen[r, at] = health[b, j] / full_health[other]
                seen[r, at + 1], seen[r, at + 2] = x / sight, y / sight
                if see_enemy_actions or ally == (j < allies):
                    seen[r, at + 3], seen[r, at + 4] = movement[b, j, 0], movement[b, j, 1]
                    seen[r, at + 5] = np.float32(attack[b, j]) / largest_action[j]
                seen[r, at + 6] = min(max(cooldown[b, j] / reload[other], np.float32(0)), _ONE)
                seen[r, at + 7 + other] = 1
        seen[r, own] = health[b, i] / full_health[kind]
        seen[r, own + 1], seen[r, own + 2] = position[b, i, 0] / size, position[b, i, 1] / size
        seen[r, own + 3] = min(max(cooldown[b, i] / reload[kind], np.float32(0)), _ONE)
        seen[r, own + 4 + kind] = 1


@nb.njit(cache=True, error_model="numpy")
def _world_state(position, health, cooldown, unit_type, full_health, is_ally, told):  # type: ignore[no-untyped-def]  # numba kernel
    matches, n = health.shape
    for b in range(matches):
        for i in range(n):
            kind, at = unit_type[b, i], i * OWN_FEATURES
            if health[b, i] > 0:
                told[b, at] = health[b, i] / full_health[kind]
                told[b, at + 1], told[b, at + 2] = position[b, i, 0], position[b, i, 1]
                told[b, at + 3] = cooldown[b, i]
                told[b, at + 4 + kind] = 1
            told[b, n * OWN_FEATURES + i] = not is_ally[i]
            told[b, n * (OWN_FEATURES + 1) + i] = kind


@nb.njit(cache=True, error_model="numpy")
def _rewards(before, after, unit_type, full_health, allies, bonus, only_winning, earned):  # type: ignore[no-untyped-def]  # numba kernel
    matches, n = after.shape
    for b in range(matches):
        alive = [False, False]
        lost = [np.float32(0), np.float32(0)]
        for i in range(n):
            team = 0 if i < allies else 1
            alive[team] |= after[b, i] > 0
            lost[team] += (after[b, i] - before[b, i]) / full_health[unit_type[b, i]]
        for team in range(2):
            other = 1 - team
            size = n - allies if team == 0 else allies
            reward = np.float32(0) if only_winning else abs(lost[other]) / np.float32(size)
            if alive[team] and not alive[other]:
                reward += bonus
            elif only_winning and alive[other] and not alive[team]:
                reward -= bonus
            earned[b, team] = reward


@nb.njit(cache=True, error_model="numpy")
def scripted(  # type: ignore[no-untyped-def]  # numba kernel
    seen, goal, last, draws, begin, foes, mode, shoots, size, sight_range, attack_range, full_health, action
):
    """Fills ``action`` [R] and brings ``goal`` and ``last`` up to date; see `scripted.scripted_actions`. Of each row the
    features of ``foes`` enemies stand from ``begin`` on."""
    own = seen.shape[1] - OWN_FEATURES
    for r in range(len(seen)):
        kind = 0
        for k in range(OWN_FEATURES - 4):
            if seen[r, own + 4 + k] > 0:
                kind = k
        sight, reach = sight_range[kind], attack_range[kind]
        me_x, me_y = seen[r, own + 1] * size, seen[r, own + 2] * size
        visible, near, best, worth = 0, 0, 0, math.inf
        again = False
        for e in range(foes):
            at = begin + e * UNIT_FEATURES
            if seen[r, at] <= 0:
                continue
            visible += 1
            x, y = seen[r, at + 1] * sight, seen[r, at + 2] * sight
            distance = math.sqrt(x * x + y * y)
            if distance < reach:
                near += 1
                again |= last[r] == e
                value = distance
                if mode == WEAKEST:
                    for k in range(UNIT_FEATURES - 7):
                        if seen[r, at + 7 + k] > 0:
                            value = seen[r, at] * full_health[k]
                if value < worth:
                    best, worth = e, value
        if last[r] < 0 and goal[r, 0] == 0 and goal[r, 1] == 0:
            goal[r, 0], goal[r, 1] = size - me_x, size - me_y
        shot, chased = np.int64(draws[r, 0] * near), np.int64(draws[r, 1] * visible)
        way_x, way_y = goal[r, 0] - me_x, goal[r, 1] - me_y
        for e in range(foes):
            at = begin + e * UNIT_FEATURES
            if seen[r, at] <= 0:
                continue
            x, y = seen[r, at + 1] * sight, seen[r, at + 2] * sight
            if chased == 0:
                way_x, way_y = x, y
            chased -= 1
            if math.sqrt(x * x + y * y) < reach:
                if shot == 0 and mode == RANDOM:
                    best = e
                shot -= 1
        if near == 0:
            last[r] = -1
        elif not again:
            last[r] = best
        if near > 0 and shoots:
            action[r] = MOVES + last[r]
        else:
            walk, most = 0, way_y
            for direction, along in ((1, way_x), (2, -way_y), (3, -way_x)):
                if along > most:
                    walk, most = direction, along
            action[r] = walk


assert OWN_FEATURES + 3 == UNIT_FEATURES
