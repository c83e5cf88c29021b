"""A tournament's matches on their way into the ledger's tables and out of them: as rows, or as one row of columns a block."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql, sqlite

from arena.connection import LedgerError
from arena.games.ragged import Ragged
from arena.ledger_rows import Tournament
from arena.ledger_schema import blocks, faults, insert_or_ignore, lineup_seats, lineups, matches, tournaments, usage
from arena.packing import (
    DamagedBlock,
    pack_actions,
    pack_columns,
    pack_seconds,
    unpack_actions,
    unpack_columns,
    unpack_seconds,
)
from arena.results import NOBODY, Fault, MatchResults, MatchSpecs, Termination
from arena.usage_record import read_usage, usage_rows

EMPTY_SEAT = -1

Lineups = dict[tuple[int, ...], int]
"""Agents' ids by seat, 0 for an empty seat -> the lineup's id."""

_CHUNK = 500  # values in one `in (...)`: databases bound the number of parameters


@dataclass(frozen=True, slots=True)
class Columns:
    """Matches without actions, timings and faults."""

    specs: MatchSpecs
    returns: NDArray[np.float64]
    termination: NDArray[np.int8]
    forfeit: NDArray[np.int8]


def in_rows(tournament: Tournament) -> bool:
    """Whether the tournament's matches are rows; else a block is one row of columns."""
    return tournament.lane != "tensor"


def block_name(tournament: Tournament, first: int) -> str:
    return f"block {first} of tournament {tournament.key!r}"


def write_block(
    connection: sa.Connection, tournament: Tournament, results: MatchResults, known: Lineups
) -> Lineups | None:
    """Writes a block inside the caller's transaction: the lineups that are new, or None where the block is there already.

    Raises:
        LedgerError: matches out of order, a seat without an agent, or borders that cut another block.
    """
    _validate(tournament, results)
    first, last, count = int(results.specs.index[0]), int(results.specs.index[-1]), len(results)
    connection.execute(  # first of all: on PostgreSQL it makes the tournament's other writers wait
        sa.update(tournaments)
        .where(tournaments.c.id == tournament.id)
        .values(blocks=tournaments.c.blocks + 1, matches=tournaments.c.matches + count)
    )
    if _is_written(connection, tournament, first, last):
        return None
    rows = in_rows(tournament)
    block = {
        "tournament_id": tournament.id,
        "first": first,
        "last": last,
        "matches": count,
        "columns": None if rows else pack_columns(results),
        "seconds": pack_seconds(results.seconds),
        "actions": pack_actions(results.actions),
    }
    connection.execute(blocks.insert(), block)
    fresh: Lineups = {}
    if rows:
        ids = _agent_ids(tournament, results.specs.seats)
        fresh = _new_lineups(connection, set(ids) - known.keys())
        line = [known[agents] if agents in known else fresh[agents] for agents in ids]
        insert_or_ignore(connection, matches, _match_rows(tournament, line, results))
    if results.faults:
        insert_or_ignore(connection, faults, _fault_rows(tournament, results.faults))
    if results.usage:
        insert_or_ignore(connection, usage, usage_rows(tournament, results.usage))
    return fresh


def read_columns(connection: sa.Connection, tournament: Tournament, *, first: int | None = None) -> Columns:
    """All matches, or those of the block that begins with ``first``; ascending."""
    if in_rows(tournament):
        return _columns_of_rows(connection, tournament, first)
    query = sa.select(blocks.c.first, blocks.c.matches, blocks.c.columns).order_by(blocks.c.first)
    parts = [_no_columns(tournament)]
    for start, count, packed in connection.execute(query.where(*_of_block(tournament, first))):
        what = block_name(tournament, start)
        if packed is None:
            raise DamagedBlock(f"{what} is damaged: it has no columns; `arena db check` lists all damage")
        columns = unpack_columns(packed, first=start, matches=count, players=tournament.num_players, what=what)
        parts.append(_sound(Columns(*columns), tournament, what))
    return Columns(
        MatchSpecs.joined([part.specs for part in parts]),
        np.concatenate([part.returns for part in parts]),
        np.concatenate([part.termination for part in parts]),
        np.concatenate([part.forfeit for part in parts]),
    )


def read_results(connection: sa.Connection, tournament: Tournament, *, first: int | None = None) -> MatchResults:
    """All matches whole, or those of the block that begins with ``first``; ascending."""
    columns = read_columns(connection, tournament, first=first)
    query = sa.select(blocks.c.first, blocks.c.matches, blocks.c.seconds, blocks.c.actions).order_by(blocks.c.first)
    actions: list[Ragged] = []
    seconds = [np.empty((0, tournament.num_players), np.float32)]
    for start, count, packed_seconds, packed_actions in connection.execute(query.where(*_of_block(tournament, first))):
        what = block_name(tournament, start)
        actions.append(unpack_actions(packed_actions, matches=count, what=what))
        seconds.append(unpack_seconds(packed_seconds, matches=count, players=tournament.num_players, what=what))
    whole = Ragged.joined(actions)
    if len(whole) != len(columns.specs):
        raise LedgerError(
            f"tournament {tournament.key!r} has {len(columns.specs)} matches and the actions of {len(whole)}: "
            "run `arena db check`"
        )
    return MatchResults(
        specs=columns.specs,
        returns=columns.returns,
        termination=columns.termination,
        forfeit=columns.forfeit,
        actions=whole,
        seconds=np.concatenate(seconds),
        faults=tuple(read_faults(connection, tournament, columns.specs.index if first is not None else None)),
        usage=tuple(read_usage(connection, tournament, columns.specs.index if first is not None else None)),
    )


def read_faults(
    connection: sa.Connection, tournament: Tournament, index: NDArray[np.int64] | None = None
) -> list[Fault]:
    """All faults, or those between the first and the last match of ``index``."""
    query = sa.select(faults).where(faults.c.tournament_id == tournament.id).order_by(faults.c.number, faults.c.player)
    if index is not None and len(index):
        query = query.where(faults.c.number.between(int(index[0]), int(index[-1])))
    rows = connection.execute(query).all()
    if any(row.termination not in set(Termination) for row in rows):
        raise LedgerError(f"tournament {tournament.key!r} is damaged: a fault has a termination that does not exist")
    return [
        Fault(
            index=row.number,
            player=row.player,
            termination=Termination(row.termination),
            message=row.message,
            log=row.log,
        )
        for row in rows
    ]


def block_of(connection: sa.Connection, tournament: Tournament, number: int) -> int | None:
    """The first match of the block that spans match ``number``."""
    query = (
        sa.select(blocks.c.first, blocks.c.last)
        .where(blocks.c.tournament_id == tournament.id, blocks.c.first <= number)
        .order_by(blocks.c.first.desc())
        .limit(1)
    )
    found = connection.execute(query).first()
    return int(found.first) if found is not None and found.last >= number else None


def numbers_of(connection: sa.Connection, tournament: Tournament, agent: int, limit: int) -> list[int]:
    """The last ``limit`` matches in which an agent (by id) sat, the newest first."""
    if in_rows(tournament):
        seated = sa.select(lineup_seats.c.lineup_id).where(lineup_seats.c.agent_id == agent)
        query = (
            sa.select(matches.c.number)
            .where(matches.c.tournament_id == tournament.id, matches.c.lineup_id.in_(seated))
            .order_by(matches.c.number.desc())
            .limit(limit)
        )
        return list(connection.scalars(query))
    position = [one.id for one in tournament.agents].index(agent)
    numbers: list[int] = []
    starts = sa.select(blocks.c.first).where(blocks.c.tournament_id == tournament.id).order_by(blocks.c.first.desc())
    for first in connection.scalars(starts).all():
        if len(numbers) >= limit:
            break
        specs = read_columns(connection, tournament, first=first).specs
        numbers += specs.index[(specs.seats == position).any(axis=1)][::-1].tolist()
    return numbers[:limit]


def _validate(tournament: Tournament, results: MatchResults) -> None:
    index, seats = results.specs.index, results.specs.seats
    if index[0] < 0 or np.any(np.diff(index) <= 0):
        raise LedgerError("the matches of a block must have ascending numbers from 0 on, each once")
    if seats.shape != (len(index), tournament.num_players):
        raise LedgerError(
            f"tournament {tournament.key!r} has {tournament.num_players} players a match; got seats of shape {seats.shape}"
        )
    if seats.min() < EMPTY_SEAT or seats.max() >= len(tournament.agents):
        raise LedgerError(f"a seat names no agent of tournament {tournament.key!r}: it has {len(tournament.agents)}")


def _is_written(connection: sa.Connection, tournament: Tournament, first: int, last: int) -> bool:
    found = block_of(connection, tournament, last)
    if found is None:
        later = sa.select(sa.func.max(blocks.c.first)).where(
            blocks.c.tournament_id == tournament.id, blocks.c.first.between(first, last)
        )
        found = connection.execute(later).scalar_one()
        if found is None:
            return False
    end = connection.execute(sa.select(blocks.c.last).where(*_of_block(tournament, found))).scalar_one()
    if (found, end) == (first, last):
        return True
    raise LedgerError(
        f"matches {first} to {last} of tournament {tournament.key!r} cut the block {found} to {end} that is written "
        "already: the borders of blocks are fixed by the schedule"
    )


def _agent_ids(tournament: Tournament, seats: NDArray[np.int64]) -> list[tuple[int, ...]]:
    ids = np.array([agent.id for agent in tournament.agents] + [0], np.int64)  # an empty seat, -1, reads the last
    return list(zip(*ids[seats].T.tolist(), strict=True))


def _new_lineups(connection: sa.Connection, wanted: Collection[tuple[int, ...]]) -> Lineups:
    if not wanted:
        return {}
    keys = {",".join(map(str, agents)): agents for agents in sorted(wanted)}  # one order: writers cannot lock crosswise
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(insert(lineups).on_conflict_do_nothing(), [{"key": key} for key in keys])
    found: Lineups = {}
    names = list(keys)
    for at in range(0, len(names), _CHUNK):
        query = sa.select(lineups.c.key, lineups.c.id).where(lineups.c.key.in_(names[at : at + _CHUNK]))
        found.update({keys[key]: number for key, number in connection.execute(query)})
    seats = [(found[agents], seat, agent) for agents in keys.values() for seat, agent in enumerate(agents) if agent]
    insert_or_ignore(connection, lineup_seats, seats)
    return found


def _match_rows(tournament: Tournament, line: Sequence[int], results: MatchResults) -> list[tuple[object, ...]]:
    specs = results.specs
    floats = np.ascontiguousarray(results.returns, np.float64)
    keys: list[bytes] = floats.view(f"V{8 * tournament.num_players}").ravel().tolist()  # bits: 0.0 is not -0.0
    texts = {key: json.dumps(np.frombuffer(key).tolist()) for key in set(keys)}
    return list(
        zip(
            repeat(tournament.id),
            specs.index.tolist(),
            line,
            np.asarray(specs.seed, np.uint64).view(np.int64).tolist(),
            np.asarray(specs.chance_seed, np.uint64).view(np.int64).tolist(),
            [texts[key] for key in keys],
            results.termination.tolist(),
            results.forfeit.tolist(),
            results.actions.lengths().tolist(),
            strict=False,
        )
    )


def _fault_rows(tournament: Tournament, found: Sequence[Fault]) -> list[tuple[object, ...]]:
    return [
        (
            tournament.id,
            fault.index,
            fault.player,
            int(fault.termination),
            storable(fault.message),
            storable(fault.log),
        )
        for fault in found
    ]


def storable(text: str) -> str:
    """What a program printed may hold what no database keeps: NUL and lone surrogates become question marks."""
    return text.replace("\0", "?").encode("utf-8", "replace").decode()


def _columns_of_rows(connection: sa.Connection, tournament: Tournament, first: int | None) -> Columns:
    m = matches.c
    wanted = m.tournament_id == tournament.id
    if first is not None:
        last = connection.execute(sa.select(blocks.c.last).where(*_of_block(tournament, first))).scalar_one()
        wanted &= m.number.between(first, last)
    columns_read = (m.number, m.lineup_id, m.seed, m.chance_seed, m.returns, m.termination, m.forfeit)
    rows = _driver_rows(connection, sa.select(*columns_read).where(wanted).order_by(m.number))
    if not rows:
        return _no_columns(tournament)
    number, line, seed, chance_seed, texts, termination, forfeit = zip(*rows, strict=True)
    seats = _positions(connection, tournament, sa.select(m.lineup_id).where(wanted).distinct())
    if not seats.keys() >= set(line):
        raise LedgerError(f"tournament {tournament.key!r} is damaged: a lineup is missing; run `arena db check`")
    returns = {text: _returns(tournament, text) for text in set(texts)}
    columns = Columns(
        MatchSpecs(
            index=np.array(number, np.int64),
            seats=np.array([seats[one] for one in line], np.int64),
            seed=np.array(seed, np.int64).view(np.uint64),
            chance_seed=np.array(chance_seed, np.int64).view(np.uint64),
        ),
        np.array([returns[text] for text in texts], np.float64),
        np.array(termination, np.int64).clip(-1, 127).astype(np.int8),
        np.array(forfeit, np.int64).clip(-2, 127).astype(np.int8),
    )
    return _sound(columns, tournament, f"tournament {tournament.key!r}")


def _sound(columns: Columns, tournament: Tournament, what: str) -> Columns:
    """The columns; raises `DamagedBlock` where they hold what no match can have."""
    endings = int(Termination.INFRASTRUCTURE) + (tournament.lane != "tensor")  # games that are programs may fail
    seats, forfeit, termination = columns.specs.seats, columns.forfeit, columns.termination
    for column, low, high, name in (
        (seats, EMPTY_SEAT, len(tournament.agents), "agent"),
        (forfeit, NOBODY, tournament.num_players, "player"),
        (termination, 0, endings, "termination"),
    ):
        if column.size and (column.min() < low or column.max() >= high):
            raise DamagedBlock(f"{what} is damaged: a match has a {name} that does not exist; run `arena db check`")
    return columns


def _driver_rows(connection: sa.Connection, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """The answer as the driver's own rows: of a million, SQLAlchemy's cost as much again as reading them."""
    with connection.execute(query) as answer:
        return [] if answer.cursor is None else list(answer.cursor.fetchall())


def _positions(
    connection: sa.Connection, tournament: Tournament, wanted: sa.Select[tuple[int]]
) -> dict[int, list[int]]:
    position = {str(agent.id): i for i, agent in enumerate(tournament.agents)} | {"0": EMPTY_SEAT}
    found = {}
    for lineup, key in _driver_rows(connection, sa.select(lineups.c.id, lineups.c.key).where(lineups.c.id.in_(wanted))):
        try:
            found[lineup] = [position[name] for name in key.split(",")]
        except KeyError:
            found[lineup] = []
        if len(found[lineup]) != tournament.num_players:
            raise LedgerError(
                f"tournament {tournament.key!r} is damaged: lineup {key!r} is not of its agents; run `arena db check`"
            )
    return found


def _returns(tournament: Tournament, text: str) -> list[float]:
    try:
        returns = [float(value) for value in json.loads(text)]
    except (ValueError, TypeError):
        returns = []
    if len(returns) != tournament.num_players:
        raise LedgerError(f"tournament {tournament.key!r} is damaged: {text!r} are no returns; run `arena db check`")
    return returns


def _no_columns(tournament: Tournament) -> Columns:
    players = tournament.num_players
    none = np.empty(0, np.uint64)
    return Columns(
        MatchSpecs(index=np.empty(0, np.int64), seats=np.empty((0, players), np.int64), seed=none, chance_seed=none),
        np.empty((0, players)),
        np.empty(0, np.int8),
        np.empty(0, np.int8),
    )


def _of_block(tournament: Tournament, first: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    of_tournament = blocks.c.tournament_id == tournament.id
    return (of_tournament,) if first is None else (of_tournament, blocks.c.first == first)
