"""What Arena raises: one small hierarchy, each message says what was wrong, what was allowed and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ArenaError(Exception):
    """A mistake that its user can mend; the command line prints it as one sentence and exits with code 2."""


class SpecificationError(ArenaError):
    """A specification or a setting that cannot be read."""


class UnknownName(ArenaError):
    """A name that nothing answers to; the message carries the nearest names that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        names = sorted(set(known))
        self.kind, self.name, self.known = kind, name, names
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        if near:
            hint = "did you mean " + " or ".join(repr(n) for n in near) + "?"
        elif names:
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            hint = f"known: {shown}"
        else:
            hint = "none is known"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


class GameMissing(ArenaError):
    """A game that exists but cannot be played here: a package or a data file is missing, or its kind is not playable."""


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


class OutputFlood(AgentFault):
    """The agent's program printed more than it may."""


class OutOfMemory(AgentFault):
    """The agent's program used more memory than it may."""
