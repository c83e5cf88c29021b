"""How good a policy is at dark hex, exactly, on boards too large to be written out: 3x3 has 1.9e10 histories, abrupt 2.9e10.

A policy is a table over the information sets of a `DarkHexIndex`: a player sees his own moves and which of them hit a stone
of the opponent. That is what OpenSpiel's information-state tensor shows, and the game that the published numbers are of.

Source: Rudolph, Lichtlé, Mohammadpour et al., Reevaluating policy gradient methods for imperfect-information games, 2025,
arXiv:2502.08938 (the measure); Zinkevich et al., Regret minimization in games with incomplete information, NIPS 2007.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import comb, factorial

import numpy as np
from numpy.typing import NDArray

from arena.games.dark_hex_index import HIT, NONE, STONE, DarkHexIndex, DarkHexSets, dark_hex_index
from arena.games.dark_hex_rules import ABRUPT, CLASSICAL
from arena.solvers.dark_hex_kernels import MOVE, best_response, fill_payoffs
from arena.solvers.dark_hex_policy import DarkHexPolicy, realisation_weights

DarkHexProgress = Callable[[int, int], None]
"""Called with (openings done, openings in all): player 0's first stones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DarkHexMeasures:
    """``returns`` [2]: what each player expects; ``responses`` [2]: the same when he alone plays a best response.

    ``choice``: a best response of each player [num_sets]: the cell at each of his information sets, the first of equal ones.
    """

    returns: NDArray[np.float64]
    responses: NDArray[np.float64]
    choice: tuple[NDArray[np.int8], NDArray[np.int8]] = field(repr=False)

    @property
    def gains(self) -> NDArray[np.float64]:
        """What each player gains by a best response [2]."""
        return self.responses - self.returns

    @property
    def nash_conv(self) -> float:
        """The sum of the gains; 0 exactly at a Nash equilibrium."""
        return max(float(self.gains.sum()), 0.0)

    @property
    def exploitability(self) -> float:
        return self.nash_conv / 2


def dark_hex_nash_conv(
    policy: DarkHexPolicy,
    *,
    rows: int = 3,
    columns: int = 3,
    version: str = CLASSICAL,
    index: DarkHexIndex | None = None,
    threads: int = 1,
    progress: DarkHexProgress | None = None,
) -> float:
    """The sum over players of what a best response gains at dark hex. See `dark_hex_measures`."""
    return dark_hex_measures(
        policy, rows=rows, columns=columns, version=version, index=index, threads=threads, progress=progress
    ).nash_conv


def dark_hex_measures(
    policy: DarkHexPolicy,
    *,
    rows: int = 3,
    columns: int = 3,
    version: str = CLASSICAL,
    index: DarkHexIndex | None = None,
    threads: int = 1,
    progress: DarkHexProgress | None = None,
) -> DarkHexMeasures:
    """What a policy earns at dark hex, and what best responses to it earn: exact up to rounding.

    Args:
        policy: two tables [num_sets, cells]; or a `TabularPolicy` by OpenSpiel's information-state strings, where states
            that are not named are played uniformly; or any policy that tells its probabilities, as a network does. In the
            classical game OpenSpiel's strings also tell how many moves were made, on which a policy must not depend: a
            table that does is refused, and another policy is shown the fewest.
        rows, columns, version: of the game (``cdh`` classical, ``adh`` abrupt), where no `index` is given.
        index: the information sets, made once by `dark_hex_index` or loaded.
        threads: on so many cores; each has a copy of what it needs of player 1's moves, 32 bytes a move.
        progress: called with (openings done, openings in all).

    Raises:
        ValueError: no such board or version, or less than one thread.
        SpecificationError: the policy does not fit the game, or is a table that depends on the number of moves made.
        NotProvided: the policy has no probabilities.
    """
    if threads < 1:
        raise ValueError(f"threads must be at least 1; got {threads}")
    index = dark_hex_index(rows=rows, columns=columns, version=version) if index is None else index
    reach = realisation_weights(index, policy)
    payoffs = sequence_payoffs(index, reach, threads=threads, progress=progress)
    returns = np.array([float(own @ payoff) for own, payoff in zip(reach, payoffs, strict=True)])
    responses, choices = np.zeros(2), []
    for player, (sets, payoff) in enumerate(zip(index.players, payoffs, strict=True)):
        choice = np.zeros(sets.num_sets, np.int8)
        responses[player] = best_response(sets.own, sets.hit, sets.first, sets.parent, payoff, choice)
        choices.append(choice)
    return DarkHexMeasures(returns=returns, responses=responses, choice=(choices[0], choices[1]))


def sequence_payoffs(
    index: DarkHexIndex,
    reach: Sequence[NDArray[np.float64]],
    *,
    threads: int = 1,
    progress: DarkHexProgress | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each sequence of each player [S] earns at the ends right behind it, the other playing by realisation weights [S].

    The openings are shared among the threads in turn. Player 0's sequences belong to one opening each, so that his payoffs
    are written by one thread; player 1's are added up afterwards.
    """
    first = _moves(index, 0, reach[0])
    second = [_moves(index, 1, reach[1])]
    second.extend(second[0].copy() for _ in range(min(threads, index.cells) - 1))
    ranks = np.array([stones.bit_count() for stones in range(1 << index.cells)], np.uint32)
    done: list[int] = []

    def work(worker: int) -> None:
        for opening in range(worker, index.cells, len(second)):
            fill_payoffs(
                opening,
                index.version == ABRUPT,
                index.cells,
                index.wins,
                ranks,
                np.uint64((1 << index.cells) - 1),
                first,
                second[worker],
                _capacity(index.cells),
            )
            done.append(opening)
            if progress is not None:
                progress(len(done), index.cells)

    if len(second) == 1:
        work(0)
    else:
        with ThreadPoolExecutor(len(second)) as pool:
            list(pool.map(work, range(len(second))))
    payoffs = second[0]["payoff"].copy()
    for part in second[1:]:
        payoffs += part["payoff"]
    return first["payoff"].copy(), payoffs


def _moves(index: DarkHexIndex, player: int, reach: NDArray[np.float64]) -> NDArray[np.void]:
    """A `MOVE` for each sequence of a player [S], nothing earned yet."""
    sets = index.players[player]
    moves = np.zeros(sets.num_sequences, MOVE)
    moves["reach"] = reach
    packed = _packed(sets, index.cells)
    for name, outcome in (("after_hit", HIT), ("after_stone", STONE)):
        child = sets.child[:, outcome]
        follows = child != NONE
        moves[name][follows] = packed[child[follows]]
    return moves


def _packed(sets: DarkHexSets, cells: int) -> NDArray[np.uint64]:
    """Each set's decision in one number, as `MOVE` says [I]."""
    free = ((1 << cells) - 1) & ~(sets.own | sets.hit)
    return sets.first[:-1].astype(np.uint64) << np.uint64(32) | free.astype(np.uint64)


def _capacity(cells: int) -> int:
    """A bound on the sequences that fit a history of stones: hits of the opponent's stones, somewhere among his own."""
    own, other = (cells + 1) // 2, (cells + 1) // 2
    return sum(comb(other, hits) * factorial(hits) * comb(own + hits, hits) for hits in range(other + 1))
