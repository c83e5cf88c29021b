"""The filters of a counterfactual board as an address says them: what pages link to, and what a program asks a server for."""

from __future__ import annotations

from arena.counterfactual import Where


def query_of(where: Where) -> list[tuple[str, str]]:
    """Names and values of an address; the server reads the same filters back."""
    found = [("without_forfeits", "1")] if where.without_forfeits else []
    given = (("seat", where.seat), ("since", where.since), ("until", where.until))
    found += [(name, str(value)) for name, value in given if value is not None]
    found += [("tournament", key) for key in where.tournaments]
    found += [("without_agent", name) for name in where.without_agents]
    found += [("without_judge", name) for name in where.without_judges]
    return found + [("context", name) for name in where.contexts]
