"""What a language model is shown of one decision, and what its answer names: the same decision makes the same words.

It is shown what its player knows and no more: the facts of the game, its observation, what it knows of the past where the
game keeps that, and its legal moves.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from arena.agents.chat_endpoint import ChatAnswer, ChatMessage, shown
from arena.games import GameInfo, ObservationBatch, VectorLegal

SYSTEM = "You play a game. Play as well as you can: what counts is your own return at the end, the higher the better."
SAID = 4000  # characters of an answer that was no move which the model is shown again
READ = 20_000  # the last characters of an answer, among which its move is looked for
KEYS = ("move", "action", "answer")

_LINE = re.compile(
    r"[\W_]*(?:(?:my|the)\W{1,3})?(?:final\W{1,3})?(?:move|action|answer)(?:\s{1,3}is)?[*_`\s]{0,9}[:=]", re.IGNORECASE
)
# within a line in capitals alone: "its last move: e4" is a thought
_ASKED_FOR = re.compile(r"(?<!\w)MOVE[*_`\s]{0,9}[:=]")
_OBJECT = re.compile(r"\{[^{}]*\}")
_LIST = re.compile(r"\[[^\[\]]*\]")
_NUMBERED = re.compile(r"(\d{1,18})\s*[:.)\-]\s*(.+)")
_NAME_IN_BRACKETS = re.compile(r"(\d{1,18})\s*\((.+)\)")
_AROUND = " \t*_`\"'“”‘’"


@dataclass(frozen=True, slots=True)
class NoMove:
    """Why an answer is no move, said to the model. ``illegal``: it names a move that is not legal, or else nothing clear."""

    reason: str
    illegal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What may be chosen: ``names`` of the legal actions; or in a game of vectors, none, and the bounds of each component."""

    names: dict[int, str]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    whole: bool = False

    def listed(self) -> str:
        if not self.names:
            kind = "whole numbers" if self.whole else "numbers"
            bounds = ", ".join(f"{low:g} to {high:g}" for low, high in zip(self.low, self.high, strict=True))
            return f"Your move is a list of {len(self.low)} {kind}, within: {bounds}"
        plain = all(name == str(action) for action, name in self.names.items())
        lines = [f"{action}" if plain else f"{action}: {name}" for action, name in self.names.items()]
        return "Legal moves, " + ("by number:\n" if plain else "each with its number and name:\n") + "\n".join(lines)

    def form(self) -> str:
        """How to answer."""
        if not self.names:
            return "MOVE: [" + ", ".join(["..."] * len(self.low)) + "]"
        return "MOVE: followed by the name or the number of one legal move"


def moves_of(batch: ObservationBatch) -> list[Moves]:
    """What each row of a batch may choose."""
    legal = batch.legal
    if isinstance(legal, VectorLegal):
        rows = zip(legal.low.tolist(), legal.high.tolist(), strict=True)
        return [Moves(names={}, low=tuple(low), high=tuple(high), whole=legal.whole) for low, high in rows]
    return [
        Moves(names={action: " ".join(batch.action_text(row, action).split()) for action in actions})
        for row, actions in enumerate(legal.lists())
    ]


def questions(batch: ObservationBatch, system: str = "") -> list[tuple[list[ChatMessage], Moves]]:
    """The conversation that each row of a batch begins, with what it may choose.

    Args:
        batch: the decisions; the game must have a text.
        system: takes the place of `SYSTEM`.
    """
    game = batch.game
    past = batch.information_state() if game.has_information_state else [""] * len(batch)
    rows = zip(batch.player.tolist(), batch.ply.tolist(), batch.text(), past, moves_of(batch), strict=True)
    return [
        (
            [
                ChatMessage("system", system or SYSTEM),
                ChatMessage("user", _question(game, player, ply, text, known, moves)),
            ],
            moves,
        )
        for player, ply, text, known, moves in rows
    ]


def asked_again(messages: Sequence[ChatMessage], answer: ChatAnswer, moves: Moves, fault: NoMove) -> list[ChatMessage]:
    """The conversation that asks once more: the question, the last answer, and why that was no move."""
    said = (answer.text or answer.refusal)[-SAID:] or "(nothing)"
    reason = f"{fault.reason}\n\n{moves.listed()}\n\nChoose again. End your answer with one line:\n{moves.form()}"
    return [*messages[:2], ChatMessage("assistant", said), ChatMessage("user", reason)]


def read_move(answer: ChatAnswer, moves: Moves) -> int | list[float] | NoMove:
    """The move that an answer names, or why it names none.

    Read is, in this order: what stands behind the last ``MOVE:``, the last JSON object with a ``move``, the whole answer. The
    first two may be a name, a number, both, or begin with the name of a move and name no other; the whole answer must be a move
    and nothing else, for a sentence may as well say what is not played. What names two moves names none. What a model
    thinks between ``<think>`` marks does not count.
    """
    if answer.refusal or answer.finish == "content_filter":
        return NoMove("Your answer was a refusal, not a move.", illegal=False)
    text = answer.said[-READ:]
    said = _named(text)
    if said is not None:
        return _chosen(said, moves) if moves.names else _vector(said, moves)
    found = _choice(text, moves) if moves.names else _vector(text, moves, alone=True)
    if answer.finish == "length" or found is None or isinstance(found, NoMove):
        cut = " It was cut off: be shorter." if answer.finish == "length" else ""
        return NoMove(f"Your answer has no line MOVE: ...{cut}", illegal=False)
    return found


def _question(game: GameInfo, player: int, ply: int, text: str, known: str, moves: Moves) -> str:
    parts = [_facts(game), f"You are player {player}, and this is decision {ply + 1} of yours in this match."]
    parts.append(f"What you see:\n{text.rstrip()}")
    if known.strip() and known.strip() not in text:
        parts.append(f"What you know of this match so far, as the game writes it down:\n{known.rstrip()}")
    parts.append(moves.listed())
    parts.append(f"You may think first. End your answer with one line:\n{moves.form()}")
    return "\n\n".join(parts)


def _facts(game: GameInfo) -> str:
    players = f"{game.num_players} players, 0 to {game.num_players - 1}" if game.num_players > 1 else "one player"
    order = "who choose at the same time" if game.simultaneous else "who move one after the other"
    facts = [f"The game is {game.title} ({game.specification}): {players}, {order}."]
    if game.teams:
        teams = " against ".join("players " + ", ".join(map(str, team)) for team in game.teams)
        facts.append(f"The teams are {teams}.")
    if game.chance:
        facts.append("Chance has a part in it.")
    if game.information == "imperfect":
        facts.append("Some of it is hidden from you.")
    facts.append(
        {
            "zero_sum": "What one side wins the others lose.",
            "constant_sum": "All returns add up to the same sum.",
            "general_sum": "Players may win or lose together: returns add up to no fixed sum.",
            "identical": "All players get the same return.",
        }[game.utility]
    )
    if game.min_utility is not None and game.max_utility is not None:
        facts.append(f"A return is from {game.min_utility:g} to {game.max_utility:g}.")
    return " ".join(facts)


def _named(text: str) -> str | None:
    """What stands behind the last MOVE: of the last line that has one, or in the last JSON object that has a move."""
    for line in reversed(text.splitlines()):
        begun = _LINE.match(line)
        ends = [found.end() for found in _ASKED_FOR.finditer(line)] + ([begun.end()] if begun else [])
        for end in sorted(ends, reverse=True):
            if line[end:].strip(_AROUND):
                return line[end:]
    for candidate in reversed(_OBJECT.findall(text)):
        try:
            said: object = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            named = {str(key).lower(): value for key, value in said.items()}
            for key in KEYS:
                if key in named and isinstance(named[key], str | int | float | list):
                    return named[key] if isinstance(named[key], str) else json.dumps(named[key])
    return None


def _choice(said: str, moves: Moves) -> int | NoMove | None:
    """The action that a text is, by name, number or both; None where it is more or something else.

    Names go before numbers, exact ones before others.
    """
    word, bare = _trimmed(said)
    for form in (" ".join(said.split()), word, bare):  # a name may end with what is a mark of emphasis elsewhere
        for same in (str, str.casefold):
            found = [action for action, name in moves.names.items() if same(name) == same(form)]
            if len(found) == 1:
                return found[0]
            if len(found) > 1:
                return NoMove(f"{shown(form, 80)!r} is the name of several moves; give the number.", illegal=False)
    if re.fullmatch(r"\d{1,18}", bare):
        return int(bare) if int(bare) in moves.names else _illegal(bare)
    both = _NUMBERED.fullmatch(bare) or _NAME_IN_BRACKETS.fullmatch(bare)
    if both and int(both[1]) in moves.names:
        if moves.names[int(both[1])].casefold() == both[2].strip(_AROUND).casefold():
            return int(both[1])
        return NoMove(f"{shown(bare, 80)!r} has the number of one move and not its name.", illegal=False)
    return None


def _chosen(said: str, moves: Moves) -> int | NoMove:
    found = _choice(said, moves)
    return _begun_with(said, moves) if found is None else found


def _begun_with(said: str, moves: Moves) -> int | NoMove:
    """The action whose name a text begins with, if it names no other: "fold, it is too dear", and not "I won't fold"."""
    word, bare = _trimmed(said)
    mentioned = _mentioned(word, moves)
    if len(mentioned) > 1:
        return NoMove(f"{shown(word, 80)!r} names several moves; choose one.", illegal=False)
    if not mentioned:
        return _illegal(bare)
    action = mentioned.pop()
    if re.match(rf"[(\[<{{]*{re.escape(moves.names[action].casefold())}(?![\w\-+#=])", word.casefold()):
        return action
    return NoMove(f"{shown(word, 80)!r} does not begin with the move; write it alone.", illegal=False)


def _trimmed(said: str) -> tuple[str, str]:
    """A text in one line without marks of emphasis, and without a full stop too."""
    word = " ".join(said.strip(_AROUND).split())
    return word, word.rstrip(".!;, ").strip(_AROUND)


def _illegal(word: str) -> NoMove:
    return NoMove(f"{shown(word, 80)!r} is not a legal move.", illegal=True)


def _mentioned(text: str, moves: Moves) -> set[int]:
    """The moves whose names stand in a text as words of their own; where names overlap, the longest counts."""
    named: dict[str, list[int]] = {}
    for action, name in moves.names.items():
        if name and not name.isdigit():  # a number in a sentence is most often something else
            named.setdefault(name.casefold(), []).append(action)
    if not named:
        return set()
    longest_first = "|".join(re.escape(name) for name in sorted(named, key=len, reverse=True))
    found = re.findall(rf"(?<![\w\-])(?:{longest_first})(?![\w\-+#=])", text.casefold())
    return {action for name in found for action in named[name]}


def _vector(said: str, moves: Moves, *, alone: bool = False) -> list[float] | NoMove:
    """The one list of numbers that a text begins with, or ``alone`` is."""
    _, bare = _trimmed(said)
    lists = _LIST.findall(bare)
    right = len(lists) == 1 and (bare == lists[0] if alone else bare.startswith(lists[0]))
    try:
        numbers: object = json.loads(lists[0]) if right else None
    except (ValueError, RecursionError):
        numbers = None
    width = len(moves.low)
    if not isinstance(numbers, list) or len(numbers) != width or any(type(n) not in (int, float) for n in numbers):
        return NoMove(f"Your answer has no list of {width} numbers.", illegal=False)
    try:
        vector = [float(number) for number in numbers]
    except OverflowError:
        vector = [math.inf] * width
    for number, low, high in zip(vector, moves.low, moves.high, strict=True):
        if not (math.isfinite(number) and low <= number <= high) or (moves.whole and number != int(number)):
            return NoMove(f"{shown(str(numbers), 80)} is not within the bounds.", illegal=True)
    return vector
