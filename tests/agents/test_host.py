"""A Python class in a process of its own: it sees what it would see in Arena's, and its mistakes are told in words."""

import queue
import subprocess
import sys
import time
from dataclasses import fields

import numpy as np
import pytest

from arena.agents.host import HostObservation, read_observation
from arena.agents.observation import ALL_PARTS, Observation, observations
from arena.agents.program_kinds import load_python
from arena.games import AgentCrashed, ListedLegal, ObservationBatch, ProtocolError, VectorLegal, load_game

AGENTS = """
import sys
import helper_of_agents

class First:
    def act(self, observation):
        print("thinking aloud")
        return observation.legal_actions[0]

class Numpy:
    def act(self, observation):
        assert observation.tensor.dtype == "float32"
        import numpy
        return numpy.int64(observation.legal_actions[-1])

class Light:
    def act(self, observation):
        return 0 if {"numpy", "numba", "arena.games"} & set(sys.modules) else 1

class Remembers:
    wants = ("information_state",)
    deterministic = True
    matches = 3
    version = "2"
    def __init__(self):
        self.heard = []
    def start(self, *, game, player, match):
        self.heard.append((game, player, match))
    def act(self, observation):
        game, player, match = self.heard[-1]
        assert (game, player, match) == (observation.game, observation.player, observation.match)
        assert observation.text is None
        assert observation.information_state is not None
        return len(self.heard) - 1
    def end(self, *, match, returns):
        assert self.heard[-1][2] == match
        print("got", returns, file=sys.stderr)

class Text:
    def act(self, observation):
        return "fold"

class Fails:
    def act(self, observation):
        return observation.no_such_thing

def function(observation):
    return helper_of_agents.CHOICE
"""


@pytest.fixture(scope="module")
def game():
    return load_game("openspiel:kuhn_poker")


@pytest.fixture
def make_agent(game, tmp_path):
    (tmp_path / "agents_of_test.py").write_text(AGENTS)
    (tmp_path / "helper_of_agents.py").write_text("CHOICE = 1")
    agents = []

    def make(name):
        agents.append(load_python(f"{tmp_path / 'agents_of_test.py'}:{name}", game=game, name=name))
        return agents[-1]

    yield make
    for agent in agents:
        agent.close()


def batch_of(game):
    tables = game.tables(1)
    turn = tables.start(np.array([0]), np.array([5], np.uint64))
    return ObservationBatch(turn.table, turn.player, turn.legal, np.array([9], np.uint64), np.array([0]), tables)


def answer_of(agent, game):
    inbox = queue.SimpleQueue()
    agent.start(np.array([0]), np.array([0]), np.array([9], np.uint64))
    agent.send(1, batch_of(game), inbox)
    return inbox.get(timeout=10)[1]


@pytest.mark.parametrize(("name", "action"), [("First", 0), ("Numpy", 1), ("Light", 1), ("function", 1)])
def test_a_class_or_a_function_plays(make_agent, game, name, action):
    assert answer_of(make_agent(name), game).tolist() == [action]


def log_of(agent):
    """What it printed, waited for: standard error is read by a thread of its own."""
    deadline = time.monotonic() + 5
    while not agent.log and time.monotonic() < deadline:
        time.sleep(0.01)
    return agent.log


def test_what_a_class_prints_is_its_log(make_agent, game):
    agent = make_agent("First")
    answer_of(agent, game)
    assert log_of(agent) == "thinking aloud\n"


def test_a_class_says_what_it_wants_and_hears_of_its_matches(make_agent, game):
    agent = make_agent("Remembers")
    assert agent.info.tables_at_once == 3
    assert agent.info.deterministic
    assert (agent.hello.name, agent.hello.version) == ("Remembers", "2")
    assert answer_of(agent, game).tolist() == [0]
    agent.end(np.array([0]), np.array([0]), np.array([-2.0]))
    assert answer_of(agent, game).tolist() == [1]
    assert log_of(agent) == "got -2.0\n"


def test_a_wrong_answer_is_a_protocol_error(make_agent, game):
    answer = answer_of(make_agent("Text"), game)
    assert type(answer) is ProtocolError
    assert '"fold"' in str(answer)


def test_what_a_class_raises_is_a_crash_with_its_traceback(make_agent, game):
    answer = answer_of(make_agent("Fails"), game)
    assert type(answer) is AgentCrashed
    assert "AttributeError" in str(answer)
    assert "agents_of_test.py" in answer.log


def test_a_missing_class_is_named_with_those_that_are_there(make_agent, game):
    answer = answer_of(make_agent("Frist"), game)
    assert type(answer) is AgentCrashed
    assert "has no 'Frist'; its classes are First, Numpy, Light" in answer.log


def test_a_module_is_found_on_the_path_and_a_missing_one_is_named(game):
    agent = load_python("no_such_module_anywhere:Agent", game=game, name="bot")
    answer = answer_of(agent, game)
    assert "there is no module 'no_such_module_anywhere'" in str(answer)
    agent.close()


def test_the_host_alone_says_how_it_is_used():
    done = subprocess.run([sys.executable, "-m", "arena.agents.host"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("usage: python -m arena.agents.host MODULE:CLASS")


def public(observation, names):
    return {name: np.asarray(getattr(observation, name), object).tolist() for name in names}


def test_an_observation_looks_the_same_in_both_processes(game):
    names = [
        name
        for name in dir(Observation)
        if not name.startswith("_") and name not in ("columns", "row", "to_message", "from_message")
    ]
    tables = game.tables(1)
    tables.start(np.array([0]), np.array([5], np.uint64))
    low, high = np.array([[-np.inf, 0.0]]), np.array([[1.0, np.inf]])
    for legal in (ListedLegal([[0, 1]]), VectorLegal(low, high, False), VectorLegal(np.zeros((1, 2)), high, True)):
        batch = ObservationBatch(np.array([0]), np.array([0]), legal, np.array([9], np.uint64), np.array([0]), tables)
        (here,) = observations(batch)
        there = read_observation(here.to_message(ALL_PARTS))
        assert public(there, names) == public(here, names)
    assert {field.name for field in fields(HostObservation)} - {"numbers", "known_numbers"} <= set(names)
