"""Solver runs as jobs: facts, a policy that plays, a curve, and another worker that goes on."""

from __future__ import annotations

import json

import pytest

from arena import job_work, jobs
from arena.curves import read_curve
from arena.games import NotProvided, SpecificationError, UnknownName, load_game
from arena.job_kinds import do_job
from arena.ledger import Ledger
from arena.ledger_schema import jobs as table
from arena.solve_job import ask_solve
from arena.solvers import iteration, load_policy, nash_conv, solve
from arena.verify_jobs import recomputed
from arena.worker import work
from tests.confined_here import serve_here

KUHN = "openspiel:kuhn_poker"


@pytest.fixture(autouse=True)
def confined_on_threads(monkeypatch):
    serve_here(monkeypatch)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def done(ledger, row):
    work(ledger, devices=["cpu"], until_empty=True)
    return jobs.job(ledger, row.key)


def test_the_answer_holds_the_certificate_and_a_policy_that_has_it(ledger):
    row = done(ledger, ask_solve(ledger, "cfr_plus", KUHN, settings={"iterations": 200}))
    assert row.status == "finished", row.error
    assert (row.result["method"], row.result["gap_kind"], row.result["iterations"]) == ("cfr_plus", "nash_conv", 200)
    policy = load_policy(ledger.artifacts.path(row.result["policy"]))
    assert nash_conv(load_game(KUHN), policy) == pytest.approx(row.result["gap"], abs=1e-9)
    assert read_curve(ledger, row).series("gap")[-1] == (200, pytest.approx(row.result["gap"]))


def test_a_solution_in_normal_form_says_its_strategies(ledger):
    row = done(ledger, ask_solve(ledger, "matrix_game_lp", "matrix:rps"))
    assert row.result["strategies"][0] == pytest.approx([1 / 3] * 3)


def test_a_policy_is_measured_again_in_a_process_of_its_own(ledger, monkeypatch):
    row = done(ledger, ask_solve(ledger, "matrix_game_lp", "matrix:rps"))
    found, unlike = recomputed(ledger, row)
    assert (found.cannot, unlike) == ("", "")
    monkeypatch.setattr("arena.agents.policy_agent.load_policy", broken)
    found, _ = recomputed(ledger, row)
    assert found.cannot == "it cannot be computed here: ValueError: by what is in it"


def broken(_):
    raise ValueError("by what is in it")  # which no worker would survive


def test_a_run_whose_worker_dies_goes_on_and_ends_the_same(ledger, monkeypatch):
    monkeypatch.setattr(iteration, "CHECKPOINT_S", 0.0)
    row = ask_solve(ledger, "cfr_plus", KUHN, settings={"iterations": 100})
    held = job_work.claim(ledger, {"cpu": "w"})

    class Killed(BaseException):
        """Stands for a SIGKILL."""

    def progress(iterations, planned):
        if iterations >= 50:
            raise Killed

    with pytest.raises(Killed):
        do_job(ledger, held, progress)
    assert jobs.job(ledger, row.key).checkpoint is not None
    assert jobs.job(ledger, row.key).attempts == 0
    with ledger.writing() as connection:
        connection.execute(table.update().values(alive_at="2000-01-01T00:00:00.000Z"))
    heard = []
    work(ledger, devices=["cpu"], until_empty=True, on_begun=lambda _: lambda *far: heard.append(far[0]))
    found = jobs.job(ledger, row.key)
    assert heard[0] > 1
    assert found.result["gap"] == solve("cfr_plus", load_game(KUHN), iterations=100).gap
    assert found.checkpoint is None


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"method": "cfr_pluss"}, UnknownName, "solver"),
        ({"settings": {"iteration": 3}}, UnknownName, "setting of cfr_plus"),
        ({"settings": {"iterations": "many"}}, SpecificationError, "iterations of cfr_plus must be"),
        ({"settings": {"checkpoint": "/etc/passwd"}}, SpecificationError, "is a file of this machine"),
        ({"game": "matrix:/etc/passwd"}, SpecificationError, "is a file of this machine"),
        ({"method": "minimax_winner"}, NotProvided, "methods for openspiel:kuhn_poker: "),
        ({"method": "bimatrix_nash", "game": "matrix:rps", "device": "cuda"}, NotProvided, "computes on the CPU only"),
    ],
)
def test_what_cannot_be_solved_is_refused_before_it_waits(ledger, asked, error, said):
    given = {"method": "cfr_plus", "game": KUHN} | asked
    with pytest.raises(error, match=said):
        ask_solve(ledger, given.pop("method"), given.pop("game"), **given)
    assert jobs.all_jobs(ledger) == []


def test_a_setting_out_of_its_range_fails_the_job(ledger):
    row = done(ledger, ask_solve(ledger, "cfr_plus", KUHN, settings={"iterations": -1}))
    assert row.status == "failed"
    assert row.error.startswith("cfr_plus: iterations and until must be positive")


def test_the_command_line_leaves_it_to_a_worker(arena):
    few = ("solve", "cfr", KUHN, "--iterations", "10", "--cpus", "0.5", "--memory", "1")
    assert "add --submit" in arena(*few).err
    (row,) = json.loads(arena(*few, "--submit", "--json").out)
    assert (row["kind"], row["settings"]) == ("solve", {"method": "cfr", "settings": {"iterations": 10}})
    assert row["needs"] == {"cpus": 0.5, "gpus": 0, "memory_bytes": 2**30}
    # no match of the game is in the ledger
    assert json.loads(arena("job", "list", "kuhn_poker", "--json").out) == [row]
    arena("worker", "--until-empty")
    assert "gap 0." in arena("job", "list").out
