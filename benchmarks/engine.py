"""The engine against the plain loops that people write: games per CPU second, every match recorded in a ledger.

    make bench        or        .venv/bin/python benchmarks/engine.py [object] [tensor] [network] [ledger]

Each row is the median of `ROUNDS` turns, the lanes taken in turn so that a noisy machine is noisy for all. CPU time of the
process, so that a busy neighbour costs nobody. The peers record nothing; Arena writes seeds, seats, actions with chance
outcomes, returns, terminations and timings to SQLite.
"""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch: one thread for all

import platform
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pyspiel
from open_spiel.python import rl_environment
from open_spiel.python.algorithms import random_agent
from rich.console import Console
from rich.table import Table

from arena.agents import load_agent, mlp, save_network
from arena.games import Game, load_game
from arena.ledger import Ledger, Tournament
from arena.match import play_matches
from arena.schedule import round_robin
from arena.tournament import OBJECT_BLOCK, TENSOR_BLOCK

ROUNDS = 5
GOALS = {
    "connect_four, bare loop": 0.6,
    "leduc_poker, bare loop": 0.8,
    "connect_four, rl_environment": 6.0,
    "leduc_poker, rl_environment": 6.0,
    "connect_four, PettingZoo env()": 30.0,
    "leduc_poker, PettingZoo env()": 30.0,
    "native connect four, evaluate_bots": 10.0,
    "MLP at 256 tables, one at a time": 10.0,
}

Run = Callable[[], float]
"""Does some work and returns how much a CPU second did."""


def main() -> None:
    """Prints the machine, then one table a part, each ratio beside its goal."""
    warnings.filterwarnings("ignore")
    wanted = sys.argv[1:] or ["object", "tensor", "network", "ledger"]
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        parts = {"object": object_lane, "tensor": tensor_lane, "network": network, "ledger": ledger_speed}
        for name in wanted:
            parts[name](Path(folder))


def machine() -> str:
    """What the numbers were measured on."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("open_spiel", "numpy", "torch", "numba")
    )
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB; Python {platform.python_version()}, {versions}"


def object_lane(folder: Path) -> None:
    """Random play of OpenSpiel's own games."""
    peers = {"connect_four": "connect_four_v3", "leduc_poker": "leduc_holdem_v4"}
    for name, environment in peers.items():
        runs: dict[str, Run] = {
            "Arena, 512 tables, recorded": recorded(
                folder, f"openspiel:{name}", OBJECT_BLOCK, matches=2 * OBJECT_BLOCK
            ),
            "bare loop": lambda name=name: per_cpu_second(bare_loop(name)),
            "rl_environment": lambda name=name: per_cpu_second(rl_loop(name)),
            "PettingZoo env()": lambda environment=environment: per_cpu_second(
                pettingzoo_loop(importlib.import_module(f"pettingzoo.classic.{environment}").env)
            ),
        }
        show(name, runs, unit="games/s")


def tensor_lane(folder: Path) -> None:
    """Random play of the native connect four against OpenSpiel's loop in C++."""
    runs: dict[str, Run] = {
        "Arena, 16384 tables, recorded": recorded(folder, "arena:connect_four", TENSOR_BLOCK, matches=3 * TENSOR_BLOCK),
        "evaluate_bots": evaluate_bots,
    }
    show("native connect four", runs, unit="games/s")


def network(folder: Path) -> None:
    """An MLP of 128-128 in both seats, asked for 256 tables at once and for one."""
    game = load_game("openspiel:connect_four")
    path = folder / "mlp.safetensors"
    width = game.info.tensor_width
    assert width is not None
    save_network(mlp([width, 128, 128, game.info.num_actions], seed=1), path, game=game.info)

    def decisions(capacity: int, matches: int) -> Run:
        def run() -> float:
            agent = load_agent(f"checkpoint:{path}", game=game)
            specs = round_robin(2, 2, matches=matches, seed=1).specs(0, matches)
            tables = game.tables(capacity)
            began = time.process_time()
            results = play_matches(tables, [agent, agent], specs)
            return len(results.actions.values) / (time.process_time() - began)

        return run

    runs = {"Arena, 256 tables": decisions(256, 1000), "one at a time": decisions(1, 40)}
    show("MLP at 256 tables", runs, unit="decisions/s")


def ledger_speed(folder: Path) -> None:
    """10,000 native kuhn matches, engine and SQLite together, wall time."""
    game = load_game("arena:kuhn_poker")
    seconds = []
    for number in range(ROUNDS):
        with Ledger.open(folder / f"kuhn{number}.db") as ledger:
            tournament = new_tournament(ledger, game, 10_000)
            agents = [load_agent("random", game=game), load_agent("random", game=game)]
            began = time.perf_counter()
            specs = round_robin(2, 2, matches=10_000, seed=number).specs(0, 10_000)
            ledger.write(tournament, play_matches(game.tables(10_000), agents, specs))
            seconds.append(time.perf_counter() - began)
            assert ledger.progress(tournament) == 10_000
    print(f"10,000 native kuhn matches into SQLite: {statistics.median(seconds):.3f} s (goal: under 2 s)")


def recorded(folder: Path, specification: str, block: int, *, matches: int) -> Run:
    """Arena: random against random, block after block into one ledger."""
    game = load_game(specification)
    ledger = Ledger.open(folder / f"{specification.replace(':', '_')}.db")
    agents = [load_agent("random", game=game), load_agent("random", game=game)]
    tables = game.tables(game.info.tables_at_once)
    seeds = iter(range(1, 1000))

    def run() -> float:
        tournament = new_tournament(ledger, game, matches)
        schedule = round_robin(2, 2, matches=matches, seed=next(seeds))
        began = time.process_time()
        for start, stop in schedule.blocks(block):
            ledger.write(tournament, play_matches(tables, agents, schedule.specs(start, stop)))
        return matches / (time.process_time() - began)

    return run


def new_tournament(ledger: Ledger, game: Game, matches: int) -> Tournament:
    agents = [ledger.add_agent(name, specification="random", kind="random") for name in ("one", "two")]
    return ledger.add_tournament(name="bench", game=game.info, agents=agents, config={}, seed=0, planned=matches)


def per_cpu_second(play_once: Callable[[], None], *, seconds: float = 1.0) -> float:
    """How often `play_once` runs in a second of CPU time."""
    count, began = 0, time.process_time()
    while (now := time.process_time()) - began < seconds:
        for _ in range(20):
            play_once()
        count += 20
    return count / (now - began)


def bare_loop(name: str) -> Callable[[], None]:
    """The loop in OpenSpiel's own examples, as short as it gets."""
    game, rng = pyspiel.load_game(name), random.Random(1)

    def play_once() -> None:
        state = game.new_initial_state()
        while not state.is_terminal():
            if state.is_chance_node():
                actions, probabilities = zip(*state.chance_outcomes(), strict=True)
                state.apply_action(rng.choices(actions, probabilities)[0])
            else:
                state.apply_action(rng.choice(state.legal_actions()))
        state.returns()

    return play_once


def rl_loop(name: str) -> Callable[[], None]:
    """`rl_environment` with OpenSpiel's own random agents, as its examples play."""
    environment = rl_environment.Environment(name)
    agents = [random_agent.RandomAgent(player, environment.action_spec()["num_actions"]) for player in range(2)]

    def play_once() -> None:
        step = environment.reset()
        while not step.last():
            output = agents[step.observations["current_player"]].step(step, is_evaluation=True)
            step = environment.step([output.action])

    return play_once


def pettingzoo_loop(make: Callable[[], object]) -> Callable[[], None]:
    environment, rng = make(), random.Random(1)

    def play_once() -> None:
        environment.reset(seed=rng.randrange(2**31))
        for _ in environment.agent_iter():
            observation, _, terminated, truncated, _ = environment.last()
            if terminated or truncated:
                environment.step(None)
            else:
                environment.step(rng.choice(np.flatnonzero(observation["action_mask"]).tolist()))

    return play_once


def evaluate_bots() -> float:
    """OpenSpiel's C++ loop with its C++ random bots."""
    game = pyspiel.load_game("connect_four")
    bots = [pyspiel.make_uniform_random_bot(player, 1 + player) for player in range(2)]
    seeds = iter(range(10**9))
    return per_cpu_second(lambda: pyspiel.evaluate_bots(game.new_initial_state(), bots, next(seeds)))


def show(name: str, runs: dict[str, Run], *, unit: str) -> None:
    """Runs all in turn, prints medians with their range and the first one's ratio to each of the others."""
    for run in runs.values():
        run()  # compiles and warms up
    gc.collect()
    gc.freeze()  # what torch's import made is not walked by every collection
    rates: dict[str, list[float]] = {label: [] for label in runs}
    for _ in range(ROUNDS):
        for label, run in runs.items():
            rates[label].append(run())
    first = next(iter(runs))
    table = Table(title=name, title_justify="left")
    for head in ("", unit, "lowest to highest", "ratio", "goal"):
        table.add_column(head, justify="left" if not head else "right")
    for label, values in rates.items():
        ratio = statistics.median(a / b for a, b in zip(rates[first], values, strict=True))
        goal = GOALS.get(f"{name}, {label}")
        cells = ("", "") if label == first else (f"{ratio:.2f}x", f"at least {goal:g}x" if goal else "")
        table.add_row(label, f"{statistics.median(values):,.0f}", f"{min(values):,.0f}–{max(values):,.0f}", *cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
