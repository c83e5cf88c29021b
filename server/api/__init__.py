"""The HTTP interface under ``/api/v1``: one module a resource. Numbers are those of the pages, to the last digit."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from arena.server.api import (
    accounts,
    agents,
    artifacts,
    comparisons,
    exchange,
    figures,
    games,
    jobs,
    leaderboards,
    matches,
    play,
    polls,
    runs,
    seats,
    tournaments,
)
from arena.server.api.answers import READ_ERRORS

TOKEN = HTTPBearer(
    scheme_name="token",
    description="A token of an account: `arena token`, or the account's page. Reading may need none.",
    auto_error=False,
)


def operation_id(route: APIRoute) -> str:
    """What the description calls a route, and clients made of it their functions: the name of ours."""
    return route.name


router = APIRouter(
    prefix="/api/v1",
    responses=READ_ERRORS,
    generate_unique_id_function=operation_id,
)
for module in (
    games,
    leaderboards,
    comparisons,
    figures,
    agents,
    tournaments,
    matches,
    play,
    jobs,
    runs,
    artifacts,
    exchange,
    polls,
    accounts,
):
    router.include_router(module.router, dependencies=[Depends(TOKEN)])
router.include_router(seats.router)
