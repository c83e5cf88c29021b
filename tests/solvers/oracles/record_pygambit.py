"""Writes pygambit.json: logit quantal response equilibria that Gambit's tracer finds. Run it by hand where pygambit 16 is installed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pygambit
from pygambit.qre import logit_solve_lambda

SIZES = ((2, 2), (3, 3), (2, 4), (5, 5), (2, 2, 2), (3, 2, 2))
RATIONALITIES = (0.5, 2.0, 8.0)


def main() -> None:
    rng = np.random.default_rng(21)
    held = []
    for size in SIZES:
        payoffs = rng.integers(-99, 100, (len(size), *size)) / 100
        game = pygambit.Game.from_arrays(*payoffs)
        for rationality in RATIONALITIES:
            found = logit_solve_lambda(game, rationality)[-1].profile
            strategies = [[float(found[strategy]) for strategy in player.strategies] for player in game.players]
            held.append({"payoffs": payoffs.tolist(), "rationality": rationality, "strategies": strategies})
    file = Path(__file__).with_name("pygambit.json")
    file.write_text(json.dumps({"pygambit": pygambit.__version__, "games": held}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
