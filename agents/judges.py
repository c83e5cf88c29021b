"""Judges by specification: ``llm:MODEL@URL``, ``python:MODULE:FUNCTION``, and those of installed packages."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from arena.agents.chat_endpoint import ChatEndpoint
from arena.agents.endpoint_judge import INSTRUCTION, EndpointJudge
from arena.agents.llm_specification import read_llm
from arena.games import SpecificationError, UnknownName
from arena.games.judge import Judge
from arena.games.specification import split_scheme

ENTRY_POINT_GROUP = "arena.judges"
SCHEMES = ("llm", "python")


def load_judge(specification: str, *, allow_programs: bool = True) -> Judge:
    """The judge that a specification names. One that has a ``close`` is closed by its user.

    ``llm:MODEL@URL(instruction="...", attempts=3, ...)`` asks a model (`EndpointJudge`); ``python:MODULE:FUNCTION`` or
    ``python:path/to/file.py:FUNCTION`` is a function ``(prompts, first, second) -> verdicts``, or a class that makes one
    without arguments, and runs in this process. Packages add schemes by entry points of the group ``arena.judges``: functions
    of what follows the colon.

    Args:
        specification: see above.
        allow_programs: False refuses judges that run other people's code or send an API key (see `judge_needs_approval`).

    Raises:
        UnknownName: no such kind of judge, or no such option.
        SpecificationError: it cannot be loaded, or is not allowed.
    """
    scheme, rest = split_scheme(specification, kind="judge")
    plugins = _plugins()
    if scheme not in SCHEMES and scheme not in plugins:
        raise UnknownName("judge", scheme, [*SCHEMES, *plugins])
    if not allow_programs and judge_needs_approval(specification):
        raise SpecificationError(f"{specification!r} runs a program or sends an API key, which is not allowed here")
    if scheme == "llm":
        return _llm(rest)
    judge: object = _python(rest) if scheme == "python" else plugins[scheme].load()(rest)
    if inspect.isclass(judge):
        judge = judge()
    if not callable(judge):
        raise SpecificationError(f"{specification!r} is no judge: it cannot be called with (prompts, first, second)")
    return cast(Judge, judge)


def judge_needs_approval(specification: str) -> bool:
    """Whether a judge runs other people's code on this machine, or sends an API key to an address that its specification names."""
    return split_scheme(specification, kind="judge")[0] in SCHEMES


def _llm(rest: str) -> EndpointJudge:
    settings, options = read_llm(rest, {"instruction": INSTRUCTION})
    instruction, attempts = options["instruction"], options["attempts"]
    assert isinstance(instruction, str)
    assert isinstance(attempts, int)
    if not instruction.strip():
        raise SpecificationError("llm: instruction must say something")
    return EndpointJudge(ChatEndpoint(settings), instruction=instruction, attempts=attempts)


def _python(rest: str) -> object:
    where, _, attribute = rest.rpartition(":")
    if not where or not attribute.isidentifier():
        raise SpecificationError(
            f"cannot read python:{rest}; write python:MODULE:FUNCTION or python:path/to/file.py:FUNCTION"
        )
    try:
        if where.endswith(".py"):
            if not Path(where).is_file():
                raise SpecificationError(
                    f"there is no file {where!r}; python: takes a module or a file, then :FUNCTION"
                )
            found = importlib.util.spec_from_file_location(f"arena_judge_{Path(where).stem}", where)
            assert found is not None
            assert found.loader is not None
            module = importlib.util.module_from_spec(found)
            found.loader.exec_module(module)
        else:
            module = importlib.import_module(where)
    except SpecificationError:
        raise
    except Exception as error:
        raise SpecificationError(f"cannot import {where}: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise UnknownName(f"judge in {where}", attribute, public)
    return getattr(module, attribute)


def _plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
