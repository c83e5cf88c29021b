"""Facts of a ledger's tournaments and matches as values: what lists show and programs read, here and over HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from arena.agents.registry import PROGRAM_SCHEMES
from arena.duel_test import DuelTest, duel_test
from arena.entrants import by_side, entrant_label
from arena.games.usage import Usage
from arena.hidden_chance import hides_chance
from arena.infrastructure import PlayedAgain, played_again
from arena.judgements import judgement_of
from arena.kept_files import files_of
from arena.ledger import Ledger
from arena.ledger_rows import Json, Played, Tournament
from arena.origin import recorded_tiers
from arena.pairing.state import PairingState, pairing_state
from arena.results import MatchResult, Termination
from arena.usage_record import AgentUsage

UPLOADED, ALWAYS_CONFINED = "uploaded", "bubblewrap"
"""Programs that somebody sent run in a bubble whatever a tournament declares."""
SOMETIMES = ("usage", "judgement", "files", "confined")
"""What the record of a match tells only where there is some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TournamentFacts:
    """A tournament in a list. ``tournament`` is its key, ``matches`` how many are recorded; ``seed``: None while it is hidden
    (`arena.hidden_chance`); ``finished_at``: '' before its end."""

    tournament: str
    name: str
    game: str
    version: str
    source: str
    pairing: str
    agents: tuple[str, ...]
    status: str
    matches: int
    planned: int | None
    seed: int | None
    created_at: str
    finished_at: str

    def to_dict(self) -> Json:
        """In types of JSON."""
        return asdict(self) | {"agents": list(self.agents)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFacts:
    """Results from elsewhere that stand in a ledger now: in which tournament, of how many agents; of votes by how many judges in how
    many contexts."""

    tournament: TournamentFacts
    agents: int
    judges: int | None
    contexts: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TournamentStatus:
    """How far a tournament is. ``forfeits``: matches that were forfeited; ``duel``: of one that is played until decided; ``state``:
    of one whose pairing looks at results."""

    facts: TournamentFacts
    forfeits: int
    played_again: PlayedAgain
    usage: tuple[AgentUsage, ...]
    duel: DuelTest | None
    state: PairingState | None

    def to_dict(self) -> Json:
        """What ``--json`` prints and the API answers."""
        told = self.state or self.duel
        return (
            self.facts.to_dict()
            | {"forfeits": self.forfeits}
            | ({"usage": [one.to_dict() for one in self.usage]} if self.usage else {})
            | {"played_again": self.played_again.to_dict()}
            | ({} if told is None else {"state": told.to_dict()})
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFacts:
    """A match in a list: ``match`` is TOURNAMENT/NUMBER; ``agents`` and ``returns`` by seat, or by side where players stand in
    teams; ``forfeited_by`` the player at fault."""

    match: str
    number: int
    agents: tuple[str, ...]
    returns: tuple[float, ...]
    termination: str
    forfeited_by: int | None

    def to_dict(self) -> Json:
        """In types of JSON."""
        return asdict(self) | {"agents": list(self.agents), "returns": list(self.returns)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchList:
    """Some matches of a tournament; ``total``: how many it has; ``in_teams``: whether agents and returns are by side."""

    matches: tuple[MatchFacts, ...]
    total: int
    in_teams: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRecord:
    """All that is recorded of a match; ``seats`` index into the tournament's agents, -1 an empty one; ``faults``: what the player at
    fault said; ``judgement``: what a voter or judge said; ``files``: what a hosted match left behind; ``confined``: of each agent that had a
    process of its own here, the tier that it ran in (`arena.agents.sandbox`); its seeds are None while they are hidden
    (`arena.hidden_chance`)."""

    match: str
    game: str
    agents: tuple[str, ...]
    seats: tuple[int, ...]
    seed: int | None
    chance_seed: int | None
    returns: tuple[float, ...]
    termination: str
    forfeited_by: int | None
    actions: tuple[object, ...]
    seconds: tuple[float, ...]
    usage: tuple[PlayerUsage, ...]
    faults: tuple[FaultFacts, ...]
    judgement: Json | None
    files: tuple[MatchFileFacts, ...] = ()
    confined: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> Json:
        """What ``--json`` prints and the API answers."""
        told = asdict(self)
        told["usage"] = [{"player": one.player, **one.usage.to_dict()} for one in self.usage]
        return {name: value for name, value in told.items() if value or name not in SOMETIMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerUsage:
    """What a player's answers took; ``player`` -1 is the judge."""

    player: int
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultFacts:
    """Why a player forfeited."""

    player: int
    message: str
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFileFacts:
    """A replay or a log of a match. ``content_hash``: the SHA-256 of what it holds."""

    name: str
    content_hash: str


def tournament_facts(ledger: Ledger, tournament: Tournament) -> TournamentFacts:
    """A tournament as it stands now."""
    return TournamentFacts(
        tournament=tournament.key,
        name=tournament.name,
        game=tournament.game,
        version=tournament.game_version,
        source=tournament.source,
        pairing=str(tournament.config.get("pairing", tournament.source)),
        agents=tuple(agent.label for agent in tournament.agents),
        status=tournament.status,
        matches=ledger.progress(tournament),
        planned=tournament.planned,
        seed=None if hides_chance(tournament) else tournament.seed,
        created_at=tournament.created_at,
        finished_at=tournament.finished_at or "",
    )


def tournament_status(ledger: Ledger, tournament: Tournament) -> TournamentStatus:
    """How far it is."""
    return TournamentStatus(
        facts=tournament_facts(ledger, tournament),
        forfeits=len({fault.index for fault in ledger.faults(tournament)}),
        played_again=played_again(ledger, [tournament]),
        usage=tuple(ledger.usage(tournament)),
        duel=duel_test(ledger, tournament),
        state=pairing_state(ledger, tournament),
    )


def match_list(tournament: Tournament, played: Played, *, first: int, limit: int, forfeits: bool) -> MatchList:
    """The matches from number ``first`` on, at most ``limit`` of them; with ``forfeits`` those alone that an agent forfeited."""
    wanted = (played.index >= first) & ((played.forfeit >= 0) if forfeits else True)
    some = played.take(np.flatnonzero(wanted)[:limit])
    met = by_side(tournament, some)
    return MatchList(
        matches=tuple(match_facts(tournament, some, met, row) for row in range(len(some))),
        total=len(played),
        in_teams=met is not some,
    )


def match_facts(tournament: Tournament, played: Played, met: Played, row: int) -> MatchFacts:
    """The match in a row of a tournament's columns; ``met``: the same by side."""
    number, fault = int(played.index[row]), int(played.forfeit[row])
    return MatchFacts(
        match=f"{tournament.key}/{number}",
        number=number,
        agents=tuple(entrant_label(tournament, seat) for seat in met.seats[row].tolist() if seat >= 0),
        returns=tuple(met.returns[row].tolist()),
        termination=Termination(int(played.termination[row])).name.lower(),
        forfeited_by=fault if fault >= 0 else None,
    )


def match_record(ledger: Ledger, tournament: Tournament, number: int) -> MatchRecord:
    """All that is recorded of a match.

    Raises:
        LedgerError: there is no such match.
    """
    result: MatchResult = ledger.match(tournament, number)
    hidden = hides_chance(tournament)
    judgement = judgement_of(ledger, tournament, number, result.spec.seats)
    faults = itertools.takewhile(lambda fault: fault.index <= number, ledger.faults(tournament))
    return MatchRecord(
        match=f"{tournament.key}/{number}",
        game=tournament.game,
        agents=tuple(tournament.agents[seat].label for seat in result.spec.seats if seat >= 0),
        seats=tuple(result.spec.seats),
        seed=None if hidden else result.spec.seed,
        chance_seed=None if hidden else result.spec.chance_seed,
        returns=tuple(result.returns),
        termination=result.termination.name.lower(),
        forfeited_by=result.forfeited_by,
        actions=tuple(result.actions.tolist()),
        seconds=tuple(round(seconds, 6) for seconds in result.seconds),
        usage=tuple(PlayerUsage(player=one.player, usage=one.usage) for one in result.usage),
        faults=tuple(
            FaultFacts(player=fault.player, message=fault.message, log=fault.log)
            for fault in faults
            if fault.index == number
        ),
        judgement=None if judgement is None else judgement.to_dict(),
        files=match_files_told(ledger, tournament, number),
        confined=confinement(tournament, [seat for seat in result.spec.seats if seat >= 0]),
    )


def confinement(tournament: Tournament, seats: Iterable[int]) -> dict[str, str]:
    """In which tier each of these agents ran, by its label, with the version of what makes the tier; those that played in the engine's own
    process or elsewhere are not named. ``seats``: indices into the tournament's agents."""
    declared = str(tournament.versions.get("sandbox", tournament.config.get("sandbox", "none")))
    of_origin = recorded_tiers(tournament)
    played = [(seat, tournament.agents[seat]) for seat in sorted(set(seats))]
    return {
        agent.label: of_origin[seat]
        if seat in of_origin
        else ALWAYS_CONFINED
        if agent.kind == UPLOADED and not declared.startswith(ALWAYS_CONFINED)
        else declared
        for seat, agent in played
        if seat in of_origin or (agent.kind in PROGRAM_SCHEMES and tournament.source == "play")
    }


def match_files_told(ledger: Ledger, tournament: Tournament, number: int) -> tuple[MatchFileFacts, ...]:
    """What a match left behind, by name."""
    found = files_of(ledger, tournament, number)
    return tuple(MatchFileFacts(name=name, content_hash=content) for name, content in found.items())
