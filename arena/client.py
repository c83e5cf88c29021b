"""A server of Arena from Python: `Client` reads and writes what its pages show, as the same frozen values that a ledger here gives."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self
from urllib.parse import quote

import httpx

from arena.agents.registry import FILE_SCHEMES, content_of, split_specification
from arena.games import GameInfo, SpecificationError
from arena.job_rows import JobRow, JobStatus, Resources
from arena.ledger_rows import AgentVersion, GameRow
from arena.live_facts import LiveFacts
from arena.server_connection import Connection, Params, ServerError, token_here
from arena.source import Settings
from arena.value_codec import decoded

if TYPE_CHECKING:  # a program that asks for little waits for little: what a method gives is imported when it is asked
    from arena.accounts import Scope
    from arena.anytime_ratings import AnytimeRatings
    from arena.attendance import Worker
    from arena.counterfactual import Where
    from arena.curves import Curve
    from arena.exchange import Holdings
    from arena.explanation import AgentExplanation
    from arena.leaderboards.leaderboard import Method
    from arena.merge import Merged
    from arena.source_facts import ImportFacts, MatchList, MatchRecord, TournamentFacts, TournamentStatus
    from arena.standings import Standings

__all__ = ["Client", "ServerError"]

POLL_S = 0.5
OVER = ("finished", "failed", "cancelled")
MATCHES = "arena-matches"
"""The header that says how many matches an export has."""


class Client:
    """One server, as a `arena.source.Source`. Errors are `ServerError`, an `ArenaError` with the server's words.

    Args:
        url: of the server.
        token: who asks; by default as `token_here` says. `arena token` makes one.
        transport: how requests travel; by default over the network.
    """

    def __init__(self, url: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None):
        self.connection = Connection(url, token if token is not None else token_here(), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    # Games and leaderboards

    def games(self) -> list[GameRow]:
        """The games that the server has tournaments of."""
        return [decoded(GameRow, told) for told in self.connection.listed("/games", "games")]

    def playable(self, scheme: str | None = None) -> list[GameInfo]:
        """The games that can be played by name at the server, of one scheme or all."""
        listed = self.connection.listed("/playable", "games", [("scheme", scheme)] if scheme else [])
        return [decoded(GameInfo, told) for told in listed]

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
        from arena.standings import Standings

        path = f"/games/{_quoted(game)}" if tournament is None else f"/tournaments/{_quoted(tournament)}/standings"
        asked: Params = [("method", method), ("joint", str(joint).lower()), *_query_of(where)]
        return decoded(Standings, self.connection.read(path, asked, as_value=True))

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
        from arena.explanation import AgentExplanation

        asked = [("game", game), ("agent", agent), ("method", method), *_query_of(where)]
        asked += [("of", tournament)] if tournament else []
        asked += [("changed_since", since)] if since else []
        return decoded(AgentExplanation, self.connection.read("/explain", asked, as_value=True))

    def anytime(
        self, game: str, *, tournament: str | None = None, anchor: str | None = None, where: Where | None = None
    ) -> AnytimeRatings:
        """As `arena.anytime_ratings.anytime_standings`."""
        from arena.anytime_ratings import AnytimeRatings

        asked = [("game", game), *_query_of(where)]
        asked += [("of", tournament)] if tournament else []
        asked += [("anchor", anchor)] if anchor else []
        return decoded(AnytimeRatings, self.connection.read("/anytime", asked, as_value=True))

    # Agents

    def agents(self) -> list[AgentVersion]:
        """All versions of all agents that are not retired."""
        return [decoded(AgentVersion, told) for told in self.connection.listed("/agents", "agents")]

    def agent(self, reference: str) -> AgentVersion:
        """The version that ``name@2`` names; of ``name`` alone the newest."""
        return decoded(AgentVersion, self._agent(reference)["agent"])

    def latest_matches(self, reference: str) -> list[str]:
        """The last matches of an agent, as TOURNAMENT/NUMBER."""
        return [one["match"] for one in self._agent(reference)["matches"]]

    def add_agent(self, name: str, specification: str) -> AgentVersion:
        """Registers an agent; a policy or a checkpoint of this machine is uploaded."""
        if split_specification(specification)[0] in FILE_SCHEMES:
            return self.upload_agent(name, content_of(specification)[0])
        told = self.connection.write("POST", "/agents", body={"name": name, "specification": specification})
        return decoded(AgentVersion, told)

    def upload_agent(self, name: str, file: str | Path, *, game: str | None = None) -> AgentVersion:
        """Registers an agent that is made of a file; the server checks that it can play ``game``, if one is named."""
        asked = [("name", name), ("file", Path(file).name), *([("game", game)] if game else [])]
        told = self.connection.write("POST", "/agents/upload", asked, file=content_read(file))
        return decoded(AgentVersion, told)

    def retire_agent(self, reference: str) -> AgentVersion:
        """Takes an agent out of the lists; its matches stay."""
        return decoded(AgentVersion, self.connection.write("DELETE", f"/agents/{_quoted(reference)}"))

    def _agent(self, reference: str) -> dict[str, Any]:
        told: dict[str, Any] = self.connection.read(f"/agents/{_quoted(reference)}")
        return told

    # Tournaments and matches

    def tournaments(self, game: str | None = None) -> list[TournamentFacts]:
        """In the order in which they were made."""
        from arena.source_facts import TournamentFacts

        listed = self.connection.listed("/tournaments", "tournaments", [("game", game)] if game else [])
        return [decoded(TournamentFacts, told) for told in listed]

    def tournament_status(self, key: str) -> TournamentStatus:
        """How far a tournament is."""
        from arena.source_facts import TournamentStatus

        return decoded(TournamentStatus, self.connection.read(f"/tournaments/{_quoted(key)}", as_value=True))

    def start_tournament(self, config: Mapping[str, object], *, cpus: int = 1) -> list[JobRow]:
        """Has a tournament played: ``config`` is what its file says. One job a game; `wait` for them."""
        told = self.connection.write("POST", "/tournaments", body={"config": dict(config), "cpus": cpus})
        return [decoded(JobRow, one) for one in told["jobs"]]

    def resume_tournament(self, key: str) -> list[JobRow]:
        """Has an interrupted tournament gone on with."""
        told = self.connection.write("POST", f"/tournaments/{_quoted(key)}/resume")
        return [decoded(JobRow, one) for one in told["jobs"]]

    def matches(self, key: str, *, first: int = 0, limit: int = 50, forfeits: bool = False) -> MatchList:
        """The matches of a tournament from number ``first`` on."""
        from arena.source_facts import MatchFacts, MatchList

        asked: Params = [("first", first), ("limit", limit), ("forfeits", str(forfeits).lower())]
        told = self.connection.read(f"/tournaments/{_quoted(key)}/matches", asked)
        matches = tuple(decoded(MatchFacts, one) for one in told["matches"])
        return MatchList(matches=matches, total=told["total"], in_teams=told["in_teams"])

    def match(self, key: str, number: int) -> MatchRecord:
        """All that is recorded of a match."""
        from arena.source_facts import MatchRecord

        path = f"/tournaments/{_quoted(key)}/matches/{number}/record"
        return decoded(MatchRecord, self.connection.read(path, as_value=True))

    def match_file(self, key: str, number: int, name: str) -> bytes:
        """A replay or a log that a match left behind; its record names them."""
        return self.connection.content(f"/tournaments/{_quoted(key)}/matches/{number}/files/{_quoted(name)}")

    def export(
        self,
        stream: BinaryIO,
        kind: str,
        *,
        game: str | None = None,
        tournament: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Writes the matches of a game, of a tournament, or all, as jsonl, csv, parquet or pgn; how many there are."""
        asked = [(name, one) for name, one in (("game", game), ("tournament", tournament)) if one is not None]
        headers = self.connection.copy("/matches/export", [("format", kind), *asked], stream)
        return int(headers[MATCHES])

    def votes(self, game: str, kind: str = "csv") -> bytes:
        """The votes of a ladder as a file: csv, jsonl or parquet."""
        return self.connection.content("/votes", [("game", game), ("format", kind)])

    def import_results(self, file: str | Path, *, game: str, name: str) -> ImportFacts:
        """Takes results from elsewhere into the server's ledger: .csv, .jsonl, .parquet or .pgn."""
        from arena.source_facts import ImportFacts

        path = Path(file)
        form = path.suffix.lower().removeprefix(".")
        asked = [("game", game), ("name", name), ("format", "jsonl" if form == "ndjson" else form)]
        told = self.connection.write("POST", "/matches/import", asked, file=content_read(path))
        return decoded(ImportFacts, told)

    # Playing

    def begin_play(
        self, game: str, opponent: str, *, seat: Literal["first", "second", "either"] = "either", rated: bool = False
    ) -> LiveFacts:
        """A match of the account that the token is of against an agent, which begins."""
        body = {"game": game, "opponent": opponent, "seat": seat, "rated": rated}
        return decoded(LiveFacts, self.connection.write("POST", "/play", body=body))

    def live_match(self, key: str, number: int = 0) -> LiveFacts:
        """A match while it is played."""
        return decoded(LiveFacts, self.connection.read(_live(key, number)))

    def move(self, match: LiveFacts, action: int) -> LiveFacts:
        """Answers the question of a match; how it stands then. Only one of its choices is taken."""
        body = {"question": match.question, "action": action}
        path = _live(match.tournament, match.number)
        return decoded(LiveFacts, self.connection.write("POST", path, body=body))

    def resign(self, match: LiveFacts) -> LiveFacts:
        """Gives a match up that asks for a move; how it stands then: over soon, with a forfeit of the player."""
        return decoded(LiveFacts, self.connection.write("DELETE", _live(match.tournament, match.number)))

    # Jobs

    def jobs(self, game: str | None = None, status: JobStatus | None = None) -> list[JobRow]:
        """The jobs in the order in which they were asked for."""
        asked = [(name, value) for name, value in (("game", game), ("status", status)) if value is not None]
        return [decoded(JobRow, told) for told in self.connection.listed("/jobs", "jobs", asked)]

    def job(self, key: str) -> JobRow:
        """The job of this key, or of the only key that begins so."""
        return decoded(JobRow, self.connection.read(f"/jobs/{_quoted(key)}"))

    def curve(self, key: str) -> Curve:
        """What a training or a solver told while it ran."""
        from arena.curves import Curve

        told = self.connection.read(f"/jobs/{_quoted(key)}/curve")
        points = [
            (steps, {name: column[at] for name, column in told["columns"].items() if column[at] is not None})
            for at, steps in enumerate(told["steps"])
        ]
        return Curve(points=tuple(points))

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
        """Asks for a column of a ladder: one job, or for kinds about an agent one an agent."""
        body: dict[str, object] = {"game": game, "kind": kind, "agents": list(agents), "settings": dict(settings or {})}
        body |= _where(device, needs)
        return [decoded(JobRow, one) for one in self.connection.write("POST", "/jobs", body=body)["jobs"]]

    def solve(
        self,
        method: str,
        game: str,
        *,
        settings: Settings | None = None,
        device: str = "cpu",
        needs: Resources | None = None,
    ) -> JobRow:
        """Asks for the solution of a game."""
        body: dict[str, object] = {"method": method, "game": game, "settings": dict(settings or {})}
        body |= _where(device, needs)
        return decoded(JobRow, self.connection.write("POST", "/solves", body=body))

    def train(self, name: str, method: str, game: str, **options: object) -> JobRow:
        """Asks for a training, whose policy becomes the agent ``name``; options as of `arena train`."""
        body = {"name": name, "method": method, "game": game, **options}
        return decoded(JobRow, self.connection.write("POST", "/trainings", body=body))

    def verify(self, of: str, *, matches: int | None = None, seed: int | None = None) -> JobRow:
        """Asks for a game, a tournament or KEY/NUMBER to be held against what was recorded; the answer is a `arena.verification.Verification`."""
        body = {"of": of, "matches": matches, "seed": seed}
        return decoded(JobRow, self.connection.write("POST", "/verifications", body=body))

    def cancel_job(self, key: str) -> JobRow:
        """Ends a job that waits or is being done."""
        return decoded(JobRow, self.connection.write("DELETE", f"/jobs/{_quoted(key)}"))

    def workers(self) -> list[Worker]:
        """The workers that are there now."""
        from arena.attendance import Worker

        return [decoded(Worker, one) for one in self.connection.read("/workers")["workers"]]

    def wait(self, job: JobRow, *, progress: Callable[[int, int], None] | None = None) -> JobRow:
        """The job once it is over, however it ended; ``progress`` hears (done, planned) meanwhile."""
        while True:
            job = self.job(job.key)
            if progress is not None and job.done is not None and job.planned is not None:
                progress(job.done, job.planned)
            if job.status in OVER:
                return job
            time.sleep(POLL_S)

    # Exchange with a ledger

    def scope(self) -> Scope | None:
        """What the server lets whoever asks do; None: not even read."""
        from arena.accounts import Scope

        may = self.connection.read("/account")["scope"]
        return None if may is None else Scope(may)

    def holdings(self) -> Holdings:
        """What the server's ledger holds."""
        from arena.exchange import Holdings

        return decoded(Holdings, self.connection.read("/ledger"))

    def part_lacking(self, known: Holdings, number: int = 0) -> bytes:
        """Of what one with these holdings lacks of the server's ledger the part of this number, from 0; b'' after the last."""
        tournaments = {key: dataclasses.asdict(held) for key, held in known.tournaments.items()}
        body = {"tournaments": tournaments, "agents": known.agents, "jobs": known.jobs}
        return self.connection.part("/ledger/part", [("number", number)], body)

    def send_part(self, part: bytes) -> Merged:
        """Has a part of another ledger taken in."""
        from arena.merge import Merged

        return decoded(Merged, self.connection.write("POST", "/ledger", file=part))

    def artifact(self, content_hash: str) -> tuple[str, bytes]:
        """(the ending of its file's name, the content) of an artifact."""
        told = self.connection.read(f"/artifacts/{content_hash}")
        return str(told["ending"]), self.connection.content(f"/artifacts/{content_hash}/content")

    def send_artifact(self, content_hash: str, content: bytes, *, ending: str = "") -> None:
        """Gives the server the content of an artifact."""
        self.connection.write("PUT", f"/artifacts/{content_hash}", [("ending", ending)], file=content)


def _query_of(where: Where | None) -> list[tuple[str, str]]:
    """The parameters of a filter."""
    if where is None:
        return []
    from arena.filter_query import query_of

    return query_of(where)


def content_read(file: str | Path) -> bytes:
    """The content of a file that is sent. Raises `SpecificationError` where it cannot be read."""
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise SpecificationError(f"cannot read {str(file)!r}: {error.strerror}") from None


def _live(key: str, number: int) -> str:
    return f"/tournaments/{_quoted(key)}/matches/{number}/live"


def _where(device: str, needs: Resources | None) -> dict[str, object]:
    """Where a job is to be done, as it is asked for."""
    return {"device": device, **({} if needs is None else {"needs": dataclasses.asdict(needs)})}


def _quoted(part: str) -> str:
    """A part of an address; a slash inside it is none of the address."""
    return quote(part, safe=":(),=@-._")
