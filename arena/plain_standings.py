"""A leaderboard recomputed from the raw matches in the plainest way, one after the other: what `arena verify` compares with.

Nothing is shared with the ratings but the rules that documents state: who is ahead of whom, what a forfeit is, that a match of
P players is a comparison of every two with weight 1 / (P - 1). Ratings are not fitted again: at the maximum of the likelihood
each agent has the points that the ratings expect of it, and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice

import networkx as nx

from arena.entrants import by_side, entrant_labels
from arena.ledger import Ledger, Tournament
from arena.repeated_games import DRAWS, MAY_DRAW, REPEATS_NEEDED, drawing_of_entrants, has_chance
from arena.results import Termination
from arena.rounds import read_rounds
from arena.standings import Standings
from arena.verdict import decision_recorded, matches_rated

ELO = 400 / math.log(10)
POINT_TOLERANCE = 1e-6
"""Points a match: how far what ratings expect may be from what was scored."""


@dataclass(slots=True)
class PlainRow:
    """What one agent did."""

    matches: int = 0
    wins: int = 0
    draws: int = 0
    losses: int = 0
    forfeits: int = 0
    points: float = 0.0
    returns: float = 0.0
    earnings: int = 0
    against: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Opponent -> (points, weight of comparisons)."""

    def compared(self, other: str, points: float, weight: float) -> None:
        before = self.against.get(other, (0.0, 0.0))
        self.against[other] = (before[0] + weight * points, before[1] + weight)


@dataclass(frozen=True, slots=True)
class _Match:
    agents: tuple[str, ...]
    returns: tuple[float, ...]
    forfeit: int
    moves: bytes | None
    """None where the match is of a file: it repeats no other."""
    weight: float = field(default=1.0, compare=False)
    """Of comparisons; points and returns are counted as played."""


def plain_rows(ledger: Ledger, tournaments: Sequence[Tournament]) -> dict[str, PlainRow]:
    """What each agent did in the rated matches of these tournaments of one game."""
    matches = _without_copies(ledger, tournaments, list(_matches(ledger, tournaments)))
    if len(tournaments) == 1 and tournaments[0].config.get("pairing") == "adaptive":
        matches = _as_if_uniform(ledger, tournaments[0], matches)
    worst = min((min(match.returns) for match in matches if match.forfeit < 0), default=math.inf)
    rows: dict[str, PlainRow] = {}
    for match in matches:
        for seat, agent in enumerate(match.agents):
            others = [other for other, name in enumerate(match.agents) if name != agent]
            if others or len(match.agents) == 1:
                _count(rows.setdefault(agent, PlainRow()), match, seat, others, worst)
    return rows


def board_differences(found: Standings, rows: dict[str, PlainRow]) -> list[str]:
    """What a leaderboard says that the plain count does not."""
    board, said = found.leaderboard, []
    shown = {row.agent: row for row in board.rows}
    for agent in sorted(rows.keys() ^ shown.keys()):
        said.append(f"{agent} is {'not on the board' if agent in rows else 'on the board without a match'}")
    for agent in sorted(rows.keys() & shown.keys()):
        row, plain = shown[agent], rows[agent]
        for name in ("matches", "wins", "draws", "losses", "forfeits"):
            if getattr(row, name) != getattr(plain, name):
                said.append(f"{agent}: {name} {getattr(row, name):,}, counted again {getattr(plain, name):,}")
        if not math.isclose(row.score, plain.points / plain.matches, rel_tol=0, abs_tol=1e-9):
            said.append(f"{agent}: score {row.score}, counted again {plain.points / plain.matches}")
        earned = plain.returns / plain.earnings if plain.earnings else math.nan
        if not math.isclose(row.mean_return, earned, rel_tol=1e-9, abs_tol=1e-9) and not (
            math.isnan(row.mean_return) and math.isnan(earned)
        ):
            said.append(f"{agent}: mean return {row.mean_return}, counted again {earned}")
    if board.method in ("elo", "bradley_terry"):
        scale = ELO if board.method == "elo" else 1.0
        ratings = {row.agent: row.rating / scale for row in board.rows if row.agent in rows}
        for group in board.groups:
            said += _rating_differences({agent: ratings[agent] for agent in group if agent in ratings}, rows)
    return said


def _matches(ledger: Ledger, tournaments: Sequence[Tournament]) -> Iterator[_Match]:
    """The rated matches: each once, and none after a verdict."""
    seen: set[tuple[object, ...]] = set()
    for tournament in tournaments:
        labels, names = entrant_labels(tournament), _side_names(tournament)
        rated = None
        if tournament.config.get("pairing") == "decide":
            played = by_side(tournament, ledger.played(tournament))
            rated = matches_rated(decision_recorded(ledger, tournament, played), played)
        count = 0
        for block in ledger.result_blocks(tournament):
            for result in block:
                if rated is not None and count >= rated:
                    break
                count += 1
                if result.termination is Termination.INFRASTRUCTURE:
                    continue
                agents: list[str] = []
                returns: list[float] = []
                forfeit = -1
                for side, players in enumerate(tournament.sides):
                    seats = tuple(result.spec.seats[player] for player in players)
                    if min(seats) < 0:
                        continue
                    if result.forfeited_by in players:
                        forfeit = len(agents)
                    agents.append(labels[seats[0]] if len(set(seats)) == 1 else names[side][seats])
                    returns.append(sum(result.returns[player] for player in players) / len(players))
                key: tuple[object, ...] = (tournament.key, result.spec.index)
                if tournament.source == "play":
                    key = (result.spec.seed, result.spec.chance_seed, *agents)
                if key not in seen:
                    seen.add(key)
                    moves = result.actions.tobytes() if tournament.source == "play" else None
                    yield _Match(tuple(agents), tuple(returns), forfeit, moves)


def _without_copies(ledger: Ledger, tournaments: Sequence[Tournament], matches: list[_Match]) -> list[_Match]:
    """The matches, without those that repeat others move for move between agents that do not draw: `arena.repeated_games`."""
    drawing = drawing_of_entrants(ledger, tournaments)
    companies: dict[tuple[str, ...], list[_Match]] = {}
    for match in matches:
        if match.moves is not None and max((drawing[agent] for agent in match.agents), default=DRAWS) < DRAWS:
            companies.setdefault(tuple(sorted(match.agents)), []).append(match)
    alike: set[tuple[str, ...]] = set()
    for company, played in companies.items():
        games, seatings = set(played), {match.agents for match in played}
        needed = REPEATS_NEEDED if max(drawing[agent] for agent in company) == MAY_DRAW else 1
        if len(games) == len(seatings) and len(played) - len(seatings) >= needed:
            alike |= seatings
    if not alike or has_chance(tournaments[0]):
        return matches
    kept: list[_Match] = []
    seen: set[_Match] = set()
    for match in matches:
        if match.agents not in alike or match.moves is None or match not in seen:
            kept.append(match)
            seen.add(match)
    return kept


def _as_if_uniform(ledger: Ledger, tournament: Tournament, matches: list[_Match]) -> list[_Match]:
    """The matches of an adaptive tournament weighted by the inverse of their propensities, every pair alike where all met."""
    drawn = [
        float(chance)
        for one in read_rounds(ledger, tournament)
        for chance in ([] if one.propensities is None else one.propensities)
        for _ in range(2)
    ][: len(matches)]
    if len(drawn) < len(matches) or ledger.progress(tournament) != len(matches):  # not drawn, or copies are set aside
        return matches
    inverse = [1 / chance for chance in drawn]
    pairs = [frozenset(match.agents) for match in matches]
    total: dict[frozenset[str], float] = {}
    for pair, weight in zip(pairs, inverse, strict=True):
        total[pair] = total.get(pair, 0.0) + weight
    agents = {agent for match in matches for agent in match.agents}
    if len(total) == len(agents) * (len(agents) - 1) // 2:
        inverse = [weight / total[pair] for pair, weight in zip(pairs, inverse, strict=True)]
    mean = sum(inverse) / max(len(inverse), 1)
    return [replace(match, weight=weight / mean) for match, weight in zip(matches, inverse, strict=True)]


def _side_names(tournament: Tournament) -> list[dict[tuple[int, ...], str]]:
    """For each side: the agents of its players -> the label of the mixed team that these are."""
    numbers = {agent.name: number for number, agent in enumerate(tournament.agents)}
    teams = tournament.config.get("teams")
    mixed = list(teams.values()) if isinstance(teams, dict) else []
    labels = entrant_labels(tournament)[len(tournament.agents) :]
    return [
        {
            tuple(islice(cycle([numbers[name] for name in members]), len(players))): label
            for members, label in zip(mixed, labels, strict=True)
        }
        for players in tournament.sides
    ]


def _count(row: PlainRow, match: _Match, seat: int, others: Sequence[int], worst: float) -> None:
    ahead = behind = 0
    for other in others:
        if match.forfeit == other:
            points = 1.0
        elif match.forfeit == seat:
            points = 0.0
        else:
            mine, theirs = match.returns[seat], match.returns[other]
            points = 1.0 if mine > theirs else 0.0 if mine < theirs else 0.5
        ahead, behind = ahead + (points == 1.0), behind + (points == 0.0)
        if points != 0.5 or match.forfeit < 0:  # level where a third failed: not compared
            row.compared(match.agents[other], points, match.weight / (len(match.agents) - 1))
    row.matches += 1
    if others:
        row.points += (ahead + (len(others) - ahead - behind) / 2) / len(others)
    elif match.forfeit != seat:  # nobody is ahead and nobody behind
        row.points += 0.5
    if match.forfeit == seat:
        row.forfeits += 1
    elif behind:
        row.losses += 1
    elif ahead < len(others) or not others:
        row.draws += 1
    else:
        row.wins += 1
    if match.forfeit < 0 or match.forfeit == seat:
        row.returns += match.returns[seat] if match.forfeit < 0 else min(match.returns[seat], worst)
        row.earnings += 1


def _rating_differences(ratings: dict[str, float], rows: dict[str, PlainRow]) -> list[str]:
    """Agents of one group whose points are not what the ratings expect."""
    if len(ratings) < 2:
        return []
    beats: nx.DiGraph[str] = nx.DiGraph()
    beats.add_nodes_from(ratings)
    beats.add_edges_from(
        (agent, other) for agent in ratings for other, (points, _) in rows[agent].against.items() if points
    )
    virtual = 0.0 if nx.is_strongly_connected(beats) else 1.0
    shift = _zero_of_virtual_draws(list(ratings.values())) if virtual else 0.0
    said = []
    for agent, rating in ratings.items():
        scored, expected, weight = virtual / 2, virtual * _win(rating - shift), virtual
        for other, (points, met) in rows[agent].against.items():
            scored, expected, weight = scored + points, expected + met * _win(rating - ratings[other]), weight + met
        if abs(scored - expected) > POINT_TOLERANCE * max(weight, 1.0):
            said.append(f"{agent}: its rating expects {expected:.6f} points of {weight:g}, it scored {scored:.6f}")
    return said


def _zero_of_virtual_draws(ratings: Sequence[float]) -> float:
    """The strength that each agent drew with once where the likelihood alone has no maximum: there these draws cancel."""
    low, high = min(ratings), max(ratings)
    for _ in range(200):
        middle = (low + high) / 2
        if sum(_win(rating - middle) for rating in ratings) > len(ratings) / 2:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _win(difference: float) -> float:
    """σ(x), without overflow."""
    if difference >= 0:
        return 1 / (1 + math.exp(-difference))
    return math.exp(difference) / (1 + math.exp(difference))
