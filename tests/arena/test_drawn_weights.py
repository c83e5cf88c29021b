"""Boards of one adaptive tournament weigh matches by the probabilities of their draws; pooled boards do not, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.config import make_config
from arena.counterfactual import Where
from arena.drawn_weights import propensities_of
from arena.leaderboards import elo
from arena.leaderboards.propensities import uniform_field
from arena.ledger import Ledger
from arena.plain_standings import board_differences, plain_rows
from arena.rounds import read_rounds
from arena.standings import rated_matches, standings
from arena.tournament import run_tournament

KUHN = "openspiel:kuhn_poker"
FIELD = ["random", "uniform", "third=random", "fourth=uniform"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def _run(ledger: Ledger, name: str, **values: Any) -> str:
    config = {"name": name, "game": KUHN, "agents": FIELD, "matches": 400, **values}
    return run_tournament(make_config(config), ledger).key


def _hunt(ledger: Ledger) -> str:
    return _run(ledger, "hunt", pairing="adaptive", aim="top 1", batch=20)


def test_ratings_of_an_adaptive_tournament_are_those_of_the_weighted_record(ledger: Ledger) -> None:
    key = _hunt(ledger)
    found, rated = standings(ledger, KUHN, tournament=key), rated_matches(ledger, KUHN, tournament=key)
    tournament = ledger.tournament(key)
    logged = np.concatenate(
        [one.propensities for one in read_rounds(ledger, tournament) if one.propensities is not None]
    )
    propensity = np.repeat(logged, 2)[rated.number]
    assert np.array_equal(propensities_of(ledger, tournament, rated.number), propensity)
    weighted = elo(uniform_field(rated.record, propensity, kind="pair"))
    shown = {row.agent: row.rating for row in found.leaderboard.rows}
    assert [shown[name] for name in weighted.names] == pytest.approx(weighted.scores.tolist(), abs=1e-6)
    plain = elo(rated.record)
    assert np.abs(weighted.scores - plain.scores).max() > 0.1, "weights matter here"
    assert any("inverse of the logged propensities" in note for note in found.leaderboard.notes)


def test_counts_stay_those_of_the_matches_as_played(ledger: Ledger) -> None:
    key = _hunt(ledger)
    found = standings(ledger, KUHN, tournament=key)
    assert sum(row.matches for row in found.leaderboard.rows) == 2 * found.matches
    assert found.leaderboard.matrix.matches.sum() == 2 * found.matches
    assert board_differences(found, plain_rows(ledger, [ledger.tournament(key)])) == []


def test_a_pooled_board_weighs_all_alike_and_says_so(ledger: Ledger) -> None:
    _hunt(ledger)
    _run(ledger, "cup", matches=20, seed=9)
    found = standings(ledger, KUHN)
    assert any("weigh every match alike" in note for note in found.leaderboard.notes)
    assert board_differences(found, plain_rows(ledger, ledger.tournaments())) == []


@pytest.mark.parametrize("method", ["elo_online", "minimax", "mean_return"])
def test_other_methods_take_the_weights_where_they_can(ledger: Ledger, method: Any) -> None:
    notes = standings(ledger, KUHN, tournament=_hunt(ledger), method=method).leaderboard.notes
    assert any("inverse of the logged" in note for note in notes) == (method != "elo_online")


def test_a_counterfactual_board_of_it_is_weighted_as_the_full_one(ledger: Ledger) -> None:
    found = standings(ledger, KUHN, tournament=_hunt(ledger), where=Where(without_agents=("fourth",)))
    assert any("inverse of the logged" in note for note in found.leaderboard.notes)
