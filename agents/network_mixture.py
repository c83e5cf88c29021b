"""Checkpoint files of several networks, of which each player draws one before a match: what populations play.

The header has ``version`` 4, ``kind`` "mixture", ``member``: the header of each member's own file, see
`arena.agents.network_file`, and ``weights``: for each player of the game one of each member. The weights of member k have the
names of its own file with ``k/`` before: ``0/0.weight``, ``0/0.bias``, ..., ``1/0.weight``, ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arena.agents.network_file import Choice, Network, content_of, network_of, read_file, write_file
from arena.games import Game, SpecificationError
from arena.games.observation import Reads
from arena.games.policy import PROBABILITY_TOLERANCE

if TYPE_CHECKING:
    import torch

VERSION = 4
KIND = "mixture"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkMixture:
    """``members``: networks of one form without memories; ``weights`` [num_players, num_members]: how each player draws."""

    members: tuple[Network, ...]
    weights: tuple[tuple[float, ...], ...]


def save_mixture(
    modules: Sequence[torch.nn.Sequential],
    weights: Sequence[Sequence[float]],
    path: str | Path,
    *,
    game: Game,
    choice: Choice = "sample",
    reads: Reads = "observation",
) -> None:
    """Writes a checkpoint that ``checkpoint:FILE`` plays.

    Args:
        modules: the members, of one form, as `mlp` makes them.
        weights: [num_players, num_members], rows sum to 1.
        path, game, choice, reads: as of `save_network`.

    Raises:
        SpecificationError: members of several forms, weights that are none, or as of `save_network`.
    """
    contents = [content_of(module, game.info, choice, reads) for module in modules]
    member = contents[0][0]
    if any(header != member for header, _ in contents):
        raise SpecificationError("the members of a mixture must have one form")
    header = {"version": VERSION, "kind": KIND, "member": member, "weights": [list(row) for row in weights]}
    _checked_weights(header, len(contents))
    tensors = {f"{k}/{name}": weight for k, (_, own) in enumerate(contents) for name, weight in own.items()}
    write_file(path, header, tensors)


def load_checkpoint(path: str | Path) -> Network | NetworkMixture:
    """The network of a checkpoint, or the mixture of several. Nothing in the file is executed.

    Raises:
        SpecificationError: as of `load_network`; or a mixture whose weights are none, or whose members are not all there.
    """
    try:
        header, tensors = read_file(path)
        return _mixture_of(header, tensors) if header.get("kind") == KIND else network_of(header, tensors)
    except SpecificationError as error:
        raise SpecificationError(f"{str(path)!r} is no checkpoint: {error}") from None


def _mixture_of(header: Mapping[str, object], tensors: Mapping[str, NDArray[np.generic]]) -> NetworkMixture:
    if header.get("version") != VERSION:
        raise SpecificationError(
            f"a mixture has the version {VERSION}; got {header.get('version')!r:.80}: update Arena"
        )
    parts: dict[str, dict[str, NDArray[np.generic]]] = {}
    for name, tensor in tensors.items():
        number, _, own = name.partition("/")
        parts.setdefault(number, {})[own] = tensor
    if parts.keys() != {str(k) for k in range(len(parts))}:
        raise SpecificationError(f"its members must be numbered from 0; got {sorted(parts)!r:.80}")
    weights = _checked_weights(header, len(parts))
    member = header.get("member")
    if not isinstance(member, dict):
        raise SpecificationError(f"its member must be a JSON object; got {member!r:.80}")
    members = tuple(network_of(member, parts[str(k)]) for k in range(len(parts)))
    if members[0].memory:
        raise SpecificationError("members that remember are not drawn from a mixture")
    return NetworkMixture(members=members, weights=weights)


def _checked_weights(header: Mapping[str, object], members: int) -> tuple[tuple[float, ...], ...]:
    rows = header.get("weights")
    if not isinstance(rows, list) or not rows or not members or not all(_is_share(row, members) for row in rows):
        raise SpecificationError(
            f"its weights must be a row for each player: {members} numbers of at least 0 that sum to 1; got {rows!r:.80}"
        )
    return tuple(tuple(float(weight) for weight in row) for row in rows)


def _is_share(row: object, members: int) -> bool:
    if not isinstance(row, list) or len(row) != members:
        return False
    if not all(isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight <= 1 for weight in row):
        return False
    return abs(sum(row) - 1) <= PROBABILITY_TOLERANCE
