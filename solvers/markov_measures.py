"""How good policies of a Markov game are, exactly: what all expect, and what a best response would gain.

A profile holds one array [T, S, A_i] a player, rows are probabilities: T = 1, the same in every step, or one table a step of
the horizon. Without a horizon, values solve V = r + γ P V, a sparse linear system, and best responses are found by policy
iteration, which ends at the optimum in finitely many steps; with one, both come by backward induction. Against Markov
policies a Markov policy is a best response among all, so that the gains are true ones.

Source: Puterman, Markov decision processes, 1994, section 6.4 (policy iteration) and chapter 4 (backward induction); Filar
and Vrieze, Competitive Markov decision processes, 1997.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.linalg import splu

from arena.games.errors import NotProvided, SpecificationError
from arena.games.markov_game import MarkovGame
from arena.games.observation import ObservationBatch
from arena.games.policy import PROBABILITY_TOLERANCE, MixturePolicy, Policy, TabularPolicy
from arena.solvers import policy_table
from arena.solvers.policy_table import checked_rows
from arena.solvers.tree_measures import StringPolicy

IMPROVES = 1e-12  # of the greatest value: a smaller gain of another action is rounding
MOST_IMPROVEMENTS = 10_000

Profile = tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkovMeasures:
    """``returns``: each player's expected return from the initial states [n]; ``responses``: that of its best response [n].

    ``values``: of the profile by step and state [n, T, S]; ``best``: of best responses [n, T, S]. ``choice``: the actions of
    a best response, one array [T, S] a player.
    """

    returns: NDArray[np.float64]
    responses: NDArray[np.float64]
    values: NDArray[np.float64] = field(repr=False)
    best: NDArray[np.float64] = field(repr=False)
    choice: tuple[NDArray[np.int64], ...] = field(repr=False)

    @property
    def nash_conv(self) -> float:
        """The sum over players of what a best response gains; 0 exactly at a Nash equilibrium."""
        return float(np.maximum(self.responses - self.returns, 0.0).sum())


def markov_nash_conv(game: MarkovGame, policy: object) -> float:
    """The sum over players of what a best response gains while all others play `policy`; of any number of players.

    Args:
        game: a Markov game.
        policy: plays every seat by the game's information states (``action_probabilities``) or by batches of observations
            as networks and agents do (asked once in each state and step), or is one array [T, S, A_i] a player (see the
            module), [S, A_i] where T is 1. A mixture, whose member is drawn once a match, is no policy of states alone.

    Raises:
        NotProvided: a policy that is neither.
        SpecificationError: it plays actions that are none, or its arrays do not fit.
    """
    return markov_measures(game, profile_of(game, policy)).nash_conv


def markov_measures(game: MarkovGame, profile: Sequence[NDArray[np.float64]]) -> MarkovMeasures:
    """The values of a profile and of best responses to it. Arguments as of `markov_nash_conv`, already checked."""
    stages, states, players = game.stages, game.num_states, game.num_players
    following = next_states(game)
    values, best = np.zeros((players, stages, states)), np.zeros((players, stages, states))
    choice = tuple(np.zeros((stages, states), np.int64) for _ in range(players))
    for player in range(players):
        ahead, ahead_best = np.zeros(states), np.zeros(states)
        for step in reversed(range(stages)):
            pay, chances = decision_process(game, following, [table[step] for table in profile], player)
            own = profile[player][step]
            ahead = _stepped(game, pay, chances, own, ahead)
            if game.horizon is None:
                ahead_best, choice[player][step] = _improved(pay, chances, own, ahead, game.discount)
            else:
                worth = pay + game.discount * (chances @ ahead_best).reshape(pay.shape)
                choice[player][step] = worth.argmax(axis=1)
                ahead_best = worth.max(axis=1)
            values[player, step], best[player, step] = ahead, ahead_best
    return MarkovMeasures(
        returns=values[:, 0] @ game.initial,
        responses=best[:, 0] @ game.initial,
        values=values,
        best=best,
        choice=choice,
    )


def markov_returns(game: MarkovGame, profile: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Each player's expected return from the initial states [n], as in `markov_measures`, without best responses."""
    following = next_states(game)
    returns = np.zeros(game.num_players)
    for player in range(game.num_players):
        ahead = np.zeros(game.num_states)
        for step in reversed(range(game.stages)):
            pay, chances = decision_process(game, following, [table[step] for table in profile], player)
            ahead = _stepped(game, pay, chances, profile[player][step], ahead)
        returns[player] = ahead @ game.initial
    return returns


def next_states(game: MarkovGame) -> csr_array:
    """The chances of what follows, [S * J, S]; J joint actions, the last player's fastest."""
    return csr_array(
        (game.chances, game.successors.astype(np.int64), game.begin.astype(np.int64)),
        shape=(len(game.begin) - 1, game.num_states),
    )


def decision_process(
    game: MarkovGame, following: csr_array, tables: Sequence[NDArray[np.float64]], player: int
) -> tuple[NDArray[np.float64], csr_array]:
    """(rewards [S, A_i], chances [S * A_i, S]) of one player while the others play `tables`, one array [S, A_k] a player."""
    states, sizes = game.num_states, game.sizes
    weights = np.ones((states, *sizes))
    for other, table in enumerate(tables):
        if other != player:
            weights *= np.expand_dims(table, tuple(axis + 1 for axis in range(len(sizes)) if axis != other))
    pay = np.moveaxis(game.rewards[player] * weights, player + 1, 1).reshape(states, sizes[player], -1).sum(axis=2)
    cells = weights.size // states
    action = np.broadcast_to(np.indices(sizes)[player].ravel(), (states, cells))
    rows = (np.arange(states)[:, None] * sizes[player] + action).ravel()
    mixing = csr_array(
        (weights.ravel(), (rows, np.arange(weights.size))), shape=(states * sizes[player], states * cells)
    )
    return pay, csr_array(mixing @ following)


def profile_of(game: MarkovGame, policy: object) -> Profile:
    """The profile of a policy. Errors as of `markov_nash_conv`; states that a table does not hold are played uniformly."""
    if isinstance(policy, StringPolicy):
        return tuple(_tabulated(game, policy, player) for player in range(game.num_players))
    if not isinstance(policy, Sequence | MixturePolicy):
        asked = policy_table.policy_of(policy)
        if asked is not None:
            return _asked(game, asked) if asked is policy else profile_of(game, asked)
    if not isinstance(policy, Sequence):
        raise NotProvided(
            "measures of a Markov game need a policy that gives probabilities by information states or for batches of "
            "observations, or one array [steps, states, actions] a player"
        )
    profile = tuple(np.asarray(table, np.float64) for table in policy)
    profile = tuple(table[None] if table.ndim == 2 else table for table in profile)
    shapes = [(game.stages, game.num_states, size) for size in game.sizes]
    if [table.shape for table in profile] != shapes:
        raise SpecificationError(
            f"a profile has arrays of the shapes {shapes}; got {[table.shape for table in profile]}"
        )
    for player, table in enumerate(profile):
        fits = (table.min(axis=-1) >= 0) & (np.abs(table.sum(axis=-1) - 1) <= PROBABILITY_TOLERANCE)  # False of NaN too
        if not fits.all():
            step, state = np.argwhere(~fits)[0].tolist()
            raise SpecificationError(
                f"the probabilities of a profile must be at least 0 and sum to 1; at "
                f"{game.information_state(player, state, step)!r} they are {table[step, state].tolist()}"
            )
    return profile


def policy_of(game: MarkovGame, profile: Sequence[NDArray[np.float64]], *, first: int = 0) -> TabularPolicy:
    """The profile of the players from ``first`` on as a table by information states, which files hold and agents play."""
    table: dict[str, dict[int, float]] = {}
    for player, steps in enumerate(profile, first):
        for step, rows in enumerate(steps.tolist()):
            for state, row in enumerate(rows):
                choices = {action: chance for action, chance in enumerate(row) if chance > 0}
                table[game.information_state(player, state, step)] = choices
    return TabularPolicy(game.info.specification, table)


def uniform_profile(game: MarkovGame) -> Profile:
    """Everybody plays every action with the same chance."""
    return tuple(np.full((game.stages, game.num_states, size), 1 / size) for size in game.sizes)


def _stepped(
    game: MarkovGame,
    pay: NDArray[np.float64],
    chances: csr_array,
    own: NDArray[np.float64],
    ahead: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What a policy [S, A_i] is worth in each state: with a horizon in one step, where ``ahead`` [S] is what follows is worth."""
    if game.horizon is None:
        return _evaluated(pay, chances, own, game.discount)
    value: NDArray[np.float64] = (own * (pay + game.discount * (chances @ ahead).reshape(pay.shape))).sum(axis=1)
    return value


def _evaluated(
    pay: NDArray[np.float64], chances: csr_array, own: NDArray[np.float64], discount: float
) -> NDArray[np.float64]:
    """The value of a policy [S, A_i] in each state."""
    states, actions = pay.shape
    mixing = csr_array(
        (own.ravel(), (np.repeat(np.arange(states), actions), np.arange(own.size))), shape=(states, own.size)
    )
    value: NDArray[np.float64] = splu(csc_array(eye_array(states) - discount * (mixing @ chances))).solve(
        (own * pay).sum(axis=1)
    )
    return value


def _improved(
    pay: NDArray[np.float64],
    chances: csr_array,
    own: NDArray[np.float64],
    value: NDArray[np.float64],
    discount: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(the best values [S], the first best actions [S]), by policy iteration from `own` on, whose value is `value`."""
    states = np.arange(len(pay))
    chosen = own.argmax(axis=1)
    best = value
    for round_ in range(MOST_IMPROVEMENTS):
        worth = pay + discount * (chances @ best).reshape(pay.shape)
        greedy = worth.argmax(axis=1)
        enough = IMPROVES * max(1.0, float(np.abs(worth).max()))
        better = worth[states, greedy] > worth[states, chosen] + enough
        if round_ and not better.any():
            break
        chosen = np.where(better, greedy, chosen) if round_ else greedy
        best = _evaluated(pay, chances, np.eye(pay.shape[1])[chosen], discount)
    return np.maximum(best, value), chosen


def _tabulated(game: MarkovGame, policy: StringPolicy, player: int) -> NDArray[np.float64]:
    size = game.sizes[player]
    rows = np.full((game.stages, game.num_states, size), 1 / size)
    for step in range(game.stages):
        for state in range(game.num_states):
            try:
                choices = policy.action_probabilities(game.information_state(player, state, step))
            except KeyError:
                continue
            if any(not 0 <= action < size for action in choices):
                raise SpecificationError(
                    f"player {player} has actions 0..{size - 1}; at {game.information_state(player, state, step)!r} the policy "
                    f"plays {dict(choices)}"
                )
            rows[step, state] = [choices.get(action, 0.0) for action in range(size)]
    return rows


def _asked(game: MarkovGame, policy: Policy) -> Profile:
    places = np.arange(game.stages * game.num_states)
    tables = game.tables(len(places))
    turn = tables.stand(places, places % game.num_states, places // game.num_states)
    rows = len(turn.table)
    seeds, ply = np.zeros(rows, np.uint64), np.repeat(places // game.num_states, game.num_players)
    batch = ObservationBatch(turn.table, turn.player, turn.legal, seeds, ply, tables)
    answered = checked_rows(batch, policy.probabilities(batch), batch.information_state())
    return tuple(
        answered[turn.player == player, :size].reshape(game.stages, game.num_states, size)
        for player, size in enumerate(game.sizes)
    )
