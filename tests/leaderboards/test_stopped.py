"""Ranks of matches that were chosen for an aim say no more than the conclusion about it."""

from __future__ import annotations

import numpy as np
import pytest

from arena.leaderboards.aims import parse_aim
from arena.leaderboards.decided import Conclusion
from arena.leaderboards.stopped import ranks_of

AGENTS = ("a", "b", "c", "d")


def _said(aim: str, members: tuple[str, ...], open_: tuple[str, ...]) -> Conclusion:
    none = np.full(4, np.nan)
    return Conclusion(
        aim=parse_aim(aim),
        decided=not open_,
        error_rate=0.05,
        sentence="",
        members=members,
        open=open_,
        agents=AGENTS,
        score=none,
        low=none,
        high=none,
        rounds=np.zeros(4, np.int64),
    )


@pytest.mark.parametrize(
    ("aim", "members", "open_", "ranks"),
    [
        ("top 2", ("b", "c"), (), [(3, 4), (1, 2), (1, 2), (3, 4)]),
        ("top 2", ("b",), ("a", "c"), [(1, 4), (1, 2), (1, 4), (3, 4)]),
        ("top 2", (), AGENTS, [(1, 4)] * 4),
        ("order", ("d", "c", "b", "a"), (), [(4, 4), (3, 3), (2, 2), (1, 1)]),
        ("order", (), ("a", "b"), [(1, 4)] * 4),
        ("compare a b", ("b",), (), [(2, 4), (1, 3), (1, 4), (1, 4)]),
        ("compare a b", (), ("a", "b"), [(1, 4)] * 4),
        ("support", ("a",), (), [(1, 4)] * 4),
    ],
)
def test_ranks_are_what_the_aim_decides(aim, members, open_, ranks) -> None:
    assert list(ranks_of(_said(aim, members, open_)).values()) == ranks
