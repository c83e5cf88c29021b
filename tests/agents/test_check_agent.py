"""The conformance check finds what is wrong with an agent, and nothing where nothing is."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from arena.agents.check import check_agent
from arena.agents.process import Limits
from arena.agents.program import ProgramAgent
from arena.games import AgentInfo, load_game

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def game():
    return load_game("openspiel:leduc_poker")


class InProcess:
    """An agent in this process, whose answers a function makes from the batch."""

    def __init__(self, act, *, deterministic=True, remembers=False, tables_at_once=None):
        self.answer, self.calls, self.closed = act, 0, False
        self.started, self.ended = [], []
        self.info = AgentInfo(
            name="mine", deterministic=deterministic, remembers=remembers, tables_at_once=tables_at_once
        )

    def start(self, table, player, seed):
        self.started += player.tolist()

    def act(self, batch):
        self.calls += 1
        return self.answer(self, batch)

    def end(self, table, player, returns):
        self.ended += player.tolist()

    def close(self):
        self.closed = True


def uniformly(agent, batch):
    return batch.legal.sample(batch.seed())


def report(findings):
    return {finding.name: (finding.passed, finding.message) for finding in findings}


def of_program(game, mode, tmp_path, **limits):
    command = [sys.executable, str(PROGRAMS / "misbehaving.py"), mode, str(tmp_path)]
    return ProgramAgent(command, game=game.info, name="bot", limits=Limits(grace_s=0.2, **limits))


def test_a_good_agent_passes_everything(game):
    agent = InProcess(uniformly, remembers=True)
    found = report(check_agent(agent, game, matches=6, answers=1))
    assert {name: passed for name, (passed, _) in found.items()} == dict.fromkeys(
        ["starts", "answers", "speed", "repeats", "joins", "quits"], True
    )
    assert "in 6 matches one after another" in found["answers"][1]
    assert agent.closed
    assert sorted(agent.started) == sorted(agent.ended)
    assert set(agent.started) == {0, 1}


def test_every_kind_of_game_is_played():
    for name in ("openspiel:goofspiel(num_cards=4,imp_info=True)", "openspiel:kuhn_poker(players=3)"):
        findings = check_agent(InProcess(uniformly), load_game(name), matches=6)
        assert [finding for finding in findings if not finding.passed] == []


def test_a_specification_is_loaded(game):
    findings = check_agent("random", game, matches=2)
    assert [finding for finding in findings if not finding.passed] == []


def test_an_illegal_answer_is_named(game):
    passed, message = report(check_agent(InProcess(lambda _, batch: np.full(len(batch), 77)), game))["answers"]
    assert not passed
    assert message.startswith("6 of 6 matches were forfeited: match 0: it played 77, which is not legal")
    assert "and 3 more" in message


def test_an_answer_of_the_wrong_shape_or_kind_is_named(game):
    def reals(agent, batch):
        return np.full(len(batch), 0.5)

    def too_many(agent, batch):
        return np.zeros(len(batch) + 1, np.int64)

    for wrong in (reals, too_many):
        passed, message = report(check_agent(InProcess(wrong), game))["answers"]
        assert not passed
        assert "asked was int64 of shape [1]" in message


def test_what_an_agent_raises_is_named(game):
    def fails(agent, batch):
        raise KeyError("no plan")

    passed, message = report(check_agent(InProcess(fails), game))["answers"]
    assert not passed
    assert "it raised KeyError: 'no plan'" in message


def test_an_agent_that_does_not_repeat_itself_is_found_out(game):
    def moody(agent, batch):
        return np.array([legal[agent.calls % len(legal)] for legal in batch.legal.lists()])

    passed, message = report(check_agent(InProcess(moody), game))["repeats"]
    assert not passed
    assert "it says that it is deterministic; at move" in message
    assert report(check_agent(InProcess(moody, deterministic=False), game))["repeats"][0]


def test_an_agent_that_looks_at_who_else_was_asked_is_found_out(game):
    def crowded(agent, batch):
        return np.array([legal[len(batch) % len(legal)] for legal in batch.legal.lists()])

    found = report(check_agent(InProcess(crowded), game))
    assert found["repeats"][0]
    assert not found["joins"][0]
    assert "must not depend on who else was asked" in found["joins"][1]
    assert "joins" not in report(check_agent(InProcess(crowded, tables_at_once=1), game))


def test_a_program_that_is_well_passes(game, tmp_path):
    found = report(check_agent(of_program(game, "answers", tmp_path), game))
    assert all(passed for passed, _ in found.values())
    assert "it may say that it is deterministic" in found["repeats"][1]


@pytest.mark.parametrize(
    ("mode", "check", "says"),
    [
        ("crashes at start", "starts", "no licence found"),
        ("illegal", "answers", "it played 99, which is not legal"),
        ("crashes", "answers", "the plan has failed"),
        ("garbage", "answers", "not a line of JSON"),
        ("ignores quit", "quits", "it was killed"),
    ],
)
def test_each_failure_of_a_program_is_named(game, tmp_path, mode, check, says):
    found = report(check_agent(of_program(game, mode, tmp_path), game, matches=2))
    passed, message = found[check]
    assert not passed
    assert says in message


def test_a_program_that_is_too_slow_is_named(game, tmp_path):
    found = report(check_agent(of_program(game, "hangs", tmp_path), game, matches=2, limit_s=0.1))
    assert found["answers"] == (
        False,
        "2 of 2 matches were forfeited: match 0: no answer within 100 ms; match 1: no answer within 100 ms",
    )


def test_at_least_one_match_is_played(game):
    with pytest.raises(ValueError, match="matches must be at least 1; got 0"):
        check_agent(InProcess(uniformly), game, matches=0)


def test_a_rare_illegal_answer_shows_since_matches_go_on_until_there_are_answers_enough(game):
    def rarely_illegal(agent, batch):
        return np.full(len(batch), 77) if agent.calls == 150 else uniformly(agent, batch)

    agent = InProcess(rarely_illegal)
    passed, message = report(check_agent(agent, game))["answers"]
    assert not passed
    assert message.startswith("1 of ")
    assert agent.calls == 150
    assert report(check_agent(InProcess(rarely_illegal), game, answers=20))["answers"][0]


class Hasty:
    """A clocked agent whose answers arrive before they are asked for."""

    info = AgentInfo(name="hasty")

    def start(self, table, player, seed): ...
    def end(self, table, player, returns): ...
    def timed_out(self, ticket): ...
    def close(self): ...

    def send(self, ticket, batch, inbox):
        inbox.put((ticket, uniformly(self, batch), time.monotonic() - 5))


def test_an_answer_before_its_question_is_a_fault(game):
    passed, message = report(check_agent(Hasty(), game))["answers"]
    assert not passed
    assert "match 0: it answered 5 s before it was asked at move 0: wait for each question" in message


def test_a_program_that_answers_the_next_question_is_a_fault(game, tmp_path):
    path = tmp_path / "hasty.py"
    path.write_text(
        "import json, sys\n"
        "print(json.dumps({'type': 'hello', 'protocol': 1, 'name': 'hasty'}), flush=True)\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    if message['type'] == 'act':\n"
        "        answer = {'type': 'action', 'request': message['request'] + 1, 'action': 1}\n"
        "        print(json.dumps(answer), flush=True)\n"
    )
    agent = ProgramAgent([sys.executable, str(path)], game=game.info, name="hasty", limits=Limits(grace_s=0.2))
    passed, message = report(check_agent(agent, game, matches=2))["answers"]
    assert not passed
    assert "it answered request 2; open: 1" in message


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody keeps a program's orphans together")
def test_what_a_program_leaves_running_is_named(game, tmp_path):
    path = tmp_path / "parent.py"
    path.write_text(
        "import subprocess\n"
        "class Parent:\n"
        "    def __init__(self):\n"
        "        subprocess.Popen(['sleep', '4242'], start_new_session=True)\n"
        "    def act(self, observation):\n"
        "        return observation.legal_actions[0]\n"
    )
    passed, message = report(check_agent(f"python:{path}:Parent", game, answers=1))["quits"]
    assert passed
    assert "; Arena ended what it had left running: sleep (" in message
