"""A plain results file column by column: the `Record` that its rows give, hundreds of thousands a second, or None on any doubt.

What is not plain is left to the rules for one row, which also know what to say of a row that is wrong: this module answers only where
they would answer the same. Texts are judged once each, by the same rules, and not once a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.leaderboards.record import Record, Utility
from arena.leaderboards.result_rows import (
    MAX_NUMBER,
    RESULTS,
    agent_columns,
    checked_name,
    checked_number,
    forfeit_of,
    return_columns,
    winner_share,
)

NOBODY = "\0"  # no agent has this name: a word for a side is judged where no agent of the match is called so


class Doubt(Exception):
    """These columns are not plain: no error, the rows are read one by one then."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A column: cell i is ``texts[codes[i]]``. Texts may stand there twice; each stands in some cell or is ''."""

    codes: NDArray[np.int64]
    texts: Sequence[str]

    def each(self, judged: Callable[[str], float]) -> NDArray[np.float64]:
        """[N]: what is said of each text, nan where it raises `SpecificationError` or the text is ''."""
        values = np.full(len(self.texts), np.nan)
        for at, text in enumerate(self.texts):
            if text:
                try:
                    values[at] = judged(text)
                except SpecificationError:
                    continue
        found: NDArray[np.float64] = values[self.codes]
        return found

    def numbers(self, *, least: float = -MAX_NUMBER, most: float = MAX_NUMBER) -> NDArray[np.float64]:
        """[N]: the numbers, nan where there is none or none of this range."""
        return self.each(lambda text: checked_number(text, "", "", least=least, most=most))

    def given(self) -> NDArray[np.bool_]:
        """[N]: where there is any text."""
        return np.array([bool(text) for text in self.texts], np.bool_)[self.codes]

    def numbered(self, numbers: dict[str, int]) -> NDArray[np.int64]:
        """[N]: the number of each text, those not yet known added to `numbers`; -1 where there is none."""
        ids = [numbers.setdefault(text, len(numbers)) if text else -1 for text in self.texts]
        return np.array(ids, np.int64)[self.codes]


def columns_record(
    columns: Mapping[str, Cells], *, game: str | None, without_judges: Sequence[str], most: int
) -> Record | None:
    """The record of the rows of these columns; None where one is not plain, or anything about them is to be told.

    Args:
        columns: by name, all of one length, cells without space around them.
        game: of an export of a ledger, the one whose matches count; None: there is but one.
        without_judges: those whose results are passed over.
        most: how many matches may count.
    """
    try:
        return _record(columns, game, without_judges, most)
    except (Doubt, SpecificationError):
        return None


def utility_of(returns: NDArray[np.float64], seats: NDArray[np.int64]) -> Utility:
    """What returns [N, P] show, 0 where nobody sits (`seats` -1)."""
    taken = seats >= 0
    close = 1e-9 * max(float(np.abs(returns).max(initial=0.0)), 1.0)
    if returns.shape[1] == 2:
        sums = returns[:, 0] + returns[:, 1]
    else:
        sums = np.array([math.fsum(row) for row in returns.tolist()])
    if np.abs(sums).max() <= close:
        return "zero_sum"
    apart = np.where(taken, returns, -np.inf).max(axis=1) - np.where(taken, returns, np.inf).min(axis=1)
    if (apart <= close).all():
        return "identical"
    return "constant_sum" if taken.all() and sums.max() - sums.min() <= close else "general_sum"


def _record(columns: Mapping[str, Cells], game: str | None, without_judges: Sequence[str], most: int) -> Record | None:
    agents = agent_columns(list(columns))
    _sure(len(agents) >= 2)
    names: dict[str, int] = {}
    seats = np.column_stack([columns[name].numbered(names) for name in agents])
    for name in names:
        checked_name(name, "")
    taken = seats >= 0
    players = taken.sum(axis=1)
    _sure(len(seats) > 0 and players.min() >= 2 and bool((taken == (np.arange(len(agents)) < players[:, None])).all()))
    seats = seats[:, : players.max()]
    returns, finished = _returns(columns, seats, names)
    weight = np.ones(len(seats))
    if "weight" in columns:
        given, numbers = columns["weight"].given(), columns["weight"].numbers(least=0.0)
        _sure(not np.isnan(numbers[given]).any())
        weight[given] = numbers[given]
    kept = finished & (weight != 0)
    kept &= _of_game(columns, kept, game)
    kept &= _of_judges(columns, kept, without_judges)
    rows = np.flatnonzero(kept)
    _sure(0 < len(rows) <= most)
    forfeit = _forfeits(columns, seats, names, finished & (weight != 0))
    texts: dict[str, int] = {}
    pair = columns["pair"].numbered(texts) if "pair" in columns else np.full(len(seats), -1)
    _sure(not any(text.startswith("\0") for text in texts))
    pair = np.where(pair >= 0, pair, len(texts) + np.arange(len(seats)))[rows]
    width = int(players[rows].max())
    seats, returns = seats[rows, :width], returns[rows, :width]
    order, flat = _by_appearance(seats[seats >= 0], len(names))
    seats[seats >= 0] = flat
    listed = list(names)
    return Record(
        agents=tuple(listed[at] for at in order),
        seats=seats,
        returns=returns,
        forfeit=forfeit[rows],
        pair=_by_appearance(pair, int(pair.max()) + 1)[1],
        weight=weight[rows],
        utility=utility_of(returns, seats),
    )


def _sure(plain: bool) -> None:
    if not plain:
        raise Doubt


def _returns(
    columns: Mapping[str, Cells], seats: NDArray[np.int64], names: Mapping[str, int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(returns [N, P], 0 where nobody sits; whether the match was finished [N])."""
    returns, taken = np.zeros(seats.shape), seats >= 0
    wanted = return_columns([""] * seats.shape[1])
    said = np.zeros(len(seats), np.bool_)
    for at, name in enumerate(wanted):
        if name in columns:
            said |= columns[name].given() & taken[:, at]
    if said.any():
        for at, name in enumerate(wanted):
            needed = said & taken[:, at]
            numbers = columns[name].numbers() if name in columns else np.full(len(seats), np.nan)
            _sure(not np.isnan(numbers[needed]).any())
            returns[needed, at] = numbers[needed]
    rest, share = ~said, np.full(len(seats), np.nan)
    finished = np.ones(len(seats), np.bool_)
    _sure(not taken[rest, 2:].any())
    ways: dict[str, Callable[[Cells], NDArray[np.float64]]] = {
        "score": lambda cells: cells.numbers(least=0.0, most=1.0),
        "result": lambda cells: cells.each(_result_share),
        "winner": lambda cells: _winners(cells, seats, names),
    }
    for name, shares in ways.items():
        if name in columns and rest.any():
            here = rest & columns[name].given()
            share[here] = shares(columns[name])[here]
            rest &= ~here
    _sure(not rest.any())
    if "result" in columns:
        finished = said | ~np.isneginf(share)
    decided = ~said & finished
    _sure(not np.isnan(share[decided]).any())
    returns[decided, 0], returns[decided, 1] = 2 * share[decided] - 1, 1 - 2 * share[decided]
    return returns, finished


def _result_share(text: str) -> float:
    """nan where no result stands there, −inf where the match was not finished."""
    found = RESULTS.get(text.replace(" ", ""), math.nan)
    return -math.inf if found is None else found


def _winners(cells: Cells, seats: NDArray[np.int64], names: Mapping[str, int]) -> NDArray[np.float64]:
    share = cells.each(lambda text: winner_share(text, (NOBODY, NOBODY), ""))
    named = _known(cells, names)
    first, second = (named == seats[:, k] for k in range(2))
    by_name = (named >= 0) & (first != second)
    share[by_name] = first[by_name]
    return share


def _known(cells: Cells, names: Mapping[str, int]) -> NDArray[np.int64]:
    """[N]: the number of the agent whose name stands there, -1 where no agent is called so."""
    return np.array([names.get(text, -1) for text in cells.texts], np.int64)[cells.codes]


def _forfeits(
    columns: Mapping[str, Cells], seats: NDArray[np.int64], names: Mapping[str, int], needed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The player at fault [N], -1 none; rows that are not needed do not count."""
    forfeit = np.full(len(seats), -1, np.int64)
    if "forfeit" not in columns:
        return forfeit
    cells = columns["forfeit"]
    given = cells.given() & needed
    if not given.any():
        return forfeit
    named = _known(cells, names)
    same = (seats == named[:, None]) & (named >= 0)[:, None]
    once = same.sum(axis=1) == 1
    numbers = cells.each(lambda text: forfeit_of(text, (NOBODY,) * seats.shape[1], ""))
    numbers = np.where(once, same.argmax(axis=1), numbers)
    _sure(bool((numbers[given] < (seats >= 0).sum(axis=1)[given]).all()))  # nan is not below
    forfeit[given] = numbers[given]
    return forfeit


def _of_game(columns: Mapping[str, Cells], kept: NDArray[np.bool_], game: str | None) -> NDArray[np.bool_]:
    """Of the kept rows, those of the game [N]."""
    if "game" not in columns or "tournament" not in columns:
        return kept
    cells, exported = columns["game"], columns["tournament"].given()
    of_ledger = kept & exported & cells.given()
    used = {cells.texts[at] for at in np.unique(cells.codes[of_ledger]).tolist()}
    if game is None:
        _sure(len(used) <= 1)
        return kept
    right = np.array([game in (text, text.partition(":")[2]) for text in cells.texts], np.bool_)[cells.codes]
    return kept & (~of_ledger | right)


def _of_judges(columns: Mapping[str, Cells], kept: NDArray[np.bool_], without: Sequence[str]) -> NDArray[np.bool_]:
    """Of the kept rows, those that none of these judged [N]."""
    if not without:
        return kept
    _sure("judge" in columns)
    cells = columns["judge"]
    used = {cells.texts[at] for at in np.unique(cells.codes[kept]).tolist()}
    _sure(all(name and name in used for name in without))
    passed = np.array([text in without for text in cells.texts], np.bool_)[cells.codes]
    return kept & ~passed


def _by_appearance(numbers: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the different numbers in the order of first appearance, the place of each in it [N]); all below `size`."""
    first = np.full(size, len(numbers), np.int64)
    np.minimum.at(first, numbers, np.arange(len(numbers)))
    order = np.argsort(first, kind="stable")[: int((first < len(numbers)).sum())]
    place = np.empty(size, np.int64)
    place[order] = np.arange(len(order))
    return order, place[numbers]
