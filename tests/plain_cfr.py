"""Counterfactual regret minimisation by plain loops in any arithmetic: fractions, decimals of many digits, floats.

twin = PlainCfr(tree, exact=Fraction)          chance and payoffs as the fractions that they are rounded from
twin.iterate(3)                                regrets and strategy, lists [S]
twin = PlainCfr(tree, exact=digits(60), zero=Decimal("1e-40"))
"""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

from arena.solvers.tree_measures import uniform_strategy


def digits(count):
    """The decimal of a fraction, to so many digits; later operations keep to the context's precision."""

    def decimal(fraction):
        with localcontext() as context:
            context.prec = count
            return Decimal(fraction.numerator) / Decimal(fraction.denominator)

    return decimal


class PlainCfr:
    """Alternating updates. Regrets within `zero` of 0 are 0: exact ties stay ties.

    ``rule``: cfr; cfr_plus, regrets never below 0; pcfr_plus, and the last instantaneous regret added again to match; dcfr,
    discounted with exponents 1.5 and 0 (floats only). ``average`` [S]: sums of realisation weights times 1, t, t² and t².
    """

    def __init__(self, tree, *, exact=Fraction, zero=0, rule="cfr"):
        self.tree, self.zero, self.rule, self.done = tree, zero, rule, 0
        self.first, self.parent, self.rows = tree.first.tolist(), tree.parent.tolist(), tree.row_begin.tolist()
        self.others = tree.others.tolist()
        self.nought = exact(Fraction(0))
        whole = float if exact is float else lambda weight: exact(Fraction(weight).limit_denominator(100_000))
        self.weights = [whole(weight) for weight in tree.weights.tolist()]
        assert np.allclose([float(w) for w in self.weights], tree.weights, rtol=1e-15, atol=0)
        self.regret, self.average = [self.nought] * tree.num_sequences, [self.nought] * tree.num_sequences
        self.strategy = [exact(Fraction(share).limit_denominator(1000)) for share in uniform_strategy(tree).tolist()]
        self.reach = [exact(Fraction(1))] * tree.num_sequences
        for player in range(tree.num_players):
            self._fill_reach(player)

    def iterate(self, count):
        """Does so many more iterations."""
        for _ in range(count):
            for player in range(self.tree.num_players):
                self.update(player)
            self.done += 1

    def update(self, player):
        """One player's update, against what the others play by now."""
        sets, t = self.tree.sets(player), self.done + 1
        weight = {"cfr": 1, "cfr_plus": t, "dcfr": t**2, "pcfr_plus": t**2}[self.rule]
        value = {player: self.nought}
        for s in range(self.first[sets.start], self.first[sets.stop]):
            total = self.nought
            for e in range(self.rows[s], self.rows[s + 1]):
                product = self.weights[e]
                for other in self.others[e]:
                    product *= self.reach[other]
                total += product
            value[s] = total
        for j in reversed(sets):
            span = range(self.first[j], self.first[j + 1])
            expected = sum((self.strategy[s] * value[s] for s in span), self.nought)
            value[self.parent[j]] += expected
            above = []
            for s in span:
                self.average[s] += weight * self.reach[s]
                last = value[s] - expected
                regret = self.regret[s] + last
                if self.rule == "dcfr":
                    regret *= t**1.5 / (t**1.5 + 1) if regret > 0 else 1 / 2
                if abs(regret) <= self.zero or (regret < 0 and self.rule in ("cfr_plus", "pcfr_plus")):
                    regret = self.nought
                self.regret[s] = regret
                above.append(max(regret + last if self.rule == "pcfr_plus" else regret, self.nought))
            total = sum(above, self.nought)
            for s, r in zip(span, above, strict=True):
                self.strategy[s] = r / total if total > 0 else (self.nought + 1) / len(span)
        self._fill_reach(player)

    def set_arrays(self):
        """(regrets, strategy) [S] as floats."""
        return np.array([float(r) for r in self.regret]), np.array([float(p) for p in self.strategy])

    def _fill_reach(self, player):
        for j in self.tree.sets(player):
            for s in range(self.first[j], self.first[j + 1]):
                self.reach[s] = self.reach[self.parent[j]] * self.strategy[s]
