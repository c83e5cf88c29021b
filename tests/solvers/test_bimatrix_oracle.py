"""Equilibria of bimatrix games against those that nashpy finds (recorded by `oracles/record_nashpy.py`)."""

import json
from pathlib import Path

import numpy as np
import pytest

from arena.solvers import bimatrix_nash

RECORDED = json.loads((Path(__file__).parent / "oracles" / "nashpy.json").read_text(encoding="utf-8"))["games"]
CLOSE = 1e-8


def the_same(first, second):
    return all(np.allclose(mine, theirs, atol=CLOSE) for mine, theirs in zip(first, second, strict=True))


@pytest.mark.parametrize("game", RECORDED, ids=lambda game: "x".join(map(str, np.shape(game["payoffs"])[1:])))
def test_all_equilibria_are_nashpys(game):
    found = bimatrix_nash(game["payoffs"])
    assert found.converged and not found.settings["degenerate"]
    assert len(found.equilibria) == len(game["equilibria"])
    assert all(any(the_same(mine, theirs) for mine in found.equilibria) for theirs in game["equilibria"])


@pytest.mark.parametrize("game", RECORDED, ids=lambda game: "x".join(map(str, np.shape(game["payoffs"])[1:])))
def test_the_path_of_lemke_and_howson_ends_where_nashpys_does(game):
    found = bimatrix_nash(game["payoffs"], algorithm="lemke_howson", label=0)
    assert the_same(found.strategies, game["lemke_howson"])
