"""What `arena solve` prints: the methods, one method's settings, a solution with its certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.cli.output import say, say_json, say_under, table
from arena.cli.preference_shown import as_json, say_preference_solution
from arena.games import Game
from arena.games.preference import PreferenceGame
from arena.solution_facts import solution_facts
from arena.solve_settings import FLAGS, settings_of
from arena.solvers import Solution, methods
from arena.solvers.method_list import Method
from arena.solvers.preference_solution import preference_solution
from arena.solvers.registry import function_of

GROUPS = {
    "trees": "Game trees, and games in normal form too: start with cfr_plus",
    "normal forms": "Games in normal form: start with matrix_game_lp or bimatrix_nash",
    "Markov games": "Markov games: start with nash_value_iteration",
}


def list_methods(json: bool) -> None:
    """Prints every method: what it finds, what it needs, what it promises."""
    found = methods().values()
    if json:
        say_json(
            {
                m.name: {"description": m.description, "preconditions": m.preconditions, "promise": m.promise}
                for m in found
            }
        )
    else:
        for group, heading in GROUPS.items():
            say(heading + "\n")
            for method in found:
                if group_of(method) == group:
                    say(method.name)
                    _say_what_it_is(method, indent="  ")
                    say()
        say("One method with its settings: arena solve METHOD --list")


def group_of(method: Method) -> str:
    """The heading, of `GROUPS`, under which a method is looked for."""
    if {"tree", "zero_sum_tree"}.intersection(method.games):
        return "trees"
    return "Markov games" if any("markov" in kind or "episodes" in kind for kind in method.games) else "normal forms"


def _say_what_it_is(method: Method, *, indent: str = "") -> None:
    for name, text in (
        ("finds", method.description),
        ("needs", method.preconditions),
        ("promises", method.promise),
    ):
        say_under(f"{indent}{name:<10}", text)


def show_method(name: str, json: bool) -> None:
    """Prints one method, and the settings that it takes.

    Raises:
        UnknownName: no such method; the message has the nearest names.
    """
    known = settings_of(function_of(name))
    method = methods()[name]
    if json:
        shown = {one.name: {"type": one.shown, "default": one.default or None} for one in known.values()}
        said = {"description": method.description, "preconditions": method.preconditions, "promise": method.promise}
        say_json({"method": name, **said, "settings": shown})
        return
    say(name)
    _say_what_it_is(method)
    rows = [
        (one.name, f"--{one.name}" if one.name in FLAGS else f"--set {one.name}=...", one.shown, one.default)
        for one in known.values()
    ]
    if rows:
        table(["setting", "given as", "is", "default"], rows)
    else:
        say("It has no settings.")


def say_solution(
    method: str,
    game: Game,
    solution: Solution,
    *,
    until: float | None,
    output: Path | None,
    plot: Path | None,
    json: bool,
) -> None:
    """Prints an answer and its certificate, and whether the gap that was asked for, `until`, was not reached."""
    found = None
    if method == "minimax_winner" and isinstance(game, PreferenceGame):
        found = preference_solution(game, solution=solution)
    shown: dict[str, Any] = {
        **solution_facts(method, game, solution),
        "output": None if output is None else str(output),
        "plot": None if plot is None else str(plot),
        "notes": list(game.notes) or None if isinstance(game, PreferenceGame) else None,
    }
    if json:
        say_json(shown if found is None else {**shown, "preferences": as_json(found)})
        return
    if found is not None:
        say_preference_solution(found)
    names = list(game.info.action_names) or [str(action) for action in range(game.info.num_actions)]
    for number, profile in enumerate(solution.equilibria if len(solution.equilibria) > 1 else [solution.strategies]):
        if number or len(solution.equilibria) > 1:
            say(f"equilibrium {number + 1} of {len(solution.equilibria)}")
        for player, strategy in enumerate(profile):
            mixture = ", ".join(f"{name} {p:.4f}" for name, p in zip(names, strategy, strict=False) if p > 0)
            say(f"{f'player {player}':<11} {mixture}")
    joint = solution.joint
    if joint is not None:
        cells = zip(*joint.nonzero(), strict=True)
        for share, cell in sorted(((float(joint[cell]), cell) for cell in cells), reverse=True):
            say(f"{share:<11.4f} {', '.join(names[action] for action in cell)}")
    for name, value in shown.items():
        if value is not None and name not in ("strategies", "equilibria", "joint", "notes"):
            say(f"{name:<11} {value}")
    for note in shown["notes"] or ():
        say_under(f"{'note':<12}", note)
    if until is not None and not solution.gap <= until:
        more = (
            "more --iterations may come closer"
            if "iterations" in settings_of(function_of(method))
            else "it comes no closer"
        )
        say(f"{'not reached':<11} a gap of {until:g}; {method} ended after {solution.iterations:,} iterations, {more}")
