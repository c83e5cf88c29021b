"""A `GameTree` as tensors on a device: one batched operation a level and column, in place of a loop over information sets.

Sequences are put in another order here: the empty ones first, then by player and by level, the number of a player's own
decisions before; within a level the first actions of all its information sets, then the second ones, and so on, sets with
the most actions first. A level is then a slice, and a sum over actions a few additions of slices. Payoff entries stand in
the same way: all first entries of rows, then all second ones, rows with the most entries first.

Such sums go from left to right, one column after the other, in the order in which the compiled loops of
`arena.solvers.tree_kernels` add. There is no atomic addition, and no operation that may fuse a product with a sum. So results
have the same bits in every run, and where a device rounds as IEEE 754 says, the bits of the loops.

Source: the storage is the jagged diagonal one of Saad, Krylov subspace methods on supercomputers, SIAM Journal on Scientific
and Statistical Computing 10, 1989.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from arena.games.errors import NotProvided, SpecificationError
from arena.games.game_tree import GameTree

CPU_TENSORS = "torch"
SHORT = 1 << 31  # indices below it take half the memory, and half the time to read

Places = NDArray[np.int64]
Layout = tuple[Places, tuple[int, ...], Places]
"""Of a level: its sets, those with the most actions first; how many have more than k actions; their sequences by column."""
NO_FAMILIES: Layout = (np.zeros(0, np.int64), (), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Sums of the rows of a ragged array whose entries stand column by column, rows with the most entries first.

    ``counts``: how many rows have more than k entries, for each k.
    """

    counts: tuple[int, ...]

    def sums(self, entries: torch.Tensor, before: torch.Tensor | None = None) -> torch.Tensor:
        """[rows] from left to right, added to ``before`` [rows] where given; rows without entries are left out."""
        columns = torch.split_with_sizes(entries, list(self.counts))
        if before is None:
            before, columns = (columns[0], columns[1:]) if columns else (entries, columns)
        longest = total = before.clone()
        for column in columns:
            if len(column) < len(longest):
                longest = total[: len(column)]
            longest += column
        return total

    def best(self, entries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(the greatest entry, which column has the first such one), [rows] each; every row has an entry."""
        at = self.counts[0]
        best = entries[:at].clone()
        column = torch.zeros(at, dtype=torch.int64, device=entries.device)
        for k, count in enumerate(self.counts[1:], 1):
            challenger = entries[at : at + count]
            greater = challenger > best[:count]
            column[:count] = torch.where(greater, k, column[:count])
            best[:count] = torch.where(greater, challenger, best[:count])
            at += count
        return best, column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """The information sets of a player at one depth, M of them.

    ``sequences``, ``sets``: where they stand, the sets counted within their player. ``actions``: rows of the sets. ``parents``
    [P]: the sequences that lead to them, and ``children`` their sets, [M] positions in the level, ``families`` their rows: the
    last set first, as the loops go. Sets that everybody's first decisions are have no parents here.
    """

    sequences: slice
    sets: slice
    actions: Rows
    parents: torch.Tensor = field(repr=False)
    children: torch.Tensor = field(repr=False)
    families: Rows

    def hand_back(self, worth: torch.Tensor, value: torch.Tensor) -> None:
        """Adds what the sets are worth [M] to ``value`` [S] of the sequences that lead to them."""
        if self.families.counts:
            behind = self.families.sums(worth[self.children], value[self.parents])
            value.index_copy_(0, self.parents, behind)  # no two places are the same: nothing is left to chance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlayerTensors:
    """One player's part of the tree, m sets and N payoff entries.

    ``sequences``: where they stand. ``owner``: [its sequences], the set of each, counted within the player. ``uniform``: one
    over the number of actions, likewise. ``paid``: the sequences with payoffs, ``entries`` their rows; ``weights`` [N] and
    ``others`` ([N] for each other player) as in `GameTree`. ``idle``: the same of the empty sequence.
    """

    sequences: slice
    levels: tuple[Level, ...]
    owner: torch.Tensor = field(repr=False)
    uniform: torch.Tensor = field(repr=False)
    paid: torch.Tensor = field(repr=False)
    entries: Rows
    weights: torch.Tensor = field(repr=False)
    others: tuple[torch.Tensor, ...] = field(repr=False)
    idle_weights: torch.Tensor = field(repr=False)
    idle_others: tuple[torch.Tensor, ...] = field(repr=False)

    def payoffs(self, reach: torch.Tensor, value: torch.Tensor) -> None:
        """Fills the player's part of ``value`` [S] with what its sequences earn right behind them."""
        value[self.sequences].zero_()
        value.index_copy_(0, self.paid, self.entries.sums(_reached(self.weights, self.others, reach)))

    def idle_payoff(self, reach: torch.Tensor) -> torch.Tensor:
        """What it earns where it has had no choice, a scalar."""
        return _reached(self.idle_weights, self.idle_others, reach).sum()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorTree:
    """A tree with n players and S sequences on a device; see the module.

    ``order`` [S]: the `GameTree`'s sequence that stands at each place. ``leading`` [S]: the place of the sequence that leads to
    the set of each, for empty ones itself. ``sets`` [I]: the number in the `GameTree` of each set, players one after the other.
    """

    device: torch.device
    players: tuple[PlayerTensors, ...]
    order: torch.Tensor = field(repr=False)
    leading: torch.Tensor = field(repr=False)
    sets: Places = field(repr=False)

    def load(self, values: NDArray[np.float64]) -> torch.Tensor:
        """An array [S] in the order of the `GameTree` as a tensor in the order of this one."""
        return _tensor(values, self.device)[self.order]

    def unload(self, values: torch.Tensor) -> NDArray[np.float64]:
        """The array of a tensor: the other way round."""
        held = torch.empty_like(values)
        held[self.order] = values
        array: NDArray[np.float64] = held.cpu().numpy()
        return array

    def reach(self, player: PlayerTensors, strategy: torch.Tensor, reach: torch.Tensor) -> None:
        """Fills the player's part of ``reach`` [S] with realisation weights."""
        for level in player.levels:
            own = level.sequences
            torch.mul(reach[self.leading[own]], strategy[own], out=reach[own])


def tensor_device(device: str) -> torch.device:
    """The device of a name: ``cuda``, ``cuda:1``, or ``torch`` for tensors on the CPU, where they can be tried.

    Raises:
        NotProvided: a CUDA device that is not there; the message says what is.
        SpecificationError: another name.
    """
    if device == CPU_TENSORS:
        return torch.device("cpu")
    kind, colon, number = device.partition(":")
    if kind != "cuda" or (colon and not number.isdecimal()):
        raise SpecificationError(
            f"device is cpu (compiled loops), cuda or cuda:NUMBER (a GPU), or torch (tensors on the CPU); got {device!r}"
        )
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= there:
        built = "" if torch.version.cuda else ", built without CUDA,"
        names = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(there)]
        raise NotProvided(
            f"device {device} is not there: torch {torch.__version__}{built} finds {there} CUDA devices here; there are "
            f"{', '.join(['cpu', CPU_TENSORS, *names])}"
        )
    return torch.device(device)


def tensor_tree(tree: GameTree, device: str) -> TensorTree:
    """The tree on a device.

    Args:
        device: as of `tensor_device`.

    Raises:
        NotProvided: a device that is not there.
        SpecificationError: a device of another name.
    """
    place = tensor_device(device)
    first = tree.first.astype(np.int64)
    layouts = [_levels(tree, player) for player in range(tree.num_players)]
    order = np.concatenate(
        [np.arange(tree.num_players), *(sequences for levels in layouts for _, _, sequences in levels)]
    )
    at = np.empty(len(order), np.int64)
    at[order] = np.arange(len(order))
    set_of = np.repeat(np.arange(tree.num_sets), np.diff(first))
    leading = np.concatenate((np.arange(tree.num_players), tree.parent.astype(np.int64)[set_of]))
    return TensorTree(
        device=place,
        players=tuple(_player(tree, player, layouts[player], at, place) for player in range(tree.num_players)),
        order=_tensor(order, place),
        leading=_tensor(at[leading[order]], place),
        sets=np.concatenate([np.zeros(0, np.int64), *(sets for levels in layouts for sets, _, _ in levels)]),
    )


def _levels(tree: GameTree, player: int) -> list[Layout]:
    begin, end = int(tree.set_begin[player]), int(tree.set_begin[player + 1])
    depth = tree.depth[begin:end].astype(np.int64)
    first = tree.first.astype(np.int64)
    found = []
    for level in range(int(depth.max()) + 1 if len(depth) else 0):
        sets = begin + np.flatnonzero(depth == level)
        longest, counts, entries = _columns(first[sets], first[sets + 1] - first[sets])
        found.append((sets[longest], counts, entries))
    return found


def _columns(begin: Places, lengths: Places) -> Layout:
    """(rows, the longest first; how many have more than k entries; entries column by column) of rows begin .. + lengths."""
    longest = np.argsort(-lengths, kind="stable")
    begin, lengths = begin[longest], lengths[longest]
    most = int(lengths[0]) if len(lengths) else 0
    counts = np.searchsorted(-lengths, -np.arange(most), side="left")  # lengths > k
    column = np.repeat(np.arange(most), counts)
    row = np.arange(len(column)) - np.repeat(np.cumsum(counts) - counts, counts)
    return longest, tuple(counts.tolist()), begin[row] + column


def _player(tree: GameTree, player: int, layouts: Sequence[Layout], at: Places, place: torch.device) -> PlayerTensors:
    def tensor(values: Places | NDArray[np.float64]) -> torch.Tensor:
        return _tensor(values, place)

    def others(entries: Places | slice) -> tuple[torch.Tensor, ...]:
        columns = (at[tree.others[entries, i]] for i in range(tree.num_players - 1))
        return tuple(tensor(column).to(torch.int32 if len(at) <= SHORT else torch.int64) for column in columns)

    own = tree.sequences(player)
    levels, owners, actions, sets_before, at_sequence = [], [], [], 0, own.start
    for depth, (sets, counts, sequences) in enumerate(layouts):
        parents, families, children = _families(at[tree.parent[sets].astype(np.int64)], sets) if depth else NO_FAMILIES
        levels.append(
            Level(
                sequences=slice(at_sequence, at_sequence + len(sequences)),
                sets=slice(sets_before, sets_before + len(sets)),
                actions=Rows(counts=counts),
                parents=tensor(parents),
                children=tensor(children),
                families=Rows(counts=families),
            )
        )
        owner = np.concatenate([np.arange(count) for count in counts])
        owners.append(sets_before + owner)
        actions.append((tree.first[sets + 1].astype(np.int64) - tree.first[sets].astype(np.int64))[owner])
        sets_before, at_sequence = sets_before + len(sets), at_sequence + len(sequences)
    rows = np.arange(own.start, own.stop)
    begin = tree.row_begin.astype(np.int64)
    lengths = begin[rows + 1] - begin[rows]
    longest, counts, entries = _columns(begin[rows], lengths)
    idle = slice(begin[player], begin[player + 1])
    return PlayerTensors(
        sequences=own,
        levels=tuple(levels),
        owner=tensor(np.concatenate([np.zeros(0, np.int64), *owners])),
        uniform=tensor(1.0 / np.concatenate([np.zeros(0, np.int64), *actions])),
        paid=tensor(at[rows[longest[: counts[0] if counts else 0]]]),
        entries=Rows(counts=counts),
        weights=tensor(tree.weights[entries]),
        others=others(entries),
        idle_weights=tensor(tree.weights[idle]),
        idle_others=others(idle),
    )


def _families(parents: Places, sets: Places) -> Layout:
    """(each parent once, those with the most sets first; rows of their sets; positions of these, the last set first)."""
    by_parent = np.lexsort((-sets, parents))
    different, begin, lengths = np.unique(parents[by_parent], return_index=True, return_counts=True)
    longest, counts, entries = _columns(begin, lengths)
    return different[longest], counts, by_parent[entries]


def _reached(weights: torch.Tensor, others: Sequence[torch.Tensor], reach: torch.Tensor) -> torch.Tensor:
    """Each payoff times the weights with which the others reach it, multiplied from left to right."""
    for sequences in others:
        weights = weights * reach.index_select(0, sequences)
    return weights


def _tensor(values: Places | NDArray[np.float64], place: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.array(values)).to(place)  # a copy: torch knows no read-only arrays
