"""Conformance of an agent on a hosted game: it plays a short match twice, and what is wrong with it is said in words.

Such an agent answers no questions of the engine: it is a program in a match of the game's own, so a match is what it is tried in.
"""

from __future__ import annotations

import json
from typing import Any

from arena.agents import Finding
from arena.agents.hosted import HostedAgent
from arena.games.hosted import HostedGame
from arena.hosted import FACTS
from arena.match import Clock
from arena.playing import play
from arena.results import NOBODY, MatchResults, Termination


def check_hosted(agent: HostedAgent, game: HostedGame, *, seed: int = 0, limit_s: float = 10.0) -> list[Finding]:
    """What is right and wrong with an agent: does it play a match to its end, in time, and the same one again.

    Args:
        agent: it stays open.
        game: what it plays, shortened, and against whom the game itself says: `HostedGame.trial`.
        seed: of the match, which is played twice.
        limit_s: seconds for one step.
    """
    short, others = game.trial(agent.player)
    clock = Clock(move_s=limit_s)
    first = play(short, [agent, *others], seed=seed, clock=clock)
    plays = _plays(first, others)
    if not plays.passed:
        return [plays]
    again = play(short, [agent, *others], seed=seed, clock=clock)
    steps = _facts(first)["players"].get(agent.info.name)
    speed = [] if steps is None else [_speed(steps, limit_s)]
    return [plays, *speed, _repeats(first, again, claimed=agent.info.deterministic)]


def _plays(results: MatchResults, others: tuple[str, ...]) -> Finding:
    if results.termination[0] == Termination.INFRASTRUCTURE or results.forfeit[0] != NOBODY:
        return Finding(name="plays", passed=False, message=results.faults[-1].message)
    against = f" against {', '.join(others)}" if others else ""
    loops, paid = _facts(results)["game_loops"], results.returns[0, 0]
    return Finding(
        name="plays", passed=True, message=f"a match{against} of {loops:,} game loops, which paid it {paid:g}"
    )


def _speed(steps: dict[str, float], limit_s: float) -> Finding:
    mean, slowest = steps["average_step_s"], steps["slowest_step_s"]
    said = f"{steps['steps']:,} steps, on average {mean:.3g} s, the slowest {slowest:.3g} s; allowed {limit_s:g} s"
    return Finding(name="speed", passed=slowest <= limit_s, message=said)


def _repeats(first: MatchResults, again: MatchResults, *, claimed: bool) -> Finding:
    if first.equals(again) and _facts(first)["game_loops"] == _facts(again)["game_loops"]:
        return Finding(
            name="repeats", passed=True, message="the same seeds gave the same returns after as many game loops"
        )
    said = "the same seeds gave another match"
    return Finding(
        name="repeats", passed=not claimed, message=said + (", and it says that it repeats" if claimed else "")
    )


def _facts(results: MatchResults) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(next(file.content for file in results.files if file.name == FACTS))
    return facts
