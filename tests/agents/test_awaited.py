"""Clocked agents asked as those that answer at once: what is sent, what comes back, and whose fault costs what."""

import threading
import time

import numpy as np
import pytest

from arena.agents import load_agent
from arena.agents.awaited import NO_ACTION, Awaited
from arena.games import AgentCrashed, AgentInfo, load_game
from arena.games.actions import MaskedLegal
from arena.games.observation import ObservationBatch
from arena.playing import play

KUHN = load_game("arena:kuhn_poker")


def a_batch(rows):
    tables = KUHN.tables(rows)
    turn = tables.start(np.arange(rows), np.arange(rows).astype(np.uint64))
    return ObservationBatch(
        table=turn.table,
        player=turn.player,
        legal=MaskedLegal(turn.legal.mask(2)),
        match_seed=np.arange(rows).astype(np.uint64),
        ply=np.zeros(rows, np.int64),
        tables=tables,
    )


class Later:
    """Answers the number of each row's table from another thread, later requests first; fails at table 3."""

    def __init__(self, **info):
        self.info = AgentInfo(name="later", **info)
        self.sent, self.most, self.out, self.clock = [], 0, 0, None

    def announce_clock(self, *, move_s, match_s):
        self.clock = (move_s, match_s)

    def send(self, ticket, batch, inbox):
        tables = batch.table.copy()
        self.sent.append(tables.tolist())
        self.out += 1
        self.most = max(self.most, self.out)

        def answer():
            time.sleep(0.05 / len(self.sent))
            self.out -= 1
            inbox.put((ticket, AgentCrashed("gone") if 3 in tables else tables, time.monotonic()))

        threading.Thread(target=answer).start()


@pytest.mark.parametrize(
    ("info", "sent", "most", "answered"),
    [
        ({}, [[0, 1, 2, 3, 4]], 1, [NO_ACTION] * 5),
        ({"tables_at_once": 2}, [[0, 1], [2, 3], [4]], 1, [0, 1, NO_ACTION, NO_ACTION, 4]),
        ({"separate": True}, [[0], [1], [2], [3], [4]], 5, [0, 1, 2, NO_ACTION, 4]),
        ({"separate": True, "tables_at_once": 2}, [[0], [1], [2], [3], [4]], 2, [0, 1, 2, NO_ACTION, 4]),
    ],
)
def test_requests_are_those_of_the_engine_and_a_fault_costs_its_own_rows(info, sent, most, answered):
    agent = Later(**info)
    awaited = Awaited(agent, move_s=60.0)
    assert awaited.act(a_batch(5)).tolist() == answered
    assert (agent.sent, agent.most, agent.clock) == (sent, most, (60.0, None))


def test_an_answer_that_is_nobodys_fault_is_raised():
    class Broken(Later):
        def send(self, ticket, batch, inbox):
            inbox.put((ticket, RuntimeError("a bug of Arena's"), 0.0))

    with pytest.raises(RuntimeError, match="a bug"):
        Awaited(Broken(), move_s=60.0).act(a_batch(2))


def test_an_agent_that_hangs_is_told_so_once_and_what_waited_is_forfeited(caplog):
    class Hanging(Later):
        def timed_out(self, ticket):
            self.lost = [*getattr(self, "lost", []), ticket]
            threading.Timer(0.05, self.inbox.put, ((ticket, np.zeros(2, np.int64), time.monotonic()),)).start()

        def send(self, ticket, batch, inbox):
            assert batch.limit_s.tolist() == [0.1, 0.1]
            self.inbox = inbox
            if 0 not in batch.table:
                inbox.put((ticket, batch.table.copy(), time.monotonic()))

    agent = Hanging(tables_at_once=2)
    assert Awaited(agent, move_s=0.1).act(a_batch(4)).tolist() == [NO_ACTION, NO_ACTION, 2, 3]
    assert agent.lost == [1]
    assert [record.getMessage() for record in caplog.records] == [
        "later did not answer in time; the matches that waited for it are forfeited"
    ]


def test_an_answer_that_arrives_late_is_a_forfeit_though_nobody_waited():
    class Stamped(Later):
        def send(self, ticket, batch, inbox):
            inbox.put((ticket, batch.table.copy(), time.monotonic() + 61.0 * (0 in batch.table)))

    assert Awaited(Stamped(tables_at_once=1), move_s=60.0).act(a_batch(2)).tolist() == [NO_ACTION, 1]


def test_a_program_plays_the_same_matches_awaited_as_on_a_clock(tmp_path, monkeypatch):
    (tmp_path / "draws.py").write_text(
        "class Draws:\n    matches = 8\n    def act(self, observation):\n"
        "        return observation.legal_actions[observation.seed % len(observation.legal_actions)]\n"
    )
    monkeypatch.chdir(tmp_path)
    agent = load_agent("python:draws.py:Draws", game=KUHN)
    try:
        clocked = play(KUHN, [agent, "random"], matches=20, seed=3)
        awaited = play(KUHN, [Awaited(agent, move_s=60.0), "random"], matches=20, seed=3)
    finally:
        agent.close()
    assert clocked.returns.tolist() == awaited.returns.tolist()
    assert (awaited.forfeit == -1).all()
