"""SMACv2 on the stand-in, where SMACv2 is installed; how one comes to it, where it is not."""

from __future__ import annotations

import importlib.util
import warnings

import pytest

pytest.importorskip("pysc2")

from arena import play
from arena.games import GameMissing, SpecificationError, UnknownName, load_game
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
def test_scenarios_and_numbers_that_make_no_sense_are_refused():
    with pytest.raises(UnknownName, match="3m"):
        load_game("smac2-standin:3n")
    with pytest.raises(SpecificationError, match="from 1 to 10"):
        load_game("smac2-standin:10gen_zerg(n_units=40)")
