"""Signing in and out, tokens, invitations and signing up as people do it: in Chromium, with and without scripts."""

from __future__ import annotations

import pytest
from visitors import PASSWORD

from arena.accounts import Scope, account, add_account
from arena.ledger import Ledger
from arena.server.settings import ServerSettings

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
