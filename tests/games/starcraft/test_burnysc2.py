"""burnysc2's bots play on the stand-in: where ARENA_BURNYSC2 names a Python that has it, as it overwrites pysc2's protocol package."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

pytest.importorskip("pysc2")

from arena import play

PYTHON = os.environ.get("ARENA_BURNYSC2")
BOT = Path(__file__).parents[2] / "burnysc2_bot.py"


@pytest.mark.skipif(PYTHON is None, reason="ARENA_BURNYSC2 names no Python that has burnysc2")
def test_bots_of_burnysc2_play_each_other_and_the_computer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bot = f"exec:{shlex.join([PYTHON, str(BOT)])}"
    for opponent in (bot, "bot:easy"):
        results = play("sc2-standin:Skirmish", [bot, opponent])
        assert results.faults == ()
        assert sorted(results.returns[0]) == [-1, 1]
        log = next(file.content for file in results.files if file.name == "seat-1.log")
        assert b"Result." in log
