"""`play`: some matches of one game between these agents, without a ledger."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arena.agents import as_agent, load_agent
from arena.executor import close_agents, require_started
from arena.games import Agent, ClockedAgent, Game, SpecificationError, load_game
from arena.games.seeds import CHANCE_STREAM, MATCH_STREAM, counter_hash
from arena.match import Clock, play_matches
from arena.results import MatchResults, MatchSpecs

MAX_MATCHES = 1_000_000  # all results are kept in memory


def play(
    game: str | Game,
    agents: Sequence[str | object],
    *,
    matches: int = 1,
    seed: int = 0,
    clock: Clock | None = None,
) -> MatchResults:
    """The results of `matches` matches, each agent on its own seat; iterate for `MatchResult` values.

    Args:
        game: a game or its specification.
        agents: one a seat: specifications; agents, which stay open for their owner to close; or your own objects with
            ``act(observation)``, or functions of an observation (see `arena.agents.as_agent`).
        matches: how many.
        seed: gives every match its own seeds; the same seed gives the same matches.
        clock: limits for agents outside this process.

    Raises:
        SpecificationError: not one agent a seat, or an agent that does not fit the game.
        UnknownName: no such game or agent.
    """
    loaded = load_game(game) if isinstance(game, str) else game
    players = loaded.info.num_players
    if len(agents) != players:
        raise SpecificationError(f"{loaded.info.title} has {players} players; got {len(agents)} agents, one a seat")
    if not 1 <= matches <= MAX_MATCHES:
        raise SpecificationError(
            f"matches must be at least 1 and at most {MAX_MATCHES:,}; got {matches:,}: a tournament records more"
        )
    if not 0 <= seed < 2**63:
        raise SpecificationError(f"the seed must be from 0 to 2^63 - 1; got {seed}")
    mine: list[Agent | ClockedAgent] = []
    seated: list[Agent | ClockedAgent] = []
    try:
        for agent in agents:
            if isinstance(agent, str):
                mine.append(load_agent(agent, game=loaded))
                require_started(mine[-1])
                seated.append(mine[-1])
            else:
                seated.append(as_agent(agent, game=loaded))
        tables = loaded.tables(min(loaded.info.tables_at_once, matches))
        return play_matches(tables, seated, _fixed_seats(matches, players, seed), clock=clock)
    finally:
        close_agents(mine)


def _fixed_seats(matches: int, players: int, seed: int) -> MatchSpecs:
    index = np.arange(matches)
    return MatchSpecs(
        index=index,
        seats=np.tile(np.arange(players), (matches, 1)),
        seed=counter_hash(np.uint64(seed), MATCH_STREAM, index),
        chance_seed=counter_hash(np.uint64(seed), CHANCE_STREAM, index),
    )
