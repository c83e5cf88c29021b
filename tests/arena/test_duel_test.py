"""How far a duel's sequential test has come, as `arena tournament status` tells it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.config import make_config
from arena.duel_test import duel_test
from arena.ledger import Ledger
from arena.tournament import run_tournament

TTT = "openspiel:tic_tac_toe"
LOW = "bot:fixed_action_preference(actions=0:1:2:3:4:5:6:7:8)"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def _duel(ledger: Ledger, agents: list[str], **values: Any) -> str:
    config = {"name": "duel", "game": TTT, "agents": agents, "pairing": "decide", "matches": 400, **values}
    return run_tournament(make_config(config), ledger).key


def test_a_decided_duel_has_crossed_its_bound(ledger: Ledger) -> None:
    key = _duel(ledger, ["mcts(simulations=20)", "random"], block=32)
    found = duel_test(ledger, ledger.tournament(key))
    assert found is not None and found.high is not None
    assert found.decided and found.test == "betting"
    assert math.exp(found.high) == pytest.approx(40), "2 / 0.05"
    best = max(found.evidence, key=found.evidence.__getitem__)
    assert best == found.better and found.evidence[best] >= found.high
    assert 2 * found.pairs + found.surplus == ledger.progress(ledger.tournament(key))
    assert "decides at 40" in found.evidence_sentence()
    assert f"{found.pairs} of at most 200 pairs" in found.pairs_sentence()


def test_an_open_duel_says_so_with_its_error_rate(ledger: Ledger) -> None:
    key = _duel(ledger, ["random", "other=random"], matches=8)
    found = duel_test(ledger, ledger.tournament(key))
    assert found is not None and not found.decided and found.better is None
    assert found.pairs == found.most == 4
    assert "not told apart" in found.sentence and "at most 0.05" in found.sentence


def test_the_pentanomial_test_shows_its_ratio_between_its_bounds(ledger: Ledger) -> None:
    key = _duel(ledger, ["random", "other=random"], matches=8, test="gsprt", elo1=30)
    found = duel_test(ledger, ledger.tournament(key))
    assert found is not None and found.test == "gsprt"
    [ratio] = found.evidence.values()
    assert found.low is not None and found.high is not None and found.low < ratio < found.high
    assert f"log-likelihood ratio {ratio:+.2f}; decides at -2.94 and +2.94" == found.evidence_sentence()


def test_games_that_repeat_leave_nothing_to_weigh(ledger: Ledger) -> None:
    config = {
        "name": "same",
        "game": TTT,
        "agents": {"a": LOW, "b": LOW},
        "pairing": "decide",
        "matches": 400,
        "block": 8,
    }
    tournament = run_tournament(make_config(config), ledger)
    found = duel_test(ledger, tournament)
    assert found is not None and found.decided and found.better is None and found.pairs == 10
    assert found.evidence_sentence() == "nothing to weigh: the games repeat"


def test_only_duels_have_a_test(ledger: Ledger) -> None:
    tournament = run_tournament(
        make_config({"name": "cup", "game": TTT, "agents": ["random", "other=random"], "matches": 2}), ledger
    )
    assert duel_test(ledger, tournament) is None
