"""Whether a game of OpenSpiel gets as far as its first decision with the parameters that it was given.

Most games refuse bad parameters when they are loaded, some only when a match begins, and a few end the whole process
or never begin: those are tried in a process of their own first.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from arena.games.errors import SpecificationError
from arena.games.openspiel_names import GameCall, game_types

FATAL: Mapping[str, frozenset[str]] = {
    "blotto": frozenset({"fields"}),
    "connect_four": frozenset({"columns", "rows", "x_in_row"}),
    "go_fish": frozenset({"initial_cards", "ranks", "suits"}),
    "hanabi": frozenset({"colors", "hand_size", "max_information_tokens", "max_life_tokens", "players", "ranks"}),
    "havannah": frozenset({"board_size"}),
    "leduc_poker": frozenset({"starting_player"}),
    "negotiation": frozenset({"num_items", "num_symbols", "utterance_dim"}),
    "sheriff": frozenset({"max_bribe", "max_items"}),
    "repeated_poker": frozenset({"universal_poker_game_string"}),
}
"""Games whose C++ is known to end the process, or never to end, on values that it does not take, and the parameters of those values."""

FATAL_ALTOGETHER = frozenset({"universal_poker"})

TRIED_MOVES = 100
TRIAL_S = 20.0
MAX_CHANCE = 10_000  # outcomes before the first decision
MAX_ACTIONS = 10_000_000
REFUSALS = (RuntimeError, ArithmeticError, LookupError, MemoryError, TypeError, ValueError)
"""What OpenSpiel's refusals arrive as: a `pyspiel.SpielError` is a RuntimeError, C++'s own errors are the others."""

_TRIAL = """
import json, random, sys
import pyspiel
name, parameters = json.loads(sys.argv[1])
game = pyspiel.load_game(name, parameters)
state, choices = game.new_initial_state(), random.Random(0)
for _ in range(int(sys.argv[2])):
    if state.is_terminal():
        break
    if state.is_simultaneous_node():
        state.apply_actions([choices.choice(state.legal_actions(p) or [0]) for p in range(game.num_players())])
    else:
        state.apply_action(choices.choice(state.legal_actions()))
"""


def check_parameters(call: GameCall) -> None:
    """Returns if the numbers make sense and the process outlives them, in the games inside this one too.

    Raises:
        SpecificationError: a count or size below zero, or parameters on which OpenSpiel ends the process.
    """
    kind = game_types()[call.name]
    players, least, most = call.parameters.get("players"), kind.min_num_players, kind.max_num_players
    if players is not None and not least <= players <= most:
        raise SpecificationError(f"openspiel:{call.name} takes {least} to {most} players; got {players}")
    declared = kind.parameter_specification
    for key, value in call.parameters.items():
        if isinstance(value, GameCall):
            check_parameters(value)
        elif type(declared[key]) is int and declared[key] > 0 and value < 0:
            raise SpecificationError(f"openspiel:{call.name}: {key} must not be below 0; got {value}")
    if _may_be_fatal(call):
        last_words = _last_words(json.dumps([call.name, call.for_spiel()]))
        if last_words is not None:
            raise SpecificationError(f"OpenSpiel cannot make {call}: {last_words}")


def check_start(call: GameCall, rules: Any) -> None:
    """Returns if a match can begin.

    Raises:
        SpecificationError: it cannot; the message is OpenSpiel's own where there is one.
    """
    try:
        size = rules.num_distinct_actions()
        if size > 0 and rules.num_players() > 0 and size <= MAX_ACTIONS and rules.max_game_length() > 0:
            state = rules.new_initial_state()
            for _ in range(MAX_CHANCE):
                if not state.is_chance_node():
                    break
                state.apply_action(state.legal_actions()[0])
            if state.is_terminal() or any(map(state.legal_actions, range(rules.num_players()))):
                return
    except REFUSALS as error:
        raise SpecificationError(f"OpenSpiel cannot make {call}: {one_line(error)}") from None
    if size > MAX_ACTIONS:
        raise SpecificationError(
            f"OpenSpiel makes {call} with {size} actions; Arena plays games of up to {MAX_ACTIONS}"
        )
    raise SpecificationError(f"OpenSpiel makes {call}, but there is no player or no action in it")


def _may_be_fatal(call: GameCall) -> bool:
    """Whether this game has a parameter to be tried first; games inside it have been tried on their own."""
    if call.name in FATAL_ALTOGETHER:
        return bool(call.parameters)
    return not FATAL.get(call.name, frozenset()).isdisjoint(call.parameters)


def one_line(error: Exception) -> str:
    return str(error).strip().replace("\n", "; ") or type(error).__name__


@functools.cache
def _last_words(call: str) -> str | None:
    """What OpenSpiel says when the game of ``[name, parameters]`` (JSON) ends its process, or hangs; None where it does not."""
    command = [sys.executable, "-P", "-c", _TRIAL, call, str(TRIED_MOVES)]
    try:
        tried = subprocess.run(  # noqa: S603  # our own interpreter and program
            command, capture_output=True, text=True, errors="replace", timeout=TRIAL_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it does not get through {TRIED_MOVES} moves within {TRIAL_S:g} s"
    if tried.returncode in (0, 1):  # 1: an exception, which is raised again where the game is loaded
        return None
    said = [line.strip() for line in tried.stderr.splitlines() if line.strip()]
    return "; ".join(said) or "its own code ends the process on these parameters"
