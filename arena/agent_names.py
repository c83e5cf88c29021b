"""Whose the names of agents are: those of kinds of agents and of people are nobody's to take, any other is its first registrant's."""

from __future__ import annotations

from collections.abc import Sequence

from arena.agents.registry import is_specification
from arena.games import SpecificationError
from arena.ledger import AgentVersion, Ledger
from arena.ledger_entries import versions_of
from arena.origin import UPLOADED_BY

HUMAN = ".human"
"""How the agents that are people end; no program may be called so."""
JOINED_BY, REGISTERED_BY = "account", "registered_by"
"""Of a lineage, beside `UPLOADED_BY`: the account for which an agent plays from elsewhere, or which registered a specification."""


def require_free(name: str, versions: Sequence[AgentVersion], *, account: str | None, anybodys: bool = False) -> None:
    """Raises where somebody who is not at this machine may not register an agent, or a version of one, of this name.

    Args:
        name: of the agent.
        versions: that it has, the newest first.
        account: who registers it.
        anybodys: whether it may also make versions of agents that others registered.

    Raises:
        SpecificationError: the name is of a kind of agent, a person's, or somebody else's.
    """
    refuse_kinds(name)
    refuse_people(name)
    if versions and not anybodys and owner_of(versions[-1]) != account:
        raise SpecificationError(f"{name} is the name of somebody else's agent here; take another name")


def require_free_now(ledger: Ledger, name: str, *, account: str | None, anybodys: bool = False) -> None:
    """`require_free` of the versions that there are now, before anything is done; `Ledger.add_agent` asks again, as another may be faster."""
    with ledger.reading() as connection:
        require_free(name, versions_of(connection, name), account=account, anybodys=anybodys)


def refuse_kinds(name: str) -> None:
    """Raises `SpecificationError` for the name of a kind of agent, which means that kind alone."""
    if is_specification(name.lower()):
        raise SpecificationError(f"{name} is a kind of agent, which needs no registration; take another name")


def refuse_people(name: str) -> None:
    """Raises `SpecificationError` for the name of a person."""
    if name.lower().endswith(HUMAN):
        raise SpecificationError(f"a name that ends with {HUMAN!r} is a person's; take another name")


def owner_of(agent: AgentVersion) -> str | None:
    """The account that registered it; None: it was made on this machine, or by a job."""
    for key in (JOINED_BY, REGISTERED_BY, UPLOADED_BY):
        if agent.lineage.get(key) is not None:
            return str(agent.lineage[key])
    return None
