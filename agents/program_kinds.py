"""The kinds of agents that are programs here: ``exec:COMMAND``, ``python:MODULE:CLASS`` and ``uploaded:FILE.py``, confined as a tier says."""

from __future__ import annotations

import ast
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from arena.agents.program import ProgramAgent
from arena.agents.registry import content_of
from arena.agents.sandbox import Confined, Program, Tier, confined, require_tier, runtime_of
from arena.games import Game, SpecificationError

HOST_MODULE = "arena.agents.host"
DEFINITIONS = (ast.ClassDef, ast.FunctionDef)  # what an uploaded file says that it has


def load_exec(rest: str, *, game: Game, name: str, tier: Tier = "none") -> ProgramAgent:
    """The agent of ``exec:COMMAND``: split as a shell would, run without one, confined as the tier says.

    Raises:
        SpecificationError: no command, an open quote, no such program, or a tier that does not hold here.
    """
    try:
        command = shlex.split(rest)
    except ValueError as error:
        raise SpecificationError(f"cannot read the command {rest!r}: {error}") from None
    if not command:
        raise SpecificationError("exec: needs a command; write exec:COMMAND, for example exec:node my_agent.js")
    if shutil.which(command[0]) is None:
        raise SpecificationError(f"there is no program {command[0]!r} to run; exec: takes a file or a name on the PATH")
    program = Program(command=tuple(command), runtime=tuple(runtime_of(command[0])))
    return ProgramAgent(command, game=game.info, name=name, confine=_confiner(program, tier))


def load_python(rest: str, *, game: Game, name: str, tier: Tier = "none") -> ProgramAgent:
    """The agent of ``python:MODULE:CLASS`` or ``python:path/to/file.py:CLASS``, in a process of its own.

    Raises:
        SpecificationError: not of that form, no such file, or a tier that does not hold here.
    """
    where, _, attribute = rest.rpartition(":")
    if not where or not attribute.isidentifier():
        raise SpecificationError(
            f"cannot read python:{rest}; write python:MODULE:CLASS or python:path/to/file.py:CLASS"
        )
    if where.endswith(".py") and not Path(where).is_file():
        raise SpecificationError(f"there is no file {where!r}; python: takes a module or a file, then :CLASS")
    command = (sys.executable, "-m", HOST_MODULE, rest)
    if tier == "none":
        return ProgramAgent(command, game=game.info, name=name)
    (file,) = content_of(f"python:{rest}")
    if where.endswith(".py"):
        command = (*command[:-1], f"{file.absolute()}:{attribute}")
    program = Program(
        command=command,
        files=(file.parent if file.name == "__init__.py" else file,),
        runtime=tuple(arena_itself()),
        environment={"PYTHONPATH": str(Path.cwd())},  # where a module of the working folder is looked for
    )
    return ProgramAgent(command, game=game.info, name=name, confine=_confiner(program, tier))


def load_uploaded(rest: str, *, game: Game, name: str, tier: Tier = "none") -> ProgramAgent:
    """The agent of ``uploaded:FILE.py``: the file's class ``Agent``, or its function ``act``, in a bubble whatever the tier.

    Raises:
        SpecificationError: no such file, neither of the two in it, or no bubbles on this machine.
    """
    try:
        defined = {node.name for node in ast.parse(Path(rest).read_bytes()).body if isinstance(node, DEFINITIONS)}
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SpecificationError(f"cannot read {Path(rest).name!r} as Python: {error}") from None
    found = next((called for called in ("Agent", "act") if called in defined), None)
    if found is None:
        raise SpecificationError(f"{Path(rest).name!r} has neither a class Agent nor a function act")
    bubble: Tier = "bubblewrap-gpu" if tier == "bubblewrap-gpu" else "bubblewrap"
    return load_python(f"{rest}:{found}", game=game, name=name, tier=bubble)


def arena_itself() -> Iterator[Path]:
    """The package that hosts classes: its folder, and those that its links lead to in a checkout."""
    package = Path(sys.modules["arena"].__path__[0])
    yield package
    yield from (path.resolve() for path in package.iterdir() if path.is_symlink())


def _confiner(program: Program, tier: Tier) -> Callable[[], Confined]:
    """What confines each run of a program. Raises `SandboxUnavailable` at once where the tier does not hold."""
    require_tier(tier)
    return partial(confined, program, tier)
