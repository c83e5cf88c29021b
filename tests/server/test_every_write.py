"""Every route that writes, found in the application itself: a route that forgot to ask who writes falls here."""

from __future__ import annotations

import re

import pytest
from server_routes import routes_of
from visitors import PASSWORD, bearer, browser, form_token, sign_in

from arena.accounts import Scope, add_account
from arena.audit import entries
from arena.ledger import Ledger

SAFE = {"GET", "HEAD", "OPTIONS"}
FOR_EVERYBODY = {"/sign-in", "/sign-up"}
OF_POLLS = {"/polls/{key}/vote", "/api/v1/polls/{key}/votes"}  # a poll says who votes; these tests have none
OWN = {"/sign-out", "/api/v1/tokens", "/api/v1/tokens/{prefix}"}  # of whoever asks, whatever he may
LEAST = 40


def writes_of(app):
    return [(method, path) for method, path in routes_of(app) if method not in SAFE]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("writes") / "arena.db") as ledger:
        add_account(ledger, "root", PASSWORD, Scope.ADMIN)
        yield ledger


@pytest.fixture(scope="module")
def client(ledger):
    return browser(ledger, writes_per_minute=10**6, sign_ins_per_minute=10**6, sign_up="open")


@pytest.fixture(scope="module")
def root(client):
    own = type(client)(client.app, follow_redirects=False)
    sign_in(own, "root")
    return own


def asked(client, method, path, headers):
    kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
    filled = re.sub(r"{\w+(:\w+)?}", "1", path)
    return client.request(method, filled, content="{}", headers={"Content-Type": kind, **headers}).status_code


def test_there_are_as_many_writes_as_one_thinks(client):
    assert len(set(writes_of(client.app))) >= LEAST


def test_nobody_writes_without_saying_who_he_is(client):
    open_ = {
        (method, path)
        for method, path in writes_of(client.app)
        if asked(client, method, path, {}) not in (401, 403, 415)
    }
    assert {path for _, path in open_} - FOR_EVERYBODY - OF_POLLS == set()


def test_who_may_only_read_writes_nothing_but_what_is_his_own(client, ledger):
    headers = bearer(ledger, Scope.READ)
    open_ = {
        path for method, path in writes_of(client.app) if asked(client, method, path, headers) not in (401, 403, 415)
    }
    assert open_ - FOR_EVERYBODY - OF_POLLS - OWN == set()


def test_no_write_of_a_session_goes_without_the_token_of_its_pages(root):
    for method, path in writes_of(root.app):
        assert asked(root, method, path, {}) in (403, 415), (method, path)
    assert root.get("/account").status_code == 200


def test_no_write_of_a_session_goes_from_a_foreign_page(root):
    headers = {"X-CSRF-Token": form_token(root), "Origin": "https://evil.example"}
    for method, path in writes_of(root.app):
        assert asked(root, method, path, headers) == 403, (method, path)


def test_every_write_but_votes_is_in_the_audit_log(client, ledger):
    before = entries(ledger, most=1)[0].id
    writes = sorted(set(writes_of(client.app)))
    for method, path in writes:
        asked(client, method, path, bearer(ledger, Scope.READ))
    noted = {entry.action for entry in entries(ledger, most=10 * len(writes)) if entry.id > before}
    unnoted = {f"POST {path}" for path in OF_POLLS}  # whose vote is whose shall not be known
    assert {f"{method} {path}" for method, path in writes} - noted - unnoted == set()
