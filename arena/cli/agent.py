"""`arena agent`: the players of a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Db, Json, Seed, open_source

if TYPE_CHECKING:
    from arena.ledger import AgentVersion

app = typer.Typer(help="Agents: add, list, show, check, approve, remove.", no_args_is_help=True)

CLIENTS = {"python": "arena_agent.py", "javascript": "arena_agent.js"}

Name = Annotated[str, typer.Argument(help="a name, or name@version")]


@app.command("add")
def add_command(
    name: Annotated[str, typer.Argument(help="what it is called on leaderboards")],
    specification: Annotated[
        str, typer.Argument(help="for example policy:FILE, 'mcts(simulations=200)', exec:COMMAND")
    ],
    db: Db = None,
    json: Json = False,
) -> None:
    """Register an agent; what it is made of is copied beside the ledger, or sent to the server. The same name again makes a new version."""
    from arena.agents.specification_check import check_specification
    from arena.cli.output import say, say_json

    check_specification(specification)  # what is broken makes no ledger, and goes to no server
    with open_source(db, create=True, read_only=False) as source:
        agent = source.add_agent(name, specification)
    if json:
        say_json(facts(agent))
    else:
        say(
            f"{agent.label} is {agent.specification}"
            + (f", content {agent.content_hash[:12]}" if agent.content_hash else "")
        )


@app.command("list")
def list_command(db: Db = None, json: Json = False) -> None:
    """List the registered agents, newest version of each; or the kinds of agents there are."""
    from arena.agents import kinds
    from arena.cli.output import say_json, table

    with open_source(db) as source:
        agents = source.agents()
    if json:
        say_json([facts(agent) for agent in agents])
        return
    if agents:
        table(
            ["agent", "kind", "specification", "content", "added"],
            [(a.label, a.kind, a.specification, (a.content_hash or "")[:12], str(a.created_at)[:16]) for a in agents],
        )
    table(["kind", "specification", "what it is"], [(k.name, k.usage, k.description) for k in kinds()], title="Kinds")


@app.command("kinds")
def kinds_command(json: Json = False) -> None:
    """List the kinds of agents and how each is written."""
    import dataclasses

    from arena.agents import kinds
    from arena.cli.output import say_json, table

    if json:
        say_json([dataclasses.asdict(kind) for kind in kinds()])
        return
    table(["kind", "specification", "what it is"], [(k.name, k.usage, k.description) for k in kinds()])


@app.command("show")
def show_command(name: Name, db: Db = None, json: Json = False) -> None:
    """Show one agent: what it is, and its matches."""
    from arena.cli.output import say, say_json

    with open_source(db) as source:
        agent, matches = source.agent(name), source.latest_matches(name)
    if json:
        say_json(facts(agent) | {"latest_matches": matches})
        return
    for key, value in facts(agent).items():
        if key != "lineage":
            say(f"{key:<14} {value}")
    for number, (key, value) in enumerate(agent.lineage.items()):
        say(f"{'' if number else 'lineage':<14} {key}: {value}")
    say(f"{'latest matches':<14} {', '.join(matches) or 'none'}")


@app.command("check")
def check_command(
    name: Annotated[str, typer.Argument(help="a registered agent, or a specification")],
    game: Annotated[str, typer.Option("--game", "-g", help="The game to try it on.")] = "arena:tic_tac_toe",
    seed: Seed = 0,
    db: Db = None,
    json: Json = False,
) -> None:
    """Try an agent on a game and say what is wrong with it. Exit code 1 when something is."""
    import dataclasses

    from arena.agents import load_agent
    from arena.agents.check import check_agent
    from arena.agents.hosted import HostedAgent
    from arena.cli.output import say, say_json
    from arena.executor import close_agents
    from arena.games import load_game
    from arena.hosted import hosted
    from arena.hosted_check import check_hosted
    from arena.ledger import Ledger, ledger_exists
    from arena.roster import playable

    specification = name
    if ledger_exists(db):
        with Ledger.open(db, create=False, read_only=True) as ledger:
            if any(agent.name == name.partition("@")[0] for agent in ledger.agents()):
                specification = playable(ledger.agent(name), ledger)
    loaded = load_game(game)
    agent = load_agent(specification, game=loaded)
    try:
        if isinstance(agent, HostedAgent):
            findings = check_hosted(agent, hosted(loaded), seed=seed)
        else:
            findings = check_agent(agent, loaded, seed=seed)
    finally:
        close_agents([agent])
    if json:
        say_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{'good' if finding.passed else 'BAD '}  {finding.name}: {finding.message}")
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)


@app.command("approve")
def approve_command(name: Name, db: Db = None) -> None:
    """Allow the program of an agent to run on this machine; needed when the ledger came from another one."""
    from arena.approvals import approve
    from arena.cli.output import say
    from arena.ledger import Ledger

    with Ledger.open(db, create=False, read_only=True) as ledger:
        agent = ledger.agent(name)
    approve(agent.specification, agent.content_hash)
    say(f"{agent.label} may run here: {agent.specification}")


@app.command("remove")
def remove_command(name: Name, db: Db = None) -> None:
    """Take an agent off the list. Its matches stay: the record is append-only."""
    from arena.cli.output import say

    with open_source(db, read_only=False) as source:
        agent = source.retire_agent(name)
    say(f"{agent.label} is removed; its matches stay in the ledger")


@app.command("client")
def client_command(
    language: Annotated[str, typer.Argument(help="python or javascript")],
    file: Annotated[Path | None, typer.Argument(help="where to write it; its own name without one")] = None,
) -> None:
    """Write the client of the agent protocol into this folder: one file, to import beside your own program."""
    from importlib.resources import files

    from arena.cli.output import say
    from arena.games import SpecificationError, UnknownName

    if language not in CLIENTS:
        raise UnknownName("language of a client", language, CLIENTS)
    target = file or Path(CLIENTS[language])
    if target.exists():
        raise SpecificationError(f"{target} exists; remove it, or name another file")
    try:
        target.write_bytes(files("arena.agents").joinpath("clients", CLIENTS[language]).read_bytes())
    except OSError as error:
        raise SpecificationError(f"cannot write {target}: {error.strerror}") from None
    say(f"wrote {target}; its first lines say how it is used")


def facts(agent: AgentVersion) -> dict[str, object]:
    """An agent's version as JSON values."""
    return {
        "agent": agent.label,
        "name": agent.name,
        "version": agent.version,
        "kind": agent.kind,
        "specification": agent.specification,
        "content_hash": agent.content_hash,
        "lineage": agent.lineage,
        "created_at": str(agent.created_at),
        "retired": agent.retired,
    }
