"""Playing tournaments for `arena tournament run` and `resume`: here with a progress bar, or by a server."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from arena.client import Client
    from arena.config import TournamentConfig
    from arena.job_rows import JobRow
    from arena.ledger import Ledger, Tournament
    from arena.source import Source


def play_or_leave(ledger: Ledger, tournaments: list[Tournament], workers: int, *, submit: bool, json: bool) -> None:
    """Plays here, or leaves it to whoever does the ledger's jobs, with as many processes as are asked for."""
    from arena.attendance import workers_there
    from arena.cli.job import say_jobs
    from arena.job_rows import Resources
    from arena.tournament_job import ask_to_go_on

    if submit:
        needs = Resources(cpus=workers)
        left = [tournament for tournament in tournaments if tournament.status != "finished"]
        jobs = [ask_to_go_on(ledger, tournament, needs=needs) for tournament in left]
        say_jobs(jobs, workers_there(ledger), json=json)
    else:
        _play(ledger, tournaments, workers, json=json)


def _play(ledger: Ledger, tournaments: list[Tournament], workers: int, *, json: bool) -> None:
    """Runs with one progress bar; an interrupted run says how to go on."""
    from arena.cli.output import progress
    from arena.executor import InProcess, ProcessPool
    from arena.interruption import signals_interrupt
    from arena.series import play_series
    from arena.source import LedgerSource

    executor = InProcess() if workers == 1 else ProcessPool(workers)

    def begun(tournament: Tournament) -> None:
        done = ledger.progress(tournament)
        if done and tournament.status != "finished":
            sys.stderr.write(f"going on with {tournament.key}: {done:,} matches are recorded already\n")

    label = tournaments[0].name if len(tournaments) == 1 else f"{len(tournaments)} tournaments"
    try:
        with signals_interrupt(), progress(label) as told:
            played = play_series(tournaments, ledger, executor, progress=told, on_begun=begun)
    except (KeyboardInterrupt, Exception) as stopped:
        _say_resume(ledger, tournaments)
        if isinstance(stopped, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise
    _say_played(LedgerSource(ledger), [tournament.key for tournament in played], json=json)


def start_there(url: str, configs: Sequence[TournamentConfig], workers: int, *, submit: bool, json: bool) -> None:
    """Has tournaments played by a server and waits for them, or leaves them to it. Files of agents are sent."""
    from arena.client import Client

    with Client(url) as client:
        jobs = []
        for config in configs:
            values = config.model_dump(mode="json")
            values["agents"] = _sent(client, config.agents)
            jobs += client.start_tournament(values, cpus=workers)
        _follow(client, jobs, submit=submit, json=json)


def resume_there(url: str, keys: Sequence[str], *, submit: bool, json: bool) -> None:
    """Has a server go on with tournaments, as `start_there`."""
    from arena.client import Client

    with Client(url) as client:
        _follow(client, [job for key in keys for job in client.resume_tournament(key)], submit=submit, json=json)


def _sent(client: Client, agents: Mapping[str, str]) -> dict[str, str]:
    """The agents of a tournament as a server knows them: those that are files here are registered there by their content."""
    from arena.agents.registry import FILE_SCHEMES

    return {
        name: client.add_agent(name, text).label if text.partition(":")[0] in FILE_SCHEMES else text
        for name, text in agents.items()
    }


def _follow(client: Client, jobs: list[JobRow], *, submit: bool, json: bool) -> None:
    from arena.cli.done_there import wait_there
    from arena.cli.job import say_jobs

    if submit:
        say_jobs(jobs, client.workers(), json=json)
        return
    keys = [str((wait_there(client, job).result or {})["tournament"]) for job in jobs]
    _say_played(client, keys, json=json)


def _say_played(source: Source, keys: Sequence[str], *, json: bool) -> None:
    """The standings of tournaments that were played."""
    from arena.cli.leaderboard import print_standings
    from arena.cli.mini_games_shown import print_mini_games
    from arena.cli.output import say, say_json
    from arena.cli.pairing_shown import print_pairing

    played = [source.tournament_status(key) for key in keys]
    found = [source.standings(one.facts.game, tournament=one.facts.tournament) for one in played]
    if json:
        shown = [
            board.to_dict()
            | {"tournament": one.facts.tournament}
            | ({} if one.state is None else {"state": one.state.to_dict()})
            for board, one in zip(found, played, strict=True)
        ]
        say_json(shown[0] if len(shown) == 1 else {"tournaments": shown})
        return
    for number, (board, one) in enumerate(zip(found, played, strict=True)):
        if number:
            say()
        say(f"tournament {one.facts.tournament}: {one.facts.matches:,} matches of {one.facts.game} recorded")
        if one.state is not None:
            print_pairing(one.state)
        print_standings(board)
    print_mini_games(found)


def _say_resume(ledger: Ledger, tournaments: list[Tournament]) -> None:
    left = [one for one in map(ledger.tournament, (t.key for t in tournaments)) if one.status != "finished"]
    if not left or any(one.source != "play" for one in left):
        return
    done = sum(ledger.progress(one) for one in tournaments)
    keys = " ".join(one.key for one in left)
    place = "" if ledger.is_default else f" --db {shlex.quote(ledger.url_for_people)}"
    sys.stderr.write(f"stopped after {done:,} recorded matches; go on with: arena tournament resume {keys}{place}\n")
