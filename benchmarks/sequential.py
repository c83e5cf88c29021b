"""How often sequential tests and confidence sequences err when they are read after every pair, and how soon they decide.

    .venv/bin/python benchmarks/sequential.py [--runs 10000]

Each row is `runs` simulated tests of two agents: a share of draws, a correlation of twins and a true difference. Tests ask for 30 Elo
at α = β = 5 % (the betting test: who is better, at 5 %). An error is a verdict that is false: at 0 Elo that one is better
(accepting elo1), at 30 Elo that the other is (accepting elo0); of the confidence sequence (95 %) that it ever left the truth. Rates have 95 % intervals (Wilson). The
last rows are tests of equal agents in which wins take 1 minute and losses 10, sixteen pairs at a time: read as they finish, or in
schedule order as Arena does.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for all

import argparse
import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.confidence_sequences import score_sequence
from arena.leaderboards.gsprt import watched
from arena.leaderboards.planning import betting_stops, fixed_pairs, pair_probabilities, simulated_pairs

ELO, RATE, MOST = 30.0, 0.05, 3000
SEQUENCE_PAIRS = 1000
LOOKED = 400  # pairs of the test in order of completion
AT_ONCE, SHORT, LONG = 16, 1.0, 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    print("| draws | twins' correlation | true Elo | test | errors | open | mean pairs | of the fixed sample |")
    print("|---|---|---|---|---|---|---|---|")
    for draws, correlation in ((0.0, 0.0), (0.3, 0.0), (0.3, -0.3), (0.3, 0.4), (0.8, 0.0)):
        for elo in (0.0, ELO):
            _rows(runs, draws, correlation, elo)
    print()
    print("| equal agents, wins 1 minute, losses 10 | errors of the betting test | of the pentanomial test |")
    print("|---|---|---|")
    classes = simulated_pairs(pair_probabilities(0.5, draws=0.2), runs=runs, pairs=LOOKED, seed=9)
    for name, read in (("read as they finish", as_finished(classes)), ("in schedule order", classes)):
        betting = (betting_stops(read, alpha=RATE)[1] != 0).sum()
        gsprt = (watched(read, elo0=0, elo1=ELO, alpha=RATE, beta=RATE)[1] == 1).sum()
        print(f"| {name} | {rate(int(betting), runs)} | {rate(int(gsprt), runs)} |")


def _rows(runs: int, draws: float, correlation: float, elo: float) -> None:
    score = 1 / (1 + 10 ** (-elo / 400))
    target = 1 / (1 + 10 ** (-ELO / 400))
    five = pair_probabilities(score, draws=draws, correlation=correlation)
    deviation = math.sqrt(five @ (np.arange(5) / 4 - score) ** 2)
    classes = simulated_pairs(five, runs=runs, pairs=MOST, seed=3)
    head = f"| {draws:g} | {correlation:+g} | {elo:g} |"
    for name, (stops, sides) in (
        ("betting", betting_stops(classes, alpha=RATE)),
        ("gsprt", watched(classes, elo0=0, elo1=ELO, alpha=RATE, beta=RATE)),
    ):
        wrong = (sides == 1 if name == "gsprt" else sides != 0) if elo == 0 else sides == -1
        one_sided = name == "gsprt"  # it asks about one direction alone
        fixed = fixed_pairs(target, deviation=deviation, alpha=RATE * (1 + one_sided), power=1 - RATE)
        lasted = np.where(stops > 0, stops, MOST).mean()
        print(
            f"{head} {name} | {rate(int(wrong.sum()), runs)} | {100 * (sides == 0).mean():.1f} % "
            f"| {lasted:,.0f} | {100 * lasted / fixed:.0f} % of {fixed:,} |"
        )
    part = score_sequence(classes[:, :SEQUENCE_PAIRS] / 4, error_rate=RATE)
    missed = int(((part.low > score) | (part.high < score)).any(axis=1).sum())
    width = float((part.high - part.low)[:, -1].mean())
    print(f"{head} sequence | {rate(missed, runs)} | – | {SEQUENCE_PAIRS:,} | mean width {width:.3f} |")


def rate(errors: int, runs: int) -> str:
    """A share in per cent with its 95 % interval after Wilson."""
    share, z2 = errors / runs, 1.96**2
    middle = (share + z2 / (2 * runs)) / (1 + z2 / runs)
    half = 1.96 * math.sqrt(share * (1 - share) / runs + z2 / (4 * runs**2)) / (1 + z2 / runs)
    return f"{100 * share:.2f} % ({100 * max(middle - half, 0):.2f}–{100 * (middle + half):.2f})"


def as_finished(classes: NDArray[np.int8]) -> NDArray[np.int8]:
    """[R, T]: the pairs in the order in which they finish, where so many are played at once as there are places."""
    return _as_finished(classes)


@nb.njit(cache=True)
def _as_finished(classes):  # type: ignore[no-untyped-def]  # numba kernel
    runs, pairs = classes.shape
    read = np.empty_like(classes)
    free, ends = np.empty(AT_ONCE), np.empty(pairs)
    for run in range(runs):
        free[:] = 0.0
        for pair in range(pairs):
            place = np.argmin(free)
            free[place] += LONG - (LONG - SHORT) * classes[run, pair] / 4
            ends[pair] = free[place]
        order = np.argsort(ends)
        for pair in range(pairs):
            read[run, pair] = classes[run, order[pair]]
    return read


if __name__ == "__main__":
    main()
