"""Win rates of pairs that never met, from matches against a few anchor agents: every agent plays the anchors, nobody else.

The logits M = logit P(row beats column) are antisymmetric. If their rank is at most that of the block A = M[anchors, anchors], all
of M follows from the columns C = M[:, anchors]: M = C A⁺ M[anchors, :] = −C A⁺ Cᵀ, A⁺ the pseudo-inverse. Elo differences
have rank 2, and each cyclic plane of multidimensional Elo adds at most 2; ranks are even. So 2 r + 2 anchors complete a cyclic part
of rank r, and two more show whether that was all.

With noise A⁺ is cut to singular values that stand out of it; what is below would be amplified. Even so noise grows on the way:
at an equal number of matches the likelihood fit of `low_rank_payoffs` is more accurate, and takes any schedule. Anchors are for
placing newcomers: each needs matches with the anchors alone, and its row comes with errors.

Sources: Drineas, Kannan and Mahoney, Fast Monte Carlo algorithms for matrices III, SIAM Journal on Computing 2006,
doi:10.1137/S0097539704442702 (CUR); Shah, Song, Xu and Yang, Sample efficient reinforcement learning via low-rank matrix estimation,
NeurIPS 2020, arXiv:2006.06135 (anchors and the pseudo-inverse); Bunch, A note on the stable decomposition of skew-symmetric
matrices, Mathematics of Computation 1982, doi:10.1090/S0025-5718-1982-0637290-1 (the pivots by which anchors are chosen).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.special
from numpy.typing import NDArray

from arena.games.errors import ArenaError, UnknownName
from arena.leaderboards.bootstrap import SEED, unit_weights
from arena.leaderboards.comparisons import comparisons
from arena.leaderboards.decided import by_name
from arena.leaderboards.meetings import meetings, pair_scores
from arena.leaderboards.multidimensional_elo import PayoffModel
from arena.leaderboards.record import Record
from arena.leaderboards.wording import listed

EXACT = 1e-10  # relative: below, a singular value of logits without noise is rounding
DRAWS = 200
NOISE_QUANTILE = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Who beats whom, of all pairs, from matches against anchors.

    ``logits`` float64 [A, A]: antisymmetric. ``errors`` float64 [A, A]: standard error of each logit, by redrawing the results
    that were seen; it knows nothing of logits that are not of this rank. ``anchors`` int64: numbers of the agents that
    everybody met. ``rank``: what was kept. ``singular_values`` float64 [anchors]: of the anchors' block, the greatest first;
    they come in pairs. ``noise``: the greatest singular value that errors alone make in 99 of 100 cases, in the
    directions of the block that do not stand out.
    """

    agents: tuple[str, ...]
    logits: NDArray[np.float64]
    errors: NDArray[np.float64]
    anchors: NDArray[np.int64]
    rank: int
    singular_values: NDArray[np.float64]
    noise: float

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """P(row beats column) [A, A], draws as halves."""
        probabilities: NDArray[np.float64] = scipy.special.expit(self.logits)
        return probabilities

    def interval(self, *, confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Bounds of the probabilities [A, A] from the normal law of the logits' errors."""
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must be in (0, 1); got {confidence}")
        half = scipy.special.ndtri(0.5 + confidence / 2) * self.errors
        low, high = scipy.special.expit(self.logits - half), scipy.special.expit(self.logits + half)
        return low, high


def complete_by_anchors(record: Record, anchors: Sequence[str], *, rank: int | None = None) -> Completion:
    """Who beats whom, of all pairs, from each agent's matches with the anchors.

    Matches between agents that are not anchors are not read. A share of points p of n meetings has the logit
    ln((n p + ½) / (n (1 − p) + ½)).

    Args:
        record: matches in which every agent met every anchor; twins count once.
        anchors: names of at least `rank` agents.
        rank: even, of the logits; None: as many singular values of the anchors' block as stand out of its noise, which
            takes at least two anchors more to be seen.

    Raises:
        UnknownName: an anchor that is not in the record.
        ArenaError: too few anchors, or anchors that are alike, or an agent that did not meet one of them.
        NotProvided: matches of more than two players.
        ValueError: a rank that is odd or below 2, or an anchor named twice.
    """
    for name in anchors:
        if name not in record.agents:
            raise UnknownName("anchor", name, record.agents)
    _check(np.array([record.agents.index(name) for name in anchors], np.int64), rank, len(record.agents))
    order = sorted(range(len(record.agents)), key=record.agents.__getitem__)
    names = [record.agents[i] for i in order]
    numbers = np.array(sorted(names.index(name) for name in anchors), np.int64)
    met = meetings(comparisons(by_name(record)))
    size = len(names)
    low, high, counts = pair_scores(met)
    points, played = np.zeros((size, size)), met.counts.astype(np.float64)
    points[low, high], points[high, low] = counts @ met.values, counts @ (1 - met.values)
    unmet = [(i, j) for i in range(size) for j in numbers if i != j and not played[i, j]]
    if unmet:
        missing = sorted({f"{names[i]} and {names[j]}" for i, j in unmet})
        raise ArenaError(f"every agent must meet every anchor; not yet met: {listed(missing)}")
    share = (points + 0.5) / (played + 1)
    logits = np.log(share / (1 - share))
    spread = _spread(low, high, counts, met.values, size)
    errors = np.sqrt(spread / np.maximum(played, 1)) / (share * (1 - share))
    for matrix in (logits, errors):
        np.fill_diagonal(matrix, 0.0)
    made = _complete(tuple(names), logits[:, numbers], errors[:, numbers], numbers, rank)
    place = np.argsort(order)
    return replace(
        made,
        agents=record.agents,
        logits=made.logits[np.ix_(place, place)],
        errors=made.errors[np.ix_(place, place)],
        anchors=np.array(order, np.int64)[numbers],
    )


def complete_matrix(
    columns: NDArray[np.float64], anchors: Sequence[int] | NDArray[np.int64], *, rank: int | None = None
) -> Completion:
    """An antisymmetric matrix from its columns at the anchors, without noise; exact if its rank is that of the anchors' block.

    Args:
        columns: [A, anchors]: M[i, anchor].
        anchors: their numbers.
        rank: even; None: that of the block, up to rounding, which takes two anchors more to be seen.

    Raises:
        ArenaError: too few anchors, or anchors that are alike.
        ValueError: the columns do not fit the anchors, their block is not antisymmetric, or the rank is odd or below 2.
    """
    columns, numbers = np.asarray(columns, np.float64), np.asarray(anchors, np.int64)
    if columns.ndim != 2 or columns.shape[1] != len(numbers):
        raise ValueError(f"columns must be [agents, anchors] for {len(numbers)} anchors; got {columns.shape}")
    _check(numbers, rank, len(columns))
    block = columns[numbers]
    if not np.allclose(block, -block.T, atol=1e-9 * max(float(np.abs(block).max(initial=0)), 1.0)):
        raise ValueError("the anchors' block of the columns must be antisymmetric")
    names = tuple(str(i) for i in range(len(columns)))
    return _complete(names, columns, np.zeros_like(columns), numbers, rank)


def choose_anchors(model: PayoffModel, *, count: int | None = None) -> tuple[str, ...]:
    """The agents whose block holds most of a payoff model's logits: from it the rest is completed with the least growth of noise.

    Pairs are taken one after the other (elimination with complete pivoting): the two agents whose logit, in what the earlier
    pairs leave unexplained, is the largest in units of its error, which is in proportion to 1 / √(p (1 − p)): who wins nearly
    everything says little of by how much.

    Args:
        model: of `low_rank_payoffs`, from the matches so far.
        count: how many, even; None: 2 · rank + 4, two more than complete the model, or all agents if there are fewer.

    Raises:
        ArenaError: more anchors than agents.
        ValueError: an odd count, or one below 2.
    """
    size = len(model.agents)
    count = min(2 * model.rank + 4, size // 2 * 2) if count is None else count
    if count < 2 or count % 2:
        raise ValueError(f"count must be even and at least 2; got {count}")
    if count > size:
        raise ArenaError(f"{count} anchors cannot be chosen among {size} agents")
    left = model.strength[:, None] - model.strength + model.cyclic
    scale = float(np.abs(left).max(initial=0))
    win = scipy.special.expit(left)
    precision = np.sqrt(win * (1 - win))
    chosen: list[int] = []
    for _ in range(count // 2):
        free = np.setdiff1d(np.arange(size), chosen)
        within = np.abs(left * precision)[np.ix_(free, free)]
        one, two = (int(free[k]) for k in np.unravel_index(int(np.argmax(within)), within.shape))
        if abs(left[one, two]) <= EXACT * scale:  # all is explained: any others will do
            one, two = int(free[0]), int(free[1])
        else:
            left = left - (np.outer(left[:, two], left[one]) - np.outer(left[:, one], left[two])) / left[one, two]
        chosen += [one, two]
    return tuple(model.agents[i] for i in chosen)


def _check(anchors: NDArray[np.int64], rank: int | None, size: int) -> None:
    if rank is not None and (rank < 2 or rank % 2):
        raise ValueError(f"rank must be even and at least 2: antisymmetric matrices have no other; got {rank}")
    if len(np.unique(anchors)) < len(anchors) or np.any((anchors < 0) | (anchors >= size)):
        raise ValueError("anchors must be different agents of the field")
    if len(anchors) < (rank or 2):
        raise ArenaError(f"logits of rank {rank or 2} need at least {rank or 2} anchors; got {len(anchors)}")


def _complete(
    agents: tuple[str, ...],
    columns: NDArray[np.float64],
    errors: NDArray[np.float64],
    anchors: NDArray[np.int64],
    rank: int | None,
) -> Completion:
    block = _antisymmetric(columns[anchors])
    values: NDArray[np.float64] = np.linalg.svd(block, compute_uv=False).astype(np.float64)
    moves = _moves(errors, anchors)
    standing, noise = _standing(block, moves[:, anchors])
    if rank is None:
        rank = standing
        if not standing:
            raise ArenaError(
                "the anchors do not differ by more than noise, and tell nothing of the rest; play more matches with "
                "them, or choose anchors that differ"
            )
        if standing > len(anchors) - 2:
            raise ArenaError(
                f"{len(anchors)} anchors are too few: all of their singular values stand out, and more may be hidden; "
                "add two anchors, or say which rank the logits have"
            )
    elif values[rank - 1] <= EXACT * float(values[0]):
        raise ArenaError(
            f"the anchors' block has rank {int((values > EXACT * values[0]).sum())}, not {rank}: "
            "anchors that are alike tell nothing of the rest; choose others"
        )
    logits = _product(columns, block, rank)
    spread = np.zeros_like(logits)
    for move in moves:
        moved = columns + move
        spread += (_product(moved, moved[anchors], rank) - logits) ** 2
    spread = np.sqrt(spread / max(len(moves), 1))
    return Completion(
        agents=agents,
        logits=logits,
        errors=spread,
        anchors=anchors,
        rank=rank,
        singular_values=values,
        noise=noise,
    )


def _standing(block: NDArray[np.float64], moves: NDArray[np.float64]) -> tuple[int, float]:
    """(how many singular values stand out of noise, below what the next is noise).

    Two are taken at a time, and noise is what errors alone do in the directions that the earlier ones leave.
    """
    size = len(block)
    left, values, right = np.linalg.svd(block)
    standing = 0
    while True:
        rows, columns = left[:, standing:], right[standing:].T
        noise = EXACT * float(values[0])
        if len(moves):
            alone = np.linalg.norm(rows.T @ moves @ columns, 2, axis=(1, 2))
            noise = max(noise, float(np.quantile(alone, NOISE_QUANTILE)))
        if standing + 2 > size or values[standing + 1] <= noise:
            return standing, noise
        standing += 2


def _moves(errors: NDArray[np.float64], anchors: NDArray[np.int64]) -> NDArray[np.float64]:
    """[DRAWS, A, anchors]: normal errors of the columns, antisymmetric in the anchors' block; none where there are no errors."""
    if not errors.any():
        return np.zeros((0, *errors.shape))
    words = np.exp(-unit_weights(DRAWS * errors.size, resample=2, seed=SEED)).reshape(DRAWS, *errors.shape)
    moves: NDArray[np.float64] = errors * scipy.special.ndtri(words)
    above = np.triu(moves[:, anchors], 1)
    moves[:, anchors] = above - above.transpose(0, 2, 1)
    return moves


def _product(columns: NDArray[np.float64], block: NDArray[np.float64], rank: int) -> NDArray[np.float64]:
    """−C A⁺ Cᵀ with A⁺ of the given rank."""
    left, values, right = np.linalg.svd(block)
    kept = values[:rank] > EXACT * values[0]
    inverse = (right[:rank][kept].T / values[:rank][kept]) @ left[:, :rank][:, kept].T
    return _antisymmetric(-columns @ inverse @ columns.T)


def _antisymmetric(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return (matrix - matrix.T) / 2


def _spread(
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    counts: NDArray[np.float64],
    values: NDArray[np.float64],
    size: int,
) -> NDArray[np.float64]:
    """The variance [A, A] of a meeting's score, with one meeting won and one lost that nobody saw."""
    played = counts.sum(axis=1) + 2
    mean = (counts @ values + 1) / played
    variance = (counts @ values**2 + 1) / played - mean**2
    spread = np.zeros((size, size))
    spread[low, high] = spread[high, low] = variance
    return spread
