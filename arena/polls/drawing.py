"""Which two answers a voter is shown next, and in which order: drawn with a known probability, by hashes alone.

A share `EXPLORE` of the draws is uniform over the pairs of candidates that the voter has answers of left to compare. The rest goes to the
pairs compared least, or to those that say most about who is in the minimax winner (`arena.leaderboards.next_pairs`). The
prompt is drawn uniformly from those left; no voter sees two answers to one prompt twice. The order is a coin that favours the
order shown less often by two to one: Efron, Forcing a sequential experiment to be balanced, Biometrika 1971,
doi:10.1093/biomet/58.3.403.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from arena.games.seeds import counter_hash, seed_of, unit
from arena.judgements import votes_of
from arena.leaderboards.aims import MinimaxSupport
from arena.leaderboards.comparisons import comparisons
from arena.leaderboards.decided import ERROR_RATE
from arena.leaderboards.meetings import meetings
from arena.leaderboards.next_pairs import focus_of
from arena.ledger import Ledger
from arena.ledger_schema import answers
from arena.match_import import record_of
from arena.poll_schema import ballots, poll_pairs, voters
from arena.polls.poll import Poll, poll_of

EXPLORE = 0.1
FAVOUR = 2 / 3  # of the order shown less often
BALLOT_STREAM = 7
LEAST_VOTES, GROWTH = 25, 1.05
"""The focus of adaptive pairing is computed from so many votes on, and anew whenever there are so many times as many."""
POLLS_KEPT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What a voter is asked. ``number``: of this voter's ballots, from 0; ``context``, ``first``, ``second``: positions, in the
    order shown; ``propensity``: the probability with which the two candidates were drawn."""

    number: int
    context: int
    first: int
    second: int
    propensity: float


@dataclass(frozen=True, slots=True)
class _Pairs:
    """All pairs of candidates [P]. ``low``, ``high``: positions; ``prompts``: how many both have answered."""

    answered: NDArray[np.bool_]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    prompts: NDArray[np.int64]


class BallotDrawer:
    """Draws ballots of the polls of a ledger; keeps what changes rarely. Threads may share it."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._pairs = _kept_pairs(ledger)
        self._focus = _kept_focus(ledger)

    def draw(self, poll: Poll, key: str) -> Ballot | None:
        """The voter's next ballot; None where nothing is left to compare. The same until somebody votes.

        Args:
            poll: that is voted on.
            key: of the voter, as `arena.polls.voters` makes it.
        """
        tournament = poll.tournament.id
        here = (ballots.c.tournament_id == tournament, voters.c.tournament_id == tournament, voters.c.key == key)
        own = sa.select(ballots.c.context, ballots.c.low, ballots.c.high)
        counted = sa.select(poll_pairs.c.low, poll_pairs.c.high, poll_pairs.c.low_first, poll_pairs.c.high_first)
        how_many = sa.select(sa.func.count()).where(answers.c.tournament_id == tournament)
        with self._ledger.reading() as connection:
            seen = connection.execute(own.join(voters, voters.c.number == ballots.c.voter).where(*here)).all()
            shown = connection.execute(counted.where(poll_pairs.c.tournament_id == tournament)).all()
            answered = int(connection.scalars(how_many).one())
        pairs = self._pairs(poll.key, answered)
        size = len(poll.candidates)
        place = np.full((size, size), -1)
        place[pairs.low, pairs.high] = np.arange(len(pairs.low))
        left, orders = pairs.prompts.copy(), np.zeros((len(pairs.low), 2), np.int64)
        for _, low, high in seen:
            left[place[low, high]] -= 1
        for low, high, *times in shown:
            orders[place[low, high]] = times
        if not (left > 0).any():
            return None
        counts = orders.sum(axis=1)
        looks = _looks(int(counts.sum())) if poll.settings.pairing == "adaptive" else 0
        focus = self._focus(poll.key, looks) if looks else None
        chances = pair_chances(counts, left > 0, None if focus is None else focus[pairs.low, pairs.high])
        words = unit(counter_hash(np.uint64(seed_of((key, len(seen)))), BALLOT_STREAM, np.arange(3)))
        at = _drawn(chances, words[0])
        low, high = int(pairs.low[at]), int(pairs.high[at])
        open_ = pairs.answered[:, low] & pairs.answered[:, high]
        open_[[context for context, one, other in seen if (one, other) == (low, high)]] = False
        contexts = np.flatnonzero(open_)
        first, second = (low, high) if words[2] < low_first_chance(*orders[at].tolist()) else (high, low)
        return Ballot(
            number=len(seen),
            context=int(contexts[int(words[1] * len(contexts))]),
            first=first,
            second=second,
            propensity=float(chances[at]),
        )


def pair_chances(
    counts: NDArray[np.int64], open_: NDArray[np.bool_], focus: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """The probability of each pair [P] to be drawn, sum 1.

    Args:
        counts: [P], how often each was voted on.
        open_: [P], which the voter has something left of; at least one.
        focus: [P], where the doubt is, not negative; None or zeros on all that are open: the pairs compared least.
    """
    uniform = open_ / open_.sum()
    wanted = np.zeros(len(counts)) if focus is None else np.where(open_, focus, 0.0)
    if not wanted.any():
        wanted = (open_ & (counts == counts[open_].min())).astype(np.float64)
    chances: NDArray[np.float64] = EXPLORE * uniform + (1 - EXPLORE) * wanted / wanted.sum()
    return chances


def low_first_chance(low_first: int, high_first: int) -> float:
    """The probability to show the smaller position first, after so many times in each order."""
    if low_first == high_first:
        return 1 / 2
    return FAVOUR if low_first < high_first else 1 - FAVOUR


def _looks(votes: int) -> int:
    """How often the focus was computed by so many votes."""
    return 1 + int(math.log(votes / LEAST_VOTES) / math.log(GROWTH)) if votes >= LEAST_VOTES else 0


def _drawn(chances: NDArray[np.float64], word: float) -> int:
    at = int(np.searchsorted(np.cumsum(chances), word * chances.sum(), side="right"))
    return min(at, int(np.flatnonzero(chances)[-1]))


def _kept_pairs(ledger: Ledger) -> Callable[[str, int], _Pairs]:
    @functools.lru_cache(maxsize=POLLS_KEPT)
    def read(key: str, _answers: int) -> _Pairs:  # whose number tells when there are more
        poll = poll_of(ledger, key)
        query = sa.select(answers.c.context, answers.c.candidate).where(answers.c.tournament_id == poll.tournament.id)
        with ledger.reading() as connection:
            rows = connection.execute(query).all()
        places = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
        answered = np.zeros((int(places[:, 0].max(initial=-1)) + 1, len(poll.candidates)), np.bool_)
        answered[places[:, 0], places[:, 1]] = True
        low, high = np.triu_indices(len(poll.candidates), 1)
        both = answered.T.astype(np.float64) @ answered
        return _Pairs(answered, low, high, both[low, high].astype(np.int64))

    return read


def _kept_focus(ledger: Ledger) -> Callable[[str, int], NDArray[np.float64]]:
    @functools.lru_cache(maxsize=POLLS_KEPT)
    def look(key: str, number: int) -> NDArray[np.float64]:
        poll = poll_of(ledger, key)
        size = len(poll.candidates)
        votes = votes_of(ledger, [poll.tournament])
        met = meetings(comparisons(record_of(votes)))
        focus = focus_of(
            met, votes.candidates, MinimaxSupport(), error_rate=ERROR_RATE, seed=seed_of((poll.tournament.seed, number))
        )
        if focus.opponents is None:
            return np.zeros((size, size))
        share = focus.agents[:, None] * focus.opponents
        return share + share.T

    return look
