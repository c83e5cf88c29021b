"""What goes wrong, said once: a page for people, one JSON shape for programs."""

from __future__ import annotations

import http
import logging
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from arena.accounts import ManySignIns
from arena.agents.sandbox import SandboxUnavailable
from arena.connection import BrokenLedger, DamagedLedger, LedgerUnavailable
from arena.games import ArenaError, UnknownName
from arena.server.access import SAFE_METHODS
from arena.server.match_pages import MatchMissing
from arena.server.site import asked_path, page
from arena.server.standings_cache import StandingsUnderWay

NOT_FOUND = (UnknownName, MatchMissing)
NO_LEDGER = (LedgerUnavailable, BrokenLedger, DamagedLedger)
IN_A_MOMENT = (*NO_LEDGER, ManySignIns, StandingsUnderWay, SandboxUnavailable)
UNCONFINED = (
    "this server cannot confine what others sent at the moment, and so neither reads nor plays it; its log says why, for its operator: "
    "try again later"
)
UNANSWERED = (
    "this server's ledger does not answer at the moment; the server's log says why, for its operator: try again later"
)
"""Both in place of how this machine is made."""
AGAIN = {"Retry-After": "3", "Refresh": "3"}  # by which browsers load the page again, without a script

logger = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Adds the answers to errors: 404 for names in an address, 422 for those in what is sent and for what cannot be read, 503 for
    what passes, 400 for what else a user can mend."""
    app.add_exception_handler(ArenaError, _arena_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, _invalid)


def refused_handshake(error: HTTPException) -> Response:
    """The answer to who asks for a WebSocket and gets none, whatever its address: such clients are programs."""
    return _told(error.status_code, _kind(error), error.detail, dict(error.headers or {}))


def _arena_error(request: Request, error: Exception) -> Response:
    status = 503 if isinstance(error, IN_A_MOMENT) else 400
    if isinstance(error, NOT_FOUND):  # an address that names nothing it writes to is there: what it was sent names it
        status = 404 if request.method in SAFE_METHODS or request.path_params else 422
    message = str(error)
    if isinstance(error, (SandboxUnavailable, *NO_LEDGER)):
        logger.error("%s %s: %s", request.method, request.url.path, message)
        message = UNCONFINED if isinstance(error, SandboxUnavailable) else UNANSWERED
    again = AGAIN if isinstance(error, StandingsUnderWay) else None
    return _answer(request, status, type(error).__name__, message, again)


def http_error(request: Request, error: Exception) -> Response:
    """The answer that an `HTTPException` asks for; who must sign in to see a page is led there."""
    assert isinstance(error, HTTPException)
    if error.status_code == 401 and request.method in SAFE_METHODS and not _is_program(request):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/sign-in?next={quote(asked_path(request.scope) + query, safe='/')}", 303)
    message = f"there is no page {request.url.path}" if error.status_code == 404 else error.detail
    return _answer(request, error.status_code, _kind(error), message, dict(error.headers or {}))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{'.'.join(str(part) for part in e['loc'][1:])}: {e['msg']}" for e in error.errors())
    return _answer(request, 422, "InvalidRequest", said)


def our_fault(request: Request, error: Exception) -> Response:
    """The answer to a mistake of ours, which is logged."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(request, 500, "InternalError", "the server failed on this request; its log says why")


def _answer(request: Request, status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Response:
    if _is_program(request):
        return _told(status, kind, message, headers)
    answer = page(request, "error.html", status=status, code=status, message=message)
    answer.headers.update(headers or {})
    return answer


def _told(status: int, kind: str, message: str, headers: dict[str, str] | None) -> Response:
    return JSONResponse({"error": {"status": status, "kind": kind, "message": message}}, status, headers=headers)


def _kind(error: HTTPException) -> str:
    return http.HTTPStatus(error.status_code).phrase.title().replace(" ", "")


def _is_program(request: Request) -> bool:
    return request.url.path.startswith("/api/") or request.url.path in ("/openapi.json", "/metrics")
