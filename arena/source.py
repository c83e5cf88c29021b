"""What commands and the API read and write of a ledger, whether it stands on this machine or behind a server.

`Source` is the role: `LedgerSource` plays it over a ledger here, `arena.client.Client` over HTTP. Both give the same values, so that
whoever shows them need not know where they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from arena.games.errors import ArenaError, SpecificationError, UnknownName
from arena.ledger_rows import AgentVersion, GameRow

if TYPE_CHECKING:
    from arena.anytime_ratings import AnytimeRatings
    from arena.attendance import Worker
    from arena.counterfactual import Where
    from arena.explanation import AgentExplanation
    from arena.job_rows import JobRow, JobStatus, Resources
    from arena.leaderboards.leaderboard import Method
    from arena.ledger import Ledger
    from arena.source_facts import ImportFacts, MatchList, MatchRecord, TournamentFacts, TournamentStatus
    from arena.standings import Standings

Settings = Mapping[str, str | int | float]
Progress = Callable[[int, int], None]
LATEST = 20  # matches of an agent


class JobNotDone(ArenaError):
    """A job that failed or was cancelled, whose answer was waited for."""

    work_failed = True


class JobOver(ArenaError):
    """A job that cannot be cancelled any more."""


class Source(Protocol):
    """A ledger, wherever it is. Each method raises the `ArenaError` that says what is wrong."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def games(self) -> list[GameRow]:
        """All games with a tournament, by title."""

    def agents(self) -> list[AgentVersion]:
        """All versions of all agents that are not retired, by name and version."""

    def agent(self, reference: str) -> AgentVersion:
        """The version that ``name@2`` names; of ``name`` alone the newest."""

    def latest_matches(self, reference: str) -> list[str]:
        """The last matches of an agent as TOURNAMENT/NUMBER, the newest first."""

    def add_agent(self, name: str, specification: str) -> AgentVersion:
        """The version of agent ``name`` that this specification is now."""

    def retire_agent(self, reference: str) -> AgentVersion:
        """Takes an agent out of the lists; its matches stay."""

    def tournaments(self, game: str | None = None) -> list[TournamentFacts]:
        """In the order in which they were made; of one game, in any spelling, or of all."""

    def tournament_status(self, key: str) -> TournamentStatus:
        """How far a tournament is."""

    def matches(self, key: str, *, first: int = 0, limit: int = 50, forfeits: bool = False) -> MatchList:
        """The matches of a tournament from number ``first`` on."""

    def match(self, key: str, number: int) -> MatchRecord:
        """All that is recorded of a match."""

    def export(
        self,
        stream: BinaryIO,
        kind: str,
        *,
        game: str | None = None,
        tournament: str | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Writes the matches of a game, of a tournament, or all, as jsonl, csv, parquet or pgn; how many there are."""

    def votes(self, game: str, kind: str) -> bytes:
        """The votes of a ladder as a file: csv, jsonl or parquet."""

    def import_results(self, file: Path, *, game: str, name: str) -> ImportFacts:
        """Takes results from elsewhere in: .csv, .jsonl, .parquet or .pgn. The same file again changes nothing."""

    def standings(
        self,
        game: str,
        *,
        tournament: str | None = None,
        method: Method = "elo",
        where: Where | None = None,
        joint: bool = False,
    ) -> Standings:
        """As `arena.standings.standings`."""

    def explained(
        self,
        game: str,
        agent: str,
        *,
        method: str = "elo",
        tournament: str | None = None,
        since: str | None = None,
        where: Where | None = None,
    ) -> AgentExplanation:
        """As `arena.explanation.explained`."""

    def anytime(
        self, game: str, *, tournament: str | None = None, anchor: str | None = None, where: Where | None = None
    ) -> AnytimeRatings:
        """As `arena.anytime_ratings.anytime_standings`."""

    def jobs(self, game: str | None = None, status: JobStatus | None = None) -> list[JobRow]:
        """The jobs in the order in which they were asked for."""

    def job(self, key: str) -> JobRow:
        """The job of this key, or of the only key that begins so."""

    def ask(
        self,
        game: str,
        kind: str,
        *,
        agents: Sequence[str] = (),
        settings: Settings | None = None,
        device: str = "cpu",
        needs: Resources | None = None,
    ) -> list[JobRow]:
        """The jobs that this asks for: one, or for kinds about an agent one an agent."""

    def cancel_job(self, key: str) -> JobRow:
        """Ends a job that waits or is being done; one that is over cannot be."""

    def workers(self) -> list[Worker]:
        """The workers that are there now."""


class LedgerSource:
    """A ledger of this machine as a `Source`. Each method loads what it needs: a list of agents needs no ratings."""

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ledger.close()

    def games(self) -> list[GameRow]:
        return self.ledger.games()

    def agents(self) -> list[AgentVersion]:
        return self.ledger.agents()

    def agent(self, reference: str) -> AgentVersion:
        return self.ledger.agent(reference)

    def latest_matches(self, reference: str) -> list[str]:
        agent = self.ledger.agent(reference)
        return [f"{key}/{number}" for key, number in self.ledger.matches_of(agent.id, LATEST)]

    def add_agent(self, name: str, specification: str) -> AgentVersion:
        from arena.agents.specification_check import check_specification
        from arena.roster import add_agent

        checked_name(name)
        check_specification(specification)
        return add_agent(self.ledger, self.ledger.artifacts, name=name, specification=specification)

    def retire_agent(self, reference: str) -> AgentVersion:
        return self.ledger.retire_agent(reference)

    def tournaments(self, game: str | None = None) -> list[TournamentFacts]:
        from arena.source_facts import tournament_facts
        from arena.standings import canonical_game

        only = None if game is None else canonical_game(self.ledger, game)
        return [tournament_facts(self.ledger, one) for one in self.ledger.tournaments(only)]

    def tournament_status(self, key: str) -> TournamentStatus:
        from arena.source_facts import tournament_status

        return tournament_status(self.ledger, self.ledger.tournament(key))

    def matches(self, key: str, *, first: int = 0, limit: int = 50, forfeits: bool = False) -> MatchList:
        from arena.source_facts import match_list

        tournament = self.ledger.tournament(key)
        return match_list(tournament, self.ledger.played(tournament), first=first, limit=limit, forfeits=forfeits)

    def match(self, key: str, number: int) -> MatchRecord:
        from arena.source_facts import match_record

        return match_record(self.ledger, self.ledger.tournament(key), number)

    def export(
        self,
        stream: BinaryIO,
        kind: str,
        *,
        game: str | None = None,
        tournament: str | None = None,
        progress: Progress | None = None,
    ) -> int:
        from arena.match_export import chosen_matches
        from arena.match_formats import write_matches
        from arena.standings import canonical_game

        only = None if game is None else canonical_game(self.ledger, game)
        chosen = chosen_matches(self.ledger, game=only, tournament=tournament)
        write_matches(stream, self.ledger, chosen, kind, progress or (lambda _done, _planned: None))
        return chosen.matches

    def votes(self, game: str, kind: str) -> bytes:
        from arena.standings import canonical_game
        from arena.vote_files import votes_file, votes_of_game

        rated = [one for one in self.ledger.tournaments(canonical_game(self.ledger, game)) if one.is_rated]
        return votes_file(votes_of_game(self.ledger, rated), kind)

    def import_results(self, file: Path, *, game: str, name: str) -> ImportFacts:
        from arena.results_file import import_file
        from arena.source_facts import ImportFacts, tournament_facts

        made = import_file(self.ledger, file, game=game, name=name)
        facts = tournament_facts(self.ledger, made.tournament)
        return ImportFacts(tournament=facts, agents=made.agents, judges=made.judges, contexts=made.contexts)

    def standings(
        self,
        game: str,
        *,
        tournament: str | None = None,
        method: Method = "elo",
        where: Where | None = None,
        joint: bool = False,
    ) -> Standings:
        from arena.standings import standings

        return standings(self.ledger, game, tournament=tournament, method=method, where=where, joint=joint)

    def explained(
        self,
        game: str,
        agent: str,
        *,
        method: str = "elo",
        tournament: str | None = None,
        since: str | None = None,
        where: Where | None = None,
    ) -> AgentExplanation:
        from arena.explanation import explained

        return explained(self.ledger, game, agent, method=method, tournament=tournament, since=since, where=where)

    def anytime(
        self, game: str, *, tournament: str | None = None, anchor: str | None = None, where: Where | None = None
    ) -> AnytimeRatings:
        from arena.anytime_ratings import anytime_standings

        return anytime_standings(self.ledger, game, tournament=tournament, anchor=anchor, where=where)

    def jobs(self, game: str | None = None, status: JobStatus | None = None) -> list[JobRow]:
        from arena.jobs import all_jobs, games_with_jobs
        from arena.standings import canonical_game

        only = None if game is None else canonical_game(self.ledger, game, games_with_jobs(self.ledger))
        return all_jobs(self.ledger, game=only, status=status)

    def job(self, key: str) -> JobRow:
        from arena.jobs import job

        return job(self.ledger, key)

    def ask(
        self,
        game: str,
        kind: str,
        *,
        agents: Sequence[str] = (),
        settings: Settings | None = None,
        device: str = "cpu",
        needs: Resources | None = None,
    ) -> list[JobRow]:
        from arena.job_kinds import JOB_KINDS, ask
        from arena.standings import canonical_game

        if kind not in JOB_KINDS:
            raise UnknownName("kind of job", kind, JOB_KINDS)
        game = canonical_game(self.ledger, game)
        if JOB_KINDS[kind].about != "agent":
            if agents:
                raise SpecificationError(f"{kind} is about {game} as a whole; name no agent")
            return [ask(self.ledger, kind, game, settings=settings, device=device, needs=needs)]
        played = {agent.label: agent for one in self.ledger.tournaments(game) for agent in one.agents}
        chosen = [self.ledger.agent(name) for name in agents] if agents else list(played.values())
        return [
            ask(self.ledger, kind, game, agent=agent, settings=settings, device=device, needs=needs) for agent in chosen
        ]

    def workers(self) -> list[Worker]:
        from arena.attendance import workers_there

        return workers_there(self.ledger)

    def cancel_job(self, key: str) -> JobRow:
        from arena.jobs import cancel, job

        row = job(self.ledger, key)
        if not cancel(self.ledger, row):
            raise JobOver(f"job {row.key[:12]} is over already: it is {job(self.ledger, row.key).status}")
        return job(self.ledger, row.key)


def checked_name(name: str) -> str:
    """The name of an agent, if it may be one.

    Raises:
        SpecificationError: it may not.
    """
    from arena.config import check_name

    try:
        return check_name(name)
    except ValueError as error:
        raise SpecificationError(str(error)) from None
