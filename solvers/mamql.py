"""MAMQL: the policies and rewards of all players of a Markov game, from demonstrations of their joint play.

Each player i has a marginal critic Q̄_i(s, a_i) of its own actions. What the others do is not put into it: it is in the
demonstrations, over which its objective (`arena.solvers.inverse_soft_q`) is taken. The policy is π_i(a|s) ∝ exp Q̄_i(s, a),
the reward r̂_i(s, a) = Q̄_i(s, a) - γ E[V_i(s')] with the next states that were seen after the action.

The objective is smooth and in tables it is small, so that it is brought to its minimum by Newton's method on all
demonstrations rather than by Adam on batches.

Source: Haynam, Khoja, Kumar, Myers and Bıyık, Multi-Agent Inverse Q-Learning from Demonstrations, ICRA 2025,
arXiv:2503.04679.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.games.seeds import seed_of
from arena.solvers.checkpoint import State, Subject, fingerprint
from arena.solvers.demonstrations import Demonstrations, check_demonstrations, load_demonstrations, sampled
from arena.solvers.inverse_soft_q import InverseSoftQ, objective_of
from arena.solvers.iteration import Run, iterate
from arena.solvers.markov_measures import markov_returns
from arena.solvers.soft_markov_equilibrium import soft_profile, split
from arena.solvers.solution import Marginals, Progress, Solution
from arena.solvers.stationary_profile import Profile, profile_policy, stationary_game

DEFAULT_ITERATIONS = 200
DEFAULT_UNTIL = 1e-9
LEAST = "each player's objective on the demonstrations is at most gap² / (4 l2_coefficient) above its least value"


def mamql(
    game: Game,
    *,
    demonstrations: Demonstrations | str | Path | None = None,
    chi2_coefficient: float = 0.25,
    l2_coefficient: float = 1e-5,
    value_states: Literal["demonstrated", "visited"] = "demonstrated",
    episodes: int = 10,
    steps: int = 100,
    iterations: int | None = None,
    until: float | None = DEFAULT_UNTIL,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The soft policies that demonstrations speak of, with critics and recovered rewards in ``marginals``.

    An iteration is one Newton step of each player's critic. ``gap`` is the greatest Euclidean norm of a player's gradient
    (`gradient_norm`): 0 exactly at a stationary point. Where a convex function is proven to support the objective from below
    at the answer, that is the least value, up to what ``guarantee`` says; else ``converged`` is never claimed. ``values`` are what the policies earn in the game's own
    rewards, discounted, from its initial states; the game's rewards enter nothing else.

    Rewards r + h(s) - γ E h(s') explain the same play for every h, and r̂ is about the smallest of them: compare it centred
    by state where next states depend little on the action, else with the nearest h.

    Source: Haynam et al. 2025; its code's ``mamql_online``, with χ² coefficient 1/4 and l2 coefficient 1e-5 in the smallest
    domain.

    Args:
        game: a `MarkovGame` without a horizon, whose discount is below 1: general-sum, any number of players.
        demonstrations: of this game, or the file (.npz) that holds them: see `demonstrate` and `save_demonstrations`.
        chi2_coefficient: above 0, the price of rewards. A policy is the flatter the greater it is, however many
            demonstrations there are; 0.025 is better where rewards are of the order of 1, in the unit in which
            demonstrators play ∝ exp Q̄.
        l2_coefficient: above 0, the price of critics: what keeps those of actions that nobody showed finite.
        value_states: ``demonstrated``: values are compared in the states of the demonstrations. ``visited``: in those that
            the learned policies visit; after each iteration some episodes more are played, of all of which values are
            taken. The objective changes all the time then, and nothing is promised.
        episodes: played after each iteration where values are those of visited states. `steps`: the most of an episode.
        iterations: the most that are done, by default 200.
        until: stop once the gap is at most this.
        seed: of the episodes that are played.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then and at the end.

    Raises:
        NotProvided: no Markov game, or one with a horizon.
        SpecificationError: no demonstrations, or such as cannot happen in the game; a checkpoint of something else.
        ValueError: a setting outside its range.
    """
    markov = stationary_game(game, "mamql")
    _check(markov, chi2_coefficient, l2_coefficient, value_states, episodes, steps, seed)
    shown = _read(demonstrations)
    check_demonstrations(shown, markov)
    sizes = markov.sizes
    objectives = [
        objective_of(
            (markov.num_states, size),
            shown.states,
            shown.actions[:, player],
            shown.successors,
            shown.done,
            discount=markov.discount,
            chi2_coefficient=chi2_coefficient,
            l2_coefficient=l2_coefficient,
        )
        for player, size in enumerate(sizes)
    ]
    visited = value_states == "visited"
    state: State = {"clock": np.zeros(1, np.int64), "critics": np.zeros(markov.num_states * sum(sizes))}
    if visited:
        state |= {"values": np.zeros(markov.num_states), "visits": np.zeros(1, np.int64)}
        state.update(_played(markov, state, episodes, steps, seed))

    def weights() -> NDArray[np.float64]:
        if not visited:
            return objectives[0].demonstrated_values()
        shares: NDArray[np.float64] = state["values"] / state["visits"]
        return shares

    def advance(count: int) -> None:
        for _ in range(count):
            values = weights()
            critics = zip(objectives, split(state["critics"], markov.num_states, sizes), strict=True)
            moved = np.concatenate([objective.newton_step(critic, values).ravel() for objective, critic in critics])
            after = {**state, "clock": state["clock"] + 1, "critics": moved}
            state.update(_played(markov, after, episodes, steps, seed) if visited else after)

    deciding = {
        "chi2_coefficient": chi2_coefficient,
        "l2_coefficient": l2_coefficient,
        "value_states": value_states,
        **({"episodes": episodes, "steps": steps, "seed": seed} if visited else {}),
    }
    run = Run(
        subject=Subject(
            method="mamql",
            game=markov.info.specification,
            fingerprint=fingerprint((shown.states, shown.actions, shown.successors, shown.done)),
            settings={**deciding, "discount": markov.discount},
        ),
        state=state,
        advance=advance,
        gap=lambda: _gap(objectives, split(state["critics"], markov.num_states, sizes), weights()),
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    critics = split(state["critics"], markov.num_states, sizes)
    profile = soft_profile(critics)
    pairs = list(zip(objectives, critics, strict=True))
    least = not visited and all(objective.is_supported(critic, weights()) for objective, critic in pairs)
    converged = least and until is not None and history[-1][1] <= until
    return Solution(
        policy=profile_policy(markov, profile),
        gap=history[-1][1],
        gap_kind="gradient_norm",
        values=tuple(markov_returns(markov, [rows[None] for rows in profile]).tolist()),
        converged=converged,
        guarantee=LEAST if least else "none",
        unique=True if converged else None,
        iterations=run.iterations,
        history=history,
        marginals=Marginals(critics=critics, rewards=tuple(_recovered(*pair) for pair in pairs)),
        settings={**deciding, "demonstrations": len(shown), "iterations": iterations, "until": until},
        source="Haynam et al. 2025, arXiv:2503.04679",
    )


def _check(
    game: MarkovGame,
    chi2_coefficient: float,
    l2_coefficient: float,
    value_states: str,
    episodes: int,
    steps: int,
    seed: int,
) -> None:
    prices = np.array((chi2_coefficient, l2_coefficient))
    if not (np.isfinite(prices) & (prices > 0)).all():
        raise ValueError(
            f"chi2_coefficient and l2_coefficient must be above 0; got {chi2_coefficient} and {l2_coefficient}"
        )
    if value_states not in ("demonstrated", "visited"):
        raise ValueError(f"value_states is 'demonstrated' or 'visited'; got {value_states!r}")
    if episodes < 1 or steps < 1 or seed < 0:
        raise ValueError(f"episodes and steps must be positive, seed at least 0; got {episodes}, {steps} and {seed}")
    if value_states == "visited" and (game.terminal | (game.initial == 0)).all():
        raise ValueError(f"every match of {game.info.specification} begins at its end; no state is visited")


def _read(demonstrations: Demonstrations | str | Path | None) -> Demonstrations:
    if demonstrations is None:
        raise SpecificationError(
            "mamql learns from demonstrations: give them, or the .npz file that holds them, as demonstrations=; "
            "demonstrate(game, policy) makes some from a policy"
        )
    return demonstrations if isinstance(demonstrations, Demonstrations) else load_demonstrations(demonstrations)


def _played(game: MarkovGame, state: State, episodes: int, steps: int, seed: int) -> State:
    """The state after some episodes more by its critics: ``values``: Σ e_s - γ e_s' over all ``visits`` so far [S]."""
    profile = soft_profile(split(state["critics"], game.num_states, game.sizes))
    word = seed_of(("mamql", seed, int(state["clock"][0])))
    states, _, successors, seen = sampled(game, profile, episodes=episodes, steps=steps, seed=word)
    goes_on = seen & ~game.terminal[successors]
    came = np.bincount(states[seen], minlength=game.num_states)
    went = np.bincount(successors[goes_on], minlength=game.num_states)
    return {
        **state,
        "values": state["values"] + came - game.discount * went,
        "visits": state["visits"] + int(seen.sum()),
    }


def _gap(objectives: Sequence[InverseSoftQ], critics: Profile, values: NDArray[np.float64]) -> float:
    pairs = zip(objectives, critics, strict=True)
    return max(float(np.linalg.norm(objective.gradient(critic, values))) for objective, critic in pairs)


def _recovered(objective: InverseSoftQ, critic: NDArray[np.float64]) -> NDArray[np.float64]:
    """r̂ [S, A], nan where the action was never shown."""
    shares, rewards = np.zeros(objective.shape), np.zeros(objective.shape)
    np.add.at(shares, (objective.state, objective.action), objective.share)
    np.add.at(rewards, (objective.state, objective.action), objective.share * objective.rewards(critic))
    rewards[shares == 0] = np.nan
    return np.divide(rewards, shares, out=rewards, where=shares > 0)
