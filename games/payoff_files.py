"""Tables of payoffs in CSV and numpy files.

CSV, two players: a row for each action of player 0, a column for each of player 1. A cell with one number is player 0's
payoff, and the game is zero-sum; a cell with two (``3/0``, ``3;0``, ``3 0`` or, quoted, ``"3,0"``) has both players'.
A first row and a first column that are not numbers name the actions; where only one of them is there and the table is
square, it names both players'. Where no line has a comma, semicolons stand between the cells. Empty lines and lines that begin with # are left out.

numpy: an array [A_0, A_1] is player 0's payoffs of a zero-sum game, one [num_players, A_0, A_1, ...] has everybody's.
``.npz`` holds one array, or ``row`` and ``column`` [A_0, A_1], or ``payoffs``; ``actions_0``, ``actions_1``, ... (texts)
may name the actions, ``actions`` those of all players alike. Pickled objects are refused.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games.array_file import read_arrays
from arena.games.errors import SpecificationError

_BETWEEN = re.compile(r"\s*[/;,]\s*|\s+")
_ACTIONS = re.compile(r"actions(_\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoffs:
    """``payoffs`` float64 [num_players, A_0, A_1, ...]; the names of each player's actions, None where there are none."""

    payoffs: NDArray[np.float64]
    strategies: tuple[tuple[str, ...], ...] | None


def read_csv(content: bytes, *, path: str) -> Payoffs:
    """The table of a CSV file of two players.

    Raises:
        SpecificationError: it is none; the message names path, line and column.
    """
    lines = csv_lines(content, path=path)
    body = lines[1:] or lines
    labelled = _is_labelled(body, path)
    row_names = [cells[0].strip() for _, cells in body] if labelled else None
    column_names = None
    width = len(body[0][1])
    number, head = lines[0]
    if labelled and len(head) == width - 1:  # a head without a corner
        head = ["", *head]
    if all(_cell(cell) is None for cell in head[labelled:]):
        if len(head) != width:
            raise SpecificationError(f"{path}, line {number}: {len(head)} cells; the next line has {width}")
        column_names = [cell.strip() for cell in head[labelled:]]
        lines = lines[1:]
    elif row_names is not None and len(lines) > 1:
        row_names = [head[0].strip(), *row_names]
    if not lines or width == labelled:
        raise SpecificationError(f"{path} has names, but no payoffs")
    cells = []
    for number, line in lines:
        if len(line) != width:
            raise SpecificationError(f"{path}, line {number}: {len(line)} cells; the other lines have {width}")
        cells.append([_payoff(path, number, i + 1, text) for i, text in enumerate(line) if i >= labelled])
    kinds = {len(cell) for line in cells for cell in line}
    if len(kinds) > 1:
        raise SpecificationError(f"{path} has cells with one number and cells with two; all need the same")
    values = np.array(cells, np.float64)  # [A_0, A_1, 1 or 2]
    payoffs = np.moveaxis(values, -1, 0)
    if kinds == {1}:
        payoffs = np.concatenate((payoffs, 0 - payoffs))
    return Payoffs(payoffs=payoffs, strategies=_names(path, row_names, column_names, values.shape[:2]))


def read_numpy(content: bytes, *, path: str) -> Payoffs:
    """The table of a ``.npy`` or ``.npz`` file.

    Raises:
        SpecificationError: it is none; the message names path and array.
    """
    arrays = load_arrays(content, path=path)
    names = {key: array for key, array in arrays.items() if _ACTIONS.fullmatch(key)}
    tables = {key: array for key, array in arrays.items() if key not in names}
    if set(tables) == {"row", "column"}:
        row, column = real_array(tables["row"], path, "row"), real_array(tables["column"], path, "column")
        if row.ndim != 2 or row.shape != column.shape:
            raise SpecificationError(
                f"{path}: row {row.shape} and column {column.shape} must have one shape [A_0, A_1]"
            )
        payoffs = np.stack((row, column))
    elif len(tables) == 1:
        ((key, table),) = tables.items()
        payoffs = real_array(table, path, key)
        if payoffs.ndim == 2:
            payoffs = np.stack((payoffs, 0 - payoffs))
        elif payoffs.ndim < 2 or payoffs.shape[0] != payoffs.ndim - 1:
            raise SpecificationError(
                f"{path}: an array of payoffs has the shape [A_0, A_1] (zero-sum) or [players, A_0, A_1, ...] with as "
                f"many players as axes behind the first; got {list(payoffs.shape)}"
            )
    else:
        raise SpecificationError(
            f"{path} must hold one array of payoffs, or 'row' and 'column'; it holds {', '.join(tables) or 'none'}"
        )
    return Payoffs(payoffs=payoffs, strategies=_array_names(path, names, len(payoffs)))


def csv_lines(content: bytes, *, path: str) -> list[tuple[int, list[str]]]:
    """(line number, cells) of each line that is neither empty nor a comment.

    Raises:
        SpecificationError: not UTF-8, not CSV, or nothing in it.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecificationError(f"{path} is not UTF-8 text: byte {error.start} cannot be read") from None
    lines = _lines(text, path, ",")
    if all(len(cells) == 1 for _, cells in lines) and any(";" in cells[0] for _, cells in lines):
        lines = _lines(text, path, ";")
    if not lines:
        raise SpecificationError(f"{path} is empty")
    return lines


def _lines(text: str, path: str, separator: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)
    lines = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
                lines.append((reader.line_num, cells))
    except csv.Error as error:
        raise SpecificationError(f"{path}, line {reader.line_num}: {error}") from None
    return lines


def load_arrays(content: bytes, *, path: str) -> dict[str, NDArray[np.generic]]:
    """The arrays of a ``.npy`` (under the name ``array``) or ``.npz`` file; nothing pickled is ever loaded.

    Raises:
        SpecificationError: no such file, a damaged one, or one with pickled objects.
    """
    try:
        return read_arrays(content)
    except ValueError as error:
        raise SpecificationError(f"{path} is no file of plain numpy arrays: {error}") from None


def real_array(array: NDArray[np.generic], path: str, key: str) -> NDArray[np.float64]:
    """The array as float64.

    Raises:
        SpecificationError: it does not hold real numbers.
    """
    if array.dtype.kind not in "biuf":
        raise SpecificationError(f"{path}: the array {key!r} must hold real numbers; it holds {array.dtype}")
    return array.astype(np.float64)


def _is_labelled(lines: Sequence[tuple[int, list[str]]], path: str) -> bool:
    """Whether the first column names the rows."""
    named = [number for number, cells in lines if _cell(cells[0]) is None]
    if 0 < len(named) < len(lines):
        other = next(number for number, cells in lines if number not in named)
        raise SpecificationError(
            f"{path}: the first column has a number in line {other} and none in line {named[0]}; begin every line with a "
            f"payoff, or every line with a name that is no number"
        )
    return bool(named)


def _cell(text: str) -> list[float] | None:
    """The numbers of a cell; None where it is not made of numbers."""
    try:
        return [float(part) for part in _BETWEEN.split(text.strip())]
    except ValueError:
        return None


def _payoff(path: str, line: int, column: int, text: str) -> list[float]:
    numbers = _cell(text)
    if numbers is None or not 1 <= len(numbers) <= 2 or not all(map(math.isfinite, numbers)):
        raise _unreadable(path, line, column, text)
    return numbers


def _unreadable(path: str, line: int, column: int, text: str) -> SpecificationError:
    return SpecificationError(
        f"{path}, line {line}, column {column}: cannot read {text!r} as a payoff; write one finite number, or both "
        f"players' as 3/0"
    )


def _names(
    path: str, rows: Sequence[str] | None, columns: Sequence[str] | None, shape: tuple[int, ...]
) -> tuple[tuple[str, ...], ...] | None:
    if rows is None and columns is None:
        return None
    square = shape[0] == shape[1]
    first = rows or (columns if square else None) or list(map(str, range(shape[0])))
    second = columns or (rows if square else None) or list(map(str, range(shape[1])))
    for names in (first, second):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SpecificationError(f"{path} names two actions of one player {twice!r}")
    return tuple(first), tuple(second)


def _array_names(
    path: str, arrays: Mapping[str, NDArray[np.generic]], players: int
) -> tuple[tuple[str, ...], ...] | None:
    for key, array in arrays.items():
        if array.dtype.kind != "U" or array.ndim != 1:
            raise SpecificationError(f"{path}: {key!r} must be a list of texts; it is {array.dtype} {array.shape}")
    if not arrays:
        return None
    if set(arrays) == {"actions"}:
        return (tuple(arrays["actions"].tolist()),) * players
    wanted = [f"actions_{player}" for player in range(players)]
    if set(arrays) != set(wanted):
        raise SpecificationError(f"{path} must name the actions as 'actions' or as {', '.join(wanted)}")
    return tuple(tuple(arrays[key].tolist()) for key in wanted)
