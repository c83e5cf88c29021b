"""Signing in and out, tokens, invitations and signing up as people do it: in Chromium, with and without scripts."""

from __future__ import annotations

import pytest
from serving import worked
from visitors import PASSWORD

from arena.accounts import Scope, account, add_account
from arena.jobs import all_jobs
from arena.ledger import Ledger
from arena.server.settings import ServerSettings
from tests.server.conftest import wait_for
from tests.server.test_page_quality import PROBLEMS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory, serve_module):
    with Ledger.open(tmp_path_factory.mktemp("accounts") / "arena.db") as ledger:
        add_account(ledger, "root", PASSWORD, Scope.ADMIN)
        with serve_module(ledger, ServerSettings(sign_up="invite")) as served:
            yield served


@pytest.mark.parametrize("scripts", [True, False])
def test_an_admin_signs_in_invites_and_a_guest_signs_up_makes_a_token_and_leaves(open_page, served, scripts):
    name = f"guest-{scripts}".lower()
    admin = open_page("/admin", at=served, scripts=scripts, quiet=False)  # a wrong password is an error on the console
    admin.get_by_label("Name").fill("root")
    admin.get_by_label("Password").fill("not the password")
    admin.get_by_role("button", name="Sign in").click()
    assert "do not belong together" in admin.get_by_role("alert").inner_text()
    admin.get_by_label("Password").fill(PASSWORD)
    admin.get_by_role("button", name="Sign in").click()
    admin.wait_for_url("**/admin")
    admin.get_by_label("For whom").fill(name)
    admin.get_by_role("button", name="Invite").click()
    link = admin.locator("code.secret").inner_text()

    guest = open_page(link.removeprefix(served.url), at=served, scripts=scripts, width=390)
    guest.get_by_label("Name").fill(name)
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Make the account").click()
    guest.get_by_role("link", name=name).click()
    assert guest.get_by_role("heading", level=1).inner_text() == name
    guest.get_by_label("What it is for").fill("laptop")
    guest.get_by_role("button", name="Make a token").click()
    token = guest.locator("code.secret").inner_text()
    headers = {"Authorization": f"Bearer {token}"}
    assert served.client.get("/api/v1/account", headers=headers).json()["account"] == name
    guest.get_by_role("button", name="Revoke").click()
    guest.get_by_text("revoked").wait_for()
    assert served.client.get("/api/v1/account", headers=headers).status_code == 401
    guest.get_by_role("button", name="Sign out", exact=True).click()
    guest.get_by_role("link", name="Sign in").wait_for()

    admin.reload()
    admin.get_by_role("button", name=f"Disable {name}").click()
    admin.get_by_role("button", name=f"Enable {name}").wait_for()
    assert account(served.ledger, name).disabled
    admin.get_by_role("link", name="Audit log").click()
    assert "POST /sign-up" in admin.locator("main").inner_text()


@pytest.mark.parametrize(("scripts", "width"), [(True, 1280), (False, 390)])
def test_somebody_registers_an_agent_and_starts_a_tournament_and_watches_it(open_page, served, scripts, width):
    name, cup = f"searcher-{width}", f"Cup {width}"
    page = open_page(
        "/agents", at=served, scripts=scripts, width=width, quiet=False
    )  # a refusal is an error on the console
    page.get_by_role("link", name="Sign in to register an agent").click()
    page.get_by_label("Name").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Specification, of a kind").fill("exec:./bot")
    page.get_by_role("button", name="Register").click()
    assert "run a program" in page.get_by_role("alert").inner_text()
    if scripts:
        assert page.evaluate(PROBLEMS) == []
    page.get_by_label("Specification, of a kind").fill("mcts(simulations=2)")
    page.get_by_role("button", name="Register").click()
    assert name in page.get_by_role("heading", level=1).inner_text()

    page.get_by_role("link", name="Tournaments", exact=True).click()
    page.get_by_role("link", name="Start a tournament").click()
    page.get_by_label("Name", exact=True).fill(cup)
    page.get_by_label("Game", exact=True).fill("arena:tic_tac_toe")
    page.get_by_label(f"{name}@1").check()
    page.get_by_label("Further agents").fill("random")
    page.get_by_label("Matches of each pairing").fill("0")
    if scripts:
        page.locator("form.fields").evaluate("(form) => { form.noValidate = true }")
        page.get_by_role("button", name="Start").click()
        assert "greater than" in page.get_by_role("alert").inner_text()
        assert page.evaluate(PROBLEMS) == []
    page.get_by_label("Matches of each pairing").fill("2")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("It waits for a worker").wait_for()
    if scripts:
        assert page.evaluate(PROBLEMS) == []
    with worked(served.ledger):
        wait_for(lambda: all(row.status == "finished" for row in all_jobs(served.ledger)), seconds=60)
    page.reload()
    assert page.get_by_role("heading", level=1).inner_text().startswith(cup)
    assert "/tournaments/" in page.url
    assert name in page.locator("main").inner_text()
    page.goto(f"{served.url}/games/arena:tic_tac_toe")
    page.get_by_role("link", name="Start a tournament").click()
    assert page.get_by_label("Game", exact=True).input_value() == "arena:tic_tac_toe"
