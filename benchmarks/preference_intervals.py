"""Counts how often the intervals of `preference_solution` hold the weights behind the votes.

    .venv/bin/python benchmarks/preference_intervals.py [--repeats 400] [--resamples 200] [--seed 0]

Candidates go in a cycle of three or five, each winning against those up to half the circle ahead, by rates that are drawn once; the
true weights are the minimax winner of these. Then votes are drawn, and each weight's interval of 95 % is asked for the truth. Kinds:
even, the same number of votes a pair; sparse, pairs drawn evenly, so that some are met seldom or never (their rates are then
taken as even, while intervals draw them from 0 to 1); prompts, a hundred votes of each prompt, which shifts the rate of each pair by
a number of its own, +-0.25. Also shown: the same without the prompts' names, as if votes were independent. Times nothing.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

import argparse

import numpy as np
from numpy.typing import NDArray

from arena.games.preference import preference_game
from arena.games.votes import UNSAID, Votes
from arena.solvers import minimax_winner
from arena.solvers.preference_solution import preference_solution

Array = NDArray[np.float64]

EACH = 100  # votes of a prompt
SHIFT = 0.25  # of a pair's rate by a prompt


def cycle(size: int, rng: np.random.Generator) -> Array:
    """Win rates [size, size] in 0.25..0.75, so that prompts may shift them."""
    ahead = (np.arange(size)[None, :] - np.arange(size)[:, None]) % size
    wins = np.where((ahead > 0) & (ahead <= size // 2), rng.uniform(0.6, 0.75, (size, size)), 0)
    rates: Array = np.where(wins > 0, wins, 1 - wins.T)
    np.fill_diagonal(rates, 0.5)
    return rates


def drawn_votes(rates: Array, count: int, kind: str, rng: np.random.Generator) -> Votes:
    size = len(rates)
    above = np.array(np.triu_indices(size, 1))
    pair = rng.integers(len(above[0]), size=count) if kind == "sparse" else np.arange(count) % len(above[0])
    first, second = above[:, pair]
    chance = rates[first, second]
    context = np.full(count, UNSAID)
    if kind.startswith("prompts"):
        prompt = rng.permutation(count) // EACH
        chance = chance + rng.choice([-SHIFT, SHIFT], size=(prompt.max() + 1, len(above[0])))[prompt, pair]
        context = prompt if kind == "prompts" else context
    return Votes(
        candidates=tuple("abcdefgh"[:size]),
        contexts=tuple(f"p{k}" for k in range(int(context.max()) + 1)),
        first=first,
        second=second,
        score=(rng.random(count) < chance).astype(np.float64),
        both_bad=np.zeros(count, np.bool_),
        weight=np.ones(count),
        context=context,
        judge=np.full(count, UNSAID),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| candidates | votes | kind | weights held, % | mean width |")
    print("|---|---|---|---|---|")
    for size, count, kind in (
        (3, 60, "even"),
        (3, 300, "even"),
        (5, 300, "even"),
        (5, 1_000, "even"),
        (5, 30, "sparse"),
        (5, 100, "sparse"),
        (5, 4_000, "prompts"),
        (5, 4_000, "prompts, not named"),
    ):
        rng = np.random.default_rng(given.seed)
        held, width = [], []
        for repeat in range(given.repeats):
            rates = cycle(size, rng)
            truth = minimax_winner(rates).strategies[0]
            votes = drawn_votes(rates, count, kind, rng)
            found = preference_solution(preference_game(votes, unmet="even"), resamples=given.resamples, seed=repeat)
            held.append((found.low - 1e-9 <= truth) & (truth <= found.high + 1e-9))
            width.append(found.high - found.low)
        print(f"| {size} | {count:,} | {kind} | {100 * np.mean(held):.1f} | {np.mean(width):.2f} |", flush=True)


if __name__ == "__main__":
    main()
