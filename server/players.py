"""Who plays in a browser: an account, or a guest whom a cookie tells from others, where the operator lets visitors play."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from arena.agent_names import HUMAN
from arena.agents.registry import KEY_SCHEMES
from arena.ledger_rows import AgentVersion
from arena.server.access import Scope, visitor_of
from arena.server.gate import is_encrypted

UNMET = ("external", "human", *KEY_SCHEMES)
COOKIE = "arena-guest"
DAYS_90 = 7_776_000  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A person. ``name``: the agent that it is in matches; ``owner``: whose agents are its; ``cookie``: what its browser keeps."""

    name: str
    owner: str
    cookie: str = ""


def player_of(request: Request) -> Player | None:
    """Who asks, as far as it is known; None of somebody who has never played here, or may not."""
    visitor = visitor_of(request)
    if not visitor.may(Scope.PLAY):
        return None
    if visitor.account is not None:
        return Player(name=f"{visitor.account}{HUMAN}", owner=visitor.account)
    kept = request.cookies.get(COOKIE, "")
    return _guest(kept) if kept else None


def is_player(agent: AgentVersion, player: Player) -> bool:
    """Whether an agent is this person, and no program of the same owner."""
    return agent.name == player.name and agent.lineage.get("account") == player.owner


def can_be_met(agent: AgentVersion) -> bool:
    """Whether a person may play against an agent here: not against other people, nor where each move costs somebody money."""
    return agent.kind not in UNMET and not agent.name.endswith(HUMAN) and not agent.retired


def new_guest() -> Player:
    return _guest(secrets.token_urlsafe(24))


def keep_guest(answer: Response, request: Request, player: Player) -> Response:
    """The answer, that makes a guest's browser keep by what it is known."""
    if player.cookie:
        answer.set_cookie(
            COOKIE,
            player.cookie,
            max_age=DAYS_90,
            httponly=True,
            secure=is_encrypted(request, request.app.state.settings),
            samesite="lax",
        )
    return answer


def _guest(cookie: str) -> Player:
    name = f"guest-{hashlib.sha256(cookie.encode()).hexdigest()[:10]}"
    return Player(name=f"{name}{HUMAN}", owner=f"{name} (a browser)", cookie=cookie)
