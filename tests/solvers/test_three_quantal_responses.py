"""The three quantal response equilibria of game trees are three, and the page that says so has their numbers."""

import contextlib
import io
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "three-quantal-responses.md"


@pytest.fixture(scope="module")
def computed():
    """information set -> how often it bets: normal form, agents, dilated, reduced normal form; as the page computes it."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    names = {"__name__": "page"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, PAGE.name, "exec"), names)
    return {
        key: (names["normal_form"][key], names["agents"][key][1], names["dilated"][key][1], names["reduced"][key])
        for key in names["tree"].keys
    }


def test_the_page_shows_what_is_computed(computed):
    shown = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {row[0] for row in shown} == set(computed)
    for key, *numbers in shown:
        assert numbers == [f"{number:.4f}" for number in computed[key][:3]]


def test_they_are_three_different_points(computed):
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert max(abs(row[one] - row[other]) for row in computed.values()) > 0.1


def test_the_dilated_one_is_the_logit_equilibrium_of_the_reduced_normal_form(computed):
    assert max(abs(row[2] - row[3]) for row in computed.values()) < 1e-6
