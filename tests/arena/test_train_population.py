"""A population that was learned, as an agent of the ledger: what its page tells, how it is measured, that it plays."""

from __future__ import annotations

import json

import pytest
from command_line import Arena

from arena import play
from arena.agents import load_agent
from arena.games import load_game
from arena.ledger import Ledger
from arena.roster import playable
from arena.solvers import nash_conv

KUHN = "arena:kuhn_poker"
SHORT = ("--steps", "4096", "--tables", "32", "--hidden", "16", "--set", "oracle_steps=2048", "--set", "meta=uniform")


def test_a_population_is_registered_measured_and_plays(arena: Arena) -> None:
    told = json.loads(arena("train", "psro", KUHN, *SHORT, "--register", "many", "--json").out)
    game = load_game(KUHN)
    with Ledger.open() as ledger:
        agent = ledger.agent("many")
        kept = load_agent(playable(agent, ledger), game=game)
        assert nash_conv(game, kept) == pytest.approx(told["gap"], abs=1e-5)
    assert (play(game, [kept, "random"], matches=20).forfeit == -1).all()
    assert agent.lineage["population"] == "uniform 0.333/0.333, oracle 1 0.333/0.333, oracle 2 0.333/0.333"
    said = json.loads(arena("exploit", KUHN, "many", "--json").out)
    assert said["kind"] == "exact"
    assert said["nash_conv"] == pytest.approx(told["gap"], abs=1e-5)
