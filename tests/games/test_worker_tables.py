"""Tables in worker processes: the same matches as in this process, errors that come back, and children that end."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import psutil
import pytest

from arena.games import ActionSpace, NotProvided, SpecificationError, check_game, load_game
from arena.games.worker_process import WorkerProcess
from arena.games.worker_tables import WorkerDied, WorkerGame, in_workers

LEDUC = load_game("openspiel:leduc_poker")
ALL = np.arange(5)
SEEDS = ALL.astype(np.uint64) * np.uint64(7919)


@pytest.fixture(scope="module")
def leduc():
    with in_workers(LEDUC, 2) as spread:
        yield spread


def test_games_in_workers_keep_every_promise_of_tables(leduc):
    check_game(leduc, matches=4)


def test_matches_are_those_of_one_process(leduc):
    spread, here = leduc.tables(5), LEDUC.tables(5)
    turns = [tables.start(ALL, SEEDS) for tables in (spread, here)]
    words = np.random.default_rng(0)
    while len(turns[1].table):
        mine, theirs = (np.lexsort((turn.player, turn.table)) for turn in turns)
        for name in ("table", "player"):
            np.testing.assert_array_equal(getattr(turns[0], name)[mine], getattr(turns[1], name)[theirs])
        table, player = turns[1].table[theirs], turns[1].player[theirs]
        legal = turns[1].legal.take(theirs)
        assert turns[0].legal.take(mine).lists() == legal.lists()
        for name in ("tensor", "information_state_tensor"):
            np.testing.assert_array_equal(getattr(spread, name)(table, player), getattr(here, name)(table, player))
            np.testing.assert_array_equal(  # of those who wait, which nobody has made ready
                getattr(spread, name)(table, 1 - player), getattr(here, name)(table, 1 - player)
            )
        assert spread.text(table, player) == here.text(table, player)
        action = legal.sample(words.integers(2**63, size=len(table), dtype=np.uint64))
        turns = [tables.step(table, player, action) for tables in (spread, here)]
        ended, over = (np.argsort(turn.finished) for turn in turns)
        np.testing.assert_array_equal(turns[0].returns[ended], turns[1].returns[over])
        for one, other in (
            (spread.history(ALL), here.history(ALL)),
            (spread.history(ALL[::-2]), here.history(ALL[::-2])),
        ):
            np.testing.assert_array_equal(one.values, other.values)
            np.testing.assert_array_equal(one.ends, other.ends)


def test_an_error_of_a_worker_comes_back_with_its_trace_and_the_tables_go_on(leduc):
    tables = leduc.tables(5)
    with pytest.raises(AttributeError) as caught:  # no match has begun there
        tables.text(ALL, ALL)
    assert "in a worker process" in caught.value.__notes__[0]
    assert "openspiel_tables.py" in caught.value.__notes__[0]
    assert len(tables.start(ALL, SEEDS).table) == 5


def test_memory_is_given_back_when_tables_are_dropped(leduc):
    tables = leduc.tables(4)
    name = tables._rows.name
    del tables
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)


def test_one_worker_is_this_process():
    with in_workers(LEDUC, 1) as game:
        assert game is LEDUC


def test_what_workers_cannot_play_is_refused():
    vectors = dataclasses.replace(
        LEDUC, info=dataclasses.replace(LEDUC.info, action_space=ActionSpace(kind="box", width=2))
    )
    with pytest.raises(NotProvided, match="vectors"), in_workers(vectors, 2):
        pass
    with (
        pytest.raises(SpecificationError, match="workers must be a whole number from 1 on; got 0"),
        in_workers(LEDUC, 0),
    ):
        pass


def test_a_game_that_its_name_does_not_load_elsewhere_is_refused():
    other = dataclasses.replace(LEDUC, info=dataclasses.replace(LEDUC.info, version="mine"))
    with pytest.raises(NotProvided, match="another game by the name"):
        WorkerGame(other, 1).tables(1)


def test_a_worker_that_dies_is_named():
    with WorkerGame(LEDUC, 1) as spread:
        tables = spread.tables(2)
        os.kill(spread._workers[0].process.pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match=r"exit code -9"):
            tables.start(ALL[:2], SEEDS[:2])


ORPHANS = """
import time
from arena.games import load_game
from arena.games.worker_tables import WorkerGame
if __name__ == "__main__":
    spread = WorkerGame(load_game("openspiel:leduc_poker"), 2)
    tables = spread.tables(4)
    print(*(worker.process.pid for worker in spread._workers), tables._rows.name, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such signal and no /dev/shm")
def test_workers_and_their_memory_do_not_outlive_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(ORPHANS)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        *children, name = parent.stdout.readline().split()
        parent.kill()
    until = time.monotonic() + 10
    while any(psutil.pid_exists(int(child)) for child in children) or os.path.exists(f"/dev/shm/{name}"):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_worker_outlives_the_thread_that_made_it():
    """Linux takes the thread that makes a child for its parent, with which the child dies; a server's threads come and go."""
    made = []

    def make():
        made.append(WorkerProcess(Connection.recv, daemon=True))
        status, deadline = Path(f"/proc/{made[0].process.pid}/status"), time.monotonic() + 30
        while not int(re.search(r"SigIgn:\s+(\w+)", status.read_text())[1], 16) & 1 << signal.SIGINT - 1:  # it lives
            assert time.monotonic() < deadline
            time.sleep(0.005)

    maker = threading.Thread(target=make)
    maker.start()
    maker.join()
    assert connection.wait([made[0].process.sentinel], timeout=0.1) == []
    assert made[0].stop() == 1  # it read the end of its connection
