"""What confinement costs: matches a second of an agent in Arena's own process and in processes of its own, in turns, in one run.

    .venv/bin/python benchmarks/confinement.py

A table of a solver and a network of two layers of 128, against random play. Wall time, the best of `TURNS` turns of each, since both sides
of a confined agent work; and how long its process takes to begin. Tiers that do not hold on this machine are named and left out.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch

import tempfile
import time
from pathlib import Path

from arena.agents import load_agent, mlp, save_network
from arena.agents.sandbox import SandboxUnavailable
from arena.games import Agent, ClockedAgent, Game, load_game
from arena.playing import play
from arena.solvers import cfr_plus, save_policy

TIERS = ("none", "limits", "bubblewrap")
TURNS = 5
BOARD = "arena:connect_four"
TREES = ("openspiel:kuhn_poker", "openspiel:leduc_poker")
MATCHES = {TREES[0]: 50_000, TREES[1]: 20_000, BOARD: 4_000}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print("| agent, game | own process | tier | confined | share | start, s |")
        print("|---|---|---|---|---|---|")
        for name in (*TREES, BOARD):
            game = load_game(name)
            specification = written(game, Path(folder))
            for tier in TIERS:
                begun = time.perf_counter()
                try:
                    confined = load_agent(f"confined:{tier}:{specification}", game=game)
                except SandboxUnavailable as refused:
                    print(f"{tier} does not hold here: {refused}")
                    continue
                start = time.perf_counter() - begun
                own, there = rates(game, load_agent(specification, game=game), confined)
                print(
                    f"| {name} | {own:,.0f}/s | {tier} | {there:,.0f}/s | {there / own:.2f} | {start:.1f} |", flush=True
                )
                confined.close()


def written(game: Game, folder: Path) -> str:
    """The specification of an agent for a game, whose file is new."""
    if game.info.specification == BOARD:
        file = folder / "network.safetensors"
        save_network(mlp([game.info.tensor_width or 0, 128, 128, game.info.num_actions], seed=0), file, game=game)
        return f"checkpoint:{file}"
    file = folder / f"{game.info.title}.npz"
    save_policy(cfr_plus(game, iterations=100).policy, file)
    return f"policy:{file}"


def rates(game: Game, own: Agent | ClockedAgent, confined: Agent | ClockedAgent) -> tuple[float, float]:
    """The most matches a second of each, taken in turns."""
    matches, least = MATCHES[game.info.specification], [float("inf")] * 2
    for turn in range(TURNS + 1):
        for place, agent in enumerate((own, confined)):
            begun = time.perf_counter()
            play(game, [agent, "random"], matches=matches, seed=turn)
            if turn:  # the first one warms up
                least[place] = min(least[place], time.perf_counter() - begun)
    return matches / least[0], matches / least[1]


if __name__ == "__main__":
    main()
