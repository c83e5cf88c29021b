"""`arena solve` and `arena exploit`: strategies with certificates."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from arena.cli.options import Json


def solve_command(
    method: Annotated[str, typer.Argument(help="for example cfr_plus, minimax_winner; 'list' shows all")],
    game: Annotated[str | None, typer.Argument(help="for example openspiel:kuhn_poker")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the policy here (.json, .npz).")] = None,
    iterations: Annotated[int | None, typer.Option("--iterations", min=1)] = None,
    until: Annotated[float | None, typer.Option("--until", min=0, help="Stop at this gap.")] = None,
    json: Json = False,
) -> None:
    """Solve a game and say how good the answer is."""
    from arena.cli.output import say, say_json, table
    from arena.games import SpecificationError, TabularPolicy, load_game
    from arena.solvers import methods, save_policy, solve

    if method == "list":
        found = methods()
        if json:
            say_json(
                {name: {"description": m.description, "preconditions": m.preconditions} for name, m in found.items()}
            )
        else:
            table(["method", "what it finds", "needs"], [(n, m.description, m.preconditions) for n, m in found.items()])
        return
    if game is None:
        raise SpecificationError(f"name the game: arena solve {method} GAME")
    loaded = load_game(game)
    given = {"iterations": iterations, "until": until}
    solution = solve(method, loaded, **{key: value for key, value in given.items() if value is not None})
    if output is not None:
        if not isinstance(solution.policy, TabularPolicy):
            raise SpecificationError(f"{method} gives no tabular policy of {game}; leave out --output")
        save_policy(solution.policy, output)
    shown: dict[str, Any] = {
        "method": method,
        "game": loaded.info.specification,
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
    }
    if json:
        say_json(shown)
        return
    names = list(loaded.info.action_names) or [str(action) for action in range(loaded.info.num_actions)]
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


def exploit_command(
    game: Annotated[str, typer.Argument(help="a small game, for example openspiel:leduc_poker")],
    agent: Annotated[str, typer.Argument(help="a tabular agent: uniform, policy:FILE")],
    json: Json = False,
) -> None:
    """How much a best response wins against an agent, exactly: exploitability and NashConv."""
    from arena.agents import load_agent
    from arena.cli.output import say, say_json
    from arena.executor import close_agents
    from arena.games import SpecificationError, load_game
    from arena.solvers import nash_conv

    loaded = load_game(game)
    played = load_agent(agent, game=loaded)
    try:
        policy = getattr(played, "policy", None)
        if policy is None:
            raise SpecificationError(
                f"{agent} is not a tabular policy; exact exploitability needs one (policy:FILE, uniform)"
            )
        value = float(nash_conv(loaded, policy))
    finally:
        close_agents([played])
    exploitability = value / loaded.info.num_players
    if json:
        say_json(
            {"game": loaded.info.specification, "agent": agent, "nash_conv": value, "exploitability": exploitability}
        )
    else:
        say(f"exploitability {exploitability:.6g} (exact, best response), NashConv {value:.6g}")
