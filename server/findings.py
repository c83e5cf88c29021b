"""What a ladder says, in a few words for titles; the whole sentence is the leaderboard's own finding."""

from __future__ import annotations

from dataclasses import dataclass

from arena.leaderboards.stopped import Verdict
from arena.server import numbers
from arena.server.teams import short_name
from arena.standings import Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A finding of a few words. ``cycle``: the agents of the top cycle, none where there is no cycle.

    ``text`` goes on after a colon, ``sentence`` begins a line: a name keeps its first letter.
    """

    text: str
    sentence: str
    cycle: tuple[str, ...] = ()

    @property
    def is_cycle(self) -> bool:
        return bool(self.cycle)


def headline(standings: Standings) -> Headline:
    """The title's finding: a cycle at the top, a certain leader, or who is not told apart."""
    board = standings.leaderboard
    if standings.verdict:
        return _of_verdict(standings.verdict, [row.agent for row in board.rows])
    if board.matches and board.forfeited >= board.matches:
        return _words("every match was forfeited")
    if len(board.groups) > 1:
        return _words(f"{numbers.in_words(len(board.groups))} groups that never met")
    if board.cycle:
        return _words("no agent is best", cycle=board.cycle)
    first = frozenset(board.groups[0]) if board.groups else frozenset()
    rows = [row for row in board.rows if row.agent in first]
    if len(board.rows) == 1:
        return _words("one agent has played")
    if len(rows) < 2:
        return _words("nobody has met anybody")
    ranked = [row for row in rows if not row.provisional]
    if len(ranked) < 2:
        return _words("too few matches to rank")
    leaders = [row for row in ranked if row.rank[0] == 1]
    if len(leaders) == 1:
        return _about(f"{short_name(leaders[0].agent)} leads")
    if len(leaders) == 2:
        return _about(f"{short_name(leaders[0].agent)} and {short_name(leaders[1].agent)} are not told apart")
    first_ones = "" if len(leaders) == len(ranked) else "first "
    return _words(f"the {first_ones}{numbers.in_words(len(leaders))} are not told apart")


def _of_verdict(verdict: Verdict, agents: list[str]) -> Headline:
    """The verdict of a test, without its numbers."""
    if verdict.aim is not None:
        return _about(verdict.sentence.partition(" (")[0].partition(", by mean score")[0])
    if verdict.better is not None:
        [worse] = [agent for agent in agents if agent != verdict.better]
        return _about(f"{short_name(verdict.better)} beats {short_name(worse)}")
    names = " and ".join(short_name(agent) for agent in agents)
    return _about(f"neither of {names} is shown to be better" if verdict.decided else f"{names} are not told apart")


def _words(text: str, cycle: tuple[str, ...] = ()) -> Headline:
    return Headline(text=text, sentence=text[:1].upper() + text[1:], cycle=cycle)


def _about(text: str) -> Headline:
    return Headline(text=text, sentence=text)
