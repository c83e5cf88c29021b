"""What an update learns from: every candidate with its exact win rate, or candidates drawn and compared by a judge.

Both give the same things, so that a loss is written once: candidates or pairs, what is known of them, and weights that add up
to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from arena.games.errors import NotProvided
from arena.games.judge import JudgeFailure
from arena.games.preference_rates import put_right
from arena.solvers.neural.contexts import FAILURE_KINDS, Compare
from arena.solvers.preference_losses import EVEN, margins

PATIENCE = 20
"""Comparisons in a row without a verdict after which a judge that says nothing on a whole update is given up."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Singles:
    """Candidates y ~ π of each context and their win rates; ``chosen`` None: all of them, [contexts, n]."""

    win_rates: Tensor
    weights: Tensor
    chosen: Tensor | None = None

    def of(self, logs: Tensor) -> Tensor:
        """log π(y) of these candidates, from [contexts, n]."""
        return logs if self.chosen is None else logs.gather(-1, self.chosen)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Pairs (y, y') of each context; ``target``: P(y ≻ y'), or how much better y does than y' against a policy.

    ``first`` and ``second`` None: all pairs, [contexts, n, n].
    """

    target: Tensor
    weights: Tensor
    first: Tensor | None = None
    second: Tensor | None = None

    def margins(self, logs: Tensor) -> Tensor:
        """log π(y) - log π(y') of these pairs, from [contexts, n]."""
        if self.first is None or self.second is None:
            return margins(logs)
        return logs.gather(-1, self.first) - logs.gather(-1, self.second)


class Draws(Protocol):
    """Policies and opponents are probabilities [contexts, n]; ``contexts``: which ones [contexts], int64."""

    def singles(self, contexts: Tensor, policy: Tensor, opponent: Tensor) -> Singles:
        """y ~ policy, with win rates against the opponent."""
        ...

    def pairs(self, contexts: Tensor, policy: Tensor) -> Pairs:
        """y and y' ~ policy, with P(y ≻ y')."""
        ...

    def gains(self, contexts: Tensor, policy: Tensor) -> Pairs:
        """y and y' ~ policy, with P(y ≻ policy) - P(y' ≻ policy)."""
        ...

    def trace(self, singles: Singles, policy: Tensor) -> Tensor:
        """What a queue keeps of an update, a distribution [contexts, n]: the policy, or the shares of what was drawn from it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exact:
    """Expectations over all candidates, of preferences [contexts, n, n]."""

    preferences: Tensor

    def singles(self, contexts: Tensor, policy: Tensor, opponent: Tensor) -> Singles:
        rates = (self.preferences[contexts] @ opponent.unsqueeze(-1)).squeeze(-1)
        return Singles(win_rates=rates, weights=policy / len(policy))

    def pairs(self, contexts: Tensor, policy: Tensor) -> Pairs:
        return Pairs(target=self.preferences[contexts], weights=_products(policy))

    def gains(self, contexts: Tensor, policy: Tensor) -> Pairs:
        rates = (self.preferences[contexts] @ policy.unsqueeze(-1)).squeeze(-1)
        return Pairs(target=margins(rates), weights=_products(policy))

    def trace(self, singles: Singles, policy: Tensor) -> Tensor:
        return policy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """``samples`` draws a context, each compared with ``opponents`` others; by torch's global generator, which the trainer seeds."""

    samples: int
    opponents: int
    judging: Judging

    def singles(self, contexts: Tensor, policy: Tensor, opponent: Tensor) -> Singles:
        chosen = torch.multinomial(policy, self.samples, replacement=True)
        others = self._others(opponent)
        shares = self.judging.shares(contexts, chosen.unsqueeze(-1).expand_as(others), others).to(policy.dtype)
        rates, known = shares.nanmean(-1), ~shares.isnan().all(-1)
        return Singles(win_rates=torch.where(known, rates, EVEN), weights=_shared(known, policy), chosen=chosen)

    def pairs(self, contexts: Tensor, policy: Tensor) -> Pairs:
        first, second = torch.multinomial(policy, 2 * self.samples, replacement=True).chunk(2, dim=-1)
        shares = self.judging.shares(contexts, first, second).to(policy.dtype)
        known = ~shares.isnan()
        return Pairs(
            target=torch.where(known, shares, EVEN), weights=_shared(known, policy), first=first, second=second
        )

    def gains(self, contexts: Tensor, policy: Tensor) -> Pairs:
        first, second = torch.multinomial(policy, 2 * self.samples, replacement=True).chunk(2, dim=-1)
        others = self._others(policy)  # the same ones for both, which takes their luck out of the difference
        better = self.judging.shares(contexts, first.unsqueeze(-1).expand_as(others), others)
        worse = self.judging.shares(contexts, second.unsqueeze(-1).expand_as(others), others)
        gain = (better - worse).to(policy.dtype)
        known = ~gain.isnan().all(-1)
        target = torch.where(known, gain.nanmean(-1), 0.0)
        return Pairs(target=target, weights=_shared(known, policy), first=first, second=second)

    def trace(self, singles: Singles, policy: Tensor) -> Tensor:
        assert singles.chosen is not None
        ones = torch.ones_like(singles.chosen, dtype=policy.dtype) / self.samples
        return torch.zeros_like(policy).scatter_add(-1, singles.chosen, ones)

    def _others(self, opponent: Tensor) -> Tensor:
        drawn = torch.multinomial(opponent, self.samples * self.opponents, replacement=True)
        return drawn.reshape(len(drawn), self.samples, self.opponents)


@dataclass(slots=True, kw_only=True, eq=False)
class Judging:
    """Asks for comparisons, puts right a known flip rate, and counts. A candidate against itself is a tie and no question.

    Of a table the comparisons are drawn, and turned round with chance ``flip_rate``; a judge is asked. Either way what was
    said becomes (said - flip_rate) / (1 - 2 flip_rate), which has the mean of what should have been said.
    ``counts``: comparisons asked, then failures by kind, int64. ``vain``: how many of the last had no verdict,
    in a row.
    """

    ask: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, list[JudgeFailure]]]
    flip_rate: float
    counts: Tensor = field(default_factory=lambda: torch.zeros(1 + len(FAILURE_KINDS), dtype=torch.int64))
    vain: int = 0

    def shares(self, contexts: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """float64, of the shape of ``first`` [contexts, ...]; NaN where the judge gave no verdict.

        Raises:
            NotProvided: the judge gave no verdict at all, here and on the last `PATIENCE` comparisons; on fewer it is luck.
        """
        places = contexts.reshape(-1, *[1] * (first.ndim - 1)).expand_as(first)
        asked = first != second
        shares = torch.full(first.shape, EVEN, dtype=torch.float64, device=first.device)
        said, failures = self.ask(places[asked], first[asked], second[asked])
        self.counts[0] += len(said)
        for failure in failures:
            self.counts[1 + FAILURE_KINDS.index(failure.kind)] += 1
        silent = bool(said.isnan().all())
        self.vain = self.vain + len(said) if silent else 0
        if silent and self.vain >= PATIENCE:
            raise NotProvided(
                f"the judge gave no verdict on any of {len(said)} comparisons; the first: {failures[0].kind}, "
                f"{failures[0].message}"
                if failures
                else f"the judge gave no verdict on any of {len(said)} comparisons"
            )
        shares[asked] = put_right(said, self.flip_rate)
        return shares


def judging_tables(preferences: Tensor, flip_rate: float) -> Judging:
    """Comparisons drawn from tables [contexts, n, n] by torch's global generator."""

    def ask(contexts: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, list[JudgeFailure]]:
        chances = flip_rate + (1 - 2 * flip_rate) * preferences[contexts, first, second].double()
        return torch.bernoulli(chances), []

    return Judging(ask=ask, flip_rate=flip_rate)


def judging(compare: Compare, flip_rate: float) -> Judging:
    """Comparisons that a judge is asked for, all of an update together."""

    def ask(contexts: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, list[JudgeFailure]]:
        if not len(contexts):
            return torch.zeros(0, dtype=torch.float64, device=first.device), []
        shares, failures = compare(contexts.cpu().numpy(), first.cpu().numpy(), second.cpu().numpy())
        return torch.from_numpy(np.asarray(shares, np.float64)).to(first.device), failures

    return Judging(ask=ask, flip_rate=flip_rate)


def _products(policy: Tensor) -> Tensor:
    return policy.unsqueeze(-1) * policy.unsqueeze(-2) / len(policy)


def _shared(known: Tensor, policy: Tensor) -> Tensor:
    """The same weight for all that is known, 0 for the rest."""
    weights = known.to(policy.dtype)
    return weights / weights.sum().clamp(min=1)
