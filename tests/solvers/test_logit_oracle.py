"""Logit quantal response equilibria against Gambit's (recorded by `oracles/record_pygambit.py`)."""

import json
from pathlib import Path

import numpy as np
import pytest

from arena.solvers import logit_qre

RECORDED = json.loads((Path(__file__).parent / "oracles" / "pygambit.json").read_text(encoding="utf-8"))["games"]


def named(game):
    return f"{'x'.join(map(str, np.shape(game['payoffs'])[1:]))}-{game['rationality']}"


@pytest.mark.parametrize("game", RECORDED, ids=named)
def test_the_branch_passes_where_gambits_does(game):
    found = logit_qre(game["payoffs"], rationality=game["rationality"], trace=True)
    assert found.converged
    for mine, theirs in zip(found.strategies, game["strategies"], strict=True):
        assert np.allclose(mine, theirs, atol=1e-7)
