"""The client of a server: the values that the ledger itself gives, errors in the server's words, and requests that are repeated safely."""

from __future__ import annotations

import dataclasses
import tempfile
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from serving import served
from small_ledger import KUHN, play_kuhn_and_noughts
from visitors import bearer

from arena.accounts import Scope
from arena.client import Client, ServerError
from arena.config import make_config
from arena.counterfactual import Where
from arena.database import check
from arena.exchange import (
    PART_BYTES,
    PlannedPart,
    contents_of,
    halves,
    holdings,
    planned_parts,
    take_in,
    write_part,
)
from arena.games import ArenaError, SpecificationError, load_game
from arena.job_columns import job_columns
from arena.job_kinds import ask, do_job
from arena.job_work import do_here
from arena.jobs import all_jobs
from arena.kept_files import read_file
from arena.ledger import Ledger
from arena.match_file_schema import match_files
from arena.push_pull import pull, push
from arena.server_connection import Connection, token_here
from arena.shown_origin import shown_lineage, shown_specification
from arena.solvers import cfr, save_policy
from arena.source import LedgerSource
from arena.tournament import run_tournament
from arena.value_codec import encoded
from arena.worker import work


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Kuhn poker between a solved agent and an even one, and a Swiss tournament."""
    folder = tmp_path_factory.mktemp("client")
    with Ledger.open(folder / "arena.db") as ledger:
        play_kuhn_and_noughts(ledger, folder)
        yield ledger


@pytest.fixture(scope="module")
def url(here):
    with served(here) as url:
        yield url


def token_of(ledger, scope=Scope.ADMIN):
    return bearer(ledger, scope)["Authorization"].removeprefix("Bearer ")


@pytest.fixture(scope="module")
def client(here, url):
    with Client(url, token_of(here)) as client:
        yield client


@pytest.fixture(scope="module")
def local(here):
    return LedgerSource(here)


def same(one, other):
    """Whether two values are one but for when they were computed."""
    told = [encoded(value) for value in (one, other)]
    for each in told:
        each.pop("computed_at", None)
    return told[0] == told[1]


# What it reads is what the ledger gives


def test_standings_are_those_of_the_ledger(client, local):
    for method in ("elo", "minimax"):
        assert same(client.standings(KUHN, method=method), local.standings(KUHN, method=method))
    assert isinstance(client.standings(KUHN).leaderboard.matrix.score, np.ndarray)
    where = Where(without_forfeits=True, tournaments=("kuhn",))
    assert same(client.standings(KUHN, where=where), local.standings(KUHN, where=where))
    assert same(
        client.standings(KUHN, tournament="kuhn", joint=True), local.standings(KUHN, tournament="kuhn", joint=True)
    )


def test_explanations_and_differences_are_those_of_the_ledger(client, local):
    assert same(client.explained(KUHN, "solved"), local.explained(KUHN, "solved"))
    assert same(client.anytime(KUHN, anchor="even@1"), local.anytime(KUHN, anchor="even@1"))


def as_shown(agent):
    """Without paths of the server's disk."""
    told = {"specification": shown_specification(agent.specification), "lineage": shown_lineage(agent.lineage)}
    return dataclasses.replace(agent, **told)


def test_lists_and_single_things_are_those_of_the_ledger(client, local):
    assert client.games() == local.games()
    assert client.agents() == [as_shown(one) for one in local.agents()]
    assert client.agent("solved") == as_shown(local.agent("solved"))
    assert client.agent("even") == local.agent("even")
    assert client.latest_matches("solved") == local.latest_matches("solved")
    assert client.tournaments() == local.tournaments()
    assert client.tournaments("kuhn_poker") == local.tournaments(KUHN)
    assert client.tournament_status("noughts") == local.tournament_status("noughts")
    assert client.matches("kuhn", first=3, limit=2) == local.matches("kuhn", first=3, limit=2)
    assert client.match("kuhn", 3) == local.match("kuhn", 3)


# What it writes


def test_an_agent_is_registered_uploaded_and_retired(client, here, tmp_path):
    assert client.add_agent("search", "mcts(simulations=5)").label == "search@1"
    file = tmp_path / "mine.json"
    save_policy(cfr(load_game(KUHN), iterations=5).policy, file)
    uploaded = client.add_agent("mine", f"policy:{file}")
    assert (uploaded.specification, uploaded.kind) == ("policy:mine.json", "policy")
    assert here.artifacts.path(str(uploaded.content_hash)).read_bytes() == file.read_bytes()
    assert client.retire_agent("search").retired
    assert "search" not in {agent.name for agent in client.agents()}


def test_a_tournament_is_played_by_a_worker_of_the_ledger(client, here):
    config = {"name": "ordered", "game": KUHN, "agents": {"solved": "solved", "r": "random"}, "matches": 4, "seed": 3}
    [job] = client.start_tournament(config)
    assert job.status == "waiting"
    work(here, until_empty=True)
    done = client.wait(job)
    assert (done.status, done.result["tournament"]) == ("finished", "ordered")
    assert client.tournament_status("ordered").facts.matches == 4


def test_a_column_is_asked_for_and_cancelled(client):
    [job] = client.ask(KUHN, "bootstrap", settings={"resamples": 50})
    assert job.kind == "bootstrap"
    assert client.cancel_job(job.key).status == "cancelled"
    assert [one.key for one in client.jobs(KUHN, "cancelled")] == [job.key]


def test_results_are_imported_once(client, tmp_path):
    file = tmp_path / "chess.csv"
    file.write_text("agent_1,agent_2,return_1,return_2\nx,y,1,0\ny,x,1,0\n")
    first = client.import_results(file, game="elsewhere:chess", name="chess")
    assert (first.tournament.matches, first.tournament.source, first.agents) == (2, "import", 2)
    assert client.import_results(file, game="elsewhere:chess", name="chess") == first


# Errors


def test_an_error_has_the_words_of_the_server(client, url):
    with pytest.raises(ServerError, match="unknown agent 'nobody'") as caught:
        client.agent("nobody")
    assert (caught.value.status, caught.value.kind, caught.value.work_failed) == (404, "UnknownName", False)


def test_who_may_not_is_told_so(here, url):
    with Client(url, token_of(here, Scope.READ)) as reader, pytest.raises(ServerError) as caught:
        reader.add_agent("x", "random")
    assert caught.value.status == 403
    with Client(url, "") as stranger, pytest.raises(ServerError) as caught:
        stranger.add_agent("x", "random")
    assert caught.value.status == 401


def test_a_program_or_a_file_of_the_server_is_refused(client):
    for specification in ("exec:./bot", "python:m:C", "llm:gpt@http://x", "http://127.0.0.1/"):
        with pytest.raises(ServerError, match="run a program"):
            client.connection.write("POST", "/agents", body={"name": "x", "specification": specification})


# Requests that are repeated


class Flaky(httpx.BaseTransport):
    """Answers what it is told to, one after the other, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def handle_request(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def flaky(*answers):
    transport, pauses = Flaky(*answers), []
    return Connection("http://arena", "t", transport=transport, pause=pauses.append, attempts=3), transport, pauses


GOOD = httpx.Response(200, json={"a": 1})


def test_what_broke_on_its_way_is_asked_again_with_the_same_key():
    connection, transport, pauses = flaky(httpx.ConnectError("gone"), httpx.ReadTimeout("slow"), GOOD)
    assert connection.write("POST", "/agents", body={"x": 1}) == {"a": 1}
    assert len({request.headers["Idempotency-Key"] for request in transport.asked}) == 1
    assert [request.content for request in transport.asked] == [b'{"x":1}'] * 3
    assert pauses == [0.2, 0.4]


def test_a_busy_server_is_given_the_time_that_it_asks_for():
    connection, _, pauses = flaky(httpx.Response(429, headers={"Retry-After": "3"}), httpx.Response(503), GOOD)
    assert connection.read("/agents") == {"a": 1}
    assert pauses == [3.0, 0.4]


def test_an_answer_that_is_being_made_is_waited_for():
    being_done = httpx.Response(409, headers={"Retry-After": "1"}, json={})
    connection, transport, pauses = flaky(httpx.ReadTimeout("slow"), *[being_done] * 5, GOOD)
    assert connection.write("POST", "/ledger", file=b"x") == {"a": 1}
    assert (len(transport.asked), pauses[1:]) == (7, [1.0] * 5)


def test_an_error_of_the_asker_is_not_repeated():
    error = {"error": {"status": 400, "kind": "SpecificationError", "message": "no"}}
    connection, transport, _ = flaky(httpx.Response(400, json=error))
    with pytest.raises(ServerError, match="http://arena: no"):
        connection.read("/agents")
    assert len(transport.asked) == 1


def test_a_server_that_is_away_is_named():
    connection, transport, _ = flaky(*[httpx.ConnectError("refused")] * 3)
    with pytest.raises(ServerError, match="http://arena does not answer: refused") as caught:
        connection.read("/agents")
    assert caught.value.work_failed
    assert len(transport.asked) == 3


def test_something_else_than_a_server_of_arena_is_told():
    connection, _, _ = flaky(httpx.Response(404, text="<html>"))
    with pytest.raises(ServerError, match="is it a server of Arena"):
        connection.read("/agents")


def test_no_address_is_refused():
    with pytest.raises(SpecificationError, match="http://HOST:PORT"):
        Connection("arena.example.org")


# Tokens


def test_a_token_comes_from_the_environment_or_a_file_that_nobody_else_can_read(tmp_path, monkeypatch):
    for name in ("ARENA_TOKEN", "ARENA_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert token_here() is None
    file = tmp_path / "token"
    file.write_text("arena_a_b\n")
    monkeypatch.setenv("ARENA_TOKEN_FILE", str(file))
    file.chmod(0o640)
    with pytest.raises(SpecificationError, match="chmod 600"):
        token_here()
    file.chmod(0o600)
    assert token_here() == "arena_a_b"
    monkeypatch.setenv("ARENA_TOKEN", "arena_c_d")
    assert token_here() == "arena_c_d"


# Ledgers that exchange what they have


def test_what_is_pushed_and_pulled_is_the_same_and_twice_is_nothing_new(here, tmp_path):
    with (
        Ledger.open(tmp_path / "server.db") as there,
        Ledger.open(tmp_path / "third.db") as third,
        served(there) as url,
        Client(url, token_of(there, Scope.RUN)) as server,
    ):
        first = push(here, server)
        assert set(first.tournaments) == {one.key for one in here.tournaments()}
        assert first.matches == sum(here.progress(one) for one in here.tournaments())
        assert not push(here, server).changed
        with (
            Client(url, token_of(there, Scope.SUBMIT)) as lesser,
            pytest.raises(ArenaError, match=r"needs the scope 'run'.* is 'submit'"),
        ):
            push(here, lesser)  # though there is nothing to send
        assert pull(third, server).matches == first.matches
        assert not pull(third, server).changed
    for one in here.tournaments():
        assert third.results(third.tournament(one.key)).equals(here.results(one))
    assert third.artifacts.path(str(third.agent("solved").content_hash)).suffix == ".json"
    boards = [LedgerSource(ledger).standings(KUHN).leaderboard for ledger in (third, here)]
    assert same(*boards)


def test_a_pulled_program_does_not_run_before_it_is_approved(tmp_path, url, client):
    with Ledger.open(tmp_path / "from.db") as other:
        other.add_agent("bot", specification="exec:./bot", kind="exec")
        push(other, client)
    with Ledger.open(tmp_path / "to.db") as mine:
        pull(mine, client)
        from arena.roster import playable

        with pytest.raises(SpecificationError, match="program of somebody else"):
            playable(mine.agent("bot"), mine)


def test_a_tournament_that_is_another_one_there_stays_and_all_others_travel(here, tmp_path, client):
    results = tmp_path / "results.csv"
    results.write_text("agent_1,agent_2,return_1,return_2\nx,y,1,0\n")
    client.import_results(results, game="elsewhere:go", name="go there")
    with Ledger.open(tmp_path / "mine.db") as mine:
        cup = {"game": KUHN, "agents": {"a": "random", "b": "uniform"}, "matches": 4, "seed": 5}
        for name in ("kuhn", "unheard of"):
            run_tournament(make_config({**cup, "name": name}), mine)
        LedgerSource(mine).import_results(results, game="elsewhere:go", name="go here")
        before = [ledger.results(ledger.tournament("kuhn")) for ledger in (here, mine)]
        pushed = push(mine, client)
        assert (pushed.tournaments, set(pushed.refused)) == (("unheard-of",), {"kuhn", "go-here"})
        pulled = pull(mine, client)
        assert {"noughts"} <= set(pulled.tournaments)
        assert set(pulled.refused) == {"kuhn", "go-there"}
        assert not pull(mine, client).changed
        after = [ledger.results(ledger.tournament("kuhn")) for ledger in (here, mine)]
    assert all(one.equals(other) for one, other in zip(before, after, strict=True))


def test_a_tournament_of_one_origin_and_other_matches_is_refused(tmp_path):
    cup = {"name": "cup", "game": KUHN, "agents": {"a": "random", "b": "uniform"}, "matches": 4, "seed": 5}
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        run_tournament(make_config(cup), one)
        take_all(one, two)
        with two.writing() as connection:
            connection.execute(sa.text("update matches set seed = seed + 1 where number = 3"))
            connection.execute(sa.text("update tournaments set matches = 2"))
        with pytest.raises(ArenaError, match="two tournaments: they differ in the matches from number 2"):
            take_all(one, two)


def take_all(source, target, *, part_bytes=PART_BYTES, until=None):
    """Has a ledger take in what it lacks of another, part by part, or only so many parts; how many parts there are."""
    known = holdings(target)
    parts = planned_parts(source, known, part_bytes=part_bytes)
    for planned in parts[:until]:
        with tempfile.TemporaryDirectory() as folder:
            write_part(source, planned, known, Path(folder) / "part.db")
            for one in contents_of(Path(folder) / "part.db"):
                target.artifacts.put(source.artifacts.path(one))
            take_in(target, Path(folder) / "part.db")
    return len(parts)


def test_what_is_too_large_for_one_part_goes_in_several_and_can_be_interrupted(tmp_path):
    cup = {"name": "cup", "game": "matrix:rps", "agents": {"a": "random", "b": "uniform"}, "matches": 16, "block": 4}
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        played = run_tournament(make_config({**cup, "seed": 1}), one)
        run_tournament(make_config({**cup, "seed": 2, "name": "small", "matches": 4}), one)
        do_here(one, ask(one, "ratings", cup["game"]), lambda row, told: do_job(one, row, told))
        with one.writing() as connection:
            row = (played.id, 3, "replay", one.artifacts.put(b"a replay"))
            connection.execute(match_files.insert().values(row))
        assert len(one.written(played)) == 4
        assert take_all(one, two, part_bytes=1000, until=2) == 5
        partly = two.tournament("cup")
        assert (partly.status, two.progress(partly)) == ("interrupted", 8)
        assert not all_jobs(two)
        assert take_all(one, two, part_bytes=1000) == 5
        for each in one.tournaments():
            assert two.tournament(each.key).status == "finished"
            assert two.results(two.tournament(each.key)).equals(one.results(each))
        assert all(column.current for column in job_columns(two, cup["game"]))
        assert [column.kind for column in job_columns(two, cup["game"])] == ["ratings"]
        assert read_file(two, two.tournament("cup"), 3, "replay") == b"a replay"
        assert take_all(one, two) == 0


def test_a_server_that_is_killed_between_its_writes_takes_the_part_in_again(tmp_path, monkeypatch):
    cup = {"name": "cup", "game": "matrix:rps", "agents": {"a": "random", "b": "uniform"}, "matches": 8, "block": 4}
    write, part, writes, lives = Ledger.writing, tmp_path / "part.db", 0, 0

    @contextmanager
    def writing(self, *said):
        nonlocal writes
        if self.url == two.url:
            writes += 1
            if writes > lives:
                raise KeyboardInterrupt
        with write(self, *said) as connection:
            yield connection

    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        played = run_tournament(make_config({**cup, "seed": 1}), one)
        do_here(one, ask(one, "ratings", cup["game"]), lambda row, told: do_job(one, row, told))
        [planned] = planned_parts(one, holdings(two))
        write_part(one, planned, holdings(two), part)
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "writing", writing)
            while lives < 20:  # killed after no write, then after one more, after two more
                writes = 0
                try:
                    take_in(two, part)
                    break
                except KeyboardInterrupt:
                    lives += 1
        assert 3 < lives < 20
        assert two.results(two.tournament("cup")).equals(one.results(played))
        assert two.tournament("cup").status == "finished"
        assert [agent.label for agent in two.agents()] == [agent.label for agent in one.agents()]
        assert [column.current for column in job_columns(two, cup["game"])] == [True]
        assert not check(tmp_path / "two.db")
        assert take_in(two, part).matches == 0


def test_a_part_that_is_larger_than_planned_is_halved():
    whole = PlannedPart(blocks={1: frozenset({0, 64}), 2: frozenset({0})}, whole=frozenset({1, 2}), last=True)
    one, two = halves(whole)
    assert one == PlannedPart(blocks={1: frozenset({0})}, whole=frozenset(), last=False)
    assert two == PlannedPart(blocks={1: frozenset({64}), 2: frozenset({0})}, whole=frozenset({1, 2}), last=True)
    with pytest.raises(ArenaError, match="upload_bytes"):
        halves(one)


@pytest.mark.parametrize("part", [b"", b"no database", b"SQLite format 3\0" + b"x" * 4096])
def test_what_is_no_part_of_a_ledger_is_refused(client, part):
    with pytest.raises(ServerError, match="no part of a ledger"):
        client.send_part(part)


def test_a_part_whose_contents_were_not_sent_is_refused(here, tmp_path):
    with Ledger.open(tmp_path / "arena.db") as there, served(there) as url:
        [planned] = planned_parts(here, holdings(there))
        write_part(here, planned, holdings(there), tmp_path / "part.db")
        with Client(url, token_of(there)) as server, pytest.raises(ServerError, match="send them first"):
            server.send_part((tmp_path / "part.db").read_bytes())
        assert there.tournaments() == []


def test_an_artifact_that_is_not_what_it_is_called_is_refused(client):
    with pytest.raises(ServerError, match="has the hash"):
        client.send_artifact("0" * 64, b"something", ending=".json")
