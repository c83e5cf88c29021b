"""`arena job` and `arena worker`: columns of a ladder computed here or elsewhere, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Cpus, Db, Gpus, Json, Memory, open_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arena.attendance import Worker
    from arena.cli.output import Head
    from arena.job_rows import JobRow, Resources
    from arena.job_work import Progress

app = typer.Typer(
    help="Jobs, work whose answer the ledger keeps: run, submit, list, show, cancel, kinds.", no_args_is_help=True
)

Game = Annotated[str, typer.Argument(help="a game with matches in the ledger")]
Kind = Annotated[str, typer.Argument(help="what is computed: arena job kinds")]
Agents = Annotated[
    list[str] | None, typer.Argument(help="whom it is about, for kinds about an agent; all of the game without")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the kind; once for each.")
]
Device = Annotated[
    str, typer.Option("--device", help="Where it computes: cpu, cuda, cuda:1, or torch for tensors on the CPU.")
]


@app.command("run")
def run_command(
    game: Game,
    kind: Kind,
    agents: Agents = None,
    settings: Settings = None,
    device: Device = "cpu",
    db: Db = None,
    json: Json = False,
) -> None:
    """Compute a column here, now, and keep it: the ladder then shows it."""
    import sys
    from functools import partial

    from arena.cli.output import progress
    from arena.games import ArenaError
    from arena.job_kinds import do_job
    from arena.job_work import do_here
    from arena.ledger import Ledger
    from arena.source import LedgerSource

    with Ledger.open(db, create=False) as ledger:
        asked = LedgerSource(ledger).ask(game, kind, agents=agents or (), settings=_given(settings), device=device)
        done, failed = [], 0
        for row in asked:
            try:
                with progress(_title(row), unit="parts") as told:
                    done.append(do_here(ledger, row, partial(do_job, ledger), progress=told))
            except ArenaError as error:
                if len(asked) == 1:
                    raise
                failed += 1
                sys.stderr.write(f"{row.agent}: {error}\n")
    say_jobs(done, (), json=json)
    if failed:
        raise typer.Exit(1)


@app.command("submit")
def submit_command(
    game: Game,
    kind: Kind,
    agents: Agents = None,
    settings: Settings = None,
    device: Device = "cpu",
    cpus: Cpus = None,
    gpus: Gpus = None,
    memory: Memory = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Ask for a column and leave it to a worker: arena worker, or one of the server."""
    with open_source(db, read_only=False) as source:
        needs = needs_said(device, cpus, gpus, memory)
        asked = source.ask(game, kind, agents=agents or (), settings=_given(settings), device=device, needs=needs)
        say_jobs(asked, source.workers(), json=json)


@app.command("list")
def list_command(
    game: Annotated[str | None, typer.Argument(help="only those of this game")] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="waiting, running, finished, failed or cancelled.")
    ] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """List the jobs of the ledger; of those that wait, what is lacking where no worker that is there can do them."""
    from arena.games import UnknownName
    from arena.job_rows import JOB_STATUSES

    wanted = next((one for one in JOB_STATUSES if one == status), None)
    if status is not None and wanted is None:
        raise UnknownName("status", status, JOB_STATUSES)
    with open_source(db) as source:
        say_jobs(source.jobs(game, wanted), source.workers(), json=json)


@app.command("show")
def show_command(
    key: Annotated[str, typer.Argument(help="the job's key, or how it begins: arena job list")],
    db: Db = None,
    json: Json = False,
) -> None:
    """Show what was asked, who did it where, and the answer."""
    import dataclasses
    import json as json_module

    from arena.cli.output import say, say_json

    with open_source(db) as source:
        row = source.job(key)
    if json:
        say_json(dataclasses.asdict(row))
        return
    for name, value in dataclasses.asdict(row).items():
        if value is not None and name not in ("id", "agent_id", "claims"):
            say(f"{name:<12} {json_module.dumps(value) if isinstance(value, dict) else value}")


@app.command("cancel")
def cancel_command(
    keys: Annotated[list[str], typer.Argument(help="the jobs' keys, or how they begin: arena job list")],
    db: Db = None,
    json: Json = False,
) -> None:
    """Cancel jobs that wait or are being done; what was recorded stays, and asking again goes on from there."""
    with open_source(db, read_only=False) as source:
        rows = [source.job(key) for key in keys]
        say_jobs([source.cancel_job(row.key) for row in rows], (), json=json)


@app.command("kinds")
def kinds_command(json: Json = False) -> None:
    """List what can be computed, and its settings."""
    from arena.cli.output import say_json, table
    from arena.job_kinds import CPU, JOB_KINDS, TENSOR_DEVICES

    if json:
        say_json(
            {
                name: {
                    "about": kind.about,
                    "meaning": kind.meaning,
                    "settings": dict(kind.settings),
                    "devices": [CPU, *(TENSOR_DEVICES if kind.on_tensors else ())],
                }
                for name, kind in JOB_KINDS.items()
            }
        )
        return
    rows = [
        [
            name,
            kind.about,
            kind.meaning,
            " ".join(f"{key}={value}" for key, value in kind.settings.items()),
            ", ".join([CPU, *(TENSOR_DEVICES if kind.on_tensors else ())]),
        ]
        for name, kind in JOB_KINDS.items()
    ]
    table(["kind", "about", "what it computes", "settings", "devices"], rows, optional=("settings", "devices"))


def worker_command(
    device: Annotated[
        list[str] | None, typer.Option("--device", help="What it computes on; all that this machine has without.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only jobs of this kind; several times.")] = None,
    executor: Annotated[
        str, typer.Option("--executor", help="Where they are computed: processes, here, or ray://HOST:PORT.")
    ] = "processes",
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End where no job waits.")] = False,
    db: Db = None,
) -> None:
    """Do the jobs that wait in a ledger, one after the other; Ctrl-C or a SIGTERM stops, and its job waits for another worker.

    Agents behind a URL are asked at public addresses alone, since anybody may have asked for the job: ARENA_REACHABLE names
    the networks, separated by commas, in which others may be.
    """
    import sys

    from arena.agents.reach import only_public
    from arena.attendance import attending
    from arena.cli.output import ProgressLines
    from arena.games import UnknownName
    from arena.interruption import signals_interrupt
    from arena.job_kinds import JOB_KINDS
    from arena.ledger import Ledger
    from arena.worker import work, worker_at
    from arena.workplace import workplace_of

    for name in kind or []:
        if name not in JOB_KINDS:
            raise UnknownName("kind of job", name, JOB_KINDS)
    workplace = workplace_of(executor)
    for name in device or []:
        if name not in (here := workplace.devices()):
            raise UnknownName("device of this machine", name, here)

    def begun(row: JobRow) -> Progress:
        sys.stderr.write(f"job {row.key[:12]}: {_title(row)} on {row.device}\n")
        lines = ProgressLines(f"job {row.key[:12]}", "parts")

        def went(done: int, planned: int) -> None:
            interrupted()
            lines(done, planned)

        return went

    def ended(row: JobRow) -> None:
        sys.stderr.write(f"job {row.key[:12]}: {row.status}{f', {row.error}' if row.error else ''}\n")

    with only_public(), Ledger.open(db, create=False) as ledger:
        sys.stderr.write(f"waiting for jobs in {ledger.url_for_people}; Ctrl-C stops\n")
        try:
            with (
                signals_interrupt() as interrupted,
                attending(ledger, lambda: [worker_at(workplace, devices=device, kinds=kind)]),
            ):
                done = work(
                    ledger,
                    devices=device,
                    kinds=kind,
                    until_empty=until_empty,
                    workplace=workplace,
                    on_begun=begun,
                    on_ended=ended,
                )
        except KeyboardInterrupt:
            sys.stderr.write("stopped; what it had not finished waits for another worker\n")
            raise typer.Exit(130) from None
    sys.stderr.write(f"did {done:,} jobs\n")


def _given(settings: list[str] | None) -> dict[str, str | int | float]:
    """The settings that KEY=VALUE says."""
    from arena.games import SpecificationError

    given: dict[str, str | int | float] = {}
    for text in settings or []:
        name, equals, value = text.partition("=")
        if not equals or name in given:
            raise SpecificationError(f"--set is KEY=VALUE, once for each setting; got {text!r}")
        given[name] = value
    return given


def _title(row: JobRow) -> str:
    """What is asked, in words: ``bootstrap of elo, leduc_poker``."""
    method = row.settings.get("method")
    config = row.settings.get("config")
    named = row.settings.get("tournament") or (config.get("name") if isinstance(config, dict) else None)
    about = f" of {row.agent}" if row.agent else f" of {method}" if method else f" {named}" if named else ""
    return f"{row.kind}{about}, {row.game.partition(':')[2] or row.game}"


def needs_said(device: str, cpus: float | None, gpus: float | None, memory_gib: float | None) -> Resources | None:
    """What a worker must give, as options say it; None where they say nothing."""
    from arena.attendance import GIB
    from arena.job_rows import needs_of

    if (cpus, gpus, memory_gib) == (None, None, None):
        return None
    memory_bytes = None if memory_gib is None else int(memory_gib * GIB)
    return needs_of(device, cpus=cpus, gpus=gpus, memory_bytes=memory_bytes)


def say_jobs(rows: list[JobRow], there: Sequence[Worker], *, json: bool) -> None:
    """Shows jobs; of those that wait, whether one of the workers that are there can do them."""
    import dataclasses
    import sys

    from arena.attendance import lacking
    from arena.cli.output import say_json, table

    lacks = {row.key: lacking(row, there) for row in rows}

    if json:
        for row in rows:
            if lacks[row.key]:
                sys.stderr.write(f"job {row.key[:12]} waits: {lacks[row.key]}\n")
        say_json([dataclasses.asdict(row) for row in rows])
        return
    heads: list[Head] = ["job", "what", "device", "status", "asked", "by", "answer"]
    lines = [
        [
            row.key[:12],
            _title(row),
            row.device,
            row.status,
            row.created_at[:16].replace("T", " "),
            row.worker or "",
            lacks[row.key] or _answer(row),
        ]
        for row in rows
    ]
    table(heads, lines, optional=("by", "asked", "device"))


def _answer(row: JobRow) -> str:
    """The answer in a few words; all of it is in `arena job show`."""
    if row.error:
        return row.error
    result = row.result or {}
    if isinstance(tournament := result.get("tournament"), str):
        return f"tournament {tournament}"
    if isinstance(finding := result.get("finding"), str):
        return finding
    for name in ("exploitability", "value", "gap"):
        if isinstance(result.get(name), float):
            return f"{name} {result[name]:.6g}"
    return f"{len(agents)} agents" if isinstance(agents := result.get("agents"), list) else ""
