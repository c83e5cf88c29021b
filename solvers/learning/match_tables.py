"""Any game with listed actions as an `Environment`: matches of a `TableBatch` that a learner plays with itself or with an opponent.

With itself it sits on all seats. With an opponent it sits, match by match, on one side after the other, and who sits on the rest
answers as agents do everywhere: it is never asked for more than an action, its decisions are no experience, and it forfeits a
match in which it fails.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from arena.games.actions import MaskedLegal
from arena.games.agent import Agent
from arena.games.errors import AgentFault, NotProvided, SpecificationError
from arena.games.forfeits import forfeit_returns
from arena.games.game import Game, GameInfo, Turn
from arena.games.observation import ObservationBatch, reads_of, width_of
from arena.games.ragged import Ragged
from arena.games.seeds import CHANCE_STREAM, MATCH_STREAM, counter_hash
from arena.solvers.checkpoint import State
from arena.solvers.learning.environment import Facts, Happened, Seen

FAILED = -1
"""In place of an action: there is none that is allowed."""


def inputs_of(info: GameInfo) -> int:
    """How many numbers a network reads of a decision, in the tensor that `reads_of` names.

    Raises:
        NotProvided: the game has no such tensor, or its actions are no list.
    """
    if info.action_space.kind != "discrete":
        raise NotProvided(f"{info.specification} has actions that are vectors; these learners choose among listed ones")
    reads = reads_of(info)
    width = width_of(info, reads)
    if width is None:
        raise NotProvided(f"{info.specification} has no {reads.replace('_', '-')} tensor for a network to read")
    return width


class MatchTables:
    """See `Environment`. Match number m at a table has the seeds that follow from (seed, table, m)."""

    def __init__(
        self,
        game: Game,
        tables: int,
        *,
        seed: int,
        opponent: Agent | None = None,
        device: str | torch.device = "cpu",
    ):
        """Args:
            game: any game with listed actions and tensors.
            tables: N, matches at once.
            seed: of all chance.
            opponent: sits on the seats that are not the learner's; None = the learner plays every seat.
            device: where tensors go.

        Raises:
            NotProvided: no tensor, or actions that are vectors.
        """
        self.info = info = game.info
        self.device = torch.device(device)
        self.seed, self.opponent = np.uint64(seed), opponent
        self.facts = Facts(
            tables=tables,
            seats=info.num_players if info.simultaneous else 1,
            players=info.num_players,
            inputs=inputs_of(info),
            actions=info.num_actions,
        )
        self._batch = game.tables(tables)
        shape = (tables, self.facts.seats)
        self._begun = np.zeros(tables, np.int64)
        self._own = np.ones((tables, info.num_players), np.bool_)
        self._ply = np.zeros((tables, info.num_players), np.int64)
        self._due = np.zeros(shape, np.bool_)
        self._player = np.tile(np.arange(shape[1]), (tables, 1))
        self._legal = np.zeros((*shape, info.num_actions), np.bool_)
        self._begin(np.arange(tables))
        self._answer_first()

    def seen(self) -> Seen:
        facts = self.facts
        acting = self._due & self._mine()
        table, seat = np.nonzero(acting)
        player = self._player[table, seat]
        reads = reads_of(self.info)
        observe = self._batch.tensor if reads == "observation" else self._batch.information_state_tensor  # type: ignore[attr-defined]  # `InformationStateTensors`
        if len(table) == facts.tables * facts.seats:
            observed = observe(table, player).reshape(facts.tables, facts.seats, facts.inputs)
        else:
            observed = np.zeros((facts.tables, facts.seats, facts.inputs), np.float32)
            observed[table, seat] = observe(table, player)
        return Seen(
            observation=self._tensor(observed),
            state=torch.zeros(facts.tables, facts.seats, 0, device=self.device),
            legal=self._tensor(self._legal),
            player=self._tensor(self._player),
            acting=self._tensor(acting),
        )

    def step(self, action: torch.Tensor) -> Happened:
        reward, over = self._play(np.arange(self.facts.tables), action.cpu().numpy())
        return Happened(reward=self._tensor(reward), over=self._tensor(over))

    def arrays(self) -> State:
        """The matches at the tables by their numbers, and what was played in them; played again they stand as they stood.

        An opponent that remembers is asked again, so that it remembers them; what it played then is played.
        """
        played = self._batch.history(np.arange(self.facts.tables))
        return {"begun": self._begun.copy(), "played": played.values.copy(), "played_ends": played.ends.copy()}

    def restore(self, arrays: State) -> None:
        begun, played = arrays["begun"], Ragged(arrays["played"], arrays["played_ends"])
        if begun.shape != (self.facts.tables,) or len(played) != self.facts.tables or (begun < 1).any():
            raise SpecificationError(f"the matches of a checkpoint must be those of {self.facts.tables:,} tables")
        if (played.lengths() < 0).any() or played.ends[-1] != len(played.values):
            raise SpecificationError("the moves of a checkpoint must be as many as its matches hold")
        self._begun = begun.astype(np.int64) - 1
        self._due[:] = False
        everywhere = np.arange(self.facts.tables)
        self._begin(everywhere)
        while True:
            at = self._batch.history(everywhere).lengths()
            behind = np.flatnonzero(at < played.lengths())
            if not len(behind):
                break
            starts = played.ends[behind] - played.lengths()[behind] + at[behind]
            table, seat = self._rows(behind)
            player = self._player[table, seat]
            within = np.zeros(self.facts.tables, np.int64)
            within[behind] = starts
            action = played.values[within[table] + (player if self.info.simultaneous else 0)].astype(np.int64)
            listed = (action >= 0) & (action < self.facts.actions)
            legal = listed & self._legal[table, seat, np.where(listed, action, 0)]
            if not legal[self._due[table, seat]].all():
                raise SpecificationError("the matches of a checkpoint hold moves that are not legal")
            if self.opponent is not None and self.opponent.info.remembers:
                self._opponent_plays(table, seat)
            turn = self._batch.step(table, player, action)
            if len(turn.finished):
                raise SpecificationError("the matches of a checkpoint are over, where they should go on")
            self._note(turn, behind)
        if not self._waits_for_learner().all():
            raise SpecificationError("the matches of a checkpoint must wait for the learner")

    def _play(
        self, waiting: NDArray[np.int64], chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Steps these tables until each waits for the learner: once with itself. Returns (reward [N, P], over [N])."""
        reward = np.zeros((self.facts.tables, self.facts.players), np.float32)
        over = np.zeros(self.facts.tables, np.bool_)
        while len(waiting):
            table, player, action = self._moves(waiting, chosen)
            failed = action == FAILED
            lost, first = np.unique(table[failed], return_index=True)
            on = ~np.isin(table, lost)
            turn = self._batch.step(table[on], player[on], action[on])
            finished = np.concatenate((turn.finished, lost))
            returns = np.concatenate((turn.returns, forfeit_returns(self.info, player[failed][first])))
            counts = ~over[finished]  # a match in which the learner had no decision is nobody's experience
            ended = finished[counts]
            reward[ended], over[ended] = returns[counts], True
            self._end(finished, returns)
            self._note(turn, waiting)
            self._begin(finished)
            waiting = waiting[~self._waits_for_learner()[waiting]]
        return reward, over

    def _answer_first(self) -> None:
        """Lets the opponent play up to the learner's decisions, where matches begin with his."""
        self._play(np.flatnonzero(~self._waits_for_learner()), np.zeros_like(self._player))

    def _waits_for_learner(self) -> NDArray[np.bool_]:
        waits: NDArray[np.bool_] = np.any(self._due & self._mine(), axis=1)
        return waits

    def _moves(self, tables: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """(table, player, action) of all that is due at these tables; `FAILED` of an opponent who does."""
        table, seat = self._rows(tables)
        action = np.where(self._due[table, seat], chosen[table, seat], 0)
        rows, answer = self._opponent_plays(table, seat)
        action[rows] = answer
        return table, self._player[table, seat], action

    def _opponent_plays(
        self, table: NDArray[np.int64], seat: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(which of these rows are decisions of the opponent, what it answers there)."""
        player = self._player[table, seat]
        rows = np.flatnonzero(self._due[table, seat] & ~self._own[table, player])
        if self.opponent is None or not len(rows):
            return rows, rows
        return rows, _answered(self.opponent, self._asked(table[rows], seat[rows], player[rows]))

    def _rows(self, tables: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(table, seat) of the rows that a step of these tables takes."""
        seats = self.facts.seats
        return np.repeat(tables, seats), np.tile(np.arange(seats), len(tables))

    def _asked(self, table: NDArray[np.int64], seat: NDArray[np.int64], player: NDArray[np.int64]) -> ObservationBatch:
        return ObservationBatch(
            table=table,
            player=player,
            legal=MaskedLegal(self._legal[table, seat]),
            match_seed=counter_hash(self.seed, MATCH_STREAM, self._number(table)),
            ply=self._ply[table, player],
            tables=self._batch,
        )

    def _mine(self) -> NDArray[np.bool_]:
        """Which decisions are the learner's [N, S]."""
        return np.take_along_axis(self._own, self._player, axis=1)

    def _begin(self, tables: NDArray[np.int64]) -> None:
        """New matches at these tables, and again where one is over before anybody decides."""
        while len(tables):
            self._begun[tables] += 1
            self._ply[tables] = 0
            self._seat_players(tables)
            turn = self._batch.start(tables, counter_hash(self.seed, CHANCE_STREAM, self._number(tables)))
            self._end(turn.finished, turn.returns)
            self._note(turn, tables)
            tables = turn.finished

    def _number(self, tables: NDArray[np.int64]) -> NDArray[np.int64]:
        return (self._begun[tables] - 1) * self.facts.tables + tables

    def _seat_players(self, tables: NDArray[np.int64]) -> None:
        """The learner takes one side after the other, match by match."""
        if self.opponent is None:
            return
        learner = (self._begun[tables] - 1 + tables) % len(self.info.sides)
        for side, players in enumerate(self.info.sides):
            self._own[np.ix_(tables, np.array(players))] = (learner == side)[:, None]
        row, player = np.nonzero(~self._own[tables])
        if self.opponent.info.remembers and len(row):
            seed = counter_hash(self.seed, MATCH_STREAM, self._number(tables))
            self.opponent.start(tables[row], player, seed[row])

    def _end(self, tables: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        """Tells an opponent that remembers what it got."""
        row, player = np.nonzero(~self._own[tables])
        if self.opponent is not None and self.opponent.info.remembers and len(row):
            self.opponent.end(tables[row], player, returns[row, player])

    def _note(self, turn: Turn, touched: NDArray[np.int64]) -> None:
        """Which decisions are due now at the tables that moved."""
        moved = self._due[touched]
        rows, seats = np.nonzero(moved)
        np.add.at(self._ply, (touched[rows], self._player[touched][rows, seats]), 1)
        self._due[touched] = False
        seat = turn.player if self.info.simultaneous else np.zeros_like(turn.player)
        self._due[turn.table, seat], self._player[turn.table, seat] = True, turn.player
        self._legal[turn.table, seat] = turn.legal.mask(self.facts.actions)

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device, copy=True)


def _answered(opponent: Agent, batch: ObservationBatch) -> NDArray[np.int64]:
    """One action a row, `FAILED` where the agent raises a fault or answers none that is allowed."""
    nothing = np.full(len(batch), FAILED)
    try:
        action = np.asarray(opponent.act(batch))
    except AgentFault:
        return nothing
    if action.shape != nothing.shape or not np.can_cast(action.dtype, np.int64, "same_kind"):
        return nothing
    return np.where(batch.legal.contains(action), action, nothing)
