"""What a row of a results file says: agents, returns, who was at fault. The rules of docs/reference/result-files.md, for one row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arena.games.errors import SpecificationError

MAX_NAME = 200
MAX_PLAYERS = 64
MAX_NUMBER = 1e12  # larger returns lose their differences to rounding

TWO_AGENTS = (("agent_a", "agent_b"), ("player_a", "player_b"), ("model_a", "model_b"), ("white", "black"))
NUMBERED = ("agent", "player", "model")
FIRST_WORDS = frozenset({"a", "agent_a", "player_a", "model_a", "white", "1", "first"})
SECOND_WORDS = frozenset({"b", "agent_b", "player_b", "model_b", "black", "2", "second"})
DRAW_WORDS = frozenset({"draw", "tie", "tie (bothbad)", "both_bad", "bothbad", "none", "equal", "1/2-1/2", "="})
RESULTS: Mapping[str, float | None] = {"1-0": 1.0, "0-1": 0.0, "1/2-1/2": 0.5, "½-½": 0.5, "0.5-0.5": 0.5, "*": None}


@dataclass(frozen=True, slots=True)
class Match:
    """One line of a file. ``forfeit``: the player at fault, -1 none. ``pair``: what its twins share, '' none. ``game``: of a
    ledger, '' where the file is no export of one."""

    agents: tuple[str, ...]
    returns: tuple[float, ...]
    forfeit: int = -1
    pair: str = ""
    weight: float = 1.0
    game: str = ""
    judge: str = ""


def check_columns(header: Sequence[str], where: str) -> None:
    """A CSV says at once whether it can be read, and not at its first row."""
    if len(set(header)) != len(header):
        double = sorted({name for name in header if header.count(name) > 1})
        raise SpecificationError(f"{where}: the column {double[0]!r} stands twice")
    columns = agent_columns(header)
    if len(columns) < 2:
        raise SpecificationError(f"{where}: {needed()}")
    if not {"winner", "result", "score"} & set(header) and not all(name in header for name in return_columns(columns)):
        raise SpecificationError(f"{where}: {needed()}")


def needed() -> str:
    """What a file without results lacks."""
    return (
        "no results here; needed are the agents (agent_a, agent_b or agent_1, agent_2, ...) and what came of it "
        "(winner, result, score, or return_1, return_2, ...)"
    )


def agent_columns(names: Sequence[str]) -> list[str]:
    """The columns of a row, among `names`, that hold its agents, in the order of seats."""
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


def return_columns(columns: Sequence[str]) -> list[str]:
    """The columns of the returns of these agents."""
    return [f"return_{k + 1}" for k in range(len(columns))]


def match_of(fields: Mapping[str, str], where: str) -> Match | None:
    """The match of one row; None where it was not finished, or counts 0 times."""
    columns = agent_columns(list(fields))
    while columns and not fields[columns[-1]]:  # a match of fewer players leaves the last columns empty
        columns.pop()
    if len(columns) < 2:
        raise SpecificationError(f"{where}: a match needs at least two agents")
    agents = tuple(checked_name(fields[column], where) for column in columns)
    returns = returns_of(fields, agents, columns, where)
    weight = checked_number(fields["weight"], "weight", where, least=0.0) if fields.get("weight") else 1.0
    if returns is None or not weight:
        return None
    return Match(
        agents=agents,
        returns=returns,
        forfeit=forfeit_of(fields.get("forfeit", ""), agents, where),
        pair=fields.get("pair", ""),
        weight=weight,
        game=fields.get("game", "") if fields.get("tournament") else "",
        judge=fields.get("judge", ""),
    )


def returns_of(
    fields: Mapping[str, str], agents: tuple[str, ...], columns: Sequence[str], where: str
) -> tuple[float, ...] | None:
    """What the agents got, who stand in these columns; None where the match was not finished."""
    names = return_columns(columns)
    if any(fields.get(name) for name in names):
        return tuple(checked_number(fields.get(name, ""), name, where) for name in names)
    if len(agents) > 2:
        raise SpecificationError(f"{where}: a match of {len(agents)} agents needs return_1 to return_{len(agents)}")
    if fields.get("score"):
        share = checked_number(fields["score"], "score", where, least=0.0, most=1.0)
    elif fields.get("result"):
        result = fields["result"].replace(" ", "")
        if result not in RESULTS:
            raise SpecificationError(f"{where}: the result must be one of {', '.join(RESULTS)}; got {result!r:.40}")
        found = RESULTS[result]
        if found is None:
            return None
        share = found
    elif fields.get("winner"):
        share = winner_share(fields["winner"], agents, where)
    else:
        raise SpecificationError(f"{where}: says not what came of the match (winner, result, score or returns)")
    return (2 * share - 1, 1 - 2 * share)


def winner_share(text: str, agents: tuple[str, ...], where: str) -> float:
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


def forfeit_of(text: str, agents: tuple[str, ...], where: str) -> int:
    """The player at fault, -1 none."""
    if not text:
        return -1
    if agents.count(text) == 1:
        return agents.index(text)
    if text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= len(agents):
        return int(text) - 1
    raise SpecificationError(
        f"{where}: forfeit must be empty, the name of the agent at fault, or its number from 1; got {text!r:.80}"
    )


def checked_name(text: str, where: str) -> str:
    """The name of an agent as it stands. Raises `SpecificationError` where it cannot be one."""
    if not text or len(text) > MAX_NAME or not text.isprintable():
        raise SpecificationError(
            f"{where}: an agent's name must be 1 to {MAX_NAME} printable characters; got {text[:40]!r}"
        )
    return text


def checked_number(text: str, name: str, where: str, *, least: float = -MAX_NUMBER, most: float = MAX_NUMBER) -> float:
    """The number that stands there. Raises `SpecificationError` where none does, or one out of the range."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:  # NaN is neither
        raise SpecificationError(f"{where}: {name} must be a number from {least:g} to {most:g}; got {text!r:.40}")
    return number


def flat_cells(value: Mapping[str, object], where: str) -> dict[str, str]:
    """A JSON object as the cells of a CSV row: ``agents`` and ``returns`` are lists, the rest single values."""
    fields: dict[str, str] = {}
    for key, content in value.items():
        name = key.strip().lower()
        if name in ("agents", "players", "models", "returns"):
            if not isinstance(content, list) or len(content) > MAX_PLAYERS:
                raise SpecificationError(f"{where}: {name!r} must be a list of at most {MAX_PLAYERS}")
            fields |= {f"{name[:-1]}_{k}": cell_text(item) for k, item in enumerate(content, 1)}
        else:
            fields[name] = cell_text(content)
    return fields


def cell_text(value: object) -> str:
    """A value of JSON or Parquet as a cell of CSV holds it."""
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).strip()
