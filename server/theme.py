"""``?theme=dark`` on any page: remembers the choice in a cookie and goes on to the same page without it."""

from __future__ import annotations

from starlette.datastructures import URL
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from arena.server.site import THEMES, asked_path

YEAR_S = 365 * 86_400


class ThemeChoice:
    """Wraps an application; other requests pass through."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or b"theme=" not in scope["query_string"]:
            await self.app(scope, receive, send)
            return
        url = URL(scope=scope)
        choice = next((part[6:] for part in url.query.split("&") if part.startswith("theme=")), "")
        rest = url.remove_query_params("theme")
        # A path that starts with two slashes would lead to another host.
        target = "/" + asked_path(scope).lstrip("/") + (f"?{rest.query}" if rest.query else "")
        answer = RedirectResponse(target, status_code=303)
        if choice in THEMES:
            answer.set_cookie("theme", choice, max_age=YEAR_S, samesite="lax")
        else:
            answer.delete_cookie("theme")
        await answer(scope, receive, send)
