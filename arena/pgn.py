"""Matches as portable game notation (PGN): chess with its real moves, other games of two players who see everything with their own.

Source: Edwards, Portable Game Notation Specification and Implementation Guide, 1994, sections 8 and 9: export format. The tags
Tournament, Game, Pair, Weight, Forfeit, WhiteReturn and BlackReturn say what `read_record` needs for the ledger's ratings.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from arena.games import Game, GameInfo, NotProvided, load_game
from arena.ledger import Ledger, Tournament
from arena.match_export import Chosen, MatchRow, rows_of
from arena.replay import moves_said
from arena.results import MatchResult

CHESS = "openspiel:chess"
WIDTH = 79  # of a line of moves, as section 8.2.1 asks
WIN, DRAW, LOSS = (1.0, -1.0), (0.0, 0.0), (-1.0, 1.0)
SAYS_NO_MORE = {WIN: "1-0", DRAW: "1/2-1/2", LOSS: "0-1"}
"""Returns that a result tells whole."""

TERMINATIONS = {
    "normal": "normal",
    "truncated": "adjudication",
    "illegal_move": "rules infraction",
    "timeout": "time forfeit",
    "crash": "abandoned",
    "protocol_error": "rules infraction",
    "output_flood": "rules infraction",
    "out_of_memory": "abandoned",
}
_MEANS_SOMETHING = re.compile(r"[\s;{}()<>\[\]%$\"\\]+")


def check_pgn(info: GameInfo) -> None:
    """Raises `NotProvided` where PGN cannot tell a match of the game, and says why."""
    reasons = [
        (info.num_players != 2, f"it has {info.num_players} players"),
        (info.simultaneous, "its players move at the same time"),
        (
            info.information == "imperfect",
            "players do not see everything, and a list of moves would hide what they saw",
        ),
        (info.chance, "chance plays a part, for which PGN has no notation"),
        (info.replay == "none", "its matches do not replay, so that their moves cannot be told"),
    ]
    found = [reason for is_so, reason in reasons if is_so]
    if found:
        raise NotProvided(
            f"no PGN of {info.title}: {'; '.join(found)}. Write .jsonl, .csv or .parquet, which hold matches of every game"
        )


def pgn_games(ledger: Ledger, chosen: Chosen) -> Iterator[str]:
    """The matches, each as the text of one PGN game with an empty line at its end.

    White is whoever moves first. Matches that were imported have results and no moves.

    Raises:
        NotProvided: a game that PGN cannot tell; before the first match.
    """
    games = {one.game: load_game(one.game) for one in chosen.tournaments if one.source == "play"}
    for game in games.values():
        check_pgn(game.info)
    for one in chosen.tournaments:
        if one.num_players != 2:
            raise NotProvided(f"no PGN of {one.key}: a match of it has {one.num_players} players")
    return (
        _game(tournament, games.get(tournament.game) if tournament.source == "play" else None, row, result)
        for tournament, row, result in rows_of(ledger, chosen)
    )


def _game(tournament: Tournament, game: Game | None, row: MatchRow, result: MatchResult) -> str:
    moves = moves_said(game, result) if game is not None else []
    white = _first_player(game) if game is not None else 0
    order = (white, 1 - white)
    returns = (row["returns"][order[0]], row["returns"][order[1]])
    at_fault = None if row["forfeit"] is None else order.index(row["forfeit"] - 1)
    result_text = _result(returns, at_fault)
    tags = {
        "Event": tournament.name,
        "Site": "?",
        "Date": tournament.created_at[:10].replace("-", "."),
        "Round": str(row["match"]),
        "White": row["agents"][order[0]],
        "Black": row["agents"][order[1]],
        "Result": result_text,
    }
    if game is not None:
        if tournament.game != CHESS:
            tags["Variant"] = game.info.title
        tags["PlyCount"] = str(len(moves))
    tags |= {
        "Termination": TERMINATIONS[row["termination"]],
        "Tournament": row["tournament"],
        "Game": row["game"],
        "Pair": row["pair"],
        "Weight": str(row["weight"]),
    }
    if at_fault is not None:
        tags["Forfeit"] = ("White", "Black")[at_fault]
    if SAYS_NO_MORE.get(returns) != result_text:
        tags |= {"WhiteReturn": repr(returns[0]), "BlackReturn": repr(returns[1])}
    heads = "\n".join(f'[{name} "{_quoted(value)}"]' for name, value in tags.items())
    text = " ".join([*_numbered(moves, white), result_text])
    lines = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join([heads, "", *lines, "", ""])


def _first_player(game: Game) -> int:
    """Who moves first: in OpenSpiel's chess that is its player 1."""
    import numpy as np

    turn = game.tables(1).start(np.zeros(1, np.int64), np.zeros(1, np.uint64))
    return int(turn.player[0])


def _result(returns: tuple[float, float], at_fault: int | None) -> str:
    """Who is at fault has lost, whatever the returns say, as ratings have it."""
    if at_fault is not None:
        return "0-1" if at_fault == 0 else "1-0"
    return "1/2-1/2" if returns[0] == returns[1] else "1-0" if returns[0] > returns[1] else "0-1"


def _numbered(moves: list[tuple[int, str]], white: int) -> Iterator[str]:
    """``1. e4 e5 2. Nf3``; where a player moves twice in a row, every move has its number: ``2. a1 2... b1 3... c1``."""
    number, last = 0, 1 - white
    for player, text in moves:
        if player == white:
            number += 1
            yield f"{number}."
        elif last != white:
            number += 1
            yield f"{number}..."
        last = player
        yield _token(text)


def _token(text: str) -> str:
    """A move as one word: what PGN reads as a comment, a variation or a space becomes a dot or nothing."""
    return _MEANS_SOMETHING.sub(".", text).strip(".") or "-"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
