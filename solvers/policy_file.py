"""Policies on disk: a `TabularPolicy` as JSON, which people read, or as .npz, which is small. Never a pickle.

A name that ends in .json gets the one, .npz and .policy get the other.

JSON: ``{"format": "arena-policy", "version": 1, "game": SPECIFICATION, "policy": {STATE: {ACTION: PROBABILITY}}}``.

.npz, by array: ``format``, ``version``, ``game``; ``states`` uint8: the information states in UTF-8, one after the
other, state i up to ``state_ends[i]``; ``actions`` int64 and ``probabilities`` float64: the choices of all states, those
of state i up to ``choice_ends[i]``. Both forms give back the same states, actions and probabilities, bit for bit.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games import SpecificationError, TabularPolicy
from arena.games.array_file import read_arrays, replace_file

FORMAT = "arena-policy"
VERSION = 1
ZIP_MAGIC = b"PK\x03\x04"
PICKLE_MAGIC = b"\x80"  # how pickles of protocol 2 and newer begin; no JSON text does
LARGE = 1e9  # no probability, and still a float
_ACTION = re.compile(r"0|[1-9][0-9]{0,17}")
NPZ_ARRAYS = ("format", "version", "game", "states", "state_ends", "actions", "probabilities", "choice_ends")


def save_policy(policy: TabularPolicy, path: str | Path) -> None:
    """Writes the policy; the name's end chooses the form. A file that stands there is replaced in one step.

    Args:
        policy: the policy, with the specification of its game.
        path: a name that ends in .policy, .npz or .json.

    Raises:
        SpecificationError: the name ends otherwise, the file cannot be written, or the policy is no table.
    """
    if not isinstance(policy, TabularPolicy):  # a mixture, a network
        raise SpecificationError(
            f"a policy file holds a table; tabulate(game, policy) makes one of a {type(policy).__name__}"
        )
    path = Path(path)
    writer = _writer(path)
    replace_file(path, lambda file: file.write(writer(policy)))


def require_writable(path: str | Path) -> None:
    """Makes sure, before any work, that `save_policy` can write there. Nothing is left behind.

    Raises:
        SpecificationError: the name ends in none of the known ways, beside what `require_place` raises.
    """
    path = Path(path)
    _writer(path)
    require_place(path)


def require_place(path: Path) -> None:
    """Makes sure that a file of this name can be written. Nothing is left behind.

    Raises:
        SpecificationError: it is a folder, or its folder is missing or not writable.
    """
    if path.is_dir():
        raise SpecificationError(f"cannot write {str(path)!r}: it is a folder")
    trial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        trial.touch()
    except OSError as error:
        raise SpecificationError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):  # what could not be made is not there
            trial.unlink(missing_ok=True)


def load_policy(path: str | Path) -> TabularPolicy:
    """The policy that a file holds; its content, not its name, tells the form. Nothing in the file is executed.

    Raises:
        SpecificationError: no such file, a pickle, another format, a newer version, or a broken entry; the message
            names the file and the entry.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecificationError(f"cannot read the policy file {str(path)!r}: {error.strerror or error}") from None
    try:
        if content.startswith(PICKLE_MAGIC):
            raise SpecificationError(
                "it is a pickle, which could run code; save it with save_policy as .policy, .npz or .json"
            )
        game, table = _of_npz(content) if content.startswith(ZIP_MAGIC) else _of_json(content)
        return TabularPolicy(game, table)
    except SpecificationError as error:
        raise SpecificationError(f"{str(path)!r} is no policy file: {error}") from None


def _writer(path: Path) -> Callable[[TabularPolicy], bytes]:
    writers: dict[str, Callable[[TabularPolicy], bytes]] = {".policy": _to_npz, ".npz": _to_npz, ".json": _to_json}
    if path.suffix not in writers:
        raise SpecificationError(f"cannot write a policy to {str(path)!r}; end the name in .policy, .npz or .json")
    return writers[path.suffix]


def _to_json(policy: TabularPolicy) -> bytes:
    table = {
        state: {str(action): float(chance) for action, chance in choices.items()}
        for state, choices in policy.table.items()
    }
    whole = {"format": FORMAT, "version": VERSION, "game": policy.game, "policy": table}
    return (json.dumps(whole, indent=1, allow_nan=False) + "\n").encode()


def _to_npz(policy: TabularPolicy) -> bytes:
    states = [state.encode("utf-8", "surrogatepass") for state in policy.table]
    rows = list(policy.table.values())
    count = sum(map(len, rows))
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "game": np.array(policy.game),
        "states": np.frombuffer(b"".join(states), np.uint8),
        "state_ends": np.cumsum([len(state) for state in states], dtype=np.int64),
        "actions": np.fromiter(chain.from_iterable(rows), np.int64, count),
        "probabilities": np.fromiter(chain.from_iterable(row.values() for row in rows), np.float64, count),
        "choice_ends": np.cumsum([len(row) for row in rows], dtype=np.int64),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _of_json(content: bytes) -> tuple[str, Mapping[str, Mapping[int, float]]]:
    try:
        whole = json.loads(content, object_pairs_hook=_without_doubles)
    except UnicodeDecodeError:
        raise SpecificationError("it is neither JSON nor .npz") from None
    except json.JSONDecodeError as error:
        raise SpecificationError(f"line {error.lineno} is no JSON: {error.msg}") from None
    except ValueError as error:  # a number too long to read
        raise SpecificationError(f"it is no JSON: {error}") from None
    except RecursionError:
        raise SpecificationError("its JSON is nested too deeply") from None
    if not isinstance(whole, dict):
        raise SpecificationError('it must be an object with "format", "version", "game" and "policy"')
    _check_header(whole.get("format"), whole.get("version"))
    game, table = whole.get("game"), whole.get("policy")
    if not isinstance(game, str) or not game:
        raise SpecificationError(f'"game" must be the specification of a game; got {game!r:.80}')
    if not isinstance(table, dict):
        raise SpecificationError(f'"policy" must be an object of information states; got {table!r:.80}')
    return game, {state: _choices(state, choices) for state, choices in table.items()}


def _choices(state: str, choices: object) -> dict[int, float]:
    if not isinstance(choices, dict):
        raise SpecificationError(f"information state {state!r} must have an object of actions; got {choices!r:.80}")
    row: dict[int, float] = {}
    for action, probability in choices.items():
        if _ACTION.fullmatch(action) is None:
            raise SpecificationError(f"information state {state!r}: action {action!r:.80} must be a whole number")
        if isinstance(probability, bool) or not isinstance(probability, int | float) or abs(probability) > LARGE:
            raise SpecificationError(
                f"information state {state!r}: the probability of action {action} must be a number; got {probability!r:.80}"
            )
        row[int(action)] = float(probability)
    return row


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [key for key, _ in pairs]
        double = next(key for at, key in enumerate(names) if key in names[:at])
        raise SpecificationError(f"the key {double!r} stands twice in one object")
    return values


def _of_npz(content: bytes) -> tuple[str, Mapping[str, Mapping[int, float]]]:
    try:
        held = read_arrays(content)
    except ValueError as error:
        if "pickle" in str(error):
            raise SpecificationError("it holds pickled objects, which could run code") from None
        raise SpecificationError(f"it is damaged: {error}") from None
    missing = [name for name in NPZ_ARRAYS if name not in held]
    if missing:
        raise SpecificationError(f"it has no array {missing[0]!r}")
    arrays = {name: held[name] for name in NPZ_ARRAYS}
    _check_header(arrays["format"].tolist(), arrays["version"].tolist())
    game = arrays["game"].tolist()
    if not isinstance(game, str) or not game:
        raise SpecificationError(f"'game' must be the specification of a game; got {game!r:.80}")
    kinds = {"states": np.uint8, "actions": np.int64, "probabilities": np.float64}
    for name, kind in kinds.items():
        if arrays[name].dtype != kind or arrays[name].ndim != 1:
            raise SpecificationError(f"array {name!r} must be {np.dtype(kind).name} in one dimension")
    states = _slices(arrays["state_ends"], "state_ends", len(arrays["states"]))
    choices = _slices(arrays["choice_ends"], "choice_ends", len(arrays["actions"]))
    if len(states) != len(choices) or len(arrays["actions"]) != len(arrays["probabilities"]):
        raise SpecificationError("its arrays have different lengths")
    letters = arrays["states"].tobytes()
    actions, probabilities = arrays["actions"].tolist(), arrays["probabilities"].tolist()
    table: dict[str, dict[int, float]] = {}
    for i, (place, row) in enumerate(zip(states, choices, strict=True)):
        try:
            state = letters[place].decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise SpecificationError(f"information state {i} is no UTF-8") from None
        if state in table:
            raise SpecificationError(f"information state {state!r} stands twice")
        table[state] = dict(zip(actions[row], probabilities[row], strict=True))
        if len(table[state]) < row.stop - row.start or min(actions[row], default=0) < 0:
            raise SpecificationError(f"information state {state!r}: actions must be different and at least 0")
    return game, table


def _slices(ends: NDArray[Any], name: str, total: int) -> list[slice]:
    if ends.dtype != np.int64 or ends.ndim != 1:
        raise SpecificationError(f"array {name!r} must be int64 in one dimension")
    starts = np.concatenate((np.zeros(1, np.int64), ends))[:-1]
    if (ends < starts).any() or (int(ends[-1]) if len(ends) else 0) != total:
        raise SpecificationError(f"array {name!r} must ascend to {total}")
    return [slice(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _check_header(found: object, version: object) -> None:
    if found != FORMAT:
        raise SpecificationError(f"its format must be {FORMAT!r}; got {found!r:.80}")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise SpecificationError(f"its version must be a whole number; got {version!r:.80}")
    if version > VERSION:
        raise SpecificationError(f"its version {version} is newer than this Arena reads ({VERSION}); update Arena")
