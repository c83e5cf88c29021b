"""Numbers for people, and drawings that say the same as their labels."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.server import numbers
from arena.server.drawing.bars import exploit_bar, meter, score_interval, seat_dots, wdl_bar, weight_bar
from arena.server.drawing.intervals import axis_head, axis_of, interval
from arena.server.drawing.svg import el
from arena.server.heat import heat_rows, step_class

THIS_YEAR = datetime.now(UTC).year


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numbers.whole(104.4), "+104"),
        (numbers.whole(-10.2), "−10"),
        (numbers.whole(-0.4), "0"),
        (numbers.whole(12345), "+12,345"),
        (numbers.whole(math.nan), "–"),
        (numbers.signed(-0.004), "0.00"),
        (numbers.signed(-0.5), "−0.50"),
        (numbers.percent(2 / 3), "67\u00a0%"),
        (numbers.percent(2 / 3, 20_000), "66.7\u00a0%"),
        (numbers.weight(0.0), "0"),
        (numbers.weight(0.001), "<\u00a00.01"),
        (numbers.weight(0.456), "0.46"),
        (numbers.probability(0.995), "over 0.99"),
        (numbers.returns([1.0, -0.5]), "1, −0.5"),
        (numbers.duration(0.0009), "0.9\u00a0ms"),
        (numbers.duration(12), "12\u00a0s"),
        (numbers.duration(2460), "41\u00a0min"),
        (numbers.duration(11520), "3.2\u00a0h"),
        (numbers.duration(0), "<\u00a00.1\u00a0ms"),
        (numbers.moment("2026-11-22T08:15:03+00:00"), "22 Nov 2026, 08:15"),
        (numbers.moment("2026-11-22T09:15:03+01:00"), "22 Nov 2026, 08:15"),
        (numbers.short_moment(f"{THIS_YEAR}-11-22T08:15:03"), "22 Nov 08:15"),
        (numbers.short_moment("2020-11-22T08:15:03"), "22 Nov 2020"),
        (numbers.moment(None), "–"),
        (numbers.in_words(6), "six"),
        (numbers.in_words(13), "13"),
    ],
)
def test_numbers_are_written_as_people_read_them(written, expected):
    assert written == expected


def test_elements_escape_all_that_is_put_in():
    drawn = el("text", "<b>&", label='"><script>', cls="x")
    assert drawn == '<text label="&#34;&gt;&lt;script&gt;" class="x">&lt;b&gt;&amp;</text>'


ratings = st.floats(-500, 500)
rows = st.lists(st.tuples(ratings, st.floats(0, 300), st.floats(0, 300)), min_size=1, max_size=12).map(
    lambda found: [(r - down, r, r + up) for r, down, up in found]
)


@given(rows)
def test_every_interval_is_drawn_inside_its_cell(found):
    axis = axis_of(found)
    assert axis.low < axis.high
    for low, rating, high in found:
        drawn = interval(axis, low, rating, high, label="x")
        places = [float(value) for value in re.findall(r'(?:c?x[12]?)="(-?[\d.]+)%"', drawn)]
        assert all(-0.01 <= place <= 100.01 for place in places)
        assert "NaN" not in drawn.lower() or "nan" not in drawn


def test_an_anchor_far_away_gets_an_arrow_and_does_not_squeeze_the_field():
    field = [(r - 10, r, r + 10) for r in (0, 10, 20, 30, 40, 50)]
    axis = axis_of([*field, (-2010, -2000, -1990)])
    assert axis.low > -100
    drawn = interval(axis, -2010, -2000, -1990, label="x")
    assert "−2,000, left of the axis" in drawn
    assert "circle" not in drawn


def test_an_endless_interval_does_not_squeeze_the_others():
    axis = axis_of([(-10, 0, 10), (20, 30, 40), (60, 70, math.inf)])
    assert axis.high < 500
    assert 'x="' in interval(axis, 60, 70, math.inf, label="x")


def test_shares_of_a_record_are_widths():
    drawn = wdl_bar(50, 25, 25)
    widths = [float(value) for value in re.findall(r'width="([\d.]+)%"', drawn)]
    assert widths == [49.2, 24.2, 24.2]
    assert 'aria-label="50 wins, 25 draws, 25 losses"' in drawn
    assert "0 wins" in wdl_bar(0, 0, 0)


def test_labels_say_the_numbers():
    assert 'aria-label="minimax weight 0.46, interval 0.40 to 0.52"' in weight_bar(0.46, low=0.40, high=0.52)
    assert "iv-thin" not in weight_bar(0.46)
    assert ">0.40 to 0.52</text>" in weight_bar(0.46, low=0.40, high=0.52)
    assert 'class="f-teal"' in weight_bar(0.46, low=0.40, high=0.52)
    assert 'class="f-teal-soft"' in weight_bar(0.46, low=0.0, high=1.0)
    assert 'aria-label="exploitability exactly 0.2500"' in exploit_bar(0.25, most=0.5)
    assert 'width="23.00%"' in exploit_bar(0.25, most=0.5)
    assert 'class="hatch s-orange" x1="0" x2="46.00%"' in exploit_bar(0.5, most=0.5, at_least=True)
    assert 'aria-label="score 60 % in seat 0, 40 % in seat 1"' in seat_dots((0.6, 0.4))
    assert 'aria-label="30 of 40 matches"' in meter(30, 40)
    assert 'width="75.00%"' in meter(30, 40)
    assert 'width="0.00%"' in meter(30, None)
    assert "s-orange" in score_interval(0.4, 0.3, 0.5)
    assert "s-blue" in score_interval(0.6, 0.5, 0.7)


def _matrix(score: np.ndarray) -> SimpleNamespace:
    """What a heat map reads of a `Matrix`: ten matches of each pair, and scores known to a tenth."""
    matches = np.full(score.shape, 10)
    np.fill_diagonal(matches, 0)
    return SimpleNamespace(
        agents=tuple("abcd"[: len(score)]), score=score, low=score - 0.1, high=score + 0.1, matches=matches
    )


def test_heat_cells_carry_number_colour_and_certainty():
    score = np.array([[np.nan, 0.8, 0.45], [0.2, np.nan, 0.5], [0.55, 0.5, np.nan]])
    [first, *_] = heat_rows(_matrix(score))
    assert [cell.text for cell in first.cells] == ["", "80", "45"]
    assert [cell.cls for cell in first.cells] == ["self", "p3 sure", "n1"]
    assert first.cells[1].words == "a against b: 80\u00a0% of 10 matches, 95 % interval 70 to 90"


def test_the_cycle_stands_first_and_is_framed():
    score = np.full((4, 4), 0.5)
    found = heat_rows(_matrix(score), framed=("d", "b", "c"), order=("a", "b", "c", "d"))
    assert [row.agent for row in found] == ["d", "b", "c", "a"]
    assert " ct" in found[0].cells[0].cls
    assert " cr" in found[1].cells[2].cls
    assert not any(" c" in cell.cls for cell in found[3].cells)


@given(st.floats(0, 1))
def test_colours_mirror_around_even(score):
    mirrored = step_class(1 - score)
    assert step_class(score).replace("p", "n") == mirrored.replace("p", "n")


def test_colour_steps_are_ten_points():
    assert [step_class(s) for s in (0.0, 0.44, 0.5, 0.56, 0.66, 1.0)] == ["n5", "n1", "z0", "p1", "p2", "p5"]


def test_the_noise_floor_is_drawn_true_to_scale():
    axis = axis_of([(-100.0, 0.0, 100.0)])
    head = axis_head(axis, label="axis", floor=50.0)
    [width] = re.findall(r'class="iv-bar"[^>]* width="([\d.]+)%"', head)
    assert float(width) == pytest.approx(axis.at(50.0) - axis.at(0.0), abs=0.01)
    assert "noise floor: 50 wide" in head
    assert "iv-bar" not in axis_head(axis, label="axis")


def test_narrow_columns_leave_every_second_number_of_an_axis_out_and_keep_its_zero():
    axis = axis_of([(-412.0, -342.0, -271.0), (287.0, 359.0, 431.0)])
    assert axis.ticks == (-400.0, -200.0, 0.0, 200.0, 400.0)
    marks = re.findall(r'class="([^"]*)"[^>]*>([^<]+)<', axis_head(axis, label="axis"))
    assert [words for cls, words in marks if "between" not in cls] == ["−400", "0", "+400"]
    assert [cls.split()[0] for cls, _ in marks] == ["mid"] * 4 + ["end"]  # the last has no room beside its mark
