"""The run of a learner on preferences: queries are asked and counted, gaps measured, and a solution made of where it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np

from arena.solvers.checkpoint import State, Subject, fingerprint
from arena.solvers.iteration import Run, iterate
from arena.solvers.preference_mirror import (
    Array,
    WinRates,
    mirror_step,
    regularised_exploitability,
    win_rate_exploitability,
)
from arena.solvers.solution import Progress, Setting, Solution

Query = Callable[[Array], Array]
"""u [n] against the policy of these logarithms [n]."""
Update = Callable[[State, Query, int], State]
"""The arrays of the state that an iteration changes, of (state, query, iterations done)."""

REGULARISED = "regularised_exploitability"
UNREGULARISED = "exploitability"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """A method at work on a matrix P [n, n].

    ``state``: arrays by name before the first iteration, ``logs`` [n] among them: log π. ``queries``: how many an iteration
    asks. ``averaged``: the answer is the average of the policies that iterations began with, not the last one.
    ``covered``: whether theory says that the gap goes to 0, as ``guarantee`` words it. ``settings``: those that decide the
    iterates.
    """

    method: str
    state: State = field(repr=False)
    update: Update
    queries: int
    reference: Array = field(repr=False)
    beta: float
    averaged: bool = False
    covered: bool
    guarantee: str
    settings: Mapping[str, Setting]
    source: str


def hedge_self_play(*, method: str, start: Array, step: float, guarantee: str, source: str) -> Learner:
    """Hedge against itself from log π = `start` [n], log π_next = log π + step · P π + constant; its average is the answer."""

    def update(state: State, query: Query, _: int) -> State:
        return {"logs": mirror_step(state["logs"], query(state["logs"]), start, rate=step, beta=0.0)}

    return Learner(
        method=method,
        state={"logs": start.copy()},
        update=update,
        queries=1,
        reference=start,
        beta=0.0,
        averaged=True,
        covered=True,
        guarantee=guarantee,
        settings={"step": step},
        source=source,
    )


def learn(
    learner: Learner,
    rates: WinRates,
    *,
    iterations: int | None,
    until: float | None,
    default: int,
    progress: Progress | None,
    checkpoint: str | Path | None,
) -> Solution:
    """The solution where the learner ends, the same policy for both players.

    The gap is measured on the preferences themselves, exact even where the learner sees samples, and is no query.
    """
    matrix, state = rates.preferences, learner.state
    state["clock"] = np.zeros(1, np.int64)
    if learner.averaged:
        state["sums"] = np.zeros_like(state["logs"])

    def advance(more: int) -> None:
        for _ in range(more):
            done = int(state["clock"][0])
            numbers = count(done * learner.queries)
            changed = learner.update(state, lambda logs, numbers=numbers: rates.of(logs, next(numbers)), done)  # type: ignore[misc]  # the lambda's default
            if learner.averaged:
                changed["sums"] = state["sums"] + np.exp(state["logs"])
            state.update(changed, clock=np.array([done + 1]))

    def answer() -> Array:
        if learner.averaged and state["clock"][0]:
            mean: Array = state["sums"] / state["sums"].sum()
            return mean
        policy: Array = np.exp(state["logs"])
        policy /= policy.sum()
        return policy

    def gap() -> float:
        if learner.averaged or learner.beta == 0:
            return float(win_rate_exploitability(matrix, answer()))
        return float(regularised_exploitability(matrix, state["logs"], learner.reference, learner.beta))

    sampling: dict[str, Setting] = {"samples": rates.samples, "noise": rates.noise, "seed": rates.seed}
    run = Run(
        subject=Subject(
            method=learner.method,
            game="preferences",
            fingerprint=fingerprint((matrix, learner.reference)),
            settings={**learner.settings, **(sampling if rates.samples is not None else {})},
        ),
        state=state,
        advance=advance,
        gap=gap,
    )
    history = iterate(
        run, iterations=iterations, until=until, default=default, progress=progress, checkpoint=checkpoint
    )
    policy, reached = answer(), gap()
    exact = rates.samples is None
    queries = run.iterations * learner.queries
    return Solution(
        strategies=(policy, policy),
        gap=reached,
        gap_kind=UNREGULARISED if learner.averaged or learner.beta == 0 else REGULARISED,
        values=(0.0, 0.0),
        converged=exact and learner.covered and until is not None and reached <= until,
        guarantee=learner.guarantee if exact else "none: preferences are sampled; the gap says how near the policy is",
        iterations=run.iterations,
        history=history,
        settings={
            "iterations": iterations,
            "until": until,
            **learner.settings,
            **sampling,
            "queries": queries,
            "comparisons": queries * rates.comparisons,
            "exploitability": float(win_rate_exploitability(matrix, policy)),
        },
        source=learner.source,
    )


def asked(preferences: Array, *, samples: int | None, noise: float, seed: int) -> WinRates:
    """How a learner asks for win rates.

    Raises:
        ValueError: a number of samples below 1, a noise outside [0, 1/2), or noise without samples.
    """
    if samples is not None and samples < 1:
        raise ValueError(f"samples must be at least 1, or None for exact win rates; got {samples}")
    if not 0 <= noise < 0.5:
        raise ValueError(f"noise must be from 0 to below 1/2, where a judge says nothing; got {noise}")
    if noise and samples is None:
        raise ValueError("noise is a judge's who is asked: give samples too")
    return WinRates(preferences=preferences, samples=samples, noise=float(noise), seed=seed)


def require_beta(beta: float, *, least: str = "above 0") -> float:
    """β as a float.

    Raises:
        ValueError: not a finite number in its range.
    """
    if not np.isfinite(beta) or beta < 0 or (beta == 0 and least == "above 0"):
        raise ValueError(f"beta must be finite and {least}; got {beta}")
    return float(beta)


def require_step(step: float, name: str = "step") -> float:
    """A step as a float.

    Raises:
        ValueError: not positive and finite.
    """
    if not 0 < step < np.inf:
        raise ValueError(f"{name} must be positive and finite; got {step}")
    return float(step)
