"""The tree of leduc poker from its rules: one betting tree, repeated in numpy for every hand and every public card.

Everybody antes 1 and is dealt one card out of two suits of n + 1 ranks; bets are 2 in the first round, 4 in the second, and
a round has two raises at most. A public card comes between the rounds; a pair with it wins, else the higher ranks. Source:
Southey et al., Bayes' bluff: opponent modelling in poker, UAI 2005, arXiv:1207.1411, in OpenSpiel's version for n players.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import GameTree, PlayerColumns, assemble, reordered
from arena.games.tree_walk import CompileProgress, TooLarge, require_memory

FOLD, CALL, RAISE = 0, 1, 2
SUITS, MOST_RAISES, MONEY = 2, 2, 100
RAISES = (2, 4)  # in each round

Cards = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bets:
    """What everybody sees of a match but the public card. ``paid``: into the pot, by player; ``moves``: of both rounds."""

    turn: int
    stakes: int = 1
    calls: int = 0
    raises: int = 0
    paid: tuple[int, ...]
    folded: tuple[bool, ...]
    moves: tuple[tuple[int, ...], ...] = ((),)

    @property
    def staying(self) -> int:
        return self.folded.count(False)

    @property
    def settled(self) -> bool:
        """Whether the round is over."""
        return self.calls == (self.staying if self.raises == 0 else self.staying - 1)

    def legal(self) -> tuple[int, ...]:
        pressed = self.stakes > self.paid[self.turn]
        return (*((FOLD,) if pressed else ()), CALL, *((RAISE,) if self.raises < MOST_RAISES else ()))

    def after(self, action: int) -> Bets:
        turn, stakes, calls, raises = self.turn, self.stakes, self.calls, self.raises
        folded = tuple(gone or (action == FOLD and p == turn) for p, gone in enumerate(self.folded))
        if action == CALL:
            calls += 1
        elif action == RAISE:
            calls, raises, stakes = 0, raises + 1, stakes + RAISES[len(self.moves) - 1]
        paid = tuple(stakes if action != FOLD and p == turn else put for p, put in enumerate(self.paid))
        moves = (*self.moves[:-1], (*self.moves[-1], action))
        return replace(
            self,
            turn=_next(turn, folded),
            stakes=stakes,
            calls=calls,
            raises=raises,
            paid=paid,
            folded=folded,
            moves=moves,
        )

    def second_round(self, starting: int) -> Bets:
        first = _next((starting - 1) % len(self.paid), self.folded)
        return replace(self, turn=first, calls=0, raises=0, moves=(*self.moves, ()))

    def before_the_public_card(self) -> str:
        """The part of an information state's name between the private and the public card."""
        money = " ".join(str(MONEY - put) for put in self.paid)
        return f"[Round {len(self.moves)}][Player: {self.turn}][Pot: {sum(self.paid)}][Money: {money}]"

    def behind_the_public_card(self) -> str:
        first, second = (" ".join(map(str, moves)) for moves in (*self.moves, ())[:2])
        return f"[Round1: {first}][Round2: {second}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deals:
    """All ways to deal so many cards, in order: ``cards`` [D, number], ``chance`` [D].

    ``earlier``: how many ways to deal fewer; ``before`` [D]: which of the ways to deal one card less each begins with.
    """

    cards: Cards
    chance: NDArray[np.float64]
    earlier: int
    before: Cards


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A place in the betting: each player's sequence there, and ``since``: the place of the first round's end, or its own."""

    bets: Bets
    sequences: tuple[int, ...]
    since: int = 0


@dataclass(slots=True)
class _Own:
    """A player's information sets in the betting, those of the first round first, and how each is named and found.

    ``first``: how many sequences the first round has.
    """

    columns: PlayerColumns = field(default_factory=PlayerColumns)
    names: list[tuple[str, str]] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    first: int = 0


def leduc_tree(
    parameters: Mapping[str, Any], specification: str, *, max_nodes: int, progress: CompileProgress | None = None
) -> GameTree | None:
    """The tree of OpenSpiel's leduc_poker with these parameters, None of those that are not written from rules.

    Raises:
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    players, starting = int(parameters["players"]), int(parameters["starting_player"])
    if parameters["action_mapping"] or not 0 <= starting < players:
        return None
    copies = np.full(players + 1, SUITS) if parameters["suit_isomorphism"] else np.ones((players + 1) * SUITS, np.int64)
    hands, boards = (_deals(copies, cards, specification, max_nodes) for cards in (players, players + 1))
    owns = [_Own() for _ in range(players)]
    settled = [
        _Node(bets=Bets(turn=starting, paid=(1,) * players, folded=(False,) * players), sequences=(0,) * players)
    ]
    spent, ends = hands.earlier, []
    for deals in (hands, boards):
        if deals is boards:
            settled = [replace(node, bets=node.bets.second_round(starting)) for node in settled]
            for own in owns:
                own.first = len(own.columns.actions) - 1
        most = (max_nodes - spent) // len(deals.cards)
        nodes, settled, over = _betting(settled, owns, most)
        if nodes > most:
            raise TooLarge(specification, max_nodes)
        spent += nodes * len(deals.cards)
        if progress is not None:
            progress(spent)
        ends.append(over)
    ends[1] += settled  # a showdown
    require_memory(specification, spent)
    laid_out = [_repeated(player, own, hands, boards, len(copies)) for player, own in enumerate(owns)]
    joint, chance, returns = [], [], []
    for deals, over in zip((hands, boards), ends, strict=True):
        public = deals.cards[:, players] if deals is boards else 0
        shares: dict[tuple[bool, ...], NDArray[np.float64]] = {}
        for node in over:
            bets = node.bets
            if bets.folded not in shares:
                won = _winners(bets.folded, deals.cards, int(copies[0]), len(copies))
                shares[bets.folded] = won / won.sum(axis=1, keepdims=True)
            numbers = [
                number[deals.cards[:, player], public, sequence]
                for player, ((_, number), sequence) in enumerate(zip(laid_out, node.sequences, strict=True))
            ]
            joint.append(np.stack(numbers, axis=1))
            chance.append(deals.chance)
            returns.append(sum(bets.paid) * shares[bets.folded] - np.array(bets.paid))
    return assemble(
        specification,
        [columns for columns, _ in laid_out],
        sequences=np.concatenate(joint),
        chance=np.concatenate(chance),
        returns=np.concatenate(returns),
        num_nodes=spent,
    )


def _betting(leaves: Sequence[_Node], owns: Sequence[_Own], most: int) -> tuple[int, list[_Node], list[_Node]]:
    """One round of betting behind each leaf: (nodes, where it is settled, where all but one have folded).

    A settled round is a node: there chance deals, or the match is over. Ends early with more nodes than ``most``.
    """
    second = len(leaves[0].bets.moves) == 2
    nodes, settled, over = 0, [], []
    waiting = list(reversed(leaves))
    while waiting and nodes <= most:
        node = waiting.pop()
        bets, place, nodes = node.bets, nodes, nodes + 1
        since = node.since if second else place
        if bets.staying == 1:
            over.append(node)
        elif bets.settled:
            settled.append(replace(node, since=since))
        else:
            player, legal = bets.turn, bets.legal()
            own = owns[player]
            own.names.append((bets.before_the_public_card(), bets.behind_the_public_card()))
            own.places.append((since, place))
            begin = own.columns.add("", node.sequences[player], legal)
            for i in range(len(legal) - 1, -1, -1):
                sequences = (*node.sequences[:player], begin + i, *node.sequences[player + 1 :])
                waiting.append(_Node(bets=bets.after(legal[i]), sequences=sequences, since=since))
    return nodes, settled, over


def _repeated(player: int, own: _Own, hands: Deals, boards: Deals, kinds: int) -> tuple[PlayerColumns, Cards]:
    """A player's information sets for each hand, and in the second round for each public card, in the order of a walk.

    Also the number of each sequence of the betting, by hand and public card [kinds, kinds, sequences]; in the first round
    whatever the public card.
    """
    columns, repeated = own.columns, PlayerColumns()
    parent, depth, counts, actions = (
        np.asarray(column, np.int64) for column in (columns.parent, columns.depth, columns.num_actions, columns.actions)
    )
    since, place = np.array(own.places, np.int64).T
    early = int(np.searchsorted(np.cumsum(counts), own.first, "right"))  # sets of the first round
    rounds = (
        (slice(0, early), slice(1, own.first + 1)),
        (slice(early, len(counts)), slice(own.first + 1, len(actions))),
    )
    number, total = np.zeros((kinds, kinds, len(actions)), np.int64), 1
    deal_of = np.unique(hands.cards[:, player], return_index=True)[1].tolist()
    pairs, rows = np.unique(boards.cards[:, player] * kinds + boards.cards[:, -1], return_index=True)
    deal_of_board = dict(zip(pairs.tolist(), boards.before[rows].tolist(), strict=True))
    blocks: list[tuple[int, int, int, int]] = []  # round, hand, public card, the first deal with them
    for hand in range(kinds):
        own_boards = [(public, deal_of_board.get(hand * kinds + public)) for public in range(kinds)]
        blocks.append((0, hand, -1, deal_of[hand]))
        blocks += [(1, hand, public, deal) for public, deal in own_boards if deal is not None]
    parents = []
    for second, hand, public, _ in blocks:
        sets, sequences = rounds[second]
        size = sequences.stop - sequences.start
        number[hand, public if second else slice(None), sequences] = np.arange(total, total + size)
        total += size
        shown = f"[Public: {public}]" if second else ""
        private = f"[Observer: {player}][Private: {hand}]"
        repeated.keys += [f"{private}{before}{shown}{behind}" for before, behind in own.names[sets]]
        parents.append(number[hand, public, parent[sets]])
    of_round = [(depth[sets], counts[sets], actions[sequences]) for sets, sequences in rounds]
    columns_of = [np.concatenate(parts) for parts in zip(*(of_round[block[0]] for block in blocks), strict=True)]
    repeated.extend(np.concatenate(parents), *columns_of)
    sizes = [len(part) for part in parents]
    dealt, deal = (np.repeat([block[which] for block in blocks], sizes) for which in (2, 3))
    found = [np.concatenate([column[rounds[block[0]][0]] for block in blocks]) for column in (place, since)]
    result, renumbered = reordered(repeated, np.lexsort((found[0], dealt, found[1], deal)))
    return result, renumbered[number]


def _deals(copies: Cards, number: int, specification: str, max_nodes: int) -> Deals:
    """``copies``: how many cards of each kind there are; players do not tell cards of a kind apart."""
    cards, chance, left, row = np.empty((1, 0), np.int64), np.ones(1), copies[None], np.zeros(1, np.int64)
    earlier = 0
    for _ in range(number):
        earlier += len(cards)
        row, kind = np.nonzero(left)
        if earlier + len(row) > max_nodes:
            raise TooLarge(specification, max_nodes)
        chance = chance[row] * (left[row, kind] / left[row].sum(axis=1))
        cards = np.column_stack((cards[row], kind))
        left = left[row]
        left[np.arange(len(row)), kind] -= 1
    return Deals(cards=cards, chance=chance, earlier=earlier, before=row)


def _winners(folded: tuple[bool, ...], cards: Cards, copies: int, kinds: int) -> NDArray[np.bool_]:
    """Who has the best hand [D, n] among those who stay."""
    players = len(folded)
    if folded.count(False) == 1:
        return np.broadcast_to(~np.array(folded), (len(cards), players))
    ranks = cards if copies > 1 else cards // SUITS
    own, public = ranks[:, :players], ranks[:, players:]
    strength = np.where(own == public, kinds * kinds, np.maximum(own, public) * kinds + np.minimum(own, public))
    strength[:, np.array(folded)] = -1
    best: NDArray[np.bool_] = strength == strength.max(axis=1, keepdims=True)
    return best


def _next(turn: int, folded: Sequence[bool]) -> int:
    """The next player who has not folded."""
    turn = (turn + 1) % len(folded)
    while folded[turn]:
        turn = (turn + 1) % len(folded)
    return turn
