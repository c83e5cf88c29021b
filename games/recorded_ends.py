"""Where recorded matches came to an end in the history tree of their game: from actions, chance included, to nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.compile_tree import payoffs_of
from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.history_tree import HistoryTree
from arena.games.ragged import Ragged
from arena.games.recorded_walk import different_rows, walk_records


def recorded_ends(game: Game, histories: HistoryTree, actions: Ragged) -> NDArray[np.int64]:
    """The node behind the last recorded action of each match [N]; a match that was broken off stands before an end.

    Args:
        game: what was played.
        histories: its history tree.
        actions: a row a match, as `TableBatch.history` gives them.

    Raises:
        NotProvided: a record that is none of this game.
    """
    representative, which = different_rows(actions)
    rows = [tuple(actions.row(row).tolist()) for row in representative.tolist()]
    if payoffs_of(game) is not None:
        nodes = [_joint_end(game, histories, row) for row in rows]
    else:
        child = histories.child

        def down(node: int, ways: Sequence[int], action: int, _state: Any) -> int:
            return node if len(ways) == 1 else int(child[node]) + ways.index(action)  # a forced move has no node

        nodes = walk_records(game, rows, start=0, move=down)
    return np.array(nodes, np.int64)[which]


def _joint_end(game: Game, histories: HistoryTree, row: tuple[int, ...]) -> int:
    """Of a game of one joint choice, in whose tree one player chooses after the other."""
    tree, node = histories.tree, 0
    if len(row) not in (0, tree.num_players):
        raise NotProvided(
            f"a record of {game.info.specification} has {len(row)} actions for {tree.num_players} players"
        )
    for action, size in zip(row, tree.num_actions.tolist(), strict=False):
        if not 0 <= action < size:
            raise NotProvided(f"a record of {game.info.specification} has the action {action} of {size}")
        node = int(histories.child[node]) + action
    return node
