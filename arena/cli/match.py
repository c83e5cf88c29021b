"""`arena match`: recorded matches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.match_export import Format, Output, format_of, write_matches, write_votes
from arena.cli.options import Db, Json, open_source

if TYPE_CHECKING:
    from arena.ledger import Ledger, Tournament
    from arena.results import MatchResult

app = typer.Typer(help="Recorded matches: list, show, verify, replay, import, export.", no_args_is_help=True)

Match = Annotated[str, typer.Argument(help="TOURNAMENT/NUMBER")]


@app.command("list")
def list_command(
    tournament: Annotated[str, typer.Argument(help="the tournament's key")],
    first: Annotated[int, typer.Option("--first", min=0, help="The number to begin at.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 50,
    forfeits: Annotated[bool, typer.Option("--forfeits", help="Only matches that an agent forfeited.")] = False,
    db: Db = None,
    json: Json = False,
) -> None:
    """List matches of a tournament: its agents by seat, or by side where players stand in teams."""
    from arena.cli.output import say, say_json, table

    with open_source(db) as source:
        found = source.matches(tournament, first=first, limit=limit, forfeits=forfeits)
    if json:
        say_json([one.to_dict() for one in found.matches])
        return
    cells = [
        (one.match, " | ".join(one.agents), " ".join(f"{r:g}" for r in one.returns), one.termination)
        for one in found.matches
    ]
    table(["match", "sides" if found.in_teams else "agents by seat", "returns", "termination"], cells)
    say(f"{len(cells):,} of {found.total:,} matches; --first N begins at another")


@app.command("show")
def show_command(match: Match, db: Db = None, json: Json = False) -> None:
    """Show all that is recorded of a match."""
    from arena.cli.output import say, say_json, say_under
    from arena.games.usage import used_words

    key, number = key_and_number(match)
    with open_source(db) as source:
        found = source.match(key, number)
    shown = found.to_dict()
    if json:
        say_json(shown)
        return
    for name, value in shown.items():
        if name not in ("usage", "judgement"):
            say(f"{name:<13} {value}")
    for name, value in (found.judgement or {}).items():
        say_under(f"{name:<13} ", str(value))
    for used in found.usage:
        say(f"{'used':<13} player {used.player}: {used_words(used.usage)}")


@app.command("replay")
def replay_command(
    match: Match,
    view: Annotated[int | None, typer.Option("--view", min=0, help="Only what this player sees.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write it as an animated picture: .svg, .gif or .mp4.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    db: Db = None,
    json: Json = False,
) -> None:
    """Show a match move by move, or write it as an animated picture."""
    import dataclasses

    from arena.cli.match_film import check_file, write_film
    from arena.cli.output import say, say_json
    from arena.games import SpecificationError, load_game
    from arena.ledger import Ledger
    from arena.replay import replay

    if out is not None:
        check_file(out, force=force)
    with Ledger.open(db, create=False, read_only=True) as ledger:
        tournament, result = find_match(ledger, match)
    _played_here(tournament)
    game = load_game(tournament.game)
    every = json and view is None and out is None
    positions = replay(game, result, views_of=None if every else () if view is None else (view,))
    if view is not None and view >= len(result.spec.seats):
        raise SpecificationError(f"there is no player {view}; this game has {len(result.spec.seats)}, from 0")
    if out is not None:
        made = write_film(out, game=game, tournament=tournament, result=result, positions=positions, view=view)
        if json:
            say_json({"match": match, "file": str(made.file), "bytes": made.size, "pictures": made.pictures})
        else:
            drawn = "" if made.pictures is None else f"{made.pictures:,} pictures, "
            say(f"wrote {made.file}: {len(positions) - 1:,} moves, {drawn}{made.size:,} bytes")
        return
    if json:
        shown = [dataclasses.asdict(position) | {"action_text": position.action_text} for position in positions]
        if view is not None:  # another player's secrets stay out
            shown = [{"move": p["move"], "player": p["player"], "view": p["views"][view]} for p in shown]
        say_json(shown)
        return
    for position in positions:
        who = "start" if position.move == 0 else position.action_text
        if position.player is not None:
            who = f"{tournament.agents[result.spec.seats[position.player]].label} (player {position.player}): {who}"
        say(f"--- {position.move}" + (f" {who}" if view is None else ""))
        say(position.text if view is None else position.views[view])
    say(f"returns {' '.join(f'{value:g}' for value in result.returns)}, {result.termination.name.lower()}")


@app.command("verify")
def verify_command(match: Match, db: Db = None, json: Json = False) -> None:
    """Play the recorded actions again and compare. Without /NUMBER: every match of the tournament."""
    from arena.cli.output import progress, say, say_json
    from arena.games import load_game
    from arena.ledger import Ledger
    from arena.replay_many import differences, differences_of

    problems: dict[str, list[str]] = {}
    with Ledger.open(db, create=False, read_only=True) as ledger:
        if "/" in match:
            tournament, result = find_match(ledger, match)
            _played_here(tournament)
            verified = 1
            if found := differences_of(load_game(tournament.game), result):
                problems[match] = found
        else:
            tournament = ledger.tournament(match)
            _played_here(tournament)
            game, verified, planned = load_game(tournament.game), 0, ledger.progress(tournament)
            with progress("verify") as told:
                for block in ledger.result_blocks(tournament):
                    for row, said in differences(game, block).items():
                        problems[f"{tournament.key}/{block.specs.index[row]}"] = said
                    verified += len(block)
                    told(verified, planned)
    if json:
        say_json({"verified": verified, "problems": problems})
    else:
        for name, found in list(problems.items())[:20]:
            say(f"{name}: {'; '.join(found)}")
        say(f"{verified - len(problems):,} of {verified:,} matches replay to what is recorded")
    if problems:
        raise typer.Exit(1)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="results: .csv, .jsonl or .pgn")],
    game: Annotated[str, typer.Option("--game", "-g", help="What was played; names the ladder.")],
    name: Annotated[str | None, typer.Option("--name", help="What the import is called.")] = None,
    db: Db = None,
) -> None:
    """Take results from elsewhere into the ledger. The same file again changes nothing."""
    from arena.cli.output import say

    with open_source(db, create=True, read_only=False) as source:
        made = source.import_results(file, game=game, name=name or file.stem)
    kept = "" if made.judges is None else f", with {made.judges:,} judges and {made.contexts:,} contexts,"
    say(
        f"{made.tournament.planned:,} matches of {made.agents:,} agents{kept} stand as {made.tournament.tournament}: "
        f"arena leaderboard {game}"
    )


@app.command("export")
def export_command(
    game: Annotated[str | None, typer.Argument(help="only matches of this game")] = None,
    votes: Annotated[
        bool, typer.Option("--votes", help="As votes, with judge and context: arena solve METHOD preference:FILE.")
    ] = False,
    output: Output = None,
    kind: Format = None,
    db: Db = None,
) -> None:
    """Write every match of the ledger, or of one game, as `arena tournament export` does for a tournament."""
    from arena.games import SpecificationError

    if votes and game is None:
        raise SpecificationError("name the game whose votes to write")
    written = format_of(output, kind or ("csv" if votes and output is None else None))
    with open_source(db) as source:
        if votes:
            write_votes(source.votes(str(game), written), output)
        else:
            write_matches(source, output, written, game=game)


def find_match(ledger: Ledger, match: str) -> tuple[Tournament, MatchResult]:
    """The match of ``TOURNAMENT/NUMBER``.

    Raises:
        UnknownName: no such tournament or match.
        SpecificationError: not of that form.
    """
    key, number = key_and_number(match)
    tournament = ledger.tournament(key)
    return tournament, ledger.match(tournament, number)


def key_and_number(match: str) -> tuple[str, int]:
    """The parts of ``TOURNAMENT/NUMBER``.

    Raises:
        SpecificationError: not of that form.
    """
    from arena.games import SpecificationError

    key, slash, number = match.rpartition("/")
    if not slash or not number.isdecimal() or len(number) > 18:
        raise SpecificationError(f"a match is named TOURNAMENT/NUMBER, as cup/12; got {match!r}")
    return key, int(number)


def _played_here(tournament: Tournament) -> None:
    """Raises `SpecificationError` where matches came with their results alone."""
    from arena.games import SpecificationError
    from arena.verify import WITHOUT_MOVES

    if tournament.source != "play":
        raise SpecificationError(f"{tournament.key}: {WITHOUT_MOVES[tournament.source]}, but no moves to replay")
