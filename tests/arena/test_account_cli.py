"""`arena account`, `arena token`, `arena audit`, and what an operator can get wrong."""

from __future__ import annotations

import io
import json

import argon2
import pytest

from arena import accounts
from arena.accounts import Scope
from arena.audit import Deed, note
from arena.credentials import accept, proved
from arena.ledger import Ledger

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    monkeypatch.setattr(accounts, "_hasher", lambda: argon2.PasswordHasher(time_cost=1, memory_cost=64))


@pytest.fixture
def type_password(monkeypatch):
    def typed(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text + "\n"))

    typed(PASSWORD)
    return typed


def test_an_account_is_made_listed_and_signs_in(arena, type_password):
    assert arena("account", "add", "Ada", "--admin").out == "ada may admin\n"
    [one] = json.loads(arena("account", "list", "--json").out)
    assert (one["name"], one["scope"], one["disabled"]) == ("ada", "admin", False)
    assert set(one) == {"id", "name", "scope", "created_at", "disabled"}
    assert "ada" in arena("account", "list").out
    with Ledger.open() as ledger:
        assert accounts.signed_in(ledger, "ada", PASSWORD).name == "ada"
        assert accounts.signed_in(ledger, "ada", PASSWORD + " ") is None


def test_a_token_is_printed_alone_and_proves_its_account_until_it_is_revoked(arena, type_password):
    arena("account", "add", "bot", "--scope", "run")
    printed = arena("token", "new", "bot", "--scope", "play", "--for", "laptop")
    text = printed.out.strip()
    with Ledger.open() as ledger:
        credential, whose = proved(ledger, text, "token")
    assert (whose.name, credential.scope, credential.name) == ("bot", Scope.PLAY, "laptop")
    [listed] = json.loads(arena("token", "list", "bot", "--json").out)
    assert listed["state"] == "valid"
    assert text.split("_")[2] not in json.dumps(listed)
    assert arena("token", "revoke", text).code == 0
    with Ledger.open() as ledger:
        assert proved(ledger, text, "token") is None
    assert "ended" in arena("token", "list").out


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["token", "new", "bot", "--scope", "admin"], "'bot' may run: a token for 'admin' would let it do more"),
        (["token", "new", "bot", "--scope", "rum"], "unknown scope 'rum'; did you mean 'run'?"),
        (["token", "new", "bott"], "unknown account 'bott'; did you mean 'bot' or"),
        (["token", "new", "bot", "--days", "0"], "at least a moment"),
        (["token", "new", "bot", "--days", "nan"], "at least a moment"),
        (["token", "revoke", "0123"], "unknown token"),
        (["account", "add", "bot"], "there is an account 'bot' already"),
        (["account", "add", "b t"], "a name is 2-32"),
        (["account", "change", "bot"], "say what to change"),
        (["account", "change", "bot", "--disable", "--enable"], "say what to change"),
        (["account", "change", "root", "--disable"], "the last account that can administer"),
        (["account", "change", "root", "--scope", "run"], "the last account that can administer"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(arena, type_password, command, sentence):
    arena("account", "add", "root", "--admin")
    type_password(PASSWORD)
    arena("account", "add", "bot", "--scope", "run")
    type_password(PASSWORD)
    refused = arena(*command)
    assert refused.code == 2
    assert sentence in refused.err


def test_a_password_is_long_enough(arena, type_password):
    type_password("short")
    assert "10 to 1000 characters" in arena("account", "add", "ada").err


def test_a_disabled_account_and_its_tokens_are_shut(arena, type_password):
    arena("account", "add", "ada", "--scope", "run")
    text = arena("token", "new", "ada").out.strip()
    assert arena("account", "change", "ada", "--disable").code == 0
    with Ledger.open() as ledger:
        assert proved(ledger, text, "token") is None
        assert accounts.signed_in(ledger, "ada", PASSWORD) is None
    arena("account", "change", "ada", "--enable")
    type_password("another long one")
    arena("account", "change", "ada", "--password")
    with Ledger.open() as ledger:
        assert accounts.signed_in(ledger, "ada", PASSWORD) is None
        assert accounts.signed_in(ledger, "ada", "another long one")
        assert proved(ledger, text, "token") is None  # an ended token stays ended


def test_an_invitation_of_the_operator_makes_an_account(arena, type_password):
    arena("account", "add", "root", "--admin")
    text = arena("account", "invite", "--scope", "run").out.strip()
    with Ledger.open() as ledger:
        assert accept(ledger, text, "guest", PASSWORD).scope is Scope.RUN


def test_the_audit_log_is_listed_newest_first(arena, type_password):
    arena("account", "add", "ada")
    with Ledger.open() as ledger:
        for account in ("ada", None):
            note(
                ledger,
                Deed(
                    account=account,
                    credential=None,
                    address="192.0.2.1",
                    action="POST /sign-in",
                    subject="/sign-in",
                    outcome="303 See Other" if account else "401 Unauthorized",
                ),
            )
    listed = json.loads(arena("audit", "--json").out)
    assert [(one["account"], one["outcome"][:3]) for one in listed] == [(None, "401"), ("ada", "303")]
    assert len(json.loads(arena("audit", "--json", "--account", "ada").out)) == 1
    assert "192.0.2.1" in arena("audit", "--most", "1").out


def test_the_same_letters_however_they_are_written_are_one_password():
    kept = accounts.password_hash("pässwörd lang")
    assert accounts.is_password("pa\u0308sswo\u0308rd lang", kept)
    assert not accounts.is_password("password lang", kept)
