"""Writes nashpy.json: equilibria that nashpy 0.0.43 finds of random bimatrix games. Run it by hand where nashpy is installed."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import nashpy
import numpy as np

SIZES = ((2, 2), (2, 3), (3, 3), (3, 4), (4, 4), (5, 5))
GAMES_EACH = 4


def main() -> None:
    rng = np.random.default_rng(20)
    held = []
    for rows, columns in SIZES:
        for _ in range(GAMES_EACH):
            payoffs = rng.integers(
                -999, 1000, (2, rows, columns)
            )  # so many that ties, and with them degenerate games, are rare
            game = nashpy.Game(*payoffs)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = [[row.tolist(), column.tolist()] for row, column in game.vertex_enumeration()]
                path = [strategy.tolist() for strategy in game.lemke_howson(initial_dropped_label=0)]
            held.append({"payoffs": payoffs.tolist(), "equilibria": found, "lemke_howson": path})
    file = Path(__file__).with_name("nashpy.json")
    file.write_text(json.dumps({"nashpy": nashpy.__version__, "games": held}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
