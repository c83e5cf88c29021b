"""Files that somebody sends to be an agent: data, read before they are kept by such a process as they will play in (`arena.origin`).

Programs are taken only where the operator lets them run, in bubbles (`arena.agents.sandbox`); they are tried in one.

What can go wrong in reading a hostile file, such as arrays of a terabyte or a decompression that does not end, ends that process.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from arena.agent_names import require_free, require_free_now
from arena.agents import load_agent
from arena.agents.confined_process import BrokenReader, ConfinedProcess, DataFile
from arena.agents.sandbox import SandboxUnavailable
from arena.approvals import approve
from arena.executor import close_agents, require_started
from arena.games import SpecificationError, load_game
from arena.ledger import AgentVersion, Ledger
from arena.named_games import refuse_files
from arena.origin import UPLOADED_BY, demanded_tier

KINDS = {".json": "policy", ".npz": "policy", ".policy": "policy", ".safetensors": "checkpoint"}
"""By the file's ending, the kind of agent that reads it."""
PROGRAM = ".py"

LONGEST_COMPLAINT = 2000  # characters

logger = logging.getLogger(__name__)


def add_upload(
    ledger: Ledger,
    name: str,
    content: bytes,
    *,
    file_name: str,
    game: str | None = None,
    account: str | None = None,
    anybodys: bool = False,
    programs: bool = False,
) -> AgentVersion:
    """The version of agent ``name`` that is made of this file, which is kept in the ledger's artifacts.

    Args:
        ledger: where it is registered.
        name: of the agent.
        content: of the file.
        file_name: whose ending says what it is; it is never a path here.
        game: what it must be able to play; None: whatever it is for.
        account: who sends it.
        anybodys: whether it may also make versions of agents that others registered.
        programs: whether Python files are taken, which then may run on this machine, always confined.

    Raises:
        SpecificationError: no such kind of file, one that cannot be read or cannot play the game, a program that is not taken, or
            a name that is not free (`arena.agent_names`).
        SandboxUnavailable: there is no tier here in which it may be read, or the process that should read it did not begin.
    """
    require_free_now(ledger, name, account=account, anybodys=anybodys)
    free = partial(require_free, name, account=account, anybodys=anybodys)
    shown = Path(file_name).name
    ending = Path(shown).suffix.lower()
    if ending == PROGRAM and shown.isprintable():
        return _add_program(ledger, name, content, shown=shown, game=game, account=account, free=free, taken=programs)
    if ending not in KINDS or not shown.isprintable():
        raise SpecificationError(f"agents are uploaded as {', '.join(KINDS)}; got {shown!r}")
    if game is not None:
        refuse_files(ledger, game)
    file = DataFile(scheme=KINDS[ending], name=f"upload{ending}", content=content)
    tier = demanded_tier()
    try:
        ConfinedProcess(file, game=game, name=name, tier=tier).close()
    except SandboxUnavailable:
        raise
    except BrokenReader as broken:
        logger.warning("upload %r: %s", shown, broken)
        raise SpecificationError(f"{shown}: the process that read it ended, or took too much time or memory") from None
    except SpecificationError as refused:
        said = str(refused).replace(repr(file.name), "the file")
        raise SpecificationError(f"{shown}: {said[:LONGEST_COMPLAINT]}") from None
    return ledger.add_agent(
        name,
        specification=f"{file.scheme}:{shown}",
        kind=file.scheme,
        content_hash=ledger.artifacts.put(content, ending=ending),
        lineage={UPLOADED_BY: account},
        check=free,
    )


def _add_program(
    ledger: Ledger,
    name: str,
    content: bytes,
    *,
    shown: str,
    game: str | None,
    account: str | None,
    free: Callable[[Sequence[AgentVersion]], None],
    taken: bool,
) -> AgentVersion:
    """The program, tried in a bubble and approved for this machine: its operator has said so."""
    if not taken:
        raise SpecificationError(
            f"this server runs no uploaded programs; {shown} can play from where it is: arena join URL python:{shown}:CLASS"
        )
    if game is None:
        raise SpecificationError("name the game that an uploaded program plays: it is tried on it")
    refuse_files(ledger, game)
    with tempfile.TemporaryDirectory(prefix="arena-upload-") as folder:
        file = Path(folder) / f"upload{PROGRAM}"
        file.write_bytes(content)
        try:
            agent = load_agent(f"uploaded:{file}", game=load_game(game), name=name)
            try:
                require_started(agent)
            finally:
                close_agents([agent])
        except SandboxUnavailable:
            raise
        except SpecificationError as error:
            raise SpecificationError(str(error).replace(str(file), shown)[:LONGEST_COMPLAINT]) from None
        content_hash = ledger.artifacts.put(file)
    specification = f"uploaded:{shown}"
    approve(specification, content_hash)
    return ledger.add_agent(
        name,
        specification=specification,
        kind="uploaded",
        content_hash=content_hash,
        lineage={UPLOADED_BY: account},
        check=free,
    )
