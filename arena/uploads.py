"""Files that somebody sends to be an agent: data, read by a process of its own with little memory and time before they are kept.

Programs are taken only where the operator lets them run, in bubbles (`arena.agents.sandbox`); they are tried in one.

What can go wrong in reading a hostile file, such as arrays of a terabyte or a decompression that does not end, ends that process.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from arena.agents import load_agent
from arena.approvals import approve
from arena.executor import close_agents, require_started
from arena.games import SpecificationError, load_game
from arena.ledger import AgentVersion, Ledger
from arena.named_games import refuse_files

KINDS = {".json": "policy", ".npz": "policy", ".policy": "policy", ".safetensors": "checkpoint"}
"""By the file's ending, the kind of agent that reads it."""
PROGRAM = ".py"

MOST_MEMORY = 4 * 2**30  # bytes that can be written to; the files of torch are more, and only mapped
MOST_CPU_S = 60
MOST_S = 120
LONGEST_COMPLAINT = 2000  # characters


def add_upload(
    ledger: Ledger,
    name: str,
    content: bytes,
    *,
    file_name: str,
    game: str | None = None,
    account: str | None = None,
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
        programs: whether Python files are taken, which then may run on this machine, always confined.

    Raises:
        SpecificationError: no such kind of file, one that cannot be read or cannot play the game, or a program that is not taken.
    """
    shown = Path(file_name).name
    ending = Path(shown).suffix.lower()
    if ending == PROGRAM and shown.isprintable():
        return _add_program(ledger, name, content, shown=shown, game=game, account=account, taken=programs)
    if ending not in KINDS or not shown.isprintable():
        raise SpecificationError(f"agents are uploaded as {', '.join(KINDS)}; got {shown!r}")
    if game is not None:
        refuse_files(ledger, game)
    with tempfile.TemporaryDirectory(prefix="arena-upload-") as folder:
        file = Path(folder) / f"upload{ending}"
        file.write_bytes(content)
        complaint = _complaint(KINDS[ending], file, game)
        if complaint:
            raise SpecificationError(f"{shown}: {complaint}")
        content_hash = ledger.artifacts.put(file)
    return ledger.add_agent(
        name,
        specification=f"{KINDS[ending]}:{shown}",
        kind=KINDS[ending],
        content_hash=content_hash,
        lineage={"uploaded_by": account},
    )


def _add_program(
    ledger: Ledger, name: str, content: bytes, *, shown: str, game: str | None, account: str | None, taken: bool
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
        lineage={"uploaded_by": account},
    )


def _complaint(kind: str, file: Path, game: str | None) -> str:
    """What a process of its own has against the file; '' where it can be read."""
    command = [sys.executable, "-m", "arena.uploads", kind, str(file), *([game] if game else [])]
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(file.parent), "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(  # noqa: S603 -- our own module; the file's name is ours too
            command, capture_output=True, text=True, errors="replace", env=environment, timeout=MOST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it could not be read within {MOST_S} s"
    if done.returncode == 0:
        return ""
    told = done.stdout.strip().replace(str(file), "the file")[:LONGEST_COMPLAINT]
    return told or "reading it took more memory or time than an agent may, or broke the process that read it"


def _read(kind: str, file: Path, game: str | None) -> None:
    """Reads a file as an agent would. Raises what is wrong with it."""
    if game is None:
        from arena.agents.registry import check_content

        check_content(f"{kind}:{file}")
        return
    close_agents([load_agent(f"{kind}:{file}", game=load_game(game))])


def _limit_self() -> None:
    """Takes from this process what reading a file does not need."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))  # numba may keep what it compiled


def main(arguments: list[str]) -> int:
    """Reads the file that is named; 0 where it can be read, else 1, with the reason on stdout."""
    _limit_self()
    kind, file, *game = arguments
    try:
        _read(kind, Path(file), game[0] if game else None)
    except (MemoryError, RecursionError):
        return 1
    except Exception as error:  # noqa: BLE001 -- whatever the file does to its reader is its fault
        sys.stdout.write(str(error) or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
