"""Language models in tournaments: usage in the ledger and wherever it is shown, outages that cost no match, keys that leak nowhere."""

from __future__ import annotations

import json
import logging
import re
import shutil
import threading

import pytest
from command_line import said
from fastapi.testclient import TestClient

from arena.approvals import withdraw
from arena.config import make_config
from arena.executor import ProcessPool, WorkFailed
from arena.games import ArenaError, SpecificationError
from arena.games.usage import Usage
from arena.ledger import Ledger
from arena.merge import merge
from arena.results import MatchUsage, Termination
from arena.server.app import create_app
from arena.tournament import resume_tournament, run_tournament
from arena.usage_record import by_agent
from tests.chat_server import COMPLETION_TOKENS, PROMPT_TOKENS, Reply, chat_server

KEY = "sk-very-secret-0123456789"


def first_move(request):
    """The first legal move of the list, as a model would name it."""
    text = request["messages"][1]["content"]
    return "MOVE: " + re.search(r"name:\n(\d+):", text)[1]


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("ARENA_DB", raising=False)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def cup(server, *, options="retries=0, price_in=1, price_out=2", **more):
    agents = {"tiny": f"llm:tiny@{server.url}({options})", "random": "random"}
    return make_config(
        {"name": "cup", "game": "openspiel:tic_tac_toe", "agents": agents, "matches": 8, "seed": 3, "block": 2, **more}
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """(the file of a ledger with one tournament, its key, how often the model was asked); tests that only read take a copy."""
    folder = tmp_path_factory.mktemp("played")
    with pytest.MonkeyPatch.context() as patch, chat_server(first_move) as server:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("OPENAI_API_KEY", KEY)
        with Ledger.open(folder / "arena.db") as ledger:
            tournament = run_tournament(cup(server, matches=4), ledger)
    return folder / "arena.db", tournament.key, len(server.requests)


@pytest.fixture
def cup_played(played, tmp_path):
    """(the ledger, the tournament, how often the model was asked)."""
    file, key, asked = played
    shutil.copy(file, tmp_path / "arena.db")
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened, opened.tournament(key), asked


def test_a_tournament_records_what_each_match_used(cup_played):
    ledger, tournament, asked = cup_played
    results = ledger.results(tournament)
    assert len(results.usage) == 4
    assert sum(one.usage.requests for one in results.usage) == asked
    (used,) = ledger.usage(tournament)
    assert (used.agent, used.matches, used.requests) == ("tiny@1", 4, asked)
    assert used.prompt_tokens == asked * PROMPT_TOKENS
    assert used.cost == pytest.approx(asked * (PROMPT_TOKENS + 2 * COMPLETION_TOKENS) / 1e6)
    one = ledger.match(tournament, 3)
    assert one.usage == tuple(entry for entry in results.usage if entry.index == 3)


def test_games_whose_matches_are_columns_record_it_too(ledger):
    with chat_server(first_move) as server:
        tournament = run_tournament(cup(server, game="matrix:rps"), ledger)
    assert tournament.lane == "tensor"
    assert ledger.usage(tournament)[0].requests == len(server.requests) == 8


def test_worker_processes_send_the_usage_home_until_an_outage_there_is_failed_work(ledger):
    left = iter(["MOVE: 0"] * 3)
    with (
        chat_server(lambda _: next(left, Reply(status=503))) as server,
        pytest.raises(WorkFailed, match="answered 503"),
    ):
        run_tournament(cup(server, game="matrix:rps", block=1), ledger, ProcessPool(1))
    (stopped,) = ledger.tournaments()
    assert ledger.usage(stopped)[0].requests == ledger.progress(stopped) == 2  # the third is of an open block


def test_an_outage_stops_the_tournament_and_the_same_command_goes_on(ledger):
    asked = []

    def script(request):
        asked.append(1)
        return Reply(status=503) if 12 < len(asked) < 16 else first_move(request)

    with chat_server(script) as server:
        config = cup(server, matches=6)
        with pytest.raises(ArenaError, match="answered 503") as caught:
            run_tournament(config, ledger)
        assert caught.value.work_failed
        (stopped,) = ledger.tournaments()
        assert stopped.status == "interrupted"
        assert 0 < ledger.progress(stopped) < 6
        while len(asked) < 16:
            asked.append(1)  # the endpoint is up again
        finished = run_tournament(config, ledger)
        assert finished.key == stopped.key
    with chat_server(first_move) as server, Ledger.open("other.db") as other:
        whole = run_tournament(cup(server, matches=6), other)
        mine, theirs = ledger.results(finished), other.results(whole)
    assert not ledger.faults(finished)
    assert mine.equals(theirs)


def test_forfeits_are_kept_apart_from_strength(ledger):
    with chat_server(["MOVE: nowhere"]) as server:
        tournament = run_tournament(cup(server, matches=2), ledger)
    assert {fault.termination for fault in ledger.faults(tournament)} == {Termination.ILLEGAL_MOVE}
    assert ledger.usage(tournament)[0].requests == 2 * 3


def test_no_key_stands_in_the_ledger_the_artifacts_the_logs_or_what_is_printed(
    ledger, tmp_path, caplog, capsys, monkeypatch
):
    caplog.set_level(logging.DEBUG)
    answers = [Reply(f"MOVE: {KEY}"), Reply(f"{KEY}"), Reply(status=400, body=json.dumps({"error": KEY}).encode())]
    with chat_server(answers) as server:
        tournament = run_tournament(cup(server, options="retries=0, attempts=2"), ledger)
        assert f"Bearer {KEY}" in server.authorizations
    status = said(monkeypatch, capsys, "tournament", "status", tournament.key, "--json")
    shown = said(monkeypatch, capsys, "match", "show", f"{tournament.key}/0")
    assert "[key]" in shown.out
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
    assert all(KEY not in text for text in [caplog.text, status.out, status.err, shown.out, shown.err])


def test_a_model_of_somebody_elses_ledger_needs_approval_since_it_sends_a_key(ledger):
    with chat_server(first_move) as server:
        tournament = run_tournament(cup(server, matches=4), ledger)
        specification = tournament.agents[0].specification
        withdraw(specification, None)  # as on a machine that never saw it
        again = cup(server, name="again", agents={"tiny": "tiny", "random": "random"})
        with pytest.raises(SpecificationError, match=r"sends an API key.*arena agent approve tiny"):
            run_tournament(again, ledger)


def test_another_model_is_another_version(ledger):
    with chat_server(first_move) as server:
        run_tournament(cup(server, matches=2), ledger)
        other = {"tiny": f"llm:tiny-2@{server.url}", "random": "random"}
        second = run_tournament(cup(server, matches=2, name="second", agents=other), ledger)
    assert second.agents[0].label == "tiny@2"
    assert second.agents[0].kind == "llm"


def test_the_commands_and_the_pages_tell_what_was_used(cup_played, capsys, monkeypatch):
    ledger, tournament, asked = cup_played
    with chat_server(first_move) as server:
        played = said(
            monkeypatch, capsys, "play", "matrix:rps", f"llm:tiny@{server.url}", "random", "-n", "3", "--json"
        )
        plain = said(monkeypatch, capsys, "play", "matrix:rps", f"llm:tiny@{server.url}", "random", "-n", "3")
    usage = json.loads(played.out)[0]["usage"]
    assert [(one["player"], one["requests"], one["prompt_tokens"], one["cost"]) for one in usage] == [(0, 1, 100, None)]
    assert "used 3 requests, 300 prompt and 21 completion tokens\n" in plain.out.replace("\n", "\n")
    told = json.loads(said(monkeypatch, capsys, "tournament", "status", tournament.key, "--json").out)
    assert told["usage"][0]["requests"] == asked
    status = said(monkeypatch, capsys, "tournament", "status", tournament.key).out
    assert f"tiny@1: {asked} requests, {100 * asked:,} prompt and {7 * asked} completion tokens, cost" in status
    client = TestClient(create_app(ledger))
    assert client.get(f"/api/v1/tournaments/{tournament.key}").json()["usage"] == told["usage"]
    match = client.get(f"/api/v1/tournaments/{tournament.key}/matches/0").json()
    assert match["usage"][0]["requests"] == ledger.match(tournament, 0).usage[0].usage.requests
    page = client.get(f"/tournaments/{tournament.key}").text
    assert "What language models used" in page
    assert (
        f"seat 0: {match['usage'][0]['requests']} requests"
        in client.get(f"/tournaments/{tournament.key}/matches/0").text
    )


def test_the_last_words_of_a_seat_stand_in_its_own_view_alone(ledger):
    with chat_server(["My card is the king. MOVE: fold"]) as server:
        tournament = run_tournament(cup(server, game="openspiel:kuhn_poker", matches=2), ledger)
    seat = ledger.faults(tournament)[0].player
    client = TestClient(create_app(ledger))
    address = f"/tournaments/{tournament.key}/matches/0"
    assert "My card is the king" in client.get(f"{address}?view={seat}").text
    assert "My card is the king" not in client.get(f"{address}?view={1 - seat}").text


def test_merging_ledgers_carries_usage(cup_played, tmp_path):
    ledger, tournament, _ = cup_played
    with Ledger.open(tmp_path / "new.db") as new:
        merge(new, ledger)
        assert new.usage(new.tournament(tournament.key)) == ledger.usage(tournament)


def test_sums_say_what_is_not_known(cup_played):
    ledger, tournament, _ = cup_played
    index, seats = ledger.results(tournament).specs.index, ledger.results(tournament).specs.seats
    known = Usage(requests=2, prompt_tokens=10, completion_tokens=4, seconds=1.0, cost=0.25)
    dark = Usage(requests=1, prompt_tokens=None, completion_tokens=None, cost=None)
    player = [row.tolist().index(0) for row in seats]
    used = [MatchUsage(index=k, player=player[k], usage=one) for k, one in enumerate((known, dark))]
    (both,) = by_agent(tournament, used, index, seats)
    assert both.sentence() == (
        "tiny@1: 3 requests, at least 10 prompt and 4 completion tokens (1 match not told), cost at least 0.25, in 2 matches"
    )
    (none,) = by_agent(tournament, used[1:], index, seats)
    assert none.sentence() == "tiny@1: 1 request, tokens not told by the server, in 1 match"
    assert none.to_dict()["prompt_tokens"] is None


def test_resuming_a_finished_tournament_asks_nobody(ledger):
    with chat_server(first_move) as server:
        tournament = run_tournament(cup(server, game="matrix:rps", matches=2), ledger)
        before = len(server.requests)
        resume_tournament(tournament.key, ledger)
        assert len(server.requests) == before


def test_a_run_that_is_stopped_does_not_wait_for_open_questions(ledger):
    never = threading.Event()
    with chat_server(lambda _: Reply("MOVE: 0", until=never)) as server:
        tournament = run_tournament(cup(server, matches=2, move_clock_s=0.2), ledger)
        never.set()
    assert {fault.termination for fault in ledger.faults(tournament)} == {Termination.TIMEOUT}
    assert ledger.usage(tournament)[0].untold == 2
