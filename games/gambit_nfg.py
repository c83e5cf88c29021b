"""Gambit's ``.nfg`` files: games in strategic form, with payoffs listed one by one or as named outcomes.

Source: "The strategic game (.nfg) file format", documentation of Gambit, R. D. McKelvey, A. McLennan and T. Turocy.

    NFG 1 R "title" { "player 1" "player 2" } { 2 3 } "comment"            payoffs follow
    NFG 1 R "title" { "player 1" "player 2" } { { "a" "b" } { "x" "y" } }  payoffs, or { { "outcome" 1, 2 } ... } 1 0 ...

Profiles are listed with the first player's strategy moving fastest. Outcome 0 pays nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError

MAX_PROFILES = 10_000_000
"""More joint choices are refused before memory is taken for them."""

_TOKEN = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")|(?P<brace>[{}])|(?P<word>[^\s,{}"]+)|(?P<space>[\s,]+)|(?P<bad>.)')


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategicForm:
    """``payoffs`` float64 [num_players, A_0, A_1, ...]; names of the players and of each player's strategies."""

    title: str
    players: tuple[str, ...]
    strategies: tuple[tuple[str, ...], ...]
    payoffs: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def read_nfg(content: bytes, *, path: str) -> StrategicForm:
    """The game of a ``.nfg`` file. Strategies without a name are numbered from 1, as Gambit does.

    Raises:
        SpecificationError: not such a file; the message names path and line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecificationError(f"{path} is not UTF-8 text: byte {error.start} cannot be read") from None
    reader = _Reader(text, path)
    for expected in (("NFG",), ("1",), ("R", "D")):
        word = reader.take("word", "a file of Gambit begins with NFG 1 R")
        if word.text not in expected:
            raise reader.error(word, "a file of Gambit begins with NFG 1 R")
    title = reader.text("the title")
    players = reader.texts("the names of the players")
    strategies = _strategies(reader, len(players))
    if reader.at("text"):
        reader.text("the comment")
    sizes = [len(names) for names in strategies]
    profiles = math.prod(sizes)
    if not players or profiles == 0:
        raise SpecificationError(f"{path} has no player, or a player without strategies")
    if profiles > MAX_PROFILES:
        raise SpecificationError(f"{path} has {profiles:,} joint choices; at most {MAX_PROFILES:,} are read")
    if reader.at("brace"):
        rows = _outcomes(reader, len(players), profiles)
    else:
        rows = np.array([reader.number("a payoff") for _ in range(profiles * len(players))], np.float64)
        rows = rows.reshape(profiles, len(players))
    reader.end()
    payoffs = np.stack([rows[:, player].reshape(sizes, order="F") for player in range(len(players))])
    return StrategicForm(title=title, players=players, strategies=strategies, payoffs=payoffs)


def _strategies(reader: _Reader, players: int) -> tuple[tuple[str, ...], ...]:
    opening = reader.brace("{", "the players' strategies")
    named: list[tuple[str, ...]] = []
    while not reader.closes():
        if reader.at("brace"):
            names = reader.texts("the names of a player's strategies")
            named.append(tuple(name or str(i + 1) for i, name in enumerate(names)))
        else:
            count = reader.whole("a number of strategies")
            if count > MAX_PROFILES:
                raise SpecificationError(f"{reader.path} gives a player {count:,} strategies; that is too many")
            named.append(tuple(str(i + 1) for i in range(count)))
    if len(named) != players:
        raise reader.error(opening, f"strategies of {len(named)} players for the names of {players}")
    return tuple(named)


def _outcomes(reader: _Reader, players: int, profiles: int) -> NDArray[np.float64]:
    """The payoffs of each profile [profiles, players]."""
    reader.brace("{", "the outcomes")
    outcomes = [[0.0] * players]
    while not reader.closes():
        reader.brace("{", "an outcome")
        reader.text("the name of an outcome")
        outcomes.append([reader.number("a payoff of the outcome") for _ in range(players)])
        if not reader.closes():
            raise reader.error(reader.peek(), f"an outcome has one payoff for each of the {players} players")
    chosen = []
    for _ in range(profiles):
        token = reader.peek()
        index = reader.whole("the number of an outcome")
        if index >= len(outcomes):
            raise reader.error(token, f"there are {len(outcomes) - 1} outcomes")
        chosen.append(index)
    return np.array(outcomes, np.float64)[chosen]


class _Reader:
    """The tokens of a file, one after the other."""

    def __init__(self, text: str, path: str):
        self.path = path
        self._tokens = _tokens(text, path)
        self._next = next(self._tokens)

    def peek(self) -> _Token:
        return self._next

    def at(self, kind: str) -> bool:
        return self._next.kind == kind

    def take(self, kind: str, what: str) -> _Token:
        token = self._next
        if token.kind != kind:
            raise self.error(token, f"expected {what}")
        self._next = next(self._tokens, token)
        return token

    def text(self, what: str) -> str:
        return re.sub(r"\\(.)", r"\1", self.take("text", what).text[1:-1], flags=re.DOTALL)

    def texts(self, what: str) -> tuple[str, ...]:
        self.brace("{", what)
        found = []
        while not self.closes():
            found.append(self.text(f"{what}, in quotes"))
        return tuple(found)

    def brace(self, which: str, what: str) -> _Token:
        token = self.take("brace", f"{which} before {what}")
        if token.text != which:
            raise self.error(token, f"expected {which} before {what}")
        return token

    def closes(self) -> bool:
        """Whether a closing brace came next; it is then behind us."""
        if self._next.text != "}":
            return False
        self.take("brace", "}")
        return True

    def whole(self, what: str) -> int:
        token = self.take("word", what)
        if not re.fullmatch(r"\d{1,12}", token.text):
            raise self.error(token, f"expected {what}, a whole number")
        return int(token.text)

    def number(self, what: str) -> float:
        token = self.take("word", what)
        try:
            value = float(Fraction(token.text)) if "/" in token.text else float(token.text)
        except (ValueError, ArithmeticError):
            raise self.error(token, f"expected {what}, a number such as 3, -0.5 or 2/3") from None
        if not math.isfinite(value):
            raise self.error(token, f"expected {what}, a finite number")
        return value

    def end(self) -> None:
        if not self.at("end"):
            raise self.error(self._next, "more payoffs or outcomes than joint choices")

    def error(self, token: _Token, what: str) -> SpecificationError:
        found = "the file ends there" if token.kind == "end" else f"got {token.text:.40}"
        return SpecificationError(f"{self.path}, line {token.line}: {what}; {found}")


def _tokens(text: str, path: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup or "", match.group()
        if kind == "bad":
            raise SpecificationError(f"{path}, line {line}: a quote is left open")
        if kind != "space":
            yield _Token(kind, found, line)
        line += found.count("\n")
    yield _Token("end", "", line)
