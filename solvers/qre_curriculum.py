"""A curriculum of rationality: quantal response equilibria at temperatures that fall, down to nearly a Nash equilibrium.

At high temperatures play is nearly random and easy to solve; each equilibrium is where the search for the next one begins. The
temperatures are those of a schedule:

    gamma      α = k / rate, k moved by the teacher of `arena.solvers.gamma_curriculum` from first · rate to last · rate, by at
               most `max_divergence` nats an update; and, where a `threshold` is set, only as far as player 0 keeps earning it
               at the temperatures drawn from Gamma(k, rate)
    geometric  each temperature is the same share of the one before
    linear     temperatures fall in equal steps

Source: McKelvey and Palfrey 1995 (the limit of quantal responses is a Nash equilibrium); Reddi et al., Robust adversarial
reinforcement learning via bounded rationality curricula, ICLR 2024, arXiv:2311.01642 (the teacher).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers.checkpoint import State, Subject
from arena.solvers.gamma_curriculum import MAX_DIVERGENCE, RATE, START, TARGET, UPDATES, taught_shape
from arena.solvers.iteration import Run, iterate
from arena.solvers.qre_paths import SETTLED, QuantalPath, quantal_path
from arena.solvers.solution import Progress, Setting, Solution

DEFAULT_ITERATIONS = 100
SOURCE = "McKelvey and Palfrey 1995, doi:10.1006/game.1995.1023; Reddi et al. 2024, arXiv:2311.01642"

Schedule = Literal["gamma", "geometric", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teaching:
    schedule: Schedule
    first: float
    last: float
    updates: int
    rate: float
    max_divergence: float
    threshold: float | None

    def settings(self) -> dict[str, Setting]:
        told: dict[str, Setting] = {"schedule": self.schedule, "first": self.first, "last": self.last}
        if self.schedule != "gamma":
            return {**told, "updates": self.updates}
        return {**told, "rate": self.rate, "max_divergence": self.max_divergence, "threshold": self.threshold}


def qre_curriculum(
    game: Game | GameTree,
    *,
    schedule: Schedule = "gamma",
    first: float = START / RATE,
    last: float = TARGET / RATE,
    updates: int = UPDATES,
    rate: float = RATE,
    max_divergence: float = MAX_DIVERGENCE,
    threshold: float | None = None,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The quantal response equilibrium at the end of a curriculum, with its NashConv.

    Of games in normal form these are logit quantal responses, of trees agent quantal responses, of Markov games logit Markov
    quantal responses, and of zero-sum Markov games those of the game in which both players are paid for entropy. Iteration 1
    is the equilibrium at the first temperature, each further one an update of the schedule. ``history`` holds (iteration,
    NashConv), ``branch`` (1 / temperature, strategies) of the same iterations, strategies only where everybody chooses once.

    In any of these games NashConv at a temperature is at most the temperature times the entropies that the players' choices
    can add up to on their way, and so falls to 0 with it. What has to be watched is whether the equilibria were found:
    ``settings["residual"]`` is how far the answer is from the one at ``settings["temperature"]``.

    Source: see the module.

    Args:
        game: a game in normal form, one that `compile_tree` takes, a tree, or a Markov game.
        schedule: ``gamma``, ``geometric`` or ``linear``; see the module.
        first: the temperature at the beginning, in units of payoff; by default 0.05.
        last: the temperature at the end, by default 0.001.
        updates: of the geometric and linear schedules, how many follow the first temperature.
        rate: of the gamma distributions, in 1 / units of payoff: the larger, the narrower they are and the more updates.
        max_divergence: the most that an update of the gamma schedule moves the distribution by, in nats.
        threshold: of the gamma schedule: the return that player 0 must keep up for it to move; None = whatever.
        iterations: the most that are done, by default 100.
        until: stop once NashConv is at most this.
        seed: of the temperatures that are drawn for a threshold.
        progress: called with (iterations, NashConv) after each.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then and at the end.

    Raises:
        NotProvided: another game, or one too large.
        SpecificationError: the checkpoint is of something else, or no checkpoint.
        ValueError: a setting outside its range.
    """
    if schedule not in ("gamma", "geometric", "linear"):
        raise ValueError(f"schedule must be gamma, geometric or linear; got {schedule!r}")
    for name, value in (("first", first), ("last", last), ("rate", rate), ("max_divergence", max_divergence)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite; got {value}")
    if updates < 1:
        raise ValueError(f"updates must be positive; got {updates}")
    if threshold is not None and (schedule != "gamma" or not math.isfinite(threshold)):
        raise ValueError(f"a threshold is a finite return, and of the schedule gamma; got {threshold}")
    path = quantal_path(game, "qre_curriculum")
    teaching = _Teaching(
        schedule=schedule,
        first=first,
        last=last,
        updates=updates,
        rate=rate,
        max_divergence=max_divergence,
        threshold=threshold,
    )
    state: State = {"clock": np.zeros(1, np.int64), "shape": np.array([first * rate]), **path.begin()}
    sizes = [len(own) for own in path.strategies(state)]
    state |= {"temperatures": np.zeros(0), "course": np.zeros((0, sum(sizes)))}

    def advance(count: int) -> None:
        for _ in range(count):
            state.update(_iterated(path, teaching, state, seed))

    run = Run(
        subject=Subject(
            method="qre_curriculum",
            game=game.specification if isinstance(game, GameTree) else game.info.specification,
            fingerprint=path.fingerprint,
            settings={**teaching.settings(), "seed": seed},
        ),
        state=state,
        advance=advance,
        gap=lambda: path.measured(state)[0],
        growing=frozenset({"temperatures", "course"}),
        measure_growth=1.0,
        finished=lambda: _is_finished(teaching, state),
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    gap, values = path.measured(state)
    residual, temperature = float(state["residual"][0]), float(state["temperatures"][-1])
    return Solution(
        policy=path.policy(state),
        strategies=path.strategies(state),
        gap=gap,
        gap_kind="nash_conv",
        values=values,
        converged=until is not None and gap <= until and residual <= SETTLED,
        guarantee="a quantal response equilibrium up to the residual: NashConv is of the order of the temperature",
        iterations=run.iterations,
        history=history,
        branch=tuple(
            (1 / float(at), tuple(np.split(row, np.cumsum(sizes)[:-1])) if sizes else ())
            for at, row in zip(state["temperatures"], state["course"], strict=True)
        ),
        settings={
            **teaching.settings(),
            "iterations": iterations,
            "until": until,
            "seed": seed,
            "temperature": temperature,
            "residual": residual,
        },
        source=SOURCE,
    )


def _iterated(path: QuantalPath, teaching: _Teaching, state: State, seed: int) -> State:
    """The state after one more iteration, in arrays of its own."""
    clock = int(state["clock"][0])
    shape = float(state["shape"][0])
    if teaching.schedule == "gamma":
        if clock:
            shape = _taught(path, teaching, state, seed)
        temperature = shape / teaching.rate
    elif teaching.schedule == "geometric":
        temperature = teaching.first * (teaching.last / teaching.first) ** (clock / teaching.updates)
    else:
        temperature = teaching.first + (teaching.last - teaching.first) * (clock / teaching.updates)
    found = path.at(state, temperature)
    strategies = np.concatenate((*path.strategies(found), np.zeros(0)))
    return found | {
        "clock": state["clock"] + 1,
        "shape": np.array([shape]),
        "temperatures": np.append(state["temperatures"], temperature),
        "course": np.vstack((state["course"], strategies)),
    }


def _taught(path: QuantalPath, teaching: _Teaching, state: State, seed: int) -> float:
    """The shape after an update of the teacher."""
    return taught_shape(
        float(state["shape"][0]),
        lambda temperature: path.measured(path.at(state, temperature))[1][0],
        target=teaching.last * teaching.rate,
        max_divergence=teaching.max_divergence,
        rate=teaching.rate,
        threshold=teaching.threshold,
        seed=seed,
        update=int(state["clock"][0]),
    )


def _is_finished(teaching: _Teaching, state: State) -> bool:
    done = int(state["clock"][0])
    if teaching.schedule != "gamma":
        return done > teaching.updates
    return done > 0 and float(state["shape"][0]) == teaching.last * teaching.rate
