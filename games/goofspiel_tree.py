"""The tree of goofspiel from its rules: everybody bids a card for a point card, at the same time; the single highest wins it.

Sources: Ross, Goofspiel: the game of pure strategy, J. Applied Probability 8(3), 1971; Lanctot et al., Monte Carlo sampling
for regret minimization in extensive games, NIPS 2009 (bids stay hidden, only who won is told), in OpenSpiel's version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import GameTree
from arena.games.level_tree import Level, Texts, level_tree
from arena.games.tree_size import CHANCE, TERMINAL
from arena.games.tree_walk import CompileProgress

FEWEST_ENDS = 1_000
MOST_CARDS = 15  # what was played is packed into one number, four bits a round; larger games are too large anyway
NOBODY = 15  # won the round; OpenSpiel writes -3
ROUND, TURN, CARDS, WINNERS, POINTS = 0, 1, 2, 3, 4
"""Facts: rounds played, whose turn, point cards so far and who won them, packed; then each player's points, hand as bits,
and bids, packed."""


def goofspiel_tree(
    parameters: Mapping[str, Any],
    specification: str,
    *,
    max_nodes: int,
    progress: CompileProgress | None = None,
    turn_based: bool = False,
) -> GameTree | None:
    """The tree of OpenSpiel's goofspiel with these parameters, None of those that are not written from rules.

    Not of those with fewer than a thousand ends, which are walked sooner. With open bids it is written where players decide
    twice at most: with more rounds OpenSpiel's information states forget in which order cards were played, and its tree is
    refused.

    Args:
        turn_based: as OpenSpiel's turn_based_simultaneous_game(game=goofspiel(...)).

    Raises:
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    cards, turns = int(parameters["num_cards"]), int(parameters["num_turns"])
    turns = cards if turns < 0 else turns
    decisions = min(turns, cards - 1)  # the last card is played by itself
    hidden, players, order = bool(parameters["imp_info"]), int(parameters["players"]), str(parameters["points_order"])
    if not 2 <= cards <= MOST_CARDS or not (1 <= turns < cards - 1 or turns == cards) or not (hidden or decisions <= 2):
        return None
    choices = players + (order == "random")  # each from the cards that are left
    if math.prod((cards - played) ** choices for played in range(decisions)) < FEWEST_ENDS:
        return None
    game = Goofspiel(
        num_players=players,
        cards=cards,
        turns=turns,
        order=order,
        hidden=hidden,
        paid=str(parameters["returns_type"]),
        turn_based=turn_based,
    )
    return level_tree(game, specification, max_nodes=max_nodes, progress=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goofspiel:
    """Rules over levels of histories. ``hidden``: bids stay hidden; ``paid``: what returns are made of."""

    num_players: int
    cards: int
    turns: int
    order: str
    hidden: bool
    paid: str
    turn_based: bool

    @property
    def points(self) -> slice:
        return slice(POINTS, POINTS + self.num_players)

    @property
    def hands(self) -> slice:
        return slice(POINTS + self.num_players, POINTS + 2 * self.num_players)

    @property
    def bids(self) -> slice:
        return slice(POINTS + 2 * self.num_players, POINTS + 3 * self.num_players)

    def start(self) -> Level:
        level = np.zeros((POINTS + 3 * self.num_players, 1), np.int64)
        level[self.hands] = (1 << self.cards) - 1
        if self.order == "random":
            level[TURN] = CHANCE
        else:
            level[CARDS] = 0 if self.order == "ascending" else self.cards - 1
        return level

    def mover(self, level: Level) -> NDArray[np.int64]:
        turn: NDArray[np.int64] = level[TURN]
        return turn

    def legal(self, level: Level) -> NDArray[np.bool_]:
        turn = int(level[TURN, 0])  # the same in all histories
        left = self._undealt(level) if turn == CHANCE else level[self.hands.start + max(turn, 0)]
        legal: NDArray[np.bool_] = left[:, None] >> np.arange(self.cards) & 1 == 1
        return legal

    def seen(self, level: Level, player: int) -> NDArray[np.int64]:
        played = int(level[ROUND, 0])
        card: NDArray[np.int64] = level[CARDS] >> (4 * played) & 15
        if self.hidden:
            winner = level[WINNERS] >> (4 * max(played - 1, 0)) & 15
            card += winner * 16
            return card
        last = level[self.bids] >> (4 * max(played - 1, 0)) & 15 if played else level[self.bids] * 0
        card += 16 * (self.cards + 1) ** np.arange(self.num_players) @ last
        return card

    def names(self, level: Level, player: int) -> list[str]:
        played = int(level[ROUND, 0])
        begin = f"Current player: {player}\n" if self.turn_based else ""

        def listed(packed: int, rounds: int, shift: int = 0) -> str:
            return "".join(f"{(packed >> 4 * i & 15) + shift} " for i in range(rounds))

        def hand(p: int, packed: int) -> str:
            spent = {packed >> 4 * i & 15 for i in range(played)}
            return f"P{p} hand: {''.join(f'{card + 1} ' for card in range(self.cards) if card not in spent)}\n"

        def cards(packed: int) -> str:
            return f"Point card sequence: {listed(packed, played + 1, 1)}\n"

        def score(packed: tuple[int, int]) -> str:
            shown, winners = packed
            points = [0] * self.num_players
            won = [winners >> 4 * i & 15 for i in range(played)]
            for i, winner in enumerate(won):
                if winner != NOBODY:
                    points[winner] += 1 + (shown >> 4 * i & 15)
            sequence = "".join(f"{-3 if winner == NOBODY else winner} " for winner in won)
            return f"Win sequence: {sequence}\nPoints: {''.join(f'{own} ' for own in points)}\n"

        shown, winners = level[CARDS].tolist(), level[WINNERS].tolist()
        if self.hidden:
            own: Texts[int] = Texts(
                lambda bids: f"{begin}{hand(player, bids)}P{player} action sequence: {listed(bids, played)}\n"
            )
            public: Texts[tuple[int, int]] = Texts(lambda packed: f"{cards(packed[0])}{score(packed)}Terminal?: 0\n")
            bids = level[self.bids.start + player].tolist()
            return [own[bid] + public[told] for bid, told in zip(bids, zip(shown, winners, strict=True), strict=True)]
        return [
            f"{begin}{cards(told[0])}{''.join(hand(p, bid) for p, bid in enumerate(bids))}{score(told)}"
            for bids, told in zip(level[self.bids].T.tolist(), zip(shown, winners, strict=True), strict=True)
        ]

    def after(self, level: Level, actions: NDArray[np.int64]) -> Level:
        turn, played = int(level[TURN, 0]), int(level[ROUND, 0])
        if turn == CHANCE:
            level[CARDS] |= actions << (4 * played)
            level[TURN] = 0
            return level
        level[self.bids.start + turn] |= actions << (4 * played)
        if turn + 1 < self.num_players:
            level[TURN] = turn + 1
            return level
        self._settle(level)
        if played + 1 == self.turns:
            level[TURN] = TERMINAL
            return level
        if self.order == "random":
            level[TURN] = CHANCE
        else:
            level[TURN] = 0
            step = played + 1
            level[CARDS] |= (step if self.order == "ascending" else self.cards - 1 - step) << (4 * step)
        if played + 1 == self.cards - 1:  # everybody's last card, and the last point card
            if self.order == "random":
                level[CARDS] |= _places(self.cards)[self._undealt(level)] << (4 * (played + 1))
            level[self.bids] |= _places(self.cards)[level[self.hands]] << (4 * (played + 1))
            self._settle(level)
            level[TURN] = TERMINAL
        return level

    def returns(self, level: Level) -> NDArray[np.float64]:
        points = level[self.points].astype(np.float64)
        if self.paid == "total_points":
            return points
        if self.paid == "point_difference":
            points -= points.sum(axis=0, keepdims=True) / self.num_players
            return points
        best = points == points.max(axis=0, keepdims=True)
        winners, losers = np.arange(self.num_players + 1), self.num_players - np.arange(self.num_players + 1)
        won, lost = 1 / np.maximum(winners, 1), -1 / np.maximum(losers, 1)
        won[-1] = 0.0  # everybody has won
        number = best.sum(axis=0)
        return np.asarray(np.where(best, won[number], lost[number]), np.float64)

    def histories(self, level: Level) -> int:
        return level.shape[1] if self.turn_based or int(level[TURN, 0]) <= 0 else 0

    def _settle(self, level: Level) -> None:
        """Ends a round: who won the point card, and the bids out of the hands."""
        played = int(level[ROUND, 0])
        bids = level[self.bids] >> (4 * played) & 15
        highest = bids == bids.max(axis=0, keepdims=True)
        alone = highest.sum(axis=0) == 1
        winner = np.full(len(alone), NOBODY)
        for player in range(self.num_players):
            winner[highest[player] & alone] = player
        value = 1 + (level[CARDS] >> (4 * played) & 15)
        level[self.points] += np.where(highest & alone, value, 0)
        level[self.hands] &= ~(np.int64(1) << bids)
        level[WINNERS] |= winner << (4 * played)
        level[ROUND] += 1

    def _undealt(self, level: Level) -> NDArray[np.int64]:
        """Point cards that are left, as bits."""
        left = np.full(level.shape[1], (1 << self.cards) - 1)
        for earlier in range(int(level[ROUND, 0])):
            left &= ~(np.int64(1) << (level[CARDS] >> (4 * earlier) & 15))
        return left


def _places(cards: int) -> NDArray[np.int64]:
    """The place of the only bit, of each number with one [2^cards]."""
    places = np.zeros(1 << cards, np.int64)
    places[1 << np.arange(cards)] = np.arange(cards)
    return places
