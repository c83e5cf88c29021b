"""The decisions that are due at tables of tensors, and the arrays that they are kept as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.games.errors import SpecificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """``player`` int64 [N, S]; ``legal`` bool [N, S, A]; ``acting`` bool [N, S]: whether there is a decision."""

    player: Tensor
    legal: Tensor
    acting: Tensor


def kept_tensor(arrays: Mapping[str, NDArray[Any]], name: str, like: Tensor, *, below: int | None = None) -> Tensor:
    """An array of a file as a tensor of the shape, type and device of another.

    Args:
        below: its numbers are whole, from 0 to less than this.

    Raises:
        SpecificationError: it is missing, of another shape or kind, or outside its range.
    """
    held = arrays.get(name)
    if (
        held is None
        or held.shape != tuple(like.shape)
        or not np.can_cast(held.dtype, like.cpu().numpy().dtype, "same_kind")
    ):
        raise SpecificationError(f"{name!r} of the matches must be an array of the shape {list(like.shape)}")
    if not np.isfinite(held).all() or (below is not None and not ((held >= 0) & (held < below)).all()):
        raise SpecificationError(f"{name!r} of the matches must be from 0 to less than {below}")
    return torch.from_numpy(np.ascontiguousarray(held)).to(like)
