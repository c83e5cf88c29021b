"""Tokens of programs, sessions of browsers, invitations to sign up, browsers that are known: secrets that are shown once, of which only a hash is kept.

A credential's text is ``arena_PREFIX_SECRET``: it is found by its prefix, and its secret, 256 random bits, is compared by hash in
constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from arena.account_schema import accounts, credentials
from arena.accounts import Account, AccountError, Scope, account, account_of, checked_name, lower, password_hash
from arena.games.errors import UnknownName
from arena.ledger import Ledger
from arena.ledger_entries import insert_new, now

DAY_S = 86_400
LASTING_S = 90 * DAY_S  # what nobody says the end of
NOTED_S = 60  # how exactly the last use is noted: a write for each request would cost more than it tells
_MARK = "arena"

Kind = Literal["token", "session", "invitation", "browser"]
"""A browser in which somebody has signed in keeps one: it opens nothing, and says that this is no stranger's."""
State = Literal["valid", "expired", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What is known of one. ``account``: whose it is, or who made an invitation (None: the operator, at the command line).
    ``used_at``: the last time, to the minute. ``made_by``: the prefix of the token that made this one, None: a person did.
    """

    id: int
    prefix: str
    kind: Kind
    account: str | None
    name: str
    scope: Scope
    created_at: str
    expires_at: str
    used_at: str | None
    state: State
    made_by: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A new credential with its text, which nobody can show again."""

    credential: Credential
    text: str


def issue(
    ledger: Ledger,
    kind: Kind,
    whose: Account | None,
    *,
    name: str = "",
    scope: Scope,
    seconds: float | None = None,
    maker: Credential | None = None,
) -> Shown:
    """A new credential that holds so many seconds.

    Args:
        ledger: where its hash is kept.
        kind: what it is for.
        whose: the account that it proves to be, or that invites.
        name: what its owner calls it.
        scope: what it lets do; of a token never more than its account may.
        seconds: how long it holds; None: 90 days, or as long as the token that makes it.
        maker: the token that makes it, which it does not outlive; None: a person makes it.

    Raises:
        AccountError: a token for more than its account may do, without an end, with a later one than its maker's, or with a name that
            no page can show; or its maker has ended.
    """
    if not name.isprintable():
        raise AccountError(f"a token or invitation is called by printable characters; got {name!r:.80}")
    if kind != "invitation" and whose is not None and not whose.scope.includes(scope):
        raise AccountError(f"{whose.name!r} may {whose.scope.value}: a token for {scope.value!r} would let it do more")
    if seconds is not None and not 0 < seconds <= 3650 * DAY_S:
        raise AccountError("a credential holds at least a moment and at most ten years")
    expires_at = now(LASTING_S if seconds is None else seconds)
    if maker is not None and maker.expires_at < expires_at:
        if seconds is not None:
            raise AccountError(
                f"a token that is made by the token {maker.prefix} ends no later than that one does, at {maker.expires_at}: "
                "ask for fewer days, or say none; by a browser its owner can make one that holds longer"
            )
        expires_at = maker.expires_at
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = {
        "prefix": prefix,
        "digest": _digest(secret),
        "kind": kind,
        "account_id": None if whose is None else whose.id,
        "name": name.strip()[:100],
        "scope": scope.value,
        "created_at": now(),
        "expires_at": expires_at,
        "made_by": None if maker is None else maker.prefix,
    }
    with ledger.writing() as connection:
        if maker is not None and not _holds(connection, maker):
            raise AccountError(f"the token {maker.prefix} has ended, and makes none any longer")
        connection.execute(credentials.insert().values(**row))
    return Shown(credential(ledger, prefix), f"{_MARK}_{prefix}_{secret}")


def proved(ledger: Ledger, text: str, kind: Kind) -> tuple[Credential, Account] | None:
    """Whose credential this is, with the scope that both it and its account have now; None: nobody's that is valid."""
    with ledger.reading() as connection:
        row = _found(connection, text, kind)
        if row is None or row.account_id is None:
            return None
        owner = account_of(connection.execute(sa.select(accounts).where(accounts.c.id == row.account_id)).one())
    if owner.disabled:
        return None
    if row.used_at is None or row.used_at < now(-NOTED_S):
        with ledger.writing(None) as connection:
            connection.execute(credentials.update().where(credentials.c.id == row.id).values(used_at=now()))
    return _credential(row, owner.name, lower(Scope(row.scope), owner.scope)), owner


def prefix_of(text: str) -> str:
    """The prefix of a credential, from its whole text or from the prefix itself, with or without ``arena_``."""
    return text.removeprefix(f"{_MARK}_").split("_")[0]


def invitation(ledger: Ledger, text: str) -> Credential | None:
    """The invitation that this is, if it holds; looking does not use it up."""
    with ledger.reading() as connection:
        found = _found(connection, text, "invitation")
    return None if found is None else credential(ledger, found.prefix)


def accept(ledger: Ledger, text: str, name: str, password: str) -> Account:
    """The account of somebody who was invited; the invitation holds for one.

    Raises:
        AccountError: no valid invitation, or a name or password that cannot be; then the invitation still holds.
    """
    row = {"name": checked_name(name), "password": password_hash(password), "created_at": now()}
    with ledger.writing() as connection:
        found = _found(connection, text, "invitation")
        if found is None or not _used_up(connection, found.id):
            raise AccountError("this invitation has been used, or has expired: ask for another one")
        if insert_new(connection, accounts, {**row, "scope": found.scope}) is None:
            raise AccountError(f"there is an account {row['name']!r} already; choose another name")
    return account(ledger, row["name"])


def end(ledger: Ledger, prefix: str, *, whose: Account | None = None) -> Credential:
    """Ends a credential: a revoked token, with all that were made by it, a session that signed out, an invitation that was withdrawn.

    Args:
        ledger: where it is kept.
        prefix: names it.
        whose: only one of this account; None: anybody's.

    Raises:
        UnknownName: there is none.
    """
    found = credential(ledger, prefix, whose=whose)
    with ledger.writing() as connection:
        ending: list[str] = [prefix]
        while ending:
            these = credentials.c.prefix.in_(ending)
            connection.execute(
                credentials.update().where(these, credentials.c.ended_at.is_(None)).values(ended_at=now())
            )
            made = credentials.c.made_by.in_(ending)
            ending = list(connection.scalars(sa.select(credentials.c.prefix).where(made)))
    return found


def credential(ledger: Ledger, prefix: str, *, kind: Kind | None = None, whose: Account | None = None) -> Credential:
    """The credential of this prefix; only of a kind, only of an account. Raises `UnknownName`."""
    found = _read(ledger, credentials.c.prefix == prefix, kind=kind, whose=whose)
    if not found:
        raise UnknownName("token, session or invitation", prefix, [])
    return found[0]


def all_credentials(ledger: Ledger, *, kind: Kind | None = None, whose: Account | None = None) -> list[Credential]:
    """Those that were ever issued, the newest first; of a kind, of an account."""
    return _read(ledger, sa.true(), kind=kind, whose=whose)


def forget_old_sessions(ledger: Ledger) -> None:
    """Removes sessions and browsers that expired: they prove nothing, and nobody looks at them."""
    ours = credentials.c.kind.in_(("session", "browser"))
    with ledger.writing() as connection:
        connection.execute(credentials.delete().where(ours, credentials.c.expires_at < now()))


def _read(
    ledger: Ledger, which: sa.ColumnElement[bool], *, kind: Kind | None, whose: Account | None
) -> list[Credential]:
    query = sa.select(credentials, accounts.c.name.label("owner")).outerjoin(accounts).where(which)
    if kind is not None:
        query = query.where(credentials.c.kind == kind)
    if whose is not None:
        query = query.where(credentials.c.account_id == whose.id)
    with ledger.reading() as connection:
        rows = connection.execute(query.order_by(credentials.c.id.desc())).all()
    return [_credential(row, row.owner, Scope(row.scope)) for row in rows]


def _found(connection: sa.Connection, text: str, kind: Kind) -> sa.Row[tuple[object, ...]] | None:
    """The row of a credential that is valid now."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != _MARK:
        return None
    query = sa.select(credentials).where(credentials.c.prefix == parts[1], credentials.c.kind == kind)
    row = connection.execute(query).first()
    if row is None or not hmac.compare_digest(row.digest, _digest(parts[2])):
        return None
    return row if _state(row) == "valid" else None


def _holds(connection: sa.Connection, maker: Credential) -> bool:
    """Whether a token is valid still; whoever ends it waits for what this transaction makes, and ends that too."""
    query = sa.select(credentials).where(credentials.c.id == maker.id).with_for_update()
    return _state(connection.execute(query).one()) == "valid"


def _state(row: sa.Row[tuple[object, ...]]) -> State:
    if row.ended_at is not None:
        return "ended"
    return "valid" if now() < row.expires_at else "expired"


def _used_up(connection: sa.Connection, number: int) -> bool:
    """Whether nobody else was faster."""
    unused = credentials.update().where(credentials.c.id == number, credentials.c.ended_at.is_(None))
    return bool(connection.execute(unused.values(ended_at=now(), used_at=now())).rowcount)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()  # of 256 random bits: nothing to slow down


def _credential(row: sa.Row[tuple[object, ...]], owner: str | None, scope: Scope) -> Credential:
    return Credential(
        id=row.id,
        prefix=row.prefix,
        kind=row.kind,
        account=owner,
        name=row.name,
        scope=scope,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        state=_state(row),
        made_by=row.made_by,
    )
