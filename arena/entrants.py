"""Who meets whom in a tournament: its agents, and in games of teams also mixed teams of them, each rated as one."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray

from arena.connection import DamagedLedger
from arena.games.sides import side_of_player, side_returns
from arena.ledger_matches import Columns
from arena.ledger_rows import Played, Tournament
from arena.results import NOBODY, MatchResults


def entrant_labels(tournament: Tournament) -> tuple[str, ...]:
    """The agents' labels, then those of mixed teams: ``mixed(closest@1+weakest@1)``."""
    return (*(agent.label for agent in tournament.agents), *mixed_teams(tournament))


def entrant_label(tournament: Tournament, entrant: int) -> str:
    """One of `entrant_labels`: making all of them for each match of a list takes longer than all the rest of it."""
    agents = tournament.agents
    return agents[entrant].label if entrant < len(agents) else mixed_teams(tournament)[entrant - len(agents)]


def mixed_teams(tournament: Tournament) -> tuple[str, ...]:
    """The labels of a tournament's mixed teams."""
    agents = tournament.agents
    return tuple(
        f"{name}({'+'.join(agents[member].label for member in members)})" for name, members in _teams(tournament)
    )


def by_side(tournament: Tournament, played: Played) -> Played:
    """The same matches with a column a side in place of one a player: which entrant stood there and what the side got.

    ``seats`` then index into `entrant_labels`. Where every player stands alone these are the matches themselves.

    Raises:
        DamagedLedger: a side was filled by agents that are no team of the tournament.
    """
    sides = tournament.sides
    if all(len(players) == 1 for players in sides):
        return played
    at_fault = side_of_player(sides)[np.maximum(played.forfeit, 0)]
    return replace(
        played,
        seats=np.stack([_entrant(tournament, played.seats[:, list(players)]) for players in sides], axis=1),
        returns=side_returns(played.returns, sides),
        forfeit=np.where(played.forfeit == NOBODY, NOBODY, at_fault).astype(np.int8),
    )


def without_moves(results: MatchResults | Columns) -> Played:
    """These matches as ratings see them."""
    return Played(
        index=results.specs.index,
        seats=results.specs.seats,
        seed=results.specs.seed,
        returns=results.returns,
        termination=results.termination,
        forfeit=results.forfeit,
        chance_seed=results.specs.chance_seed,
    )


def _entrant(tournament: Tournament, members: NDArray[np.int64]) -> NDArray[np.int64]:
    """The entrant whose agents these are [N], a row a match [N, players of the side]."""
    alone = (members == members[:, :1]).all(axis=1)
    entrant = np.where(alone, members[:, 0], NOBODY)
    for number, (_, team) in enumerate(_teams(tournament)):
        pattern = np.array(list(islice(cycle(team), members.shape[1])))
        entrant[~alone & (members == pattern).all(axis=1)] = len(tournament.agents) + number
    if (~alone & (entrant == NOBODY)).any():
        raise DamagedLedger(f"{tournament.key} has matches of teams that it does not know")
    return entrant


def _teams(tournament: Tournament) -> list[tuple[str, list[int]]]:
    """(name, agents by number) of the mixed teams of its configuration."""
    given = tournament.config.get("teams")
    if not isinstance(given, dict):
        return []
    numbers = {agent.name: number for number, agent in enumerate(tournament.agents)}
    return [(str(name), [numbers[str(member)] for member in members]) for name, members in given.items()]
