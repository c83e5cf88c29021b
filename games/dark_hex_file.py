"""Indices of dark hex on disk: a .npz file with a version and a digest, never a pickle. What is read is checked.

Arrays: ``format``, ``file_version``, ``board`` (rows, columns), ``version`` of the game, ``digest`` (SHA-256 of what follows);
of each player ``own_0``, ``hit_0``, ``parent_0``, ``own_1`` ...: as in `DarkHexSets`; the rest follows from them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.games.array_file import read_arrays, require_npz, write_arrays
from arena.games.dark_hex_index import DarkHexIndex, linked_sets
from arena.games.dark_hex_rules import check_board, connected, decisions
from arena.games.errors import SpecificationError

FORMAT = "arena-dark-hex-index"
FILE_VERSION = 1
_ARRAYS = ("own", "hit", "parent")


def save_dark_hex_index(index: DarkHexIndex, path: str | Path) -> None:
    """Writes an index as `.npz`, 8 bytes an information set; a file that stands there is replaced in one step.

    Raises:
        SpecificationError: the name does not end in .npz, or the file cannot be written.
    """
    require_npz(path, "an index")
    held = {f"{name}_{player}": getattr(index.players[player], name) for player in (0, 1) for name in _ARRAYS}
    told = {
        "format": np.array(FORMAT),
        "file_version": np.array(FILE_VERSION),
        "board": np.array([index.rows, index.columns]),
        "version": np.array(index.version),
        "digest": np.array(_digest(held)),
    }
    write_arrays(path, told | held, what="the index", compressed=False)


def load_dark_hex_index(path: str | Path) -> DarkHexIndex:
    """The index in a file, checked against the digest that was written with it and against the rules.

    Raises:
        SpecificationError: no such file, no index, another version, or one that was changed.
    """
    try:
        held = read_arrays(Path(path).read_bytes())
        if str(held["format"]) != FORMAT or int(held["file_version"]) != FILE_VERSION:
            raise ValueError(f"format {held['format']} version {held['file_version']}")
        rows, columns = held["board"].astype(np.int64).tolist()
        version = str(held["version"])
        check_board(rows, columns, version)
        arrays = {f"{name}_{player}": held[f"{name}_{player}"] for player in (0, 1) for name in _ARRAYS}
        if any(values.ndim != 1 or values.dtype != _dtype(name) for name, values in arrays.items()):
            raise ValueError("its arrays are of another kind")
        if str(held["digest"]) != _digest(arrays):
            raise ValueError("its arrays are not those that were written")
        wins = connected(rows, columns)
        players = [
            linked_sets(
                own=arrays[f"own_{player}"].astype(np.uint16, copy=False),
                hit=arrays[f"hit_{player}"].astype(np.uint16, copy=False),
                parent=arrays[f"parent_{player}"].astype(np.uint32, copy=False),
                decides=decisions(wins, player, version),
                cells=rows * columns,
            )
            for player in (0, 1)
        ]
    except OSError as error:
        raise SpecificationError(f"cannot read the index {str(path)!r}: {error.strerror or error}") from None
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise SpecificationError(f"{str(path)!r} is no index of dark hex: {error}") from None
    return DarkHexIndex(rows=rows, columns=columns, version=version, players=(players[0], players[1]), wins=wins)


def _dtype(name: str) -> np.dtype[np.generic]:
    return np.dtype(np.uint32 if name.startswith("parent") else np.uint16)


def _digest(arrays: dict[str, NDArray[np.generic]]) -> str:
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(name.encode())
        found.update(np.ascontiguousarray(arrays[name]).data)
    return found.hexdigest()
