"""``confined:TIER:SPECIFICATION``: the policy or network of a file, read and asked in a process of its own, for many tables at once.

What it plays is what ``policy:`` and ``checkpoint:`` play in this process, bit for bit: the same code, asked with the same columns.
What a file does to its reader, it does to that process: it costs the agent the matches that waited for the answer, and nobody else.
Of an ``exploiter:`` the opponent that it holds is confined so, which its search asks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from arena.agents.batch_message import Line, pack, tell_columns, unpack
from arena.agents.confined_process import ConfinedProcess, DataFile
from arena.agents.registry import CONFINED, split_specification
from arena.agents.sandbox import Tier, tier_named
from arena.games import Agent, AgentInfo, Game, ObservationBatch, ProtocolError, SpecificationError, TabularPolicy
from arena.games.policy import MixturePolicy, Policy, take_rows

DATA_KINDS = ("policy", "checkpoint")
EXPLOITER = "exploiter"
PROBABILITIES_BYTES = 32 << 20
"""Of the probabilities of one answer; those of more rows are asked for in parts."""


def load(rest: str, *, game: Game, name: str) -> Agent:
    """The agent of ``confined:TIER:policy:FILE``, ``...:checkpoint:FILE`` or ``...:exploiter:FILE``.

    Raises:
        SpecificationError: not of that form, a file that cannot be read, does not fit the game or breaks the process that reads it, or a
            tier that does not hold here.
    """
    tier, scheme, file = read_confined(rest)
    if scheme == EXPLOITER:
        from arena.agents import exploiter  # late: it needs OpenSpiel

        return exploiter.load(file, game=game, name=name, tier=tier)
    process = ConfinedProcess(read_file(scheme, file), game=game.info, name=name, tier=tier)
    try:
        return ConfinedAgent(process, game)
    except BaseException:
        process.close()
        raise


def read_confined(rest: str) -> tuple[Tier, str, str]:
    """(tier, scheme, file) of what follows ``confined:``.

    Raises:
        SpecificationError: it is not of that form.
        UnknownName: no such tier or kind of agent.
    """
    tier, _, inner = rest.partition(":")
    scheme, file = split_specification(inner) if inner else ("", "")
    if not file or scheme not in (*DATA_KINDS, EXPLOITER):
        raise SpecificationError(
            f"cannot read {CONFINED}:{rest}; write {CONFINED}:TIER:policy:FILE or {CONFINED}:TIER:checkpoint:FILE"
        )
    return tier_named(tier), scheme, file


def confined_specification(specification: str, tier: Tier | None) -> str:
    """The specification of an agent of a file in a tier; as it stands where there is none."""
    return specification if tier is None else f"{CONFINED}:{tier}:{specification}"


def tier_of(specification: str) -> Tier | None:
    """The tier that a specification names; None of all that are not confined by it."""
    scheme, rest = split_specification(specification)
    return read_confined(rest)[0] if scheme == CONFINED else None


def unconfined(specification: str) -> str:
    """The specification without its tier."""
    scheme, rest = split_specification(specification)
    return rest.partition(":")[2] if scheme == CONFINED else specification


def read_file(scheme: str, file: str) -> DataFile:
    """The bytes of a file, of which nothing is read here.

    Raises:
        SpecificationError: there is none.
    """
    try:
        return DataFile(scheme=scheme, name=Path(file).name, content=Path(file).read_bytes())
    except OSError as error:
        raise SpecificationError(f"cannot read {file!r}: {error.strerror or error}") from None


class ConfinedAgent:
    """An `Agent` whose answers come from its process; a process that had to be started again remembers no match.

    ``policy``: what it plays by, as `arena.solvers` measures it: a table, a mixture, or the agent itself.
    """

    def __init__(self, process: ConfinedProcess, game: Game):
        said = process.loaded
        self._process, self._game = process, game.info
        self.memory_width = _whole(said, "memory")
        self.info = AgentInfo(name=process.name, remembers=self.memory_width > 0)
        self._policy: Policy = self
        self._table: TabularPolicy | None = None
        self._has_table = said.get("form") == "table"
        if said.get("form") == "mixture":
            self._policy = _mixture(self, said.get("weights"))
        self._seats: dict[tuple[int, int], int] = {}  # of the matches under way, with their seeds
        self._life = process.lives

    @property
    def policy(self) -> Policy:
        if self._has_table and self._table is None:
            self._table = _table(self._game.specification, self._process.ask({"type": "table"}).get("table"))
        return self._table or self._policy

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        self._process.under_way = True
        self._revive()
        self._seats.update(zip(zip(table.tolist(), player.tolist(), strict=True), seed.tolist(), strict=True))
        self._begin(table, player, seed)

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        """One action a row. An `AgentFault` where there is no answer."""
        self._revive()
        answer = self._process.ask({"type": "act", **tell_columns(batch)}, batch)
        return unpack(answer.get("actions"), np.int64, (len(batch),))

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        """What it plays with which probability, [R, num_actions]. An `AgentFault` where there is no answer."""
        return self.member_probabilities(batch, None)

    def member_probabilities(self, batch: ObservationBatch, member: int | None) -> NDArray[np.float64]:
        """As `probabilities`, of a member of a mixture."""
        at_once = max(1, PROBABILITIES_BYTES // (8 * self._game.num_actions))
        parts = [
            self._probabilities(take_rows(batch, rows), {"member": member}) for rows in _parts(len(batch), at_once)
        ]
        return np.concatenate([probabilities for probabilities, _ in parts])

    def probabilities_after(
        self, batch: ObservationBatch, memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """([R, num_actions], the memories after these decisions) with the memories [R, memory_width] before them."""
        probabilities, answer = self._probabilities(batch, {"memory": pack(np.ascontiguousarray(memory, np.float32))})
        return probabilities, unpack(answer.get("memory"), np.float32, memory.shape)

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        for seat in zip(table.tolist(), player.tolist(), strict=True):
            self._seats.pop(seat, None)
        self._process.under_way = bool(self._seats)

    def close(self) -> None:
        self._process.close()

    def _probabilities(self, batch: ObservationBatch, more: Line) -> tuple[NDArray[np.float64], dict[str, Any]]:
        answer = self._process.ask({"type": "probabilities", **tell_columns(batch), **more}, batch)
        return unpack(answer.get("probabilities"), np.float64, (len(batch), self._game.num_actions)), answer

    def _revive(self) -> None:
        """A process that ended is started again, with the matches that are under way."""
        self._process.revive()
        if self._life != self._process.lives:
            self._life = self._process.lives
            if self._seats:
                table, player = np.array(list(self._seats), np.int64).T
                self._begin(table, player, np.array(list(self._seats.values()), np.uint64))

    def _begin(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        self._process.ask({"type": "start", "table": pack(table), "player": pack(player), "seed": pack(seed)})


class _Member:
    """A member of a mixture, as a `Policy`."""

    def __init__(self, agent: ConfinedAgent, number: int):
        self._agent, self._number = agent, number

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        return self._agent.member_probabilities(batch, self._number)


def _mixture(agent: ConfinedAgent, weights: object) -> MixturePolicy:
    try:
        rows = cast("list[list[float]]", weights)
        return MixturePolicy([_Member(agent, k) for k in range(len(rows[0]))], rows)
    except (ValueError, TypeError, LookupError) as error:
        raise ProtocolError(f"{agent.info.name} told no weights of its members: {error}") from None


def _table(game: str, told: object) -> TabularPolicy:
    try:
        rows = cast("dict[str, dict[str, float]]", told)
        return TabularPolicy(
            game, {state: {int(action): float(p) for action, p in row.items()} for state, row in rows.items()}
        )
    except (ValueError, TypeError, AttributeError, SpecificationError) as error:
        raise ProtocolError(f"the table that was told is none: {error}") from None


def _whole(message: dict[str, Any], key: str) -> int:
    value = message.get(key)
    if type(value) is not int or not 0 <= value < 2**31:
        raise ProtocolError(f"{key!r} must be a whole number; it said {value!r:.80}")
    return value


def _parts(rows: int, at_once: int) -> list[NDArray[np.int64]]:
    return [np.arange(begin, min(begin + at_once, rows)) for begin in range(0, max(rows, 1), at_once)]
