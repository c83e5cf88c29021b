"""What matches are to decide: the best few, the whole order, who is in the minimax winner, or which of two is better.

An aim is a small value with a text: `parse_aim("top 5")`. What "better" means is part of it. `Top` and `FullOrder` go by the mean
score against the whole field, every opponent counting once: the order of Bradley-Terry ratings of a full round robin, in
cyclic fields too. `MinimaxSupport` goes by who beats whom, `Comparison` by the matches of two agents against each other.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from arena.games.errors import SpecificationError

FORMS = "'top 5', 'top 5 within 0.02', 'order', 'order within 0.02', 'support', 'compare A B'"


@dataclass(frozen=True, slots=True)
class Top:
    """Which `k` agents have the greatest mean scores; two agents whose scores differ by at most `margin` may be exchanged."""

    k: int
    margin: float = 0.0

    def __str__(self) -> str:
        return f"top {self.k}{_within(self.margin)}"


@dataclass(frozen=True, slots=True)
class FullOrder:
    """The order of all agents by mean score; two agents whose scores differ by at most `margin` may be exchanged."""

    margin: float = 0.0

    def __str__(self) -> str:
        return f"order{_within(self.margin)}"


@dataclass(frozen=True, slots=True)
class MinimaxSupport:
    """Which agents have a positive weight in the minimax winner of the head-to-head scores."""

    def __str__(self) -> str:
        return "support"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which of two agents, by name, scores more than half against the other."""

    first: str
    second: str

    def __str__(self) -> str:
        return f"compare {shlex.quote(self.first)} {shlex.quote(self.second)}"


Aim = Top | FullOrder | MinimaxSupport | Comparison


def parse_aim(text: str) -> Aim:
    """The aim that a text names; ``str(aim)`` is such a text. Names with blanks stand in quotes.

    Raises:
        SpecificationError: it names none, or a number is out of its range.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SpecificationError(f"cannot read the aim {text!r}: {error}") from None
    match words:
        case ["top", k]:
            return _top(text, k, "0")
        case ["top", k, "within", margin]:
            return _top(text, k, margin)
        case ["order"]:
            return FullOrder()
        case ["order", "within", margin]:
            return FullOrder(_margin(text, margin))
        case ["support"]:
            return MinimaxSupport()
        case ["compare", first, second]:
            if first == second:
                raise SpecificationError(f"the aim {text!r} compares an agent with itself")
            return Comparison(first, second)
    raise SpecificationError(f"unknown aim {text!r}; an aim is one of {FORMS}")


def _top(text: str, k: str, margin: str) -> Top:
    if not (k.isascii() and k.isdigit() and int(k) > 0):
        raise SpecificationError(f"the aim {text!r} needs a whole number of agents, at least 1; got {k!r}")
    return Top(int(k), _margin(text, margin))


def _margin(text: str, margin: str) -> float:
    try:
        value = float(margin)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise SpecificationError(f"the aim {text!r} needs a margin of the mean score in [0, 1); got {margin!r}")
    return value


def _within(margin: float) -> str:
    return f" within {margin!r}" if margin else ""
