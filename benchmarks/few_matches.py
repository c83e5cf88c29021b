"""What adaptively chosen, and what few matches tell of the whole field: inverse propensities, low-rank completion.

    .venv/bin/python benchmarks/few_matches.py

First table: a cyclic league of 8 agents, paired adaptively for one comparison and for the top 2; mean scores against the whole field
and Bradley-Terry ratings of a full round robin, estimated naively and by `uniform_field`: the greatest bias of any agent over `RECORDS` records
with its standard error, and how often the 95 % intervals cover. Second table: mean absolute error of P(row beats column) over all pairs
of 64 agents from the same number of matches: head-to-head shares (even where two never met), Elo, the likelihood fit of
`low_rank_payoffs` at the true rank, each from random pairs; and completion by anchors, each agent playing the anchors alone.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for all

import time

import numpy as np
import scipy.special
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from arena.leaderboards import (
    PayoffModel,
    Record,
    bradley_terry,
    choose_anchors,
    complete_by_anchors,
    low_rank_payoffs,
    next_pairs,
    parse_aim,
    uniform_field,
)
from arena.leaderboards.propensities import Kind

RECORDS = 200
BATCHES, BATCH, EXPLORE = 30, 100, 0.2
FIELD = 64
MATCHES = (4_096, 16_384, 65_536)


def record_of(seats: NDArray[np.int64], won: NDArray[np.bool_], size: int) -> Record:
    returns = np.where(won, 1.0, -1.0)
    return Record(
        agents=tuple(f"{i:03}" for i in range(size)),
        seats=seats,
        returns=np.stack((returns, -returns), axis=1),
        forfeit=np.full(len(seats), -1),
        pair=np.arange(len(seats)),
        weight=np.ones(len(seats)),
    )


def cyclic_logits(size: int, planes: int, seed: int, *, transitive: float) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    strength, (u, v) = transitive * rng.normal(size=size), rng.normal(size=(2, size, planes))
    logits: NDArray[np.float64] = strength[:, None] - strength + u @ v.T - v @ u.T
    return logits


def adaptive_record(win: NDArray[np.float64], aim: str, seed: int) -> tuple[Record, NDArray[np.float64]]:
    """(a record paired adaptively, the propensity of each match)."""
    rng, size = np.random.default_rng(seed), len(win)
    seats, won, propensity = np.zeros((0, 2), np.int64), np.zeros(0, np.bool_), np.zeros(0)
    for batch in range(BATCHES):
        pairs = next_pairs(
            record_of(seats, won, size), parse_aim(aim), batch=BATCH, seed=seed * BATCHES + batch, explore=EXPLORE
        )
        seats = np.concatenate((seats, np.stack((pairs.first, pairs.second), axis=1)))
        won = np.concatenate((won, rng.random(BATCH) < win[pairs.first, pairs.second]))
        propensity = np.concatenate((propensity, pairs.propensity))
    return record_of(seats, won, size), propensity


def mean_scores(record: Record) -> NDArray[np.float64]:
    points = (record.returns + 1) / 2 * record.weight[:, None]
    played = np.bincount(record.seats.ravel(), record.weight.repeat(2))
    scores: NDArray[np.float64] = np.bincount(record.seats.ravel(), points.ravel()) / played
    return scores


def round_robin_ratings(win: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Bradley-Terry ratings of a round robin without noise: every pair once each way, weighted by its probabilities."""
    size = len(win)
    seats = np.argwhere(~np.eye(size, dtype=np.bool_))
    record = record_of(seats, np.ones(len(seats), np.bool_), size)
    exact = Record(
        agents=record.agents,
        seats=seats,
        returns=record.returns,
        forfeit=record.forfeit,
        pair=record.pair,
        weight=win[seats[:, 0], seats[:, 1]],
    )
    return bradley_terry(exact).scores


def propensity_table() -> Table:
    win = scipy.special.expit(cyclic_logits(8, 1, 3, transitive=0.3))
    rating = round_robin_ratings(win)
    score = (win.sum(axis=1) - 0.5) / 7
    table = Table("paired for", "weights", "bias of mean scores", "bias of ratings", "intervals of ratings cover")
    for aim in ("compare 000 001", "top 2"):
        records = [adaptive_record(win, aim, seed) for seed in range(RECORDS)]
        kinds: tuple[Kind | None, ...] = (None, "field", "pair")
        for kind in kinds:
            weighted = [one if kind is None else uniform_field(one, of, kind=kind) for one, of in records]
            fits = [bradley_terry(one) for one in weighted]
            scores = np.array([mean_scores(one) for one in weighted]) - score
            ratings = np.array([fit.scores for fit in fits]) - rating
            covered = np.mean([(fit.intervals[:, 0] <= rating) & (rating <= fit.intervals[:, 1]) for fit in fits])
            table.add_row(aim, kind or "none", _worst(scores), _worst(ratings), f"{100 * covered:.1f} %")
    return table


def _worst(errors: NDArray[np.float64]) -> str:
    bias, error = errors.mean(axis=0), errors.std(axis=0) / np.sqrt(len(errors))
    worst = int(np.argmax(np.abs(bias)))
    return f"{abs(bias[worst]):.3f} ± {error[worst]:.3f}"


def completion_table() -> Table:
    table = Table("league", "matches", "shares", "Elo", "likelihood fit", "anchors", "anchors' own error")
    for planes in (0, 1, 2):
        logits = cyclic_logits(FIELD, planes, 7, transitive=1.0 if not planes else 0.5)
        truth = scipy.special.expit(logits)
        off = ~np.eye(FIELD, dtype=np.bool_)
        for matches in MATCHES:
            rng = np.random.default_rng(matches)
            first = rng.integers(0, FIELD, matches)
            seats = np.stack((first, (first + rng.integers(1, FIELD, matches)) % FIELD), axis=1)
            record = record_of(seats, rng.random(matches) < truth[seats[:, 0], seats[:, 1]], FIELD)
            model = low_rank_payoffs(record, rank=planes)
            strength = low_rank_payoffs(record, rank=0).strength if planes else model.strength
            cells = np.bincount(seats[:, 0] * FIELD + seats[:, 1], record.returns[:, 0] > 0, FIELD**2)
            played = np.bincount(seats[:, 0] * FIELD + seats[:, 1], minlength=FIELD**2).reshape(FIELD, FIELD)
            won = cells.reshape(FIELD, FIELD) + (played - cells.reshape(FIELD, FIELD)).T
            shares = np.where(played + played.T > 0, won / np.maximum(played + played.T, 1), 0.5)
            errors = [
                shares - truth,
                scipy.special.expit(strength[:, None] - strength) - truth,
                model.probabilities - truth,
            ]
            anchors = choose_anchors(
                PayoffModel(
                    agents=record.agents,
                    strength=logits.mean(axis=1),
                    cyclic=logits - (logits.mean(axis=1)[:, None] - logits.mean(axis=1)),
                    rank=planes,
                    held_out=(),
                )
            )
            numbers = [int(name) for name in anchors]
            pairs = np.array(sorted({(min(i, j), max(i, j)) for i in range(FIELD) for j in numbers if i != j}))
            seats = np.repeat(pairs, max(matches // len(pairs), 1), axis=0)
            played_anchors = record_of(seats, rng.random(len(seats)) < truth[seats[:, 0], seats[:, 1]], FIELD)
            made = complete_by_anchors(played_anchors, anchors, rank=2 * planes + 2)
            errors.append(made.probabilities - truth)
            slope = made.probabilities * (1 - made.probabilities)
            told = float((made.errors * slope)[off].mean()) * np.sqrt(2 / np.pi)
            shown = [f"{np.abs(error[off]).mean():.3f}" for error in errors]
            table.add_row(f"{planes} cyclic planes", f"{matches:,}", *shown, f"{told:.3f}")
    return table


def main() -> None:
    began = time.monotonic()
    console = Console(width=120)
    console.print(propensity_table())
    console.print(completion_table())
    print(f"{RECORDS} records a row; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
