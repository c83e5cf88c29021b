"""A match while it is played: its page, events when something changes, and the answers of a person who plays in it.

Of a game in which something is hidden a player sees what its seat sees, and whoever else looks on sees no card at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response, StreamingResponse

from arena.agents.heard import can_be_followed
from arena.games import ArenaError, Game, NotProvided
from arena.ledger import Ledger, LedgerError
from arena.ledger_rows import Tournament
from arena.live_facts import Choice, LiveFacts, LiveMove
from arena.matches_under_way import SeatUnderWay, planned_match, seats_under_way, so_far
from arena.questions import Verdict, answer
from arena.replay import Position, named_choices, replay
from arena.results import MatchResult, MatchSpec
from arena.server.access import Scope, allowed
from arena.server.boards import Scene, board_of
from arena.server.live import END, Look, event, streamed
from arena.server.match_pages import MatchMissing, Number, loaded_game
from arena.server.players import is_player, player_of
from arena.server.site import Site, SiteOf, match_address, page

ONLOOKER = -1  # no seat: what it sees is hidden from nobody
LATE: dict[Verdict, str] = {
    "late": "Your answer came after its time.",
    "closed": "That question was answered already, or is off.",
    "unknown": "That question is none of yours.",
}

STANDS_STILL = "The match stands still: nobody plays it at the moment, since its job was cancelled or its server ended."

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMatch:
    """A match under way, or over and just recorded. ``plays``: whether whoever looks has a seat in it; ``mine``: that seat, once it was asked."""

    tournament: Tournament
    number: int
    spec: MatchSpec
    game: Game
    names: tuple[str, ...]
    seated: list[SeatUnderWay]
    plays: bool
    mine: SeatUnderWay | None
    recorded: MatchResult | None

    @property
    def called(self) -> tuple[str, ...]:
        """The names of all seats, to whoever looks: its own is ``you``."""
        return tuple(
            "you" if self.mine is not None and player == self.mine.player else name
            for player, name in enumerate(self.names)
        )

    @property
    def title(self) -> str:
        said = " against ".join(self.called)
        return f"Y{said[1:]}" if self.mine is not None and self.mine.player == 0 else said

    @property
    def view(self) -> int | None:
        """From which seat it is seen; None: all of it, where nothing is hidden, or no longer."""
        if self.game.info.information == "perfect" or self.recorded is not None:
            return None
        return ONLOOKER if self.mine is None else self.mine.player

    @property
    def stands_still(self) -> str:
        """That nobody plays it, though it is not over; '' while somebody does, and once it is."""
        return STANDS_STILL if self.recorded is None and self.tournament.status == "interrupted" else ""

    @property
    def positions(self) -> list[Position]:
        played = self.recorded
        if played is None:
            played = so_far(self.spec, self.seated, by_turns=can_be_followed(self.game.info))
        if played is None:
            return []
        view = self.view
        return replay(self.game, played, views_of=None if view is None else [view])


@router.get("/tournaments/{key}/matches/{number}/live")
def live_match(request: Request, site: SiteOf, key: str, number: Number) -> Response:
    return _shown(request, watched(request, site, key, number))


@router.post("/tournaments/{key}/matches/{number}/live", dependencies=[Depends(allowed(Scope.PLAY))])
def move(
    request: Request,
    site: SiteOf,
    key: str,
    number: Number,
    question: Annotated[int, Form(ge=0, lt=2**63)],
    action: Annotated[int, Form(ge=0, lt=2**31)],
) -> Response:
    return _after(request, site, key, number, lambda match: take_move(site.ledger, match, question, action))


@router.post("/tournaments/{key}/matches/{number}/live/resign", dependencies=[Depends(allowed(Scope.PLAY))])
def resign(request: Request, site: SiteOf, key: str, number: Number) -> Response:
    return _after(request, site, key, number, lambda match: take_resignation(site.ledger, match))


@router.get("/tournaments/{key}/matches/{number}/live/events")
def live_match_events(
    request: Request, site: SiteOf, key: str, number: Number, seen: Annotated[str, Query(max_length=1000)] = ""
) -> StreamingResponse:
    match = watched(request, site, key, number)  # what cannot be looked at is refused before the stream begins
    return streamed(site, request, _look(site.ledger, match, seen))


def live_address(key: str, number: int) -> str:
    return f"{match_address(key, number)}/live"


def watched(request: Request, site: Site, key: str, number: int) -> LiveMatch:
    """The match as whoever asks may see it. Raises `MatchMissing` where it is none that can be looked at."""
    tournament = site.ledger.tournament(key)
    try:
        spec, game = planned_match(site.ledger, tournament, number), loaded_game(tournament.game)
    except NotProvided as error:
        raise MatchMissing(str(error)) from None
    seated = seats_under_way(site.ledger, tournament, spec)
    player = player_of(request)
    own = [player is not None and is_player(tournament.agents[seat], player) for seat in spec.seats]
    mine = [one for one in seated if own[one.player]]
    return LiveMatch(
        tournament=tournament,
        number=number,
        spec=spec,
        game=game,
        names=tuple(tournament.agents[seat].name for seat in spec.seats),
        seated=seated,
        plays=any(own),
        mine=max(mine, key=lambda one: (one.open, len(one.history)), default=None),
        recorded=_recorded(site.ledger, tournament, number),
    )


def take_move(ledger: Ledger, match: LiveMatch, question: int, action: int) -> None:
    """Takes the answer of whoever plays in a match.

    Raises:
        HTTPException: 403 of who plays no seat of it, 422 for an action that is not legal, which costs nothing, 409 where that question is off.
    """
    if match.mine is None:
        raise HTTPException(403, "you play in no seat of this match")
    if question == match.mine.question and match.mine.open and action not in _legal(match.mine):
        raise HTTPException(422, f"{action} is no action that is legal now; choose one that is listed.")
    verdict = answer(ledger, [match.mine.agent_id], question, action)
    if verdict != "taken":
        raise HTTPException(409, LATE[verdict])


def take_resignation(ledger: Ledger, match: LiveMatch) -> None:
    """Gives a match up for whoever plays in it: its seat forfeits.

    Raises:
        HTTPException: 403 of who plays no seat of it, 409 where that seat is asked nothing now.
    """
    if not match.plays:
        raise HTTPException(403, "you play in no seat of this match")
    if match.recorded is not None:
        raise HTTPException(409, "the match is over")
    mine = match.mine
    if mine is None or answer(ledger, [mine.agent_id], mine.question, "it resigned", failed=True) != "taken":
        raise HTTPException(409, "it is not your turn: resign when you are asked for a move")


def live_facts(match: LiveMatch) -> LiveFacts:
    """What whoever asked may know of a match."""
    positions, choices, problem = _now(match)
    mine = match.mine
    due = mine is not None and mine.open and match.recorded is None
    return LiveFacts(
        tournament=match.tournament.key,
        number=match.number,
        game=match.tournament.game,
        agents=match.names,
        player=None if mine is None else mine.player,
        question=mine.question if mine is not None and due else None,
        choices=tuple(choices),
        left_s=mine.left_s if mine is not None and due else None,
        waits_for=tuple(one.player for one in match.seated if one.open),
        moves=tuple(
            LiveMove(players=tuple(one.movers), text=one.action_text) for one in _public_moves(match, positions)
        ),
        text=_text(match, positions),
        returns=None if match.recorded is None else match.recorded.returns,
        problem=problem or match.stands_still,
    )


def _recorded(ledger: Ledger, tournament: Tournament, number: int) -> MatchResult | None:
    try:
        return ledger.match(tournament, number)
    except LedgerError:
        return None


def _after(request: Request, site: Site, key: str, number: int, done: Callable[[LiveMatch], None]) -> Response:
    """The page of a match in which somebody has done this, or why it was refused."""
    match = watched(request, site, key, number)
    try:
        done(match)
    except HTTPException as refused:
        if not match.plays:
            raise
        now = watched(request, site, key, number)
        return _shown(request, now, problem=refused.detail, status=refused.status_code)
    return RedirectResponse(live_address(key, number), 303)


def _shown(request: Request, match: LiveMatch, *, problem: str = "", status: int = 200) -> Response:
    positions, choices, missing = _now(match)
    mine = match.mine
    answer = page(
        request,
        "live_match.html",
        status=status,
        match=match,
        address=live_address(match.tournament.key, match.number),
        replay_address=match_address(match.tournament.key, match.number),
        over=match.recorded is not None,
        gain=match.recorded.returns[mine.player] if match.recorded is not None and mine is not None else None,
        drawing=_drawing(match, positions),
        text=_text(match, positions),
        moves=[
            (", ".join(match.called[player] for player in one.movers), one.action_text)
            for one in _public_moves(match, positions)
        ],
        choices=choices,
        left_s=mine.left_s if mine is not None and mine.open else None,
        waits_for=[match.names[one.player] for one in match.seated if one.open],
        seen=_state(match.seated),
        problem=problem or missing,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _now(match: LiveMatch) -> tuple[list[Position], list[Choice], str]:
    """(the positions so far, what the person may do, '' or why there are none: a game that does not replay)."""
    try:
        return match.positions, _choices(match), ""
    except ArenaError as error:
        return [], [], str(error)


def _choices(match: LiveMatch) -> list[Choice]:
    """What the person may do now: the actions that are listed, in the game's words."""
    mine = match.mine
    if mine is None or not mine.open or match.recorded is not None:
        return []
    before = so_far(match.spec, [mine], by_turns=False)
    assert before is not None
    named = named_choices(match.game, before, mine.player, _legal(mine))
    return [Choice(action=action, text=text.strip() or str(action)) for action, text in named.items()]


def _legal(mine: SeatUnderWay) -> list[int]:
    listed = mine.observation.get("legal_actions", [])
    return [action for action in listed if isinstance(action, int)] if isinstance(listed, list) else []


def _drawing(match: LiveMatch, positions: list[Position]) -> Markup | None:
    board = board_of(match.tournament.game)
    if board is None or not positions:
        return None
    due = [one.player for one in match.seated if one.open]
    return board.draw(
        Scene(
            position=positions[-1],
            before=positions[-2] if len(positions) > 1 else None,
            names=match.names,
            to_move=due[0] if len(due) == 1 else None,
            view=match.view,
            returns=None if match.recorded is None else match.recorded.returns,
        )
    )


def _text(match: LiveMatch, positions: list[Position]) -> str:
    """The position in words, as far as whoever looks may know it."""
    view = match.view
    if view == ONLOOKER or not positions:
        return ""
    if view is None:
        return positions[-1].text
    told = match.mine.observation.get("text") if match.mine is not None else None
    return told if isinstance(told, str) else positions[-1].views[view] if positions[-1].views else ""


def _public_moves(match: LiveMatch, positions: list[Position]) -> list[Position]:
    """The positions after the moves that everybody sees."""
    board = board_of(match.tournament.game)
    if match.view is not None and not (board is not None and board.public_moves):
        return []
    return positions[1:]


def _look(ledger: Ledger, match: LiveMatch, seen: str) -> Look:
    """A ``changed`` event whenever the page is no longer as it was ``seen``, and ``end`` once the match is recorded."""

    def look() -> list[str]:
        nonlocal seen
        seated = seats_under_way(ledger, match.tournament, match.spec)
        before, seen = seen, _state(seated)
        said = [event("changed", {})] if seen != before else []
        return [*said, END] if _recorded(ledger, match.tournament, match.number) is not None else said

    return look


def _state(seated: list[SeatUnderWay]) -> str:
    """Another one whenever the page of a match under way is another one."""
    return " ".join(f"{one.question}{'?' if one.open else '.'}" for one in seated)
