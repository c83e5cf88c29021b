"""How often 95 % intervals hold the number that they are of, on simulated ladders.

    .venv/bin/python benchmarks/interval_coverage.py [--runs 1000] [--only unbalanced]

The number that an Elo interval is of is the rating that the same fit gives to the true win rates under the same schedule (in a cyclic
league no rating is the truth, and this one is what more matches would lead to); of adaptively chosen matches with inverse
propensity weights it is that of the uniform field. The models with draws, seats or orders are held to their own fits of the true
win rates, multidimensional Elo to the true mean logit against the field. Ratings have mean 0. Matches are seat-swapped twins; where twins share chance, a
seat is lucky in both. The table shows the share of all agents' intervals that hold theirs, with the standard error over runs, the share
of pairs of agents called certainly apart the wrong way round, and the agent covered worst. Runs of a row are shared out so
that each row has about as many agents.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for all

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from arena.leaderboards import (
    Ratings,
    Record,
    bootstrap_intervals,
    bradley_terry_seats,
    davidson,
    elo,
    elo_online,
    glicko2,
    multidimensional_elo,
    next_pairs,
    plackett_luce,
    rao_kupper,
)
from arena.leaderboards.aims import parse_aim
from arena.leaderboards.bradley_terry import ELO_PER_NATURAL
from arena.leaderboards.bradley_terry_fit import fit
from arena.leaderboards.glicko2 import START
from arena.leaderboards.outcome_models import DAVIDSON, HALF, RAO_KUPPER, OutcomeModel
from arena.leaderboards.paired_fit import Cells, fit_paired
from arena.leaderboards.propensities import uniform_field

AGENTS_A_ROW = 10_000  # intervals that a row counts at least
FEWEST_RUNS = 60
LUCK = 0.35  # of the twins that share chance: how often both ends are decided by the seat
BATCH, EXPLORE = 40, 0.2  # of adaptive pairing

Rate = Callable[[Record], Ratings]

RATES: dict[str, Rate] = {
    "elo": elo,
    "davidson": davidson,
    "rao_kupper": rao_kupper,
    "bradley_terry_seats": bradley_terry_seats,
    "plackett_luce": plackett_luce,
    "multidimensional_elo": multidimensional_elo,
    "glicko2": glicko2,
    "elo_online": elo_online,
}
MODELS: dict[str, OutcomeModel] = {
    "davidson": DAVIDSON,
    "rao_kupper": RAO_KUPPER,
    "bradley_terry_seats": HALF,
    "plackett_luce": HALF,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class League:
    """``win``, ``draw`` float64 [A, A]: probabilities of the row against the column; ``luck``: how often chance that twins share decides."""

    win: NDArray[np.float64]
    draw: NDArray[np.float64]
    luck: float = 0.0

    @property
    def score(self) -> NDArray[np.float64]:
        """Expected scores of the row against the column; luck goes to both alike."""
        expected = (1 - self.luck) * (self.win + self.draw / 2) + self.luck / 2
        np.fill_diagonal(expected, 0.0)
        return expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A row of the table. ``pairs``: pairs of twins an agent, on average; ``schedule``: who meets whom."""

    name: str
    kind: str
    schedule: str
    agents: int
    pairs: int
    draws: float = 0.0
    luck: float = 0.0
    intervals: str = "sandwich"
    method: str = "elo"

    @property
    def label(self) -> str:
        """The method where it is not Elo, and the league."""
        if self.method != "elo":
            return f"{self.method}, {self.kind}" + (", draws" if self.draws else "")
        return f"{self.name} ({self.kind})" if self.name != self.kind else self.name


CASES = (
    Case(name="transitive", kind="transitive", schedule="round robin", agents=10, pairs=45),
    Case(name="transitive", kind="transitive", schedule="round robin", agents=50, pairs=98),
    Case(name="transitive", kind="transitive", schedule="round robin", agents=200, pairs=199),
    Case(name="cyclic", kind="cyclic", schedule="round robin", agents=10, pairs=90),
    Case(name="cyclic", kind="cyclic", schedule="round robin", agents=50, pairs=98),
    Case(name="cyclic", kind="cyclic", schedule="round robin", agents=200, pairs=398),
    Case(name="cyclic, met in one pair of twins", kind="cyclic", schedule="round robin", agents=200, pairs=199),
    Case(name="with draws", kind="transitive", schedule="round robin", agents=10, pairs=45, draws=0.6),
    Case(name="with draws", kind="transitive", schedule="round robin", agents=50, pairs=98, draws=0.6),
    Case(name="twins share luck", kind="transitive", schedule="round robin", agents=10, pairs=90, luck=LUCK),
    Case(name="twins share luck", kind="cyclic", schedule="round robin", agents=50, pairs=98, luck=LUCK, draws=0.3),
    Case(name="unbalanced", kind="transitive", schedule="unbalanced", agents=10, pairs=60),
    Case(name="unbalanced", kind="transitive", schedule="unbalanced", agents=50, pairs=80),
    Case(name="unbalanced", kind="transitive", schedule="unbalanced", agents=200, pairs=100),
    Case(name="unbalanced", kind="cyclic", schedule="unbalanced", agents=50, pairs=80, draws=0.3),
    Case(name="few matches", kind="transitive", schedule="unbalanced", agents=20, pairs=12),
    Case(name="adaptive, weighted", kind="transitive", schedule="adaptive", agents=10, pairs=120),
    Case(name="adaptive, weighted", kind="cyclic", schedule="adaptive", agents=10, pairs=120),
    Case(name="adaptive, weighted", kind="cyclic", schedule="adaptive", agents=20, pairs=160, draws=0.3),
    Case(name="adaptive, not weighted", kind="cyclic", schedule="adaptive plain", agents=10, pairs=120),
    Case(name="bootstrap", kind="transitive", schedule="round robin", agents=10, pairs=45, intervals="bootstrap"),
    Case(name="bootstrap", kind="transitive", schedule="round robin", agents=10, pairs=180, intervals="bootstrap"),
    Case(name="bootstrap", kind="cyclic", schedule="unbalanced", agents=50, pairs=80, intervals="bootstrap"),
    *(
        Case(name="methods", kind=kind, schedule=met, agents=agents, pairs=pairs, draws=0.4, method=method)
        for method in MODELS
        for kind, met, agents, pairs in (
            ("transitive", "round robin", 10, 45),
            ("cyclic", "round robin", 10, 90),
            ("cyclic", "unbalanced", 30, 90),
        )
    ),
    Case(name="methods", kind="transitive", schedule="round robin", agents=6, pairs=50, method="multidimensional_elo"),
    Case(name="methods", kind="cyclic", schedule="round robin", agents=6, pairs=50, method="multidimensional_elo"),
    Case(name="methods", kind="cyclic", schedule="round robin", agents=10, pairs=180, method="multidimensional_elo"),
    *(
        Case(name="methods", kind=kind, schedule="shuffled", agents=10, pairs=pairs, method=method)
        for method in ("glicko2", "elo_online")
        for kind, pairs in (("transitive", 45), ("transitive", 360), ("cyclic", 90))
    ),
)
SLOW_RUNS = 60  # of multidimensional Elo, fifty fits a run


def league(case: Case, rng: np.random.Generator) -> League:
    """True win rates: normal strengths, in cyclic leagues with two cyclic planes as strong as these."""
    strength = rng.normal(size=case.agents) * (0.8 if case.kind == "transitive" else 0.5)
    logits = strength[:, None] - strength
    if case.kind == "cyclic":
        u, v = rng.normal(size=(2, case.agents, 2))
        logits = logits + (u @ v.T - v @ u.T) * 0.5
    score = 1 / (1 + np.exp(-logits))
    draw = case.draws * 2 * np.minimum(score, 1 - score)
    return League(win=score - draw / 2, draw=draw, luck=case.luck)


def schedule(case: Case, rng: np.random.Generator) -> NDArray[np.int64]:
    """[pairs, 2]: the agents of each pair of twins."""
    every = np.stack(np.triu_indices(case.agents, 1), axis=1)
    total = case.agents * case.pairs // 2
    if case.schedule in ("round robin", "shuffled"):
        rounds = np.repeat(every, max(1, round(total / len(every))), axis=0)
        return rounds if case.schedule == "round robin" else rounds[rng.permutation(len(rounds))]
    popularity = np.exp(rng.uniform(0, np.log(10), case.agents))  # the most popular plays ten times as often
    chance = popularity[every[:, 0]] * popularity[every[:, 1]]
    ring = np.stack((np.arange(case.agents), np.roll(np.arange(case.agents), -1)), axis=1)  # nobody stands apart
    drawn = every[rng.choice(len(every), total - len(ring), p=chance / chance.sum())]
    return np.concatenate((ring, drawn))


def play(true: League, pairs: NDArray[np.int64], rng: np.random.Generator) -> Record:
    """Both matches of each pair of twins, the second with seats swapped."""
    first, second = pairs[:, 0], pairs[:, 1]
    words = rng.random((len(pairs), 2))
    win, draw = true.win[first, second][:, None], true.draw[first, second][:, None]
    result = np.where(words < win, 1.0, np.where(words < win + draw, 0.0, -1.0))
    lucky = rng.random(len(pairs)) < true.luck
    seat = np.where(rng.random(len(pairs)) < 0.5, 1.0, -1.0)
    result[lucky] = np.stack((seat, -seat), axis=1)[lucky]  # the same seat wins twice: once each
    seats = np.stack((first, second, second, first), axis=1).reshape(-1, 2)
    returns = np.stack((result[:, 0], -result[:, 0], -result[:, 1], result[:, 1]), axis=1).reshape(-1, 2)
    return Record(
        agents=tuple(f"a{k:03}" for k in range(len(true.win))),
        seats=seats,
        returns=returns,
        forfeit=np.full(len(seats), -1),
        pair=np.repeat(np.arange(len(pairs)), 2),
        weight=np.ones(len(seats)),
    )


def play_adaptively(true: League, case: Case, rng: np.random.Generator) -> tuple[Record, NDArray[np.float64]]:
    """(the record, the propensity of each match), pairs chosen batch by batch for the top three."""
    aim = parse_aim("top 3")
    record = play(true, np.zeros((0, 2), np.int64), rng)
    propensity = np.zeros(0)
    batch = max(BATCH, case.agents * case.pairs // 20)
    for number in range(case.agents * case.pairs // 2 // batch):
        chosen = next_pairs(record, aim, batch=batch, seed=int(rng.integers(1 << 31)), explore=EXPLORE)
        new = play(true, np.stack((chosen.first, chosen.second), axis=1), rng)
        record = replace(
            record,
            seats=np.concatenate((record.seats, new.seats)),
            returns=np.concatenate((record.returns, new.returns)),
            forfeit=np.concatenate((record.forfeit, new.forfeit)),
            pair=np.concatenate((record.pair, new.pair + number * batch)),
            weight=np.concatenate((record.weight, new.weight)),
        )
        propensity = np.concatenate((propensity, np.repeat(chosen.propensity, 2)))
    return record, propensity


def projection(true: League, met: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ratings, Elo of mean 0, that the fit gives to the true win rates where pairs met so often."""
    return ELO_PER_NATURAL * fit(met * true.score)[0]


def target_of(case: Case, true: League, met: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the intervals of a row are of."""
    if case.method == "multidimensional_elo":
        rate = true.score + 0.5 * np.eye(case.agents)
        return ELO_PER_NATURAL * np.log(rate / (1 - rate)).mean(axis=1)
    if case.method not in MODELS:
        return projection(true, met) + (START if case.method == "glicko2" else 0.0)
    first, second = np.nonzero(met)
    count, model = met[first, second] / 2, MODELS[case.method]  # each of two agents sits first as often
    draw = count * ((1 - true.luck) * true.draw[first, second])
    win = count * true.score[first, second] - draw / 2
    if not model.has_ties:
        win, draw = win + draw / 2, 0 * draw
    cells = Cells(first=first, second=second, win=win, draw=draw, loss=count - win - draw)
    seats = case.method == "bradley_terry_seats"
    return fit_paired(cells, model, num_agents=case.agents, seat_advantage=seats).strength


def meetings_of(record: Record) -> NDArray[np.float64]:
    met = np.zeros((len(record.agents),) * 2)
    np.add.at(met, (record.seats[:, 0], record.seats[:, 1]), 1.0)
    return met + met.T


def runs_of(case: Case, runs: int | None) -> int:
    return runs or (
        SLOW_RUNS if case.method == "multidimensional_elo" else max(FEWEST_RUNS, AGENTS_A_ROW // case.agents)
    )


def outcomes(case: Case, runs: int) -> Iterator[tuple[NDArray[np.bool_], float]]:
    """Of each run: which agents' intervals hold their target, and the share of pairs called apart the wrong way round."""
    rate = RATES[case.method]
    if case.intervals == "bootstrap":
        rate = lambda record: bootstrap_intervals(record, elo, resamples=200)  # noqa: E731
    uniform = 1.0 - np.eye(case.agents)
    for run in range(runs):
        rng = np.random.default_rng([run, case.agents, CASES.index(case)])
        true = league(case, rng)
        if case.schedule.startswith("adaptive"):
            record, propensity = play_adaptively(true, case, rng)
            target = projection(true, uniform)
            if case.schedule == "adaptive":
                record = uniform_field(record, propensity, kind="field")
        else:
            record = play(true, schedule(case, rng), rng)
            target = target_of(case, true, meetings_of(record))
        ratings = rate(record)
        held = (ratings.intervals[:, 0] <= target) & (target <= ratings.intervals[:, 1])
        wrong = ratings.above & (target[:, None] < target)
        yield held, float(wrong.sum()) / (case.agents * (case.agents - 1) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, help="of every row; without it as many as give about 10,000 intervals")
    parser.add_argument("--only", help="rows whose name begins so")
    asked = parser.parse_args()
    table = Table(
        "method and league",
        "schedule",
        "agents",
        "matches an agent",
        "runs",
        "covered %",
        "wrong way round %",
        "worst agent %",
    )
    chosen = [case for case in CASES if case.name.startswith(asked.only or "")]
    began = time.perf_counter()
    for case in track(chosen, description="ladders", console=Console(stderr=True)):
        held, wrong = zip(*outcomes(case, runs := runs_of(case, asked.runs)), strict=True)
        by_run = np.array([one.mean() for one in held])
        error = by_run.std(ddof=1) / np.sqrt(len(by_run))
        table.add_row(
            case.label,
            case.schedule,
            f"{case.agents}",
            f"{2 * case.pairs}",
            f"{runs:,}",
            f"{100 * by_run.mean():.1f} ±{100 * error:.1f}",
            f"{100 * np.mean(wrong):.2f}",
            f"{100 * np.mean(held, axis=0).min():.0f}",
        )
    console = Console(width=140)
    console.print(table)
    console.print(f"{time.perf_counter() - began:,.0f} s")


if __name__ == "__main__":
    main()
