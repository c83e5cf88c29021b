"""Agents elsewhere that are here now: registered under the account of their author, and kept as connected while they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from functools import partial

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from arena.agent_names import JOINED_BY, require_free
from arena.agents.protocol import Hello
from arena.agents.registry import REMOTE
from arena.config import check_name
from arena.games import SpecificationError
from arena.ledger import AgentVersion, Ledger
from arena.question_schema import presences
from arena.questions import clock

HERE_S = 15.0  # a connection that was not heard of for so long is away


def register_remote(ledger: Ledger, name: str, *, account: str, version: str = "") -> AgentVersion:
    """The agent of this name that plays from elsewhere, a new version of it where it says that it is another one.

    Args:
        ledger: where it is kept.
        name: what it is called.
        account: whose it is; another account's agent is refused.
        version: what it says of itself.

    Raises:
        SpecificationError: a name or a version that cannot be, or a name that is not free (`arena.agent_names`).
    """
    try:
        check_name(name)
    except ValueError as error:
        raise SpecificationError(str(error)) from None
    if not version.isprintable():
        raise SpecificationError(f"the version of {name} must be printable text; it says {version!r:.80}")
    lineage = {JOINED_BY: account, "says": version} if version else {JOINED_BY: account}
    specification = f"{REMOTE}:{name}" + (f"({version})" if version else "")
    free = partial(require_free, name, account=account)
    return ledger.add_agent(name, specification=specification, kind=REMOTE, lineage=lineage, check=free)


def register_person(ledger: Ledger, name: str, *, account: str) -> AgentVersion:
    """The agent that a person is; its name ends with `HUMAN`, and no other way in takes such a one."""
    return ledger.add_agent(name, specification=f"{REMOTE}:{name}", kind=REMOTE, lineage={JOINED_BY: account})


def arrive(
    ledger: Ledger, agent: AgentVersion, game: str, hello: Hello, *, connection: str, here_s: float = HERE_S
) -> None:
    """Notes that an agent is connected for a game: it plays over this connection now, and over no earlier one."""
    with ledger.writing() as database:
        insert = sqlite.insert if database.dialect.name == "sqlite" else postgresql.insert
        row = {
            "agent_id": agent.id,
            "game": game,
            "hello": asdict(hello),
            "connection": connection,
            "here_until": clock(database) + here_s,
        }
        key = ["agent_id", "game"]
        newer = {name: value for name, value in row.items() if name not in key}
        database.execute(insert(presences).values(row).on_conflict_do_update(index_elements=key, set_=newer))


def stay(ledger: Ledger, connections: Collection[str], *, here_s: float = HERE_S) -> set[str]:
    """Those of the connections that are still the newest of their agents; they count as here for so many seconds more."""
    mine = presences.c.connection.in_(list(connections))
    with ledger.writing(None) as database:
        database.execute(presences.update().where(mine).values(here_until=clock(database) + here_s))
        return set(database.scalars(sa.select(presences.c.connection).where(mine)))


def leave(ledger: Ledger, connection: str) -> None:
    """Notes that a connection is gone."""
    with ledger.writing() as database:
        mine = presences.c.connection == connection
        database.execute(presences.update().where(mine).values(here_until=clock(database)))
