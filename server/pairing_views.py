"""A tournament whose pairing looks at results, for pages: Swiss table, bracket, what is decided of an aim, and its rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arena.entrants import entrant_labels
from arena.ledger import Ledger
from arena.ledger_rows import Json, Played, Tournament
from arena.pairing.knockout import Tie
from arena.pairing.state import AdaptiveState, KnockoutState, SwissState, pairing_state
from arena.rounds import LOOKING, PlayedRound, Round, played_rounds, read_rounds
from arena.server import numbers
from arena.server.drawing.bars import score_interval
from arena.server.drawing.bracket import Place, bracket_drawing, first_drawn

HOW_WORDS = {
    "points": "by points",
    "further pairs": "after further pairs",
    "seed": "level; the better seed goes on",
    "bye": "a bye",
}
ROUNDS_SHOWN = 12
"""The newest ones; all are in the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Who met in a round. ``points`` of each in words, '' before all is played; ``first``: its first match, None before it is
    recorded; ``probability`` with which it was drawn, '' where nothing was."""

    agents: tuple[str, ...]
    points: tuple[str, ...]
    first: int | None
    probability: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundView:
    """``number`` from 1; ``resting``: who has a bye."""

    number: int
    complete: bool
    matches: int
    meetings: tuple[Meeting, ...]
    resting: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwissLine:
    """A row of the Swiss table in words. ``rounds``: of each round the opponents, and what it counted."""

    place: int
    agent: str
    points: str
    buchholz: str
    sonneborn_berger: str
    share: str
    rounds: tuple[tuple[tuple[str, ...], str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TieLine:
    """A tie in words; '' for what is not known."""

    stage: str
    first: str
    second: str
    points: str
    winner: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AimLine:
    """What is known of an agent of an adaptive tournament. ``standing``: decided, open, or ''."""

    agent: str
    estimate: str
    drawing: Markup
    mean_score: str
    effective: str
    matches: str
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingView:
    """``kind``: swiss, knockout or adaptive, of which one part is filled."""

    kind: str
    sentence: str
    rounds: tuple[RoundView, ...]
    num_rounds: int
    swiss: tuple[SwissLine, ...] = ()
    ties: tuple[TieLine, ...] = ()
    bracket: Markup | None = None
    undrawn: int = 0
    rule: str = ""
    aim: str = ""
    decided: bool = False
    error_rate: str = ""
    open: tuple[str, ...] = ()
    agents: tuple[AimLine, ...] = ()
    all_met: bool = True


def pairing_view(ledger: Ledger, tournament: Tournament, played: Played) -> PairingView | None:
    """How a tournament stands after its complete rounds; None where its pairing does not look at results.

    Raises:
        ArenaError: a round is damaged.
    """
    state = pairing_state(ledger, tournament)
    if state is None:
        return None
    decided = read_rounds(ledger, tournament)
    past = played_rounds(tournament, decided, played)
    labels = entrant_labels(tournament)
    every = rounds_of(labels, decided, past, played)
    shown = every[::-1][:ROUNDS_SHOWN]
    if isinstance(state, SwissState):
        return PairingView(
            kind="swiss", sentence=state.sentence, rounds=shown, num_rounds=len(every), swiss=_swiss(state, past)
        )
    if isinstance(state, KnockoutState):
        stages = state.bracket.stages
        begin = first_drawn([len(stage) for stage in stages])
        drawn = [
            (state.stage_name(number), [_places(tie, state.labels) for tie in stage])
            for number, stage in enumerate(stages)
            if number >= begin
        ]
        return PairingView(
            kind="knockout",
            sentence=state.sentence,
            rounds=shown,
            num_rounds=len(every),
            ties=tuple(_tie_line(state, number, tie) for number, stage in enumerate(stages) for tie in stage),
            bracket=bracket_drawing(drawn, f"Bracket: {state.sentence}"),
            undrawn=begin,
            rule=str(state.to_dict()["rule"]),
        )
    return _adaptive(state, shown, len(every))


def rounds_of(
    labels: Sequence[str], decided: Sequence[Round], past: Sequence[PlayedRound], played: Played
) -> tuple[RoundView, ...]:
    """The rounds in order, those that are being played too."""
    found, first = [], 0
    recorded = set(played.index.tolist()) if len(past) < len(decided) else None
    for number, one in enumerate(decided):
        done = past[number] if number < len(past) else None
        points = None if done is None else _points(done)
        sides = one.lineups.shape[1]
        meetings = []
        for slot, lineup in enumerate(one.lineups.tolist()):
            match = first + slot * sides
            meetings.append(
                Meeting(
                    agents=tuple(labels[entrant] for entrant in lineup),
                    points=tuple(f"{got:g}" for got in (points and points[slot]) or ()),
                    first=match if done is not None or (recorded is not None and match in recorded) else None,
                    probability="" if one.propensities is None else numbers.probability(float(one.propensities[slot])),
                )
            )
        seen = set(one.lineups.ravel().tolist())
        found.append(
            RoundView(
                number=number + 1,
                complete=done is not None,
                matches=one.matches,
                meetings=tuple(meetings),
                resting=tuple(label for entrant, label in enumerate(labels) if entrant not in seen),
            )
        )
        first += one.matches
    return tuple(found)


def rounds_told(ledger: Ledger, tournament: Tournament, played: Played) -> tuple[Json | None, list[Json]]:
    """What the API says: (the state as the library has it, all rounds with the probabilities of their pairings).

    Raises:
        ArenaError: a round is damaged.
    """
    state = pairing_state(ledger, tournament)
    decided = read_rounds(ledger, tournament) if tournament.config.get("pairing") in LOOKING else []
    past = played_rounds(tournament, decided, played)
    labels = entrant_labels(tournament)
    rounds: list[Json] = []
    first = 0
    for number, one in enumerate(decided):
        done = past[number] if number < len(past) else None
        rounds.append(
            {
                "number": number + 1,
                "first_match": first,
                "matches": one.matches,
                "complete": done is not None,
                "lineups": [[labels[entrant] for entrant in lineup] for lineup in one.lineups.tolist()],
                "points": None if done is None else _points(done),
                "propensities": None if one.propensities is None else one.propensities.tolist(),
            }
        )
        first += one.matches
    return None if state is None else state.to_dict(), rounds


def _points(one: PlayedRound) -> list[list[float] | None]:
    """Of each lineup the points of its entrants; None where the game failed and nothing was played."""
    points = (one.half_points / 2).tolist()
    return [got if rotations else None for got, rotations in zip(points, one.rotations.tolist(), strict=True)]


def _swiss(state: SwissState, past: Sequence[PlayedRound]) -> tuple[SwissLine, ...]:
    counted = [_counted(one) for one in past]
    return tuple(
        SwissLine(
            place=place,
            agent=state.labels[row.entrant],
            points=f"{row.points:g}",
            buchholz=f"{row.buchholz:g}",
            sonneborn_berger=f"{row.sonneborn_berger:g}",
            share=numbers.MISSING if row.share is None else numbers.percent(row.share),
            rounds=tuple(
                (tuple(state.labels[other] for other in others), counted[at].get(row.entrant, "bye"))
                for at, others in enumerate(row.opponents)
            ),
        )
        for place, row in enumerate(state.rows, 1)
    )


def _counted(one: PlayedRound) -> dict[int, str]:
    """Of a round, what it counted for each entrant that played in it: the part of the others that have fewer points."""
    found = {}
    columns = one.round.lineups.tolist(), one.half_points.tolist(), one.rotations.tolist()
    for lineup, halves, rotations in zip(*columns, strict=True):
        for side, entrant in enumerate(lineup if rotations else []):
            above = sum((halves[side] > other) + 0.5 * (halves[side] == other) for other in halves) - 0.5
            value = above / (len(lineup) - 1)
            found[entrant] = "½" if value == 0.5 else f"{value:g}"
    return found


def _places(tie: Tie, labels: Sequence[str]) -> tuple[Place, Place]:
    bye = tie.how == "bye"

    def place(entrant: int | None, halves: int) -> Place:
        won = tie.winner is not None and tie.winner == entrant
        if entrant is None:
            return Place(name="nobody, a bye" if bye else "", points="", won=False)
        return Place(name=labels[entrant], points=f"{halves / 2:g}" if tie.matches else "", won=won)

    return place(tie.first, tie.half_points[0]), place(tie.second, tie.half_points[1])


def _tie_line(state: KnockoutState, stage: int, tie: Tie) -> TieLine:
    first, second = _places(tie, state.labels)
    return TieLine(
        stage=state.stage_name(stage),
        first=first.name,
        second="" if tie.how == "bye" else second.name,
        points=f"{first.points} : {second.points}" if tie.matches else "",
        winner="" if tie.winner is None else state.labels[tie.winner],
        how="" if tie.how is None else HOW_WORDS[tie.how],
    )


def _adaptive(state: AdaptiveState, shown: tuple[RoundView, ...], num_rounds: int) -> PairingView:
    said = state.conclusion
    lines = []
    for at, agent in enumerate(said.agents):
        score, low, high = float(said.score[at]), float(said.low[at]), float(said.high[at])
        lines.append(
            AimLine(
                agent=agent,
                estimate=numbers.MISSING if math.isnan(score) else _between(score, low, high),
                drawing=score_interval(score, low, high),
                mean_score=numbers.percent(float(state.mean_score[at])),
                effective=f"{state.effective[at]:,.0f}",
                matches=numbers.count(int(state.matches[at])),
                standing="decided" if agent in said.members else "open" if agent in said.open else "",
            )
        )
    order = sorted(range(len(lines)), key=lambda at: (-_or(float(said.score[at])), lines[at].agent))
    return PairingView(
        kind="adaptive",
        sentence=said.sentence,
        rounds=shown,
        num_rounds=num_rounds,
        aim=str(said.aim),
        decided=said.decided,
        error_rate=f"{100 * said.error_rate:g}{numbers.NBSP}%",
        open=said.open,
        agents=tuple(lines[at] for at in order),
        all_met=state.all_met,
    )


def _between(score: float, low: float, high: float) -> str:
    ends = [numbers.MISSING if math.isnan(end) else f"{100 * end:.0f}" for end in (low, high)]
    return f"{100 * score:.0f} ({ends[0]}–{ends[1]}){numbers.NBSP}%"


def _or(value: float) -> float:
    return -1.0 if math.isnan(value) else value
