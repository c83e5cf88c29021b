"""Registering agents and starting tournaments by forms: what comes of them, what is refused where, and who may."""

from __future__ import annotations

import io
import re

import pytest
from starlette.testclient import TestClient
from visitors import PASSWORD, browser, form_token, send, sign_in

from arena.accounts import Scope, add_account
from arena.agents.sandbox import SandboxUnavailable
from arena.games import load_game
from arena.job_work import claim, fail, note_answer
from arena.jobs import all_jobs
from arena.ledger import Ledger
from arena.tournament_job import CONFIG, TOURNAMENT

KUHN = "arena:kuhn_poker"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("new") / "arena.db") as ledger:
        for name, scope in (("ada", Scope.READ), ("ben", Scope.SUBMIT), ("cid", Scope.RUN)):
            add_account(ledger, name, PASSWORD, scope)
        for name in ("north", "south"):
            ledger.add_agent(name, specification="random", kind="random")
        ledger.add_agent("elsewhere", specification="x", kind="external")
        ledger.add_agent("command", specification="exec:./bot", kind="exec")
        ledger.add_agent("ada.human", specification="remote:ada.human", kind="remote")
        yield ledger


@pytest.fixture(scope="module")
def stranger(ledger):
    return browser(ledger)


@pytest.fixture(scope="module")
def visit(stranger):
    """`visit(name)`: the browser of somebody who has signed in."""

    def signed_in(name: str) -> TestClient:
        client = TestClient(stranger.app, follow_redirects=False)
        sign_in(client, name)
        return client

    return signed_in


@pytest.fixture(scope="module")
def ben(visit):
    return visit("ben")


@pytest.fixture(scope="module")
def cid(visit):
    return visit("cid")


def problem(answer, field: str) -> str:
    """What a form that came back says below a field, which says so too."""
    assert answer.status_code == 400, answer.text
    assert f'aria-describedby="problem-{field}"' in answer.text
    [said] = re.findall(f'role="alert" id="problem-{field}">([^<]+)', answer.text)
    assert answer.text.count('role="alert"') == 1
    return said


def test_an_agent_is_registered_by_its_specification_and_shown(ledger, ben):
    assert "mcts(simulations=100, uct_c=2.0" in ben.get("/new/agent").text
    answer = send(ben, "/new/agent", name=" searcher ", specification="mcts(simulations=2)")
    assert (answer.status_code, answer.headers["location"]) == (303, "/agents/searcher@1")
    assert ledger.agent("searcher").lineage == {"registered_by": "ben"}
    assert ben.get("/agents/searcher@1").status_code == 200


@pytest.mark.parametrize(
    ("name", "specification", "field", "said"),
    [
        ("a b", "random", "name", "1-60 letters"),
        ("random", "mcts(simulations=2)", "name", "take another name"),
        ("bea.human", "random", "name", "is a person&#39;s"),
        ("reader", "policy:/etc/passwd", "specification", "read a file, run a program"),
        ("runner", "exec:./bot", "specification", "read a file, run a program"),
        ("slow", "mcts(simulations=10000000)", "specification", "searches for too long"),
        ("typo", "mtcs", "specification", "mcts"),
        ("shell", "bot:uci(path=/bin/sh)", "specification", "Unknown bot"),
        ("endless", "mcts(uct_c=1e999)", "specification", "at least 0 and finite"),
        ("none", "", "specification", "give one of them"),
        ("hostile", HOSTILE, "specification", "&lt;script"),
    ],
)
def test_what_cannot_be_an_agent_is_said_beside_its_field(ledger, ben, name, specification, field, said):
    answer = send(ben, "/new/agent", name=name, specification=specification, game=KUHN)
    assert said in problem(answer, field)
    assert f'value="{name}"' in answer.text
    assert f'value="{KUHN}"' in answer.text
    assert HOSTILE not in answer.text
    assert name not in {agent.name for agent in ledger.agents()}


def uploaded(client, content: bytes, file: str, **fields: str):
    data = {"csrf_token": form_token(client), "name": "sent", **fields}
    return client.post("/new/agent", data=data, files={"file": (file, io.BytesIO(content))})


def test_a_file_goes_through_the_checks_of_uploads(ledger, ben, monkeypatch):
    asked = []
    made = ledger.add_agent("sent", specification="policy:kuhn.json", kind="policy", lineage={"uploaded_by": "ben"})
    monkeypatch.setattr(
        "arena.server.new_agent_page.add_upload",
        lambda _, name, content, **more: asked.append((name, content, more)) or made,
    )
    assert uploaded(ben, b"{}", "kuhn.json", game=KUHN).headers["location"] == "/agents/sent@1"
    told = {"file_name": "kuhn.json", "game": KUHN, "account": "ben", "anybodys": False, "programs": False}
    assert asked == [("sent", b"{}", told)]


def test_what_is_wrong_with_a_file_is_said_beside_it(ben):
    assert "Agents are uploaded as .json" in problem(uploaded(ben, b"x", "x.pt"), "file")
    assert "runs no uploaded programs" in problem(uploaded(ben, b"x", "bot.py"), "file")
    assert "give one of them" in problem(uploaded(ben, b"{}", "a.json", specification="random"), "specification")
    assert "is a file of this machine" in problem(uploaded(ben, b"{}", "a.json", game="matrix:/a.csv"), "game")


def test_a_machine_that_confines_nothing_is_not_the_files_fault(ben, monkeypatch, caplog):
    def unavailable(*_, **__):
        raise SandboxUnavailable("/usr/bin/bwrap says no")

    monkeypatch.setattr("arena.server.new_agent_page.add_upload", unavailable)
    answer = uploaded(ben, b"{}", "kuhn.json")
    assert answer.status_code == 503 and "his server cannot confine what others sent" in answer.text
    assert "bwrap" not in answer.text and "/usr/bin/bwrap says no" in caplog.text


def asked_for(client, **changed: object):
    fields = {"name": "Friday cup", "game": KUHN, "agent": ["north@1", "south@1"], "matches": "10", "seed": "7"}
    return send(client, "/new/tournament", **fields | changed)


def test_a_tournament_is_the_job_that_the_api_asks_for(ledger, cid):
    answer = asked_for(cid, further="search=ismcts(simulations=2)\n\nnorth2=random", common_chance="true")
    [row] = all_jobs(ledger, game=KUHN)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{row.key}")
    agents = {"north": "north@1", "south": "south@1", "search": "ismcts(simulations=2)", "north2": "random"}
    config = {"name": "Friday cup", "agents": agents, "matches": 10, "seed": 7, "common_chance": True}
    over_http = cid.post(
        "/api/v1/tournaments",
        json={"config": {"game": KUHN, **config}},
        headers={"X-CSRF-Token": form_token(cid)},
    )
    assert [one["key"] for one in over_http.json()["jobs"]] == [row.key]
    assert row.settings[CONFIG]["pairing"] == "round_robin"


def test_a_job_leads_to_its_tournament_once_that_has_begun(ledger, cid):
    address = asked_for(cid, name="Watched").headers["location"]
    waiting = cid.get(address)
    assert "It waits for a worker" in waiting.text
    assert waiting.headers["refresh"] == "3"
    key = address.removeprefix("/jobs/")
    while (row := claim(ledger, {"cpu": "here"})).key != key:
        pass
    note_answer(ledger, row, {TOURNAMENT: "watched"})
    assert cid.get(address).headers["location"] == "/tournaments/watched"
    fail(ledger, row, HOSTILE)
    failed = cid.get(address)
    assert failed.status_code == 200
    assert "It failed" in failed.text
    assert HOSTILE not in failed.text
    assert "refresh" not in failed.headers
    assert cid.get("/jobs/nothing").status_code == 404


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"agent": []}, "agents", "Choose who plays"),
        ({"further": "exec:./bot"}, "agents", "run a program"),
        ({"further": "a=mcts(uct_c=1e999)"}, "agents", "at least 0 and finite"),
        ({"further": "nobody"}, "agents", "Unknown agent"),
        ({"further": "north=random"}, "agents", "Two agents are called"),
        ({"agent": ["north@9"]}, "agents", "Unknown agent"),
        ({"game": "arena:khun_poker"}, "game", "did you mean"),
        ({"game": "matrix:/etc/passwd"}, "game", "is a file of this machine"),
        ({"matches": "many"}, "matches", "got &#39;many&#39;"),
        ({"matches": "0"}, "matches", "greater than or equal to 1"),
        ({"seed": "-1"}, "seed", "got &#39;-1&#39;"),
        ({"pairing": "chess960"}, "pairing", "got &#39;chess960&#39;"),
        ({"pairing": "adaptive"}, "aim", "is needed"),
        ({"pairing": "gauntlet", "challenger": "west"}, "challenger", "none of the agents"),
        ({"pairing": "swiss", "common_chance": "true"}, "common_chance", "round_robin"),
    ],
)
def test_what_cannot_be_a_tournament_is_said_beside_its_field(ledger, cid, changed, field, said):
    before = len(all_jobs(ledger))
    answer = asked_for(cid, **changed)
    assert said in problem(answer, field)
    assert 'value="Friday cup"' in answer.text
    assert len(all_jobs(ledger)) == before


def test_what_was_chosen_is_kept_and_who_cannot_play_is_not_offered(cid):
    page = asked_for(cid, agent=["south@1"], further="exec:./bot", pairing="swiss").text
    assert 'value="south@1" checked' in page
    assert 'value="north@1">' in page
    assert '<option value="swiss" selected>' in page
    assert ">exec:./bot</textarea>" in page
    for other in ("elsewhere", "command", "ada.human"):
        assert f'value="{other}@1"' not in page


def test_a_game_in_the_address_is_filled_in(cid):
    assert f'value="{KUHN}"' in cid.get(f"/new/tournament?game={KUHN}").text


@pytest.mark.parametrize(("path", "scope"), [("/new/agent", Scope.SUBMIT), ("/new/tournament", Scope.RUN)])
def test_who_may_not_is_led_to_the_sign_in_or_refused(stranger, visit, path, scope):
    assert stranger.get(path).headers["location"] == f"/sign-in?next={path}"
    assert stranger.post(path).status_code == 401
    ada = visit("ada")
    for answer in (ada.get(path), send(ada, path, name="x", specification="random")):
        assert answer.status_code == 403
        assert f"{scope.value}&#39;" in answer.text


@pytest.mark.parametrize("path", ["/new/agent", "/new/tournament"])
def test_a_form_without_the_token_of_its_session_changes_nothing(ledger, cid, path):
    before = len(all_jobs(ledger)), len(ledger.agents())
    fields = {"name": "forged", "specification": "random", "game": KUHN, "agent": ["north@1", "south@1"]}
    assert cid.post(path, data=fields).status_code == 403
    assert cid.post(path, data=fields, files={"file": ("", io.BytesIO())}).status_code == 403
    assert (len(all_jobs(ledger)), len(ledger.agents())) == before


@pytest.mark.parametrize(
    ("list_of", "form", "words"),
    [
        ("/agents", "/new/agent", "Register an agent"),
        ("/tournaments", "/new/tournament", "Start a tournament"),
    ],
)
def test_lists_lead_there_who_may(stranger, visit, cid, list_of, form, words):
    link = f'href="{form}"'
    assert f"{link} data-needs-server>{words}" in cid.get(list_of).text
    assert f'href="/sign-in?next={form}" data-needs-server>Sign in to {words.lower()}' in stranger.get(list_of).text
    assert link not in visit("ada").get(list_of).text


def test_an_agent_and_a_tournament_named_new_have_pages_of_their_own(ledger, cid):
    send(cid, "/new/agent", name="new", specification="random")
    agents = [ledger.agent(name) for name in ("north", "new")]
    game = load_game(KUHN).info
    ledger.add_tournament(name="new", game=game, agents=agents, config={}, seed=0, planned=None)
    assert "<h1>new" in cid.get("/agents/new").text
    assert "<h1>new" in cid.get("/tournaments/new").text
