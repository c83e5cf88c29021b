"""Accounts, tokens and signed-in browsers for tests of the server."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from arena.accounts import Scope, account, add_account
from arena.credentials import issue
from arena.games import UnknownName
from arena.ledger import Ledger
from arena.server.app import create_app
from arena.server.settings import ServerSettings

PASSWORD = "correct horse battery"


def bearer(ledger: Ledger, scope: Scope, name: str = "robot") -> dict[str, str]:
    """Headers of a program whose token may do this; its account, an admin's, is made once."""
    try:
        whose = account(ledger, name)
    except UnknownName:
        whose = add_account(ledger, name, PASSWORD, Scope.ADMIN)
    return {"Authorization": f"Bearer {issue(ledger, 'token', whose, scope=scope).text}"}


def browser(ledger: Ledger, **settings: object) -> TestClient:
    """A browser without a session at a server of these settings, which lets it sign in often; it does not follow redirects."""
    often = {"sign_ins_per_minute": 10**6}
    return TestClient(create_app(ledger, ServerSettings(**often | settings)), follow_redirects=False)


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> None:
    answer = client.post("/sign-in", data={"name": name, "password": password})
    assert answer.status_code == 303, answer.text


def form_token(client: TestClient) -> str:
    """What the pages of the client's session carry."""
    [token] = re.findall(r'<meta name="csrf-token" content="(\w+)">', client.get("/account").text)
    return token


def send(client: TestClient, path: str, **fields: object):
    """A form of the client's own session."""
    return client.post(path, data={"csrf_token": form_token(client), **fields})
