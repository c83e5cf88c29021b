"""What the gate before all routes refuses, on routes that ask for nothing themselves."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import Depends, Request, WebSocket
from starlette.testclient import TestClient, WebSocketDenialResponse
from visitors import PASSWORD, bearer, browser, form_token, sign_in

from arena import accounts, credentials
from arena.accounts import Scope, add_account
from arena.audit import entries
from arena.ledger import Ledger
from arena.server.access import Visitor, allowed, visitor_of
from arena.server.rates import Buckets, client_of


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("gate") / "arena.db") as ledger:
        add_account(ledger, "ada", PASSWORD, Scope.RUN)
        yield ledger


def client_of_routes(ledger, **settings):
    """A browser at a server that has some more routes."""
    client = browser(ledger, **settings)
    app = client.app

    @app.post("/api/v1/careless")
    async def careless(request: Request) -> dict[str, object]:
        return {"account": visitor_of(request).account, "bytes": len(await request.body())}

    @app.post("/api/v1/run")
    def run(visitor: Annotated[Visitor, Depends(allowed(Scope.RUN))]) -> dict[str, object]:
        return {"account": visitor.account}

    @app.get("/api/v1/broken")
    def broken() -> None:
        raise RuntimeError("a secret of the server")

    @app.websocket("/api/v1/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json({"account": visitor_of(websocket).account})
        await websocket.close()

    return client


@pytest.fixture(scope="module")
def client(ledger):
    return client_of_routes(ledger, writes_per_minute=10**6, sign_ins_per_minute=10**6)


@pytest.fixture
def ada(client):
    own = TestClient(client.app, follow_redirects=False)
    sign_in(own, "ada")
    return own


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["status"] == status
    assert set(error) == {"status", "kind", "message"}
    return error


# Who asks


def test_a_token_says_who_asks_and_what_he_may(client, ledger):
    assert client.post("/api/v1/run", headers=bearer(ledger, Scope.RUN)).json() == {"account": "robot"}
    message = error_of(client.post("/api/v1/run", headers=bearer(ledger, Scope.SUBMIT)), 403)["message"]
    assert "'run'" in message
    answer = client.post("/api/v1/run")
    error_of(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "wrong", ["", "x", "arena_", "arena_0123456789ab_x", "arena_%s_", "arena_%s_x", "arena_%s_é", "a" * 10_000]
)
def test_a_wrong_token_is_refused_even_where_none_is_needed(client, ledger, wrong):
    prefix = bearer(ledger, Scope.ADMIN)["Authorization"].split("_")[1]
    text = (wrong % prefix if "%s" in wrong else wrong).encode()
    answer = client.get("/api/v1/games", headers={"Authorization": b"Bearer " + text})
    error_of(answer, 401)


def test_a_token_ends_by_time_by_hand_and_with_its_account(client, ledger):
    add_account(ledger, "brief", PASSWORD, Scope.RUN)
    brief = accounts.account(ledger, "brief")

    def status(text):
        return client.post("/api/v1/run", headers={"Authorization": f"Bearer {text}"}).status_code

    expired = credentials.issue(ledger, "token", brief, scope=Scope.RUN, seconds=1e-9)
    revoked = credentials.issue(ledger, "token", brief, scope=Scope.RUN)
    lasting = credentials.issue(ledger, "token", brief, scope=Scope.RUN)
    assert status(revoked.text) == 200
    credentials.end(ledger, revoked.credential.prefix)
    assert (status(expired.text), status(revoked.text), status(lasting.text)) == (401, 401, 200)
    accounts.change_scope(ledger, brief, Scope.PLAY)
    assert status(lasting.text) == 403  # never more than its account may now
    accounts.disable(ledger, brief)
    assert status(lasting.text) == 401


def test_the_secret_of_one_token_does_not_go_with_the_prefix_of_another(client, ledger):
    one, other = (bearer(ledger, scope)["Authorization"].split("_", 2) for scope in (Scope.READ, Scope.ADMIN))
    mixed = {"Authorization": f"Bearer arena_{other[1]}_{one[2]}"}
    error_of(client.post("/api/v1/run", headers=mixed), 401)


def test_where_visitors_may_nothing_only_the_way_in_is_open(ledger):
    client = browser(ledger, visitors="nothing")
    for path in ("/", "/games", "/docs", "/nowhere"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"][:14]) == (303, "/sign-in?next="), path
    for path in ("/api/v1/games", "/openapi.json"):
        error_of(client.get(path), 401)
    for path in ("/sign-in", "/static/arena.css", "/healthz", "/readyz"):
        assert client.get(path).status_code == 200, path
    assert client.get("/api/v1/games", headers=bearer(ledger, Scope.READ)).status_code == 200
    for sly in ("/static/../api/v1/games", "//api/v1/games", "/API/v1/games", "/static/..%2fapi/v1/games"):
        assert client.get(sly).status_code != 200, sly


# Foreign pages


def test_a_write_by_a_session_needs_the_token_of_its_pages(ada, client, ledger):
    error_of(ada.post("/api/v1/careless"), 403)
    error_of(ada.post("/api/v1/careless", data={"csrf_token": ""}), 403)
    other = TestClient(client.app, follow_redirects=False)
    sign_in(other, "ada")
    for stolen in (form_token(other), "0" * 64, "é"):
        error_of(ada.post("/api/v1/careless", data={"csrf_token": stolen}), 403)
    for field in ({"data": {"csrf_token": form_token(ada)}}, {"headers": {"X-CSRF-Token": form_token(ada)}}):
        assert ada.post("/api/v1/careless", **field).json()["account"] == "ada"
    parts = {"csrf_token": (None, form_token(ada)), "scope": (None, "read")}
    assert ada.post("/account/tokens", files=parts).status_code == 200


def test_the_token_in_an_address_does_not_count(ada):
    error_of(ada.post(f"/api/v1/careless?csrf_token={form_token(ada)}"), 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_foreign_page_cannot_write_with_or_without_a_session(ada, client, headers):
    token = {"X-CSRF-Token": form_token(ada)}
    error_of(ada.post("/api/v1/careless", headers={**headers, **token}), 403)
    error_of(client.post("/api/v1/careless", headers=headers), 403)
    foreign = client.post("/sign-in", data={"name": "ada", "password": PASSWORD}, headers=headers)
    assert foreign.status_code == 403  # nobody is signed in as somebody else without knowing


def test_own_pages_and_the_public_address_are_no_foreign_pages(ledger, ada):
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": form_token(ada)}
    assert ada.post("/api/v1/careless", headers=own).status_code == 200
    behind = client_of_routes(ledger, public_url="https://arena.example")
    assert behind.post("/api/v1/careless", headers={"Origin": "https://arena.example"}).status_code == 200


def test_a_token_is_exempt_since_no_page_can_send_it(client, ledger):
    headers = {**bearer(ledger, Scope.RUN), "Origin": "https://elsewhere.example"}
    assert client.post("/api/v1/run", headers=headers).status_code == 200


def test_a_foreign_page_cannot_open_a_socket_as_somebody(ada, ledger):
    with ada.websocket_connect("/api/v1/socket", headers={"Origin": "http://testserver"}) as socket:
        assert socket.receive_json() == {"account": "ada"}
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        ada.websocket_connect("/api/v1/socket", headers={"Origin": "https://evil.example"}),
    ):
        pass
    assert refused.value.status_code == 403
    with ada.websocket_connect("/api/v1/socket", headers=bearer(ledger, Scope.PLAY)) as socket:
        assert socket.receive_json() == {"account": "robot"}


# How often, how much


def test_a_bucket_is_emptied_at_once_and_filled_evenly():
    now = [0.0]
    bucket = Buckets(60, clock=lambda: now[0])
    assert [bucket.wait_s("a") for _ in range(60)] == [0.0] * 60
    assert bucket.wait_s("a") == pytest.approx(1.0)
    assert bucket.wait_s("b") == 0.0
    now[0] = 1.5
    assert bucket.wait_s("a") == 0.0
    assert bucket.wait_s("a") == pytest.approx(0.5)
    now[0] = 1000.0
    assert [bucket.wait_s("a") for _ in range(61)].count(0.0) == 60


def test_who_has_many_addresses_is_one_client():
    assert client_of("2001:db8:1:2::1") == client_of("2001:db8:1:2:ffff::9")
    assert client_of("2001:db8:1:2::1") != client_of("2001:db8:1:3::1")
    assert client_of("::ffff:192.0.2.7") == client_of("192.0.2.7")
    assert client_of("testclient") == "testclient"


def test_too_many_requests_are_told_when_to_come_back(ledger):
    client = browser(ledger, requests_per_minute=3)
    answers = [client.get("/healthz") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["retry-after"] == "20"
    error_of(client.get("/api/v1/games"), 429)


def test_signing_in_and_writing_are_limited_more_strictly(ledger):
    client = client_of_routes(ledger, sign_ins_per_minute=2, writes_per_minute=4 + 3)
    form = {"name": "ada", "password": "guess it"}
    assert [client.post("/sign-in", data=form).status_code for _ in range(3)] == [401, 401, 429]
    assert client.post("/sign-up", data=form).status_code == 429
    assert [client.post("/api/v1/careless").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get("/healthz").status_code == 200


def test_a_token_is_counted_wherever_it_comes_from(ledger):
    client = client_of_routes(ledger, writes_per_minute=2)
    headers = bearer(ledger, Scope.RUN)
    elsewhere = [TestClient(client.app, client=(f"192.0.2.{i}", 1)) for i in range(3)]
    assert [one.post("/api/v1/run", headers=headers).status_code for one in elsewhere] == [200, 200, 429]


def test_a_forged_forwarded_address_changes_nothing(ledger):
    client = browser(ledger, requests_per_minute=1)
    statuses = [client.get("/healthz", headers={"X-Forwarded-For": f"192.0.2.{i}"}).status_code for i in range(2)]
    assert statuses == [200, 429]
    trusting = browser(ledger, requests_per_minute=1, trusted_proxies=("10.0.0.0/8",))
    proxied = TestClient(trusting.app, client=("10.0.0.1", 1))
    chain = [f"6.6.6.{i}, 192.0.2.1" for i in range(2)]  # what the client wrote itself, then what the proxy saw
    statuses = [proxied.get("/healthz", headers={"X-Forwarded-For": one}).status_code for one in chain]
    assert statuses == [200, 429]


def chunks(count, size=1000):
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_too_large_a_body_is_refused_however_it_comes(ledger, kind):
    client = client_of_routes(ledger, body_bytes=5000)
    for path in ("/api/v1/careless", "/sign-in", "/nowhere"):
        assert client.post(path, content=b"x" * 5001, headers={"Content-Type": kind}).status_code == 413
    chunked = client.post("/api/v1/careless", content=chunks(6), headers={"Content-Type": kind})
    assert chunked.request.headers["transfer-encoding"] == "chunked"
    assert "5,000 bytes" in error_of(chunked, 413)["message"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/sign-in", content=chunks(6), headers=form).status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "99999999999999999999"])
def test_a_length_that_is_none_is_refused(client, length):
    answer = client.post("/api/v1/careless", headers={"Content-Length": length})
    error_of(answer, 413)


def test_files_may_be_larger_of_those_who_may_submit(ledger):
    client = client_of_routes(ledger, body_bytes=5000, upload_bytes=9000)
    kind = {"Content-Type": "application/octet-stream"}

    def sent(size, headers):
        return client.post("/api/v1/careless", content=chunks(size), headers={**kind, **headers})

    assert sent(8, bearer(ledger, Scope.SUBMIT)).json()["bytes"] == 8000
    error_of(sent(8, bearer(ledger, Scope.PLAY)), 413)
    error_of(sent(8, {}), 413)
    error_of(sent(10, bearer(ledger, Scope.SUBMIT)), 413)


# What is known afterwards


def test_each_answer_has_a_number_of_the_servers_own(client):
    answers = [client.get(path, headers={"X-Request-ID": "mine"}) for path in ("/", "/nowhere", "/api/v1/broken")]
    numbers = [answer.headers["x-request-id"] for answer in answers]
    assert len({*numbers, "mine"}) == 4


def test_what_breaks_down_is_told_apart_from_what_is_wrong(client, caplog):
    answer = client.get("/api/v1/broken")
    error_of(answer, 500)
    assert "a secret" not in answer.text
    assert "a secret of the server" in caplog.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_every_write_is_noted_and_no_read(client, ledger):
    client.get("/api/v1/games")
    client.post("/api/v1/careless?token=hidden", headers=bearer(ledger, Scope.PLAY, "noted"))
    client.post("/api/v1/run")
    refused, done = entries(ledger, most=2)
    assert (done.account, done.action, done.subject, done.outcome) == (
        "noted", "POST /api/v1/careless", "/api/v1/careless", "200 OK"
    )  # fmt: skip
    assert (refused.account, refused.outcome) == (None, "401 Unauthorized")
