"""Steps a second of self-play by PPO: of the game alone, with its networks asked, and with learning; of a small policy that plays
itself and does not learn; and with tables in worker processes.

    .venv/bin/python benchmarks/learning_speed.py [GAME ...] [--workers 2]

Steps are of tables: one decision each in games of turns. Seconds are of CPU time, the most of `ROUNDS` turns, so that other work on
the machine counts little. With workers it is the time that a step takes where each process has a core of its own: of this
process, and of the worker that is slowest.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch

import argparse
import sys
import time
from collections.abc import Callable

import psutil
import torch

from arena.games import Game, load_game
from arena.games.worker_tables import in_workers
from arena.solvers.learning.experience import draw
from arena.solvers.learning.match_tables import MatchTables
from arena.solvers.learning.networks import Actor, Architecture, log_probabilities
from arena.solvers.learning.ppo import PPO, PPOSettings

GAMES = ("arena:connect_four", "openspiel:connect_four", "pettingzoo:connect_four_v3", "openspiel:leduc_poker")
TABLES = 256
ROUNDS, TURN_S = 3, 1.0
SMALL, MANY = (64,), 4096
"""The layer of the small policy; and its tables, where the game is native: all are stepped at once. Of objects, stepped one by one,
more than `TABLES` gain nothing."""
ROLLOUT = PPOSettings().rollout


def used() -> float:
    """CPU seconds so far, of this process and of the slowest worker."""
    workers = [child.cpu_times() for child in psutil.Process().children()]
    return time.process_time() + max((one.user + one.system for one in workers), default=0.0)


def rate(work: Callable[[], object], steps: int) -> float:
    """Steps a second, the most of the turns."""
    work()
    best = 0.0
    for _ in range(ROUNDS):
        begun, count = used(), 0
        while (spent := used() - begun) < TURN_S:
            work()
            count += 1
        best = max(best, count * steps / spent)
    return best


def small_policy(game: Game) -> float:
    """Steps a second of an actor alone that sits on every seat."""
    tables = MANY if game.info.specification.startswith("arena:") else TABLES
    environment, words = MatchTables(game, tables, seed=0), torch.Generator().manual_seed(0)
    facts = environment.facts
    actor = Actor(Architecture(inputs=facts.inputs, actions=facts.actions, hidden=SMALL))

    @torch.inference_mode()
    def play() -> None:
        seen = environment.seen()
        logits, _ = actor.act(seen.observation, seen.observation[..., :0])
        environment.step(draw(log_probabilities(logits, seen.legal), seen.legal, words))

    return rate(play, tables)


def rates(game: Game) -> tuple[float, float, float, float]:
    """(of the game alone, with the networks asked, with learning, of the small policy)."""
    environment, words = MatchTables(game, TABLES, seed=0), torch.Generator().manual_seed(0)

    def at_random() -> None:
        legal = environment.seen().legal
        environment.step((legal * torch.rand(legal.shape, generator=words)).argmax(-1))

    facts = environment.facts
    learner = PPO(
        environment, Architecture(inputs=facts.inputs, actions=facts.actions), PPOSettings(), planned=10**9, seed=0
    )
    alone = rate(at_random, TABLES)

    def asked() -> None:
        learner.collector.gather(ROLLOUT, discount=1.0, trace=0.95, scale=1.0, generator=words)

    asking = rate(asked, ROLLOUT * TABLES)
    return alone, asking, rate(lambda: learner.update(0), ROLLOUT * TABLES), small_policy(game)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("games", nargs="*", metavar="GAME", default=GAMES)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| game | workers | game alone | with the networks asked | with learning | small policy |\n" + "|---" * 6 + "|"
    )
    for name in given.games:
        with in_workers(load_game(name), given.workers) as game:
            found = " | ".join(f"{one:,.0f}" for one in rates(game))
        print(f"| `{name}` | {given.workers} | {found} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
