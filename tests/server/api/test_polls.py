"""The API of polls: a program makes one, votes by an account, reviews and takes the votes out."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from visitors import bearer

from arena.accounts import Scope
from arena.games.vote_file import votes_of
from arena.ledger import Ledger
from arena.server.app import create_app

ANSWERS = b"prompt,plain,long\n" + b"".join(b"q%d,plain %d,long %d\n" % (k, k, k) for k in range(6))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("polls") / "arena.db") as ledger:
        yield ledger


@pytest.fixture(scope="module")
def api(ledger):
    """`api(scope)`: a client whose token may do this."""
    app = create_app(ledger)

    def client(scope: Scope, name: str = "robot") -> TestClient:
        return TestClient(app, base_url="http://testserver/api/v1", headers=bearer(ledger, scope, name))

    return client


def made(api, name: str, **query: object) -> str:
    """The path of a new poll that is open."""
    admin = api(Scope.ADMIN)
    answer = admin.post(
        "/polls",
        params={"name": name, "file": "answers.csv", **query},
        content=ANSWERS,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 201, answer.text
    path = f"/polls/{answer.json()['poll']['key']}"
    assert admin.post(f"{path}/state", json={"state": "open"}).json()["poll"]["state"] == "open"
    return path


def test_a_poll_is_made_and_listed(api):
    path = made(api, "Listed", question="Which is shorter?", per_minute=7)
    facts = api(Scope.READ).get(path).json()
    assert facts["poll"]["candidates"] == ["plain", "long"]
    assert facts["poll"]["settings"] | {"question": "Which is shorter?", "per_minute": 7} == facts["poll"]["settings"]
    assert facts["summary"]["prompts"] == 6
    assert [one["name"] for one in api(Scope.READ).get("/polls").json()["polls"]] == ["Listed"]


def test_an_account_votes_and_learns_no_names(api):
    path, voter = made(api, "Votes"), api(Scope.PLAY)
    ballot = voter.get(f"{path}/ballot").json()
    assert {said.split()[0] for said in ballot["answers"]} == {"plain", "long"}
    cast = {"ballot": ballot["ballot"], "choice": "first"}
    for _ in range(2):
        assert voter.post(f"{path}/votes", json=cast, headers={"Idempotency-Key": "vote"}).json() == {
            "cast": 1,
            "shown": None,
        }
    assert voter.post(f"{path}/votes", json=cast).status_code == 409
    assert voter.get(f"{path}/votes").status_code == 403
    assert voter.get(path).json()["summary"]["counted"] == 1


def test_a_ballot_is_of_one_account(api):
    path = made(api, "Own")
    ballot = api(Scope.PLAY).get(f"{path}/ballot").json()["ballot"]
    other = api(Scope.PLAY, "other")
    assert other.post(f"{path}/votes", json={"ballot": ballot, "choice": "tie"}).status_code == 403


def test_votes_go_out_as_they_are_read(api):
    path, voter, admin = made(api, "Out"), api(Scope.PLAY), api(Scope.ADMIN)
    for choice in ("first", "tie", "skip", "both_bad"):
        ballot = voter.get(f"{path}/ballot").json()["ballot"]
        assert voter.post(f"{path}/votes", json={"ballot": ballot, "choice": choice}).status_code == 200
    votes = votes_of(admin.get(f"{path}/votes?format=parquet").content, path="x", suffix=".parquet")
    assert (len(votes), int(votes.both_bad.sum())) == (3, 1)


def test_reviews_take_votes_out_and_back(api):
    path, voter, admin = made(api, "Reviewed"), api(Scope.PLAY), api(Scope.ADMIN)
    ballot = voter.get(f"{path}/ballot").json()["ballot"]
    voter.post(f"{path}/votes", json={"ballot": ballot, "choice": "first"})
    out = admin.post(f"{path}/reviews", json={"voter": 1, "state": "left out", "reason": "a test"}).json()["summary"]
    assert (out["counted"], out["left_out"], out["reviewed"][0]["reason"]) == (0, 1, "a test")
    assert admin.post(f"{path}/reviews", json={"voter": 1, "state": "counted"}).json()["summary"]["counted"] == 1
    assert admin.post(f"{path}/reviews", json={"voter": 9, "state": "held"}).status_code == 404
    assert admin.post(f"{path}/reviews", json={"voter": 1, "state": "held", "reason": "a\0b"}).status_code == 400


def test_settings_change_but_for_the_pairing(api):
    path, admin = made(api, "Settings"), api(Scope.ADMIN)
    settings = admin.get(path).json()["poll"]["settings"]
    changed = admin.put(f"{path}/settings", json=settings | {"reveal": True}).json()["poll"]["settings"]
    assert changed["reveal"] is True
    voter = api(Scope.PLAY)
    ballot = voter.get(f"{path}/ballot").json()
    told = voter.post(f"{path}/votes", json={"ballot": ballot["ballot"], "choice": "skip"}).json()
    assert told == {"cast": 1, "shown": [said.split()[0] for said in ballot["answers"]]}
    assert admin.put(f"{path}/settings", json=settings | {"pairing": "adaptive"}).status_code == 400
    assert admin.put(f"{path}/settings", json=settings | {"per_minute": 0}).status_code == 422
    assert admin.put(f"{path}/settings", json=settings | {"question": "Which\u202e?"}).status_code == 400


def test_invitations_are_told_once_and_kept_as_hashes(api, ledger):
    path, admin = made(api, "Invites", voters="invited"), api(Scope.ADMIN)
    asked = {"json": {"count": 1}, "headers": {"Idempotency-Key": "x"}}
    first, again = (admin.post(f"{path}/invitations", **asked).json()["invitations"] for _ in range(2))
    [text] = first
    assert again is None
    with ledger.reading() as connection:
        everything = [
            str(row)
            for table in ("poll_invitations", "kept_answers")
            for row in connection.exec_driver_sql(f"select * from {table}")
        ]
    assert everything
    assert not any(text in row for row in everything)
    assert api(Scope.PLAY).get(f"{path}/ballot").status_code == 403


@pytest.mark.parametrize(
    ("scope", "status"), [(Scope.READ, 403), (Scope.PLAY, 403), (Scope.RUN, 403), (Scope.ADMIN, 200)]
)
def test_only_admins_change_polls(api, scope, status):
    path = made(api, f"Guarded {scope.value}")
    assert api(scope).post(f"{path}/state", json={"state": "closed"}).status_code == status


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("m=exec:./program", "llm:MODEL@URL"),
        ("m=llm:m@https://elsewhere.example/v1(key=PATH)", "sends elsewhere.example no such key"),
    ],
)
def test_models_that_cannot_be_asked_are_refused(api, endpoint, said):
    answer = api(Scope.ADMIN).post(
        "/polls",
        params={"name": "Models", "file": "answers.csv", "endpoint": endpoint},
        content=ANSWERS,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]
