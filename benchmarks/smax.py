"""SMAX against JaxMARL on this machine, by hand: random legal allies against scripted enemies, matches beginning anew.

    python benchmarks/smax.py --jax PYTHON [--device cuda]

PYTHON is the interpreter of an environment with jaxmarl 0.2.0. Both sides run window by window in turns, so that what else
the machine does meets both; the best window of each counts. Prints a table for RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from arena.games.actions import MaskedLegal
from arena.games.seeds import counter_hash
from arena.games.smax.rules import Rules, scenario_named
from arena.games.smax.vector_env import SmaxVectorEnv

WINDOWS = 7
FIRST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Case:
    scenario: str
    matches: int
    steps: int
    goal: float


CASES = (
    Case("3m", 1, 200, 0.0),
    Case("3m", 128, 100, 0.5),
    Case("3m", 1024, 40, 0.9),
    Case("3m", 4096, 15, 0.9),
    Case("2s3z", 128, 60, 0.5),
    Case("2s3z", 1024, 20, 0.9),
    Case("2s3z", 4096, 6, 0.9),
    Case("smacv2_5_units", 128, 60, 0.5),
    Case("smacv2_5_units", 1024, 20, 0.9),
    Case("smacv2_5_units", 4096, 6, 0.9),
    Case("27m_vs_30m", 128, 6, 0.5),
    Case("27m_vs_30m", 1024, 2, 0.9),
    Case("27m_vs_30m", 4096, 1, 0.9),
)


class Ours:
    """A vector environment with random legal allies."""

    def __init__(self, scenario: str, matches: int, device: str):
        self.env = SmaxVectorEnv(Rules(scenario=scenario_named(scenario)), matches, device=device)
        _, self.info = self.env.reset(seed=0)
        self.count = 0

    def run(self, steps: int) -> float:
        began = time.perf_counter()
        for _ in range(steps):
            *_, self.info = self.env.step(self.actions())
        if self.env.smax.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    def actions(self) -> torch.Tensor:
        legal = self.info["legal_actions"].flatten(0, 1)
        if legal.device.type == "cpu":
            self.count += 1
            words = counter_hash(np.arange(len(legal), dtype=np.uint64), 0, self.count)
            chosen = torch.from_numpy(MaskedLegal(legal.numpy()).sample(words))
        else:
            chosen = torch.multinomial(legal.float(), 1)[:, 0]
        return chosen.reshape(self.env.num_envs, self.env.units)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jax", help="the Python of an environment with jaxmarl 0.2.0; without it only Arena runs")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--first", action="store_true", help="print how long the first steps take, and nothing else")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.first:
        began = time.perf_counter()
        Ours("3s5z", 1024, given.device).run(FIRST_STEPS)
        print(time.perf_counter() - began)
        return
    peer = Peer(given.jax) if given.jax else None
    print("| scenario | matches | Arena steps/s | JaxMARL steps/s | ratio | goal | JaxMARL compiles |")
    print("|---|---|---|---|---|---|---|")
    for case in CASES:
        ours, mine, theirs, compiling = Ours(case.scenario, case.matches, given.device), [], [], 0.0
        ours.run(3)
        for window in range(WINDOWS):
            mine.append(ours.run(case.steps))
            if peer:
                seconds, compiled = peer.run(case)
                compiling += compiled
                theirs += [seconds] if window else []
        work = case.matches * case.steps
        told = f"{work / min(theirs):,.0f}" if theirs else "-"
        ratio = f"{min(theirs) / min(mine):.2f}x" if theirs else "-"
        goal = f"{case.goal:g}x" if case.goal else "600 steps/s"
        print(
            f"| {case.scenario} | {case.matches:,} | {work / min(mine):,.0f} | {told} | {ratio} | {goal} | {compiling:.1f} s |",
            flush=True,
        )
    if peer:
        first_thousand(peer, given.device)


def first_thousand(peer: Peer, device: str) -> None:
    """A thousand vector steps from nothing, everything that must be made ready included.

    Arena's run in a process of their own with an empty cache of compiled loops; the imports of either side are not counted.
    """
    with tempfile.TemporaryDirectory() as cache:
        cold = [sys.executable, __file__, "--device", device, "--first"]
        told = subprocess.run(
            cold, env={**os.environ, "NUMBA_CACHE_DIR": cache}, capture_output=True, text=True, check=True
        )
    mine = float(told.stdout)
    theirs = sum(peer.run(Case("3s5z", 1024, FIRST_STEPS, 0.0)))
    print(
        f"\nFirst {FIRST_STEPS} vector steps of 3s5z at 1,024 matches: Arena {mine:.1f} s, JaxMARL {theirs:.1f} s "
        f"({theirs / mine:.1f}x, goal 1.5x)"
    )


class Peer:
    """JaxMARL in a process of its own."""

    def __init__(self, python: str):
        script = str(Path(__file__).parent / "smax_jax.py")
        self.process = subprocess.Popen([python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, case: Case) -> tuple[float, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{case.scenario} {case.matches} {case.steps}\n")
        self.process.stdin.flush()
        while True:
            words = self.process.stdout.readline().split()
            if len(words) == 2 and words[0].replace(".", "").replace("e-", "").isdigit():
                return float(words[0]), float(words[1])
            if not words and self.process.poll() is not None:
                raise SystemExit("JaxMARL's process ended")


if __name__ == "__main__":
    main()
