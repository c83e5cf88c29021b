"""Mean returns with the luck taken out of them, beside those that were paid: what `arena leaderboard GAME --adjusted` shows."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.agents import load_agent
from arena.counterfactual import Where
from arena.executor import close_agents
from arena.games import Agent, ArenaError, ClockedAgent, Game, NotProvided, load_game
from arena.games.compile_tree import compile_tree
from arena.games.ragged import Ragged
from arena.games.recorded_walk import different_rows
from arena.games.sides import side_returns
from arena.leaderboards.control_variates import AdjustedMean, MeanError, adjusted_means
from arena.leaderboards.record import Record
from arena.leaderboards.stopped import stopped_note
from arena.leaderboards.wording import listed, signed
from arena.ledger import Ledger, Tournament
from arena.rated_matches import RatedMatches
from arena.recorded_returns import Recorded, Values, adjusted_by_aivat, adjusted_by_chance
from arena.results import NOBODY, MatchResults
from arena.roster import playable
from arena.solvers.policy_table import AnyPolicy, policy_of, strategy_of
from arena.standings import canonical_game, rated_matches

KINDS_WITH_PROBABILITIES = ("policy", "uniform", "checkpoint")  # others are not loaded to be asked

Method = Literal["aivat", "chance", "twins"]
"""AIVAT on the game's tree; regression on recorded chance outcomes; pairs of seat-swapped twins and nothing else."""

METHOD_WORDS: Mapping[Method, str] = {
    "aivat": "AIVAT",
    "chance": "regression on the chance outcomes",
    "twins": "seat-swapped twins alone",
}
LEAST_DIGITS, MOST_DIGITS = 3, 6
MISFIT = 5.0
"""Standard errors by which raw and adjusted means may differ: beyond, the probabilities are not those that were played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedReturns:
    """Each agent's mean return, raw and adjusted, the best first.

    ``method``: the strongest that fits. ``known``: agents whose probabilities took their luck out. ``agents``: over all
    opponents; ``pairs``: against each one, in games of two. ``notes``: what a reader must know, and why stronger methods
    do not fit.
    """

    game: str
    title: str
    method: Method
    known: tuple[str, ...]
    agents: tuple[AdjustedMean, ...]
    pairs: tuple[AdjustedMean, ...]
    matches: int
    confidence: float
    notes: tuple[str, ...]
    tournaments: tuple[str, ...] = ()
    computed_at: str = ""

    @property
    def finding(self) -> str:
        """What the adjustment is worth, in a sentence or two."""
        sampled = [mean for mean in self.agents if mean.matches]
        if not sampled:
            return "No match was played to its end between two agents: there is no mean return to adjust."
        first = sampled[0]
        if self.method == "twins":
            return f"{first.agent} earns {_interval(first.raw)} a match. {_twins(sampled)}"
        known = f", with the probabilities of {listed(self.known)}" if self.known else ""
        said = f"{first.agent} earns {_interval(first.adjusted)} a match with luck taken out, {_interval(first.raw)} as paid"
        worth = [mean.worth for mean in sampled if mean.worth is not None]
        exact = all(mean.is_exact for mean in sampled)
        if exact:
            return f"{said}: by {METHOD_WORDS[self.method]}{known}; what is known decides them alone, so that no error is left."
        if not worth:
            return f"{said}: {METHOD_WORDS[self.method]}{known}."
        least, most = _times(min(worth)), _times(max(worth))
        span = least if least == most else f"{least} to {most}"
        return f"{said}: by {METHOD_WORDS[self.method]}{known}, these {self.matches:,} matches are worth {span} times as many."

    def to_dict(self) -> dict[str, object]:
        """What ``--json`` prints; numbers that there are not are null."""
        return {
            "game": self.game,
            "title": self.title,
            "finding": self.finding,
            "method": self.method,
            "known": list(self.known),
            "matches": self.matches,
            "confidence": self.confidence,
            "agents": [_mean_dict(mean) for mean in self.agents],
            "pairs": [_mean_dict(mean) for mean in self.pairs],
            "notes": list(self.notes),
            "tournaments": list(self.tournaments),
            "computed_at": self.computed_at,
        }


def adjusted_returns(
    game: Game,
    results: MatchResults,
    policies: Mapping[str, AnyPolicy | None],
    *,
    values: Values = "fitted",
    confidence: float = 0.95,
) -> AdjustedReturns:
    """Mean returns of match results, raw and with the luck taken out by the strongest method that fits.

    Source: Burch et al., AIVAT, AAAI 2018, arXiv:1612.06915; see `arena.solvers.aivat`.

    Args:
        game: what was played.
        results: of `play`, or `Ledger.results`; matches of one chance seed are twins.
        policies: name -> what the agent plays by, None where that is not known; in the order of the numbers in
            ``results.specs.seats``.
        values: of AIVAT: ``fitted`` (how unknown agents were seen to play in other matches), ``uniform``, ``equilibrium``.
        confidence: of the intervals.

    Raises:
        ValueError: more agents on the seats than policies.
    """
    seats, names = results.specs.seats, tuple(policies)
    if seats.max(initial=-1) >= len(names):
        raise ValueError(f"policies must name all {int(seats.max()) + 1} agents in the order of their numbers")
    if any(len(side) > 1 for side in game.info.sides):
        raise ValueError("results of games of teams are adjusted from a ledger, which knows the teams")
    matches = Recorded(
        seats=seats,
        returns=results.returns,
        forfeit=results.forfeit.astype(np.int64),
        chance_seed=results.specs.chance_seed,
        actions=results.actions,
        has_moves=np.ones(len(results), np.bool_),
    )
    record = Record(
        agents=names,
        seats=seats,
        returns=results.returns,
        forfeit=matches.forfeit,
        pair=different_rows(Ragged(matches.chance_seed.view(np.int64), np.arange(1, len(results) + 1)))[1],
        weight=np.ones(len(results)),
        utility=game.info.utility,
    )
    known = {number: policy for number, policy in enumerate(policies.values()) if policy is not None}
    return _adjusted(game, record, matches, names, known, values=values, confidence=confidence)


def adjusted_record(record: Record, *, name: str, confidence: float = 0.95) -> AdjustedReturns:
    """Mean returns of matches without moves, of a file for example: twins are all there is."""
    agents, pairs = adjusted_means(record, record.returns, confidence=confidence)
    note = "AIVAT and regression on chance outcomes need the moves of matches, which these records do not have"
    return AdjustedReturns(
        game=name,
        title=name,
        method="twins",
        known=(),
        agents=_ordered(agents),
        pairs=pairs,
        matches=_played_out(record),
        confidence=confidence,
        notes=(note, *_left_out(record)),
    )


def adjusted_standings(
    ledger: Ledger,
    game: str,
    *,
    tournament: str | None = None,
    where: Where | None = None,
    values: Values = "fitted",
    confidence: float = 0.95,
) -> AdjustedReturns:
    """Mean returns of a game's rated matches in a ledger, raw and with the luck taken out.

    Args:
        ledger: with the matches and the agents.
        game, tournament, where: which matches, as of `arena.standings.standings`.
        values, confidence: as of `adjusted_returns`.

    Raises:
        ArenaError: as `arena.standings.standings`.
    """
    rated = rated_matches(ledger, game, tournament=tournament, where=where)
    chosen = [ledger.tournament(key) for key in rated.keys]
    loaded = load_game(canonical_game(ledger, game))
    labels: dict[str, int] = {}
    matches = _from_ledger(ledger, chosen, rated, labels)
    agents = {agent.label: agent for one in chosen for agent in one.agents}
    known: dict[int, AnyPolicy] = {}
    opened: list[Agent | ClockedAgent] = []
    notes: list[str] = []
    try:
        for label, number in labels.items():
            if agents[label].kind not in KINDS_WITH_PROBABILITIES:
                continue
            try:
                agent = load_agent(playable(agents[label], ledger), game=loaded)
            except ArenaError as error:
                notes.append(f"the probabilities of {label} are not used: {error}")
                continue
            opened.append(agent)
            policy = policy_of(agent)
            if policy is not None:
                known[number] = policy
        found = _adjusted(
            loaded, rated.record, matches, tuple(labels), known, values=values, confidence=confidence, notes=notes
        )
    finally:
        close_agents(opened)
    more = [stopped_note(stopped=len(rated.verdicts), tournaments=len(chosen))] if rated.verdicts else []
    return AdjustedReturns(
        game=found.game,
        title=chosen[0].game_title,
        method=found.method,
        known=found.known,
        agents=found.agents,
        pairs=found.pairs,
        matches=found.matches,
        confidence=confidence,
        notes=(*more, *found.notes),
        tournaments=rated.keys,
        computed_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def _from_ledger(
    ledger: Ledger, tournaments: Sequence[Tournament], rated: RatedMatches, labels: dict[str, int]
) -> Recorded:
    """The rated matches with their moves, in the order of the record; ``labels`` gets a number for each agent."""
    parts: list[tuple[MatchResults, NDArray[np.int64], bool]] = []
    for number, tournament in enumerate(tournaments):
        results = ledger.results(tournament)
        wanted = rated.number[rated.tournament == number]
        chosen = results.take(np.searchsorted(results.specs.index, wanted))
        numbers = np.array([labels.setdefault(a.label, len(labels)) for a in tournament.agents] + [NOBODY], np.int64)
        parts.append((chosen, numbers[chosen.specs.seats], tournament.source == "play"))
    return Recorded(
        seats=np.concatenate([seats for _, seats, _ in parts]),
        returns=np.concatenate([results.returns for results, _, _ in parts]),
        forfeit=np.concatenate([results.forfeit for results, _, _ in parts]).astype(np.int64),
        chance_seed=np.concatenate([results.specs.chance_seed for results, _, _ in parts]),
        actions=Ragged.joined([results.actions for results, _, _ in parts]),
        has_moves=np.concatenate([np.full(len(results), played) for results, _, played in parts]),
    )


def _adjusted(
    game: Game,
    record: Record,
    matches: Recorded,
    names: tuple[str, ...],
    policies: Mapping[int, AnyPolicy],
    *,
    values: Values,
    confidence: float,
    notes: Sequence[str] = (),
) -> AdjustedReturns:
    """By the strongest method that fits. ``names``: of the agents on the players' seats."""
    said = list(notes)
    method: Method = "twins"
    known: list[str] = []
    returns = matches.returns
    try:
        strategies = _strategies(game, policies)
        found = adjusted_by_aivat(game, matches, strategies, values=values)
        method, returns = "aivat", found.returns
        known = [names[number] for number in strategies if number not in found.doubted]
        if found.doubted:
            doubted = listed([names[number] for number in sorted(found.doubted)])
            said.append(f"matches of {doubted} went where its probabilities never lead, so that these are not used")
    except (NotProvided, ArenaError) as error:
        said.append(f"AIVAT does not apply: {error}")
        try:
            found = adjusted_by_chance(game, matches)
            method, returns = "chance", found.returns
        except NotProvided as second:
            said.append(f"regression on chance outcomes does not apply either: {second}")
    if not matches.has_moves.all():
        said.append(f"{int((~matches.has_moves).sum()):,} matches were imported without moves, and count as paid")
    by_side = returns if returns.shape == record.returns.shape else side_returns(returns, game.info.sides)
    agents, pairs = adjusted_means(record, by_side, confidence=confidence)
    said += _misfits(record, by_side) + _left_out(record)
    return AdjustedReturns(
        game=game.info.specification,
        title=game.info.title,
        method=method,
        known=tuple(known),
        agents=_ordered(agents),
        pairs=pairs,
        matches=_played_out(record),
        confidence=confidence,
        notes=tuple(said),
    )


def _strategies(game: Game, policies: Mapping[int, AnyPolicy]) -> dict[int, NDArray[np.float64]]:
    """The probabilities [S] of the agents that tell them, on the game's tree; of others nothing is known."""
    tree = compile_tree(game)
    found: dict[int, NDArray[np.float64]] = {}
    for number, policy in policies.items():
        found[number] = strategy_of(game, tree, policy)
    return found


def _misfits(record: Record, adjusted: NDArray[np.float64]) -> list[str]:
    """Raw and adjusted means have one expectation; where they differ by more than luck allows, something is wrong."""
    differences, _ = adjusted_means(record, record.returns - adjusted)
    found = []
    for mean in differences:
        gap = mean.adjusted
        if gap.error > 0 and abs(gap.mean) > MISFIT * gap.error and mean.units > 30:
            found.append(
                f"raw and adjusted means of {mean.agent} differ by {signed(gap.mean, 3)}, {abs(gap.mean) / gap.error:.0f} "
                "standard errors: the probabilities used are not those that were played, so trust the raw mean"
            )
    return found


def _left_out(record: Record) -> list[str]:
    forfeited = int((record.forfeit >= 0).sum())
    if not forfeited:
        return []
    return [f"{forfeited:,} forfeited matches are left out of both means: a fault is neither luck nor strength"]


def _played_out(record: Record) -> int:
    return int(((record.forfeit < 0) & (record.weight > 0)).sum())


def _ordered(means: Sequence[AdjustedMean]) -> tuple[AdjustedMean, ...]:
    """The best adjusted mean first; who played no match comes last."""
    return tuple(sorted(means, key=lambda mean: (not mean.matches, -mean.adjusted.mean if mean.matches else 0.0)))


def _interval(mean: MeanError) -> str:
    """``+0.312 ±0.021``; without a half width where there is none."""
    digits, half = digits_of(mean), mean.half_width
    return signed(mean.mean, digits) + (f" ±{half:.{digits}f}" if half > 0 else "")


def digits_of(mean: MeanError) -> int:
    """Digits behind the point that say something of a mean: two of its half width, at least three."""
    half = mean.half_width
    return min(MOST_DIGITS, max(LEAST_DIGITS, 1 - math.floor(math.log10(half)))) if half > 0 else LEAST_DIGITS


def _twins(means: Sequence[AdjustedMean]) -> str:
    worth = [mean.twins_worth for mean in means if mean.twins_worth is not None]
    if not worth:
        return "What twins are worth is not known from so few matches."
    least, most = _times(min(worth)), _times(max(worth))
    span = least if least == most else f"{least} to {most}"
    return f"Seat-swapped twins make these matches worth {span} times as many without twins."


def _times(worth: float) -> str:
    return f"{worth:.1f}" if worth < 10 else f"{worth:,.0f}"


def _mean_dict(mean: AdjustedMean) -> dict[str, object]:
    return {
        "agent": mean.agent,
        "against": mean.against,
        "matches": mean.matches,
        "units": mean.units,
        "raw": _numbers(mean.raw),
        "adjusted": _numbers(mean.adjusted),
        "worth": mean.worth,
        "twins_worth": mean.twins_worth,
        "exact": mean.is_exact,
    }


def _numbers(mean: MeanError) -> dict[str, float | None]:
    values = {"mean": mean.mean, "error": mean.error, "low": mean.low, "high": mean.high}
    return {key: value if np.isfinite(value) else None for key, value in values.items()}
