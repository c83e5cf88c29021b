"""Teams that learn SMAX, held against the scripted team: matches won over training, over seeds.

    .venv/bin/python benchmarks/smax_learning.py --results runs.jsonl --pictures docs/how-to/pictures
    .venv/bin/python benchmarks/smax_learning.py --results benchmarks/smax_runs.jsonl --scenario 2s3z --steps 1e7 --tables 4096 \\
        --device cuda --methods pqn_vdn --set minibatches=256 --set learning_rate=1e-3

Every method learns with its own default settings but for those that are set. With more tables a pass has as many more parts, so
that a step of the optimiser sees as many decisions, unless ``minibatches`` is set. The policy is measured while it learns, in 1,000
matches against ``scripted:closest``, half from either side, the same starts for all. A line a run is kept as soon as it is done;
the same command again does what is left, and prints the table of all. Runs use one core each and come one after the other; time
is that of the learner's process, measures taken out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median, median_low
from typing import TypeAlias

import torch

from arena.convergence_plot import convergence_plot
from arena.convergence_words import Curve
from arena.games import load_game
from arena.leaderboards.wilson import wilson
from arena.solvers.learning import train
from arena.solvers.learning.methods import METHODS
from arena.solvers.learning.training import TABLES
from benchmarks.kept_runs import keep_run, read_runs

TEAMS = ("pqn_vdn", "mappo", "ippo")
GOAL = {"3m": 0.8, "2s3z": 0.9}
"""Share of matches that are to be won; a line in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What runs that are held against each other have in common."""

    scenario: str
    steps: int
    tables: int
    device: str
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run."""

    method: str
    seed: int
    setting: Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """``curve``: (steps, seconds of CPU time, seconds, share won) as measured, each after so much learning."""

    curve: tuple[tuple[int, float, float, float], ...]
    low: float
    high: float

    def reached(self, goal: float) -> tuple[int, float, float] | None:
        """(steps, seconds of CPU time, seconds) at the first measurement from which on the goal was never missed again."""
        good = len(self.curve)
        while good and self.curve[good - 1][3] > goal:
            good -= 1
        return None if good == len(self.curve) else self.curve[good][:3]


Runs: TypeAlias = Mapping[str, Sequence[Found]]
"""By method."""


class Clock:
    """Runs while a policy learns, and stands still while it is measured: updates are heard of before measures are."""

    def __init__(self) -> None:
        self.steps, self.cpu_s, self.wall_s = 0, 0.0, 0.0
        self.go()

    def go(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def after_update(self, steps: int, _: object) -> None:
        self.steps = steps
        self.cpu_s += time.process_time() - self._cpu
        self.wall_s += time.perf_counter() - self._wall
        self.go()


def run(job: Job) -> Found:
    torch.set_num_threads(1)
    method, setting, clock = METHODS[job.method], job.setting, Clock()
    parts = method.settings.minibatches * max(1, setting.tables // TABLES)  # type: ignore[attr-defined]  # all of TEAMS have them
    settings = {"minibatches": parts, **dict(map(read_setting, setting.settings))}
    curve: list[tuple[int, float, float, float]] = []

    def progress(_: int, not_won: float) -> None:
        curve.append((clock.steps, clock.cpu_s, clock.wall_s, 1 - not_won))
        told = f"{clock.steps:,} steps, {clock.cpu_s:,.0f} s of CPU time, won {1 - not_won:.1%}"
        print(f"{job.method} seed {job.seed}: {told}", file=sys.stderr)
        clock.go()

    trained = train(
        job.method,
        load_game(f"smax:{setting.scenario}"),
        steps=setting.steps,
        tables=setting.tables,
        seed=job.seed,
        device=setting.device,
        settings=settings,
        watch=clock.after_update,
        progress=progress,
    )
    low, high = wilson(curve[-1][3], float(trained.matches or 0), NormalDist().inv_cdf(0.975))
    return Found(curve=tuple(curve), low=low, high=high)


def read_setting(text: str) -> tuple[str, int | float]:
    """Of KEY=NUMBER."""
    name, _, number = text.partition("=")
    return name, json.loads(number)


def kept(path: Path) -> dict[Job, Found]:
    """The runs in a file; one that is not there has none."""
    found = {}
    for told in read_runs(path):
        setting = told["job"]["setting"]
        job = Job(**{**told["job"], "setting": Setting(**setting | {"settings": tuple(setting["settings"])})})
        found[job] = Found(**{**told["found"], "curve": tuple(map(tuple, told["found"]["curve"]))})
    return found


def table(runs: Runs, goal: float) -> str:
    lines = [
        f"| method | won at the end, each seed (95 % interval) | seeds past {goal:.0%} at the end | past it from: steps, CPU s, s (median seed) |",
        "|---" * 4 + "|",
    ]
    for method, found in runs.items():
        ends = ", ".join(f"{one.curve[-1][3]:.1%} ({one.low:.1%} to {one.high:.1%})" for one in found)
        reached = sorted(at for one in found if (at := one.reached(goal)) is not None)
        first = "{:,}, {:,.0f}, {:,.0f}".format(*median_low(reached)) if reached else "never"
        lines.append(f"| {method} | {ends} | {len(reached)} of {len(found)} | {first} |")
    return "\n".join(lines)


def picture(runs: Runs, scenario: str) -> str:
    """Matches not won, the median of the seeds at each measurement."""
    curves = []
    for method, found in runs.items():
        points = [
            (float(at[0][0]), median(1 - one[3] for one in at))
            for at in zip(*(one.curve for one in found), strict=True)
        ]
        curves.append(Curve(name=method, points=tuple(points)))
    ends = ", ".join(f"{1 - curve.points[-1][1]:.0%} by {curve.name}" for curve in curves)
    return convergence_plot(
        curves,
        title=f"Matches of SMAX {scenario} won against the scripted team: {ends}",
        subtitle="Share of 1,000 matches that were not won, against steps; the median of the seeds; both axes are logarithmic.",
        gap_name="share of matches not won",
        x_name="steps",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="3m")
    parser.add_argument("--methods", nargs="+", default=list(TEAMS), choices=TEAMS)
    parser.add_argument("--steps", type=float, default=1.2e6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tables", type=int, default=TABLES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=NUMBER", help="a setting of the methods'")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    setting = Setting(
        scenario=asked.scenario,
        steps=int(asked.steps),
        tables=asked.tables,
        device=asked.device,
        settings=tuple(asked.set),
    )
    for seed in range(asked.seeds):
        for method in asked.methods:
            job = Job(method=method, seed=seed, setting=setting)
            if job not in kept(asked.results):
                keep_run(asked.results, job, run(job))
    found = kept(asked.results).items()
    runs = {method: [one for job, one in found if (job.method, job.setting) == (method, setting)] for method in TEAMS}
    runs = {method: some for method, some in runs.items() if some}
    print(table(runs, GOAL.get(setting.scenario, 0.8)))
    if asked.pictures is not None:
        asked.pictures.mkdir(parents=True, exist_ok=True)
        place = asked.pictures / f"smax-{setting.scenario}-learning.svg"
        place.write_text(picture(runs, setting.scenario), encoding="utf-8")


if __name__ == "__main__":
    main()
