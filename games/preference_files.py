"""Files of preferences: a matrix of win rates, one a context if wished, or a table of votes.

A matrix: CSV with the candidates' names in the first row and in the first column (in any order), the cell of row i and
column j the probability that i beats j; empty where unknown, one direction is enough, the diagonal may be empty. ``.npy``
[n, n] or [contexts, n, n], NaN where unknown; ``.npz`` with ``preferences`` of either shape and, if wished, ``candidates``
and ``contexts`` (texts).

A table: CSV with a head, JSON lines or Parquet, with ``model_a``, ``model_b`` and ``winner``: see `arena.games.vote_file`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError, UnknownName
from arena.games.payoff_files import csv_lines, load_arrays, real_array
from arena.games.vote_columns import is_table
from arena.games.vote_file import TABLES, csv_head, votes_of
from arena.games.votes import Votes

ARRAYS = (".npy", ".npz")
SUFFIXES = (*TABLES, *ARRAYS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RateMatrix:
    """``rates`` float64 [n, n], or [contexts, n, n] where ``contexts`` are named: as given, NaN where unknown."""

    candidates: tuple[str, ...]
    rates: NDArray[np.float64] = field(repr=False)
    contexts: tuple[str, ...] = ()

    def of_context(self, name: str) -> RateMatrix:
        """The rates in one context.

        Raises:
            UnknownName: there is no such context.
        """
        if name not in self.contexts:
            raise UnknownName("context", name, self.contexts)
        return RateMatrix(candidates=self.candidates, rates=self.rates[self.contexts.index(name)])


def read_preferences(content: bytes, *, path: str, suffix: str) -> Votes | RateMatrix:
    """What a file says whose name ends in ``suffix``.

    Raises:
        SpecificationError: it says no preferences; the message names path, line and column.
        NotProvided: a Parquet file, and pyarrow is not installed.
    """
    found: Votes | RateMatrix
    if suffix in ARRAYS:
        found = _from_arrays(content, path)
    elif suffix != ".csv" or is_table(csv_head(content, path)):
        found = votes_of(content, path=path, suffix=suffix)
    else:
        found = _from_matrix(csv_lines(content, path=path), path)
    if len(found.candidates) < 2:
        raise SpecificationError(f"{path} has {len(found.candidates)} candidates; two are needed to prefer one")
    return found


def _from_arrays(content: bytes, path: str) -> RateMatrix:
    arrays = load_arrays(content, path=path)
    names = {key: arrays.pop(key) for key in ("candidates", "contexts") if key in arrays}
    if len(arrays) != 1:
        raise SpecificationError(
            f"{path} must hold one array of preferences, and may name 'candidates' and 'contexts'; it holds "
            f"{', '.join(arrays) or 'none'}"
        )
    ((key, array),) = arrays.items()
    rates = real_array(array, path, key)
    if rates.ndim not in (2, 3) or rates.shape[-1] != rates.shape[-2]:
        raise SpecificationError(f"{path}: preferences are [n, n] or [contexts, n, n]; got {list(rates.shape)}")
    if rates.ndim == 2 and "contexts" in names:
        raise SpecificationError(f"{path}: 'contexts' need preferences [contexts, n, n]; got {list(rates.shape)}")
    if rates.ndim == 3 and not len(rates):
        raise SpecificationError(f"{path} has no context")
    return RateMatrix(
        candidates=_names(names.get("candidates"), "candidate", rates.shape[-1], path),
        contexts=_names(names.get("contexts"), "context", len(rates), path) if rates.ndim == 3 else (),
        rates=rates,
    )


def _names(array: NDArray[np.generic] | None, kind: str, size: int, path: str) -> tuple[str, ...]:
    if array is None:
        return tuple(map(str, range(size)))
    if array.ndim != 1 or array.dtype.kind not in "Uiu":
        raise SpecificationError(
            f"{path}: '{kind}s' must be a list of texts; it is {array.dtype} of shape {list(array.shape)}"
        )
    names = [str(name) for name in array.tolist()]
    _check_names(names, kind, size, path)
    return tuple(names)


def _from_matrix(lines: Sequence[tuple[int, list[str]]], path: str) -> RateMatrix:
    number, head = lines[0]
    candidates = [cell.strip() for cell in head[1:]]
    _check_names(candidates, "candidate", len(candidates), f"{path}, line {number}")
    place = {name: i for i, name in enumerate(candidates)}
    rates = np.full((len(candidates), len(candidates)), np.nan)
    seen: set[str] = set()
    for number, cells in lines[1:]:
        name = cells[0].strip()
        if name not in place or name in seen:
            what = "stands twice" if name in seen else "is no candidate of the first line"
            raise SpecificationError(f"{path}, line {number}: {name!r:.80} {what}")
        if len(cells) != len(head):
            raise SpecificationError(f"{path}, line {number}: {len(cells)} cells; the first line has {len(head)}")
        seen.add(name)
        for j, cell in enumerate(cells[1:]):
            rates[place[name], j] = _rate(cell, f"{path}, line {number}, column {j + 2}")
    missing = [name for name in candidates if name not in seen]
    if missing:
        raise SpecificationError(f"{path} has a column, but no row for the candidate {missing[0]!r:.80}")
    return RateMatrix(candidates=tuple(candidates), rates=rates)


def _rate(cell: str, where: str) -> float:
    if not cell.strip():
        return math.nan
    try:
        rate = float(cell)
    except ValueError:
        rate = math.nan
    if not math.isfinite(rate):
        raise SpecificationError(f"{where}: cannot read {cell!r:.60} as a probability; leave an unknown one empty")
    return rate


def _check_names(names: Sequence[str], kind: str, size: int, where: str) -> None:
    if len(names) != size:
        raise SpecificationError(f"{where}: {len(names)} names for {size} {kind}s")
    if not all(map(str.strip, names)):
        raise SpecificationError(f"{where}: a {kind} has no name")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SpecificationError(f"{where}: two {kind}s are named {name!r:.80}")
        seen.add(name)
