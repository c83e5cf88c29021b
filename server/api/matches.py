"""Matches: those of a tournament, one as it is recorded, move by move or frame by frame; exporting and importing results."""

from __future__ import annotations

import dataclasses
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from arena.connection import LedgerError
from arena.games import SpecificationError
from arena.hidden_chance import hides_chance
from arena.ledger_rows import Json
from arena.match_export import Chosen, chosen_matches, match_columns
from arena.match_files import write_jsonl
from arena.match_formats import Format, write_matches
from arena.server.access import Scope, allowed
from arena.server.api.answers import (
    WRITE_ERRORS,
    PageAnswer,
    PageAsked,
    TournamentKey,
    list_answer,
    value_answer,
)
from arena.server.api.leaderboards import known_game
from arena.server.api.route import IDEMPOTENT, UPLOAD, ApiRoute, Uploaded, upload_body
from arena.server.drawing.battle import as_json
from arena.server.match_pages import (
    MatchMissing,
    Number,
    film_seen,
    match_file,
    moves_seen,
    replayed,
    text_seen,
    view_of,
)
from arena.server.poll_pages import MEDIA as VOTE_MEDIA
from arena.server.poll_pages import VoteFormat
from arena.server.site import Site, SiteOf, json_answer
from arena.shown_origin import shown_fault
from arena.source import LedgerSource
from arena.source_facts import ImportFacts, MatchFacts, MatchFileFacts, match_list, match_record

router = APIRouter(tags=["matches"], route_class=ApiRoute)

MEDIA = {**VOTE_MEDIA, "pgn": "application/vnd.chess-pgn"}
MATCHES = "Arena-Matches"
CHUNK = 1 << 18


class MatchListAnswer(PageAnswer):
    """``total``: how many matches the tournament has; ``in_teams``: agents and returns are by side."""

    matches: list[MatchFacts]
    total: int
    in_teams: bool


class FaultAnswer(BaseModel):
    player: int
    message: str
    log: str


class PlayerUsageFacts(BaseModel):
    """What a player's answers took; null: not known."""

    player: int
    requests: int
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    cost: float | None


class RecordAnswer(BaseModel):
    """``seats`` index into the tournament's agents; ``usage``, ``judgement``, ``files``, ``confined`` only where there is some: the last is
    of each agent that had a process of its own here the tier that it ran in. Seeds are null before the end of a tournament in which people or
    programs elsewhere play."""

    match: str
    game: str
    agents: list[str]
    seats: list[int]
    seed: int | None
    chance_seed: int | None
    returns: list[float]
    termination: str
    forfeited_by: int | None
    actions: list[float | list[float]]
    seconds: list[float]
    faults: list[FaultAnswer]
    usage: list[PlayerUsageFacts] | None = None
    judgement: Json | None = None
    files: list[MatchFileFacts] | None = None
    confined: dict[str, str] | None = None


class SideFacts(BaseModel):
    label: str
    players: list[int]
    returns: float


class MoveFacts(BaseModel):
    """``seat``: null where several moved at once."""

    number: int
    seat: int | None
    text: str


class MatchAnswer(BaseModel):
    """A match as it is shown. ``positions``: after each move; ``problem``: why there are none; seeds and actions only where all may be
    seen, since they tell hidden cards."""

    tournament: str
    number: int
    agents: list[str]
    sides: list[SideFacts]
    returns: list[float]
    termination: str
    forfeited_by: int | None
    seconds: list[float | None]
    usage: list[PlayerUsageFacts]
    moves: list[MoveFacts]
    positions: list[str]
    problem: str
    judgement: Json | None
    seed: int | None = None
    chance_seed: int | None = None
    actions: list[float | list[float]] | None = None


@router.get(
    "/tournaments/{key}/matches", summary="A tournament's matches, in schedule order", response_model=MatchListAnswer
)
def list_matches(
    request: Request,
    site: SiteOf,
    key: TournamentKey,
    page: PageAsked,
    first: Annotated[int, Query(ge=0, lt=2**63, description="the number to begin at")] = 0,
    forfeits: Annotated[bool, Query(description="only matches that an agent forfeited")] = False,
) -> Response:
    tournament = site.ledger.tournament(key)
    begin = max(first, page.number_after())
    found = match_list(tournament, site.ledger.played(tournament), first=begin, limit=page.limit + 1, forfeits=forfeits)
    return list_answer(
        request,
        page,
        "matches",
        found.matches,
        key=lambda one: (one.number,),
        show=MatchFacts.to_dict,
        beside={"total": found.total, "in_teams": found.in_teams},
    )


@router.get("/tournaments/{key}/matches/{number}", summary="One match, move by move", response_model=MatchAnswer)
def get_match(
    request: Request,
    site: SiteOf,
    key: TournamentKey,
    number: Number,
    view: Annotated[int | None, Query(description="as this seat sees it; all seats without it")] = None,
) -> Response:
    found = replayed(site, key, number, told_to=view)
    view = view_of(found, view)
    result = found.result
    answer: dict[str, object] = {
        "tournament": key,
        "number": number,
        "agents": list(found.names),
        "sides": [
            {"label": side.label, "players": list(side.players), "returns": returns}
            for side, returns in zip(found.sides, found.side_returns, strict=True)
        ],
        "returns": list(result.returns),
        "termination": result.termination.name.lower(),
        "forfeited_by": result.forfeited_by,
        "seconds": [
            None if view is not None and found.in_teams and player != view else round(seconds, 6)
            for player, seconds in enumerate(result.seconds)
        ],
        "usage": [
            {"player": used.player, **used.usage.to_dict()} for used in result.usage if view in (None, used.player)
        ],
        "moves": [dataclasses.asdict(move) for move in moves_seen(site, found, view)],
        "positions": [text_seen(found, at, view) for at in range(len(found.positions))],
        "problem": found.problem,
        "judgement": None if found.judgement is None else found.judgement.to_dict(),
    }
    if view is None:  # seeds and chance outcomes tell hidden cards
        answer |= {"actions": result.actions.tolist()}
    if view is None and not hides_chance(found.tournament):
        answer |= {"seed": result.spec.seed, "chance_seed": result.spec.chance_seed}
    return json_answer(request, answer)


@router.get(
    "/tournaments/{key}/matches/{number}/record",
    summary="All that is recorded of a match, without playing it again",
    response_model=RecordAnswer,
)
def get_match_record(request: Request, site: SiteOf, key: TournamentKey, number: Number) -> Response:
    tournament = site.ledger.tournament(key)
    try:
        found = match_record(site.ledger, tournament, number)
    except LedgerError as error:
        raise MatchMissing(str(error)) from None
    told = dataclasses.replace(found, faults=tuple(map(shown_fault, found.faults)))
    return value_answer(request, found, told.to_dict)


@router.get(
    "/tournaments/{key}/matches/{number}/files/{name}",
    summary="A replay or a log that a match left behind",
    response_class=Response,
    responses={
        200: {"content": {UPLOAD: {"schema": {"type": "string", "format": "binary"}}}, "description": "The file"}
    },
)
def get_match_file(
    site: SiteOf, key: TournamentKey, number: Number, name: Annotated[str, Path(description="of `files` of its record")]
) -> Response:
    return match_file(site, key, number, name)


@router.get("/tournaments/{key}/matches/{number}/film", summary="A match on a map, frame by frame", response_model=Json)
def get_film(
    request: Request,
    site: SiteOf,
    key: TournamentKey,
    number: Number,
    view: Annotated[int | None, Query(description="what this unit sees; the whole map without it")] = None,
) -> Response:
    found = replayed(site, key, number)
    return json_answer(request, as_json(film_seen(site, found, view_of(found, view))))


@router.get(
    "/matches/export",
    summary="Every match of a tournament, of a game, or of the ledger, as a file",
    description="The columns are those of `arena match export`: docs/how-to/export.md. The header `Arena-Matches` says how many there are.",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {kind: {"schema": {"type": "string"}} for kind in MEDIA.values()},
            "description": "The matches",
        }
    },
)
def export_matches(
    site: SiteOf,
    game: Annotated[str | None, Query(description="only matches of this game")] = None,
    tournament: Annotated[str | None, Query(description="only matches of this tournament")] = None,
    form: Annotated[Format, Query(alias="format", description="of the file")] = "jsonl",
) -> Response:
    if game is not None and tournament is not None:
        raise SpecificationError("name a game or a tournament, not both")
    only = None if game is None else known_game(site, game)
    chosen = chosen_matches(site.ledger, game=only, tournament=tournament)
    headers = {MATCHES: str(chosen.matches)}
    if form == "jsonl":
        return StreamingResponse(_lines(site, chosen), media_type=MEDIA[form], headers=headers)
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed once it is sent; written before, so that errors are told
    try:
        write_matches(file, site.ledger, chosen, form, lambda _done, _planned: None)
    except BaseException:
        file.close()
        raise
    return StreamingResponse(_chunks(file), media_type=MEDIA[form], headers=headers)


def _lines(site: Site, chosen: Chosen) -> Iterator[str]:
    for block in match_columns(site.ledger, chosen):
        text = io.StringIO()
        write_jsonl(text, [block])
        yield text.getvalue()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


@router.get(
    "/votes",
    summary="The votes of a ladder as a file that solvers read",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in VOTE_MEDIA.values()}, "description": "The votes"}},
)
def export_votes(
    site: SiteOf,
    game: Annotated[str, Query(description="the ladder")],
    form: Annotated[VoteFormat, Query(alias="format", description="of the file")] = "csv",
) -> Response:
    return Response(LedgerSource(site.ledger).votes(known_game(site, game), form), media_type=VOTE_MEDIA[form])


@router.post(
    "/matches/import",
    summary="Take results from elsewhere into the ledger; the same file again changes nothing",
    response_model=ImportFacts,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
    openapi_extra=upload_body("results, as `arena match import` reads them"),
)
def import_matches(
    request: Request,
    site: SiteOf,
    game: Annotated[str, Query(min_length=1, max_length=200, description="what was played; names the ladder")],
    name: Annotated[str, Query(min_length=1, max_length=100, description="what the import is called")],
    content: Uploaded,
    form: Annotated[Format, Query(alias="format", description="of the file")] = "csv",
) -> Response:
    with tempfile.TemporaryDirectory(prefix="arena-import-") as folder:
        file = FilePath(folder) / f"results.{form}"
        file.write_bytes(content)
        try:
            made = LedgerSource(site.ledger).import_results(file, game=game, name=name)
        except LedgerError as error:
            raise HTTPException(409, str(error)) from None
        except SpecificationError as error:
            raise SpecificationError(str(error).replace(str(file), file.name)) from None
    return json_answer(request, dataclasses.asdict(made), status=201)
