"""Mean returns with the luck taken out, for a ladder's page: computed where that is quick, else the command that computes them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import lru_cache

from arena.adjusted_returns import METHOD_WORDS, AdjustedReturns, digits_of
from arena.counterfactual import Where
from arena.games import ArenaError, NotProvided, SpecificationError, load_game
from arena.games.compile_tree import compile_tree
from arena.leaderboards.control_variates import AdjustedMean, MeanError
from arena.server import numbers
from arena.server.site import Site
from arena.standings import Standings

QUICK_HISTORIES = 20_000
QUICK_MATCHES = 20_000
"""Up to here a page waits less than a second for them, once for each state of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanLine:
    """An agent's means in words. ``worth``: how many times as many matches would make the mean as paid as certain."""

    agent: str
    paid: str
    adjusted: str
    worth: str
    matches: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedView:
    """The means, or where they take longer the ``command`` that prints them."""

    finding: str = ""
    method: str = ""
    lines: tuple[MeanLine, ...] = ()
    notes: tuple[str, ...] = ()
    computed_at: str = ""
    command: str = ""


def adjusted_view(site: Site, standings: Standings, where: Where) -> AdjustedView | None:
    """Raw and adjusted means of a ladder's matches; None where nothing takes luck out of them."""
    if where.seat is not None:
        return None
    size = _histories(standings.game)
    if size is None:
        return None
    if _is_quick(standings):
        try:
            found = site.standings.adjusted(standings.game, where=where)
        except ArenaError:  # of which the ladder itself says more
            return None
        if found.method == "twins":
            return None
        return AdjustedView(
            finding=found.finding,
            method=METHOD_WORDS[found.method],
            lines=tuple(_line(mean) for mean in found.agents if mean.matches),
            notes=found.notes,
            computed_at=found.computed_at,
        )
    return None if where else AdjustedView(command=_command(standings))


def quickly_adjusted(site: Site, standings: Standings, where: Where) -> AdjustedReturns:
    """The means of a ladder's matches.

    Raises:
        NotProvided: they take longer than somebody waits for.
        SpecificationError: of one seat alone.
        ArenaError: what `arena.adjusted_returns.adjusted_standings` raises.
    """
    if where.seat is not None:
        raise SpecificationError("the luck is taken out of all seats together: leave the seat out")
    if not _is_quick(standings):
        raise NotProvided(f"this takes long; a copy of the ledger tells it: arena pull, then {_command(standings)}")
    return site.standings.adjusted(standings.game, where=where)


def _is_quick(standings: Standings) -> bool:
    return bool(_histories(standings.game)) and standings.matches <= QUICK_MATCHES


def _command(standings: Standings) -> str:
    return f"arena leaderboard {shlex.quote(standings.game)} --adjusted"


@lru_cache(maxsize=256)
def _histories(game: str) -> bool | None:
    """Whether the game's tree is small; None where the game cannot be loaded here, so that no luck is known."""
    try:
        loaded = load_game(game)
    except ArenaError:
        return None
    try:
        compile_tree(loaded, max_nodes=QUICK_HISTORIES)
    except ArenaError:
        return False
    return True


def _line(mean: AdjustedMean) -> MeanLine:
    return MeanLine(
        agent=mean.agent,
        paid=interval_in_words(mean.raw),
        adjusted=interval_in_words(mean.adjusted),
        worth="exact" if mean.is_exact else numbers.MISSING if mean.worth is None else f"{mean.worth:,.1f}×",
        matches=numbers.count(mean.matches),
    )


def interval_in_words(mean: MeanError) -> str:
    """``+0.312 ±0.021``, with as many digits as the half width says something of."""
    digits = digits_of(mean)
    half = "" if mean.error != mean.error else f" ±{mean.half_width:.{digits}f}" if mean.error > 0 else " ±0"
    return numbers.signed(mean.mean, digits) + half
