"""The description of the API: made once a process, since that takes seconds, and never while the loop waits that answers everybody."""

from __future__ import annotations

import json
import threading

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from arena.server.site import tagged

router = APIRouter()

_making = threading.Lock()
_made: list[bytes] = []
"""The description, once it is made: all applications of a process have the same routes."""


@router.get("/openapi.json")
def describe(request: Request) -> Response:
    return tagged(request, description(request.app), "application/json")


def description(app: FastAPI) -> bytes:
    """The routes of the API as an OpenAPI document."""
    with _making:
        if not _made:
            _made.append(json.dumps(app.openapi(), ensure_ascii=False).encode())
        return _made[0]


def begin_description(app: FastAPI) -> None:
    """Makes it beside whatever else begins, so that whoever asks first need not wait."""
    threading.Thread(target=description, args=(app,), daemon=True).start()
