"""The description of the API: made once a process, since that takes seconds, and beside the loop that answers everybody."""

from __future__ import annotations

import json
import threading
import warnings

from fastapi import APIRouter, FastAPI, Request
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from arena.server.site import tagged

router = APIRouter()

_making = threading.Lock()
_made: list[bytes] = []
"""The description, once it is made: all applications of a process have the same routes."""


@router.get("/openapi.json")
async def describe(request: Request) -> Response:
    if _making.locked():
        await run_in_threadpool(description, request.app)  # until it is there
    return tagged(request, description(request.app), "application/json")


def description(app: FastAPI) -> bytes:
    """The routes of the API as an OpenAPI document."""
    with _making:
        if not _made:
            _made.append(json.dumps(app.openapi(), ensure_ascii=False).encode())
        return _made[0]


def begin_description(app: FastAPI) -> None:
    """Makes it beside whatever else begins, so that whoever asks first need not wait.

    FastAPI hushes pydantic's words on unused attributes by filters that two threads take from each other. Here they are hushed for good, and
    nothing else makes it on another thread than the one that answers.
    """
    warnings.simplefilter("ignore", category=UnsupportedFieldAttributeWarning)
    threading.Thread(target=description, args=(app,), daemon=True).start()
