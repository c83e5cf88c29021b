"""Counts how often Elo intervals of votes hold the truth where prompts favour candidates.

    .venv/bin/python benchmarks/prompt_coverage.py [--repeats 200] [--seed 0]

All candidates are alike over all prompts, but on each prompt some answers are better for every judge, by a normal law of the given
spread in natural units of strength. All pairs are shown in both orders to every judge. Shown: the share of 95 % intervals that hold
0, and their mean half-width as a multiple of 1.96 standard deviations of the ratings over the repeats; by the unit that ladders of
votes take (the prompt from 20 prompts on, below it the pair within a prompt), and vote by vote. Times nothing.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

import argparse

import numpy as np

from arena.games.votes import Votes
from arena.leaderboards.bradley_terry import elo
from arena.leaderboards.record import Record
from arena.match_import import record_of

KINDS = [(12, 3, 6), (30, 3, 6), (30, 5, 3), (100, 3, 6), (100, 5, 3)]  # prompts, candidates, judges
SPREADS = (0.0, 0.5, 1.5)


def votes_of(rng: np.random.Generator, prompts: int, candidates: int, judges: int, spread: float) -> Votes:
    """One table of votes."""
    quality = rng.normal(0, spread, (prompts, candidates))
    axes = (np.arange(prompts), np.arange(candidates), np.arange(candidates), np.arange(judges))
    context, first, second, judge = (column.ravel() for column in np.meshgrid(*axes))
    context, first, second, judge = (column[first != second] for column in (context, first, second, judge))
    chance = 1 / (1 + np.exp(quality[context, second] - quality[context, first]))
    return Votes(
        candidates=tuple("abcdefgh"[:candidates]),
        contexts=tuple(f"q{k}" for k in range(prompts)),
        judges=tuple(f"j{k}" for k in range(judges)),
        first=first,
        second=second,
        score=(rng.random(len(first)) < chance).astype(np.float64),
        both_bad=np.zeros(len(first), np.bool_),
        weight=np.ones(len(first)),
        context=context,
        judge=judge,
    )


def vote_by_vote(record: Record) -> Record:
    """The same matches, each a unit of its own."""
    return Record(
        agents=record.agents,
        seats=record.seats,
        returns=record.returns,
        forfeit=record.forfeit,
        pair=np.arange(len(record)),
        weight=record.weight,
        utility=record.utility,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| prompts | candidates | judges | spread | as ladders do | vote by vote |\n|---:|---:|---:|---:|---:|---:|")
    for prompts, candidates, judges in KINDS:
        for spread in SPREADS:
            rng = np.random.default_rng(given.seed)
            records = [record_of(votes_of(rng, prompts, candidates, judges, spread)) for _ in range(given.repeats)]
            cells = []
            for way in (lambda record: record, vote_by_vote):
                boards = [elo(way(record)) for record in records]
                low, high = np.array([board.intervals for board in boards]).transpose(2, 0, 1)
                right = 1.96 * np.std([board.scores for board in boards])
                held = np.mean((low <= 0) & (high >= 0))
                cells.append(f"{held:.2f}, {np.mean(high - low) / 2 / right:.1f}")
            print(f"| {prompts} | {candidates} | {judges} | {spread:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
