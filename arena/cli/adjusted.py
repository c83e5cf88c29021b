"""`arena leaderboard --adjusted`: mean returns with the luck taken out, beside those that were paid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.adjusted_returns import AdjustedReturns
    from arena.leaderboards.control_variates import AdjustedMean, MeanError

PAIRS_AT_MOST = 60  # a longer list of pairs is read by programs


def print_adjusted(found: AdjustedReturns) -> None:
    """Finding, agents, pairs, notes."""
    from arena.cli.output import say

    say(f"{found.title}: {found.finding}")
    _print_means(found.agents, found, title=None)
    if len(found.agents) > 2 and found.pairs:
        if len(found.pairs) <= PAIRS_AT_MOST:
            _print_means(found.pairs, found, title="Against each opponent")
        else:
            say(f"{len(found.pairs):,} means against single opponents: --json")
    if found.method != "twins":
        say("worth: how many times as many matches would make the mean as paid as certain as the adjusted one")
    say("twins worth: how many times as many matches without seat-swapped twins these matches stand for")
    for note in found.notes:
        say(f"Note: {note}")
    where = f" of {', '.join(found.tournaments)}; computed {found.computed_at}" if found.tournaments else ""
    say(f"{found.game}, {found.matches:,} matches played to their end{where}")


def _print_means(means: Sequence[AdjustedMean], found: AdjustedReturns, *, title: str | None) -> None:
    from arena.cli.output import Head, table

    shown = f"{100 * found.confidence:g} %"
    columns: list[tuple[Head, Callable[[AdjustedMean], str]]] = [("agent", lambda mean: mean.agent)]
    if title is not None:
        columns.append(("against", lambda mean: mean.against or ""))
    columns += [
        (("matches", "right"), lambda mean: f"{mean.matches:,}"),
        (("mean return", "right"), lambda mean: _mean(mean.raw)),
        ((shown, "right"), lambda mean: _half_width(mean.raw)),
    ]
    if found.method != "twins":
        columns += [
            (("adjusted mean", "right"), lambda mean: _mean(mean.adjusted)),
            ((f"{shown} ", "right"), lambda mean: _half_width(mean.adjusted)),
            (("worth", "right"), lambda mean: "exact" if mean.is_exact else _times(mean.worth)),
        ]
    columns.append((("twins worth", "right"), lambda mean: _times(mean.twins_worth)))
    table(
        [head for head, _ in columns],
        [[cell(mean) for _, cell in columns] for mean in means],
        title=title,
        optional=("twins worth", "matches"),
    )


def _mean(mean: MeanError) -> str:
    from arena.adjusted_returns import digits_of
    from arena.leaderboards.wording import signed

    return signed(mean.mean, digits_of(mean)) if mean.mean == mean.mean else "–"


def _half_width(mean: MeanError) -> str:
    """A dash where there is no interval; ±0 where nothing was sampled."""
    from arena.adjusted_returns import digits_of

    if mean.error != mean.error:
        return "–"
    return f"±{mean.half_width:.{digits_of(mean)}f}" if mean.error > 0 else "±0"


def _times(worth: float | None) -> str:
    if worth is None:
        return "–"
    return f"{worth:.1f}×" if worth < 100 else f"{worth:,.0f}×"
