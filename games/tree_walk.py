"""Walks through every history of a game of OpenSpiel and collects what its compiled tree is made of."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from arena.games.errors import ArenaError, NotProvided
from arena.games.game_tree import GameTree, PlayerColumns, assemble
from arena.games.tree_size import CHANCE, SIMULTANEOUS, TERMINAL, is_far_larger

CompileProgress = Callable[[int], None]
"""Called with the number of histories written out so far."""

PROGRESS_NODES = 50_000
BYTES_A_HISTORY = 512
"""What a history takes until its tree stands: 340 were measured on goofspiel with five cards, 180 on leduc poker. Where
information states have long names it is more (2,700 in oshi zumo), but a walk asks again and again for what they left free."""
CONTAINER = Path("/sys/fs/cgroup")


def walk(rules: Any, specification: str, *, max_nodes: int, progress: CompileProgress | None) -> GameTree:
    """The tree of a `pyspiel.Game`; a simultaneous move becomes a decision of each player, none of whom sees the others'.

    Raises:
        NotProvided: chance is drawn inside the states, there are no information states, or a player has imperfect recall.
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    kind = rules.get_type()
    if not kind.provides_information_state_string or "SAMPLED" in str(kind.chance_mode):
        raise NotProvided(
            f"{specification} has no information states or samples its chance outcomes, so that its tree cannot be "
            "written out"
        )
    if is_far_larger(rules, max_nodes):
        raise TooLarge(specification, max_nodes)
    walker = _Walker(specification, rules.num_players(), max_nodes, progress)
    walker.walk(rules.new_initial_state())
    return walker.tree()


class TooLarge(ArenaError):
    """A game with more histories than were allowed."""

    def __init__(self, specification: str, max_nodes: int):
        super().__init__(
            f"{specification} has more than {max_nodes:,} histories, too many for exact computations; use a smaller version "
            "of the game, or write it out before with compile_tree(game, max_nodes=...), which takes about half a kilobyte "
            "of memory a history"
        )


class NotEnoughMemory(ArenaError):
    """A game that would take more memory than is free."""


def require_memory(specification: str, histories: int) -> None:
    """Makes sure that so many histories can be put together to a tree.

    Raises:
        NotEnoughMemory: they cannot.
    """
    needed, free = histories * BYTES_A_HISTORY, free_memory()
    if needed > free:
        raise NotEnoughMemory(
            f"{specification} has at least {histories:,} histories, which take {needed / 2**30:.1f} GiB to write out; "
            f"{free / 2**30:.1f} GiB of memory are free. Use a smaller version of the game"
        )


def free_memory() -> int:
    """Bytes that programs may still use, in the whole machine or in the container that this one runs in."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((CONTAINER / name).read_text()) for name in ("memory.max", "memory.current"))
        counted = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        given_back = int(counted["inactive_file"])  # files that were read stay in memory while nothing else needs it
    except (OSError, ValueError, KeyError):  # no container, or "max"
        return free
    return min(free, limit - used + given_back)


class _Walker:
    """Histories depth first, actions in order, without recursion: trees may be deeper than Python's stack."""

    def __init__(self, specification: str, num_players: int, max_nodes: int, progress: CompileProgress | None):
        self.specification, self.max_nodes, self.progress = specification, max_nodes, progress
        self.players = [PlayerColumns() for _ in range(num_players)]
        self.known: list[dict[str, tuple[int, int, list[int]]]] = [{} for _ in range(num_players)]
        self.nodes = 0
        self.sequences, self.chance, self.returns = array("q"), array("d"), array("d")

    def walk(self, start: Any) -> None:
        """Writes down all that lies behind a state. What waits is (state, move to be made there, sequences, chance)."""
        waiting: list[tuple[Any, Any, tuple[int, ...], float]] = [(start, None, (0,) * len(self.players), 1.0)]
        while waiting:
            state, move, sequences, chance = waiting.pop()
            if type(move) is int:
                state = state.child(move)
            elif move is not None:
                state = state.clone()
                state.apply_actions(move)
            self.nodes += 1
            if self.nodes % PROGRESS_NODES == 0:
                require_memory(self.specification, self.nodes)
                if self.progress is not None:
                    self.progress(self.nodes)
            player = state.current_player()
            if player >= 0:
                legal = state.legal_actions()
                begin = self._set(player, state.information_state_string(player), sequences[player], legal)
                before, after = sequences[:player], sequences[player + 1 :]
                for i in range(len(legal) - 1, -1, -1):
                    waiting.append((state, legal[i], (*before, begin + i, *after), chance))
            elif player == TERMINAL:
                self.sequences.extend(sequences)
                self.chance.append(chance)
                self.returns.extend(state.returns())
            elif player == CHANCE:
                outcomes = state.chance_outcomes()
                waiting.extend((state, action, sequences, chance * share) for action, share in reversed(outcomes))
            elif player == SIMULTANEOUS:
                self._joint(state, sequences, chance, waiting)
            else:
                raise NotProvided(f"{self.specification} has moves of player {player}, which no tree holds")
            if self.nodes + len(waiting) > self.max_nodes:
                raise TooLarge(self.specification, self.max_nodes)
        if self.progress is not None:
            self.progress(self.nodes)

    def tree(self) -> GameTree:
        count = len(self.players)
        return assemble(
            self.specification,
            self.players,
            sequences=np.asarray(self.sequences, np.int64).reshape(-1, count),
            chance=np.asarray(self.chance, np.float64),
            returns=np.asarray(self.returns, np.float64).reshape(-1, count),
            num_nodes=self.nodes,
        )

    def _joint(
        self,
        state: Any,
        sequences: tuple[int, ...],
        chance: float,
        waiting: list[tuple[Any, Any, tuple[int, ...], float]],
    ) -> None:
        """The joint moves of a simultaneous node; a player with nothing to choose plays 0 and decides nothing."""
        choices = []
        total = 1
        for player, own in enumerate(sequences):
            legal = state.legal_actions(player)
            if not legal:
                choices.append([(0, own)])
                continue
            begin = self._set(player, state.information_state_string(player), own, legal)
            choices.append([(action, begin + i) for i, action in enumerate(legal)])
            total *= len(legal)
        if self.nodes + len(waiting) + total > self.max_nodes:
            raise TooLarge(self.specification, self.max_nodes)
        for joint in reversed(list(product(*choices))):
            waiting.append((state, [action for action, _ in joint], tuple(own for _, own in joint), chance))

    def _set(self, player: int, key: str, parent: int, legal: list[int]) -> int:
        """The first sequence of the information set of this name. A forced move is no decision: its sequence is the one before.

        Raises:
            NotProvided: the player came there another way, or may do something else there, than before.
        """
        found = self.known[player].get(key)
        if found is None:
            begin = self.players[player].add(key, parent, legal) if len(legal) > 1 else parent
            self.known[player][key] = (begin, parent, legal)
            return begin
        if found[1] != parent or found[2] != legal:
            raise NotProvided(
                f"{self.specification} has imperfect recall: at its information state {key!r} player {player} does not know "
                "what he did before; solvers of trees need perfect recall"
            )
        return found[0]
