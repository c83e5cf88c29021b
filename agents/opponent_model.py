"""An opponent asked at positions that nobody plays: what it would do there, for whoever looks for the best answer to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games import Agent, ClockedAgent, Game, NotProvided, ObservationBatch
from arena.games.actions import ListedLegal
from arena.games.positions import rules_and_twin
from arena.games.seeds import counter_hash
from arena.solvers.policy_table import checked_rows, policy_of

ASK_STREAM = 4_111
"""Of the words that answers are drawn with: another stream than those of matches, so that these are fresh."""
LARGEST_MEMORY = 200_000
"""Information states whose probabilities are kept."""

Choices = tuple[list[int], list[float]]
"""(actions that may be chosen, the probability of each)."""


class OpponentModel:
    """What an agent does at states of OpenSpiel; ``tells``: whether it tells its probabilities, so that none is estimated.

    Raises:
        NotProvided: an agent that cannot be asked out of a match: on a clock, or with a memory of the match; or a game
            without the rules of OpenSpiel.
    """

    def __init__(self, agent: Agent | ClockedAgent, game: Game, *, queries: int = 1, rows: int = 1):
        require_askable(agent)
        assert not hasattr(agent, "send")
        self.rules, twin = rules_and_twin(game)
        self._agent: Any = agent
        self._policy = policy_of(agent)
        self.tells = self._policy is not None
        self.queries, self.asked = queries, 0
        self._tables, self._rows = twin.tables(rows), rows
        self._known: dict[tuple[int, str], Choices] = {}
        self._by_string = self.rules.get_type().provides_information_state_string

    def key(self, state: Any, player: int) -> tuple[int, str]:
        """What names a player's information state."""
        return player, str(
            state.information_state_string(player) if self._by_string else state.observation_string(player)
        )

    def choices(self, states: Sequence[Any], players: Sequence[int]) -> list[Choices]:
        """What it may choose at these states, one player's decision each, with probabilities: told, or the shares of answers.

        Shares are those of `queries` answers with words of their own, which are a function of the information state alone.
        """
        keys = [self.key(state, player) for state, player in zip(states, players, strict=True)]
        new = {key: k for k, key in enumerate(keys) if key not in self._known}
        if len(self._known) + len(new) > LARGEST_MEMORY:
            self._known.clear()
            new = {key: k for k, key in enumerate(keys)}
        at = list(new.values())
        step = max(1, self._rows // (1 if self.tells else self.queries))
        for begin in range(0, len(at), step):
            part = at[begin : begin + step]
            found = self._ask([states[k] for k in part], [players[k] for k in part], [keys[k][1] for k in part])
            self._known.update(zip([keys[k] for k in part], found, strict=True))
        return [self._known[key] for key in keys]

    def answer(self, state: Any, player: int, word: int) -> int:
        """One action, drawn with a word of 64 bits."""
        legal = state.legal_actions(player)
        if len(legal) == 1:
            return int(legal[0])
        self.asked += 1
        batch = self._batch([state], [player], [legal], np.array([word], np.uint64))
        return int(self._agent.act(batch)[0])

    def _ask(self, states: Sequence[Any], players: Sequence[int], names: Sequence[str]) -> list[Choices]:
        legal = [state.legal_actions(player) for state, player in zip(states, players, strict=True)]
        if self._policy is not None:
            self.asked += len(states)
            batch = self._batch(states, players, legal, np.zeros(len(states), np.uint64))
            rows = checked_rows(batch, self._policy.probabilities(batch), names)
            return [
                _chosen(actions, [float(row[a]) for a in actions]) for actions, row in zip(legal, rows, strict=True)
            ]
        k = self.queries
        self.asked += k * len(states)
        words = np.concatenate([_words(name, k) for name in names])
        batch = self._batch(
            [state for state in states for _ in range(k)],
            [player for player in players for _ in range(k)],
            [actions for actions in legal for _ in range(k)],
            words,
        )
        answers = np.asarray(self._agent.act(batch), np.int64).reshape(len(states), k)
        return [
            _chosen(actions, [float((row == a).mean()) for a in actions])
            for actions, row in zip(legal, answers, strict=True)
        ]

    def _batch(
        self, states: Sequence[Any], players: Sequence[int], legal: list[list[int]], words: NDArray[np.uint64]
    ) -> ObservationBatch:
        rows = np.arange(len(states))
        self._tables.place(rows, states)
        return ObservationBatch(
            table=rows,
            player=np.asarray(players, np.int64),
            legal=ListedLegal(legal),
            match_seed=words,
            ply=np.zeros(len(states), np.int64),
            tables=self._tables,
        )


def require_askable(agent: Agent | ClockedAgent) -> None:
    """Raises `NotProvided` where an agent answers in matches alone."""
    if hasattr(agent, "send"):
        raise NotProvided(
            f"{agent.info.name} runs outside Arena and answers in matches alone; watch it there: --method enumerate"
        )
    if agent.info.remembers:
        raise NotProvided(
            f"{agent.info.name} remembers its match, so that no position alone says what it does; watch it in matches: "
            "--method enumerate"
        )


def _chosen(actions: Sequence[int], probabilities: Sequence[float]) -> Choices:
    kept = [(int(a), p) for a, p in zip(actions, probabilities, strict=True) if p > 0]
    total = sum(p for _, p in kept)
    if not kept:  # illegal answers alone, which forfeit a match: nothing is known of what comes after
        return [int(a) for a in actions], [1 / len(actions)] * len(actions)
    return [a for a, _ in kept], [p / total for _, p in kept]


def _words(name: str, count: int) -> NDArray[np.uint64]:
    """Words for the answers at an information state: the same ones in whatever order states are asked."""
    import zlib

    text = name.encode()
    high, low = zlib.crc32(text), zlib.crc32(b"\x01" + text)
    words: NDArray[np.uint64] = counter_hash(np.uint64((high << 32) | low), ASK_STREAM, np.arange(count))
    return words
