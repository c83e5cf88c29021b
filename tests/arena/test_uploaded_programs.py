"""Programs that somebody uploads run only where the operator says so, and always in a bubble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.agents.registry import load_agent
from arena.agents.sandbox import SandboxUnavailable, require_tier
from arena.config import make_config
from arena.games import SpecificationError, load_game
from arena.ledger import Ledger
from arena.results import Termination
from arena.roster import playable
from arena.source_facts import match_record
from arena.tournament import run_tournament
from arena.uploads import add_upload

KUHN = "openspiel:kuhn_poker"
BOT = b"""
import os

def act(observation):
    assert os.getcwd() == "/home/agent" and not os.path.exists("/etc/passwd")
    return observation.legal_actions[0]
"""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    try:
        require_tier("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def test_programs_are_refused_where_nobody_said_that_they_may_run(ledger):
    with pytest.raises(SpecificationError, match="runs no uploaded programs"):
        add_upload(ledger, "theirs", BOT, file_name="bot.py", game=KUHN)
    assert ledger.agents() == []


def test_an_uploaded_program_plays_in_a_bubble_whatever_the_tournament_says(ledger):
    added = add_upload(ledger, "theirs", BOT, file_name="bot.py", game=KUHN, account="ann", programs=True)
    assert (added.specification, added.kind, added.lineage) == ("uploaded:bot.py", "uploaded", {"uploaded_by": "ann"})
    config = make_config(
        {
            "name": "cup",
            "game": KUHN,
            "agents": ["theirs", "random"],
            "matches": 2,
            "sandbox": "none",
            "move_clock_s": 20,
        }
    )
    tournament = run_tournament(config, ledger)
    assert ledger.played(tournament).termination.tolist() == [Termination.NORMAL] * 2
    assert match_record(ledger, tournament, 0).to_dict()["confined"] == {"theirs@1": "bubblewrap"}


def test_another_machine_must_approve_it_first(ledger, tmp_path, monkeypatch):
    added = add_upload(ledger, "theirs", BOT, file_name="bot.py", game=KUHN, programs=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(SpecificationError, match="is a program of somebody else's ledger"):
        playable(added, ledger)


@pytest.mark.parametrize(
    ("content", "game", "said"),
    [
        (b"def act(", KUHN, "cannot read 'upload.py' as Python"),
        (b"\0", KUHN, "cannot read 'upload.py' as Python"),
        (b"x = 1", KUHN, "neither a class Agent nor a function act"),
        (b"import nothing_like_it\ndef act(o): return 0", KUHN, "nothing_like_it"),
        (BOT, None, "name the game"),
        (BOT, "preference:/etc/passwd", "preference"),
    ],
)
def test_a_program_that_cannot_play_is_not_kept(ledger, content, game, said):
    with pytest.raises(SpecificationError, match=said):
        add_upload(ledger, "theirs", content, file_name="bot.py", game=game, programs=True)
    assert ledger.agents() == []


def test_without_bubbles_it_does_not_run_at_all(tmp_path, monkeypatch):
    (tmp_path / "bot.py").write_bytes(BOT)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="needs the program bwrap"):
        load_agent(f"uploaded:{tmp_path / 'bot.py'}", game=load_game(KUHN))
