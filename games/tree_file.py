"""Compiled trees on disk: a .npz file with a version, never a pickle. What is read is checked before anything runs on it.

Arrays: ``format``, ``version``, ``specification``, ``counts`` (histories, ends), ``constant_sum`` (one number or none),
``keys`` uint8: the information states in UTF-8 one after the other, state j up to ``key_ends[j]``; the others as in
`GameTree`.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.array_file import read_arrays, require_npz, write_arrays
from arena.games.errors import SpecificationError
from arena.games.game_tree import GameTree, Index, frozen, steps

FORMAT = "arena-tree"
VERSION = 1
_COLUMNS = dict.fromkeys(("set_begin", "depth", "first", "parent", "row_begin"), (np.uint32, 1)) | {
    "others": (np.uint32, 2),
    "actions": (np.int64, 1),
    "weights": (np.float64, 1),
}
"""Type and number of axes of the arrays that a tree holds as they are."""
_KINDS = _COLUMNS | {
    "counts": (np.int64, 1),
    "constant_sum": (np.float64, 1),
    "keys": (np.uint8, 1),
    "key_ends": (np.int64, 1),
}


def save_tree(tree: GameTree, path: str | Path) -> None:
    """Writes a compiled tree; a file that stands there is replaced in one step.

    Raises:
        SpecificationError: the name does not end in .npz, or the file cannot be written.
    """
    require_npz(path, "a tree")
    encoded = [key.encode() for key in tree.keys]
    held: dict[str, NDArray[Any]] = {name: getattr(tree, name) for name in _COLUMNS}
    held |= {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "specification": np.array(tree.specification),
        "counts": np.array([tree.num_nodes, tree.num_terminals]),
        "constant_sum": np.array([] if tree.constant_sum is None else [tree.constant_sum]),
        "keys": np.frombuffer(b"".join(encoded), np.uint8),
        "key_ends": np.cumsum([len(key) for key in encoded], dtype=np.int64),
    }
    write_arrays(path, held, what="the tree")


def load_tree(path: str | Path) -> GameTree:
    """The compiled tree in a file; solvers and measures take it in place of the game.

    Raises:
        SpecificationError: no such file, not a tree, another version, or one whose arrays do not fit together.
    """
    try:
        held = read_arrays(Path(path).read_bytes())
        if str(held["format"]) != FORMAT or int(held["version"]) != VERSION:
            raise ValueError(f"format {held['format']} version {held['version']}")
        tree = _tree(held)
        _check(tree)
    except OSError as error:
        raise SpecificationError(f"cannot read the tree {str(path)!r}: {error.strerror or error}") from None
    except (KeyError, ValueError, TypeError) as error:
        raise SpecificationError(f"{str(path)!r} is no compiled tree: {error}") from None
    return tree


def _tree(held: dict[str, NDArray[Any]]) -> GameTree:
    for name, (kind, axes) in _KINDS.items():
        if held[name].dtype != kind or held[name].ndim != axes:
            raise ValueError(f"its {name} are no {np.dtype(kind)} of {axes} axes")
    specification, constant = held["specification"].tolist(), held["constant_sum"].tolist()
    num_nodes, num_terminals = held["counts"].tolist()
    if not isinstance(specification, str) or not num_nodes >= num_terminals >= 1 or len(constant) > 1:
        raise ValueError("its counts, constant sum or specification are none")
    blob, ends = held["keys"].tobytes(), [0, *held["key_ends"].tolist()]
    if ends != sorted(ends) or ends[-1] != len(blob):
        raise ValueError("its key_ends do not fit its keys")
    return GameTree(
        specification=specification,
        num_players=len(held["set_begin"]) - 1,
        num_nodes=num_nodes,
        num_terminals=num_terminals,
        constant_sum=constant[0] if constant else None,
        keys=tuple(blob[begin:end].decode() for begin, end in pairwise(ends)),
        **{name: frozen(np.ascontiguousarray(held[name])) for name in _COLUMNS},
    )


def _check(tree: GameTree) -> None:
    """Compiled loops do not look where they read: every index must lie inside, and every parent before its children.

    Beyond that, what is read must be of the player and the depth that it says.

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
        and (tree.constant_sum is None or bool(np.isfinite(tree.constant_sum)))
    )
    if not fits:
        raise ValueError("its arrays do not fit together")
    actions = tree.num_actions
    owner = np.repeat(np.arange(players), steps(tree.set_begin))  # of each information set
    played_by = np.concatenate((np.arange(players), np.repeat(owner, actions)))  # of each sequence
    behind = np.concatenate((np.zeros(players, np.int64), np.repeat(tree.depth.astype(np.int64) + 1, actions)))
    earner = np.repeat(played_by, steps(tree.row_begin))
    rivals = np.arange(players - 1) + (np.arange(players - 1) >= earner[:, None])
    place = np.repeat(np.arange(sets), actions)
    named = len({(player, key) for player, key in zip(owner.tolist(), tree.keys, strict=True)})
    legal = np.unique(np.stack((place, tree.actions[players:])), axis=1).shape[1]
    if (
        (played_by[tree.parent] != owner).any()
        or (played_by[tree.others] != rivals).any()
        or (behind[tree.parent] != tree.depth).any()
    ):
        raise ValueError("a player's information sets or payoffs lie behind choices that are not there")
    if named < sets or legal < len(place) or (tree.actions[:players] != -1).any() or tree.actions.min() < -1:
        raise ValueError("two of its information sets or actions are one")


def _climbs(values: Index, begin: int, end: int) -> bool:
    return (
        len(values) > 0
        and int(values[0]) == begin
        and int(values[-1]) == end
        and bool((values[1:] >= values[:-1]).all())
    )
