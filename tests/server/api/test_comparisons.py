"""What the API says of two agents, and of ratings over time, is what the library says."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from server_routes import routes_of

from arena.head_to_head import head_to_head
from arena.ledger import Ledger
from arena.ratings_over_time import ratings_over_time
from arena.server.app import create_app
from tests.server.conftest import import_matches

GAME = "elsewhere:cards"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("api") / "arena.db") as opened:
        import_matches(opened, GAME, [("ann", "bob", 1.0, -1), ("bob", "ann", 1.0, -1), ("ann", "cyd", 0.0, -1)] * 10)
        yield opened


@pytest.fixture(scope="module")
def client(ledger):
    return TestClient(create_app(ledger))


def test_two_agents(client, ledger):
    told = client.get(f"/api/v1/head-to-head?game={GAME}&a=ann&b=bob@1").json()
    assert told == head_to_head(ledger, GAME, "ann@1", "bob@1").to_dict()


def test_over_time(client, ledger):
    told = client.get(f"/api/v1/ratings-over-time?game={GAME}").json()
    found = ratings_over_time(ledger, GAME)
    assert told["matches"] == [30]
    assert {one["agent"]: one["rating"] for one in told["agents"]} == {
        agent: found.rating[:, at].tolist() for at, agent in enumerate(found.agents)
    }


@pytest.mark.parametrize(
    "asked", ["head-to-head?game=no&a=ann&b=bob", f"head-to-head?game={GAME}&a=bob&b=cyd", "ratings-over-time?game=no"]
)
def test_what_is_not_there_is_not_found(client, asked):
    answer = client.get(f"/api/v1/{asked}")
    assert answer.status_code == 404
    assert answer.json()["error"]["kind"] == "UnknownName"


def test_every_file_that_pages_offer_is_in_the_api_too(client):
    paths = {path for method, path in routes_of(client.app) if method == "GET"}
    offered = {path for path in paths if path.startswith(("/figures/", "/downloads/"))}
    assert len(offered) > 10
    assert {f"/api/v1{path}" for path in offered} <= paths


@pytest.mark.parametrize("asked", ["figures/versus.svg?a=ann&b=bob&game=", "downloads/standings.csv?game="])
def test_a_file_of_the_api_is_that_of_the_pages(client, asked):
    there, here = client.get(f"/api/v1/{asked}{GAME}"), client.get(f"/{asked}{GAME}")
    assert (there.status_code, there.content) == (200, here.content)
    assert there.headers["content-type"] == here.headers["content-type"]
