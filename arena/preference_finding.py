"""What votes and judgements say besides ratings: whether one candidate beats all others, what rests on pairs never compared, and how far
the judges can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.counterfactual import Where
from arena.games.foretold_rates import foretold_rates
from arena.games.votes import Votes
from arena.judgements import judges_and_contexts, votes_of
from arena.judging import quality_of
from arena.leaderboards.judge_quality import JudgeQuality, OrderBias, order_bias
from arena.leaderboards.payoff_matrix import Matrix
from arena.leaderboards.wording import listed, percent, signed
from arena.ledger import Ledger, Tournament
from arena.solvers.minimax_winner import minimax_winner
from arena.solvers.preference_solution import rests_on_unmet
from arena.solvers.social_choice import condorcet_winner

EVEN = 0.5
ERROR_RATE = 0.05
"""Of calling any judge moved by the order shown who is not."""
MOST_FORETOLD = 400
"""Candidates up to which the mixture behind pairs never compared is solved for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """The mixture that nobody beats if pairs never compared are as the others foretell (Bradley-Terry, `foretold_rates`).

    ``weights``: of the candidates in it; ``resting``: the chance that two draws from it are such a pair; ``worst``: its win rate
    against the candidate who beats it most if all such pairs went against it.
    """

    weights: tuple[tuple[str, float], ...]
    resting: float
    worst: float

    def to_dict(self) -> dict[str, object]:
        return {"weights": dict(self.weights), "resting": self.resting, "worst": self.worst}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceFinding:
    """Of a board of votes. ``winner``: the Condorcet winner, who beats every other candidate, None where there is none or some
    pair that decides it was never compared; ``certain``: whether it beats each with the board's confidence, each pair for itself.

    ``graded``: verdicts that share a win unevenly, which ratings count as wins; ``votes``: of how many. ``order_bias``: of these votes
    together. ``pairs``: of candidates; ``unmet``: those never compared; ``foretold``: what rests on them, None where all were compared.
    ``judges``: by all their votes, also those that the board leaves out; ``left_out``: how many these are.
    """

    contexts: int
    winner: str | None
    certain: bool
    pairs: int
    unmet: int
    foretold: Foretold | None
    order_bias: OrderBias | None
    judges: tuple[JudgeQuality, ...]
    graded: int = 0
    votes: int = 0
    left_out: int = 0

    def sentences(self) -> list[str]:
        """The finding, the most important first."""
        said = [self._of_winner()]
        if self.unmet:
            said.append(self._of_unmet())
        if self.graded:
            said.append(self._of_graded())
        biased = [one for one in self.judges if self._is_certain(one)]
        if biased:
            said.append(f"The order shown moves judges: {listed([_liking(one) for one in biased])}.")
        elif any(one.order_bias is not None for one in self.judges):
            said.append("No judge certainly likes one place more than the other.")
        if self.left_out and self.judges:
            said.append(f"Judges are told by all their votes, also the {self.left_out:,} that this board leaves out.")
        bias = self.order_bias
        if bias is not None and len(self.judges) != 1:
            low, high = (signed(100 * end) for end in (bias.low, bias.high))
            often = "more" if bias.value >= 0 else "less"
            said.append(
                f"Over all votes{' of this board' if self.left_out else ''} the first shown wins {100 * abs(bias.value):.0f} points {often} often ({low} to {high})."
            )
        return said

    def _is_certain(self, judge: JudgeQuality) -> bool:
        """Whether the order shown moves a judge for certain: of many judges some seem moved by luck (Bonferroni)."""
        bias = judge.order_bias
        return bias is not None and bias.p_value * len(self.judges) < ERROR_RATE

    def _of_winner(self) -> str:
        if self.winner is None:
            return "No candidate is shown to beat every other one: there is no Condorcet winner" + (
                " among pairs that were compared." if self.unmet else "."
            )
        sure = "each with 95 % confidence" if self.certain else "not each of them for certain"
        return f"{self.winner} beats every other candidate, {sure}: it is the Condorcet winner."

    def _of_graded(self) -> str:
        graded = f"{self.graded:,} of {self.votes:,} verdicts {'is' if self.graded == 1 else 'are'} graded"
        return (
            f"{graded}: ratings and head-to-head scores count more than half as a win, while mean returns keep the share, "
            "and so does arena solve."
        )

    def _of_unmet(self) -> str:
        pairs = f"{self.unmet:,} of {self.pairs:,} pairs of candidates {'was' if self.unmet == 1 else 'were'} never compared"
        if self.foretold is None:
            return f"{pairs}, and count as nothing."
        mix = listed([f"{name} {weight:.2f}" for name, weight in self.foretold.weights])
        return (
            f"{pairs}. If these are as the comparisons of others foretell, the mix that nobody beats is {mix}; "
            f"{percent(self.foretold.resting, 0)} of its own meetings rest on them, and if all went against it, it would win "
            f"{percent(self.foretold.worst, 0)} against the worst opponent."
        )

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {
            "sentences": self.sentences(),
            "condorcet_winner": self.winner,
            "condorcet_certain": self.certain,
            "contexts": self.contexts,
            "votes": self.votes,
            "left_out": self.left_out,
            "graded": self.graded,
            "pairs": self.pairs,
            "pairs_never_compared": self.unmet,
            "foretold": None if self.foretold is None else self.foretold.to_dict(),
            "order_bias": None if self.order_bias is None else self.order_bias.to_dict(),
            "judges": [one.to_dict() for one in self.judges],
        }


def preference_finding(
    ledger: Ledger, tournaments: Sequence[Tournament], matrix: Matrix, where: Where
) -> PreferenceFinding | None:
    """What the votes of these tournaments of one game say; None where no match names a judge or a context.

    Args:
        ledger: where the judgements are.
        tournaments: those of the board.
        matrix: the board's head-to-head scores.
        where: which votes the board counts.
    """
    judges, contexts = judges_and_contexts(ledger, tournaments)
    if not (judges or contexts) or any(one.num_players != 2 for one in tournaments):
        return None
    met = matrix.matches > 0
    size = len(matrix)
    best = condorcet_winner(matrix.score) if size > 1 else None  # nan, a pair that never met, is no win
    others = np.arange(size) != best
    unmet = int((~met[np.triu_indices(size, 1)]).sum())
    every = votes_of(ledger, tournaments)
    votes = every.take(_counted(every, where))
    return PreferenceFinding(
        contexts=int(where.keeps_contexts(contexts).sum()),
        winner=None if best is None else matrix.agents[best],
        certain=best is not None and bool((matrix.low[best, others] > EVEN).all()),
        pairs=size * (size - 1) // 2,
        unmet=unmet,
        foretold=_foretold(matrix) if unmet and size <= MOST_FORETOLD else None,
        order_bias=order_bias(votes),
        graded=int((~np.isin(votes.score, (0, EVEN, 1))).sum()),
        votes=len(votes),
        left_out=len(every) - len(votes),
        judges=_judges(ledger, tournaments, every),
    )


def _judges(ledger: Ledger, tournaments: Sequence[Tournament], every: Votes) -> tuple[JudgeQuality, ...]:
    """The judges who were asked, one by one; the voters of polls are many and say little each, and are told of together."""
    asked = [one for one in tournaments if one.source != "vote"]
    return (
        quality_of(ledger, asked, every if len(asked) == len(tournaments) else votes_of(ledger, asked)) if asked else ()
    )


def _counted(votes: Votes, where: Where) -> NDArray[np.bool_]:
    """[m]: which votes the board counts, by judge, context and candidates."""
    judge = where.keeps_judges([*votes.judges, None])  # by place; the last stands for UNSAID
    context = where.keeps_contexts([*votes.contexts, None])
    candidate = np.array([not where.leaves_out(label) for label in votes.candidates], np.bool_)
    kept: NDArray[np.bool_] = (
        judge[votes.judge] & context[votes.context] & candidate[votes.first] & candidate[votes.second]
    )
    return kept


def _liking(judge: JudgeQuality) -> str:
    bias = judge.order_bias
    assert bias is not None
    which = "first" if bias.value > 0 else "second"
    return f"{judge.judge} names the {which} more often by {100 * abs(bias.value):.0f} points"


def _foretold(matrix: Matrix) -> Foretold:
    met = matrix.matches > 0
    weights = np.where(met, matrix.matches, 0).astype(np.float64)
    rates = foretold_rates(np.where(met, np.nan_to_num(matrix.score) * weights, 0.0), weights)
    own = np.eye(len(matrix), dtype=np.bool_)
    known = np.where(own, EVEN, np.where(met, matrix.score, rates))
    mixture = minimax_winner((known + 1 - known.T) / 2).strategies[0]
    unmet = ~met & ~own
    resting, worst = rests_on_unmet(known, unmet, mixture)
    shown = [(name, float(weight)) for name, weight in zip(matrix.agents, mixture, strict=True) if weight >= 0.005]
    return Foretold(
        weights=tuple(sorted(shown, key=lambda one: (-one[1], one[0]))),
        resting=resting,
        worst=worst,
    )
