"""What `arena solve minimax_winner` says of a preference game: the finding as a sentence, a table, what rests on what."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from arena.cli.output import Head, say_under, table
from arena.leaderboards.wording import listed, percent
from arena.solvers.preference_solution import PreferenceSolution

NAMED = 6  # candidates of a mixture or a cycle that a sentence names
LEAST = 0.005  # a weight that two decimals show
SHOWN = 100  # candidates that the table has; the JSON has all


def sentences(found: PreferenceSolution) -> list[str]:
    """The finding, the most important first."""
    others = "if pairs never compared are as assumed, " if found.unmet else ""
    votes = (
        "" if found.agreed is None else f"; so it is in {percent(found.agreed, 0)} of the rates drawn from the votes"
    )
    if found.condorcet is not None:
        said = [f"{others}{found.condorcet} beats every other candidate: it is the Condorcet winner{votes}"]
    else:
        cycle = listed(list(found.top_cycle)) if len(found.top_cycle) <= NAMED else f"{len(found.top_cycle)} candidates"
        how = (
            "are even"
            if len(found.top_cycle) == 2
            else "beat each other in a cycle" + (" or tie" if found.ties else "")
        )
        said = [f"{others}no candidate beats all others: {cycle} {how}{votes}"]
        order = np.argsort(-found.weights.round(9), kind="stable")
        parts = [f"{found.candidates[k]} {found.weights[k]:.2f}" for k in order if found.weights[k] >= LEAST]
        more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
        mixture = ", ".join(parts[:NAMED]) + more if more else listed(parts)
        said.append(f"{'a' if found.solution.unique is False else 'the'} mixture that nobody beats is {mixture}")
    if found.solution.unique is False:
        said.append("other mixtures are unbeaten too; shown is the one that spreads its weight most evenly")
    if found.unmet:
        said.append(
            f"{found.unmet:,} of {found.pairs:,} pairs {'was' if found.unmet == 1 else 'were'} never compared: "
            f"{percent(found.resting, 0)} of the mixture's own meetings rest on them, and if all went against it, it would "
            f"win {percent(found.worst, 0)} against the worst opponent"
        )
    named = said[0] if found.condorcet is not None and not others else None  # begins with a name, which stays as it is
    return [(one if one is named else one[0].upper() + one[1:]) + "." for one in said]


def say_preference_solution(found: PreferenceSolution) -> None:
    """Prints the sentences, and a row for every candidate up to `SHOWN`, the greatest weight first."""
    say_under("", " ".join(sentences(found)))
    interval = f"{100 * found.confidence:g} %"
    has_intervals, has_unmet = (
        bool(np.isfinite(found.low).all()),
        bool(found.unmet and np.isfinite(found.unmet_low).all()),
    )
    order = np.lexsort((-found.borda, -found.weights.round(9)))
    rows = []
    for k in order[:SHOWN].tolist():
        row = [found.candidates[k], _weight(found.weights[k])]
        row += [_between(found.low[k], found.high[k])] if has_intervals else []
        row += [_between(found.unmet_low[k], found.unmet_high[k])] if has_unmet else []
        row += [f"{found.copeland[k]:.2f}", f"{found.borda[k]:.2f}"]
        row += [f"{found.kemeny[k]:.3g}"] if found.kemeny is not None else []
        rows.append(row)
    numbers = ["weight", *([interval] if has_intervals else []), *(["unmet alone"] if has_unmet else [])]
    numbers += ["Copeland", "Borda", *(["Kemeny"] if found.kemeny is not None else [])]
    heads: list[Head] = ["candidate", *((one, "right") for one in numbers)]
    table(heads, rows)
    if len(order) > SHOWN:
        say_under("", f"The {SHOWN} candidates of the largest weight; all {len(order):,} are in --json.")
    if not has_intervals:
        why = (
            "the source gives rates and no votes" if found.resamples else "there are too many candidates to draw again"
        )
        say_under("", f"Weights have no intervals: {why}.")


def as_json(found: PreferenceSolution) -> dict[str, object]:
    """In types of JSON."""
    return {
        "finding": sentences(found),
        "candidates": list(found.candidates),
        "weights": found.weights.tolist(),
        "low": _numbers(found.low),
        "high": _numbers(found.high),
        "confidence": found.confidence,
        "resamples": found.resamples,
        "condorcet_winner": found.condorcet,
        "top_cycle": list(found.top_cycle),
        "ties_in_top_cycle": found.ties,
        "share_of_draws_that_agree": found.agreed,
        "copeland": found.copeland.tolist(),
        "borda": found.borda.tolist(),
        "kemeny_place": None if found.kemeny is None else found.kemeny.tolist(),
        "pairs": found.pairs,
        "pairs_never_compared": found.unmet,
        "meetings_resting_on_them": found.resting,
        "worst_win_rate": found.worst,
        "low_of_unmet_alone": _numbers(found.unmet_low),
        "high_of_unmet_alone": _numbers(found.unmet_high),
    }


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]


def _weight(value: float) -> str:
    return "0" if value == 0 else "< 0.01" if value < LEAST else f"{value:.2f}"


def _between(low: float, high: float) -> str:
    return f"{low:.2f}–{high:.2f}"
