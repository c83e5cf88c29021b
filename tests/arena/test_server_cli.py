"""`arena --server URL`: the same verbs print what they print of the ledger itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command_line import Arena
from serving import served, worked
from visitors import bearer

from arena import doctor
from arena.accounts import Scope
from arena.config import make_config
from arena.doctor import Asked
from arena.job_kinds import ask, do_job
from arena.job_work import do_here
from arena.ledger import Ledger
from arena.server.settings import ServerSettings
from arena.solvers import load_policy
from arena.tournament import run_tournament

KUHN, LEDUC = "openspiel:kuhn_poker", "openspiel:leduc_poker"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("there") / "arena.db"


@pytest.fixture(scope="module")
def ledger(place):
    with Ledger.open(place) as ledger:
        cup = {"name": "kuhn", "game": KUHN, "agents": ["random", "uniform"], "matches": 20, "seed": 1}
        run_tournament(make_config(cup), ledger)
        swiss = {
            "name": "noughts",
            "game": "arena:tic_tac_toe",
            "pairing": "swiss",
            "rounds": 2,
            "matches": 2,
            "seed": 2,
        }
        run_tournament(make_config(swiss | {"agents": ["random", "uniform"]}), ledger)
        do_here(ledger, ask(ledger, "ratings", KUHN), lambda row, told: do_job(ledger, row, told))
        yield ledger


@pytest.fixture(scope="module")
def url(ledger):
    with served(ledger) as url:
        yield url


@pytest.fixture
def token(ledger, monkeypatch):
    monkeypatch.setenv("ARENA_TOKEN", bearer(ledger, Scope.RUN)["Authorization"].removeprefix("Bearer "))


def without_times(text: str) -> str:
    """When a board was computed differs from one look to the next."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?|process \d+", "TIME", text)


READS = [
    ("agent", "list"),
    ("agent", "show", "random"),
    ("tournament", "list"),
    ("tournament", "list", KUHN),
    ("tournament", "status", "noughts"),
    ("leaderboard", "kuhn_poker"),
    ("leaderboard", KUHN, "--method", "minimax", "--without-forfeits"),
    ("leaderboard", KUHN, "--tournament", "kuhn", "--joint"),
    ("leaderboard", KUHN, "--explain", "random"),
    ("leaderboard", KUHN, "--anytime"),
    ("match", "list", "kuhn", "--first", "3", "--limit", "4"),
    ("match", "show", "kuhn/3"),
    ("match", "export", "kuhn_poker", "--format", "csv"),
    ("tournament", "export", "noughts", "--format", "pgn"),
    ("job", "list"),
    ("game", "list", "matrix"),
    ("game", "show", "matrix:rps"),
]


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_a_read_prints_what_it_prints_of_the_ledger(arena: Arena, url, place, words):
    own = () if words[0] == "game" else ("--db", str(place))
    for form in ((), ("--json",)) if "export" not in words else ((),):
        here, there = arena(*words, *form, *own), arena("--server", url, *words, *form)
        assert (there.code, there.err) == (0, "")
        assert without_times(there.out) == without_times(here.out)


def test_the_place_that_the_command_names_goes_before_the_server(arena: Arena, url, place, monkeypatch):
    monkeypatch.setenv("ARENA_SERVER", "http://127.0.0.1:1")
    assert arena("agent", "list", "--db", str(place)).code == 0
    monkeypatch.setenv("ARENA_SERVER", url)
    assert json.loads(arena("agent", "list", "--json").out)


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (("match", "replay", "kuhn/0"), "arena pull {url}"),
        (("db", "check"), "on its machine"),
        (("account", "list"), "{url}/admin"),
        (("token", "list"), "{url}/account"),
        (("worker",), "--db"),
        (("judge", "answers.csv", "--judge", "llm:m@http://h"), "arena push {url}"),
        (("train", "ppo", KUHN), "--register"),
    ],
)
def test_what_is_not_done_at_a_server_says_what_to_do_instead(arena: Arena, url, words, instead):
    said = arena("--server", url, *words)
    assert said.code == 2
    assert instead.format(url=url) in said.err


def test_a_game_is_solved_an_agent_exploited_and_a_tournament_verified_there(
    arena: Arena, url, ledger, place, token, tmp_path
):
    policy = tmp_path / "kuhn.policy"
    with worked(ledger):
        said = arena("--server", url, "solve", "cfr_plus", KUHN, "--iterations", "20", "-o", str(policy), "--json")
        assert said.code == 0, said.err
        [job] = json.loads(said.out)
        assert (job["status"], job["settings"]["settings"]) == ("finished", {"iterations": 20})
        assert load_policy(policy).game == KUHN
        exploited = arena("--server", url, "exploit", KUHN, "random", "--method", "mcts", "--budget", "1")
        assert (exploited.code, "job " in exploited.err) == (0, False), exploited
        assert ledger.agent("random-exploiter").lineage["method"] == "mcts"
        for of in ("kuhn", "kuhn/0"):
            there = arena("--server", url, "verify", of, "--json")
            here = arena("verify", of, "--json", "--db", str(place))
            assert (there.code, there.out) == (0, here.out), there.err
        assert "name a game" in arena("--server", url, "verify").err
    unwritten = arena("--server", url, "solve", "cfr", KUHN, "-o", str(tmp_path / "no" / "kuhn.policy"))
    assert (unwritten.code, "kuhn.policy" in unwritten.err) == (2, True)
    unwritten = arena("--server", url, "solve", "cfr", KUHN, "--submit", "-o", str(policy))
    assert (unwritten.code, "writes no files here" in unwritten.err) == (2, True)
    much = ("--submit", "--gpus", "1", "--json")
    [left] = json.loads(arena("--server", url, "solve", "cfr", LEDUC, *much).out)
    assert (left["status"], left["needs"]["cpus"], left["needs"]["gpus"]) == ("waiting", 1, 1)
    # no match of this game is in that ledger
    [listed] = json.loads(arena("--server", url, "job", "list", LEDUC, "--json").out)
    assert listed["key"] == left["key"]
    arena("--server", url, "job", "cancel", left["key"])


def test_polls_are_made_and_looked_after_there(arena: Arena, url, ledger, place, monkeypatch, tmp_path):
    monkeypatch.setenv("ARENA_TOKEN", bearer(ledger, Scope.ADMIN)["Authorization"].removeprefix("Bearer "))
    sheet = tmp_path / "lengths.csv"
    sheet.write_text("prompt,short,long\n" + "".join(f"q{k},short {k},long {k}\n" for k in range(3)))
    there = ("--server", url, "poll")
    made = arena(*there, "new", str(sheet), "--set", "voters=invited", "--set", "per_minute=5")
    assert made.out.startswith("lengths: draft; 3 prompts, 2 candidates"), made
    assert "lengths: open" in arena(*there, "open", "lengths").out
    assert arena(*there, "invite", "lengths", "2").out.count(f"{url}/polls/lengths/vote?invitation=") == 2
    answered = arena(*there, "answers", "lengths")  # there are no models to ask
    assert (answered.code, answered.out.startswith("lengths: open; 3 prompts")) == (0, True), answered
    for words in (("list",), ("show", "lengths"), ("show", "lengths", "--json")):
        shown = arena(*there, *words)
        assert (shown.code, shown.out) == (0, arena("poll", *words, "--db", str(place)).out)
    assert "unknown judge" in arena(*there, "review", "lengths", "7", "hold").err
    refused = arena(*there, "votes", "lengths", "-o", str(tmp_path / "votes.csv"))
    assert (refused.code, "no votes yet" in refused.err) == (2, True)
    assert "lengths: closed" in arena(*there, "close", "lengths").out


def test_agents_are_registered_and_removed_there(arena: Arena, url, ledger, token):
    assert arena("--server", url, "agent", "add", "far", "mcts(simulations=3)").out == "far@1 is mcts(simulations=3)\n"
    assert ledger.agent("far").lineage == {"registered_by": "robot"}
    assert arena("--server", url, "agent", "remove", "far").code == 0
    assert ledger.agent("far").retired


def test_without_a_token_nothing_is_written(arena: Arena, url, monkeypatch):
    monkeypatch.delenv("ARENA_TOKEN", raising=False)
    said = arena("--server", url, "agent", "add", "far", "random")
    assert (said.code, said.out) == (2, "")
    assert "sign in, or send a token" in said.err


def test_a_tournament_runs_there_and_its_board_is_printed_here(arena: Arena, url, ledger, place, token):
    flags = ("--game", "matrix:rps", "-a", "random", "-a", "uniform", "-n", "4", "--seed", "1")
    with worked(ledger):
        said = arena("--server", url, "tournament", "run", "--name", "far", *flags)
    assert said.code == 0, said.err
    assert said.out.startswith("tournament far: 4 matches of matrix:rps recorded\n")
    board = arena("leaderboard", "--tournament", "far", "matrix:rps", "--db", str(place)).out
    assert without_times(said.out.partition("\n")[2]) == without_times(board)


def test_a_job_is_left_to_the_server_and_cancelled(arena: Arena, url, token):
    flags = ("--game", "matrix:rps", "-a", "random", "-a", "uniform", "-n", "40", "--submit", "--json")
    [job] = json.loads(arena("--server", url, "tournament", "run", "--name", "later", *flags).out)
    assert job["status"] == "waiting"
    assert "cancelled" in arena("--server", url, "job", "cancel", job["key"]).out
    again = arena("--server", url, "job", "cancel", job["key"])
    assert (again.code, "is over already" in again.err) == (2, True)


def test_push_and_pull_say_what_was_new(arena: Arena, url, token):
    assert (
        arena(
            "tournament", "run", "--name", "mine", "--game", "matrix:rps", "-a", "random", "-a", "uniform", "-n", "4"
        ).code
        == 0
    )
    pushed = json.loads(arena("push", url, "--json").out)
    assert (pushed["tournaments"], pushed["matches"]) == (["mine"], 4)
    assert arena("push", url).out == f"{url} has all of it already\n"
    pulled = json.loads(arena("pull", url, "--json").out)
    assert {"kuhn", "noughts"} <= set(pulled["tournaments"])
    assert "has all of it already" in arena("pull", url).out


def test_files_of_matches_and_results_travel_both_ways(arena: Arena, url, place, token, tmp_path):
    results = tmp_path / "results.csv"
    results.write_text("model_a,model_b,winner,judge\nx,y,model_a,j\ny,x,tie,k\nx,y,model_a,k\n")
    said = arena("--server", url, "match", "import", str(results), "--game", "preference:far")
    assert said.out.startswith("3 matches of 2 agents, with 2 judges and 0 contexts, stand as results: "), said
    votes = arena("--server", url, "match", "export", "preference:far", "--votes").out
    assert votes.count("\n") == 4
    assert arena("match", "export", "preference:far", "--votes", "--db", str(place)).out == votes
    here, there = tmp_path / "here.parquet", tmp_path / "there.parquet"
    said = arena("--server", url, "match", "export", KUHN, "-o", str(there))
    assert said.err.startswith(f"wrote {there}: ")
    arena("match", "export", KUHN, "-o", str(here), "--db", str(place))
    assert there.read_bytes() == here.read_bytes()
    refused = arena("--server", url, "match", "export", KUHN, "--format", "pgn")
    assert (refused.code, "no PGN of Kuhn Poker" in refused.err) == (2, True)


def test_the_doctor_tells_a_server_that_runs_from_a_port_that_is_taken(url):
    settings = ServerSettings(port=int(url.rpartition(":")[2]))
    checks = {check.name: check for check in doctor.server(Asked(db=None, settings=settings, named=True))}
    assert checks["port"].state == "good", checks["port"].said
