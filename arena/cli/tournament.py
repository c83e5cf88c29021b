"""`arena tournament`: from a file or flags to a full ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.cli.match_export import Format, Output, format_of, write_matches
from arena.cli.options import (
    LAST_SEED,
    Db,
    Json,
    MatchClock,
    MoveClock,
    Sandbox,
    Submit,
    Workers,
    at_server,
    open_source,
)

if TYPE_CHECKING:
    from arena.cli.output import Head

app = typer.Typer(help="Tournaments: new, run, resume, status, list, export.", no_args_is_help=True)

TEMPLATE = """\
# arena tournament run {file}
name = "{name}"
game = "{game}"              # arena game list; ["one", "two"] is a tournament of each
pairing = "round_robin"      # or gauntlet, decide, swiss, knockout, adaptive: docs/how-to/choose-a-pairing.md
matches = 100                # of each pairing: three agents are three pairings; every agent sits on every seat equally often
# rounds = 7                 # of swiss
# aim = "top 5"              # of adaptive: or "order", "support", "compare A B"; matches are then the most in all
seed = 1
# move_clock_s = 5           # clocks judge agents outside Arena's process
# match_clock_s = 60

[agents]                     # name = specification; arena agent kinds
random = "random"
search = "mcts(simulations=100)"
# mine = "python:my_agent.py:MyAgent"
"""

Key = Annotated[str, typer.Argument(help="the tournament's key: arena tournament list")]
Keys = Annotated[list[str], typer.Argument(help="the tournaments' keys: arena tournament list")]


@app.command("new")
def new_command(
    file: Annotated[Path, typer.Argument(help="the file to write")] = Path("cup.toml"),
    game: Annotated[str, typer.Option("--game", "-g")] = "arena:tic_tac_toe",
) -> None:
    """Write a tournament file to start from."""
    from arena.cli.output import say
    from arena.games import SpecificationError, load_game

    load_game(game)
    if file.exists():
        raise SpecificationError(f"{file} exists; remove it, or name another file")
    try:
        file.write_text(TEMPLATE.format(file=file, name=file.stem, game=game), encoding="utf-8")
    except OSError as error:
        raise SpecificationError(f"cannot write {file}: {error.strerror}") from None
    say(f"wrote {file}; run it with: arena tournament run {file}")


@app.command("run")
def run_command(
    file: Annotated[Path | None, typer.Argument(help="a TOML file; without one, flags say everything")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What the tournament is called.")] = None,
    game: Annotated[
        list[str] | None, typer.Option("--game", "-g", help="Several times for a tournament of each.")
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option("--agent", "-a", help="name=specification, once for each agent.")
    ] = None,
    pairing: Annotated[
        str | None, typer.Option("--pairing", help="round_robin, gauntlet, decide, swiss, knockout or adaptive.")
    ] = None,
    matches: Annotated[
        int | None,
        typer.Option(
            "--matches",
            "-n",
            help="Each pairing plays so many: three agents are three pairings. Of decide and adaptive the most in all.",
        ),
    ] = None,
    challenger: Annotated[str | None, typer.Option("--challenger", help="Who runs the gauntlet.")] = None,
    rounds: Annotated[int | None, typer.Option("--rounds", help="Of swiss.")] = None,
    further_pairs: Annotated[
        int | None, typer.Option("--further-pairs", help="Of knockout: how long a level tie goes on.")
    ] = None,
    aim: Annotated[
        str | None, typer.Option("--aim", help="Of adaptive: 'top 5', 'order', 'support' or 'compare A B'.")
    ] = None,
    batch: Annotated[int | None, typer.Option("--batch", help="Of adaptive: pairs of matches a round.")] = None,
    error_rate: Annotated[
        float | None, typer.Option("--error-rate", help="Of decide and adaptive: of a wrong verdict.")
    ] = None,
    test: Annotated[str | None, typer.Option("--test", help="Of decide: betting or gsprt.")] = None,
    elo0: Annotated[float | None, typer.Option("--elo0", help="Of gsprt: the smaller difference.")] = None,
    elo1: Annotated[float | None, typer.Option("--elo1", help="Of gsprt: the larger difference.")] = None,
    alpha: Annotated[float | None, typer.Option("--alpha", help="Of gsprt: error rate at elo0.")] = None,
    beta: Annotated[float | None, typer.Option("--beta", help="Of gsprt: error rate at elo1.")] = None,
    elo_scale: Annotated[str | None, typer.Option("--elo-scale", help="Of gsprt: logistic or normalized.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=LAST_SEED, help="Of everything; made from the key without it.")
    ] = None,
    noise_floor: Annotated[
        bool,
        typer.Option("--noise-floor", help="A twin of an agent and a random one take part: how far apart equals seem."),
    ] = False,
    twin_of: Annotated[
        str | None, typer.Option("--twin-of", help="Whose twin, with --noise-floor; the first agent's without it.")
    ] = None,
    common_chance: Annotated[
        bool,
        typer.Option("--common-chance", help="Of round_robin and gauntlet: the same cards and draws for every lineup."),
    ] = False,
    move_clock: MoveClock = None,
    match_clock: MatchClock = None,
    sandbox: Sandbox = None,
    submit: Submit = False,
    workers: Workers = 1,
    db: Db = None,
    json: Json = False,
) -> None:
    """Play a tournament, or one of each game; flags overrule the file."""
    from arena.cli.tournament_run import play_or_leave, start_there
    from arena.config import make_configs, named_agents, read_configs
    from arena.ledger import Ledger
    from arena.series import plan_series
    from arena.toml_file import read_values

    flags: dict[str, Any] = {
        "name": name,
        "game": game[0] if game and len(game) == 1 else game or None,
        "agents": named_agents(agent) if agent else None,
        "pairing": pairing,
        "matches": matches,
        "challenger": challenger,
        "rounds": rounds,
        "further_pairs": further_pairs,
        "aim": aim,
        "batch": batch,
        "error_rate": error_rate,
        "test": test,
        "elo0": elo0,
        "elo1": elo1,
        "alpha": alpha,
        "beta": beta,
        "elo_scale": elo_scale,
        "seed": seed,
        "noise_floor": noise_floor or None,
        "twin_of": twin_of,
        "common_chance": common_chance or None,
        "move_clock_s": move_clock,
        "match_clock_s": match_clock,
        "sandbox": sandbox,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    if file is None:
        configs = make_configs({"name": given.get("name") or _name_of(game), **given}, source="the flags")
    else:
        configs = read_configs(file)
        if given:
            values, _ = read_values(file)
            configs = make_configs({**values, **given}, source=f"{file} with the flags")
    if at_server(db):
        start_there(db, configs, workers, submit=submit, json=json)
        return
    with Ledger.open(db) as ledger:
        play_or_leave(ledger, plan_series(configs, ledger), workers, submit=submit, json=json)


@app.command("resume")
def resume_command(keys: Keys, submit: Submit = False, workers: Workers = 1, db: Db = None, json: Json = False) -> None:
    """Go on with interrupted tournaments, wherever they stopped."""
    from arena.cli.tournament_run import play_or_leave, resume_there
    from arena.ledger import Ledger

    if at_server(db):
        resume_there(db, list(dict.fromkeys(keys)), submit=submit, json=json)
        return
    with Ledger.open(db, create=False) as ledger:
        tournaments = [ledger.tournament(key) for key in dict.fromkeys(keys)]
        play_or_leave(ledger, tournaments, workers, submit=submit, json=json)


@app.command("status")
def status_command(key: Key, db: Db = None, json: Json = False) -> None:
    """Show how far a tournament is: forfeits, blocks played again, the Swiss table, the bracket, the sequential test, what is decided of an aim."""
    from arena.cli.output import say, say_json
    from arena.cli.pairing_shown import print_pairing

    with open_source(db) as source:
        found = source.tournament_status(key)
    if json:
        say_json(found.to_dict())
        return
    shown = found.facts.to_dict() | {"forfeits": found.forfeits, "played again": found.played_again.sentence()}
    for name, value in shown.items():
        say(f"{name:<12} {', '.join(value) if isinstance(value, list) else value}")
    for one in found.usage:
        say(f"{'used':<12} {one.sentence()}")
    if found.duel is not None:
        say(f"{'verdict':<12} {found.duel.sentence}")
        say(f"{'evidence':<12} {found.duel.evidence_sentence()}")
        say(f"{'pairs read':<12} {found.duel.pairs_sentence()}")
    if found.state is not None:
        say()
        print_pairing(found.state)


@app.command("list")
def list_command(
    game: Annotated[str | None, typer.Argument(help="only those of this game")] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """List the tournaments of the ledger."""
    from arena.cli.output import say_json, table

    with open_source(db) as source:
        shown = [one.to_dict() for one in source.tournaments(game)]
    if json:
        say_json(shown)
        return
    heads: list[Head] = ["tournament", "game", "pairing", "status", ("matches", "right"), ("planned", "right"), "begun"]
    names = ("tournament", "game", "pairing", "status", "matches", "planned", "created_at")
    for row in shown:
        row["created_at"] = str(row["created_at"])[:16].replace("T", " ")
    rows = [[f"{v:,}" if isinstance(v := row[name], int) else str(v) for name in names] for row in shown]
    table(heads, rows, optional=("begun", "pairing", "planned"))


@app.command("export")
def export_command(key: Key, output: Output = None, kind: Format = None, db: Db = None) -> None:
    """Write every match of a tournament: agents, returns, seeds, how it ended, actions, timings; PGN of open games of turns."""
    written = format_of(output, kind)
    with open_source(db) as source:
        write_matches(source, output, written, tournament=key)


def _name_of(games: list[str] | None) -> str:
    """A name for a tournament that flags alone describe: its game's, or the scheme that all its games have."""
    from arena.config import short_name
    from arena.games import SpecificationError

    if not games:
        raise SpecificationError("name a file, or --game and --agent; arena tournament new writes a file to start from")
    if len(games) == 1:
        return short_name(games[0].partition(":")[2] or games[0])
    schemes = {game.partition(":")[0] for game in games}
    return schemes.pop() if len(schemes) == 1 else "games"
