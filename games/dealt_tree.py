"""Trees of games in which everybody is dealt a hand and all that follows is seen by all, written out hand by hand at once.

Such a game is one public tree, the same for every deal; only payoffs depend on the hands. It is walked once, and numpy does
the rest, so that nothing is done in Python for each deal. Kuhn poker and liar's dice are written out like this, from their
rules, and equal OpenSpiel's tree of the same name array for array.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import GameTree, PlayerColumns, assemble
from arena.games.tree_walk import PROGRESS_NODES, CompileProgress, TooLarge, require_memory

History = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DealtGame:
    """Rules of a game of hands and public moves.

    ``hands``: names of each player's possible hands, in the order in which deals first give them; ``deals`` [D, n]: each
    player's hand; ``chance`` [D]. ``move``: (player, legal actions) after a public history, None at its end; ``returns``:
    [D, n] after a history that ended; ``name``: what follows the hand in the name of an information state.
    ``histories_before``: histories at which chance decides; ``copies``: histories for each one of the public tree.
    """

    hands: Sequence[Sequence[str]]
    deals: NDArray[np.int64]
    chance: NDArray[np.float64]
    move: Callable[[History], tuple[int, Sequence[int]] | None]
    returns: Callable[[History], NDArray[np.float64]]
    name: Callable[[History], str]
    histories_before: int
    copies: int


def kuhn_poker_tree(
    parameters: Mapping[str, Any], specification: str, *, max_nodes: int, progress: CompileProgress | None = None
) -> GameTree:
    """The tree of OpenSpiel's kuhn_poker with these parameters.

    Raises:
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    if math.factorial(int(parameters["players"]) + 1) > max_nodes:  # before the deals are listed
        raise TooLarge(specification, max_nodes)
    return _written(_kuhn_poker(parameters), specification, max_nodes, progress)


def liars_dice_tree(
    parameters: Mapping[str, Any], specification: str, *, max_nodes: int, progress: CompileProgress | None = None
) -> GameTree:
    """The tree of OpenSpiel's liars_dice with these parameters.

    Raises:
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    players, dice, sides = (int(parameters[name]) for name in ("players", "numdice", "dice_sides"))
    if sides ** (players * dice) > max_nodes:
        raise TooLarge(specification, max_nodes)
    return _written(_liars_dice(parameters), specification, max_nodes, progress)


def _written(game: DealtGame, specification: str, max_nodes: int, progress: CompileProgress | None) -> GameTree:
    """Walks the public tree once, actions in order, and repeats it for every hand and every deal."""
    count = game.deals.shape[1]
    public = [PlayerColumns() for _ in range(count)]
    ends: list[tuple[int, ...]] = []
    returns: list[NDArray[np.float64]] = []
    waiting: list[tuple[History, tuple[int, ...]]] = [((), (0,) * count)]
    nodes = 0
    while waiting:
        history, sequences = waiting.pop()
        nodes += 1
        if game.histories_before + (nodes + len(waiting)) * game.copies > max_nodes:
            raise TooLarge(specification, max_nodes)
        if progress is not None and nodes % PROGRESS_NODES == 0:
            progress(game.histories_before + nodes * game.copies)
        due = game.move(history)
        if due is None:
            ends.append(sequences)
            returns.append(game.returns(history))
            continue
        player, legal = due
        own = sequences[player]
        begin = public[player].add(game.name(history), own, legal) if len(legal) > 1 else own
        for i in range(len(legal) - 1, -1, -1):
            waiting.append(((*history, legal[i]), (*sequences[:player], begin + i, *sequences[player + 1 :])))
    require_memory(specification, nodes * len(game.deals))
    strides = np.array([len(player.actions) - 1 for player in public])
    at_ends = np.array(ends)
    joint = np.where(at_ends[:, None] == 0, 0, at_ends[:, None] + (game.deals * strides)[None])
    return assemble(
        specification,
        [_repeated(player, hands) for player, hands in zip(public, game.hands, strict=True)],
        sequences=joint.reshape(-1, count),
        chance=np.tile(game.chance, len(ends)),
        returns=np.concatenate(returns),
        num_nodes=game.histories_before + nodes * game.copies,
        num_terminals=len(ends) * game.copies,
    )


def _repeated(public: PlayerColumns, hands: Sequence[str]) -> PlayerColumns:
    """A player's public information sets once for each hand."""
    repeated, stride = PlayerColumns(), len(public.actions) - 1
    parent = np.asarray(public.parent, np.uint64)
    for index, hand in enumerate(hands):
        repeated.keys.extend([hand + name for name in public.keys])
        repeated.parent.frombytes(np.where(parent == 0, parent, parent + np.uint64(index * stride)).tobytes())
        repeated.depth.extend(public.depth)
        repeated.num_actions.extend(public.num_actions)
        repeated.actions.extend(array("q", public.actions[1:]))
    return repeated


def _kuhn_poker(parameters: Mapping[str, Any]) -> DealtGame:
    """n players, n + 1 cards, an ante of 1 and a bet of 1: pass (0) or bet (1), once round after the first bet."""
    players = int(parameters["players"])
    dealt = np.array(list(permutations(range(players + 1), players)))
    hands, deals = _first_seen([[str(card) for card in dealt[:, p].tolist()] for p in range(players)])

    def move(history: History) -> tuple[int, Sequence[int]] | None:
        over = len(history) == (history.index(1) + players if 1 in history else players)
        return None if over else (len(history) % players, (0, 1))

    def returns(history: History) -> NDArray[np.float64]:
        bets = np.zeros(players, bool)
        bets[[turn % players for turn, action in enumerate(history) if action == 1]] = True
        paid = 1.0 + bets
        stays = bets if bets.any() else np.ones(players, bool)
        winner = np.where(stays, dealt, -1).argmax(axis=1)
        result = np.tile(-paid, (len(dealt), 1))
        result[np.arange(len(dealt)), winner] += paid.sum()
        return result

    dealing = [1]
    for drawn in range(players):
        dealing.append(dealing[-1] * (players + 1 - drawn))
    return DealtGame(
        hands=hands,
        deals=deals,
        chance=np.full(len(dealt), 1 / len(dealt)),
        move=move,
        returns=returns,
        name=lambda history: "".join("pb"[action] for action in history),
        histories_before=sum(dealing[:-1]),
        copies=len(dealt),
    )


def _liars_dice(parameters: Mapping[str, Any]) -> DealtGame:
    """Bids rise until somebody calls the last one a lie; the highest face counts as every face."""
    players, dice, sides = (int(parameters[name]) for name in ("players", "numdice", "dice_sides"))
    total = players * dice
    bids = [(1 + bid // sides, 1 + bid % sides) for bid in range(total * sides)]  # quantity, face
    if parameters["bidding_rule"] == "reset-quantity":
        bids = [(1 + bid % total, 1 + bid // total) for bid in range(total * sides)]
    rolls = np.array(list(product(range(1, sides + 1), repeat=total))).reshape(-1, players, dice)
    rolls.sort(axis=2)
    faces, times = np.unique(rolls.reshape(-1, total), axis=0, return_counts=True)
    hands, deals = _first_seen(
        [["".join(map(str, hand)) for hand in faces[:, p * dice : (p + 1) * dice].tolist()] for p in range(players)]
    )
    call = len(bids)

    def move(history: History) -> tuple[int, Sequence[int]] | None:
        if history and history[-1] == call:
            return None
        return len(history) % players, range(history[-1] + 1, call + 1) if history else range(call)

    def returns(history: History) -> NDArray[np.float64]:
        quantity, face = bids[history[-2]]
        true = ((faces == face) | (faces == sides)).sum(axis=1) >= quantity
        result = np.zeros((len(faces), players))
        result[:, (len(history) - 2) % players] += np.where(true, 1.0, -1.0)
        result[:, (len(history) - 1) % players] -= np.where(true, 1.0, -1.0)
        return result

    def name(history: History) -> str:
        return "".join(f" {quantity}-{face}" for quantity, face in (bids[bid] for bid in history))

    return DealtGame(
        hands=hands,
        deals=deals,
        chance=times / sides**total,
        move=move,
        returns=returns,
        name=name,
        histories_before=sum(sides**rolled for rolled in range(total)),
        copies=sides**total,
    )


def _first_seen(hands: Sequence[Sequence[str]]) -> tuple[list[list[str]], NDArray[np.int64]]:
    """Each player's different hands in order of first sight, and the number of his hand in each deal [D, n]."""
    names = [list(dict.fromkeys(own)) for own in hands]
    columns = []
    for own, different in zip(hands, names, strict=True):
        number = {hand: index for index, hand in enumerate(different)}
        columns.append([number[hand] for hand in own])
    return names, np.array(columns).T
