"""What ``SC2_x64`` of a stand-in folder runs: the game's own command line, as far as it means something here."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from arena.games.starcraft.standin.server import arguments_of, run

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    given = arguments_of(sys.argv[1:])
    asyncio.run(run(given.get("-listen", "127.0.0.1"), int(given["-port"]), Path(given.get("-dataDir", "."))))
