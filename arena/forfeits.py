"""What an agent's failure does to its match: how it ended, and the sentence that says why."""

from __future__ import annotations

import numpy as np

from arena.games import (
    AgentCrashed,
    AgentFault,
    AgentTimeout,
    IllegalChoice,
    LegalActions,
    OutOfMemory,
    OutputFlood,
    ProtocolError,
)
from arena.results import Termination

TERMINATIONS: dict[type[AgentFault], Termination] = {
    AgentCrashed: Termination.CRASH,
    AgentTimeout: Termination.TIMEOUT,
    IllegalChoice: Termination.ILLEGAL_MOVE,
    OutOfMemory: Termination.OUT_OF_MEMORY,
    OutputFlood: Termination.OUTPUT_FLOOD,
    ProtocolError: Termination.PROTOCOL_ERROR,
}


def termination_of(fault: AgentFault) -> Termination:
    """How a match ends that this fault ended."""
    return next((code for kind, code in TERMINATIONS.items() if isinstance(fault, kind)), Termination.CRASH)


def illegal_move(choice: object, legal: LegalActions, row: int) -> str:
    """The sentence about a choice that row `row` does not allow."""
    try:
        allowed = legal.take(np.array([row])).lists()[0]
    except TypeError:  # vectors have bounds, not lists
        return f"answered {choice}, outside the bounds"
    shown = ", ".join(map(str, allowed[:20])) + (", ..." if len(allowed) > 20 else "")
    return f"answered {choice}; legal were {shown}"
