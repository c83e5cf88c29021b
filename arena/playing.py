"""`play`: some matches of one game between these agents, without a ledger."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arena.agents import as_agent, load_agent
from arena.agents.sandbox import Tier
from arena.executor import close_agents, require_started
from arena.failing_games import play_tables
from arena.games import Agent, ClockedAgent, Game, GameInfo, SpecificationError, load_game
from arena.games.seeds import CHANCE_STREAM, MATCH_STREAM, counter_hash
from arena.games.sides import side_of_player
from arena.hosted import play_hosted
from arena.match import Clock
from arena.results import MatchResults, MatchSpecs

MAX_MATCHES = 1_000_000  # all results are kept in memory


def play(
    game: str | Game,
    agents: Sequence[str | object],
    *,
    matches: int = 1,
    seed: int = 0,
    clock: Clock | None = None,
    sandbox: Tier = "none",
) -> MatchResults:
    """The results of `matches` matches, each agent on its own side; iterate for `MatchResult` values.

    Args:
        game: a game or its specification.
        agents: one a player, or in a game of teams one a team or one a player: specifications; agents, which stay open for their owner to close; or your own objects with
            ``act(observation)``, or functions of an observation (see `arena.agents.as_agent`).
        matches: how many.
        seed: gives every match its own seeds; the same seed gives the same matches.
        clock: limits for agents outside this process.
        sandbox: the tier in which programs are confined (see `arena.agents.sandbox`).

    Raises:
        SpecificationError: not one agent a side, or an agent that does not fit the game.
        UnknownName: no such game or agent.
    """
    loaded = load_game(game) if isinstance(game, str) else game
    seats = seats_of(loaded.info, len(agents))
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
                mine.append(load_agent(agent, game=loaded, sandbox=sandbox))
                require_started(mine[-1])
                seated.append(mine[-1])
            else:
                seated.append(as_agent(agent, game=loaded))
        specs = _fixed_seats(matches, seats, seed)
        if loaded.info.lane == "hosted":
            return play_hosted(loaded, seated, specs, clock=clock or Clock())
        tables = loaded.tables(min(loaded.info.tables_at_once, matches))
        return play_tables(tables, seated, specs, clock=clock)
    finally:
        close_agents(mine)


def seats_of(game: GameInfo, num_agents: int) -> NDArray[np.int64]:
    """The agent of each player [num_players].

    Raises:
        SpecificationError: neither one agent a player nor one a team.
    """
    if num_agents == game.num_players:
        return np.arange(num_agents)
    if game.teams and num_agents == len(game.teams):
        return side_of_player(game.sides)
    teams = f" in {len(game.teams)} teams" if game.teams else ""
    ways = "one a team or one a player" if game.teams else "one a seat"
    raise SpecificationError(f"{game.title} has {game.num_players} players{teams}; got {num_agents} agents, {ways}")


def _fixed_seats(matches: int, seats: NDArray[np.int64], seed: int) -> MatchSpecs:
    index = np.arange(matches)
    return MatchSpecs(
        index=index,
        seats=np.tile(seats, (matches, 1)),
        seed=counter_hash(np.uint64(seed), MATCH_STREAM, index),
        chance_seed=counter_hash(np.uint64(seed), CHANCE_STREAM, index),
    )
