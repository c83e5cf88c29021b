"""The reference clients and the first examples play real matches, in Python and in Node, by lines and by HTTP."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from arena.agents.check import check_agent
from arena.agents.http import load as load_http
from arena.agents.program_kinds import load_exec, load_python
from arena.games import load_game
from arena.match import Clock, play_matches
from arena.results import MatchSpecs

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "agents" / "clients"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")

PYTHON_AGENT = """
from arena_agent import {call}
seen = []
{call}(
    lambda observation: observation["legal_actions"][0],
    name="by lines", wants=["text"], matches=4, deterministic=True,
    start=lambda message: print("start", message["player"]),
    end=lambda message: print("end", message["returns"]),
    {more}
)
"""
NODE_AGENT = """
const {{ {call} }} = require("./arena_agent.js");
{call}((observation) => observation.legal_actions[0], {{
  name: "by lines", wants: ["text"], matches: 4, deterministic: true,
  start: (message) => console.log("start", message.player),
  end: (message) => console.log("end", message.returns),
  {more}
}});
"""


@pytest.fixture
def command(request, tmp_path):
    """The command of an agent written with the client of a language: `run`, or `serve` at a free port."""
    language, call = request.param
    more = {"run": "", "serve": "port: 0," if language == "node" else "port=0,"}[call]
    name, program, client, interpreter = {
        "python": ("agent.py", PYTHON_AGENT, "arena_agent.py", sys.executable),
        "node": ("agent.js", NODE_AGENT, "arena_agent.js", "node"),
    }[language]
    shutil.copy(CLIENTS / client, tmp_path)
    (tmp_path / name).write_text(program.format(call=call, more=more))
    return [interpreter, str(tmp_path / name)]


def languages(call):
    return pytest.mark.parametrize(
        "command", [("python", call), pytest.param(("node", call), marks=needs_node)], indirect=True, ids=str
    )


@languages("run")
def test_a_client_plays_by_lines(command):
    game = load_game("openspiel:leduc_poker")
    agent = load_exec(" ".join(command), game=game, name="client")
    assert agent.info.tables_at_once == 4
    assert (agent.hello.name, agent.hello.wants) == ("by lines", ("text",))
    findings = check_agent(agent, game, seed=3)
    assert [finding for finding in findings if not finding.passed] == []
    assert {finding.name for finding in findings} == {"starts", "answers", "speed", "repeats", "joins", "quits"}


@languages("run")
def test_what_an_agent_prints_is_its_log(command):
    game = load_game("openspiel:kuhn_poker")
    agent = load_exec(" ".join(command), game=game, name="client")
    index = np.arange(2)
    specs = MatchSpecs(
        index=index, seats=np.zeros((2, 2), np.int64), seed=index.astype(np.uint64), chance_seed=index.astype(np.uint64)
    )
    results = play_matches(game.tables(2), [agent], specs, clock=Clock(move_s=10))
    assert results.faults == ()
    deadline = time.monotonic() + 5  # standard error is read by a thread of its own
    while len(re.findall(r"start (\d)", agent.log)) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    log = agent.log
    agent.close()
    assert re.findall(r"start (\d)", log).count("0") == 2
    assert re.findall(r"start (\d)", log).count("1") == 2


@languages("serve")
def test_a_client_plays_over_http(command, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    game = load_game("openspiel:leduc_poker")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().split()[-1]
            findings = check_agent(load_http(url, game=game, name="server"), game, seed=3)
        finally:
            server.kill()
    assert [finding for finding in findings if not finding.passed] == []


def test_the_first_agents_of_both_languages_play_alike():
    game = load_game("openspiel:tic_tac_toe")
    agents = [load_python(f"{ROOT / 'examples' / 'first_agent.py'}:FirstAgent", game=game, name="python")]
    if shutil.which("node"):
        agents.append(load_exec(f"node {ROOT / 'examples' / 'first_agent.js'}", game=game, name="node"))
    played = []
    for agent in agents:
        specs = MatchSpecs(
            index=np.array([0]),
            seats=np.zeros((1, 2), np.int64),
            seed=np.zeros(1, np.uint64),
            chance_seed=np.zeros(1, np.uint64),
        )
        results = play_matches(game.tables(1), [agent], specs)
        assert results.faults == ()
        played.append(results[0].actions.tolist())
        agent.close()
    assert played == played[:1] * len(agents)
    assert played[0][0] == 4  # the middle of nine


@needs_node
def test_both_clients_say_the_same():
    lines = [
        {"type": "hello", "protocol": 1, "game": {"specification": "x"}},
        {"type": "start", "match": 1, "player": 0},
        {"type": "act", "request": 5, "observation": {"legal_actions": [3, 4]}},
        {"type": "something new"},
        {"type": "quit"},
    ]
    programs = [
        [
            sys.executable,
            "-c",
            "from arena_agent import run; run(lambda o: o['legal_actions'][0], name='n', version='v', matches=2)",
        ],
        [
            "node",
            "-e",
            "require('./arena_agent.js').run((o) => o.legal_actions[0], { name: 'n', version: 'v', matches: 2 })",
        ],
    ]
    said = []
    for program in programs:
        done = subprocess.run(
            program,
            input="".join(json.dumps(line) + "\n" for line in lines),
            cwd=CLIENTS,
            capture_output=True,
            text=True,
            check=True,
        )
        said.append([json.loads(line) for line in done.stdout.splitlines()])
        said[-1][0].setdefault("deterministic", False)
    assert said[0] == said[1]
    assert said[0][1] == {"type": "action", "request": 5, "action": 3}
