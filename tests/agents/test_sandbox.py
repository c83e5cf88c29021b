"""Tiers of confinement against hostile programs, and their refusal where they do not hold."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arena.agents import sandbox
from arena.agents.program import ProgramAgent
from arena.agents.registry import load_agent
from arena.agents.sandbox import SandboxUnavailable, require_tier, tier_named, tier_version
from arena.config import make_config
from arena.games import AgentFault, UnknownName, load_game
from arena.ledger import Ledger
from arena.playing import play
from arena.results import Termination
from arena.source_facts import confinement
from arena.tournament import run_tournament

GAME = load_game("openspiel:kuhn_poker")
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable  # one that every user may run
CONFINED = ("limits", "bubblewrap")

# A program that says in its hello what came of its attempt; ARGUMENT is its first argument.
HOSTILE = """
import json, sys
def attempt():
    {attempt}
input()
try:
    said = attempt()
except BaseException as error:
    said = type(error).__name__
print(json.dumps({{"type": "hello", "name": str(said)[:200]}}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "act":
        print(json.dumps({{"type": "action", "request": message["request"], "action": 0}}), flush=True)
"""


@pytest.fixture(scope="module", autouse=True)
def bubbles() -> None:
    """Skipped where the kernel lets nobody make namespaces, but not in CI for want of bwrap, which `make setup` installs."""
    try:
        require_tier("bubblewrap")
    except SandboxUnavailable as error:
        if os.environ.get("CI") and shutil.which("bwrap") is None:
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that other users may look into, as programs run as one where the tests are root's."""
    made = tmp_path_factory.mktemp("bot")
    temporary = Path(tempfile.gettempdir())
    for path in (made, *(one for one in made.parents if temporary in one.parents)):
        path.chmod(path.stat().st_mode | stat.S_IXOTH | stat.S_IROTH | stat.S_IXGRP)
    return made


@pytest.fixture
def outcome(folder: Path) -> Callable[..., str]:
    """``outcome(attempt, tier, *arguments)``: what came of a hostile attempt in a tier, or the fault it ended in."""

    def run(attempt: str, tier: str, *arguments: object) -> str:
        program = folder / "hostile.py"
        program.write_text(HOSTILE.format(attempt=attempt.strip().replace("\n", "\n    ")))
        words = " ".join(map(str, arguments))
        agent = load_agent(f"exec:{PYTHON} {program} {words}", game=GAME, name="bot", sandbox=tier_named(tier))
        assert isinstance(agent, ProgramAgent)
        try:
            agent.require_started()
            return agent.hello.name if agent.hello else ""
        except AgentFault as fault:
            return f"{type(fault).__name__}: {fault}"
        finally:
            agent.close()

    return run


@pytest.mark.parametrize("tier", CONFINED)
def test_a_memory_hog_gets_no_more_than_it_may(outcome, tier):
    assert outcome("return len(bytearray(5 << 30))", tier) == "MemoryError"


@pytest.mark.parametrize("tier", CONFINED)
def test_a_fork_bomb_is_bounded(outcome, tier):
    attempt = """
import os, time
forked = 0
while forked < 500:
    try:
        if os.fork() == 0:
            time.sleep(60)
    except OSError:
        break
    forked += 1
return forked"""
    assert 0 < int(outcome(attempt, tier)) <= sandbox.PROCESSES


@pytest.mark.parametrize("tier", CONFINED)
def test_a_bomb_that_grows_in_every_process_leaves_nothing_behind(outcome, tier):
    before = processes()
    attempt = """
import os
for _ in range(12):
    try:
        os.fork()
    except OSError:
        pass
return os.getpid()"""
    outcome(attempt, tier)
    deadline = time.monotonic() + 5
    while processes() > before + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes() <= before + 2


def processes() -> int:
    """Processes of the users that programs run as here."""
    root = os.geteuid() == 0
    uids = range(sandbox.FIRST_UID, sandbox.FIRST_UID + sandbox.UIDS) if root else range(os.geteuid(), os.geteuid() + 1)
    found = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            found += path.stat().st_uid in uids
        except OSError:
            continue
    return found


@pytest.mark.parametrize("tier", CONFINED)
def test_a_file_filler_is_stopped(outcome, tier):
    attempt = """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open("big", "wb") as file:
    for _ in range(200):
        file.write(bytes(1 << 20))
return "filled" """
    assert outcome(attempt, tier) == "OSError"


def test_many_files_fill_no_more_than_a_bubbles_home(outcome):
    attempt = """
for number in range(20):
    with open(str(number), "wb") as file:
        file.write(bytes(8 << 20))
return "filled" """
    assert outcome(attempt, "bubblewrap") == "OSError"


@pytest.mark.parametrize("tier", CONFINED)
def test_open_files_are_counted(outcome, tier):
    assert outcome("return len([open('/dev/null') for _ in range(1000)])", tier) == "OSError"


@pytest.mark.parametrize(("tier", "reached"), [("limits", True), ("bubblewrap", False)])
def test_the_network_ends_at_a_bubble(outcome, tier, reached):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = outcome(
            "import socket\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])), 2)\nreturn 'reached'", tier, port
        )
    assert (said == "reached") is reached


def test_a_bubble_hides_keys_the_ledger_and_what_lies_beside_the_program(outcome, folder):
    ledger = folder / "arena.db"
    ledger.write_text("secret")
    places = [ledger, Path.home() / ".ssh", "/etc/passwd", "/etc/shadow", "/root/.bashrc", "/proc/1/root/etc/shadow"]
    attempt = """
import os
return [place for place in sys.argv[1].split(",") if os.path.exists(place)]"""
    assert outcome(attempt, "bubblewrap", ",".join(map(str, places))) == "[]"


@pytest.mark.parametrize("tier", CONFINED)
def test_secrets_of_the_environment_are_not_handed_on(outcome, tier, monkeypatch):
    monkeypatch.setenv("ARENA_SECRET", "hunter2")
    assert outcome("import os\nreturn sorted(set(os.environ) - {'LC_CTYPE'})", tier) == str(
        sorted(
            {"ARENA_PROGRAM", "HOME", "LANG", "PATH", "PYTHONUNBUFFERED"}
            | ({"TMPDIR", "PWD"} if tier == "bubblewrap" else set())
        )
    )


@pytest.mark.parametrize("tier", CONFINED if os.geteuid() == 0 else ["bubblewrap"])
def test_a_sibling_cannot_be_killed(outcome, tier):
    with subprocess.Popen(["sleep", "60"]) as sibling:
        said = outcome("import os\nos.kill(int(sys.argv[1]), 9)\nreturn 'killed'", tier, sibling.pid)
        assert (said, sibling.poll()) in (("ProcessLookupError", None), ("PermissionError", None))
        sibling.kill()


@pytest.mark.parametrize("tier", CONFINED)
def test_it_works_in_a_folder_of_its_own_that_goes_with_it(outcome, tier):
    said = Path(outcome("import os\nopen('mine', 'w').write('x')\nreturn os.getcwd()", tier))
    assert said == Path(sandbox.HOME) if tier == "bubblewrap" else said.name.startswith("arena-agent-")
    assert not said.exists()


def test_a_class_plays_in_a_bubble_that_shows_its_file_alone(folder, monkeypatch):
    (folder / "mine.py").write_text(
        "import os\n\n\ndef act(observation):\n    assert os.listdir(os.path.dirname(__file__)) == ['mine.py']\n"
        "    return observation.legal_actions[0]\n"
    )
    (folder / "other.py").write_text("")
    monkeypatch.chdir(folder)
    for specification in ("python:mine.py:act", "python:mine:act"):
        results = play(GAME, [specification, "random"], matches=2, sandbox="bubblewrap")
        assert results.termination.tolist() == [Termination.NORMAL] * 2


def test_a_tournament_records_its_tier(tmp_path, folder):
    (folder / "bot.py").write_text(HOSTILE.format(attempt="return 'bot'"))
    values = {"name": "cup", "game": "openspiel:kuhn_poker", "matches": 2, "sandbox": "bubblewrap"}
    agents = {"bot": f"exec:{PYTHON} {folder / 'bot.py'}", "random": "random"}
    with Ledger.open(tmp_path / "arena.db") as ledger:
        tournament = run_tournament(make_config({**values, "agents": agents}), ledger)
    assert tournament.config["sandbox"] == "bubblewrap"
    assert tournament.versions["sandbox"] == tier_version("bubblewrap")
    assert confinement(tournament, (0, 1, 1)) == {tournament.agents[0].label: tier_version("bubblewrap")}
    assert tier_version("bubblewrap").startswith("bubblewrap (bubblewrap ")


@pytest.fixture
def path_with(tmp_path, monkeypatch) -> Callable[[str | None], None]:
    """Puts a bwrap that does this, or none at all, before every other program."""

    def put(script: str | None) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        if script is not None:
            (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
            (folder / "bwrap").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return put


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "needs the program bwrap: install the package bubblewrap"),
        ('echo "bwrap: No permissions to create new namespace" >&2; exit 1', "No permissions to create new namespace"),
        ("exit 3", "exit code 3"),
    ],
)
def test_a_tier_that_does_not_hold_is_refused_and_nothing_runs(path_with, tmp_path, script, said):
    ran = tmp_path / "ran"
    path_with(script)
    values = {"name": "cup", "game": "openspiel:kuhn_poker", "matches": 2, "sandbox": "bubblewrap"}
    agents = {"bot": f"exec:/usr/bin/touch {ran}", "random": "random"}
    with Ledger.open(tmp_path / "arena.db") as ledger:
        with pytest.raises(SandboxUnavailable, match=said) as refused:
            run_tournament(make_config({**values, "agents": agents}), ledger)
        assert ledger.tournaments() == []
    assert 'declare sandbox = "limits" or "none"' in str(refused.value)
    assert not ran.exists()


def test_tiers_need_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailable, match="needs Linux"):
        require_tier("limits")


def test_an_unknown_tier_is_named():
    with pytest.raises(UnknownName, match="did you mean 'bubblewrap'"):
        tier_named("bubblewarp")


def test_gpus_are_shown_only_where_they_are_asked_for(monkeypatch, tmp_path):
    device = tmp_path / "nvidia0"
    device.touch()
    monkeypatch.setattr(sandbox, "GPU_DEVICES", (str(device),))
    program = sandbox.Program(command=(PYTHON,))
    assert str(device) not in sandbox.confined(program, "bubblewrap").command
    assert str(device) in sandbox.confined(program, "bubblewrap-gpu").command


def test_two_hostile_programs_do_not_stop_a_third(folder):
    (folder / "honest.py").write_text(HOSTILE.format(attempt="return 'honest'"))
    (folder / "hog.py").write_text(
        "import time\nkept = []\nwhile True:\n    kept.append(bytearray(1 << 24))\n    time.sleep(0.001)\n"
    )
    agents = [f"exec:{PYTHON} {folder / 'honest.py'}", "random"]
    hog = load_agent(f"exec:{PYTHON} {folder / 'hog.py'}", game=GAME, name="hog", sandbox="bubblewrap")
    try:
        assert play(GAME, agents, matches=2, sandbox="bubblewrap").termination.tolist() == [Termination.NORMAL] * 2
    finally:
        hog.close()
