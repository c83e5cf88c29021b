"""``mcts(...)`` and ``ismcts(...)``: tree search on states that their player may know.

MCTS is OpenSpiel's: Kocsis and Szepesvári, Bandit based Monte-Carlo Planning (2006), with the solver of Winands, Björnsson
and Saito, Monte-Carlo Tree Search Solver (2008). ISMCTS is in `arena.agents.ismcts`.

Every decision is a search of its own, seeded with the decision's word: an answer is a function of the match's seed, the
player and the ply, whatever else was asked. Under hidden information a search gets a state drawn from what its player
knows, never the true one, and draws others from there.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import pyspiel
from numpy.typing import NDArray

from arena.agents import ismcts
from arena.agents.registry import read_settings, require_discrete
from arena.games import AgentInfo, ArenaError, Game, GameInfo, ObservationBatch, SpecificationError
from arena.games.seeds import counter_hash, unit
from arena.games.specification import Value

NO_ANSWER = -1  # illegal in every game: the match is forfeited, and only it
MAX_MEMORY_MB = 1024
SEED_BITS = 31  # OpenSpiel's bots take C++ ints

OTHERS = "random or a program (exec:COMMAND or python:MODULE:CLASS)"
"""What plays where no search can."""

FINAL_CHOICES = ("most_visited", "visits")
"""What ISMCTS plays after its search: the move tried most (of several the first), or one drawn by how often each was tried."""

DEFAULTS: Mapping[str, Mapping[str, Value]] = {
    "mcts": {"simulations": 100, "uct_c": 2.0, "rollouts": 1, "solve": True},
    "ismcts": {"simulations": 100, "uct_c": 2.0, "rollouts": 1, "final": FINAL_CHOICES[0]},
}

logger = logging.getLogger(__name__)


class SearchAgent:
    """Answers by ``choose(state, player, seed)``, from a state that the player may know and a seed of 31 bits."""

    def __init__(self, choose: Callable[[Any, int, int], int], *, name: str, deterministic: bool = True):
        self.info = AgentInfo(name=name, deterministic=deterministic)
        self._choose = choose

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        words = batch.seed()
        sampling = counter_hash(words, 0, 1).tolist()
        seeds = (counter_hash(words, 0, 2) >> np.uint64(64 - SEED_BITS)).tolist()
        players = batch.player.tolist()
        chosen = np.empty(len(batch), np.int64)
        for row, legal in enumerate(batch.legal.lists()):
            if len(legal) == 1:
                chosen[row] = legal[0]
                continue
            state = batch.search_state(row, sampling[row])
            try:
                chosen[row] = self._choose(state, players[row], seeds[row])
            except pyspiel.SpielError as error:
                logger.warning("%s has no answer: %s", self.info.name, error)
                chosen[row] = NO_ANSWER
        return chosen

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...


def load_mcts(rest: str, *, game: Game, name: str) -> SearchAgent:
    """The agent of ``mcts(simulations=100, uct_c=2.0, rollouts=1, solve=true)``.

    ``uct_c`` weighs exploration, in units of half the span of the game's utilities; ``rollouts`` random games value a
    leaf; ``solve`` proves wins and losses where it can.

    Raises:
        UnknownName, SpecificationError: a wrong parameter, or a game that the search cannot play.
    """
    settings = read_search("mcts", rest)
    simulations, rollouts, exploration = _numbers(settings, game.info)
    require_turns(game, "mcts")
    if game.info.information != "perfect":
        instead = "ismcts or random" if game.info.has_simulator else OTHERS
        raise SpecificationError(f"mcts sees the whole state; {game.info.title} hides information: use {instead}")
    rules = search_rules(game, "mcts")
    if rules.get_type().reward_model != pyspiel.GameType.RewardModel.TERMINAL:
        raise SpecificationError(
            f"mcts needs a game that pays at the end; {game.info.title} pays on the way: use random or a program"
        )

    def choose(state: Any, _: int, seed: int) -> int:
        evaluator = pyspiel.RandomRolloutEvaluator(rollouts, seed)
        bot = pyspiel.MCTSBot(rules, evaluator, exploration, simulations, MAX_MEMORY_MB, settings["solve"], seed, False)
        return int(bot.step(state))

    return SearchAgent(choose, name=name)


def load_ismcts(rest: str, *, game: Game, name: str) -> SearchAgent:
    """The agent of ``ismcts(simulations=100, uct_c=2.0, rollouts=1, final=most_visited)``; see `load_mcts`.

    Raises:
        UnknownName, SpecificationError: a wrong parameter, or a game that the search cannot play.
    """
    settings = read_search("ismcts", rest)
    simulations, rollouts, exploration = _numbers(settings, game.info)
    final = settings["final"]
    require_turns(game, "ismcts")
    if game.info.information != "imperfect":
        raise SpecificationError(f"ismcts is for games that hide information; for {game.info.title} use mcts")
    search_rules(game, "ismcts")

    def choose(state: Any, _: int, seed: int) -> int:
        visits = ismcts.search(state, seed=seed, simulations=simulations, exploration=exploration, rollouts=rollouts)
        if final == "most_visited":
            return max(visits, key=lambda action: visits[action])
        drawn = int(float(unit(counter_hash(np.uint64(seed), 0, 0))) * simulations)  # one of the visits
        return next(action for action, upto in zip(visits, accumulate(visits.values()), strict=True) if drawn < upto)

    return SearchAgent(choose, name=name)


def read_search(search: str, rest: str) -> dict[str, Value]:
    """The settings of ``mcts`` or ``ismcts`` over the defaults, whatever game it is for.

    Raises:
        UnknownName, SpecificationError: a wrong parameter.
    """
    settings = read_settings(search, rest, DEFAULTS[search])
    for key in ("simulations", "rollouts"):
        if not 1 <= int(settings[key]) < 2**SEED_BITS:
            raise SpecificationError(f"{search}: {key} must be from 1 to {2**SEED_BITS - 1:,}; got {settings[key]}")
    if not 0 <= float(settings["uct_c"]) < math.inf:
        raise SpecificationError(f"{search}: uct_c must be at least 0 and finite; got {settings['uct_c']}")
    if settings.get("final", FINAL_CHOICES[0]) not in FINAL_CHOICES:
        said = settings["final"]
        raise SpecificationError(f"{search}: final must be one of {', '.join(FINAL_CHOICES)}; got {said!r}")
    return settings


def search_rules(game: Game, agent: str) -> Any:
    """The `pyspiel.Game` of the states that a game gives to search from.

    Raises:
        SpecificationError: it gives none, or states of another kind.
    """
    info = game.info
    if not info.has_simulator:
        lacks = "what one player knows" if info.information == "imperfect" else "it"
        raise SpecificationError(
            f"{agent} needs states to search from; {info.title} cannot make them from {lacks}: use {OTHERS}"
        )
    tables = game.tables(1)
    turn = tables.start(np.zeros(1, np.int64), np.zeros(1, np.uint64))
    if not len(turn.table):
        raise SpecificationError(f"{agent} has nothing to decide in {info.title}")
    try:
        state = tables.search_state(0, int(turn.player[0]), 0)
    except ArenaError as error:
        raise SpecificationError(f"{agent} cannot search {info.title}: {error}") from None
    if not isinstance(state, pyspiel.State):
        raise SpecificationError(f"{agent} searches OpenSpiel's states; {info.specification} gives others")
    return state.get_game()


def require_turns(game: Game, agent: str) -> None:
    """Raises `SpecificationError` where players move together, or choose vectors."""
    require_discrete(game, agent)
    if game.info.simultaneous:
        raise SpecificationError(
            f"{agent} plays where one player moves at a time; in {game.info.title} they move together: use {OTHERS}"
        )


def _numbers(settings: Mapping[str, Value], info: GameInfo) -> tuple[int, int, float]:
    """(simulations, rollouts, exploration constant in the game's own utility)."""
    simulations, rollouts, uct_c = int(settings["simulations"]), int(settings["rollouts"]), float(settings["uct_c"])
    if info.min_utility is None or info.max_utility is None:
        return simulations, rollouts, uct_c
    return simulations, rollouts, uct_c * (info.max_utility - info.min_utility) / 2
