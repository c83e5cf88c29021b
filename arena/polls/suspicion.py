"""Which voters look as if they did not compare: too quick, always the same place, always the same word, always one candidate.

The order shown is drawn for each ballot, so that whoever compares names the left answer as often as the right one, whatever the answers.
Evidence against that is a bet whose winnings nobody expects to grow (Ville, 1939): a uniform mixture over all other chances, as Robbins,
Statistical methods related to the law of the iterated logarithm, Annals of Mathematical Statistics 1970, doi:10.1214/aoms/1177696786.
Of honest voters at most a share `ERROR_RATE` is ever held by it, however often one looks. Whoever is held is not judged: a person looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

QUICK_VOTES = 8
"""Votes from which on a voter can be told to be too quick; half of them have to be."""
SAME_WORD = 20
ERROR_RATE = 1e-3
LEAST_OTHERS = 30
"""Comparisons of a candidate by others from which on a voter can be held against them."""
PLACES = {"first": "left", "second": "right"}
WORDS = {"tie": "equally good", "both_bad": "both bad"}


@dataclass(frozen=True, slots=True)
class Cast:
    """One ballot that a voter cast. ``first``, ``second``: the candidates' positions in the order shown; ``seconds``: from the question
    to the answer."""

    choice: str
    first: int
    second: int
    seconds: float

    @property
    def winner(self) -> int | None:
        return {"first": self.first, "second": self.second}.get(self.choice)


def suspicion(said: Sequence[Cast], *, least_seconds: float) -> str:
    """Why a voter's votes should be looked at, as told by them alone; empty where nothing speaks for it."""
    votes = [one for one in said if one.choice != "skip"]
    quick = sum(one.seconds < least_seconds for one in votes)
    if len(votes) >= QUICK_VOTES and 2 * quick >= len(votes):
        return f"{quick} of {len(votes)} votes came within {least_seconds:g} s of the question"
    counts = {choice: sum(one.choice == choice for one in votes) for choice in (*PLACES, *WORDS)}
    if log_evidence(counts["first"], counts["second"], 0.5) >= -math.log(ERROR_RATE):
        more = max(PLACES, key=counts.__getitem__)
        return f"the {PLACES[more]} answer is named in {counts[more]} of {counts['first'] + counts['second']} votes"
    for choice, word in WORDS.items():
        if len(votes) >= SAME_WORD and counts[choice] == len(votes):
            return f"all {len(votes)} votes say {word}"
    return ""


def favourite(
    said: Sequence[Cast], others: Sequence[tuple[float, float]], names: Sequence[str], *, error_rate: float = ERROR_RATE
) -> str:
    """Why a voter's votes should be looked at, held against those of others: one candidate always wins, or always loses.

    Args:
        said: the voter's ballots.
        others: of each candidate, by position, (comparisons won, lost) by all others.
        names: of the candidates.
        error_rate: over all candidates.
    """
    for candidate, (won, lost) in enumerate(others):
        if won + lost < LEAST_OTHERS:
            continue
        decided = [one for one in said if one.winner is not None and candidate in (one.first, one.second)]
        wins = sum(one.winner == candidate for one in decided)
        chance = (won + 1) / (won + lost + 2)
        if log_evidence(wins, len(decided) - wins, chance) >= -math.log(error_rate / len(others)):
            return f"{names[candidate]} wins {wins} of {len(decided)} comparisons of this voter, and {100 * chance:.0f} % of those of others"
    return ""


def log_evidence(wins: int, losses: int, chance: float) -> float:
    """The logarithm of what a bet of 1 against ``chance`` is worth after so many wins and losses."""
    mixture = math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(wins + losses + 2)
    return mixture - wins * math.log(chance) - losses * math.log(1 - chance)
