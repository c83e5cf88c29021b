"""How a tournament whose pairing looks at results stands: a Swiss table, a bracket, what is decided of an aim. As values for pages and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arena.config import TournamentConfig, make_config
from arena.entrants import entrant_labels
from arena.games import ArenaError
from arena.leaderboards.aims import Comparison, parse_aim
from arena.leaderboards.decided import Conclusion, decided
from arena.leaderboards.propensities import effective_matches, uniform_field
from arena.leaderboards.record import Record
from arena.ledger import Ledger, Played, Tournament
from arena.pairing.adaptive import record_of
from arena.pairing.knockout import Bracket, Knockout, Tie
from arena.pairing.rule import rule_of
from arena.pairing.swiss import Swiss, SwissRow, swiss_table
from arena.rounds import LOOKING, PlayedRound, half_points, played_rounds, read_rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class SwissState:
    """``rows``: the table, the leader first; ``rounds`` of ``planned`` are complete."""

    labels: tuple[str, ...]
    rows: tuple[SwissRow, ...]
    rounds: int
    planned: int

    @property
    def sentence(self) -> str:
        done = f"after {self.rounds} of {self.planned} rounds"
        if not self.rounds:
            return f"no round is complete yet; {self.planned} are planned"
        first, second = self.rows[0], self.rows[1]
        if first.points > second.points:
            return f"{self.labels[first.entrant]} leads the Swiss table with {first.points:g} points {done}"
        level = sum(row.points == first.points for row in self.rows)
        return f"{level} agents lead the Swiss table with {first.points:g} points each {done}; tie-breaks order them"

    def to_dict(self) -> dict[str, object]:
        return {
            "kind": "swiss",
            "sentence": self.sentence,
            "rounds": self.rounds,
            "planned_rounds": self.planned,
            "table": [
                {
                    "agent": self.labels[row.entrant],
                    "points": row.points,
                    "buchholz": row.buchholz,
                    "sonneborn_berger": row.sonneborn_berger,
                    "share": row.share,
                    "byes": row.byes,
                    "opponents": [[self.labels[other] for other in others] for others in row.opponents],
                }
                for row in self.rows
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class KnockoutState:
    """The bracket, whose entrants are numbers of ``labels``."""

    labels: tuple[str, ...]
    bracket: Bracket
    further: int

    @property
    def sentence(self) -> str:
        stages = self.bracket.stages
        if self.bracket.winner is None:
            open_ties = next(sum(tie.winner is None for tie in stage) for stage in stages if _is_open(stage))
            return (
                f"{open_ties} {'tie is' if open_ties == 1 else 'ties are'} open in the {self.stage_name(self._open())}"
            )
        final = stages[-1][0]
        assert final.first is not None and final.second is not None
        loser = final.second if final.winner == final.first else final.first
        how = {
            "points": "",
            "further pairs": " after further pairs",
            "seed": ", level in the final, as the better seed"
            if final.matches
            else ", where the game failed in every match of the final, as the better seed",
        }
        said = f"{self.labels[self.bracket.winner]} wins the knockout against {self.labels[loser]} in the final"
        return said + how[final.how or "points"]

    def stage_name(self, number: int) -> str:
        """``final``, ``semi-finals``, ``quarter-finals``, ``round of 16``."""
        ties = len(self.bracket.stages[number])
        return {1: "final", 2: "semi-finals", 4: "quarter-finals"}.get(ties, f"round of {2 * ties}")

    def _open(self) -> int:
        return next(number for number, stage in enumerate(self.bracket.stages) if _is_open(stage))

    def to_dict(self) -> dict[str, object]:
        return {
            "kind": "knockout",
            "sentence": self.sentence,
            "winner": self._name(self.bracket.winner),
            "further_pairs": self.further,
            "rule": "a tie that stays level after the further pairs is won by the better seed, who is listed first",
            "stages": [
                {"name": self.stage_name(number), "ties": [self._tie(tie) for tie in stage]}
                for number, stage in enumerate(self.bracket.stages)
            ],
        }

    def _tie(self, tie: Tie) -> dict[str, object]:
        return {
            "first": self._name(tie.first),
            "second": self._name(tie.second),
            "points": [halves / 2 for halves in tie.half_points],
            "matches": tie.matches,
            "further_pairs": tie.pairs,
            "winner": self._name(tie.winner),
            "how": tie.how,
        }

    def _name(self, entrant: int | None) -> str | None:
        return None if entrant is None else self.labels[entrant]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveState:
    """What is decided. ``mean_score`` float64 [A]: each agent's share of the points against the whole field, matches weighted by the
    inverse of their propensities, nan without matches; ``effective`` float64 [A]: how many equally weighted matches tell as much;
    ``matches`` int64 [A]: played. ``all_met``: whether every two agents met, so that every opponent counts the same.
    """

    conclusion: Conclusion
    mean_score: NDArray[np.float64]
    effective: NDArray[np.float64]
    matches: NDArray[np.int64]
    all_met: bool
    rounds: int

    @property
    def sentence(self) -> str:
        return self.conclusion.sentence

    def to_dict(self) -> dict[str, object]:
        said = self.conclusion
        return {
            "kind": "adaptive",
            "sentence": self.sentence,
            "aim": str(said.aim),
            "decided": said.decided,
            "error_rate": said.error_rate,
            "members": list(said.members),
            "open": list(said.open),
            "rounds": self.rounds,
            "all_met": self.all_met,
            "agents": [
                {
                    "agent": agent,
                    "mean_score": _number(self.mean_score[i]),
                    "effective_matches": float(self.effective[i]),
                    "matches": int(self.matches[i]),
                    "estimate": _number(said.score[i]),
                    "low": _number(said.low[i]),
                    "high": _number(said.high[i]),
                }
                for i, agent in enumerate(said.agents)
            ],
        }


PairingState = SwissState | KnockoutState | AdaptiveState


def pairing_state(ledger: Ledger, tournament: Tournament) -> PairingState | None:
    """How a tournament stands after its complete rounds; None where its pairing does not look at results.

    Raises:
        ArenaError: a round is damaged, or the configuration cannot be read.
    """
    if tournament.source != "play" or tournament.config.get("pairing") not in LOOKING:
        return None
    config = make_config(
        {**tournament.config, "seed": tournament.seed}, source=f"the configuration of {tournament.key}"
    )
    past = played_rounds(tournament, read_rounds(ledger, tournament), ledger.played(tournament))
    labels = entrant_labels(tournament)
    if config.pairing == "adaptive":
        return _adaptive(config, labels, past)
    rule = rule_of(config, len(tournament.sides))
    if isinstance(rule, Knockout):
        return KnockoutState(labels=labels, bracket=rule.bracket(past), further=rule.further)
    assert isinstance(rule, Swiss)
    return SwissState(labels=labels, rows=tuple(swiss_table(len(labels), past)), rounds=len(past), planned=rule.rounds)


def conclusion_of(ledger: Ledger, tournament: Tournament, played: Played) -> Conclusion:
    """What the complete rounds of an adaptive tournament decide; ``played``: its matches as the ledger has them."""
    config = make_config(
        {**tournament.config, "seed": tournament.seed}, source=f"the configuration of {tournament.key}"
    )
    past = played_rounds(tournament, read_rounds(ledger, tournament), played)
    return _conclusion(config, record_of(entrant_labels(tournament), past))


def _conclusion(config: TournamentConfig, record: Record) -> Conclusion:
    aim = parse_aim(config.aim or "")
    if isinstance(aim, Comparison):  # of names, as the file has them; the record has labels
        label = dict(zip(config.entrants, record.agents, strict=True))
        aim = replace(aim, first=label[aim.first], second=label[aim.second])
    return decided(record, aim, error_rate=config.error_rate)


def _adaptive(config: TournamentConfig, labels: tuple[str, ...], past: Sequence[PlayedRound]) -> AdaptiveState:
    record = record_of(labels, past)
    drawn = [(one.round.propensities, one.rotations) for one in past if one.round.propensities is not None]
    propensity = np.concatenate([np.zeros(0), *(np.repeat(each, 2 * rotations) for each, rotations in drawn)])
    try:
        weighted, all_met = uniform_field(record, propensity, kind="pair"), True
    except ArenaError:  # some never met: every draw counts the same, and not every opponent
        weighted, all_met = uniform_field(record, propensity, kind="field"), False
    shares = np.concatenate([np.zeros((0, 2)), *(_shares(one.played) for one in past)])
    size = len(labels)
    mean, effective = np.full(size, np.nan), np.zeros(size)
    matches = np.bincount(record.seats.ravel(), minlength=size)
    for agent in range(size):
        rows, seats = np.nonzero(record.seats == agent)
        if len(rows):
            mean[agent] = np.average(shares[rows, seats], weights=weighted.weight[rows])
            effective[agent] = effective_matches(weighted.weight[rows])
    return AdaptiveState(
        conclusion=_conclusion(config, record),
        mean_score=mean,
        effective=effective,
        matches=matches,
        all_met=all_met,
        rounds=len(past),
    )


def _shares(played: Played) -> NDArray[np.float64]:
    """The share of the points of both sides of each match [N, 2]."""
    return half_points(played) / 2


def _is_open(stage: Sequence[Tie]) -> bool:
    return any(tie.winner is None for tie in stage)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
