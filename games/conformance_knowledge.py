"""What the conformance kit checks of who may know what: on all positions seen, in as many matches as were played."""

from __future__ import annotations

import numpy as np

from arena.games.conformance_decisions import fail, listed, look_of
from arena.games.game import GameInfo, TableBatch, Turn

SEEDS = range(1, 9)  # of search states, one of which must differ where several positions are possible

Key = tuple[int, object]
"""A player, and all that the player knows."""


class Knowledge:
    """Compares positions that one player cannot tell apart, however many matches they were met in."""

    def __init__(self, info: GameInfo):
        self._info = info
        self._looks: dict[Key, dict[str, object]] = {}
        self._tables: dict[Key, str] = {}
        self._drawn: dict[Key, object] = {}
        self._hides = False  # whether a position was seen of which players know different things, or less than all
        self._turns = 0
        self._searches = info.has_simulator and not info.simultaneous and info.information == "imperfect"

    def watch(self, tables: TableBatch, turn: Turn) -> None:
        """Looks at the decisions now due.

        Raises:
            ConformanceError: somebody knows more than the information state, or than was declared.
        """
        info = self._info
        looks = self._seen(tables, turn)
        self._turns += 1
        if info.has_information_state:
            keys: list[object] = list(tables.information_state(turn.table, turn.player))
        elif (
            info.information == "perfect" and not info.simultaneous and (info.has_text or info.tensor_width is not None)
        ):
            keys = [tuple(look.values()) for look in looks]
        else:
            keys = []
        for row, known in enumerate(keys):
            table, player = int(turn.table[row]), int(turn.player[row])
            self._compare((player, known), looks[row])
            self._compare_tables(tables, table, (player, known))
        if not self._hides and not info.simultaneous:
            self._hides = self._players_differ(tables, np.unique(turn.table))

    def check(self) -> None:
        """Raises `ConformanceError` where nothing that was seen was hidden in a game said to hide something."""
        info = self._info
        if info.information != "imperfect" or info.simultaneous or info.num_players < 2 or self._hides:
            return
        if self._turns and (info.has_text or info.has_information_state or info.tensor_width is not None):
            fail(info, "information is imperfect, but all players saw the same in every position met: declare perfect")

    def _seen(self, tables: TableBatch, turn: Turn) -> list[dict[str, object]]:
        """What each player may do and observes."""
        info = self._info
        looks: list[dict[str, object]] = [{"legal actions": legal} for legal in listed(turn.legal)]
        if info.has_text:
            for look, text in zip(looks, tables.text(turn.table, turn.player), strict=True):
                look["text"] = text
        if info.tensor_width is not None:
            for look, tensor in zip(looks, tables.tensor(turn.table, turn.player), strict=True):
                look["tensor"] = tensor.tobytes()
        for look in looks:
            look["legal actions"] = repr(look["legal actions"])
        return looks

    def _compare(self, key: Key, look: dict[str, object]) -> None:
        """Positions that a player cannot tell apart must look the same to the player."""
        first = self._looks.setdefault(key, look)
        for part, seen in look.items():
            if first[part] != seen:
                player, known = key
                tells = "tell" if part.endswith("s") else "tells"
                fail(self._info, f"player {player}'s {part} {tells} more than its information state {known!r:.120}")

    def _compare_tables(self, tables: TableBatch, table: int, key: Key) -> None:
        """Different positions of one information state are hidden information, and searched from alike."""
        player, known = key
        rendered = tables.render(table)
        first = self._tables.setdefault(key, rendered)
        if self._searches:
            drawn = look_of(tables.search_state(table, player, SEEDS[0]))
            if self._drawn.setdefault(key, drawn) != drawn:
                fail(
                    self._info,
                    f"search_state depends on what player {player} cannot know: it must be a function of the information "
                    f"state {known!r:.120} and the seed",
                )
        if rendered == first:
            return
        self._hides = True
        if self._info.information == "perfect":
            fail(
                self._info,
                f"information is perfect, but player {player} cannot tell apart two tables that render shows differently, at {known!r:.120}",
            )
        if self._searches and len({look_of(tables.search_state(table, player, seed)) for seed in SEEDS}) == 1:
            fail(
                self._info,
                f"search_state ignores its seed: it gives one state where several are possible, at {known!r:.120}",
            )

    def _players_differ(self, tables: TableBatch, table: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bool:
        """Whether players know different things at one of these tables."""
        info = self._info
        views = []
        for player in range(info.num_players):
            seat = np.full(len(table), player, np.int64)
            view: list[object] = []
            if info.has_text:
                view += tables.text(table, seat)
            if info.has_information_state:
                view += tables.information_state(table, seat)
            if not view and info.tensor_width is not None:
                view.append(tables.tensor(table, seat).tobytes())
            views.append(view)
        return any(view != views[0] for view in views)
