"""Markov games, also called stochastic games: states, joint actions, and probabilities of the next state, all in tables.

In each state all players choose at once, the next state is drawn, and each player gets a reward. A reward t steps ahead
counts ``discount``ᵗ. A match is an episode that goes on after each step with probability ``discount``:
then the plain sum of its rewards has the discounted return for its expectation, so that ladders of matches and solvers
measure the same number without anybody's discounting a result. A match also ends at the ``horizon``, where there is one,
and when it enters a terminal state: one that nothing leaves and that pays nobody anything.

Source: L. S. Shapley, Stochastic games, PNAS 39, 1953, doi:10.1073/pnas.39.10.1095, where play stops by chance in this
way; M. L. Littman, Markov games as a framework for multi-agent reinforcement learning, ICML 1994.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.actions import ActionSpace
from arena.games.errors import SpecificationError
from arena.games.game import GameInfo
from arena.games.markov_reach import Reach
from arena.games.markov_tables import MarkovTables
from arena.games.normal_form import LARGEST, MAX_PLAYERS, Utility, utility_of

SUM_OF_CHANCES_TOLERANCE = 1e-6  # rows of chances sum to one up to rounding of printed decimals
ROUNDING = 1e-12  # of sums of chances: nearer to 1 they stay as they are, bit for bit, through any number of files
UNREGISTERED = "unregistered:markov_game"
MAX_STATES = 1 << 22
MAX_HORIZON = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkovGame:
    """A Markov game of n players with a fixed number of actions each; make one with `markov_game`.

    Joint actions are numbered as numpy numbers the axes [A_0, ..., A_{n-1}], the last player's action fastest: J of them.
    What follows ``joint`` in ``state`` stands in the rows ``begin[state * J + joint]`` to the next begin of ``successors``
    and ``chances``: only what is possible, since almost nothing is in most games.

    ``begin``: uint32 [S * J + 1]. ``successors``: uint32 [M], states. ``chances``: float64 [M]. ``paid``: float64 [M, n], what
    each player gets. ``rewards``: float64 [n, S, A_0, ...], what each expects of a joint action, which is all that solvers
    need. ``initial``: float64 [S]. ``horizon``: the number of steps of a match, None without a limit.
    ``terminal``: bool [S], see the module. All arrays are read-only.
    """

    info: GameInfo
    begin: NDArray[np.uint32] = field(repr=False, compare=False)
    successors: NDArray[np.uint32] = field(repr=False, compare=False)
    chances: NDArray[np.float64] = field(repr=False, compare=False)
    paid: NDArray[np.float64] = field(repr=False, compare=False)
    rewards: NDArray[np.float64] = field(repr=False, compare=False)
    initial: NDArray[np.float64] = field(repr=False, compare=False)
    discount: float
    horizon: int | None
    states: tuple[str, ...] = field(repr=False)
    actions: tuple[tuple[str, ...], ...]
    terminal: NDArray[np.bool_] = field(repr=False, compare=False)

    @property
    def num_players(self) -> int:
        return len(self.actions)

    @property
    def num_states(self) -> int:
        return len(self.states)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of actions of each player."""
        return tuple(map(len, self.actions))

    @property
    def stages(self) -> int:
        """In how many different steps a policy may act differently in one state: 1 without a horizon."""
        return self.horizon or 1

    @property
    def transitions(self) -> NDArray[np.float64]:
        """Chances of the next state, written out anew as one table: float64 [S, A_0, ..., A_{n-1}, S']."""
        table = np.zeros((len(self.begin) - 1, self.num_states))
        rows = np.repeat(np.arange(len(table)), np.diff(self.begin).astype(np.int64))
        np.add.at(table, (rows, self.successors), self.chances)
        return table.reshape(self.num_states, *self.sizes, self.num_states)

    def information_state(self, player: int, state: int, step: int = 0) -> str:
        """The key of a player's information state, by which policies are written: ``player 1: STATE``.

        The past adds nothing to a state. With a horizon the number of steps made does: ``player 1: STATE, step 3``.
        """
        shown = f"player {player}: {self.states[state]}"
        return shown if self.horizon is None else f"{shown}, step {step}"

    def tables(self, capacity: int) -> MarkovTables:
        return MarkovTables(self, capacity)


def markov_game(
    transitions: ArrayLike,
    rewards: ArrayLike,
    *,
    discount: float,
    initial: ArrayLike | None = None,
    horizon: int | None = None,
    states: Sequence[str] | None = None,
    actions: Sequence[Sequence[str]] | None = None,
    specification: str = UNREGISTERED,
    title: str = "Markov game",
    version: str = "1",
) -> MarkovGame:
    """The Markov game of tables of chances and rewards.

    Args:
        transitions: [S, A_0, ..., A_{n-1}, S'], the chance of each next state; rows sum to 1.
        rewards: [n, S, A_0, ..., A_{n-1}], finite; or [n, S, A_0, ..., A_{n-1}, S'], which may depend on the next state;
            or [S, A_0, A_1], player 0's rewards of a zero-sum game of two.
        discount: in [0, 1); 1 is allowed with a horizon.
        initial: [S], chances of the first state; by default state 0.
        horizon: the number of steps of a match, at least 1; None without a limit.
        states: S different names; by default numbers.
        actions: the names of each player's actions; by default numbers.
        specification: what loads the game, where something does.
        title: what people read.
        version: names rules and implementation.

    Raises:
        SpecificationError: a shape that does not fit, a number that is NaN, infinite or outside its range, chances that do
            not sum to 1, names that are not as many as what they name or not different.
    """
    chances, payoffs = np.asarray(transitions, np.float64), np.asarray(rewards, np.float64)
    if chances.ndim == 4 and payoffs.ndim == 3:
        payoffs = np.stack((payoffs, 0 - payoffs))
    if chances.ndim < 3 or chances.shape[0] != chances.shape[-1] or not chances.size:
        raise SpecificationError(
            f"{specification}: transitions have the shape [states, actions of player 0, ..., states], at least one of each; "
            f"got {list(chances.shape)}"
        )
    _check_chances(chances.reshape(-1, len(chances)), "transitions", specification)
    rows, successors = np.nonzero(chances.reshape(-1, len(chances)))
    begin = np.searchsorted(rows, np.arange(chances.size // len(chances) + 1))
    if payoffs.ndim == chances.ndim + 1 and payoffs.shape[1:] == chances.shape:
        payoffs = payoffs.reshape(len(payoffs), -1, len(chances))[:, rows, successors]
    return sparse_markov_game(
        begin,
        successors,
        chances.reshape(-1, len(chances))[rows, successors],
        payoffs,
        sizes=chances.shape[1:-1],
        discount=discount,
        initial=initial,
        horizon=horizon,
        states=states,
        actions=actions,
        specification=specification,
        title=title,
        version=version,
    )


def sparse_markov_game(
    begin: ArrayLike,
    successors: ArrayLike,
    chances: ArrayLike,
    rewards: ArrayLike,
    *,
    sizes: Sequence[int],
    discount: float,
    initial: ArrayLike | None = None,
    horizon: int | None = None,
    states: Sequence[str] | None = None,
    actions: Sequence[Sequence[str]] | None = None,
    specification: str = UNREGISTERED,
    title: str = "Markov game",
    version: str = "1",
) -> MarkovGame:
    """The Markov game of what is possible alone: ``begin`` [S * J + 1], ``successors`` and ``chances`` [M] as in `MarkovGame`.

    ``sizes``: the number of actions of each player. ``rewards``: [n, S, A_0, ..., A_{n-1}], or [n, M], one an outcome. Other
    arguments and errors as of `markov_game`.
    """
    payoffs = np.array(rewards, np.float64)  # a copy
    players, joints = len(sizes), math.prod(sizes)
    by_outcome = payoffs.ndim == 2 and payoffs.shape == (players, np.size(successors))
    num_states = (np.size(begin) - 1) // max(joints, 1) if by_outcome else payoffs.shape[1] if payoffs.ndim > 1 else 0
    if by_outcome:
        pass
    elif payoffs.ndim != players + 2 or payoffs.shape[0] != players or payoffs.shape[2:] != tuple(sizes):
        raise SpecificationError(
            f"{specification}: rewards of {players} players with {'/'.join(map(str, sizes))} actions have the shape "
            f"[{players}, states, {', '.join(map(str, sizes))}]; got {list(payoffs.shape)}"
        )
    if not 1 <= players <= MAX_PLAYERS or not 1 <= num_states <= MAX_STATES or min(sizes) < 1:
        raise SpecificationError(
            f"{specification}: a Markov game has 1 to {MAX_PLAYERS} players, 1 to {MAX_STATES:,} states and at least one "
            f"action for each player; got {players}, {num_states:,} and {list(sizes)}"
        )
    if not (np.abs(payoffs) <= LARGEST).all():  # NaN too
        place = tuple(np.argwhere(~(np.abs(payoffs) <= LARGEST))[0].tolist())
        raise SpecificationError(
            f"{specification}: the reward of player {place[0]} at {list(place[1:])} is {payoffs[place]}; rewards are finite "
            f"numbers of at most {LARGEST:g}"
        )
    _check_discount(discount, horizon, specification)
    first = np.zeros(num_states) if initial is None else np.array(initial, np.float64)
    if initial is None:
        first[0] = 1.0
    if first.shape != (num_states,):
        raise SpecificationError(
            f"{specification}: initial chances have the shape [{num_states}]; got {list(first.shape)}"
        )
    _check_chances(first[None], "initial chances", specification)
    starts, following, odds, order = _checked_rows(begin, successors, chances, num_states, joints, specification)
    if by_outcome:
        paid = payoffs.T[order]
        payoffs = np.add.reduceat(odds[:, None] * paid, starts[:-1]).T.reshape(players, num_states, *sizes).copy()
    else:
        paid = np.repeat(payoffs.reshape(players, -1).T, np.diff(starts), axis=0)
    named = _names(states, num_states, "states", specification)
    if actions is not None and len(actions) != players:
        raise SpecificationError(f"{specification}: names of actions for {len(actions)} of {players} players")
    choices = tuple(
        _names(None if actions is None else actions[player], size, f"actions of player {player}", specification)
        for player, size in enumerate(sizes)
    )
    if abs(first.sum() - 1) > ROUNDING:
        first /= first.sum()
    stays = following[starts[:-1]] == np.repeat(np.arange(num_states), joints)
    idle = np.logical_and.reduceat((paid == 0).all(axis=1), starts[:-1])
    terminal = (stays & idle & (np.diff(starts) == 1)).reshape(num_states, joints).all(axis=1)
    reach = Reach(starts, following, terminal, joints)
    longest = 1 if discount == 0 else horizon  # stopped for certain after the first step
    least, most = reach.bounds(paid, first, float(discount), longest)
    info = GameInfo(
        specification=specification,
        title=title,
        version=version,
        num_players=players,
        action_space=ActionSpace(size=max(sizes)),
        dynamics="simultaneous",
        chance=reach.has_chance(first, float(discount), longest),
        utility=_utility(paid.T),
        min_utility=least,
        max_utility=most,
        lane="tensor",
        tables_at_once=16384,
        max_length=longest,
        tensor_width=num_states + players + (horizon is not None),
        has_information_state=True,
        action_names=choices[0] if len(set(choices)) == 1 else (),
    )
    rows, states_after = starts.astype(np.uint32), following.astype(np.uint32)
    for array in (rows, states_after, odds, paid, payoffs, first, terminal):
        array.setflags(write=False)
    return MarkovGame(
        info=info,
        begin=rows,
        successors=states_after,
        chances=odds,
        paid=paid,
        rewards=payoffs,
        initial=first,
        discount=float(discount),
        horizon=horizon,
        states=named,
        actions=choices,
        terminal=terminal,
    )


def _utility(paid: NDArray[np.float64]) -> Utility:
    """A constant that each step shares out is none over matches, whose lengths differ."""
    utility = utility_of(paid)
    return "general_sum" if utility == "constant_sum" else utility


def _check_discount(discount: float, horizon: int | None, specification: str) -> None:
    if horizon is not None and not 1 <= horizon <= MAX_HORIZON:
        raise SpecificationError(f"{specification}: the horizon must be 1 to {MAX_HORIZON:,} steps; got {horizon}")
    if not 0 <= discount <= 1 or (discount == 1 and horizon is None):  # NaN too
        raise SpecificationError(
            f"{specification}: the discount must be at least 0 and below 1 (1 is allowed with a horizon); got {discount}"
        )


def _check_chances(rows: NDArray[np.float64], what: str, specification: str) -> None:
    sums = rows.sum(axis=1)
    wrong = np.flatnonzero(~((rows >= 0).all(axis=1) & (np.abs(sums - 1) <= SUM_OF_CHANCES_TOLERANCE)))
    if len(wrong):
        raise SpecificationError(
            f"{specification}: {what} must be at least 0 and sum to 1; row {int(wrong[0])} sums to {sums[wrong[0]]:.9g}, its "
            f"least is {rows[wrong[0]].min():.9g}"
        )


def _checked_rows(
    begin: ArrayLike, successors: ArrayLike, chances: ArrayLike, num_states: int, joints: int, specification: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """(begin, successors, chances) of what is possible, by next state, each row summing to one; and where each stood."""
    starts, following = np.array(begin, np.int64), np.array(successors, np.int64)
    odds = np.array(chances, np.float64)
    rows = num_states * joints
    if (
        starts.shape != (rows + 1,)
        or starts[0] != 0
        or (np.diff(starts) < 1).any()
        or following.shape != (int(starts[-1]),)
        or odds.shape != following.shape
        or not ((following >= 0) & (following < num_states)).all()
    ):
        raise SpecificationError(
            f"{specification}: each of {num_states} states times {joints} joint actions needs at least one next state of "
            f"0..{num_states - 1}; what was given does not fit"
        )
    if not (odds >= 0).all():
        raise SpecificationError(f"{specification}: chances of next states must be at least 0; got {odds.min()}")
    sums = np.add.reduceat(odds, starts[:-1])
    wrong = np.flatnonzero(~(np.abs(sums - 1) <= SUM_OF_CHANCES_TOLERANCE))
    if len(wrong):
        state, joint = divmod(int(wrong[0]), joints)
        raise SpecificationError(
            f"{specification}: the chances of what follows joint action {joint} in state {state} sum to "
            f"{sums[wrong[0]]:.9g} in place of 1"
        )
    owner = np.repeat(np.arange(rows), np.diff(starts))
    sums[np.abs(sums - 1) <= ROUNDING] = 1.0
    order = np.lexsort((following, owner))
    order = order[odds[order] > 0]
    owner = owner[order]
    return np.searchsorted(owner, np.arange(rows + 1)), following[order], odds[order] / sums[owner], order


def _names(names: Sequence[str] | None, count: int, what: str, specification: str) -> tuple[str, ...]:
    named = tuple(map(str, range(count))) if names is None else tuple(names)
    if len(named) != count or len(set(named)) != count or not all(isinstance(name, str) and name for name in named):
        raise SpecificationError(f"{specification}: {what} need {count} different names; got {len(set(named))}")
    return named
