"""Conformance of an agent: plays some matches against random play and says in words what is wrong with it."""

from __future__ import annotations

import contextlib
import queue
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from arena.agents.http import HttpAgent
from arena.agents.llm import LlmAgent
from arena.agents.program import ProgramAgent
from arena.games import Agent, AgentFault, Answer, ClockedAgent, Game, ObservationBatch, TableBatch, Turn
from arena.games.agent import is_clocked
from arena.games.policy import take_rows
from arena.games.seeds import CHANCE_STREAM, MATCH_STREAM, counter_hash
from arena.games.usage import used_words

FREED_WITHIN_S = 60.0  # after its time is over, an agent must be free for the next question within this
TOGETHER = 8  # tables in the check that an answer does not depend on who else was asked
SHOWN_FAULTS = 3
ENOUGH_S = 5.0  # of playing on until there are answers enough
MOST_MATCHES = 1000  # in games that hardly ever ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing checked: what, whether it is well, and a sentence that says what was seen or what to do."""

    name: str
    passed: bool
    message: str


def check_agent(
    agent: str | Agent | ClockedAgent,
    game: Game,
    *,
    matches: int = 6,
    answers: int = 200,
    seed: int = 0,
    limit_s: float = 10.0,
) -> list[Finding]:
    """What is right and wrong with an agent: does it start, answer legally and in time, repeat itself, and quit.

    Works on every kind of agent. The agent takes each seat in turn; the other seats play uniformly at random. A language
    model, whose answers cost and vary, plays `matches` and no more, and the findings say what it used.

    Args:
        agent: a specification, or an agent, which is closed at the end.
        game: what it plays.
        matches: how many at least, 1 or more; played up to three times over.
        answers: goes on with further matches until there are so many, or 5 s have passed.
        seed: of the matches.
        limit_s: seconds for one answer.

    Returns:
        The findings in the order of the checks; a check that makes no sense after a failure is left out.

    Raises:
        SpecificationError, UnknownName: the specification names no agent.
    """
    if matches < 1:
        raise ValueError(f"matches must be at least 1; got {matches}")
    before = {process.pid for process in psutil.Process().children()}
    checked = _load(agent, game) if isinstance(agent, str) else agent
    try:
        findings = list(_findings(checked, game, matches, answers, seed, limit_s))
    finally:
        quits = _quits(checked, before)
    return [*findings, quits]


def _load(specification: str, game: Game) -> Agent | ClockedAgent:
    from arena.agents.registry import load_agent  # late: the registry knows this module's neighbours

    return load_agent(specification, game=game)


def _findings(
    agent: Agent | ClockedAgent, game: Game, matches: int, answers: int, seed: int, limit_s: float
) -> Iterator[Finding]:
    began = time.monotonic()
    info = agent.info
    took = time.monotonic() - began
    silent = isinstance(agent, ProgramAgent | HttpAgent) and agent.hello is None
    if silent:
        first = _play(agent, game, matches=range(1), capacity=1, seed=seed, limit_s=limit_s)
        yield Finding(name="starts", passed=False, message="; ".join(first.faults) or "it said no hello")
        return
    if isinstance(agent, LlmAgent):
        try:
            agent.require_started()
        except AgentFault as fault:
            yield Finding(name="starts", passed=False, message=str(fault))
            return
        answers = 0  # each costs
    yield Finding(name="starts", passed=True, message=f"{info.name} was ready after {took:.2f} s")

    until = time.monotonic() + ENOUGH_S
    alone = _play(agent, game, matches=range(matches), capacity=1, seed=seed, limit_s=limit_s)
    while len(alone.seconds) < answers and not alone.faults and matches < MOST_MATCHES and time.monotonic() < until:
        _play(agent, game, matches=range(matches, matches + 1), capacity=1, seed=seed, limit_s=limit_s, played=alone)
        matches += 1
    yield _answers(alone, matches)
    if alone.seconds:
        median, longest = statistics.median(alone.seconds), max(alone.seconds)
        yield Finding(
            name="speed",
            passed=longest <= limit_s,
            message=f"median answer {_seconds(median)}, longest {_seconds(longest)}; allowed {_seconds(limit_s)}",
        )
    if isinstance(agent, LlmAgent):
        yield Finding(name="usage", passed=True, message=used_words(agent.total))
        return
    if alone.faults:
        return
    again = _play(agent, game, matches=range(matches), capacity=1, seed=seed, limit_s=limit_s)
    yield _repeats(alone, again, claimed=info.deterministic)
    capacity = min(TOGETHER, matches) if info.tables_at_once is None else min(TOGETHER, matches, info.tables_at_once)
    if capacity > 1:
        together = _play(agent, game, matches=range(matches), capacity=capacity, seed=seed, limit_s=limit_s)
        yield _joins(alone, together, capacity, claimed=info.deterministic)


def _answers(played: _Played, matches: int) -> Finding:
    if not played.faults:
        seen = f"{len(played.seconds)} answers in {matches} matches one after another, all legal and in time"
        return Finding(name="answers", passed=True, message=seen)
    more = len(played.faults) - SHOWN_FAULTS
    shown = played.faults[:SHOWN_FAULTS] + ([f"and {more} more"] if more > 0 else [])
    return Finding(
        name="answers",
        passed=False,
        message=f"{len(played.faults)} of {matches} matches were forfeited: {'; '.join(shown)}",
    )


def _repeats(first: _Played, second: _Played, *, claimed: bool) -> Finding:
    different = _difference(first, second)
    if different is None:
        said = "" if claimed else "; it may say that it is deterministic"
        return Finding(name="repeats", passed=True, message=f"the same seeds gave the same answers{said}")
    if not claimed:
        return Finding(
            name="repeats", passed=True, message="answers vary, and it does not say that it is deterministic"
        )
    advice = "draw chance from the observation's seed alone, and forget the last match"
    return Finding(
        name="repeats", passed=False, message=f"it says that it is deterministic; {different} the second time: {advice}"
    )


def _joins(alone: _Played, together: _Played, capacity: int, *, claimed: bool) -> Finding:
    if together.faults:
        return Finding(
            name="joins", passed=False, message=f"asked for {capacity} tables at once it failed: {together.faults[0]}"
        )
    different = _difference(alone, together) if claimed else None
    if different is None:
        return Finding(name="joins", passed=True, message=f"it plays {capacity} tables at once as it plays one")
    return Finding(
        name="joins",
        passed=False,
        message=f"{different} with {capacity} tables at once: an answer must not depend on who else was asked",
    )


def _difference(first: _Played, second: _Played) -> str | None:
    for key in sorted(first.actions):
        if first.actions[key] != second.actions.get(key):
            match, ply = key
            return f"at move {ply} of match {match} it played {first.actions[key]}, and {second.actions.get(key)}"
    return None


def _quits(agent: Agent | ClockedAgent, before: set[int]) -> Finding:
    """``before``: the processes that this one had started before the agent was there."""
    helpers = _helpers(before) if isinstance(agent, ProgramAgent) else []
    began = time.monotonic()
    agent.close()
    took = time.monotonic() - began
    if isinstance(agent, ProgramAgent) and agent.quit_in_time is False:
        message = (
            f"it did not end within {agent.limits.grace_s:g} s of 'quit' and of the end of its input; it was killed"
        )
        return Finding(name="quits", passed=False, message=message)
    left = f"; Arena ended what it had left running: {', '.join(helpers)}" if helpers else ""
    return Finding(name="quits", passed=True, message=f"it ended within {_seconds(took)}{left}")


def _helpers(before: set[int]) -> list[str]:
    """What the agent's program has started and not ended, in words: of the processes below it, those that a program runs.

    A program stands below a warden of Arena's, which is a child of this process.
    """
    helpers: list[str] = []
    for warden in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # gone meanwhile
            if warden.pid in before:
                continue
            below = warden.children(recursive=True)
            program = next((process.pid for process in below if process.ppid() == warden.pid), None)
            helpers += [f"{process.name()} ({process.pid})" for process in below if process.pid != program]
    return helpers


@dataclass(slots=True)
class _Played:
    """What the agent did: its action at each (match, ply), its seconds an answer, and the forfeits in words."""

    actions: dict[tuple[int, int], int | list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def _play(
    agent: Agent | ClockedAgent,
    game: Game,
    *,
    matches: range,
    capacity: int,
    seed: int,
    limit_s: float,
    played: _Played | None = None,
) -> _Played:
    """Plays the matches of these numbers, `capacity` at a time; with ``played``, adds to it."""
    tables, played = game.tables(capacity), played or _Played()
    for first in range(matches.start, matches.stop, capacity):
        _Block(agent, tables, played, limit_s).run(np.arange(first, min(first + capacity, matches.stop)), seed)
    return played


class _Block:
    """Some matches in step: at each turn all that is due is answered, by the agent or at random."""

    def __init__(self, agent: Agent | ClockedAgent, tables: TableBatch, played: _Played, limit_s: float):
        self.agent, self.tables, self.played, self.limit_s = agent, tables, played, limit_s
        self.remembers = agent.info.remembers

    def run(self, match: NDArray[np.int64], seed: int) -> None:
        """Match numbers [T], one a table; the agent's seat is the match's number modulo the number of players."""
        players = self.tables.info.num_players
        self.match, self.seat = match, match % players
        self.match_seed: NDArray[np.uint64] = counter_hash(np.uint64(seed), MATCH_STREAM, match)
        self.ply = np.zeros(len(match), np.int64)
        table = np.arange(len(match))
        turn = self.tables.start(table, counter_hash(np.uint64(seed), CHANCE_STREAM, match))
        if self.remembers:
            self.agent.start(table, self.seat, self.match_seed)
        while True:
            if self.remembers and len(turn.finished):
                seat = self.seat[turn.finished]
                self.agent.end(turn.finished, seat, turn.returns[np.arange(len(seat)), seat])
            if not len(turn.table):
                return
            turn = self._move(turn)

    def _move(self, turn: Turn) -> Turn:
        batch = ObservationBatch(
            turn.table, turn.player, turn.legal, self.match_seed[turn.table], self.ply[turn.table], self.tables
        )
        action = turn.legal.sample(batch.seed())
        mine = np.flatnonzero(turn.player == self.seat[turn.table])
        lost = np.empty(0, np.int64)
        if len(mine):
            answer = self._ask(take_rows(batch, mine))
            if answer is None:
                lost = turn.table[mine]
            else:
                action[mine] = answer
                for row, choice in zip(mine.tolist(), answer.tolist(), strict=True):
                    at = turn.table[row]
                    self.played.actions[int(self.match[at]), int(self.ply[at])] = choice
        if len(lost) and self.remembers:
            self.agent.end(lost, self.seat[lost], np.full(len(lost), self.tables.info.min_utility or 0.0))
        on = np.flatnonzero(~np.isin(turn.table, lost))
        table, player, action = turn.table[on], turn.player[on], action[on]
        self.ply[np.unique(table)] += 1
        if self.tables.info.simultaneous:
            table, player, action = self._joint(table, player, action)
        return self.tables.step(table, player, action)

    def _joint(
        self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
        """Complete joint moves: zeros for players who had nothing to choose."""
        players = self.tables.info.num_players
        moved, row = np.unique(table, return_inverse=True)
        joint = np.zeros((len(moved), players, *action.shape[1:]), action.dtype)
        joint[row, player] = action
        return (
            np.repeat(moved, players),
            np.tile(np.arange(players), len(moved)),
            joint.reshape(-1, *action.shape[1:]),
        )

    def _ask(self, batch: ObservationBatch) -> NDArray[Any] | None:
        """The agent's legal actions, or None after a fault, which forfeits all rows of the batch."""
        began = time.monotonic()
        fault: str | None = None
        answer: NDArray[Any] | Exception
        if is_clocked(self.agent):
            answer, arrival = _answer_of(self.agent, batch, self.limit_s)
        else:
            try:
                answer = np.asarray(self.agent.act(batch))
            except Exception as error:  # noqa: BLE001 -- whatever an agent raises is what the check is for
                answer = error
            arrival = time.monotonic()
        took = arrival - began
        if isinstance(answer, Exception):
            fault = str(answer) if isinstance(answer, AgentFault) else f"it raised {type(answer).__name__}: {answer}"
        else:
            space = self.tables.info.action_space
            if answer.shape != (len(batch), *space.shape) or not np.can_cast(answer.dtype, space.dtype, "same_kind"):
                expected = f"{np.dtype(space.dtype)} of shape {[len(batch), *space.shape]}"
                fault = f"it answered {answer.dtype} of shape {list(answer.shape)}; asked was {expected}"
            elif not (legal := batch.legal.contains(answer)).all():
                row = int(np.argmin(legal))
                fault = f"it played {answer[row].tolist()}, which is not legal at move {int(batch.ply[row])}"
            elif took < 0:
                fault = (
                    f"it answered {-took:.2g} s before it was asked at move {int(batch.ply[0])}: wait for each question"
                )
        self.played.seconds += [took / len(batch)] * len(batch)
        if fault is None:
            assert not isinstance(answer, Exception)
            return answer
        self.played.faults += [f"match {number}: {fault}" for number in self.match[batch.table].tolist()]
        return None


def _answer_of(agent: ClockedAgent, batch: ObservationBatch, limit_s: float) -> tuple[NDArray[Any] | Exception, float]:
    """(actions or fault, arrival) of one question within the limit; waits until the agent is free again."""
    inbox: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    limits = np.full(len(batch), limit_s)
    asked = ObservationBatch(batch.table, batch.player, batch.legal, batch.match_seed, batch.ply, batch.tables, limits)
    agent.send(0, asked, inbox)
    began = time.monotonic()
    try:
        _, answer, arrival = inbox.get(timeout=limit_s)
    except queue.Empty:
        agent.timed_out(0)
        late = AgentFault(f"no answer within {_seconds(limit_s)}")
        try:
            inbox.get(timeout=FREED_WITHIN_S)
        except queue.Empty:
            late = AgentFault(f"no answer within {_seconds(limit_s)}, and none after {FREED_WITHIN_S:g} s")
        return late, began + limit_s
    return answer, arrival


def _seconds(value: float) -> str:
    if value >= 1:
        return f"{value:.1f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.01 else f"{value * 1000:.2g} ms"
