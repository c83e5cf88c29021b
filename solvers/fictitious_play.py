"""Fictitious play: every round each player answers what the others have played so far, and the averages are the strategies."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import ArrayLike

from arena.solvers.deviations import is_constant_sum, nash_gap, payoff_table, write_deviations
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000
MEASURE_GROWTH = 1.2  # the gap is measured at rounds that grow by this factor: history stays short


def fictitious_play(
    payoffs: ArrayLike,
    *,
    iterations: int | None = None,
    until: float | None = None,
    progress: Progress | None = None,
) -> Solution:
    """The players' empirical frequencies after some rounds of simultaneous fictitious play.

    Round 1 answers uniform play; later rounds answer the product of the others' frequencies: σ_t+1 = (t σ_t + BR(σ_t)) / (t+1).
    Of several best responses the first action is played. In two-player constant-sum games the frequencies converge to
    optimal strategies (Robinson 1951), slowly: often as 1/√t. In other games they need not; the gap is true all the same,
    and ``converged`` is never claimed.

    Source: Brown, Iterative solution of games by fictitious play, 1951; Robinson, An iterative method of solving a game,
    Annals of Mathematics 1951, doi:10.2307/1969530; Shapley 1964 for a game in which it circles.

    Args:
        payoffs: [num_players, A_0, A_1, ...], finite.
        iterations: the most rounds; by default 10,000, or no limit where `until` is given and convergence is sure.
        until: stop once NashConv is at most this, in units of payoff.
        progress: called with (rounds, gap) whenever the gap was measured.

    Raises:
        SpecificationError: no table of payoffs.
        ValueError: `iterations` or `until` is not positive.
    """
    table = payoff_table(payoffs)
    if (iterations is not None and iterations < 1) or (until is not None and not until > 0):
        raise ValueError(f"iterations and until must be positive; got {iterations} and {until}")
    covered = is_constant_sum(table)
    last = iterations if iterations is not None else None if until is not None and covered else DEFAULT_ITERATIONS
    sizes = np.array(table.shape[1:])
    counts = np.zeros((len(table), sizes.max()))
    responses = np.zeros_like(counts)  # what each action would have got so far, summed over rounds
    history: list[tuple[int, float]] = []
    done, measure_at = 0, 1
    while True:
        rounds = (measure_at if last is None else min(measure_at, last)) - done
        _play(table.reshape(len(table), -1), sizes, counts, responses, done, rounds)
        done += rounds
        measure_at = max(done + 1, int(done * MEASURE_GROWTH))
        strategies = tuple(counts[player, :size] / done for player, size in enumerate(sizes))
        gap, values = nash_gap(table, strategies)
        history.append((done, gap))
        if progress is not None:
            progress(done, gap)
        if done == last or (until is not None and gap <= until):
            break
    return Solution(
        strategies=strategies,
        gap=gap,
        gap_kind="nash_conv",
        values=values,
        converged=covered and until is not None and gap <= until,
        guarantee="frequencies converge to optimal strategies" if covered else "none",
        iterations=done,
        history=tuple(history),
        settings={"iterations": iterations, "until": until},
        source="Brown 1951; Robinson 1951, doi:10.2307/1969530",
    )


@nb.njit(cache=True)
def _play(table, sizes, counts, responses, done, rounds):  # type: ignore[no-untyped-def]  # numba kernel
    num_players = len(sizes)
    played = np.zeros(num_players, np.int64)
    frequencies = np.zeros_like(counts)
    if done == 0:
        for i in range(num_players):
            frequencies[i, : sizes[i]] = 1.0 / sizes[i]
        write_deviations(table, sizes, frequencies, responses)
    for t in range(done, done + rounds):
        for i in range(num_players):
            best = 0
            for action in range(1, sizes[i]):
                if responses[i, action] > responses[i, best]:
                    best = action
            played[i] = best
            counts[i, best] += 1
        if num_players == 2:  # sums of columns and rows: no products of frequencies are needed
            if t == 0:
                responses[:] = 0.0  # uniform play was imagined, not seen
            for action in range(sizes[0]):
                responses[0, action] += table[0, action * sizes[1] + played[1]]
            for action in range(sizes[1]):
                responses[1, action] += table[1, played[0] * sizes[1] + action]
        else:
            frequencies[:] = counts / (t + 1)
            write_deviations(table, sizes, frequencies, responses)
