"""The run of a learner on preferences: queries are asked and counted, gaps measured, and a solution made of where it ends.

Tables of several contexts are learned at once: all arrays have an axis of contexts in front, of length 1 where there is but
one table. Contexts know nothing of one another; one whose gap is small enough is left where it is and asks no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.preference_rates import require_flip_rate
from arena.solvers.checkpoint import State, Subject, fingerprint
from arena.solvers.iteration import MEASURE_GROWTH, Run, iterate, next_measurement
from arena.solvers.preference_mirror import (
    Array,
    mirror_step,
    most_beaten,
    preference_matrix,
    reference_logs,
    reply_gain,
)
from arena.solvers.preference_queries import Contexts, WinRates, exact_rates
from arena.solvers.solution import Progress, Setting, Solution

REGULARISED = "regularised_exploitability"
UNREGULARISED = "exploitability"
UNKNOWN = float(np.finfo(np.float64).max)
"""The gap of a context that was not measured yet, as checkpoints hold numbers alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """What a learner is given: who answers about preferences [contexts, n, n], and log μ [contexts, n].

    ``by_context``: whether the preferences came with an axis of contexts.
    """

    rates: WinRates
    reference: Array = field(repr=False)
    by_context: bool

    @property
    def size(self) -> int:
        return int(self.reference.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turn:
    """An iteration in the k contexts that are at work.

    ``state``: arrays [k, ...] by name, ``logs`` [k, n] among them: log π. ``reference`` [k, n]: log μ. ``done`` [k, 1]:
    iterations done. ``query``: u [k, n] against the policies of logarithms [k, n].
    """

    state: State
    reference: Array
    done: NDArray[np.int64]
    query: Callable[[Array], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """A method, which begins at the reference.

    ``update``: the arrays of the state that an iteration changes. ``queries``: how many it asks in a context. ``more``: arrays
    [contexts, ...] by name that the state has beside ``logs``. ``averaged``: the answer is the average of the policies that
    iterations began with, not the last one. ``covered``: whether theory says that the gap goes to 0, as ``guarantee`` words it.
    ``settings``: those that decide the iterates. ``default``: how many iterations are done where nobody says.
    """

    method: str
    update: Callable[[Turn], State]
    queries: int = 1
    more: State = field(default_factory=dict, repr=False)
    beta: float
    averaged: bool = False
    covered: bool
    guarantee: str
    settings: Mapping[str, Setting]
    default: int
    source: str

    @property
    def gap_kind(self) -> str:
        """What the gap is: where nothing is charged, by how much the best candidate beats the answer."""
        return UNREGULARISED if self.averaged or self.beta == 0 else REGULARISED


def preference_problem(
    preferences: ArrayLike,
    reference: Sequence[float] | Array | None = None,
    *,
    samples: int | None,
    flip_rate: float,
    seed: int,
) -> Problem:
    """The preferences and the reference as learners take them, checked.

    Raises:
        SpecificationError: preferences that are no such tables.
        ValueError: a reference that is none, a number of samples below 1, a flip rate outside [0, 1/2), or one without samples.
    """
    given = preference_matrix(preferences, shared=True)
    tables = given.reshape(-1, *given.shape[-2:])
    by_context = given.ndim == 3
    logs = reference_logs(reference, tables.shape[-1], len(tables) if by_context else None)
    if samples is not None and samples < 1:
        raise ValueError(f"samples must be at least 1, or None for exact win rates; got {samples}")
    rate = require_flip_rate(flip_rate)
    if rate and samples is None:
        raise ValueError("flip_rate is of a judge who is asked: give samples too")
    rates = WinRates(preferences=tables, samples=samples, flip_rate=rate, seed=seed)
    return Problem(rates=rates, reference=logs.reshape(tables.shape[:2]), by_context=by_context)


def hedge_self_play(*, method: str, step: float, guarantee: str, default: int, source: str) -> Learner:
    """Hedge against itself, log π_next = log π + step · P π + constant; its average is the answer."""

    def update(turn: Turn) -> State:
        logs = turn.state["logs"]
        return {"logs": mirror_step(logs, turn.query(logs), turn.reference, rate=step, beta=0.0)}

    return Learner(
        method=method,
        update=update,
        beta=0.0,
        averaged=True,
        covered=True,
        guarantee=guarantee,
        settings={"step": step},
        default=default,
        source=source,
    )


def learn(
    learner: Learner,
    problem: Problem,
    *,
    iterations: int | None,
    until: float | None,
    progress: Progress | None,
    checkpoint: str | Path | None,
) -> Solution:
    """The solution where the learner ends, the same policy for both players.

    The gap is measured on the preferences themselves, exact even where the learner sees samples, and is no query.
    """
    desk = _Desk(learner=learner, problem=problem, until=until)
    rates, state = problem.rates, desk.state
    exact = rates.samples is None
    sampling: dict[str, Setting] = {"samples": rates.samples, "flip_rate": rates.flip_rate, "seed": rates.seed}
    run = Run(
        subject=Subject(
            method=learner.method,
            game="preferences",
            fingerprint="" if checkpoint is None else fingerprint((rates.preferences, problem.reference)),
            settings={**learner.settings, **({} if exact else sampling)},
        ),
        state=state,
        advance=desk.advance,
        gap=lambda: float(desk.gaps().max()),
    )
    history = iterate(
        run, iterations=iterations, until=until, default=learner.default, progress=progress, checkpoint=checkpoint
    )
    every = np.arange(len(problem.reference))
    gaps, policies = desk.gaps(), desk.answers(every)
    policies /= policies.sum(axis=-1, keepdims=True)
    exploitability = most_beaten(desk.rates(every))
    queries = learner.queries * int(state["clocks"].sum())
    shown = policies if problem.by_context else policies[0]
    told: dict[str, Setting] = {"contexts": len(gaps), "mean_gap": float(gaps.mean())}
    return Solution(
        strategies=(shown, shown),
        gap=float(gaps.max()),
        gap_kind=learner.gap_kind,
        values=(0.0, 0.0),
        converged=exact and learner.covered and until is not None and bool(gaps.max() <= until),
        guarantee=learner.guarantee if exact else "none: preferences are sampled; the gap says how near the policy is",
        iterations=run.iterations,
        history=history,
        context_gaps=gaps if problem.by_context else None,
        settings={
            "iterations": iterations,
            "until": until,
            **learner.settings,
            **sampling,
            "queries": queries,
            "comparisons": queries * rates.comparisons,
            "exploitability": float(exploitability.max()),
            **(told if problem.by_context else {}),
        },
        source=learner.source,
    )


@dataclass(slots=True, kw_only=True, eq=False)
class _Desk:
    """A learner at work: its state, and what is known exactly of its answers.

    ``state``: ``logs`` [c, n], ``clocks`` [c] iterations done in each context, ``gaps`` [c] as last measured, ``clock`` [1].
    ``known`` [c, n]: P π of the answer after ``known_at`` [c] iterations. ``fresh``: whether that is now, in all contexts at work.
    """

    learner: Learner
    problem: Problem
    until: float | None
    state: State = field(init=False)
    known: Array = field(init=False)
    known_at: NDArray[np.int64] = field(init=False)
    fresh: bool = False

    def __post_init__(self) -> None:
        reference = self.problem.reference
        self.state = {"logs": reference.copy(), **self.learner.more}
        if self.learner.averaged:
            self.state["sums"] = np.zeros_like(reference)
        self.state["clocks"] = np.zeros(len(reference), np.int64)
        self.state["gaps"] = np.full(len(reference), UNKNOWN)
        self.state["clock"] = np.zeros(1, np.int64)
        self.known, self.known_at = np.empty_like(reference), np.full(len(reference), -1)

    def open(self) -> Contexts:
        """The contexts that are not good enough yet."""
        if self.until is None:
            return np.arange(len(self.state["gaps"]))
        return np.flatnonzero(self.state["gaps"] > self.until)

    def advance(self, more: int) -> None:
        contexts = self.open()
        whole = len(contexts) == len(self.state["clocks"])
        reference = self.problem.reference if whole else self.problem.reference[contexts]
        for _ in range(more):
            part = {name: array if whole else array[contexts] for name, array in self.state.items() if name != "clock"}
            changed = self.learner.update(self._turn(part, reference, contexts))
            if self.learner.averaged:
                changed["sums"] = part["sums"] + np.exp(part["logs"])
            changed["clocks"] = part["clocks"] + 1
            grown = changed if whole else {name: self._placed(name, contexts, new) for name, new in changed.items()}
            self.fresh = False
            self.state.update(grown, clock=self.state["clock"] + 1)

    def gaps(self) -> Array:
        """The gap [c] in each context, exactly; contexts that are good enough keep theirs.

        What is measured at the end of a run alone closes no context: a longer one does not measure there.
        """
        contexts, found = self.open(), self.state["gaps"].copy()
        rates = self.rates(contexts)
        if self.learner.gap_kind == UNREGULARISED:
            found[contexts] = most_beaten(rates)
        else:
            logs, reference = self.state["logs"][contexts], self.problem.reference[contexts]
            found[contexts] = reply_gain(rates, logs, reference, self.learner.beta)
        self.fresh = True
        done = int(self.state["clock"][0])
        if next_measurement(done - 1, MEASURE_GROWTH) == done:
            self.state["gaps"] = found
        return found

    def rates(self, contexts: Contexts) -> Array:
        """P π [k, n] of the answers, which is multiplied once."""
        unknown = contexts[self.known_at[contexts] != self.state["clocks"][contexts]]
        if len(unknown):
            self.known[unknown] = exact_rates(self.problem.rates.preferences, self.answers(unknown), unknown)
            self.known_at[unknown] = self.state["clocks"][unknown]
        return self.known[contexts]

    def answers(self, contexts: Contexts) -> Array:
        """The policies [k, n] of these contexts; they add up to 1 but for rounding."""
        policies: Array = np.exp(self.state["logs"][contexts])
        if self.learner.averaged:
            done = self.state["clocks"][contexts, None]
            policies = np.where(done > 0, self.state["sums"][contexts] / np.maximum(done, 1), policies)
        return policies

    def _turn(self, part: State, reference: Array, contexts: Contexts) -> Turn:
        numbers, queries, rates = count(), self.learner.queries, self.problem.rates
        measured = self.fresh and rates.samples is None and not self.learner.averaged

        def query(logs: Array) -> Array:
            number = next(numbers)
            if measured and number == 0 and np.array_equal(logs, part["logs"]):  # the answer that was just measured
                return self.known[contexts]
            return rates.of(np.exp(logs), contexts, part["clocks"] * queries + number)

        return Turn(state=part, reference=reference, done=part["clocks"][:, None], query=query)

    def _placed(self, name: str, contexts: Contexts, new: Array) -> Array:
        array: Array = self.state[name].copy()
        array[contexts] = new
        return array


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
