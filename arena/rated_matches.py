"""The rated matches of a game: a record for the rating methods, with what each match is called in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from arena.counterfactual import Where
from arena.entrants import by_side, entrant_labels
from arena.games import SpecificationError
from arena.games.ragged import Ragged
from arena.games.recorded_walk import different_rows
from arena.games.votes import UNSAID
from arena.judgements import aligned, judges_and_contexts, read_judgements
from arena.leaderboards.record import Record, Utility
from arena.leaderboards.stopped import Verdict, verdict_of
from arena.leaderboards.vote_units import vote_units
from arena.ledger import Ledger, LedgerError, Played, Tournament
from arena.repeated_games import drawing_of_entrants, repeats
from arena.results import Termination
from arena.verdict import decision_recorded, matches_rated
from arena.vote_reviews import uncounted


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedMatches:
    """What is rated, where each match stands in the ledger, and how many were left out.

    ``tournament`` int64 [N]: of each match, index into ``keys``; ``number`` int64 [N]: its number in there. ``verdicts``: of
    the tournaments that were played until decided, in order. ``surplus``: matches after a verdict; ``repeated``: matches that
    repeat others, seed by seed; ``copies``: matches that repeat others move for move between deterministic agents;
    ``left_out``: matches that `Where` does not count; ``held``: votes of judges who wait for review or were left out by one.
    """

    record: Record
    keys: tuple[str, ...]
    tournament: NDArray[np.int64]
    number: NDArray[np.int64]
    verdicts: tuple[Verdict, ...]
    surplus: int
    repeated: int
    copies: int
    left_out: int
    held: int = 0

    def key(self, row: int) -> str:
        """What a match of the record is called: ``cup/12``, as `arena match show` takes it."""
        return f"{self.keys[self.tournament[row]]}/{self.number[row]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One tournament's rated matches as columns; agents by their number in the record."""

    seats: NDArray[np.int64]
    returns: NDArray[np.float64]
    forfeit: NDArray[np.int64]
    group: NDArray[np.int64]
    origin: NDArray[np.uint64]
    number: NDArray[np.int64]


def rated_matches(ledger: Ledger, tournaments: Sequence[Tournament], where: Where | None = None) -> RatedMatches:
    """The rated matches of these tournaments of one game.

    Args:
        ledger: where they stand.
        tournaments: of one game, at least one.
        where: which of their matches count; the tournaments themselves are chosen by `Where.chosen`.

    Raises:
        LedgerError: matches are lost.
        UnknownName: an agent or judge that is to be left out is not there.
        SpecificationError: no match is left.
    """
    tournaments = [one for one in tournaments if one.is_rated] or tournaments  # one of the others is rated if named
    where = where or Where()
    judged = bool(where.without_judges or where.contexts)
    if judged:
        where.check_judged(*judges_and_contexts(ledger, tournaments))
    where.check_agents([label for one in tournaments for label in entrant_labels(one)])
    labels: dict[str, int] = {}
    parts: list[_Part] = []
    verdicts: list[Verdict] = []
    surplus = left_out = held = 0
    for tournament in tournaments:
        own_labels = entrant_labels(tournament)
        names = np.array(
            [-1 if where.leaves_out(label) else labels.setdefault(label, len(labels)) for label in own_labels], np.int64
        )
        played = by_side(tournament, _all_of(ledger, tournament))
        rated = len(played)
        if tournament.config.get("pairing") == "decide":
            found = decision_recorded(ledger, tournament, played)
            rated = matches_rated(found, played)
            surplus += len(played) - rated
            verdicts.append(verdict_of(found, *(agent.label for agent in tournament.agents)))
        counts = where.keeps(own_labels, played)
        reviewed = np.isin(played.index, uncounted(ledger, tournament))
        counts &= ~reviewed
        held += int(reviewed.sum())
        unrated = played.termination == Termination.INFRASTRUCTURE  # the game failed: nobody played
        counts &= ~unrated
        group = _groups(tournament, played)
        if judged:
            kept_judged, context = _judged(ledger, tournament, played, where)
            counts &= kept_judged
            if where.contexts:  # of few contexts one is too much for a unit, as of the whole board it need not be
                group[counts] = vote_units(played.seats[counts, 0], played.seats[counts, 1], context[counts])
        kept = np.flatnonzero(counts[:rated])
        left_out += rated - len(kept) - int((reviewed | unrated).sum())
        seats = played.seats[kept]
        parts.append(
            _Part(
                seats=np.where(seats < 0, -1, names[seats]),
                returns=played.returns[kept],
                forfeit=played.forfeit[kept].astype(np.int64),
                group=group[kept],
                origin=_origins(len(parts), tournament, played)[kept],
                number=played.index[kept],
            )
        )
    seats = np.concatenate([part.seats for part in parts])
    if where and not len(seats):
        raise SpecificationError(f"no match of this board is left: {where.sentence()}")
    origin = np.concatenate([part.origin for part in parts])
    kept = _first_of_each(np.column_stack((origin.view(np.int64), seats)))
    part_of = np.concatenate([np.full(len(part.group), number) for number, part in enumerate(parts)])
    returns = np.concatenate([part.returns for part in parts])
    forfeit = np.concatenate([part.forfeit for part in parts])
    index = np.concatenate([part.number for part in parts])
    repeated = len(seats) - len(kept)
    copies = repeats(
        ledger,
        tournaments,
        drawing=drawing_of_entrants(ledger, tournaments),
        agents=tuple(labels),
        seats=seats[kept],
        returns=returns[kept],
        forfeit=forfeit[kept],
        tournament=part_of[kept],
        number=index[kept],
    )
    kept = kept[~copies]
    pair = _numbered_units([part.group for part in parts])
    record = Record(
        agents=tuple(labels),
        seats=seats[kept],
        returns=returns[kept],
        forfeit=forfeit[kept],
        pair=pair[kept],
        weight=np.ones(len(kept)),
        utility=_utility(tournaments[0].utility),
    )
    return RatedMatches(
        record=record,
        keys=tuple(one.key for one in tournaments),
        tournament=part_of[kept],
        number=index[kept],
        verdicts=tuple(verdicts),
        surplus=surplus,
        repeated=repeated,
        copies=int(copies.sum()),
        left_out=left_out,
        held=held,
    )


def _all_of(ledger: Ledger, tournament: Tournament) -> Played:
    """Its matches. Raises `LedgerError` where fewer are there than were written: a rating would be of something else."""
    written, played = ledger.progress(tournament), ledger.played(tournament)
    if len(played) < written:
        raise LedgerError(
            f"{tournament.key} has lost {written - len(played):,} of its {written:,} matches; "
            "find out more with: arena db check"
        )
    return played


def _judged(
    ledger: Ledger, tournament: Tournament, played: Played, where: Where
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(which matches count [N], their contexts [N] by number), by the judgements that made them."""
    found = read_judgements(ledger, tournament)
    row = aligned(found, played.index)
    said = row >= 0
    judge, context = np.full(len(row), UNSAID), np.full(len(row), UNSAID)
    judge[said], context[said] = found.judge[row[said]], found.context[row[said]]
    of_judges = where.keeps_judges([*found.judges, None])  # by place; the last stands for UNSAID
    of_contexts = where.keeps_contexts([*found.contexts, None])
    kept: NDArray[np.bool_] = of_judges[judge] & of_contexts[context]
    return kept, context


def units_by_chance(tournament: Tournament) -> bool:
    """Whether the chance seed names the unit of resampling: of imports, and where lineups share their chance."""
    return tournament.source != "play" or tournament.config.get("common_chance") is True


def _groups(tournament: Tournament, played: Played) -> NDArray[np.int64]:
    """The unit of resampling of each match: what shares a chance seed, its rotation of seats or more; as its file says."""
    if units_by_chance(tournament):
        return played.chance_seed.astype(np.int64)
    groups: NDArray[np.int64] = played.index // played.seats.shape[1]
    return groups


def _origins(number: int, tournament: Tournament, played: Played) -> NDArray[np.uint64]:
    """What tells one match from another [N, 2]: its seeds, so that the same match recorded twice is one; in a file, its row."""
    if tournament.source != "play":
        return np.column_stack((np.full(len(played), number, np.uint64), played.index.astype(np.uint64)))
    return np.column_stack((played.seed, played.chance_seed))


def _first_of_each(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of equal rows [N, K] the first, ascending."""
    ends = np.arange(1, len(rows) + 1) * rows.shape[1]
    first, _ = different_rows(Ragged(rows.reshape(-1), ends))
    return first


def _numbered_units(groups: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The number of the unit of each match, tournament by tournament, within one in the order of its groups' numbers."""
    numbered: list[NDArray[np.int64]] = []
    before = 0
    for group in groups:
        different, number = np.unique(group, return_inverse=True)
        numbered.append(before + number)
        before += len(different)
    return np.concatenate(numbered)


def _utility(name: str) -> Utility:
    assert name in get_args(Utility), name
    utility: Utility = name  # type: ignore[assignment]  # checked in the line above
    return utility
