"""A match while it is played, as whoever looks may know it: what the API tells, and `arena.client.Client` reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An action that the person may take now, in the game's words."""

    action: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMove:
    """A move that everybody sees. ``players``: whose; several move at once, none where chance does."""

    players: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFacts:
    """A match under way, or over.

    ``player``: the seat of who asks, None of an onlooker and before the first question; ``question``: what a move answers, None where none is asked of who asks;
    ``choices``: the legal moves; ``left_s``: for it; ``waits_for``: the players who are asked; ``moves``: as far as everybody may see them, all once the match is over; ``text``: the position in words, ''
    where who asks may not know it; ``returns``: once the match is over; ``problem``: why position and choices are missing, else ''.
    """

    tournament: str
    number: int
    game: str
    agents: tuple[str, ...]
    player: int | None
    question: int | None
    choices: tuple[Choice, ...]
    left_s: float | None
    waits_for: tuple[int, ...]
    moves: tuple[LiveMove, ...]
    text: str
    returns: tuple[float, ...] | None
    problem: str
