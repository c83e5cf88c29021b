"""What people see in a headless Chromium: with script and without, narrow and wide, while a tournament runs.

`open_page` fails a test for anything on the console and for any request to another server.
"""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/games?q=poker",
    "/games/openspiel:connect_four",
    "/games/openspiel:kuhn_poker",
    "/games/openspiel:liars_dice",
    "/agents",
    "/agents/first@1",
    "/tournaments",
    "/tournaments/four-cup",
    "/tournaments/four-cup/matches/3",
    "/tournaments/leduc-cup/matches/2?view=0&move=2",
    "/tournaments/dark-cup/matches/1",
]


def _hostile_pages(site, hostile):
    from arena.server.site import agent_address, game_address

    [tournament] = [one for one in site.ledger.tournaments() if one.source == "import"]
    return [
        game_address(tournament.game),
        f"/tournaments/{tournament.key}",
        f"/tournaments/{tournament.key}/matches/4",
        agent_address(f"{hostile}@1"),
    ]


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways(open_page, site, hostile, width):
    page = open_page("/", width=width)
    for path in [*PAGES, *_hostile_pages(site, hostile)]:
        page.goto(site.url + path, wait_until="domcontentloaded")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("dark", [False, True])
def test_pages_load_without_script_in_both_themes(open_page, site, dark):
    page = open_page("/", scripts=False, dark=dark)
    for path in PAGES:
        page.goto(site.url + path, wait_until="domcontentloaded")
        assert page.locator("h1").is_visible(), path


def test_hostile_names_run_nothing(open_page, site, hostile):
    page, said = open_page("/"), []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    for path in _hostile_pages(site, hostile):
        page.goto(site.url + path, wait_until="domcontentloaded")
        assert page.get_by_text(hostile).first.is_visible()
        names = page.locator(".heat tbody th").evaluate_all("heads => heads.map((head) => head.offsetWidth)")
        assert max(names, default=0) <= 160, "names push the payoffs off the screen"
    assert said == []


def _agents(page) -> list[str]:
    return [text.partition("@")[0] for text in page.locator(".board-table tbody th .agent-name").all_inner_texts()]


@pytest.mark.parametrize("scripts", [True, False])
def test_ladder_sorts_by_a_click_and_keeps_it_in_the_address(open_page, scripts):
    page = open_page("/games/openspiel:connect_four", scripts=scripts)
    page.click("#sort-name")
    page.wait_for_url("**sort=name**")
    page.locator('th[aria-sort="ascending"] #sort-name').wait_for()
    assert _agents(page) == ["first", "second", "third"]
    page.click("#sort-name")
    page.locator('th[aria-sort="descending"] #sort-name').wait_for()
    assert _agents(page) == ["third", "second", "first"]
    page.go_back()
    page.locator('th[aria-sort="ascending"] #sort-name').wait_for()
    assert _agents(page) == ["first", "second", "third"]


def test_ladder_sorts_on_a_phone_too(open_page):
    page = open_page("/games/openspiel:connect_four", width=390)
    page.click("#sort-name")
    page.locator('th[aria-sort="ascending"] #sort-name').wait_for()
    assert _agents(page) == ["first", "second", "third"]


def test_a_match_takes_few_lines_of_a_phone(open_page):
    page = open_page("/tournaments/four-cup", width=390)
    row = page.locator(".matches tbody tr").first
    match, returns = (row.locator(f"td:nth-child({column})").bounding_box() for column in (1, 3))
    assert abs(match["y"] - returns["y"]) < 4
    assert row.bounding_box()["height"] < 90
    assert page.locator(".matches td.nothing:visible").count() == 0


def _discs(page) -> int:
    return page.locator("#position .disc-mark").count()


def test_replay_steps_by_keys(open_page, wait):
    page = open_page("/tournaments/four-cup/matches/3?move=0")
    assert _discs(page) == 0
    for presses, key in ((3, "ArrowRight"), (1, "ArrowLeft")):
        for _ in range(presses):
            page.keyboard.press(key)
    wait(lambda: _discs(page) == 2)
    assert page.url.endswith("?move=2")
    assert page.locator("output").inner_text().startswith("move 2 of")
    assert page.locator('[data-ply="2"]').get_attribute("aria-current") == "step"
    page.evaluate("document.querySelector('.moves').style.maxHeight = '5rem'")
    page.keyboard.press("End")
    count = int(page.locator("[data-replay]").get_attribute("data-count"))
    wait(lambda: _discs(page) == count)
    last, seen = page.locator(f'[data-ply="{count}"]').bounding_box(), page.locator(".moves").bounding_box()
    assert seen["y"] <= last["y"] and last["y"] + last["height"] <= seen["y"] + seen["height"]
    page.keyboard.press("Home")
    wait(lambda: _discs(page) == 0)


def test_replay_plays_by_itself_and_stops(open_page, wait):
    page = open_page("/tournaments/four-cup/matches/3?move=0")
    page.keyboard.press(" ")
    assert page.get_by_role("button", name="Pause").is_visible()
    wait(lambda: _discs(page) >= 1)
    page.keyboard.press(" ")
    assert page.get_by_role("button", name="Play").is_visible()


def test_replay_steps_without_script(open_page):
    page = open_page("/tournaments/four-cup/matches/3?move=0", scripts=False)
    page.click('[data-go="1"]')
    page.click('[data-go="1"]')
    assert _discs(page) == 2
    page.click('.moves [data-ply="1"]')
    assert _discs(page) == 1
    assert not page.get_by_role("button", name="Play").is_visible()
    assert page.locator("[data-slider]").bounding_box() is None


def test_replay_keeps_the_view_and_never_fetches_the_other_card(open_page, wait):
    page = open_page("/tournaments/kuhn-cup/matches/0?move=0&view=1")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("End")
    count = page.locator("[data-replay]").get_attribute("data-count")
    wait(lambda: page.locator("output").inner_text() == f"move {count} of {count}")
    page.wait_for_load_state("networkidle")
    fetched = [url for url in asked if "/matches/" in url]
    assert fetched
    assert all("view=1" in url for url in fetched)
    assert page.locator("#position .card-back").count() == 1


def test_theme_switches_and_is_kept(open_page):
    page = open_page("/")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("[data-theme-switch]:visible")
    assert page.evaluate(paper) != light
    assert page.locator("[data-theme-switch]:visible").inner_text() == "Light"
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate(paper) != light


@pytest.mark.parametrize("dark", [False, True])
def test_without_script_one_click_changes_the_theme_whatever_the_system_has(open_page, dark):
    page = open_page("/agents", scripts=False, dark=dark)
    switch = page.locator("[data-theme-switch]:visible")
    assert switch.all_inner_texts() == ["Light" if dark else "Dark"]
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    switch.click()
    page.wait_for_load_state()
    assert page.evaluate(paper) != before
    assert switch.all_inner_texts() == ["Dark" if dark else "Light"]


def test_api_is_drawn_offline_under_the_same_policy(open_page):
    page = open_page("/docs")
    page.get_by_text("/api/v1/games/{specification}").first.wait_for()
    assert page.locator("html.dark-mode").count() == 0
    page.goto(f"{page.url}?theme=dark")
    assert page.locator("html.dark-mode").count() == 1


def test_progress_updates_while_a_tournament_writes(open_page, fresh_ledger, serve, begin, wait):
    tournament, advance = begin(fresh_ledger, matches=40)
    advance(0, 10)
    with serve(fresh_ledger) as served:
        page = open_page(f"/tournaments/{tournament.key}", at=served)
        done = page.locator('[data-live="done"]')
        assert done.inner_text() == "10"
        forfeits = page.locator("#num-forfeits").bounding_box()
        for so_far in (20, 30):  # the first look tells no speed
            advance(so_far - 10, so_far)
            wait(lambda so_far=so_far: page.locator('[data-live="done"]').inner_text() == str(so_far))
        assert page.locator('[data-live="meter"]').get_attribute("width") == "75.00%"
        assert re.fullmatch(r"[\d.,]+", page.locator('[data-live="speed"]').inner_text())
        assert page.locator("#num-forfeits").bounding_box() == forfeits
        wait(lambda: "running/29" in page.locator("#matches").inner_text())
        wait(lambda: "30 matches" in page.locator("#standing").inner_text())
        ratings = set(re.findall(r"[+−]?\d+ ±\d+", page.locator("#standing").inner_text()))
        assert set(re.findall(r"[+−]?\d+ ±\d+", page.locator("#finding").inner_text())) == ratings
        assert "sees them too narrow" in page.locator("#standing").inner_text()
        advance(30, 40)
        fresh_ledger.set_status(tournament, "finished")
        page.get_by_text("finished", exact=True).wait_for()
        assert done.inner_text() == "40"
        assert page.locator("[data-live-source]").count() == 0
        page.context.close()


def test_progress_can_be_paused(open_page, fresh_ledger, serve, begin, wait):
    tournament, advance = begin(fresh_ledger, matches=40)
    with serve(fresh_ledger) as served:
        page = open_page(f"/tournaments/{tournament.key}", at=served)
        page.get_by_text("pause", exact=True).click()
        assert page.locator("h1 .tag").inner_text() == "paused"
        advance(0, 10)
        page.get_by_text("continue", exact=True).click()
        wait(lambda: page.locator('[data-live="done"]').inner_text() == "10")
        page.context.close()


def test_without_script_progress_is_a_link(open_page, fresh_ledger, serve, begin):
    tournament, advance = begin(fresh_ledger, matches=40)
    with serve(fresh_ledger) as served:
        page = open_page(f"/tournaments/{tournament.key}", scripts=False, at=served)
        advance(0, 10)
        page.get_by_text("load again").click()
        assert page.locator('[data-live="done"]').inner_text() == "10"
        page.context.close()


def test_skip_link_and_headings_serve_the_keyboard(open_page):
    page = open_page("/games/openspiel:connect_four")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    assert page.locator('[role="region"][tabindex="0"]').count() >= 2


def test_an_open_ladder_says_within_two_seconds_that_there_is_a_new_match(open_page, fresh_ledger, serve, begin):
    tournament, advance = begin(fresh_ledger, matches=40)
    advance(0, 10)
    with serve(fresh_ledger) as served:
        page = open_page(f"/games/{tournament.game}", at=served)
        note = page.locator("#new-matches")
        assert note.is_hidden()
        ladder = page.locator("#ladder").bounding_box()
        advance(10, 11)
        note.wait_for(state="visible", timeout=2000)
        assert note.inner_text() == "1 new match since this page was made. Show the ladder with them"
        assert page.locator("#ladder").bounding_box() == ladder
        advance(11, 20)
        note.get_by_text("10 new matches").wait_for(timeout=2000)
        note.get_by_role("link").click()
        page.locator(".facts").get_by_text("20", exact=True).wait_for()
        assert page.locator("#new-matches").is_hidden()
