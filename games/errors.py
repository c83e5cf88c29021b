"""What Arena raises: one small hierarchy, each message says what was wrong, what was allowed and what to do."""

from __future__ import annotations

import difflib
import heapq
import re
from collections.abc import Iterable, Sequence

LIKE, LIKE_WORD = 0.5, 0.7  # of a whole name and of a word in it, which is shorter: Ratcliff and Obershelp's likeness
LESS_FOR_WORDS = 0.95  # so that a whole name goes before a word
_WORD = re.compile(r"[a-z0-9]{3,}")


class ArenaError(Exception):
    """A mistake that its user can mend; the command line prints it as one sentence and exits with code 2."""


class SpecificationError(ArenaError):
    """A specification or a setting that cannot be read."""


class UnknownName(ArenaError):
    """A name that nothing answers to; the message carries ``offered`` names, or else the nearest of those ``known``."""

    def __init__(self, kind: str, name: str, known: Iterable[str], offered: Sequence[str] = ()):
        names = sorted(set(known))
        self.kind, self.name, self.known = kind, name, names
        near = list(offered) or nearest(name, names)
        if near:
            hint = "did you mean " + " or ".join(repr(n) for n in near) + "?"
        elif names:
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            hint = f"known: {shown}"
        else:
            hint = "none is known"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Up to three names like this one, the likest first: as a whole, or in one of their words (khun: kuhn_poker)."""
    matcher = difflib.SequenceMatcher(b=name.lower())
    scores: dict[str, float] = {}
    for known in sorted(set(names)):
        words = [word for word in _WORD.findall(known.lower()) if word != known.lower()]
        in_words = max((_likeness(matcher, word, LIKE_WORD) for word in words), default=0.0)
        score = max(_likeness(matcher, known.lower(), LIKE), LESS_FOR_WORDS * in_words)
        if score > 0:
            scores[known] = score
    return heapq.nlargest(3, scores, key=lambda known: scores[known])


def _likeness(matcher: difflib.SequenceMatcher[str], text: str, least: float) -> float:
    """From 0 to 1; 0 where it is below ``least``."""
    matcher.set_seq1(text)
    if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= least else 0.0


class GameMissing(ArenaError):
    """A game that exists but cannot be played here: a package or a data file is missing, or its kind is not playable."""


class GameFailed(ArenaError):
    """The game's own failure in a match: its program did not start, crashed, or answered what it should not. No player's fault."""


class NotProvided(ArenaError):
    """Something that this game does not offer (a tensor, a text, a simulator)."""


class AgentFault(ArenaError):
    """An agent's failure during a match. The engine turns it into a recorded termination, never into its own crash.

    ``log``: what the agent's program wrote to its standard error last, '' where there is none.
    """

    def __init__(self, message: str = "", log: str = ""):
        super().__init__(message)
        self.log = log


class AgentTimeout(AgentFault):
    """No answer within the clock."""


class AgentCrashed(AgentFault):
    """The agent's program ended, or its code raised."""


class ProtocolError(AgentFault):
    """The agent's program said something that is no message of the protocol."""


class IllegalChoice(AgentFault):
    """The agent names no legal action, as often as it may be asked; one that answers with an action is judged by the engine."""


class OutputFlood(AgentFault):
    """The agent's program printed more than it may."""


class OutOfMemory(AgentFault):
    """The agent's program used more memory than it may."""
