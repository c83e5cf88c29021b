"""Columns as jobs: computed here or by a worker, kept with when and where."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from arena import job_work, jobs
from arena.cli import app
from arena.config import TournamentConfig
from arena.curves import read_curve
from arena.games import NotProvided, SpecificationError, UnknownName, load_game, uniform_policy
from arena.job_columns import job_columns
from arena.job_kinds import ask, do_job
from arena.leaderboards import bootstrap_intervals, elo, kemeny
from arena.ledger import Ledger
from arena.ledger_schema import jobs as table
from arena.rated_matches import rated_matches
from arena.solvers import nash_conv
from arena.solvers.learning.configurations import Configuration
from arena.standings import standings
from arena.tournament import run_tournament
from arena.training import save_trained
from arena.training_job import ask_training
from arena.worker import work
from arena.workplace import devices_here

GAME = "openspiel:kuhn_poker"


def play(ledger, **changed):
    values = {"name": "cup", "game": GAME, "agents": ["random", "uniform", "first=uniform"], "matches": 40, "seed": 1}
    return run_tournament(TournamentConfig.model_validate(values | changed), ledger)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        play(opened)
        yield opened


def test_a_worker_does_all_that_waits(ledger):
    asked = [ask(ledger, "ratings", GAME, settings={"method": "kemeny"}), ask(ledger, "bootstrap", GAME)]
    assert work(ledger, devices=["cpu"], until_empty=True) == 2
    assert [jobs.job(ledger, row.key).status for row in asked] == ["finished", "finished"]


def test_a_column_holds_what_the_library_says(ledger):
    ask(ledger, "ratings", GAME, settings={"method": "kemeny"})
    ask(ledger, "bootstrap", GAME, settings={"resamples": "30"})
    work(ledger, devices=["cpu"], until_empty=True)
    record = rated_matches(ledger, ledger.tournaments(GAME)).record
    columns = {column.title: column for column in job_columns(ledger, GAME)}
    for title, ratings in {
        "Kemeny": kemeny(record),
        "Elo, bootstrap": bootstrap_intervals(record, elo, resamples=30),
    }.items():
        column = columns[title]
        assert [column.values[name].value for name in ratings.names] == pytest.approx(list(ratings.scores))
        assert [column.values[name].low for name in ratings.names] == pytest.approx(list(ratings.intervals[:, 0]))
        assert column.matches == ratings.matches
        assert column.current


def test_tensors_give_the_same_column(ledger):
    for device in ("cpu", "torch"):
        ask(ledger, "bootstrap", GAME, settings={"resamples": 20}, device=device)
    work(ledger, devices=["cpu", "torch"], until_empty=True)
    one, other = (row.result for row in jobs.all_jobs(ledger))
    assert one["low"] == pytest.approx(other["low"], abs=1e-6)


def test_a_column_says_when_matches_came_after_it(ledger):
    ask(ledger, "bootstrap", GAME)
    work(ledger, devices=["cpu"], until_empty=True)
    (column,) = job_columns(ledger, GAME)
    assert column.sentence().startswith("Elo, bootstrap: computed 20")
    assert "UTC on cpu of " in column.sentence()
    play(ledger, name="more", seed=2)
    (column,) = job_columns(ledger, GAME)
    assert column.sentence().endswith("from 120 matches, before the newest ones")
    assert ask(ledger, "bootstrap", GAME).status == "waiting"  # a new question


def test_exploitability_is_the_exact_one_on_each_device(ledger):
    agent = ledger.agent("uniform")
    exact = nash_conv(load_game(GAME), uniform_policy(GAME))
    for device in ("cpu", "torch"):
        row = ask(ledger, "exploitability", GAME, agent=agent, device=device)
        work(ledger, devices=[device], until_empty=True)
        assert jobs.job(ledger, row.key).result["nash_conv"] == pytest.approx(exact)


def test_an_agent_without_probabilities_is_a_failed_job_and_the_worker_goes_on(ledger):
    agent = ledger.add_agent("search", specification="ismcts(simulations=2)", kind="ismcts")
    failing = ask(ledger, "exploitability", GAME, agent=agent)
    ask(ledger, "bootstrap", GAME)
    assert work(ledger, devices=["cpu"], until_empty=True) == 2
    assert "does not tell its probabilities" in jobs.job(ledger, failing.key).error


def test_a_defect_of_one_job_does_not_stop_the_worker(ledger, monkeypatch):
    broken = ask(ledger, "bootstrap", GAME)
    ask(ledger, "ratings", GAME)

    def breaks(ledger, row, progress, workplace):
        if row.kind == "bootstrap":
            raise ZeroDivisionError("a defect")
        return do_job(ledger, row, progress, workplace)

    monkeypatch.setattr("arena.worker.do_job", breaks)
    assert work(ledger, devices=["cpu"], until_empty=True) == 2
    assert jobs.job(ledger, broken.key).error == "a defect"


@pytest.mark.parametrize(
    ("kind", "changed", "error", "said"),
    [
        ("rating", {}, UnknownName, "kind of job"),
        ("ratings", {"settings": {"metod": "elo"}}, UnknownName, "setting of ratings"),
        ("ratings", {"settings": {"method": "elo2"}}, UnknownName, "rating method"),
        ("bootstrap", {"settings": {"method": "kemeny"}}, UnknownName, "rating method"),
        ("bootstrap", {"settings": {"resamples": "many"}}, SpecificationError, "resamples must be a whole number"),
        ("bootstrap", {"settings": {"resamples": -1}}, SpecificationError, "must be from 2 to 1,000,000; got -1"),
        ("bootstrap", {"settings": {"resamples": 10**9}}, SpecificationError, "resamples must be from 2"),
        ("ratings", {"device": "cuda"}, NotProvided, "computes on cpu alone"),
        ("bootstrap", {"device": "abacus"}, NotProvided, "computes on cpu, cuda, torch"),
        ("exploitability", {}, SpecificationError, "about one agent"),
    ],
)
def test_what_nobody_can_do_is_refused_before_it_waits(ledger, kind, changed, error, said):
    with pytest.raises(error, match=said):
        ask(ledger, kind, GAME, **changed)
    assert jobs.all_jobs(ledger) == []


def worker_at(path, stderr, before=""):
    """A process of `arena worker`, which first runs a program."""
    command = [
        sys.executable,
        "-c",
        f"{before}\nfrom arena.cli import main; main()",
        "worker",
        "--device",
        "cpu",
        "--db",
        str(path),
    ]
    return subprocess.Popen(command, stderr=stderr, text=True)


def wait_until_running(ledger, row):
    deadline = time.monotonic() + 60
    while jobs.job(ledger, row.key).status != "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert jobs.job(ledger, row.key).status == "running"


def test_a_killed_worker_leaves_its_job_to_the_next(ledger, tmp_path):
    row = ask(ledger, "bootstrap", GAME, settings={"resamples": 1_000_000})
    worker = worker_at(tmp_path / "arena.db", stderr=subprocess.DEVNULL)
    try:
        wait_until_running(ledger, row)
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    with ledger.writing() as connection:
        connection.execute(table.update().values(alive_at="2000-01-01T00:00:00.000Z"))
    assert job_work.claim(ledger, {"cpu": "next"}).key == row.key


DIES = """
import os, signal
from arena.kept_training import KeptTraining
from arena.solvers import iteration

iteration.CHECKPOINT_S = 0.0
told = KeptTraining.told

def dies(self, steps, numbers):
    told(self, steps, numbers)
    if steps == 10 * 512:
        os.kill(os.getpid(), signal.SIGKILL)

KeptTraining.told = dies
"""


def test_a_training_whose_worker_is_killed_goes_on_to_the_same_policy(ledger, tmp_path):
    kuhn = load_game("arena:kuhn_poker")
    asked = Configuration(method="ppo", game=kuhn.info.specification, steps=20 * 512, tables=32, hidden=(16,))
    row = ask_training(ledger, asked, name="killed")
    assert worker_at(tmp_path / "arena.db", subprocess.DEVNULL, before=DIES).wait(timeout=60) == -signal.SIGKILL
    with ledger.writing() as connection:
        connection.execute(table.update().values(alive_at="2000-01-01T00:00:00.000Z"))
    heard = []
    work(ledger, devices=["cpu"], until_empty=True, on_begun=lambda _: lambda *far: heard.append(far[0]))
    assert heard[0] == 10 * 512  # from the state that was kept before
    assert [steps for steps, _ in read_curve(ledger, row).points] == list(range(512, 20 * 512 + 1, 512))
    save_trained(asked.train(kuhn), tmp_path / "whole.safetensors", game=kuhn)
    kept = ledger.artifacts.path(ledger.agent("killed").content_hash)
    assert kept.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_worker_that_is_asked_to_end_gives_its_job_back(ledger, tmp_path):
    row = ask(ledger, "bootstrap", GAME, settings={"resamples": 1_000_000})
    worker = worker_at(tmp_path / "arena.db", stderr=subprocess.PIPE)
    try:
        wait_until_running(ledger, row)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=60)
    finally:
        worker.kill()
        worker.wait()
    assert worker.returncode == 130
    assert "waits for another worker" in said
    ours = said.count("Traceback") - said.count("Exception ignored in")  # a compiler may be interrupted half-built
    assert ours == 0, said
    back = jobs.job(ledger, row.key)
    assert (back.status, back.worker, back.attempts) == ("waiting", None, 0)
    assert job_work.claim(ledger, {"cpu": "next"}).key == row.key


def test_the_ladder_takes_an_exact_value_from_the_job_that_computed_it(ledger):
    agent = ledger.agent("uniform")
    row = ask(ledger, "exploitability", GAME, agent=agent, device="torch")
    work(ledger, devices=["torch"], until_empty=True)
    found = standings(ledger, GAME).exploitability
    done = jobs.job(ledger, row.key)
    assert found["uniform@1"].value == done.result["exploitability"]
    assert (found["uniform@1"].computed_at, found["uniform@1"].computed_by) == (done.finished_at, done.worker)
    assert "UTC on torch of " in found["uniform@1"].sentence()
    assert found["first@1"].computed_by.startswith("cpu of ")  # nobody asked: computed here


def test_the_leaderboard_shows_what_jobs_have_computed(ledger, tmp_path):
    db = ("--db", str(tmp_path / "arena.db"))
    ask(ledger, "bootstrap", GAME)
    work(ledger, devices=["cpu"], until_empty=True)
    shown = arena("leaderboard", "kuhn_poker", *db).stdout
    assert "Elo, bootstrap: computed 20" in shown
    assert "exact, by a best response on the whole game; computed 20" in shown
    (column,) = json.loads(arena("leaderboard", "kuhn_poker", "--json", *db).stdout)["columns"]
    assert set(column["values"]) == {"random@1", "uniform@1", "first@1"}
    assert json.loads(arena("leaderboard", "kuhn_poker", "-t", "cup", "--json", *db).stdout)["columns"] == []


def arena(*words):
    return CliRunner().invoke(app, [*words])


def test_the_command_line_computes_lists_and_shows(ledger, tmp_path):
    db = ("--db", str(tmp_path / "arena.db"))
    ran = arena("job", "run", "kuhn_poker", "bootstrap", "--set", "resamples=20", "--json", *db)
    (row,) = json.loads(ran.stdout)
    assert (row["status"], row["settings"]["resamples"]) == ("finished", 20)
    assert "bootstrap of elo, kuhn_poker" in arena("job", "list", *db).stdout
    assert json.loads(arena("job", "show", row["key"][:10], "--json", *db).stdout)["key"] == row["key"]
    assert arena("job", "submit", "kuhn_poker", "exploitability", "uniform", *db).exit_code == 0
    assert [one["status"] for one in json.loads(arena("job", "list", "--status", "waiting", "--json", *db).stdout)] == [
        "waiting"
    ]
    assert arena("worker", "--until-empty", "--device", "cpu", *db).exit_code == 0
    assert json.loads(arena("job", "list", "--status", "waiting", "--json", *db).stdout) == []


def test_all_agents_are_asked_about_and_those_that_fail_are_named(ledger, tmp_path):
    db = ("--db", str(tmp_path / "arena.db"))
    play(ledger, name="searched", agents=["uniform", "search=ismcts(simulations=2)"], matches=2)
    ran = arena("job", "run", GAME, "exploitability", *db)
    assert ran.exit_code == 1
    assert "search@1: search@1 does not tell its probabilities" in ran.stderr
    assert ran.stdout.count("exploitability 0.4583") == 2


def test_this_machine_has_a_cpu():
    assert devices_here()[:2] == ("cpu", "torch")


def test_an_exploiter_that_learns_is_trained_by_a_worker_with_its_curve(ledger):
    settings = {"method": "ppo", "budget": 4096, "matches": 200}
    row = ask(ledger, "exploit", GAME, agent=ledger.agent("random"), settings=settings)
    work(ledger, devices=["cpu"], until_empty=True)
    found = jobs.job(ledger, row.key)
    assert (found.status, found.checkpoint) == ("finished", None)
    assert found.result["exploiter"] == "random-exploiter@1"
    assert read_curve(ledger, found).series("entropy")[-1][0] == 4096


def test_only_what_learns_is_exploited_on_a_gpu(ledger):
    row = ask(ledger, "exploit", GAME, agent=ledger.agent("random"), settings={"method": "enumerate"}, device="cuda")
    work(ledger, devices=["cuda"], until_empty=True)
    assert "only the method ppo computes on a GPU" in jobs.job(ledger, row.key).error
