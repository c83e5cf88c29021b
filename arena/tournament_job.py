"""Tournaments as jobs: played by any worker, and whoever takes one up goes on where the last one was.

What a server starts for somebody at a distance names agents of the ledger or Arena's own kinds: no file of this machine, no address,
and no program that its owner has not approved.
"""

from __future__ import annotations

from collections.abc import Mapping

from arena.columns import TOURNAMENT_JOB
from arena.config import TournamentConfig, make_config
from arena.executor import Executor
from arena.games import SpecificationError, load_game
from arena.job_rows import JobRow, Resources
from arena.job_work import Progress, note_answer, note_recorded
from arena.jobs import all_jobs, submit
from arena.ledger import Ledger, Tournament
from arena.named_games import refuse_files
from arena.noise_floor import twins_of
from arena.roster import require_known
from arena.tournament import create_tournament, resume_tournament

CONFIG, TOURNAMENT, RUN = "config", "tournament", "run"
"""The settings: what a tournament file says, or the key of a tournament that was begun; and which run of that file it is."""


def ask_tournament(ledger: Ledger, config: TournamentConfig, *, needs: Resources | None = None) -> JobRow:
    """The job that asks for a tournament of this configuration: the one that is not over, else a new one.

    Args:
        ledger: where it is played.
        config: what a tournament file says, with one game.
        needs: as many processes as it takes cores play its matches.

    Raises:
        UnknownName: no such game, or agent.
        SpecificationError: a game that is a file of this machine, or an agent that only its user may name.
    """
    refuse_files(ledger, config.game)
    twins = twins_of(config.model_dump())
    require_known(ledger, {name: text for name, text in config.agents.items() if name not in twins})
    game = load_game(config.game).info.specification
    asked = config.model_dump(mode="json")
    before = [row for row in all_jobs(ledger, game=game, kind=TOURNAMENT_JOB) if row.settings.get(CONFIG) == asked]
    over = sum(row.status == "finished" for row in before)
    return submit(ledger, kind=TOURNAMENT_JOB, game=game, settings={CONFIG: asked, RUN: over + 1}, needs=needs)


def ask_to_go_on(ledger: Ledger, tournament: Tournament, *, needs: Resources | None = None) -> JobRow:
    """The job that asks for what a tournament still lacks. Arguments as of `ask_tournament`.

    Raises:
        SpecificationError: it was not played, or it is over.
    """
    if tournament.source != "play" or tournament.status == "finished":
        what = "is finished" if tournament.source == "play" else f"was not played ({tournament.source})"
        raise SpecificationError(f"{tournament.key} {what}; there is nothing to go on with")
    return submit(ledger, kind=TOURNAMENT_JOB, game=tournament.game, settings={TOURNAMENT: tournament.key}, needs=needs)


def tournament_job(ledger: Ledger, row: JobRow, progress: Progress, executor: Executor) -> Mapping[str, object]:
    """The answer to a job that asks for a tournament: its key, once all its matches are recorded.

    Args:
        progress: hears (matches recorded or finished, matches planned).
        executor: who plays.
    """
    key = _begun(ledger, row)
    note_answer(ledger, row, {TOURNAMENT: key})
    told = False

    def recorded() -> None:
        nonlocal told
        if not told:
            note_recorded(ledger, row)
            told = True

    played = resume_tournament(key, ledger, executor, progress=progress, on_recorded=recorded)
    return {TOURNAMENT: key, "matches": ledger.progress(played)}


def _begun(ledger: Ledger, row: JobRow) -> str:
    """The key of the job's tournament; one that a worker began and could not note is found by its configuration."""
    known = (row.result or {}).get(TOURNAMENT) or row.settings.get(TOURNAMENT)
    if known is not None:
        return str(known)
    asked = row.settings[CONFIG]
    assert isinstance(asked, dict)
    config = make_config(asked, source=f"job {row.key[:12]}")
    return create_tournament(config, ledger, go_on=True, from_elsewhere=True).key
