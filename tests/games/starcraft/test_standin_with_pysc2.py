"""pysc2 as it is released plays whole matches on the stand-in: two agents, against the computer, and a mini-game."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pysc2")

from arena.games.starcraft.standin.install import install


@pytest.fixture(scope="module")
def episodes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sc2")
    install(folder)
    script = Path(__file__).with_name("play_pysc2.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "SC2PATH": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_agents_play_to_a_win_and_a_loss_and_the_same_seed_gives_the_same_match(episodes):
    first, second = episodes["two"]
    assert sorted(first[1]) == [-1, 1]
    assert first == second


def test_an_agent_plays_against_the_computer_to_an_end(episodes):
    ((loops, reward, score),) = episodes["computer"]
    assert reward[0] in (-1, 1)
    assert loops > 8
    assert score[0] > 0


def test_a_mini_game_is_played_on_feature_layers_and_pays(episodes):
    for loops, _, score in episodes["mini_game"]:
        assert loops == 400
        assert score[0] >= 1
