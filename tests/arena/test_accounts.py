"""Accounts and credentials over both databases: what is used up once is used up once, whoever is faster."""

from __future__ import annotations

import threading

import argon2
import pytest

from arena import accounts, audit, credentials
from arena.accounts import AccountError, Scope, add_account
from arena.audit import Deed
from arena.ledger import Ledger

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    monkeypatch.setattr(accounts, "_hasher", lambda: argon2.PasswordHasher(time_cost=1, memory_cost=64))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger(request, tmp_path):
    sqlite = request.param == "sqlite"
    with Ledger.open(tmp_path / "arena.db" if sqlite else request.getfixturevalue("postgres_database")) as ledger:
        yield ledger


def test_of_many_who_accept_one_invitation_at_once_one_gets_in(ledger):
    text = credentials.issue(ledger, "invitation", None, scope=Scope.RUN).text
    together, refused = threading.Barrier(4), []

    def accept(number):
        together.wait()
        try:
            credentials.accept(ledger, text, f"guest-{number}", PASSWORD)
        except AccountError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=accept, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accounts.all_accounts(ledger)) == 1
    assert len(refused) == 3


def test_of_many_who_take_one_name_at_once_one_gets_it(ledger):
    together, refused = threading.Barrier(4), []

    def add():
        together.wait()
        try:
            add_account(ledger, "ada", PASSWORD, Scope.READ)
        except AccountError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.name for one in accounts.all_accounts(ledger)] == ["ada"]
    assert len(refused) == 3


def test_a_credential_is_proved_noted_and_ended(ledger):
    ada = add_account(ledger, "ada", PASSWORD, Scope.RUN)
    shown = credentials.issue(ledger, "token", ada, scope=Scope.PLAY)
    credential, whose = credentials.proved(ledger, shown.text, "token")
    assert (whose.name, credential.scope) == ("ada", Scope.PLAY)
    assert credentials.credential(ledger, credential.prefix).used_at is not None
    credentials.end(ledger, credential.prefix, whose=ada)
    assert credentials.proved(ledger, shown.text, "token") is None


def test_sessions_that_expired_are_forgotten_and_no_others(ledger):
    ada = add_account(ledger, "ada", PASSWORD, Scope.RUN)
    for seconds in (1e-9, 3600):
        for kind in ("session", "token"):
            credentials.issue(ledger, kind, ada, scope=Scope.READ, seconds=seconds)
    credentials.forget_old_sessions(ledger)
    kept = sorted((one.kind, one.state) for one in credentials.all_credentials(ledger))
    assert kept == [("session", "valid"), ("token", "expired"), ("token", "valid")]


def test_the_audit_log_is_read_backwards_in_parts(ledger):
    for number in range(5):
        outcome = str(number)
        audit.note(ledger, Deed(account="ada", credential=None, address="a", action="b", subject="c", outcome=outcome))
    first = audit.entries(ledger, most=2)
    rest = audit.entries(ledger, most=9, before=first[-1].id)
    assert [entry.outcome for entry in first + rest] == ["4", "3", "2", "1", "0"]
