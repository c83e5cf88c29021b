"""One match, move by move. What a seat cannot see is not in the page of that seat's view."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request
from markupsafe import Markup
from starlette.responses import Response

from arena.connection import DamagedLedger, LedgerError
from arena.games import ArenaError, Game, UnknownName, load_game
from arena.ledger_rows import Tournament
from arena.replay import Position, replay
from arena.results import MatchResult
from arena.server import numbers
from arena.server.boards import Board, Scene, board_of, seat_mark
from arena.server.match_lists import NOBODY_HERE, TERMINATION_WORDS, winners
from arena.server.site import Site, SiteOf, page

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
    """A match with its positions, as one viewer may see them. ``problem`` says why there are none."""

    tournament: Tournament
    result: MatchResult
    names: tuple[str, ...]
    positions: tuple[Position, ...]
    imperfect: bool
    board: Board | None
    problem: str

    @property
    def last(self) -> int:
        return max(len(self.positions) - 1, 0)


@router.get("/tournaments/{key}/matches/{number}")
def match(
    request: Request, site: SiteOf, key: str, number: Number, move: int | None = None, view: int | None = None
) -> Response:
    found = replayed(site, key, number)
    view = view_of(found, view)
    at = found.last if move is None else min(max(move, 0), found.last)
    moves = moves_seen(found, view)
    twin = _twin(site, found, number)
    return page(
        request,
        "match.html",
        match=found,
        number=number,
        title=title_of(found),
        sentence=_sentence(found),
        at=at,
        view=view,
        drawing=_drawing(found, at, view) if found.positions else None,
        text=text_seen(found, at, view),
        moves=moves,
        rounds=_rounds(moves, len(found.names)),
        marks=[seat_mark(seat) for seat in range(2)] if found.board and found.board.marks else [],
        twin=twin,
        termination=TERMINATION_WORDS[found.result.termination],
        fault=next((fault for fault in site.ledger.faults(found.tournament) if fault.index == number), None)
        if found.result.termination.is_forfeit
        else None,
    )


def replayed(site: Site, key: str, number: int) -> Replayed:
    """The match with its positions.

    Raises:
        UnknownName: no such tournament.
        MatchMissing: the tournament has no such match.
    """
    tournament = site.ledger.tournament(key)
    result = _recorded(site, tournament, number)
    names = tuple(tournament.agents[s].label if s >= 0 else NOBODY_HERE for s in result.spec.seats)
    imperfect, problem = False, ""
    positions: tuple[Position, ...] = ()
    if tournament.source != "play":
        problem = "This match was imported with its result alone; there are no moves to replay."
    else:
        try:
            game = _game(tournament.game)
            imperfect = game.info.information == "imperfect"
            positions = _positions(site, tournament.game, key, number)
        except ArenaError as error:
            problem = f"This match cannot be replayed here: {error}"
    return Replayed(
        tournament=tournament,
        result=result,
        names=names,
        positions=positions,
        imperfect=imperfect,
        board=board_of(tournament.game),
        problem=problem,
    )


def view_of(match: Replayed, view: int | None) -> int | None:
    """The seat whose view is asked for, None for all seats.

    Raises:
        UnknownName: no such seat.
    """
    if view is not None and not 0 <= view < len(match.names):
        raise UnknownName("seat", str(view), [str(seat) for seat in range(len(match.names))])
    return view


def moves_seen(match: Replayed, view: int | None) -> list[Move]:
    """The move list of a viewer: where moves may be hidden, a seat's view names only that seat's own."""
    public = view is None or not match.imperfect or (match.board is not None and match.board.public_moves)
    return [
        Move(
            number=position.move,
            seat=position.player,
            text=position.action_text if public or position.player == view else HIDDEN,
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
    names, result = [name.rpartition("@")[0] or name for name in match.names], match.result
    if result.forfeited_by is not None:
        return f"{names[result.forfeited_by]} forfeits: {TERMINATION_WORDS[result.termination]}"
    best = winners(result.returns, None)
    moves = f" in {numbers.counted(match.last, 'move')}" if match.positions else ""
    if not best:
        return f"{' and '.join(names) if len(names) == 2 else 'All seats'} end even{moves.replace(' in', ' after')}"
    if len(best) == 1 and len(names) == 2:
        return f"{names[best[0]]} beats {names[1 - best[0]]}{moves}"
    return f"{' and '.join(names[seat] for seat in best)} {'comes' if len(best) == 1 else 'come'} first{moves}"


def _sentence(match: Replayed) -> str:
    gained = [f"{name} {numbers.plain(got)}" for name, got in zip(match.names, match.result.returns, strict=True)]
    return f"Returns: {', '.join(gained)}."


def _drawing(match: Replayed, at: int, view: int | None) -> Markup | None:
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
    )
    return match.board.draw(scene)


def _rounds(moves: list[Move], players: int) -> list[list[Move]] | None:
    """Moves in rows of one a seat, where the seats alternate strictly; None where they do not."""
    if any(move.seat != k % players for k, move in enumerate(moves)):
        return None
    return [moves[k : k + players] for k in range(0, len(moves), players)]


def _twin(site: Site, match: Replayed, number: int) -> int | None:
    """The number of the same pairing with seats swapped and the same chance, for two players."""
    tournament = match.tournament
    if tournament.source != "play" or tournament.num_players != 2:
        return None
    try:
        twin = _recorded(site, tournament, number ^ 1)
    except MatchMissing:
        return None
    return number ^ 1 if twin.spec.seats == match.result.spec.seats[::-1] else None


def _recorded(site: Site, tournament: Tournament, number: int) -> MatchResult:
    try:
        return site.ledger.match(tournament, number)
    except DamagedLedger:
        raise
    except LedgerError as error:
        raise MatchMissing(str(error)) from None


@functools.lru_cache(maxsize=REPLAYS_KEPT)
def _game(specification: str) -> Game:
    return load_game(specification)


@functools.lru_cache(maxsize=REPLAYS_KEPT)
def _positions(site: Site, game: str, key: str, number: int) -> tuple[Position, ...]:
    """Kept for a while: stepping through a match asks for them at every move."""
    return tuple(replay(_game(game), site.ledger.match(site.ledger.tournament(key), number)))
