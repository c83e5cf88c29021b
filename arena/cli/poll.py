"""`arena poll`: people vote which of two answers is better, in the browser; made, opened, reviewed and taken out here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Db, Json, at_server

if TYPE_CHECKING:
    from arena.polls.source import Polls, PollStatus

app = typer.Typer(help="Polls: people vote which of two answers is better.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="the poll's key, as arena poll list shows it")]
VOTE_FILES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


@app.command("new")
def new_command(
    file: Annotated[Path, typer.Argument(help="prompts and answers: .csv or .jsonl, as arena judge reads them")],
    candidate: Annotated[
        list[str] | None,
        typer.Option("--candidate", "-c", help="A model that is asked for its answers: NAME=llm:MODEL@URL."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What the poll is called; the file's name.")] = None,
    game: Annotated[
        str | None, typer.Option("--game", "-g", help="Names the ladder; preference:NAME without it.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="key=value: question, voters, pairing, reveal, per_minute, per_address, least_seconds."
        ),
    ] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Make a poll, a draft until `arena poll open`. Where models are asked, `arena poll answers` or a worker asks them."""
    from arena.games import SpecificationError

    given = [text.partition("=") for text in setting or ()]
    if any(not sign for _, sign, _ in given):
        raise SpecificationError("a setting is written key=value")
    settings = {key.strip(): value.strip() for key, _, value in given}
    with _polls(db, create=True, read_only=False) as polls:
        made = polls.make(file, name=name or file.stem, settings=settings, endpoints=candidate or (), game=game)
    _show(made, json)


@app.command("list")
def list_command(db: Db = None, json: Json = False) -> None:
    """List the polls, the newest first."""
    from arena.cli.output import say, say_json, table

    with _polls(db) as polls:
        found = [(poll, poll.summary) for poll in polls.all()]
    if json:
        say_json([{"key": poll.key, "name": poll.name, **summary.to_dict()} for poll, summary in found])
        return
    if not found:
        say("There is no poll yet: arena poll new FILE")
        return
    numbers = ("votes", "held", "voters", "prompts", "candidates")
    rows = [
        [poll.key, s.state, *(f"{value:,}" for value in (s.counted, s.held, s.voters, s.prompts, s.candidates))]
        for poll, s in found
    ]
    table(["poll", "state", *((head, "right") for head in numbers)], rows)


@app.command("show")
def show_command(key: Key, db: Db = None, json: Json = False) -> None:
    """Show how a poll stands: its votes, what the order shown does, who waits for review, which answers are missing."""
    with _polls(db) as polls:
        _show(polls.one(key), json)


@app.command("open")
def open_command(key: Key, db: Db = None, json: Json = False) -> None:
    """Open a poll for votes: arena serve shows it under /polls."""
    with _polls(db, read_only=False) as polls:
        _show(polls.set_state(key, "open"), json)


@app.command("close")
def close_command(key: Key, db: Db = None, json: Json = False) -> None:
    """Close a poll. It can be opened again."""
    with _polls(db, read_only=False) as polls:
        _show(polls.set_state(key, "closed"), json)


@app.command("answers")
def answers_command(key: Key, db: Db = None, json: Json = False) -> None:
    """Ask the models of a poll for the answers that are missing, here and now. What is answered is kept and not asked again."""
    from arena.cli.output import progress

    with _polls(db, read_only=False) as polls:
        with progress(key, unit="answers") as told:
            polls.ask(key, told)
        found = polls.one(key)
    _show(found, json)
    if not all(one.complete for one in found.answers):
        raise typer.Exit(1)


@app.command("review")
def review_command(
    key: Key,
    voter: Annotated[int, typer.Argument(min=1, help="the voter's number: 17 of voter 17")],
    state: Annotated[str, typer.Argument(help="count, hold or leave-out")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for those who look later.")] = "decided by the operator",
    db: Db = None,
    json: Json = False,
) -> None:
    """Decide whether a voter's votes count. They stay in the ledger whatever is decided, and it can be decided again."""
    from arena.games import UnknownName
    from arena.vote_reviews import State

    states: dict[str, State] = {"count": "counted", "hold": "held", "leave-out": "left out"}
    if state not in states:
        raise UnknownName("decision", state, states)
    with _polls(db, read_only=False) as polls:
        _show(polls.review(key, voter, states[state], reason), json)


@app.command("invite")
def invite_command(
    key: Key,
    count: Annotated[int, typer.Argument(min=1, max=10_000, help="how many voters")] = 1,
    db: Db = None,
    json: Json = False,
) -> None:
    """Print invitations, each for one voter. They are told once; the ledger keeps only what tells them again."""
    from arena.cli.output import say, say_json

    with _polls(db, read_only=False) as polls:
        made = polls.invite(key, count)
    if json:
        say_json({"invitations": made})
        return
    where = db.rstrip("/") if at_server(db) else ""
    for text in made:
        say(f"{where}/polls/{key}/vote?invitation={text}")


@app.command("votes")
def votes_command(
    key: Key,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file: .csv, .jsonl or .parquet.")],
    db: Db = None,
) -> None:
    """Write the votes that count to a file that `arena solve minimax_winner preference:FILE` reads."""
    from arena.cli.match_export import write_votes
    from arena.games import SpecificationError

    kind = VOTE_FILES.get(output.suffix.lower())
    if kind is None:
        raise SpecificationError(f"votes are written as .csv, .jsonl or .parquet; got {output.name}")
    with _polls(db) as polls:
        content = polls.votes(key, kind)
    write_votes(content, output)


@contextlib.contextmanager
def _polls(db: str | None, *, create: bool = False, read_only: bool = True) -> Iterator[Polls]:
    """The polls of a command's ledger, whether it is here or behind a server."""
    from arena.polls.source import LedgerPolls, ServerPolls

    if at_server(db):
        from arena.client import Client

        with Client(db) as client:
            yield ServerPolls(client)
        return
    from arena.ledger import Ledger

    with Ledger.open(db, create=create, read_only=read_only) as ledger:
        yield LedgerPolls(ledger)


def _show(poll: PollStatus, json: bool) -> None:
    from arena.cli.output import say, say_json, say_under

    summary = poll.summary
    if json:
        answers = [
            {"candidate": one.candidate, "answered": one.answered, "prompts": one.prompts} for one in poll.answers
        ]
        say_json({"key": poll.key, "name": poll.name, "game": poll.game, **summary.to_dict(), "answers": answers})
        return
    say(
        f"{poll.key}: {summary.state}; {summary.prompts:,} prompts, {summary.candidates:,} candidates. {summary.sentence()}"
    )
    if summary.votes:
        say(summary.order_sentence())
    for one in summary.reviewed:
        say_under(f"{one.name}: ", f"{one.review.state}, {one.votes:,} votes: {one.review.reason}")
    for model in poll.answers:
        say(f"{model.candidate}: {model.answered:,} of {model.prompts:,} prompts answered")
        for failed in model.failures[:5]:
            say_under(f"  {failed.prompt}: ", failed.message)
    if summary.state == "draft":
        say(f"To open it for votes: arena poll open {poll.key}")
