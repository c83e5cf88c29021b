"""What the site needs beside its pages: health, the page of the API, robots."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from arena.server.site import SiteOf, page

router = APIRouter()


@router.get("/healthz")
def health(site: SiteOf) -> Response:
    """Answers once the ledger can be read."""
    return JSONResponse({"status": "ok", "games": len(site.ledger.games())}, headers={"Cache-Control": "no-store"})


@router.get("/docs")
def docs(request: Request) -> Response:
    """The API, drawn by Swagger UI from our own files: it keeps the same content policy as every page."""
    return page(request, "docs.html")


@router.get("/robots.txt")
def robots() -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /api/\n")
