"""`arena train`: a policy that learns a game by playing it, here and now or as a job for a worker."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import LAST_SEED, Db, Json, Workers, at_server

if TYPE_CHECKING:
    from arena.cli.solve_progress import Last
    from arena.solvers.learning.configurations import Configuration
    from arena.solvers.learning.training import Watch
    from arena.training_answer import TrainingAnswer


def train_command(
    method: Annotated[
        str | None,
        typer.Argument(help="A method, or a ready configuration or a file of one (.toml): arena train --list."),
    ] = None,
    game: Annotated[
        str | None, typer.Argument(help="For example openspiel:leduc_poker; a configuration has its own.")
    ] = None,
    steps: Annotated[
        float | None,
        typer.Option(
            "--steps", help="Decisions played in all, for example 1e6, as is the default; rounded up to whole updates."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the policy here (.safetensors); checkpoint:FILE plays it."),
    ] = None,
    register: Annotated[
        str | None, typer.Option("--register", metavar="NAME", help="Make it an agent of the ledger.")
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Leave it to a worker (arena worker); the agent is there once it is done.")
    ] = False,
    tables: Annotated[int | None, typer.Option("--tables", min=1, help="Matches played at once; 256.")] = None,
    hidden: Annotated[
        str | None, typer.Option("--hidden", help="Widths of the layers of the network; 128,128.")
    ] = None,
    memory: Annotated[
        int | None, typer.Option("--memory", min=0, help="Width of a network's memory of the match (GRU); 0 = none.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the method's own; once for each."),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option("--until", help="Stop at this NashConv, or share of matches not won, as measured."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=LAST_SEED, help="The same seed gives the same policy; 0.")
    ] = None,
    device: Annotated[
        str,
        typer.Option("--device", help="Where the network learns, and plays where games are tensors: cpu, torch, cuda."),
    ] = "cpu",
    precision: Annotated[
        str | None, typer.Option("--precision", help="Of the layers while they learn: float32 or bfloat16.")
    ] = None,
    workers: Workers = 1,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", help="Go on from this file, and keep it up to date; a registered one goes on anyway."
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="Write losses and entropy here, a JSON line each (.jsonl).")
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option("--tensorboard", metavar="DIR", help="Write event files for TensorBoard here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the methods and the ready configurations.")] = False,
    db: Db = None,
    json: Json = False,
) -> None:
    """Train a policy by self-play and say how good it is, exactly where that can be computed."""
    from arena.cli.done_there import train_there
    from arena.cli.output import say, say_json
    from arena.cli.solve_progress import Last
    from arena.cli.solve_run import write_out_shown
    from arena.cli.train_request import asked_for, require_places
    from arena.cli.train_told import require_log, told_to
    from arena.convergence_words import gap_name
    from arena.games import SpecificationError, load_game
    from arena.solvers.learning.measures import MOST_HISTORIES
    from arena.solvers.learning.methods import METHODS

    if listed:
        _say_ready(json=json)
        return
    given = {
        "game": game,
        "steps": steps,
        "tables": tables,
        "hidden": hidden,
        "memory": memory,
        "until": until,
        "seed": seed,
        "precision": precision,
    }
    asked = asked_for(method, {name: value for name, value in given.items() if value is not None}, settings or [])
    require_places(output, checkpoint, log, register, force=force)
    if submit and (register is None or (output, log, tensorboard) != (None, None, None)):
        raise SpecificationError("--submit needs --register NAME; a worker writes no files here, leave them out")
    if at_server(db):
        if register is None or (checkpoint, log, tensorboard) != (None, None, None):
            raise SpecificationError(
                "a server keeps what it trains as an agent: name it by --register, and leave out --checkpoint, --log and --tensorboard"
            )
        train_there(db, asked, register, device, workers, output, submit=submit, json=json)
        return
    if submit:
        assert register is not None
        _submit(asked, register, device, workers, db, json=json)
        return
    if log is not None:
        goes_on = checkpoint is not None and checkpoint.exists()
        if register is not None:
            goes_on = _is_under_way(asked, register, device, db)
        require_log(log, goes_on=goes_on, force=force)
    last = Last()
    write_out_shown(load_game(asked.game), MOST_HISTORIES, quiet=json)  # what it is measured on
    with told_to(
        asked.method,
        asked.steps,
        gap=gap_name(METHODS[asked.method].gap_kind),
        log=log,
        tensorboard=tensorboard,
        last=last,
        quiet=json,
    ) as tell:
        if register is None:
            answer = _trained(asked, device, workers, checkpoint, output, tell, last)
        else:
            answer = _registered(asked, register, device, workers, db, output, tell, last)
    if json:
        say_json({**answer.to_dict(), "output": None if output is None else str(output)})
        return
    say(answer.sentence())
    if output is not None:
        say(f"written: {output}; it plays as checkpoint:{output}")
    if answer.agent is not None:
        say(f"registered: {answer.agent}")
    if output is None and answer.agent is None:
        say("nothing is kept: with --output FILE or --register NAME it is")


def _is_under_way(asked: Configuration, name: str, device: str, db: str | None) -> bool:
    from arena.ledger import Ledger, ledger_exists
    from arena.training_job import is_under_way

    if not ledger_exists(db):
        return False
    with Ledger.open(db, create=False, read_only=True) as ledger:
        return is_under_way(ledger, asked, name=name, device=device)


def _trained(
    asked: Configuration,
    device: str,
    workers: int,
    checkpoint: Path | None,
    output: Path | None,
    tell: Watch,
    last: Last,
) -> TrainingAnswer:
    from arena.games import load_game
    from arena.training import save_trained
    from arena.training_answer import answer_of
    from arena.training_job import trained_telling

    game = load_game(asked.game)
    try:
        trained = trained_telling(asked, game, tell, device=device, workers=workers, checkpoint=checkpoint)
    except KeyboardInterrupt:
        kept = "nothing is saved: with --checkpoint FILE a run can be gone on with"
        if checkpoint is not None and checkpoint.exists():
            kept = f"saved in {checkpoint}: the same command goes on from there"
        _say_interrupted(last, kept)
        raise
    if output is not None:
        save_trained(trained, output, game=game)
    return answer_of(trained, game=game, method=asked.method)


def _registered(
    asked: Configuration,
    name: str,
    device: str,
    workers: int,
    db: str | None,
    output: Path | None,
    tell: Watch,
    last: Last,
) -> TrainingAnswer:
    """The answer of a job, done here where nobody has done it before; of one that was, what it told is told again."""
    from arena.curves import read_curve
    from arena.job_work import do_here
    from arena.ledger import Ledger
    from arena.training_answer import kept_answer
    from arena.training_job import ask_training, train_job

    with Ledger.open(db) as ledger:
        row = ask_training(ledger, asked, name=name, device=device)
        if row.status == "finished":
            for steps, told in read_curve(ledger, row).points:
                tell(steps, told)
        try:
            answer = kept_answer(
                do_here(ledger, row, partial(train_job, ledger, watch=tell, workers=workers)).result or {}
            )
        except KeyboardInterrupt:
            _say_interrupted(last, f"job {row.key[:12]} waits: the same command goes on with it, or arena worker")
            raise
        if output is not None:
            agent = ledger.agent(str(answer.agent))
            output.write_bytes(ledger.artifacts.path(str(agent.content_hash)).read_bytes())
    return answer


def _submit(asked: Configuration, name: str, device: str, workers: int, db: str | None, *, json: bool) -> None:
    from arena.attendance import workers_there
    from arena.cli.job import say_jobs
    from arena.job_rows import needs_of
    from arena.ledger import Ledger
    from arena.training_job import ask_training

    with Ledger.open(db) as ledger:
        row = ask_training(ledger, asked, name=name, device=device, needs=needs_of(device, cpus=workers))
        say_jobs([row], workers_there(ledger), json=json)


def _say_interrupted(last: Last, kept: str) -> None:
    where = f" after {last.iteration:,} steps" if last.iteration else ""
    sys.stderr.write(f"interrupted{where}; {kept}\n")


def _say_ready(*, json: bool) -> None:
    from arena.cli.output import say, say_json, table
    from arena.solvers.learning.configurations import ready_configurations
    from arena.solvers.learning.methods import METHODS

    ready = ready_configurations()
    if json:
        methods = {name: {"source": one.source} for name, one in METHODS.items()}
        shown = {name: {**one.to_dict(), "about": one.about} for name, one in ready.items()}
        say_json({"methods": methods, "configurations": shown})
        return
    table(["method", "source"], [[name, one.source] for name, one in METHODS.items()])
    rows = [[name, one.method, one.game, f"{one.steps:,}", one.about] for name, one in ready.items()]
    table(["configuration", "method", "game", ("steps", "right"), "what to expect"], rows, optional=("game",))
    say("arena train METHOD GAME, or arena train CONFIGURATION; options given beside it win over what it says.")
