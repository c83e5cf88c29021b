"""The routes of an application, whichever routers they were included by."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Each (method, path); a path with its parameters' names."""
    for route in app.routes:
        nested = route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else [route]
        for one in nested:
            for method in sorted(getattr(one, "methods", None) or ()):
                yield method, one.path
