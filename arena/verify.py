"""A ledger held against itself: every match played again, every seed and end checked, every leaderboard counted anew.

What is looked at, and what each part can show:

- the database (`arena.database.check`): its structure, blocks, counts, and the contents of agents against their hashes;
- the schedule: who met whom with which seeds is what the tournament's configuration gives, and nothing is missing;
- the ends: termination, player at fault and noted fault of each match agree;
- the moves: the recorded actions, played again, are legal and lead to the recorded end and returns;
- the boards: the ladder of each game, recomputed from the raw matches by plain counting;
- the answers of jobs, computed anew (`arena.verify_jobs`).

A match whose actions and returns were both changed so that they fit each other is a match that could have been: only the agents
could tell, and nobody asks them again here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.database import check
from arena.games import ArenaError, Game, UnknownName, load_game
from arena.job_rows import JobRow
from arena.jobs import all_jobs
from arena.ledger import Ledger, Tournament
from arena.plain_standings import board_differences, plain_rows
from arena.replay_many import differences
from arena.standings import canonical_game, standings
from arena.verification import Difference, Replayed, Verification
from arena.verify_jobs import Recomputed, recomputed
from arena.verify_schedule import end_differences, schedule_differences

Progress = Callable[[int, int], None]
"""Called with (matches played again, matches to play again)."""


def verify_ledger(
    db: str | Path | None = None,
    what: str | None = None,
    *,
    matches: int | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Holds a ledger, a game of it, a tournament or a single match against itself.

    Args:
        db: the ledger; None is $ARENA_DB or ./arena.db.
        what: a game, a tournament's key, ``KEY/NUMBER`` for one match; None for the whole ledger.
        matches: how many are played again, drawn at random; all without it. Everything else is checked in full.
        seed: of that draw; one is made up without it, so that nobody can know beforehand which matches are looked at.
        progress: hears how far it is.

    Raises:
        LedgerError: there is no ledger, or none that opens.
        UnknownName: it has no such game, tournament or match.
    """
    if matches is not None and matches < 1:
        raise ValueError(f"matches must be at least 1; got {matches}")
    drawn = None if matches is None else secrets.randbits(32) if seed is None else seed
    with Ledger.open(db, create=False, read_only=True) as ledger:
        number, chosen = chosen_tournaments(ledger, what)
        found = [Difference(where="ledger", what=said) for said in check(db)] if number is None else []
        wanted = _wanted(ledger, chosen, matches, drawn, number)
        told = _Told(progress, sum(map(len, wanted)))
        replayed: list[Replayed] = []
        for tournament, numbers in zip(chosen, wanted, strict=True):
            try:
                one, said = _tournament(ledger, tournament, numbers, number, told)
                replayed.append(one)
                found += said
            except ArenaError as error:  # damaged so that it cannot be read: that is the finding
                found.append(Difference(where=tournament.key, what=str(error)))
                replayed.append(
                    Replayed(
                        tournament=tournament.key, matches=0, replayed=0, replay="none", cannot="it cannot be read"
                    )
                )
        boards: list[str] = []
        if number is None:
            for game, only in _boards(chosen, what):
                boards.append(only or game)
                found += _board(ledger, game, only)
        answers: list[Recomputed] = []
        for row in [] if number is not None else _answered(ledger, chosen, what):
            answer, unlike = recomputed(ledger, row)
            answers.append(answer)
            found += [Difference(where=f"job {answer.job}", what=unlike)] if unlike else []
    return Verification(
        tournaments=tuple(replayed),
        boards=tuple(boards),
        jobs=tuple(answers),
        differences=tuple(dict.fromkeys(found)),
        seed=drawn,
    )


class _Told:
    """Counts matches for a progress bar."""

    def __init__(self, progress: Progress | None, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def add(self, count: int) -> None:
        self.done += count
        if self.progress:
            self.progress(self.done, self.total)


def chosen_tournaments(ledger: Ledger, what: str | None) -> tuple[int | None, list[Tournament]]:
    """(the number of the single match, the tournaments). Raises `UnknownName`."""
    every = ledger.tournaments()
    if what is None:
        return None, every
    keys = [one.key for one in every]
    if what in keys:
        return None, [every[keys.index(what)]]
    key, slash, number = what.rpartition("/")
    if slash and key in keys and number.isdecimal() and len(number) <= 18:
        tournament = every[keys.index(key)]
        ledger.match(tournament, int(number))  # raises where there is none
        return int(number), [tournament]
    try:
        game = canonical_game(ledger, what)
    except UnknownName:
        raise UnknownName(
            "game, tournament or match in this ledger", what, [*keys, *(row.game for row in ledger.games())]
        ) from None
    return None, [one for one in every if one.game == game]


def _wanted(
    ledger: Ledger, chosen: Sequence[Tournament], matches: int | None, seed: int | None, number: int | None
) -> list[NDArray[np.int64]]:
    """The numbers of the matches to play again, a row a tournament."""
    played = [_numbers(ledger, one) for one in chosen]
    if number is not None:
        return [one[one == number] for one in played]
    total = sum(map(len, played))
    if matches is None or matches >= total:
        return played
    at = np.sort(np.random.default_rng(seed).choice(total, size=matches, replace=False))
    ends = np.cumsum([len(one) for one in played])
    begins = ends - [len(one) for one in played]
    return [one[at[(at >= begin) & (at < end)] - begin] for one, begin, end in zip(played, begins, ends, strict=True)]


def _numbers(ledger: Ledger, tournament: Tournament) -> NDArray[np.int64]:
    """The numbers of its matches that can be played again."""
    if _game_of(tournament)[0] is None:
        return np.empty(0, np.int64)
    try:
        return ledger.played(tournament).index
    except ArenaError:  # told where the tournament is looked at
        return np.empty(0, np.int64)


WITHOUT_MOVES = {
    "import": "imported: its matches have results",
    "judge": "judged: its matches have verdicts",
    "vote": "a poll: its matches have votes",
}


def _tournament(
    ledger: Ledger,
    tournament: Tournament,
    numbers: NDArray[np.int64],
    number: int | None,
    told: _Told,
) -> tuple[Replayed, list[Difference]]:
    played = ledger.played(tournament)
    said = end_differences(tournament, played, ledger.faults(tournament))
    game, cannot = _game_of(tournament)
    if tournament.source == "play":
        said += schedule_differences(ledger, tournament, played)
    if game is not None:
        said += [(tournament.key, sentence) for sentence in _fact_differences(tournament, game)]
        said += _replayed(ledger, tournament, game, numbers, told)
    if number is not None:
        said = [(where, what) for where, what in said if where == f"{tournament.key}/{number}"]
    one = Replayed(
        tournament=tournament.key,
        matches=len(played) if number is None else 1,
        replayed=0 if game is None else len(numbers),
        replay="none" if game is None else game.info.replay,
        cannot=cannot,
    )
    return one, [Difference(where=where, what=what) for where, what in said]


def _game_of(tournament: Tournament) -> tuple[Game | None, str]:
    """(the game to play it again with, or why there is none)."""
    if tournament.source != "play":
        return None, f"{WITHOUT_MOVES[tournament.source]}, but no moves"
    try:
        game = load_game(tournament.game)
    except ArenaError as error:
        return None, f"its game cannot be loaded here: {error}"
    if game.info.version != tournament.game_version:
        return None, f"it was played with {game.info.title} {tournament.game_version}; here is {game.info.version}"
    if game.info.replay == "none":
        return None, f"{game.info.title} does not replay: the same actions may lead elsewhere"
    return game, ""


def _fact_differences(tournament: Tournament, game: Game) -> list[str]:
    """Facts of the game that ratings rest on, as recorded and as the game states them."""
    info = game.info
    facts = (
        ("utility", tournament.utility, info.utility),
        ("number of players", tournament.num_players, info.num_players),
        ("sides", tuple(map(tuple, tournament.sides)), tuple(map(tuple, info.sides))),
    )
    return [
        f"its {name} is recorded as {noted}; the game has {stated}" for name, noted, stated in facts if noted != stated
    ]


def _replayed(
    ledger: Ledger,
    tournament: Tournament,
    game: Game,
    numbers: NDArray[np.int64],
    told: _Told,
) -> list[tuple[str, str]]:
    said: list[tuple[str, str]] = []
    if not len(numbers):
        return said
    for block in ledger.result_blocks(tournament):
        rows = np.flatnonzero(np.isin(block.specs.index, numbers))
        if not len(rows):
            continue
        part = block if len(rows) == len(block) else block.take(rows)
        for row, sentences in differences(game, part, on_finished=told.add).items():
            said += [(f"{tournament.key}/{part.specs.index[row]}", sentence) for sentence in sentences]
    return said


def _boards(chosen: Sequence[Tournament], what: str | None) -> list[tuple[str, str | None]]:
    """(game, the only tournament or None) of each leaderboard to recompute; those without a match have none."""
    if what is not None and len(chosen) == 1 and what == chosen[0].key:
        return [(chosen[0].game, chosen[0].key)]
    return [(game, None) for game in dict.fromkeys(one.game for one in chosen)]


def _answered(ledger: Ledger, chosen: Sequence[Tournament], what: str | None) -> list[JobRow]:
    """The finished jobs: of the whole ledger, or of a game; a tournament alone has none."""
    if what is not None and [one.key for one in chosen] == [what]:
        return []
    return [row for row in all_jobs(ledger, status="finished") if what is None or row.game == chosen[0].game]


def _board(ledger: Ledger, game: str, only: str | None) -> list[Difference]:
    where = f"board of {only or game}"
    try:
        found = standings(ledger, game, tournament=only)
        tournaments = [ledger.tournament(key) for key in found.tournaments]
        return [
            Difference(where=where, what=said) for said in board_differences(found, plain_rows(ledger, tournaments))
        ]
    except ArenaError as error:
        return [Difference(where=where, what=f"it cannot be computed: {error}")]
