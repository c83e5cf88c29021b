"""Methods of training held against each other: exact exploitability at equal steps, over seeds.

    .venv/bin/python benchmarks/learning.py --results benchmarks/learning_runs.jsonl --pictures docs/how-to/pictures

Every method learns kuhn poker, leduc poker and liar's dice with its own default settings, network sizes alike, for the same number
of its own decisions (psro's opponents make about as many again), and is measured by the exact tree while it learns. Rudolph et al., ICLR 2026, arXiv:2502.08938, find that
policy gradients (ppo, mmd) are ahead of deep fictitious play (nfsp) and double oracles (psro); the table says so or not. A line a run is kept as
soon as it is done; the same command again does what is left, and prints the table of all. About two hours on two cores.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, and in processes that it begins

import argparse
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median

import torch

from arena.convergence_plot import convergence_plot
from arena.convergence_words import Curve
from arena.games import load_game
from arena.games.policy import uniform_policy
from arena.solvers import exploitability
from arena.solvers.learning import train
from benchmarks.kept_runs import keep_run, read_runs

GAMES = {
    "kuhn_poker": 1_000_000,
    "leduc_poker": 4_000_000,
    "liars_dice": 2_000_000,
}
"""OpenSpiel's name -> steps of every run."""
GRADIENTS, ANCHORS = ("ppo", "mmd"), ("nfsp", "psro")
METHODS = (*GRADIENTS, *ANCHORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run."""

    game: str
    method: str
    seed: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``curve``: (steps, exploitability) as measured; ``seconds``: of CPU time."""

    curve: tuple[tuple[int, float], ...]
    seconds: float

    @property
    def last(self) -> float:
        return self.curve[-1][1]


Found = Mapping[Job, Measured]


def run(job: Job) -> Measured:
    torch.set_num_threads(1)
    game = load_game(f"openspiel:{job.game}")
    begun = time.process_time()
    trained = train(job.method, game, steps=job.steps, seed=job.seed)
    an_update = trained.steps / trained.updates
    return Measured(
        curve=tuple((round(at * an_update), gap / game.info.num_players) for at, gap in trained.history),
        seconds=time.process_time() - begun,
    )


def kept(path: Path) -> dict[Job, Measured]:
    """The runs in a file; one that is not there has none."""
    found = {}
    for told in read_runs(path):
        measured = told["found"]
        found[Job(**told["job"])] = Measured(curve=tuple(map(tuple, measured["curve"])), seconds=measured["seconds"])
    return found


def of_method(found: Found, game: str, method: str) -> list[Measured]:
    return [one for job, one in found.items() if (job.game, job.method) == (game, method)]


def finding(found: Found, game: str) -> str:
    """Whether the worst seed of the better policy gradient is ahead of the best seed of both others."""
    title = load_game(f"openspiel:{game}").info.title
    ends = {method: [one.last for one in of_method(found, game, method)] for method in METHODS}
    if not all(ends.values()):
        return f"{title}: not all methods are measured"
    best = min(GRADIENTS, key=lambda method: median(ends[method]))
    rival = min(ANCHORS, key=lambda method: median(ends[method]))
    if max(ends[best]) < min(ends[rival]):
        return f"{title}: every seed of {best} is less exploitable than every seed of nfsp and psro"
    if max(ends[rival]) < min(ends[best]):
        return f"{title}: every seed of {rival} is less exploitable than every seed of ppo and mmd"
    return f"{title}: the seeds of {best} and {rival} overlap"


def table(found: Found, games: Sequence[str]) -> str:
    lines = [
        "| game | method | exploitability, median (least to greatest) | seeds | steps | CPU seconds a run | share of uniform play |",
        "|---" * 7 + "|",
    ]
    for game in games:
        loaded = load_game(f"openspiel:{game}")
        uniform = exploitability(loaded, uniform_policy(loaded.info.specification))
        for method in METHODS:
            if runs := of_method(found, game, method):
                ends = [one.last for one in runs]
                lines.append(
                    f"| {game} | {method} | {median(ends):.3f} ({min(ends):.3f} to {max(ends):.3f}) | {len(runs)} | {runs[0].curve[-1][0]:,} "
                    f"| {median(one.seconds for one in runs):,.0f} | {median(ends) / uniform:.0%} |"
                )
    return "\n".join(lines)


def picture(found: Found, game: str) -> str:
    """Curves of all methods, the median of the seeds at each measurement."""
    curves = []
    for method in METHODS:
        if runs := of_method(found, game, method):
            at = [steps for steps, _ in runs[0].curve]
            gaps = [median(values) for values in zip(*([gap for _, gap in one.curve] for one in runs), strict=True)]
            curves.append(Curve(name=method, points=tuple(zip(map(float, at), gaps, strict=True))))
    return convergence_plot(
        curves,
        title=finding(found, game),
        subtitle="Exact exploitability against decisions of the learner, the median of the seeds; both axes are logarithmic.",
        gap_name="exploitability",
        x_name="steps",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", nargs="+", default=list(GAMES), choices=GAMES)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=float, help="of every run, in place of each game's own")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1)))
    parser.add_argument("--results", type=Path, required=True, help="a line a run (.jsonl)")
    parser.add_argument("--pictures", type=Path, help="a folder: learning-GAME.svg")
    options = parser.parse_args()
    jobs = [
        Job(game=game, method=method, seed=seed, steps=int(options.steps or GAMES[game]))
        for seed in range(options.seeds)
        for game in options.games
        for method in options.methods
    ]
    found = kept(options.results)
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(run, job): job for job in jobs if job not in found}
        for done in as_completed(waiting):
            job, found[waiting[done]] = waiting[done], done.result()
            keep_run(options.results, job, found[job])
            print(
                f"{job.game} {job.method} seed {job.seed}: {found[job].last:.4f} in {found[job].seconds:.0f} s",
                flush=True,
            )
    asked = {job: found[job] for job in jobs}
    print(table(asked, options.games))
    for game in options.games:
        print(finding(asked, game))
        if options.pictures is not None:
            options.pictures.mkdir(parents=True, exist_ok=True)
            (options.pictures / f"learning-{game}.svg").write_text(picture(asked, game), encoding="utf-8")


if __name__ == "__main__":
    main()
