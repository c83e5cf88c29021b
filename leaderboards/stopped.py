"""Ratings of matches that stopped once they were decided: what must be said of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from arena.leaderboards.leaderboard import PROVISIONAL, Leaderboard
from arena.leaderboards.sequential_test import Decision

ALONE = (
    "these matches stopped once they were decided, or at the most that were allowed: the verdict allows for that, ratings "
    "and their intervals do not; they make the better agent look better than it is"
)
POOLED = (
    "{stopped} of {tournaments} tournaments were played until decided: ratings of such matches make the better agent "
    "look better than it is, and their intervals are too narrow"
)
OVERSTATED = " Some of these matches were played until decided, which overstates such confidence."


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the sequential test of two agents says. ``better``: the one that it says is better, None where it says of neither.

    ``decided``: whether it is over; an open verdict asks for more matches.
    """

    sentence: str
    better: str | None
    decided: bool


def verdict_of(decision: Decision, first: str, second: str) -> Verdict:
    """A decision about two agents by their names."""
    better = {"first_better": first, "second_better": second}.get(decision.verdict)
    return Verdict(sentence=decision.sentence(first, second), better=better, decided=decision.decided)


def stopped_note(*, stopped: int, tournaments: int) -> str:
    """What a reader must know of ratings that rest on `stopped` tournaments played until decided, of `tournaments`."""
    return ALONE if stopped == tournaments == 1 else POOLED.format(stopped=stopped, tournaments=tournaments)


def with_verdict(board: Leaderboard, verdict: Verdict | None, *, stopped: int, tournaments: int) -> Leaderboard:
    """A leaderboard of which `stopped` of `tournaments` were played until decided.

    Where there is a verdict, which allows for the moment of stopping, it is the finding, and ranks are what it says: no
    more, and no less where it came after few matches. A note says what stopping does to ratings. With `stopped` = 0, or done before, it is the board itself.

    Args:
        verdict: of the sequential test, None where several tournaments are pooled.
    """
    note = stopped_note(stopped=stopped, tournaments=tournaments)
    if not stopped or note in board.notes:
        return board
    notes = (note, *board.notes)
    if verdict is None:
        overstated = OVERSTATED if " confidence" in board.finding else ""
        return replace(board, finding=board.finding + overstated, notes=notes)
    if verdict.better is None:
        rows = tuple(replace(row, rank=(1, len(board.rows))) for row in board.rows)
    else:  # certain, however few the matches
        ranks = {row.agent: (1, 1) if row.agent == verdict.better else (2, 2) for row in board.rows}
        rows = tuple(replace(row, rank=ranks[row.agent], provisional=False) for row in board.rows)
        rows = tuple(sorted(rows, key=lambda row: row.rank))
        notes = tuple(said for said in notes if not said.startswith(PROVISIONAL))
    return replace(board, finding=verdict.sentence + ".", rows=rows, notes=notes)
