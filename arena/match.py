"""The match engine: plays many tables of one game at once, asking each agent for all its decisions together.

What waits for an agent when that agent is free becomes its next batch: a fast agent answers a thousand tables at once, a
slow one delays only its own. An agent's failure ends *its* match with a recorded termination; the others play on.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.bookkeeping import add_seconds, ask_columns, owners
from arena.forfeits import illegal_move, termination_of
from arena.games import (
    Agent,
    AgentFault,
    AgentTimeout,
    Answer,
    ClockedAgent,
    GameFailed,
    LegalActions,
    ObservationBatch,
    Ragged,
    SpecificationError,
    TableBatch,
    Turn,
)
from arena.games.agent import is_clocked
from arena.games.forfeits import forfeit_returns
from arena.games.usage import Metered
from arena.results import NOBODY, Fault, MatchResults, MatchSpecs, MatchUsage, Termination
from arena.seating import Seating

LONGEST_WAIT_S = 3600.0  # a sleep without any deadline is cut here, then goes on
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Seconds for one answer, and for all answers of one player in one match; None = no limit.

    Clocks judge agents that answer from outside the engine (`ClockedAgent`), by the time at which an answer arrived.
    Agents in the engine's process are asked for many tables at once: their time is recorded, not judged.
    """

    move_s: float | None = None
    match_s: float | None = None

    def __post_init__(self) -> None:
        for name, seconds in (("move", self.move_s), ("match", self.match_s)):
            if seconds is not None and not 0 < seconds < math.inf:
                raise SpecificationError(f"the {name} clock must be more than 0 seconds; got {seconds}")


def play_matches(
    tables: TableBatch,
    agents: Sequence[Agent | ClockedAgent],
    specs: MatchSpecs,
    *,
    clock: Clock | None = None,
    now: Callable[[], float] = time.monotonic,
    on_finished: Callable[[int], None] | None = None,
) -> MatchResults:
    """The results of all matches of `specs`, in their order.

    The same specs give the same results whatever the number of tables, as long as the agents are deterministic and no
    clock runs out. A forfeiter gets the game's least utility; see `arena.forfeits` for the others.

    Args:
        tables: room for some matches of the game; any state in it is lost.
        agents: what `specs.seats` index into.
        specs: the matches.
        clock: limits for clocked agents.
        now: the clock that answers are stamped with.
        on_finished: called with the number of matches that just finished.

    Raises:
        SpecificationError: a seat names no agent, or the number of seats is not the game's number of players.
        GameFailed: by the tables; what was played is lost. See `arena.failing_games`.
    """
    players = tables.info.num_players
    if specs.seats.shape[1] != players:
        raise SpecificationError(
            f"{tables.info.title} has {players} players; the schedule seats {specs.seats.shape[1]}"
        )
    if len(specs) and not 0 <= specs.seats.min() <= specs.seats.max() < len(agents):
        raise SpecificationError(f"a seat names agent {int(specs.seats.max())}; there are {len(agents)}")
    return _Play(tables, agents, specs, clock or Clock(), now, on_finished).run()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Decisions that wait for one agent."""

    table: NDArray[np.int64]
    player: NDArray[np.int64]
    legal: LegalActions

    def take(self, rows: NDArray[np.int64]) -> _Waiting:
        return _Waiting(self.table[rows], self.player[rows], self.legal.take(rows))

    @staticmethod
    def joined(parts: Sequence[_Waiting]) -> _Waiting:
        if len(parts) == 1:
            return parts[0]
        legal = parts[0].legal
        for part in parts[1:]:
            legal = legal.joined(part.legal)
        return _Waiting(
            np.concatenate([part.table for part in parts]), np.concatenate([part.player for part in parts]), legal
        )


@dataclass(frozen=True, slots=True)
class _Request:
    """A batch that is out with a clocked agent."""

    agent: int
    waiting: _Waiting
    match: NDArray[np.int64]  # [R]: a row is stale once its table plays another match
    sent: float
    limit_s: NDArray[np.float64] | None
    delivery_s: float

    @property
    def longest_s(self) -> float:
        return math.inf if self.limit_s is None else float(self.limit_s.max())

    @property
    def missing_at(self) -> float:
        """When an answer that arrived in time would be here."""
        return self.sent + self.longest_s + self.delivery_s


class _Play:
    """One call of `play_matches`: which match sits where, what waits for whom, what is out with a clocked agent."""

    def __init__(
        self,
        tables: TableBatch,
        agents: Sequence[Agent | ClockedAgent],
        specs: MatchSpecs,
        clock: Clock,
        now: Callable[[], float],
        on_finished: Callable[[int], None] | None,
    ):
        self.tables, self.agents, self.specs = tables, agents, specs
        self.clock, self.now, self.on_finished = clock, now, on_finished
        info = tables.info
        size, players, matches = tables.capacity, info.num_players, len(specs)
        self.players = players
        self.match = np.full(size, -1, np.int64)
        self.seats = np.zeros((size, players), np.int64)
        self.seeds = np.zeros(size, np.uint64)
        self.spent = np.zeros((size, players))
        self.spent_flat = self.spent.reshape(-1)  # views
        self.seats_flat = self.seats.reshape(-1)
        self.ply = np.zeros(size * players, np.int64)  # decisions that each player has made in its match
        self.waiting: list[list[_Waiting]] = [[] for _ in agents]
        self.remembering = [agent for agent in range(len(agents)) if agents[agent].info.remembers]
        most = [agent.info.tables_at_once for agent in agents]
        self.seating = Seating(specs.seats, most)
        self.inbox: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.requests: dict[int, _Request] = {}
        self.late: dict[int, int] = {}  # ticket of a lost request -> its agent, busy until the stale answer comes
        self.out = [0] * len(agents)  # requests that an agent has not answered
        self.separate = [agent.info.separate for agent in agents]
        self.delivery_s = [agent.info.delivery_s for agent in agents]
        self.requests_at_once = [
            1 if not separate else size * players if limit is None else limit
            for separate, limit in zip(self.separate, most, strict=True)
        ]
        self.metered = [agent for agent in range(len(agents)) if isinstance(agents[agent], Metered)]
        self.usage: list[MatchUsage] = []
        self.tickets = 0
        if info.simultaneous:
            self.acting = np.zeros((size, players), np.bool_)
            self.joint = np.zeros((size, players, *info.action_space.shape), info.action_space.dtype)
        self.returns = np.zeros((matches, players))
        self.termination = np.zeros(matches, np.int8)
        self.forfeit = np.full(matches, NOBODY, np.int8)
        self.seconds = np.zeros((matches, players), np.float32)
        self.faults: list[Fault] = []
        self.order: list[NDArray[np.int64]] = []
        self.histories: list[Ragged] = []
        self.free = [np.arange(min(size, matches))]
        for agent in agents:
            if is_clocked(agent):
                agent.announce_clock(move_s=clock.move_s, match_s=clock.match_s)

    def run(self) -> MatchResults:
        try:
            self._play()
        except GameFailed:  # what was begun pays nobody
            left = np.flatnonzero(self.match >= 0)
            self._tell_end(left, np.zeros((len(left), self.players)))
            raise
        return MatchResults(
            specs=self.specs,
            returns=self.returns,
            termination=self.termination,
            forfeit=self.forfeit,
            actions=Ragged.scattered(self.histories, self.order) if self.histories else self._no_actions(),
            seconds=self.seconds,
            faults=tuple(sorted(self.faults, key=lambda fault: fault.index)),
            usage=tuple(sorted(self.usage, key=lambda used: (used.index, used.player))),
        )

    def _play(self) -> None:
        while True:
            self._seat()
            asked = self._ask()
            if self.requests or self.late:
                self._receive(block=not asked)
            if not (self.requests or any(self.waiting) or (self.free and len(self.seating))):
                return

    def _no_actions(self) -> Ragged:
        space = self.tables.info.action_space
        return Ragged(np.empty((0, *space.shape), space.history_dtype), np.empty(0, np.int64))

    def _seat(self) -> None:
        """Starts the next matches of the schedule at the free tables."""
        if not self.free or not len(self.seating):
            return
        table = np.concatenate(self.free)
        match = self.seating.next(len(table))
        self.free = [table[len(match) :]] if len(match) < len(table) else []
        table = table[: len(match)]
        if not len(table):
            return
        turn = self.tables.start(table, self.specs.chance_seed[match])
        self.match[table] = match
        self.ply.reshape(len(self.match), -1)[table] = 0
        self.spent[table] = 0
        self.seats[table] = self.specs.seats[match]
        self.seeds[table] = self.specs.seed[match]
        failed: list[tuple[_Waiting, AgentFault]] = []
        for agent in self.remembering:
            row, player = np.nonzero(self.seats[table] == agent)
            if len(row):
                try:
                    self.agents[agent].start(table[row], player, self.seeds[table[row]])
                except AgentFault as refusal:
                    failed.append((_Waiting(table[row], player, turn.legal.take(np.empty(0, np.int64))), refusal))
        self._distribute(turn)
        for waiting, fault in failed:
            on = np.flatnonzero(self.match[waiting.table] >= 0)
            self._forfeit(waiting.table[on], waiting.player[on], termination_of(fault), str(fault), fault.log)

    def _distribute(self, turn: Turn) -> None:
        """Notes what is due with the agents concerned, and what is over."""
        if len(turn.finished):
            if turn.truncated is None:
                termination = np.full(len(turn.finished), Termination.NORMAL, np.int8)
            else:
                termination = np.where(turn.truncated, Termination.TRUNCATED, Termination.NORMAL).astype(np.int8)
            self._finish(turn.finished, turn.returns, termination)
        if not len(turn.table):
            return
        if self.tables.info.simultaneous:
            self.acting[turn.table, turn.player] = True
        due = _Waiting(turn.table, turn.player, turn.legal)
        owner, alone = owners(turn.table, turn.player, self.players, self.seats_flat)
        if alone:
            self.waiting[int(owner[0])].append(due)
            return
        for agent in np.flatnonzero(np.bincount(owner)).tolist():
            self.waiting[agent].append(due.take(np.flatnonzero(owner == agent)))

    def _ask(self) -> bool:
        """Asks every agent that is free and has decisions waiting; says whether any was asked."""
        asked = False
        for index, agent in enumerate(self.agents):
            if not self.waiting[index] or not self._room(index):
                continue
            asked = True
            waiting = _Waiting.joined(self.waiting[index])
            self.waiting[index] = []
            if is_clocked(agent):
                self._send(index, agent, waiting)
                continue
            began = self.now()
            try:
                action = agent.act(self._batch(waiting, None))
            except AgentFault as fault:
                self._forfeit(waiting.table, waiting.player, termination_of(fault), str(fault), fault.log)
                continue
            share = (self.now() - began) / len(waiting.table)
            add_seconds(waiting.table, waiting.player, self.players, self.spent_flat, share)
            self._answer(waiting, action)
        return asked

    def _room(self, index: int) -> int:
        """How many more requests an agent takes now."""
        return self.requests_at_once[index] - self.out[index]

    def _batch(self, waiting: _Waiting, limit_s: NDArray[np.float64] | None) -> ObservationBatch:
        table = waiting.table
        seed, ply = ask_columns(table, waiting.player, self.players, self.seeds, self.ply)
        return ObservationBatch(table, waiting.player, waiting.legal, seed, ply, self.tables, limit_s)

    def _answer(self, waiting: _Waiting, action: NDArray[Any]) -> None:
        """Judges the actions and steps the tables that they complete."""
        space = self.tables.info.action_space
        expected = (len(waiting.table), *space.shape)
        action = np.asarray(action)
        if action.shape != expected or not np.can_cast(action.dtype, space.dtype, "same_kind"):
            message = f"answered {action.dtype} of shape {list(action.shape)}; asked was {list(expected)} {space.kind}"
            self._forfeit(waiting.table, waiting.player, Termination.ILLEGAL_MOVE, message)
            return
        legal = waiting.legal.contains(action)
        if not legal.all():
            bad = np.flatnonzero(~legal)
            lost = waiting.take(bad)
            messages = [illegal_move(choice, lost.legal, row) for row, choice in enumerate(action[bad].tolist())]
            self._forfeit(lost.table, lost.player, Termination.ILLEGAL_MOVE, messages)
            # of a table that just ended, another seat's legal answer may be in this batch too
            good = np.flatnonzero(legal & (self.match[waiting.table] >= 0))
            waiting, action = waiting.take(good), action[good]
        table, player = waiting.table, waiting.player
        if self.tables.info.simultaneous:
            table, player, action = self._complete(table, player, action)
        if len(table):
            self._distribute(self.tables.step(table, player, action))

    def _complete(
        self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
        """The joint moves that these answers made complete, num_players rows a table; the others stay noted."""
        self.joint[table, player], self.acting[table, player] = action, False
        ready = np.unique(table)
        ready = ready[~self.acting[ready].any(axis=1)]
        joint = self.joint[ready].reshape(-1, *self.joint.shape[2:])
        self.joint[ready] = 0
        return np.repeat(ready, self.players), np.tile(np.arange(self.players), len(ready)), joint

    def _finish(self, table: NDArray[np.int64], returns: NDArray[np.float64], termination: NDArray[np.int8]) -> None:
        match = self.match[table]
        self.returns[match], self.termination[match] = returns, termination
        self.seconds[match] = self.spent[table]
        self.order.append(match)
        self.histories.append(self.tables.history(table))
        for agent in self.metered:
            self._meter(self.agents[agent], table, *np.nonzero(self.seats[table] == agent))
        self._tell_end(table, returns)
        self.seating.left(match)
        self.match[table] = -1
        self.free.append(table)
        if self.on_finished:
            self.on_finished(len(match))

    def _tell_end(self, table: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        """Tells agents that remember of the end of the matches at these tables."""
        for agent in self.remembering:
            row, player = np.nonzero(self.seats[table] == agent)
            if len(row):
                try:
                    self.agents[agent].end(table[row], player, returns[row, player])
                except AgentFault as fault:  # the match is over: its result stands
                    logger.warning("%s failed after a match: %s", self.agents[agent].info.name, fault)

    def _meter(
        self, agent: Agent | ClockedAgent, table: NDArray[np.int64], row: NDArray[np.int64], player: NDArray[np.int64]
    ) -> None:
        """Notes what an agent used up in the matches that end at these tables."""
        assert isinstance(agent, Metered)
        for at, seat in zip(table[row].tolist(), player.tolist(), strict=True):
            index = int(self.specs.index[self.match[at]])
            self.usage.append(MatchUsage(index=index, player=seat, usage=agent.usage(at, seat)))

    def _forfeit(
        self,
        table: NDArray[np.int64],
        player: NDArray[np.int64],
        termination: Termination,
        message: str | list[str],
        log: str = "",
    ) -> None:
        """Ends the matches at these tables: their player failed. The other seats' open decisions are off."""
        if not len(table):
            return
        table, first = np.unique(table, return_index=True)  # one agent may fail at two seats of a table
        player = player[first]
        match = self.match[table]
        self.forfeit[match] = player
        for row, number, seat in zip(first.tolist(), match.tolist(), player.tolist(), strict=True):
            said = message if isinstance(message, str) else message[row]
            index = int(self.specs.index[number])
            self.faults.append(Fault(index=index, player=seat, termination=termination, message=said, log=log))
        if self.tables.info.simultaneous:
            self.acting[table], self.joint[table] = False, 0
        for agent, parts in enumerate(self.waiting):
            if parts:
                waiting = _Waiting.joined(parts)
                rows = np.flatnonzero(~np.isin(waiting.table, table))
                self.waiting[agent] = [waiting.take(rows)] if len(rows) else []
        self._finish(table, forfeit_returns(self.tables.info, player), np.full(len(table), termination, np.int8))

    def _send(self, index: int, agent: ClockedAgent, waiting: _Waiting) -> None:
        if self.separate[index]:
            room = self._room(index)
            if room < len(waiting.table):
                self.waiting[index] = [waiting.take(np.arange(room, len(waiting.table)))]
            for row in range(min(room, len(waiting.table))):
                self._request(index, agent, waiting.take(np.array([row])))
            return
        limit = agent.info.tables_at_once
        if limit is not None and limit < len(waiting.table):
            self.waiting[index] = [waiting.take(np.arange(limit, len(waiting.table)))]
            waiting = waiting.take(np.arange(limit))
        self._request(index, agent, waiting)

    def _request(self, index: int, agent: ClockedAgent, waiting: _Waiting) -> None:
        self.tickets += 1
        limit_s = self._limits(waiting)
        request = _Request(index, waiting, self.match[waiting.table], self.now(), limit_s, self.delivery_s[index])
        self.requests[self.tickets] = request
        self.out[index] += 1
        agent.send(self.tickets, self._batch(waiting, limit_s), self.inbox)

    def _limits(self, waiting: _Waiting) -> NDArray[np.float64] | None:
        """Seconds that each row has for this answer."""
        move, match = self.clock.move_s, self.clock.match_s
        if move is None and match is None:
            return None
        limits = np.full(len(waiting.table), math.inf if move is None else move)
        return limits if match is None else np.minimum(limits, match - self.spent[waiting.table, waiting.player])

    def _receive(self, *, block: bool) -> None:
        """Takes the answers, judged by when they came and not by when the engine had time to look; then the forfeits."""
        answers: list[Answer] = []
        if block:  # no other agent has work
            nearest = min((request.missing_at for request in self.requests.values()), default=math.inf)
            with contextlib.suppress(queue.Empty):
                answers.append(self.inbox.get(timeout=max(0.0, min(nearest - self.now(), LONGEST_WAIT_S))))
        moment = self.now()  # before the inbox is emptied: what is overdue then cannot still lie in it
        while not self.inbox.empty():
            answers.append(self.inbox.get())
        for ticket, answer, arrived in answers:
            if ticket in self.late:
                self.out[self.late.pop(ticket)] -= 1
            elif ticket in self.requests:
                request = self.requests.pop(ticket)
                self.out[request.agent] -= 1
                self._judge(request, answer, arrived)
        for ticket, request in list(self.requests.items()):
            if moment > request.missing_at:
                del self.requests[ticket]
                self.late[ticket] = request.agent
                agent = self.agents[request.agent]
                assert is_clocked(agent)
                agent.timed_out(ticket)
                self._time_out(request, np.arange(len(request.match)), moment - request.sent)

    def _judge(self, request: _Request, answer: NDArray[Any] | Exception, arrived: float) -> None:
        took = max(0.0, arrived - request.sent)
        on = np.flatnonzero(self.match[request.waiting.table] == request.match)  # a match may have ended meanwhile
        current = request.waiting.take(on)
        if isinstance(answer, AgentTimeout) or took > request.longest_s:
            self._time_out(request, on, took, str(answer) if request.limit_s is None else "")
            return
        if isinstance(answer, AgentFault):
            self.spent[current.table, current.player] += took
            self._forfeit(current.table, current.player, termination_of(answer), str(answer), answer.log)
            return
        if isinstance(answer, Exception):
            raise answer
        if request.limit_s is not None:
            overdue = request.limit_s[on] < took
            self._time_out(request, on[overdue], took)
            on = on[~overdue]
            on = on[self.match[request.waiting.table[on]] == request.match[on]]
            current = request.waiting.take(on)
        if not len(on):
            return
        self.spent[current.table, current.player] += took
        rows = np.asarray(answer)
        self._answer(current, rows[on] if rows.shape[:1] == request.match.shape else rows)

    def _time_out(self, request: _Request, rows: NDArray[np.int64], took: float, said: str = "") -> None:
        """``said``: why, where no clock of the engine's ran out."""
        rows = rows[self.match[request.waiting.table[rows]] == request.match[rows]]
        table, player = request.waiting.table[rows], request.waiting.player[rows]
        self.spent[table, player] += took
        limits = None if request.limit_s is None else request.limit_s[rows].tolist()
        allowed = "" if limits is None else f" of {min(limits, default=0):.3g} s"
        agent = self.agents[request.agent]
        log = agent.log if is_clocked(agent) and len(rows) else ""
        message = f"{said or f'no answer within the limit{allowed}'}; waited {took:.3g} s"
        self._forfeit(table, player, Termination.TIMEOUT, message, log)
