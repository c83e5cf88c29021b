"""A folder laid out as the game's own, with the stand-in as its program: ``python -m arena.games.starcraft.standin.install FOLDER``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from arena.games.starcraft import bare
from arena.games.starcraft.standin.maps import shipped_maps

RELEASE = "1"  # of its rules: results of different ones are told apart
MODULE = "arena.games.starcraft.standin"
EXECUTABLE = "Versions/Base94137/SC2_x64"  # clients ask folders for the build, and refuse the old ones


def install(folder: Path) -> Path:
    """Writes program and maps, and returns the program; what is there already is replaced file by file, each in one step."""
    for path, content in maps().items():
        _put(folder / "Maps" / path, content)
    (folder / "Replays").mkdir(exist_ok=True)
    _put(folder / EXECUTABLE, program(), mode=0o755)
    return folder / EXECUTABLE


def maps() -> dict[str, bytes]:
    """Path below ``Maps`` -> content."""
    return {f"{path}.SC2Map": field.to_bytes() for path, field in shipped_maps().items()}


def program() -> bytes:
    """The executable: a line of shell."""
    return f'#!/bin/sh\nexec {shlex.join(bare.command(MODULE))} "$@"\n'.encode()


def _put(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    incoming = path.with_name(f".{path.name}.{os.getpid()}")
    incoming.write_bytes(content)
    incoming.chmod(mode)
    incoming.replace(path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("write: python -m arena.games.starcraft.standin.install FOLDER; then set SC2PATH to that folder")
    where = Path(sys.argv[1]).absolute()
    install(where)
    sys.stdout.write(f"export SC2PATH={shlex.quote(str(where))}\n")
