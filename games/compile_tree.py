"""`compile_tree`: a game written out once, and kept by its specification: in memory, and on disk where that is asked."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games import tree_file
from arena.games.errors import NotProvided, SpecificationError
from arena.games.game import Game
from arena.games.game_tree import GameTree, PlayerColumns, assemble
from arena.games.known_trees import known_tree
from arena.games.tree_walk import CompileProgress, TooLarge, require_memory, walk

NATIVE_TWINS = ("connect_four", "kuhn_poker", "tic_tac_toe")
"""Native games that equal OpenSpiel's of the same name, position by position, their information states too."""
MAX_NODES = 300_000
"""About a second of work: leduc poker has 9,457 histories, liar's dice with one die each 294,883."""
TREES_KEPT = 8

_kept: OrderedDict[tuple[str, ...], GameTree] = OrderedDict()
_refused: dict[tuple[str, ...], int] = {}  # the most histories that were known not to be enough
_lock = threading.Lock()


def compile_tree(
    game: Game,
    *,
    max_nodes: int | None = None,
    progress: CompileProgress | None = None,
    cache: str | Path | None = None,
) -> GameTree:
    """The tree of a game of OpenSpiel, of a native twin of one, or of a matrix or preference game.

    A simultaneous move becomes a decision of each player, none of whom sees the others' choices. The last trees are kept by
    the game's specification and version; one that is kept, in memory or on disk, is returned whatever its size.

    Args:
        max_nodes: the most histories that are written out, joint moves counted as one, at least 1; by default 300,000, and
            as many as there are of a matrix or preference game, whose payoffs stand in memory already.
        progress: called with the number of histories so far, at least once in 50,000 or at each level of the tree, and at
            the end.
        cache: a folder in which trees are kept as `save_tree` writes them, one file a game and version; what is damaged
            there is written anew. Not for matrix and preference games, which stand in memory already.

    Raises:
        NotProvided: a game whose tree cannot be written out, or of imperfect recall.
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
        SpecificationError: a return is no finite number, or the folder cannot be written to, which is found out before.
        ValueError: `max_nodes` is not positive.
        TypeError: the name of a game in place of it.
    """
    if isinstance(game, str):
        raise TypeError(f"a game is needed, not its name: load_game({game!r})")
    if max_nodes is not None and not max_nodes >= 1:
        raise ValueError(f"max_nodes must be at least 1; got {max_nodes}")
    payoffs = payoffs_of(game)
    if payoffs is not None:
        return _of_payoffs(game, payoffs, max_nodes)
    name = (game.info.specification, game.info.version, *_contents(getattr(game, "call", None)))
    file = None if cache is None else Path(cache) / _file_name(*name)
    with _lock:
        tree = _kept.get(name)
    unwritten = None if tree is not None and file is not None and file.exists() else file
    if tree is None and file is not None:
        tree = _read(file, name[0])
        unwritten = None if tree is not None else file
    if unwritten is not None:
        _require_folder(unwritten.parent)
    if tree is None:
        most = MAX_NODES if max_nodes is None else max_nodes
        if _refused.get(name, 0) >= most:
            raise TooLarge(name[0], most)
        try:
            tree = write_out(spiel_rules(game), name[0], max_nodes=most, progress=progress)
        except TooLarge:
            with _lock:
                _refused[name] = max(most, _refused.get(name, 0))
            raise
    with _lock:
        _kept[name] = tree
        _kept.move_to_end(name)
        while len(_kept) > TREES_KEPT:
            _kept.popitem(last=False)
    if unwritten is not None:
        tree_file.save_tree(tree, unwritten)
    return tree


def _read(file: Path, specification: str) -> GameTree | None:
    """The tree in a file of the cache, None where there is none, or another game's, or a damaged one."""
    try:
        tree = tree_file.load_tree(file)
    except SpecificationError:
        return None
    return tree if tree.specification == specification else None


def _require_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise SpecificationError(f"cannot keep trees in {str(folder)!r}: {error.strerror or error}") from None


def _contents(call: object) -> list[str]:
    """What stands in the files that a game of OpenSpiel is read from: the same name may mean another game tomorrow."""
    if call is None:
        return []
    from arena.games.openspiel_names import FILE_PARAMETERS, GameCall

    found = []
    for key, value in sorted(call.parameters.items()) if isinstance(call, GameCall) else ():
        if key in FILE_PARAMETERS and Path(str(value)).is_file():
            found.append(_digest(key, Path(str(value)).read_bytes().hex()))
        found += _contents(value) if isinstance(value, GameCall) else []
    return found


def _file_name(specification: str, *rest: str) -> str:
    """A name that tells people which game it is, and games, versions and formats apart."""
    plain = re.sub(r"\W+", "_", specification)[:60]
    return f"{plain}-{_digest(specification, *rest, str(tree_file.VERSION))}.npz"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]


def write_out(rules: Any, specification: str, *, max_nodes: int, progress: CompileProgress | None = None) -> GameTree:
    """The tree of a `pyspiel.Game`, made anew: from its rules where Arena knows them, else history by history.

    Raises:
        As `compile_tree`.
    """
    tree = known_tree(rules, specification, max_nodes=max_nodes, progress=progress)
    if tree is None:
        return walk(rules, specification, max_nodes=max_nodes, progress=progress)
    if progress is not None:
        progress(tree.num_nodes)
    return tree


def payoffs_of(game: Game) -> NDArray[np.float64] | None:
    """The payoffs [num_players, num_actions_0, num_actions_1, ...] of a matrix or preference game, None for other games.

    A preference game's payoffs are the probabilities that its candidates win: P for the first player, 1 - P for the second.
    """
    payoffs = getattr(game, "payoffs", None)
    if payoffs is not None:
        return np.asarray(payoffs, np.float64)
    preferences = getattr(game, "preferences", None)
    if preferences is not None:
        matrix = np.asarray(preferences, np.float64)
        return np.stack((matrix, 1 - matrix))
    return None


def information_states(game: Game) -> list[str]:
    """The name of each player's only information state in a game in which everybody chooses once and at the same time."""
    tables, players = game.tables(1), np.arange(game.info.num_players)
    tables.start(np.zeros(1, np.int64), np.zeros(1, np.uint64))
    return tables.information_state(np.zeros(len(players), np.int64), players)


def _of_payoffs(game: Game, payoffs: NDArray[np.float64], max_nodes: int | None) -> GameTree:
    sizes = payoffs.shape[1:]
    if max_nodes is not None and payoffs[0].size + 1 > max_nodes:
        raise TooLarge(game.info.specification, max_nodes)
    require_memory(game.info.specification, payoffs[0].size)
    players = [PlayerColumns() for _ in sizes]
    for player, size, key in zip(players, sizes, information_states(game), strict=True):
        player.add(key, 0, range(size))
    return assemble(
        game.info.specification,
        players,
        sequences=np.indices(sizes).reshape(len(sizes), -1).T + 1,
        chance=np.ones(payoffs[0].size),
        returns=payoffs.reshape(len(sizes), -1).T,
        num_nodes=payoffs[0].size + 1,
    )


def spiel_rules(game: Game) -> Any:
    """The `pyspiel.Game` whose rules an Arena game plays by.

    Raises:
        NotProvided: there is none.
    """
    rules = getattr(game, "rules", None)
    if hasattr(rules, "new_initial_state"):  # other games have rules of other kinds
        return rules
    scheme, _, twin = game.info.specification.partition(":")
    native = twin if scheme == "arena" and twin.partition("(")[0] in NATIVE_TWINS else None
    name = getattr(game, "openspiel_name", None) or native
    if name is None:
        raise NotProvided(
            f"{game.info.specification} cannot be written out as a tree; that takes the rules of a small game of "
            "OpenSpiel, or a matrix or preference game"
        )
    import pyspiel

    return pyspiel.load_game(name)
