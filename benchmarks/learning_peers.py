"""Decisions a second of self-play, learning included: `nfsp` and `ppo` beside OpenSpiel's NFSP and policy gradient in PyTorch.

    .venv/bin/python benchmarks/learning_peers.py

Leduc poker, two hidden layers of 128 units, one thread, each learner with its own default settings (OpenSpiel's NFSP with those of its
example for leduc poker, but learning from as soon as it has a batch). CPU seconds, so that other work on the machine counts
little; all run in turns, and the best of `ROUNDS` counts. Prints a table for RESULTS.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch

import time
from collections.abc import Callable

import torch
from open_spiel.python import rl_environment
from open_spiel.python.pytorch import nfsp, policy_gradient

from arena.games import load_game
from arena.solvers.learning.methods import METHODS, Plan

GAME, HIDDEN, TABLES = "leduc_poker", (128, 128), 256
ROUNDS, TURN_S, WARM_UP_STEPS = 2, 2.0, 2500
PEERS = ("OpenSpiel, NFSP", "OpenSpiel, policy gradient (a2c)")
OWN = ("nfsp", "ppo")
NFSP_SETTINGS = {
    "replay_buffer_capacity": 200_000,
    "reservoir_buffer_capacity": 2_000_000,
    "anticipatory_param": 0.1,
    "batch_size": 128,
    "min_buffer_size_to_learn": 128,
    "learn_every": 64,
    "update_target_network_every": 19_200,
    "epsilon_decay_duration": 20_000_000,
    "epsilon_start": 0.06,
    "epsilon_end": 0.001,
}

Work = Callable[[], int]
"""Plays and learns a little; returns how many decisions that were."""


def ours(method: str) -> Work:
    game = load_game(f"openspiel:{GAME}")
    plan = Plan(
        game=game,
        played=game,
        steps=10**7,
        tables=TABLES,
        hidden=HIDDEN,
        memory=0,
        precision="float32",
        opponent=None,
        seed=0,
        device=torch.device("cpu"),
    )
    learner, done = METHODS[method].learner(plan, METHODS[method].settings), 0

    def work() -> int:
        nonlocal done
        learner.update(done)
        done += 1
        return learner.steps_an_update

    return work


def theirs(peer: str) -> Work:
    environment = rl_environment.Environment(GAME)
    width, actions = environment.observation_spec()["info_state"][0], environment.action_spec()["num_actions"]
    if peer == PEERS[0]:
        agents = [nfsp.NFSP(seat, width, actions, list(HIDDEN), **NFSP_SETTINGS) for seat in range(2)]
    else:
        agents = [policy_gradient.PolicyGradient(seat, width, actions, hidden_layers_sizes=HIDDEN) for seat in range(2)]

    def work() -> int:
        steps, now = 0, environment.reset()
        while not now.last():
            answer = agents[now.observations["current_player"]].step(now)
            now, steps = environment.step([answer.action]), steps + 1
        for agent in agents:
            agent.step(now)
        return steps

    return work


def rate(work: Work) -> float:
    begun, steps = time.process_time(), 0
    while (spent := time.process_time() - begun) < TURN_S:
        steps += work()
    return steps / spent


def main() -> None:
    torch.set_num_threads(1)
    works = {**{name: ours(name) for name in OWN}, **{name: theirs(name) for name in PEERS}}
    for work in works.values():
        steps = 0
        while steps < WARM_UP_STEPS:
            steps += work()
    best = dict.fromkeys(works, 0.0)
    for _ in range(ROUNDS):
        for name, work in works.items():
            best[name] = max(best[name], rate(work))
    print("| learner | decisions a second | times OpenSpiel's NFSP | times its policy gradient |\n" + "|---" * 4 + "|")
    for name, found in best.items():
        ratios = " | ".join(f"{found / best[peer]:.1f}" for peer in PEERS)
        print(f"| {name} | {found:,.0f} | {ratios} |")


if __name__ == "__main__":
    main()
