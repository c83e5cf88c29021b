"""Drawings of convergence: well-formed, self-contained, true to the points, with words for those who do not see them."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.convergence_plot import RIGHT, SERIES, WIDTH, convergence_plot
from arena.convergence_words import Curve, finding, gap_name, short

SVG = "{http://www.w3.org/2000/svg}"


def curve(name: str = "kuhn", *gaps: float) -> Curve:
    return Curve(name=name, points=tuple((float(n), gap) for n, gap in enumerate(gaps or (1.0, 0.1, 0.01), 1)))


def drawn(*curves: Curve, target: float | None = None, up_to: float | None = None) -> ElementTree.Element:
    text = convergence_plot(curves, title="It converges", subtitle="How", target=target, up_to=up_to)
    return ElementTree.fromstring(text)


def words(drawing: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in drawing.iter(f"{SVG}text")]


def path(drawing: ElementTree.Element, number: int = 0) -> list[tuple[float, float]]:
    found = [one for one in drawing.iter(f"{SVG}path") if one.get("class") == f"line k{number}"]
    assert len(found) == 1
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", found[0].get("d") or "")]


def test_it_says_in_words_what_it_shows() -> None:
    drawing = drawn(curve(), target=0.05)
    assert drawing.get("role") == "img"
    assert drawing.get("aria-labelledby") == "title desc"
    assert drawing.findtext(f"{SVG}title") == "It converges"
    said = drawing.findtext(f"{SVG}desc") or ""
    assert "kuhn: NashConv from 1.0 at 1 to 0.010 at 3 iterations" in said
    assert "The target is 0.05" in said


def test_it_needs_nothing_from_elsewhere_and_carries_no_style_attribute() -> None:
    text = convergence_plot([curve()], title="t", subtitle="s")
    assert "style=" not in text
    assert not re.search(r"<script|<image|<use|@import|url\(|href", text)
    assert "prefers-color-scheme:dark" in text
    assert text.count("http") == 1  # the name of SVG


def test_both_axes_are_logarithmic() -> None:
    """Equal ratios are equal lengths."""
    points = tuple((10.0**n, 10.0**-n) for n in range(4))
    places = path(drawn(Curve(name="x", points=points)))
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(places)]
    assert all(step == pytest.approx(steps[0], abs=0.2) for step in steps)
    assert steps[0][0] > 50
    assert steps[0][1] > 50


def test_a_short_axis_has_ticks_between_powers_of_ten() -> None:
    few = drawn(Curve(name="x", points=tuple((float(n), 1.0 / n) for n in range(1, 31))))
    assert {"1", "2", "5", "10", "20"} <= set(words(few))
    many = drawn(Curve(name="x", points=((1.0, 1.0), (10_000.0, 1e-9))))
    assert {"1", "10", "100", "1,000", "10,000"} <= set(words(many))
    assert not {"2", "5", "20"} & set(words(many))


def test_every_curve_is_named_at_its_end_with_its_own_dash_and_mark_and_no_key_beside() -> None:
    curves = [curve(f"game {number}", 1.0, 10.0**-number) for number in range(1, 7)]
    drawing = drawn(*curves)
    assert all(f"game {number}" in words(drawing) for number in range(1, 7))
    lines = [one for one in drawing.iter(f"{SVG}path") if (one.get("class") or "").startswith("line")]
    marks = {
        one.get("class"): one.get("d")
        for one in drawing.iter(f"{SVG}path")
        if (one.get("class") or "").startswith("mark")
    }
    assert len({line.get("stroke-dasharray") for line in lines}) == len(set(marks.values())) == len(SERIES)


def test_names_of_curves_that_end_together_do_not_lie_on_one_another() -> None:
    drawing = drawn(*(curve(f"game {number}", 1.0, 0.1) for number in range(1, 5)))
    heights = sorted(
        float(text.get("y") or 0) for text in drawing.iter(f"{SVG}text") if (text.get("class") or "").startswith("name")
    )
    assert all(b - a >= 28 for a, b in itertools.pairwise(heights))


def test_a_name_that_would_hide_another_curve_stands_in_the_margin() -> None:
    long = Curve(name="long", points=((1.0, 1.0), (1000.0, 0.001)))
    below = Curve(name="short", points=((1.0, 0.01), (100.0, 1e-4)))
    crossing = Curve(name="short", points=((1.0, 0.5), (100.0, 0.01)))
    margin = WIDTH - RIGHT

    def place(other: Curve) -> float:
        drawn = convergence_plot([long, other], title="t", subtitle="s")
        found = re.search(r'class="name k1" x="([\d.]+)"', drawn)
        assert found
        return float(found.group(1))

    assert place(below) < margin
    assert place(crossing) > margin


def test_a_target_is_a_line_at_its_height() -> None:
    drawing = drawn(curve("x", 1.0, 0.1, 0.01), target=0.1)
    line = next(one for one in drawing.iter(f"{SVG}line") if one.get("class") == "target")
    assert float(line.get("y1") or 0) == pytest.approx(path(drawing)[1][1], abs=0.2)
    assert "target 0.1" in words(drawing)


def test_a_gap_of_nought_is_drawn_at_the_foot_and_said() -> None:
    drawing = drawn(curve("x", 1.0, 0.1, 0.0))
    assert path(drawing)[-1][1] > path(drawing)[1][1] + 50
    assert "0 at 3" in words(drawing)
    assert "0" in words(drawing)


def test_a_reached_height_keeps_rounding_from_looking_like_a_change() -> None:
    low = curve("x", 1e-16, 3e-16)
    zoomed, whole = path(drawn(low)), path(drawn(low, up_to=1.0))
    assert abs(zoomed[0][1] - zoomed[1][1]) > 5 * abs(whole[0][1] - whole[1][1])


def test_thinning_keeps_the_ends_and_the_extremes() -> None:
    gaps = [1.0] * 10_000
    gaps[5_000], gaps[7_000] = 1e-3, 10.0
    drawing = drawn(Curve(name="x", points=tuple((float(n), gap) for n, gap in enumerate(gaps, 1))))
    places = path(drawing)
    assert len(places) < 1_300
    heights = [y for _, y in places]
    level = heights[0]
    assert max(heights) > level + 30
    assert min(heights) < level - 30
    assert places[0][0] == 76
    assert places[-1][0] == 570


def test_names_are_escaped() -> None:
    drawing = drawn(curve('<b> & "c"'))
    assert '<b> & "c"' in words(drawing)


@given(
    st.lists(
        st.lists(st.floats(0, 1e12, allow_nan=False), min_size=1, max_size=30).map(lambda gaps: curve("game", *gaps)),
        min_size=1,
        max_size=6,
    ),
    st.none() | st.floats(1e-12, 1e6),
)
def test_whatever_was_measured_lies_inside_the_drawing(curves: list[Curve], target: float | None) -> None:
    drawing = drawn(*curves, target=target)
    height = float(drawing.get("height") or 0)
    for number, one in enumerate(curves):
        for x, y in path(drawing, number) if len(one.points) > 1 else ():
            assert 0 <= x <= 720
            assert 0 <= y <= height
    for text in drawing.iter(f"{SVG}text"):
        assert 0 <= float(text.get("y") or 20) <= height


@pytest.mark.parametrize(
    ("points", "said"),
    [((), "no points"), (((0.0, 1.0),), "iteration 0"), (((1.0, -1.0),), "gap -1"), (((1.0, float("nan")),), "gap nan"), (((1.0, float("inf")),), "gap inf")],
)  # fmt: skip
def test_points_that_no_logarithmic_axes_hold_are_refused(points: tuple[tuple[float, float], ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        drawn(Curve(name="x", points=points))


def test_too_many_curves_and_bad_targets_are_refused() -> None:
    with pytest.raises(ValueError, match="one to 6 curves; got 7"):
        drawn(*[curve()] * 7)
    with pytest.raises(ValueError, match="target must be a positive number"):
        drawn(curve(), target=-1.0)


def test_findings_say_what_the_curves_show() -> None:
    kuhn, leduc = curve("kuhn", 1.0, 0.0009), curve("leduc", 4.0, 0.5, 0.0007)
    assert (
        finding("cfr", [kuhn, leduc], target=1e-3) == "cfr brings NashConv to 0.001 in 2 iterations on kuhn, 3 on leduc"
    )
    assert finding("cfr", [kuhn, leduc], target=1e-9) == (
        "cfr brings NashConv to 0.00090 in 2 iterations on kuhn, to 0.00070 in 3 iterations on leduc; 10⁻⁹ not reached"
    )
    assert finding("cfr", [kuhn]) == "cfr brings NashConv to 0.00090 in 2 iterations on kuhn"
    assert finding("x", [curve("g", 1.0, 2.0)]) == "x brings NashConv no lower than 2.0 in 2 iterations on g"
    assert (
        finding("x", [curve("g", 1.0), curve("h", 3.0)]) == "x brings NashConv in 1 iteration to 1.0 on g, to 3.0 on h"
    )


def test_numbers_are_short() -> None:
    written = [short(value) for value in (0, 1, 0.5, 12.34, 1234.5, 0.00097, 4.7e-9)]
    assert written == ["0", "1.0", "0.50", "12", "1,234", "0.00097", "4.7\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}10⁻⁹"]
    assert gap_name("nash_conv") == "NashConv"
    assert gap_name("logit_residual") == "logit residual"
