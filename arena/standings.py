"""The standings of a game: the ledger's matches rated. What the command line prints and the browser shows."""

from __future__ import annotations

import dataclasses
import datetime
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from arena.columns import KINDS_WITH_PROBABILITIES as KINDS_WITH_PROBABILITIES
from arena.columns import Exploitability, Measured, beaten_by, exploitabilities
from arena.counterfactual import Moved, Where, moves, moves_in_words, straddling, time_bounds
from arena.drawn_weights import PLAIN, WEIGHTED, drawn_weights, is_adaptive
from arena.games import ArenaError, SpecificationError, UnknownName, load_game
from arena.infrastructure import NOTHING_PLAYED_AGAIN, PlayedAgain, played_again
from arena.job_columns import JobColumn, job_columns
from arena.leaderboards.leaderboard import ONE_BY_ONE, Leaderboard, Method, leaderboard
from arena.leaderboards.noise_floor import NoiseFloor
from arena.leaderboards.one_seat import seat_leaderboard
from arena.leaderboards.stopped import Verdict, ranks_of, with_choices, with_verdict
from arena.leaderboards.wording import listed
from arena.ledger import Ledger, Tournament
from arena.noise_floor import noise_floor_of
from arena.pairing.state import conclusion_of
from arena.preference_finding import PreferenceFinding, preference_finding
from arena.rated_matches import RatedMatches
from arena.rated_matches import rated_matches as rated_of_tournaments
from arena.repeated_games import NOTE
from arena.rounds import LOOKING

HELD = "{count:,} votes are in the ledger and do not count: whoever gave them is held for review, or was left out after one"


class NoMatches(UnknownName):
    """A game that there is, with no match of it in the ledger yet, or none that is rated: only so many that are ``unrated``."""

    def __init__(self, game: str, known: Sequence[str], *, unrated: int = 0):
        super().__init__("game in this ledger", game, known)
        none = f"no match of {game} is in this ledger yet"
        if unrated:
            none = f"no match of {game} in this ledger is rated, and {unrated:,} {'is' if unrated == 1 else 'are'} not"
        has = f"; it has {'rated ' * bool(unrated)}matches of {', '.join(known)}" if known else ""
        play = f"arena tournament run --game {shlex.quote(game)} --agent NAME --agent random"
        self.args = (f"{none}{has}; to play some: {play}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """A leaderboard with what only the ledger knows. ``exploitability``: by agent, exact or at least, where it is known; ``beaten_by``: its exploiter, and who beats it certainly.

    ``columns``: of the whole game, what jobs have computed. ``where``: which matches count, of a counterfactual board; ``left_out``: how many do not; ``moved``: how each agent
    stands on the full board and on this one. ``infrastructure``: blocks of these matches that were played again after a worker died.
    ``preference``: what votes and judgements say besides ratings, None where no match is one that names its judge or context.
    """

    game: str
    title: str
    leaderboard: Leaderboard
    exploitability: dict[str, Exploitability]
    beaten_by: dict[str, tuple[str, ...]]
    verdict: Verdict | None
    matches: int
    surplus: int
    tournaments: tuple[str, ...]
    computed_at: str
    columns: tuple[JobColumn, ...] = ()
    where: Where | None = None
    left_out: int = 0
    moved: tuple[Moved, ...] = ()
    noise_floor: NoiseFloor | None = None
    infrastructure: PlayedAgain = NOTHING_PLAYED_AGAIN
    preference: PreferenceFinding | None = None

    def to_dict(self) -> dict[str, object]:
        """What ``--json`` prints and the API answers."""
        return {
            "game": self.game,
            "title": self.title,
            "matches": self.matches,
            "surplus": self.surplus,
            "tournaments": list(self.tournaments),
            "verdict": None if self.verdict is None else self.verdict.sentence,
            "computed_at": self.computed_at,
            "exploitability": {agent: one.to_dict() for agent, one in self.exploitability.items()},
            "beaten_by": {agent: list(others) for agent, others in self.beaten_by.items()},
            "leaderboard": self.leaderboard.to_dict(),
            "columns": [column.to_dict() for column in self.columns],
            "noise_floor": None if self.noise_floor is None else self.noise_floor.to_dict(),
            "infrastructure": self.infrastructure.to_dict(),
            "preference": None if self.preference is None else self.preference.to_dict(),
            "counterfactual": None
            if self.where is None
            else {
                "where": self.where.to_dict(),
                "sentence": self.where.sentence(),
                "finding": moves_in_words(self.moved),
                "left_out": self.left_out,
                "moved": [one.to_dict() for one in self.moved],
            },
        }


def standings(
    ledger: Ledger,
    game: str,
    *,
    tournament: str | None = None,
    method: Method = "elo",
    where: Where | None = None,
    joint: bool = False,
    measured: Measured = exploitabilities,
) -> Standings:
    """The standings of a game over all its tournaments, or of one tournament.

    Args:
        ledger: where the matches are.
        game: which game, in any spelling.
        tournament: only this one.
        method: how to rate.
        where: which matches count. The standings are then a counterfactual board, and say how it differs from the full one.
        joint: whether all comparisons of agents hold at once with the board's confidence; not of one seat alone.
        measured: who says how exploitable the agents are.

    Raises:
        UnknownName: the ledger has no matches of the game, or no such tournament.
        SpecificationError: the tournament is of another game, or no match is left.
    """
    game, chosen = _chosen(ledger, game, tournament)
    if where:
        if joint and where.seat is not None:
            raise SpecificationError("ranks of one seat are not given jointly")
        full = standings(ledger, game, tournament=tournament, method=method, joint=joint, measured=measured)
        here = _standings(ledger, game, chosen, method, where, joint, measured)
        return dataclasses.replace(here, where=where, moved=moves(full.leaderboard, here.leaderboard))
    found = _standings(ledger, game, chosen, method, Where(), joint, measured)
    return found if tournament else dataclasses.replace(found, columns=tuple(job_columns(ledger, game)))


def _standings(
    ledger: Ledger,
    game: str,
    every: list[Tournament],
    method: Method,
    where: Where,
    joint: bool,
    measured: Measured,
) -> Standings:
    chosen = where.chosen(every)
    rated = rated_of_tournaments(ledger, chosen, where)
    weighted = False
    if where.seat is None:
        drawn = drawn_weights(ledger, chosen, rated)
        board = leaderboard(rated.record, method=method, joint=joint, weighted=None if drawn is None else drawn[0])
        weighted = drawn is not None and method not in ONE_BY_ONE
        if drawn is not None and weighted:
            board = dataclasses.replace(board, notes=(*board.notes, WEIGHTED[drawn[1]]))
        elif len(chosen) > 1 and any(map(is_adaptive, chosen)):
            board = dataclasses.replace(board, notes=(*board.notes, PLAIN))
    else:
        board = seat_leaderboard(rated.record, seat=where.seat - 1, method=method)
    if rated.repeated:
        said = f"{rated.repeated:,} matches repeat others, agent by agent and seed by seed; each counts once"
        board = dataclasses.replace(board, notes=(*board.notes, said))
    if rated.held:
        board = dataclasses.replace(board, notes=(*board.notes, HELD.format(count=rated.held)))
    if rated.copies:
        board = dataclasses.replace(board, notes=(*board.notes, NOTE.format(count=rated.copies)))
    verdict = rated.verdicts[0] if len(chosen) == 1 and rated.verdicts and not where else None
    board = with_verdict(board, verdict, stopped=len(rated.verdicts), tournaments=len(chosen))
    verdict = verdict or (None if where else _of_aim(ledger, chosen))
    kinds = [str(one.config["pairing"]) for one in chosen if one.config.get("pairing") in LOOKING]
    aimed = verdict if kinds else None
    board = with_choices(board, kinds, tournaments=len(chosen), verdict=aimed, key=chosen[0].key, weighted=weighted)
    infrastructure = played_again(ledger, chosen)
    if infrastructure.blocks:
        board = dataclasses.replace(board, notes=(*board.notes, infrastructure.sentence()))
    left_out = rated.left_out + sum(ledger.progress(one) for one in every if one not in chosen)
    if where:
        board = dataclasses.replace(board, notes=(*_where_notes(where, every, left_out), *board.notes))
    known = measured(ledger, game, chosen)
    return Standings(
        game=game,
        title=chosen[0].game_title,
        leaderboard=board,
        exploitability=known,
        beaten_by=beaten_by(board.matrix, known),
        verdict=verdict,
        matches=len(rated.record),
        surplus=rated.surplus,
        tournaments=rated.keys,
        computed_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        left_out=left_out,
        noise_floor=noise_floor_of(chosen, rated.record, board),
        infrastructure=infrastructure,
        preference=preference_finding(ledger, chosen, board.matrix, where),
    )


def _of_aim(ledger: Ledger, chosen: Sequence[Tournament]) -> Verdict | None:
    """What the complete rounds of a single tournament decide of its aim; None where it has none."""
    if len(chosen) != 1 or chosen[0].config.get("pairing") != "adaptive":
        return None
    said = conclusion_of(ledger, chosen[0], ledger.played(chosen[0]))
    sentence = said.sentence if said.sentence.startswith(said.agents) else said.sentence[:1].upper() + said.sentence[1:]
    return Verdict(sentence=sentence, better=None, decided=said.decided, aim=str(said.aim), ranks=ranks_of(said))


def _where_notes(where: Where, every: list[Tournament], left_out: int) -> list[str]:
    """What a reader of a counterfactual board must know."""
    notes = [f"this board is not the full one: {where.sentence()}; {left_out:,} matches are left out"]
    for at in time_bounds(where):
        divided = straddling(every, at)
        if divided:
            notes.append(
                f"{listed(divided)} ended after {at[:10]} and began before it: a ledger times tournaments, not matches, so "
                "that all of its matches count as of its end"
            )
    return notes


def rated_matches(
    ledger: Ledger, game: str, *, tournament: str | None = None, where: Where | None = None
) -> RatedMatches:
    """The matches that the standings of a game are made of, tournament by tournament in the order in which these were made.

    Raises:
        UnknownName: the ledger has no matches of the game, or no such tournament.
        SpecificationError: the tournament is of another game, or no match is left.
    """
    where = where or Where()
    return rated_of_tournaments(ledger, where.chosen(_chosen(ledger, game, tournament)[1]), where)


def canonical_game(ledger: Ledger, game: str, also: Iterable[str] = ()) -> str:
    """The specification under which the ledger knows a game: another spelling of it finds the same ladder.

    Args:
        ledger: whose games with matches are known.
        game: as somebody typed it.
        also: games that are known besides.

    Raises:
        UnknownName: no match of it is in the ledger; `NoMatches` where the game itself is known.
    """
    known = list(dict.fromkeys([*(row.game for row in ledger.games()), *also]))
    if game in known:
        return game
    ends = [name for name in known if name.partition(":")[2] == game]
    if len(ends) == 1:
        return ends[0]
    try:
        specification = load_game(game).info.specification
    except ArenaError:
        raise UnknownName("game in this ledger", game, known) from None
    if specification in known:
        return specification
    raise NoMatches(specification, [row.game for row in ledger.games() if row.matches])


def _chosen(ledger: Ledger, game: str, tournament: str | None) -> tuple[str, list[Tournament]]:
    game = canonical_game(ledger, game)
    if tournament is None:
        rated = _rated(ledger, game)
        if not rated:
            others = [row.game for row in ledger.games() if any(map(ledger.progress, _rated(ledger, row.game)))]
            raise NoMatches(game, others, unrated=ledger.recorded(game))
        return game, rated
    one = ledger.tournament(tournament)
    if one.game != game:
        raise SpecificationError(f"tournament {tournament!r} is of {one.game}, not of {game}")
    return game, [one]


def _rated(ledger: Ledger, game: str) -> list[Tournament]:
    return [one for one in ledger.tournaments(game) if one.is_rated]
