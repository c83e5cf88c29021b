"""Times Nash mirror prox on many contexts at once, beside the matrix-vector products that it cannot do without.

    .venv/bin/python benchmarks/preference_contexts.py [--contexts 100] [--candidates 1000] [--beta 0.1] [--until 1e-6]

Bare products: as many products P π as the run asked queries, one context after the other, by the fastest way that is
tried here in the same run. Wall time of one thread, the least of the turns, in turns; the whole call counts, from the checks of
the tables to the certificate. Every random number has a seed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from arena.solvers import nash_mirror_prox

Array = NDArray[np.float64]


def tables(contexts: int, candidates: int, *, cyclic: bool) -> Array:
    """Preferences [contexts, n, n]: every pair uniform in [0, 1]; of ``cyclic`` ones each second context is a circulant
    tournament blurred to 0.5 ± 0.45, which takes far longer."""
    rng = np.random.default_rng(0)
    found = np.empty((contexts, candidates, candidates))
    ahead = (np.arange(candidates)[None] - np.arange(candidates)[:, None]) % candidates
    for k in range(contexts):
        upper = np.triu(rng.random((candidates, candidates)), 1)
        found[k] = upper + np.tril(1 - upper.T, -1)
        np.fill_diagonal(found[k], 0.5)
        if cyclic and k % 2:
            sides = np.sign(candidates / 2 - ahead) * (ahead != 0)
            found[k] = 0.5 + 0.45 * (sides - sides.T) / 2
    return found


def bare_products(preferences: Array, policies: Array) -> dict[str, Callable[[], None]]:
    """Ways of one product in every context."""
    rates = np.empty_like(policies)

    def one_by_one() -> None:
        for table, policy, rate in zip(preferences, policies, rates, strict=True):
            np.dot(table, policy, out=rate)

    ways: dict[str, Callable[[], None]] = {
        "numpy.dot, one by one": one_by_one,
        "numpy.matmul": lambda: _unheard(np.matmul(preferences, policies[..., None])),
        "numpy.einsum": lambda: _unheard(np.einsum("cij,cj->ci", preferences, policies)),
    }
    try:
        import torch
    except ImportError:
        return ways
    torch.set_num_threads(1)
    many, each = torch.from_numpy(preferences), torch.from_numpy(policies)[..., None]
    return ways | {"torch.bmm": lambda: _unheard(torch.bmm(many, each))}


def _unheard(_: object) -> None: ...


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contexts", type=int, default=100)
    parser.add_argument("--candidates", type=int, default=1_000)
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--until", type=float, default=1e-6)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cyclic", action="store_true", help="each second context a tournament that goes in circles")
    asked = parser.parse_args()
    nash_mirror_prox(tables(3, 5, cyclic=True), beta=asked.beta, until=asked.until)  # loops are compiled
    preferences = tables(asked.contexts, asked.candidates, cyclic=asked.cyclic)
    reference = np.exp(np.random.default_rng(1).normal(size=preferences.shape[:2]))
    reference /= reference.sum(axis=1, keepdims=True)
    ways = bare_products(preferences, reference)
    product = dict.fromkeys(ways, np.inf)
    whole, first = np.inf, np.nan
    for turn in range(asked.turns):
        for name, way in ways.items():
            product[name] = min(product[name], _seconds(way), _seconds(way))
        begun = time.perf_counter()
        found = nash_mirror_prox(preferences, reference=reference, beta=asked.beta, until=asked.until)
        took = time.perf_counter() - begun
        whole, first = min(whole, took), took if turn == 0 else first
    queries = int(str(found.settings["queries"]))
    per_context = queries / asked.contexts
    fastest = min(product, key=lambda name: product[name])
    bare = product[fastest] * per_context
    print(f"{asked.contexts} contexts, {asked.candidates:,} candidates, beta {asked.beta:g}: gap {found.gap:.3g}")
    print(f"{found.iterations} iterations, {queries:,} queries, {per_context:.2f} a context")
    for name, seconds in product.items():
        print(f"one product in every context, {name}: {seconds * 1e3:.1f} ms")
    print(f"bare products ({fastest}): {bare:.3f} s")
    print(
        f"nash_mirror_prox: {whole:.3f} s, {whole / bare:.2f} times that; the first turn {first:.3f} s, {first / bare:.2f}"
    )


if __name__ == "__main__":
    main()
