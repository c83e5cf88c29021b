"""One match, move by move. What a seat cannot see is not in the page of that seat's view."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request
from markupsafe import Markup
from starlette.responses import Response

from arena.connection import DamagedLedger, LedgerError
from arena.games import ArenaError, Game, UnknownName, load_game
from arena.games.usage import used_words
from arena.hidden_chance import hides_chance
from arena.hosted import FACTS
from arena.judgements import EVEN, Judgement, judgement_of
from arena.kept_files import files_of, read_file
from arena.ledger_rows import Tournament
from arena.replay import Position, replay
from arena.results import MatchResult, Termination
from arena.server import numbers
from arena.server.boards import Board, Scene, board_of, seat_mark
from arena.server.drawing.battle import battle, happened, side_mark
from arena.server.match_lists import TERMINATION_WORDS, winners
from arena.server.site import Site, SiteOf, download, page
from arena.server.starcraft_views import facts_said
from arena.server.teams import MatchSide, short_name, sides_of
from arena.shown_origin import shown_fault
from arena.source_facts import confinement

if TYPE_CHECKING:
    from arena.film import Film

HIDDEN = "hidden move"
REPLAYS_KEPT = 64

Number = Annotated[int, Path(ge=0, lt=2**63, description="a match's place in its tournament's schedule")]

router = APIRouter()


class MatchMissing(ArenaError):
    """A match number that its tournament does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A line of the move list: ``number`` counts from 1; ``seat`` is None where several moved at once."""

    number: int
    seat: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A match with its positions, all of it: what a viewer may see is for the functions below.

    ``names``: the agent of each seat; ``sides``: who plays together; ``on_map``: whether it is a film and not a board.
    ``problem`` says why there are no positions; ``judgement``: what made the match, of votes and judged comparisons.
    """

    tournament: Tournament
    result: MatchResult
    names: tuple[str, ...]
    sides: tuple[MatchSide, ...]
    on_map: bool
    positions: tuple[Position, ...]
    imperfect: bool
    board: Board | None
    problem: str
    judgement: Judgement | None = None

    @property
    def last(self) -> int:
        return max(len(self.positions) - 1, 0)

    @property
    def in_teams(self) -> bool:
        return len(self.sides) < len(self.names)

    @property
    def side_returns(self) -> tuple[float, ...]:
        """What each side got: the mean of its players' returns."""
        returns = self.result.returns
        return tuple(sum(returns[p] for p in side.players) / len(side.players) for side in self.sides)

    @property
    def side_seconds(self) -> tuple[float, ...]:
        """The time that the players of each side took together."""
        return tuple(sum(self.result.seconds[player] for player in side.players) for side in self.sides)

    @property
    def side_at_fault(self) -> int | None:
        """The side whose player forfeited the match."""
        at_fault = self.result.forfeited_by
        return next((k for k, side in enumerate(self.sides) if at_fault in side.players), None)


@router.get("/tournaments/{key}/matches/{number}/files/{name}")
def match_file(site: SiteOf, key: str, number: Number, name: str) -> Response:
    """A replay or a log as it was left behind; what a program wrote is never shown as a page."""
    content = read_file(site.ledger, site.ledger.tournament(key), number, name)
    return download(content, media_type="application/octet-stream", filename=f"{key}-{number}-{name}")


@router.get("/tournaments/{key}/matches/{number}")
def match(
    request: Request, site: SiteOf, key: str, number: Number, move: int | None = None, view: int | None = None
) -> Response:
    found = replayed(site, key, number)
    view = view_of(found, view)
    at = found.last if move is None else min(max(move, 0), found.last)
    moves = moves_seen(site, found, view)
    twin = _twin(site, found, number)
    return page(
        request,
        "match.html",
        match=found,
        number=number,
        title=title_of(found),
        chance_hidden=hides_chance(found.tournament),
        sentence=_sentence(found),
        at=at,
        view=view,
        drawing=drawing_of(site, found, at, view) if found.positions else None,
        text=text_seen(found, at, view),
        moves=moves,
        rounds=_rounds(moves, len(found.names)),
        joint=all(move.seat is None for move in moves),
        marks=_marks(found),
        film=found.on_map and bool(found.positions),
        twin=twin,
        used=[(used.player, used_words(used.usage)) for used in found.result.usage if view in (None, used.player)],
        termination=TERMINATION_WORDS[found.result.termination],
        confined=confinement(found.tournament, [seat for seat in found.result.spec.seats if seat >= 0]),
        files=(files := list(files_of(site.ledger, found.tournament, number))),
        facts=facts_said(read_file(site.ledger, found.tournament, number, FACTS)) if FACTS in files else [],
        fault=next((shown_fault(one) for one in site.ledger.faults(found.tournament) if one.index == number), None)
        if found.result.termination.is_forfeit
        else None,
    )


def replayed(site: Site, key: str, number: int, *, told_to: int | None = None) -> Replayed:
    """The match with its positions.

    Args:
        site: of the ledger.
        key: of the tournament.
        number: of the match.
        told_to: on a map, the only player whose view is put in words; boards have few players, and the views of all.

    Raises:
        UnknownName: no such tournament.
        MatchMissing: the tournament has no such match.
    """
    tournament = site.ledger.tournament(key)
    result = _recorded(site, tournament, number)
    sides = sides_of(tournament, result)
    by_player = {player: agent for side in sides for player, agent in zip(side.players, side.agents, strict=True)}
    imperfect, on_map, problem = False, False, ""
    positions: tuple[Position, ...] = ()
    judgement = judgement_of(site.ledger, tournament, number, result.spec.seats)
    if tournament.source != "play":
        problem = "" if judgement else "This match was imported with its result alone; there are no moves to replay."
    elif tournament.lane == "hosted":
        problem = "This match was played in the game's own programs; what they left is below."
    else:
        try:
            game = loaded_game(tournament.game)
            imperfect, on_map = game.info.information == "imperfect", game.info.specification.startswith("smax:")
            views_of = None if not on_map else () if told_to is None else (told_to,)
            positions = _positions(site, tournament.game, key, number, views_of)
        except ArenaError as error:
            problem = f"This match cannot be replayed here: {error}"
    return Replayed(
        tournament=tournament,
        result=result,
        names=tuple(by_player[player] for player in range(len(by_player))),
        sides=sides,
        on_map=on_map,
        positions=positions,
        imperfect=imperfect,
        board=board_of(tournament.game),
        problem=problem,
        judgement=judgement,
    )


def view_of(match: Replayed, view: int | None) -> int | None:
    """The seat whose view is asked for, None for all seats.

    Raises:
        UnknownName: no such seat.
    """
    if view is not None and not 0 <= view < len(match.names):
        raise UnknownName("seat", str(view), [str(seat) for seat in range(len(match.names))])
    return view


def film_seen(site: Site, match: Replayed, view: int | None) -> Film:
    """The film of a match on a map, as a viewer may see it.

    Raises:
        MatchMissing: the match is not on a map, or has no moves.
    """
    if not match.on_map or not match.positions:
        raise MatchMissing(f"{match.tournament.key}/{match.result.spec.index} has no film: it was not played on a map")
    return _film(site, match.tournament.game, match.tournament.key, match.result.spec.index, view)


def moves_seen(site: Site, match: Replayed, view: int | None) -> list[Move]:
    """The move list of a viewer: where moves may be hidden, a seat's view names only that seat's own.

    On a map the whole table's list says what each move did, since the moves of all units would be a page each.
    """
    if view is None and match.on_map and match.positions:
        film = film_seen(site, match, None)
        return [Move(number=at, seat=None, text=happened(film, at)) for at in range(1, len(match.positions))]
    public = view is None or not match.imperfect or (match.board is not None and match.board.public_moves)
    return [
        Move(
            number=position.move,
            seat=position.player,
            text=position.action_text if public else _own_words(position, view, simultaneous=len(position.said) != 1),
        )
        for position in match.positions[1:]
    ]


def text_seen(match: Replayed, at: int, view: int | None) -> str:
    """The position in the game's own words: the whole table, or what one seat sees."""
    if not match.positions:
        return ""
    position = match.positions[at]
    if view is None:
        return position.text
    return position.views[view] if position.views else "This game does not say what one seat sees."


def title_of(match: Replayed) -> str:
    """Who won, in a few words."""
    names, result = [short_name(side.label) for side in match.sides], match.result
    if match.judgement is not None:
        return _verdict_title(match.judgement, names)
    if result.forfeited_by is not None:
        return f"{short_name(match.names[result.forfeited_by])} forfeits: {TERMINATION_WORDS[result.termination]}"
    if result.termination is Termination.INFRASTRUCTURE:
        return "Not rated: the game failed"
    best = winners(match.side_returns, None)
    moves = f" in {numbers.counted(match.last, 'move')}" if match.positions else ""
    if len(names) == 1:
        return f"{names[0]} earns {numbers.plain(match.side_returns[0])}{moves}"
    if not best:
        everybody = f"{names[0]} and {names[1]}" if len(names) == 2 else "All seats"
        return f"{everybody} end even{moves.replace(' in', ' after')}"
    if len(best) == 1 and len(names) == 2:
        return f"{names[best[0]]} beats {names[1 - best[0]]}{moves}"
    return f"{' and '.join(names[side] for side in best)} {'comes' if len(best) == 1 else 'come'} first{moves}"


def _verdict_title(judgement: Judgement, names: Sequence[str]) -> str:
    if judgement.verdict in ("first", "second"):
        won = judgement.verdict == "second"
        return f"{names[won]} is preferred to {names[not won]}"
    return f"{names[0]} and {names[1]} {'are both bad' if judgement.both_bad else 'are equally good'}"


def _judged_sentence(judgement: Judgement, names: Sequence[str]) -> str:
    """Who judged, in which context, and which stood first."""
    who = "An unnamed judge" if judgement.judge is None else f"Judge {judgement.judge}"
    where = "" if judgement.context is None else f" in context {judgement.context.key}"
    graded = "" if judgement.score in (0, EVEN, 1) else f", by {100 * judgement.score:.0f} % for the first"
    return f"{who} decided{where}{graded}; {names[0]} was shown first."


def _sentence(match: Replayed) -> str:
    if match.judgement is not None:
        return _judged_sentence(match.judgement, [short_name(side.label) for side in match.sides])
    if match.result.termination is Termination.INFRASTRUCTURE:
        who = " and ".join(side.label for side in match.sides)
        return f"The game itself failed as often as it was begun for {who}. That is nobody's fault, and no rating counts it."
    gained = [f"{side.label} {numbers.plain(got)}" for side, got in zip(match.sides, match.side_returns, strict=True)]
    return f"Returns: {', '.join(gained)}."


def _own_words(position: Position, view: int | None, *, simultaneous: bool) -> str:
    """A move as a seat knows it that sees nobody else's."""
    if view in position.movers:
        return position.said[position.movers.index(view)]
    return "" if simultaneous else HIDDEN


def _marks(match: Replayed) -> list[Markup]:
    """What tells the sides apart in the drawing, for the key above it."""
    if match.on_map and match.positions:
        return [side_mark(side) for side in range(len(match.sides))]
    return [seat_mark(seat) for seat in range(2)] if match.board and match.board.marks else []


def drawing_of(site: Site, match: Replayed, at: int, view: int | None) -> Markup | None:
    """The position after a move as a viewer may see it; None where nothing draws it."""
    if match.on_map:
        return battle(film_seen(site, match, view), at)
    if match.board is None:
        return None
    moved_next = match.positions[at + 1].player if at < match.last else None
    over = at == match.last and match.result.termination >= 0
    scene = Scene(
        position=match.positions[at],
        names=match.names,
        to_move=moved_next,
        view=view,
        returns=match.result.returns if over else None,
        before=match.positions[at - 1] if at else None,
    )
    return match.board.draw(scene)


def _rounds(moves: list[Move], players: int) -> list[list[Move]] | None:
    """Moves in rows of one a seat, where the seats alternate strictly; None where they do not."""
    if any(move.seat != k % players for k, move in enumerate(moves)):
        return None
    return [moves[k : k + players] for k in range(0, len(moves), players)]


def _twin(site: Site, match: Replayed, number: int) -> int | None:
    """The number of the same pairing with sides swapped and the same chance, for two sides; of a judgement the other order."""
    tournament = match.tournament
    in_both_orders = tournament.source == "judge" and tournament.config.get("both_orders") is True
    if not (tournament.source == "play" or in_both_orders) or len(match.sides) != 2:
        return None
    try:
        twin = _recorded(site, tournament, number ^ 1)
    except MatchMissing:
        return None
    swapped = [side.label for side in sides_of(tournament, twin)[::-1]] == [side.label for side in match.sides]
    return number ^ 1 if swapped and twin.spec.chance_seed == match.result.spec.chance_seed else None


def _recorded(site: Site, tournament: Tournament, number: int) -> MatchResult:
    try:
        return site.ledger.match(tournament, number)
    except DamagedLedger:
        raise
    except LedgerError as error:
        raise MatchMissing(str(error)) from None


@functools.lru_cache(maxsize=REPLAYS_KEPT)
def loaded_game(specification: str) -> Game:
    return load_game(specification)


@functools.lru_cache(maxsize=REPLAYS_KEPT)
def _positions(site: Site, game: str, key: str, number: int, views_of: tuple[int, ...] | None) -> tuple[Position, ...]:
    """Kept for a while: stepping through a match asks for them at every move."""
    return tuple(replay(loaded_game(game), site.ledger.match(site.ledger.tournament(key), number), views_of=views_of))


@functools.lru_cache(maxsize=REPLAYS_KEPT)
def _film(site: Site, game: str, key: str, number: int, view: int | None) -> Film:
    from arena.film import film_of  # late: torch comes with it, and most matches have no map

    return film_of(loaded_game(game), site.ledger.match(site.ledger.tournament(key), number), view)
