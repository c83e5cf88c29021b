"""Compiled loops of `mex`: the stage problem of an optimist, plans of both players, episodes of play, and their regret."""

from __future__ import annotations

import numba as nb
import numpy as np

from arena.games.seeds import counter_hash, unit

ROUNDING = 1e-12
BISECTIONS = 40
STREAM = 96
FIRST, ROW, OUTCOME = range(3)  # random words of a step


@nb.njit(cache=True, error_model="numpy")
def episodes(  # type: ignore[no-untyped-def]  # numba kernel
    count,
    seed,
    eta,
    begin,
    successors,
    chances,
    paid,
    initial,
    discount,
    value,
    grid,
    finest,
    bounds,
    clock,
    visits,
    earned,
    came,
    average,
    regret,
    done,
):
    """Plays ``count`` episodes of an optimistic row player against an optimistic answer, in place.

    Args:
        paid: [M] to the row player. initial: [S], chances. value: of the true game, to the row player.
        grid: [P, m] strategies that are tried; finest: the shortest step of the search from the best of them.
        bounds: [T, 2]: the least and the greatest sum of rewards from a step on.
        visits, earned: [T, S, m, n], how often a joint action was seen and what it paid in all; came: [T, S, m, n, S].
        average: [T, S, m], sums of the row player's strategies; regret: [1], sum of value minus worst-case return.
        done: [K, 1], the same sum after each episode; K is the room there is.
    """
    stages, states, rows, columns = visits.shape
    row = np.empty((stages, states, rows))
    answer = np.empty((stages, states), np.int64)
    edges = np.cumsum(initial)
    for _ in range(count):
        plan(eta, discount, grid, finest, bounds, visits, earned, came, row, answer)
        worst = worst_return(begin, successors, chances, paid, initial, discount, row, columns)
        regret[0] += value - worst
        if clock[0] < len(done):
            done[clock[0], 0] = regret[0]
        draw = unit(counter_hash(seed, STREAM + FIRST, clock[0] * stages)) * edges[states - 1]
        s = np.searchsorted(edges, draw, side="right")
        for t in range(stages):
            place = clock[0] * stages + t
            left = unit(counter_hash(seed, STREAM + ROW, place))
            a = 0
            while a + 1 < rows and left >= row[t, s, a]:
                left -= row[t, s, a]
                a += 1
            b = answer[t, s]
            cell = np.uint64((s * rows + a) * columns + b)
            at, last = np.uint64(begin[cell]), np.uint64(begin[cell + np.uint64(1)]) - np.uint64(1)
            left = unit(counter_hash(seed, STREAM + OUTCOME, place)) - chances[at]
            while left >= 0 and at < last:
                at += np.uint64(1)
                left -= chances[at]
            after = np.int64(successors[at])
            visits[t, s, a, b] += 1
            earned[t, s, a, b] += paid[at]
            came[t, s, a, b, after] += 1
            s = after
        for t in range(stages):
            for i in range(states):
                for a in range(rows):
                    average[t, i, a] += row[t, i, a]
        clock[0] += 1


@nb.njit(cache=True, error_model="numpy")
def plan(eta, discount, grid, finest, bounds, visits, earned, came, row, answer):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills the row player's strategies [T, S, m] and the other's answers [T, S], each an optimist, from the last step on."""
    stages, states, rows, columns = visits.shape
    high, low = np.zeros(states), np.zeros(states)  # of what follows: for the row player's plan, for the answer to it
    mine, theirs = np.empty((rows, columns)), np.empty((rows, columns))
    for t in range(stages - 1, -1, -1):
        fresh_high, fresh_low = np.empty(states), np.empty(states)
        least, most = bounds[t, 0], bounds[t, 1]
        for s in range(states):
            for a in range(rows):
                for b in range(columns):
                    seen = visits[t, s, a, b]
                    mine[a, b], theirs[a, b] = most, least
                    if seen > 0:
                        ahead_high, ahead_low = 0.0, 0.0
                        for k in range(states):
                            if came[t, s, a, b, k] > 0:
                                ahead_high += came[t, s, a, b, k] * high[k]
                                ahead_low += came[t, s, a, b, k] * low[k]
                        mine[a, b] = (earned[t, s, a, b] + discount * ahead_high) / seen
                        theirs[a, b] = (earned[t, s, a, b] + discount * ahead_low) / seen
            fresh_high[s] = best_strategy(mine, visits[t, s], eta, most, grid, finest, row[t, s])
            fresh_low[s], answer[t, s] = best_answer(theirs, visits[t, s], eta, least, row[t, s])
        high, low = fresh_high, fresh_low


@nb.njit(cache=True, error_model="numpy")
def best_strategy(means, visits, eta, most, grid, finest, strategy):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills the strategy [m] of the greatest optimistic worst case that is found; returns that worst case.

    All of ``grid`` is tried; from the best, chance is moved between pairs of actions by ever shorter steps. A strategy that
    does no better than the best so far against what is worst for that one, or against one column, need not be solved.
    """
    rows, columns = means.shape
    column, worst, trial = np.empty(columns), np.empty(columns), np.empty(rows)
    hopes = np.empty(len(grid))
    for p in range(len(grid)):
        hopes[p] = np.inf
        for b in range(columns):
            hopes[p] = min(hopes[p], _cost(means, visits, eta, most, grid[p], b, 1.0))
    first = hopes.argmax()
    strategy[:] = grid[first]
    best = optimistic_worst(means, visits, eta, most, strategy, worst)
    for p in range(len(grid)):
        if p != first and hopes[p] > best and _against(means, visits, eta, most, grid[p], worst) > best:
            worth = optimistic_worst(means, visits, eta, most, grid[p], column)
            if worth > best:
                best = worth
                strategy[:] = grid[p]
                worst[:] = column
    step = 0.5 * _spacing(grid)
    while step >= finest:
        better = False
        for i in range(rows):
            for k in range(rows):
                moved = min(step, strategy[i])
                if i == k or moved <= 0:
                    continue
                trial[:] = strategy
                trial[i] -= moved
                trial[k] += moved
                if _against(means, visits, eta, most, trial, worst) <= best:
                    continue
                worth = optimistic_worst(means, visits, eta, most, trial, column)
                if worth > best:
                    best, better = worth, True
                    strategy[:] = trial
                    worst[:] = column
        if not better:
            step /= 2
    return best


@nb.njit(cache=True, error_model="numpy")
def _against(means, visits, eta, most, strategy, column):  # type: ignore[no-untyped-def]  # numba kernel
    """The optimistic worth of a strategy against one of the other player."""
    worth = 0.0
    for b in range(len(column)):
        worth += _cost(means, visits, eta, most, strategy, b, column[b])
    return worth


@nb.njit(cache=True, error_model="numpy")
def _spacing(grid):  # type: ignore[no-untyped-def]  # numba kernel
    """The least chance above 0 in a grid."""
    least = 1.0
    for p in range(len(grid)):
        for i in range(grid.shape[1]):
            if 0 < grid[p, i] < least:
                least = grid[p, i]
    return least


@nb.njit(cache=True, error_model="numpy")
def optimistic_worst(means, visits, eta, most, strategy, column):  # type: ignore[no-untyped-def]  # numba kernel
    """min over ν of Σ_ab max over f ≤ ``most`` of μ_a ν_b f − η n (f − mean)²; fills ``column`` with the ν that was found.

    A sum of convex functions of ν_b alone: at the minimum their slopes are one λ, which is found by halving; the chance of
    column b at slope λ comes by Newton's method, which ends because the slope is concave and made of straight pieces.
    """
    columns = means.shape[1]
    least, largest = np.inf, -np.inf
    for b in range(columns):
        least = min(least, _slope(means, visits, eta, most, strategy, b, 0.0))
        largest = max(largest, _slope(means, visits, eta, most, strategy, b, 1.0))
    largest += ROUNDING * max(
        1.0, abs(largest)
    )  # a column whose cost grows evenly gets all that is left just above that slope
    for _ in range(BISECTIONS):
        middle = (least + largest) / 2
        total = 0.0
        for b in range(columns):
            total += _chance_at(means, visits, eta, most, strategy, b, middle)
        if total < 1:
            least = middle
        else:
            largest = middle
    total, room = 0.0, 0.0
    for b in range(columns):
        column[b] = _chance_at(means, visits, eta, most, strategy, b, least)
        total += column[b]
        room += _chance_at(means, visits, eta, most, strategy, b, largest) - column[b]
    if total > 1:  # columns that cost the same whatever their chance
        for b in range(columns):
            column[b] /= total
    elif room > 0:  # what is missing at just below λ goes where it costs λ
        share = min(1.0, (1 - total) / room)
        for b in range(columns):
            column[b] += share * (_chance_at(means, visits, eta, most, strategy, b, largest) - column[b])
    return _against(means, visits, eta, most, strategy, column)


@nb.njit(cache=True, error_model="numpy")
def _slope(means, visits, eta, most, strategy, b, chance):  # type: ignore[no-untyped-def]  # numba kernel
    slope = 0.0
    for a in range(len(strategy)):
        believed = most
        if visits[a, b] > 0:
            believed = min(most, means[a, b] + strategy[a] * chance / (2 * eta * visits[a, b]))
        slope += strategy[a] * believed
    return slope


@nb.njit(cache=True, error_model="numpy")
def _chance_at(means, visits, eta, most, strategy, b, slope):  # type: ignore[no-untyped-def]  # numba kernel
    """The largest chance in [0, 1] at which the cost of column b grows by at most ``slope``."""
    chance = 0.0
    for _ in range(len(strategy) + 2):
        missing = slope - _slope(means, visits, eta, most, strategy, b, chance)
        if missing < 0:
            return chance
        bend = 0.0
        for a in range(len(strategy)):
            n = visits[a, b]
            if n > 0 and means[a, b] + strategy[a] * chance / (2 * eta * n) < most:
                bend += strategy[a] * strategy[a] / (2 * eta * n)
        if bend <= 0 or chance + missing / bend >= 1:
            return 1.0
        if missing <= 1e-15 * abs(slope):
            return chance
        chance += missing / bend
    return chance


@nb.njit(cache=True, error_model="numpy")
def _cost(means, visits, eta, most, strategy, b, chance):  # type: ignore[no-untyped-def]  # numba kernel
    cost = 0.0
    for a in range(len(strategy)):
        p, believed, n = strategy[a] * chance, most, visits[a, b]
        if n > 0:
            believed = min(most, means[a, b] + p / (2 * eta * n))
            cost -= eta * n * (believed - means[a, b]) ** 2
        cost += p * believed
    return cost


@nb.njit(cache=True, error_model="numpy")
def best_answer(means, visits, eta, least, strategy):  # type: ignore[no-untyped-def]  # numba kernel
    """(the least over columns b of Σ_a min over g ≥ ``least`` of μ_a g + η n (g − mean)², the first such b)."""
    best, chosen = np.inf, 0
    for b in range(means.shape[1]):
        worth = 0.0
        for a in range(len(strategy)):
            believed, n = least, visits[a, b]
            if n > 0:
                believed = max(least, means[a, b] - strategy[a] / (2 * eta * n))
                worth += eta * n * (believed - means[a, b]) ** 2
            worth += strategy[a] * believed
        if worth < best:
            best, chosen = worth, b
    return best, chosen


@nb.njit(cache=True, error_model="numpy")
def worst_return(begin, successors, chances, paid, initial, discount, row, columns):  # type: ignore[no-untyped-def]  # numba kernel
    """What the row player's strategies [T, S, m] earn in the true game against a best response to them."""
    stages, states, rows = row.shape
    value = np.zeros(states)
    for t in range(stages - 1, -1, -1):
        fresh = np.full(states, np.inf)
        for s in range(states):
            for b in range(columns):
                worth = 0.0
                for a in range(rows):
                    cell = np.uint64((s * rows + a) * columns + b)
                    for k in range(begin[cell], begin[cell + np.uint64(1)]):
                        at = np.uint64(k)
                        worth += row[t, s, a] * chances[at] * (paid[at] + discount * value[np.uint64(successors[at])])
                fresh[s] = min(fresh[s], worth)
        value = fresh
    total = 0.0
    for s in range(states):
        total += initial[s] * value[s]
    return total
