"""Counterfactual boards: what counts is what was asked for, and the moves against the full board are told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.config import make_config
from arena.counterfactual import Where, moves_in_words
from arena.explanation import explained
from arena.games import SpecificationError, UnknownName
from arena.leaderboards.methods import METHODS
from arena.ledger import Ledger
from arena.standings import rated_matches, standings
from arena.tournament import run_tournament

KUHN = "openspiel:kuhn_poker"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``old`` ended on 10 November, ``new`` on the 20th after it began on the 9th; f forfeits a third of its matches."""
    folder = tmp_path_factory.mktemp("ledger")
    (folder / "fails.py").write_text(
        "class Fails:\n"
        "    def act(self, observation):\n"
        "        return -1 if observation.seed % 3 == 0 else observation.legal_actions[0]\n"
    )
    fails = f"python:{folder / 'fails.py'}:Fails"
    with Ledger.open(folder / "arena.db") as ledger:
        run_tournament(
            make_config({"name": "old", "game": KUHN, "agents": {"a": "random", "b": "uniform"}, "matches": 40}), ledger
        )
        agents = {"a": "random", "b": "uniform", "f": fails}
        run_tournament(make_config({"name": "new", "game": KUHN, "agents": agents, "matches": 24}), ledger)
    with sqlite3.connect(folder / "arena.db") as database:
        for key, begun, ended in (("old", "01", "10"), ("new", "09", "20")):
            database.execute(
                "update tournaments set created_at = ?, finished_at = ? where key = ?",
                (f"2026-11-{begun}T12:00:00.000Z", f"2026-11-{ended}T12:00:00.000Z", key),
            )
    return folder / "arena.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path, read_only=True) as opened:
        yield opened


def _matches(ledger: Ledger, **where: object) -> int:
    return len(rated_matches(ledger, KUHN, where=Where(**where)).record)  # type: ignore[arg-type]


def test_everything_counts_where_nothing_is_asked(ledger: Ledger) -> None:
    assert not Where()
    assert _matches(ledger) == 40 + 3 * 24
    assert standings(ledger, KUHN, where=Where()).where is None


def test_without_forfeits_nobody_has_one(ledger: Ledger) -> None:
    full = standings(ledger, KUHN)
    forfeits = sum(row.forfeits for row in full.leaderboard.rows)
    here = standings(ledger, KUHN, where=Where(without_forfeits=True))
    assert forfeits > 0 and here.left_out == forfeits
    assert all(row.forfeits == 0 for row in here.leaderboard.rows)
    assert f"without forfeits; {forfeits} matches are left out" in here.leaderboard.notes[0]


@pytest.mark.parametrize("name", ["f", "f@1"])
def test_an_agent_that_is_left_out_is_not_on_the_board(ledger: Ledger, name: str) -> None:
    here = standings(ledger, KUHN, where=Where(without_agents=(name,)))
    assert here.matches == 40 + 24
    assert {row.agent for row in here.leaderboard.rows} == {"a@1", "b@1"}
    assert [one.rating for one in here.moved if one.agent == "f@1"] == [None]
    assert "f@1 is not rated here" in moves_in_words(here.moved)


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ({"since": "2026-11-11"}, ("new",)),
        ({"until": "2026-11-10"}, ("old",)),
        ({"since": "2026-11-10", "until": "2026-11-20"}, ("old", "new")),
        ({"until": "2026-11-10T11:00"}, ()),
        ({"tournaments": ("new",)}, ("new",)),
    ],
)
def test_dates_choose_tournaments_by_their_end(ledger: Ledger, where: dict[str, object], keys: tuple[str, ...]) -> None:
    if not keys:
        with pytest.raises(SpecificationError, match="no tournament of this game is left"):
            standings(ledger, KUHN, where=Where(**where))  # type: ignore[arg-type]
        return
    assert standings(ledger, KUHN, where=Where(**where)).tournaments == keys  # type: ignore[arg-type]


def test_a_date_within_a_tournament_is_said(ledger: Ledger) -> None:
    notes = standings(ledger, KUHN, where=Where(since="2026-11-15")).leaderboard.notes
    assert any(note.startswith("new ended after 2026-11-15 and began before it") for note in notes)


def test_since_and_until_divide_the_matches(ledger: Ledger) -> None:
    assert _matches(ledger, since="2026-11-15") + _matches(ledger, until="2026-11-14") == _matches(ledger)


def test_moves_are_those_of_the_two_boards(ledger: Ledger) -> None:
    full, here = standings(ledger, KUHN), standings(ledger, KUHN, where=Where(tournaments=("old",)))
    for one in here.moved:
        row = next(row for row in full.leaderboard.rows if row.agent == one.agent)
        assert one.rating_in_full == row.rating
    assert {one.agent: one.rating for one in here.moved if one.rating is not None} == {
        row.agent: row.rating for row in here.leaderboard.rows
    }


@pytest.mark.parametrize("method", METHODS)
def test_every_method_rates_what_is_left(ledger: Ledger, method: str) -> None:
    here = standings(ledger, KUHN, method=method, where=Where(without_agents=("f",)))  # type: ignore[arg-type]
    assert {row.agent for row in here.leaderboard.rows} == {"a@1", "b@1"}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"since": "yesterday"}, "a date is written 2026-11-20"),
        ({"since": "0001-01-01T00:00+14:00"}, "a date is written 2026-11-20"),
        ({"since": "2026-11-20", "until": "2026-11-19"}, "nothing is since"),
        ({"seat": 0}, "seats are counted from 1"),
    ],
)
def test_what_makes_no_sense_is_refused(where: dict[str, object], said: str) -> None:
    with pytest.raises(SpecificationError, match=said):
        Where(**where)  # type: ignore[arg-type]


def test_what_is_not_there_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UnknownName, match="agent of this board"):
        standings(ledger, KUHN, where=Where(without_agents=("g",)))
    with pytest.raises(UnknownName, match="tournament of this game"):
        standings(ledger, KUHN, where=Where(tournaments=("cup",)))
    with pytest.raises(SpecificationError, match="no match of this board names its judge"):
        standings(ledger, KUHN, where=Where(without_judges=("j",)))


def _run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["leaderboard", *arguments])
    assert done.exit_code == 0, done
    return done.stdout


def test_the_command_tells_the_moves_first(path: Path) -> None:
    shown = _run("--db", str(path), "--without-forfeits", "--only-tournament", "new")
    assert shown.startswith("Counted: without forfeits, only new. ") and "rank in full" in shown
    told = json.loads(_run("--db", str(path), "--seat", "1", "--json"))["counterfactual"]
    assert told["where"]["seat"] == 1 and {one["agent"] for one in told["moved"]} == {"a@1", "b@1", "f@1"}


def test_a_judge_is_left_out_of_a_file_of_votes(tmp_path: Path) -> None:
    votes = tmp_path / "votes.csv"
    votes.write_text("agent_a,agent_b,winner,judge\n" + "x,y,a,kind\nx,y,b,strict\ny,x,b,kind\n" * 30)
    rows = {
        row["agent"]: row
        for row in json.loads(_run("--from", str(votes), "--without-judge", "kind", "--json"))["leaderboard"]["rows"]
    }
    assert rows["y"]["wins"] == 30 and rows["x"]["wins"] == 0
    failed = CliRunner().invoke(app, ["leaderboard", "--from", str(votes), "--without-judge", "sloppy"])
    assert isinstance(failed.exception, UnknownName) and "kind" in str(failed.exception)
    votes.write_text("agent_a,agent_b,winner\nx,y,a\n")
    failed = CliRunner().invoke(app, ["leaderboard", "--from", str(votes), "--without-judge", "kind"])
    assert "no result names its judge" in str(failed.exception)


def test_an_explanation_names_matches_that_open(ledger: Ledger, path: Path) -> None:
    found = explained(ledger, KUHN, "a")
    for key, one in zip(found.keys, found.explanation.matches, strict=True):
        tournament, _, number = key.partition("/")
        recorded = ledger.match(ledger.tournament(tournament), int(number))
        assert recorded.returns == one.returns
        labels = [agent.label for agent in ledger.tournament(tournament).agents]
        assert tuple(labels[seat] for seat in recorded.spec.seats) == one.agents


def test_what_changed_since_a_date_sums_up(path: Path) -> None:
    told = json.loads(_run("--db", str(path), "--explain", "a", "--since", "2026-11-15", "--json"))
    change = told["change"]
    parts = change["own_new_matches"] + change["others_new_matches"] + change["newcomers"]
    assert parts == pytest.approx(change["now"] - change["then"], abs=1e-9)
    assert (change["own_matches"], change["others_matches"]) == (48, 24)
    assert change["divided_tournaments"] == ["new"]
    shown = _run("--db", str(path), "--explain", "a@1", "--since", "2026-11-15")
    assert "Since 2026-11-15:" in shown and "worth playing" in shown


def test_explanations_of_other_methods_are_refused(ledger: Ledger) -> None:
    with pytest.raises(SpecificationError, match="maximum likelihood"):
        explained(ledger, KUHN, "a", method="glicko2")
    with pytest.raises(UnknownName):
        explained(ledger, KUHN, "nobody")
