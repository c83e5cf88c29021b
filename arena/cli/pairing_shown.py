"""A Swiss table, a bracket and the state of an aim as people read them in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.cli.output import say, table

if TYPE_CHECKING:
    from arena.cli.output import Head
    from arena.pairing.state import AdaptiveState, KnockoutState, PairingState, SwissState


def print_pairing(state: PairingState) -> None:
    """The finding, then its proof."""
    from arena.pairing.state import AdaptiveState, KnockoutState, SwissState

    said, names = state.sentence, state.conclusion.agents if isinstance(state, AdaptiveState) else state.labels
    say((said if said.startswith(names) else said[:1].upper() + said[1:]) + ".")
    if isinstance(state, SwissState):
        _print_swiss(state)
    elif isinstance(state, KnockoutState):
        _print_bracket(state)
    else:
        _print_adaptive(state)


def _print_swiss(state: SwissState) -> None:
    heads: list[Head] = [
        ("place", "right"),
        "agent",
        ("points", "right"),
        ("Buchholz", "right"),
        ("Sonneborn-Berger", "right"),
        ("of all points", "right"),
        ("byes", "right"),
    ]
    rows = [
        [
            str(place),
            state.labels[row.entrant],
            f"{row.points:g}",
            f"{row.buchholz:g}",
            f"{row.sonneborn_berger:g}",
            "-" if row.share is None else f"{100 * row.share:.0f} %",
            str(row.byes),
        ]
        for place, row in enumerate(state.rows, 1)
    ]
    table(heads, rows, optional=("byes", "of all points", "Sonneborn-Berger"))
    say("a round won counts 1, level ½; a bye counts 1 and is not rated")


def _print_bracket(state: KnockoutState) -> None:
    rows = []
    for number, stage in enumerate(state.bracket.stages):
        for tie in stage:
            names = ["?" if one is None else state.labels[one] for one in (tie.first, tie.second)]
            points = " - ".join(f"{halves / 2:g}" for halves in tie.half_points) if tie.matches else ""
            if tie.how == "bye":
                names[1], points = "", "bye"
            winner = "" if tie.winner is None else state.labels[tie.winner]
            how = {
                "further pairs": f"after {tie.pairs} further pairs",
                "seed": "level: the better seed" if tie.matches else "the game failed: the better seed",
            }
            rows.append([state.stage_name(number), names[0], points, names[1], winner, how.get(tie.how or "", "")])
    table(["stage", "better seed", "points", "worse seed", "goes on", "how"], rows, optional=("how", "goes on"))


def _print_adaptive(state: AdaptiveState) -> None:
    said = state.conclusion
    heads: list[Head] = [
        "agent",
        ("mean score", "right"),
        ("matches", "right"),
        ("worth", "right"),
        (f"certain, {100 * (1 - said.error_rate):g} %", "right"),
    ]
    rows = []
    for i, agent in enumerate(said.agents):
        bounds = "" if said.low[i] != said.low[i] else f"{said.low[i]:.2f} to {said.high[i]:.2f}"
        mean = "" if state.mean_score[i] != state.mean_score[i] else f"{100 * state.mean_score[i]:.0f} %"
        rows.append([agent, mean, f"{state.matches[i]:,}", f"{state.effective[i]:.0f}", bounds])
    order = sorted(range(len(rows)), key=lambda i: -state.mean_score[i] if rows[i][1] else 1.0)
    table(heads, [rows[i] for i in order], optional=("worth",))
    alike = "every opponent counts the same" if state.all_met else "some never met, so that not every opponent counts"
    say(
        f"mean scores are weighted by the inverse of the probabilities with which pairs were drawn ({alike}); "
        "worth: how many equally weighted matches tell as much"
    )
