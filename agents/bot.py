"""``bot:NAME(key=value)``: the bots that OpenSpiel registers.

Every decision has a bot of its own, on a state that its player may know (see `arena.agents.search`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyspiel

from arena.agents.registry import require_discrete
from arena.agents.search import SearchAgent, search_rules
from arena.games import Game, SpecificationError, UnknownName
from arena.games.specification import Call, Value, parse_call, read_parameters

PARAMETERS: Mapping[str, Mapping[str, Value]] = {
    "fixed_action_preference": {"actions": "0:1:2:3:4:5:6:7"},
    "uniform_random": {},
    "uniform_restricted_actions": {"policy_name": ""},
}
"""What OpenSpiel's bots take, which OpenSpiel itself does not tell; bots not named here get what the caller writes."""

REQUIRED: Mapping[str, tuple[str, ...]] = {"uniform_restricted_actions": ("policy_name",)}
SEEDED = frozenset({"uniform_random"})  # these take a seed: the decision's own
_ACTIONS = re.compile(r"\d{1,9}(:\d{1,9})*")


def load(rest: str, *, game: Game, name: str) -> SearchAgent:
    """The agent of ``bot:NAME(key=value)``, for example ``bot:fixed_action_preference(actions=3:2:4)``.

    Raises:
        UnknownName: OpenSpiel registers no such bot, or the bot has no such parameter.
        SpecificationError: a wrong value, or a game that the bot cannot play; the message names bots that can.
    """
    call = read_bot(rest)
    parameters = call.parameters
    require_discrete(game, f"bot:{call.name}")
    rules = search_rules(game, f"bot:{call.name}")
    for player in range(game.info.num_players):
        able = pyspiel.bots_that_can_play_game(rules, player)
        if call.name not in able:
            raise SpecificationError(
                f"bot:{call.name} cannot play {game.info.title}; bots that can: {', '.join(able) or 'none'}"
            )
        try:
            pyspiel.load_bot(call.name, rules, player, dict(parameters))
        except pyspiel.SpielError as error:
            reason = str(error).strip().replace("\n", "; ")
            raise SpecificationError(f"bot:{call.name} cannot play {game.info.title}: {reason}") from None
    takes_seed = call.name in SEEDED

    def choose(state: Any, player: int, seed: int) -> int:
        chance: dict[str, Value] = {"seed": seed} if takes_seed else {}
        return int(pyspiel.load_bot(call.name, rules, player, {**parameters, **chance}).step(state))

    return SearchAgent(choose, name=name, deterministic=call.name in PARAMETERS)


def read_bot(rest: str) -> Call:
    """The bot with its parameters, whatever game it is for.

    Raises:
        UnknownName: OpenSpiel registers no such bot, or the bot has no such parameter.
        SpecificationError: a wrong value.
    """
    call = parse_call(rest)
    known = pyspiel.registered_bots()
    if call.name not in known:
        raise UnknownName("bot", call.name, known)
    parameters: dict[str, Value] = dict(call.parameters)
    if call.name in PARAMETERS:
        defaults = PARAMETERS[call.name]
        written = {key: str(v) if isinstance(defaults.get(key), str) else v for key, v in call.parameters.items()}
        values = read_parameters(Call(call.name, written), defaults, required=REQUIRED.get(call.name, ()))
        parameters = {key: values[key] for key in call.parameters}
    actions = parameters.get("actions")
    if call.name == "fixed_action_preference" and actions is not None and not _ACTIONS.fullmatch(str(actions)):
        raise SpecificationError(f"{call.name}: actions must be numbers with colons between, as 3:2:4; got {actions!r}")
    return Call(call.name, parameters)
