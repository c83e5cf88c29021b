"""By which names a server lets itself be asked, before anything else is looked at.

A page of a foreign site can have the name of its site lead to this machine (DNS rebinding): a browser then takes what the server answers for
that site's own, and lets the page read it. Only the name in the request tells. An address is no name that anybody could lead elsewhere.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from arena.server.settings import ServerSettings

ANY = "*"
PROBES = ("/healthz", "/readyz")  # asked by whatever name a machine has for another, and tell nothing


class KnownNames:
    """Wraps an application so that only requests by these names reach it, and by addresses."""

    def __init__(self, app: ASGIApp, names: Collection[str]):
        self.app = app
        self.names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        if may_ask(host, self.names):
            await self.app(scope, receive, send)
            return
        said = f"this server is not called {host_name(host)[:100]!r}: who runs it says so by its setting `public_url` or `hosts`"
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        elif scope["path"].startswith("/api/"):
            body = {"error": {"status": 421, "kind": "MisdirectedRequest", "message": said}}
            await JSONResponse(body, 421)(scope, receive, send)
        else:
            await PlainTextResponse(said, 421)(scope, receive, send)


def names_of(settings: ServerSettings) -> set[str]:
    """By which names a server with these settings may be asked, in small letters."""
    machine = socket.gethostname().lower()
    own = {"localhost", machine, f"{machine}.local", settings.host.lower()}
    if settings.public_url:
        own.add(host_name(urlsplit(settings.public_url).netloc))
    return own | {host_name(name) for name in settings.hosts}


def may_ask(host: str, names: Collection[str]) -> bool:
    """Whether a request with this ``Host`` is for a server of these names. One without is no browser's."""
    name = host_name(host)
    return ANY in names or name in names or not name or _is_address(name)


def host_name(host: str) -> str:
    """The name or address in a ``Host``, without its port, in small letters."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
