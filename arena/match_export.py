"""The matches of a ledger as rows for other programs, and as files: JSON lines, CSV, Parquet. docs/how-to/export.md says what each column holds.

`read_record` reads each of these files back to the ratings that the ledger gives: twins share their ``pair``, and a match
that the ledger does not rate, after a verdict or because it repeats another, has ``weight`` 0.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, TextIO, TypedDict

import numpy as np
from numpy.typing import NDArray

from arena.entrants import by_side, entrant_labels, without_moves
from arena.games import NotProvided
from arena.ledger import Ledger, Tournament
from arena.rated_matches import rated_matches, units_by_chance
from arena.results import NOBODY, MatchResult, MatchResults, Termination

_as_json = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode
ROWS_A_GROUP = 16384  # of a Parquet file: large enough to compress, small enough to hold
PARQUET_MISSING = "Parquet files need: pip install 'minimax-arena[parquet]'"


class MatchRow(TypedDict):
    """One match. ``agents``, ``returns``: by side, which is a player where players stand alone; ``seats``: the agent of each
    player, None an empty seat; ``forfeit``: the side at fault, from 1; ``forfeited_by``: the player at fault, from 0;
    ``plies``: recorded actions, chance outcomes among them.
    """

    tournament: str
    match: int
    game: str
    agents: list[str]
    returns: list[float]
    forfeit: int | None
    pair: str
    weight: int
    termination: str
    forfeited_by: int | None
    seats: list[str | None]
    seed: int
    chance_seed: int
    plies: int
    actions: list[object]
    seconds: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The matches to export. ``rated``: of each tournament by key, the numbers of its rated matches, ascending."""

    tournaments: tuple[Tournament, ...]
    rated: Mapping[str, NDArray[np.int64]]
    matches: int


def chosen_matches(ledger: Ledger, *, game: str | None = None, tournament: str | None = None) -> Chosen:
    """The matches of a tournament, of a game, or of the whole ledger.

    A tournament alone is rated alone: a match that repeats one of an earlier tournament counts then.

    Raises:
        UnknownName: no such tournament.
    """
    chosen = [ledger.tournament(tournament)] if tournament is not None else ledger.tournaments(game)
    rated = {one.key: np.empty(0, np.int64) for one in chosen}  # no rating counts the fresh matches of exploiters
    for name in dict.fromkeys(one.game for one in chosen):
        found = rated_matches(ledger, [one for one in chosen if one.game == name])
        rated.update({key: np.sort(found.number[found.tournament == at]) for at, key in enumerate(found.keys)})
    return Chosen(tournaments=tuple(chosen), rated=rated, matches=sum(map(ledger.progress, chosen)))


def match_rows(ledger: Ledger, chosen: Chosen) -> Iterator[MatchRow]:
    """The rows, tournament by tournament in the order in which they were made, each in schedule order; a block is held at a time."""
    return (
        row
        for tournament in chosen.tournaments
        for block in ledger.result_blocks(tournament)
        for row in _rows(tournament, block, chosen.rated[tournament.key])
    )


def rows_of(ledger: Ledger, chosen: Chosen) -> Iterator[tuple[Tournament, MatchRow, MatchResult]]:
    """The same rows, each with its tournament and with the match as it is recorded."""
    for tournament in chosen.tournaments:
        for block in ledger.result_blocks(tournament):
            for row, result in zip(_rows(tournament, block, chosen.rated[tournament.key]), block, strict=True):
                yield tournament, row, result


def write_jsonl(stream: TextIO, rows: Iterable[MatchRow]) -> None:
    """A JSON object a line."""
    stream.writelines(f"{_as_json(row)}\n" for row in rows)


def write_csv(stream: TextIO, rows: Iterable[MatchRow], *, sides: int) -> None:
    """A line a match; ``agent_1``.. and ``return_1``.. for so many sides, lists as JSON text."""
    numbered = [[f"{name}_{k + 1}" for k in range(sides)] for name in ("agent", "return")]
    single = [name for name in MatchRow.__annotations__ if name not in ("agents", "returns")]
    heads = [*single[:3], *numbered[0], *numbered[1], *single[3:]]
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heads)
    for row in rows:
        cells: list[object] = [_cell(row[name]) for name in single]  # type: ignore[literal-required]
        empty = [""] * (sides - len(row["agents"]))
        writer.writerow([*cells[:3], *row["agents"], *empty, *row["returns"], *empty, *cells[3:]])


def write_parquet(stream: BinaryIO, rows: Iterable[MatchRow], *, real_actions: bool) -> None:
    """A Parquet file with lists as lists; actions are whole numbers, or with `real_actions` numbers, vectors laid flat.

    Raises:
        NotProvided: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as missing:
        raise NotProvided(PARQUET_MISSING) from missing
    types = {
        "match": pa.int64(),
        "agents": pa.list_(pa.string()),
        "returns": pa.list_(pa.float64()),
        "forfeit": pa.int16(),
        "weight": pa.int8(),
        "forfeited_by": pa.int16(),
        "seats": pa.list_(pa.string()),
        "seed": pa.uint64(),
        "chance_seed": pa.uint64(),
        "plies": pa.int64(),
        "actions": pa.list_(pa.float64() if real_actions else pa.int32()),
        "seconds": pa.list_(pa.float32()),
    }
    schema = pa.schema([(name, types.get(name, pa.string())) for name in MatchRow.__annotations__])
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for group in _groups(rows):
            if real_actions:
                group = [{**row, "actions": _flat(row["actions"])} for row in group]
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def has_real_actions(ledger: Ledger, chosen: Chosen) -> bool:
    """Whether actions of any tournament are no whole numbers, by its first block: all are of one space."""
    first = (next(ledger.result_blocks(one), None) for one in chosen.tournaments)
    return any(block is not None and block.actions.values.dtype.kind == "f" for block in first)


def most_sides(chosen: Chosen) -> int:
    """Of all its matches, the most sides."""
    return max((len(one.sides) for one in chosen.tournaments), default=2)


def _rows(tournament: Tournament, block: MatchResults, rated: NDArray[np.int64]) -> Iterator[MatchRow]:
    """The rows of a block: column by column out of its arrays, since a look at each match is what takes long."""
    labels = entrant_labels(tournament)
    names = [*(agent.label for agent in tournament.agents), None]  # the last is that of NOBODY
    met = by_side(tournament, without_moves(block))
    # as the standings have it: what shares a chance seed, the rotation of seats or more; in an import what its file said
    units = block.specs.chance_seed if units_by_chance(tournament) else block.specs.index // met.seats.shape[1]
    ends = {code.value: code.name.lower() for code in Termination}
    actions, until = block.actions.values.tolist(), block.actions.ends.tolist()
    for (
        index,
        met_seats,
        returns,
        side,
        unit,
        weight,
        end,
        player,
        seats,
        seed,
        chance_seed,
        begin,
        stop,
        seconds,
    ) in zip(
        block.specs.index.tolist(),
        met.seats.tolist(),
        met.returns.tolist(),
        met.forfeit.tolist(),
        units.tolist(),
        np.isin(block.specs.index, rated).astype(np.int64).tolist(),
        block.termination.tolist(),
        block.forfeit.tolist(),
        block.specs.seats.tolist(),
        block.specs.seed.tolist(),
        block.specs.chance_seed.tolist(),
        [0, *until[:-1]],
        until,
        block.seconds.tolist(),
        strict=True,
    ):
        entrants = [labels[entrant] for entrant in met_seats if entrant != NOBODY]
        yield MatchRow(
            tournament=tournament.key,
            match=index,
            game=tournament.game,
            agents=entrants,
            returns=returns[: len(entrants)],
            forfeit=None if side == NOBODY else side + 1,
            pair=f"{tournament.key}/{unit}",
            weight=weight,
            termination=ends[end],
            forfeited_by=None if player == NOBODY else player,
            seats=[names[seat] for seat in seats],
            seed=seed,
            chance_seed=chance_seed,
            plies=stop - begin,
            actions=actions[begin:stop],
            seconds=[round(spent, 6) for spent in seconds],
        )


def _groups(rows: Iterable[MatchRow]) -> Iterator[list[dict[str, object]]]:
    group: list[dict[str, object]] = []
    for row in rows:
        group.append(dict(row))
        if len(group) == ROWS_A_GROUP:
            yield group
            group = []
    if group:
        yield group


def _flat(actions: object) -> list[float]:
    return [float(value) for value in np.asarray(actions, np.float64).ravel().tolist()]


def _cell(value: object) -> object:
    if value is None:
        return ""
    return _as_json(value) if isinstance(value, list) else value
