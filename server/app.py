"""The web application over one ledger: pages, their numbers as JSON, live progress, files."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from arena.ledger import Ledger
from arena.server import (
    agent_pages,
    anytime_pages,
    api,
    errors,
    game_pages,
    home,
    live,
    match_pages,
    service,
    tournament_pages,
    training_views,
)
from arena.server.assets import Assets
from arena.server.head_requests import HeadAsGet
from arena.server.headers import SecurityHeaders
from arena.server.settings import ServerSettings
from arena.server.site import Site
from arena.server.theme import ThemeChoice

DESCRIPTION = (
    "The numbers of Arena's pages. Every number is a function of the ledger; errors have one shape, `{error: {...}}`."
)


def create_app(ledger: Ledger, settings: ServerSettings | None = None) -> FastAPI:
    """The application over a ledger, which may be open while tournaments write. ``settings``: None are the defaults."""
    app = FastAPI(
        title="Arena",
        version=version("minimax-arena"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings or ServerSettings()
    app.state.site = Site.of(ledger)
    for module in (
        service,
        home,
        game_pages,
        anytime_pages,
        agent_pages,
        live,
        match_pages,
        tournament_pages,
        training_views,
    ):
        app.include_router(module.router, include_in_schema=False)
    app.include_router(api.router)
    app.mount("/static", Assets())
    errors.install(app)
    app.add_middleware(ThemeChoice)
    app.add_middleware(HeadAsGet)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(SecurityHeaders)
    return app
