"""Standings: what the ledger says of a game, over one tournament or all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.config import make_config
from arena.games import SpecificationError, TabularPolicy, UnknownName
from arena.leaderboards.record import Record
from arena.ledger import Ledger, LedgerError
from arena.match_import import import_record
from arena.solvers import save_policy
from arena.standings import NoMatches, canonical_game, standings
from arena.tournament import create_tournament, run_tournament

KUHN = "openspiel:kuhn_poker"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def _run(ledger: Ledger, name: str, **values: Any) -> str:
    config = {"name": name, "game": KUHN, "agents": ["random", "uniform"], "matches": 20, **values}
    return run_tournament(make_config(config), ledger).key


def test_all_tournaments_of_a_game_count_together(ledger: Ledger) -> None:
    _run(ledger, "one")
    _run(ledger, "two", agents=["uniform", "third=random"], seed=2)
    found = standings(ledger, KUHN)
    assert found.matches == 40
    assert found.tournaments == ("one", "two")
    assert {row.agent: row.matches for row in found.leaderboard.rows} == {
        "random@1": 20,
        "uniform@1": 40,
        "third@1": 20,
    }
    assert standings(ledger, KUHN, tournament="two").matches == 20


def test_a_match_that_is_recorded_twice_counts_once(ledger: Ledger) -> None:
    _run(ledger, "one", seed=5)
    once = standings(ledger, KUHN)
    _run(ledger, "again", seed=5)
    twice = standings(ledger, KUHN)
    assert twice.matches == once.matches == 20
    assert [row.low for row in twice.leaderboard.rows] == [row.low for row in once.leaderboard.rows]
    assert "20 matches repeat others" in twice.leaderboard.notes[-1]
    _run(ledger, "more")
    assert standings(ledger, KUHN).matches == 40


def test_a_ledger_that_lost_matches_is_not_rated(ledger: Ledger, tmp_path: Path) -> None:
    _run(ledger, "one", block=4)
    with sqlite3.connect(tmp_path / "arena.db") as database:
        database.execute("delete from matches where number >= 16")
    with pytest.raises(LedgerError, match="one has lost 4 of its 20 matches"):
        standings(ledger, KUHN)


def test_counts_are_those_of_the_ledger(ledger: Ledger) -> None:
    key = _run(ledger, "one")
    tournament = ledger.tournament(key)
    played = ledger.played(tournament)
    mine = np.argmax(played.seats == 0, axis=1)
    wins = int((played.returns[np.arange(20), mine] > 0).sum())
    row = next(row for row in standings(ledger, KUHN).leaderboard.rows if row.agent == "random@1")
    assert (row.wins, row.losses) == (wins, 20 - wins)
    assert row.mean_return == pytest.approx(float(played.returns[np.arange(20), mine].mean()))


def test_versions_of_an_agent_are_rated_apart(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    for number in range(2):
        save_policy(TabularPolicy(KUHN, {"0": {0: 0.5 + number / 4, 1: 0.5 - number / 4}}), path)
        _run(ledger, f"cup{number}", agents={"random": "random", "mine": f"policy:{path}"}, seed=number)
    labels = {row.agent for row in standings(ledger, KUHN).leaderboard.rows}
    assert labels == {"random@1", "mine@1", "mine@2"}


def test_exact_exploitability_is_of_tabular_agents_only(ledger: Ledger) -> None:
    _run(ledger, "one")
    found = standings(ledger, KUHN).exploitability
    assert {agent: (one.kind, one.value) for agent, one in found.items()} == {
        "uniform@1": ("exact", pytest.approx(11 / 24))  # 0.4583: NashConv 11/12
    }


def test_matches_after_the_verdict_are_not_rated(ledger: Ledger) -> None:
    key = _run(
        ledger,
        "duel",
        game="openspiel:tic_tac_toe",
        agents=["mcts(simulations=20)", "random"],
        pairing="decide",
        matches=400,
        block=32,
    )
    tournament = ledger.tournament(key)
    found = standings(ledger, "openspiel:tic_tac_toe")
    assert found.verdict is not None
    assert "beats random@1" in found.verdict.sentence
    assert found.leaderboard.finding.startswith(found.verdict.sentence), "the verdict is the finding"
    assert "stopped once they were decided" in found.leaderboard.notes[0]
    assert found.surplus > 0
    assert found.matches + found.surplus == ledger.progress(tournament)


TREES = ["strong=mcts(simulations=64)", "random", "other=random"]


def _adaptive(ledger: Ledger, name: str = "hunt") -> str:
    return _run(
        ledger, name, game="openspiel:tic_tac_toe", agents=TREES, pairing="adaptive", aim="top 1", matches=600, batch=20
    )


def test_what_an_adaptive_tournament_decided_is_the_finding(ledger: Ledger) -> None:
    key = _adaptive(ledger)
    found = standings(ledger, "openspiel:tic_tac_toe", tournament=key)
    assert found.verdict is not None
    assert found.verdict.decided
    assert "strong@1" in found.leaderboard.finding
    assert found.leaderboard.finding.startswith(found.verdict.sentence)
    assert "intervals of ratings do not" in found.leaderboard.notes[0]
    assert f"arena tournament status {key}" in found.leaderboard.notes[0]
    assert "who met whom was chosen by earlier results (adaptive)" in found.leaderboard.notes[1]
    assert found.surplus == 0
    ranks = {row.agent: row.rank for row in found.leaderboard.rows if not row.provisional}
    assert ranks.pop("strong@1") == (1, 1)
    assert set(ranks.values()) == {(2, 3)}, "ranks say no more than that strong is the best"


def test_matches_chosen_by_results_are_named_among_others(ledger: Ledger) -> None:
    _adaptive(ledger)
    _run(ledger, "plain", game="openspiel:tic_tac_toe", agents=["random", "mcts(simulations=2)"])
    found = standings(ledger, "openspiel:tic_tac_toe")
    assert found.verdict is None
    assert any("in 1 of 2 tournaments who met whom" in note for note in found.leaderboard.notes)


def test_another_spelling_finds_the_same_ladder(ledger: Ledger) -> None:
    _run(ledger, "one")
    for spelling in (KUHN, "kuhn_poker", "openspiel:kuhn_poker(players=2)"):
        assert canonical_game(ledger, spelling) == KUHN
    with pytest.raises(UnknownName, match="kuhn_poker"):
        canonical_game(ledger, "openspiel:kuhn_pokr")


def test_a_game_without_matches_is_not_unknown_and_how_to_play_some_is_said(ledger: Ledger) -> None:
    with pytest.raises(
        NoMatches, match=r"no match of openspiel:leduc_poker is in this ledger yet; to play some: arena"
    ):
        canonical_game(ledger, "openspiel:leduc_poker")
    _run(ledger, "one")
    with pytest.raises(NoMatches, match=f"it has matches of {KUHN}; .*--game 'openspiel:kuhn_poker\\(players=3\\)'"):
        canonical_game(ledger, "openspiel:kuhn_poker(players=3)")


def test_a_game_whose_matches_are_all_unrated_is_said_to_have_none_that_is_rated(ledger: Ledger) -> None:
    _run(ledger, "casual", rated=False, matches=2)
    create_tournament(
        make_config({"name": "begun", "game": "openspiel:chess", "agents": ["random", "uniform"], "matches": 2}), ledger
    )
    with pytest.raises(NoMatches, match=rf"no match of {KUHN} in this ledger is rated, and 2 are not; to play some"):
        standings(ledger, KUHN)
    with pytest.raises(NoMatches, match=rf"no match of openspiel:go .*; it has matches of {KUHN}; to play some"):
        canonical_game(ledger, "openspiel:go")
    _run(ledger, "ttt", game="openspiel:tic_tac_toe", matches=2)
    with pytest.raises(NoMatches, match=r"; it has rated matches of openspiel:tic_tac_toe; to play some"):
        standings(ledger, KUHN)


def test_a_tournament_of_another_game_is_refused(ledger: Ledger) -> None:
    _run(ledger, "one")
    _run(ledger, "ttt", game="openspiel:tic_tac_toe")
    with pytest.raises(SpecificationError, match="is of openspiel:tic_tac_toe"):
        standings(ledger, KUHN, tournament="ttt")


def test_imported_matches_of_different_sizes_are_rated(ledger: Ledger) -> None:
    record = Record(
        agents=("a", "b", "c"),
        seats=np.array([[0, 1, -1], [1, 2, 0], [2, 0, -1]]),
        returns=np.array([[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [0.5, 0.5, 0.0]]),
        forfeit=np.full(3, -1),
        pair=np.arange(3),
        weight=np.ones(3),
    )
    import_record(ledger, record, game="club", name="club", source_text=b"x")
    rows = standings(ledger, "club").leaderboard.rows
    assert {row.agent: row.matches for row in rows} == {"a@1": 3, "b@1": 2, "c@1": 2}
