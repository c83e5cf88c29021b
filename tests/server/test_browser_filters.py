"""Filters, brackets and explanations as a person uses them: by keyboard, without JavaScript, on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from arena.config import make_config
from arena.ledger import Ledger
from arena.tournament import run_tournament
from tests.server.conftest import Site, import_matches, serving

pytest.importorskip("playwright")

GAME, KUHN = "a:board", "openspiel:kuhn_poker"


@pytest.fixture(scope="module")
def ladders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Ledger.open(tmp_path_factory.mktemp("ladders") / "arena.db") as ledger:
        matches = [("ann", "bob", 1.0, -1), ("bob", "cy", 1.0, 1), ("cy", "ann", -1.0, -1), ("ann", "cy", 1.0, 1)] * 12
        import_matches(ledger, GAME, matches, name="First")
        import_matches(ledger, GAME, matches[:24], name="Second")
        for pairing, agents in (("swiss", "abcde"), ("knockout", "abcdef"), ("adaptive", "abc")):
            more = {"aim": "top 1", "matches": 20} if pairing == "adaptive" else {"matches": 4}
            values = {"name": pairing, "game": KUHN, "agents": dict.fromkeys(agents, "random"), "pairing": pairing}
            run_tournament(make_config({**values, **more}), ledger)
        with serving(ledger) as served:
            yield served


@pytest.mark.parametrize("scripts", [True, False])
def test_filters_by_keyboard_stay_when_the_method_changes(open_page, ladders: Site, scripts: bool) -> None:
    page = open_page(f"/games/{GAME}?sort=name", scripts=scripts, at=ladders)
    page.locator("#filters summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Without forfeits").focus()
    page.keyboard.press("Space")
    page.get_by_label("Without agent").select_option("cy@1")
    page.locator("#filters button").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**without_forfeits=1**")
    assert "cy@1 is not rated here" in page.locator("#moved").inner_text()
    assert page.locator(".board-table tbody tr").count() == 2
    page.get_by_label("Rating method").select_option("bradley_terry")
    page.locator("button.primary").click()
    page.wait_for_url("**method=bradley_terry**")
    for part in ("without_forfeits=1", "without_agent=cy%401", "sort=name"):
        assert part in page.url
    assert page.get_by_label("Without forfeits").is_checked()
    page.get_by_role("link", name="Show the full ladder").click()
    page.wait_for_url(f"**/games/{GAME}?method=bradley_terry")
    assert page.locator(".board-table tbody tr").count() == 3


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        f"/games/{GAME}?without_forfeits=1",
        "/agents/ann@1",
        "/tournaments/swiss",
        "/tournaments/knockout",
        "/tournaments/adaptive",
    ],
)
def test_nothing_is_wider_than_a_phone(open_page, ladders: Site, path: str, dark: bool) -> None:
    page = open_page(path, width=390, dark=dark, at=ladders)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_date_is_asked_on_an_agents_page(open_page, ladders: Site) -> None:
    page = open_page("/agents/ann@1", scripts=False, at=ladders)
    page.locator("#explained input[name=since]").fill("2020-01-01")
    page.locator("#explained button").click()
    page.wait_for_url("**since=2020-01-01**")
    assert "it had no rating then" in page.locator("#change").inner_text()


def test_columns_are_chosen_by_boxes_and_kept_in_the_address(open_page, ladders):
    page = open_page(f"/games/{GAME}", at=ladders)
    page.get_by_text("Columns: 7 of").click()
    page.get_by_label("Copeland", exact=True).check()
    page.get_by_label("Forfeits", exact=True).uncheck()
    page.locator("#columns-shown").get_by_role("button", name="Show").click()
    page.wait_for_url("**column=copeland**")
    assert "column=forfeits" not in page.url
    assert page.locator("#sort-copeland").count() == 1
    assert page.locator("#sort-forfeits").count() == 0
    page.click("#sort-copeland")
    page.locator('th[aria-sort="descending"] #sort-copeland').wait_for()
    assert "column=copeland" in page.url
