"""`arena leaderboard --anytime`: rating differences with bounds that hold at whatever moment one looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.anytime_ratings import AnytimeDifference, AnytimeRatings


def print_anytime(found: AnytimeRatings) -> None:
    """Finding, differences, notes."""
    from arena.cli.output import say

    say(f"{found.title}: {found.finding}")
    shown = found.for_people
    if shown:
        _print_differences(shown, f"{100 * (1 - found.watched.error_rate):g} % at any time")
    if len(shown) < len(found.differences):
        say(f"All {len(found.differences):,} differences: --json")
    say("told apart: after how many units, each a match with its seat-swapped twins")
    for note in found.notes:
        say(f"Note: {note}")
    where = f" of {', '.join(found.tournaments)}; computed {found.computed_at}, here" if found.tournaments else ""
    say(f"{found.game}, {found.units:,} units, {found.matches:,} matches{where}")


def _print_differences(differences: Sequence[AnytimeDifference], bounds: str) -> None:
    from arena.cli.output import table
    from arena.leaderboards.wording import signed

    rows = [
        [
            one.agent,
            one.against,
            "–" if one.difference is None else signed(one.difference),
            "–" if one.low is None or one.high is None else f"{signed(one.low)} to {signed(one.high)}",
            "not yet" if one.told_apart_after is None else f"{one.told_apart_after:,}",
        ]
        for one in differences
    ]
    table(["agent", "against", ("Elo", "right"), (bounds, "right"), ("told apart", "right")], rows)
