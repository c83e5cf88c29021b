"""A poll from the upload to the solved export in a headless Chromium: an admin, a voter with keys, a voter without script."""

from __future__ import annotations

import re

import httpx
import pytest
from command_line import said
from visitors import PASSWORD

from arena.accounts import Scope, add_account
from arena.ledger import Ledger

pytestmark = pytest.mark.browser

ROWS = "\n".join(f"question {k},short {k},long {k}" for k in range(8))
CSV = f"prompt,short,long\n{ROWS}\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory, serve_module):
    folder = tmp_path_factory.mktemp("polls")
    with Ledger.open(folder / "arena.db") as ledger:
        add_account(ledger, "root", PASSWORD, Scope.ADMIN)
        with serve_module(ledger) as site:
            yield site


@pytest.fixture(scope="module")
def address(served, tmp_path_factory, chromium):
    """The path of a poll that an admin uploaded, set and opened in the browser."""
    file = tmp_path_factory.mktemp("upload") / "answers.csv"
    file.write_text(CSV)
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, served, "/new/poll")
    page.get_by_label("Name", exact=True).fill("Lengths")
    page.get_by_label("Prompts and answers").set_input_files(file)
    page.get_by_role("button", name="Make the poll").click()
    page.wait_for_url("**/polls/lengths")
    page.get_by_text("Settings", exact=True).click()
    page.locator("input[name=least_seconds]").fill("0")
    page.get_by_role("button", name="Set", exact=True).click()
    page.get_by_role("button", name="Open for votes").click()
    page.get_by_text("open", exact=True).first.wait_for()
    context.close()
    return "/polls/lengths"


def sign_in(page, served, path) -> None:
    """As the admin, who is led to this path."""
    page.goto(f"{served.url}/sign-in?next={path}")
    page.get_by_label("Name").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def left_is_short(page) -> bool:
    return "short" in page.locator(".answer").first.inner_text()


def test_a_voter_votes_with_keys(open_page, served, address):
    page = open_page(f"{address}/vote", at=served)
    for _ in range(4):
        before = page.locator("input[name=ballot]").input_value()
        page.keyboard.press("1" if left_is_short(page) else "4")
        page.wait_for_function("old => document.querySelector('input[name=ballot]')?.value !== old", arg=before)
    assert "4 ballots of yours so far" in page.inner_text("main")
    page.get_by_label("Keys 1 to 4 vote").uncheck()
    assert page.locator("kbd:visible").count() == 0
    before = page.locator("input[name=ballot]").input_value()
    page.keyboard.press("2")
    page.reload()
    assert "4 ballots of yours so far" in page.inner_text("main")
    assert not page.get_by_label("Keys 1 to 4 vote").is_checked()


def test_a_voter_votes_by_buttons_without_script(open_page, served, address):
    page = open_page(f"{address}/vote", scripts=False, width=390, at=served)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for said_by in ("Equally good", "Both bad", "Skip this one"):
        page.get_by_role("button", name=said_by).click()
    for _ in range(2):
        page.get_by_role("button", name="Left is better" if left_is_short(page) else "Right is better").click()
    assert "5 ballots of yours so far" in page.inner_text("main")


def test_the_ladder_shows_the_votes_and_the_export_is_solved(open_page, served, address, tmp_path, monkeypatch, capsys):
    page = open_page(address, at=served)
    assert "8 votes of 2 voters count" in page.inner_text("main")
    assert page.locator("#standing").count() == 0  # it would tell whose answers somebody saw, while votes are taken
    sign_in(page, served, address)
    text = page.inner_text("main:has(#standing)")
    assert re.search(r"short@1.*long@1", page.inner_text("#standing"), re.DOTALL)
    assert "The minimax winner" in text
    assert served.client.get(f"{address}/votes.csv").status_code == 403
    with httpx.Client(base_url=served.url) as client:
        client.post("/sign-in", data={"name": "root", "password": PASSWORD})
        exported = client.get(f"{address}/votes.csv")
    file = tmp_path / "votes.csv"
    file.write_bytes(exported.content)
    monkeypatch.chdir(tmp_path)
    told = said(monkeypatch, capsys, "solve", "minimax_winner", f"preference:{file}")
    assert "short" in told.out


@pytest.mark.parametrize("path", ["", "/vote"])
@pytest.mark.parametrize("dark", [False, True])
def test_pages_fit_a_phone_in_both_themes(open_page, served, address, path, dark):
    page = open_page(f"{address}{path}", width=390, dark=dark, at=served)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("h1").is_visible()
