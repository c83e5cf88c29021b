"""Ratings against peers: CPU time, in turns, in one run; answers compared.

    .venv/bin/python benchmarks/ratings.py [--peers PYTHON] [--long] [--only-bradley-terry]

PYTHON is the interpreter of an environment with scikit-learn, pandas and arena-rank 0.1.1; without it those rows are left out.
OpenSpiel and HiGHS are here anyway. The league: 1,000 agents of normal strengths, 1 million matches, in seat-swapped pairs of
agents drawn by lot. Times are CPU times of one thread, the least of the turns; kernels and peers' programs are compiled before.
``--long`` gives HiGHS 2,000 candidates without structure too, which takes it minutes; ``--only-bradley-terry`` leaves out the rows after
Davidson's. Prints a table for RESULTS.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for all
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil

from arena.leaderboards import Record, bootstrap_intervals, bradley_terry, davidson, elo_online
from arena.leaderboards.comparisons import comparisons
from arena.leaderboards.elo_online import run_elo
from arena.solvers import alpha_rank, minimax_winner
from arena.solvers.lp import maximin

ROUNDS = 5
AGENTS, MATCHES, ONLINE, REFITS = 1_000, 1_000_000, 10_000_000, 100
PEER_REFITS = 3  # of a hundred; each takes seconds
TOLERANCES = (1e-9, 1e-8, 1e-6)  # of the largest gradient of the mean log-likelihood, as scikit-learn measures it
T = TypeVar("T")


def league(agents: int, matches: int, *, seed: int = 0) -> Record:
    """Seat-swapped pairs of agents drawn by lot, of normal strengths."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(size=agents)
    first = rng.integers(0, agents, matches // 2)
    second = (first + rng.integers(1, agents, matches // 2)) % agents
    seats = np.stack((first, second, second, first), axis=1).reshape(-1, 2)
    won = rng.random(len(seats)) < 1 / (1 + np.exp(strength[seats[:, 1]] - strength[seats[:, 0]]))
    returns = np.where(won, 1.0, -1.0)
    return Record(
        agents=tuple(f"a{k:05d}" for k in range(agents)),
        seats=seats,
        returns=np.stack((returns, -returns), axis=1),
        forfeit=np.full(len(seats), -1),
        pair=np.arange(len(seats)) // 2,
        weight=np.ones(len(seats)),
    )


def low_rank_scores(size: int, rng: np.random.Generator) -> np.ndarray:
    """Win rates by strengths and two cycles: logits of rank six."""
    strength, u, v = rng.normal(size=size), rng.normal(size=(size, 4)), rng.normal(size=(size, 4))
    return 1 / (1 + np.exp(-(strength[:, None] - strength + u @ v.T - v @ u.T)))


def free_scores(size: int, rng: np.random.Generator) -> np.ndarray:
    """Win rates independent of each other."""
    above = np.triu(rng.uniform(-1, 1, (size, size)), 1)
    return (1 + above - above.T) / 2


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """(CPU seconds, the answer)."""
    began = time.process_time()
    made = work()
    return time.process_time() - began, made


def plain_elo(record: Record, step: float = 16.0) -> list[float]:
    """Online Elo in plain Python."""
    ratings = [0.0] * len(record.agents)
    for (i, j), won in zip(record.seats.tolist(), (record.returns[:, 0] > 0).tolist(), strict=True):
        move = step * (won - 1 / (1 + 10 ** ((ratings[j] - ratings[i]) / 400)))
        ratings[i] += move
        ratings[j] -= move
    return ratings


class Peers:
    """scikit-learn and arena-rank in a process of their own."""

    def __init__(self, python: str, record: Record):
        self.arrays = tempfile.NamedTemporaryFile(suffix=".npz")  # noqa: SIM115  # closed by `close`
        np.savez(self.arrays, seats=record.seats, won=record.returns[:, 0] > 0, agents=len(record.agents))
        self.arrays.flush()
        script = str(Path(__file__).parent / "ratings_peers.py")
        self.process = subprocess.Popen(
            [python, script, self.arrays.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions = self._heard()

    def ask(self, what: str) -> tuple[float, np.ndarray]:
        """(CPU seconds, ratings of mean 0)."""
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = self._heard()
        ratings = np.array(answer.get("ratings", []))
        return answer["seconds"], ratings - ratings.mean() if len(ratings) else ratings

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.arrays.close()

    def _heard(self) -> dict:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the peers' process ended; what it said stands above")
        return json.loads(line)


def row(what: str, ours: float, peer: str = "", theirs: float | None = None, goal: str = "", apart: str = "") -> None:
    """Prints a line of the table."""
    told, ratio = ("", "") if theirs is None else (f"{theirs:.3g}", f"{theirs / ours:.3g}x")
    print(f"| {what} | {ours:.3g} | {peer} | {told} | {ratio} | {goal} | {apart} |", flush=True)


def bradley_terry_rows(peers: Peers | None, record: Record) -> None:
    ours, refits, tables = [], [], []
    theirs: dict[str, list[float]] = {}
    answers: dict[str, np.ndarray] = {}
    asked = [f"sklearn {tolerance:g}" for tolerance in TOLERANCES]
    if peers:
        peers.ask("arena_rank")  # compiles
    for turn in range(ROUNDS):
        seconds, ratings = timed(lambda: bradley_terry(record))
        ours.append(seconds)
        for what in [*asked, "arena_rank"] if peers else []:
            if what != "arena_rank" or turn < 2:
                seconds, answers[what] = peers.ask(what)
                theirs.setdefault(what, []).append(seconds)
        tables.append(timed(lambda: davidson(record, seat_advantage=True))[0] if turn < 2 else np.inf)
        if turn < 2:
            refits.append(timed(lambda: bootstrap_intervals(record, bradley_terry, resamples=REFITS))[0])
    what = f"Bradley-Terry with sandwich intervals, {AGENTS:,} agents, {MATCHES:,} matches"
    if not peers:
        row(what, min(ours))
        row(f"{REFITS} bootstrap refits of it", min(refits))
    else:
        apart = {one: f"{np.abs(found - ratings.scores).max():.1g}" for one, found in answers.items()}
        for tolerance, one in zip(TOLERANCES, asked, strict=True):
            name = f"scikit-learn, sparse, the fit alone, tolerance {tolerance:g}"
            row(what, min(ours), name, min(theirs[one]), "10x" if tolerance == TOLERANCES[0] else "", apart[one])
        row(what, min(ours), "arena-rank with its sandwich", min(theirs["arena_rank"]), "100x", apart["arena_rank"])
        some, _ = peers.ask(f"arena_rank_refits {PEER_REFITS}")
        name = f"arena-rank, {PEER_REFITS} refits times {REFITS / PEER_REFITS:.3g}"
        row(f"{REFITS} bootstrap refits of it", min(refits), name, some * REFITS / PEER_REFITS, "80x")
    row("Davidson with seat advantage and intervals, the same matches", min(tables))


def online_row() -> None:
    compared = comparisons(league(AGENTS, ONLINE))
    online = min(timed(lambda: run_elo(compared, compared.weight))[0] for _ in range(ROUNDS))
    part = league(AGENTS, ONLINE // 100)
    plain, slow = timed(lambda: plain_elo(part))
    apart = np.abs(elo_online(part, resamples=0).scores - slow).max()
    name = "plain Python, a hundredth times 100"
    row(f"online Elo of {ONLINE:,} comparisons", online, name, 100 * plain, "0.5 s", f"{apart:.1g}")


def alpha_rank_row() -> None:
    # OpenSpiel's module draws with a package that nothing here needs
    sys.modules.setdefault("open_spiel.python.egt.alpharank_visualizer", types.ModuleType("pictures"))
    from open_spiel.python.egt import alpharank

    scores = low_rank_scores(500, np.random.default_rng(1))
    payoffs = scores - scores.T
    both = np.stack((payoffs, payoffs.T))
    ours, theirs = [], []
    for _ in range(3):
        seconds, mine = timed(lambda: alpha_rank(both, alpha=1.0))
        ours.append(seconds)
        seconds, other = timed(lambda: alpharank.compute([payoffs], m=50, alpha=1.0))
        theirs.append(seconds)
    apart = np.abs(other[2] - mine.strategies[0]).max()
    row("alpha-rank of 500 agents", min(ours), "OpenSpiel", min(theirs), "300x", f"{apart:.1g}")


def minimax_rows(*, long: bool) -> None:
    cases = [("low-rank", low_rank_scores, 2_000, 2, "3x"), ("independent", free_scores, 500, 3, "1x")]
    cases.append(("independent", free_scores, 2_000 if long else 1_000, 1, "1x"))
    for kind, make, size, turns, goal in cases:
        scores = make(size, np.random.default_rng(2))
        ours, theirs = [], []
        for _ in range(turns):
            seconds, mine = timed(lambda scores=scores: minimax_winner(scores))
            ours.append(seconds)
            seconds, (winner, _) = timed(lambda scores=scores: maximin(scores - scores.T))
            theirs.append(seconds)
        apart = f"{np.abs(mine.strategies[0] - winner).max():.1g}, gap {mine.gap:.1g}"
        row(f"minimax winner of {size:,} agents, {kind} win rates", min(ours), "HiGHS", min(theirs), goal, apart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="the Python of an environment with scikit-learn, pandas and arena-rank")
    parser.add_argument("--long", action="store_true", help="HiGHS on 2,000 candidates without structure too")
    parser.add_argument("--only-bradley-terry", action="store_true", help="leave out the other rows")
    given = parser.parse_args()
    small = league(110, 2_000)
    for warm in (bradley_terry, davidson, elo_online):
        warm(league(4, 200))
    bootstrap_intervals(small, bradley_terry, resamples=2)
    alpha_rank(np.zeros((2, 3, 3)))
    minimax_winner(low_rank_scores(70, np.random.default_rng(0)))
    record = league(AGENTS, MATCHES)
    peers = Peers(given.peers, record) if given.peers else None
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "numba", "open_spiel")}
    versions |= peers.versions if peers else {}
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {told}\n")
    print("| what | Arena, CPU s | against | CPU s | ratio | goal | largest difference |")
    print("|---|---|---|---|---|---|---|")
    bradley_terry_rows(peers, record)
    if peers:
        peers.close()
    if given.only_bradley_terry:
        return
    online_row()
    alpha_rank_row()
    minimax_rows(long=given.long)


if __name__ == "__main__":
    main()
