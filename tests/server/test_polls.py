"""Polls in the browser's language: an admin uploads and opens, voters vote by forms, what is held, hidden and exported."""

from __future__ import annotations

import dataclasses
import html
import io
import json
import re

import pytest
from polling import open_one, vote_as
from server_routes import routes_of
from starlette.testclient import TestClient
from visitors import PASSWORD, form_token, send, sign_in

from arena.accounts import Scope, add_account
from arena.exchange import Holdings
from arena.games.vote_file import votes_of
from arena.ledger import Ledger
from arena.polls.drawing import BallotDrawer
from arena.polls.poll import poll_of
from arena.server.app import create_app
from arena.standings import standings

HOSTILE = '<script>alert("1")</script>'
MANY = 60  # routes that are looked at
COUNTING = ("/polls", "/polls/secret", "/api/v1/polls/secret")  # where votes are counted
OF_NO_LEDGER = ("/games", "/play", "/api/v1/playable", "/openapi.json", "/docs", "/metrics")
ANSWERS = "prompt,plain,long\n" + "".join(f"question {k},plain says {k},long says {k}\n" for k in range(12))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("polls") / "arena.db") as ledger:
        add_account(ledger, "root", PASSWORD, Scope.ADMIN)
        add_account(ledger, "ada", PASSWORD, Scope.PLAY)
        add_account(ledger, "ben", PASSWORD, Scope.RUN)
        yield ledger


@pytest.fixture(scope="module")
def app(ledger):
    return create_app(ledger)


@pytest.fixture(scope="module")
def visit(app):
    """`visit()`: a browser of its own at the one server."""
    return lambda: TestClient(app, follow_redirects=False)


@pytest.fixture(scope="module")
def admin(visit):
    client = visit()
    sign_in(client, "root")
    return client


def upload(admin, name: str, content: str, file: str = "answers.csv", **fields: str):
    settings = {"question": "Which answer is better?", "voters": "anyone", "pairing": "balanced"}
    return admin.post(
        "/new/poll",
        data={"csrf_token": form_token(admin), "name": name, **settings, **fields},
        files={"file": (file, io.BytesIO(content.encode()))},
    )


def opened(admin, name: str, content: str = ANSWERS, file: str = "answers.csv", **fields: str) -> str:
    """The address of a poll that is open."""
    answer = upload(admin, name, content, file, **fields)
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    assert send(admin, f"{address}/state", state="open").status_code == 303
    return address


def ballot_in(page: str) -> str:
    return html.unescape(re.search(r'name="ballot" value="([^"]+)"', page)[1])


def vote(client, address: str, choice: str = "first"):
    """The next ballot, cast by its form."""
    ballot = ballot_in(client.get(f"{address}/vote").text)
    return client.post(f"{address}/vote", data={"ballot": ballot, "choice": choice})


def test_a_vote_is_a_match_in_the_order_shown(ledger, visit, admin):
    address, voter = opened(admin, "Order"), visit()
    page = voter.get(f"{address}/vote").text
    left = re.search(r"Left answer</h2>.*?<p class=\"said\" dir=\"auto\">(\w+) says", page, re.DOTALL)[1]
    assert voter.post(f"{address}/vote", data={"ballot": ballot_in(page), "choice": "first"}).status_code == 303
    tournament = poll_of(ledger, "order").tournament
    played = ledger.played(tournament)
    assert tournament.agents[played.seats[0, 0]].name == left
    assert played.returns.tolist() == [[1.0, -1.0]]


def test_names_are_not_on_the_ballot_and_not_after_it(ledger, visit, admin):
    content = "prompt,first-model,second-model\n" + "".join(f"q{k},one,two\n" for k in range(3))
    address, voter = opened(admin, "Names", content), visit()
    pages = [voter.get(f"{address}/vote").text]
    assert vote(voter, address).status_code == 303
    pages.append(voter.get(f"{address}/vote").text)
    assert not any("model" in page for page in pages)


def test_names_are_shown_after_the_vote_where_the_poll_says_so(ledger, visit, admin):
    content = "prompt,first-model,second-model\n" + "".join(f"q{k},one,two\n" for k in range(3))
    address, voter = opened(admin, "Reveals", content), visit()
    shown = {"question": "?", "voters": "anyone", "reveal": "true"}
    limits = {"per_minute": 20, "per_address": 20, "least_seconds": 0}
    assert send(admin, f"{address}/settings", **shown, **limits).status_code == 303
    assert "model" not in voter.get(f"{address}/vote").text
    vote(voter, address, "tie")
    page = voter.get(f"{address}/vote").text
    assert "first-model" in page
    assert "equally good" in page


def test_a_ballot_is_cast_once(ledger, visit, admin):
    address, voter = opened(admin, "Once"), visit()
    ballot = ballot_in(voter.get(f"{address}/vote").text)
    for _ in range(2):
        assert voter.post(f"{address}/vote", data={"ballot": ballot, "choice": "second"}).status_code == 303
    assert ledger.progress(poll_of(ledger, "once").tournament) == 1


def test_a_ballot_of_somebody_else_is_refused(ledger, visit, admin):
    address, one, other = opened(admin, "Bound"), visit(), visit()
    ballot = ballot_in(one.get(f"{address}/vote").text)
    other.get(f"{address}/vote")
    assert other.post(f"{address}/vote", data={"ballot": ballot, "choice": "first"}).status_code == 403
    assert visit().post(f"{address}/vote", data={"ballot": ballot, "choice": "first"}).status_code == 403


@pytest.mark.parametrize("forged", ["", "x", "e30.00", "WyJhIl0." + "0" * 32, "\N{SNOWMAN}.\N{SNOWMAN}"])
def test_a_forged_ballot_is_refused(ledger, visit, admin, forged):
    address = opened(admin, "Forged") if "forged" not in {one.key for one in ledger.tournaments()} else "/polls/forged"
    voter = visit()
    voter.get(f"{address}/vote")
    answer = voter.post(f"{address}/vote", data={"ballot": forged, "choice": "first"})
    assert answer.status_code in (403, 422)
    assert ledger.progress(poll_of(ledger, "forged").tournament) == 0


def test_nothing_is_asked_twice_and_then_it_is_over(ledger, visit, admin):
    address, voter = opened(admin, "Over", "prompt,a,b\none,x,y\ntwo,x,y\n"), visit()
    assert vote(voter, address, "skip").status_code == 303
    assert vote(voter, address).status_code == 303
    assert "You have voted on all" in voter.get(f"{address}/vote").text


def test_a_closed_poll_takes_no_vote(ledger, visit, admin):
    address, voter = opened(admin, "Shut"), visit()
    ballot = ballot_in(voter.get(f"{address}/vote").text)
    send(admin, f"{address}/state", state="closed")
    assert voter.post(f"{address}/vote", data={"ballot": ballot, "choice": "first"}).status_code == 409
    assert "This poll is closed" in voter.get(f"{address}/vote").text


def test_votes_of_one_voter_in_a_minute_are_limited(ledger, visit, admin):
    address, voter = opened(admin, "Fast"), visit()
    limits = {"question": "?", "voters": "anyone", "per_minute": 3, "per_address": 20, "least_seconds": 0}
    send(admin, f"{address}/settings", **limits)
    assert [vote(voter, address).status_code for _ in range(4)] == [303, 303, 303, 429]


def test_who_is_signed_in_is_one_voter_in_every_browser(ledger, visit, admin):
    address = opened(admin, "Accounts", voters="accounts")
    assert "Sign in" in visit().get(f"{address}/vote").text
    for _ in range(2):
        ada = visit()
        sign_in(ada, "ada")
        ballot = ballot_in(ada.get(f"{address}/vote").text)
        assert send(ada, f"{address}/vote", ballot=ballot, choice="first").status_code == 303
    assert "1</dd>" in re.search(r"<dt>Voters</dt>.*?</div>", admin.get(address).text)[0]


def test_who_signs_in_and_out_stays_one_voter_where_anyone_votes(ledger, visit, admin):
    address = opened(admin, "Twice")

    def voters():
        return admin.get("/api/v1/polls/twice").json()["summary"]["voters"]

    ada = visit()
    vote(ada, address)
    sign_in(ada, "ada")
    ballot = ballot_in(ada.get(f"{address}/vote").text)
    assert send(ada, f"{address}/vote", ballot=ballot, choice="first").status_code == 303
    send(ada, "/sign-out")
    vote(ada, address)
    assert voters() == 1
    elsewhere = visit()
    vote(elsewhere, address)
    sign_in(elsewhere, "ada")
    elsewhere.get(f"{address}/vote")  # the same person in two browsers, the second time without an account first
    [held] = admin.get("/api/v1/polls/twice").json()["summary"]["reviewed"]
    assert (voters(), held["voter"]) == (2, "voter 2")
    assert "in the same browser" in held["reason"]
    send(elsewhere, "/sign-out")
    sign_in(elsewhere, "ben")  # somebody else at this machine votes by his own account
    ballot = ballot_in(elsewhere.get(f"{address}/vote").text)
    assert send(elsewhere, f"{address}/vote", ballot=ballot, choice="first").status_code == 303
    assert voters() == 3


def test_an_invitation_is_one_voter(ledger, visit, admin):
    address = opened(admin, "Invited", voters="invited")
    page = send(admin, f"{address}/invitations", count=2).text
    [one, other] = [html.unescape(text) for text in re.findall(r"\?invitation=([\w-]+)", page)]
    assert one != other
    assert "Only those who were given an invitation" in visit().get(f"{address}/vote").text
    guest = visit()
    guest.get(f"{address}/vote?invitation=guess")
    assert "Only those who were given an invitation" in guest.get(f"{address}/vote").text
    for _ in range(2):  # the same link in two browsers
        voter = visit()
        assert voter.get(f"{address}/vote?invitation={one}").status_code == 303
        assert vote(voter, address).status_code == 303
    assert "1</dd>" in re.search(r"<dt>Voters</dt>.*?</div>", admin.get(address).text)[0]


def test_text_of_answers_stays_text(ledger, visit, admin):
    said = [HOSTILE, "one\n\ntwo", "```\n<b>code</b>\n```\nafter", "\x1b[31mred\x07", "\u202eright to left"]
    rows = [{"prompt": f"{HOSTILE} {k}", "answers": {"a": text, "b": "  "}} for k, text in enumerate(said)]
    rows = [row | {"answers": {"a": row["answers"]["a"], "b": HOSTILE}} for row in rows]
    content = "\n".join(json.dumps(row) for row in rows)
    address, voter = opened(admin, f"Hostile {HOSTILE}", content, "answers.jsonl"), visit()
    pages = []
    for _ in said:
        pages.append(voter.get(f"{address}/vote").text)
        vote(voter, address, "tie")
    everything = "".join(pages) + voter.get(address).text + voter.get("/polls").text
    assert HOSTILE not in everything
    assert '<pre class="code" dir="ltr">&lt;b&gt;code&lt;/b&gt;</pre><p class="said" dir="auto">after</p>' in everything
    assert "␛[31mred␇" in everything


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("question,a,b\n", "has no prompt"),
        ("prompt,a\none,x\n", "at least two candidates"),
        ("prompt,a,b\none,x,y\none,x,y\n", "stands twice"),
        ("prompt,a,b\none," + "x" * 200_001 + ",y\n", "a page shows up to"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(admin, content, said):
    answer = upload(admin, "Wrong", content)
    assert answer.status_code == 400
    assert said in html.unescape(answer.text)
    assert 'role="alert"' in answer.text


def test_the_list_offers_admins_a_new_poll(visit, admin):
    assert 'href="/new/poll"' in admin.get("/polls").text
    assert 'href="/new/poll"' not in visit().get("/polls").text
    upload(admin, "Draft that waits", ANSWERS)
    opened(admin, "Open now")
    listed = admin.get("/tournaments").text
    for name, state in (("Open now", "open for votes"), ("Draft that waits", "takes no votes")):
        assert re.search(rf'>{name}</a> <span class="tag[^"]*">{state}</span>', listed)
    assert 'enctype="multipart/form-data"' in admin.get("/new/poll").text


def test_only_admins_make_and_change_polls(ledger, visit, admin):
    address, ada = opened(admin, "Guarded"), visit()
    sign_in(ada, "ada")
    assert ada.get("/new/poll").status_code == 403
    assert send(ada, f"{address}/state", state="closed").status_code == 403
    assert send(ada, f"{address}/reviews", voter=1, state="left out").status_code == 403
    assert visit().post(f"{address}/state", data={"state": "closed"}).status_code in (401, 303)
    assert poll_of(ledger, "guarded").state == "open"


def test_held_votes_are_shown_do_not_count_and_are_released(ledger, visit, admin):
    address, bot = opened(admin, "Held"), visit()
    honest = TestClient(
        bot.app, follow_redirects=False, client=("192.0.2.9", 1)
    )  # elsewhere: one address is looked at as one
    for choice in ("first", "second", "second"):
        vote(honest, address, choice)
    for _ in range(8):  # sooner than anybody reads
        vote(bot, address, "first")
    reason = "8 of 8 votes came within 2 s of the question"
    assert reason in admin.get(address).text
    page = visit().get(address).text
    assert reason not in page
    assert "3 votes of 1 voter count, 8 are held for review" in page
    tournament = poll_of(ledger, "held").tournament
    assert standings(ledger, tournament.game).matches == 3
    send(admin, f"{address}/reviews", voter=2, state="counted")
    assert "11 votes of 2 voters count" in visit().get(address).text
    send(admin, f"{address}/reviews", voter=2, state="left out")
    assert "were left out after one" in visit().get(address).text
    assert len(ledger.played(tournament)) == 11


def test_a_cycle_of_votes_is_told_beside_the_minimax_winner(ledger, admin):
    poll, beats, drawer = open_one(ledger, name="Circle"), {(0, 1), (1, 2), (2, 0)}, BallotDrawer(ledger)

    def say(ballot):
        pair = (ballot.first, ballot.second)
        return "first" if pair in beats or ballot.second == 3 else "second"

    for k in range(6):
        vote_as(ledger, poll, f"v{k}", say, times=9, drawer=drawer)
    page = admin.get("/polls/circle").text
    assert re.search(r'id="cycle">A (possible )?cycle, real with probability', page)
    assert 'id="minimax"' in page


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_votes_go_out_and_are_read_back_once_the_poll_is_closed(ledger, visit, admin, kind):
    address, voter = opened(admin, f"Export {kind}"), visit()
    for choice in ("first", "second", "tie", "both_bad", "first"):
        vote(voter, address, choice)
    assert voter.get(f"{address}/votes.{kind}").status_code == 403
    send(admin, f"{address}/state", state="closed")
    answer = voter.get(f"{address}/votes.{kind}")
    read = votes_of(answer.content, path=f"votes.{kind}", suffix=f".{kind}")
    assert (len(read), int(read.both_bad.sum()), len(read.contexts)) == (5, 1, 5)
    assert read.judges == ("voter 1",)
    assert sorted(read.score.tolist())[:1] == [0.0]


# What voters must not see: whose answers they are


def test_a_vote_moves_nothing_that_a_voter_may_see_but_the_count(ledger, visit, admin):
    address, voter, ben = opened(admin, "Secret"), visit(), visit()
    sign_in(ben, "ben")  # who may all but administer
    vote(voter, address)
    before = all_shown(ben, "secret")
    assert len(before) > MANY
    assert vote(voter, address).status_code == 303
    after = all_shown(ben, "secret")
    moved = {path for path in before if before[path] != after[path]}
    assert {path for path in moved if not path.endswith(("/vote", "/ballot"))} == set(COUNTING)
    assert "long says" not in "".join(told for path, told in after.items() if not path.endswith(("/vote", "/ballot")))
    assert ben.get("/api/v1/polls/secret").json()["summary"]["first_worth"] is None
    held = Holdings(tournaments={}, agents=(), jobs=(), artifacts=())
    part = ben.post("/api/v1/ledger/part", json=dataclasses.asdict(held), headers={"X-CSRF-Token": form_token(ben)})
    assert part.status_code == 200
    assert b"preference:Secret" not in part.content


def test_admins_see_votes_at_any_time_and_everybody_once_the_poll_is_closed(ledger, visit, admin):
    address, voter = opened(admin, "Sealed"), visit()
    vote(voter, address)
    match, ladder = "/tournaments/sealed/matches/0", "/games/preference:Sealed"
    refused = voter.get(match)
    assert refused.status_code == 404
    assert "once the poll is closed" in refused.text
    assert voter.get(ladder).status_code == 404
    assert "the ladder is shown once the poll is closed" in voter.get(address).text
    for path in (match, f"/api/v1{match}"):
        assert "says" in admin.get(path).text
    assert 'id="standing"' in admin.get(address).text
    assert admin.get(ladder).status_code == 200
    send(admin, f"{address}/state", state="closed")
    assert "says" in voter.get(match).text
    assert 'id="standing"' in voter.get(address).text
    assert voter.get(ladder).status_code == 200
    send(admin, f"{address}/state", state="open")
    assert voter.get(match).status_code == 404


def test_where_names_are_shown_so_are_votes(ledger, visit, admin):
    address, voter = opened(admin, "Shown", reveal="true"), visit()
    vote(voter, address)
    assert "says" in voter.get("/tournaments/shown/matches/0").text
    assert 'id="standing"' in voter.get(address).text


def all_shown(client, key: str) -> dict[str, str]:
    """Every page and answer of the server that can be about a poll, by its address."""
    game = f"preference:{key.capitalize()}"
    filled = {
        "key": key,
        "number": "0",
        "specification": game,
        "reference": "long@1",
        "kind": "ladder",
        "ending": "csv",
        "name": "x",
    }
    asked = {"game": game, "tournament": key, "agent": "long@1", "a": "long@1", "b": "plain@1", "number": 0, "key": key}
    shown = {}
    for method, path in sorted(set(routes_of(client.app))):
        if method == "GET" and path not in OF_NO_LEDGER and not path.endswith("/events"):
            told = re.sub(r"{(\w+)(?::\w+)?}", lambda found: filled.get(found[1], "x"), path)
            shown[told] = client.get(told, params=asked).text
    return shown


def test_no_address_is_kept_with_votes(ledger, visit, admin):
    address, voter = opened(admin, "Private"), visit()
    vote(voter, address)
    with ledger.reading() as connection:
        noted = connection.exec_driver_sql("select action from audit").scalars().all()
        kept = connection.exec_driver_sql("select address from voters").scalars().all()
    assert not any("/vote" in action for action in noted)
    assert all(re.fullmatch("[0-9a-f]{32}", text) for text in kept)
