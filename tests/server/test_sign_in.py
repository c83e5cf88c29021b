"""Sessions: who gets one, what proves it, how it ends, and what does not open an account."""

from __future__ import annotations

import re

import pytest
from visitors import PASSWORD, browser, form_token, send, sign_in

from arena import accounts, credentials
from arena.accounts import Scope, add_account
from arena.audit import entries
from arena.ledger import Ledger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("accounts") / "arena.db") as ledger:
        add_account(ledger, "ada", PASSWORD, Scope.RUN)
        add_account(ledger, "root", PASSWORD, Scope.ADMIN)
        yield ledger


@pytest.fixture
def ada(ledger):
    client = browser(ledger)
    sign_in(client, "ada")
    return client


def cookie_of(answer):
    return answer.headers["set-cookie"]


def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(ledger):
    answer = browser(ledger).post("/sign-in", data={"name": "Ada ", "password": PASSWORD, "next": "/games?q=go"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/games?q=go")
    cookie = cookie_of(answer)
    assert cookie.startswith("arena-session=arena_")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "secure" not in cookie.lower()  # by plain http a secure cookie would be lost


@pytest.mark.parametrize("how", ["setting", "proxy"])
def test_where_browsers_come_by_https_the_cookie_is_for_https_alone(ledger, how):
    settings = {"public_url": "https://arena.example"} if how == "setting" else {"trusted_proxies": ("127.0.0.0/8",)}
    client = browser(ledger, **settings)
    client = type(client)(client.app, client=("127.0.0.1", 1), follow_redirects=False)
    headers = {"X-Forwarded-Proto": "https"} if how == "proxy" else {}
    answer = client.post("/sign-in", data={"name": "ada", "password": PASSWORD}, headers=headers)
    assert cookie_of(answer).startswith("__Host-arena-session=")
    assert "Secure" in cookie_of(answer)


def test_a_forwarded_scheme_of_nobody_trusted_is_not_believed(ledger):
    answer = browser(ledger).post(
        "/sign-in", data={"name": "ada", "password": PASSWORD}, headers={"X-Forwarded-Proto": "https"}
    )
    assert cookie_of(answer).startswith("arena-session=")


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("", ""), ("ada", "x" * 5000)])
def test_what_is_wrong_is_refused_in_one_sentence_that_tells_nothing(ledger, name, password):
    answer = browser(ledger).post("/sign-in", data={"name": name, "password": password})
    assert answer.status_code == 401
    assert "do not belong together" in answer.text
    assert "set-cookie" not in answer.headers


def test_an_unknown_name_costs_as_much_as_a_wrong_password(ledger, monkeypatch):
    """Counted, not timed: each attempt verifies one argon2 hash of the same costs."""
    seen = []
    real = accounts.is_password
    monkeypatch.setattr(accounts, "is_password", lambda password, kept: seen.append(kept) or real(password, kept))
    for name in ("ada", "nobody"):
        assert accounts.signed_in(ledger, name, "a wrong password") is None
    assert len(seen) == 2
    assert seen[0].split("$")[1:4] == seen[1].split("$")[1:4]


def from_address(ledger, number):
    """A browser at a server process of its own."""
    client = browser(ledger, wrong_passwords_per_hour=3, sign_ins_per_minute=2)
    return type(client)(client.app, client=(f"192.0.2.{number}", 1), follow_redirects=False)


def test_guesses_from_many_addresses_are_few_and_do_not_lock_the_owner_out(ledger):
    add_account(ledger, "grace", PASSWORD, Scope.READ)
    home = from_address(ledger, 0)
    sign_in(home, "grace")
    send(home, "/sign-out")
    guess, guesses = {"name": "Grace", "password": "a guess of many"}, [from_address(ledger, k) for k in range(1, 6)]
    answers = [one.post("/sign-in", data=guess) for one in guesses]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert "wrong passwords were given for this name" in answers[-1].text
    assert 1100 < int(answers[-1].headers["retry-after"]) <= 1200
    right = guesses[0].post("/sign-in", data={"name": "grace", "password": PASSWORD})
    assert right.status_code == 429, "else the right guess would tell itself from the wrong ones"
    sign_in(home, "grace")  # its browser is known
    noted = entries(ledger, most=7)
    assert {(one.subject, one.address) for one in noted[-5:]} == {("grace", f"192.0.2.{k}") for k in range(1, 6)}
    assert [one.outcome[:3] for one in noted] == ["303", "429", "429", "429", "401", "401", "401"]


def test_a_known_browser_is_counted_for_itself_and_for_its_account_alone(ledger):
    add_account(ledger, "hedy", PASSWORD, Scope.READ)
    home = browser(ledger, wrong_passwords_per_hour=2)
    sign_in(home, "hedy")
    assert (
        "wrong passwords"
        in [send(home, "/account/password", current="a guess", password="another long one").text for _ in range(3)][-1]
    )
    home.cookies.delete("arena-session")
    wrong = {"password": "a guess"}
    assert [home.post("/sign-in", data={"name": "hedy", **wrong}).status_code for _ in range(3)] == [401, 401, 429]
    assert [home.post("/sign-in", data={"name": "no-one", **wrong}).status_code for _ in range(3)] == [401, 401, 429]
    sign_in(browser(ledger), "hedy")  # a stranger's count is another one


def test_right_passwords_count_nothing(ledger):
    add_account(ledger, "ida", PASSWORD, Scope.READ)
    for _ in range(3):
        sign_in(browser(ledger, wrong_passwords_per_hour=1), "ida")


def test_sign_ins_of_one_address_are_counted_for_all_servers_of_a_ledger(ledger):
    statuses = [from_address(ledger, 77).post("/sign-in", data={"name": "x"}).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]


def test_a_flood_of_passwords_is_turned_away_and_not_waited_for(ledger):
    places = accounts._waiting
    taken = [places.acquire() for _ in range(accounts.HASHES_WAITING)]
    answer = browser(ledger).post("/sign-in", data={"name": "ada", "password": PASSWORD})
    places.release(len(taken))
    assert answer.status_code == 503
    assert "try again" in answer.text
    sign_in(browser(ledger), "ada")


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\r\nX-Evil: 1", "evil", ""],
)
def test_signing_in_leads_to_no_other_place(ledger, elsewhere):
    answer = browser(ledger).post("/sign-in", data={"name": "ada", "password": PASSWORD, "next": elsewhere})
    assert answer.headers["location"] == "/"
    assert "x-evil" not in answer.headers


def test_who_must_sign_in_comes_back_to_the_page(ledger):
    answer = browser(ledger).get("/account?x=1&y=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/account%3Fx%3D1%26y%3D2"
    page = browser(ledger).get(answer.headers["location"]).text
    assert 'name="next" value="/account?x=1&amp;y=2"' in page


def test_a_session_that_somebody_planted_is_not_taken_over(ledger):
    planted = {"Cookie": "arena-session=arena_0123456789ab_planted"}
    answer = browser(ledger).post("/sign-in", data={"name": "ada", "password": PASSWORD}, headers=planted)
    assert cookie_of(answer).startswith("arena-session=arena_")
    assert "planted" not in cookie_of(answer)


def test_signing_in_again_ends_the_session_before(ledger, ada):
    before = ada.cookies.get("arena-session")
    ada.post("/sign-in", data={"csrf_token": form_token(ada), "name": "ada", "password": PASSWORD})
    assert ada.cookies.get("arena-session") != before
    assert credentials.proved(ledger, before, "session") is None


def test_signing_out_ends_the_session_not_only_the_cookie(ledger, ada):
    text = ada.cookies.get("arena-session")
    assert send(ada, "/sign-out").status_code == 303
    assert ada.cookies.get("arena-session") is None
    thief = browser(ledger)
    thief.cookies.set("arena-session", text)
    assert thief.get("/account").status_code == 303


def test_signing_out_everywhere_ends_all_sessions_and_no_token(ledger, ada):
    token = credentials.issue(ledger, "token", accounts.account(ledger, "ada"), scope=Scope.READ)
    other = browser(ledger)
    sign_in(other, "ada")
    send(ada, "/account/sign-out-everywhere")
    assert other.get("/account").status_code == 303
    assert credentials.proved(ledger, token.text, "token")


def test_a_session_expires(ledger):
    client = browser(ledger, session_days=1e-9)
    sign_in(client, "ada")
    assert client.get("/account").status_code == 303


def test_a_token_is_no_session_and_a_session_no_token(ledger, ada):
    token = credentials.issue(ledger, "token", accounts.account(ledger, "ada"), scope=Scope.RUN)
    client = browser(ledger)
    client.cookies.set("arena-session", token.text)
    assert client.get("/account").status_code == 303
    session = ada.cookies.get("arena-session")
    refused = browser(ledger).get("/api/v1/account", headers={"Authorization": f"Bearer {session}"})
    assert refused.status_code == 401


def test_a_token_does_not_open_the_pages_that_make_tokens(ledger):
    token = credentials.issue(ledger, "token", accounts.account(ledger, "root"), scope=Scope.READ)
    headers = {"Authorization": f"Bearer {token.text}"}
    for path in ("/account", "/admin"):
        assert browser(ledger).get(path, headers=headers).status_code == 403
    made = browser(ledger).post("/account/tokens", data={"scope": "admin"}, headers=headers)
    assert made.status_code == 403


def test_a_new_password_needs_the_old_one_and_ends_other_sessions(ledger):
    add_account(ledger, "eve", PASSWORD, Scope.PLAY)
    here, elsewhere = browser(ledger), browser(ledger)
    sign_in(here, "eve")
    sign_in(elsewhere, "eve")
    assert send(here, "/account/password", current="a guess", password="another long one").status_code == 403
    assert "10 to 1000 characters" in send(here, "/account/password", current=PASSWORD, password="short").text
    assert send(here, "/account/password", current=PASSWORD, password="another long one").status_code == 303
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303
    assert accounts.signed_in(ledger, "eve", PASSWORD) is None


def test_a_disabled_account_is_out_at_once(ledger):
    add_account(ledger, "mallory", PASSWORD, Scope.PLAY)
    client = browser(ledger)
    sign_in(client, "mallory")
    accounts.disable(ledger, accounts.account(ledger, "mallory"))
    assert client.get("/account").status_code == 303
    assert client.post("/sign-in", data={"name": "mallory", "password": PASSWORD}).status_code == 401


# Signing up


def test_nobody_signs_up_where_it_is_closed(ledger):
    client = browser(ledger)
    assert client.get("/sign-up").status_code == 403
    assert client.post("/sign-up", data={"name": "new-one", "password": PASSWORD}).status_code == 403
    assert "new-one" not in [one.name for one in accounts.all_accounts(ledger)]


def test_where_it_is_open_an_account_may_only_what_the_setting_says(ledger):
    client = browser(ledger, sign_up="open", sign_up_scope="submit")
    answer = client.post("/sign-up", data={"name": "walk-in", "password": PASSWORD, "scope": "admin"})
    assert answer.status_code == 303
    assert accounts.account(ledger, "walk-in").scope is Scope.SUBMIT
    assert "walk-in" in client.get("/").text  # signed in


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("ada", PASSWORD, "is an account &#39;ada&#39; already"),
        ("ADA", PASSWORD, "is an account &#39;ada&#39; already"),
        ("<script>", PASSWORD, "small letters"),
        ("a" * 33, PASSWORD, "small letters"),
        ("fresh", "short", "10 to 1000 characters"),
    ],
)
def test_what_cannot_be_an_account_is_said_in_the_form(ledger, name, password, said):
    answer = browser(ledger, sign_up="open").post("/sign-up", data={"name": name, "password": password})
    assert answer.status_code == 400
    assert said in answer.text
    assert "<script>" not in answer.text


def inviting(ledger):
    return browser(ledger, sign_up="invite", sign_ins_per_minute=100)


def invitation(admin):
    answer = send(admin, "/admin/invitations", scope="submit")
    [text] = re.findall(r"/sign-up\?invitation=([\w-]+)", answer.text)
    return text


def test_an_invitation_makes_one_account_and_looking_does_not_use_it_up(ledger):
    admin = inviting(ledger)
    sign_in(admin, "root")
    text = invitation(admin)
    for _ in range(2):
        assert inviting(ledger).get(f"/sign-up?invitation={text}").status_code == 200
    fields = {"invitation": text, "password": PASSWORD}
    assert inviting(ledger).post("/sign-up", data={**fields, "name": "x"}).status_code == 400  # and it still holds
    assert inviting(ledger).post("/sign-up", data={**fields, "name": "guest"}).status_code == 303
    assert accounts.account(ledger, "guest").scope is Scope.SUBMIT
    assert inviting(ledger).post("/sign-up", data={**fields, "name": "second"}).status_code == 403
    with pytest.raises(accounts.AccountError, match="has been used"):  # also by who looked before it was used
        credentials.accept(ledger, text, "second", PASSWORD)
    assert inviting(ledger).get(f"/sign-up?invitation={text}").status_code == 403


def test_a_withdrawn_invitation_and_a_token_in_its_place_are_refused(ledger):
    admin = inviting(ledger)
    sign_in(admin, "root")
    text = invitation(admin)
    send(admin, f"/admin/invitations/{text.split('_')[1]}/end")
    token = credentials.issue(ledger, "token", accounts.account(ledger, "root"), scope=Scope.ADMIN)
    for wrong in (text, token.text, text[:-1], "arena_", "x"):
        answer = inviting(ledger).post("/sign-up", data={"invitation": wrong, "name": "intruder", "password": PASSWORD})
        assert answer.status_code == 403


def test_where_it_is_closed_only_the_operators_own_invitations_hold(ledger):
    admin = inviting(ledger)
    sign_in(admin, "root")
    of_admin = invitation(admin)
    assert browser(ledger).get(f"/sign-up?invitation={of_admin}").status_code == 403
    fields = {"invitation": of_admin, "name": "uninvited", "password": PASSWORD}
    assert browser(ledger).post("/sign-up", data=fields).status_code == 403
    closed = browser(ledger)
    sign_in(closed, "root")
    assert "Admins invite nobody here" in closed.get("/admin").text
    assert send(closed, "/admin/invitations", scope="admin").status_code == 403
    of_operator = credentials.issue(ledger, "invitation", None, scope=Scope.READ).text
    assert browser(ledger).get(f"/sign-up?invitation={of_operator}").status_code == 200


# What admins do


def test_only_admins_administer(ledger, ada):
    for path in ("/admin", "/admin/audit"):
        assert ada.get(path).status_code == 403
        assert browser(ledger).get(path).status_code == 303
    assert send(ada, "/admin/accounts/ada", scope="admin").status_code == 403
    assert accounts.account(ledger, "ada").scope is Scope.RUN


def test_an_admin_changes_what_others_may_and_the_last_one_stays(ledger):
    add_account(ledger, "bob", PASSWORD, Scope.PLAY)
    admin = browser(ledger)
    sign_in(admin, "root")
    assert send(admin, "/admin/accounts/bob", scope="run").status_code == 303
    assert accounts.account(ledger, "bob").scope is Scope.RUN
    send(admin, "/admin/accounts/bob", state="disabled")
    assert accounts.account(ledger, "bob").disabled
    for fields in ({"scope": "run"}, {"state": "disabled"}):
        answer = send(admin, "/admin/accounts/root", **fields)
        assert answer.status_code == 400
        assert "the last account" in answer.text


def test_what_users_write_is_shown_as_text(ledger):
    admin = inviting(ledger)
    hostile = "<script>alert(1)</script>"
    admin.headers.encoding = "latin-1"
    admin.headers["user-agent"] = f"{hostile}\x85"  # which is not printable
    sign_in(admin, "root")
    send(admin, "/account/tokens", name=hostile, scope="read")
    send(admin, "/admin/invitations", name=hostile, scope="read")
    admin.post("/sign-in/" + hostile, data={"csrf_token": form_token(admin)})
    for path in ("/account", "/admin", "/admin/audit", f"/admin/audit?account={hostile}"):
        page = admin.get(path).text
        assert hostile not in page, path
    refused = browser(ledger).post("/sign-in", data={"name": hostile, "next": f'/"{hostile}'})
    assert hostile not in refused.text


def test_the_audit_log_knows_who_did_what_and_no_secret(ledger):
    client = browser(ledger)
    client.post("/sign-in", data={"name": "ada", "password": "my secret typed wrongly"})
    sign_in(client, "ada")
    answer = send(client, "/account/tokens", name="ci", scope="play")
    [token] = re.findall(r"arena_\w{12}_[\w-]{43}", answer.text)
    made, came, failed = entries(ledger, most=3)
    assert (made.account, made.action, made.outcome) == ("ada", "POST /account/tokens", "200 OK")
    assert made.credential == client.cookies.get("arena-session").split("_")[1]
    assert (came.account, came.action, came.outcome) == ("ada", "POST /sign-in", "303 See Other")
    assert (failed.account, failed.outcome, failed.address) == (None, "401 Unauthorized", "testclient")
    noted = repr(entries(ledger, most=1000))
    for secret in (token, token.rsplit("_", 1)[1], PASSWORD, "typed wrongly"):
        assert secret not in noted


def test_no_secret_stands_in_the_ledger(ledger, ada):
    text = ada.cookies.get("arena-session")
    with ledger.reading() as connection:
        rows = [
            str(row)
            for table in ("accounts", "credentials", "audit")
            for row in connection.exec_driver_sql(f"select * from {table}")
        ]
    assert not [row for row in rows if text.split("_", 2)[2] in row or PASSWORD in row]
