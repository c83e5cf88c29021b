"""Information-set Monte Carlo tree search: a tree of what the players know, grown over states drawn from it.

Every simulation draws a state that is consistent with what the searching player knows, descends by UCT through nodes that
are information states of whoever moves, adds one node, and values it by random play. Source: Cowling, Powley and
Whitehouse, Information Set Monte Carlo Tree Search (2012), doi:10.1109/TCIAIG.2012.2200894, with a tree that all players
share (their MO-ISMCTS, with its nodes named by information states).

OpenSpiel has this search too, in C++, but its ties fall by the order of a hash table that changes from run to run: the
same seed would not give the same match.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

CHANCE, TERMINAL = -1, -4  # what State.current_player() says in place of a player
VISITS, TOTAL = 0, 1

Node = dict[int, list[float]]
"""action -> [visits, total return of the player who moves]."""


def search(
    state: Any,
    *,
    seed: int,
    simulations: int,
    exploration: float,
    rollouts: int,
) -> dict[int, int]:
    """How often each legal action was tried at the state's own information state: {action: visits}, ascending actions.

    The answer is a function of the information state and the arguments: another state of the same information state,
    which only differs in what its player cannot know, gives the same.

    Args:
        state: a `pyspiel.State` at which a player moves; of hidden information. It stays as it is.
        seed: of everything that the search draws.
        simulations: how many, at least 1.
        exploration: the constant c of UCT, value + c √(ln N / n), in the game's utility.
        rollouts: random games that value a new node.
    """
    words = random.Random(seed)  # noqa: S311  # no secret
    key = keys_of(state)
    player = state.current_player()
    nodes: dict[tuple[int, str], Node] = {(player, key(state, player)): {}}
    for _ in range(simulations):
        _simulate(state.resample_from_infostate(player, words.random), nodes, key, rollouts, exploration, words)
    root = nodes[player, key(state, player)]
    return {action: int(root[action][VISITS]) if action in root else 0 for action in sorted(state.legal_actions())}


def _simulate(
    state: Any,
    nodes: dict[tuple[int, str], Node],
    key: Callable[[Any, int], str],
    rollouts: int,
    exploration: float,
    words: random.Random,
) -> None:
    path: list[tuple[int, list[float]]] = []
    while True:
        player = state.current_player()
        if player == TERMINAL:
            returns = state.returns()
            break
        if player == CHANCE:
            state.apply_action(outcome_of(state.chance_outcomes(), words.random()))
            continue
        name = (player, key(state, player))
        node = nodes.get(name)
        if node is None:
            nodes[name] = {}
            returns = _rollouts(state, rollouts, words)
            break
        action = select(node, state.legal_actions(), exploration, words)
        path.append((player, node.setdefault(action, [0, 0.0])))
        state.apply_action(action)
    for player, statistics in path:
        statistics[VISITS] += 1
        statistics[TOTAL] += returns[player]


def select(node: Node, legal: list[int], exploration: float, words: random.Random) -> int:
    """An action not yet tried, or the one of the greatest upper confidence bound; ties by chance."""
    untried = [action for action in legal if action not in node]
    if untried:
        return untried[int(words.random() * len(untried))]
    log_visits = math.log(sum([node[action][VISITS] for action in legal]))
    best, chosen = -math.inf, []
    for action in legal:
        visits, total = node[action]
        bound = total / visits + exploration * math.sqrt(log_visits / visits)
        if bound > best:
            best, chosen = bound, [action]
        elif bound == best:
            chosen.append(action)
    return chosen[0] if len(chosen) == 1 else chosen[int(words.random() * len(chosen))]


def _rollouts(state: Any, rollouts: int, words: random.Random) -> list[float]:
    """The mean returns of random games from the state."""
    played = [_rollout(state.clone(), words) for _ in range(rollouts - 1)] + [_rollout(state, words)]
    return played[0] if rollouts == 1 else [sum(returns) / rollouts for returns in zip(*played, strict=True)]


def _rollout(state: Any, words: random.Random) -> list[float]:
    draw = words.random
    while (player := state.current_player()) != TERMINAL:
        if player == CHANCE:
            state.apply_action(outcome_of(state.chance_outcomes(), draw()))
        else:
            legal = state.legal_actions()
            state.apply_action(legal[int(draw() * len(legal))])
    returns: list[float] = state.returns()
    return returns


def outcome_of(outcomes: list[tuple[int, float]], draw: float) -> int:
    """The outcome whose part of [0, 1) a draw falls into."""
    for outcome, probability in outcomes:
        draw -= probability
        if draw < 0:
            return outcome
    return outcomes[-1][0]


def keys_of(state: Any) -> Callable[[Any, int], str]:
    """What names a player's information state: the game's own string for it, or else what the player observes."""
    if state.get_game().get_type().provides_information_state_string:
        return lambda at, player: str(at.information_state_string(player))
    return lambda at, player: str(at.observation_string(player))
