"""A table of columns becomes `Votes`: each distinct value is read once, all rows at once, and the first bad row is named."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.vote_columns import BOTH_BAD_COLUMN, CANDIDATES, ONE_HOT, SCORE, WINNER
from arena.games.votes import UNSAID, Votes

TIES = frozenset({"tie", "tie (bothbad)", "tie (both bad)", "bothbad", "both_bad", "both bad"})
BOTH_BAD = TIES - {"tie"}
FIRST_WORDS = frozenset(pair[0] for pair in CANDIDATES)
SECOND_WORDS = frozenset(pair[1] for pair in CANDIDATES)
RESERVED = TIES | FIRST_WORDS | SECOND_WORDS

MAX_NAME = 200
MAX_WEIGHT = 1e12  # larger ones would drown all others in rounding
SHOWN = 60  # characters of a bad value in a message

_FIRST, _SECOND, _TIE, _BAD_TIE = -2, -3, -4, -5  # what a winner may be besides a candidate's place
_NOBODY = -6
_EVEN = 0.5


@dataclass(frozen=True, slots=True)
class Nested:
    """A list or an object in place of a value: ``kind`` says which."""

    kind: str


@dataclass(frozen=True, slots=True)
class Column:
    """``values``: the distinct ones, any order; ``codes`` int64 [m]: which of them stands in each row. ``name``: as shown."""

    name: str
    values: Sequence[object]
    codes: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteTable:
    """m rows of a file. ``outcome``: by name, as `VoteColumns` has it. ``where``: a row's place in words."""

    path: str
    where: Callable[[int], str]
    first: Column
    second: Column
    outcome: Mapping[str, Column]
    weight: Column | None
    context: Column | None
    judge: Column | None
    id: Column | None


def column_of(name: str, cells: Sequence[object]) -> Column:
    """The column of these cells."""
    kinds = set(map(type, cells))
    if not kinds <= {str, type(None)}:  # 1, 1.0 and True are one key of a dictionary, but not one value
        keys = [(type(cell), Nested(type(cell).__name__) if isinstance(cell, list | dict) else cell) for cell in cells]
        place = {key: k for k, key in enumerate(dict.fromkeys(keys))}
        codes = np.fromiter((place[key] for key in keys), np.int64, len(keys))
        return Column(name, [value for _, value in place], codes)
    places = {cell: k for k, cell in enumerate(dict.fromkeys(cells))}
    return Column(name, list(places), np.fromiter(map(places.__getitem__, cells), np.int64, len(cells)))


def votes_of_table(table: VoteTable) -> Votes:
    """The votes of a table; candidates, contexts and judges in the order of their names.

    Raises:
        SpecificationError: a row is no vote; the message names the first such row, and the column.
    """
    if not len(table.first.codes):
        raise SpecificationError(f"{table.path} holds no comparison")
    faults: list[tuple[int, str]] = []
    names, (first, second) = _candidates((table.first, table.second), faults)
    _note(faults, (first == second) & (first >= 0), lambda row: f"{names[first[row]]!r} is compared with itself")
    score, both_bad = _outcomes(table, names, first, second, faults)
    weight = np.ones(len(first))
    if table.weight is not None:
        weight = _numbers(table.weight, faults, least=np.nextafter(0, 1), most=MAX_WEIGHT, empty=1.0)
    contexts, context = _labels(table.context, len(first), faults)
    judges, judge = _labels(table.judge, len(first), faults)
    _unique(table.id, table.where, faults)
    if faults:
        row, fault = min(faults, key=lambda found: found[0])
        raise SpecificationError(f"{table.where(row)}: {fault}")
    return Votes(
        candidates=names,
        contexts=contexts,
        judges=judges,
        first=first,
        second=second,
        score=score,
        both_bad=both_bad,
        weight=weight,
        context=context,
        judge=judge,
    )


def _note(faults: list[tuple[int, str]], bad: NDArray[np.bool_], message: Callable[[int], str]) -> None:
    """Keeps the first bad row with its message; of faults of one row, the one noted first is told."""
    if bad.any():
        row = int(bad.argmax())
        faults.append((row, message(row)))


def _note_values(column: Column, reasons: Sequence[str | None], faults: list[tuple[int, str]]) -> None:
    bad = np.array([reason is not None for reason in reasons], bool)
    if bad.any():
        _note(faults, bad[column.codes], lambda row: f"{column.name!r} {reasons[column.codes[row]]}")


def _candidates(
    columns: Sequence[Column], faults: list[tuple[int, str]]
) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """(names in order, each column as places among them, below 0 where a name is none)."""
    texts = []
    for column in columns:
        _note_values(column, [_name_fault(value) for value in column.values], faults)
        texts.append([_text(value) if _name_fault(value) is None else "" for value in column.values])
    names = tuple(sorted({name for found in texts for name in found if name}))
    place = {name: k for k, name in enumerate(names)} | {"": -1}
    return names, [
        np.array([place[name] for name in found], np.int64)[column.codes]
        for column, found in zip(columns, texts, strict=True)
    ]


def _outcomes(
    table: VoteTable,
    names: Sequence[str],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    faults: list[tuple[int, str]],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(the first's share, whether both are bad) of each row."""
    if SCORE in table.outcome:
        share = _numbers(table.outcome[SCORE], faults, least=0.0, most=1.0, empty=None)
        if BOTH_BAD_COLUMN not in table.outcome:
            return share, np.zeros(len(share), bool)
        said = _numbers(table.outcome[BOTH_BAD_COLUMN], faults, least=0.0, most=1.0, empty=0.0)
        _note(faults, (said != 0) & (said != 1), lambda _: f"{BOTH_BAD_COLUMN!r} must be 1 or 0")
        _note(faults, (said == 1) & (share != _EVEN), lambda _: f"{BOTH_BAD_COLUMN!r} is of ties, whose score is 0.5")
        return share, said == 1
    if set(ONE_HOT) <= set(table.outcome):
        flags = [_numbers(table.outcome[name], faults, least=0.0, most=1.0, empty=None) for name in ONE_HOT]
        one, other, tie = flags
        wrong = (one + other + tie != 1) | ((one != 0) & (one != 1)) | ((other != 0) & (other != 1))
        _note(faults, wrong, lambda _: f"one of {', '.join(ONE_HOT)} must be 1, the others 0")
        return one + tie / 2, np.zeros(len(one), bool)
    column = table.outcome[WINNER]
    _note_values(column, [_text_fault(value) for value in column.values], faults)
    winner = _winners(column, names)
    chosen = [(winner == first) | (winner == _FIRST), (winner == second) | (winner == _SECOND)]
    tie = (winner == _TIE) | (winner == _BAD_TIE)
    known = chosen[0] | chosen[1] | tie

    def fault(row: int) -> str:
        one, other = (names[side[row]] if side[row] >= 0 else "?" for side in (first, second))
        said = column.values[column.codes[row]]
        words = f"{table.first.name}, {table.second.name}"
        return f"winner must be {words}, tie, {one!r} or {other!r}; got {said!r:.{SHOWN}}"

    _note(faults, ~known, fault)
    return np.where(chosen[0], 1.0, np.where(tie, _EVEN, 0.0)), winner == _BAD_TIE


def _winners(column: Column, names: Sequence[str]) -> NDArray[np.int64]:
    """Each row's winner: a candidate's place, or which of the two, or a tie."""
    place = {name: k for k, name in enumerate(names)}
    meanings = []
    for value in column.values:
        text = value.strip() if isinstance(value, str) else ""
        word = text.lower()
        if word in FIRST_WORDS:
            meanings.append(_FIRST)
        elif word in SECOND_WORDS:
            meanings.append(_SECOND)
        elif word in TIES:
            meanings.append(_BAD_TIE if word in BOTH_BAD else _TIE)
        else:
            meanings.append(place.get(text, _NOBODY))
    return np.array(meanings, np.int64)[column.codes]


def _numbers(
    column: Column, faults: list[tuple[int, str]], *, least: float, most: float, empty: float | None
) -> NDArray[np.float64]:
    """The numbers of a column; ``empty``: what an empty cell says, None = it may not be empty."""
    found = [_number(value, empty) for value in column.values]
    low = "a number above 0" if least > 0 else f"a number from {least:g}"
    said = f"must be {low} to {most:g}" if least <= 0 else f"must be {low} and at most {most:g}"
    reasons = [
        None if least <= number <= most else f"{said}; got {_shown(value)}"
        for number, value in zip(found, column.values, strict=True)
    ]
    _note_values(column, reasons, faults)
    return np.array(found, np.float64)[column.codes]


def _labels(
    column: Column | None, rows: int, faults: list[tuple[int, str]]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """(labels in order, each row's place among them): of contexts and judges, which may be texts or whole numbers."""
    if column is None:
        return (), np.full(rows, UNSAID, np.int64)
    texts = _label_texts(column, faults)
    labels = tuple(sorted(set(texts) - {""}))
    place = {label: k for k, label in enumerate(labels)} | {"": UNSAID}
    return labels, np.array([place[text] for text in texts], np.int64)[column.codes]


def _unique(column: Column | None, where: Callable[[int], str], faults: list[tuple[int, str]]) -> None:
    """Notes an id that stands twice; rows without one are not compared."""
    if column is None:
        return
    texts = _label_texts(column, faults)
    if len(set(texts)) == len(column.codes):
        return
    place = {text: k for k, text in enumerate(dict.fromkeys(texts))}
    codes = column.codes if len(place) == len(texts) else np.array([place[t] for t in texts])[column.codes]
    times = np.bincount(codes, minlength=len(place))
    if "" in place:
        times[place[""]] = 0
    if times.max(initial=0) > 1:
        rows = np.flatnonzero(times[codes] > 1)
        _, begun = np.unique(codes[rows], return_index=True)
        again = int(np.delete(rows, begun)[0])
        earlier = where(int(rows[codes[rows] == codes[again]][0])).rpartition(", ")[2]
        faults.append((again, f"{column.name!r} {list(place)[codes[again]]!r:.{SHOWN}} stands in {earlier} too"))


def _label_texts(column: Column, faults: list[tuple[int, str]]) -> list[str]:
    """The label that each distinct value is."""
    if set(map(type, column.values)) <= {str}:
        texts = [str(value) for value in column.values]
        if _is_encodable("".join(texts)):
            return list(map(str.strip, texts))
    _note_values(column, [_label_fault(value) for value in column.values], faults)
    return [_label(value) for value in column.values]


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _text_fault(value: object) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return f"must be a text that is not empty; got {_shown(value)}"
    return None


def _name_fault(value: object) -> str | None:
    fault = _text_fault(value)
    if fault is not None:
        return fault
    name = _text(value)
    if len(name) > MAX_NAME or not name.isprintable():
        return f"must be a name of 1 to {MAX_NAME} printable characters; got {_shown(value)}"
    if name.lower() in RESERVED:
        return f"is {name!r}, a word for a winner; no candidate can be named so"
    return None


def _label(value: object) -> str:
    """A context, judge or id as text; '' where nothing is said."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return ""
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)


def _label_fault(value: object) -> str | None:
    if isinstance(value, str):
        return None if _is_encodable(value) else "holds half of a surrogate pair, which is no character"
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return None
    return f"must be a text or a whole number; got {_shown(value)}"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(value: object, empty: float | None) -> float:
    """NaN where it is none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return math.nan if empty is None else empty
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _shown(value: object) -> str:
    if isinstance(value, Nested):
        return "an object" if value.kind == "dict" else "a list"
    return "nothing" if value is None else f"{value!r:.{SHOWN}}"
