"""A bot that misbehaves as it is told: ``python bad_starcraft_bot.py HOW --GamePort ...``; the example's bot otherwise."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
from websockets.sync.client import connect

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import starcraft_bot as example


def main() -> None:
    how = sys.argv.pop(1)
    port = sys.argv[sys.argv.index("--GamePort") + 1]
    if how == "kill_the_game_once":
        mark = Path(os.environ["ARENA_DATA"], "killed")
        if not mark.exists():
            mark.touch()
            _kill_the_game()
        example.main()
    elif how == "hang":
        with connect(f"ws://127.0.0.1:{port}/sc2api", max_size=None, compression=None) as game:
            example.join(game)
            print("hanging", flush=True)
            time.sleep(600)
    elif how == "lose_the_connection":
        with connect(f"ws://127.0.0.1:{port}/sc2api", max_size=None, compression=None) as game:
            example.join(game)
            print("and off", flush=True)
            os._exit(7)
    elif how == "garbage":
        with connect(f"ws://127.0.0.1:{port}/sc2api") as game:
            game.send(b"\xff\xff\xff")
            time.sleep(600)
    else:
        raise SystemExit(f"cannot {how}")


def _kill_the_game() -> None:
    for process in psutil.Process(os.getppid()).children(recursive=True):
        if "-dataDir" in process.cmdline():
            process.kill()


if __name__ == "__main__":
    main()
