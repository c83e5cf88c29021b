"""The messages between Arena and somebody else's program, made and read: see docs/reference/agent-protocol.md.

Arena writes `hello`, `start`, `act`, `end` and `quit`; a program answers `hello` and `act`. One JSON object a line on
standard input and output (``exec:``, ``python:``), or one a request (``http:``). Fields that a reader does not know are
left aside, so that both sides may grow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.agents.observation import ALL_PARTS, PARTS, Message, Observation, Part
from arena.games import ActionSpace, GameInfo, ProtocolError
from arena.games.seeds import AGENT_STREAM, counter_hash, seed_of

PROTOCOL_VERSION = 1
MAX_MATCHES = 4096
MAX_NAME = 200
SHOWN = 120  # characters of a wrong message that its error repeats
NEVER_LEGAL = -1  # stands for whole numbers that no int64 holds

JsonObject = dict[str, Any]  # what json.loads gives; each field is checked where it is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a program says of itself.

    ``wants``: the parts of observations it reads; ``matches``: how many it can sit in at once, and so how many `act`
    may be open; ``deterministic``: the same observations, seeds included, get the same actions.
    """

    name: str = ""
    version: str = ""
    wants: tuple[Part, ...] = PARTS
    matches: int = 1
    deterministic: bool = False


def hello_message(game: GameInfo) -> JsonObject:
    """The first message: the protocol's version, the facts of the game, the parts of observations on offer."""
    return {
        "type": "hello",
        "protocol": PROTOCOL_VERSION,
        "game": {
            "specification": game.specification,
            "title": game.title,
            "version": game.version,
            "players": game.num_players,
            "dynamics": game.dynamics,
            "chance": game.chance,
            "information": game.information,
            "utility": game.utility,
            "min_utility": _plain(game.min_utility),
            "max_utility": _plain(game.max_utility),
            "max_length": game.max_length,
            "action_space": {
                "kind": game.action_space.kind,
                "size": game.action_space.size,
                "width": game.action_space.width,
            },
            "action_names": list(game.action_names),
        },
        "parts": list(parts_of(game)),
    }


def parts_of(game: GameInfo) -> tuple[Part, ...]:
    """The parts of observations that a game offers."""
    offered = {
        "text": game.has_text,
        "tensor": game.tensor_width is not None,
        "information_state": game.has_information_state,
        "information_state_tensor": game.information_state_width is not None,
    }
    return tuple(part for part in ALL_PARTS if offered[part])


def match_numbers(match_seed: NDArray[np.uint64], player: NDArray[np.int64]) -> list[int]:
    """The number of each player's match, as `Observation.match` has it."""
    return [seed_of(("match", word)) for word in counter_hash(match_seed, AGENT_STREAM, player).tolist()]


def start_message(*, match: int, player: int, move_s: float | None, match_s: float | None) -> JsonObject:
    """A match begins: its number, the player whom the program plays, and the clocks in seconds (null = none)."""
    return {"type": "start", "match": match, "player": player, "move_s": move_s, "match_s": match_s}


def act_message(*, request: int, observation: Message, limit_s: float | None) -> JsonObject:
    """A question: answer with an `action` of the same request within `limit_s` seconds (null = no limit)."""
    return {"type": "act", "request": request, "limit_s": _plain(limit_s), "observation": observation}


def end_message(*, match: int, player: int, returns: float | None) -> JsonObject:
    """A match ended with this player's return; None: it was broken off without one."""
    return {"type": "end", "match": match, "player": player, "returns": None if returns is None else _plain(returns)}


def quit_message() -> JsonObject:
    return {"type": "quit"}


def action_message(*, request: int, action: int | Sequence[float]) -> JsonObject:
    """A program's answer."""
    return {"type": "action", "request": request, "action": action}


def to_line(message: Mapping[str, object]) -> str:
    """The message as one line of JSON, its end included. Plain JSON: no NaN, no Infinity."""
    return json.dumps(message, allow_nan=False, separators=(",", ":")) + "\n"


def read_message(line: str | bytes) -> JsonObject:
    """The JSON object of one line, which has a `type`.

    Raises:
        ProtocolError: it is none; the message repeats what was said.
    """
    try:
        message = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"it said {_quoted(line)}, which is not a line of JSON ({_reason(error)})") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError(f'it said {_quoted(line)}; a message is a JSON object with a "type"')
    return message


def read_hello(message: JsonObject) -> Hello:
    """The program's `hello`. Every field may be left out: then it wants all parts, one match at a time.

    Raises:
        ProtocolError: another message, another protocol version, or a field of the wrong type.
    """
    if message["type"] != "hello":
        raise ProtocolError(f'its first message must be of type "hello"; it said {_shown(message)}')
    version = message.get("protocol", PROTOCOL_VERSION)
    if type(version) is not int or version != PROTOCOL_VERSION:
        raise ProtocolError(f"it speaks protocol {version!r:.20}; this Arena speaks {PROTOCOL_VERSION}")
    wants = message.get("wants", list(PARTS))
    if not isinstance(wants, list) or not all(want in ALL_PARTS for want in wants):
        raise ProtocolError(f'its "wants" must be a list out of {", ".join(ALL_PARTS)}; it said {_shown(wants)}')
    matches = message.get("matches", 1)
    if type(matches) is not int or not 1 <= matches <= MAX_MATCHES:
        raise ProtocolError(f'its "matches" must be a whole number from 1 to {MAX_MATCHES}; it said {_shown(matches)}')
    deterministic = message.get("deterministic", False)
    if not isinstance(deterministic, bool):
        raise ProtocolError(f'its "deterministic" must be true or false; it said {_shown(deterministic)}')
    return Hello(
        name=_name(message, "name"),
        version=_name(message, "version"),
        wants=tuple(part for part in ALL_PARTS if part in wants),
        matches=matches,
        deterministic=deterministic,
    )


def read_action(message: JsonObject, space: ActionSpace) -> tuple[int, int | list[float]]:
    """(request, action) of an `action`. Whether it is legal is the engine's to judge; here its form is checked:
    a whole number in a discrete space, else a list of `width` numbers, whole ones where the space says so.

    Raises:
        ProtocolError: another message, or a field of the wrong type.
    """
    if message["type"] != "action":
        raise ProtocolError(f'it was asked for an "action" and said {_shown(message)}')
    request, action = message.get("request"), message.get("action")
    if type(request) is not int:
        raise ProtocolError(
            f'an "action" repeats the whole number "request" of its question; it said {_shown(message)}'
        )
    if space.kind == "discrete":
        if type(action) is not int:
            raise ProtocolError(f"an action of this game is a whole number; it said {_shown(action)}")
        return request, _in_int64(action)
    numbers = (int,) if space.kind == "multi_discrete" else (int, float)
    if not isinstance(action, list) or len(action) != space.width or any(type(n) not in numbers for n in action):
        kind = "whole numbers" if space.kind == "multi_discrete" else "numbers"
        raise ProtocolError(f"an action of this game is a list of {space.width} {kind}; it said {_shown(action)}")
    if space.kind == "multi_discrete":
        return request, [_in_int64(number) for number in action]
    return request, [_to_float(number) for number in action]


def action_column(actions: Sequence[int | list[float]], space: ActionSpace) -> NDArray[Any]:
    """The actions as the engine takes them: int64 [R], or [R, width]."""
    return np.array(actions, space.dtype).reshape(len(actions), *space.shape)


def observation_messages(rows: Sequence[Observation], hello: Hello) -> list[Message]:
    """The JSON form of each observation, with the parts that the program wants."""
    return [row.to_message(hello.wants) for row in rows]


def _plain(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _in_int64(number: int) -> int:
    return number if -(2**63) <= number < 2**63 else NEVER_LEGAL


def _to_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _name(message: JsonObject, key: str) -> str:
    value = message.get(key, "")
    if not isinstance(value, str) or len(value) > MAX_NAME:
        raise ProtocolError(f'its "{key}" must be a text of at most {MAX_NAME} characters; it said {_shown(value)}')
    return value


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).partition(":")[0]


def _quoted(line: str | bytes) -> str:
    return _cut(repr(line if isinstance(line, str) else line.decode("utf-8", "replace")))


def _shown(value: object) -> str:
    return _cut(json.dumps(value))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
