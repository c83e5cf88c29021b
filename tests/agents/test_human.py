import io
import queue
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from arena.agents.human import HumanAgent
from arena.agents.registry import load_agent
from arena.agents.simple import from_function
from arena.games import ActionSpace, AgentTimeout, ObservationBatch, VectorLegal, load_game
from arena.match import Clock
from arena.playing import play
from arena.results import Termination


class Terminal:
    """A keyboard that types these lines, and a screen that keeps what it shows."""

    def __init__(self, *lines):
        self.lines, self.screen = list(lines), ""

    def read(self):
        return self.lines.pop(0) + "\n" if self.lines else ""

    def write(self, text):
        self.screen += text

    def agent(self, **changes):
        return HumanAgent(read=self.read, write=self.write, **changes)


def first_free(observation):
    return observation.legal_actions[0]


def play_with(terminal, **changes):
    human = terminal.agent()
    results = play("openspiel:tic_tac_toe", [human, from_function(first_free)], **changes)
    human.close()
    return results


def test_a_person_plays_by_number_or_by_name_in_any_case():
    terminal = Terminal("4", "x(0,2)", " X(2,0) ")
    results = play_with(terminal)
    assert results[0].actions.tolist() == [4, 0, 2, 1, 6]
    assert results[0].returns == (1.0, -1.0)
    assert "...\n...\n..." in terminal.screen
    assert "You are player 0. Legal moves: 0: x(0,0)  1: x(0,1)" in terminal.screen
    assert "The match is over: player 0 gets 1." in terminal.screen


def test_nonsense_is_asked_again():
    terminal = Terminal("", "hello", "9", "-1", "4.0", "4", "0", "2", "6")  # 0 is taken by then
    results = play_with(terminal)
    assert results[0].actions.tolist() == [4, 0, 2, 1, 6]
    assert terminal.screen.count("is no legal move") == 6
    assert "'hello' is no legal move" in terminal.screen


def test_quitting_forfeits_the_match():
    results = play_with(Terminal("4", "Quit"))
    assert results[0].termination == Termination.CRASH
    assert results[0].forfeited_by == 0
    assert results.faults[0].message == "human quit"


def test_the_end_of_the_input_forfeits_the_match():
    results = play_with(Terminal("4"))
    assert results.faults[0].message == "human left: the input ended"


def test_a_person_plays_one_match_after_the_other():
    terminal = Terminal("4", "2", "6", "4", "2", "6", "4", "2", "6")
    results = play_with(terminal, matches=3)
    assert results.returns[:, 0].tolist() == [1, 1, 1]
    assert terminal.agent().info.tables_at_once == 1


def test_two_people_share_a_terminal():
    terminal = Terminal("4", "0", "2", "1", "6")
    people = [terminal.agent(name="ann"), terminal.agent(name="bob")]
    results = play("openspiel:tic_tac_toe", people)
    assert results[0].actions.tolist() == [4, 0, 2, 1, 6]
    assert "ann> " in terminal.screen
    assert "bob> " in terminal.screen
    simultaneous = Terminal("0", "1")
    results = play("openspiel:matrix_pd", [simultaneous.agent(name="ann"), simultaneous.agent(name="bob")])
    assert sorted(results[0].actions.tolist()) == [0, 1]


def test_a_person_who_is_too_slow_loses_and_is_asked_again_in_the_next_match():
    slow = threading.Event()
    lines = iter(["7", "4", "2", "6"])

    def read():
        line = next(lines)
        if line == "7":
            slow.wait(20)  # typed after the time is over: it answers nothing
        return line + "\n"

    def write(text):
        if "time for this move is over" in text:
            slow.set()

    human = HumanAgent(read=read, write=write)
    results = play("openspiel:tic_tac_toe", [human, from_function(first_free)], matches=2, clock=Clock(move_s=0.3))
    human.close()
    assert [Termination(code) for code in results.termination] == [Termination.TIMEOUT, Termination.NORMAL]
    assert results[1].actions.tolist() == [4, 0, 2, 1, 6]


def test_a_request_that_timed_out_is_answered_once():
    inbox, asked = queue.SimpleQueue(), threading.Event()
    release = threading.Event()

    def read():
        asked.set()
        release.wait(20)
        return "4\n"

    human = HumanAgent(read=read, write=lambda _: None)
    game = load_game("openspiel:tic_tac_toe")
    tables = game.tables(1)
    turn = tables.start(np.zeros(1, np.int64), np.zeros(1, np.uint64))
    human.send(
        7,
        ObservationBatch(turn.table, turn.player, turn.legal, np.zeros(1, np.uint64), np.zeros(1, np.int64), tables),
        inbox,
    )
    assert asked.wait(20)
    human.timed_out(7)
    human.timed_out(7)
    ticket, answer, arrival = inbox.get(timeout=20)
    release.set()
    assert ticket == 7
    assert isinstance(answer, AgentTimeout)
    assert arrival <= time.monotonic()
    assert inbox.empty()
    human.close()


@pytest.mark.parametrize(
    ("kind", "lines", "expected"),
    [("box", ["0.5", "3 0", "0.25, -1"], [0.25, -1.0]), ("multi_discrete", ["0.5 0", "nan 0", "1 0"], [1, 0])],
)
def test_vectors_are_typed_as_numbers(kind, lines, expected):
    game = load_game("openspiel:tic_tac_toe").info

    class Tables:
        info = replace(game, action_space=ActionSpace(kind=kind, width=2), has_text=False)

    legal = VectorLegal(np.array([[0.0, -1.0]]), np.array([[1.0, 1.0]]), kind == "multi_discrete")
    zero = np.zeros(1, np.int64)
    inbox = queue.SimpleQueue()
    terminal = Terminal(*lines)
    terminal.agent().send(1, ObservationBatch(zero, zero, legal, zero.astype(np.uint64), zero, Tables()), inbox)
    _, answer, _ = inbox.get(timeout=20)
    assert answer.tolist() == [expected]
    assert answer.dtype == ActionSpace(kind=kind, width=2).dtype
    assert "Choose 2 numbers within: 0..1, -1..1" in terminal.screen


def test_the_specification_takes_nothing(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("4\n2\n6\n"))
    agent = load_agent("human", game=load_game("openspiel:tic_tac_toe"))
    assert play("openspiel:tic_tac_toe", [agent, from_function(first_free)])[0].returns == (1.0, -1.0)
