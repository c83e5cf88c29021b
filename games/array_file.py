"""Files of named arrays: .npz, replaced in one step when written, and never a pickle when read."""

from __future__ import annotations

import io
import lzma
import os
import struct
import threading
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError

_DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    MemoryError,  # a header may promise any size
    RuntimeError,  # encrypted; also NotImplementedError: methods and versions that zip files may name
    SyntaxError,
    tokenize.TokenError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""What numpy and zipfile raise at bytes that they do not understand."""


def read_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of a ``.npz`` file, or of a ``.npy`` file under the name ``array``; nothing pickled is ever loaded.

    Raises:
        ValueError: it is none, damaged, or holds pickled objects.
    """
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"array": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except _DAMAGE as error:
        raise ValueError(str(error) or type(error).__name__) from None


def write_arrays(path: str | Path, arrays: Mapping[str, NDArray[Any]], *, what: str, compressed: bool = True) -> None:
    """Writes a ``.npz`` file as `replace_file` does.

    Raises:
        SpecificationError: it cannot be written.
    """
    write = np.savez_compressed if compressed else np.savez

    def fill(file: BinaryIO) -> None:
        write(file, allow_pickle=False, **arrays)

    replace_file(Path(path), fill, what=what)


def require_npz(path: str | Path, what: str) -> None:
    """Makes sure that a name ends in .npz, so that other programs know what the file is.

    Raises:
        SpecificationError: it does not.
    """
    if Path(path).suffix != ".npz":
        raise SpecificationError(f"cannot write {what} to {str(path)!r}; end the name in .npz")


def replace_file(path: Path, fill: Callable[[BinaryIO], object], *, what: str = "") -> None:
    """Writes a file; one that stands there is replaced in one step, or left as it is where something goes wrong.

    Args:
        fill: writes the content.
        what: what the file holds, for the message of the error.

    Raises:
        SpecificationError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with unfinished.open("wb") as file:
            fill(file)
        unfinished.replace(path)
    except OSError as error:
        named = f"{what} {str(path)!r}" if what else repr(str(path))
        raise SpecificationError(f"cannot write {named}: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)
