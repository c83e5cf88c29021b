"""Results from a file: CSV, JSON lines, Parquet or PGN becomes a `Record`. The formats are described in docs/reference/result-files.md.

A file is other people's text: its size, lines, names and numbers are bounded, and every error names file and line.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arena.games.errors import NotProvided, SpecificationError, UnknownName
from arena.leaderboards.record import Record, Utility

MAX_BYTES = 2_000_000_000
MAX_MATCHES = 5_000_000
MAX_LINE = 1_000_000
MAX_NAME = 200
MAX_PLAYERS = 64
MAX_NUMBER = 1e12  # larger returns lose their differences to rounding
BATCH = 16_384  # rows of a Parquet file that are held at once
PASSED_OVER = frozenset({"actions", "seconds", "seats"})  # columns of exports that are large and rate nothing

TWO_AGENTS = (("agent_a", "agent_b"), ("player_a", "player_b"), ("model_a", "model_b"), ("white", "black"))
NUMBERED = ("agent", "player", "model")
FIRST_WORDS = frozenset({"a", "agent_a", "player_a", "model_a", "white", "1", "first"})
SECOND_WORDS = frozenset({"b", "agent_b", "player_b", "model_b", "black", "2", "second"})
DRAW_WORDS = frozenset({"draw", "tie", "tie (bothbad)", "both_bad", "bothbad", "none", "equal", "1/2-1/2", "="})
RESULTS: Mapping[str, float | None] = {"1-0": 1.0, "0-1": 0.0, "1/2-1/2": 0.5, "½-½": 0.5, "0.5-0.5": 0.5, "*": None}

_TAG = re.compile(r'\s*\[\s*(\w+)\s+"(.*)"\s*\]\s*')


@dataclass(frozen=True, slots=True)
class _Match:
    """One line of a file. ``forfeit``: the player at fault, -1 none. ``pair``: what its twins share, '' none. ``game``: of a
    ledger, '' where the file is no export of one."""

    agents: tuple[str, ...]
    returns: tuple[float, ...]
    forfeit: int = -1
    pair: str = ""
    weight: float = 1.0
    game: str = ""
    judge: str = ""


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
    return _record(_of_judges(_of_game(reader(path), game, path), without_judges, path), path)


def _of_judges(matches: Iterator[_Match], without: Sequence[str], path: Path) -> Iterator[_Match]:
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


def _of_game(matches: Iterator[_Match], game: str | None, path: Path) -> Iterator[_Match]:
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


def _record(matches: Iterator[_Match], path: Path) -> Record:
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
        utility=_utility(returns),
    )


def _utility(returns: Sequence[tuple[float, ...]]) -> Utility:
    sums = [math.fsum(row) for row in returns]
    scale = max((abs(value) for row in returns for value in row), default=0.0)
    close = 1e-9 * max(scale, 1.0)
    if max(map(abs, sums)) <= close:
        return "zero_sum"
    if all(max(row) - min(row) <= close for row in returns):
        return "identical"
    one_size = len({len(row) for row in returns}) == 1
    return "constant_sum" if one_size and max(sums) - min(sums) <= close else "general_sum"


def _read_csv(path: Path) -> Iterator[_Match]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(_lines(file, path), strict=True)
        try:
            header = [name.strip().lower() for name in next(rows, [])]
            _check_columns(header, f"{path}, line 1")
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(header):
                    raise SpecificationError(f"{where}: {len(row)} cells under {len(header)} columns")
                match = _match({name: cell.strip() for name, cell in zip(header, row, strict=True)}, where)
                if match is not None:
                    yield match
        except csv.Error as error:
            raise SpecificationError(f"{path}, line {rows.line_num}: no CSV: {error}") from None


def _read_jsonl(path: Path) -> Iterator[_Match]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(_lines(file, path), 1):
            where = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise SpecificationError(f"{where}: no JSON: {error}") from None
            if not isinstance(value, dict):
                raise SpecificationError(f'{where}: each line must be a JSON object such as {{"agents": [..], ..}}')
            fields = _flat(value, where)
            if not fields:
                raise SpecificationError(f"{where}: {_needed()}")
            match = _match(fields, where)
            if match is not None:
                yield match


def _read_parquet(path: Path) -> Iterator[_Match]:
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
                    fields = _flat(value, where)
                    match = _match(fields, where)
                    if match is not None:
                        yield match
    except (pa.ArrowException, OSError) as error:
        raise SpecificationError(f"{path}: no Parquet: {error}") from None


def _flat(value: Mapping[str, object], where: str) -> dict[str, str]:
    """A JSON object as the cells of a CSV row: ``agents`` and ``returns`` are lists, the rest single values."""
    fields: dict[str, str] = {}
    for key, content in value.items():
        name = key.strip().lower()
        if name in ("agents", "players", "models", "returns"):
            if not isinstance(content, list) or len(content) > MAX_PLAYERS:
                raise SpecificationError(f"{where}: {name!r} must be a list of at most {MAX_PLAYERS}")
            fields |= {f"{name[:-1]}_{k}": _text(item) for k, item in enumerate(content, 1)}
        else:
            fields[name] = _text(content)
    return fields


def _text(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).strip()


def _read_pgn(path: Path) -> Iterator[_Match]:
    """Headers alone; moves, comments and variations are passed over."""
    tags: dict[str, str] = {}
    begun, in_moves, in_comment = 0, False, False
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        for number, line in enumerate(_lines(file, path), 1):
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


def _pgn_match(tags: Mapping[str, str], where: str) -> Iterator[_Match]:
    for name in ("white", "black", "result"):
        if name not in tags:
            raise SpecificationError(f'{where}: no [{name.title()} "..."]')
    # an old file may be in Latin-1: what is no UTF-8 is read as that
    fields = {k: tags[k].encode("utf-8", "surrogateescape") for k in ("white", "black", "result")}
    known = {k: _decoded(text).strip() for k, text in fields.items()}
    match = _match(known | _own_tags(tags, where), where)
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


def _lines(file: object, path: Path) -> Iterator[str]:
    number = 0
    read = file.readline  # type: ignore[attr-defined]  # a text file
    while True:
        try:
            line: str = read(MAX_LINE + 1)
        except UnicodeDecodeError:
            raise SpecificationError(f"{path}, line {number + 1} or later: no UTF-8 text") from None
        if not line:
            return
        number += 1
        if len(line) > MAX_LINE:
            raise SpecificationError(f"{path}, line {number}: longer than {MAX_LINE:,} characters")
        yield line


def _check_columns(header: Sequence[str], where: str) -> None:
    """A CSV says at once whether it can be read, and not at its first row."""
    if len(set(header)) != len(header):
        double = sorted({name for name in header if header.count(name) > 1})
        raise SpecificationError(f"{where}: the column {double[0]!r} stands twice")
    columns = _agent_columns(header)
    if len(columns) < 2:
        raise SpecificationError(f"{where}: {_needed()}")
    if not {"winner", "result", "score"} & set(header) and not all(name in header for name in _return_columns(columns)):
        raise SpecificationError(f"{where}: {_needed()}")


def _needed() -> str:
    return (
        "no results here; needed are the agents (agent_a, agent_b or agent_1, agent_2, ...) and what came of it "
        "(winner, result, score, or return_1, return_2, ...)"
    )


def _agent_columns(names: Sequence[str]) -> list[str]:
    known = set(names)
    for first, second in TWO_AGENTS:
        if first in known and second in known:
            return [first, second]
    for kind in NUMBERED:
        columns: list[str] = []
        while f"{kind}_{len(columns) + 1}" in known and len(columns) < MAX_PLAYERS:
            columns.append(f"{kind}_{len(columns) + 1}")
        if columns:
            return columns
    return []


def _return_columns(agent_columns: Sequence[str]) -> list[str]:
    return [f"return_{k + 1}" for k in range(len(agent_columns))]


def _match(fields: Mapping[str, str], where: str) -> _Match | None:
    """The match of one row; None where it was not finished, or counts 0 times."""
    columns = _agent_columns(list(fields))
    while columns and not fields[columns[-1]]:  # a match of fewer players leaves the last columns empty
        columns.pop()
    if len(columns) < 2:
        raise SpecificationError(f"{where}: a match needs at least two agents")
    agents = tuple(_name(fields[column], where) for column in columns)
    returns = _returns(fields, agents, columns, where)
    weight = _number(fields["weight"], "weight", where, least=0.0) if fields.get("weight") else 1.0
    if returns is None or not weight:
        return None
    return _Match(
        agents=agents,
        returns=returns,
        forfeit=_forfeit(fields.get("forfeit", ""), agents, where),
        pair=fields.get("pair", ""),
        weight=weight,
        game=fields.get("game", "") if fields.get("tournament") else "",
        judge=fields.get("judge", ""),
    )


def _returns(
    fields: Mapping[str, str], agents: tuple[str, ...], columns: Sequence[str], where: str
) -> tuple[float, ...] | None:
    return_columns = _return_columns(columns)
    if any(fields.get(name) for name in return_columns):
        return tuple(_number(fields.get(name, ""), name, where) for name in return_columns)
    if len(agents) > 2:
        raise SpecificationError(f"{where}: a match of {len(agents)} agents needs return_1 to return_{len(agents)}")
    if fields.get("score"):
        share = _number(fields["score"], "score", where, least=0.0, most=1.0)
    elif fields.get("result"):
        result = fields["result"].replace(" ", "")
        if result not in RESULTS:
            raise SpecificationError(f"{where}: the result must be one of {', '.join(RESULTS)}; got {result!r:.40}")
        found = RESULTS[result]
        if found is None:
            return None
        share = found
    elif fields.get("winner"):
        share = _winner(fields["winner"], agents, where)
    else:
        raise SpecificationError(f"{where}: says not what came of the match (winner, result, score or returns)")
    return (2 * share - 1, 1 - 2 * share)


def _winner(text: str, agents: tuple[str, ...], where: str) -> float:
    """The first agent's share. An agent's name goes before the words for first, second and draw."""
    if text in agents and agents[0] != agents[1]:
        return 1.0 if text == agents[0] else 0.0
    word = text.lower()
    for words, share in ((FIRST_WORDS, 1.0), (SECOND_WORDS, 0.0), (DRAW_WORDS, 0.5)):
        if word in words:
            return share
    raise SpecificationError(
        f"{where}: the winner must be {agents[0]!r}, {agents[1]!r}, a, b or draw; got {text!r:.80}"
    )


def _forfeit(text: str, agents: tuple[str, ...], where: str) -> int:
    if not text:
        return -1
    if agents.count(text) == 1:
        return agents.index(text)
    if text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= len(agents):
        return int(text) - 1
    raise SpecificationError(
        f"{where}: forfeit must be empty, the name of the agent at fault, or its number from 1; got {text!r:.80}"
    )


def _name(text: str, where: str) -> str:
    if not text or len(text) > MAX_NAME or not text.isprintable():
        raise SpecificationError(
            f"{where}: an agent's name must be 1 to {MAX_NAME} printable characters; got {text[:40]!r}"
        )
    return text


def _number(text: str, name: str, where: str, *, least: float = -MAX_NUMBER, most: float = MAX_NUMBER) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:  # NaN is neither
        raise SpecificationError(f"{where}: {name} must be a number from {least:g} to {most:g}; got {text!r:.40}")
    return number
