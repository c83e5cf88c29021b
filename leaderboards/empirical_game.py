"""The empirical game: agents as the strategies of a symmetric game, payoffs as matches showed them.

A player that chooses agent a while the others choose the agents of a set gets a's mean return over all matches of that company,
whatever the seats: so the game is symmetric, and seats are balanced as the schedule balanced them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.bootstrap import SEED, unit_weights
from arena.leaderboards.comparisons import units_of
from arena.leaderboards.forfeited import earned_returns
from arena.leaderboards.record import Record
from arena.leaderboards.wording import listed

THIN = "some agents met in one pair of matches only, which shows no spread: there are no intervals"
MOST_PROFILES = 200_000  # payoffs are dense: players × agents^players


@dataclass(frozen=True, slots=True, kw_only=True)
class EmpiricalGame:
    """A symmetric game of agents.

    ``agents`` [A]; ``payoffs`` float64 [P, A, ..., A]: the return of each player of each profile of agents. ``draws`` float64
    [R, P, A, ..., A]: the same of resampled matches, none where a company was seen in one pair of twins alone: its payoffs would
    not vary. ``matches``: how many it is made of. ``notes``: where there are no draws, why.
    """

    agents: tuple[str, ...]
    payoffs: NDArray[np.float64]
    draws: NDArray[np.float64]
    matches: int
    notes: tuple[str, ...] = ()


def empirical_game(record: Record, *, resamples: int = 0, seed: int = SEED) -> EmpiricalGame:
    """The empirical game of the agents that played, every company of them seen.

    Where an agent alone would fill all seats and never did, a zero- or constant-sum game gives each seat its share of the
    constant; in a general-sum game such a match must have been played. The same holds for companies in which an agent sits
    twice, which only a match with that agent in two seats shows.

    Args:
        record: matches of equal numbers of players.
        resamples: of the Bayesian bootstrap over pairs of twins.
        seed: of the bootstrap.

    Raises:
        ArenaError: matches of different numbers of players, a company that was never seen, or too many profiles.
    """
    players = np.unique((record.seats >= 0).sum(axis=1)[record.weight > 0])
    if len(players) != 1 or players[0] < 2:
        raise ArenaError("an empirical game needs matches that all have the same number of players, at least two")
    num_players = int(players[0])
    rows = np.flatnonzero(record.weight > 0)
    order, unit_sorted, num_units = units_of(record.pair)
    unit = unit_sorted if order is None else unit_sorted[np.argsort(order)]
    seats, returns = record.seats[rows], earned_returns(record)[rows]
    place = np.argsort(seats < 0, axis=1, kind="stable")[:, :num_players]
    seats, returns = np.take_along_axis(seats, place, 1), np.take_along_axis(returns, place, 1)
    # by name, so that whoever searches goes the same way however agents are numbered
    active = np.array(sorted(np.unique(seats).tolist(), key=record.agents.__getitem__), np.int64)
    size = len(active)
    if num_players * size**num_players > MOST_PROFILES:
        raise ArenaError(
            f"{size} agents in matches of {num_players} make {size**num_players:,} profiles, more than are rated at once"
        )
    names = tuple(record.agents[i] for i in active)
    number = np.zeros(len(record.agents), np.int64)
    number[active] = np.arange(size)
    seats = number[seats]
    # every seat is one observation of (its agent, the sorted others)
    keys, values, weights, units = [], [], [], []
    for seat in range(num_players):
        others = np.sort(np.delete(seats, seat, axis=1), axis=1)
        key = seats[:, seat]
        for column in others.T:
            key = key * size + column
        known = np.isfinite(returns[:, seat])
        keys.append(key[known])
        values.append(returns[known, seat])
        weights.append(record.weight[rows][known])
        units.append(unit[rows][known])
    key, value, weight = np.concatenate(keys), np.concatenate(values), np.concatenate(weights)
    unit_of = np.concatenate(units)
    profiles = np.array(list(itertools.product(range(size), repeat=num_players)))
    flat = np.stack([_keys_of(profiles, player, size) for player in range(num_players)])
    constant = float(np.nansum(returns, axis=1).mean()) if record.utility in ("zero_sum", "constant_sum") else None

    def table(times: NDArray[np.float64], missing: bool) -> NDArray[np.float64]:
        total = np.bincount(key, weight * times, minlength=size**num_players)
        mean = np.bincount(key, weight * times * value, minlength=size**num_players)
        mean = np.divide(mean, total, out=np.full(len(total), np.nan), where=total > 0)
        if constant is not None:
            alone = _keys_of(np.tile(np.arange(size)[:, None], (1, num_players)), 0, size)
            mean[alone] = constant / num_players
        payoffs: NDArray[np.float64] = mean[flat]
        if missing and np.isnan(payoffs).any():
            unseen = profiles[np.isnan(payoffs).any(axis=0)]
            companies = sorted({tuple(sorted(profile)) for profile in unseen.tolist()})
            shown = [" with ".join(names[i] for i in company) for company in companies]
            raise ArenaError(
                f"the empirical game needs matches of every company of agents; never seen: {listed(shown)}"
            )
        shaped: NDArray[np.float64] = payoffs.reshape(num_players, *([size] * num_players))
        return shaped

    payoffs = table(np.ones(len(key)), True)
    in_units = np.bincount(
        np.unique(key * max(num_units, 1) + unit_of) // max(num_units, 1), minlength=size**num_players
    )
    sampled = np.unique(flat if constant is None else flat[:, (profiles != profiles[:, :1]).any(axis=1)])
    thin = bool(resamples and len(sampled) and in_units[sampled].min() < 2)
    resamples = 0 if thin else resamples
    draws = np.empty((resamples, *payoffs.shape))
    for resample in range(resamples):
        draws[resample] = table(unit_weights(num_units, resample=resample, seed=seed)[unit_of], False)
    return EmpiricalGame(agents=names, payoffs=payoffs, draws=draws, matches=len(rows), notes=(THIN,) if thin else ())


def _keys_of(profiles: NDArray[np.int64], player: int, size: int) -> NDArray[np.int64]:
    """The number of (the player's agent, the sorted others) of each profile [N, P]."""
    key = profiles[:, player]
    for column in np.sort(np.delete(profiles, player, axis=1), axis=1).T:
        key = key * size + column
    return key
