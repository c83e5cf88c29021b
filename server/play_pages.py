"""Playing against an agent in the browser: whom, in which game, from which seat; then the match's own page."""

from __future__ import annotations

import functools
import secrets
from collections import Counter
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from arena.agents.protocol import Hello
from arena.agents.registry import is_specification
from arena.agents.sandbox import SandboxUnavailable
from arena.config import TournamentConfig, make_config, short_name
from arena.games import ArenaError, GameInfo, SpecificationError, load_game
from arena.ledger_rows import AgentVersion, Tournament
from arena.presence import arrive, register_person
from arena.server.access import Scope, allowed, visitor_of
from arena.server.gate import address_of
from arena.server.live_match import live_address
from arena.server.play_limits import PlayLimits, matches_of
from arena.server.players import Player, can_be_met, keep_guest, new_guest, player_of
from arena.server.rates import client_of
from arena.server.site import Site, SiteOf, page, playable_games
from arena.table_host import MOST_TABLES, TableHost
from arena.tournament import create_tournament

MOVE_S = 600.0  # for a person's move; who leaves has lost by then
COMING_S = 120.0  # how long a person counts as there before the first question
FIRST_GAME = "openspiel:tic_tac_toe"  # where none is asked for
ALWAYS = ("random", "mcts(simulations=100)")
"""Opponents that need no registration."""

Seat = Literal["first", "second", "either"]

router = APIRouter()


@router.get("/play")
def choose(
    request: Request,
    site: SiteOf,
    game: Annotated[str, Query(max_length=300)] = "",
    opponent: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    return _form(request, site, game=game or FIRST_GAME, opponent=opponent)


@router.post("/play", dependencies=[Depends(allowed(Scope.PLAY))])
def begin(
    request: Request,
    site: SiteOf,
    game: Annotated[str, Form(max_length=300)],
    opponent: Annotated[str, Form(max_length=300)],
    seat: Annotated[Seat, Form()] = "either",
    rated: Annotated[bool, Form()] = False,
) -> Response:
    player = player_of(request) or new_guest()
    try:
        tournament = begin_match(request, site, player, game=game, opponent=opponent, seat=seat, rated=rated)
    except SandboxUnavailable:  # nothing that was chosen is wrong
        raise
    except HTTPException as refused:
        if refused.status_code != 409:
            raise
        return _form(request, site, game=game, opponent=opponent, problem=refused.detail, status=409)
    except ArenaError as error:
        return keep_guest(_form(request, site, game=game, opponent=opponent, problem=str(error)), request, player)
    return keep_guest(RedirectResponse(live_address(tournament.key, 0), 303), request, player)


def begin_match(
    request: Request, site: Site, player: Player, *, game: str, opponent: str, seat: Seat, rated: bool
) -> Tournament:
    """The tournament of one match, of a person against an agent, which begins.

    Args:
        request: of whoever wants it.
        site: whose ledger keeps it.
        player: the person; matches of guests are never rated.
        game: its specification.
        opponent: a registered agent, by its label or by its name the newest version, or a kind of Arena's own.
        seat: of the person.
        rated: whether it counts on leaderboards.

    Raises:
        HTTPException: as `PlayLimits.begin`.
        ArenaError: the game cannot be played so, or the opponent cannot be met.
    """
    if game not in playable_here(site):
        raise SpecificationError(f"{game} cannot be played in a browser")

    def create() -> Tournament:
        person = register_person(site.ledger, player.name, account=player.owner)
        arrive(
            site.ledger,
            person,
            game,
            Hello(name=player.name, wants=("text",), matches=MOST_TABLES),
            connection=f"browser of {player.name}",
            here_s=COMING_S,
        )
        config = _config(site, person, game, opponent, seat, rated=rated and not player.cookie)
        return create_tournament(config, site.ledger, from_elsewhere=True)

    limits: PlayLimits = request.app.state.play_limits
    tournament = limits.begin(site.ledger, player, client_of(address_of(request)), create)
    tables: TableHost | None = request.app.state.tables
    if tables is not None:
        tables.open_table()
    return tournament


def playable_here(site: Site) -> dict[str, GameInfo]:
    """The games that a person can play in a browser, by specification: all that are listed, and those of the ledger with other parameters."""
    listed = {info.specification: info for info in playable_games() if _fits_a_browser(info)}
    ours = {row.game: playable_game(row.game) for row in site.ledger.games() if row.game not in listed}
    return listed | {game: info for game, info in ours.items() if info is not None}


@functools.lru_cache(maxsize=2048)
def playable_game(specification: str) -> GameInfo | None:
    """None where no person can play it in a browser, or it is not on this machine, as that of results from elsewhere."""
    try:
        info = load_game(specification).info
    except ArenaError:
        return None
    return info if _fits_a_browser(info) else None


def _fits_a_browser(info: GameInfo) -> bool:
    """Whether it is of two players, with listed actions."""
    return info.num_players == 2 and info.action_space.kind == "discrete" and info.lane != "hosted" and not info.teams


def play_address(opponent: str, game: str | None = None) -> str:
    """The form on which an opponent is chosen already, and a game."""
    return "/play?" + urlencode({"opponent": opponent} | ({"game": game} if game else {}))


def _config(site: Site, person: AgentVersion, game: str, opponent: str, seat: Seat, *, rated: bool) -> TournamentConfig:
    """One match of the person against an agent of the ledger, or one of Arena's own kinds."""
    agents = site.ledger.agents()
    registered = {agent.name: agent for agent in agents} | {agent.label: agent for agent in agents}
    named = None if is_specification(opponent) else registered.get(opponent)
    if named is not None and not can_be_met(named):
        raise SpecificationError(
            f"nobody plays against {opponent} here: it is a person, or each of its moves costs money"
        )
    other = (named.name, named.label) if named is not None else (short_name(opponent), opponent)
    me = (person.name, person.label)
    first = seat == "first" or (seat == "either" and secrets.randbelow(2) == 0)
    return make_config(
        {
            "name": f"{person.name.partition('.')[0]} against {other[1]}"[:100],
            "game": game,
            "agents": dict([me, other] if first else [other, me]),
            "pairing": "seated",
            "matches": 1,
            "move_clock_s": MOVE_S,
            "rated": rated,
        },
        source="the match",
    )


def opponents_of(site: Site, game: str) -> dict[str, list[str]]:
    """By groups: who has played the game before, Arena's own kinds, and who else is registered, but may not fit it."""
    there = [agent.label for agent in site.ledger.agents() if can_be_met(agent)]
    before = {agent.label for one in site.ledger.tournaments(game) for agent in one.agents}
    groups = {
        "Have played it": [label for label in there if label in before],
        "Arena's own": list(ALWAYS),
        "Others, which may not fit the game": [label for label in there if label not in before],
    }
    return {name: labels for name, labels in groups.items() if labels}


def _form(request: Request, site: Site, *, game: str, opponent: str, problem: str = "", status: int = 400) -> Response:
    player = player_of(request)
    played = {row.game for row in site.ledger.games()}  # these first
    offered = sorted(playable_here(site).values(), key=lambda info: (info.specification not in played, info.title))
    bearers = Counter(info.title for info in offered)
    return page(
        request,
        "play.html",
        status=status if problem else 200,
        games=[
            (one.specification, one.title if bearers[one.title] == 1 else f"{one.title} ({one.specification})")
            for one in offered
        ],
        opponents=opponents_of(site, game),
        game=game,
        opponent=opponent,
        may_play=visitor_of(request).may(Scope.PLAY),
        under_way=[]
        if player is None
        else [(live_address(one.key, 0), one) for one in matches_of(site.ledger, player)],
        problem=problem,
    )
