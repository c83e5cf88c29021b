"""What `arena solve` prints: the methods, one method's settings, a solution with its certificate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from arena.cli.output import say, say_json, table
from arena.cli.solve_settings import FLAGS, settings_of
from arena.games import Game
from arena.solvers import Solution, methods
from arena.solvers.registry import function_of


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
        rows = [(m.name, m.description, m.preconditions, m.promise) for m in found]
        table(["method", "what it finds", "needs", "promises"], rows)


def show_method(name: str, json: bool) -> None:
    """Prints one method, and the settings that it takes."""
    method, known = methods()[name], settings_of(function_of(name))
    if json:
        shown = {one.name: {"type": one.shown, "default": one.default or None} for one in known.values()}
        said = {"description": method.description, "preconditions": method.preconditions, "promise": method.promise}
        say_json({"method": name, **said, "settings": shown})
        return
    say(f"{name}: {method.description}")
    say(f"needs     {method.preconditions}")
    say(f"promises  {method.promise}")
    rows = [
        (one.name, f"--{one.name}" if one.name in FLAGS else f"--set {one.name}=...", one.shown, one.default)
        for one in known.values()
    ]
    if rows:
        table(["setting", "given as", "is", "default"], rows)
    else:
        say("It has no settings.")


def say_solution(
    method: str, game: Game, solution: Solution, *, output: Path | None, plot: Path | None, json: bool
) -> None:
    """Prints an answer and its certificate."""
    shown: dict[str, Any] = {
        "method": method,
        "game": game.info.specification,
        "gap": solution.gap if math.isfinite(solution.gap) else None,
        "gap_kind": solution.gap_kind,
        "converged": solution.converged,
        "guarantee": solution.guarantee,
        "iterations": solution.iterations,
        "values": list(solution.values) or None,
        "unique": solution.unique,
        "strategies": [strategy.tolist() for strategy in solution.strategies] or None,
        "equilibria": [[strategy.tolist() for strategy in profile] for profile in solution.equilibria] or None,
        "joint": None if solution.joint is None else solution.joint.tolist(),
        "output": None if output is None else str(output),
        "plot": None if plot is None else str(plot),
    }
    if json:
        say_json(shown)
        return
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
        if value is not None and name not in ("strategies", "equilibria", "joint"):
            say(f"{name:<11} {value}")
