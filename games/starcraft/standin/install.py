"""A folder laid out as the game's own, with the stand-in as its program: ``python -m arena.games.starcraft.standin.install FOLDER``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from arena.games.starcraft import bare
from arena.games.starcraft.standin.maps import shipped_maps

MODULE = "arena.games.starcraft.standin"
EXECUTABLE = "Versions/Base94137/SC2_x64"  # clients ask folders for the build, and refuse the old ones


def install(folder: Path) -> Path:
    """Writes program and maps, and returns the program; what is there already is replaced file by file, each in one step."""
    for path, field in shipped_maps().items():
        _put(folder / "Maps" / f"{path}.SC2Map", field.to_bytes())
    (folder / "Replays").mkdir(exist_ok=True)
    program = folder / EXECUTABLE
    _put(program, f'#!/bin/sh\nexec {shlex.join(bare.command(MODULE))} "$@"\n'.encode(), mode=0o755)
    return program


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
