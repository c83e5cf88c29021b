"""What all routes of the API share: the one shape of errors, lists in pages, entity tags, and values for programs that read Arena's types."""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from arena.games import SpecificationError
from arena.server.ladder_words import METHODS
from arena.server.site import json_answer
from arena.value_codec import encoded

Item = TypeVar("Item")
Key = tuple[str | int, ...]

PER_PAGE_MOST = 1000
VALUE = "application/vnd.arena.value+json"
"""Asked for in ``Accept``: the answer as a value of `arena.value_codec`, of which nothing is rounded or left out."""


class ErrorFacts(BaseModel):
    """``kind``: the name of the error, for programs; ``message``: one sentence, for people."""

    status: int
    kind: str
    message: str


class ErrorAnswer(BaseModel):
    """The one shape of all errors."""

    error: ErrorFacts


class PageAnswer(BaseModel):
    """A part of a list."""

    next: str | None = Field(description="`after` of the next part; null: this is the last one")


def errors(said: dict[int, str]) -> dict[int | str, dict[str, object]]:
    """How a route describes its errors."""
    return {status: {"model": ErrorAnswer, "description": text} for status, text in said.items()}


READ_ERRORS = errors(
    {
        400: "What cannot be done, such as a filter that leaves no match, or a request that cannot be read",
        401: "Who asks is not known: sign in, or send a token",
        403: "Who asks may not do this",
        404: "No such game, agent, tournament, match or job",
        422: "A parameter that cannot be read",
        429: "Too many requests; `Retry-After` says when to ask again",
        500: "The server failed; its log says why",
        503: "The database is away or busy for too long, or what others sent cannot be confined now; ask again",
    }
)
WRITE_ERRORS = errors(
    {
        409: "It is being done already, or contradicts what stands in the ledger",
        413: "More bytes than this server takes",
        415: "A body of another media type than the route takes",
    }
)

Method = Annotated[str, Query(description=f"rating method: {', '.join(METHODS)}")]
TournamentKey = Annotated[str, Path(description="a tournament's key, as in its address")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    after: str | None

    def part(self, items: Sequence[Item], key: Callable[[Item], Key]) -> tuple[list[Item], str | None]:
        """(the part, ``after`` of the next one) of a list in the order of its keys.

        Raises:
            SpecificationError: ``after`` is of no such list.
        """
        left = sorted(items, key=key)
        if self.after is not None:
            try:
                left = left[bisect_right(left, _key_of(self.after), key=key) :]
            except TypeError:
                raise _no_cursor(self.after) from None
        part = left[: self.limit]
        return part, _cursor(key(part[-1])) if len(left) > self.limit else None

    def number_after(self) -> int:
        """Of a list that stands by number alone: the first number that can be on the part."""
        if self.after is None:
            return 0
        match _key_of(self.after):
            case (int(number),):
                return min(number + 1, 2**62)
        raise _no_cursor(self.after)


def page_asked(
    limit: Annotated[int, Query(ge=1, le=PER_PAGE_MOST, description="the most that the answer lists")] = 100,
    after: Annotated[str | None, Query(description="`next` of the part before this one", max_length=2000)] = None,
) -> Page:
    """The part of a list that an address asks for."""
    return Page(limit=limit, after=after)


PageAsked = Annotated[Page, Depends(page_asked)]


def list_answer(
    request: Request,
    page: Page,
    name: str,
    items: Sequence[Item],
    *,
    key: Callable[[Item], Key],
    show: Callable[[Item], object],
    beside: dict[str, object] | None = None,
) -> Response:
    """A part of a list under its name, with where the next one begins in the body and in the header ``Link``."""
    part, after = page.part(items, key)
    headers = {}
    if after is not None:
        following = request.url.include_query_params(after=after)
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    body = {name: [show(item) for item in part], **(beside or {}), "next": after}
    return json_answer(request, body, headers=headers)


def value_answer(request: Request, value: object, told: Callable[[], object]) -> Response:
    """A value as JSON for all programs, or as itself for those that ask for `VALUE`."""
    if VALUE in request.headers.get("accept", ""):
        return json_answer(request, encoded(value), media_type=VALUE)
    return json_answer(request, told())


def _cursor(key: Key) -> str:
    text = json.dumps(key, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _key_of(cursor: str) -> Key:
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise _no_cursor(cursor) from None
    if not isinstance(told, list):
        raise _no_cursor(cursor)
    return tuple(told)


def _no_cursor(cursor: str) -> SpecificationError:
    return SpecificationError(f"{cursor!r} is no `next` of this list")
