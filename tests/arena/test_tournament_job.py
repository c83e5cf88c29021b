"""Tournaments as jobs: any worker plays them, the next one goes on, and what asks from elsewhere stays harmless."""

from __future__ import annotations

import json

import pytest

from arena import job_work, jobs
from arena.columns import TOURNAMENT_JOB
from arena.config import make_config
from arena.games import SpecificationError
from arena.job_kinds import do_job
from arena.ledger import Ledger
from arena.ledger_schema import jobs as table
from arena.roster import add_agent
from arena.tournament import create_tournament, run_tournament
from arena.tournament_job import CONFIG, RUN, ask_to_go_on, ask_tournament
from arena.worker import work

CUP = {
    "name": "cup",
    "game": "openspiel:kuhn_poker",
    "agents": {"a": "random", "b": "uniform"},
    "matches": 60,
    "block": 10,
}


class Killed(BaseException):
    """Stands for a SIGKILL: nothing is noted, nothing given back."""


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def ask(ledger, **changed):
    return ask_tournament(ledger, make_config(CUP | changed))


def die_after(ledger, blocks):
    """Claims the oldest job and dies in it after so many further blocks were recorded."""
    row = job_work.claim(ledger, {"cpu": "w"})
    begin = len(ledger.written(ledger.tournament("cup"))) if ledger.tournaments() else 0

    def progress(done, planned):
        if ledger.tournaments() and len(ledger.written(ledger.tournament("cup"))) >= begin + blocks:
            raise Killed

    with pytest.raises(Killed):
        do_job(ledger, row, progress)
    with ledger.writing() as connection:
        connection.execute(table.update().values(alive_at="2000-01-01T00:00:00.000Z"))
    return row


def test_a_worker_plays_the_tournament_that_an_uninterrupted_run_gives(ledger, tmp_path):
    row = ask(ledger)
    work(ledger, devices=["cpu"], until_empty=True)
    done = jobs.job(ledger, row.key)
    assert (done.status, done.result) == ("finished", {"tournament": "cup", "matches": 60})
    with Ledger.open(tmp_path / "other.db") as other:
        reference = run_tournament(make_config(CUP), other)
        assert other.results(reference).equals(ledger.results(ledger.tournament("cup")))


def test_workers_that_die_with_something_recorded_do_not_use_up_the_attempts(ledger):
    row = ask(ledger)
    for _ in range(job_work.MOST_ATTEMPTS + 1):
        die_after(ledger, blocks=1)
    assert jobs.job(ledger, row.key).attempts == 0
    work(ledger, devices=["cpu"], until_empty=True)
    assert jobs.job(ledger, row.key).status == "finished"
    assert ledger.progress(ledger.tournament("cup")) == 60


def test_workers_that_die_before_anything_is_recorded_give_the_job_up(ledger):
    row = ask(ledger)
    for _ in range(job_work.MOST_ATTEMPTS):
        die_after(ledger, blocks=0)
    assert job_work.claim(ledger, {"cpu": "w"}) is None
    assert jobs.job(ledger, row.key).status == "failed"


def test_who_watches_knows_the_tournament_while_it_is_played(ledger):
    row = ask(ledger)
    die_after(ledger, blocks=1)
    assert jobs.job(ledger, row.key).result == {"tournament": "cup"}


def test_asked_again_it_is_the_same_job_until_it_is_over_and_then_another_tournament(ledger):
    assert ask(ledger).key == ask(ledger).key
    work(ledger, devices=["cpu"], until_empty=True)
    ask(ledger)
    work(ledger, devices=["cpu"], until_empty=True)
    assert [one.key for one in ledger.tournaments()] == ["cup", "cup-2"]


def test_a_tournament_that_was_begun_here_is_finished_by_a_worker(ledger):
    begun = create_tournament(make_config(CUP), ledger)
    ask_to_go_on(ledger, begun)
    work(ledger, devices=["cpu"], until_empty=True)
    assert ledger.tournament(begun.key).status == "finished"
    with pytest.raises(SpecificationError, match="is finished; there is nothing to go on with"):
        ask_to_go_on(ledger, ledger.tournament(begun.key))


@pytest.mark.parametrize(
    "agent", ["exec:true", "python:os:system", "policy:/etc/passwd", "http://127.0.0.1:1/", "human"]
)
def test_who_asks_from_elsewhere_cannot_name_what_is_on_this_machine(ledger, agent):
    asked = make_config(CUP | {"agents": {"a": "random", "b": agent}})
    with pytest.raises(SpecificationError, match="name a registered agent"):
        ask_tournament(ledger, asked)
    slipped_in = {CONFIG: asked.model_dump(mode="json"), RUN: 1}
    row = jobs.submit(ledger, kind=TOURNAMENT_JOB, game=asked.game, settings=slipped_in)
    work(ledger, devices=["cpu"], until_empty=True)
    assert "name a registered agent" in jobs.job(ledger, row.key).error
    assert ledger.agents() == []


def test_a_registered_program_plays_only_where_it_is_approved(ledger, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "mine"))
    add_agent(ledger, ledger.artifacts, name="mine", specification="exec:true")
    row = ask(ledger, agents={"a": "random", "b": "mine"})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another machine"))
    work(ledger, devices=["cpu"], until_empty=True)
    assert "arena agent approve mine" in jobs.job(ledger, row.key).error


@pytest.mark.parametrize(
    "game", ["matrix:/etc/passwd", "openspiel:efg_game(filename=/etc/passwd)", "preference:votes.csv"]
)
def test_a_game_that_is_a_file_of_this_machine_is_refused(ledger, game):
    with pytest.raises(SpecificationError, match="is a file of this machine"):
        ask(ledger, game=game)


def test_a_cancelled_tournament_stops_and_goes_on_when_it_is_asked_for_again(ledger):
    row = ask(ledger)
    held = job_work.claim(ledger, {"cpu": "w"})

    def cancelled_early(row, progress):
        def went(done, planned):
            if done >= 20 and jobs.job(ledger, row.key).status == "running":
                assert jobs.cancel(ledger, row)
                hold.keep()
            progress(done, planned)

        return do_job(ledger, row, went)

    hold = job_work.Hold(ledger, held, None)
    with pytest.raises(job_work.LostJob):
        cancelled_early(held, hold.went)
    assert jobs.job(ledger, row.key).status == "cancelled"
    assert ledger.tournament("cup").status == "interrupted"
    assert ask(ledger).key == row.key
    work(ledger, devices=["cpu"], until_empty=True)
    assert ledger.progress(ledger.tournament("cup")) == 60


def test_the_command_line_leaves_a_tournament_to_a_worker_and_cancels_it(arena):
    words = ("tournament", "run", "-g", "matrix:rps", "-a", "a=random", "-a", "b=uniform", "-n", "4")
    (row,) = json.loads(arena(*words, "--submit", "-w", "2", "--json").out)
    assert (row["kind"], row["status"], row["needs"]["cpus"]) == ("tournament", "waiting", 2)
    (cancelled,) = json.loads(arena("job", "cancel", row["key"][:10], "--json").out)
    assert cancelled["status"] == "cancelled"
    assert "is over already: it is cancelled" in arena("job", "cancel", row["key"]).err
    assert arena("worker", "--until-empty").err.endswith("did 0 jobs\n")
    arena(*words, "--submit")
    assert arena("worker", "--until-empty").err.endswith("did 1 jobs\n")
    assert "tournament rps, rps" in arena("job", "list").out
