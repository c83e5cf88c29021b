"""Ratings of matches that stopped once they were decided, or were chosen by results: what must be said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from arena.leaderboards.aims import Comparison, FullOrder, Top
from arena.leaderboards.decided import Conclusion
from arena.leaderboards.gsprt import GsprtDecision
from arena.leaderboards.leaderboard import PROVISIONAL, Leaderboard
from arena.leaderboards.same_games import SameGames
from arena.leaderboards.sequential_test import Decision

ALONE = (
    "these matches stopped once they were decided, or at the most that were allowed: the verdict allows for that, ratings "
    "and their intervals do not; they make the better agent look better than it is"
)
POOLED = (
    "{stopped} of {tournaments} tournaments {were} played until decided: ratings of such matches make the better agent "
    "look better than it is, and their intervals are too narrow"
)
CHOSEN = (
    "{some}who met whom was chosen by earlier results ({kinds}): where the field is cyclic, ratings and scores depend on that "
    "choice, and how often two agents met depended on how it went"
)
CHOSEN_WEIGHED = "who met whom was chosen by earlier results ({kinds}): ratings allow for that, points and mean returns as played do not"
AIMED = (
    "the finding allows for the choice of matches and for the moment of stopping, and ranks say no more than it does; intervals of ratings do not. Mean scores "
    "weighted by the logged propensities, as if all pairs had been equally likely, are in: arena tournament status {key}"
)
OVERSTATED = " Some of these matches were played until decided, which overstates such confidence."


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a test that stops matches says. ``better``: of two the one that it says is better, None where it says of neither.

    ``decided``: whether it is over; an open verdict asks for more matches. ``aim``: what it is about, where that is not
    which of two is better. ``ranks``: the best and worst rank of each agent that it leaves open, where it is about an aim.
    """

    sentence: str
    better: str | None
    decided: bool
    aim: str | None = None
    ranks: Mapping[str, tuple[int, int]] | None = None


def verdict_of(decision: Decision | GsprtDecision | SameGames, first: str, second: str) -> Verdict:
    """A decision about two agents by their names."""
    if isinstance(decision, GsprtDecision | SameGames):
        better = {"first": first, "second": second, None: None}[decision.better]
    else:
        better = {"first_better": first, "second_better": second}.get(decision.verdict)
    return Verdict(sentence=decision.sentence(first, second), better=better, decided=decision.decided)


def ranks_of(conclusion: Conclusion) -> dict[str, tuple[int, int]]:
    """The best and worst rank of each agent that a conclusion leaves open: all of them where it is about something else."""
    size, members = len(conclusion.agents), conclusion.members
    ranks = dict.fromkeys(conclusion.agents, (1, size))
    if isinstance(conclusion.aim, Top):
        k = conclusion.aim.k
        for agent in conclusion.agents:
            if agent in members:
                ranks[agent] = (1, k)
            elif agent not in conclusion.open:
                ranks[agent] = (min(k + 1, size), size)
    elif isinstance(conclusion.aim, FullOrder) and len(members) == size:
        ranks |= {agent: (place, place) for place, agent in enumerate(members, 1)}
    elif isinstance(conclusion.aim, Comparison) and members:
        pair = {conclusion.aim.first, conclusion.aim.second}
        ranks |= {agent: (1, size - 1) if agent in members else (2, size) for agent in pair}
    return ranks


def stopped_note(*, stopped: int, tournaments: int) -> str:
    """What a reader must know of ratings that rest on `stopped` tournaments played until decided, of `tournaments`."""
    if stopped == tournaments == 1:
        return ALONE
    return POOLED.format(stopped=stopped, tournaments=tournaments, were="was" if stopped == 1 else "were")


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


def with_choices(
    board: Leaderboard,
    kinds: Sequence[str],
    *,
    tournaments: int,
    verdict: Verdict | None = None,
    key: str = "",
    weighted: bool = False,
) -> Leaderboard:
    """A leaderboard with matches that were chosen by results; ``kinds``: the pairings of those of its `tournaments`.

    ``verdict``: of a single tournament with an aim; it is the finding then, and ``key`` the tournament's. ``weighted``: whether
    its ratings weigh matches by the probabilities of their draws.
    """
    if not kinds:
        return board
    some = "" if len(kinds) == tournaments else f"in {len(kinds)} of {tournaments} tournaments "
    named = ", ".join(sorted(set(kinds)))
    said = CHOSEN_WEIGHED.format(kinds=named) if weighted else CHOSEN.format(some=some, kinds=named)
    notes = (said, *board.notes)
    if verdict is None:
        return replace(board, notes=notes)
    ranks = verdict.ranks or {}
    rows = tuple(row if row.provisional else replace(row, rank=ranks.get(row.agent, row.rank)) for row in board.rows)
    return replace(board, finding=verdict.sentence + ".", rows=rows, notes=(AIMED.format(key=key), *notes))
