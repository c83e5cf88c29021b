"""Accounts of a server: names, passwords, and what each may do. Functions over the ledger; a password is kept as argon2id alone."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import argon2
import sqlalchemy as sa

from arena.account_schema import accounts, credentials
from arena.games.errors import ArenaError, UnknownName
from arena.ledger import Ledger
from arena.ledger_entries import insert_new, now

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1000  # characters
HASHES_AT_ONCE = (
    2  # each takes 64 MiB, so that guessing costs; many sign-ins at once must not cost the server its memory
)
HASHES_WAITING = 8  # and more would take the threads that answer everybody else
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
_hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)
_waiting = threading.BoundedSemaphore(HASHES_WAITING)


class AccountError(ArenaError):
    """An account, a password or an invitation that cannot be as asked."""


class ManySignIns(ArenaError):
    """More passwords to be hashed than this process does at once; in a moment it can."""


class Scope(StrEnum):
    """What somebody may do; each includes those before it."""

    READ = "read"
    PLAY = "play"
    SUBMIT = "submit"
    RUN = "run"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Whether who has this one may do what asks for ``other``."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


def lower(one: Scope, other: Scope) -> Scope:
    """The scope that both include."""
    return other if one.includes(other) else one


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who may do what. ``disabled``: may do nothing any longer."""

    id: int
    name: str
    scope: Scope
    created_at: str
    disabled: bool


def add_account(ledger: Ledger, name: str, password: str, scope: Scope) -> Account:
    """A new account.

    Raises:
        AccountError: the name is taken or cannot be one, or the password is too short.
    """
    row = {
        "name": checked_name(name),
        "password": password_hash(password),
        "scope": scope.value,
        "created_at": now(),
    }
    with ledger.writing() as connection:
        added = insert_new(connection, accounts, row)
    if added is None:
        raise AccountError(f"there is an account {row['name']!r} already; choose another name")
    return account(ledger, row["name"])


def checked_name(name: str) -> str:
    """The name as it is kept. Raises `AccountError`."""
    kept = name.strip().lower()
    if not _NAME.fullmatch(kept):
        raise AccountError("a name is 2-32 small letters, digits, '.', '-' or '_', and begins with a letter or digit")
    return kept


def account(ledger: Ledger, name: str) -> Account:
    """The account of this name. Raises `UnknownName`."""
    known = all_accounts(ledger)
    for one in known:
        if one.name == name.strip().lower():
            return one
    raise UnknownName("account", name, [one.name for one in known])


def is_account(ledger: Ledger, name: str) -> bool:
    """Whether there is an account of this name."""
    named = sa.select(accounts.c.id).where(accounts.c.name == name.strip().lower())
    with ledger.reading() as connection:
        return connection.execute(named).first() is not None


def all_accounts(ledger: Ledger) -> list[Account]:
    """All accounts, by name."""
    with ledger.reading() as connection:
        rows = connection.execute(sa.select(accounts).order_by(accounts.c.name)).all()
    return [account_of(row) for row in rows]


def account_of(row: sa.Row[tuple[object, ...]]) -> Account:
    """The account that a row of the table tells of."""
    return Account(
        id=row.id,
        name=row.name,
        scope=Scope(row.scope),
        created_at=row.created_at,
        disabled=row.disabled_at is not None,
    )


def has_admin(ledger: Ledger) -> bool:
    """Whether somebody can administer the server."""
    return any(one.scope is Scope.ADMIN and not one.disabled for one in all_accounts(ledger))


def signed_in(ledger: Ledger, name: str, password: str) -> Account | None:
    """The account whose name and password these are; None: none. An unknown name takes as long as a wrong password.

    Raises:
        ManySignIns: too many are at it.
    """
    with ledger.reading() as connection:
        row = connection.execute(sa.select(accounts).where(accounts.c.name == name.strip().lower())).first()
    right = is_password(password, row.password if row else _nobodys_hash())
    if row is None or not right or row.disabled_at is not None:
        return None
    if _hasher().check_needs_rehash(row.password):
        _keep(ledger, row.id, password=password_hash(password))
    return account_of(row)


def change_password(ledger: Ledger, whose: Account, password: str) -> None:
    """Gives an account another password, and ends its sessions. Raises `AccountError`."""
    hashed = password_hash(password)
    _keep(ledger, whose.id, password=hashed)
    end_credentials(ledger, whose, kind="session")


def change_scope(ledger: Ledger, whose: Account, scope: Scope) -> None:
    """Lets an account do more or less from now on.

    Raises:
        AccountError: it is the last one that can administer.
    """
    _spare_last_admin(ledger, whose, stays=scope is Scope.ADMIN)
    _keep(ledger, whose.id, scope=scope.value)


def disable(ledger: Ledger, whose: Account) -> None:
    """Shuts an account and ends its sessions and tokens; what it did stays.

    Raises:
        AccountError: it is the last one that can administer.
    """
    _spare_last_admin(ledger, whose, stays=False)
    _keep(ledger, whose.id, disabled_at=now())
    end_credentials(ledger, whose)


def enable(ledger: Ledger, whose: Account) -> None:
    """Opens a disabled account again; its sessions and tokens stay ended."""
    _keep(ledger, whose.id, disabled_at=None)


def end_credentials(ledger: Ledger, whose: Account, *, kind: str | None = None) -> None:
    """Ends what proves to be somebody: all of it, or of one kind."""
    mine = [credentials.c.account_id == whose.id, credentials.c.ended_at.is_(None)]
    if kind is not None:
        mine.append(credentials.c.kind == kind)
    with ledger.writing() as connection:
        connection.execute(credentials.update().where(*mine).values(ended_at=now()))


def password_hash(password: str) -> str:
    """What is kept of a password. Raises `AccountError`."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    with _a_place():
        return _hasher().hash(_plain(password))


def is_password(password: str, kept: str) -> bool:
    """Whether this is the password that was kept; takes as long where it is not."""
    with _a_place():
        try:
            return _hasher().verify(kept, _plain(password[: LONGEST_PASSWORD + 1]))
        except argon2.exceptions.VerificationError:
            return False


@contextmanager
def _a_place() -> Iterator[None]:
    if not _waiting.acquire(blocking=False):
        raise ManySignIns("many are signing in at this moment; try again in a few seconds")
    try:
        with _hashing:
            yield
    finally:
        _waiting.release()


def _plain(password: str) -> str:
    return unicodedata.normalize("NFKC", password)  # the same text, whichever keyboard wrote it


@cache
def _hasher() -> argon2.PasswordHasher:
    return argon2.PasswordHasher()  # the second choice of RFC 9106, for memory that many share


@cache
def _nobodys_hash() -> str:
    return password_hash("nobody has this password")


def _keep(ledger: Ledger, number: int, **values: object) -> None:
    with ledger.writing() as connection:
        connection.execute(accounts.update().where(accounts.c.id == number).values(**values))


def _spare_last_admin(ledger: Ledger, whose: Account, *, stays: bool) -> None:
    admins = {one.id for one in all_accounts(ledger) if one.scope is Scope.ADMIN and not one.disabled}
    if not stays and admins == {whose.id}:
        raise AccountError(
            f"{whose.name!r} is the last account that can administer this server; make another one first"
        )
