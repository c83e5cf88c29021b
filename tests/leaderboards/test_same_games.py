"""What may be said of two agents that always play the same two games, and after how many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.leaderboards.same_games import SameGames, alike_pairs_needed


def test_ten_pairs_are_needed_at_five_percent() -> None:
    assert alike_pairs_needed(0.05) == 10


@given(st.floats(1e-6, 0.999))
def test_the_number_of_pairs_is_the_least_that_holds_the_bound(rate: float) -> None:
    def worst(pairs: int) -> float:
        return (2 / 3) ** pairs + (1 / 3) ** pairs

    pairs = alike_pairs_needed(rate)
    assert worst(pairs) <= rate / 2
    assert pairs == 2 or worst(pairs - 1) > rate / 2


@given(st.lists(st.floats(0.01, 1), min_size=5, max_size=5), st.integers(2, 12))
def test_agents_that_draw_are_called_better_wrongly_as_seldom_as_stated(weights: list[float], pairs: int) -> None:
    """The bound against five kinds of pairs, each one game, shifted until the first agent is not better."""
    scores = [0.0, 0.25, 0.5, 0.75, 1.0]
    total = sum(weights)
    shares = [weight / total for weight in weights]
    mean = sum(share * score for share, score in zip(shares, scores, strict=True))
    if mean > 0.5:  # mix with certain losses
        shares = [share * 0.5 / mean for share in shares]
        shares[0] += 1 - sum(shares)
    wrong = shares[3] ** pairs + shares[4] ** pairs
    assert wrong <= (2 / 3) ** pairs + (1 / 3) ** pairs + 1e-12


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0])
def test_an_error_rate_is_between_0_and_1(rate: float) -> None:
    with pytest.raises(ValueError, match="error_rate"):
        alike_pairs_needed(rate)


@pytest.mark.parametrize(("score", "better"), [(0.5, None), (0.75, "first"), (0.0, "second")])
def test_who_is_better_is_who_has_more_points(score: float, better: str | None) -> None:
    found = SameGames(at=10, score=score, error_rate=0.025)
    assert found.decided
    assert found.better == better


def test_the_sentence_names_the_better_one_first_and_its_share() -> None:
    said = SameGames(at=10, score=0.25, error_rate=0.025).sentence("a", "b")
    assert said.startswith(
        "b beats a with 75\N{NO-BREAK SPACE}% of the points, and these two agents always play the same two games"
    )
    assert "(10 pairs of twins, move for move alike): more matches say nothing" in said
    assert "at most 0.025" in said
