"""Markov games on disk: JSON, which people write and read, or .npz, which is small. Never a pickle.

JSON: an object with ``format`` ("arena-markov-game"), ``version`` (1), ``transitions`` [S, A_0, ..., A_{n-1}, S'], ``rewards``
[n, S, A_0, ..., A_{n-1}] (with another axis S' where they depend on the next state, or of a zero-sum game of two players
player 0's alone [S, A_0, A_1]), and ``discount``; if wanted
``horizon``, ``initial`` [S], ``states`` (names), ``actions`` (lists of names, one a player) and ``title``.

.npz: arrays of the same names; in place of ``transitions`` it may hold ``begin``, ``successors`` and ``chances`` as in
`MarkovGame` with ``rewards`` [n, M], one an outcome, which is what `save_markov_game` writes. ``actions`` is ``actions_0``, ``actions_1``, ... there.
"""

from __future__ import annotations

import io
import json
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.array_file import replace_file
from arena.games.errors import SpecificationError
from arena.games.markov_game import MarkovGame, markov_game, sparse_markov_game
from arena.games.normal_form import content_version, read_game_file
from arena.games.payoff_files import load_arrays

FORMAT = "arena-markov-game"
VERSION = 1
SUFFIXES = (".json", ".npz")
JSON_NUMBERS = 1_000_000  # more are no text for people: tens of megabytes

_KNOWN = frozenset(
    {"format", "version", "title", "transitions", "begin", "successors", "chances"}
    | {"rewards", "discount", "horizon", "initial", "states", "actions"}
)


def save_markov_game(game: MarkovGame, path: str | Path) -> None:
    """Writes the game; the name's end chooses the form. A file that stands there is replaced in one step.

    Raises:
        SpecificationError: the name ends otherwise, the game is too large for JSON, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise SpecificationError(f"cannot write a Markov game to {str(path)!r}; end the name in .json or .npz")
    content = _to_json(game, path) if path.suffix == ".json" else _to_npz(game)
    replace_file(path, lambda file: file.write(content))


def read_markov_game(path: str) -> MarkovGame:
    """The game in a .json or .npz file; its specification is ``markov:PATH``.

    Raises:
        GameMissing: the file cannot be read.
        SpecificationError: another format or version, a key that is not known, or tables that are no game; the message
            names the file.
    """
    content = read_game_file(path)
    held = _of_json(content, path) if PurePath(path).suffix.lower() == ".json" else _of_npz(content, path)
    if held.pop("format", None) != FORMAT or held.pop("version", None) != VERSION:
        raise SpecificationError(f"{path} is no Markov game of format {FORMAT!r}, version {VERSION}")
    unknown = sorted(set(held) - _KNOWN)
    if unknown:
        raise SpecificationError(f"{path}: unknown key {unknown[0]!r}; known: {', '.join(sorted(_KNOWN))}")
    title = held.pop("title", PurePath(path).stem)
    held |= {"specification": f"markov:{path}", "title": str(title), "version": content_version(content)}
    sparse = "begin" in held
    wanted = (
        ("begin", "successors", "chances", "rewards", "discount") if sparse else ("transitions", "rewards", "discount")
    )
    missing = [name for name in wanted if name not in held]
    if missing or (sparse and "transitions" in held):
        raise SpecificationError(
            f"{path} needs {', '.join(wanted)}" + (f"; it has no {missing[0]}" if missing else " alone")
        )
    try:
        held["discount"] = float(held["discount"])
        if held.get("horizon") is not None:
            horizon = held["horizon"]
            if isinstance(horizon, bool) or int(horizon) != horizon:
                raise ValueError(f"the horizon must be a whole number; got {horizon!r}")
            held["horizon"] = int(horizon)
        if sparse:
            if "actions" not in held:
                raise ValueError("it needs the names of the actions: actions_0, actions_1, ...")
            return sparse_markov_game(**held, sizes=[len(names) for names in held["actions"]])
        return markov_game(**held)
    except (TypeError, ValueError, OverflowError) as error:
        raise SpecificationError(f"{path} is no Markov game: {error}") from None


def _to_json(game: MarkovGame, path: Path) -> bytes:
    if game.num_states * (len(game.begin) - 1) > JSON_NUMBERS:
        raise SpecificationError(f"{game.info.specification} is too large for JSON; end {str(path)!r} in .npz")
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "title": game.info.title,
        "discount": game.discount,
        "horizon": game.horizon,
        "initial": game.initial.tolist(),
        "states": game.states,
        "actions": game.actions,
        "transitions": game.transitions.tolist(),
        "rewards": _dense_rewards(game).tolist(),
    }
    return (json.dumps(whole, allow_nan=False) + "\n").encode()


def _dense_rewards(game: MarkovGame) -> NDArray[np.float64]:
    """Rewards of joint actions where the next state makes no difference, else with an axis for it."""
    cells = np.repeat(np.arange(len(game.begin) - 1), np.diff(game.begin).astype(np.int64))
    if (game.paid == game.rewards.reshape(game.num_players, -1).T[cells]).all():
        return game.rewards
    if len(np.unique(cells * game.num_states + game.successors)) < len(cells):
        raise SpecificationError(
            f"{game.info.specification} has steps that lead to one state with different rewards; end the name in .npz"
        )
    table = np.zeros((game.num_players, len(game.begin) - 1, game.num_states))
    table[:, cells, game.successors] = game.paid.T
    return table.reshape(*game.rewards.shape, game.num_states)


def _to_npz(game: MarkovGame) -> bytes:
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "title": np.array(game.info.title),
        "discount": np.array(game.discount),
        "initial": game.initial,
        "states": np.array(game.states),
        "begin": game.begin,
        "successors": game.successors,
        "chances": game.chances,
        "rewards": game.paid.T,
    }
    if game.horizon is not None:
        arrays["horizon"] = np.array(game.horizon)
    arrays |= {f"actions_{player}": np.array(names) for player, names in enumerate(game.actions)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _of_json(content: bytes, path: str) -> dict[str, Any]:
    try:
        whole = json.loads(content)
    except UnicodeDecodeError:
        raise SpecificationError(f"{path} is no UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise SpecificationError(f"{path}, line {error.lineno}: no JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise SpecificationError(f"{path} is no JSON: {error}") from None
    if not isinstance(whole, dict):
        raise SpecificationError(f"{path} must be an object with format, version, transitions, rewards and discount")
    for name in ("states", "actions"):
        value = whole.get(name, [])
        names = value if name == "states" or not isinstance(value, list) else [each for row in value for each in row]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in names):
            raise SpecificationError(f"{path}: {name} must be names")
    return whole


def _of_npz(content: bytes, path: str) -> dict[str, Any]:
    held: dict[str, Any] = dict(load_arrays(content, path=path))
    count = sum(name.startswith("actions_") for name in held)
    if count:
        missing = [f"actions_{player}" for player in range(count) if f"actions_{player}" not in held]
        if missing:
            raise SpecificationError(f"{path} has no {missing[0]!r}")
        held["actions"] = [held.pop(f"actions_{player}").tolist() for player in range(count)]
    if "states" in held:
        held["states"] = held["states"].tolist()
    for name in ("format", "version", "title", "discount", "horizon"):
        if name in held:
            held[name] = held[name].tolist()
    return held
