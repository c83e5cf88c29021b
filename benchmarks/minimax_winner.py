"""Times the minimax winner beside HiGHS on the same linear program, in one run.

    .venv/bin/python benchmarks/minimax_winner.py [--candidates 2000] [--kinds rank-2 ...] [--seeds 2] [--limit 600]

HiGHS: scipy's linprog, find x >= 0 with A x <= 0 and sum x = 1, A = 2 P - 1, by dual simplex and by interior point, the best of
those that ended; what has not ended after the limit, in seconds, is given as more than that. Kinds: rank-r, tanh of strengths
and r cycles; even, independent payoffs; few, the same, but 21 candidates win something against each of the others; circle, who
is up to half the circle ahead wins. Wall time of one thread; the whole call counts,
with its checks and its certificate. Every random number has a seed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from arena.solvers import minimax_winner

Array = NDArray[np.float64]

FEW = 21  # candidates


def payoffs_of(kind: str, size: int, seed: int) -> Array:
    """An antisymmetric table [size, size] in -1..1."""
    rng = np.random.default_rng(seed)
    if kind in ("even", "few"):
        above = np.triu(rng.uniform(-1, 1, (size, size)), 1)
        game: Array = above - above.T
        if kind == "few":
            inside = np.isin(np.arange(size), rng.choice(size, FEW, replace=False))
            lead = inside[:, None].astype(np.int64) - inside
            game = np.where(lead, lead * np.abs(game), game)
        return game
    if kind == "circle":
        ahead = (np.arange(size)[None, :] - np.arange(size)[:, None]) % size
        order = rng.permutation(size)
        circle: Array = np.sign(np.sin(2 * np.pi * ahead / size).round(12))[np.ix_(order, order)]
        return circle
    rank = int(kind.removeprefix("rank-"))
    strength, u, v = rng.normal(size=size), rng.normal(size=(size, rank)), rng.normal(size=(size, rank))
    lead: Array = np.tanh((strength[:, None] - strength + u @ v.T - v @ u.T) / 2)
    return (lead - lead.T) / 2


def of_highs(game: Array, method: str, limit: float) -> tuple[float, bool, float]:
    """(seconds, whether it ended, twice the most that anything wins against its answer)."""
    size = len(game)
    begin = time.perf_counter()
    found = linprog(
        np.zeros(size),
        A_ub=game,
        b_ub=np.zeros(size),
        A_eq=np.ones((1, size)),
        b_eq=[1.0],
        method=method,
        options={"time_limit": limit},
    )
    seconds = time.perf_counter() - begin
    if not found.success:
        return seconds, False, np.inf
    x = np.maximum(found.x, 0)
    return seconds, True, 2 * max(float((game @ (x / x.sum())).max()), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--candidates", type=int, default=2_000)
    parser.add_argument("--kinds", nargs="+", default=["rank-2", "rank-4", "rank-16", "few", "circle", "even"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--limit", type=float, default=600.0)
    given = parser.parse_args()
    minimax_winner((1 + payoffs_of("even", 100, 0)) / 2)  # what is loaded at the first call
    print(
        "| kind | seed | support | gap | seconds | simplex (gap) | interior point (gap) | times faster than the best |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for kind in given.kinds:
        for seed in range(given.seeds):
            game = payoffs_of(kind, given.candidates, seed)
            preferences = (1 + game) / 2
            begin = time.perf_counter()
            solution = minimax_winner(preferences)
            own = time.perf_counter() - begin
            both = [of_highs(game, method, given.limit) for method in ("highs-ds", "highs-ipm")]
            best = min((seconds for seconds, ended, _ in both if ended), default=None)
            told = [f"{s:.2f} ({gap:.0e})" if ended else f"> {given.limit:g}" for s, ended, gap in both]
            faster = f"{best / own:.1f}" if best is not None else f"> {given.limit / own:.1f}"
            support = int((solution.strategies[0] > 0).sum())
            print(
                f"| {kind} | {seed} | {support} | {solution.gap:.0e} | {own:.3f} | {' | '.join(told)} | {faster} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
