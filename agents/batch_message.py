"""A batch of decisions as one line of JSON, its columns in base64: how an agent in a process of its own is asked for many tables at once.

What it reads of the game, observations or information states, it asks for when it reads them.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from arena.agents.observation import Part
from arena.games import ActionSpace, GameInfo, ObservationBatch, ProtocolError
from arena.games.actions import LegalActions, ListedLegal, MaskedLegal

ASKED_FOR: tuple[Part, ...] = ("tensor", "information_state_tensor", "information_state")
"""What a batch tells besides its columns, when it is asked for it."""

Line = Mapping[str, Any]  # what json.loads gives
Number = TypeVar("Number", bound=np.generic)


def to_line(message: Line) -> str:
    """The message as one line, its end included."""
    return json.dumps(message, separators=(",", ":")) + "\n"


def pack(column: NDArray[Any]) -> str:
    """The bytes of an array."""
    return binascii.b2a_base64(column.tobytes(), newline=False).decode("ascii")


def unpack(text: object, dtype: type[Number], shape: Sequence[int]) -> NDArray[Number]:
    """The array of these bytes.

    Raises:
        ProtocolError: they are none of this shape.
    """
    try:
        column = np.frombuffer(binascii.a2b_base64(cast("str", text), strict_mode=True), dtype)
        # what stands on the bytes could not be written to, and has kernels of its own
        return column.reshape(*shape).copy()
    except (ValueError, TypeError) as error:  # binascii.Error is a ValueError
        raise ProtocolError(f"{list(shape)} numbers were to come; {error}") from None


def tell_game(info: GameInfo) -> Line:
    """The facts of a game in types of JSON."""
    return asdict(info)


def told_game(message: Line) -> GameInfo:
    """The facts that `tell_game` told."""
    return GameInfo(
        **{
            **message,
            "action_space": ActionSpace(**message["action_space"]),
            "teams": tuple(map(tuple, message["teams"])),
            "action_names": tuple(message["action_names"]),
        }
    )


def tell_columns(batch: ObservationBatch) -> Line:
    """Who is asked, what is legal, and the words: of a game with listed actions."""
    return {
        "rows": len(batch),
        "table": pack(batch.table),
        "player": pack(batch.player),
        "match_seed": pack(batch.match_seed),
        "ply": pack(batch.ply),
        "legal": _tell_legal(batch.legal),
    }


def told_batch(message: Line, tables: Any) -> ObservationBatch:
    """The batch that `tell_columns` told. ``tables``: where its parts are read."""
    rows = int(message["rows"])
    return ObservationBatch(
        unpack(message["table"], np.int64, (rows,)),
        unpack(message["player"], np.int64, (rows,)),
        _told_legal(message["legal"], rows),
        unpack(message["match_seed"], np.uint64, (rows,)),
        unpack(message["ply"], np.int64, (rows,)),
        tables,
    )


def tell_part(batch: ObservationBatch, part: Part) -> object:
    """A part of a batch."""
    if part == "information_state":
        return batch.information_state()
    tensor = batch.tensor() if part == "tensor" else batch.information_state_tensor()
    return {"shape": list(tensor.shape), "values": pack(tensor)}


def told_part(told: Any, part: Part) -> list[str] | NDArray[np.float32]:
    """The part that `tell_part` told."""
    return cast("list[str]", told) if part == "information_state" else unpack(told["values"], np.float32, told["shape"])


def _tell_legal(legal: LegalActions) -> Line:
    if isinstance(legal, MaskedLegal):
        return {"actions": legal.rows.shape[1], "mask": pack(np.packbits(legal.rows, axis=1))}
    rows = legal.lists()
    count = np.fromiter(map(len, rows), np.int64, len(rows))
    return {"count": pack(count), "listed": pack(np.fromiter(chain.from_iterable(rows), np.int64, int(count.sum())))}


def _told_legal(told: Line, rows: int) -> LegalActions:
    if "mask" in told:
        actions = int(told["actions"])
        packed = unpack(told["mask"], np.uint8, (rows, -(-actions // 8)))
        return MaskedLegal(np.unpackbits(packed, axis=1, count=actions).view(np.bool_))
    ends = np.cumsum(unpack(told["count"], np.int64, (rows,))).tolist()
    listed = unpack(told["listed"], np.int64, (-1,)).tolist()
    return ListedLegal([listed[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)])
