"""Robust policies by a curriculum of rationality: the protagonist meets an adversary that grows from random to rational.

The protagonist (player 0) and the adversary (player 1) of a zero-sum Markov game are paid for entropy, at temperatures β,
small and fixed, and α, which a curriculum brings down. At each α the quantal response equilibrium of the regularised game

    max_μ min_ν  E Σ_t γᵗ [ r_t + β H(μ(·|s_t)) − α H(ν(·|s_t)) ]

is solved exactly, by soft value iteration from the last one on. (Reddi et al. approach it by soft actor-critic learning on
continuous tasks; tables need no sampling.) α comes from one of three curricula:

    gamma   α ~ Gamma(k, rate); the teacher of `arena.solvers.gamma_curriculum` moves k to its target while the returns that
            the protagonist earns at the α drawn stay at `threshold`; the answer is that of the mean, k / rate
    point   α = k / rate, k moved in the same way, and held where the return at α falls short of `threshold`
    linear  α falls from the first mean to the last in equal steps, over the first two thirds of the updates

With n and m actions the protagonist's worst return is within (α log n + β log m) Σ_t γᵗ of the game's value.

Source: Reddi, Tölle, Peters, Chalvatzaki and D'Eramo, Robust adversarial reinforcement learning via bounded rationality
curricula, ICLR 2024, arXiv:2311.01642.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.games.policy import TabularPolicy
from arena.solvers.checkpoint import State
from arena.solvers.gamma_curriculum import (
    MAX_DIVERGENCE,
    RATE,
    START,
    TARGET,
    UPDATES,
    linear_temperatures,
    next_shape,
    taught_shape,
)
from arena.solvers.iteration import Run, iterate
from arena.solvers.markov_measures import markov_measures, profile_of, uniform_profile
from arena.solvers.markov_soft_values import soft_equilibrium, soft_start, soft_strategies
from arena.solvers.markov_solution import markov_solution, markov_subject, zero_sum_markov_game
from arena.solvers.nash_value_iteration import nash_value_iteration
from arena.solvers.solution import Progress, Setting, Solution

DEFAULT_ITERATIONS = 100
RATIONAL_TOLERANCE = 1e-9  # of the range of returns: how well the adversary that measures the gap plays
SOURCE = "Reddi et al. 2024, arXiv:2311.01642"

CurriculumName = Literal["gamma", "point", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curriculum:
    name: CurriculumName
    shape: float
    target: float
    rate: float
    max_divergence: float
    threshold: float | None
    updates: int
    protagonist: float

    def settings(self) -> dict[str, Setting]:
        return {
            "curriculum": self.name,
            "shape": self.shape,
            "target": self.target,
            "rate": self.rate,
            "max_divergence": self.max_divergence,
            "threshold": self.threshold,
            "updates": self.updates,
            "protagonist_temperature": self.protagonist,
        }


def qarl(
    game: Game,
    *,
    curriculum: CurriculumName = "gamma",
    shape: float = START,
    target: float = TARGET,
    rate: float = RATE,
    max_divergence: float = MAX_DIVERGENCE,
    threshold: float | None = None,
    updates: int = UPDATES,
    protagonist_temperature: float | None = None,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The quantal response equilibrium at the end of a curriculum, with the exact gap of the protagonist's worst case.

    ``gap`` (``worst_case_gap``) is how much the protagonist's return against its best adversary falls short of what a best
    response earns against the rational adversary of `nash_value_iteration`: at least by how much it falls short of the
    game's value, and 0 exactly for a maximin policy. Iteration 1 is the equilibrium at the first temperature, each further
    one an update of the curriculum; the run ends at its last temperature. ``settings["residual"]`` is how far the answer is
    from the equilibrium at ``settings["temperature"]``, as of `soft_equilibrium`.

    Source: see the module.

    Args:
        game: a two-player zero-sum `MarkovGame`, or a zero- or constant-sum game in normal form. Player 0 is the protagonist.
        curriculum: ``gamma``, ``point`` or ``linear``; see the module.
        shape: k at first.
        target: k at the end.
        rate: of the gamma distribution: temperatures have the mean k / rate, in units of reward.
        max_divergence: the most that an update moves the distribution by, in nats.
        threshold: the (discounted) return that the protagonist must keep up for the curriculum to move; None = whatever.
        updates: of the linear curriculum.
        protagonist_temperature: β, above 0; by default target / rate, the adversary's at the end.
        iterations: the most that are done, by default 100.
        until: stop once the gap is at most this.
        seed: of the temperatures that are drawn for a threshold.
        progress: called with (iterations, gap) after each.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then and at the end.

    Raises:
        NotProvided: another game.
        SpecificationError: the checkpoint is of something else, or no checkpoint.
        ValueError: a setting outside its range.
    """
    if curriculum not in ("gamma", "point", "linear"):
        raise ValueError(f"curriculum must be gamma, point or linear; got {curriculum!r}")
    for name, value in (("shape", shape), ("target", target), ("rate", rate), ("max_divergence", max_divergence)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite; got {value}")
    protagonist = target / rate if protagonist_temperature is None else protagonist_temperature
    if not 0 < protagonist < math.inf or updates < 1:
        raise ValueError(f"protagonist_temperature and updates must be positive; got {protagonist} and {updates}")
    if threshold is not None and (curriculum == "linear" or not math.isfinite(threshold)):
        raise ValueError(f"a threshold is a finite return, and of the curricula gamma and point; got {threshold}")
    markov = zero_sum_markov_game(game, "qarl")
    teaching = _Curriculum(
        name=curriculum,
        shape=shape,
        target=target,
        rate=rate,
        max_divergence=max_divergence,
        threshold=threshold,
        updates=updates,
        protagonist=protagonist,
    )
    state: State = {"clock": np.zeros(1, np.int64), "shape": np.array([shape]), **soft_start(markov)}
    rational = nash_value_iteration(markov, until=RATIONAL_TOLERANCE * _span(markov))
    assert isinstance(rational.policy, TabularPolicy)
    adversary = profile_of(markov, rational.policy)[1]
    best = float(markov_measures(markov, (uniform_profile(markov)[0], adversary)).responses[0])

    def advance(count: int) -> None:
        for _ in range(count):
            state.update(_iterated(markov, teaching, state, seed))

    def gap() -> float:
        worst = -float(markov_measures(markov, soft_strategies(state)).responses[1])
        return max(best - worst, 0.0)

    run = Run(
        subject=markov_subject(markov, "qarl", {**teaching.settings(), "seed": seed}),
        state=state,
        advance=advance,
        gap=gap,
        measure_growth=1.0,
        finished=lambda: _is_finished(teaching, state),
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    return markov_solution(
        game,
        markov,
        soft_strategies(state),
        gap=history[-1][1],
        gap_kind="worst_case_gap",
        until=until,
        guarantee="the gap is at most (temperature x log actions of the adversary, plus the protagonist's) x discounted length, "
        "up to the residual",
        iterations=run.iterations,
        history=history,
        settings={
            **teaching.settings(),
            "iterations": iterations,
            "until": until,
            "seed": seed,
            "temperature": _temperature(teaching, state),
            "residual": float(state["residual"][0]),
        },
        source=SOURCE,
    )


def _iterated(game: MarkovGame, teaching: _Curriculum, state: State, seed: int) -> State:
    """The state after one more iteration, in arrays of its own."""
    clock, shape = int(state["clock"][0]), float(state["shape"][0])
    if clock and teaching.name != "linear":
        shape = _taught(game, teaching, state, seed)
    after: State = {"clock": state["clock"] + 1, "shape": np.array([shape])}
    return after | _equilibrium(game, teaching, state, _temperature(teaching, after))


def _taught(game: MarkovGame, teaching: _Curriculum, state: State, seed: int) -> float:
    """The shape after an update of the teacher."""
    shape, threshold = float(state["shape"][0]), teaching.threshold
    if teaching.name == "point":
        if threshold is not None and _earned(game, state) < threshold:
            return shape
        return next_shape(shape, target=teaching.target, max_divergence=teaching.max_divergence, rate=teaching.rate)
    return taught_shape(
        shape,
        lambda temperature: _earned(game, _equilibrium(game, teaching, state, temperature)),
        target=teaching.target,
        max_divergence=teaching.max_divergence,
        rate=teaching.rate,
        threshold=threshold,
        seed=seed,
        update=int(state["clock"][0]),
    )


def _temperature(teaching: _Curriculum, state: State) -> float:
    """The adversary's temperature that a state is the equilibrium of."""
    if teaching.name != "linear":
        return float(state["shape"][0]) / teaching.rate
    first, last = teaching.shape / teaching.rate, teaching.target / teaching.rate
    temperatures = linear_temperatures(first, last, teaching.updates + 1)
    return float(temperatures[min(max(int(state["clock"][0]) - 1, 0), teaching.updates)])


def _is_finished(teaching: _Curriculum, state: State) -> bool:
    done = int(state["clock"][0])
    if teaching.name == "linear":
        return done > teaching.updates
    return done > 0 and float(state["shape"][0]) == teaching.target


def _equilibrium(game: MarkovGame, teaching: _Curriculum, state: State, temperature: float) -> State:
    return soft_equilibrium(game, state, row_temperature=teaching.protagonist, column_temperature=temperature)


def _earned(game: MarkovGame, state: State) -> float:
    return float(markov_measures(game, soft_strategies(state)).returns[0])


def _span(game: MarkovGame) -> float:
    """The range of rewards, 1 where all are the same."""
    return float(np.ptp(game.rewards[0])) or 1.0
