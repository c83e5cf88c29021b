"""Files of preferences: a matrix of win rates, or a table of comparisons.

A matrix: CSV with the candidates' names in the first row and in the first column (in any order), the cell of row i and
column j the probability that i beats j; empty where unknown, one direction is enough, the diagonal may be empty. ``.npy``
[n, n], NaN where unknown; ``.npz`` with ``preferences`` [n, n] and, if wished, ``candidates`` (texts).

A table: CSV with a head, or JSON lines, with ``model_a``, ``model_b`` and ``winner``; other columns are left aside.
``winner`` is ``model_a``, ``model_b``, a tie (``tie``, ``tie (bothbad)``, ``both_bad``), or the name of one of the two.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.payoff_files import csv_lines, load_arrays, real_array

COLUMNS = ("model_a", "model_b", "winner")
TIES = frozenset({"tie", "tie (bothbad)", "tie (both bad)", "bothbad", "both_bad", "both bad"})
_RESERVED = TIES | {"model_a", "model_b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """``preferences`` float64 [n, n] as given, NaN where unknown; ``counts`` int64 [n, n] comparisons, None for rates."""

    candidates: tuple[str, ...]
    preferences: NDArray[np.float64]
    counts: NDArray[np.int64] | None


def read_preferences(content: bytes, *, path: str, suffix: str) -> Preferences:
    """The preferences of a file whose name ends in ``suffix``.

    Raises:
        SpecificationError: it has none; the message names path, line and column.
    """
    if suffix in (".npy", ".npz"):
        found = _from_arrays(content, path)
    elif suffix == ".jsonl":
        found = _counted(_json_rows(content, path), path)
    else:
        lines = csv_lines(content, path=path)
        head = [cell.strip() for cell in lines[0][1]]
        if set(COLUMNS) <= set(head):
            found = _counted(_csv_rows(lines, head, path), path)
        elif "winner" in head or {"model_a", "model_b"} & set(head):
            missing = next(column for column in COLUMNS if column not in head)
            raise SpecificationError(f"{path}, line {lines[0][0]}: a table of comparisons needs a column {missing!r}")
        else:
            found = _from_matrix(lines, path)
    if len(found.candidates) < 2:
        raise SpecificationError(f"{path} has {len(found.candidates)} candidates; two are needed to prefer one")
    return found


def _from_arrays(content: bytes, path: str) -> Preferences:
    arrays = load_arrays(content, path=path)
    names = arrays.pop("candidates", None)
    if len(arrays) != 1:
        raise SpecificationError(f"{path} must hold one array of preferences; it holds {', '.join(arrays) or 'none'}")
    ((key, array),) = arrays.items()
    preferences = real_array(array, path, key)
    if preferences.ndim != 2 or preferences.shape[0] != preferences.shape[1]:
        raise SpecificationError(f"{path}: preferences are [n, n]; got {list(preferences.shape)}")
    candidates = [str(i) for i in range(len(preferences))] if names is None else [str(name) for name in names.tolist()]
    _check_names(candidates, len(preferences), path)
    return Preferences(candidates=tuple(candidates), preferences=preferences, counts=None)


def _from_matrix(lines: Sequence[tuple[int, list[str]]], path: str) -> Preferences:
    number, head = lines[0]
    candidates = [cell.strip() for cell in head[1:]]
    _check_names(candidates, len(candidates), f"{path}, line {number}")
    place = {name: i for i, name in enumerate(candidates)}
    preferences = np.full((len(candidates), len(candidates)), np.nan)
    seen: set[str] = set()
    for number, cells in lines[1:]:
        name = cells[0].strip()
        if name not in place or name in seen:
            what = "stands twice" if name in seen else "is no candidate of the first line"
            raise SpecificationError(f"{path}, line {number}: {name!r} {what}")
        if len(cells) != len(head):
            raise SpecificationError(f"{path}, line {number}: {len(cells)} cells; the first line has {len(head)}")
        seen.add(name)
        for j, cell in enumerate(cells[1:]):
            preferences[place[name], j] = _rate(cell, f"{path}, line {number}, column {j + 2}")
    missing = [name for name in candidates if name not in seen]
    if missing:
        raise SpecificationError(f"{path} has a column, but no row for the candidate {missing[0]!r}")
    return Preferences(candidates=tuple(candidates), preferences=preferences, counts=None)


def _rate(cell: str, where: str) -> float:
    if not cell.strip():
        return math.nan
    try:
        rate = float(cell)
    except ValueError:
        rate = math.nan
    if not math.isfinite(rate):
        raise SpecificationError(f"{where}: cannot read {cell!r} as a probability; leave an unknown one empty")
    return rate


def _check_names(names: Sequence[str], size: int, where: str) -> None:
    if len(names) != size:
        raise SpecificationError(f"{where}: {len(names)} names for {size} candidates")
    if not all(names):
        raise SpecificationError(f"{where}: a candidate has no name")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SpecificationError(f"{where}: two candidates are named {twice!r}")


def _csv_rows(
    lines: Sequence[tuple[int, list[str]]], head: Sequence[str], path: str
) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, cells in lines[1:]:
        if len(cells) != len(head):
            raise SpecificationError(f"{path}, line {number}: {len(cells)} cells; the head has {len(head)}")
        yield number, dict(zip(head, cells, strict=True))


def _json_rows(content: bytes, path: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SpecificationError(f"{path}, line {number}: no JSON: {error}") from None
        if not isinstance(row, dict):
            raise SpecificationError(f"{path}, line {number}: expected an object with {', '.join(COLUMNS)}")
        yield number, row


def _counted(rows: Iterator[tuple[int, Mapping[str, object]]], path: str) -> Preferences:
    """Win rates, a tie counting half for each; candidates in the order of their names."""
    comparisons = [_comparison(row, f"{path}, line {number}") for number, row in rows]
    names = sorted({name for first, second, _ in comparisons for name in (first, second)})
    place = {name: i for i, name in enumerate(names)}
    points, counts = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)), np.int64)
    for first, second, score in comparisons:
        i, j = place[first], place[second]
        points[i, j] += score
        points[j, i] += 1 - score
        counts[i, j] += 1
        counts[j, i] += 1
    preferences = np.full(points.shape, np.nan)
    np.divide(points, counts, out=preferences, where=counts > 0)
    return Preferences(candidates=tuple(names), preferences=preferences, counts=counts)


def _comparison(row: Mapping[str, object], where: str) -> tuple[str, str, float]:
    """(first, second, the first's score: 1, 1/2 or 0)."""
    values = [row.get(column) for column in COLUMNS]
    for column, value in zip(COLUMNS, values, strict=True):
        if not isinstance(value, str) or not value.strip():
            raise SpecificationError(f"{where}: {column!r} must be a text that is not empty; got {value!r:.60}")
    first, second, winner = (str(value).strip() for value in values)
    if first == second:
        raise SpecificationError(f"{where} compares {first!r} with itself")
    for name in (first, second):
        if name.lower() in _RESERVED:
            raise SpecificationError(f"{where}: a candidate cannot be named {name!r}, which is a word for a winner")
    if winner.lower() in TIES:
        return first, second, 0.5
    if winner in (first, second):
        return first, second, float(winner == first)
    if winner.lower() in ("model_a", "model_b"):
        return first, second, float(winner.lower() == "model_a")
    raise SpecificationError(
        f"{where}: winner must be model_a, model_b, tie, {first!r} or {second!r}; got {winner!r:.60}"
    )
