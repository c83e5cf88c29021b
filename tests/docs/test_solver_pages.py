"""Every method that is offered has a page with the same headings, a picture of its convergence, and an example that runs.

A new method needs docs/solvers/NAME.md, a line in docs/solvers/README.md and docs/solvers/pictures/NAME.svg, which
``python benchmarks/convergence.py NAME`` draws. Python blocks of all pages are run by `test_docs`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from arena.solve_settings import settings_of
from arena.solvers import methods
from arena.solvers.registry import function_of

PAGES = Path(__file__).parents[2] / "docs" / "solvers"
HEADINGS = ("What it computes", "When to use it", "Guarantee", "Settings", "Example", "Source")
SVG = "{http://www.w3.org/2000/svg}"
NAMES = sorted(methods())


def page(name: str) -> str:
    path = PAGES / f"{name}.md"
    assert path.is_file(), f"write docs/solvers/{name}.md with the headings {', '.join(HEADINGS)}"
    return path.read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    found = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", page(name), re.DOTALL | re.MULTILINE)
    assert found, f"docs/solvers/{name}.md has no heading {heading!r}"
    return found.group(1)


@pytest.mark.parametrize("name", NAMES)
def test_a_method_has_a_page_with_all_headings_in_order(name: str) -> None:
    headings = re.findall(r"^## (.*)$", page(name), re.MULTILINE)
    assert [heading for heading in headings if heading in HEADINGS] == list(HEADINGS)
    assert re.search(rf"^# `?{name}`?$", page(name), re.MULTILINE), f"docs/solvers/{name}.md is not titled {name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_something_under_each_heading(name: str) -> None:
    for heading in HEADINGS:
        assert len(section(name, heading).strip()) > 20, f"docs/solvers/{name}.md: nothing under {heading!r}"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_every_setting(name: str) -> None:
    named = set(re.findall(r"`(\w+)`", section(name, "Settings")))
    missing = set(settings_of(function_of(name))) - named
    assert missing == set(), f"docs/solvers/{name}.md, Settings"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_an_example_that_runs_and_uses_the_method(name: str) -> None:
    code = "".join(re.findall(r"^```python\n(.*?)^```$", section(name, "Example"), re.DOTALL | re.MULTILINE))
    assert re.search(rf"\b{name}\b", code), f"docs/solvers/{name}.md has no Python example that calls {name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_a_picture_that_says_what_it_shows(name: str) -> None:
    shown = re.search(rf"^!\[[^\]]+\]\(pictures/{name}\.svg\)$", page(name), re.MULTILINE)
    assert shown, f"docs/solvers/{name}.md does not show ![what it is](pictures/{name}.svg)"
    path = PAGES / "pictures" / f"{name}.svg"
    assert path.is_file(), f"draw it: python benchmarks/convergence.py {name}"
    drawing = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    for part in ("title", "desc"):
        said = drawing.find(SVG + part)
        assert said is not None and said.text and len(said.text) > 20, f"{path.name} has no {part}"
    assert name in (drawing.findtext(f"{SVG}title") or "")


def index_line(name: str) -> str:
    method = methods()[name]
    return f"| [`{name}`]({name}.md) | {method.description} | {method.preconditions} | {method.promise} |"


def test_the_index_has_a_line_for_every_method_in_the_words_of_the_registry() -> None:
    lines = (PAGES / "README.md").read_text(encoding="utf-8").splitlines()
    missing = [index_line(name) for name in methods() if index_line(name) not in lines]
    assert missing == [], "add to docs/solvers/README.md:\n" + "\n".join(missing)
    listed = re.findall(r"^\| \[`(\w+)`\]", "\n".join(lines), re.MULTILINE)
    assert sorted(listed) == NAMES, "docs/solvers/README.md lists other methods than the registry"


def test_every_page_and_picture_is_of_a_method() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} - set(NAMES) == set()
    assert {path.stem for path in (PAGES / "pictures").iterdir()} - set(NAMES) == set()
