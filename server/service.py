"""What the site needs beside its pages: health, metrics, the page of the API, robots."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from arena.accounts import Scope
from arena.ledger import Ledger, LedgerError
from arena.ledger_schema import REVISION, revisions
from arena.server.access import visitor_of
from arena.server.gate import address_of
from arena.server.rates import is_loopback
from arena.server.settings import ServerSettings
from arena.server.site import SiteOf, page

router = APIRouter()


@router.get("/healthz")
def health(site: SiteOf) -> Response:
    """Answers once the ledger can be read."""
    return JSONResponse({"status": "ok", "games": len(site.ledger.games())}, headers={"Cache-Control": "no-store"})


@router.get("/readyz")
def ready(site: SiteOf) -> Response:
    """Whether requests should come here: the ledger answers and is of this release, and the server is not being stopped."""
    why = "the server is being stopped" if site.closing.is_set() else _unfit(site.ledger)
    told = {"status": "not ready", "why": why} if why else {"status": "ready"}
    return JSONResponse(told, status_code=503 if why else 200, headers={"Cache-Control": "no-store"})


def _unfit(ledger: Ledger) -> str:
    """Why the ledger cannot be served now, in words that anybody may read; '' where it can."""
    try:
        with ledger.reading() as connection:
            revision = connection.scalar(sa.select(revisions.c.version_num))
    except LedgerError:
        return "the ledger does not answer"
    return "" if revision == REVISION else f"the ledger has revision {revision}, this release reads {REVISION}"


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """What Prometheus reads: from this machine, or as who administers the server."""
    settings: ServerSettings = request.app.state.settings
    forwarded = "x-forwarded-for" in request.headers and not settings.trusted_proxies  # by a proxy that nobody named
    open_here = settings.metrics == "loopback" and is_loopback(address_of(request)) and not forwarded
    if not open_here and not visitor_of(request).may(Scope.ADMIN):
        raise HTTPException(403, "metrics are for admins, and where the setting says so for this machine")
    return Response(
        request.app.state.counts.text(), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
    )


@router.get("/docs")
def docs(request: Request) -> Response:
    """The API, drawn by Swagger UI from our own files: it keeps the same content policy as every page."""
    return page(request, "docs.html")


@router.get("/robots.txt")
def robots() -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /api/\n")
