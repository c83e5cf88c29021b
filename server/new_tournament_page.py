"""Starting a tournament in a browser: the same job as over the API, and then the page where it can be watched."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from arena.agent_names import HUMAN
from arena.agents.registry import KEY_SCHEMES, PROGRAM_SCHEMES
from arena.approvals import is_approved
from arena.config import ConfigError, Pairing, TournamentConfig, make_config, named_agents, short_name
from arena.games import ArenaError, UnknownName
from arena.leaderboards.aims import FORMS
from arena.ledger_rows import AgentVersion
from arena.named_games import refuse_files
from arena.server.access import Scope, allowed
from arena.server.job_pages import job_address
from arena.server.site import Site, SiteOf, page
from arena.server.tournament_pages import PAIRINGS
from arena.tournament_job import ask_tournament

MOST_LISTED = 60
"""Agents with a box; of more, those that have played the game come first, and all others can be named."""
FORM = "the form"

router = APIRouter(prefix="/new/tournament", dependencies=[Depends(allowed(Scope.RUN))])


class Asked(BaseModel):
    """What the form says, as it was typed. ``agent``: labels of registered agents; ``further``: one a line, as `named_agents` reads them."""

    name: str = Field(default="", max_length=200)
    game: str = Field(default="", max_length=500)
    agent: list[str] = Field(default=[], max_length=MOST_LISTED)
    further: str = Field(default="", max_length=20_000)
    matches: str = Field(default="100", max_length=20)
    pairing: str = Field(default="round_robin", max_length=40)
    challenger: str = Field(default="", max_length=100)
    aim: str = Field(default="", max_length=500)
    common_chance: bool = False
    seed: str = Field(default="", max_length=20)


@router.get("")
def new_tournament_page(request: Request, site: SiteOf, game: Annotated[str, Query(max_length=500)] = "") -> Response:
    return _form(request, site, Asked(game=game))


@router.post("")
def new_tournament(request: Request, site: SiteOf, asked: Annotated[Asked, Form()]) -> Response:
    field = "agents"
    try:
        agents = _agents(site, asked)
        field = ""
        config = _config(asked, agents)
        field = "game"
        refuse_files(site.ledger, config.game)
        field = "agents"
        row = ask_tournament(site.ledger, config)
    except ArenaError as error:
        return _form(request, site, asked, problems=_placed(error, field))
    return RedirectResponse(job_address(row.key), 303)


def _agents(site: Site, asked: Asked) -> dict[str, str]:
    """The agents by the names that they have in the tournament."""
    chosen = [site.ledger.agent(label) for label in asked.agent]
    names = [agent.name for agent in chosen]
    ticked = [f"{one.name if names.count(one.name) == 1 else short_name(one.label)}={one.label}" for one in chosen]
    named = named_agents([*ticked, *(line.strip() for line in asked.further.splitlines() if line.strip())])
    if not named:
        raise ConfigError("choose who plays, or name somebody")
    return named


def _config(asked: Asked, agents: dict[str, str]) -> TournamentConfig:
    values = {
        "name": asked.name.strip(),
        "game": asked.game.strip(),
        "agents": agents,
        "pairing": asked.pairing,
        "matches": _whole(asked.matches),
        "common_chance": asked.common_chance,
    }
    further = {"seed": _whole(asked.seed), "challenger": asked.challenger.strip(), "aim": asked.aim.strip()}
    return make_config(values | {key: value for key, value in further.items() if value != ""}, source=FORM)


def _whole(text: str) -> int | str:
    """The number that was typed; else the text, for the configuration to say what is wrong with it."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() else text


def _placed(error: ArenaError, field: str) -> dict[str, str]:
    """What is wrong, by the field of the form where it is: the one that is asked, or that the sentence begins with; '' for none."""
    said = str(error)
    if isinstance(error, UnknownName):
        return {"game" if error.kind.startswith("game") else "agents": said}
    if field:
        return {field: said}
    said = said.removeprefix(f"{FORM}: ")
    key = said.split()[0].rstrip(":").partition(".")[0]
    fields = {*Asked.model_fields, "agents"}
    return {key if key in fields else "": said.removeprefix(f"{key}: ")}


def _can_play(agent: AgentVersion) -> bool:
    """Whether an agent can be asked for here: it was not imported with its results, is no person, and may run on this machine."""
    if agent.kind in ("external", "human") or agent.name.endswith(HUMAN):
        return False
    return agent.kind not in PROGRAM_SCHEMES + KEY_SCHEMES or is_approved(agent.specification, agent.content_hash)


def _form(request: Request, site: Site, asked: Asked, *, problems: dict[str, str] | None = None) -> Response:
    played = [one for one in site.ledger.tournaments() if one.source == "play"]
    before = {agent.id for one in played if one.game == asked.game for agent in one.agents}
    there = sorted(
        (agent for agent in site.ledger.agents() if _can_play(agent)),
        key=lambda one: (one.label not in asked.agent, one.id not in before, one.name.casefold(), -one.version),
    )
    return page(
        request,
        "new_tournament.html",
        status=400 if problems else 200,
        given=asked,
        problems=problems or {},
        games=sorted({one.game for one in played}),
        agents=there[:MOST_LISTED],
        unlisted=max(0, len(there) - MOST_LISTED),
        pairings={name: PAIRINGS[name] for name in get_args(Pairing)},
        aims=FORMS,
    )
