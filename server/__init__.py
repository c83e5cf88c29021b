"""The browser and the HTTP API over a ledger. It reads; the engine writes."""

from __future__ import annotations

from arena.server.app import create_app
from arena.server.run import serve

__all__ = ["create_app", "serve"]
