"""What every method of training promises, the same of all: seeds, interruptions, legal play elsewhere, what it learns and what not."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from interruptions import interrupted
from tensor_devices import LEARNERS

from arena.games import SpecificationError, load_game, uniform_policy
from arena.games.array_file import read_arrays, write_arrays
from arena.solvers.learning import train
from arena.solvers.learning.empirical_game import payoffs_between
from arena.solvers.learning.environment import Facts, Happened, Seen
from arena.solvers.learning.measures import NASH_CONV
from arena.solvers.learning.methods import METHODS
from arena.solvers.learning.networks import Architecture
from arena.solvers.learning.nfsp import NFSP, NFSPSettings
from arena.solvers.learning.ppo import PPO, PPOSettings
from arena.solvers.learning.pqn import PQN, PQNSettings
from arena.training import save_trained

KUHN, SMAX = load_game("arena:kuhn_poker"), load_game("smax:3m")
ANY_GAME = sorted(name for name, method in METHODS.items() if method.gap_kind == NASH_CONV)
TEAMS = sorted(METHODS.keys() - set(ANY_GAME))
SHORT = {"steps": 4096, "tables": 32, "hidden": (16,)}


def short(method, game=KUHN, **given):
    """A run that has all of a method in it: populations grow, teams play SMAX."""
    if method in TEAMS:
        few = {"tables": 8, "steps": 1024, "settings": {"minibatches": 2}}
        return train(method, SMAX, measured=False, **{**SHORT, **few, **given})
    run = {**SHORT, **given}
    return train(method, game, settings={"oracle_steps": run["steps"] // 4} if method == "psro" else None, **run)


@cache
def once(method, device="cpu"):
    """A short run that several tests look at."""
    return short(method, seed=5, device=device)


def weights(trained):
    """Of all networks, and of the mixture where it is one."""
    members = getattr(trained.policy, "members", [trained.policy])
    mixed = torch.tensor(getattr(trained.policy, "weights", [])).flatten()
    return torch.cat([one.flatten() for member in members for one in member.network.parameters()] + [mixed])


@pytest.mark.parametrize("device", LEARNERS)
@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_policy_bit_for_bit_and_another_one_another(method, device):
    first, again = once(method, device), short(method, seed=5, device=device)
    assert torch.equal(weights(first), weights(again))
    assert first.history == again.history
    other = weights(short(method, seed=6, device=device))
    assert other.shape != weights(first).shape or not torch.equal(weights(first), other)


@pytest.mark.parametrize("device", LEARNERS)
@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_run_ends_as_one_that_was_not(method, device, tmp_path):
    kept, whole = tmp_path / "run.npz", once(method, device)
    with pytest.raises(KeyboardInterrupt):
        short(method, seed=5, device=device, checkpoint=kept, watch=interrupted(after=3))
    resumed = short(method, seed=5, device=device, checkpoint=kept)
    assert torch.equal(weights(whole), weights(resumed))
    assert whole.history == resumed.history


COUNTS = ("action", "player", "unit_type", "attack", "played", "played_ends", "clock")
"""What of a checkpoint is among few: actions, players, types, moves, updates."""


@pytest.mark.parametrize("method", ["nfsp", "psro", "pqn_vdn"])
def test_a_broken_checkpoint_is_refused_in_a_sentence(method, tmp_path):
    kept, few = tmp_path / "run.npz", {} if method in TEAMS else {"steps": 1024}
    with pytest.raises(KeyboardInterrupt):
        short(method, checkpoint=kept, watch=interrupted(after=2), **few)
    whole = kept.read_bytes()
    held = read_arrays(whole)
    state = {name: array for name, array in held.items() if name.startswith("state.")}
    first = next(iter(state))
    broken = [
        ("method", np.array("train mmd")),
        (first, np.full_like(state[first], np.nan)),
        (first, state[first][None]),
    ]
    for name, array in state.items():
        if array.dtype.kind in "iu" and not name.endswith(("last", "seed", "weight_decay")):
            broken.append((name, np.full_like(array, -1)))
        if name.endswith(COUNTS):
            broken.append((name, np.full_like(array, np.iinfo(array.dtype).max)))
        if name.endswith(("played", "s.action")):
            broken.append((name, array[:-1]))
        if name.endswith("state.0.step"):
            broken.append((name, np.full_like(array, -1)))
    assert len(broken) > 10
    broken.append(("history", np.full((1, 2), np.inf)))
    kept.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SpecificationError, match="no checkpoint"):
        short(method, checkpoint=kept, **few)
    for name, array in broken:
        write_arrays(kept, held | {name: array}, what="it", compressed=False)
        with pytest.raises(SpecificationError):
            short(method, checkpoint=kept, **few)


@pytest.mark.parametrize("method", ANY_GAME)
def test_so_does_one_whose_players_move_at_once(method, tmp_path):
    game, kept = load_game("matrix:rps"), tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        short(method, game, checkpoint=kept, watch=interrupted(after=2))
    assert torch.equal(weights(short(method, game)), weights(short(method, game, checkpoint=kept)))


def test_what_was_learned_plays_legal_actions_in_a_process_of_its_own(tmp_path):
    games = {}
    for method in METHODS:
        file = tmp_path / f"{method}.safetensors"
        game = SMAX if method in TEAMS else KUHN
        save_trained(once(method), file, game=game)
        games[str(file)] = game.info.specification
    program = """
import json, sys
from arena.playing import play
for file, game in json.loads(sys.argv[1]).items():
    found = play(game, [f"checkpoint:{file}", f"checkpoint:{file}"], matches=50, seed=3)
    print({match.termination.name for match in found} <= {"NORMAL", "TRUNCATED"})
"""
    said = subprocess.run(
        [sys.executable, "-c", program, json.dumps(games)], capture_output=True, text=True, check=True, timeout=300
    )
    assert said.stdout.splitlines() == ["True"] * len(METHODS)


@pytest.mark.parametrize("method", ANY_GAME)
def test_it_beats_random_play(method):
    """By what it gets from either seat together, exactly; no policy gets more than 0.917 from uniform play."""
    trained = short(method, steps=12_000, measured=False)
    grow, _ = payoffs_between(KUHN, matches=1, seed=0)
    payoffs = grow([uniform_policy(KUHN.info.specification), trained.policy], np.zeros((2, 0, 0)))
    assert payoffs[0, 1, 0] + payoffs[1, 0, 1] > 0.15


class Alone:
    """One player who is paid for each decision, in matches of one decision; without an ``end`` they go on for ever."""

    def __init__(self, end, pays):
        self.facts, self.end, self.pays = Facts(tables=16, seats=1, players=1, inputs=1, actions=2), end, pays

    def seen(self):
        return Seen(
            observation=torch.ones(16, 1, 1),
            state=torch.zeros(16, 1, 0),
            legal=torch.ones(16, 1, 2, dtype=torch.bool),
            player=torch.zeros(16, 1, dtype=torch.int64),
            acting=torch.ones(16, 1, dtype=torch.bool),
        )

    def step(self, action):
        return Happened(reward=torch.full((16, 1), self.pays), over=torch.full((16,), self.end))

    def arrays(self):
        return {}


def ppo(environment):
    settings = PPOSettings(learning_rate=1e-2, annealed=False, clip=None, discount=0.5, most_gradient=10.0)
    shape = Architecture(inputs=1, actions=2, hidden=(8,))
    learner = PPO(environment, shape, settings, planned=100, seed=0, scale=0.5)
    return learner, learner.network.critic


def pqn(environment):
    settings = PQNSettings(learning_rate=1e-2, rollout=16, minibatches=4, annealed=False, discount=0.5)
    learner = PQN(environment, (8,), settings, planned=100, seed=0)
    return learner, learner.values


def nfsp(environment):
    settings = NFSPSettings(learning_rate=1e-2, target_every=1, anticipation=1.0, discount=0.5)
    learner = NFSP(environment, (8,), settings, planned=100, seed=0, scale=0.5)
    return learner, learner.values


@pytest.mark.parametrize(("make", "pays"), [(ppo, 2.0), (pqn, 1.0), (nfsp, 2.0)])
def test_nothing_is_expected_behind_the_end_of_a_match(make, pays):
    """The value of a match of one decision is what it pays, as scaled; of one without an end 1 + γ + γ² + ... of it."""
    for end, worth in ((True, 1.0), (False, 2.0)):
        learner, values = make(Alone(end, pays))
        for number in range(100):
            learner.update(number)
        found = values(torch.ones(1, 1)).detach()
        torch.testing.assert_close(found, torch.full_like(found, worth), atol=0.05, rtol=0)
