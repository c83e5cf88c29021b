"""The API: the very numbers of the standings, one error shape, a description that Swagger UI draws offline."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
import sqlalchemy as sa
from coroutines import run
from fastapi import FastAPI, Request, Response

from arena.connection import LedgerUnavailable
from arena.ledger_state import LedgerState
from arena.match_file_schema import match_files
from arena.server.access import Visitor
from arena.server.api_description import begin_description, describe
from arena.standings import standings


@pytest.mark.parametrize("method", ["elo", "bradley_terry"])
def test_ladder_is_exactly_the_standings(site, method):
    for game in ("openspiel:connect_four", "openspiel:kuhn_poker", "openspiel:kuhn_poker(players=3)"):
        told = site.get(f"/api/v1/games/{game}?method={method}").json()
        computed = json.loads(json.dumps(standings(site.ledger, game, method=method).to_dict()))
        told.pop("computed_at"), computed.pop("computed_at")
        assert told == computed


def test_tournament_standings_are_those_of_that_tournament(site):
    told = site.get("/api/v1/tournaments/noughts/standings").json()
    assert told["tournaments"] == ["noughts"]
    assert told["matches"] == 8


def test_lists_have_everything_in_the_ledger(site):
    assert len(site.get("/api/v1/games").json()["games"]) == len(site.ledger.games())
    assert {one["label"] for one in site.get("/api/v1/agents").json()["agents"]} == {
        a.label for a in site.ledger.agents()
    }
    assert len(site.get("/api/v1/tournaments").json()["tournaments"]) == len(site.ledger.tournaments())
    assert "openspiel:connect_four" in {one["specification"] for one in site.get("/api/v1/playable").json()["games"]}


def test_agent_has_its_row_of_every_ladder(site):
    told = site.get("/api/v1/agents/first").json()
    ladder = site.get("/api/v1/games/openspiel:connect_four").json()
    row = next(row for row in ladder["leaderboard"]["rows"] if row["agent"] == "first@1")
    assert {"game": "openspiel:connect_four", "row": row} in told["ladders"]


def test_matches_begin_where_they_are_asked_to(site):
    told = site.get("/api/v1/tournaments/four-cup/matches?first=10&limit=3").json()
    assert (told["total"], told["in_teams"]) == (180, False)
    assert [line["number"] for line in told["matches"]] == [10, 11, 12]
    site.get("/api/v1/tournaments/four-cup/matches?limit=100000", 422)


def test_match_has_its_moves_and_actions(site):
    result = site.ledger.match(site.ledger.tournament("four-cup"), 3)
    told = site.get("/api/v1/tournaments/four-cup/matches/3").json()
    assert told["actions"] == result.actions.tolist()
    assert len(told["moves"]) == len(result.actions)
    assert told["chance_seed"] == result.spec.chance_seed


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/api/v1/games/openspiel:conect_four", 404, "UnknownName"),
        ("/api/v1/games/openspiel:liars_dice", 404, "UnknownName"),
        ("/api/v1/agents/nobody", 404, "UnknownName"),
        ("/api/v1/tournaments/none", 404, "UnknownName"),
        ("/api/v1/tournaments/four-cup/matches/9999", 404, "MatchMissing"),
        ("/api/v1/tournaments/four-cup/matches/99999999999999999999", 422, "InvalidRequest"),
        ("/api/v1/tournaments/four-cup/matches/x", 422, "InvalidRequest"),
        ("/api/v1/nothing", 404, "NotFound"),
    ],
)
def test_errors_have_one_shape(site, path, status, kind):
    error = site.get(path, status).json()
    assert set(error) == {"error"}
    assert set(error["error"]) == {"status", "kind", "message"}
    assert (error["error"]["status"], error["error"]["kind"]) == (status, kind)
    assert error["error"]["message"]


def test_writing_is_not_allowed(site):
    answer = site.client.post("/api/v1/games")
    assert answer.status_code == 405
    assert answer.json()["error"]["kind"] == "MethodNotAllowed"


def test_head_is_answered_without_a_body(site):
    answer = site.client.head("/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "etag" in answer.headers


def test_description_is_sent_once(site):
    answer = site.get("/openapi.json")
    again = site.client.get("/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_others_are_answered_while_the_description_is_made(monkeypatch):
    monkeypatch.setattr("arena.server.api_description._made", [])
    begun, others_answered = threading.Event(), threading.Event()

    def openapi() -> dict[str, object]:
        begun.set()
        return {"others": others_answered.wait(10)}

    app = FastAPI()
    monkeypatch.setattr(app, "openapi", openapi)
    begin_description(app)
    assert begun.wait(10)
    asked = {"type": "http", "method": "GET", "headers": [], "app": app, "state": {"visitor": Visitor()}}

    async def both() -> Response:
        answer = asyncio.create_task(describe(Request(asked)))
        await asyncio.sleep(0)
        others_answered.set()
        return await answer

    assert json.loads(run(both()).body) == {"others": True}


def test_description_has_the_errors_of_every_route_in_one_shape(site):
    described = site.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    for path, operations in described["paths"].items():
        assert path.startswith("/api/v1/")
        for method, operation in operations.items():
            errors = {status: told for status, told in operation["responses"].items() if status >= "400"}
            expected = {"400", "401", "403", "404", "422", "429", "500", "503"}
            if method != "get":
                expected |= {"413", "415"}
            assert expected <= errors.keys(), path
            for told in errors.values():
                assert told["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_form_of_its_answer(site):
    operations = [one for path in site.get("/openapi.json").json()["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert all(one["summary"] and one["tags"] for one in operations)
    for one in operations:
        good = next(told for status, told in one["responses"].items() if status in ("200", "201"))
        if "application/json" in good["content"]:
            schema = good["content"]["application/json"]["schema"]
            assert schema.get("$ref") or schema.get("type"), one["operationId"]


def test_every_write_may_be_sent_again(site):
    """But for asking for a part of the ledger, which reads."""
    for path, operations in site.get("/openapi.json").json()["paths"].items():
        for method in operations.keys() - {"get"} if path != "/api/v1/ledger/part" else ():
            said = {one["name"] for one in operations[method].get("parameters", ())}
            assert "Idempotency-Key" in said, f"{method} {path}"


def pages_of(site, path, name):
    """All pages of a list, by the cursor in the body, which the header repeats."""
    found, after = [], None
    while True:
        answer = site.get(f"{path}{'&' if '?' in path else '?'}limit=2" + (f"&after={after}" if after else ""))
        told = answer.json()
        assert len(told[name]) <= 2
        found += told[name]
        after = told["next"]
        assert ("Link" in answer.headers) == (after is not None)
        if after is None:
            return found
        assert f"after={after}" in answer.headers["Link"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/agents", "agents"),
        ("/api/v1/games", "games"),
        ("/api/v1/tournaments", "tournaments"),
        ("/api/v1/tournaments/noughts/matches", "matches"),
        ("/api/v1/playable?scheme=matrix", "games"),
    ],
)
def test_a_list_in_pages_is_the_list(site, path, name):
    assert pages_of(site, path, name) == site.get(f"{path}{'&' if '?' in path else '?'}limit=1000").json()[name]


@pytest.mark.parametrize("after", ["x", "WyJhIl0", "e30", "W1tdXQ", "MQ", "%F0%9F%92%A9"])
def test_a_cursor_of_another_list_is_refused(site, after):
    assert site.client.get(f"/api/v1/tournaments?after={after}").status_code == 400


def test_an_unchanged_answer_is_not_sent_again(site):
    tag = site.get("/api/v1/tournaments").headers["ETag"]
    again = site.client.get("/api/v1/tournaments", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_health_answers_from_the_ledger(site):
    assert site.get("/healthz").json() == {"status": "ok", "games": len(site.ledger.games())}


def test_a_server_is_ready_while_its_ledger_answers_and_is_of_this_release(site, monkeypatch):
    assert site.get("/readyz").json() == {"status": "ready"}
    with monkeypatch.context() as patched:
        patched.setattr("arena.server.service.REVISION", "9999")
        answer = site.client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
        assert "this release reads 9999" in answer.json()["why"]
    with monkeypatch.context() as patched:
        patched.setattr(type(site.ledger), "reading", away)
        assert site.client.get("/readyz").json()["why"] == "the ledger does not answer"
    assert site.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("said", ["connection failed: Connection refused", "disk I/O error", "disk image is malformed"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/games"])
def test_where_the_database_is_away_one_may_come_again_later_and_learns_no_path(site, monkeypatch, path, said):
    refused = sa.exc.OperationalError("select", {}, Exception(said))
    monkeypatch.setattr(LedgerState, "now", raising(refused))
    answer = site.client.get(path)
    assert answer.status_code == 503
    assert str(site.ledger.url.database) not in answer.text


def raising(error):
    def now(_):
        raise error

    return now


def away(_):
    raise LedgerUnavailable("connection to server at 10.0.0.7 failed")


def test_where_files_lie_is_not_told_by_what_a_program_said(site):
    (key,) = [one.key for one in site.ledger.tournaments() if site.ledger.faults(one) and one.source == "import"]
    number = site.ledger.faults(site.ledger.tournament(key))[0].index
    for path in (
        f"/api/v1/tournaments/{key}/matches/{number}/record",
        f"/tournaments/{key}/matches/{number}",
        f"/tournaments/{key}",
    ):
        text = site.get(path).text
        assert "host.py" in text and "/srv/arena" not in text


def test_where_files_lie_on_the_machine_of_the_server_is_not_told(client, ledger):
    added = ledger.agent("solved")
    assert added.lineage["folder"]
    assert str(ledger.artifacts.folder.parent) in added.specification
    told = client.get("/api/v1/agents/solved").json()["agent"]
    assert (told["specification"], "folder" in told["lineage"]) == ("policy:kuhn.json", False)
    for path in ("/api/v1/agents/solved", "/api/v1/agents", "/api/v1/tournaments/kuhn", "/agents/solved"):
        text = client.get(path).text
        assert "solved" in text
        assert added.lineage["folder"] not in text
        assert str(ledger.artifacts.folder.parent) not in text


def test_a_match_names_its_files_and_they_can_be_fetched(client, ledger):
    kuhn = ledger.tournament("kuhn")
    with ledger.writing() as connection:
        row = (kuhn.id, 3, "replay.SC2Replay", ledger.artifacts.put(b"a replay"))
        connection.execute(match_files.insert().values(row))
    record = client.get("/api/v1/tournaments/kuhn/matches/3/record").json()
    assert [one["name"] for one in record["files"]] == ["replay.SC2Replay"]
    assert client.get("/api/v1/tournaments/kuhn/matches/3/files/replay.SC2Replay").content == b"a replay"
    assert client.get("/api/v1/tournaments/kuhn/matches/3/files/other").status_code == 404
    assert "files" not in client.get("/api/v1/tournaments/kuhn/matches/4/record").json()
