"""Nash equilibria of two-player general-sum matrix games: all extreme ones of small games, or one by Lemke and Howson's path."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import SpecificationError
from arena.solvers.best_response_polytope import vertices
from arena.solvers.deviations import GAP_TOLERANCE, Strategies, gap_unit, nash_gap, payoff_table
from arena.solvers.lemke_howson import complementary_path
from arena.solvers.solution import Setting, Solution

MAX_SYSTEMS = 5_000_000  # pairs of supports: 12 x 12 actions
DEFAULT_PIVOTS = 1_000_000
LEAST_DIFFERENCE = 1e-8  # of the range of payoffs: a smaller advantage is not told from a tie
ROUNDING = 1e-15  # of the largest payoff: what decimals leave

Algorithm = Literal["support_enumeration", "lemke_howson"]


def bimatrix_nash(
    payoffs: ArrayLike,
    *,
    algorithm: Algorithm = "support_enumeration",
    label: int = 0,
    iterations: int = DEFAULT_PIVOTS,
    until: float | None = None,
) -> Solution:
    """Nash equilibria of a bimatrix game, with NashConv of the worst that is returned as certificate.

    ``support_enumeration``: every extreme equilibrium, in ``equilibria``; ``strategies`` is the one of greatest total value.
    Each pair of supports of one size gives at most one vertex of a best-response polytope, and vertices that carry all
    labels together are the extreme equilibria. All equilibria are convex combinations of those that can be exchanged; in
    nondegenerate games there are no others. ``unique`` says whether there is one only.

    ``lemke_howson``: the equilibrium at the end of the path that drops one label; other labels may lead to others. Ties
    are broken lexicographically, so that the path ends in degenerate games too. The path may be exponentially long.

    ``settings["degenerate"]`` says whether a strategy has more best responses than actions in its support: where it was
    looked at, by enumeration of the whole game, by Lemke and Howson at the end of the path alone. Of games so badly
    conditioned that rounding decides which systems are singular and which actions are tied, ``converged`` is False.

    Source: Mangasarian, Equilibrium points of bimatrix games, 1964, doi:10.1137/0112064; Lemke and Howson, Equilibrium points of bimatrix games,
    1964, doi:10.1137/0112033; von Stengel, Equilibrium computation for two-player games, in Algorithmic game theory,
    2007, chapter 3.

    Args:
        payoffs: [2, num_rows, num_columns], finite.
        algorithm: ``support_enumeration`` or ``lemke_howson``.
        label: the action whose label is dropped: rows first, then columns. For Lemke and Howson only.
        iterations: the most pivots. For Lemke and Howson only.
        until: the gap at which the answer counts as converged, by default 1e-7 of the least range of a player's payoffs.

    Raises:
        SpecificationError: no table of two players' payoffs, or too many pairs of supports (12 x 12 actions).
        ValueError: a setting out of its range.
    """
    table = payoff_table(payoffs)
    if len(table) != 2:
        raise SpecificationError(
            f"bimatrix_nash is for two players; got payoffs of {len(table)}. logit_qre, correlated_equilibrium, "
            "fictitious_play and alpha_rank take more"
        )
    num_rows, num_columns = table.shape[1:]
    if (
        algorithm not in ("support_enumeration", "lemke_howson")
        or iterations < 1
        or (until is not None and not until > 0)
    ):
        raise ValueError(
            "algorithm must be support_enumeration or lemke_howson, iterations and until positive; got "
            f"{algorithm}, {iterations} and {until}"
        )
    if not 0 <= label < num_rows + num_columns:
        raise ValueError(f"label must be an action from 0 to {num_rows + num_columns - 1}; got {label}")
    row, column = (_positive(own) for own in table)
    settings: dict[str, Setting] = {"algorithm": algorithm, "until": until}
    if algorithm == "lemke_howson":
        found, done, degenerate, sure = _one_equilibrium(row, column, label, iterations)
        settings |= {"label": label, "tie breaking": "lexicographic"}
    else:
        done = math.comb(num_rows + num_columns, num_rows) - 1
        if done > MAX_SYSTEMS:
            raise SpecificationError(
                f"{num_rows} x {num_columns} actions have {done} pairs of supports, more than {MAX_SYSTEMS}: use "
                "algorithm='lemke_howson', which finds one equilibrium"
            )
        found, degenerate, sure = _all_equilibria(row, column)
    settings["degenerate"] = degenerate
    sure = sure and _differences_are_seen(table[0].T) and _differences_are_seen(table[1])
    measured = sorted(
        ((nash_gap(table, strategies), strategies) for strategies in found), key=lambda one: -sum(one[0][1])
    )
    gap = max((one[0][0] for one in measured), default=math.inf)
    return Solution(
        strategies=measured[0][1] if measured else (),
        equilibria=tuple(strategies for _, strategies in measured),
        gap=gap,
        gap_kind="nash_conv",
        values=measured[0][0][1] if measured else (),
        converged=sure and gap <= (until if until is not None else GAP_TOLERANCE * gap_unit(table)),
        guarantee=_guarantee(algorithm, degenerate, sure),
        unique=len(measured) == 1 if algorithm == "support_enumeration" and sure else None,
        iterations=done,
        settings=settings,
        source="Lemke and Howson 1964, doi:10.1137/0112033"
        if algorithm == "lemke_howson"
        else "Mangasarian 1964, doi:10.1137/0112064",
    )


def _positive(payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The payoffs moved into 1..2, which changes no equilibrium and makes every best-response polytope bounded."""
    moved: NDArray[np.float64] = 1 + (payoffs - payoffs.min()) / (float(np.ptp(payoffs)) or 1.0)
    return moved


def _differences_are_seen(payoffs: NDArray[np.float64]) -> bool:
    """Whether what a player compares, the entries of each row, differs by enough to be told apart, or not at all."""
    differences = np.diff(np.sort(payoffs, axis=1), axis=1)
    least, noise = LEAST_DIFFERENCE * np.ptp(payoffs), ROUNDING * np.abs(payoffs).max()
    return not bool(((differences > noise) & (differences < least)).any())


def _all_equilibria(row: NDArray[np.float64], column: NDArray[np.float64]) -> tuple[list[Strategies], bool, bool]:
    """(the extreme equilibria, whether the game is degenerate, whether rounding decided nothing)."""
    num_rows, num_columns = row.shape
    xs = vertices(np.ascontiguousarray(column.T))
    ys = vertices(row)
    every_row, every_column = np.uint64((1 << num_rows) - 1), np.uint64((1 << num_columns) - 1)
    found: list[Strategies] = []
    for x, zeros, tight in zip(xs.points, xs.zeros, xs.tight, strict=True):
        partners = ((zeros | ys.tight) == every_row) & ((tight | ys.zeros) == every_column)
        found.extend((x / x.sum(), y / y.sum()) for y in ys.points[partners])
    return found, xs.degenerate or ys.degenerate, xs.sure and ys.sure


def _one_equilibrium(
    row: NDArray[np.float64], column: NDArray[np.float64], label: int, iterations: int
) -> tuple[list[Strategies], int, bool, bool]:
    """(the equilibrium at the end of the path, pivots, whether it is degenerate, whether the end was reached)."""
    x, y, pivots, ended = complementary_path(row, column, label, iterations)
    if not ended or not (x.sum() > 0 and y.sum() > 0):
        return [], pivots, False, False
    x, y = x / x.sum(), y / y.sum()
    degenerate = False
    for own, payoffs in ((x, x @ column), (y, row @ y)):
        degenerate |= int((payoffs >= payoffs.max() - 1e-9).sum()) > int((own > 0).sum())
    return [(x, y)], pivots, degenerate, True


def _guarantee(algorithm: Algorithm, degenerate: bool, sure: bool) -> str:
    if not sure:
        return "none: rounding decided, or the path was left early"
    if algorithm == "lemke_howson":
        return "one equilibrium, exact up to rounding: the gap is a certificate"
    if degenerate:
        return "every extreme equilibrium, exact up to rounding; the game is degenerate, mixtures of some are equilibria too"
    return "every equilibrium, exact up to rounding"
