"""The state of an iterative method on disk: a .npz file with a version, never a pickle.

Arrays: ``format``, ``version``; ``method``, ``game``, ``fingerprint`` (a hash of the numbers that iterations read, so that no
run goes on on another game), ``settings`` (JSON, those that decide the iterates); ``history`` [K, 2], iteration and gap; and
each array of the state under ``state.NAME``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.array_file import read_arrays, write_arrays
from arena.games.errors import SpecificationError
from arena.games.game_tree import GameTree
from arena.solvers.solution import Setting

FORMAT = "arena-checkpoint"
VERSION = 1
STATE = "state."

State = dict[str, NDArray[Any]]
History = list[tuple[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """What a checkpoint is of: a run of another method, on another game or with other settings cannot go on from it."""

    method: str
    game: str
    fingerprint: str = field(repr=False)
    settings: Mapping[str, Setting]

    def words(self, names: Collection[str]) -> str:
        """What it is, with the settings of these names."""
        told = ", ".join(f"{name}={value}" for name, value in sorted(self.settings.items()) if name in names)
        return f"{self.method} on {self.game}" + (f" with {told}" if told else "")


def prefixed(name: str, arrays: State) -> State:
    """The arrays as a part of a larger state, each under ``NAME.KEY``."""
    return {f"{name}.{key}": array for key, array in arrays.items()}


def part(name: str, state: State) -> State:
    """What `prefixed` put into a state under this name."""
    mark = f"{name}."
    return {key.removeprefix(mark): array for key, array in state.items() if key.startswith(mark)}


def write_checkpoint(path: str | Path, subject: Subject, state: State, history: History) -> None:
    """Writes the state; a file that stands there is replaced in one step.

    Raises:
        SpecificationError: the file cannot be written.
    """
    held: State = {STATE + name: array for name, array in state.items()}
    held |= {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "method": np.array(subject.method),
        "game": np.array(subject.game),
        "fingerprint": np.array(subject.fingerprint),
        "settings": np.array(_settings(subject)),
        "history": np.array(history, np.float64).reshape(-1, 2),
    }
    write_arrays(path, held, what="the checkpoint", compressed=False)


def read_checkpoint(path: str | Path, subject: Subject, state: State, *, growing: frozenset[str]) -> History:
    """Fills the state from a file; returns the gaps measured so far.

    Args:
        state: as before the first iteration. Its arrays are filled in place; those named in `growing`, whose first axis may
            have another length, are replaced.

    Raises:
        SpecificationError: it cannot be read, is no checkpoint, or is of another game, method or setting.
    """
    try:
        held = read_arrays(Path(path).read_bytes())
        kind, version = str(held["format"]), int(held["version"])
        if kind != FORMAT or version != VERSION:
            raise ValueError(f"format {kind} version {version}")
        settings = str(held["settings"])
        found = Subject(
            method=str(held["method"]),
            game=str(held["game"]),
            fingerprint=str(held["fingerprint"]),
            settings=json.loads(settings),
        )
        history = [(int(iteration), float(gap)) for iteration, gap in held["history"]]
    except (OSError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise SpecificationError(
            f"{str(path)!r} is no checkpoint that can be gone on from ({error}); remove it to begin anew"
        ) from None
    same = (found.method, found.game, found.fingerprint) == (subject.method, subject.game, subject.fingerprint)
    if not same or settings != _settings(subject):
        names = {*found.settings, *subject.settings}
        if (found.method, found.game) == (subject.method, subject.game):
            names = {name for name in names if found.settings.get(name) != subject.settings.get(name)}
        raise SpecificationError(
            f"{str(path)!r} is a checkpoint of {found.words(names)}, with other rules or settings than {subject.words(names)} has "
            "now; name another file, or remove it to begin anew"
        )
    if any(not _fits(held.get(STATE + name), array, name in growing) for name, array in state.items()):
        raise SpecificationError(
            f"{str(path)!r} is a broken checkpoint: its arrays do not fit; remove it to begin anew"
        )
    for name, array in state.items():
        if name in growing:
            state[name] = held[STATE + name]
        else:
            array[...] = held[STATE + name]
    return history


def tree_fingerprint(tree: GameTree) -> str:
    """A hash of all that iterations read of a tree."""
    return fingerprint((tree.set_begin, tree.first, tree.parent, tree.row_begin, tree.others, tree.weights))


def fingerprint(arrays: Sequence[NDArray[Any]]) -> str:
    """A hash of some arrays, their shapes and types."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _settings(subject: Subject) -> str:
    return json.dumps(dict(subject.settings), sort_keys=True)


def _fits(held: NDArray[Any] | None, array: NDArray[Any], grows: bool) -> bool:
    if held is None or held.dtype != array.dtype or held.ndim != array.ndim:
        return False
    same = held.shape[1:] == array.shape[1:] if grows else held.shape == array.shape
    return same and bool(held.dtype.kind != "f" or np.isfinite(held).all())
