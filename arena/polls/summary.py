"""How a poll stands: how many votes count, how many are held, whether the order shown moves voters, who waits for review."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from statistics import NormalDist, median

import sqlalchemy as sa

from arena.leaderboards.judge_quality import Share, share_of
from arena.leaderboards.ties import bradley_terry_seats
from arena.leaderboards.wording import percent, signed
from arena.ledger import Ledger
from arena.ledger_schema import contexts
from arena.poll_schema import ballots, poll_pairs, voters
from arena.polls.poll import Poll
from arena.polls.voters import voter_name
from arena.rated_matches import rated_matches
from arena.vote_reviews import Review, State, read_reviews, silenced, standing_reviews

CONFIDENCE = 0.95
VOTES = ("first", "second", "tie", "both_bad")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedVoter:
    """A voter of whom it was decided whether the votes count. ``seconds``: the median time for a vote."""

    voter: int
    name: str
    review: Review
    votes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSummary:
    """``votes``: all that were cast, of which ``held`` wait for review and ``left_out`` were left out by one; ``skipped``: ballots
    without a vote; ``quick``: votes that came sooner than one can read. ``first_shown``: of the votes that count and name one
    answer, how many name the first; ``first_worth``: (low, value, high), what being shown first is worth on the scale of Bradley-Terry
    ratings fitted together with it; None where nothing tells. ``pairs``: of candidates; ``pairs_met``, and the ``fewest`` votes on one.
    """

    state: str
    prompts: int
    candidates: int
    voters: int
    votes: int
    held: int
    left_out: int
    skipped: int
    quick: int
    ties: int
    both_bad: int
    first_shown: Share | None
    first_worth: tuple[float, float, float] | None
    pairs: int
    pairs_met: int
    fewest: int
    reviewed: tuple[ReviewedVoter, ...]

    @property
    def counted(self) -> int:
        return self.votes - self.held - self.left_out

    def order_sentence(self) -> str:
        """Whether the order shown moves voters, in a sentence."""
        share = self.first_shown
        if share is None:
            return "No vote names one answer yet."
        said = f"{percent(share.value, share.of)} ({100 * share.low:.0f} to {100 * share.high:.0f}) of {share.of:,}"
        moved = share.low > 1 / 2 or share.high < 1 / 2
        told = f"The order shown moves {'voters' if moved else 'nobody for certain'}: the left answer is named in {said} votes that name one"
        if self.first_worth is None:
            return f"{told}."
        low, value, high = (signed(end, 2) for end in self.first_worth)
        return f"{told}; fitted together with the ratings, being shown first is worth {value} ({low} to {high})."

    def sentence(self) -> str:
        """How far it is, in a sentence."""
        people = self.voters - sum(one.review.state != "counted" for one in self.reviewed)
        said = f"{_counted(self.counted, 'vote')} of {_counted(people, 'voter')} {'counts' if self.counted == 1 else 'count'}"
        if self.held:
            said += f", {self.held:,} are held for review"
        if self.left_out:
            said += f", {self.left_out:,} were left out after one"
        pairs = f"{self.pairs_met:,} of {self.pairs:,} pairs of candidates were compared"
        return f"{said}. {pairs}{f', each at least {self.fewest:,} times' if self.fewest else ''}."

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        plain = ("state", "prompts", "candidates", "voters", "votes", "counted", "held", "left_out", "skipped")
        more = ("quick", "ties", "both_bad", "pairs", "pairs_met", "fewest")
        return {
            **{name: getattr(self, name) for name in (*plain, *more)},
            "first_shown": None if self.first_shown is None else self.first_shown.to_dict(),
            "first_worth": None if self.first_worth is None else list(self.first_worth),
            "sentences": [self.sentence(), self.order_sentence()],
            "reviewed": [
                {
                    "voter": one.name,
                    "state": one.review.state,
                    "reason": one.review.reason,
                    "votes": one.votes,
                    "seconds": one.seconds,
                }
                for one in self.reviewed
            ],
        }


def poll_summary(ledger: Ledger, poll: Poll, *, with_names: bool = True) -> PollSummary:
    """How the poll stands now. ``with_names``: also what tells of candidates: what being shown first is worth beside their ratings, and
    why voters are reviewed.
    """
    of, tournament = ballots.c, poll.tournament.id
    is_quick = of.seconds < poll.settings.least_seconds
    uncounted = of.voter.in_(silenced(poll.tournament))
    query = (
        sa.select(of.choice, is_quick.label("quick"), uncounted.label("uncounted"), sa.func.count().label("times"))
        .where(of.tournament_id == tournament)
        .group_by(of.choice, sa.text("quick"), sa.text("uncounted"))
    )
    pairs = sa.select(poll_pairs.c.low_first + poll_pairs.c.high_first).where(poll_pairs.c.tournament_id == tournament)
    with ledger.reading() as connection:
        rows = connection.execute(query).all()
        met = list(connection.scalars(pairs))
        people = _count(connection, voters, tournament)
        prompts = _count(connection, contexts, tournament)
    reviewed = _reviewed(ledger, poll)
    votes = [row for row in rows if row.choice != "skip"]
    counts = {choice: sum(row.times for row in votes if row.choice == choice and not row.uncounted) for choice in VOTES}
    decided = counts["first"] + counts["second"]
    size = len(poll.candidates)
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    all_pairs = size * (size - 1) // 2

    def of_state(state: State) -> int:
        return sum(one.votes for one in reviewed if one.review.state == state)

    return PollSummary(
        state=poll.state,
        prompts=prompts,
        candidates=size,
        voters=people,
        votes=sum(row.times for row in votes),
        held=of_state("held"),
        left_out=of_state("left out"),
        skipped=sum(row.times for row in rows if row.choice == "skip"),
        quick=sum(row.times for row in votes if row.quick),
        ties=counts["tie"],
        both_bad=counts["both_bad"],
        first_shown=share_of(counts["first"], decided, z) if decided else None,
        first_worth=_first_worth(ledger, poll) if decided and with_names else None,
        pairs=all_pairs,
        pairs_met=len(met),
        fewest=min(met) if len(met) == all_pairs else 0,
        reviewed=tuple(one if with_names else replace(one, review=replace(one.review, reason="")) for one in reviewed),
    )


def _first_worth(ledger: Ledger, poll: Poll) -> tuple[float, float, float] | None:
    found = bradley_terry_seats(rated_matches(ledger, [poll.tournament]).record).settings
    ends = [found.get(f"seat_advantage{end}") for end in ("_low", "", "_high")]
    low, value, high = (float(end) if isinstance(end, float) and isfinite(end) else None for end in ends)
    return None if low is None or value is None or high is None else (low, value, high)


def _reviewed(ledger: Ledger, poll: Poll) -> list[ReviewedVoter]:
    """Those who wait for review first, then the others; the newest decision first."""
    standing = standing_reviews(read_reviews(ledger, poll.tournament))
    of = ballots.c
    query = sa.select(of.voter, of.seconds).where(
        of.tournament_id == poll.tournament.id, of.choice != "skip", of.voter.in_(list(standing))
    )
    seconds: dict[int, list[float]] = {}
    with ledger.reading() as connection:
        for row in connection.execute(query):
            seconds.setdefault(row.voter, []).append(row.seconds)
    found = [
        ReviewedVoter(
            voter=voter,
            name=voter_name(voter),
            review=review,
            votes=len(seconds.get(voter, ())),
            seconds=median(seconds.get(voter, [0.0])),
        )
        for voter, review in standing.items()
    ]
    found.sort(key=lambda one: one.review.created_at, reverse=True)
    return sorted(found, key=lambda one: one.review.state != "held")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _count(connection: sa.Connection, table: sa.Table, tournament: int) -> int:
    return int(connection.scalars(sa.select(sa.func.count()).where(table.c.tournament_id == tournament)).one())
