"""Bradley-Terry refits on resampled matches: the table of pairs weighted anew, the fit started from that of all matches.

What a resample changes is the weight of each unit (a pair of seat-swapped twins). So the matches are read once, into what each
unit adds to which cell, and a resample costs one pass over that and a few Newton steps.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.bootstrap import unit_weights
from arena.leaderboards.bradley_terry import connected_groups, groups_to_fit
from arena.leaderboards.bradley_terry_fit import fit
from arena.leaderboards.comparisons import comparisons, pair_points
from arena.leaderboards.record import Record


def refitted_strengths(
    record: Record, *, resamples: int, anchor: str | None = None, prior: float = 0.0
) -> NDArray[np.float64]:
    """θ [resamples, A] of each resample: the scores of `bradley_terry` of the record with its weights times `unit_weights`.

    Args:
        anchor, prior: as of `bradley_terry`.
    """
    points, _ = pair_points(record)
    size = len(points)
    compared = comparisons(record)
    won = compared.weight * compared.score
    cell, ahead, behind, unit = _entries(compared.first, compared.second, won, compared.weight - won, compared.unit)
    order = np.argsort(cell, kind="stable")  # neighbouring cells one after the other
    cell, ahead, behind, unit = cell[order], ahead[order], behind[order], unit[order]
    groups = list(groups_to_fit(points, connected_groups(points), prior=prior))
    whole = [fit(group.wins, virtual=group.virtual)[0] for group in groups]
    zero = None if anchor is None else record.agents.index(anchor)
    draws = np.full((resamples, size), np.nan)
    for resample, drawn in enumerate(draws):
        table = np.zeros((size, size))
        _add(cell, ahead, behind, unit, unit_weights(compared.num_units, resample=resample), table)
        for group, start in zip(groups, whole, strict=True):
            members = group.members
            wins = table if len(members) == size else table[np.ix_(members, members)]
            strength, _ = fit(wins, virtual=group.virtual, start=start)
            drawn[members] = strength - strength.mean()
            if zero in members:
                drawn[members] -= drawn[zero]
    return draws


@nb.njit(cache=True)
def _entries(first, second, won, lost, unit):  # type: ignore[no-untyped-def]  # numba kernel
    """(cell, points of the agent with the smaller number, of the other, unit): comparisons of twins are one entry."""
    cell, units = np.empty(len(first), np.int64), np.empty(len(first), np.int64)
    ahead, behind = np.empty(len(first)), np.empty(len(first))
    count = 0
    for k in range(len(first)):
        small, large = min(first[k], second[k]), max(first[k], second[k])
        one, two = (won[k], lost[k]) if first[k] < second[k] else (lost[k], won[k])
        place = (small << 32) + large
        if count and cell[count - 1] == place and units[count - 1] == unit[k]:
            ahead[count - 1] += one
            behind[count - 1] += two
        else:
            cell[count], units[count], ahead[count], behind[count] = place, unit[k], one, two
            count += 1
    return cell[:count], ahead[:count], behind[:count], units[:count]


@nb.njit(cache=True, error_model="numpy")
def _add(cell, ahead, behind, unit, weights, table):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds every entry, as often as its unit weighs."""
    for k in range(len(cell)):
        small, large = np.uint32(cell[k] >> 32), np.uint32(cell[k] & 0xFFFFFFFF)
        weight = weights[unit[k]]
        table[small, large] += weight * ahead[k]
        table[large, small] += weight * behind[k]
