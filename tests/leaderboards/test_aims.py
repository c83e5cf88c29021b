"""Aims as texts."""

import pytest

from arena.games.errors import SpecificationError
from arena.leaderboards.aims import Comparison, FullOrder, MinimaxSupport, Top, parse_aim


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("top 5", Top(5)),
        ("top 5 within 0.02", Top(5, 0.02)),
        ("order", FullOrder()),
        (" order within 0.1", FullOrder(0.1)),
        ("support", MinimaxSupport()),
        ("compare a b", Comparison("a", "b")),
        ("compare 'big bot' b", Comparison("big bot", "b")),
    ],
)
def test_a_text_names_an_aim_and_the_aim_its_text(text, aim):
    assert parse_aim(text) == aim == parse_aim(str(aim))


@pytest.mark.parametrize(
    "text",
    ["", "top", "top 0", "top -1", "top 2.5", "top five", "top ²", "top 5 within", "top 5 within 1", "top 5 within nan",
     "order by name", "best", "compare a", "compare a a", "compare 'a b"],
)  # fmt: skip
def test_what_names_no_aim_is_refused(text):
    with pytest.raises(SpecificationError):
        parse_aim(text)


def test_the_refusal_lists_what_can_be_said():
    with pytest.raises(SpecificationError, match=r"'top 5', .*'compare A B'"):
        parse_aim("best")
