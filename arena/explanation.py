"""Why an agent stands where it stands on a game's ladder: `explain` and `rating_change` with what the ledger knows of each match."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import Literal

import numpy as np

from arena.counterfactual import Where, names_of, straddling, time_bounds, time_of
from arena.games import NotProvided, SpecificationError, UnknownName
from arena.leaderboards.explain import Explanation, explain
from arena.leaderboards.rating_change import RatingChange, rating_change
from arena.ledger import Ledger
from arena.standings import rated_matches


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentExplanation:
    """``explanation`` of an agent on the ladder of ``game``; ``keys``: of its matches in order, as `arena match show` takes them.

    ``since``, ``change``: what moved the rating since a date, None where none was asked for; ``divided``: tournaments that were
    being played at that date, whose matches count as new.
    """

    game: str
    explanation: Explanation
    keys: tuple[str, ...]
    since: str | None = None
    change: RatingChange | None = None
    divided: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """What ``--json`` prints."""
        found = self.explanation
        return {
            "game": self.game,
            "agent": found.agent,
            "method": found.method,
            "rating": _number(found.rating),
            "low": _number(found.low),
            "high": _number(found.high),
            "opponents": [
                {
                    "opponent": one.opponent,
                    "matches": one.matches,
                    "points": one.points,
                    "expected": one.expected,
                    "surplus": one.surplus,
                    "rating_moves_without": _number(one.removed),
                    "refitted": one.refitted,
                }
                for one in found.opponents
            ],
            "matches": [
                {
                    "match": key,
                    "agents": list(one.agents),
                    "returns": list(one.returns),
                    "alike": one.alike,
                    "rating_moves_without": _number(one.removed),
                }
                for key, one in zip(self.keys, found.matches, strict=True)
            ],
            "next": [
                {"opponent": one.opponent, "matches": one.matches, "half_width": _number(one.half_width)}
                for one in found.next
            ],
            "since": self.since,
            "change": None
            if self.change is None
            else {
                "then": _number(self.change.then),
                "now": _number(self.change.now),
                "own_new_matches": _number(self.change.own),
                "others_new_matches": _number(self.change.others),
                "newcomers": _number(self.change.field),
                "own_matches": self.change.own_matches,
                "others_matches": self.change.others_matches,
                "divided_tournaments": list(self.divided),
            },
        }


def explained(
    ledger: Ledger,
    game: str,
    agent: str,
    *,
    method: str = "elo",
    tournament: str | None = None,
    since: str | None = None,
    where: Where | None = None,
    most_agents: int | None = None,
) -> AgentExplanation:
    """Why an agent has its rating on the ladder of a game.

    Args:
        ledger: where the matches are.
        game: which game.
        agent: a label ``strong@2``, or a name of which one version is on the board.
        method: ``elo`` or ``bradley_terry``.
        tournament: only this one.
        since: an ISO date: what changed since. A ledger times tournaments, not matches: matches of tournaments that were
            finished later are new.
        where: which matches count.
        most_agents: of a board that this is computed on, None for all boards: of 1,000 agents it takes four seconds.

    Raises:
        UnknownName: no such game, tournament or agent.
        SpecificationError: another method, a name of several versions, or a single seat is asked for.
        NotProvided: the agent met nobody, or the board has more agents than `most_agents`.
    """
    if method not in ("elo", "bradley_terry"):
        raise SpecificationError(
            f"explanations are of elo and bradley_terry, ratings by maximum likelihood; got {method!r}"
        )
    unit: Literal["elo", "bradley_terry"] = "elo" if method == "elo" else "bradley_terry"
    if where is not None and where.seat is not None:
        raise SpecificationError("explanations are of whole boards; leave --seat out")
    rated = rated_matches(ledger, game, tournament=tournament, where=where)
    label = _label(agent, rated.record.agents)
    if most_agents is not None and len(rated.record.agents) > most_agents:
        raise NotProvided(at_a_terminal(game, label))
    found = explain(rated.record, label, method=unit)
    keys = tuple(rated.key(one.row) for one in found.matches)
    played = [ledger.tournament(key) for key in rated.keys]
    name = played[0].game
    if since is None:
        return AgentExplanation(game=name, explanation=found, keys=keys)
    (begins,) = time_bounds(Where(since=since))
    old = np.array([time_of(one) < begins for one in played], np.bool_)[rated.tournament]
    return AgentExplanation(
        game=name,
        explanation=found,
        keys=keys,
        since=since,
        change=rating_change(rated.record, old, label, method=unit),
        divided=tuple(straddling(played, begins)),
    )


def at_a_terminal(game: str, agent: str) -> str:
    """What a server says where it does not compute an explanation."""
    return (
        "this takes long on a ladder of so many agents; "
        f"at a terminal: arena leaderboard {shlex.quote(game)} --explain {agent}"
    )


def _label(agent: str, labels: tuple[str, ...]) -> str:
    if agent in labels:
        return agent
    found = [label for label in labels if agent in names_of(label)]
    if not found:
        raise UnknownName("agent of this board", agent, labels)
    if len(found) > 1:
        raise SpecificationError(f"{agent} has several versions on this board; name one of {', '.join(found)}")
    return found[0]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
