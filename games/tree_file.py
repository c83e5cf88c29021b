"""Compiled trees on disk: a .npz file with a version, never a pickle. What is read is checked before anything runs on it.

Arrays: ``format``, ``version``, ``specification``, ``counts`` (histories, ends), ``constant_sum`` (one number or none),
``keys`` uint8: the information states in UTF-8 one after the other, state j up to ``key_ends[j]``; the others as in
`GameTree`.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.game_tree import GameTree

FORMAT = "arena-tree"
VERSION = 1
_INDICES = ("set_begin", "depth", "first", "parent", "row_begin", "others")


def save_tree(tree: GameTree, path: str | Path) -> None:
    """Writes a compiled tree; a file that stands there is replaced in one step.

    Raises:
        SpecificationError: the name does not end in .npz, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise SpecificationError(f"cannot write a tree to {str(path)!r}; end the name in .npz")
    encoded = [key.encode() for key in tree.keys]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            np.savez_compressed(
                file,
                format=np.array(FORMAT),
                version=np.array(VERSION),
                specification=np.array(tree.specification),
                counts=np.array([tree.num_nodes, tree.num_terminals]),
                constant_sum=np.array([] if tree.constant_sum is None else [tree.constant_sum]),
                keys=np.frombuffer(b"".join(encoded), np.uint8),
                key_ends=np.cumsum([len(key) for key in encoded], dtype=np.int64),
                set_begin=tree.set_begin,
                depth=tree.depth,
                first=tree.first,
                parent=tree.parent,
                actions=tree.actions,
                row_begin=tree.row_begin,
                others=tree.others,
                weights=tree.weights,
            )
        unfinished.replace(path)
    except OSError as error:
        raise SpecificationError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def load_tree(path: str | Path) -> GameTree:
    """The compiled tree in a file; solvers and measures take it in place of the game.

    Raises:
        SpecificationError: no such file, not a tree, another version, or one whose arrays do not fit together.
    """
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as archive:
            held = {name: archive[name] for name in archive.files}
        if str(held["format"]) != FORMAT or int(held["version"]) != VERSION:
            raise ValueError(f"format {held['format']} version {held['version']}")
        tree = _tree(held)
        _check(tree)
    except OSError as error:
        raise SpecificationError(f"cannot read the tree {str(path)!r}: {error.strerror or error}") from None
    except (EOFError, KeyError, IndexError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise SpecificationError(f"{str(path)!r} is no compiled tree: {error}") from None
    return tree


def _tree(held: dict[str, NDArray[np.generic]]) -> GameTree:
    blob, begin, keys = held["keys"].astype(np.uint8).tobytes(), 0, []
    for end in held["key_ends"].astype(np.int64).tolist():
        keys.append(blob[begin:end].decode())
        begin = end
    for name in (*_INDICES, "actions", "weights"):
        wanted = np.dtype(np.uint32 if name in _INDICES else np.int64 if name == "actions" else np.float64)
        if held[name].dtype != wanted or held[name].ndim != (2 if name == "others" else 1):
            raise ValueError(f"its {name} are no {wanted}")
        held[name].setflags(write=False)
    constant = held["constant_sum"].astype(np.float64).tolist()
    num_nodes, num_terminals = held["counts"].astype(np.int64).tolist()
    return GameTree(
        specification=str(held["specification"]),
        num_players=len(held["set_begin"]) - 1,
        num_nodes=num_nodes,
        num_terminals=num_terminals,
        constant_sum=constant[0] if constant else None,
        keys=tuple(keys),
        set_begin=held["set_begin"].astype(np.uint32, copy=False),
        depth=held["depth"].astype(np.uint32, copy=False),
        first=held["first"].astype(np.uint32, copy=False),
        parent=held["parent"].astype(np.uint32, copy=False),
        actions=held["actions"].astype(np.int64, copy=False),
        row_begin=held["row_begin"].astype(np.uint32, copy=False),
        others=np.ascontiguousarray(held["others"].astype(np.uint32, copy=False)),
        weights=held["weights"].astype(np.float64, copy=False),
    )


def _check(tree: GameTree) -> None:
    """Compiled loops do not look where they read: every index must lie inside, and every parent before its children.

    Raises:
        ValueError: one does not.
    """
    players, sets, sequences = tree.num_players, tree.num_sets, tree.num_sequences
    fits = (
        players >= 1
        and len(tree.keys) == len(tree.depth) == sets
        and len(tree.first) == sets + 1
        and len(tree.row_begin) == sequences + 1
        and tree.others.shape == (len(tree.weights), players - 1)
        and _climbs(tree.set_begin, 0, sets)
        and _climbs(tree.first, players, sequences)
        and _climbs(tree.row_begin, 0, len(tree.weights))
        and bool((tree.first[1:] > tree.first[:-1]).all())
        and bool((tree.parent < tree.first[:-1]).all())
        and (tree.others.size == 0 or int(tree.others.max()) < sequences)
        and bool(np.isfinite(tree.weights).all())
    )
    if not fits:
        raise ValueError("its arrays do not fit together")
    for player in range(players):
        own = tree.sequences(player)
        above = tree.parent[tree.set_begin[player] : tree.set_begin[player + 1]]
        if ((above != player) & ((above < own.start) | (above >= own.stop))).any():
            raise ValueError("a player's information sets lie behind another's choices")


def _climbs(values: NDArray[np.uint32], begin: int, end: int) -> bool:
    return (
        len(values) > 0
        and int(values[0]) == begin
        and int(values[-1]) == end
        and bool((values[1:] >= values[:-1]).all())
    )
