"""What all routes share: the ledger, the cached standings, the templates, and how a page becomes an answer."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote, quote_plus

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.datastructures import URL
from starlette.responses import Response
from starlette.types import Scope as Connection

from arena.entrants import mixed_teams
from arena.games import GameInfo, list_games
from arena.ledger import Ledger
from arena.polls.voters_ledger import VotersLedger
from arena.server import numbers
from arena.server.access import Scope, visitor_of
from arena.server.assets import asset
from arena.server.ladder import Ladder
from arena.server.ladder_rows import LadderRow
from arena.server.standings_cache import StandingsCache
from arena.server.starcraft_views import marked_title, starcraft_view
from arena.server.teams import members_of, short_name

THEMES = ("light", "dark")
LONG_NAME = 24  # characters
NAMES_KEPT = 8192  # as they are written: every page says the same ones


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One ledger as a web site. ``closing`` is set when the server stops: streams end then."""

    ledger: Ledger
    standings: StandingsCache
    templates: Environment
    closing: threading.Event

    @staticmethod
    def of(ledger: Ledger) -> Site:
        return Site(ledger, StandingsCache(ledger), _templates(), threading.Event())

    def state(self) -> Mapping[str, Hashable]:
        """Of each topic a value that is another one whenever pages about it may be: it was written, or standings were computed."""
        return {**self.ledger.changes(), **self.standings.computed}


def _site(request: Request) -> Site:
    """What whoever asks may see: without votes that are kept back (`arena.polls.voters_ledger`), but for admins."""
    shown = cast("Site", request.app.state.site)
    if visitor_of(request).may(Scope.ADMIN) and cast("VotersLedger", shown.ledger).withholds():
        return _whole_site(request)
    return shown


def _whole_site(request: Request) -> Site:
    return cast("Site", request.app.state.whole_site)


SiteOf = Annotated[Site, Depends(_site)]
WholeSite = Annotated[Site, Depends(_whole_site)]
"""The ledger with all that is in it: for routes that write, and those of polls, which say themselves what voters may see."""


def page(request: Request, template: str, *, status: int = 200, **context: object) -> Response:
    """A template as an answer with an entity tag; an unchanged page is answered with 304 and no body."""
    templates = cast("Site", request.app.state.site).templates
    theme = request.cookies.get("theme", "")
    html = templates.get_template(template).render(
        theme=theme if theme in THEMES else "",
        theme_links={name: _link(request, request.url.include_query_params(theme=name)) for name in THEMES},
        path=asked_path(request.scope),
        address_with=lambda changed: _link(request, request.url.include_query_params(**changed)),
        visitor=visitor_of(request),
        csrf_token=visitor_of(request).form_token,
        **context,
    )
    return tagged(request, html.encode(), "text/html; charset=utf-8", status)


def json_answer(
    request: Request,
    value: object,
    *,
    status: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A value as JSON with an entity tag. Numbers that JSON does not know are a mistake of ours and raise."""
    body = json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")
    answer = tagged(request, body, media_type, status)
    answer.headers.update({"Vary": "Accept, Authorization, Cookie", **(headers or {})})
    return answer


def download(body: str | bytes, *, media_type: str, filename: str) -> Response:
    """What is to be saved as a file."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in filename)
    headers = {"Content-Disposition": f'attachment; filename="{safe}"', "Cache-Control": "no-cache"}
    return Response(body, media_type=media_type, headers=headers)


def game_address(specification: str) -> str:
    """A slash inside a specification stays one, but where browsers would take a part of it for a step up or for nothing."""
    steps = any(part in ("", ".", "..") for part in specification.split("/"))
    return "/games/" + quote(specification, safe=":(),=@-._" if steps else ":(),=@/-._")


@functools.lru_cache(maxsize=NAMES_KEPT)
def agent_address(label: str) -> str:
    return "/agents/" + quote(label, safe="@-._")


def pairing_address(agent: str, opponent: str) -> str:
    """Where the matches of two entrants are listed: on the page of the one that is an agent; '' where both are teams."""
    if members_of(agent):
        agent, opponent = opponent, agent
    return "" if members_of(agent) else f"{agent_address(agent)}?against={quote(opponent, safe='')}#matches"


def versus_address(game: str, agent: str, opponent: str) -> str:
    """Where two entrants of a ladder are held against each other."""
    return f"/versus?game={_quoted(game)}&a={_quoted(agent)}&b={_quoted(opponent)}"


def tournament_address(key: str) -> str:
    return "/tournaments/" + quote(key, safe="-._")


def match_address(key: str, number: int) -> str:
    return f"{tournament_address(key)}/matches/{number}"


@functools.cache
def playable_games() -> tuple[GameInfo, ...]:
    """The games that can be loaded by name on this machine; listed once, since that loads many of them."""
    return tuple(list_games())


def tagged(request: Request, body: bytes, media_type: str, status: int = 200) -> Response:
    """A body as an answer with an entity tag; to whoever has it 304 and no body."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    own = "private, " if visitor_of(request).account else ""
    headers = {"ETag": tag, "Cache-Control": own + "no-cache", "Vary": "Cookie, Authorization"}
    asked = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    if status == 200 and request.method == "GET" and tag in asked:
        return Response(status_code=304, headers=headers)
    return Response(body, status_code=status, media_type=media_type, headers=headers)


def asked_path(scope: Connection) -> str:
    """The path as the browser wrote it: quoted, so that a link to it leads to the same page."""
    return quote(scope.get("raw_path") or scope["path"], safe="%/:@!$&'()*+,;=-._~")


def _link(request: Request, url: URL) -> str:
    return asked_path(request.scope) + (f"?{url.query}" if url.query else "")


_quoted = functools.lru_cache(maxsize=NAMES_KEPT)(quote_plus)


@functools.lru_cache(maxsize=NAMES_KEPT)
def _name(label: str) -> Markup:
    """``name@version`` with the version set back, ``team(name@version+...)`` with its members; only a long name may break."""
    if members_of(label):
        name = short_name(label)
        return Markup('<span class="nb">{}</span><span class="v">{}</span>').format(
            name, Markup("+<wbr>").join(label[len(name) :].split("+"))
        )
    name, at, version = label.rpartition("@")
    shown = Markup('{}<span class="v">@{}</span>').format(name, version) if at else escape(label)
    return Markup('<span class="nb">{}</span>').format(shown) if len(label) <= LONG_NAME else Markup("{}").format(shown)


def _whole_words(sentence: str) -> Markup:
    """A sentence whose names do not break at their hyphens, and whose percentages stay with their sign."""
    words = [
        Markup('<span class="nb">{}</span>').format(word) if "-" in word and len(word) <= LONG_NAME else escape(word)
        for word in sentence.replace(" %", f"{numbers.NBSP}%").split(" ")
    ]
    return Markup(" ").join(words)


def _opened(sentence: str) -> str:
    """A sentence with a capital at its start, but for an agent's name, which stays as it is."""
    first = sentence.partition(" ")[0]
    return sentence if "@" in first else sentence[:1].upper() + sentence[1:]


def _kept_row(environment: Environment, ladder: Ladder, row: LadderRow) -> Markup:
    """A row of a ladder as its table has it; a macro for each of a hundred rows takes longer than all the rest of a page."""
    if row not in ladder.drawn:
        ladder.drawn[row] = environment.get_template("parts.html").module.board_row(ladder, row)  # type: ignore[attr-defined]  # a macro
    return ladder.drawn[row]


def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        asset=asset,
        numbers=numbers,
        game_address=game_address,
        agent_address=agent_address,
        tournament_address=tournament_address,
        match_address=match_address,
        pairing_address=pairing_address,
        versus_address=versus_address,
        members_of=members_of,
        mixed_teams=mixed_teams,
        short_name=short_name,
        starcraft=starcraft_view,
    )
    environment.globals["kept_row"] = functools.partial(_kept_row, environment)
    environment.filters.update(
        agent_name=_name,
        is_team=lambda label: bool(members_of(label)),
        whole_words=_whole_words,
        opened=_opened,
        quoted=_quoted,  # a call of a filter takes a tenth of that of a function
        marked_title=marked_title,
    )
    return environment
