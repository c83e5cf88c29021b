"""What goes wrong, said once: a page for people, one JSON shape for programs."""

from __future__ import annotations

import http
import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from arena.games import ArenaError, UnknownName
from arena.server.match_pages import MatchMissing
from arena.server.site import page

NOT_FOUND = (UnknownName, MatchMissing)

logger = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Adds the answers to errors: 404 for unknown names, 400 for what else a user can mend, 422, 500."""
    app.add_exception_handler(ArenaError, _arena_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _our_fault)


def _arena_error(request: Request, error: Exception) -> Response:
    return _answer(request, 404 if isinstance(error, NOT_FOUND) else 400, type(error).__name__, str(error))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = http.HTTPStatus(error.status_code).phrase
    message = f"there is no page {request.url.path}" if error.status_code == 404 else error.detail
    return _answer(request, error.status_code, phrase.title().replace(" ", ""), message, dict(error.headers or {}))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{'.'.join(str(part) for part in e['loc'][1:])}: {e['msg']}" for e in error.errors())
    return _answer(request, 422, "InvalidRequest", said)


def _our_fault(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(request, 500, "InternalError", "the server failed on this request; its log says why")


def _answer(request: Request, status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Response:
    if request.url.path.startswith("/api/") or request.url.path == "/openapi.json":
        body = {"error": {"status": status, "kind": kind, "message": message}}
        return JSONResponse(body, status, headers=headers)
    answer = page(request, "error.html", status=status, code=status, message=message)
    answer.headers.update(headers or {})
    return answer
