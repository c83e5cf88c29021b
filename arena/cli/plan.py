"""`arena plan`: how many matches a question needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Json

if TYPE_CHECKING:
    from arena.leaderboards.planning import Simulated


def plan_command(
    difference: Annotated[float | None, typer.Option("--difference", "-d", help="In Elo.")] = None,
    score: Annotated[float | None, typer.Option("--score", help="The better agent's share of the points.")] = None,
    draws: Annotated[float, typer.Option("--draws", help="Share of the matches.")] = 0.3,
    correlation: Annotated[float, typer.Option("--correlation", help="Of the scores of seat-swapped twins.")] = 0.0,
    alpha: Annotated[float, typer.Option("--alpha", help="Error rate.")] = 0.05,
    power: Annotated[float, typer.Option("--power", help="Probability of finding the difference.")] = 0.9,
    agents: Annotated[int, typer.Option("--agents", help="Of the round robin whose intervals are foretold.")] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the simulations.")] = 1,
    json: Json = False,
) -> None:
    """Say how many matches tell a difference from none, at once or until a test decides."""
    from arena.cli.output import say, say_json, table
    from arena.games import SpecificationError
    from arena.leaderboards.planning import plan

    if (score is None) == (difference is None):
        raise SpecificationError(
            "say how large the difference is, with --difference ELO or with --score SHARE, not both"
        )
    try:
        made = plan(
            score=score,
            difference=difference,
            draws=draws,
            correlation=correlation,
            alpha=alpha,
            power=power,
            agents=agents,
            seed=seed,
        )
    except ValueError as error:
        raise SpecificationError(str(error)) from None
    if json:
        say_json(made.to_dict())
        return
    say(made.sentence())
    rows = [
        ["fixed number, two-sided", f"{2 * made.fixed_pairs:,}", "–", f"{100 * power:.0f} % (normal approximation)"]
    ]
    rows += [
        _row(name, found)
        for name, found in (("pentanomial, one-sided", made.gsprt), ("betting, two-sided", made.betting))
        if found is not None
    ]
    table(["test of two agents", ("matches", "right"), ("90 % need at most", "right"), "finds the difference"], rows)
    meetings = agents * (agents - 1) // 2
    say(
        f"A round robin of {agents} equal agents with {2 * made.fixed_pairs:,} matches a pairing, "
        f"{2 * made.fixed_pairs * meetings:,} in all: 95 % intervals of ±{made.half_width:.1f} Elo, "
        f"±{made.difference_half_width:.1f} for the difference of two."
    )


def _row(name: str, found: Simulated) -> list[str]:
    undecided = f", {100 * found.open:.0f} % open" if found.open else ""
    return [
        name,
        f"{2 * found.pairs:,.0f} ± {2 * 1.96 * found.error:,.0f}",
        f"{2 * found.nine_of_ten:,.0f}",
        f"{100 * found.right:.0f} % of {found.runs:,} simulated{undecided}",
    ]
