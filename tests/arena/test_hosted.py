"""Hosted matches: programs that play, hang, crash and kill the game; what is recorded; and that nothing is left running."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

pytest.importorskip("pysc2")

from arena import play
from arena.agents import load_agent
from arena.config import make_config
from arena.games import GameMissing, SpecificationError, UnknownName, load_game
from arena.games.starcraft.standin.install import EXECUTABLE, install
from arena.ledger import Ledger
from arena.match import Clock
from arena.results import NOBODY, Termination
from arena.tournament import create_tournament, try_tournament

ROOT = Path(__file__).parents[2]
EXAMPLE = f"exec:{shlex.join([sys.executable, str(ROOT / 'examples' / 'starcraft_bot.py')])}"
GAME = "sc2-standin:Skirmish"


def bad(how: str) -> str:
    return f"exec:{shlex.join([sys.executable, str(ROOT / 'tests' / 'bad_starcraft_bot.py'), how])}"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Data folders of bots are made in the working folder; and nothing may be left when a match is over."""
    monkeypatch.chdir(tmp_path)
    yield
    assert [one.cmdline() for one in psutil.Process().children(recursive=True) if "bare.py" in str(one.cmdline())] == []


def files(results, name: str) -> bytes:
    return next(file.content for file in results.files if file.name == name)


def test_equal_seeds_give_equal_matches_with_replay_facts_and_the_step_budget():
    game = f"{GAME}(max_loops=4000)"
    first, again = (play(game, ["scripted:attack", "scripted:charge"], seed=5) for _ in range(2))
    assert first.equals(again)
    assert sorted(first.returns[0]) == [-1, 1]
    assert files(first, "standin-replay.json") == files(again, "standin-replay.json")
    facts = json.loads(files(first, "match.json"))
    assert (facts["most_loops"], facts["step_loops"], facts["seed"]) == (
        4000,
        1,
        json.loads(files(first, "standin-replay.json"))["seed"],
    )
    assert facts["players"]["scripted:attack"]["steps"] > 5
    assert facts["map_sha256"][:12] in load_game(game).info.version
    assert "4000 loops" in load_game(game).info.version


def test_an_external_bot_plays_the_computer_with_ladder_arguments_and_keeps_its_data(tmp_path):
    results = play(GAME, [EXAMPLE, "bot:very_easy"], matches=1)
    assert results.termination.tolist() == [Termination.NORMAL]
    assert abs(results.returns[0]).tolist() == [1, 1]
    assert b"result:" in files(results, "seat-1.log")
    assert [path.read_text() for path in tmp_path.glob("arena.bots/*/data/opponents.txt")] == ["bot:very_easy\n"]


def test_a_mini_game_pays_its_score_within_its_budget():
    results = play("sc2-standin:MoveToBeacon(max_loops=400)", ["scripted:collect"])
    assert results.returns[0, 0] >= 2
    assert json.loads(files(results, "match.json"))["game_loops"] == 400


@pytest.mark.parametrize(
    ("agent", "termination", "said"),
    [
        ("exec:false", Termination.CRASH, "exit code 1 before it joined"),
        (bad("hang"), Termination.TIMEOUT, "took over 1 s for a step, at game loop 0"),
        (bad("lose_the_connection"), Termination.CRASH, "closed its connection"),
        (bad("garbage"), Termination.PROTOCOL_ERROR, "no message of the protocol"),
    ],
)
def test_what_a_program_does_wrong_is_its_forfeit_by_name(agent, termination, said):
    results = play(GAME, ["bot:easy", agent], clock=Clock(move_s=1.0))
    assert (results.termination[0], results.forfeit[0], results.returns[0].tolist()) == (termination, 1, [1, -1])
    assert said in results.faults[0].message


def test_a_game_that_is_killed_begins_again_and_nobody_lost_by_it():
    results = play(GAME, [bad("kill_the_game_once"), "bot:very_easy"])
    assert (results.termination[0], results.forfeit[0]) == (Termination.NORMAL, NOBODY)
    (fault,) = results.faults
    assert (fault.player, fault.termination) == (NOBODY, Termination.INFRASTRUCTURE)
    assert "once" in fault.message
    assert "played again" in fault.message


def test_a_game_that_never_starts_leaves_the_match_unrated(tmp_path):
    program = tmp_path / "SC2_x64"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    game = load_game(GAME)
    broken = replace(game, installation=replace(game.installation, program=program))
    results = play(broken, ["bot:easy", "exec:false"])
    assert results.termination[0] == Termination.INFRASTRUCTURE
    assert results.returns[0].tolist() == [0, 0]
    assert "3 times" in results.faults[0].message
    assert "exit code 9" in results.faults[0].message


def test_nothing_outlives_an_engine_that_is_killed(tmp_path):
    folder = tmp_path / "marked"
    command = f"exec:{shlex.join(['sh', '-c', 'sleep 600', str(folder)])}"
    arguments = ["-c", "from arena.cli import main; main()", "play", GAME, command, "bot:easy"]
    engine = subprocess.Popen([sys.executable, *arguments], cwd=tmp_path)
    begun = _until(lambda: bool(_marked(folder)))
    engine.kill()
    engine.wait()
    assert begun
    assert _until(lambda: not _marked(folder))


def test_what_is_missing_is_said_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("SC2PATH", str(tmp_path))
    with pytest.raises(GameMissing, match=r"no Versions/Base.*Download it from .*SC2PATH.*sc2-standin:"):
        load_game("sc2:MoveToBeacon")
    install(tmp_path)
    with pytest.raises(GameMissing, match="holds the stand-in and not StarCraft II"):
        load_game("sc2:MoveToBeacon")
    (tmp_path / EXECUTABLE).write_bytes(b"\x7fELF")
    with pytest.raises(GameMissing, match=r"has no StarCraft II 4\.10\.0; there: .*94137"):
        load_game("sc2:MoveToBeacon(version=4.10.0)")
    with pytest.raises(UnknownName, match="MoveToBeacon"):
        load_game("sc2:MoveToBecon")
    assert load_game("sc2:MoveToBeacon").info.title == "MoveToBeacon (StarCraft II)"
    for path in tmp_path.rglob("*.SC2Map"):
        path.unlink()
    with pytest.raises(GameMissing, match="has no maps"):
        load_game("sc2:MoveToBeacon")


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        (["mcts", "random"], "mcts does not play"),
        (["bot:easy", "bot:hard"], "at least one"),
        (["bot:esy", "random"], "did you mean 'easy'"),
        (["scripted:atack", "random"], "did you mean 'attack'"),
        (["scripted:attack(race=human)", "random"], "unknown race"),
        (["exec:no-such-program", "random"], "no program"),
    ],
)
def test_agents_that_cannot_play_are_refused_before_anything_runs(agents, said):
    with pytest.raises((SpecificationError, UnknownName), match=said):
        play(GAME, agents)


def test_every_program_has_a_data_folder_of_its_own_whatever_it_is_called():
    game, names = load_game(GAME), ["a b", "a_b", "..", "x" * 300, "x" * 301]
    seats = [
        load_agent(spec, game=game, name=name).player for spec in ("exec:true", "python:json:Agent") for name in names
    ]
    folders = [Path(seat.data) for seat in seats]
    assert len(set(folders)) == len(names)
    assert all(folder.parents[1] == Path.cwd() / "arena.bots" and len(folder.parent.name) < 100 for folder in folders)


@pytest.mark.parametrize("pairing", ["round_robin", "swiss"])
def test_a_tournament_in_which_computer_players_would_meet_is_refused_before_its_first_match(tmp_path, pairing):
    agents = {"easy": "bot:easy", "hard": "bot:hard", "mine": "scripted:attack"}
    config = {"name": "cup", "game": GAME, "agents": agents, "matches": 2, "seed": 1, "pairing": pairing}
    with Ledger.open(tmp_path / "a.db") as ledger:
        with pytest.raises(SpecificationError, match="bot:easy and bot:hard would meet"):
            create_tournament(make_config(config, source="a test"), ledger)
        with pytest.raises(SpecificationError, match="would meet"):
            try_tournament(make_config(config, source="a test"), ledger)
        gauntlet = {**config, "pairing": "gauntlet", "challenger": "mine"}
        assert create_tournament(make_config(gauntlet, source="a test"), ledger).planned == 4


def test_a_tier_that_would_not_hold_is_refused():
    with pytest.raises(SpecificationError, match="outside any sandbox"):
        play(GAME, ["exec:true", "bot:easy"], sandbox="limits")


def test_rules_that_make_no_sense_are_refused():
    for game in ("Skirmish(step_mul=0)", "Skirmish(max_loops=900000)", "Skirmish(interface=rgb)"):
        with pytest.raises(SpecificationError):
            load_game(f"sc2-standin:{game}")


def _marked(folder: Path) -> list[int]:
    return [one.pid for one in psutil.process_iter(["cmdline"]) if str(folder) in (one.info["cmdline"] or [])]


def _until(holds, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
