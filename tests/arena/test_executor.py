"""Executors: the same work in this process and in workers; workers that die are replaced."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from arena.executor import InProcess, MatchSetup, ProcessPool, WorkFailed
from arena.games import SpecificationError
from arena.results import NOBODY, MatchResults, MatchSpecs, Termination
from arena.schedule import round_robin

SETUP = MatchSetup(
    game="openspiel:tic_tac_toe", agents=(("a", "random"), ("b", "mcts(simulations=5)"), ("c", "random"))
)


def _blocks(matches: int = 40, size: int = 12) -> list[MatchSpecs]:
    schedule = round_robin(3, 2, matches=matches, seed=1)
    return [schedule.specs(start, stop) for start, stop in schedule.blocks(size)]


def _workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


@pytest.fixture(scope="module")
def alone() -> MatchResults:
    return MatchResults.joined(list(InProcess().run(SETUP, _blocks())))


def test_two_workers_play_the_same_matches_and_a_killed_one_changes_nothing(alone: MatchResults) -> None:
    parts, heard = [], []
    for results in ProcessPool(2).run(SETUP, _blocks(), on_finished=heard.append):
        parts.append(results)
        if len(parts) == 2:
            os.kill(_workers()[0].pid, signal.SIGKILL)
    assert MatchResults.joined(parts).equals(alone)
    assert sum(heard) == 120
    assert not _workers(), "no process stays behind"
    (fault,) = MatchResults.joined(parts).faults
    assert (fault.player, fault.termination) == (NOBODY, Termination.INFRASTRUCTURE)
    assert fault.index in [int(block.index[0]) for block in _blocks()]
    assert fault.message.startswith("a worker process died under this block of 12 matches (exit code -9)")


def test_an_abandoned_run_leaves_no_worker() -> None:
    running = ProcessPool(2).run(SETUP, _blocks())
    next(iter(running))
    assert _workers()
    running.close()  # type: ignore[attr-defined]  # a generator
    assert not _workers()


def test_an_agent_that_does_not_fit_is_told_as_in_this_process() -> None:
    setup = MatchSetup(
        game="openspiel:leduc_poker", agents=(("a", "random"), ("b", "mcts(simulations=5)"), ("c", "random"))
    )
    messages = []
    for executor in (InProcess(), ProcessPool(1)):
        with pytest.raises(Exception, match="mcts") as caught:
            list(executor.run(setup, _blocks()))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_a_block_that_always_kills_its_worker_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "plugins" / "deadly")  # workers inherit the path
    setup = MatchSetup(game="openspiel:tic_tac_toe", agents=(("a", "deadly"), ("b", "random"), ("c", "random")))
    with pytest.raises(WorkFailed, match="died 3 times at the block of match 0"):
        list(ProcessPool(1).run(setup, _blocks()[:1]))


def test_a_pool_needs_a_worker() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ProcessPool(0)


def test_the_agents_are_closed_when_one_cannot_be_loaded() -> None:
    with pytest.raises(SpecificationError):
        list(
            InProcess().run(MatchSetup(game=SETUP.game, agents=(("a", "random"), ("b", "policy:none.json"))), _blocks())
        )


TWIN_READER = """
import re

class Reader:
    '''Remembers the card that it held in the last match: in the twin of that match it is the opponent's.'''
    deterministic = False
    card = None

    def start(self, *, game, player, match):
        self.last, self.card = self.card, None

    def act(self, observation):
        import sys
        self.card = observation.text
        print(self.last, file=sys.stderr)
        return observation.legal_actions[0 if self.last is None else -1]
"""


def test_no_agent_remembers_the_other_side_of_a_deal(tmp_path: Path) -> None:
    (tmp_path / "reader.py").write_text(TWIN_READER)
    specification = f"python:{tmp_path}/reader.py:Reader"
    setup = MatchSetup(game="openspiel:kuhn_poker", agents=(("reader", specification), ("random", "random")))
    schedule = round_robin(2, 2, matches=2, seed=1)
    (results,) = InProcess().run(setup, [schedule.specs(0, 2)])
    for result in results:
        seat = result.spec.seats.index(0)
        own = [int(action) for action in result.actions[2:]][seat::2]
        assert own[0] == 0, "both matches of a deal are the first of their process"
