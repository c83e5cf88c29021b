"""How often 95 % intervals hold the truth where matches stop once they look decided.

    .venv/bin/python benchmarks/stopped_coverage.py [--runs 2000]

Duels stop as soon as the plain interval leaves 0 out (looked at every ten pairs), by the betting test or by the pentanomial GSPRT, at 300 pairs of twins
at most; leagues of six agents play rounds in which each pair
of agents meets in one pair of twins, until the leader is certain by plain intervals (each look as if it were the only one) or by the bounds that may
be watched, at 100 rounds at most. Of what is then said of the rating difference (a duel's, a league's leader to its
best rival) the table shows how often the plain 95 % interval holds the truth, how often it lies above it on the leader's side, and how often the
sequence's bounds at that moment hold it.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for all

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from arena.leaderboards import Record, elo, elo_sequence, gsprt, sequential_test
from arena.leaderboards.watched_ratings import watch_ratings

PAIRS, ROUNDS, AGENTS = 300, 100, 6
DRAWS = 0.3
RUNS, LEAGUES = 2000, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """One run: the true difference in Elo, the interval, the bounds; ``at``: pairs of twins played."""

    truth: float
    plain: tuple[float, float]
    watched: tuple[float, float]
    at: int


def pair_scores(elo_difference: float, pairs: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """[pairs, 2] scores of the first agent in both matches."""
    score = 1 / (1 + 10 ** (-elo_difference / 400))
    draw = DRAWS * 2 * min(score, 1 - score)
    words = rng.random((pairs, 2))
    return np.where(words < score - draw / 2, 1.0, np.where(words < score + draw / 2, 0.5, 0.0))


def record_of(first: NDArray[np.int64], second: NDArray[np.int64], scores: NDArray[np.float64], agents: int) -> Record:
    """Both matches of each pair of twins, in order."""
    seats = np.stack((first, second, second, first), axis=1).reshape(-1, 2)
    result = np.stack((2 * scores[:, 0] - 1, 1 - 2 * scores[:, 1]), axis=1).ravel()  # of whoever sits in seat 0
    return Record(
        agents=tuple(f"a{k}" for k in range(agents)),
        seats=seats,
        returns=np.stack((result, -result), axis=1),
        forfeit=np.full(len(seats), -1),
        pair=np.repeat(np.arange(len(first)), 2),
        weight=np.ones(len(seats)),
    )


def duels(difference: float, test: str, runs: int) -> Iterator[Stopped]:
    """Duels stopped by a test."""
    for run in range(runs):
        rng = np.random.default_rng([run, int(difference)])
        scores = pair_scores(difference, PAIRS, rng)
        means = scores.mean(axis=1)
        if test == "plain":
            at = _left_out(scores)
        else:
            found = sequential_test(means) if test == "betting" else gsprt(means, elo0=0, elo1=30)
            at = found.at or PAIRS
        zeros = np.zeros(at, np.int64)
        rated = elo(record_of(zeros, zeros + 1, scores[:at], 2), anchor="a1")
        bounds = elo_sequence(means[:at])
        low, high = rated.intervals[0].tolist()
        yield Stopped(
            truth=difference, plain=(low, high), watched=(float(bounds.low[-1]), float(bounds.high[-1])), at=at
        )


def _left_out(scores: NDArray[np.float64]) -> int:
    """After how many pairs, every tenth looked at, the plain interval of the difference leaves 0 out."""
    for at in range(10, len(scores) + 1, 10):
        zeros = np.zeros(at, np.int64)
        if elo(record_of(zeros, zeros + 1, scores[:at], 2)).above.any():
            return at
    return len(scores)


def leagues(gap: float, rule: str, runs: int) -> Iterator[Stopped]:
    """Leagues stopped when the leader is certain; agents are ``gap`` Elo apart, 0: all equal."""
    first, second = np.triu_indices(AGENTS, 1)
    strength = -gap * np.arange(AGENTS)
    for run in range(runs):
        rng = np.random.default_rng([run, int(gap), AGENTS])
        scores = np.stack(
            [pair_scores(strength[i] - strength[j], ROUNDS, rng) for i, j in zip(first, second, strict=True)], axis=1
        )
        order = np.tile(first, ROUNDS), np.tile(second, ROUNDS)
        record = record_of(*order, scores.reshape(-1, 2), AGENTS)
        rounds = np.arange(20, ROUNDS + 1, 10)
        looks = rounds * len(first)
        if rule == "watched bounds":
            watched = watch_ratings(record, looks=looks)
            led = watched.first_leader()
            look = len(looks) - 1 if led is None else led[0]
            rated = elo(record.of(slice(2 * int(looks[look]))))
        else:
            for look, units in enumerate(looks.tolist()):  # noqa: B007 - the last look is read below
                rated = elo(record.of(slice(2 * int(units))))
                leader = int(np.argmax(rated.scores))
                if rated.above[leader].sum() == AGENTS - 1:
                    break
            watched = watch_ratings(record.of(slice(2 * int(looks[look]))), looks=looks[: look + 1])
        leader, rival = np.argsort(-rated.scores)[:2].tolist()
        anchored = elo(record.of(slice(2 * int(looks[look]))), anchor=record.agents[rival])
        half = (anchored.intervals[leader, 1] - anchored.intervals[leader, 0]) / 2
        at = float(anchored.scores[leader])
        yield Stopped(
            truth=float(strength[leader] - strength[rival]),
            plain=(at - half, at + half),
            watched=(float(watched.low[leader, rival, look]), float(watched.high[leader, rival, look])),
            at=int(looks[look]),
        )


ROWS: tuple[tuple[str, str, float, Callable[[float, str, int], Iterator[Stopped]], str], ...] = (
    ("duel", "plain interval leaves 0 out", 0, duels, "plain"),
    ("duel", "plain interval leaves 0 out", 20, duels, "plain"),
    ("duel", "betting test", 0, duels, "betting"),
    ("duel", "betting test", 60, duels, "betting"),
    ("duel", "GSPRT, 0 or 30 Elo", 0, duels, "gsprt"),
    ("duel", "GSPRT, 0 or 30 Elo", 60, duels, "gsprt"),
    ("league of six", "leader certain by plain intervals", 20, leagues, "plain"),
    ("league of six", "leader certain by watched bounds", 20, leagues, "watched bounds"),
    ("league of six", "leader certain by watched bounds", 60, leagues, "watched bounds"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, help=f"of every row; without it {RUNS:,} duels and {LEAGUES:,} leagues")
    asked = parser.parse_args()
    table = Table(
        "matches",
        "stopped by",
        "true gap, Elo",
        "runs",
        "mean pairs",
        "plain covers %",
        "plain too high %",
        "sequence covers %",
    )
    began = time.perf_counter()
    for name, stop, gap, make, rule in track(ROWS, description="stopped", console=Console(stderr=True)):
        runs = list(make(gap, rule, asked.runs or (RUNS if make is duels else LEAGUES)))
        plain = np.mean([one.plain[0] <= one.truth <= one.plain[1] for one in runs])
        high = np.mean([one.plain[0] > one.truth for one in runs])
        watched = np.mean([one.watched[0] <= one.truth <= one.watched[1] for one in runs])
        error = 100 * np.sqrt(plain * (1 - plain) / len(runs))
        table.add_row(
            name, stop, f"{gap:g}", f"{len(runs):,}", f"{np.mean([one.at for one in runs]):,.0f}",
            f"{100 * plain:.1f} ±{error:.1f}", f"{100 * high:.1f}", f"{100 * watched:.1f}",
        )  # fmt: skip
    console = Console(width=140)
    console.print(table)
    console.print(f"{time.perf_counter() - began:,.0f} s")


if __name__ == "__main__":
    main()
