"""Results from a file: CSV, JSON lines, Parquet or PGN becomes a `Record`. The formats are described in docs/reference/result-files.md.

A file is other people's text: its size, lines, names and numbers are bounded, and every error names file and line.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from arena.games.errors import NotProvided, SpecificationError, UnknownName
from arena.leaderboards.record import Record
from arena.leaderboards.result_columns import columns_record, utility_of
from arena.leaderboards.result_rows import Match, check_columns, flat_cells, match_of, needed
from arena.leaderboards.result_tables import PASSED_OVER, lines_of, read_columns

MAX_BYTES = 2_000_000_000
MAX_MATCHES = 5_000_000
BATCH = 16_384  # rows of a Parquet file that are held at once

_TAG = re.compile(r'\s*\[\s*(\w+)\s+"(.*)"\s*\]\s*')


def read_record(path: str | Path, *, game: str | None = None, without_judges: Sequence[str] = ()) -> Record:
    """The matches of a results file, by its ending: ``.csv``, ``.jsonl`` (or ``.ndjson``), ``.parquet``, ``.pgn``.

    Agents are numbered in the order in which they first appear. Where the file gives returns, the utility is what they
    show: zero-sum, constant-sum, identical or general-sum; otherwise a win is +1, a draw 0, a loss −1.

    Args:
        path: of the file.
        game: of an export of a ledger (its rows name their ``tournament`` and ``game``), only the matches of this game; other
            files are of one game, whatever they call it.
        without_judges: the names in the column ``judge`` whose results are passed over.

    Raises:
        UnknownName: a judge to pass over gave no result.
        SpecificationError: the file is missing, too large, holds no match, or cannot be read, with the line; or it is an
            export of several games and none is named.
        NotProvided: a Parquet file, and pyarrow is not installed.
    """
    path = Path(path)
    readers = {
        ".csv": _read_csv,
        ".jsonl": _read_jsonl,
        ".ndjson": _read_jsonl,
        ".parquet": _read_parquet,
        ".pgn": _read_pgn,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise SpecificationError(f"{path}: results are read from files that end in {', '.join(readers)}")
    if not path.is_file():
        raise SpecificationError(f"{path}: there is no such file")
    if path.stat().st_size > MAX_BYTES:
        raise SpecificationError(f"{path}: larger than {MAX_BYTES // 10**9} GB; split it or import it in parts")
    found = _plain(path, game, without_judges)
    if found is not None:
        return found
    return _record(_of_judges(_of_game(reader(path), game, path), without_judges, path), path)


def _plain(path: Path, game: str | None, without_judges: Sequence[str]) -> Record | None:
    """The same record, column by column; None where the file must be read row by row."""
    columns = read_columns(path)
    if columns is None:
        return None
    return columns_record(columns, game=game, without_judges=without_judges, most=MAX_MATCHES)


def _of_judges(matches: Iterator[Match], without: Sequence[str], path: Path) -> Iterator[Match]:
    """The matches that none of these judges judged."""
    judges: dict[str, int] = {}
    for match in matches:
        judges.setdefault(match.judge, len(judges))
        if match.judge not in without:
            yield match
    known = [name for name in judges if name]
    if without and not known:
        raise SpecificationError(f"{path}: no result names its judge; a column 'judge' does")
    for name in without:
        if name not in known:
            raise UnknownName(f"judge in {path}", name, known)


def _of_game(matches: Iterator[Match], game: str | None, path: Path) -> Iterator[Match]:
    """The matches of one game, where they say of which game of a ledger they are."""
    games: dict[str, int] = {}
    found = False
    for match in matches:
        if match.game:
            games.setdefault(match.game, len(games))
            if game is None and len(games) > 1:
                raise SpecificationError(
                    f"{path}: holds matches of {' and '.join(games)}, and maybe more; name the game"
                )
        if game is None or not match.game or game in (match.game, match.game.partition(":")[2]):
            found = True
            yield match
    if games and not found:
        raise SpecificationError(f"{path}: holds no match of {game}; it has matches of {', '.join(sorted(games))}")


def _record(matches: Iterator[Match], path: Path) -> Record:
    numbers: dict[str, int] = {}
    pairs: dict[str, int] = {}
    seats, returns, forfeit, pair, weight = [], [], [], [], []
    for count, match in enumerate(matches):
        if count == MAX_MATCHES:
            raise SpecificationError(f"{path}: more than {MAX_MATCHES:,} matches; split it or import it in parts")
        seats.append([numbers.setdefault(agent, len(numbers)) for agent in match.agents])
        returns.append(match.returns)
        forfeit.append(match.forfeit)
        pair.append(pairs.setdefault(match.pair or f"\0{count}", len(pairs)))
        weight.append(match.weight)
    if not seats:
        raise SpecificationError(f"{path}: holds no finished match")
    width = max(map(len, seats))
    if all(len(row) == width for row in seats):
        seat_columns, return_columns = np.array(seats, np.int64), np.array(returns, np.float64)
    else:
        seat_columns = np.array([row + [-1] * (width - len(row)) for row in seats], np.int64)
        return_columns = np.array([row + (0.0,) * (width - len(row)) for row in returns], np.float64)
    return Record(
        agents=tuple(numbers),
        seats=seat_columns,
        returns=return_columns,
        forfeit=np.array(forfeit, np.int64),
        pair=np.array(pair, np.int64),
        weight=np.array(weight, np.float64),
        utility=utility_of(return_columns, seat_columns),
    )


def _read_csv(path: Path) -> Iterator[Match]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(lines_of(file, path), strict=True)
        try:
            header = [name.strip().lower() for name in next(rows, [])]
            check_columns(header, f"{path}, line 1")
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(header):
                    raise SpecificationError(f"{where}: {len(row)} cells under {len(header)} columns")
                match = match_of({name: cell.strip() for name, cell in zip(header, row, strict=True)}, where)
                if match is not None:
                    yield match
        except csv.Error as error:
            raise SpecificationError(f"{path}, line {rows.line_num}: no CSV: {error}") from None


def _read_jsonl(path: Path) -> Iterator[Match]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(lines_of(file, path), 1):
            where = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise SpecificationError(f"{where}: no JSON: {error}") from None
            if not isinstance(value, dict):
                raise SpecificationError(f'{where}: each line must be a JSON object such as {{"agents": [..], ..}}')
            fields = flat_cells(value, where)
            if not fields:
                raise SpecificationError(f"{where}: {needed()}")
            match = match_of(fields, where)
            if match is not None:
                yield match


def _read_parquet(path: Path) -> Iterator[Match]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as missing:
        raise NotProvided(f"{path}: Parquet files need: pip install 'minimax-arena[parquet]'") from missing
    try:
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name.strip().lower() not in PASSED_OVER]
            number = 0
            for batch in file.iter_batches(batch_size=BATCH, columns=names):
                for value in batch.to_pylist():
                    number += 1
                    where = f"{path}, row {number}"
                    fields = flat_cells(value, where)
                    match = match_of(fields, where)
                    if match is not None:
                        yield match
    except (pa.ArrowException, OSError) as error:
        raise SpecificationError(f"{path}: no Parquet: {error}") from None


def _read_pgn(path: Path) -> Iterator[Match]:
    """Headers alone; moves, comments and variations are passed over."""
    tags: dict[str, str] = {}
    begun, in_moves, in_comment = 0, False, False
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        for number, line in enumerate(lines_of(file, path), 1):
            tag = None if in_comment else _TAG.fullmatch(line)
            if tag is None:
                in_moves = in_moves or bool(line.strip() and tags)
                in_comment = _comment_open(line, in_comment)
                continue
            if in_moves:
                yield from _pgn_match(tags, f"{path}, game at line {begun}")
                tags, in_moves = {}, False
            if not tags:
                begun = number
            name = tag[1].lower()
            if name in tags and name in ("white", "black", "result"):
                raise SpecificationError(f"{path}, line {number}: a second {tag[1]} in the game at line {begun}")
            tags[name] = re.sub(r"\\(.)", r"\1", tag[2])
    if tags:
        yield from _pgn_match(tags, f"{path}, game at line {begun}")


def _comment_open(line: str, is_open: bool) -> bool:
    """Whether a brace comment is open behind the line. Braces do not nest; a semicolon comments out the rest of a line."""
    for character in line:
        if is_open:
            is_open = character != "}"
        elif character == ";":
            break
        else:
            is_open = character == "{"
    return is_open


def _pgn_match(tags: Mapping[str, str], where: str) -> Iterator[Match]:
    for name in ("white", "black", "result"):
        if name not in tags:
            raise SpecificationError(f'{where}: no [{name.title()} "..."]')
    # an old file may be in Latin-1: what is no UTF-8 is read as that
    fields = {k: tags[k].encode("utf-8", "surrogateescape") for k in ("white", "black", "result")}
    known = {k: _decoded(text).strip() for k, text in fields.items()}
    match = match_of(known | _own_tags(tags, where), where)
    if match is not None:
        yield match


def _own_tags(tags: Mapping[str, str], where: str) -> dict[str, str]:
    """Of an export of a ledger, what PGN has no tag for: the game, twins, what a match counts, faults, and returns that say
    more than who won. Tags of other files are left alone."""
    if not ("tournament" in tags and "game" in tags):
        return {}
    found = {name: tags[name] for name in ("tournament", "game", "pair", "weight") if name in tags}
    if "whitereturn" in tags and "blackreturn" in tags:
        found |= {"return_1": tags["whitereturn"], "return_2": tags["blackreturn"]}
    if "forfeit" in tags:
        if tags["forfeit"] not in ("White", "Black"):
            raise SpecificationError(f"{where}: [Forfeit] must be White or Black; got {tags['forfeit']!r:.40}")
        found["forfeit"] = "1" if tags["forfeit"] == "White" else "2"
    return found


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
