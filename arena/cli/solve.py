"""`arena solve`: strategies with certificates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import LAST_SEED, Cpus, Db, Gpus, Json, Memory, Submit, at_server

if TYPE_CHECKING:
    from arena.games import Game
    from arena.job_rows import Resources


def solve_command(
    method: Annotated[str | None, typer.Argument(help="for example cfr_plus, minimax_winner")] = None,
    game: Annotated[str | None, typer.Argument(help="for example openspiel:kuhn_poker")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write the policy here (.policy, .npz, .json), and a picture of its convergence beside it; with --by-context "
            "what --json prints (.json).",
        ),
    ] = None,
    iterations: Annotated[int | None, typer.Option("--iterations", min=1, help="Stop after so many.")] = None,
    until: Annotated[float | None, typer.Option("--until", min=0, help="Stop at this gap.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the method's own; once for each."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=LAST_SEED, help="The same seed gives the same answer.")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="Where it computes: cpu, cuda.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="Go on from this file, and keep it up to date.")
    ] = None,
    max_nodes: Annotated[
        int | None, typer.Option("--max-nodes", min=1, help="The most histories that a game is written out to.")
    ] = None,
    submit: Submit = False,
    cpus: Cpus = None,
    gpus: Gpus = None,
    memory: Memory = None,
    by_context: Annotated[
        bool, typer.Option("--by-context", help="Solve the votes of each context for themselves, not pooled.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="List the methods; with METHOD, show that one and its settings.")
    ] = False,
    db: Db = None,
    json: Json = False,
) -> None:
    """Solve a game and say how good the answer is."""
    from arena.cli import solve_contexts, solve_run, solve_shown
    from arena.cli.done_there import solve_there
    from arena.cli.job import needs_said
    from arena.games import SpecificationError
    from arena.solvers import methods
    from arena.solvers.policy_file import require_writable
    from arena.solvers.registry import ALIASES, function_of

    if method == "list" or (listed and method is None):
        solve_shown.list_methods(json)
        return
    if method is None:
        raise SpecificationError("name a method and a game: arena solve METHOD GAME; all methods: arena solve --list")
    method = ALIASES.get(method, method)
    if listed:
        solve_shown.show_method(method, json)
        return
    flags = {"iterations": iterations, "until": until, "seed": seed, "device": device, "checkpoint": checkpoint}
    given = solve_run.given_settings(method, function_of(method), flags, settings or [])
    if game is None:
        raise SpecificationError(f"name the game: arena solve {method} GAME")
    if submit and (output is not None or by_context or max_nodes is not None):
        raise SpecificationError("a worker writes no files here; leave out --output, --by-context and --max-nodes")
    needs = needs_said(device or "cpu", cpus, gpus, memory)
    if needs is not None and not submit and not at_server(db):
        raise SpecificationError(
            "--cpus, --gpus and --memory say what a worker must give: add --submit, or leave them out"
        )
    if at_server(db):
        if by_context or max_nodes is not None or checkpoint is not None:
            raise SpecificationError(
                "a server solves as its jobs do: leave out --by-context, --max-nodes and --checkpoint"
            )
        if output is not None:
            require_writable(output)
            solve_run.require_free(output, force=force)
        solve_there(db, method, game, given, needs, output, submit=submit, json=json)
        return
    loaded = _loaded(game, db)
    if submit:
        _submit(method, game, given, needs, db, json=json)
        return
    asked = given.get("until")
    target = asked if isinstance(asked, float) else None
    if by_context:
        if max_nodes is not None:
            raise SpecificationError("preferences of contexts are not written out as histories; leave out --max-nodes")
        if output is not None:
            solve_contexts.require_output(output, force=force)
        solve_contexts.solve_and_say(method, loaded, given, until=target, output=output, json=json)
        return
    if output is not None:
        solve_run.require_outputs(methods()[method], loaded, output, force=force)
    solution, plot = solve_run.solve_and_write(method, loaded, given, output=output, max_nodes=max_nodes, quiet=json)
    solve_shown.say_solution(
        method,
        loaded,
        solution,
        until=target,
        output=output,
        plot=plot,
        json=json,
    )


def _submit(
    method: str, game: str, given: dict[str, object], needs: Resources | None, db: str | None, *, json: bool
) -> None:
    from arena.attendance import workers_there
    from arena.cli.job import say_jobs
    from arena.ledger import Ledger
    from arena.solve_job import ask_solve

    device = str(given.pop("device", "cpu"))
    with Ledger.open(db) as ledger:
        row = ask_solve(ledger, method, game, settings=given, device=device, needs=needs)
        say_jobs([row], workers_there(ledger), json=json)


def _loaded(specification: str, db: str | None) -> Game:
    """The game; of a ladder of votes, what the ledger holds of it."""
    from arena.games import ArenaError, load_game
    from arena.ledger import Ledger, ledger_exists
    from arena.voted_game import SCHEME, voted_game

    try:
        return load_game(specification)
    except ArenaError:
        if not specification.startswith(SCHEME) or (db is None and not ledger_exists()):
            raise
        with Ledger.open(db, create=False, read_only=True) as ledger:
            game = voted_game(ledger, specification)
        if game is None:
            raise
        return game
