"""The command `arena`. Every command imports what it needs when it runs, so that ``arena --help`` answers at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache

import typer
import typer.main

from arena.cli import (
    account,
    agent,
    db,
    doctor,
    exchange,
    exploit,
    figure,
    game,
    job,
    join,
    judge,
    leaderboard,
    match,
    plan,
    play,
    poll,
    serve,
    site,
    solve,
    tournament,
    train,
    verify,
)
from arena.cli.options import Server

app = typer.Typer(
    name="arena",
    help="Which agent is better, and how sure are we: matches, tournaments, leaderboards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(game.app, name="game")
app.add_typer(agent.app, name="agent")
app.add_typer(tournament.app, name="tournament")
app.add_typer(match.app, name="match")
app.add_typer(poll.app, name="poll")
app.add_typer(db.app, name="db")
app.add_typer(job.app, name="job")
app.add_typer(account.app, name="account")
app.add_typer(account.tokens, name="token")
app.command("audit")(account.audit_command)
app.command("worker")(job.worker_command)
app.command("play")(play.play_command)
app.command("join")(join.join_command)
app.command("push")(exchange.push_command)
app.command("pull")(exchange.pull_command)
app.command("plan")(plan.plan_command)
app.command("leaderboard")(leaderboard.leaderboard_command)
app.command("figure")(figure.figure_command)
app.command("site")(site.site_command)
app.command("solve")(solve.solve_command)
app.command("train")(train.train_command)
app.command("judge")(judge.judge_command)
app.command("exploit")(exploit.exploit_command)
app.command("verify")(verify.verify_command)
app.command("serve")(serve.serve_command)
app.command("doctor")(doctor.doctor_command)


@app.callback()
def options(server: Server = None) -> None:
    """What stands before a command; `arena.cli.options` reads it."""


@cache
def command() -> Callable[..., object]:
    """All commands, as one tree: reading their options takes longer than most of them run."""
    return typer.main.get_command(app)


def main() -> None:
    """Runs the command line: exit code 0 good, 1 the work failed, 2 wrong usage."""
    try:
        command()()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe left, as `head` does
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        from arena.games.errors import ArenaError  # numba and more come with it: not before it is needed

        if not isinstance(error, ArenaError):
            raise
        print(f"arena: {error}", file=sys.stderr)  # noqa: T201  # the one place where errors are told
        sys.exit(1 if getattr(error, "work_failed", False) else 2)


__all__ = ["app", "command", "main"]
