"""What decisions were worth, from rewards and estimates of values: generalised advantages and λ-returns, table by table.

Players of a table take turns, or move at once: a player's return runs from one decision of his own to the next, and takes in
all rewards between them, whoever moved. Nothing is taken over the end of a match. A decision whose player's next one lies
behind the experience, with no estimate of its value, is not ``known`` yet: whether it is depends on what was chosen, so that
learning from the others alone would be biased; it has to wait for what follows.

Sources: Schulman et al., High-dimensional continuous control using generalized advantage estimation, ICLR 2016, arXiv:1506.02438,
equation 16; Daley and Amato, Reconciling λ-returns with experience replay, NeurIPS 2019, arXiv:1810.09967 (Peng's Q(λ),
backwards).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Worth:
    """Of each decision [T, N, S]: its ``advantage``, the ``target`` of its value, and whether they are ``known``.

    The target of one that is not known is what its player got since.
    """

    advantage: Tensor
    target: Tensor
    known: Tensor


def advantages(
    value: Tensor,
    player: Tensor,
    acting: Tensor,
    reward: Tensor,
    over: Tensor,
    *,
    next_value: Tensor,
    next_known: Tensor,
    discount: float,
    trace: float,
) -> Worth:
    """Generalised advantage estimates.

    Args:
        value: the estimate at each decision, float [T, N, S].
        player: who decides, int64 [T, N, S].
        acting: whether there is a decision, bool [T, N, S].
        reward: what each player got after step t, float [T, N, P].
        over: whether the match ended after step t, bool [T, N].
        next_value: the estimate of each player's next decision behind the experience, float [N, P].
        next_known: whether that estimate is one, bool [N, P].
        discount: γ, per decision of a player's own.
        trace: λ, from 0 (one step) to 1 (returns).
    """
    follows, later = (
        next_value.clone(),
        torch.zeros_like(next_value),
    )  # of each player, the value and advantage that come next
    known, gained = next_known.clone(), torch.zeros_like(next_value)
    advantage, told = torch.zeros_like(value), torch.zeros_like(acting)
    for t in reversed(range(len(value))):
        ended = over[t][:, None]
        follows, later, known = follows.masked_fill(ended, 0.0), later.masked_fill(ended, 0.0), known | ended
        gained = torch.where(ended, reward[t], gained + reward[t])
        seat, acts = player[t], acting[t]
        surprise = gained.gather(1, seat) + discount * follows.gather(1, seat) - value[t]
        advantage[t] = torch.where(acts, surprise + discount * trace * later.gather(1, seat), 0.0)
        told[t] = acts & known.gather(1, seat)
        # whoever acted: his decision is what comes next for the one before it, and it has taken in the rewards so far
        usable = torch.where(told[t], advantage[t], 0.0)
        follows = _put(follows, seat, acts, value[t])
        later = _put(later, seat, acts, usable)
        gained = _put(gained, seat, acts, torch.zeros_like(usable))
        known = _put(known, seat, acts, torch.ones_like(acts))
    return Worth(advantage, advantage + value, told)


def _put(table: Tensor, seat: Tensor, acts: Tensor, new: Tensor) -> Tensor:
    """``table`` [N, P] with ``new`` [N, S] at the seats that act."""
    return table.scatter(1, seat, torch.where(acts, new, table.gather(1, seat)))


def lambda_returns(best: Tensor, reward: Tensor, over: Tensor, *, discount: float, trace: float) -> Tensor:
    """λ-returns of action values, Peng's Q(λ): G_t = r_t + γ (1 − d_t) ((1 − λ) best_{t+1} + λ G_{t+1}), backwards; [T, N].

    Args:
        best: the value of the best actions before each step and behind the last one, float [T + 1, N]; where G ends.
        reward: after step t, float [T, N].
        over: d: whether the match ended after step t, bool [T, N]; what comes next is another, and counts nothing.
        discount: γ, per step.
        trace: λ, from 0 (one step) to 1 (returns).
    """
    found, follows = torch.empty_like(reward), best[-1]
    for t in reversed(range(len(reward))):
        follows = torch.lerp(best[t + 1], follows, trace).masked_fill(over[t], 0.0)
        found[t] = follows = reward[t] + discount * follows
    return found
