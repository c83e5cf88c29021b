"""Counts the queries that learners on preferences ask until their gap is small: the tables of docs/solvers/nash_mirror_prox.md.

    .venv/bin/python benchmarks/preferences.py

Every learner with its default settings, and `inpo` also with the step of its theorem, which is magnetic mirror descent. Each
table has one reference from which all begin. Same code, same numbers: nothing is timed, and every random number has a seed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from arena.solvers import Solution
from arena.solvers.preference_mirror import rate_of
from arena.solvers.registry import function_of

Array = NDArray[np.float64]

BETAS = (0.1, 0.01)
GAPS = (1e-3, 1e-6)
MOST_QUERIES, MOST_OF_MANY, MANY = 20_000, 3_000, 500
QUERIES = {"nash_mirror_prox": 2, "nash_prox": 20}
"""Of an iteration, where it is not one."""
LEARNERS = ("nash_mirror_prox", "optimistic_mwu", "nash_prox", "inpo", "inpo, MMD", "nash_md", "online_ipo")


def tables() -> Iterator[tuple[str, Array, Array]]:
    """(name, preferences, reference)."""
    skewed = _softmax(np.array([1.0, 0.0, -1.0]))
    yield "weighted cycle", np.array([[0.5, 0.8, 0.05], [0.2, 0.5, 0.65], [0.95, 0.35, 0.5]]), skewed
    yield "rock, paper, scissors", np.array([[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]]), skewed
    ahead = (np.arange(101)[None] - np.arange(101)[:, None]) % 101
    yield "circulant tournament, 101", np.where(ahead == 0, 0.5, (ahead <= 50).astype(float)), _reference(101)
    for size in (100, 1_000):
        upper = np.triu(np.random.default_rng(1).uniform(size=(size, size)), 1)
        yield f"random, {size:,}", upper + np.tril(1 - upper.T, -1) + np.eye(size) / 2, _reference(size)


def queries(name: str, preferences: Array, reference: Array, beta: float) -> str:
    """The queries until each of `GAPS` as a cell of a table, – where it was not reached."""
    method, _, mmd = name.partition(", ")
    most = MOST_OF_MANY if len(preferences) > MANY else MOST_QUERIES
    solution: Solution = function_of(method)(
        preferences,
        reference=reference,
        beta=beta,
        until=min(GAPS),
        iterations=most // QUERIES.get(method, 1),
        **({"step": rate_of(4 * beta, beta)} if mmd else {}),
    )
    first = [next((n for n, gap in solution.history if gap <= aim), None) for aim in GAPS]
    return " / ".join("–" if n is None else f"{n * QUERIES.get(method, 1):,}" for n in first)


def _reference(size: int) -> Array:
    return _softmax(np.random.default_rng(2).normal(size=size))


def _softmax(logs: Array) -> Array:
    weights: Array = np.exp(logs - logs.max())
    weights /= weights.sum()
    return weights


def main() -> None:
    shown = list(tables())
    for beta in BETAS:
        print(f"\nbeta = {beta}: queries until the gap is at most {GAPS[0]:g} / {GAPS[1]:g}\n")
        print("| | " + " | ".join(name for name, _, _ in shown) + " |")
        print("|---" * (len(shown) + 1) + "|")
        for name in LEARNERS:
            cells = [queries(name, preferences, reference, beta) for _, preferences, reference in shown]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
