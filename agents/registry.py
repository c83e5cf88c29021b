"""Agents by specification: a scheme is a lazy ``module:function``, third parties add theirs by entry point.

A specification is ``scheme``, ``scheme(key=value, ...)`` or ``scheme:rest``. What follows the scheme goes to its loader,
``load(rest, *, game, name)``: the text behind the colon, or the parameters with their brackets, or ''.
"""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, cast

from arena.agents.hosted import load_hosted
from arena.agents.sandbox import Tier
from arena.games import Agent, ClockedAgent, Game, SpecificationError, UnknownName
from arena.games.specification import Value, parse_call, read_parameters

ENTRY_POINT_GROUP = "arena.agents"

SCHEMES: dict[str, str] = {
    "random": "arena.agents.random_agent:load",
    "uniform": "arena.agents.policy_agent:load_uniform",
    "policy": "arena.agents.policy_agent:load",
    "checkpoint": "arena.agents.network:load",
    "mcts": "arena.agents.search:load_mcts",
    "ismcts": "arena.agents.search:load_ismcts",
    "exploiter": "arena.agents.exploiter:load",
    "confined": "arena.agents.confined:load",
    "bot": "arena.agents.bot:load",
    "scripted": "arena.agents.scripted:load",
    "human": "arena.agents.human:load",
    "python": "arena.agents.program_kinds:load_python",
    "exec": "arena.agents.program_kinds:load_exec",
    "uploaded": "arena.agents.program_kinds:load_uploaded",
    "http": "arena.agents.http:load",
    "https": "arena.agents.http:load_https",
    "llm": "arena.agents.llm:load",
    "remote": "arena.questions:load_remote",
}
"""scheme -> ``module:function``; the function takes what follows the scheme, the game and the agent's name."""

PROGRAM_SCHEMES = ("exec", "python", "uploaded")
CONFINED = (
    "confined"  # stands before the specification of an agent of a file, with the tier that it is read and asked in
)
REMOTE = "remote"  # named as text, since it lives in the ledger above: its mailbox is there
LASTING_SCHEMES = (REMOTE, "http", "https")
"""Programs that Arena does not start: one hears all matches of its agents, and may remember each in any other."""
KEY_SCHEMES = ("llm",)  # send an API key of this machine to an address that the specification names
FILE_SCHEMES = ("checkpoint", "policy", "exploiter", "uploaded")
SELF_CONTAINED = ("random", "uniform", "mcts", "ismcts", "bot", "scripted")
"""Agents that their specification says whole: they read no file, call no address and run nothing but Arena and OpenSpiel."""
_READERS = {
    "checkpoint": "arena.agents.network_mixture:load_checkpoint",
    "policy": "arena.solvers.policy_file:load_policy",
    "exploiter": "arena.agents.exploiter_file:read_exploiter",
}

_SCHEME = re.compile(r"([A-Za-z_][\w\-.]*)(?:(\(.*\))|:(.*))?", re.DOTALL)


class Loader(Protocol):
    """Makes the agent of a scheme."""

    def __call__(self, rest: str, /, *, game: Game, name: str) -> Agent | ClockedAgent: ...


class ProgramLoader(Protocol):
    """Makes the agent of a scheme that runs programs."""

    def __call__(self, rest: str, /, *, game: Game, name: str, tier: Tier) -> Agent | ClockedAgent: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKind:
    """One kind of agent, for people: how it is written, and what it is."""

    name: str
    usage: str
    description: str


_KINDS = (
    AgentKind(name="random", usage="random", description="any legal action, all equally likely; also vectors"),
    AgentKind(name="uniform", usage="uniform", description="the same as a tabular policy, which has an exploitability"),
    AgentKind(name="policy", usage="policy:FILE", description="a tabular policy from a .policy, .npz or .json file"),
    AgentKind(
        name="checkpoint",
        usage="checkpoint:FILE",
        description="a network, or several of which one is drawn a match, from a .safetensors file",
    ),
    AgentKind(
        name="mcts",
        usage="mcts(simulations=100, uct_c=2.0, rollouts=1, solve=true)",
        description="Monte Carlo tree search, for turn-based games of perfect information",
    ),
    AgentKind(
        name="ismcts",
        usage="ismcts(simulations=100, uct_c=2.0, rollouts=1, final=most_visited)",
        description="information-set Monte Carlo tree search, for turn-based games of imperfect information",
    ),
    AgentKind(
        name="exploiter",
        usage="exploiter:FILE",
        description="a search for the best response to one agent, from a .exploiter file that arena exploit made",
    ),
    AgentKind(
        name=CONFINED,
        usage="confined:TIER:policy:FILE",
        description="a policy or a checkpoint (confined:TIER:checkpoint:FILE) in a process of its own, confined in a tier",
    ),
    AgentKind(name="bot", usage="bot:NAME(key=value)", description="a bot that OpenSpiel registers"),
    AgentKind(
        name="scripted",
        usage="scripted:closest | weakest | random",
        description="a scripted team of SMAX, by whom its units shoot at",
    ),
    AgentKind(name="human", usage="human", description="a person at this terminal"),
    AgentKind(name="python", usage="python:MODULE:CLASS", description="a Python class in a process of its own"),
    AgentKind(name="exec", usage="exec:COMMAND", description="any program that speaks the agent protocol"),
    AgentKind(
        name="uploaded",
        usage="uploaded:FILE.py",
        description="a Python file with a class Agent or a function act, which always runs in a bubblewrap",
    ),
    AgentKind(name="http", usage="http://HOST:PORT/PATH", description="a server that speaks the agent protocol"),
    AgentKind(name="https", usage="https://HOST/PATH", description="the same over an encrypted connection"),
    AgentKind(
        name="llm",
        usage="llm:MODEL@URL(temperature=0, max_tokens=1024, attempts=3, price_in=..., price_out=...)",
        description="a language model behind an OpenAI-compatible endpoint",
    ),
    AgentKind(
        name=REMOTE,
        usage="remote:NAME",
        description="a program or a person elsewhere that joined a server; arena join registers it",
    ),
)


def load_agent(
    specification: str,
    *,
    game: Game,
    name: str | None = None,
    allow_programs: bool = True,
    sandbox: Tier = "none",
) -> Agent | ClockedAgent:
    """The agent that a specification names, ready to play this game; close it after use.

    Args:
        specification: for example ``random``, ``mcts(simulations=200)`` or ``policy:kuhn.json``; see `kinds`.
        game: what it will play. Whether it can is decided here, before any match.
        name: what results and messages call it; the specification, if None.
        allow_programs: False refuses agents that run other people's code or send an API key (see `needs_approval`).
        sandbox: the tier that programs are confined in (see `arena.agents.sandbox`).

    Raises:
        UnknownName: no such kind of agent, or no such parameter; the message has the nearest names.
        SpecificationError: a value or a file is wrong, the agent does not fit the game, or it is a program and those
            are not allowed or not as the tier says; the message says which.
    """
    scheme, rest = split_specification(specification)
    if not allow_programs and needs_approval(specification):
        does = "sends an API key" if scheme in KEY_SCHEMES else "runs a program"
        raise SpecificationError(f"{specification!r} {does}, which is not allowed here; approve it first")
    name = specification.strip() if name is None else name
    if game.info.lane == "hosted":
        if sandbox != "none" and scheme in PROGRAM_SCHEMES:
            raise SpecificationError(
                f'{game.info.title} runs its programs itself, outside any sandbox; declare sandbox = "none" for it'
            )
        return load_hosted(scheme, rest, game=game, name=name)
    if scheme in PROGRAM_SCHEMES:
        return cast(ProgramLoader, _loader(scheme))(rest, game=game, name=name, tier=sandbox)
    return _loader(scheme)(rest, game=game, name=name)


def kinds() -> list[AgentKind]:
    """Every kind of agent: Arena's own, then those of installed packages."""
    plugins = [
        AgentKind(name=entry.name, usage=f"{entry.name}:...", description=f"from {_package(entry)}")
        for _, entry in sorted(_plugins().items())
        if entry.name not in SCHEMES
    ]
    return [*_KINDS, *plugins]


def needs_approval(specification: str) -> bool:
    """Whether the agent runs other people's code on this machine, or sends an API key of it to an address of their choice.

    Raises:
        UnknownName: no such kind of agent.
    """
    return split_specification(specification)[0] in PROGRAM_SCHEMES + KEY_SCHEMES


def content_of(specification: str) -> list[Path]:
    """The files whose content makes the agent: a policy, a checkpoint, the files of a program; none for the others.

    Nothing is imported or run. A module of ``python:`` is looked for as Python would, from the working folder on; of an
    ``exec:`` command it is every word that names a file, the interpreter aside.

    Raises:
        SpecificationError: the file is missing.
        UnknownName: no such kind of agent.
    """
    scheme, rest = split_specification(specification)
    if scheme == CONFINED:
        return content_of(rest.partition(":")[2])
    if scheme in FILE_SCHEMES:
        path = Path(rest)
        if not path.is_file():
            raise SpecificationError(f"there is no file {rest!r}; write {scheme}:FILE")
        return [path]
    if scheme == "python":
        return [_python_file(rest)]
    if scheme == "exec":
        return _command_files(rest)
    return []


def check_content(specification: str) -> None:
    """Reads the file of a policy or a checkpoint, so that a broken one is refused when it is registered.

    Raises:
        SpecificationError: the file is missing, or no such file.
        UnknownName: no such kind of agent.
    """
    scheme, rest = split_specification(specification)
    if scheme in _READERS:
        module, _, attribute = _READERS[scheme].partition(":")
        getattr(importlib.import_module(module), attribute)(rest)


def split_specification(specification: str) -> tuple[str, str]:
    """(scheme, what follows it) of an agent's specification.

    Raises:
        UnknownName: no such kind of agent.
        SpecificationError: the text is empty.
    """
    text = specification.strip()
    if not text:
        raise SpecificationError("an empty specification names no agent")
    match = _SCHEME.fullmatch(text)
    if match is None or (match[1] not in SCHEMES and match[1] not in _plugins()):
        raise UnknownName("agent", match[1] if match else text, [*SCHEMES, *_plugins()])
    return match[1], match[2] or match[3] or ""


def is_specification(text: str) -> bool:
    """Whether a text names a kind of agent, alone or with what follows it: then that is meant, whatever agents are called so.

    Raises:
        SpecificationError: the text is empty.
    """
    try:
        split_specification(text)
    except UnknownName:
        return False
    return True


def read_settings(scheme: str, rest: str, defaults: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters of ``scheme(key=value, ...)`` over the defaults.

    Raises:
        UnknownName: a parameter that the defaults do not know.
        SpecificationError: not of that form, or a value of the wrong type.
    """
    if rest and not rest.startswith("("):
        raise SpecificationError(f"cannot read {scheme}:{rest}; write {scheme}" + ("(key=value)" if defaults else ""))
    return read_parameters(parse_call(scheme + rest), defaults)


def require_discrete(game: Game, agent: str) -> None:
    """Checks that a game's actions are numbers 0..n-1.

    Raises:
        SpecificationError: they are vectors.
    """
    if game.info.action_space.kind != "discrete":
        raise SpecificationError(
            f"{agent} chooses among listed actions; those of {game.info.title} are vectors: use random or a program"
        )


def _loader(scheme: str) -> Loader:
    if scheme in SCHEMES:
        module, _, attribute = SCHEMES[scheme].partition(":")
        return cast(Loader, getattr(importlib.import_module(module), attribute))
    return cast(Loader, _plugins()[scheme].load())


def _plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


def _python_file(rest: str) -> Path:
    where = rest.rpartition(":")[0]
    if where.endswith(".py"):
        if not Path(where).is_file():
            raise SpecificationError(f"there is no file {where!r}; python: takes a module or a file, then :CLASS")
        return Path(where)
    parts = where.split(".")
    for folder in ["", *sys.path]:
        stem = Path(folder, *parts)
        for path in (stem / "__init__.py", stem.with_name(stem.name + ".py")):
            if where and path.is_file():
                return path
    raise SpecificationError(f"there is no Python file of the module {where!r}; write python:MODULE:CLASS")


def _command_files(rest: str) -> list[Path]:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise SpecificationError(f"cannot read the command {rest!r}: {error}") from None
    here = Path.cwd().resolve()
    files = [Path(word) for word in words[1:] if Path(word).is_file()]
    program = [Path(word) for word in words[:1] if Path(word).is_file() and Path(word).resolve().is_relative_to(here)]
    return program + files
