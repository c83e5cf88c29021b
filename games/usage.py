"""What an agent or a judge that lives behind an endpoint has used up: requests, tokens, seconds, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """``requests``: those sent, repeated ones included; ``seconds``: from each request to its answer, pauses between aside.

    ``prompt_tokens``, ``completion_tokens``: as the server counts them; None where it did not say so of every answer.
    ``cost``: in the unit of the prices that were given; None where tokens or prices are not known.
    """

    requests: int = 0
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    seconds: float = 0.0
    cost: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            requests=self.requests + other.requests,
            prompt_tokens=_sum(self.prompt_tokens, other.prompt_tokens),
            completion_tokens=_sum(self.completion_tokens, other.completion_tokens),
            seconds=self.seconds + other.seconds,
            cost=None if self.cost is None or other.cost is None else self.cost + other.cost,
        )

    def __sub__(self, earlier: Usage) -> Usage:
        """What was used since: of sums that go on, the later less the earlier."""
        return Usage(
            requests=self.requests - earlier.requests,
            prompt_tokens=_difference(self.prompt_tokens, earlier.prompt_tokens),
            completion_tokens=_difference(self.completion_tokens, earlier.completion_tokens),
            seconds=self.seconds - earlier.seconds,
            cost=None if self.cost is None or earlier.cost is None else self.cost - earlier.cost,
        )

    @staticmethod
    def total(parts: Iterable[Usage]) -> Usage:
        """The sum of the parts; nothing used, if there are none."""
        whole = Usage()
        for part in parts:
            whole = whole + part
        return whole

    def to_dict(self) -> dict[str, int | float | None]:
        """In types of JSON; null = not known."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "seconds": round(self.seconds, 6),
            "cost": self.cost,
        }


def used_words(usage: Usage) -> str:
    """``12 requests, 1,200 prompt and 84 completion tokens, cost 0.0021``; what is not known is said to be so."""
    requests = f"{usage.requests:,} request" + ("" if usage.requests == 1 else "s")
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        tokens = "tokens not told by the server"
    else:
        tokens = f"{usage.prompt_tokens:,} prompt and {usage.completion_tokens:,} completion tokens"
    cost = "" if usage.cost is None else f", cost {usage.cost:.4g}"
    return f"{requests}, {tokens}{cost}"


@runtime_checkable
class Metered(Protocol):
    """An agent that knows what each of its matches used up."""

    def usage(self, table: int, player: int) -> Usage:
        """What this player's match at this table used so far; read before `end`."""
        ...


def _difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else later - earlier


def _sum(mine: int | None, theirs: int | None) -> int | None:
    return None if mine is None or theirs is None else mine + theirs
