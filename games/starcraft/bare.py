"""Runs a module of Arena in a process of its own without what `arena.games` imports: by path, as ``python bare.py MODULE ARGS...``.

A match of StarCraft II is up to five processes; compilers and solvers, which none of them needs, would take each a second.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType


def command(module: str, *arguments: str) -> list[str]:
    """What starts a module so."""
    return [sys.executable, __file__, module, *arguments]


def main() -> None:
    games = Path(__file__).absolute().parents[1]
    package = ModuleType("arena.games")
    package.__path__ = [str(games)]
    sys.modules["arena.games"] = package
    sys.path[0] = str(games.parents[1])  # where `arena` is, in place of this file's folder
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
