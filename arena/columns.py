"""The columns of a ladder that no match counts for: how exploitable each agent is, exactly or at least, and by whom it is beaten."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from arena.agents import load_agent
from arena.agents.confined_process import BrokenReader
from arena.agents.sandbox import SandboxUnavailable
from arena.executor import close_agents
from arena.games import AgentFault, ArenaError, load_game
from arena.job_rows import JobRow
from arena.job_work import worker_name
from arena.jobs import newest
from arena.leaderboards.payoff_matrix import EVEN, Matrix
from arena.leaderboards.wording import exploitable_by
from arena.ledger import AgentVersion, Ledger, Tournament
from arena.origin import is_confined
from arena.roster import playable
from arena.solvers import exploitability
from arena.solvers.policy_table import measurable

EXPLOIT_METHODS = ("auto", "exact", "enumerate", "mcts", "ppo")
EXPLOIT_JOB = "exploit"
"""The kind of jobs that keep lower bounds."""
EXACT_JOB = "exploitability"
"""The kind of jobs that keep exact values."""
TRAIN_JOB = "train"
"""The kind of jobs that train agents."""
TOURNAMENT_JOB = "tournament"
"""The kind of jobs that play tournaments."""
PLAY_JOB = "play"
"""The kind of jobs that play with somebody in a browser."""
SOLVE_JOB = "solve"
"""The kind of jobs that solve games."""
VERIFY_JOB = "verify"
"""The kind of jobs that hold a ledger against itself."""
ANSWERS_JOB = "answers"
"""The kind of jobs that ask a poll's candidates for their answers."""
KINDS_WITH_PROBABILITIES = ("policy", "uniform", "checkpoint")
AT_LEAST = "≥"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploitability:
    """How exploitable one agent is: ``value`` exactly, or at least so much at ``confidence``, one-sided.

    ``low``, ``high``: where it lies; of a lower bound there is no upper end. Of lower bounds: ``exploiter``, the label of who showed
    it; ``method``; ``budget`` in words; ``matches``: fresh ones. ``computed_at`` in UTC, by ``computed_by``: process and device.
    """

    kind: Literal["exact", "lower bound"]
    value: float
    low: float
    high: float | None
    confidence: float | None
    exploiter: str | None
    method: str
    budget: str
    matches: int
    computed_at: str
    computed_by: str

    @property
    def shown(self) -> str:
        """``0.4583``, or ``≥ 0.4277``."""
        return exploitable_by(self.value) if self.kind == "exact" else f"{AT_LEAST} {exploitable_by(self.value)}"

    def sentence(self) -> str:
        """What it is and where it comes from."""
        when = f"computed {self.computed_at[:16].replace('T', ' ')} UTC on {self.computed_by}"
        if self.kind == "exact":
            return f"exact, by a best response on the whole game; {when}"
        by = f"by {self.exploiter} ({self.method}, {self.budget})"
        return f"with {100 * (self.confidence or 0):g} % confidence, one-sided, {by} in {self.matches:,} fresh matches; {when}"

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


Measured = Callable[[Ledger, str, Sequence[Tournament]], dict[str, Exploitability]]
"""Who says how exploitable the agents of these tournaments of a game are: `exploitabilities`, or whoever leaves something out of them."""


def exploitabilities(ledger: Ledger, game: str, tournaments: Sequence[Tournament]) -> dict[str, Exploitability]:
    """By label, for the agents of these tournaments of a game: exact where a job has computed it, or where they tell their
    probabilities and the game is open; else the newest lower bound that `arena exploit` has kept. The others are left out."""
    found, unmeasured = known_exploitabilities(ledger, game, tournaments)
    return found | measure(ledger, game, unmeasured)


def known_exploitabilities(
    ledger: Ledger, game: str, tournaments: Sequence[Tournament]
) -> tuple[dict[str, Exploitability], list[AgentVersion]]:
    """(as `exploitabilities`, without a process of an agent from elsewhere being started for it, the agents to `measure` for that)."""
    found: dict[str, Exploitability] = {}
    unmeasured: list[AgentVersion] = []
    bounds, exactly = newest(ledger, game, EXPLOIT_JOB), newest(ledger, game, EXACT_JOB)
    for agent in {agent.label: agent for one in tournaments for agent in one.agents}.values():
        exact = _exact(exactly[agent.id]) if agent.id in exactly else None
        if exact is None and agent.kind in KINDS_WITH_PROBABILITIES:
            with suppress(ArenaError):  # its file is lost, or no tier holds: that costs a board no more than this
                asked = game, playable(agent, ledger)
                if is_confined(agent) and asked not in _exact_values:
                    unmeasured.append(agent)
                else:
                    exact = _exactly(*asked)
        known = exact or (_bound(bounds[agent.id]) if agent.id in bounds else None)
        if known is not None:
            found[agent.label] = known
    return found, unmeasured


def measure(ledger: Ledger, game: str, agents: Sequence[AgentVersion]) -> dict[str, Exploitability]:
    """By label, exactly how exploitable these agents are, of those whose processes tell it; a failure of one counts until it is asked again."""
    found: dict[str, Exploitability] = {}
    for agent in agents:
        with _measuring, suppress(ArenaError):
            exact = _exactly(game, playable(agent, ledger))
            if exact is not None:
                found[agent.label] = exact
    return found


def values_of(known: Mapping[str, Exploitability], kind: Literal["exact", "lower bound"]) -> dict[str, float]:
    """The values of one kind by label, as tables for programs hold them: a column a kind."""
    return {agent: one.value for agent, one in known.items() if one.kind == kind}


def beaten_by(matrix: Matrix, known: Mapping[str, Exploitability]) -> dict[str, tuple[str, ...]]:
    """By label: the exploiter that shows that it can be beaten, and who on the ladder scores more than half against it.

    With 95 % confidence, each pair for itself.
    """
    found: dict[str, tuple[str, ...]] = {}
    surely = matrix.low > EVEN
    np.fill_diagonal(surely, False)
    for column, agent in enumerate(matrix.agents):
        winners = [matrix.agents[row] for row in np.flatnonzero(surely[:, column]).tolist()]
        bound = known.get(agent)
        if bound is not None and bound.exploiter is not None and bound.low > 0 and bound.exploiter not in winners:
            winners.insert(0, bound.exploiter)
        if winners:
            found[agent] = tuple(winners)
    return found


def _bound(row: JobRow) -> Exploitability | None:
    """What a job found, read with care: a ledger comes from anywhere."""
    result = row.result or {}
    if result.get("kind") != "lower bound":
        return None
    budget = result["budget"]
    assert isinstance(budget, dict)
    value = float(str(result["value"]))
    return Exploitability(
        kind="lower bound",
        value=value,
        low=value,
        high=None,
        confidence=float(str(result["confidence"])),
        exploiter=None if result["exploiter"] is None else str(result["exploiter"]),
        method=str(result["method"]),
        budget=f"{int(str(budget['spent'])):,} of {int(str(budget['allowed'])):,} {budget['unit']}",
        matches=int(str(result["matches"])),
        computed_at=row.finished_at or "",
        computed_by=row.worker or "",
    )


def _exact(row: JobRow) -> Exploitability | None:
    """What a job computed, read with care."""
    value = (row.result or {}).get("exploitability")
    return _exact_value(value, row.finished_at or "", row.worker or "") if isinstance(value, float) else None


def _exact_value(value: float, computed_at: str, computed_by: str) -> Exploitability:
    return Exploitability(
        kind="exact",
        value=value,
        low=value,
        high=value,
        confidence=None,
        exploiter=None,
        method="exact",
        budget="",
        matches=0,
        computed_at=computed_at,
        computed_by=computed_by,
    )


_measuring = threading.Lock()
"""Held while the process of an agent from elsewhere is asked: two who want the same have it once, and all together take one core."""
_exact_values: dict[tuple[str, str], Exploitability | None] = {}
"""By game and specification: a stored policy's path holds its content's hash, so the value never changes, nor that there is none."""


def _exactly(game: str, specification: str) -> Exploitability | None:
    """None where it tells no probabilities, or the game is too large.

    Raises:
        AgentFault, BrokenReader, SandboxUnavailable: the process that reads it died, or does not start: not now.
    """
    asked = game, specification
    if asked not in _exact_values:
        _exact_values[asked] = _computed(game, specification)
    return _exact_values[asked]


def _computed(game: str, specification: str) -> Exploitability | None:
    try:
        loaded = load_game(game)
        agent = load_agent(specification, game=loaded)
        try:
            policy = measurable(agent)
            if policy is None:
                return None
            value = float(exploitability(loaded, policy))
        finally:
            close_agents([agent])
    except (AgentFault, BrokenReader, SandboxUnavailable):
        raise
    except ArenaError:
        return None
    return _exact_value(value, datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"), worker_name())
