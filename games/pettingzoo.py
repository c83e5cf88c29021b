"""PettingZoo's environments as games: ``pettingzoo:connect_four_v3``, ``pettingzoo:simple_spread_v3(N=5)``.

A parallel environment is a game of simultaneous moves, an AEC environment one of turns; where PettingZoo offers both, the
parallel form is played. Returns are sums of rewards over the match. See `arena.games.pettingzoo_facts` for what is known
of an environment beyond its spaces, replay included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arena.games.errors import GameMissing
from arena.games.game import Game, GameInfo
from arena.games.pettingzoo_catalogue import (
    Entry,
    catalogue,
    check_start,
    checked_parameters,
    draws_text,
    find,
    implementation,
    make,
    parameters_of,
    quiet,
    without_guards,
)
from arena.games.pettingzoo_facts import Facts, facts_of
from arena.games.pettingzoo_spaces import action_space, flatten_of
from arena.games.pettingzoo_table import Blueprint, mask_of
from arena.games.pettingzoo_tables import PettingZooTables
from arena.games.registry import load_game
from arena.games.specification import Call, parse_call


@dataclass(frozen=True, slots=True)
class PettingZooGame:
    """A game whose rules are a PettingZoo environment."""

    blueprint: Blueprint

    @property
    def info(self) -> GameInfo:
        return self.blueprint.info

    def tables(self, capacity: int) -> PettingZooTables:
        return PettingZooTables(self.blueprint, capacity)

    def __reduce__(self) -> tuple[Callable[[str], Game], tuple[str]]:
        return load_game, (self.info.specification,)


def load(rest: str) -> PettingZooGame:
    """The game of ``NAME(parameters)``; a name without version means the newest one.

    Raises:
        UnknownName: no such environment or parameter; the message has the nearest names.
        SpecificationError: the text cannot be read, or the environment refuses a parameter.
        GameMissing: a package that the environment needs is not installed.
    """
    call = parse_call(rest)
    return _game(find(call.name), call)


def list_infos() -> list[GameInfo]:
    """The facts of every environment whose packages are installed, with its default parameters."""
    found = []
    for name, entry in sorted(catalogue().items()):
        try:
            found.append(_game(entry, Call(name, {})).info)
        except GameMissing:
            continue
    return found


def from_pettingzoo(
    constructor: Callable[[], Any],
    *,
    specification: str,
    title: str | None = None,
    version: str = "1",
    facts: Facts | None = None,
) -> PettingZooGame:
    """Any PettingZoo environment as a game, for example one's own, in the loader of a plug-in.

    Args:
        constructor: makes a new AEC or parallel environment; called once a table.
        specification: what loads the game again.
        title: what people read; the specification by default.
        version: names the rules and their implementation.
        facts: what the environment does not say of itself.

    Raises:
        GameMissing: Arena cannot play its kind: unnamed players, actions that are no numbers, masked vectors.
    """
    from pettingzoo import ParallelEnv

    facts = facts or Facts()
    env = without_guards(constructor())
    agents = tuple(getattr(env, "possible_agents", ()))
    if not agents:
        raise GameMissing(f"{specification} cannot be played: its players are not known before a match begins")
    try:
        space, actions = action_space([env.action_space(agent) for agent in agents])
    except GameMissing as error:
        raise GameMissing(f"{specification} cannot be played: {error}") from error
    if space.kind != "discrete" and _is_masked(env):
        raise GameMissing(f"{specification} cannot be played: it masks vectors, of which Arena knows bounds alone")
    flattened = [flatten_of(env.observation_space(agent)) for agent in agents]
    least, greatest = facts.bounds or (None, None)
    info = GameInfo(
        specification=specification,
        title=title or specification,
        version=version,
        num_players=len(agents),
        action_space=space,
        dynamics="simultaneous" if isinstance(env, ParallelEnv) else "turn_based",
        chance=facts.chance,
        information=facts.information,
        utility=facts.utility,
        min_utility=least,
        max_utility=greatest,
        tables_at_once=facts.tables_at_once,
        max_length=facts.max_length,
        tensor_width=None if None in flattened else max(part[0] for part in flattened if part),
        replay=facts.replay,
        action_names=facts.action_names,
    )
    return PettingZooGame(
        Blueprint(
            info=info,
            make=lambda: without_guards(constructor()),
            agents=agents,
            actions=actions,
            flatten=tuple(part[1] for part in flattened if part),
            facts=facts,
        )
    )


def _game(entry: Entry, call: Call) -> PettingZooGame:
    known = parameters_of(entry)
    given = checked_parameters(call, known)
    facts = facts_of(entry.name, {**known, **given})
    settings = {**given, **({"render_mode": "ansi"} if draws_text(entry) else {}), **facts.settings}
    name = Call(entry.name, given)
    if given:
        check_start(entry, given, settings)
    return from_pettingzoo(
        lambda: make(entry, settings),
        specification=f"pettingzoo:{name}",
        title=_title(entry.name, str(name)[len(entry.name) :]),
        version=implementation(entry, facts.packages),
        facts=facts,
    )


def _title(name: str, parameters: str) -> str:
    """``connect_four_v3`` as Connect Four, with the parameters that are not the defaults."""
    words = name.rpartition("_v")[0].replace("_", " ").title()
    return f"{words} {parameters} (PettingZoo)" if parameters else f"{words} (PettingZoo)"


def _is_masked(env: Any) -> bool:
    with quiet():
        begun = env.reset(seed=0)
    if begun is not None:
        observations, infos = begun
        return any(mask_of(observations[agent], infos.get(agent, {})) is not None for agent in env.agents)
    agent = env.agent_selection
    return mask_of(env.observe(agent), env.infos[agent]) is not None
