"""The web application over one ledger: pages, their numbers as JSON, live progress, files."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from arena.ledger import Ledger
from arena.polls.drawing import BallotDrawer
from arena.polls.voters_ledger import VotersLedger
from arena.server import (
    account_pages,
    admin_pages,
    agent_figures,
    agent_pages,
    anytime_pages,
    api,
    api_description,
    downloads,
    errors,
    figures,
    game_pages,
    home,
    job_pages,
    live,
    live_match,
    match_pages,
    new_agent_page,
    new_tournament_page,
    play_pages,
    poll_admin,
    poll_pages,
    population_views,
    position_figures,
    service,
    sign_in_pages,
    tournament_pages,
    training_views,
    versus_pages,
    vote_pages,
)
from arena.server.access import require_form_token
from arena.server.assets import Assets
from arena.server.gate import Gate
from arena.server.head_requests import HeadAsGet
from arena.server.headers import SecurityHeaders
from arena.server.metrics import Counts
from arena.server.page_cache import SMALL, PageCache
from arena.server.planned_pulls import PlannedPulls
from arena.server.play_limits import PlayLimits
from arena.server.records import Records
from arena.server.seat_hub import SeatHub
from arena.server.settings import ServerSettings
from arena.server.site import Site
from arena.server.standings_cache import StandingsCache
from arena.server.theme import ThemeChoice
from arena.table_host import TableHost

DESCRIPTION = (
    "The numbers of Arena's pages. Every number is a function of the ledger; errors have one shape, `{error: {...}}`."
)


def create_app(ledger: Ledger, settings: ServerSettings | None = None) -> FastAPI:
    """The application over a ledger, which may be open while tournaments write. ``settings``: None are the defaults."""
    app = FastAPI(
        title="Arena",
        version=version("minimax-arena"),
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(require_form_token)],
    )
    app.state.settings = settings = settings or ServerSettings()
    app.state.counts = counts = Counts(ledger)
    app.state.site = site = Site.of(VotersLedger(ledger))
    app.state.whole_site = replace(site, ledger=ledger, standings=StandingsCache(ledger))
    app.state.ballot_drawer = BallotDrawer(ledger)
    app.state.planned_pulls = PlannedPulls()
    app.state.seats = SeatHub(ledger)
    app.state.play_limits = PlayLimits()
    app.state.tables = TableHost(ledger) if settings.executor != "none" else None
    for module in (
        service,
        api_description,
        home,
        game_pages,
        anytime_pages,
        new_agent_page,  # before the agents and the tournaments, whose addresses hold any name
        new_tournament_page,
        agent_pages,
        live,
        live_match,
        match_pages,
        play_pages,
        poll_admin,
        poll_pages,
        vote_pages,
        tournament_pages,
        training_views,
        versus_pages,
        figures,
        agent_figures,
        population_views,
        position_figures,
        downloads,
        sign_in_pages,
        account_pages,
        admin_pages,
        job_pages,
    ):
        app.include_router(module.router, include_in_schema=False)
    app.include_router(api.router)
    app.mount("/static", Assets())
    errors.install(app)
    app.add_middleware(ThemeChoice)  # the last that is added is the first that is asked
    app.add_middleware(PageCache, state=site.state)
    app.add_middleware(Gate, ledger=ledger, settings=settings)
    app.add_middleware(GZipMiddleware, minimum_size=SMALL)
    app.add_middleware(Records, counts=counts, access_log=settings.access_log)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    return app
