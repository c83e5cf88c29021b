"""Solver runs, trainings and exploiters that a server is asked for: its jobs, waited for here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from arena.client import Client
    from arena.job_rows import JobRow, Resources
    from arena.solvers.learning.configurations import Configuration


def solve_there(
    url: str,
    method: str,
    game: str,
    given: Mapping[str, object],
    needs: Resources | None,
    output: Path | None,
    *,
    submit: bool,
    json: bool,
) -> None:
    """Has a server solve a game; its policy is written here where a file is named."""
    from arena.client import Client
    from arena.solve_job import POLICY
    from arena.solve_settings import as_typed
    from arena.solvers import load_policy, save_policy

    settings = {name: as_typed(value) for name, value in given.items() if name != "device"}
    with Client(url) as client:
        row = client.solve(method, game, settings=settings, device=str(given.get("device", "cpu")), needs=needs)
        done = _waited(client, row, unit="iterations", submit=submit, json=json)
        if done is None or output is None:
            return
        policy = _kept(client, done, POLICY, "no policy that a table can hold")
        unread = output.with_name(f".{output.name}.npz")
        try:
            unread.write_bytes(policy)
            save_policy(load_policy(unread), output)
        finally:
            unread.unlink(missing_ok=True)
    sys.stderr.write(f"wrote {output}\n")


def train_there(
    url: str,
    asked: Configuration,
    name: str,
    device: str,
    workers: int,
    output: Path | None,
    *,
    submit: bool,
    json: bool,
) -> None:
    """Has a server train a policy, which becomes an agent there; its network is written here where a file is named."""
    from arena.client import Client

    wanted = {one: value for one, value in asked.to_dict().items() if one not in ("method", "game")}
    with Client(url) as client:
        row = client.train(name, asked.method, asked.game, device=device, needs={"cpus": workers}, **wanted)
        done = _waited(client, row, unit="steps", submit=submit, json=json)
        if done is None or output is None:
            return
        agent = client.agent(str((done.result or {})["agent"]))
        output.write_bytes(client.artifact(str(agent.content_hash))[1])
    sys.stderr.write(f"wrote {output}\n")


def exploit_there(
    url: str, game: str, agent: str, settings: Mapping[str, str | int | float], device: str, *, json: bool
) -> None:
    """Has a server say how exploitable one of its agents is; exploiter and answer are kept there."""
    from arena.cli.output import say
    from arena.client import Client
    from arena.exploit_answer import exploit_of

    with Client(url) as client:
        [row] = client.ask(game, "exploit", agents=[agent], settings=settings, device=device)
        done = _waited(client, row, unit="steps", submit=False, json=json)
        if done is not None and not json:
            say(exploit_of(done.result or {}).sentence())


def wait_there(client: Client, job: JobRow, *, unit: str = "matches") -> JobRow:
    """A server's job once it is finished.

    Raises:
        JobNotDone: it failed, or was cancelled.
    """
    from arena.cli.output import progress

    try:
        with progress(str(job.settings.get("tournament") or f"job {job.key[:12]}"), unit=unit) as told:
            done = client.wait(job, progress=told)
    except KeyboardInterrupt:
        sys.stderr.write(f"the server goes on with it: arena job show {job.key[:12]}; arena job cancel ends it\n")
        raise typer.Exit(130) from None
    if done.status != "finished":
        from arena.source import JobNotDone

        raise JobNotDone(f"job {done.key[:12]} {done.status}" + (f": {done.error}" if done.error else ""))
    return done


def _waited(client: Client, row: JobRow, *, unit: str, submit: bool, json: bool) -> JobRow | None:
    """Tells the job, and waits for it before, unless it is to be left to the server: then None."""
    from arena.cli.job import say_jobs

    done = row if submit else wait_there(client, row, unit=unit)
    say_jobs([done], client.workers() if submit else (), json=json)
    return None if submit else done


def _kept(client: Client, done: JobRow, name: str, without: str) -> bytes:
    from arena.games import NotProvided

    content_hash = (done.result or {}).get(name)
    if not isinstance(content_hash, str):
        raise NotProvided(f"the answer has {without}; arena job show {done.key[:12]} says what it has")
    return client.artifact(content_hash)[1]
