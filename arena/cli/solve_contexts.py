"""`arena solve --by-context`: the preferences of each context solved for themselves, and shown context by context."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.cli.output import json_text, say, say_json, say_under, table
from arena.cli.solve_progress import Last, solving
from arena.cli.solve_run import require_free
from arena.convergence_words import gap_name
from arena.games import Game, SpecificationError
from arena.games.array_file import replace_file
from arena.games.preference import PreferenceGame
from arena.games.preference_rates import Completed
from arena.solve_settings import reports
from arena.solvers import Solution, methods, minimax_winner
from arena.solvers.policy_file import require_place
from arena.solvers.registry import function_of

Array = NDArray[np.float64]

NAMED = 3  # candidates of a mixture that a row names
LEAST = 0.005  # a weight that two decimals show
SHOWN = 40  # contexts that the table has; the JSON has all


def require_output(output: Path, *, force: bool) -> None:
    """Makes sure, before any work, that `solve_and_say` could write there.

    Raises:
        SpecificationError: it could not, or would replace a file without ``--force``.
    """
    if output.suffix != ".json":
        raise SpecificationError(
            f"--by-context gives a policy a context, which no file of one game holds: name a .json for all; got {output.name}"
        )
    require_free(output, force=force)
    require_place(output)


def solve_and_say(
    method: str,
    game: Game,
    settings: Mapping[str, object],
    *,
    until: float | None,
    output: Path | None,
    json: bool,
) -> None:
    """Solves every context of the game, writes the answer where an output is named, and prints what `say_contexts` says.

    Raises:
        SpecificationError: a method that does not solve tables of preferences, a game without contexts, or a file that cannot
            be written.
        NotProvided: preferences that name no contexts.
    """
    if not isinstance(game, PreferenceGame):
        raise SpecificationError(f"--by-context is for preference games; {game.info.specification} is none")
    completed = game.completed_by_context()
    solution = _solved(method, completed.preferences, settings, quiet=json)
    found = _found(method, game, completed, solution)
    if output is not None:
        text = json_text(found).encode()
        replace_file(output, lambda file: file.write(text), what="the mixtures to")
    if json:
        say_json(found)
        return
    say_contexts(method, game, completed, solution, until=until)
    if output is not None:
        say(f"wrote {output}")


def _solved(method: str, preferences: Array, settings: Mapping[str, object], *, quiet: bool) -> Solution:
    """The solution of all tables [contexts, n, n], ``strategies[p]`` [contexts, n]."""
    able = [name for name, one in methods().items() if one.takes == "preferences"]
    if method not in (*able, "minimax_winner"):
        raise SpecificationError(
            f"{method} solves one game; with --by-context take minimax_winner or one of {', '.join(able)}"
        )
    function = minimax_winner if method == "minimax_winner" else function_of(method)
    until, iterations = settings.get("until"), settings.get("iterations")
    try:
        with solving(
            method,
            Last(),
            iterations=iterations if isinstance(iterations, int) else None,
            until=until if isinstance(until, float) and until > 0 else None,
            quiet=quiet,
        ) as report:
            return function(preferences, **{**settings, **({"progress": report} if reports(function) else {})})
    except ValueError as error:  # of an argument: what the method says of its settings
        raise SpecificationError(f"{method}: {error}") from None


def _found(method: str, game: PreferenceGame, completed: Completed, solution: Solution) -> dict[str, object]:
    """All of the answer, as JSON has it."""
    assert solution.context_gaps is not None  # of tables with an axis of contexts
    gaps = solution.context_gaps
    contexts = {
        name: {"gap": float(gap), "strategy": mixture.tolist(), "never_compared": int(unmet)}
        for name, gap, mixture, unmet in zip(
            game.contexts, gaps, solution.strategies[0], _unmet(completed), strict=True
        )
    }
    return {
        "method": method,
        "game": game.info.specification,
        "candidates": list(game.candidates),
        "gap": float(gaps.max()),
        "mean_gap": float(gaps.mean()),
        "gap_kind": solution.gap_kind,
        "converged": solution.converged,
        "guarantee": solution.guarantee,
        "iterations": solution.iterations,
        "contexts": contexts,
        "notes": _notes(game, completed) or None,
    }


def _unmet(completed: Completed) -> NDArray[np.int64]:
    """By context, how many pairs were never compared; the diagonal counts as compared."""
    unmet: NDArray[np.int64] = (~completed.compared).sum(axis=(1, 2)) // 2
    return unmet


def _notes(game: PreferenceGame, completed: Completed) -> list[str]:
    return [*game.left_out, *(f"{note}; contexts together" for note in completed.notes)]


def say_contexts(
    method: str, game: PreferenceGame, completed: Completed, solution: Solution, *, until: float | None
) -> None:
    """Prints the gap and the mixture of each context, and whether the gap that was asked for was not reached."""
    assert solution.context_gaps is not None
    gaps, mixtures, unmet = solution.context_gaps, solution.strategies[0], _unmet(completed)
    size = len(game.candidates)
    pairs = size * (size - 1) // 2
    alone = int((mixtures.max(axis=1) >= 1 - LEAST).sum())
    measured = gap_name(solution.gap_kind)
    say_under(
        "", f"In {alone:,} of {len(gaps):,} contexts one candidate takes all; in the others the answer is a mixture."
    )
    worst_first = np.argsort(-gaps, kind="stable") if len(gaps) > SHOWN else np.arange(len(gaps))
    rows = [
        [game.contexts[k], f"{gaps[k]:.2g}", _mixture(game.candidates, mixtures[k])]
        + ([f"{unmet[k]:,} of {pairs:,} pairs"] if unmet.any() else [])
        for k in worst_first[:SHOWN].tolist()
    ]
    heads: list[str | tuple[str, Literal["right"]]] = ["context", (measured, "right"), "mixture"]
    if unmet.any():
        heads.append(("never compared", "right"))
    table(heads, rows)
    if len(gaps) > SHOWN:
        say_under("", f"The {SHOWN} contexts with the largest gaps; all {len(gaps):,} are in --json.")
    reached = "" if until is None or gaps.max() <= until else f"; {until:g} was asked for and not reached"
    say_under("", f"{method}: {measured} at most {gaps.max():.3g}, {gaps.mean():.3g} on average{reached}.")
    for note in _notes(game, completed):
        say_under("Note: ", note)
    say()


def _mixture(candidates: tuple[str, ...], weights: Array) -> str:
    order = [k for k in np.argsort(-weights, kind="stable").tolist() if weights[k] >= LEAST]
    named = ", ".join(f"{candidates[k]} {weights[k]:.2f}" for k in order[:NAMED])
    return named + (f" and {len(order) - NAMED} more" if len(order) > NAMED else "")
