"""What all routes share: the one shape of errors, and how long a list may be."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel

from arena.server.ladder import METHODS

PER_PAGE_MOST = 1000


class ErrorFacts(BaseModel):
    """``kind``: the name of the error, for programs; ``message``: one sentence, for people."""

    status: int
    kind: str
    message: str


class ErrorAnswer(BaseModel):
    """The one shape of all errors."""

    error: ErrorFacts


ERRORS: dict[int | str, dict[str, object]] = {
    400: {"model": ErrorAnswer, "description": "What cannot be done, such as a filter that leaves no match"},
    404: {"model": ErrorAnswer, "description": "No such game, agent, tournament or match"},
    422: {"model": ErrorAnswer, "description": "A parameter that cannot be read"},
}

Method = Annotated[str, Query(description=f"rating method: {', '.join(METHODS)}")]
Key = Annotated[str, Path(description="a tournament's key, as in its address")]
