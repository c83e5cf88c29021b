"""Adaptive pairing against round robin on simulated leagues: matches needed for the same decision at the same error.

    .venv/bin/python benchmarks/pairing.py [--leagues 30] [--aim "top 5" --sizes 10,30,100]

Leagues are transitive (normal strengths), cyclic (weak strengths and two cyclic planes) or mixed, with draws, each with random numbers of
its own, redrawn until the decision is possible: the mean scores on its two sides differ by at least `LEAST_GAP`, margin included; for
the support, every weight in the minimax winner is at least `LEAST_WEIGHT` and everybody else loses to it by as much.
Both ways of pairing meet the same league with the same results (the t-th meeting of two agents ends alike), are read by the same
stopping rule (`decided`, error rate 5 %) equally often, and verdicts are counted wrong against the truth. Who does not decide
within `MOST_MATCHES` (of the support, `MOST_SUPPORT_MATCHES`) is counted as open, with that many matches. The table shows the matches needed (medians over leagues), the ratio of their totals with a 95 %
bootstrap interval over leagues, the least and the greatest ratio of a league, and how often each was wrong or open. All aims take a few
minutes on one core.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for all

import argparse
import time
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from arena.leaderboards import Record, decided, next_pairs
from arena.leaderboards.aims import Aim, FullOrder, MinimaxSupport, Top, parse_aim
from arena.leaderboards.anytime_bounds import mean_bounds
from arena.leaderboards.decided import bound_error, field_scores, top_of, unsettled
from arena.leaderboards.meetings import complete_rounds
from arena.leaderboards.next_pairs import EXPLORE, draw_pairs, score_focus
from arena.solvers.minimax_winner import symmetric_game

ERROR_RATE = 0.05
LEAST_GAP = 0.015
LOOKS_GROW = 0.03  # matches between two looks at the bounds, as a share of those played
MOST_MATCHES = 30_000_000
LEAST_WEIGHT = 0.05
SUPPORT_LOOKS_GROW, MOST_SUPPORT_MATCHES = 0.15, 400_000  # linear programs at each look, and every match a row
VALUES = np.array([0.0, 0.5, 1.0])
ROWS = (("top 5", (10, 30, 100)), ("order within 0.05", (10, 30)), ("support", (8,)))
KINDS = ("transitive", "cyclic", "mixed")


@dataclass(frozen=True, slots=True, kw_only=True)
class League:
    """``win``, ``draw`` float64 [A, A]: probabilities of the row against the column."""

    win: NDArray[np.float64]
    draw: NDArray[np.float64]

    @property
    def truth(self) -> NDArray[np.float64]:
        """The mean score [A] against the whole field."""
        scores = self.win + self.draw / 2
        np.fill_diagonal(scores, 0.0)
        truth: NDArray[np.float64] = scores.sum(axis=1) / (len(scores) - 1)
        return truth


def league(kind: str, size: int, seed: int, aim: Aim, *, draws: float = 0.3) -> League:
    """A league of normal strengths (standard deviation 1, or 0.3 among cycles), two cyclic planes, or both.

    Equal agents draw with a probability of `draws`.
    """
    rng = np.random.default_rng([seed, size, KINDS.index(kind)])
    while True:
        strength = rng.normal(size=size) * {"transitive": 1.0, "cyclic": 0.3, "mixed": 1.0}[kind]
        logits = strength[:, None] - strength
        if kind != "transitive":
            u, v = rng.normal(size=(2, size, 2))
            logits = logits + (u @ v.T - v @ u.T) * {"cyclic": 1.0, "mixed": 0.5}[kind]
        score = 1 / (1 + np.exp(-logits))
        draw = draws * 2 * np.minimum(score, 1 - score)
        made = League(win=score - draw / 2, draw=draw)
        if _possible(made, aim):
            return made


def _possible(made: League, aim: Aim) -> bool:
    truth = np.sort(made.truth)[::-1]
    gaps = truth[:-1] - truth[1:]
    if isinstance(aim, Top):
        return bool(gaps[aim.k - 1] + aim.margin >= LEAST_GAP)
    if isinstance(aim, FullOrder):
        return bool(gaps.min() + aim.margin >= LEAST_GAP)
    weights, earns = _support_of(made)
    inside = weights > 1e-9
    return bool(weights[inside].min() >= LEAST_WEIGHT and earns[~inside].max(initial=-1) <= -LEAST_WEIGHT)


def _support_of(made: League) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(weights in the minimax winner [A], what each agent earns against it [A], as a share of the points less half)."""
    game = made.win + made.draw / 2 - 0.5
    np.fill_diagonal(game, 0.0)
    weights = symmetric_game(game).strategies[0]
    return weights, game @ weights


def matches_needed(
    one: League, aim: Top | FullOrder, *, adaptive: bool, seed: int, most: int = MOST_MATCHES
) -> tuple[int, bool | None]:
    """(matches until the aim is decided, whether the decision is right, None where `most` matches decide nothing)."""
    size = len(one.win)
    upper = np.triu_indices(size, 1)
    cycle = np.stack(upper, axis=1)
    counts, seen = np.zeros((size, size), np.int64), np.zeros((size, len(VALUES)))
    rounds = np.zeros(size, np.int64)
    alpha = bound_error(aim, size, ERROR_RATE)
    played, begun, look = 0, 0, 0
    while played < most:
        batch = max(int(LOOKS_GROW * played), size if size < 30 else size * 4)
        if adaptive:
            focus = score_focus(VALUES, seen, rounds, aim, error_rate=ERROR_RATE)
            pairs = draw_pairs(counts, focus, batch=batch, seed=seed * 100_003 + look, explore=EXPLORE)
            first, second = pairs.first, pairs.second
        else:
            turns = (begun + np.arange(batch)) % len(cycle)
            first, second = cycle[turns].T
            begun += batch
        np.add.at(counts, (first, second), 1)
        np.add.at(counts, (second, first), 1)
        played, look = played + batch, look + 1
        now = complete_rounds(counts)
        _add_rounds(seen, rounds, now, one.win, one.draw, seed)
        rounds = now
        score = field_scores(VALUES, seen)
        low, high = mean_bounds(VALUES, seen, error_rate=alpha)
        if not unsettled(aim, score, low, high).any():
            return played, _right(one.truth, score, aim)
    return played, None


def matches_for_support(one: League, *, adaptive: bool, seed: int) -> tuple[int, bool | None]:
    """As `matches_needed`, for the support of the minimax winner, through `next_pairs` and `decided` of whole records."""
    size = len(one.win)
    aim = MinimaxSupport()
    cycle = np.stack(np.triu_indices(size, 1), axis=1)
    seats, counts, returns = np.zeros((0, 2), np.int64), np.zeros((size, size), np.int64), np.zeros((0, 2))
    look = 0
    while len(seats) < MOST_SUPPORT_MATCHES:
        batch = max(int(SUPPORT_LOOKS_GROW * len(seats)), 2 * len(cycle))
        if adaptive:
            pairs = next_pairs(_record(seats, returns, size), aim, batch=batch, seed=seed * 100_003 + look)
            new = np.stack((pairs.first, pairs.second), axis=1)
        else:
            new = cycle[(len(seats) + np.arange(batch)) % len(cycle)]
        results = _results(new, counts, one.win, one.draw, seed)
        seats = np.concatenate((seats, new))
        returns = np.concatenate((returns, np.stack((results, -results), axis=1)))
        look += 1
        made = decided(_record(seats, returns, size), aim, error_rate=ERROR_RATE)
        if made.decided:
            inside = np.flatnonzero(_support_of(one)[0] > 1e-9)
            return len(seats), set(made.members) == {f"{i:03}" for i in inside}
    return len(seats), None


def _record(seats: NDArray[np.int64], returns: NDArray[np.float64], size: int) -> Record:
    return Record(
        agents=tuple(f"{i:03}" for i in range(size)),
        seats=seats,
        returns=returns,
        forfeit=np.full(len(seats), -1),
        pair=np.arange(len(seats)),
        weight=np.ones(len(seats)),
    )


@nb.njit(cache=True, error_model="numpy")
def _results(pairs, counts, win, draw, seed):  # type: ignore[no-untyped-def]  # numba kernel
    """The first agent's returns of new meetings, 1, 0 or -1; `counts` are carried on."""
    returns = np.empty(len(pairs))
    for k in range(len(pairs)):
        low, high = min(pairs[k]), max(pairs[k])
        word = _word(seed, low * len(win) + high, counts[low, high])
        counts[low, high] += 1
        outcome = 1.0 if word < win[low, high] else (0.0 if word < win[low, high] + draw[low, high] else -1.0)
        returns[k] = outcome if pairs[k, 0] == low else -outcome
    return returns


def _right(truth: NDArray[np.float64], score: NDArray[np.float64], aim: Top | FullOrder) -> bool:
    if isinstance(aim, Top):
        inside = top_of(score, aim.k)
        return bool(truth[inside].min() + aim.margin >= truth[~inside].max())
    order = np.argsort(-score, kind="stable")
    ahead = truth[order][:, None] + aim.margin < truth[order]
    return not np.triu(ahead, 1).any()


@nb.njit(cache=True, error_model="numpy")
def _add_rounds(seen, before, now, win, draw, seed):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds the results of each agent's new complete rounds: the t-th meeting of two agents is a hash of (seed, pair, t)."""
    size = len(win)
    for i in range(size):
        for turn in range(before[i], now[i]):
            for j in range(size):
                if j == i:
                    continue
                low, high = min(i, j), max(i, j)
                word = _word(seed, low * size + high, turn)
                outcome = 2 if word < win[low, high] else (1 if word < win[low, high] + draw[low, high] else 0)
                seen[i, outcome if i == low else 2 - outcome] += 1


@nb.njit(cache=True, error_model="numpy")
def _word(seed, pair, turn):  # type: ignore[no-untyped-def]  # numba kernel
    word = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(pair)
    for key in (np.uint64(turn), np.uint64(0x5851F42D4C957F2D)):
        word = np.uint64((word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9))
        word = np.uint64((word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB))
        word = np.uint64((word ^ (word >> np.uint64(31))) + key * np.uint64(0x9E3779B97F4A7C15))
    word = np.uint64((word ^ (word >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD))
    word = word ^ (word >> np.uint64(33))
    return np.float64(word >> np.uint64(11)) * 2.0**-53


def interval(ratios_of: NDArray[np.float64]) -> tuple[float, float, float]:
    """(ratio of the sums of columns 0 and 1 [leagues, 2], its 95 % bootstrap interval over leagues)."""
    rng = np.random.default_rng(0)
    sums = ratios_of[rng.integers(0, len(ratios_of), (2000, len(ratios_of)))].sum(axis=1)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    total = ratios_of.sum(axis=0)
    return float(total[0] / total[1]), float(low), float(high)


def compare(kind: str, size: int, aim: Aim, leagues: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(matches needed [leagues, 2], how often each was wrong, and open [2, 2]): adaptive pairing, then round robin."""
    needed, missed = np.zeros((leagues, 2)), np.zeros((2, 2), np.int64)
    for seed in range(leagues):
        one = league(kind, size, seed, aim)
        for column, adaptive in enumerate((True, False)):
            if isinstance(aim, Top | FullOrder):
                needed[seed, column], right = matches_needed(one, aim, adaptive=adaptive, seed=seed)
            else:
                needed[seed, column], right = matches_for_support(one, adaptive=adaptive, seed=seed)
            missed[:, column] += (right is False, right is None)
    return needed, missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--leagues", type=int, default=30, help="of each kind and size")
    parser.add_argument("--aim", help="top K, order or support; default: all rows of the table")
    parser.add_argument("--sizes", default="10,30", help="numbers of agents, with --aim")
    arguments = parser.parse_args()
    rows = [(arguments.aim, tuple(map(int, arguments.sizes.split(","))))] if arguments.aim else ROWS
    began = time.monotonic()
    table = Table(
        "decision", "league", "agents", "adaptive", "round robin", "ratio [95 %]", "least, most", "wrong", "open"
    )
    for text, sizes in rows:
        for size in sizes:
            for kind in KINDS:
                needed, (wrong, still) = compare(kind, size, parse_aim(text), arguments.leagues)
                ratio, low, high = interval(needed)
                single = needed[:, 0] / needed[:, 1]
                table.add_row(
                    text,
                    kind,
                    str(size),
                    f"{np.median(needed[:, 0]):,.0f}",
                    f"{np.median(needed[:, 1]):,.0f}",
                    f"{ratio:.2f} [{low:.2f}, {high:.2f}]",
                    f"{single.min():.2f}, {single.max():.2f}",
                    f"{wrong[0]} and {wrong[1]}",
                    f"{still[0]} and {still[1]}",
                )
    Console(width=120).print(table)
    print(f"{arguments.leagues} leagues a row, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
