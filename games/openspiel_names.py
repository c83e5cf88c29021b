"""How OpenSpiel's games are named: reading ``name(key=value, ...)``, and the one spelling that names a game's ladder.

The syntax is OpenSpiel's own, nested games included, and a little more forgiving: blanks around names, ``game=kuhn_poker``
without brackets, ``komi=7`` for a real number, and "quoted" texts, in which a backslash escapes as in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspiel

from arena.games.errors import GameMissing, SpecificationError, UnknownName
from arena.games.specification import WORDS

EXAMPLES = {
    "add_noise": "epsilon=1.0,game=kuhn_poker,seed=1",
    "cached_tree": "game=tic_tac_toe",
    "coop_to_1p": "game=tiny_hanabi",
    "misere": "game=tic_tac_toe",
    "normal_form_extensive_game": "game=kuhn_poker",
    "repeated_game": "stage_game=matrix_pd,num_repetitions=10",
    "repeated_poker": "max_num_hands=3,reset_stacks=true,rotate_dealer=true,universal_poker_game_string=universal_poker",
    "restricted_nash_response": "game=kuhn_poker",
    "start_at": "game=connect_four,history=3;3",
    "turn_based_simultaneous_game": "game=goofspiel(imp_info=true,num_cards=4,points_order=descending)",
    "zerosum": "game=matrix_pd",
}
"""What games that cannot be loaded without parameters take where none is given: the games of OpenSpiel's own tests."""

NEEDS_FILE = {"efg_game": "filename", "nfg_game": "filename"}
FILE_PARAMETERS = ("filename", "boards_file", "instances_file", "puzzles_root", "word_list_file")
UNASKED = ("hanabi", "universal_poker")  # games whose C++ may end the process where some parameters are left out
SIDES = ("board_size", "num_rows", "num_cols")  # board_size stands in for whichever side is not given
HANABI = {"players": 2, "colors": 5, "ranks": 5, "hand_size": 5, "max_information_tokens": 8, "max_life_tokens": 3}
SEED = "rng_seed"  # of games that draw chance inside their states: Arena sets it for each match

_NAME = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)
_WHOLE = re.compile(r"[+-]?\d+")
_PLAIN = re.compile(r"[^\s,()\"'=\\](?:[^,()\"'=\\\n]*[^\s,()\"'=\\])?")
_WORDS = WORDS | {dict: "a game"}


@dataclass(frozen=True, slots=True)
class GameCall:
    """A game's name and its parameters, of the types that OpenSpiel declares, as they were given."""

    name: str
    parameters: Mapping[str, Any]

    def __str__(self) -> str:
        """As OpenSpiel writes it, with brackets even where nothing stands in them."""
        inside = ",".join(f"{key}={_written(value)}" for key, value in sorted(self.parameters.items()))
        return f"{self.name}({inside})"

    def with_parameters(self, parameters: Mapping[str, Any]) -> GameCall:
        return GameCall(self.name, {**self.parameters, **parameters})

    def without(self, key: str) -> GameCall:
        return GameCall(self.name, {k: v for k, v in self.parameters.items() if k != key})

    def for_spiel(self) -> dict[str, Any]:
        """The parameters as `pyspiel.load_game(name, parameters)` takes them."""
        return {key: _for_spiel(value) for key, value in self.parameters.items()}

    def names(self) -> set[str]:
        """This game's name and those of the games inside it."""
        inside = [value.names() for value in self.parameters.values() if isinstance(value, GameCall)]
        return {self.name}.union(*inside)


def game_types() -> dict[str, Any]:
    """name -> `pyspiel.GameType` of every game registered now."""
    return {kind.short_name: kind for kind in pyspiel.registered_games()}


def read_game(text: str) -> GameCall:
    """The game that a text names; games without which it could not be loaded are filled in from `EXAMPLES`.

    Raises:
        UnknownName: no such game or parameter.
        SpecificationError: the text cannot be read, or a value is of the wrong type.
        GameMissing: it needs a file that is not named.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise SpecificationError(f"cannot read the game {text.strip()!r}; write name or name(key=value, key=value)")
    name, inside = match.groups()
    declared = _declared(name)
    given: dict[str, Any] = {}
    for part in _split(inside or "", text):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key:
            raise SpecificationError(f"cannot read {part.strip()!r} in {text.strip()!r}; write key=value")
        if key in given:
            raise SpecificationError(f"{key!r} stands twice in {text.strip()!r}")
        if key not in declared:
            raise UnknownName(f"parameter of openspiel:{name}", key, declared)
        if key == SEED:
            raise SpecificationError(f"openspiel:{name} takes no {SEED}: Arena draws chance from each match's own seed")
        given[key] = _value(name, key, value, declared[key])
    if name in NEEDS_FILE and not given.get(NEEDS_FILE[name]):
        key = NEEDS_FILE[name]
        raise GameMissing(f"openspiel:{name} needs a data file; write openspiel:{name}({key}=PATH)")
    filled = {}
    for part in _split(EXAMPLES.get(name, ""), ""):
        key, _, value = part.partition("=")
        if key != "history" or "game" not in given:  # a line of moves belongs to its game
            filled[key] = _value(name, key, value, declared[key])
    return GameCall(name, {**filled, **given})


def canonical(call: GameCall, load: Callable[[GameCall], Any]) -> GameCall:
    """The call with every parameter left out that changes nothing, games inside it too.

    A parameter changes nothing where it has its declared default. Where that default only stands for a value of the
    game's own choice, such as 0 or an empty text, the game is asked: ``load`` makes the `pyspiel.Game` of a call and
    raises `SpecificationError` where it cannot.
    """
    inside = {key: canonical(v, load) for key, v in call.parameters.items() if isinstance(v, GameCall)}
    call = _sides(call.with_parameters(inside))
    declared = _declared(call.name)
    for key, value in sorted(call.parameters.items()):
        if key in _example_keys(call.name):
            continue
        shorter = call.without(key)
        if call.name == "hanabi" and key in HANABI:
            same = value == _hanabi_default(call, key)
        elif call.name not in UNASKED and _stands_in(declared[key]):
            same = _same_effect(shorter, call, load)
        else:
            same = value == declared[key]
        if same:
            call = shorter
    return call


def _stands_in(default: object) -> bool:
    """Whether a declared default may be none of the values that the game plays with."""
    return default == "" or (type(default) is int and default <= 0)


def _same_effect(shorter: GameCall, call: GameCall, load: Callable[[GameCall], Any]) -> bool:
    effect = _effect(call, load)
    try:
        return _effect(shorter, load) == effect
    except SpecificationError:
        return False


def _effect(call: GameCall, load: Callable[[GameCall], Any]) -> dict[str, Any]:
    """The value of every declared parameter, as the loaded game tells it where it does."""
    declared = _declared(call.name)
    told = load(call).get_parameters()
    return {**declared, **call.for_spiel(), **{key: value for key, value in told.items() if key in declared}}


def _declared(name: str) -> dict[str, Any]:
    """The parameters of a game and their default values."""
    types = game_types()
    if name not in types and name.startswith("python_"):
        import open_spiel.python.games  # noqa: F401  # registers OpenSpiel's games that are written in Python

        types = game_types()
    if name not in types:
        raise UnknownName("OpenSpiel game", name, types)
    declared: dict[str, Any] = types[name].parameter_specification
    return declared


def _value(name: str, key: str, text: str, default: object) -> Any:
    quoted = len(text) >= 2 and text[0] == text[-1] == '"'
    if quoted:
        try:
            text = json.loads(text, strict=False)
        except ValueError as error:
            raise SpecificationError(f"openspiel:{name}: cannot read {key}={text}: {error}") from None
    kind = type(default)
    if kind is dict and not quoted:
        return read_game(text)
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind is int and _WHOLE.fullmatch(text):
        return int(text)
    if kind is float:
        try:
            return float(text)
        except ValueError:
            pass
    if kind is str:
        if key in FILE_PARAMETERS and text and not Path(text).exists():
            raise SpecificationError(f"openspiel:{name}: {key} names no file: {text!r}")
        return text
    raise SpecificationError(f"openspiel:{name}: {key} must be {_WORDS[kind]}; got {text!r}")


def _split(text: str, whole: str) -> list[str]:
    """The parts between the commas that stand outside brackets and quotes."""
    parts, current, depth, position = [], "", 0, 0
    while position < len(text):
        character = text[position]
        if character == '"':
            string = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL).match(text, position)
            if string is None:
                raise SpecificationError(f"a quote is left open in {whole.strip()!r}")
            current += string.group()
            position = string.end()
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
        position += 1
    if depth:
        raise SpecificationError(f"brackets do not match in {whole.strip()!r}")
    return [*parts, current] if current.strip() or parts else []


def _written(value: object) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else json.dumps(value)
    return str(value)


def _for_spiel(value: Any) -> Any:
    return {"name": value.name, **value.for_spiel()} if isinstance(value, GameCall) else value


def _sides(call: GameCall) -> GameCall:
    """A square board by its size, another by its two sides."""
    if not set(SIDES) <= set(_declared(call.name)):
        return call
    given = {**_declared(call.name), **call.parameters}
    size = given["board_size"]
    rows, columns = (call.parameters.get(side, size) for side in SIDES[1:])
    others = {key: value for key, value in call.parameters.items() if key not in SIDES}
    sides = {"board_size": rows} if rows == columns else {"num_rows": rows, "num_cols": columns}
    return GameCall(call.name, {**others, **sides})


def _hanabi_default(call: GameCall, key: str) -> object:
    """Hanabi tells nothing of its own defaults: 0 stands for those of the game's rules."""
    if key == "hand_size" and call.parameters.get("players", 2) > 3:
        return 4
    return HANABI.get(key)


def _example_keys(name: str) -> set[str]:
    """Parameters that always stand in the name: without them the game is no game."""
    return {part.partition("=")[0] for part in _split(EXAMPLES.get(name, ""), "")}
