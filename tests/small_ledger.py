"""A ledger with a little of two games, for tests that read one in different ways."""

from __future__ import annotations

from pathlib import Path

from arena.config import make_config
from arena.games import load_game
from arena.ledger import Ledger
from arena.solvers import cfr, save_policy
from arena.source import LedgerSource
from arena.tournament import run_tournament

KUHN = "openspiel:kuhn_poker"


def play_kuhn_and_noughts(ledger: Ledger, folder: Path) -> None:
    """Kuhn poker between a solved agent and an even one, and noughts and crosses as a Swiss tournament."""
    policy = folder / "kuhn.json"
    save_policy(cfr(load_game(KUHN), iterations=50).policy, policy)
    LedgerSource(ledger).add_agent("solved", f"policy:{policy}")
    cup = {"name": "kuhn", "game": KUHN, "agents": {"solved": "solved", "even": "uniform"}, "matches": 20, "seed": 1}
    run_tournament(make_config(cup), ledger)
    swiss = {"name": "noughts", "game": "openspiel:tic_tac_toe", "pairing": "swiss", "rounds": 2, "seed": 2}
    run_tournament(make_config(swiss | {"matches": 2, "agents": {"a": "random", "b": "random"}}), ledger)
