"""A small finite game written out: every history, once, for exact computations.

A simultaneous move becomes a chain of decisions, one a player, none of whom sees the others' choices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena.games.errors import ArenaError, NotProvided
from arena.games.game import Game

NATIVE_TWINS = ("connect_four", "kuhn_poker", "tic_tac_toe")
"""Native games that equal OpenSpiel's of the same name, position by position, their information states too."""
CHANCE = -1
TERMINAL = -2
MAX_HISTORIES = 300_000
"""About a second to write out, and some hundred megabytes: leduc poker has 9,457 histories, three-card goofspiel 301."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GameTree:
    """Histories as columns, each before its children; history 0 is the start.

    ``player``: who decides, `CHANCE` or `TERMINAL`. ``information_state``: index into ``keys``, -1 where nobody decides.
    ``children``: histories, one an action. ``probabilities``: of a chance node's children, empty elsewhere. ``returns``:
    of a terminal history, one a player. ``keys``: (player, the game's information-state string); ``actions``: the legal
    actions of each information state, in the order of children.
    """

    num_players: int
    player: list[int]
    information_state: list[int]
    children: list[tuple[int, ...]]
    probabilities: list[tuple[float, ...]]
    returns: list[tuple[float, ...]]
    keys: list[tuple[int, str]]
    actions: list[tuple[int, ...]]

    def __len__(self) -> int:
        return len(self.player)


def compile_tree(game: Game, *, max_histories: int = MAX_HISTORIES) -> GameTree:
    """The tree of a game of OpenSpiel, of its native twins, or of a game that names its twin there (``openspiel_name``).

    Raises:
        NotProvided: a game whose tree cannot be written out.
        ArenaError: more than `max_histories` histories.
    """
    rules = spiel_rules(game)
    kind = rules.get_type()
    if not kind.provides_information_state_string or "SAMPLED" in str(kind.chance_mode):
        raise NotProvided(
            f"{game.info.specification} has no information states or samples its chance outcomes, so that its tree cannot "
            "be written out"
        )
    tree = GameTree(
        num_players=rules.num_players(),
        player=[],
        information_state=[],
        children=[],
        probabilities=[],
        returns=[],
        keys=[],
        actions=[],
    )
    _Writer(tree, game.info.specification, max_histories).write(rules.new_initial_state())
    return tree


def spiel_rules(game: Game) -> Any:
    """The `pyspiel.Game` behind an Arena game.

    Raises:
        NotProvided: there is none.
    """
    rules = getattr(game, "rules", None)
    name = getattr(game, "openspiel_name", None) or _twin(game.info.specification)
    if rules is None and name is None:
        raise NotProvided(
            f"{game.info.specification} cannot be written out as a tree; exact computations need a small game of OpenSpiel, "
            "or a matrix or preference game"
        )
    if rules is not None:
        return rules
    import pyspiel

    return pyspiel.load_game(name)


def _twin(specification: str) -> str | None:
    """OpenSpiel's name of a native game that has the same information states."""
    scheme, _, name = specification.partition(":")
    return name if scheme == "arena" and name.partition("(")[0] in NATIVE_TWINS else None


class _Writer:
    """Writes histories into a tree, depth first, without recursion: trees may be deeper than Python's stack."""

    def __init__(self, tree: GameTree, specification: str, max_histories: int):
        self.tree, self.specification, self.limit = tree, specification, max_histories
        self.index_of: dict[tuple[int, str], int] = {}

    def write(self, start: Any) -> None:
        tree = self.tree
        waiting: list[tuple[int, Any, tuple[int, ...]]] = [(self._reserve(1)[0], start, ())]
        while waiting:
            node, state, chosen = waiting.pop()
            if state.is_terminal():
                tree.player[node], tree.returns[node] = TERMINAL, tuple(state.returns())
                continue
            if state.is_chance_node():
                outcomes = state.chance_outcomes()
                children = self._reserve(len(outcomes))
                tree.player[node], tree.children[node] = CHANCE, children
                tree.probabilities[node] = tuple(probability for _, probability in outcomes)
                waiting += [(c, state.child(outcome), ()) for c, (outcome, _) in zip(children, outcomes, strict=True)]
                continue
            simultaneous = state.is_simultaneous_node()
            player = len(chosen) if simultaneous else state.current_player()
            legal = tuple(state.legal_actions(player)) or (0,)  # a player with nothing to choose
            children = self._reserve(len(legal))
            tree.player[node], tree.children[node] = player, children
            tree.information_state[node] = self._index(player, state.information_state_string(player), legal)
            if not simultaneous:
                waiting += [(c, state.child(action), ()) for c, action in zip(children, legal, strict=True)]
            elif player + 1 < tree.num_players:
                waiting += [(c, state, (*chosen, action)) for c, action in zip(children, legal, strict=True)]
            else:
                for child, action in zip(children, legal, strict=True):
                    following = state.clone()
                    following.apply_actions([*chosen, action])
                    waiting.append((child, following, ()))

    def _reserve(self, count: int) -> tuple[int, ...]:
        tree, begin = self.tree, len(self.tree.player)
        if begin + count > self.limit:
            raise ArenaError(
                f"{self.specification} has more than {self.limit:,} histories, too many for exact computations; "
                "use a smaller version of the game"
            )
        tree.player.extend([TERMINAL] * count)
        tree.information_state.extend([-1] * count)
        tree.children.extend([()] * count)
        tree.probabilities.extend([()] * count)
        tree.returns.extend([()] * count)
        return tuple(range(begin, begin + count))

    def _index(self, player: int, key: str, legal: tuple[int, ...]) -> int:
        index = self.index_of.setdefault((player, key), len(self.tree.keys))
        if index == len(self.tree.keys):
            self.tree.keys.append((player, key))
            self.tree.actions.append(legal)
        return index
