"""Merged ledgers: nothing twice, nothing lost, labels right, and the same leaderboard as if all had been played in one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from arena.config import make_config
from arena.curves import read_curve, write_curve
from arena.database import check
from arena.executor import InProcess
from arena.job_columns import job_columns
from arena.job_kinds import ask, do_job
from arena.job_rows import JobRow
from arena.job_work import do_here
from arena.jobs import all_jobs, submit
from arena.ledger import Ledger, LedgerError
from arena.merge import merge
from arena.results import MatchResults
from arena.rounds import read_rounds
from arena.standings import standings
from arena.tournament import create_tournament, resume_tournament, run_tournament

CUP: dict[str, Any] = {
    "name": "cup",
    "game": "openspiel:tic_tac_toe",
    "agents": {"a": "random", "b": "mcts(simulations=2)", "c": "mcts(simulations=6)"},
    "matches": 12,
    "seed": 5,
    "block": 4,
}
SWISS = {**CUP, "pairing": "swiss", "rounds": 3, "matches": 4, "block": 2}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "one" / "arena.db") as opened:
        yield opened


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "two" / "arena.db") as opened:
        yield opened


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    for name in ("one", "two", "whole"):
        (tmp_path / name).mkdir()


class _Some(InProcess):
    """Plays only every second block, the first or the second of two."""

    def __init__(self, which: int):
        self.which = which

    def run(self, setup: Any, blocks: Any, **settings: Any) -> Iterator[MatchResults]:
        yield from super().run(setup, list(blocks)[self.which :: 2], **settings)
        raise KeyboardInterrupt  # the others are played elsewhere


def _board(ledger: Ledger) -> list[tuple[object, ...]]:
    board = standings(ledger, CUP["game"]).leaderboard
    return [(row.agent, round(row.rating or 0, 9), row.rank, row.matches) for row in board.rows]


@pytest.mark.parametrize("config", [CUP, {**CUP, "matches": 24}], ids=["12", "24"])
def test_a_tournament_split_over_two_ledgers_has_one_leaderboard(
    tmp_path: Path, one: Ledger, two: Ledger, config: dict[str, Any]
) -> None:
    for which, ledger in enumerate((one, two)):
        with pytest.raises(KeyboardInterrupt):
            resume_tournament(create_tournament(make_config(config), ledger).key, ledger, _Some(which))
    assert len(one.written(one.tournament("cup")) & two.written(two.tournament("cup"))) == 0
    merged = merge(one, two)
    assert merged.completed == ("cup",)
    assert (merged.agents, merged.tournaments) == ((), ())
    assert (one.tournament("cup").status, two.tournament("cup").status) == ("finished", "interrupted")
    with Ledger.open(tmp_path / "whole" / "arena.db") as whole:
        expected = run_tournament(make_config(config), whole)
        assert one.results(one.tournament("cup")).equals(whole.results(expected))
        assert _board(one) == _board(whole)
    assert check(one.url_for_people) == []


def test_merging_twice_changes_nothing(one: Ledger, two: Ledger) -> None:
    run_tournament(make_config(CUP), two)
    assert merge(one, two).matches == 36
    before = (one.mark(CUP["game"]), one.agents(), one.tournaments())
    again = merge(one, two)
    assert not again.changed
    assert (one.mark(CUP["game"]), one.agents(), one.tournaments()) == before


def test_an_empty_ledger_becomes_a_copy(one: Ledger, two: Ledger) -> None:
    tournament = run_tournament(make_config(SWISS), two)
    merge(one, two)
    here = one.tournament("cup")
    assert here.status == "finished"
    assert (here.config, here.seed, here.created_at) == (tournament.config, tournament.seed, tournament.created_at)
    assert one.results(here).equals(two.results(tournament))
    for mine, theirs in zip(read_rounds(one, here), read_rounds(two, tournament), strict=True):
        assert mine.lineups.tolist() == theirs.lineups.tolist()
    assert _board(one) == _board(two)


def test_whoever_is_ahead_gives_its_rounds(one: Ledger, two: Ledger) -> None:
    create_tournament(make_config(SWISS), one)
    run_tournament(make_config(SWISS), two)
    assert merge(one, two).completed == ("cup",)
    assert len(read_rounds(one, one.tournament("cup"))) == 3
    assert merge(two, one).matches == 0


def test_other_content_under_one_name_is_a_new_version_and_labels_follow(one: Ledger, two: Ledger) -> None:
    run_tournament(make_config({**CUP, "name": "here"}), one)
    other = {**CUP, "name": "there", "agents": {"a": "random", "b": "mcts(simulations=3)", "c": "mcts(simulations=6)"}}
    run_tournament(make_config(other), two)
    merged = merge(one, two)
    assert merged.agents == ("b@2",)
    assert merged.renamed == {"b@1": "b@2"}
    there = one.tournament("there")
    assert [agent.label for agent in there.agents] == ["a@1", "b@2", "c@1"]
    assert one.agent("b@2").specification == "mcts(simulations=3)"
    assert one.results(there).equals(two.results(two.tournament("there")))
    assert not merge(one, two).changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 6}, "config, seed"),
        ({"matches": 14}, "config, planned"),
        ({"agents": {"a": "random", "b": "mcts(simulations=3)", "c": "mcts(simulations=6)"}}, "config, agents"),
    ],
)
def test_two_tournaments_of_one_key_are_refused_and_nothing_is_written(
    one: Ledger, two: Ledger, change: dict[str, Any], said: str
) -> None:
    create_tournament(make_config(CUP), one)
    run_tournament(make_config({**CUP, "name": "fine"}), two)
    create_tournament(make_config({**CUP, **change}), two)
    before = one.agents()
    with pytest.raises(LedgerError, match=f"'cup' of .*one.* and tournament 'cup' of .*two.*differ in {said}; nothing"):
        merge(one, two)
    assert [tournament.key for tournament in one.tournaments()] == ["cup"]
    assert one.agents() == before


def test_matches_that_differ_in_two_ledgers_are_refused_and_nothing_is_written(one: Ledger, two: Ledger) -> None:
    for ledger in (one, two):
        run_tournament(make_config(CUP), ledger)
    assert not merge(one, two).changed
    run_tournament(make_config({**CUP, "name": "fine"}), two)
    with two.writing() as connection:
        connection.execute(sa.text("update matches set seed = seed + 1 where number = 17"))
    with pytest.raises(LedgerError, match="differ in the matches from number 16; nothing was merged"):
        merge(one, two)
    assert [tournament.key for tournament in one.tournaments()] == ["cup"]


def test_a_ledger_is_not_merged_with_itself(one: Ledger) -> None:
    with pytest.raises(LedgerError, match="this very ledger"):
        merge(one, one)


def test_contents_come_along(tmp_path: Path, one: Ledger, two: Ledger) -> None:
    source = tmp_path / "content.txt"
    source.write_text("a policy", encoding="utf-8")
    content = two.artifacts.put(source)
    two.add_agent("kept", specification="policy:kept", kind="policy", content_hash=content)
    two.retire_agent("kept")
    assert merge(one, two).artifacts == 1
    assert one.artifacts.path(content).read_text(encoding="utf-8") == "a policy"
    assert one.agent("kept@1").retired
    assert not merge(one, two).changed


@pytest.mark.postgres
def test_a_file_goes_into_postgresql_with_its_rounds(
    two: Ledger, postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tournament = run_tournament(make_config(SWISS), two)
    expected = two.results(tournament), [one.lineups.tolist() for one in read_rounds(two, tournament)]
    monkeypatch.setenv("ARENA_ARTIFACTS", str(tmp_path / "postgres.artifacts"))
    with Ledger.open(postgres_database) as here:
        merge(here, two)
        copied = here.tournament("cup")
        assert here.results(copied).equals(expected[0])
        assert [one.lineups.tolist() for one in read_rounds(here, copied)] == expected[1]
        assert not merge(here, two).changed


@pytest.mark.postgres
def test_rounds_are_decided_and_kept_in_postgresql(
    two: Ledger, postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adaptive = {**CUP, "pairing": "adaptive", "aim": "top 1", "matches": 24, "batch": 4}
    expected = run_tournament(make_config(adaptive), two)
    monkeypatch.setenv("ARENA_ARTIFACTS", str(tmp_path / "postgres.artifacts"))
    with Ledger.open(postgres_database) as here:
        played = run_tournament(make_config(adaptive), here)
        assert here.results(played).equals(two.results(expected))
        for mine, theirs in zip(read_rounds(here, played), read_rounds(two, expected), strict=True):
            assert mine.lineups.tolist() == theirs.lineups.tolist()
            assert mine.propensities is not None and theirs.propensities is not None
            assert mine.propensities.tolist() == theirs.propensities.tolist()


def asked(ledger: Ledger, kind: str) -> JobRow:
    row = ask(ledger, kind, CUP["game"])
    return do_here(ledger, row, partial(do_job, ledger))


def test_answers_of_jobs_keep_when_and_where_they_were_computed(one: Ledger, two: Ledger) -> None:
    run_tournament(make_config(CUP), two)
    answer = asked(two, "ratings")
    assert merge(one, two).jobs == 1
    (column,) = job_columns(one, CUP["game"])
    assert column == job_columns(two, CUP["game"])[0] and column.current
    assert (column.computed_at, column.worker) == (answer.finished_at, answer.worker)
    assert asked(one, "ratings").finished_at == answer.finished_at, "asked again, it is there"
    assert not merge(one, two).changed


def test_an_answer_of_fewer_matches_than_are_here_now_says_so(one: Ledger, two: Ledger) -> None:
    for ledger, name in ((one, "cup"), (two, "other")):
        run_tournament(make_config({**CUP, "name": name, "seed": len(name)}), ledger)
        asked(ledger, "ratings")
    merge(one, two)
    (column,) = job_columns(one, CUP["game"])
    assert not column.current and column.matches == one.progress(one.tournament("cup"))
    fresh = asked(one, "ratings")
    assert fresh.result is not None and fresh.result["matches"] == 2 * column.matches, "of all matches, computed anew"
    assert not merge(one, two).changed


def test_answers_about_agents_follow_their_names(one: Ledger, two: Ledger) -> None:
    one.add_agent("a", specification="uniform", kind="uniform")
    run_tournament(make_config({**CUP, "agents": {"a": "random", "b": "uniform"}}), two)
    submit(two, kind="waits", game=CUP["game"])
    asked = submit(two, kind="exploit", game=CUP["game"], agent=two.agent("a"))
    answer = do_here(two, asked, lambda *_: {"victim": "a@1", "value": 0.5})
    assert merge(one, two).jobs == 1
    (found,) = all_jobs(one)
    assert (found.agent, found.result) == ("a@2", {"victim": "a@2", "value": 0.5})
    assert found.worker == answer.worker and found.key != answer.key


def test_curves_of_trainings_come_along_with_their_jobs(one: Ledger, two: Ledger) -> None:
    do_here(one, submit(one, kind="bootstrap", game=CUP["game"]), lambda *_: {})  # so that jobs have other numbers here
    points = {512: {"entropy": 0.5}, 1024: {"entropy": 0.25, "NashConv": 0.1}}

    def train(row: JobRow, _: object) -> dict[str, object]:
        with two.writing() as connection:
            write_curve(connection, row.id, points)
        return {}

    trained = do_here(two, submit(two, kind="train", game=CUP["game"]), train)
    assert merge(one, two).jobs == 1
    (copied,) = all_jobs(one, kind="train")
    assert copied.id != trained.id and read_curve(one, copied) == read_curve(two, trained)
    assert dict(read_curve(one, copied).points) == points
    assert not merge(one, two).changed
