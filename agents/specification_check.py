"""Whether a specification could play anything: the names in it and its values, looked at where there is no game yet."""

from __future__ import annotations

from typing import get_args

from arena.agents.registry import check_content, read_settings, split_specification
from arena.games import GameMissing, UnknownName
from arena.games.specification import parse_call
from arena.games.starcraft.assignment import Interface


def check_specification(specification: str) -> None:
    """Raises for what no game could load, so that it is refused when it is registered. A program is not run.

    Raises:
        SpecificationError: a file that is missing or no such file, or a value that is wrong or not finite.
        UnknownName: no such kind of agent, bot, script or parameter.
    """
    check_content(specification)
    scheme, rest = split_specification(specification)
    if scheme in ("mcts", "ismcts"):
        from arena.agents.search import read_search  # late: it needs OpenSpiel

        read_search(scheme, rest)
    elif scheme in ("random", "uniform"):
        read_settings(scheme, rest, {"race": "terran"} if scheme == "random" else {})
    elif scheme == "bot":
        _check_bot(rest)
    elif scheme == "scripted":
        _check_script(rest)


def _check_bot(rest: str) -> None:
    import pyspiel

    from arena.agents.bot import read_bot

    bots = pyspiel.registered_bots()
    if (name := parse_call(rest).name) in bots:
        read_bot(rest)
        return
    try:
        from arena.agents.starcraft.players import DIFFICULTIES, read_computer
    except (ImportError, GameMissing):  # StarCraft's packages are not here
        raise UnknownName("bot", name, bots) from None
    if name not in DIFFICULTIES:
        raise UnknownName("bot", name, [*bots, *DIFFICULTIES])
    read_computer(rest)


def _check_script(rest: str) -> None:
    from arena.games.smax.scripted import MODES  # late: torch is slow to import

    if rest in MODES:
        return
    try:
        from arena.agents.starcraft.players import read_script

        read_script(rest, get_args(Interface))
    except UnknownName as unknown:
        if unknown.name != parse_call(rest).name:
            raise
        raise UnknownName("script", unknown.name, [*MODES, *unknown.known]) from None
    except (ImportError, GameMissing):
        raise UnknownName("script", rest, MODES) from None
