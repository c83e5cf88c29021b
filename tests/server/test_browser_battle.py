"""SMAX matches in a headless Chromium: the map plays smoothly, steps without script, and a unit's page asks for its own
film alone. `open_page` fails a test for anything on the console, refused styles and scripts among it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from arena.config import make_config
from arena.film import film_of
from arena.games import load_game
from arena.ledger import Ledger
from arena.tournament import run_tournament

pytestmark = pytest.mark.browser

PATH = "/tournaments/battle/matches/0"
CONFIG = {
    "name": "battle",
    "game": "smax:2s3z(max_steps=20)",
    "agents": {"closest": "scripted:closest", "weakest": "scripted:weakest", "noise": "random"},
    "teams": {"mixed": ["closest", "weakest"]},
    "matches": 2,
    "seed": 4,
}


@pytest.fixture(scope="module")
def battles(tmp_path_factory, serve_module):
    with Ledger.open(tmp_path_factory.mktemp("battles") / "arena.db") as ledger:
        run_tournament(make_config(CONFIG), ledger)
        with serve_module(ledger) as served:
            yield served


def _film(battles, view: int | None = None):
    tournament = battles.ledger.tournament("battle")
    return film_of(load_game(tournament.game), battles.ledger.match(tournament, 0), view)


def _places(page) -> list[str]:
    units = page.locator("#position .unit").all()
    return sorted(unit.get_attribute("transform") for unit in units)


def _told(page) -> str:
    return page.locator("output").inner_text()


def test_a_match_steps_by_keys_to_what_the_server_draws(open_page, battles, wait):
    page = open_page(f"{PATH}?move=0", at=battles)
    for presses, key in ((6, "ArrowRight"), (1, "ArrowLeft")):
        for _ in range(presses):
            page.keyboard.press(key)
    wait(lambda: _told(page).startswith("move 5 of"))
    assert page.url.endswith("?move=5")
    drawn = open_page(f"{PATH}?move=5", at=battles, scripts=False)
    wait(lambda: _places(page) == _places(drawn))
    for mark in (".shot", ".unit.dead", ".unit.side-1"):
        assert page.locator(f"#position {mark}").count() == drawn.locator(f"#position {mark}").count()
    label = "#position svg.battle"
    assert page.locator(label).get_attribute("aria-label") == drawn.locator(label).get_attribute("aria-label")


def test_it_plays_between_the_moves_and_ends_with_the_match(open_page, battles, wait):
    page = open_page(f"{PATH}?move=1", at=battles)
    film = _film(battles)
    whole = {json.dumps(_at_move(battles, move)) for move in range(film.moves + 1)}
    page.keyboard.press(" ")
    page.get_by_role("button", name="Pause").wait_for()
    seen: set[str] = set()
    wait(lambda: seen.add(json.dumps(_places(page))) or len(seen - whole) >= 2)
    wait(lambda: _told(page) == f"move {film.moves} of {film.moves}", 20)
    page.get_by_role("button", name="Play").wait_for()
    assert page.url.endswith(f"?move={film.moves}")
    assert page.locator("#position .unit.dead").count() == int((film.health[-1] == 0).sum())


def _at_move(battles, move: int) -> list[str]:
    film = battles.get("/api/v1/tournaments/battle/matches/0/film").json()
    row = film["frames"][move * film["per_step"]]
    return sorted(f"translate({x:.1f} {y:.1f})" for x, y in zip(row[1::4], row[2::4], strict=True))


def test_it_pauses_on_a_move(open_page, battles, wait):
    page = open_page(f"{PATH}?move=0", at=battles)
    page.keyboard.press(" ")
    wait(lambda: not _told(page).startswith("move 0 of"))
    page.keyboard.press(" ")
    move = int(_told(page).split()[1])
    wait(lambda: _places(page) == _at_move(battles, move))
    assert page.url.endswith(f"?move={move}")


def test_a_calm_page_steps_and_does_not_glide(chromium, battles, wait):
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{battles.url}{PATH}?move=0")
    page.keyboard.press(" ")
    wait(lambda: _told(page).startswith("move 1 of"))
    wait(lambda: _places(page) == _at_move(battles, 1))
    context.close()


def test_every_step_is_a_link_without_script(open_page, battles):
    page = open_page(f"{PATH}?move=0", at=battles, scripts=False)
    page.click('[data-go="1"]')
    page.click('.moves [data-ply="4"]')
    assert page.url.endswith("?move=4")
    assert _places(page) == _at_move(battles, 4)
    page.get_by_role("link", name="Unit 7, ").click()
    assert "view=7" in page.url
    assert page.locator("#position .unit.me").count() == 1


def test_a_units_page_asks_for_its_own_film_alone(open_page, battles, wait):
    page = open_page(f"{PATH}?move=0&view=3", at=battles)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    film = _film(battles, 3)
    for move in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        wait(lambda move=move: page.locator("#position .unit").count() == int(film.shown[move].sum()))
    page.keyboard.press("End")
    wait(lambda: _told(page) == f"move {film.moves} of {film.moves}")
    fetched = [url for url in asked if "/matches/" in url]
    assert fetched and all(url.endswith("/film?view=3") for url in fetched)
    assert not film.shown.all(), "somebody is out of sight"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_pages_fit_and_letters_can_be_read(open_page, battles, width, dark):
    page = open_page(f"{PATH}?move=6", at=battles, width=width, dark=dark)
    drawing = page.locator("#position svg.battle").bounding_box()
    box = page.locator("#position svg.battle").get_attribute("viewBox").split()
    letter = page.locator("#position .unit:not(.dead) text").first
    size = float(letter.evaluate("node => parseFloat(getComputedStyle(node).fontSize)"))
    assert size * drawing["width"] / float(box[2]) >= 10
    assert np.isclose(drawing["width"] / drawing["height"], float(box[2]) / float(box[3]), rtol=0.02)
    for path in (PATH, f"{PATH}?view=2", "/games/smax:2s3z(max_steps=20)", "/agents/closest@1", "/tournaments/battle"):
        page.goto(battles.url + path, wait_until="domcontentloaded")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
