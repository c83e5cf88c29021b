"""The agents of a tournament: which version of which agent plays, and what is loaded to play it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from arena.agent_names import REGISTERED_BY, refuse_people, require_free
from arena.agents import content_of, kinds, load_agent, needs_approval
from arena.agents.confined import EXPLOITER, confined_specification, unconfined
from arena.agents.exploiter_file import read_exploiter
from arena.agents.registry import (
    FILE_SCHEMES,
    KEY_SCHEMES,
    REMOTE,
    SELF_CONTAINED,
    is_specification,
    split_specification,
)
from arena.agents.sandbox import SandboxUnavailable, Tier
from arena.agents.specification_check import check_specification
from arena.approvals import approve, is_approved
from arena.artifacts import ArtifactStore, file_hash
from arena.connection import NoLedger
from arena.executor import close_agents, require_forgetful, require_started
from arena.games import Game, SpecificationError, UnknownName
from arena.games.specification import Call, parse_call, read_parameters
from arena.ledger import AgentVersion, Ledger
from arena.origin import demanded_tier, is_confined, is_from_elsewhere
from arena.shown_origin import FOLDER

SEARCHES = ("mcts", "ismcts")
MOST_ROLLOUTS = 100_000
"""Random games for one move of a search that is asked for from elsewhere: some seconds."""


def add_agent(ledger: Ledger, store: ArtifactStore, *, name: str, specification: str) -> AgentVersion:
    """The version of agent `name` that this specification is now: content goes to the store, programs count as approved.

    Raises:
        SpecificationError: a file of the specification cannot be read.
        UnknownName: no such kind of agent.
    """
    content_hash = _content_hash(specification, store)
    if needs_approval(specification):
        approve(specification, content_hash)
    kind, _ = split_specification(specification)
    lineage = {FOLDER: str(Path.cwd())} if content_hash is not None else None
    return ledger.add_agent(name, specification=specification, kind=kind, content_hash=content_hash, lineage=lineage)


def specification_meant(text: str, db: str | None) -> str:
    """The specification to load for what somebody typed: one as it stands, else that of the agent registered so.

    Raises:
        UnknownName: neither a specification nor, in the ledger at `db`, a registered agent.
        SpecificationError: as `playable`.
        LedgerError: the ledger there cannot be read.
    """
    if is_specification(text):
        return text
    try:
        ledger = Ledger.open(db, create=False, read_only=True)
    except NoLedger:
        if db is not None:
            raise
        return text  # no ledger here: an unknown kind of agent, as whoever loads it says
    with ledger:
        try:
            version = ledger.agent(text)
        except UnknownName:
            raise UnknownName(
                "agent", text, [*(one.name for one in ledger.agents()), *(k.name for k in kinds())]
            ) from None
        return playable(version, ledger)


def enlist(
    ledger: Ledger,
    store: ArtifactStore,
    agents: Mapping[str, str],
    *,
    game: Game,
    common_chance: bool = False,
    from_elsewhere: bool = False,
    sandbox: Tier = "none",
) -> tuple[AgentVersion, ...]:
    """The versions that `agents` (name -> specification, or the name of a registered agent) means, tried on the game.

    ``from_elsewhere``: whoever asks is not at this machine; see `require_own`.

    Raises:
        SpecificationError: an agent does not fit the game, or not who asks for it.
        UnknownName: neither a registered agent nor a specification.
    """
    return tuple(
        version or add_agent(ledger, store, name=name, specification=text)
        for name, text, version in tried(
            ledger, agents, game=game, common_chance=common_chance, from_elsewhere=from_elsewhere, sandbox=sandbox
        )
    )


def tried(
    ledger: Ledger,
    agents: Mapping[str, str],
    *,
    game: Game,
    common_chance: bool = False,
    from_elsewhere: bool = False,
    sandbox: Tier = "none",
) -> list[tuple[str, str, AgentVersion | None]]:
    """(name, text, the version that it means, None for a new one) of each agent, loaded on the game; nothing is recorded.

    Raises:
        ArenaError: as `enlist`.
    """
    registered = {agent.name for agent in ledger.agents()}
    plans: list[tuple[str, str, AgentVersion | None]] = []
    for name, text in agents.items():
        reference = text.partition("@")[0]
        version = ledger.agent(text) if reference in registered and not is_specification(text) else None
        if version is None and from_elsewhere:
            require_own(text)
            refuse_people(name)
        specification = text if version is None else playable(version, ledger)
        try:
            agent = load_agent(specification, game=game, name=name, sandbox=sandbox)
        except UnknownName as error:
            if version is None and error.kind.startswith("agent"):
                raise UnknownName("agent", text, [*registered, *error.known]) from None
            raise
        except SandboxUnavailable:
            raise
        except SpecificationError as error:
            if version is None and text in registered:
                raise SpecificationError(
                    f"{error}; the agent that is called so is {ledger.agent(text).label}"
                ) from None
            if version is None:
                raise
            # what people know it by, not the place of its copy in the store
            _, kept = split_specification(unconfined(specification))
            _, known = split_specification(version.specification)
            said = str(error).replace(kept, known).replace(Path(kept).name, Path(known).name) if kept else str(error)
            raise SpecificationError(f"{version.label}: {said}") from None
        try:
            if common_chance:
                require_forgetful(agent)
            require_started(agent)
        finally:
            close_agents([agent])
        plans.append((name, text, version))
    return plans


def require_known(ledger: Ledger, agents: Mapping[str, str]) -> None:
    """Raises where `enlist` could not know an agent that somebody who is not at this machine asks for; nothing is loaded.

    Raises:
        UnknownName: neither a registered agent nor a specification.
        SpecificationError: as `require_own`.
    """
    registered = {agent.name for agent in ledger.agents()}
    for name, text in agents.items():
        if is_specification(text):
            require_own(text)
            refuse_people(name)
        elif text.partition("@")[0] in registered:
            ledger.agent(text)
        else:
            raise UnknownName("agent", text, [*sorted(registered), *(kind.name for kind in kinds())])


def register_own(
    ledger: Ledger, name: str, specification: str, *, account: str | None, anybodys: bool = False
) -> AgentVersion:
    """The version of agent `name` that somebody who is not at this machine registers by a specification that says it whole.

    Args:
        ledger: where it is registered.
        name: of the agent.
        specification: of a kind in `SELF_CONTAINED`.
        account: who registers it.
        anybodys: whether it may also make versions of agents that others registered.

    Raises:
        UnknownName, SpecificationError: as `require_own`, or the name is not free (`arena.agent_names`).
    """
    kind, _ = split_specification(specification)
    require_own(specification)
    return ledger.add_agent(
        name,
        specification=specification,
        kind=kind,
        lineage={REGISTERED_BY: account},
        check=partial(require_free, name, account=account, anybodys=anybodys),
    )


def require_own(specification: str) -> None:
    """Raises `SpecificationError` for an agent that only this machine's user may name: a file of it, a program, an address that it would
    call, a search that keeps it busy for minutes a move; and as `check_specification` what no game could load. Who is registered may be
    named by anybody, and plays as `playable` says."""
    if not is_specification(specification):
        return
    _require_bounded(specification)
    if split_specification(specification)[0] not in SELF_CONTAINED:
        raise SpecificationError(
            f"{specification!r} would have this machine read a file, run a program or call an address; "
            "name a registered agent in its place (arena agent add registers one)"
        )
    check_specification(specification)


def _require_bounded(specification: str) -> None:
    """Raises `SpecificationError` for a search that keeps this machine busy for minutes a move."""
    kind, rest = split_specification(specification)
    if kind in SEARCHES and _rollouts_a_move(kind + rest) > MOST_ROLLOUTS:
        raise SpecificationError(
            f"{specification!r} searches for too long: from elsewhere at most {MOST_ROLLOUTS:,} simulations times rollouts are asked for"
        )


def _confined(agent: AgentVersion, stored: str, tier: Tier | None) -> str:
    """The specification of an agent from elsewhere in its tier."""
    scheme, file = split_specification(stored)
    if scheme == EXPLOITER:
        exploiter = read_exploiter(file)
        _require_bounded(f"mcts(simulations={exploiter.simulations})")
        _require_bounded(exploiter.victim)
    try:
        return confined_specification(stored, tier or demanded_tier())
    except SandboxUnavailable as unavailable:
        raise SandboxUnavailable(f"{agent.label}: {unavailable}") from None


def _rollouts_a_move(search: str) -> int:
    """How many random games a search plays for one move."""
    called = parse_call(search)
    effort = {name: value for name, value in called.parameters.items() if name in ("simulations", "rollouts")}
    read = read_parameters(Call(called.name, effort), {"simulations": 1, "rollouts": 1})
    return int(read["simulations"]) * int(read["rollouts"])


def playable(agent: AgentVersion, ledger: Ledger, *, tier: Tier | None = None) -> str:
    """The specification to load for this very version, its content checked.

    ``tier``: in which an agent of a file plays that comes from elsewhere; None: the one that is demanded here (`arena.origin`).

    Raises:
        SpecificationError: its program is not approved on this machine, its files changed since it was added, its tier does not hold here,
            or it comes from elsewhere and searches for too long.
    """
    if agent.kind == "external":
        raise SpecificationError(f"{agent.label} was imported with its results; it cannot play")
    if needs_approval(agent.specification) and not is_approved(agent.specification, agent.content_hash):
        what = "sends an API key of this machine to an address" if agent.kind in KEY_SCHEMES else "is a program"
        raise SpecificationError(
            f"{agent.label} {what} of somebody else's ledger: {agent.specification}; "
            f"look at it, then allow it on this machine with: arena agent approve {agent.name}"
        )
    if agent.kind == REMOTE:  # it is asked through this ledger, wherever its matches are played
        return f"{REMOTE}:{agent.id}@{ledger.url.render_as_string(hide_password=False)}"
    if is_from_elsewhere(agent):
        _require_bounded(agent.specification)
    if agent.content_hash is None:
        return agent.specification
    scheme, _ = split_specification(agent.specification)
    if scheme in FILE_SCHEMES:  # from the store, whatever became of the original
        stored = f"{scheme}:{ledger.artifacts.path(agent.content_hash)}"
        return _confined(agent, stored, tier) if is_confined(agent) else stored
    folder = str(agent.lineage.get(FOLDER, Path.cwd()))
    try:
        found = _hash_of(content_of(agent.specification))
    except SpecificationError:
        found = None
    if found == agent.content_hash:
        return agent.specification
    if Path(folder) != Path.cwd():
        raise SpecificationError(
            f"{agent.label} was added in the folder {folder}, and its files are not the same here; do this from there"
        )
    raise SpecificationError(
        f"the files of {agent.label} changed since it was added; make a new version with: "
        f"arena agent add {agent.name} {agent.specification!r}"
    )


def _content_hash(specification: str, store: ArtifactStore) -> str | None:
    paths = content_of(specification)
    if not paths:
        return None
    hashes = [store.put(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else store.put(_list_of(hashes))


def _hash_of(paths: list[Path]) -> str:
    hashes = [file_hash(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256(_list_of(hashes)).hexdigest()


def _list_of(hashes: list[str]) -> bytes:
    """What the content of several files is named by: the list of their hashes, in the order of the specification."""
    return "\n".join(hashes).encode()
