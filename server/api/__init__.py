"""The HTTP interface under ``/api/v1``: one module a resource. Numbers are those of the pages, to the last digit."""

from __future__ import annotations

from fastapi import APIRouter

from arena.server.api import agents, games, leaderboards, matches, tournaments
from arena.server.api.answers import ERRORS

router = APIRouter(prefix="/api/v1", responses=ERRORS)
for module in (games, leaderboards, agents, tournaments, matches):
    router.include_router(module.router)
