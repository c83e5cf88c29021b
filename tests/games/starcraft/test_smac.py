"""SMACv2 on the stand-in, where SMACv2 is installed; how one comes to it, where it is not."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import psutil
import pytest

pytest.importorskip("pysc2")

from arena import play
from arena.games import GameFailed, GameMissing, SpecificationError, UnknownName, load_game
from arena.games.starcraft.installation import standin_installation
from arena.games.starcraft.smac_env import SmacEnv

with warnings.catch_warnings():
    # PettingZoo's tests import an environment in a way that PettingZoo itself deprecates
    warnings.filterwarnings("ignore", message="The old environment creation API", category=DeprecationWarning)
    from pettingzoo.test import parallel_api_test

installed = pytest.mark.skipif(importlib.util.find_spec("smacv2") is None, reason="SMACv2 is not installed")


@pytest.mark.skipif(importlib.util.find_spec("smacv2") is not None, reason="SMACv2 is installed")
@pytest.mark.parametrize("game", ["smac2:3m", "smac2-standin:3m"])
def test_without_smacv2_the_message_says_how_to_install_it(game):
    with pytest.raises(GameMissing, match=r"pip install --no-deps git\+https://github.com/oxwhirl/smacv2"):
        load_game(game)


@installed
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scenario", ["3m", "10gen_terran"])
def test_it_is_a_parallel_environment_with_masks(scenario):
    env = SmacEnv(scenario, base=standin_installation().base)
    try:
        parallel_api_test(env, num_cycles=30)
        seen, _ = env.reset(seed=1)
        assert all(one["action_mask"][0] == 0 and one["action_mask"].any() for one in seen.values())
        assert env.state().ndim == 1
    finally:
        env.close()


@installed
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("game", ["smac2-standin:3m", "smac2-standin:10gen_protoss(n_enemies=4,n_units=3)"])
def test_a_team_plays_for_one_return(game):
    loaded = load_game(game)
    assert loaded.info.specification == game
    results = play(loaded, ["random"], matches=1)
    assert len(set(results.returns[0].tolist())) == 1
    assert results.returns[0, 0] in (-1, 0, 1)


@installed
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scenario", ["3m", "10gen_zerg"])
def test_a_seed_repeats_a_match_and_a_game_that_is_killed_is_said_to_have_failed(scenario):
    env = SmacEnv(scenario, base=standin_installation().base)
    try:
        first, other, again = [_walk(env, seed) for seed in (5, 6, 5)]
        assert len(first) == len(again)
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert not np.array_equal(first[0], other[0])
        env.reset(seed=5)
        (game,) = _games()  # the one before is gone, and those of other tests
        game.kill()
        with pytest.raises(GameFailed):
            env.step(dict.fromkeys(env.agents, 1))
        assert env.agents == []
        assert len(_walk(env, 5)) == len(first)
    finally:
        env.close()


def _games() -> list[psutil.Process]:
    return [one for one in psutil.Process().children(recursive=True) if "-dataDir" in one.cmdline()]


def _walk(env: SmacEnv, seed: int) -> list[np.ndarray]:
    """All that is seen in a match in which every unit takes its last legal action."""
    seen, _ = env.reset(seed=seed)
    told = []
    while env.agents:
        told.append(np.concatenate([seen[unit]["observation"] for unit in env.agents]))
        seen, *_ = env.step({unit: int(np.flatnonzero(seen[unit]["action_mask"])[-1]) for unit in env.agents})
    return told


@installed
def test_scenarios_and_numbers_that_make_no_sense_are_refused():
    with pytest.raises(UnknownName, match="3m"):
        load_game("smac2-standin:3n")
    with pytest.raises(SpecificationError, match="from 1 to 10"):
        load_game("smac2-standin:10gen_zerg(n_units=40)")
