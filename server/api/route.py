"""Routes of the API: reads that may need no token, and writes that are of the media type that the route takes and are done once however
often they come with one ``Idempotency-Key``."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from arena.heartbeat import heartbeat
from arena.kept_answers import KeptAnswer, OtherRequest, StillAsked, begin, forget, going_on, keep
from arena.server.access import SAFE_METHODS, visitor_of
from arena.server.site import Site, json_answer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 200  # characters
UPLOAD = "application/octet-stream"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def _declared(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias=HEADER,
            min_length=1,
            max_length=LONGEST,
            description="names this request: sent again with the same key within a day it is not done again, and answered as the "
            f"first time, with `{REPLAYED}: true`; another request with the key is refused with 422",
        ),
    ] = None,
) -> None:
    """So that the description of each write names the header; `ApiRoute` reads it."""


IDEMPOTENT = Depends(_declared)
SHOWN_ONCE = (
    "; null where the request is sent again with its `Idempotency-Key`: it is done once, and its secret is shown once"
)


def answer_once(request: Request, value: dict[str, object], *, shown_once: str, status: int = 200) -> Response:
    """A value as JSON whose entry `shown_once` nobody gets again: what is kept for the same request has null in its place."""
    request.state.kept = json.dumps(value | {shown_once: None}).encode()
    return json_answer(request, value, status=status, headers={"Cache-Control": "no-store"})


class ApiRoute(APIRoute):
    """A route whose writes may be repeated safely. The description says of a read that asks for no scope that it may need no token."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any):
        if SAFE_METHODS.issuperset(options.get("methods") or ()) and not options.get("dependencies"):
            options["openapi_extra"] = {"security": [{}], **(options.get("openapi_extra") or {})}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        takes_json = self.body_field is not None

        async def handled(request: Request) -> Response:
            if request.method in SAFE_METHODS:
                return await handle(request)
            if takes_json:
                _require_media(request, "application/json")
            key = request.headers.get(HEADER, "")
            return await (_once(request, key, handle) if 0 < len(key) <= LONGEST else handle(request))

        return handled


async def uploaded(request: Request) -> bytes:
    """The file that is the body of a request."""
    _require_media(request, UPLOAD)
    return await request.body()


Uploaded = Annotated[bytes, Depends(uploaded)]


def upload_body(what: str) -> dict[str, object]:
    """How a route describes a file as its body."""
    content = {UPLOAD: {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"required": True, "description": what, "content": content}}


def _require_media(request: Request, wanted: str) -> None:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != wanted:
        raise HTTPException(415, f"the body of this request must be {wanted}; got {sent or 'none'}")


async def _once(request: Request, key: str, handle: Handler) -> Response:
    """What `handle` answers, or what it answered to the same request before. Only what was done is kept."""
    site: Site = request.app.state.site
    visitor = visitor_of(request)
    said = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    try:
        name, before = await run_in_threadpool(
            begin,
            site.ledger,
            asker=f"{visitor.account} {visitor.scope}",
            key=key,
            request=said,
            salt=request.headers.get("authorization", "").encode(),
        )
    except OtherRequest as error:
        raise HTTPException(422, str(error)) from None
    except StillAsked as error:
        raise HTTPException(409, str(error), {"Retry-After": "1"}) from None
    if before is not None:
        return Response(before.body, before.status, {REPLAYED: "true"}, media_type=before.media_type)
    try:
        with heartbeat(partial(going_on, site.ledger, name)):
            answer = await handle(request)
    except BaseException:
        await run_in_threadpool(forget, site.ledger, name)
        raise
    body = getattr(request.state, "kept", bytes(answer.body))
    kept = KeptAnswer(status=answer.status_code, media_type=answer.headers.get("content-type", ""), body=body)
    await run_in_threadpool(keep, site.ledger, name, kept)
    return answer
