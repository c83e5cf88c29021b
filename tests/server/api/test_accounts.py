"""Accounts, tokens, invitations and the audit log over HTTP, and what a token must not get itself."""

from __future__ import annotations

import pytest
from visitors import PASSWORD, bearer, browser, form_token, send, sign_in

from arena import accounts
from arena.accounts import Scope, add_account
from arena.credentials import accept, issue, proved
from arena.ledger import Ledger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("accounts") / "arena.db") as ledger:
        yield ledger


@pytest.fixture(scope="module")
def client(ledger):
    return browser(ledger, writes_per_minute=10**6, sign_up="invite")


def test_who_asks_is_told_what_he_may(client, ledger):
    assert client.get("/api/v1/account").json() == {"account": None, "scope": "read", "credential": None}
    headers = bearer(ledger, Scope.PLAY)
    told = client.get("/api/v1/account", headers=headers).json()
    assert told == {"account": "robot", "scope": "play", "credential": headers["Authorization"].split("_")[1]}


def test_a_token_makes_none_that_may_more_and_ends_none(client, ledger):
    weak, strong = bearer(ledger, Scope.RUN), bearer(ledger, Scope.ADMIN)
    assert client.post("/api/v1/tokens", json={"scope": "admin"}, headers=weak).status_code == 403
    prefix = strong["Authorization"].split("_")[1]
    assert client.delete(f"/api/v1/tokens/{prefix}", headers=weak).status_code == 403
    assert client.get("/api/v1/account", headers=strong).status_code == 200
    assert client.post("/api/v1/tokens", json={"scope": "read"}).status_code == 401


def test_a_token_makes_none_that_outlives_it(client, ledger):
    whose = add_account(ledger, "maker", PASSWORD, Scope.RUN)
    maker = issue(ledger, "token", whose, scope=Scope.RUN, seconds=3600)
    headers = {"Authorization": f"Bearer {maker.text}"}
    longer = client.post("/api/v1/tokens", json={"scope": "run", "days": 3650}, headers=headers)
    assert longer.status_code == 400
    assert maker.credential.expires_at in longer.json()["error"]["message"]
    made = client.post("/api/v1/tokens", json={"scope": "run"}, headers=headers).json()
    assert made["credential"]["expires_at"] == maker.credential.expires_at
    headers["Authorization"] = f"Bearer {made['text']}"
    brief = client.post("/api/v1/tokens", json={"scope": "read", "days": 0.01}, headers=headers).json()
    assert brief["credential"]["expires_at"] < maker.credential.expires_at
    assert brief["credential"]["made_by"] == made["credential"]["prefix"]
    assert client.delete(f"/api/v1/tokens/{maker.credential.prefix}", headers=headers).json()["state"] == "ended"
    for text in (maker.text, made["text"], brief["text"]):
        assert proved(ledger, text, "token") is None
    with pytest.raises(accounts.AccountError, match="has ended"):  # where it is revoked while it is used
        issue(ledger, "token", whose, scope=Scope.READ, maker=maker.credential)


def test_a_person_makes_tokens_that_outlive_the_session(client, ledger):
    add_account(ledger, "person", PASSWORD, Scope.RUN)
    client = browser(ledger)
    sign_in(client, "person")
    asked = {"scope": "run", "days": 3650}
    made = client.post("/api/v1/tokens", json=asked, headers={"X-CSRF-Token": form_token(client)}).json()
    assert made["credential"]["made_by"] is None
    assert made["credential"]["expires_at"] > issue(ledger, "token", None, scope=Scope.RUN).credential.expires_at
    send(client, "/sign-out")
    assert proved(ledger, made["text"], "token") is not None


def test_a_token_is_made_and_told_once_also_where_the_request_is_sent_again(client, ledger):
    headers = {**bearer(ledger, Scope.RUN), "Idempotency-Key": "the same"}
    asked = {"scope": "run", "name": "ci"}
    first, again = (client.post("/api/v1/tokens", json=asked, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.headers["cache-control"] == "no-store"
    assert again.json() == first.json() | {"text": None}
    other = client.post("/api/v1/tokens", json=asked, headers=headers | {"Idempotency-Key": "another"})
    texts = [first.json()["text"], other.json()["text"]]
    assert first.json()["text"].split("_", 2)[2] not in kept(ledger)
    new = {"Authorization": f"Bearer {texts[0]}"}
    listed = client.get("/api/v1/tokens?limit=1", headers=new).json()
    assert listed["tokens"][0]["prefix"] == texts[1].split("_")[1]
    following = client.get("/api/v1/tokens", params={"limit": 1, "after": listed["next"]}, headers=new).json()
    assert following["tokens"][0]["prefix"] == texts[0].split("_")[1]
    assert client.delete(f"/api/v1/tokens/{texts[0].split('_')[1]}", headers=new).json()["state"] == "ended"
    assert client.get("/api/v1/tokens", headers=new).status_code == 401


def kept(ledger: Ledger) -> str:
    """What the ledger keeps of answers."""
    with ledger.reading() as connection:
        return str(connection.exec_driver_sql("select * from kept_answers").all())


@pytest.mark.parametrize("path", ["/tokens", "/invitations"])
@pytest.mark.parametrize("name", ["a\0b", "a\u202eb"])
def test_credentials_are_called_by_printable_characters(client, ledger, path, name):
    admin = bearer(ledger, Scope.ADMIN)
    refused = client.post(f"/api/v1{path}", json={"scope": "read", "name": name}, headers=admin)
    assert refused.status_code == 400
    assert "printable" in refused.json()["error"]["message"]


def test_the_tokens_of_others_are_neither_listed_nor_ended(client, ledger):
    mine, other = bearer(ledger, Scope.ADMIN, "mine"), bearer(ledger, Scope.READ, "other")
    prefix = other["Authorization"].split("_")[1]
    assert prefix not in client.get("/api/v1/tokens", headers=mine).text
    assert client.delete(f"/api/v1/tokens/{prefix}", headers=mine).status_code == 404


@pytest.mark.parametrize("path", ["/accounts", "/invitations", "/audit"])
def test_only_admins_see_who_there_is(client, ledger, path):
    assert client.get("/api/v1" + path).status_code == 401
    assert client.get("/api/v1" + path, headers=bearer(ledger, Scope.RUN)).status_code == 403
    assert client.get("/api/v1" + path, headers=bearer(ledger, Scope.ADMIN)).status_code == 200


def test_an_admin_invites_withdraws_and_shuts(client, ledger):
    admin = bearer(ledger, Scope.ADMIN)
    keyed = [admin | {"Idempotency-Key": key} for key in ("first", "second", "second")]
    *made, again = (client.post("/api/v1/invitations", json={"scope": "play"}, headers=one).json() for one in keyed)
    assert again == made[1] | {"text": None}
    assert accept(ledger, made[0]["text"], "guest", PASSWORD).scope is Scope.PLAY
    client.delete(f"/api/v1/invitations/{made[1]['credential']['prefix']}", headers=admin)
    with pytest.raises(accounts.AccountError):
        accept(ledger, made[1]["text"], "second", PASSWORD)
    changed = client.patch("/api/v1/accounts/guest", json={"scope": "run", "disabled": True}, headers=admin).json()
    assert (changed["scope"], changed["disabled"]) == ("run", True)
    assert "password" not in client.get("/api/v1/accounts", headers=admin).text


def test_an_admin_makes_accounts_and_gives_them_other_passwords(client, ledger):
    admin = bearer(ledger, Scope.ADMIN) | {"Idempotency-Key": "an account"}
    asked = {"name": "Made", "password": PASSWORD, "scope": "submit"}
    made, again = (client.post("/api/v1/accounts", json=asked, headers=admin) for _ in range(2))
    assert (made.status_code, made.json()["name"], again.json()) == (201, "made", made.json())
    assert accounts.signed_in(ledger, "made", PASSWORD).scope is Scope.SUBMIT
    del admin["Idempotency-Key"]
    assert client.post("/api/v1/accounts", json=asked, headers=admin).status_code == 400
    assert client.post("/api/v1/accounts", json=asked, headers=bearer(ledger, Scope.RUN)).status_code == 403
    session = issue(ledger, "session", accounts.account(ledger, "made"), scope=Scope.SUBMIT)
    client.patch("/api/v1/accounts/made", json={"password": PASSWORD[::-1]}, headers=admin)
    assert accounts.signed_in(ledger, "made", PASSWORD) is None
    assert accounts.signed_in(ledger, "made", PASSWORD[::-1]) is not None
    assert proved(ledger, session.text, "session") is None


def test_nobody_is_invited_where_signing_up_is_closed(client, ledger):
    admin = bearer(ledger, Scope.ADMIN)
    assert browser(ledger).post("/api/v1/invitations", json={"scope": "read"}, headers=admin).status_code == 403


def test_a_session_or_a_token_is_no_invitation_to_withdraw(client, ledger):
    admin, other = bearer(ledger, Scope.ADMIN), bearer(ledger, Scope.READ, "victim")
    prefix = other["Authorization"].split("_")[1]
    assert client.delete(f"/api/v1/invitations/{prefix}", headers=admin).status_code == 404
    assert client.get("/api/v1/account", headers=other).status_code == 200


def test_the_last_admin_stays(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        admin = bearer(ledger, Scope.ADMIN)
        refused = browser(ledger).patch("/api/v1/accounts/robot", json={"disabled": True}, headers=admin)
        assert refused.status_code == 400
        assert "last account" in refused.json()["error"]["message"]


def test_the_audit_log_is_read_in_parts_newest_first(client, ledger):
    admin = bearer(ledger, Scope.ADMIN)
    add_account(ledger, "busy", PASSWORD, Scope.RUN)
    for scope in ("read", "play", "submit") * 2:
        client.patch("/api/v1/accounts/busy", json={"scope": scope}, headers=admin)
    seen, after = [], None
    for _ in range(3):
        params = {"limit": 2, **({"after": after} if after else {})}
        part = client.get("/api/v1/audit", params=params, headers=admin).json()
        seen += part["entries"]
        after = part["next"]
    numbers = [entry["id"] for entry in seen]
    assert len(numbers) == 6
    assert numbers == sorted(numbers, reverse=True)
    assert [entry["action"] for entry in seen[:3]] == ["PATCH /api/v1/accounts/{name}"] * 3
    assert seen[0]["subject"] == "/api/v1/accounts/busy"
