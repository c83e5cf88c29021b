"""One decision as a value: what a person's own agent reads, in this process or in a child's, and its JSON form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from arena.games import GameInfo, ObservationBatch, ProtocolError, VectorLegal
from arena.games.seeds import AGENT_STREAM, counter_hash, seed_of

Message: TypeAlias = "dict[str, int | float | str | bool | list[int] | list[float] | list[float | None]]"
Part = Literal["text", "tensor", "information_state", "information_state_tensor"]

PARTS: tuple[Part, ...] = ("text", "tensor", "information_state")
"""What may be expensive or absent; a message carries only the parts asked for, these where nothing is said."""
ALL_PARTS: tuple[Part, ...] = (*PARTS, "information_state_tensor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one player knows at one decision.

    ``legal_actions``: ascending; empty in a game of vectors, which has in its place ``low`` and ``high`` (both allowed,
    perhaps infinite) and ``whole``, whether the components are whole numbers.
    ``seed``: a random word of this decision, 63 bits: the only source of chance that keeps matches reproducible.
    ``match``: a number of 63 bits that stays the same for one player during one match.
    Neither tells the words of another player or decision. ``text``, ``tensor``, ``information_state`` and its tensor are made when
    read; None where the game has none.
    """

    game: str
    player: int
    ply: int
    seed: int
    match: int
    legal_actions: tuple[int, ...] = ()
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    whole: bool = False
    columns: Columns = field(repr=False, compare=False)
    row: int = field(default=0, repr=False, compare=False)

    @property
    def text(self) -> str | None:
        """The observation in words."""
        column = self.columns.text()
        return None if column is None else column[self.row]

    @property
    def tensor(self) -> NDArray[np.float32] | None:
        """float32 [tensor_width]."""
        column = self.columns.tensor()
        return None if column is None else column[self.row]

    @property
    def information_state(self) -> str | None:
        """The key of all that the player knows, the past included."""
        column = self.columns.information_state()
        return None if column is None else column[self.row]

    @property
    def information_state_tensor(self) -> NDArray[np.float32] | None:
        """float32 [information_state_width]: the same as numbers."""
        column = self.columns.information_state_tensor()
        return None if column is None else column[self.row]

    def to_message(self, parts: Iterable[Part] = PARTS) -> Message:
        """The JSON form, with those of `parts` that the game has; numbers are plain, an infinite bound is null."""
        message: Message = {
            "game": self.game,
            "player": self.player,
            "ply": self.ply,
            "seed": self.seed,
            "match": self.match,
        }
        if self.low is not None and self.high is not None:
            message |= {"low": _finite(self.low), "high": _finite(self.high), "whole": self.whole}
        else:
            message["legal_actions"] = list(self.legal_actions)
        for part in parts:
            if part in ("tensor", "information_state_tensor"):
                tensor = self.tensor if part == "tensor" else self.information_state_tensor
                if tensor is not None:
                    message[part] = [float(value) for value in tensor.tolist()]
            else:
                words = self.text if part == "text" else self.information_state
                if words is not None:
                    message[part] = words
        return message

    @staticmethod
    def from_message(message: Mapping[str, object]) -> Observation:
        """The observation of a message; unknown keys are left aside, so that newer engines may say more.

        Raises:
            ProtocolError: a field is missing or of the wrong type.
        """
        text, information_state = (_string(message, key) for key in ("text", "information_state"))
        tensor, known = (_numbers(message, key) for key in ("tensor", "information_state_tensor"))
        low = _numbers(message, "low", null=-math.inf)
        high = _numbers(message, "high", null=math.inf)
        legal = message.get("legal_actions", [])
        if (low is None) != (high is None) or (low is None and "legal_actions" not in message):
            raise ProtocolError("an observation needs 'legal_actions', or both 'low' and 'high'")
        if not isinstance(legal, list) or not all(type(action) is int for action in legal):
            raise ProtocolError(f"'legal_actions' must be a list of whole numbers; got {legal!r:.80}")
        game = _string(message, "game")
        if game is None:
            raise ProtocolError("an observation needs 'game'")
        return Observation(
            game=game,
            player=_whole(message, "player"),
            ply=_whole(message, "ply"),
            seed=_whole(message, "seed"),
            match=_whole(message, "match"),
            legal_actions=tuple(legal),
            low=low,
            high=high,
            whole=message.get("whole") is True,
            columns=Columns.of_values(
                text=text, tensor=tensor, information_state=information_state, information_state_tensor=known
            ),
        )


class Columns:
    """The parts of a batch's observations, made for all rows when the first is read, and only while the batch lives."""

    def __init__(self, batch: ObservationBatch | None):
        self._batch = batch
        self._closed = False
        self._text: list[str] | None = None
        self._tensor: NDArray[np.float32] | None = None
        self._information_state: list[str] | None = None
        self._information_state_tensor: NDArray[np.float32] | None = None

    @staticmethod
    def of_values(
        *,
        text: str | None,
        tensor: Sequence[float] | None,
        information_state: str | None,
        information_state_tensor: Sequence[float] | None,
    ) -> Columns:
        """The parts of one row, known already."""
        columns = Columns(None)
        columns._text = None if text is None else [text]
        columns._tensor = _one_row(tensor)
        columns._information_state_tensor = _one_row(information_state_tensor)
        columns._information_state = None if information_state is None else [information_state]
        return columns

    def text(self) -> list[str] | None:
        if self._text is None and (batch := self._source()) is not None and batch.game.has_text:
            self._text = batch.text()
        return self._text

    def tensor(self) -> NDArray[np.float32] | None:
        if self._tensor is None and (batch := self._source()) is not None and batch.game.tensor_width is not None:
            self._tensor = batch.tensor()
        return self._tensor

    def information_state(self) -> list[str] | None:
        if self._information_state is None and (batch := self._source()) is not None:
            self._information_state = batch.information_state() if batch.game.has_information_state else None
        return self._information_state

    def information_state_tensor(self) -> NDArray[np.float32] | None:
        if self._information_state_tensor is None and (batch := self._source()) is not None:
            known = batch.game.information_state_width is not None
            self._information_state_tensor = batch.information_state_tensor() if known else None
        return self._information_state_tensor

    def close(self) -> None:
        """The batch is over: what was read stays, what was not can no longer be made."""
        self._batch, self._closed = None, True

    def _source(self) -> ObservationBatch | None:
        if self._closed:
            raise RuntimeError("an observation was read after its decision; read what is needed inside act()")
        return self._batch


def observations(batch: ObservationBatch) -> list[Observation]:
    """One value a row. They share their columns: close those when the batch has been answered."""
    columns = Columns(batch)
    game: GameInfo = batch.game
    # a hash that cannot be turned back: `counter_hash` can, and would then tell the other players' words
    seeds = [seed_of(("decision", word)) for word in batch.seed().tolist()]
    words = counter_hash(batch.match_seed, AGENT_STREAM, batch.player)
    matches = [seed_of(("match", word)) for word in words.tolist()]
    rows = zip(batch.player.tolist(), batch.ply.tolist(), seeds, matches, strict=True)
    legal = batch.legal
    if isinstance(legal, VectorLegal):
        return [
            Observation(
                game=game.specification,
                player=player,
                ply=ply,
                seed=seed,
                match=match,
                low=tuple(low),
                high=tuple(high),
                whole=legal.whole,
                columns=columns,
                row=row,
            )
            for row, ((player, ply, seed, match), low, high) in enumerate(
                zip(rows, legal.low.tolist(), legal.high.tolist(), strict=True)
            )
        ]
    return [
        Observation(
            game=game.specification,
            player=player,
            ply=ply,
            seed=seed,
            match=match,
            legal_actions=tuple(actions),
            columns=columns,
            row=row,
        )
        for row, ((player, ply, seed, match), actions) in enumerate(zip(rows, legal.lists(), strict=True))
    ]


def _whole(message: Mapping[str, object], key: str) -> int:
    value = message.get(key)
    if type(value) is not int or value < 0:
        raise ProtocolError(f"{key!r} must be a whole number of at least 0; got {value!r:.80}")
    return value


def _string(message: Mapping[str, object], key: str) -> str | None:
    value = message.get(key)
    if value is not None and not isinstance(value, str):
        raise ProtocolError(f"{key!r} must be a text; got {value!r:.80}")
    return value


def _numbers(message: Mapping[str, object], key: str, *, null: float | None = None) -> tuple[float, ...] | None:
    values = message.get(key)
    if values is None:
        return None
    numbers = [null if value is None else value for value in values] if isinstance(values, list) else [None]
    if not all(type(number) in (int, float) for number in numbers):
        raise ProtocolError(f"{key!r} must be a list of numbers; got {values!r:.80}")
    return tuple(float(number) for number in numbers if number is not None)


def _one_row(numbers: Sequence[float] | None) -> NDArray[np.float32] | None:
    return None if numbers is None else np.array([numbers], np.float32)


def _finite(bounds: tuple[float, ...]) -> list[float | None]:
    return [bound if math.isfinite(bound) else None for bound in bounds]
