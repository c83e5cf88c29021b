"""`arena leaderboard GAME --explain AGENT`: what holds a rating up, what would move it, whom to play next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.explanation import AgentExplanation
    from arena.leaderboards.rating_change import RatingChange

OPPONENTS_SHOWN = 12
NEXT_SHOWN = 5


def print_explanation(found: AgentExplanation) -> None:
    """The finding, what changed, then opponents, matches, and whom to play next."""
    from arena.cli.output import say, table
    from arena.leaderboards.methods import RATING_METHODS
    from arena.leaderboards.wording import signed

    told = found.explanation
    digits, unit = RATING_METHODS[told.method].digits, RATING_METHODS[told.method].title
    say(f"{told.agent}: {unit} {signed(told.rating, digits)} ±{told.half_width:.{digits}f}. {_finding(found)}")
    if found.change is not None:
        for sentence in _change(found, found.change, digits):
            say(sentence)
    say("Opponents: a surplus above 0 holds the rating up; without them it moves by:")
    table(
        [
            "opponent",
            ("matches", "right"),
            ("points", "right"),
            ("expected", "right"),
            ("surplus", "right"),
            ("rating without", "right"),
        ],
        [
            [
                one.opponent,
                f"{one.matches:,g}",
                f"{one.points:,g}",
                f"{one.expected:,.1f}",
                signed(one.surplus, 1),
                "none"
                if one.removed != one.removed
                else signed(one.removed, digits) + ("" if one.refitted else " about"),
            ]
            for one in told.opponents[:OPPONENTS_SHOWN]
        ],
    )
    say("Single matches that move it most; arena match show opens them:")
    table(
        ["match", "agents by seat", "returns", ("rating without", "right"), ("alike", "right")],
        [
            [
                key,
                " | ".join(one.agents),
                " ".join(f"{value:g}" for value in one.returns),
                signed(one.removed, max(digits, 2)),
                f"{one.alike:,}",
            ]
            for key, one in zip(found.keys, told.matches, strict=True)
        ],
    )
    say("Opponents that would narrow the interval most, by the model:")
    table(
        ["worth playing", ("matches more", "right"), ("interval then", "right")],
        [[one.opponent, f"{one.matches}", f"±{one.half_width:.{max(digits, 1)}f}"] for one in told.next[:NEXT_SHOWN]],
    )


def _finding(found: AgentExplanation) -> str:
    from arena.leaderboards.wording import signed

    told = found.explanation
    best = max(told.opponents, key=lambda one: one.surplus)
    worst = min(told.opponents, key=lambda one: one.surplus)
    if best.surplus < 0.05 and worst.surplus > -0.05:  # as the table rounds
        return "Every opponent gave it what the ratings expect."
    return (
        f"Its results against {best.opponent} hold it up ({signed(best.surplus, 1)} points more than expected), those against "
        f"{worst.opponent} hold it down ({signed(worst.surplus, 1)})."
    )


def _change(found: AgentExplanation, change: RatingChange, digits: int) -> list[str]:
    from arena.leaderboards.wording import listed, signed

    matches = f"{change.own_matches:,} own and {change.others_matches:,} others' matches are new"
    if change.then != change.then:
        said = [f"Since {found.since}: it had no rating then; now {signed(change.now, digits)}; {matches}."]
    else:
        said = [
            f"Since {found.since}: {signed(change.then, digits)} then, {signed(change.now, digits)} now, a change of "
            f"{signed(change.now - change.then, digits + 1)}: own new matches {signed(change.own, digits + 1)}, others' new "
            f"matches {signed(change.others, digits + 1)}, newcomers to the field {signed(change.field, digits + 1)}; {matches}."
        ]
    if found.divided:
        said.append(
            f"{listed(found.divided)} began before that date and ended after it: a ledger times tournaments, not matches, so "
            "that all of its matches count as new."
        )
    return said
