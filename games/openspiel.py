"""OpenSpiel's games: ``openspiel:NAME(params)`` plays every registered game that is a match between players.

Chance is drawn by Arena from each match's chance seed, also in games that sample inside their states: those get a game
object of their own for each match, seeded with it. What a game lets agents see is OpenSpiel's own: tensors, texts and
information-state strings. Source: Lanctot et al., OpenSpiel: A Framework for Reinforcement Learning in Games,
arXiv:1908.09453.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pyspiel

from arena.games.actions import ActionSpace
from arena.games.errors import GameMissing, SpecificationError
from arena.games.game import GameInfo
from arena.games.openspiel_names import SEED, GameCall, canonical, game_types, read_game
from arena.games.openspiel_probe import REFUSALS, check_parameters, check_start, one_line
from arena.games.openspiel_tables import OpenSpielTables, is_in_python

VERSION = f"open_spiel {pyspiel.__version__}"

RESAMPLED = frozenset(
    {
        "bargaining",
        "blackjack",
        "bridge",
        "euchre",
        "gin_rummy",
        "hearts",
        "kuhn_poker",
        "leduc_poker",
        "oh_hell",
        "universal_poker",
    }
)
"""Games of hidden information whose states can be drawn anew from what one player knows.

Not colored_trails, which offers to and hands out the true state.
"""

_UTILITY: dict[Any, Literal["zero_sum", "constant_sum", "general_sum", "identical"]] = {
    pyspiel.GameType.Utility.ZERO_SUM: "zero_sum",
    pyspiel.GameType.Utility.CONSTANT_SUM: "constant_sum",
    pyspiel.GameType.Utility.GENERAL_SUM: "general_sum",
    pyspiel.GameType.Utility.IDENTICAL: "identical",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSpielGame:
    """A game of OpenSpiel. ``rules`` is the `pyspiel.Game`, for those who walk its tree or drive OpenSpiel's own bots."""

    info: GameInfo
    call: GameCall
    rules: Any = field(repr=False, compare=False)

    def tables(self, capacity: int) -> OpenSpielTables:
        return OpenSpielTables(self.info, self.rules, self._seeded(), capacity)

    def _seeded(self) -> functools.partial[Any] | None:
        """What makes the game object of one match from a seed; None where chance is drawn outside its states."""
        if not samples_inside(self.rules):
            return None
        return functools.partial(_load_seeded, self.call)


def load(rest: str) -> OpenSpielGame:
    """The game that ``rest`` names in OpenSpiel's own syntax, for example ``leduc_poker(players=3)``.

    ``info.specification`` has one spelling: parameters that change nothing are left out.

    Raises:
        UnknownName: no such game or parameter.
        SpecificationError: a value that the game does not take.
        GameMissing: the game cannot be played here; the message says why.
    """
    call = read_game(rest)
    kind = game_types()[call.name]
    if kind.action_structs_only:
        raise GameMissing(
            f"openspiel:{call.name} offers its actions as structures only, which no agent can choose from"
        )
    if call.parameters:
        check_parameters(call)
        call = canonical(call, _load_rules)
    rules = _load_rules(call)
    if rules.get_type().dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD:
        raise GameMissing(f"openspiel:{call.name} is a mean-field game of a crowd: there is no match between players")
    if call.parameters:
        with _quiet():
            check_start(call, rules)
    return OpenSpielGame(info=_info(call, rules), call=call, rules=rules)


@functools.cache
def list_infos() -> list[GameInfo]:
    """The facts of every game that can be played with the parameters that OpenSpiel gives it, by name."""
    infos = []
    for name in sorted(game_types()):
        with contextlib.suppress(GameMissing):
            infos.append(load(name).info)
    return infos


def samples_inside(rules: Any) -> bool:
    """Whether the game draws chance inside its states, from a generator of the game object."""
    sampled: bool = rules.get_type().chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC
    return sampled


def _load_rules(call: GameCall) -> Any:
    """The `pyspiel.Game`.

    Raises:
        SpecificationError: OpenSpiel refuses the parameters; the message is OpenSpiel's own.
    """
    try:
        with _quiet():
            rules = pyspiel.load_game(call.name, call.for_spiel())
    except REFUSALS as error:
        raise SpecificationError(f"OpenSpiel cannot make {call}: {one_line(error)}") from None
    return rules


def _load_seeded(call: GameCall, seed: int) -> Any:
    return pyspiel.load_game(call.name, _with_seed(call, seed).for_spiel())


def _with_seed(call: GameCall, seed: int) -> GameCall:
    """The call, with the seed wherever its game or one inside it draws chance."""
    inside = {key: _with_seed(v, seed) for key, v in call.parameters.items() if isinstance(v, GameCall)}
    if SEED in game_types()[call.name].parameter_specification:
        inside[SEED] = seed  # type: ignore[assignment]  # a whole number among games
    return call.with_parameters(inside)


def _info(call: GameCall, rules: Any) -> GameInfo:
    kind = rules.get_type()
    simultaneous = kind.dynamics == pyspiel.GameType.Dynamics.SIMULTANEOUS
    least, most = float(rules.min_utility()), float(rules.max_utility())
    # the opponent's hidden type is no part of the wrapped game's own facts
    typed = "restricted_nash_response" in call.names()
    perfect = _known(call, kind) != pyspiel.GameType.Information.IMPERFECT_INFORMATION and not typed
    shown = f"({str(call).partition('(')[2]}"
    return GameInfo(
        specification=f"openspiel:{call.name}{shown if call.parameters else ''}",
        title=f"{game_types()[call.name].long_name}{' ' + shown if call.parameters else ''}",
        version=VERSION,
        num_players=rules.num_players(),
        action_space=ActionSpace(size=rules.num_distinct_actions()),
        dynamics="simultaneous" if simultaneous else "turn_based",
        chance=samples_inside(rules) or rules.max_chance_outcomes() > 0 or typed,
        information="perfect" if perfect else "imperfect",
        utility=_UTILITY[kind.utility],
        min_utility=least if math.isfinite(least) else None,
        max_utility=most if math.isfinite(most) else None,
        max_length=rules.max_game_length(),
        tensor_width=_tensor_width(rules, kind),
        information_state_width=_information_state_width(rules, kind),
        has_text=kind.provides_observation_string or kind.provides_information_state_string,
        has_information_state=kind.provides_information_state_string,
        has_simulator=not samples_inside(rules) and (perfect or _resamples(call)),
        action_names=_action_names(rules, kind),
    )


def _resamples(call: GameCall) -> bool:
    """Poker with other than four suits draws states in which the player holds other cards."""
    return call.name in RESAMPLED and call.parameters.get("numSuits", 4) == 4


def _known(call: GameCall, kind: Any) -> Any:
    """The game's `pyspiel.GameType.Information`: of a cached tree, that of its game."""
    inner = call.parameters.get("game")
    if call.name == "cached_tree" and isinstance(inner, GameCall):
        return _known(inner, game_types()[inner.name])
    return kind.information


def _tensor_width(rules: Any, kind: Any) -> int | None:
    if kind.provides_observation_tensor:
        return int(math.prod(rules.observation_tensor_shape()))
    if kind.provides_information_state_tensor:
        return int(math.prod(rules.information_state_tensor_shape()))
    return None


def _information_state_width(rules: Any, kind: Any) -> int | None:
    if not kind.provides_information_state_tensor or is_in_python(
        rules
    ):  # those in Python may give other lengths than they say
        return None
    return int(math.prod(rules.information_state_tensor_shape()))


def _action_names(rules: Any, kind: Any) -> tuple[str, ...]:
    """The names of the actions of a game of one joint move, if all players call them the same."""
    if kind.information != pyspiel.GameType.Information.ONE_SHOT:
        return ()
    state, size = rules.new_initial_state(), rules.num_distinct_actions()
    if any(state.legal_actions(player) != list(range(size)) for player in range(rules.num_players())):
        return ()
    names = {tuple(state.action_to_string(p, action) for action in range(size)) for p in range(rules.num_players())}
    return names.pop() if len(names) == 1 else ()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what OpenSpiel prints to stderr to itself: the exception that follows says the same in one sentence.

    The descriptor belongs to the whole process, so that only the main thread turns it away.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
