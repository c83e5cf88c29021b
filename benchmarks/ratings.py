"""Ratings against peers: CPU time, in turns, in one run; answers compared.

    .venv/bin/python benchmarks/ratings.py

1,000 agents and 1 million matches: Bradley-Terry with sandwich intervals against scikit-learn's logistic regression on the sparse
design (the fit alone; it has no intervals), where scikit-learn is installed. Online Elo of 10 million matches against
the same loop in plain Python on a hundredth of them. OpenSkill through its package on a thousandth. Times are CPU times of the process, the
least of `ROUNDS` turns; kernels are compiled before.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for all

import importlib.metadata
import importlib.util
import platform
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import psutil
import scipy.sparse
from rich.console import Console
from rich.table import Table

from arena.leaderboards import Record, alpha_rank, bradley_terry, davidson, elo_online
from arena.leaderboards.comparisons import comparisons
from arena.leaderboards.elo_online import run_elo

ROUNDS = 3
AGENTS, MATCHES, ONLINE = 1_000, 1_000_000, 10_000_000
T = TypeVar("T")


def league(agents: int, matches: int, *, seed: int = 0) -> Record:
    """Random pairs of agents of normal strengths."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(size=agents)
    first = rng.integers(0, agents, matches)
    second = (first + rng.integers(1, agents, matches)) % agents
    won = rng.random(matches) < 1 / (1 + np.exp(strength[second] - strength[first]))
    returns = np.where(won, 1.0, -1.0)
    return Record(
        agents=tuple(f"a{k}" for k in range(agents)),
        seats=np.stack((first, second), axis=1),
        returns=np.stack((returns, -returns), axis=1),
        forfeit=np.full(matches, -1),
        pair=np.arange(matches) // 2,
        weight=np.ones(matches),
    )


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """(CPU seconds, the answer)."""
    began = time.process_time()
    made = work()
    return time.process_time() - began, made


def scikit_learn(record: Record) -> np.ndarray:
    """Strengths by scikit-learn's logistic regression without a penalty to speak of, mean 0."""
    from sklearn.linear_model import LogisticRegression

    rows = np.arange(len(record))
    design = scipy.sparse.csr_array(
        (
            np.concatenate((np.ones(len(rows)), -np.ones(len(rows)))),
            (np.concatenate((rows, rows)), np.concatenate((record.seats[:, 0], record.seats[:, 1]))),
        ),
        shape=(len(rows), len(record.agents)),
    )
    fitted = LogisticRegression(C=1e6, fit_intercept=False, solver="lbfgs", tol=1e-6, max_iter=1000)
    strength = fitted.fit(design, record.returns[:, 0] > 0).coef_[0]
    return strength - strength.mean()


def plain_elo(record: Record, step: float = 16.0) -> list[float]:
    """Online Elo in plain Python."""
    ratings = [0.0] * len(record.agents)
    for (i, j), won in zip(record.seats.tolist(), (record.returns[:, 0] > 0).tolist(), strict=True):
        move = step * (won - 1 / (1 + 10 ** ((ratings[j] - ratings[i]) / 400)))
        ratings[i] += move
        ratings[j] -= move
    return ratings


def main() -> None:
    for warm in (bradley_terry, davidson, elo_online):
        warm(league(4, 200))
    table = Table("what", "CPU s", "against", "CPU s", "ratio", "largest difference")
    record = league(AGENTS, MATCHES)
    ours, theirs, seats, ratios, difference = [], [], [], [], 0.0
    peer = importlib.util.find_spec("sklearn") is not None
    for _ in range(ROUNDS):
        seconds, ratings = timed(lambda: bradley_terry(record))
        ours.append(seconds)
        seats.append(timed(lambda: davidson(record, seat_advantage=True))[0])
        if peer:
            other, strength = timed(lambda: scikit_learn(record))
            theirs.append(other)
            ratios.append(other / seconds)
            difference = float(np.abs(ratings.scores - strength).max())
    table.add_row(
        "Bradley-Terry with sandwich intervals",
        f"{min(ours):.2f}",
        *(
            ("scikit-learn, the fit alone", f"{min(theirs):.2f}", f"{np.median(ratios):.1f}x", f"{difference:.1g}")
            if peer
            else ("scikit-learn is not installed", "", "", "")
        ),
    )
    table.add_row("Davidson with seat advantage and intervals", f"{min(seats):.2f}", "", "", "", "")
    compared = comparisons(league(AGENTS, ONLINE))
    online = min(timed(lambda: run_elo(compared, compared.weight))[0] for _ in range(ROUNDS))
    part = league(AGENTS, ONLINE // 100)
    plain, slow = timed(lambda: plain_elo(part))
    fast = elo_online(part, resamples=0).scores
    table.add_row(
        "online Elo of 10 million comparisons",
        f"{online:.2f}",
        "plain Python, from 100,000",
        f"{100 * plain:.1f}",
        f"{100 * plain / online:.0f}x",
        f"{np.abs(fast - slow).max():.1g}",
    )
    small = league(50, 20_000)
    alpha_rank(small, resamples=0)
    table.add_row(
        "alpha-rank of 50 agents, 200 resamples", f"{timed(lambda: alpha_rank(small))[0]:.2f}", "", "", "", ""
    )
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "scipy", "numba"))
    console = Console()
    console.print(f"{platform.machine()}, {psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {versions}")
    console.print(table)


if __name__ == "__main__":
    main()
