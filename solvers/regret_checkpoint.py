"""The state of counterfactual regret minimisation on disk: a .npz file with a version, never a pickle.

Arrays: ``format``, ``version``; ``method``, ``exponents``; ``game``, ``tree`` (a hash of the tree's arrays, so that no run
goes on on another game); ``clock``, ``regret``, ``strategy``, ``average``; ``history`` [K, 2], iteration and gap.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.game_tree import GameTree

FORMAT = "arena-regrets"
VERSION = 1

History = list[tuple[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regrets:
    """The state of a run on a tree, arrays [S] that are updated in place. From the same state a run goes on the same way.

    ``clock`` [1]: iterations done, counted where they are done, so that an interruption leaves no half of one.
    """

    clock: NDArray[np.int64]
    regret: NDArray[np.float64] = field(repr=False)
    strategy: NDArray[np.float64] = field(repr=False)
    average: NDArray[np.float64] = field(repr=False)

    @property
    def iterations(self) -> int:
        return int(self.clock[0])


def write_checkpoint(
    path: str | Path,
    tree: GameTree,
    method: str,
    exponents: Sequence[float],
    regrets: Regrets,
    history: History,
) -> None:
    """Writes the state; a file that stands there is replaced in one step.

    Raises:
        SpecificationError: the file cannot be written.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            np.savez(
                file,
                format=np.array(FORMAT),
                version=np.array(VERSION),
                method=np.array(method),
                exponents=np.array(exponents, np.float64),
                game=np.array(tree.specification),
                tree=np.array(fingerprint(tree)),
                clock=regrets.clock,
                regret=regrets.regret,
                strategy=regrets.strategy,
                average=regrets.average,
                history=np.array(history, np.float64).reshape(-1, 2),
            )
        unfinished.replace(path)
    except OSError as error:
        raise SpecificationError(f"cannot write the checkpoint {str(path)!r}: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def read_checkpoint(
    path: str | Path, tree: GameTree, method: str, exponents: Sequence[float]
) -> tuple[Regrets, History]:
    """The state in a file, and the gaps measured so far.

    Raises:
        SpecificationError: it cannot be read, is no checkpoint, or is of another game, method or setting.
    """
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as archive:
            held = {name: archive[name] for name in archive.files}
        kind, version = str(held["format"]), int(held["version"])
        if kind != FORMAT or version != VERSION:
            raise ValueError(f"format {kind} version {version}")
        found = (str(held["method"]), str(held["game"]), str(held["tree"]), held["exponents"].tolist())
        regrets = Regrets(
            clock=held["clock"].astype(np.int64).reshape(1),
            regret=held["regret"].astype(np.float64),
            strategy=held["strategy"].astype(np.float64),
            average=held["average"].astype(np.float64),
        )
        history = [(int(iteration), float(gap)) for iteration, gap in held["history"]]
    except (
        OSError,
        EOFError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise SpecificationError(
            f"{str(path)!r} is no checkpoint that can be gone on from ({error}); remove it to begin anew"
        ) from None
    if found != (method, tree.specification, fingerprint(tree), list(exponents)):
        raise SpecificationError(
            f"{str(path)!r} is a checkpoint of {found[0]} on {found[1]}, with other rules or settings than {method} on "
            f"{tree.specification} has now; name another file, or remove it to begin anew"
        )
    arrays = (regrets.regret, regrets.strategy, regrets.average)
    if any(array.shape != (tree.num_sequences,) or not np.isfinite(array).all() for array in arrays):
        raise SpecificationError(
            f"{str(path)!r} is a broken checkpoint: its arrays do not fit; remove it to begin anew"
        )
    return regrets, history


def fingerprint(tree: GameTree) -> str:
    """A hash of all that iterations read of a tree."""
    digest = hashlib.sha256()
    for array in (tree.set_begin, tree.first, tree.parent, tree.row_begin, tree.others, tree.weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
