"""Who votes, without knowing who it is: keyed hashes of accounts, invitations, cookies and addresses, and what a poll has sealed."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Sequence
from typing import Literal

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken

from arena.games import ArenaError
from arena.ledger import Ledger
from arena.ledger_schema import insert_or_ignore
from arena.poll_schema import address_salts, poll_invitations, voters
from arena.polls.poll import Poll
from arena.vote_reviews import add_review, standing_state

Known = Literal["account", "invitation", "cookie"]
"""By what a voter is known."""

HASH = 32  # letters: 128 bits
MOST_INVITATIONS = 10_000
NETWORK_BITS = 64  # of an IPv6 address: what one customer has


class Forged(ArenaError):
    """A text that this poll has not sealed."""


def sealed(poll: Poll, purpose: str, value: object) -> str:
    """A value of JSON as a text that `unsealed` takes back; only this poll can make or read it, and only for this purpose."""
    return _cipher(poll, purpose).encrypt(json.dumps(value, separators=(",", ":")).encode()).decode()


def unsealed(poll: Poll, purpose: str, text: str) -> object:
    """The value that was sealed.

    Raises:
        Forged: it was not, or for another poll or purpose.
    """
    try:
        return json.loads(_cipher(poll, purpose).decrypt(text.encode()))
    except InvalidToken:
        raise Forged("this is not what the poll gave out; go back to the poll and begin again") from None


def voter_key(poll: Poll, known: Known, name: str) -> str:
    """What the ledger knows a voter by: other polls know the same one by another key."""
    return _keyed(poll, f"voter {known}", name)


def voter_name(number: int) -> str:
    """What the ledger calls the voter of a number: all that others learn of who voted."""
    return f"voter {number + 1}"


def new_cookie(poll: Poll) -> str:
    """What a browser is known by from now on."""
    return sealed(poll, "cookie", secrets.token_urlsafe(16))


def account_cookie(poll: Poll, key: str) -> str:
    """What a browser is known by in which the account of this key votes: it is the same voter after signing out."""
    return sealed(poll, "cookie", [key])


def cookie_key(poll: Poll, cookie: str | None) -> str | None:
    """The voter's key of a cookie; None of one that this poll did not give out."""
    if not cookie:
        return None
    try:
        match unsealed(poll, "cookie", cookie):
            case [str(key)]:
                return key
            case name:
                return voter_key(poll, "cookie", str(name))
    except Forged:
        return None


def is_account_cookie(poll: Poll, cookie: str) -> bool:
    """Whether a cookie that this poll gave out stands for an account."""
    return isinstance(unsealed(poll, "cookie", cookie), list)


def become(ledger: Ledger, poll: Poll, before: str, key: str) -> None:
    """Makes who voted without signing in the voter of an account, both by key: one person stays one voter.

    Where both have voted, the votes without an account are held for review.
    """
    here = voters.c.tournament_id == poll.tournament.id
    with ledger.writing() as connection:
        known = dict(
            connection.execute(
                sa.select(voters.c.key, voters.c.number).where(here, voters.c.key.in_((before, key)))
            ).all()
        )
        if before not in known:
            return
        if key not in known:
            connection.execute(voters.update().where(here, voters.c.key == before).values(key=key))
        elif standing_state(connection, poll.tournament, known[before]) is None:
            reason = "votes by an account, too, in the same browser"
            add_review(connection, poll.tournament, judge=known[before], state="held", reason=reason)


def invite(ledger: Ledger, poll: Poll, count: int) -> list[str]:
    """New invitations, as texts to give out. They are not kept, only what tells them again.

    Raises:
        ArenaError: more than `MOST_INVITATIONS` at once, or none.
    """
    if not 1 <= count <= MOST_INVITATIONS:
        raise ArenaError(f"from 1 to {MOST_INVITATIONS:,} invitations at once; got {count}")
    made = [secrets.token_urlsafe(18) for _ in range(count)]
    rows: Sequence[tuple[object, ...]] = [(poll.tournament.id, _keyed(poll, "invitation", text)) for text in made]
    with ledger.writing() as connection:
        insert_or_ignore(connection, poll_invitations, rows)
    return made


def invited_key(ledger: Ledger, poll: Poll, invitation: str | None) -> str | None:
    """The voter's key of an invitation; None of one that was not given out."""
    if not invitation:
        return None
    here = (
        poll_invitations.c.tournament_id == poll.tournament.id,
        poll_invitations.c.digest == _keyed(poll, "invitation", invitation),
    )
    with ledger.reading() as connection:
        known = connection.execute(sa.select(poll_invitations.c.digest).where(*here)).first()
    return None if known is None else voter_key(poll, "invitation", invitation)


def address_hash(ledger: Ledger, poll: Poll, address: str, *, today: str | None = None) -> str:
    """What tells voters of one network address on one day, and nothing on the next: the day's salt is thrown away with it.

    Args:
        ledger: where the salt is, so that several servers have the same.
        poll: each has its own.
        address: IPv4, or IPv6 of which the first half counts; any other text as it is.
        today: the day in UTC, in place of the clock's.
    """
    day = today or datetime.datetime.now(datetime.UTC).date().isoformat()
    here = address_salts.c.tournament_id == poll.tournament.id
    query = sa.select(address_salts.c.salt).where(here, address_salts.c.day == day)
    with ledger.reading() as connection:
        salt = connection.scalars(query).first()
    if salt is None:
        with ledger.writing() as connection:
            fresh = (poll.tournament.id, day, secrets.token_bytes(HASH))
            insert_or_ignore(connection, address_salts, [fresh])
            connection.execute(address_salts.delete().where(here, address_salts.c.day < day))
            salt = connection.scalars(query).one()
    return hmac.new(salt, _network(address).encode(), hashlib.sha256).hexdigest()[:HASH]


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, NETWORK_BITS), strict=False))
    return str(parsed)


def _cipher(poll: Poll, purpose: str) -> Fernet:
    key = hmac.new(poll.secret, f"seal\0{purpose}".encode(), hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _keyed(poll: Poll, purpose: str, text: str) -> str:
    return hmac.new(poll.secret, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()[:HASH]
